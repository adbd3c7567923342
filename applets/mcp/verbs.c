/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/verbs.c - one thing at a time: lists, calls, reads.
 *
 * input: untrusted
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/size.h"

/* -------------------------------------------------------------------- lists */

struct list {
	const char *method;
	const char *member;
};

static const struct list tools = {"tools/list", "tools"};
static const struct list prompts = {"prompts/list", "prompts"};
static const struct list resources = {"resources/list", "resources"};
static const struct list templates = {
	"resources/templates/list", "resourceTemplates"};

/* append the items of one page; their number */
static size_t put_page(struct buf *out, struct str array)
{
	struct json_cursor c;
	struct str item;
	size_t n = 0;
	if (!array.p || !json_open(&c, array) || c.object)
		return 0;
	while (json_next(&c, NULL, &item)) {
		if (json_type_of(item) != JSON_OBJECT)
			continue;
		if (out->n)
			buf_putc(out, ',');
		buf_put_str(out, item);
		n++;
	}
	return n;
}

/* the next page's params; false: that was the last one */
static bool next_page(struct buf *params, struct str result)
{
	struct str cursor = json_member(result, "nextCursor");
	struct buf next;
	if (!cursor.p || json_type_of(cursor) != JSON_STRING)
		return false;
	buf_init(&next, 1 << 20);
	buf_puts(&next, "\"cursor\":");
	buf_put_str(&next, cursor);
	if (next.err || str_eq(buf_str(&next), buf_str(params)))
		die(EXIT_FAIL, "the list has no end: its cursor leads to "
			       "itself");
	buf_fini(params);
	*params = next;
	return true;
}

/*
 * All items of a list, joined by commas. A server that has no such list says
 * so (-32601): when it may, that is an empty one.
 */
static void read_list(
	struct session *s, const struct list *l, bool may_lack, struct buf *out)
{
	struct buf params;
	struct str result, error = {NULL, 0};
	size_t items = 0, pages = 0;
	buf_init(&params, 1 << 20);
	do {
		result = session_ask(s, l->method, buf_str(&params),
			may_lack ? &error : NULL);
		if (!result.p)
			break;
		items += put_page(out, json_member(result, l->member));
		if (++pages > LIST_PAGES_MAX || items > LIST_ITEMS_MAX ||
			out->err)
			die(EXIT_FAIL,
				"%s: the list has no end (%zu pages, %zu "
				"items)",
				l->method, pages, items);
	} while (next_page(&params, result));
	buf_fini(&params);
}

static void print_json(const char *member, const struct buf *items)
{
	print("{\"%s\":[", member);
	print_str(buf_str(items));
	print("]}\n");
}

/* visit the items that read_list() put together */
static bool next_item(struct buf *array, struct json_cursor *c,
	const struct buf *items, struct str *item)
{
	if (!array->n) {
		buf_putc(array, '[');
		buf_put_str(array, buf_str(items));
		buf_putc(array, ']');
		(void)json_open(c, buf_str(array));
	}
	return json_next(c, NULL, item);
}

static bool is_required(struct str list, struct str key)
{
	struct json_cursor c;
	struct str item;
	if (!list.p || !json_open(&c, list) || c.object)
		return false;
	while (json_next(&c, NULL, &item))
		if (str_eq(item, str_from(key.p - 1, key.n + 2)))
			return true;
	return false;
}

/* "a b [c]": the names of what it takes, the optional ones in brackets */
static void put_schema(struct table *t, struct str schema)
{
	struct json_cursor c;
	struct str key, value;
	struct str fields = json_member(schema, "properties");
	struct str required = json_member(schema, "required");
	struct buf out;
	buf_init(&out, MCP_LINE_MAX);
	if (fields.p && json_open(&c, fields) && c.object)
		while (json_next(&c, &key, &value)) {
			bool must = is_required(required, key);
			buf_puts(&out, out.n ? " " : "");
			buf_puts(&out, must ? "" : "[");
			buf_put_str(&out, key);
			buf_puts(&out, must ? "" : "]");
		}
	table_put(t, buf_str(&out));
	buf_fini(&out);
}

