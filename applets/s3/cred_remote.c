/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/cred_remote.c - keys for a while, from those who hand them out.
 *
 * input: untrusted
 */
#include "applets/s3/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "net/http_date.h"
#include "net/xml.h"

enum {
	ANSWER_MAX = 1 << 18,
	LOCAL_MS = 1000, /* what is on this machine or link answers soon */
	STS_MS = 20000,
	ROLE_MAX = 256,
};

struct request {
	const char *method;
	const char *url;
	struct http_field field; /* name.n == 0: none */
	uint64_t timeout_ms;
	struct tls_context *tls;
};

/* the status, with the body in out, or a negative errno */
static int fetch(const struct request *q, struct buf *out)
{
	struct url u;
	struct http_client client;
	char host[URL_HOST_MAX + 1], authority[URL_HOST_MAX + 16];
	struct buf target;
	if (url_read(&u, str_of(q->url)))
		return -EINVAL;
	fmt_str(host, sizeof(host), "%.*s", STR_FMT(u.host));
	fmt_str(authority, sizeof(authority), "%.*s", STR_FMT(u.authority));
	buf_init(&target, URL_MAX + 1);
	url_put_target(&target, &u);
	struct http_client_to to = {.host = host,
		.port = u.port,
		.tls = u.tls ? q->tls : NULL,
		.deadline_ms = clock_ms() + q->timeout_ms};
	struct http_client_call call = {.method = q->method,
		.target = buf_cstr(&target),
		.host = authority,
		.fields = &q->field,
		.nfields = q->field.name.n ? 1 : 0,
		.body = strcmp(q->method, "GET") == 0 ? (struct str){NULL, 0}
						      : STR(""),
		.content_max = ANSWER_MAX};
	int r = u.tls && !q->tls ? -EPROTONOSUPPORT
				 : http_client_open(&client, &to);
	if (u.tls && !q->tls) {
		buf_fini(&target);
		return r;
	}
	if (r == 0) {
		r = http_client_call(&client, &call);
		if (r == 0)
			r = call.head.status;
		buf_reset(out);
		buf_put_str(out, buf_str(&call.content));
		http_client_call_fini(&call);
	}
	http_client_close(&client);
	buf_fini(&target);
	return r;
}

static bool take_text(struct str raw, char *dst, size_t size)
{
	struct buf text;
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return false;
	buf_init(&text, ANSWER_MAX);
	json_unquote(&text, raw);
	bool ok = !text.err && text.n > 0 && text.n < size;
	if (ok)
		fmt_str(dst, size, "%s", buf_cstr(&text));
	buf_fini(&text);
	return ok;
}

