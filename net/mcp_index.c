/* SPDX-License-Identifier: MIT */
/* net/mcp_index.c - all tools of a set of servers under clients' names. */
#include "net/mcp_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/size.h"

enum { LIST_MAX = 256 << 20, NAMES_MAX = 64 << 20 };

void mcp_index_init(struct mcp_index *x)
{
	*x = (struct mcp_index){0};
	buf_init(&x->list, LIST_MAX);
	buf_init(&x->names, NAMES_MAX);
}

void mcp_index_fini(struct mcp_index *x)
{
	buf_fini(&x->list);
	buf_fini(&x->names);
	mem_free(x->entry);
	mcp_index_init(x);
}

static struct str name_of(const struct mcp_index *x, const struct mcp_entry *e)
{
	return str_from(buf_str(&x->names).p + e->name_at, e->name_len);
}

static int compare_str(struct str a, struct str b)
{
	size_t n = size_min(a.n, b.n);
	int d = n ? memcmp(a.p, b.p, n) : 0;
	return d ? d : (a.n > b.n) - (a.n < b.n);
}

static int compare_entries(const void *a, const void *b, void *index)
{
	const struct mcp_entry *ea = a, *eb = b;
	int d = compare_str(name_of(index, ea), name_of(index, eb));
	return d ? d : (ea->order > eb->order) - (ea->order < eb->order);
}

/* the tool's JSON, with its name prefixed where that is due */
static void add_tool(
	struct mcp_index *x, struct mcp_upstream *u, size_t tool, bool prefixed)
{
	struct mcp_entry *e = &x->entry[x->n];
	struct str raw = mcp_tool_raw(&u->tools, tool);
	struct str raw_name = mcp_tool_name(&u->tools, tool);
	*e = (struct mcp_entry){.name_at = x->names.n,
		.order = x->n,
		.upstream = u,
		.tool = tool};
	if (prefixed)
		buf_putf(&x->names, "%s_", u->config->name);
	json_unquote(&x->names, raw_name);
	e->name_len = x->names.n - e->name_at;
	if (x->names.err)
		return;
	if (x->n++)
		buf_putc(&x->list, ',');
	if (!prefixed) {
		buf_put_str(&x->list, raw);
		return;
	}
	size_t before = (size_t)(raw_name.p - raw.p);
	buf_put_str(&x->list, str_first(raw, before));
	json_quote(&x->list, name_of(x, e));
	buf_put_str(&x->list, str_from_index(raw, before + raw_name.n));
}

int mcp_index_build(
	struct mcp_index *x, struct mcp_upstream *const *set, size_t n)
{
	struct mcp_index fresh;
	size_t serving = 0, tools = 0;
	mcp_index_init(&fresh);
	for (size_t i = 0; i < n; i++) {
		serving += set[i]->config->serve_tools;
		tools += set[i]->tools.n;
	}
	fresh.entry = mem_new_array(tools, sizeof(*fresh.entry));
	if (!fresh.entry)
		return -ENOMEM;
	buf_puts(&fresh.list, "{\"tools\":[");
	for (size_t i = 0; i < n; i++) {
		if (!set[i]->config->serve_tools)
			continue;
		for (size_t t = 0; t < set[i]->tools.n; t++)
			add_tool(&fresh, set[i], t, serving > 1);
	}
	buf_puts(&fresh.list, "]}");
	if (fresh.list.err || fresh.names.err) {
		mcp_index_fini(&fresh);
		return -ENOMEM;
	}
	qsort_r(fresh.entry, fresh.n, sizeof(*fresh.entry), compare_entries,
		&fresh);
	mcp_index_fini(x);
	*x = fresh;
	return 0;
}

const struct mcp_entry *mcp_index_find(
	const struct mcp_index *x, struct str name)
{
	size_t low = 0, high = x->n;
	/* the first entry that is not below name */
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (compare_str(name_of(x, &x->entry[mid]), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < x->n && str_eq(name_of(x, &x->entry[low]), name))
		return &x->entry[low];
	return NULL;
}