/* the same of a prompt's arguments, which are an array */
static void put_arguments(struct table *t, struct str array)
{
	struct json_cursor c;
	struct str item;
	struct buf out;
	buf_init(&out, MCP_LINE_MAX);
	if (array.p && json_open(&c, array) && !c.object)
		while (json_next(&c, NULL, &item)) {
			struct str name = json_member(item, "name");
			struct str must = json_member(item, "required");
			bool optional = !must.p || !str_is(must, "true");
			if (!name.p || json_type_of(name) != JSON_STRING)
				continue;
			buf_puts(&out, out.n ? " " : "");
			buf_puts(&out, optional ? "[" : "");
			json_unquote(&out, name);
			buf_puts(&out, optional ? "]" : "");
		}
	table_put(t, buf_str(&out));
	buf_fini(&out);
}

/* -------------------------------------------------------------------- tools */

/* all that there is to know about one */
static void show_tool(struct str tool)
{
	struct str text = json_member(tool, "description");
	struct buf out;
	buf_init(&out, TEXT_MAX);
	if (text.p && json_type_of(text) == JSON_STRING) {
		json_unquote(&out, text);
		buf_puts(&out, "\n\n");
	}
	buf_puts(&out, "arguments: ");
	buf_put_str(&out, json_member(tool, "inputSchema"));
	text = json_member(tool, "outputSchema");
	if (text.p) {
		buf_puts(&out, "\nresult: ");
		buf_put_str(&out, text);
	}
	buf_putc(&out, '\n');
	show_text(buf_str(&out));
	buf_fini(&out);
}

static int show_one(
	struct session *s, const struct buf *items, const char *name)
{
	struct buf array;
	struct json_cursor c;
	struct str item;
	buf_init(&array, TEXT_MAX);
	while (next_item(&array, &c, items, &item)) {
		struct str raw = json_member(item, "name");
		if (!raw.p || json_type_of(raw) != JSON_STRING ||
			!json_str_is(raw, str_of(name)))
			continue;
		if (s->options->json) {
			print_str(item);
			print("\n");
		} else {
			show_tool(item);
		}
		buf_fini(&array);
		return EXIT_OK;
	}
	buf_fini(&array);
	warn_msg("no tool '%s' there; `mcp tools` lists them", name);
	return EXIT_FAIL;
}

int verb_tools(struct session *s, struct str params, char **argv, int argc)
{
	struct buf items, array;
	struct json_cursor c;
	struct str item;
	struct table t;
	int status = EXIT_OK;
	(void)params;
	buf_init(&items, TEXT_MAX);
	buf_init(&array, TEXT_MAX);
	read_list(s, &tools, false, &items);
	table_init(&t, 3);
	if (argc) {
		status = show_one(s, &items, argv[0]);
	} else if (s->options->json) {
		print_json("tools", &items);
	} else {
		while (next_item(&array, &c, &items, &item)) {
			table_put_raw(&t, json_member(item, "name"));
			put_schema(&t, json_member(item, "inputSchema"));
			table_put_raw(&t, json_member(item, "description"));
		}
	}
	table_print(&t);
	buf_fini(&items);
	buf_fini(&array);
	return status;
}

void prepare_call(struct buf *params, char **argv, int argc)
{
	struct json_writer w = {.out = params};
	json_w_key(&w, "name");
	json_w_text(&w, argv[0]);
	json_w_key(&w, "arguments");
	values_put(params, argv + 1, argc - 1, false);
}

static void show_result(struct str result)
{
	struct str content = json_member(result, "content");
	struct str structured = json_member(result, "structuredContent");
	if (content.p && content.n > 2) {
		show_content(content);
	} else if (structured.p) {
		show_text(structured);
		print("\n");
	}
}

int verb_call(struct session *s, struct str params, char **argv, int argc)
{
	(void)argv;
	(void)argc;
	if (s->options->level)
		follow_log(s, STDERR_FILENO);
	struct str result = session_ask(s, "tools/call", params, NULL);
	struct str failed = json_member(result, "isError");
	if (s->options->json) {
		print_str(result);
		print("\n");
	} else {
		show_result(result);
	}
	return failed.p && str_is(failed, "true") ? EXIT_FAIL : EXIT_OK;
}

/* ---------------------------------------------------------------- resources */

