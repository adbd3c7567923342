/* SPDX-License-Identifier: MIT */
/* lib/json_write.c - the one JSON writer: appends to a buffer. */
#include "lib/json.h"

#include <string.h>

#include "lib/json_scan.h"
#include "lib/utf8.h"

static void quote_special(struct buf *out, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	const char *hit = c ? strchr(from, c) : NULL;
	if (hit)
		buf_put(out, (char[]){'\\', to[hit - from]}, 2);
	else
		buf_putf(out, "\\u%04x", (unsigned char)c);
}

void json_quote(struct buf *out, struct str text)
{
	const char *p = text.p;
	const char *end = text.p + text.n;
	buf_putc(out, '"');
	while (p < end) {
		const char *run = p;
		p = json_plain_run(p, end);
		buf_put(out, run, (size_t)(p - run));
		if (p == end)
			break;
		if ((signed char)*p >= 0) {
			quote_special(out, *p++);
			continue;
		}
		size_t n = utf8_len(p, end);
		if (n)
			buf_put(out, p, n);
		else
			buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
		p += n ? n : 1;
	}
	buf_putc(out, '"');
}

static void before_value(struct json_writer *w)
{
	if (w->comma)
		buf_putc(w->out, ',');
	w->comma = true;
}

void json_w_open(struct json_writer *w, char bracket)
{
	before_value(w);
	buf_putc(w->out, bracket);
	w->comma = false;
}

void json_w_close(struct json_writer *w, char bracket)
{
	buf_putc(w->out, bracket);
	w->comma = true;
}

void json_w_key_str(struct json_writer *w, struct str key)
{
	before_value(w);
	json_quote(w->out, key);
	buf_putc(w->out, ':');
	w->comma = false;
}

void json_w_key(struct json_writer *w, const char *key)
{
	json_w_key_str(w, str_of(key));
}

void json_w_str(struct json_writer *w, struct str text)
{
	before_value(w);
	json_quote(w->out, text);
}

void json_w_text(struct json_writer *w, const char *text)
{
	json_w_str(w, str_of(text));
}

void json_w_u64(struct json_writer *w, uint64_t v)
{
	before_value(w);
	buf_put_u64(w->out, v);
}

void json_w_bool(struct json_writer *w, bool v)
{
	json_w_raw(w, v ? STR("true") : STR("false"));
}

void json_w_null(struct json_writer *w)
{
	json_w_raw(w, STR("null"));
}

void json_w_raw(struct json_writer *w, struct str raw)
{
	before_value(w);
	buf_put_str(w->out, raw);
}
