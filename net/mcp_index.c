/* SPDX-License-Identifier: MIT */
/* net/mcp_index.c - all tools of a set of servers under clients' names. */
#include "net/mcp_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
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

static int compare_orders(const void *a, const void *b)
{
	const struct mcp_entry *ea = a, *eb = b;
	return (ea->order > eb->order) - (ea->order < eb->order);
}

static void sort_by_name(struct mcp_index *x)
{
	qsort_r(x->entry, x->n, sizeof(*x->entry), compare_entries, x);
}

static void add_entry(
	struct mcp_index *x, struct mcp_upstream *u, size_t tool, bool prefixed)
{
	struct mcp_entry *e = &x->entry[x->n];
	*e = (struct mcp_entry){.name_at = x->names.n,
		.order = x->n,
		.prefixed = prefixed,
		.upstream = u,
		.tool = tool};
	if (prefixed)
		buf_putf(&x->names, "%s_", u->config->name);
	json_unquote(&x->names, mcp_tool_name(&u->tools, tool));
	e->name_len = x->names.n - e->name_at;
	x->n++;
}

/* a client that sees a name twice may refuse the whole list */
static void drop_duplicates(struct mcp_index *x)
{
	size_t kept = 0;
	for (size_t i = 0; i < x->n; i++) {
		struct str name = name_of(x, &x->entry[i]);
		if (kept && str_eq(name, name_of(x, &x->entry[kept - 1])))
			log_warn(
				"server %s: tool %.*s exists already, left out",
				x->entry[i].upstream->config->name,
				STR_FMT(str_first(name, 200)));
		else
			x->entry[kept++] = x->entry[i];
	}
	x->n = kept;
}

/* the tool's JSON, with its name prefixed where that is due */
static void put_tool(struct mcp_index *x, const struct mcp_entry *e)
{
	const struct mcp_tools *tools = &e->upstream->tools;
	struct str raw = mcp_tool_raw(tools, e->tool);
	struct str raw_name = mcp_tool_name(tools, e->tool);
	if (!e->prefixed) {
		buf_put_str(&x->list, raw);
		return;
	}
	size_t before = (size_t)(raw_name.p - raw.p);
	buf_put_str(&x->list, str_first(raw, before));
	json_quote(&x->list, name_of(x, e));
	buf_put_str(&x->list, str_from_index(raw, before + raw_name.n));
}

static void put_list(struct mcp_index *x)
{
	qsort(x->entry, x->n, sizeof(*x->entry), compare_orders);
	buf_puts(&x->list, "{\"tools\":[");
	for (size_t i = 0; i < x->n; i++) {
		if (i)
			buf_putc(&x->list, ',');
		put_tool(x, &x->entry[i]);
	}
	buf_puts(&x->list, "]}");
}

static int fill(struct mcp_index *x, struct mcp_upstream *const *set, size_t n)
{
	size_t serving = 0, tools = 0;
	for (size_t i = 0; i < n; i++) {
		serving += set[i]->config->serve_tools;
		tools += set[i]->tools.n;
	}
	x->entry = mem_new_array(tools, sizeof(*x->entry));
	if (!x->entry)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; t < set[i]->tools.n; t++)
			if (set[i]->config->serve_tools)
				add_entry(x, set[i], t, serving > 1);
	if (x->names.err)
		return -ENOMEM;
	sort_by_name(x);
	drop_duplicates(x);
	put_list(x);
	sort_by_name(x);
	return x->list.err ? -ENOMEM : 0;
}

int mcp_index_build(
	struct mcp_index *x, struct mcp_upstream *const *set, size_t n)
{
	struct mcp_index fresh;
	mcp_index_init(&fresh);
	int r = fill(&fresh, set, n);
	if (r < 0) {
		mcp_index_fini(&fresh);
		return r;
	}
	mcp_index_fini(x);
	*x = fresh;
	return 0;
}

void mcp_index_forget(struct mcp_index *x, const struct mcp_upstream *u)
{
	size_t kept = 0;
	for (size_t i = 0; i < x->n; i++)
		if (x->entry[i].upstream != u)
			x->entry[kept++] = x->entry[i];
	x->n = kept;
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
