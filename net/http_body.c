/* SPDX-License-Identifier: MIT */
/*
 * net/http_body.c - where a message body ends (RFC 9112 sections 6 and 7).
 *
 * input: untrusted
 *
 * Chunk lines go through a state machine byte by byte; payload never does.
 * A lone LF, a sign, "0x", white space or a 17th digit in a chunk line are
 * errors: each of them has been read differently by two parties somewhere.
 * Extensions and trailers are checked, counted and dropped.
 */
#include "net/http.h"

#include "lib/size.h"
#include "net/http_chars.h"

enum { SIZE_DIGITS_MAX = 16 };

enum state {
	CHUNK_FIRST, /* first digit of a size */
	CHUNK_SIZE,  /* more digits, ';' or CR */
	CHUNK_EXT,
	CHUNK_LF, /* behind the CR of the chunk line */
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILER_FIRST, /* first byte of a trailer line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	TRAILER_END_LF, /* behind the CR of the empty line */
};

void http_body_init(struct http_body *b, const struct http_head *head)
{
	*b = (struct http_body){
		.framing = head->framing,
		.left = head->framing == HTTP_BODY_LENGTH ? head->length : 0,
		.state = CHUNK_FIRST,
	};
	b->done = head->framing == HTTP_BODY_NONE ||
		  (head->framing == HTTP_BODY_LENGTH && head->length == 0);
}

static bool size_byte(struct http_body *b, char c)
{
	int digit = str_hex_digit(c);
	if (digit >= 0) {
		if (b->line_bytes > SIZE_DIGITS_MAX)
			return false;
		b->left = b->left << 4 | (uint64_t)digit;
		b->state = CHUNK_SIZE;
		/* the sums of callers stay within 64 bits */
		return b->left <= INT64_MAX;
	}
	if (b->state == CHUNK_FIRST)
		return false;
	if (c == ';')
		b->state = CHUNK_EXT;
	else if (c == '\r')
		b->state = CHUNK_LF;
	else
		return false;
	return true;
}

/* bytes that may go on until a CR, which leads to the state after */
static bool text_byte(struct http_body *b, char c, enum state after)
{
	if (c == '\r')
		b->state = (int)after;
	else
		return http_char_is(c, HTTP_VALUE);
	return true;
}

static bool expect_byte(
	struct http_body *b, char c, char wanted, enum state after)
{
	b->state = (int)after;
	return c == wanted;
}

static bool trailer_byte(struct http_body *b, char c)
{
	switch ((enum state)b->state) {
	case TRAILER_FIRST:
		b->state = c == '\r' ? TRAILER_END_LF : TRAILER_NAME;
		return c == '\r' || http_char_is(c, HTTP_TCHAR);
	case TRAILER_NAME:
		if (c == ':')
			b->state = TRAILER_VALUE;
		return c == ':' || http_char_is(c, HTTP_TCHAR);
	case TRAILER_VALUE:
		return text_byte(b, c, TRAILER_LF);
	case TRAILER_LF:
		return expect_byte(b, c, '\n', TRAILER_FIRST);
	case TRAILER_END_LF:
		b->done = true;
		return c == '\n';
	case CHUNK_FIRST:
	case CHUNK_SIZE:
	case CHUNK_EXT:
	case CHUNK_LF:
	case CHUNK_DATA:
	case CHUNK_DATA_CR:
	case CHUNK_DATA_LF:
		break;
	}
	return false;
}

static bool chunk_byte(struct http_body *b, char c)
{
	size_t limit = b->state < TRAILER_FIRST ? HTTP_CHUNK_LINE_MAX
						: HTTP_TRAILER_MAX;
	if (++b->line_bytes > limit)
		return false;
	switch ((enum state)b->state) {
	case CHUNK_FIRST:
	case CHUNK_SIZE:
		return size_byte(b, c);
	case CHUNK_EXT:
		return text_byte(b, c, CHUNK_LF);
	case CHUNK_LF:
		b->line_bytes = 0;
		return expect_byte(
			b, c, '\n', b->left ? CHUNK_DATA : TRAILER_FIRST);
	case CHUNK_DATA:
		break;
	case CHUNK_DATA_CR:
		return expect_byte(b, c, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF:
		b->line_bytes = 0;
		return expect_byte(b, c, '\n', CHUNK_FIRST);
	case TRAILER_FIRST:
	case TRAILER_NAME:
	case TRAILER_VALUE:
	case TRAILER_LF:
	case TRAILER_END_LF:
		return trailer_byte(b, c);
	}
	return false;
}

/* payload from p on: of the length, or of the current chunk */
static size_t take_payload(struct http_body *b, struct str in, struct str *data)
{
	*data = str_first(in, b->left < in.n ? (size_t)b->left : in.n);
	b->left -= data->n;
	return data->n;
}

static ssize_t feed_chunked(struct http_body *b, struct str in,
	struct str *data, struct http_error *error)
{
	size_t at = 0;
	while (at < in.n && !b->done) {
		if (b->state == CHUNK_DATA) {
			at += take_payload(b, str_from_index(in, at), data);
			if (b->left == 0)
				b->state = CHUNK_DATA_CR;
			break;
		}
		if (!chunk_byte(b, in.p[at++])) {
			*error = (struct http_error){
				400, "malformed chunked body"};
			return -1;
		}
	}
	return (ssize_t)at;
}

ssize_t http_body_feed(struct http_body *b, struct str in, struct str *data,
	struct http_error *error)
{
	*data = (struct str){in.p, 0};
	if (b->done)
		return 0;
	switch (b->framing) {
	case HTTP_BODY_NONE:
		break;
	case HTTP_BODY_LENGTH:
		take_payload(b, in, data);
		b->done = b->left == 0;
		return (ssize_t)data->n;
	case HTTP_BODY_CHUNKED:
		return feed_chunked(b, in, data, error);
	case HTTP_BODY_UNTIL_CLOSE:
		*data = in;
		return (ssize_t)in.n;
	}
	return 0;
}

void http_body_unget(struct http_body *b, size_t n)
{
	if (n == 0 || b->framing == HTTP_BODY_UNTIL_CLOSE)
		return;
	b->left += n;
	b->done = false;
	b->state = CHUNK_DATA;
}
