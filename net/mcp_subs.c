/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_subs.c - who wants to hear of changes to which resource.
 *
 * input: untrusted
 */
#include "net/mcp_subs.h"

#include "lib/mem.h"
#include "net/mcp_instance.h"
#include "net/mcp_listen.h"
#include "net/mcp_uri.h"

static struct str shown_of(const struct mcp_sub *sub)
{
	return str_from(sub->shown, sub->len);
}

static void release(struct mcp_router *r, struct mcp_sub *sub)
{
	if (sub->prev)
		sub->prev->next = sub->next;
	else
		r->subs = sub->next;
	if (sub->next)
		sub->next->prev = sub->prev;
	sub->session->subs--;
	r->nsubs--;
	mem_free(sub->shown);
	mem_free(sub);
}

static struct mcp_sub *find(const struct mcp_router *r,
	const struct mcp_session *s, struct str shown)
{
	struct mcp_sub *sub = r->subs;
	while (sub && !(sub->session == s && str_eq(shown_of(sub), shown)))
		sub = sub->next;
	return sub;
}

/* is any session subscribed to what clients know by this URI? */
static bool wanted(const struct mcp_router *r, struct str shown)
{
	for (const struct mcp_sub *sub = r->subs; sub; sub = sub->next)
		if (str_eq(shown_of(sub), shown))
			return true;
	return false;
}

bool mcp_subs_room(const struct mcp_router *r, const struct mcp_session *s)
{
	return s->subs < MCP_SUBS_SESSION_MAX && r->nsubs < MCP_SUBS_MAX;
}

static void add(struct mcp_router *r, struct mcp_session *s,
	struct mcp_upstream *u, struct str shown)
{
	if (find(r, s, shown) || !mcp_subs_room(r, s) ||
		shown.n > MCP_SUBS_URI_MAX)
		return;
	struct mcp_sub *sub = mem_new(sizeof(*sub));
	if (!sub)
		return;
	*sub = (struct mcp_sub){.session = s,
		.upstream = u,
		.shown = mem_dup(shown.p, shown.n),
		.len = shown.n,
		.next = r->subs};
	if (!sub->shown) {
		mem_free(sub);
		return;
	}
	if (sub->next)
		sub->next->prev = sub;
	r->subs = sub;
	s->subs++;
	r->nsubs++;
}

void mcp_subs_add(struct mcp_router *r, struct mcp_session *s,
	struct mcp_upstream *u, struct str shown)
{
	if (!s->ended)
		add(r, s, u, shown);
}

bool mcp_subs_remove(
	struct mcp_router *r, struct mcp_session *s, struct str shown)
{
	struct mcp_sub *sub = find(r, s, shown);
	if (!sub)
		return false;
	release(r, sub);
	return !wanted(r, shown);
}

/* the URI as its server knows it */
static void put_own(
	struct buf *out, const struct mcp_router *r, const struct mcp_sub *sub)
{
	struct mcp_place places[MCP_PLACES_MAX];
	size_t n = mcp_index_places(
		&r->index, r->set, r->n, shown_of(sub), places);
	for (size_t i = 0; i < n; i++)
		if (places[i].upstream == sub->upstream) {
			mcp_uri_cut(out, shown_of(sub), places[i].inserted);
			return;
		}
	buf_put_str(out, shown_of(sub));
}

static void tell(
	struct mcp_router *r, const struct mcp_sub *sub, const char *method)
{
	struct buf own, params;
	if (!sub->upstream)
		return;
	buf_init(&own, MCP_SUBS_URI_MAX);
	buf_init(&params, (size_t)8 * MCP_SUBS_URI_MAX);
	put_own(&own, r, sub);
	buf_puts(&params, "{\"uri\":");
	json_quote(&params, buf_str(&own));
	buf_putc(&params, '}');
	mcp_upstream_tell(sub->upstream, method, buf_str(&params));
	buf_fini(&own);
	buf_fini(&params);
}

/* the server need not tell any more what nobody wants to hear */
static void end(struct mcp_router *r, struct mcp_sub *sub)
{
	struct mcp_sub gone = *sub;
	sub->shown = NULL;
	release(r, sub);
	if (!wanted(r, shown_of(&gone)))
		tell(r, &gone, "resources/unsubscribe");
	mem_free(gone.shown);
}

void mcp_subs_unwant(
	struct mcp_router *r, struct mcp_session *s, struct str shown)
{
	struct mcp_sub *sub = find(r, s, shown);
	if (sub)
		end(r, sub);
}

