/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/show.c - what people see: text that cannot steer a terminal,
 * tables, content, progress.
 *
 * input: untrusted
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/size.h"
#include "lib/utf8.h"

enum {
	GAP = 2,       /* blanks between columns */
	CELL_MAX = 60, /* characters of a column that is not the last */
	LAST_MIN = 20,
	PROGRESS_MS = 100,
	MESSAGE_MAX = 60,
};

/* ------------------------------------------------------------------- texts */

/* does the sequence move the cursor, change colours or the order of letters? */
static bool is_control(const char *p, size_t n)
{
	unsigned char a = (unsigned char)p[0];
	if (n == 1)
		return a < 0x20 || a == 0x7f;
	unsigned char b = (unsigned char)p[1];
	if (n == 2)
		return a == 0xc2 && b < 0xa0;
	unsigned char c = (unsigned char)p[2];
	if (n != 3 || a != 0xe2)
		return false;
	return (b == 0x80 && (c >= 0xa8 || c == 0x8e || c == 0x8f)) ||
	       (b == 0x81 && c >= 0xa6 && c <= 0xa9);
}

void show_clean(struct buf *out, struct str text, bool one_line)
{
	const char *p = text.p, *end = text.p + text.n;
	while (p < end) {
		size_t n = utf8_len(p, end);
		bool blank = *p == '\n' || *p == '\t';
		if (n == 0) {
			buf_puts(out, "\xef\xbf\xbd");
			n = 1;
		} else if (blank || (*p == '\r' && one_line)) {
			buf_putc(out, one_line ? ' ' : *p);
		} else if (is_control(p, n)) {
			for (size_t i = 0; i < n; i++)
				buf_putf(out, "\\x%02x", (unsigned char)p[i]);
		} else {
			buf_put(out, p, n);
		}
		p += n;
	}
}

void show_plain(struct buf *out, struct str raw, bool one_line)
{
	struct buf text;
	if (!raw.p)
		return;
	buf_init(&text, MCP_LINE_MAX);
	if (json_type_of(raw) == JSON_STRING)
		json_unquote(&text, raw);
	else
		buf_put_str(&text, raw);
	show_clean(out, buf_str(&text), one_line);
	buf_fini(&text);
}

void show_text(struct str text)
{
	struct buf out;
	if (!isatty(STDOUT_FILENO)) {
		print_str(text);
		return;
	}
	buf_init(&out, TEXT_MAX);
	show_clean(&out, text, false);
	print_str(buf_str(&out));
	buf_fini(&out);
}

/* ------------------------------------------------------------------ tables */

void table_init(struct table *t, size_t columns)
{
	*t = (struct table){.columns = columns};
	buf_init(&t->cells, TEXT_MAX);
}

void table_put(struct table *t, struct str text)
{
	show_clean(&t->cells, text, true);
	buf_putc(&t->cells, '\0');
	t->n++;
}

void table_put_raw(struct table *t, struct str raw)
{
	struct buf text;
	buf_init(&text, MCP_LINE_MAX);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&text, raw);
	table_put(t, buf_str(&text));
	buf_fini(&text);
}

/* characters; the wide ones of some scripts count as one */
static size_t width_of(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += (text.p[i] & 0xc0) != 0x80;
	return n;
}

/* the first n characters */
static struct str cut_to(struct str text, size_t n)
{
	size_t at = 0;
	while (at < text.n && n) {
		at++;
		while (at < text.n && (text.p[at] & 0xc0) == 0x80)
			at++;
		n--;
	}
	return str_first(text, at);
}

/* of the terminal; 0: it is none, and nothing is cut */
static size_t columns_there(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
		       ? size.ws_col
		       : 80;
}

static void measure(const struct table *t, size_t *widths)
{
	struct str rest = buf_str(&t->cells);
	for (size_t i = 0; i < t->n; i++) {
		size_t w = width_of(str_cut(&rest, '\0'));
		size_t *most = &widths[i % t->columns];
		if (w > *most)
			*most = size_min(w, CELL_MAX);
	}
}

static void put_cell(struct buf *out, struct str cell, size_t width)
{
	size_t w = width_of(cell);
	buf_put_str(out, cell);
	for (; w < width + GAP; w++)
		buf_putc(out, ' ');
}

