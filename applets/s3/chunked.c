/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/chunked.c - bodies in pieces that are signed one by one, with the
 * checksum behind them (put --chunked).
 *
 * Each signature covers the one before, so a store can take a piece as soon as
 * it has come. Over TLS, and without keys, the pieces are not signed.
 * Reference: "Signature Calculations for the Authorization Header:
 * Transferring Payload in Multiple Chunks", and "... Including Trailing
 * Headers".
 */
#include "applets/s3/s3.h"

#include "lib/fmt.h"

enum {
	CHUNK = 64 * 1024,
	SIGNATURE_LEN = HASH_HEX_SIZE - 1,
};

static const char signature_text[] = ";chunk-signature=";
static const char trailer_text[] = "x-amz-trailer-signature:";

void s3_chunked_init(struct s3_chunked *c, struct str body, bool sign,
	const char *field, const char *value)
{
	*c = (struct s3_chunked){.body = body, .sign = sign};
	if (value[0])
		fmt_str(c->trailer, sizeof(c->trailer), "%s:%s", field, value);
}

const char *s3_chunked_payload(const struct s3_chunked *c)
{
	if (!c->sign)
		return "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
	return c->trailer[0] ? "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
			     : "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
}

void s3_chunked_start(struct s3_chunked *c, const struct sigv4_signer *signer,
	const char *seed)
{
	c->signer = signer;
	c->at = 0;
	c->stage = S3_CHUNK_HEAD;
	fmt_str(c->hex, sizeof(c->hex), "%s", c->sign ? seed : "");
}

static size_t digits(size_t n)
{
	char text[32];
	return fmt_str(text, sizeof(text), "%zx", n);
}

/* of the line before n bytes, and what follows them */
static uint64_t around(const struct s3_chunked *c, size_t n)
{
	uint64_t signature =
		c->sign ? sizeof(signature_text) - 1 + SIGNATURE_LEN : 0;
	return digits(n) + signature + 2 + (n ? 2 : 0);
}

uint64_t s3_chunked_length(const struct s3_chunked *c)
{
	size_t rest = c->body.n % CHUNK;
	uint64_t n = c->body.n / CHUNK * (CHUNK + around(c, CHUNK));
	if (rest)
		n += rest + around(c, rest);
	n += around(c, 0) + 2;
	if (c->trailer[0])
		n += strlen(c->trailer) + 2;
	if (c->trailer[0] && c->sign)
		n += sizeof(trailer_text) - 1 + SIGNATURE_LEN + 2;
	return n;
}

/* the last chunk, which is empty, and the trailer */
static size_t put_end(struct s3_chunked *c, char *dst, size_t size)
{
	char line[sizeof(c->trailer) + 1];
	size_t n = fmt_str(
		dst, size, "0%s%s\r\n", c->sign ? signature_text : "", c->hex);
	if (c->trailer[0])
		n += fmt_str(dst + n, size - n, "%s\r\n", c->trailer);
	if (c->trailer[0] && c->sign) {
		size_t len = fmt_str(line, sizeof(line), "%s\n", c->trailer);
		sigv4_trailer(c->hex, c->signer, str_from(line, len));
		n += fmt_str(
			dst + n, size - n, "%s%s\r\n", trailer_text, c->hex);
	}
	return n + fmt_str(dst + n, size - n, "\r\n");
}

ssize_t s3_chunked_next(struct s3_chunked *c, struct str *piece)
{
	struct str chunk = str_first(str_from_index(c->body, c->at), CHUNK);
	switch (c->stage) {
	case S3_CHUNK_HEAD:
		if (c->sign)
			sigv4_chunk(c->hex, c->signer, chunk);
		if (chunk.n == 0) {
			*piece = str_from(
				c->line, put_end(c, c->line, sizeof(c->line)));
			c->stage = S3_CHUNK_END;
			break;
		}
		*piece = str_from(c->line,
			fmt_str(c->line, sizeof(c->line), "%s%zx%s%s\r\n",
				c->at ? "\r\n" : "", chunk.n,
				c->sign ? signature_text : "", c->hex));
		c->stage = S3_CHUNK_DATA;
		break;
	case S3_CHUNK_DATA:
		*piece = chunk;
		c->at += chunk.n;
		c->stage = S3_CHUNK_HEAD;
		if (c->at == c->body.n)
			c->stage = S3_CHUNK_LAST;
		break;
	case S3_CHUNK_LAST:
		*piece = STR("\r\n");
		c->stage = S3_CHUNK_HEAD;
		break;
	case S3_CHUNK_END:
		return 0;
	}
	return (ssize_t)piece->n;
}
