/* SPDX-License-Identifier: MIT */
/* net/mcp_index.c - all that a set of servers has, under clients' names. */
#include "net/mcp_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/mcp_enums.h"
#include "net/mcp_greeting.h"
#include "net/mcp_uri.h"

enum {
	LIST_MAX = 256 << 20,
	NAMES_MAX = 64 << 20,
	GREETING_MAX = 8 << 20,
};

static void table_init(struct mcp_table *t, enum mcp_kind kind)
{
	*t = (struct mcp_table){.kind = kind};
	buf_init(&t->list, LIST_MAX);
	buf_init(&t->names, NAMES_MAX);
	for (unsigned i = 0; i < ROLES; i++)
		buf_init(&t->role_list[i], LIST_MAX);
}

void mcp_index_init(struct mcp_index *x)
{
	for (unsigned k = 0; k < MCP_KINDS; k++)
		table_init(&x->table[k], (enum mcp_kind)k);
	buf_init(&x->greeting, GREETING_MAX);
	for (unsigned i = 0; i < ROLES; i++)
		buf_init(&x->role_greeting[i], GREETING_MAX);
	x->renamed = false;
	x->naming = NULL;
	x->restricted = false;
}

void mcp_index_fini(struct mcp_index *x)
{
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		buf_fini(&x->table[k].list);
		buf_fini(&x->table[k].names);
		for (unsigned i = 0; i < ROLES; i++)
			buf_fini(&x->table[k].role_list[i]);
		mem_free(x->table[k].entry);
	}
	buf_fini(&x->greeting);
	for (unsigned i = 0; i < ROLES; i++)
		buf_fini(&x->role_greeting[i]);
	mcp_index_init(x);
}

/* -------------------------------------------------------------- sorting */

static struct str name_of(const struct mcp_table *t, const struct mcp_entry *e)
{
	return str_from(buf_str(&t->names).p + e->name_at, e->name_len);
}

struct str mcp_entry_key(const struct mcp_table *t, const struct mcp_entry *e)
{
	return mcp_item_key(&e->upstream->items[t->kind], e->item);
}

static int compare_str(struct str a, struct str b)
{
	size_t n = size_min(a.n, b.n);
	int d = n ? memcmp(a.p, b.p, n) : 0;
	return d ? d : (a.n > b.n) - (a.n < b.n);
}

static int compare_entries(const void *a, const void *b, void *table)
{
	const struct mcp_entry *ea = a, *eb = b;
	int d = compare_str(name_of(table, ea), name_of(table, eb));
	return d ? d : (ea->order > eb->order) - (ea->order < eb->order);
}

static int compare_orders(const void *a, const void *b)
{
	const struct mcp_entry *ea = a, *eb = b;
	return (ea->order > eb->order) - (ea->order < eb->order);
}

static void sort_by_name(struct mcp_table *t)
{
	qsort_r(t->entry, t->n, sizeof(*t->entry), compare_entries, t);
}

/* ------------------------------------------------------------- building */

/* who may use an item, and whether it may change something */
static void set_rights(struct mcp_table *t, struct mcp_entry *e)
{
	const struct mcp_roles *roles = e->upstream->config->roles;
	struct buf name;
	e->roles = mcp_roles_server(roles);
	if (t->kind != MCP_TOOLS)
		return;
	struct str hints =
		json_member(mcp_item_raw(&e->upstream->items[t->kind], e->item),
			"annotations");
	struct str reads = hints.p ? json_member(hints, "readOnlyHint")
				   : (struct str){NULL, 0};
	e->mutates = !reads.p || !str_is(reads, "true");
	if (!roles)
		return;
	buf_init(&name, NAMES_MAX);
	json_unquote(&name, mcp_entry_key(t, e));
	e->roles = name.err ? 0 : mcp_roles_tool(roles, buf_str(&name));
	buf_fini(&name);
}

static void add_entry(struct mcp_table *t, struct mcp_upstream *u, size_t item)
{
	struct mcp_entry *e = &t->entry[t->n];
	*e = (struct mcp_entry){.name_at = t->names.n,
		.order = t->n,
		.upstream = u,
		.item = item};
	json_unquote(&t->names, mcp_entry_key(t, e));
	e->name_len = t->names.n - e->name_at;
	set_rights(t, e);
	t->restricted |= e->roles != ROLES_ALL;
	t->n++;
}

