/* SPDX-License-Identifier: MIT */
/* net/mcp_tools.c - the tools of one server. */
#include "net/mcp_tools.h"

#include <errno.h>

#include "lib/json.h"
#include "lib/mem.h"

void mcp_tools_init(struct mcp_tools *t)
{
	*t = (struct mcp_tools){0};
	buf_init(&t->text, MCP_TOOLS_BYTES_MAX);
}

void mcp_tools_fini(struct mcp_tools *t)
{
	buf_fini(&t->text);
	mem_free(t->tool);
	mcp_tools_init(t);
}

static int reserve(struct mcp_tools *t)
{
	if (t->n < t->cap)
		return 0;
	size_t cap = t->cap ? 2 * t->cap : 16;
	struct mcp_tool *tool = mem_resize(t->tool, cap * sizeof(*tool));
	if (!tool)
		return -ENOMEM;
	t->tool = tool;
	t->cap = cap;
	return 0;
}

static int add(struct mcp_tools *t, struct str raw)
{
	static const char *const names[] = {"name"};
	struct str name;
	/* with two names, its clients could call it by the other one */
	if (!json_pick(raw, names, &name, 1) || !name.p ||
		json_type_of(name) != JSON_STRING)
		return -EPROTO;
	if (t->n == MCP_TOOLS_MAX)
		return -E2BIG;
	int r = reserve(t);
	if (r < 0)
		return r;
	size_t at = t->text.n;
	buf_put_str(&t->text, raw);
	if (t->text.err)
		return t->text.err == -ENOMEM ? -ENOMEM : -E2BIG;
	t->tool[t->n++] = (struct mcp_tool){.at = at,
		.len = raw.n,
		.name_at = at + (size_t)(name.p - raw.p),
		.name_len = name.n};
	return 0;
}

int mcp_tools_add_page(
	struct mcp_tools *t, struct str result, struct str *cursor)
{
	static const char *const names[] = {"tools", "nextCursor"};
	struct json_cursor c;
	struct str tool, v[2];
	if (!json_pick(result, names, v, 2) || !v[0].p ||
		!json_open(&c, v[0]) || c.object)
		return -EPROTO;
	while (json_next(&c, NULL, &tool)) {
		int r = add(t, tool);
		if (r < 0)
			return r;
	}
	*cursor = v[1];
	if (cursor->p && json_type_of(*cursor) != JSON_STRING)
		*cursor = (struct str){NULL, 0};
	return 0;
}

bool mcp_tools_equal(const struct mcp_tools *a, const struct mcp_tools *b)
{
	return a->n == b->n && str_eq(buf_str(&a->text), buf_str(&b->text));
}

struct str mcp_tool_raw(const struct mcp_tools *t, size_t i)
{
	return str_from(buf_str(&t->text).p + t->tool[i].at, t->tool[i].len);
}

struct str mcp_tool_name(const struct mcp_tools *t, size_t i)
{
	return str_from(
		buf_str(&t->text).p + t->tool[i].name_at, t->tool[i].name_len);
}
