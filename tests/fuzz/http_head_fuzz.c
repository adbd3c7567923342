/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/http_head_fuzz.c - any bytes as a request or response head.
 *
 * Checked: every view lies inside the input; a head that was accepted is not
 * accepted or refused before its last byte is there, and not otherwise when
 * bytes follow it; what framing says is what the fields say.
 */
#include <stdlib.h>
#include <string.h>

#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_head head;
static struct http_head again;

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void inside(struct str view, struct str bytes)
{
	if (!view.p || (view.n == 1 && *view.p == '/'))
		return; /* the path of "http://host" is a literal */
	must(view.p >= bytes.p && view.p + view.n <= bytes.p + bytes.n);
}

static void check_views(const struct http_head *h, struct str bytes)
{
	inside(h->method, bytes);
	inside(h->target, bytes);
	inside(h->path, bytes);
	inside(h->query, bytes);
	inside(h->host, bytes);
	inside(h->reason, bytes);
	must(h->nfields <= HTTP_FIELDS_MAX);
	for (size_t i = 0; i < h->nfields; i++) {
		inside(h->fields[i].name, bytes);
		inside(h->fields[i].value, bytes);
		must(h->fields[i].name.n > 0);
		must(memchr(h->fields[i].value.p, '\n', h->fields[i].value.n) ==
			NULL);
	}
}

static void check_request(const struct http_head *h)
{
	struct str coding = http_field(h, "transfer-encoding");
	struct str length = http_field(h, "content-length");
	must(!coding.p || !length.p);
	must((h->framing == HTTP_BODY_CHUNKED) == (coding.p != NULL));
	must((h->framing == HTTP_BODY_LENGTH) == (length.p != NULL));
	must(h->minor == 0 || http_field(h, "host").p != NULL);
	must(h->path.n > 0);
	must(h->target.n <= HTTP_TARGET_MAX);
	must(h->method.n <= HTTP_METHOD_MAX);
}

static void one(enum http_kind kind, struct str bytes)
{
	struct http_error error = {0, NULL};
	int n = http_parse_head(&head, kind, false, bytes, &error);
	must(n >= -1 && n <= (int)bytes.n);
	if (n < 0) {
		must(error.status >= 400 && error.status <= 505);
		must(error.reason != NULL);
		return;
	}
	if (n == 0)
		return;
	check_views(&head, str_first(bytes, (size_t)n));
	if (kind == HTTP_REQUEST)
		check_request(&head);
	/* nothing but the head itself decides */
	must(http_parse_head(&again, kind, false, str_first(bytes, (size_t)n),
		     &error) == n);
	size_t step = (size_t)n / 64 + 1;
	for (size_t cut = 0; cut < (size_t)n; cut += step)
		must(http_parse_head(&again, kind, false, str_first(bytes, cut),
			     &error) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_from((const char *)data, size);
	one(HTTP_REQUEST, bytes);
	one(HTTP_RESPONSE, bytes);

	struct buf out;
	buf_init(&out, size + 1);
	(void)http_query_get(bytes, "a", &out);
	buf_reset(&out);
	(void)http_decode_path(bytes, &out);
	must(out.n <= size);
	buf_fini(&out);
	return 0;
}