static void put_prefix(struct mcp_table *t, struct mcp_entry *e,
	const struct mcp_naming *naming)
{
	e->name_at = t->names.n;
	buf_puts(&t->names, e->upstream->config->name);
	buf_puts(&t->names, mcp_naming_separator(naming));
	json_unquote(&t->names, mcp_entry_key(t, e));
	e->name_len = t->names.n - e->name_at;
	e->renamed = true;
}

/* of the servers that have one name each gets its prefix, whoever is first */
static void prefix_equals(struct mcp_table *t, const struct mcp_naming *naming)
{
	size_t n;
	sort_by_name(t);
	for (size_t i = 0; i < t->n; i += n) {
		struct str name = name_of(t, &t->entry[i]);
		bool several = false;
		for (n = 1; i + n < t->n; n++) {
			if (!str_eq(name_of(t, &t->entry[i + n]), name))
				break;
			several = several || t->entry[i + n].upstream !=
						     t->entry[i].upstream;
		}
		for (size_t k = i; several && k < i + n; k++)
			put_prefix(t, &t->entry[k], naming);
	}
}

/* the names of tools and prompts, and which tools are left */
static void name_all(
	struct mcp_table *t, const struct mcp_naming *naming, size_t serving)
{
	bool all = naming->prefix == MCP_PREFIX_ALWAYS ||
		   (naming->prefix == MCP_PREFIX_AUTO && serving > 1);
	size_t kept = 0;
	for (size_t i = 0; all && i < t->n; i++)
		put_prefix(t, &t->entry[i], naming);
	if (naming->prefix == MCP_PREFIX_ON_COLLISION)
		prefix_equals(t, naming);
	for (size_t i = 0; i < t->n && !t->names.err; i++) {
		struct mcp_entry e = t->entry[i];
		struct str name = name_of(t, &e);
		if (t->kind == MCP_TOOLS && !mcp_naming_allows(naming, name))
			continue;
		if (name.n > MCP_SHOWN_MAX) {
			e.name_at = t->names.n;
			/* it grows, and the name lies in it */
			if (buf_reserve(&t->names, name.n))
				buf_put_str(
					&t->names, name_of(t, &t->entry[i]));
			e.renamed = mcp_name_shorten(&t->names, e.name_at);
			e.name_len = t->names.n - e.name_at;
		}
		t->entry[kept++] = e;
	}
	t->n = kept;
}

/* of the servers that list one URI the first has it as it is */
static void rename_equals(struct mcp_table *t)
{
	struct buf uri;
	size_t first = 0;
	buf_init(&uri, MCP_ITEMS_BYTES_MAX);
	for (size_t i = 1; i < t->n; i++) {
		struct mcp_entry *e = &t->entry[i];
		if (!str_eq(name_of(t, e), name_of(t, &t->entry[first]))) {
			first = i;
			continue;
		}
		if (e->upstream == t->entry[first].upstream)
			continue;
		buf_reset(&uri);
		size_t inserted = mcp_uri_insert(
			&uri, name_of(t, e), e->upstream->config->name);
		struct mcp_entry renamed = *e;
		renamed.renamed = true;
		renamed.inserted = inserted;
		renamed.name_at = t->names.n;
		renamed.name_len = uri.n;
		buf_put_str(&t->names, buf_str(&uri));
		*e = renamed;
	}
	buf_fini(&uri);
}

/* a client that sees a name twice may refuse the whole list */
static void drop_duplicates(struct mcp_table *t)
{
	size_t kept = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct str name = name_of(t, &t->entry[i]);
		if (kept && str_eq(name, name_of(t, &t->entry[kept - 1])))
			log_warn("server %s: %s %.*s exists already, left out",
				t->entry[i].upstream->config->name,
				mcp_words(t->kind)->noun,
				STR_FMT(str_first(name, 200)));
		else
			t->entry[kept++] = t->entry[i];
	}
	t->n = kept;
}