void mcp_subs_drop(struct mcp_router *r, struct mcp_session *s)
{
	struct mcp_sub *sub = s->subs ? r->subs : NULL;
	while (sub) {
		struct mcp_sub *next = sub->next;
		if (sub->session == s)
			end(r, sub);
		sub = next;
	}
}

void mcp_subs_again(struct mcp_router *r, struct mcp_upstream *u)
{
	for (const struct mcp_sub *sub = r->subs; sub; sub = sub->next)
		if (sub->upstream == u)
			tell(r, sub, "resources/subscribe");
}

/* the first server that may have this URI and takes subscriptions; or NULL */
static struct mcp_upstream *taker(const struct mcp_router *r, struct str shown)
{
	struct mcp_place places[MCP_PLACES_MAX];
	size_t n = mcp_index_places(&r->index, r->set, r->n, shown, places);
	for (size_t i = 0; i < n; i++)
		if (places[i].upstream->can & MCP_CAN_SUBSCRIBE)
			return places[i].upstream;
	return NULL;
}

bool mcp_subs_want(
	struct mcp_router *r, struct mcp_session *s, struct str shown)
{
	struct mcp_upstream *u = taker(r, shown);
	if (!u || shown.n > MCP_SUBS_URI_MAX || !mcp_subs_room(r, s))
		return false;
	bool first = !wanted(r, shown);
	add(r, s, u, shown);
	const struct mcp_sub *sub = find(r, s, shown);
	if (sub && first)
		tell(r, sub, "resources/subscribe");
	return sub;
}

static bool is_serving(const struct mcp_router *r, const struct mcp_upstream *u)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->set[i] == u)
			return true;
	/* u may be gone: it is compared, and not looked into */
	for (const struct mcp_instance *t = r->instances; t; t = t->next)
		if (t->upstream == u)
			return true;
	return false;
}

void mcp_subs_forget(struct mcp_router *r, const struct mcp_upstream *u)
{
	for (struct mcp_sub *sub = r->subs; sub; sub = sub->next)
		if (sub->upstream == u)
			sub->upstream = NULL;
}

void mcp_subs_reroute(struct mcp_router *r)
{
	for (struct mcp_sub *sub = r->subs; sub; sub = sub->next) {
		if (sub->upstream && is_serving(r, sub->upstream))
			continue;
		sub->upstream = taker(r, shown_of(sub));
		tell(r, sub, "resources/subscribe");
	}
}

/* the notification as this session is to get it; edits: its URI, or none */
static void deliver(struct mcp_session *s, const struct jsonrpc *m,
	const struct mcp_edits *uri, struct buf *out)
{
	struct mcp_edits edits = *uri;
	struct str meta = json_member(m->params, "_meta");
	struct buf own;
	buf_init(&own, 2048);
	/* the subscription that it names is ours at a modern server */
	if (s->listen) {
		mcp_listen_put_meta(&own, s->listen);
		if (!meta.p)
			buf_putc(&own, ',');
	}
	if (meta.p && s->listen)
		mcp_edits_add(&edits, meta,
			str_from_index(buf_str(&own), STR("\"_meta\":").n));
	else if (s->listen)
		mcp_edits_add(
			&edits, str_from(m->params.p + 1, 0), buf_str(&own));
	buf_reset(out);
	jsonrpc_put_edited(out, m->text, edits.e, edits.n);
	mcp_stream_tell(s->own, buf_str(out));
	buf_fini(&own);
}

void mcp_subs_updated(struct mcp_router *r, const struct mcp_upstream *u,
	const struct jsonrpc *m)
{
	struct str raw = json_member(m->params, "uri");
	struct buf uri, shown, quoted;
	struct mcp_edits edits = {.n = 0};
	if (!r->subs || !raw.p || json_type_of(raw) != JSON_STRING)
		return;
	buf_init(&uri, MCP_SUBS_URI_MAX);
	buf_init(&shown, (size_t)2 * MCP_SUBS_URI_MAX);
	buf_init(&quoted, (size_t)8 * MCP_SUBS_URI_MAX);
	json_unquote(&uri, raw);
	bool renamed = r->index.renamed &&
		       mcp_index_show_uri(&shown, &r->index, u, buf_str(&uri));
	struct str key = renamed ? buf_str(&shown) : buf_str(&uri);
	json_quote(&quoted, key);
	if (renamed)
		mcp_edits_add(&edits, raw, buf_str(&quoted));
	for (struct mcp_sub *sub = r->subs; sub; sub = sub->next)
		if (sub->upstream == u && sub->session->own &&
			str_eq(shown_of(sub), key))
			deliver(sub->session, m, &edits, &r->scratch);
	buf_fini(&quoted);
	buf_fini(&uri);
	buf_fini(&shown);
}
