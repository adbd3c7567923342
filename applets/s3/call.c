/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/call.c - one call of the store: signed, sent, repeated.
 *
 * Repeated are what a store or a network may recover from: broken
 * connections, 5xx and 429, another region, a clock that is off, keys that
 * expired, and checksums that an old store does not know.
 */
#include "applets/s3/s3.h"

#include <errno.h>

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/fmt.h"
#include "net/http_date.h"
#include "net/retry.h"
#include "net/xml.h"

enum {
	CONNECT_MS = 10000,
	FIXES_MAX = 4, /* region, clock, keys, checksums */
};

void s3_conn_init(struct s3_conn *c, struct s3 *s3)
{
	*c = (struct s3_conn){.s3 = s3};
}

static void hang_up(struct s3_conn *c)
{
	if (c->open)
		http_client_close(&c->client);
	c->open = false;
}

void s3_conn_fini(struct s3_conn *c)
{
	hang_up(c);
}

bool s3_cancelled(const struct s3 *s3)
{
	return __atomic_load_n(&s3->cancel, __ATOMIC_RELAXED) != 0;
}

void s3_param(struct s3_call *call, const char *name, struct str value)
{
	call->params[call->nparams++] =
		(struct http_field){str_of(name), value};
}

void s3_field(struct s3_call *call, const char *name, struct str value)
{
	call->fields[call->nfields++] =
		(struct http_field){str_of(name), value};
}

void s3_signer(
	struct s3 *s3, const struct s3_keys *keys, struct sigv4_signer *signer)
{
	*signer = (struct sigv4_signer){.access = str_of(keys->access),
		.secret = str_of(keys->secret),
		.token = keys->token[0] ? str_of(keys->token)
					: (struct str){NULL, 0},
		.service = STR("s3")};
	pthread_mutex_lock(&s3->lock);
	sigv4_date(signer->date, clock_wall(NULL) + s3->skew_s);
	pthread_mutex_unlock(&s3->lock);
}

/* --------------------------------------------------------------- one try */

struct attempt {
	struct s3_conn *c;
	struct s3_call *call;
	struct http_field fields[S3_FIELDS_MAX + 8];
	size_t nfields;
	struct s3_keys keys;
	struct buf path, target, authorization;
	char host[URL_HOST_MAX + 1], authority[URL_HOST_MAX + 16];
	char region[S3_TEXT];
	char payload[HASH_HEX_SIZE];
	char sum[S3_TEXT], md5[S3_TEXT];
	struct s3_digest digest;
	struct s3_chunked chunked;
	char length[FMT_U64_MAX + 1]; /* of the body, when it is in pieces */
	char seed[HASH_HEX_SIZE];     /* the signature */
	struct sigv4_signer signer;
};

static void add(struct attempt *a, const char *name, struct str value)
{
	a->fields[a->nfields++] = (struct http_field){str_of(name), value};
}

static bool in_pieces(const struct attempt *a)
{
	return a->c->s3->o->chunked && a->call->sum && a->call->body.n > 0;
}

/* the fields of a body that goes out in pieces */
static void add_pieces(struct attempt *a)
{
	struct s3 *s3 = a->c->s3;
	const char *field = s3_sum_field(s3->checksum);
	s3_chunked_init(&a->chunked, a->call->body,
		!s3->tls && !s3->o->anonymous, field, a->sum);
	a->call->chunked = &a->chunked;
	fmt_str(a->length, sizeof(a->length), "%zu", a->call->body.n);
	add(a, "Content-Encoding", STR("aws-chunked"));
	add(a, "x-amz-decoded-content-length", str_of(a->length));
	if (a->sum[0])
		add(a, "x-amz-trailer", str_of(field));
	if (s3->o->anonymous)
		add(a, "x-amz-content-sha256",
			str_of(s3_chunked_payload(&a->chunked)));
}