/* the item's JSON, with its name as clients see it */
static void put_item(
	struct buf *out, const struct mcp_table *t, const struct mcp_entry *e)
{
	struct str raw = mcp_item_raw(&e->upstream->items[t->kind], e->item);
	struct str key = mcp_entry_key(t, e);
	struct jsonrpc_edit edits[2];
	struct buf name, schema;
	size_t n = 0;
	buf_init(&name, NAMES_MAX);
	buf_init(&schema, LIST_MAX);
	if (e->renamed) {
		json_quote(&name, name_of(t, e));
		edits[n++] = (struct jsonrpc_edit){key, buf_str(&name)};
	}
	struct str odd = t->kind == MCP_TOOLS ? json_member(raw, "inputSchema")
					      : (struct str){NULL, 0};
	if (odd.p && mcp_enums_odd(odd)) {
		mcp_enums_put(&schema, odd);
		n = jsonrpc_add_edit(edits, n, odd, buf_str(&schema));
	}
	if (n)
		jsonrpc_put_edited(out, raw, edits, n);
	else
		buf_put_str(out, raw);
	if (name.err || schema.err)
		out->err = -ENOMEM;
	buf_fini(&name);
	buf_fini(&schema);
}

/* what these roles (bits) may use, in the order of configuration */
static void put_list(struct buf *out, const struct mcp_table *t, unsigned roles)
{
	const char *comma = "";
	buf_putf(out, "{\"%s\":[", mcp_words(t->kind)->member);
	for (size_t i = 0; i < t->n; i++) {
		if (!(t->entry[i].roles & roles))
			continue;
		buf_puts(out, comma);
		put_item(out, t, &t->entry[i]);
		comma = ",";
	}
	buf_puts(out, "]}");
}

static int put_lists(struct mcp_table *t)
{
	int err = 0;
	qsort(t->entry, t->n, sizeof(*t->entry), compare_orders);
	/* also what nobody may use: a change of it is a change */
	put_list(&t->list, t, ~0u);
	for (unsigned i = 0; t->restricted && i < ROLES; i++) {
		put_list(&t->role_list[i], t, 1u << i);
		err |= t->role_list[i].err;
	}
	return t->list.err || err ? -ENOMEM : 0;
}

/* what a role is greeted with: the servers that it finds, together */
static int put_greetings(
	struct mcp_index *x, struct mcp_upstream *const *set, size_t n)
{
	int err = 0;
	mcp_greeting_put(&x->greeting, set, n);
	for (size_t i = 0; i < n; i++)
		x->restricted |=
			mcp_roles_server(set[i]->config->roles) != ROLES_ALL;
	if (!x->restricted)
		return x->greeting.err ? -ENOMEM : 0;
	struct mcp_upstream **found = mem_new_array(n, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (unsigned role = 0; role < ROLES; role++) {
		size_t k = 0;
		for (size_t i = 0; i < n; i++)
			if (mcp_roles_server(set[i]->config->roles) &
				1u << role)
				found[k++] = set[i];
		mcp_greeting_put(&x->role_greeting[role], found, k);
		err |= x->role_greeting[role].err;
	}
	mem_free(found);
	return x->greeting.err || err ? -ENOMEM : 0;
}

static size_t count_serving(struct mcp_upstream *const *set, size_t n)
{
	size_t serving = 0;
	for (size_t i = 0; i < n; i++)
		serving += set[i]->config->serve_tools;
	return serving;
}

static int fill(struct mcp_table *t, const struct mcp_naming *naming,
	struct mcp_upstream *const *set, size_t n)
{
	bool is_uri = t->kind == MCP_RESOURCES || t->kind == MCP_TEMPLATES;
	size_t items = 0;
	for (size_t i = 0; i < n; i++)
		items += set[i]->items[t->kind].n;
	t->entry = mem_new_array(items, sizeof(*t->entry));
	if (!t->entry)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < set[i]->items[t->kind].n; k++)
			if (set[i]->config->serve_tools)
				add_entry(t, set[i], k);
	if (!is_uri)
		name_all(t, naming, count_serving(set, n));
	if (t->names.err)
		return -ENOMEM;
	sort_by_name(t);
	if (is_uri) {
		rename_equals(t);
		if (t->names.err)
			return -ENOMEM;
		sort_by_name(t);
	}
	drop_duplicates(t);
	int r = put_lists(t);
	sort_by_name(t);
	return r;
}

