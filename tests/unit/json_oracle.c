/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/json_oracle.c - our JSON reader, to be asked by another one.
 *
 * Standard input is a row of texts, each after its length (four bytes, least
 * first). For each there is one line of output: the error code, or the whole
 * document written anew from its parts, strings unquoted and quoted again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/json.h"
#include "lib/mem.h"

enum { TEXT_MAX = 1 << 20, VALUES_MAX = 1 << 18 };

static void put_string(struct json_writer *w, struct str raw, bool key)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	json_unquote(&text, raw);
	if (key)
		json_w_key_str(w, buf_str(&text));
	else
		json_w_str(w, buf_str(&text));
	buf_fini(&text);
}

static void put_value(struct json_writer *w, const struct json_doc *d, int at)
{
	enum json_type type = json_type(d, at);
	if (type == JSON_STRING) {
		put_string(w, json_raw(d, at), false);
		return;
	}
	if (type != JSON_ARRAY && type != JSON_OBJECT) {
		json_w_raw(w, json_raw(d, at));
		return;
	}
	json_w_open(w, type == JSON_ARRAY ? '[' : '{');
	for (int c = json_first(d, at); c != JSON_NONE; c = json_after(d, c)) {
		int value = c;
		if (type == JSON_OBJECT) {
			put_string(w, json_raw(d, c), true);
			value = json_value(d, c);
		}
		put_value(w, d, value);
	}
	json_w_close(w, type == JSON_ARRAY ? ']' : '}');
}

static void answer(struct str text, struct buf *out)
{
	struct json_doc d;
	struct json_where where;
	struct json_writer w = {.out = out};
	int r = json_parse(&d, text, VALUES_MAX, &where);
	buf_reset(out);
	if (r == 0)
		put_value(&w, &d, 0);
	else
		buf_putf(out, "%d", r);
	buf_putc(out, '\n');
	json_free(&d);
}

int main(void)
{
	unsigned char head[4];
	struct buf out;
	int r = 0;
	buf_init(&out, 16 * TEXT_MAX);
	while (r == 0 && fd_read_full(STDIN_FILENO, head, 4) == 4) {
		size_t n = head[0] | (size_t)head[1] << 8 |
			   (size_t)head[2] << 16 | (size_t)head[3] << 24;
		/* exactly as long as the text, so a read past it is seen */
		char *text = mem_new(n);
		if (!text || fd_read_full(STDIN_FILENO, text, n) != (ssize_t)n)
			return 1;
		answer(str_from(text, n), &out);
		r = out.err ? out.err
			    : fd_write_full(
				      STDOUT_FILENO, buf_cstr(&out), out.n);
		mem_free(text);
	}
	buf_fini(&out);
	return r != 0;
}