static void put_resources(
	struct table *t, const struct buf *items, const char *uri)
{
	struct buf array;
	struct json_cursor c;
	struct str item;
	buf_init(&array, TEXT_MAX);
	while (next_item(&array, &c, items, &item)) {
		table_put_raw(t, json_member(item, uri));
		table_put_raw(t, json_member(item, "mimeType"));
		table_put_raw(t, json_member(item, "name"));
		table_put_raw(t, json_member(item, "description"));
	}
	buf_fini(&array);
}

int verb_resources(struct session *s, struct str params, char **argv, int argc)
{
	struct buf items, more;
	struct table t;
	(void)params;
	(void)argv;
	(void)argc;
	buf_init(&items, TEXT_MAX);
	buf_init(&more, TEXT_MAX);
	read_list(s, &resources, false, &items);
	read_list(s, &templates, true, &more);
	table_init(&t, 4);
	if (s->options->json) {
		print("{\"resources\":[");
		print_str(buf_str(&items));
		print("],\"resourceTemplates\":[");
		print_str(buf_str(&more));
		print("]}\n");
	} else {
		put_resources(&t, &items, "uri");
		put_resources(&t, &more, "uriTemplate");
	}
	table_print(&t);
	buf_fini(&items);
	buf_fini(&more);
	return EXIT_OK;
}

void prepare_read(struct buf *params, char **argv, int argc)
{
	struct json_writer w = {.out = params};
	(void)argc;
	json_w_key(&w, "uri");
	json_w_text(&w, argv[0]);
}

/* the bytes of one of the contents; false: it is neither text nor blob */
static bool put_bytes(struct buf *out, struct str item)
{
	struct str text = json_member(item, "text");
	struct str blob = json_member(item, "blob");
	struct buf plain;
	if (text.p && json_type_of(text) == JSON_STRING) {
		json_unquote(out, text);
		return true;
	}
	if (!blob.p || json_type_of(blob) != JSON_STRING)
		return false;
	buf_init(&plain, MCP_LINE_MAX);
	json_unquote(&plain, blob);
	bool ok = base64_get(out, buf_str(&plain));
	buf_fini(&plain);
	return ok;
}

static int show_bytes(struct session *s, const struct buf *bytes)
{
	struct str all = buf_str(bytes);
	bool binary = memchr(all.p, '\0', all.n) != NULL;
	if (s->options->output) {
		int r = file_write_atomic(
			AT_FDCWD, s->options->output, all, 0666);
		if (r < 0)
			die(EXIT_FAIL, "%s: %s", s->options->output,
				strerror(-r));
	} else if (binary && isatty(STDOUT_FILENO)) {
		warn_msg("%zu bytes that are no text: -o FILE saves them",
			all.n);
		return EXIT_FAIL;
	} else {
		show_text(all);
	}
	return EXIT_OK;
}

int verb_read(struct session *s, struct str params, char **argv, int argc)
{
	struct json_cursor c;
	struct str item;
	struct buf bytes;
	(void)argc;
	struct str result = session_ask(s, "resources/read", params, NULL);
	struct str contents = json_member(result, "contents");
	if (s->options->json) {
		print_str(result);
		print("\n");
		return EXIT_OK;
	}
	buf_init(&bytes, TEXT_MAX);
	if (contents.p && json_open(&c, contents) && !c.object)
		while (json_next(&c, NULL, &item))
			if (!put_bytes(&bytes, item))
				die(EXIT_FAIL,
					"%s: its contents are neither text "
					"nor base64",
					argv[0]);
	int status = show_bytes(s, &bytes);
	buf_fini(&bytes);
	return status;
}

/* ------------------------------------------------------------------ prompts */

int verb_prompts(struct session *s, struct str params, char **argv, int argc)
{
	struct buf items, array;
	struct json_cursor c;
	struct str item;
	struct table t;
	(void)params;
	(void)argv;
	(void)argc;
	buf_init(&items, TEXT_MAX);
	buf_init(&array, TEXT_MAX);
	read_list(s, &prompts, false, &items);
	table_init(&t, 3);
	if (s->options->json)
		print_json("prompts", &items);
	else
		while (next_item(&array, &c, &items, &item)) {
			table_put_raw(&t, json_member(item, "name"));
			put_arguments(&t, json_member(item, "arguments"));
			table_put_raw(&t, json_member(item, "description"));
		}
	table_print(&t);
	buf_fini(&items);
	buf_fini(&array);
	return EXIT_OK;
}