static void add_sums(struct attempt *a)
{
	struct s3 *s3 = a->c->s3;
	struct str body = a->call->body;
	if (a->call->sum && s3->checksum != S3_SUM_NONE &&
		!__atomic_load_n(&s3->plain_puts, __ATOMIC_RELAXED)) {
		s3_digest_sum(&a->digest, a->sum);
		add(a, "x-amz-sdk-checksum-algorithm",
			str_of(s3_sum_name(s3->checksum)));
		if (!in_pieces(a))
			add(a, s3_sum_field(s3->checksum), str_of(a->sum));
	}
	if (a->call->md5) {
		unsigned char hash[HASH_MD5_SIZE];
		struct buf text;
		buf_init(&text, S3_TEXT);
		hash_md5(hash, body);
		base64_put(&text, str_from((const char *)hash, sizeof(hash)));
		fmt_str(a->md5, sizeof(a->md5), "%s", buf_cstr(&text));
		buf_fini(&text);
		add(a, "Content-MD5", str_of(a->md5));
	}
}

/* TLS keeps the body whole; without it the signature has to */
static struct str payload_of(struct attempt *a)
{
	if (!a->call->has_body || a->call->body.n == 0)
		return STR(SIGV4_EMPTY);
	if (a->call->chunked)
		return str_of(s3_chunked_payload(&a->chunked));
	if (a->c->s3->tls)
		return STR(SIGV4_UNSIGNED);
	s3_digest_payload(&a->digest, a->payload);
	return str_of(a->payload);
}

static int sign(struct attempt *a)
{
	struct sigv4_request r = {.method = str_of(a->call->method),
		.path = buf_str(&a->path),
		.params = a->call->params,
		.nparams = a->call->nparams,
		.payload = payload_of(a)};
	if (a->c->s3->o->anonymous)
		return 0;
	s3_signer(a->c->s3, &a->keys, &a->signer);
	a->signer.region = str_of(a->region);
	add(a, "x-amz-date", str_of(a->signer.date));
	add(a, "x-amz-content-sha256", r.payload);
	if (a->signer.token.p)
		add(a, "x-amz-security-token", a->signer.token);
	/* Host is written by the client, so it is no field of the call */
	a->fields[a->nfields] =
		(struct http_field){STR("host"), str_of(a->authority)};
	r.fields = a->fields;
	r.nfields = a->nfields + 1;
	int err = sigv4_authorize(&a->authorization, a->seed, &a->signer, &r);
	add(a, "Authorization", buf_str(&a->authorization));
	return err;
}

static int prepare(struct attempt *a)
{
	struct s3_call *call = a->call;
	for (size_t i = 0; i < call->nfields; i++)
		a->fields[a->nfields++] = call->fields[i];
	if (call->digest) {
		a->digest = *call->digest;
	} else {
		s3_digest_start(&a->digest, a->c->s3, in_pieces(a));
		s3_digest_more(&a->digest, call->body);
	}
	add_sums(a);
	call->chunked = NULL;
	if (in_pieces(a))
		add_pieces(a);
	s3_where(a->c->s3, call, a->host, a->authority, &a->path);
	pthread_mutex_lock(&a->c->s3->lock);
	memcpy(a->region, a->c->s3->region, sizeof(a->region));
	pthread_mutex_unlock(&a->c->s3->lock);
	sigv4_path(&a->target, buf_str(&a->path), false);
	if (call->nparams) {
		buf_putc(&a->target, '?');
		sigv4_query(&a->target, call->params, call->nparams);
	}
	int err = sign(a);
	add(a, "User-Agent", STR("coracle-s3"));
	return err ? err : a->path.err ? a->path.err : a->target.err;
}

static int on_head(void *owner, const struct http_head *head)
{
	struct s3_call *call = owner;
	return call->on_data && head->status >= 200 && head->status < 300;
}

static int on_data(void *owner, struct str data)
{
	struct s3_call *call = owner;
	return call->on_data(call->owner, data);
}

