/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_links.c - URIs inside the results of servers, as clients know them.
 *
 * input: untrusted
 */
#include "net/mcp_links.h"

#include "lib/size.h"

enum {
	LINKS_MAX = 256,
	LINKS_BYTES_MAX = 1 << 20,
	EDITS_MAX = LINKS_MAX + MCP_ERA_EDITS,
};

struct links {
	const struct mcp_index *index;
	const struct mcp_upstream *upstream;
	struct str at[LINKS_MAX];   /* raw URIs in the text */
	size_t from[LINKS_MAX + 1]; /* of their replacements, in text */
	size_t n;
	struct buf text;
};

static void add(struct links *l, struct str raw)
{
	struct buf plain, shown;
	if (!raw.p || json_type_of(raw) != JSON_STRING || l->n == LINKS_MAX)
		return;
	buf_init(&plain, LINKS_BYTES_MAX);
	buf_init(&shown, 2 * LINKS_BYTES_MAX);
	json_unquote(&plain, raw);
	if (!plain.err && mcp_index_show_uri(&shown, l->index, l->upstream,
				  buf_str(&plain))) {
		l->at[l->n] = raw;
		l->from[l->n++] = l->text.n;
		json_quote(&l->text, buf_str(&shown));
	}
	buf_fini(&plain);
	buf_fini(&shown);
}

/* a content block: resource_link has its URI, resource holds one that has */
static void add_block(struct links *l, struct str block)
{
	static const char *const names[] = {"type", "uri", "resource"};
	struct str v[3];
	if (!json_pick(block, names, v, 3) || !v[0].p)
		return;
	if (json_str_is(v[0], STR("resource_link")))
		add(l, v[1]);
	else if (json_str_is(v[0], STR("resource")) && v[2].p)
		add(l, json_member(v[2], "uri"));
}

/* one block, or a list of them */
static void add_blocks(struct links *l, struct str raw)
{
	struct json_cursor c;
	struct str block;
	if (!raw.p || !json_open(&c, raw))
		return;
	if (c.object)
		add_block(l, raw);
	else
		while (json_next(&c, NULL, &block))
			add_block(l, block);
}

static void add_contents(struct links *l, struct str raw)
{
	struct json_cursor c;
	struct str item;
	if (raw.p && json_open(&c, raw) && !c.object)
		while (json_next(&c, NULL, &item))
			add(l, json_member(item, "uri"));
}

static void add_messages(struct links *l, struct str raw)
{
	struct json_cursor c;
	struct str item;
	if (raw.p && json_open(&c, raw) && !c.object)
		while (json_next(&c, NULL, &item))
			add_blocks(l, json_member(item, "content"));
}

static size_t put_sorted(
	struct jsonrpc_edit *all, size_t n, struct jsonrpc_edit e)
{
	size_t i = n;
	for (; i > 0 && all[i - 1].at.p > e.at.p; i--)
		all[i] = all[i - 1];
	all[i] = e;
	return n + 1;
}

void mcp_links_put(struct buf *out, const struct mcp_index *x,
	const struct mcp_upstream *u, struct str text,
	const struct mcp_edits *given)
{
	static const char *const names[] = {
		"content", "contents", "messages", "result"};
	struct links l = {.index = x, .upstream = u};
	struct jsonrpc_edit edits[EDITS_MAX];
	struct str v[ARRAY_LEN(names)];
	size_t n = 0;
	buf_init(&l.text, (size_t)4 * LINKS_BYTES_MAX);
	if (json_pick(
		    json_member(text, "result"), names, v, ARRAY_LEN(names))) {
		add_blocks(&l, v[0]);
		add_contents(&l, v[1]);
		add_messages(&l, v[2]);
		/* of a task that is done */
		if (v[3].p)
			add_blocks(&l, json_member(v[3], "content"));
	}
	l.from[l.n] = l.text.n;
	if (l.text.err)
		l.n = 0;
	for (size_t i = 0; i < given->n; i++)
		n = put_sorted(edits, n, given->e[i]);
	for (size_t i = 0; i < l.n; i++)
		n = put_sorted(edits, n,
			(struct jsonrpc_edit){l.at[i],
				str_from(buf_str(&l.text).p + l.from[i],
					l.from[i + 1] - l.from[i])});
	jsonrpc_put_edited(out, text, edits, n);
	buf_fini(&l.text);
}
