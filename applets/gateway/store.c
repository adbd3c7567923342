/* SPDX-License-Identifier: MIT */
/* applets/gateway/store.c - which S3 store, and as whom. */
#include "applets/gateway/store.h"

#include <stdlib.h>
#include <string.h>

#include "applets/gateway/env.h"

enum { TEXT_MAX = 1 << 16, ID_MAX = 200 };

static const char *set_or(const char *variable, const char *standard)
{
	const char *value = getenv(variable);
	return value && *value ? value : standard;
}

bool store_credentials(struct fields *f, struct str body, struct str *raw)
{
	struct str value;
	bool ok = fields_get(f, body, "s3_credentials", JSON_OBJECT, raw);
	if (!ok || !raw->p)
		return ok;
	fields_enter(f, "s3_credentials");
	ok = fields_need(f, *raw, "access_key_id", JSON_STRING, &value) &&
	     fields_need(f, *raw, "secret_access_key", JSON_STRING, &value) &&
	     fields_get(f, *raw, "session_token", JSON_STRING, &value) &&
	     fields_get(f, *raw, "region", JSON_STRING, &value);
	if (ok && value.p) {
		struct buf text;
		buf_init(&text, TEXT_MAX);
		json_unquote(&text, value);
		if (str_trim(buf_str(&text)).n == 0) {
			fields_enter(f, "region");
			ok = fields_fail(f, "value_error",
				"Value error, it must not be blank");
			fields_leave(f);
		}
		buf_fini(&text);
	}
	fields_leave(f);
	return ok;
}

/* a member that was checked to be a string; NULL: absent, or no memory */
static const char *text_of(struct arena *a, struct str object, const char *key)
{
	struct str raw = json_member(object, key);
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return NULL;
	return fields_copy_trimmed(a, raw);
}

static const char *standard_region(void)
{
	return set_or("S3_DEFAULT_REGION",
		set_or("AWS_REGION",
			set_or("AWS_DEFAULT_REGION", "us-west-2")));
}

char **store_env(struct arena *a, struct str credentials, const char **why)
{
	const char *access = set_or("S3_ACCESS_KEY_ID", NULL);
	const char *secret = set_or("S3_SECRET_ACCESS_KEY", NULL);
	const char *token = set_or("S3_SESSION_TOKEN", NULL);
	const char *region = standard_region();
	struct env_change change[6] = {{"CORACLE_TOKEN", NULL}};
	size_t n = 1;
	*why = "out of memory";
	if (credentials.p) {
		const char *own = text_of(a, credentials, "region");
		access = text_of(a, credentials, "access_key_id");
		secret = text_of(a, credentials, "secret_access_key");
		token = text_of(a, credentials, "session_token");
		region = own ? own : region;
		if (!access || !secret)
			return NULL;
	} else if (getenv("MODAL_IS_REMOTE") && !(access && secret) &&
		   !set_or("AWS_ACCESS_KEY_ID", NULL) &&
		   !set_or("MODAL_IDENTITY_TOKEN", NULL)) {
		*why = "no credentials: neither s3_credentials in the request, "
		       "nor S3_ACCESS_KEY_ID, MODAL_IDENTITY_TOKEN or "
		       "AWS_ACCESS_KEY_ID in the environment";
		return NULL;
	}
	change[n++] = (struct env_change){"AWS_REGION", region};
	if (access && secret) {
		/* keys that somebody gave go before a role that is there */
		change[n++] = (struct env_change){"MODAL_IDENTITY_TOKEN", NULL};
		change[n++] = (struct env_change){"AWS_ACCESS_KEY_ID", access};
		change[n++] =
			(struct env_change){"AWS_SECRET_ACCESS_KEY", secret};
		change[n++] = (struct env_change){"AWS_SESSION_TOKEN", token};
	}
	return env_changed(a, change, n);
}

const char *store_bucket(void)
{
	return set_or("S3_SNAPSHOTS_BUCKET", "snapshots");
}

void store_prefix(struct buf *out)
{
	struct str prefix = str_of(set_or("S3_SNAPSHOTS_PREFIX", ""));
	while (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	buf_put_str(out, prefix);
	if (prefix.n)
		buf_putc(out, '/');
}

bool store_id_sound(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return id.n > 0 && id.n <= ID_MAX;
}

int store_status(struct str kind)
{
	if (kind.p && (json_str_is(kind, STR("not_found")) ||
			      json_str_is(kind, STR("denied")) ||
			      json_str_is(kind, STR("name"))))
		return 400;
	return kind.p && json_str_is(kind, STR("network")) ? 502 : 500;
}
