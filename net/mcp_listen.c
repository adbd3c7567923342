/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_listen.c - subscriptions/listen (MCP 2026-07-28,
 * basic/utilities/subscriptions).
 *
 * input: untrusted
 */
#include "net/mcp_listen.h"

#include "lib/mem.h"
#include "lib/size.h"
#include "net/mcp_era.h"
#include "net/mcp_modern.h"
#include "net/mcp_subs.h"

enum { ID_MAX = 1024 };

/* the members of params.notifications; raw */
struct wishes {
	struct str lists[MCP_TEMPLATES]; /* by kind; templates have none */
	struct str uris;
};

static const char *read_wishes(const struct jsonrpc *m, struct wishes *out)
{
	static const char *const names[] = {[MCP_TOOLS] = "toolsListChanged",
		[MCP_PROMPTS] = "promptsListChanged",
		[MCP_RESOURCES] = "resourcesListChanged",
		[MCP_TEMPLATES] = "resourceSubscriptions"};
	struct str v[ARRAY_LEN(names)];
	struct json_cursor c;
	struct str wanted = json_member(m->params, "notifications");
	struct str uri;
	size_t n = 0;
	if (!wanted.p || !json_pick(wanted, names, v, ARRAY_LEN(names)))
		return "params.notifications must be an object";
	for (unsigned k = 0; k < MCP_TEMPLATES; k++) {
		out->lists[k] = v[k];
		if (v[k].p && json_type_of(v[k]) != JSON_BOOL)
			return "the ...ListChanged of params.notifications "
			       "must be true or false";
	}
	out->uris = v[MCP_TEMPLATES];
	if (!out->uris.p)
		return NULL;
	if (!json_open(&c, out->uris) || c.object)
		return "params.notifications.resourceSubscriptions must be a "
		       "list of URIs";
	while (json_next(&c, NULL, &uri))
		if (json_type_of(uri) != JSON_STRING ||
			++n > MCP_LISTEN_URIS_MAX)
			return "params.notifications.resourceSubscriptions "
			       "must be a list of at most 1024 URIs";
	return NULL;
}

/* ------------------------------------------------------------------- opening */

static size_t count(const struct mcp_router *r)
{
	size_t n = 0;
	for (const struct mcp_listen *l = r->listens; l; l = l->next)
		n++;
	return n;
}

static struct mcp_listen *listen_new(struct mcp_post *p, struct str id)
{
	struct mcp_router *r = p->router;
	struct mcp_listen *l = mem_new(sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct mcp_listen){.router = r, .post = p, .next = r->listens};
	buf_init(&l->id, ID_MAX);
	buf_put_str(&l->id, id);
	if (l->id.err) {
		buf_fini(&l->id);
		mem_free(l);
		return NULL;
	}
	if (l->next)
		l->next->prev = l;
	r->listens = l;
	p->session->listen = l;
	mcp_post_opened(p); /* until the listen ends */
	return l;
}

void mcp_listen_put_meta(struct buf *out, const struct mcp_listen *l)
{
	buf_puts(out, "\"_meta\":{\"" MCP_META "subscriptionId\":");
	buf_put_str(out, buf_str(&l->id));
	buf_putc(out, '}');
}

/* subscribe to what can be; the URIs that were taken become a JSON list */
static void take_uris(
	struct mcp_listen *l, struct str uris, struct json_writer *w)
{
	struct json_cursor c;
	struct str raw;
	(void)json_open(&c, uris);
	json_w_open(w, '[');
	while (json_next(&c, NULL, &raw)) {
		struct buf uri;
		buf_init(&uri, MCP_SUBS_URI_MAX);
		json_unquote(&uri, raw);
		if (!uri.err && mcp_subs_want(l->router, l->post->session,
					buf_str(&uri)))
			json_w_raw(w, raw);
		buf_fini(&uri);
	}
	json_w_close(w, ']');
}

/* the first message: what the client will hear of */
static void acknowledge(struct mcp_listen *l, const struct wishes *wishes)
{
	static const char *const names[MCP_TEMPLATES] = {"toolsListChanged",
		"promptsListChanged", "resourcesListChanged"};
	struct buf text;
	struct json_writer w = {.out = &text};
	buf_init(&text, MCP_LINE_MAX);
	buf_puts(&text, "{\"jsonrpc\":\"2.0\",\"method\":"
			"\"notifications/subscriptions/acknowledged\","
			"\"params\":{");
	mcp_listen_put_meta(&text, l);
	buf_puts(&text, ",\"notifications\":");
	json_w_open(&w, '{');
	for (unsigned k = 0; k < MCP_TEMPLATES; k++) {
		if (!wishes->lists[k].p || !str_is(wishes->lists[k], "true"))
			continue;
		l->kinds |= 1u << k;
		json_w_key(&w, names[k]);
		json_w_bool(&w, true);
	}
	if (wishes->uris.p) {
		json_w_key(&w, "resourceSubscriptions");
		take_uris(l, wishes->uris, &w);
	}
	json_w_close(&w, '}');
	buf_puts(&text, "}}");
	if (mcp_post_precede(l->post, buf_str(&text), true))
		l->post->session->own = l->post->stream;
	buf_fini(&text);
}

void mcp_listen_open(struct mcp_post *p, const struct jsonrpc *m)
{
	struct wishes wishes;
	const char *wrong = read_wishes(m, &wishes);
	struct mcp_listen *l = NULL;
	if (!wrong && !mcp_post_can_precede(p))
		wrong = "Accept must list text/event-stream";
	if (wrong) {
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS, str_of(wrong));
		return;
	}
	if (count(p->router) < MCP_LISTENS_MAX)
		l = listen_new(p, m->id);
	if (l)
		acknowledge(l, &wishes);
	else
		mcp_post_error(p, m->id, JSONRPC_INTERNAL_ERROR,
			STR("too many clients are listening"));
}

/* ------------------------------------------------------------------- telling */

void mcp_listen_changed(struct mcp_router *r, enum mcp_kind kind)
{
	struct buf text;
	buf_init(&text, ID_MAX + 512);
	for (struct mcp_listen *l = r->listens; l; l = l->next) {
		if (!(l->kinds & 1u << kind) || !l->post->stream)
			continue;
		buf_reset(&text);
		buf_putf(&text,
			"{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{",
			mcp_words(kind)->changed);
		mcp_listen_put_meta(&text, l);
		buf_puts(&text, "}}");
		mcp_stream_tell(l->post->stream, buf_str(&text));
	}
	buf_fini(&text);
}

/* -------------------------------------------------------------------- ending */

void mcp_listen_drop(struct mcp_listen *l)
{
	struct mcp_post *p = l->post;
	if (l->prev)
		l->prev->next = l->next;
	else
		l->router->listens = l->next;
	if (l->next)
		l->next->prev = l->prev;
	p->session->listen = NULL;
	p->session->own = NULL;
	buf_fini(&l->id);
	mem_free(l);
	mcp_post_closed(p);
}

void mcp_listen_end_all(struct mcp_router *r)
{
	while (r->listens) {
		struct mcp_listen *l = r->listens;
		struct buf *out = &r->scratch;
		buf_reset(out);
		buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
		buf_put_str(out, buf_str(&l->id));
		buf_puts(out, ",\"result\":{\"resultType\":\"complete\",");
		mcp_listen_put_meta(out, l);
		buf_puts(out, "}}");
		mcp_post_answer(l->post, buf_str(out));
		mcp_listen_drop(l);
	}
}