/* {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"} */
static bool from_json(struct str text, struct s3_keys *k)
{
	static const char *const names[] = {
		"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
	struct str value[4];
	char date[S3_TEXT];
	size_t offset;
	if (json_check(text, &offset) != JSON_OK ||
		!json_pick(str_trim(text), names, value, 4) ||
		!take_text(value[0], k->access, sizeof(k->access)) ||
		!take_text(value[1], k->secret, sizeof(k->secret)))
		return false;
	if (value[2].p && !take_text(value[2], k->token, sizeof(k->token)))
		return false;
	if (take_text(value[3], date, sizeof(date)))
		(void)http_date_read_iso(str_of(date), &k->expires);
	return true;
}

static int complain(char *why, const char *url, int r)
{
	if (r > 0)
		fmt_str(why, S3_ERROR_SIZE, "credentials from %s: status %d",
			url, r);
	else
		fmt_str(why, S3_ERROR_SIZE, "credentials from %s: %s", url,
			r ? strerror(-r) : "they are not understood");
	return -1;
}

/* the first line of a file */
static bool read_line(const char *file, struct buf *out)
{
	if (file_read(AT_FDCWD, file, out) < 0)
		return false;
	struct str line = buf_str(out);
	line = str_trim(str_first(line, str_index(line, '\n')));
	buf_consume(out, (size_t)(line.p - buf_str(out).p));
	out->n = line.n;
	return line.n > 0;
}

static int from_container(struct s3_keys *k, char *why)
{
	char url[URL_MAX];
	struct buf token, answer;
	const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *text = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	const char *file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	if (relative && *relative)
		fmt_str(url, sizeof(url), "http://169.254.170.2%s", relative);
	else if (full && *full)
		fmt_str(url, sizeof(url), "%s", full);
	else
		return 0;
	buf_init(&token, S3_TOKEN_MAX);
	buf_init(&answer, ANSWER_MAX);
	if (file && *file && !read_line(file, &token)) {
		fmt_str(why, S3_ERROR_SIZE, "%s: no token in it", file);
		buf_fini(&token);
		return -1;
	}
	if (!(file && *file) && text)
		buf_puts(&token, text);
	struct request q = {
		.method = "GET", .url = url, .timeout_ms = 2 * LOCAL_MS};
	if (token.n)
		q.field = (struct http_field){
			STR("Authorization"), buf_str(&token)};
	int r = fetch(&q, &answer);
	bool ok = r == 200 && from_json(buf_str(&answer), k);
	buf_fini(&token);
	buf_fini(&answer);
	return ok ? 1 : complain(why, url, r == 200 ? 0 : r);
}

/* IMDSv2: a token first, then the role, then its keys */
static int from_instance(struct s3_keys *k, char *why)
{
	static const char path[] = "/latest/meta-data/iam/security-credentials";
	char url[URL_MAX], role[ROLE_MAX];
	struct buf token, answer;
	const char *off = getenv("AWS_EC2_METADATA_DISABLED");
	const char *base = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	if (off && str_eq_nocase(str_of(off), STR("true")))
		return 0;
	if (!base || !*base)
		base = "http://169.254.169.254";
	struct str root = str_of(base);
	if (str_ends(root, STR("/")))
		root.n--;
	buf_init(&token, S3_TOKEN_MAX);
	buf_init(&answer, ANSWER_MAX);
	fmt_str(url, sizeof(url), "%.*s/latest/api/token", STR_FMT(root));
	struct request q = {.method = "PUT",
		.url = url,
		.timeout_ms = LOCAL_MS,
		.field = {STR("X-aws-ec2-metadata-token-ttl-seconds"),
			STR("21600")}};
	int found = fetch(&q, &token) == 200 && token.n ? 1 : 0;
	q.method = "GET";
	q.field = (struct http_field){
		STR("X-aws-ec2-metadata-token"), buf_str(&token)};
	if (found) {
		fmt_str(url, sizeof(url), "%.*s%s/", STR_FMT(root), path);
		found = fetch(&q, &answer) == 200 && answer.n ? 1 : 0;
	}
	if (found) {
		struct str name = buf_str(&answer);
		name = str_trim(str_first(name, str_index(name, '\n')));
		fmt_str(role, sizeof(role), "%.*s", STR_FMT(name));
		fmt_str(url, sizeof(url), "%.*s%s/%s", STR_FMT(root), path,
			role);
		int r = fetch(&q, &answer);
		if (r != 200 || !from_json(buf_str(&answer), k))
			found = complain(why, url, r == 200 ? 0 : r);
	}
	buf_fini(&token);
	buf_fini(&answer);
	return found;
}

static bool take_element(
	struct str xml, const char *name, char *dst, size_t size)
{
	char path[S3_TEXT];
	struct buf text;
	buf_init(&text, ANSWER_MAX);
	fmt_str(path, sizeof(path),
		"AssumeRoleWithWebIdentityResponse/"
		"AssumeRoleWithWebIdentityResult/Credentials/%s",
		name);
	bool ok = xml_get(xml, path, &text) && text.n > 0 && text.n < size;
	if (ok)
		fmt_str(dst, size, "%s", buf_cstr(&text));
	buf_fini(&text);
	return ok;
}

static bool from_sts(struct str xml, struct s3_keys *k)
{
	char date[S3_TEXT];
	if (!take_element(xml, "AccessKeyId", k->access, sizeof(k->access)) ||
		!take_element(
			xml, "SecretAccessKey", k->secret, sizeof(k->secret)) ||
		!take_element(xml, "SessionToken", k->token, sizeof(k->token)))
		return false;
	if (take_element(xml, "Expiration", date, sizeof(date)))
		(void)http_date_read_iso(str_of(date), &k->expires);
	return true;
}

/* modal: as Modal's sandboxes name token and role, the token itself at hand */
static int from_web_identity(
	struct s3 *s3, struct s3_keys *k, bool modal, char *why)
{
	const char *file = getenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = getenv("AWS_ROLE_ARN");
	const char *session = getenv("AWS_ROLE_SESSION_NAME");
	const char *here = modal ? getenv("MODAL_IDENTITY_TOKEN") : NULL;
	const char *given = getenv("AWS_ENDPOINT_URL_STS");
	char base[URL_HOST_MAX];
	struct buf token, url, answer;
	if (modal) {
		role = getenv("MODAL_OIDC_ROLE_ARN");
		session = "modal-oidc-environment";
		file = here;
	}
	if (!file || !*file || !role || !*role)
		return 0;
	buf_init(&token, S3_TOKEN_MAX);
	buf_init(&url, URL_MAX);
	buf_init(&answer, ANSWER_MAX);
	if (here) {
		buf_puts(&token, here);
	} else if (!read_line(file, &token)) {
		fmt_str(why, S3_ERROR_SIZE, "%s: no token in it", file);
		buf_fini(&token);
		return -1;
	}
	if (given && *given)
		fmt_str(base, sizeof(base), "%s", given);
	else
		fmt_str(base, sizeof(base), "https://sts.%s.amazonaws.com",
			s3->region);
	const struct http_field params[] = {
		{STR("Action"), STR("AssumeRoleWithWebIdentity")},
		{STR("Version"), STR("2011-06-15")},
		{STR("RoleArn"), str_of(role)},
		{STR("RoleSessionName"),
			str_of(session && *session ? session : "coracle")},
		{STR("WebIdentityToken"), buf_str(&token)}};
	buf_putf(&url, "%s/?", base);
	sigv4_query(&url, params, 5);
	struct request q = {.method = "GET",
		.url = buf_cstr(&url),
		.timeout_ms = STS_MS,
		.tls = s3->tls_context};
	int r = url.err ? url.err : fetch(&q, &answer);
	bool ok = r == 200 && from_sts(buf_str(&answer), k);
	buf_fini(&token);
	buf_fini(&url);
	buf_fini(&answer);
	return ok ? 1 : complain(why, base, r == 200 ? 0 : r);
}

int s3_keys_remote(struct s3 *s3, struct s3_keys *keys, char *why)
{
	int r = from_web_identity(s3, keys, false, why);
	if (r == 0)
		r = from_container(keys, why);
	if (r == 0)
		r = from_instance(keys, why);
	return r;
}

int s3_keys_modal(struct s3 *s3, struct s3_keys *keys, char *why)
{
	return from_web_identity(s3, keys, true, why);
}
