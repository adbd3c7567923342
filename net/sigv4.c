/* SPDX-License-Identifier: MIT */
/* net/sigv4.c - AWS Signature Version 4. */
#include "net/sigv4.h"

#include <errno.h>
#include <time.h>

#include "lib/fmt.h"
#include "lib/size.h"

enum {
	CANONICAL_MAX = 1 << 18,
	STRING_MAX = 1024,
	SCOPE_MAX = 256,
	DAY_LEN = 8, /* of a date */
};

void sigv4_date(char date[SIGV4_DATE_SIZE], int64_t seconds)
{
	struct tm tm;
	time_t t = (time_t)seconds;
	gmtime_r(&t, &tm);
	fmt_str(date, SIGV4_DATE_SIZE, "%04d%02d%02dT%02d%02d%02dZ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec);
}

/* --------------------------------------------------------------- encoding */

static bool unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void sigv4_encode(struct buf *out, struct str text, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
		if (unreserved(text.p[i]) || (c == '/' && keep_slash))
			buf_putc(out, text.p[i]);
		else
			buf_put(out, escape, sizeof(escape));
	}
}

/* the last segment of what was written behind `from` goes */
static void drop_segment(struct buf *out, size_t from)
{
	while (out->n > from && *buf_at(out, out->n - 1) != '/')
		out->n--;
	if (out->n > from)
		out->n--;
}

/* RFC 3986 section 5.2.4, and no empty segments */
static void put_normalised(struct buf *out, struct str path)
{
	size_t from = out->n;
	bool directory = path.n == 0;
	struct str rest = path;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		directory =
			part.n == 0 || str_is(part, ".") || str_is(part, "..");
		if (str_is(part, "..")) {
			drop_segment(out, from);
		} else if (!directory) {
			buf_putc(out, '/');
			sigv4_encode(out, part, false);
		}
	}
	if (directory)
		buf_putc(out, '/');
}

void sigv4_path(struct buf *out, struct str path, bool normalise)
{
	if (normalise) {
		put_normalised(out, path);
		return;
	}
	if (path.n == 0 || path.p[0] != '/')
		buf_putc(out, '/');
	sigv4_encode(out, path, true);
}

/* ---------------------------------------------------------------- in order */

static int compare(struct str a, struct str b)
{
	size_t n = size_min(a.n, b.n);
	int r = n ? memcmp(a.p, b.p, n) : 0;
	if (r)
		return r;
	return a.n < b.n ? -1 : a.n > b.n;
}

static bool before(
	const struct http_field *a, const struct http_field *b, bool by_value)
{
	int r = compare(a->name, b->name);
	if (r == 0 && by_value)
		r = compare(a->value, b->value);
	return r < 0;
}

/* insertion sort: few of them, and equal ones keep their order */
static void sort(struct http_field *v, size_t n, bool by_value)
{
	for (size_t i = 1; i < n; i++) {
		struct http_field field = v[i];
		size_t at = i;
		for (; at && before(&field, &v[at - 1], by_value); at--)
			v[at] = v[at - 1];
		v[at] = field;
	}
}

/* the n-th part between NULs: how both lists below are kept while sorted */
static struct str next_part(struct str *rest)
{
	return str_cut(rest, '\0');
}

void sigv4_query(
	struct buf *out, const struct http_field *params, size_t nparams)
{
	struct http_field sorted[SIGV4_PARAMS_MAX];
	struct buf text;
	if (nparams > SIGV4_PARAMS_MAX) {
		out->err = -E2BIG;
		return;
	}
	buf_init(&text, CANONICAL_MAX);
	for (size_t i = 0; i < nparams; i++) {
		sigv4_encode(&text, params[i].name, false);
		buf_putc(&text, '\0');
		sigv4_encode(&text, params[i].value, false);
		buf_putc(&text, '\0');
	}
	if (text.err)
		out->err = text.err;
	struct str rest = buf_str(&text);
	for (size_t i = 0; i < nparams && !text.err; i++) {
		sorted[i].name = next_part(&rest);
		sorted[i].value = next_part(&rest);
	}
	if (!text.err)
		sort(sorted, nparams, true);
	for (size_t i = 0; i < nparams && !text.err; i++) {
		if (i)
			buf_putc(out, '&');
		buf_put_str(out, sorted[i].name);
		buf_putc(out, '=');
		buf_put_str(out, sorted[i].value);
	}
	buf_fini(&text);
}

