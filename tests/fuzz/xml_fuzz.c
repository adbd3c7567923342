/* SPDX-License-Identifier: MIT */
/* tests/fuzz/xml_fuzz.c - any bytes as XML. */
#include <stdlib.h>

#include "net/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct xml x;
	struct buf out, escaped, again;
	enum xml_event e;
	size_t depth = 0;
	xml_init(&x, text);
	buf_init(&out, 1 << 20);
	buf_init(&escaped, 1 << 23);
	buf_init(&again, 1 << 20);
	while ((e = xml_next(&x)) != XML_END && e != XML_ERROR) {
		if (e == XML_OPEN && x.depth != ++depth)
			abort();
		if (e == XML_CLOSE && x.depth != depth--)
			abort();
		if (e == XML_TEXT)
			xml_text(&x, &out);
	}
	if (e == XML_END && depth)
		abort();
	/* what is escaped and read again is the same */
	buf_puts(&escaped, "<a><b>");
	xml_escape(&escaped, buf_str(&out));
	buf_puts(&escaped, "</b></a>");
	if (!str_has(buf_str(&out), STR("\0")) &&
		(!xml_get(buf_str(&escaped), "a/b", &again) ||
			!str_eq(buf_str(&again), buf_str(&out))))
		abort();
	buf_fini(&out);
	buf_fini(&escaped);
	buf_fini(&again);
	return 0;
}
