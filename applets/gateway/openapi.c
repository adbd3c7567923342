/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/openapi.c - an OpenAPI document without what a server
 * offers as MCP tools already.
 *
 * input: untrusted
 */
#include "applets/gateway/openapi.h"

#include "lib/json.h"
#include "lib/size.h"

enum { ROUTE_MAX = 8192 };

static struct str without_slash(struct str path)
{
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

/* the raw "METHOD /path" of a tool; p == NULL: none */
static struct str route_of(const struct mcp_items *tools, size_t i)
{
	struct str raw = json_member(mcp_item_raw(tools, i), "annotations");
	if (raw.p)
		raw = json_member(raw, "_route");
	if (raw.p && json_type_of(raw) != JSON_STRING)
		raw.p = NULL;
	return raw;
}

static bool is_covered(
	const struct mcp_items *tools, struct str method, struct str path)
{
	bool covered = false;
	for (size_t i = 0; !covered && i < tools->n; i++) {
		struct str raw = route_of(tools, i);
		struct buf text;
		if (!raw.p)
			continue;
		buf_init(&text, ROUTE_MAX);
		json_unquote(&text, raw);
		struct str rest = buf_str(&text);
		struct str its_method = str_cut(&rest, ' ');
		covered = rest.p && str_eq_nocase(its_method, method) &&
			  str_eq(without_slash(str_trim(rest)),
				  without_slash(path));
		buf_fini(&text);
	}
	return covered;
}

static bool is_operation(struct str key)
{
	static const char *const methods[] = {"get", "put", "post", "delete",
		"options", "head", "patch", "trace"};
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq_nocase(key, str_of(methods[i])))
			return true;
	return false;
}

static void put_member(
	struct buf *out, bool *comma, struct str key, struct str value)
{
	if (*comma)
		buf_putc(out, ',');
	*comma = true;
	buf_putc(out, '"');
	buf_put_str(out, key);
	buf_puts(out, "\":");
	buf_put_str(out, value);
}

/* what is left of a path item; false: nothing that anybody needs */
static bool put_item(struct buf *out, struct str item, struct str path,
	const struct mcp_items *tools)
{
	struct json_cursor c;
	struct str key, value;
	bool comma = false, needed = false;
	if (!json_open(&c, item) || !c.object)
		return false;
	buf_putc(out, '{');
	while (json_next(&c, &key, &value)) {
		bool operation = is_operation(key);
		if (operation && is_covered(tools, key, path))
			continue;
		needed = needed || operation || json_key_is(key, "$ref");
		put_member(out, &comma, key, value);
	}
	buf_putc(out, '}');
	return needed;
}

static void put_paths(
	struct buf *out, struct str paths, const struct mcp_items *tools)
{
	struct json_cursor c;
	struct str key, value;
	bool comma = false, labelled = false;
	for (size_t i = 0; !labelled && i < tools->n; i++)
		labelled = route_of(tools, i).p;
	buf_putc(out, '{');
	(void)json_open(&c, paths);
	while (labelled && json_next(&c, &key, &value)) {
		struct buf left, path, quoted;
		buf_init(&left, value.n + 2);
		buf_init(&path, ROUTE_MAX);
		buf_init(&quoted, key.n + 2);
		buf_putc(&quoted, '"');
		buf_put_str(&quoted, key);
		buf_putc(&quoted, '"');
		json_unquote(&path, buf_str(&quoted));
		if (put_item(&left, value, buf_str(&path), tools))
			put_member(out, &comma, key, buf_str(&left));
		buf_fini(&left);
		buf_fini(&path);
		buf_fini(&quoted);
	}
	buf_putc(out, '}');
}

bool openapi_filter(
	struct buf *out, struct str document, const struct mcp_items *tools)
{
	size_t offset;
	if (json_check(document, &offset) != 0 ||
		json_type_of(str_trim(document)) != JSON_OBJECT)
		return false;
	struct str paths = json_member(document, "paths");
	if (tools->n == 0 || !paths.p || json_type_of(paths) != JSON_OBJECT) {
		buf_put_str(out, document);
		return !out->err;
	}
	size_t before = (size_t)(paths.p - document.p);
	buf_put_str(out, str_first(document, before));
	put_paths(out, paths, tools);
	buf_put_str(out, str_from_index(document, before + paths.n));
	return !out->err;
}