/* fields with names in lower case, in order; names holds them meanwhile */
static bool sort_fields(struct http_field sorted[SIGV4_FIELDS_MAX],
	struct buf *names, const struct sigv4_request *r)
{
	if (r->nfields > SIGV4_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < r->nfields; i++) {
		struct str name = r->fields[i].name;
		for (size_t k = 0; k < name.n; k++) {
			char c = name.p[k];
			bool upper = c >= 'A' && c <= 'Z';
			buf_putc(names, upper ? (char)(c - 'A' + 'a') : c);
		}
		buf_putc(names, '\0');
	}
	if (names->err)
		return false;
	struct str rest = buf_str(names);
	for (size_t i = 0; i < r->nfields; i++) {
		sorted[i].name = next_part(&rest);
		sorted[i].value = r->fields[i].value;
	}
	sort(sorted, r->nfields, false);
	return true;
}

/* trimmed, and each run of blanks as one space */
static void put_value(struct buf *out, struct str value)
{
	bool gap = false;
	value = str_trim(value);
	for (size_t i = 0; i < value.n; i++) {
		bool blank = value.p[i] == ' ' || value.p[i] == '\t';
		if (!blank)
			buf_putc(out, value.p[i]);
		else if (!gap)
			buf_putc(out, ' ');
		gap = blank;
	}
}

static void put_fields(struct buf *out, const struct http_field *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i && str_eq(v[i].name, v[i - 1].name)) {
			buf_putc(out, ',');
		} else {
			if (i)
				buf_putc(out, '\n');
			buf_put_str(out, v[i].name);
			buf_putc(out, ':');
		}
		put_value(out, v[i].value);
	}
	if (n)
		buf_putc(out, '\n');
}

static void put_names(struct buf *out, const struct http_field *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i && str_eq(v[i].name, v[i - 1].name))
			continue;
		if (i)
			buf_putc(out, ';');
		buf_put_str(out, v[i].name);
	}
}

void sigv4_signed_names(struct buf *out, const struct sigv4_request *r)
{
	struct http_field sorted[SIGV4_FIELDS_MAX];
	struct buf names;
	buf_init(&names, CANONICAL_MAX);
	if (sort_fields(sorted, &names, r))
		put_names(out, sorted, r->nfields);
	else
		out->err = -E2BIG;
	buf_fini(&names);
}

/* ------------------------------------------------------------- the steps */

void sigv4_canonical(struct buf *out, const struct sigv4_request *r)
{
	struct http_field sorted[SIGV4_FIELDS_MAX];
	struct buf names;
	buf_init(&names, CANONICAL_MAX);
	if (!sort_fields(sorted, &names, r)) {
		out->err = -E2BIG;
		buf_fini(&names);
		return;
	}
	buf_put_str(out, r->method);
	buf_putc(out, '\n');
	sigv4_path(out, r->path, r->normalise);
	buf_putc(out, '\n');
	sigv4_query(out, r->params, r->nparams);
	buf_putc(out, '\n');
	put_fields(out, sorted, r->nfields);
	buf_putc(out, '\n');
	put_names(out, sorted, r->nfields);
	buf_putc(out, '\n');
	buf_put_str(out, r->payload);
	buf_fini(&names);
}

static void put_scope(struct buf *out, const struct sigv4_signer *s)
{
	buf_put(out, s->date, DAY_LEN);
	buf_putc(out, '/');
	buf_put_str(out, s->region);
	buf_putc(out, '/');
	buf_put_str(out, s->service);
	buf_puts(out, "/aws4_request");
}

static void put_hash(struct buf *out, struct str data)
{
	unsigned char hash[HASH_SHA256_SIZE];
	char hex[HASH_HEX_SIZE];
	hash_sha256(hash, data);
	hash_hex(hex, hash, sizeof(hash));
	buf_puts(out, hex);
}

static void put_head(
	struct buf *out, const char *algorithm, const struct sigv4_signer *s)
{
	buf_putf(out, "%s\n%s\n", algorithm, s->date);
	put_scope(out, s);
	buf_putc(out, '\n');
}

void sigv4_string_to_sign(
	struct buf *out, const struct sigv4_signer *s, struct str canonical)
{
	put_head(out, "AWS4-HMAC-SHA256", s);
	put_hash(out, canonical);
}

void sigv4_key(
	unsigned char key[HASH_SHA256_SIZE], const struct sigv4_signer *s)
{
	struct str so_far = {(const char *)key, HASH_SHA256_SIZE};
	struct buf first;
	buf_init(&first, STRING_MAX);
	buf_puts(&first, "AWS4");
	buf_put_str(&first, s->secret);
	hash_hmac(key, buf_str(&first), str_from(s->date, DAY_LEN));
	hash_hmac(key, so_far, s->region);
	hash_hmac(key, so_far, s->service);
	hash_hmac(key, so_far, STR("aws4_request"));
	buf_fini(&first);
}

