/* SPDX-License-Identifier: MIT */
/* net/mcp_items.c - what one server lists. */
#include "net/mcp_items.h"

#include <errno.h>

#include "lib/json.h"
#include "lib/mem.h"

const struct mcp_words *mcp_words(enum mcp_kind kind)
{
	static const struct mcp_words words[MCP_KINDS] = {
		[MCP_TOOLS] = {"tool", "tools/list", "tools", "name", "tools",
			"notifications/tools/list_changed"},
		[MCP_PROMPTS] = {"prompt", "prompts/list", "prompts", "name",
			"prompts", "notifications/prompts/list_changed"},
		[MCP_RESOURCES] = {"resource", "resources/list", "resources",
			"uri", "resources",
			"notifications/resources/list_changed"},
		[MCP_TEMPLATES] = {"template", "resources/templates/list",
			"resourceTemplates", "uriTemplate", "resources",
			"notifications/resources/list_changed"},
	};
	return &words[kind];
}

void mcp_items_init(struct mcp_items *t)
{
	*t = (struct mcp_items){0};
	buf_init(&t->text, MCP_ITEMS_BYTES_MAX);
}

void mcp_items_fini(struct mcp_items *t)
{
	buf_fini(&t->text);
	mem_free(t->item);
	mcp_items_init(t);
}

static int reserve(struct mcp_items *t)
{
	if (t->n < t->cap)
		return 0;
	size_t cap = t->cap ? 2 * t->cap : 16;
	struct mcp_item *item = mem_resize(t->item, cap * sizeof(*item));
	if (!item)
		return -ENOMEM;
	t->item = item;
	t->cap = cap;
	return 0;
}

static int add(struct mcp_items *t, struct str raw, const char *key)
{
	const char *const names[] = {key};
	struct str k;
	/* with two keys, its clients could use it by the other one */
	if (!json_pick(raw, names, &k, 1) || !k.p ||
		json_type_of(k) != JSON_STRING)
		return -EPROTO;
	if (t->n == MCP_ITEMS_MAX)
		return -E2BIG;
	int r = reserve(t);
	if (r < 0)
		return r;
	size_t at = t->text.n;
	buf_put_str(&t->text, raw);
	if (t->text.err)
		return t->text.err == -ENOMEM ? -ENOMEM : -E2BIG;
	t->item[t->n++] = (struct mcp_item){.at = at,
		.len = raw.n,
		.key_at = at + (size_t)(k.p - raw.p),
		.key_len = k.n,
		.marked = str_has(raw, STR("x-mcp-header"))};
	return 0;
}

int mcp_items_add_page(struct mcp_items *t, enum mcp_kind kind,
	struct str result, struct str *cursor)
{
	const struct mcp_words *w = mcp_words(kind);
	const char *const names[] = {w->member, "nextCursor"};
	struct json_cursor c;
	struct str item, v[2];
	if (!json_pick(result, names, v, 2) || !v[0].p ||
		!json_open(&c, v[0]) || c.object)
		return -EPROTO;
	while (json_next(&c, NULL, &item)) {
		int r = add(t, item, w->key);
		if (r < 0)
			return r;
	}
	*cursor = v[1];
	if (cursor->p && json_type_of(*cursor) != JSON_STRING)
		*cursor = (struct str){NULL, 0};
	return 0;
}

bool mcp_items_equal(const struct mcp_items *a, const struct mcp_items *b)
{
	return a->n == b->n && str_eq(buf_str(&a->text), buf_str(&b->text));
}

struct str mcp_item_raw(const struct mcp_items *t, size_t i)
{
	return str_from(buf_str(&t->text).p + t->item[i].at, t->item[i].len);
}

struct str mcp_item_key(const struct mcp_items *t, size_t i)
{
	return str_from(
		buf_str(&t->text).p + t->item[i].key_at, t->item[i].key_len);
}
