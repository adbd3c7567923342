/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/sigv4_oracle.c - our signatures, to be compared with published
 * ones.
 *
 * Standard input is a row of texts, a NUL after each: what to do ("header",
 * "query" or "chunks"), access key, secret, token, region, service, date; then
 *   header, query: method, path, "1" to normalise, payload, seconds, the
 *     number of parameters, each as name and value, the same for fields
 *   chunks: seed, trailer, then the sizes of chunks of the letter a
 * Standard output is lines; a canonical request is as many lines as it has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/fd.h"
#include "net/sigv4.h"

enum { TEXT_MAX = 1 << 20 };

static struct str rest;

static struct str take(void)
{
	return str_cut(&rest, '\0');
}

static size_t take_number(void)
{
	uint64_t n = 0;
	if (!str_to_u64(take(), &n))
		exit(2);
	return (size_t)n;
}

static size_t take_fields(struct http_field *v)
{
	size_t n = take_number();
	for (size_t i = 0; i < n; i++) {
		v[i].name = take();
		v[i].value = take();
	}
	return n;
}

static void chunks(struct buf *out, const struct sigv4_signer *s)
{
	static char letters[1 << 16];
	char hex[HASH_HEX_SIZE];
	memset(letters, 'a', sizeof(letters));
	memcpy(hex, take().p, sizeof(hex));
	struct str trailer = take();
	while (rest.p && rest.n) {
		sigv4_chunk(hex, s, str_from(letters, take_number()));
		buf_putf(out, "%s\n", hex);
	}
	if (trailer.n)
		sigv4_trailer(hex, s, trailer);
	buf_putf(out, "%s\n", hex);
}

static void header(struct buf *out, const struct sigv4_signer *s,
	const struct sigv4_request *r)
{
	struct buf canonical;
	char hex[HASH_HEX_SIZE];
	buf_init(&canonical, TEXT_MAX);
	sigv4_canonical(&canonical, r);
	sigv4_authorize(out, hex, s, r);
	buf_puts(out, "\n");
	sigv4_string_to_sign(out, s, buf_str(&canonical));
	buf_puts(out, "\n");
	buf_put_str(out, buf_str(&canonical));
	buf_fini(&canonical);
}

static void request(
	struct buf *out, const struct sigv4_signer *s, bool as_query)
{
	struct http_field params[SIGV4_PARAMS_MAX], fields[SIGV4_FIELDS_MAX];
	struct sigv4_request r = {.params = params, .fields = fields};
	r.method = take();
	r.path = take();
	r.normalise = str_is(take(), "1");
	r.payload = take();
	size_t seconds = take_number();
	r.nparams = take_fields(params);
	r.nfields = take_fields(fields);
	if (as_query)
		sigv4_presign(out, s, &r, seconds);
	else
		header(out, s, &r);
}

int main(void)
{
	static char text[TEXT_MAX];
	struct sigv4_signer s = {0};
	struct buf out;
	ssize_t n = fd_read_full(STDIN_FILENO, text, sizeof(text));
	buf_init(&out, TEXT_MAX);
	rest = str_from(text, n > 0 ? (size_t)n : 0);
	struct str what = take();
	s.access = take();
	s.secret = take();
	s.token = take();
	if (s.token.n == 0)
		s.token.p = NULL;
	s.region = take();
	s.service = take();
	struct str date = take();
	memcpy(s.date, date.p, date.n < sizeof(s.date) ? date.n : 0);
	if (str_is(what, "chunks"))
		chunks(&out, &s);
	else
		request(&out, &s, str_is(what, "query"));
	int r = out.err ? out.err
			: fd_write_full(STDOUT_FILENO, buf_cstr(&out), out.n);
	buf_fini(&out);
	return r != 0;
}