void sigv4_sign(char hex[HASH_HEX_SIZE], const struct sigv4_signer *s,
	struct str string_to_sign)
{
	unsigned char key[HASH_SHA256_SIZE];
	unsigned char mac[HASH_SHA256_SIZE];
	sigv4_key(key, s);
	hash_hmac(
		mac, str_from((const char *)key, sizeof(key)), string_to_sign);
	hash_hex(hex, mac, sizeof(mac));
}

/* canonical request, string to sign, signature */
static int sign_request(char hex[HASH_HEX_SIZE], const struct sigv4_signer *s,
	const struct sigv4_request *r)
{
	struct buf canonical, string;
	buf_init(&canonical, CANONICAL_MAX);
	buf_init(&string, STRING_MAX);
	sigv4_canonical(&canonical, r);
	sigv4_string_to_sign(&string, s, buf_str(&canonical));
	sigv4_sign(hex, s, buf_str(&string));
	int err = canonical.err ? canonical.err : string.err;
	buf_fini(&canonical);
	buf_fini(&string);
	return err;
}

int sigv4_authorize(struct buf *out, char hex[HASH_HEX_SIZE],
	const struct sigv4_signer *s, const struct sigv4_request *r)
{
	int err = sign_request(hex, s, r);
	if (err)
		return err;
	buf_puts(out, "AWS4-HMAC-SHA256 Credential=");
	buf_put_str(out, s->access);
	buf_putc(out, '/');
	put_scope(out, s);
	buf_puts(out, ", SignedHeaders=");
	sigv4_signed_names(out, r);
	buf_puts(out, ", Signature=");
	buf_puts(out, hex);
	return out->err;
}

int sigv4_presign(struct buf *out, const struct sigv4_signer *s,
	const struct sigv4_request *r, uint64_t expires_s)
{
	struct http_field params[SIGV4_PARAMS_MAX];
	struct sigv4_request all = *r;
	struct buf credential, names;
	char hex[HASH_HEX_SIZE];
	char digits[FMT_U64_MAX];
	size_t n = r->nparams;
	if (n + 6 > SIGV4_PARAMS_MAX)
		return -E2BIG;
	buf_init(&credential, STRING_MAX);
	buf_init(&names, CANONICAL_MAX);
	buf_put_str(&credential, s->access);
	buf_putc(&credential, '/');
	put_scope(&credential, s);
	sigv4_signed_names(&names, r);
	if (n)
		memcpy(params, r->params, n * sizeof(*params));
	params[n++] = (struct http_field){
		STR("X-Amz-Algorithm"), STR("AWS4-HMAC-SHA256")};
	params[n++] = (struct http_field){
		STR("X-Amz-Credential"), buf_str(&credential)};
	params[n++] = (struct http_field){
		STR("X-Amz-Date"), str_from(s->date, SIGV4_DATE_SIZE - 1)};
	params[n++] = (struct http_field){STR("X-Amz-Expires"),
		str_from(digits, fmt_u64(digits, expires_s))};
	params[n++] = (struct http_field){
		STR("X-Amz-SignedHeaders"), buf_str(&names)};
	if (s->token.p)
		params[n++] = (struct http_field){
			STR("X-Amz-Security-Token"), s->token};
	all.params = params;
	all.nparams = n;
	int err = credential.err ? credential.err : names.err;
	if (!err)
		err = sign_request(hex, s, &all);
	sigv4_query(out, params, n);
	buf_puts(out, "&X-Amz-Signature=");
	buf_puts(out, hex);
	buf_fini(&credential);
	buf_fini(&names);
	return err ? err : out->err;
}

/* ------------------------------------------------------------ aws-chunked */

void sigv4_chunk(
	char hex[HASH_HEX_SIZE], const struct sigv4_signer *s, struct str chunk)
{
	struct buf string;
	buf_init(&string, STRING_MAX);
	put_head(&string, "AWS4-HMAC-SHA256-PAYLOAD", s);
	buf_putf(&string, "%s\n" SIGV4_EMPTY "\n", hex);
	put_hash(&string, chunk);
	sigv4_sign(hex, s, buf_str(&string));
	buf_fini(&string);
}

void sigv4_trailer(
	char hex[HASH_HEX_SIZE], const struct sigv4_signer *s, struct str lines)
{
	struct buf string;
	buf_init(&string, STRING_MAX);
	put_head(&string, "AWS4-HMAC-SHA256-TRAILER", s);
	buf_putf(&string, "%s\n", hex);
	put_hash(&string, lines);
	sigv4_sign(hex, s, buf_str(&string));
	buf_fini(&string);
}
