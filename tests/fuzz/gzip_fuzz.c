/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/gzip_fuzz.c - inflating anything, cut anywhere.
 *
 * What must hold: in one piece and in pieces it is the same bytes and the same
 * outcome; what we deflate inflates to itself. The first byte of the input
 * says how it is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 22 };

/* returns the outcome, or 1 when the output is over the maximum */
static int inflate(struct buf *out, struct str in, size_t in_n, size_t out_n)
{
	struct gunzip *z = gunzip_new();
	int error = 0;
	if (!z)
		abort();
	while (in.n && !error) {
		struct str piece = str_first(in, in_n);
		struct gzip_io io = {
			.in = (const unsigned char *)piece.p, .in_n = piece.n};
		do {
			io.out = (unsigned char *)buf_reserve(out, out_n);
			if (!io.out) {
				gunzip_free(z);
				return 1;
			}
			io.out_n = out_n;
			error = gunzip_step(z, &io);
			buf_commit(out, out_n - io.out_n);
		} while (!error && io.out_n == 0);
		if (!error && io.in_n)
			abort();
		in = str_from_index(in, piece.n);
	}
	if (!error)
		error = gunzip_end(z);
	gunzip_free(z);
	return error;
}

/* in blocks of at most step bytes */
static void deflate(struct buf *out, struct str in, size_t step, unsigned level)
{
	struct gzip_block *z = gzip_block_new(level);
	unsigned char head[GZIP_HEADER_MAX], end[GZIP_END_SIZE];
	struct str rest = in;
	if (!z)
		abort();
	buf_put(out, head, gzip_header(head, level, NULL));
	while (rest.n) {
		struct str part = str_first(rest, step);
		char *p = buf_reserve(out, GZIP_BLOCK_MAX);
		size_t n = p ? gzip_block_step(
				       z, part.p, part.n, (unsigned char *)p)
			     : 0;
		if (n == 0)
			abort();
		buf_commit(out, n);
		rest = str_from_index(rest, part.n);
	}
	gzip_end(end, gzip_crc32(0, in.p, in.n), (uint32_t)in.n);
	buf_put(out, end, sizeof(end));
	gzip_block_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces, packed, again;
	if (size == 0)
		return 0;
	size_t step = data[0] ? data[0] : 4096;
	struct str in = {(const char *)data + 1, size - 1};
	buf_init(&whole, OUT_MAX);
	buf_init(&pieces, OUT_MAX);
	buf_init(&packed, OUT_MAX);
	buf_init(&again, OUT_MAX);
	int first = inflate(&whole, in, SIZE_MAX, 1 << 16);
	int second = inflate(&pieces, in, step, 1 + step * 7);
	if (first <= 0 && second <= 0) {
		/* after an error, how far it came may differ */
		if (first != second && (first == 0 || second == 0))
			abort();
		if (first == 0 && !str_eq(buf_str(&whole), buf_str(&pieces)))
			abort();
	}
	deflate(&packed, in, step * 64, 1 + (unsigned)step % GZIP_LEVEL_MAX);
	if (inflate(&again, buf_str(&packed), 1 << 16, 1 << 16) != 0 ||
		!str_eq(buf_str(&again), in))
		abort();
	buf_fini(&whole);
	buf_fini(&pieces);
	buf_fini(&packed);
	buf_fini(&again);
	return 0;
}