static ssize_t next_piece(void *owner, struct str *piece)
{
	struct s3_call *call = owner;
	return s3_chunked_next(call->chunked, piece);
}

static int connect_to(struct s3_conn *c, const char *host)
{
	struct s3 *s3 = c->s3;
	if (c->open && (strcmp(c->host, host) != 0 ||
			       stream_is_stale(&c->client.stream)))
		hang_up(c);
	if (c->open)
		return 0;
	struct http_client_to to = {.host = host,
		.port = s3->port,
		.tls = s3->tls ? s3->tls_context : NULL,
		.connect_ms = CONNECT_MS,
		.idle_ms = s3->o->timeout_s * 1000,
		.cancel = &s3->cancel};
	int r = http_client_open(&c->client, &to);
	c->open = true;
	fmt_str(c->host, sizeof(c->host), "%s", host);
	return r;
}

/* one request on the connection that is open */
static int send_and_wait(struct attempt *a)
{
	if (a->call->chunked)
		s3_chunked_start(&a->chunked, &a->signer, a->seed);
	return http_client_call(&a->c->client, &a->call->http);
}

static int exchange(struct attempt *a)
{
	struct s3_call *call = a->call;
	struct s3_conn *c = a->c;
	call->http = (struct http_client_call){.method = call->method,
		.target = buf_cstr(&a->target),
		.host = a->authority,
		.fields = a->fields,
		.nfields = a->nfields,
		.body = call->has_body ? call->body : (struct str){NULL, 0},
		.keep_alive = true,
		.on_head = on_head,
		.on_data = on_data,
		.owner = call,
		.content_max = S3_PAGE_MAX};
	if (call->chunked) {
		call->http.next_body = next_piece;
		call->http.body_length =
			(int64_t)s3_chunked_length(call->chunked);
	}
	bool reused = c->open;
	int r = connect_to(c, a->host);
	if (r == 0) {
		r = send_and_wait(a);
		/* it was closed under us: that is no failure of the store */
		if (r < 0 && reused && !c->client.answered && r != -ECANCELED &&
			r != -ETIMEDOUT) {
			http_client_call_fini(&call->http);
			hang_up(c);
			r = connect_to(c, a->host);
			if (r == 0)
				r = send_and_wait(a);
		}
	}
	return r;
}

/* 0 with an answer, or -errno with call->error filled */
static int once(struct s3_conn *c, struct s3_call *call)
{
	struct attempt a = {.c = c, .call = call};
	int r = -EACCES;
	call->error[0] = '\0';
	call->http = (struct http_client_call){0};
	if (!c->s3->o->anonymous && !s3_keys_get(c->s3, &a.keys, call->error))
		return r;
	buf_init(&a.path, URL_MAX);
	buf_init(&a.target, 3 * URL_MAX);
	buf_init(&a.authorization, URL_MAX);
	r = prepare(&a);
	if (r == 0)
		r = exchange(&a);
	if (r < 0)
		s3_fault_errno(call, &c->client, r);
	if (r < 0 || !c->client.reusable)
		hang_up(c);
	buf_fini(&a.path);
	buf_fini(&a.target);
	buf_fini(&a.authorization);
	return r;
}

/* -------------------------------------------------------- what can be mended */

static bool set_region(struct s3 *s3, struct str region)
{
	bool changed = false;
	if (region.n == 0 || region.n >= S3_TEXT)
		return false;
	pthread_mutex_lock(&s3->lock);
	if (!str_is(region, s3->region)) {
		fmt_str(s3->region, sizeof(s3->region), "%.*s",
			STR_FMT(region));
		changed = true;
	}
	pthread_mutex_unlock(&s3->lock);
	return changed;
}

