/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/http_body_fuzz.c - any bytes as a chunked body.
 *
 * Checked: fed as a whole, in pieces, and with payload given back now and
 * then, a body has the same payload, the same end and the same verdict. The
 * first byte says how it is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	struct buf payload;
	size_t taken;
	bool done;
	bool bad;
};

static struct http_head head;

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* every `give_back`-th payload is taken only half; 0: never */
static struct result feed(struct str in, size_t piece, unsigned give_back)
{
	struct result r = {.taken = 0};
	struct http_error error;
	struct http_body b;
	unsigned count = 0;
	head.framing = HTTP_BODY_CHUNKED;
	http_body_init(&b, &head);
	buf_init(&r.payload, in.n);
	while (!b.done && r.taken < in.n) {
		struct str data;
		struct str part = str_first(str_from_index(in, r.taken), piece);
		ssize_t n = http_body_feed(&b, part, &data, &error);
		if (n < 0) {
			must(error.status == 400);
			r.bad = true;
			break;
		}
		must(n > 0 && (size_t)n <= part.n && data.n <= (size_t)n);
		must(data.n == 0 || data.p + data.n == part.p + n);
		size_t back = 0;
		if (give_back && data.n > 1 && ++count % give_back == 0)
			back = data.n / 2;
		http_body_unget(&b, back);
		buf_put(&r.payload, data.p, data.n - back);
		r.taken += (size_t)n - back;
	}
	r.done = b.done;
	must(r.payload.err == 0);
	return r;
}

static void same(struct result *a, struct result *b)
{
	must(a->bad == b->bad);
	must(a->done == b->done);
	must(a->bad || a->taken == b->taken);
	must(str_eq(buf_str(&a->payload), buf_str(&b->payload)));
	buf_fini(&b->payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str in = str_from((const char *)data + 1, size - 1);
	struct result whole = feed(in, SIZE_MAX, 0);
	struct result bytes = feed(in, 1, 0);
	same(&whole, &bytes);
	struct result pieces = feed(in, 1 + data[0] % 31, 0);
	same(&whole, &pieces);
	struct result backwards = feed(in, SIZE_MAX, 1 + data[0] % 3);
	same(&whole, &backwards);
	buf_fini(&whole.payload);
	return 0;
}
