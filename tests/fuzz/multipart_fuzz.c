/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/multipart_fuzz.c - any bytes as form data.
 *
 * The first byte says how the rest is cut, the second whether the rest is a
 * body or a Content-Type. Checked: whole and in pieces the same parts come,
 * with the same data; what is left over is never more than a delimiter.
 */
#include <stdlib.h>
#include <string.h>

#include "net/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* false: no more events from what is there */
static bool note(struct buf *log, struct multipart *m,
	enum multipart_event event, struct str data)
{
	switch (event) {
	case MULTIPART_PART:
		buf_putc(log, '[');
		buf_put_str(log, buf_str(&m->name));
		buf_put_str(log, buf_str(&m->filename));
		buf_putc(log, m->has_filename ? '|' : ']');
		break;
	case MULTIPART_DATA:
		must(data.n > 0);
		buf_put_str(log, data);
		break;
	case MULTIPART_PART_END:
		buf_putc(log, ';');
		break;
	case MULTIPART_END:
		buf_putc(log, '.');
		break;
	case MULTIPART_ERROR:
		must(m->error != NULL);
		buf_putc(log, '!');
		return false;
	case MULTIPART_MORE:
		return false;
	}
	return true;
}

static struct buf feed(struct str in, size_t piece)
{
	struct multipart m;
	struct buf log;
	size_t from = 0; /* first byte not consumed */
	size_t to = 0;   /* bytes offered so far */
	bool failed = false;
	buf_init(&log, SIZE_MAX);
	must(multipart_init(&m, STR("multipart/form-data; boundary=XX")) == 0);
	while (to < in.n && !failed) {
		to += in.n - to < piece ? in.n - to : piece;
		bool go = true;
		while (go) {
			struct str data;
			size_t used;
			struct str part = str_from(in.p + from, to - from);
			enum multipart_event event =
				multipart_next(&m, part, &used, &data);
			must(used <= part.n);
			go = note(&log, &m, event, data);
			from += used;
			failed = event == MULTIPART_ERROR;
		}
		must(failed || to - from <= m.delimiter_len);
	}
	multipart_fini(&m);
	return log;
}

static void one_type(struct str type)
{
	struct multipart m;
	if (multipart_init(&m, type) == 0) {
		must(m.delimiter_len > 4);
		must(m.delimiter_len <= 4 + MULTIPART_BOUNDARY_MAX);
	} else {
		must(m.error != NULL);
	}
	multipart_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str in = str_from((const char *)data + 2, size - 2);
	if (data[1] == 'T') {
		one_type(in);
		return 0;
	}
	struct buf whole = feed(in, SIZE_MAX);
	struct buf pieces = feed(in, 1 + data[0] % 97);
	struct buf bytes = feed(in, 1);
	must(str_eq(buf_str(&whole), buf_str(&pieces)));
	must(str_eq(buf_str(&whole), buf_str(&bytes)));
	buf_fini(&whole);
	buf_fini(&pieces);
	buf_fini(&bytes);
	return 0;
}