/* 301, 307 and 400 name the region of a bucket that is elsewhere */
static bool mend_region(struct s3 *s3, const struct s3_call *call)
{
	struct str named = http_field(&call->http.head, "x-amz-bucket-region");
	struct buf text;
	int status = call->http.head.status;
	if (status != 301 && status != 302 && status != 307 && status != 400 &&
		status != 403)
		return false;
	if (named.p)
		return set_region(s3, named);
	buf_init(&text, S3_TEXT);
	bool mended =
		xml_get(buf_str(&call->http.content), "Error/Region", &text) &&
		set_region(s3, buf_str(&text));
	buf_fini(&text);
	return mended;
}

static bool mend_clock(struct s3 *s3, const struct s3_call *call)
{
	int64_t theirs;
	struct str date = http_field(&call->http.head, "Date");
	if (strcmp(call->code, "RequestTimeTooSkewed") != 0 || !date.p ||
		!http_date_read(date, &theirs))
		return false;
	pthread_mutex_lock(&s3->lock);
	s3->skew_s = theirs - clock_wall(NULL);
	pthread_mutex_unlock(&s3->lock);
	return true;
}

static bool mend_keys(struct s3 *s3, const struct s3_call *call)
{
	if (strcmp(call->code, "ExpiredToken") != 0 || s3->keys.expires == 0)
		return false;
	s3_keys_forget(s3);
	return true;
}

/* a store of before checksums: do without */
static bool mend_sums(struct s3 *s3, const struct s3_call *call)
{
	int status = call->http.head.status;
	if (!call->sum || !s3->custom || s3->checksum == S3_SUM_NONE ||
		(status != 400 && status != 501) ||
		strcmp(call->code, "BadDigest") == 0)
		return false;
	return !__atomic_exchange_n(&s3->plain_puts, true, __ATOMIC_RELAXED);
}

static bool may_repeat(const struct s3_call *call, enum s3_result result)
{
	static const char *const codes[] = {"RequestTimeout", "SlowDown",
		"InternalError", "ServiceUnavailable", "OperationAborted"};
	if (result == S3_OK)
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i], call->code) == 0)
			return true;
	return retry_status(call->http.head.status);
}

/* is a 2xx answer an error all the same? copies and completions may be */
static enum s3_result judge(struct s3_call *call)
{
	int status = call->http.head.status;
	struct buf code;
	if (status < 200 || status > 299)
		return s3_fault(call);
	if (call->on_data || call->http.content.n == 0)
		return S3_OK;
	buf_init(&code, S3_TEXT);
	bool error = xml_get(buf_str(&call->http.content), "Error/Code", &code);
	buf_fini(&code);
	return error ? s3_fault(call) : S3_OK;
}

enum s3_result s3_call(struct s3_conn *c, struct s3_call *call)
{
	struct s3 *s3 = c->s3;
	unsigned left =
		call->tries ? call->tries - 1 : (unsigned)s3->o->retries;
	unsigned fixes = FIXES_MAX;
	for (unsigned attempt = 1;; attempt++) {
		int r = once(c, call);
		enum s3_result result = S3_NETWORK;
		if (r == 0)
			result = judge(call);
		else if (r == -EACCES)
			result = S3_DENIED;
		if (result == S3_OK || s3_cancelled(s3))
			return result;
		bool mended =
			r == 0 && fixes &&
			(mend_region(s3, call) || mend_clock(s3, call) ||
				mend_keys(s3, call) || mend_sums(s3, call));
		bool again = r == 0 ? may_repeat(call, result)
				    : retry_errno(r) || r == -EPROTO;
		if (!mended && (!again || left == 0))
			return result;
		fixes -= mended;
		left -= !mended;
		if (call->on_restart)
			call->on_restart(call->owner);
		uint64_t ms = retry_wait_ms(
			attempt, r == 0 ? &call->http.head : NULL);
		http_client_call_fini(&call->http);
		if (!mended && !retry_sleep(ms, &s3->cancel))
			return result;
	}
}

void s3_call_fini(struct s3_call *call)
{
	http_client_call_fini(&call->http);
}
