/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/gzip_fuzz.c - inflating anything, cut anywhere.
 *
 * What must hold: in one piece, byte by byte, in pieces of the length that the
 * first byte says and, when it is short, cut in two at every place it is the
 * same bytes, the same name and time and the same outcome; what we deflate
 * inflates to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	OUT_MAX = 1 << 22,
	CUT_EVERYWHERE = 512, /* bytes of a short input */
};

struct result {
	struct buf out;
	struct gzip_about about;
	int error; /* 1: the output is over the maximum */
};

/* how an input is cut: a first piece, then pieces of step; room for output */
struct cut {
	size_t first;
	size_t step;
	size_t room;
};

static void inflate(struct result *r, struct str in, struct cut cut)
{
	struct gunzip *z = gunzip_new();
	size_t next = cut.first;
	*r = (struct result){0};
	buf_init(&r->out, OUT_MAX);
	if (!z)
		abort();
	while (in.n && !r->error) {
		struct str piece = str_first(in, next);
		struct gzip_io io = {
			.in = (const unsigned char *)piece.p, .in_n = piece.n};
		next = cut.step;
		do {
			io.out =
				(unsigned char *)buf_reserve(&r->out, cut.room);
			if (!io.out) {
				r->error = 1;
				break;
			}
			io.out_n = cut.room;
			r->error = gunzip_step(z, &io);
			buf_commit(&r->out, cut.room - io.out_n);
		} while (!r->error && io.out_n == 0);
		if (!r->error && io.in_n)
			abort();
		in = str_from_index(in, piece.n);
	}
	if (!r->error)
		r->error = gunzip_end(z);
	r->about = *gunzip_about(z);
	gunzip_free(z);
}

static void check_same(
	const struct result *whole, struct str in, struct cut cut)
{
	struct result r;
	inflate(&r, in, cut);
	/* after an error, how far it came may differ */
	if (whole->error <= 0 && r.error <= 0) {
		if ((whole->error == 0) != (r.error == 0))
			abort();
		if (r.error == 0 &&
			(!str_eq(buf_str(&whole->out), buf_str(&r.out)) ||
				memcmp(&whole->about, &r.about,
					sizeof(r.about)) != 0))
			abort();
	}
	buf_fini(&r.out);
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
	struct result whole, again;
	struct buf packed;
	if (size == 0)
		return 0;
	size_t step = data[0] ? data[0] : 4096;
	struct str in = {(const char *)data + 1, size - 1};
	inflate(&whole, in, (struct cut){SIZE_MAX, SIZE_MAX, 1 << 16});
	check_same(&whole, in, (struct cut){step, step, 1 + step * 7});
	check_same(&whole, in, (struct cut){1, 1, 333});
	for (size_t at = 1; at < in.n && in.n <= CUT_EVERYWHERE; at++)
		check_same(&whole, in, (struct cut){at, SIZE_MAX, 4096});
	buf_fini(&whole.out);

	buf_init(&packed, OUT_MAX);
	deflate(&packed, in, step * 64, 1 + (unsigned)step % GZIP_LEVEL_MAX);
	inflate(&again, buf_str(&packed),
		(struct cut){1 << 16, 1 << 16, 1 << 16});
	if (again.error || !str_eq(buf_str(&again.out), in))
		abort();
	buf_fini(&again.out);
	buf_fini(&packed);
	return 0;
}