int mcp_index_build(
	struct mcp_index *x, struct mcp_upstream *const *set, size_t n)
{
	static const struct mcp_naming standard;
	const struct mcp_naming *naming = x->naming ? x->naming : &standard;
	struct mcp_index fresh;
	int r = 0;
	mcp_index_init(&fresh);
	fresh.naming = x->naming;
	fresh.serving = count_serving(set, n);
	for (unsigned k = 0; r == 0 && k < MCP_KINDS; k++)
		r = fill(&fresh.table[k], naming, set, n);
	for (unsigned k = MCP_RESOURCES; k <= MCP_TEMPLATES; k++)
		for (size_t i = 0; i < fresh.table[k].n; i++)
			fresh.renamed |= fresh.table[k].entry[i].renamed;
	if (r == 0)
		r = put_greetings(&fresh, set, n);
	if (r < 0) {
		mcp_index_fini(&fresh);
		return r;
	}
	mcp_index_fini(x);
	*x = fresh;
	return 0;
}

struct str mcp_index_list(
	const struct mcp_index *x, enum mcp_kind kind, enum role role)
{
	const struct mcp_table *t = &x->table[kind];
	return buf_str(t->restricted ? &t->role_list[role] : &t->list);
}

struct str mcp_index_greeting(const struct mcp_index *x, enum role role)
{
	return buf_str(x->restricted ? &x->role_greeting[role] : &x->greeting);
}

void mcp_index_forget(struct mcp_index *x, const struct mcp_upstream *u)
{
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		struct mcp_table *t = &x->table[k];
		size_t kept = 0;
		for (size_t i = 0; i < t->n; i++)
			if (t->entry[i].upstream != u)
				t->entry[kept++] = t->entry[i];
		t->n = kept;
	}
}

/* -------------------------------------------------------------- finding */

const struct mcp_entry *mcp_index_find(
	const struct mcp_index *x, enum mcp_kind kind, struct str name)
{
	const struct mcp_table *t = &x->table[kind];
	size_t low = 0, high = t->n;
	/* the first entry that is not below name */
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (compare_str(name_of(t, &t->entry[mid]), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < t->n && str_eq(name_of(t, &t->entry[low]), name))
		return &t->entry[low];
	return NULL;
}

static size_t add_place(struct mcp_place *out, size_t n,
	struct mcp_upstream *upstream, size_t inserted)
{
	for (size_t i = 0; i < n; i++)
		if (out[i].upstream == upstream)
			return n;
	if (n == MCP_PLACES_MAX)
		return n;
	out[n] = (struct mcp_place){upstream, inserted};
	return n + 1;
}

size_t mcp_index_places(const struct mcp_index *x,
	struct mcp_upstream *const *set, size_t n, struct str uri,
	struct mcp_place *out)
{
	const struct mcp_table *t = &x->table[MCP_TEMPLATES];
	const struct mcp_entry *e = mcp_index_find(x, MCP_RESOURCES, uri);
	size_t found = 0;
	if (e)
		found = add_place(out, found, e->upstream, e->inserted);
	/* longer templates say more, but any that matches will do */
	for (size_t i = 0; i < t->n; i++)
		if (mcp_uri_matches(name_of(t, &t->entry[i]), uri))
			found = add_place(out, found, t->entry[i].upstream,
				t->entry[i].inserted);
	for (size_t i = 0; i < n; i++)
		if (set[i]->config->serve_tools &&
			set[i]->can & MCP_CAN_RESOURCES)
			found = add_place(out, found, set[i], 0);
	return found;
}

bool mcp_index_show_uri(struct buf *out, const struct mcp_index *x,
	const struct mcp_upstream *u, struct str uri)
{
	for (unsigned k = MCP_RESOURCES; k <= MCP_TEMPLATES; k++) {
		const struct mcp_table *t = &x->table[k];
		for (size_t i = 0; i < t->n; i++) {
			const struct mcp_entry *e = &t->entry[i];
			struct str key;
			if (!e->renamed || e->upstream != u)
				continue;
			key = mcp_entry_key(t, e);
			if (!json_str_is(key, uri) &&
				!(k == MCP_TEMPLATES &&
					mcp_uri_matches(
						str_from(key.p + 1, key.n - 2),
						uri)))
				continue;
			(void)mcp_uri_insert(out, uri, u->config->name);
			return true;
		}
	}
	return false;
}
