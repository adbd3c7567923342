/* SPDX-License-Identifier: MIT */
/* applets/s3/endpoint.c - which store, and where in it a bucket is. */
#include "applets/s3/s3.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/applet.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"

static const char *first_set(const char *a, const char *b, const char *c)
{
	if (a && *a)
		return a;
	if (b && *b)
		return b;
	return c && *c ? c : NULL;
}

static void set_custom(struct s3 *s3, const char *text)
{
	struct url u;
	const char *why = url_read(&u, str_of(text));
	if (why)
		die_usage("endpoint '%s': %s", text, why);
	s3->custom = true;
	s3->tls = u.tls;
	s3->port = u.port;
	fmt_str(s3->host, sizeof(s3->host), "%.*s", STR_FMT(u.host));
	fmt_str(s3->authority, sizeof(s3->authority), "%.*s%s", STR_FMT(u.host),
		"");
	if (u.host.n && str_index(u.host, ':') < u.host.n)
		fmt_str(s3->authority, sizeof(s3->authority), "[%.*s]",
			STR_FMT(u.host));
	s3->base = str_first(u.target, str_index(u.target, '?'));
	while (s3->base.n && s3->base.p[s3->base.n - 1] == '/')
		s3->base.n--;
	s3->path_style = !s3->o->virtual_host;
}

static void trust(struct s3 *s3)
{
	const char *name = NULL;
	s3->tls_context = tls_context_new();
	if (!s3->tls_context)
		die(S3_FAILED, "out of memory");
	if (s3->o->insecure) {
		tls_context_trust_all(s3->tls_context);
		return;
	}
	int r = tls_context_trust(s3->tls_context, s3->o->ca_file, &name);
	if (r < 0)
		die(S3_FAILED, "%s: %s", name,
			r == -EINVAL ? "no certificate of an authority"
				     : strerror(-r));
}

static enum s3_checksum checksum_of(const char *name)
{
	for (int i = S3_SUM_NONE; i <= S3_SUM_SHA256; i++)
		if (str_eq_nocase(str_of(name),
			    str_of(s3_sum_name((enum s3_checksum)i))))
			return (enum s3_checksum)i;
	die_usage("--checksum wants none, crc32, crc32c, crc64nvme or sha256, "
		  "not '%s'",
		name);
}

void s3_setup(struct s3 *s3, const struct s3_options *o)
{
	static char from_profile[URL_MAX];
	*s3 = (struct s3){.o = o, .tls = true, .port = 443};
	pthread_mutex_init(&s3->lock, NULL);
	const char *endpoint = first_set(o->endpoint,
		getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"));
	const char *ignore = getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	if (!o->endpoint && ignore && strcmp(ignore, "true") == 0)
		endpoint = NULL;
	else if (!endpoint && s3_profile_get(o, "endpoint_url", from_profile,
				      sizeof(from_profile)))
		endpoint = from_profile;
	const char *region = first_set(
		o->region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"));
	if (region)
		fmt_str(s3->region, sizeof(s3->region), "%s", region);
	else if (!s3_profile_get(o, "region", s3->region, sizeof(s3->region)))
		fmt_str(s3->region, sizeof(s3->region), "us-east-1");
	if (endpoint)
		set_custom(s3, endpoint);
	if (o->path_style)
		s3->path_style = true;
	s3->checksum = checksum_of(o->checksum);
	if (s3->tls)
		trust(s3);
}

void s3_fini(struct s3 *s3)
{
	tls_context_free(s3->tls_context);
	buf_fini(&s3->url);
	pthread_mutex_destroy(&s3->lock);
}

/* may it stand in a host name, below a certificate's one level? */
static bool dns_name(struct str bucket)
{
	for (size_t i = 0; i < bucket.n; i++) {
		char c = bucket.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '-'))
			return false;
	}
	return bucket.n >= 3 && bucket.n <= 63;
}

void s3_where(struct s3 *s3, const struct s3_call *call,
	char host[URL_HOST_MAX + 1], char authority[URL_HOST_MAX + 16],
	struct buf *path)
{
	bool sub = call->bucket.p && !s3->path_style && dns_name(call->bucket);
	char server[URL_HOST_MAX + 1];
	pthread_mutex_lock(&s3->lock);
	if (s3->custom)
		fmt_str(server, sizeof(server), "%s", s3->host);
	else
		fmt_str(server, sizeof(server), "s3.%s.amazonaws.com%s",
			s3->region,
			strncmp(s3->region, "cn-", 3) == 0 ? ".cn" : "");
	pthread_mutex_unlock(&s3->lock);
	if (sub)
		fmt_str(host, URL_HOST_MAX + 1, "%.*s.%s",
			STR_FMT(call->bucket), server);
	else
		fmt_str(host, URL_HOST_MAX + 1, "%s", server);
	const char *named = s3->custom && !sub ? s3->authority : host;
	if (s3->port == (s3->tls ? 443 : 80))
		fmt_str(authority, URL_HOST_MAX + 16, "%s", named);
	else
		fmt_str(authority, URL_HOST_MAX + 16, "%s:%u", named, s3->port);
	buf_put_str(path, s3->base);
	buf_putc(path, '/');
	if (call->bucket.p && !sub) {
		buf_put_str(path, call->bucket);
		if (call->key.p)
			buf_putc(path, '/');
	}
	if (call->key.p)
		buf_put_str(path, call->key);
}
