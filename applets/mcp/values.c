/* SPDX-License-Identifier: MIT */
/* applets/mcp/values.c - arguments of a tool, as they are typed. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/fd.h"

enum { READ_STEP = 65536 };

static void read_stdin(struct buf *out)
{
	for (;;) {
		char *room = buf_reserve(out, READ_STEP);
		ssize_t n = room ? fd_read(STDIN_FILENO, room, READ_STEP)
				 : -EMSGSIZE;
		if (n < 0)
			die(EXIT_FAIL, "standard input: %s", strerror((int)-n));
		if (n == 0)
			return;
		buf_commit(out, (size_t)n);
	}
}

/* the members of the object on standard input; all must be new */
static void put_stdin(struct json_writer *w)
{
	struct buf text;
	struct json_cursor c;
	struct json_where where;
	struct json_doc doc;
	struct str key, value;
	buf_init(&text, MCP_LINE_MAX);
	read_stdin(&text);
	int r = json_parse(&doc, buf_str(&text), 1 << 20, &where);
	if (r != JSON_OK)
		die_usage("standard input: line %zu, column %zu: %s",
			where.line, where.column, json_error_text(r));
	if (json_type(&doc, 0) != JSON_OBJECT)
		die_usage("standard input: it must be a JSON object");
	(void)json_open(&c, json_raw(&doc, 0));
	while (json_next(&c, &key, &value)) {
		struct buf name;
		buf_init(&name, MCP_LINE_MAX);
		json_unquote(&name, str_from(key.p - 1, key.n + 2));
		json_w_key_str(w, buf_str(&name));
		json_w_raw(w, value);
		buf_fini(&name);
	}
	json_free(&doc);
	buf_fini(&text);
}

static void put_pair(struct json_writer *w, const char *text, bool only_text)
{
	struct str value = str_of(text);
	struct str key = str_cut(&value, '=');
	bool json = key.n && key.p[key.n - 1] == ':';
	size_t offset;
	if (json)
		key.n--;
	if (!value.p || key.n == 0)
		die_usage(
			"'%s': an argument is KEY=TEXT, KEY:=JSON or -", text);
	if (json && only_text)
		die_usage("'%s': here values are texts: KEY=TEXT", text);
	json_w_key_str(w, key);
	if (!json) {
		json_w_str(w, value);
		return;
	}
	int r = json_check(value, &offset);
	if (r != JSON_OK)
		die_usage("'%s': no JSON behind := at byte %zu: %s", text,
			offset + 1, json_error_text(r));
	json_w_raw(w, value);
}

/* nobody can tell which of two equal names was meant */
static void refuse_twice(struct str object)
{
	struct json_doc doc;
	struct json_where where;
	int r = json_parse(&doc, object, 1 << 20, &where);
	if (r == JSON_DUPLICATE)
		die_usage("an argument is given twice");
	if (r != JSON_OK)
		die_usage("the arguments are no JSON: %s", json_error_text(r));
	json_free(&doc);
}

void values_put(struct buf *out, char **v, int n, bool only_text)
{
	struct json_writer w = {.out = out};
	size_t before = out->n;
	json_w_open(&w, '{');
	for (int i = 0; i < n; i++)
		if (strcmp(v[i], "-") == 0)
			put_stdin(&w);
		else
			put_pair(&w, v[i], only_text);
	json_w_close(&w, '}');
	if (out->err)
		die(EXIT_FAIL, "the arguments are too large");
	refuse_twice(str_from_index(buf_str(out), before));
}