void prepare_get(struct buf *params, char **argv, int argc)
{
	struct json_writer w = {.out = params};
	json_w_key(&w, "name");
	json_w_text(&w, argv[0]);
	json_w_key(&w, "arguments");
	values_put(params, argv + 1, argc - 1, true);
}

int verb_get(struct session *s, struct str params, char **argv, int argc)
{
	struct json_cursor c;
	struct str item;
	(void)argv;
	(void)argc;
	struct str result = session_ask(s, "prompts/get", params, NULL);
	struct str messages = json_member(result, "messages");
	if (s->options->json) {
		print_str(result);
		print("\n");
		return EXIT_OK;
	}
	if (!messages.p || !json_open(&c, messages) || c.object)
		return EXIT_OK;
	while (json_next(&c, NULL, &item)) {
		struct str role = json_member(item, "role");
		if (role.p && json_type_of(role) == JSON_STRING) {
			show_text(str_from(role.p + 1, role.n - 2));
			show_text(STR(": "));
		}
		show_content(json_member(item, "content"));
	}
	return EXIT_OK;
}

/* --------------------------------------------------------------- completion */

void prepare_complete(struct buf *params, char **argv, int argc)
{
	struct json_writer w = {.out = params};
	bool is_uri = strstr(argv[0], ":/") != NULL;
	struct str value = str_of(argv[1]);
	struct str name = str_cut(&value, '=');
	if (!value.p)
		die_usage("'%s': what is to be completed is NAME=BEGINNING",
			argv[1]);
	json_w_key(&w, "ref");
	json_w_open(&w, '{');
	json_w_key(&w, "type");
	json_w_text(&w, is_uri ? "ref/resource" : "ref/prompt");
	json_w_key(&w, is_uri ? "uri" : "name");
	json_w_text(&w, argv[0]);
	json_w_close(&w, '}');
	json_w_key(&w, "argument");
	json_w_open(&w, '{');
	json_w_key(&w, "name");
	json_w_str(&w, name);
	json_w_key(&w, "value");
	json_w_str(&w, value);
	json_w_close(&w, '}');
	if (argc == 2)
		return;
	json_w_key(&w, "context");
	json_w_open(&w, '{');
	json_w_key(&w, "arguments");
	values_put(params, argv + 2, argc - 2, true);
	json_w_close(&w, '}');
}

int verb_complete(struct session *s, struct str params, char **argv, int argc)
{
	struct json_cursor c;
	struct str item;
	struct table t;
	(void)argv;
	(void)argc;
	struct str result = session_ask(s, "completion/complete", params, NULL);
	struct str values =
		json_member(json_member(result, "completion"), "values");
	if (s->options->json) {
		print_str(result);
		print("\n");
		return EXIT_OK;
	}
	table_init(&t, 1);
	if (values.p && json_open(&c, values) && !c.object)
		while (json_next(&c, NULL, &item))
			table_put_raw(&t, item);
	table_print(&t);
	return EXIT_OK;
}

/* --------------------------------------------------------------------- ping */

int verb_ping(struct session *s, struct str params, char **argv, int argc)
{
	struct buf server;
	(void)params;
	(void)argv;
	(void)argc;
	uint64_t begun = clock_us();
	/* the modern era has no ping; this is as small */
	(void)session_ask(s, s->era == MCP_MODERN ? "server/discover" : "ping",
		STR(""), NULL);
	uint64_t us = clock_us() - begun;
	if (s->options->json) {
		print("{\"us\":%llu,\"server\":", (unsigned long long)us);
		print_str(buf_str(&s->hello));
		print("}\n");
		return EXIT_OK;
	}
	buf_init(&server, 1 << 20);
	session_put_server(&server, s);
	print_str(buf_str(&server));
	print(": %llu.%03llu ms\n", (unsigned long long)(us / 1000),
		(unsigned long long)(us % 1000));
	buf_fini(&server);
	return EXIT_OK;
}
