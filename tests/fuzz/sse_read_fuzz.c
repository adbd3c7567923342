/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/sse_read_fuzz.c - any bytes as an event stream.
 *
 * Where the stream is cut makes no difference: whole and byte by byte the same
 * events come out, with the same last id and waiting time.
 */
#include "net/sse_read.h"

#include <stdint.h>
#include <stdlib.h>

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

enum { DATA_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* everything that comes out, as one text; 0 or -errno */
static int collect(
	struct sse_reader *r, struct str in, size_t piece, struct buf *out)
{
	struct sse_event e;
	while (in.n) {
		ssize_t n = sse_read(r, str_first(in, piece), &e);
		if (n < 0)
			return (int)n;
		MUST(n > 0 && (size_t)n <= in.n);
		in = str_from_index(in, (size_t)n);
		if (!e.complete)
			continue;
		MUST(e.data.n <= DATA_MAX && e.name.n <= SSE_NAME_MAX);
		buf_putf(out, "%zu %zu ", e.name.n, e.data.n);
		buf_put_str(out, e.name);
		buf_put_str(out, e.data);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sse_reader whole, bytes;
	struct buf a, b;
	struct str in = str_from((const char *)data, n);
	sse_init(&whole, DATA_MAX);
	sse_init(&bytes, DATA_MAX);
	buf_init(&a, SIZE_MAX);
	buf_init(&b, SIZE_MAX);
	int ra = collect(&whole, in, SIZE_MAX, &a);
	int rb = collect(&bytes, in, 1, &b);
	MUST(ra == rb);
	MUST(str_eq(buf_str(&a), buf_str(&b)));
	MUST(str_eq(sse_last_id(&whole), sse_last_id(&bytes)));
	MUST(whole.last_id.n <= SSE_ID_MAX);
	MUST(whole.retry_ms == bytes.retry_ms);
	MUST(whole.retry_ms <= SSE_RETRY_MAX_MS);
	buf_fini(&a);
	buf_fini(&b);
	sse_fini(&whole);
	sse_fini(&bytes);
	return 0;
}