void table_print(struct table *t)
{
	size_t widths[8] = {0};
	size_t there = columns_there(), before = 0;
	struct buf out;
	struct str rest = buf_str(&t->cells);
	measure(t, widths);
	for (size_t i = 0; i + 1 < t->columns; i++)
		before += widths[i] + GAP;
	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < t->n; i++) {
		struct str cell = str_cut(&rest, '\0');
		bool last = (i + 1) % t->columns == 0;
		if (!last) {
			put_cell(&out, cell, widths[i % t->columns]);
			continue;
		}
		if (there)
			cell = cut_to(cell, there > before + LAST_MIN
						    ? there - before
						    : LAST_MIN);
		buf_put_str(&out, cell);
		while (out.n && *buf_at(&out, out.n - 1) == ' ')
			buf_truncate(&out, out.n - 1);
		buf_putc(&out, '\n');
	}
	print_str(buf_str(&out));
	buf_fini(&out);
	buf_fini(&t->cells);
}

/* ----------------------------------------------------------------- content */

/* a raw string as text that ends in a line break */
static void show_string(struct str raw)
{
	struct buf text;
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return;
	buf_init(&text, TEXT_MAX);
	json_unquote(&text, raw);
	show_text(buf_str(&text));
	if (text.n == 0 || *buf_at(&text, text.n - 1) != '\n')
		show_text(STR("\n"));
	buf_fini(&text);
}

/* "[image image/png, 1234 bytes]"; bytes of base64 */
static void show_summary(const char *what, struct str type, struct str data)
{
	struct buf line;
	size_t n = data.p && data.n > 2 ? (data.n - 2) / 4 * 3 : 0;
	for (size_t i = 2; n && i < 4 && data.n > i; i++)
		n -= data.p[data.n - i] == '=';
	buf_init(&line, TEXT_MAX);
	buf_putf(&line, "[%s", what);
	if (type.p && json_type_of(type) == JSON_STRING) {
		buf_putc(&line, ' ');
		json_unquote(&line, type);
	}
	if (n)
		buf_putf(&line, ", %zu bytes", n);
	buf_puts(&line, "]\n");
	show_text(buf_str(&line));
	buf_fini(&line);
}

static void show_block(struct str block)
{
	static const char *const names[] = {
		"type", "text", "mimeType", "data", "resource", "uri"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(block, names, v, ARRAY_LEN(names)) || !v[0].p ||
		json_type_of(v[0]) != JSON_STRING)
		return;
	if (json_str_is(v[0], STR("text"))) {
		show_string(v[1]);
	} else if (json_str_is(v[0], STR("image"))) {
		show_summary("image", v[2], v[3]);
	} else if (json_str_is(v[0], STR("audio"))) {
		show_summary("audio", v[2], v[3]);
	} else if (json_str_is(v[0], STR("resource_link"))) {
		show_summary("link", v[5], v[3]);
	} else if (json_str_is(v[0], STR("resource"))) {
		struct str text = json_member(v[4], "text");
		if (text.p)
			show_string(text);
		else
			show_summary("resource", json_member(v[4], "uri"),
				json_member(v[4], "blob"));
	}
}

void show_content(struct str array)
{
	struct json_cursor c;
	struct str block;
	if (!array.p || !json_open(&c, array))
		return;
	if (c.object) {
		show_block(array);
		return;
	}
	while (json_next(&c, NULL, &block))
		show_block(block);
}

/* ---------------------------------------------------------------- progress */

void show_progress(struct session *s, const struct jsonrpc *m)
{
	struct str done = json_member(m->params, "progress");
	struct str total = json_member(m->params, "total");
	struct str message = json_member(m->params, "message");
	struct buf line, text;
	if (s->options->quiet || !isatty(STDERR_FILENO) || !done.p)
		return;
	buf_init(&line, 65536);
	buf_init(&text, 65536);
	buf_puts(&line, "\r");
	show_clean(&line, str_first(done, 20), true);
	if (total.p) {
		buf_putc(&line, '/');
		show_clean(&line, str_first(total, 20), true);
	}
	if (message.p && json_type_of(message) == JSON_STRING) {
		json_unquote(&text, message);
		buf_putc(&line, ' ');
		show_clean(&line, cut_to(buf_str(&text), MESSAGE_MAX), true);
	}
	buf_puts(&line, "\033[K");
	(void)fd_write_full(STDERR_FILENO, buf_str(&line).p, line.n);
	s->shows_progress = true;
	buf_fini(&line);
	buf_fini(&text);
}

void show_progress_end(struct session *s)
{
	if (s->shows_progress)
		(void)fd_write_full(STDERR_FILENO, "\r\033[K", 4);
	s->shows_progress = false;
}
