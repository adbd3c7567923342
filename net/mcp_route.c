/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_route.c - which server a client's request is for, and what it is
 * called there.
 *
 * input: untrusted
 */
#include "lib/size.h"
#include "net/mcp.h"
#include "net/mcp_headers.h"
#include "net/mcp_level.h"
#include "net/mcp_listen.h"
#include "net/mcp_modern.h"
#include "net/mcp_request.h"
#include "net/mcp_subs.h"
#include "net/mcp_tasks.h"
#include "net/mcp_uri.h"
#include "net/mcp_wake.h"

enum { NAME_MAX_BYTES = 1 << 20 };

typedef void route_fn(struct mcp_post *p, const struct jsonrpc *m);

static void refuse(
	struct mcp_post *p, const struct jsonrpc *m, int code, const char *why)
{
	mcp_post_error(p, m->id, code, str_of(why));
}

static void answer(
	struct mcp_post *p, const struct jsonrpc *m, struct str result)
{
	struct buf *out = &p->router->scratch;
	buf_reset(out);
	jsonrpc_put_result(out, m->id, result);
	mcp_post_answer(p, buf_str(out));
}

/* the params, or false when they were refused */
static bool read_params(
	struct mcp_post *p, const struct jsonrpc *m, struct mcp_params *c)
{
	const char *wrong = mcp_params_read(m->params, c);
	if (wrong)
		refuse(p, m, JSONRPC_INVALID_PARAMS, wrong);
	return !wrong;
}

static bool is_string(struct str raw)
{
	return raw.p && json_type_of(raw) == JSON_STRING;
}

/* ----------------------------------------------------------------- tools */

static void unknown_tool(
	struct mcp_post *p, const struct jsonrpc *m, struct str name)
{
	struct buf text;
	buf_init(&text, NAME_MAX_BYTES + 128);
	size_t allowed = mcp_naming_allowed(&p->router->naming);
	if (mcp_naming_allows(&p->router->naming, name)) {
		buf_puts(&text, "Unknown tool: '");
		buf_put_str(&text, name);
		buf_putc(&text, '\'');
	} else {
		buf_puts(&text, "Tool '");
		buf_put_str(&text, name);
		buf_putf(&text, "' is not in the allowlist (%zu tools allowed)",
			allowed);
	}
	if (p->session->modern)
		refuse(p, m, JSONRPC_INVALID_PARAMS, buf_cstr(&text));
	else
		mcp_answer_tool_error(p, m->id, &text);
	buf_fini(&text);
}

/* the headers that this tool wants its arguments repeated in */
static bool fits_headers(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_entry *e)
{
	const struct mcp_items *items = &e->upstream->items[MCP_TOOLS];
	const char *why = NULL;
	if (items->item[e->item].marked && p->x)
		why = mcp_headers_check_params(http_request(p->x),
			json_member(
				mcp_item_raw(items, e->item), "inputSchema"),
			c->arguments);
	if (why)
		refuse(p, m, MCP_CODE_HEADER, why);
	return !why;
}

/* what a client may use: to it, there is nothing else */
static const struct mcp_entry *find(
	const struct mcp_post *p, enum mcp_kind kind, struct str name)
{
	const struct mcp_entry *e =
		mcp_index_find(&p->router->index, kind, name);
	return e && e->roles & 1u << p->session->role ? e : NULL;
}

static void refuse_change(
	struct mcp_post *p, const struct jsonrpc *m, struct str name)
{
	struct buf text;
	buf_init(&text, NAME_MAX_BYTES + 256);
	buf_putc(&text, '\'');
	buf_put_str(&text, name);
	buf_puts(&text, "' may change the environment, and the agent's part "
			"of the task is over");
	mcp_answer_tool_error(p, m->id, &text);
	buf_fini(&text);
}

static void send_tool(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, struct str name)
{
	const struct mcp_index *x = &p->router->index;
	const struct mcp_entry *e = find(p, MCP_TOOLS, name);
	struct jsonrpc_edit edits[2];
	size_t n = 0;
	if (!e) {
		if (!mcp_wake(p, m))
			unknown_tool(p, m, name);
		return;
	}
	if (e->mutates && phase_watch_over(&p->router->phase)) {
		refuse_change(p, m, name);
		return;
	}
	if (p->session->modern && !fits_headers(p, m, c, e))
		return;
	edits[n++] = (struct jsonrpc_edit){
		c->name, mcp_entry_key(&x->table[MCP_TOOLS], e)};
	/* servers may insist on an object; clients leave it out or say null */
	if (!c->arguments.p)
		edits[n++] = (struct jsonrpc_edit){
			str_from(m->params.p + 1, 0), STR("\"arguments\":{},")};
	else if (json_type_of(c->arguments) == JSON_NULL)
		edits[n++] = (struct jsonrpc_edit){c->arguments, STR("{}")};
	const struct mcp_way way = {.upstream = e->upstream,
		.errand = MCP_ERRAND_TOOL,
		.name = name,
		.edits = edits,
		.n = n};
	mcp_request_send(p, m, c, &way);
}

static void tools_call(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_params c;
	struct buf name;
	if (!read_params(p, m, &c))
		return;
	if (!is_string(c.name)) {
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.name must be a string");
		return;
	}
	if (c.arguments.p && json_type_of(c.arguments) != JSON_OBJECT &&
		json_type_of(c.arguments) != JSON_NULL) {
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.arguments must be an object");
		return;
	}
	buf_init(&name, NAME_MAX_BYTES);
	json_unquote(&name, c.name);
	send_tool(p, m, &c, buf_str(&name));
	buf_fini(&name);
}

/* --------------------------------------------------------------- prompts */

/*
 * Send on a request that names an item: the raw name (or URI) at `at` becomes
 * what its server calls it. false: there is no such item.
 */
static bool send_named(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, enum mcp_kind kind, struct str at)
{
	const struct mcp_index *x = &p->router->index;
	struct buf name;
	buf_init(&name, NAME_MAX_BYTES);
	json_unquote(&name, at);
	const struct mcp_entry *e = find(p, kind, buf_str(&name));
	if (e) {
		struct jsonrpc_edit edit = {
			at, mcp_entry_key(&x->table[kind], e)};
		const struct mcp_way way = {.upstream = e->upstream,
			.errand = MCP_ERRAND_PLAIN,
			.name = buf_str(&name),
			.edits = &edit,
			.n = 1};
		mcp_request_send(p, m, c, &way);
	}
	buf_fini(&name);
	return e != NULL;
}

static void unknown_name(struct mcp_post *p, const struct jsonrpc *m,
	const char *what, struct str raw)
{
	struct buf text;
	buf_init(&text, NAME_MAX_BYTES + 64);
	buf_putf(&text, "Unknown %s: '", what);
	json_unquote(&text, raw);
	buf_putc(&text, '\'');
	mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS, buf_str(&text));
	buf_fini(&text);
}

static void prompts_get(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_params c;
	if (!read_params(p, m, &c))
		return;
	if (!is_string(c.name))
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.name must be a string");
	else if (!send_named(p, m, &c, MCP_PROMPTS, c.name))
		unknown_name(p, m, "prompt", c.name);
}

static void complete(struct mcp_post *p, const struct jsonrpc *m)
{
	static const char *const names[] = {"type", "name", "uri"};
	struct mcp_params c;
	struct str v[3];
	if (!read_params(p, m, &c))
		return;
	if (!c.ref.p || !json_pick(c.ref, names, v, 3) || !is_string(v[0])) {
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.ref must be an object with a type");
		return;
	}
	if (json_str_is(v[0], STR("ref/prompt")) && is_string(v[1])) {
		if (!send_named(p, m, &c, MCP_PROMPTS, v[1]))
			unknown_name(p, m, "prompt", v[1]);
	} else if (json_str_is(v[0], STR("ref/resource")) && is_string(v[2])) {
		if (!send_named(p, m, &c, MCP_TEMPLATES, v[2]) &&
			!send_named(p, m, &c, MCP_RESOURCES, v[2]))
			unknown_name(p, m, "resource template", v[2]);
	} else {
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.ref is neither a ref/prompt with a name nor a "
			"ref/resource with a uri");
	}
}

/* ------------------------------------------------------------- resources */

static void not_found(
	struct mcp_post *p, const struct jsonrpc *m, struct str raw_uri)
{
	struct buf *out = &p->router->scratch;
	buf_reset(out);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, m->id);
	buf_putf(out,
		",\"error\":{\"code\":%d,\"message\":"
		"\"Resource not found\",\"data\":{\"uri\":",
		p->session->modern ? JSONRPC_INVALID_PARAMS
				   : MCP_CODE_NO_RESOURCE);
	buf_put_str(out, raw_uri);
	buf_puts(out, "}}}");
	mcp_post_answer(p, buf_str(out));
}

/* the raw URI for a server: the client's bytes, without what was inserted */
static struct str uri_for(struct buf *out, struct str raw, struct str uri,
	const struct mcp_place *place)
{
	struct buf cut;
	if (!place->inserted)
		return raw;
	buf_init(&cut, NAME_MAX_BYTES);
	mcp_uri_cut(&cut, uri, place->inserted);
	json_quote(out, buf_str(&cut));
	buf_fini(&cut);
	return buf_str(out);
}

struct resource_request {
	struct mcp_params c;
	struct buf uri;
};

/* false: refused */
static bool read_resource(
	struct mcp_post *p, const struct jsonrpc *m, struct resource_request *q)
{
	if (!read_params(p, m, &q->c))
		return false;
	if (!is_string(q->c.uri)) {
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.uri must be a string");
		return false;
	}
	buf_init(&q->uri, NAME_MAX_BYTES);
	json_unquote(&q->uri, q->c.uri);
	return true;
}

static void send_resource(struct mcp_post *p, const struct jsonrpc *m,
	struct resource_request *q, const struct mcp_place *place,
	enum mcp_errand errand)
{
	struct buf raw;
	buf_init(&raw, (size_t)6 * NAME_MAX_BYTES);
	struct jsonrpc_edit edit = {
		q->c.uri, uri_for(&raw, q->c.uri, buf_str(&q->uri), place)};
	const struct mcp_way way = {.upstream = place->upstream,
		.errand = errand,
		.name = buf_str(&q->uri),
		.edits = &edit,
		.n = 1};
	mcp_request_send(p, m, &q->c, &way);
	buf_fini(&raw);
}

/* where a client finds a URI, best first */
static size_t find_places(const struct mcp_router *r,
	const struct mcp_session *s, struct str uri, struct mcp_place *places)
{
	size_t n = mcp_index_places(&r->index, r->set, r->n, uri, places);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (mcp_session_finds(s, places[i].upstream))
			places[kept++] = places[i];
	return kept;
}

static void resources_read(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_place places[MCP_PLACES_MAX];
	struct resource_request q;
	if (!read_resource(p, m, &q))
		return;
	if (find_places(p->router, p->session, buf_str(&q.uri), places))
		send_resource(p, m, &q, &places[0], MCP_ERRAND_READ);
	else
		not_found(p, m, q.c.uri);
	buf_fini(&q.uri);
}

bool mcp_route_read_again(struct mcp_request *q)
{
	struct mcp_place places[MCP_PLACES_MAX];
	struct jsonrpc m;
	struct mcp_params c;
	const char *why;
	size_t n =
		find_places(q->router, q->session, mcp_request_name(q), places);
	if (++q->place >= n || !q->post || !mcp_post_listens(q->post) ||
		q->message.err ||
		jsonrpc_read_checked(&m, buf_str(&q->message), &why) != 0 ||
		mcp_params_read(m.params, &c))
		return false;
	struct buf raw;
	buf_init(&raw, (size_t)6 * NAME_MAX_BYTES);
	struct mcp_edits edits = {.n = 0};
	mcp_edits_add(&edits, c.uri,
		uri_for(&raw, c.uri, mcp_request_name(q), &places[q->place]));
	q->upstream = places[q->place].upstream;
	mcp_request_forward(q, &m, &c, &edits);
	buf_fini(&raw);
	return true;
}

/* the first place that takes subscriptions */
static const struct mcp_place *subscribable(
	const struct mcp_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (places[i].upstream->can & MCP_CAN_SUBSCRIBE)
			return &places[i];
	return NULL;
}

static void subscribe(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_place places[MCP_PLACES_MAX];
	struct resource_request q;
	if (!read_resource(p, m, &q))
		return;
	size_t n = find_places(p->router, p->session, buf_str(&q.uri), places);
	const struct mcp_place *place = subscribable(places, n);
	if (!n)
		not_found(p, m, q.c.uri);
	else if (!place)
		refuse(p, m, JSONRPC_METHOD_NOT_FOUND,
			"no server with this resource takes subscriptions");
	else if (!mcp_subs_room(p->router, p->session))
		refuse(p, m, JSONRPC_INTERNAL_ERROR, "too many subscriptions");
	else if (place->upstream->era == MCP_MODERN &&
		 mcp_subs_want(p->router, p->session, buf_str(&q.uri)))
		answer(p, m, STR("{}"));
	else
		send_resource(p, m, &q, place, MCP_ERRAND_SUBSCRIBE);
	buf_fini(&q.uri);
}

static void unsubscribe(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_place places[MCP_PLACES_MAX];
	struct resource_request q;
	if (!read_resource(p, m, &q))
		return;
	size_t n = find_places(p->router, p->session, buf_str(&q.uri), places);
	const struct mcp_place *place = subscribable(places, n);
	if (place && place->upstream->era == MCP_MODERN)
		mcp_subs_unwant(p->router, p->session, buf_str(&q.uri));
	bool last = mcp_subs_remove(p->router, p->session, buf_str(&q.uri));
	/* others still want to hear of it, or it was never subscribed to */
	if (!last || !place)
		answer(p, m, STR("{}"));
	else
		send_resource(p, m, &q, place, MCP_ERRAND_PLAIN);
	buf_fini(&q.uri);
}

/* ------------------------------------------------------------------ rest */

static void set_level(struct mcp_post *p, const struct jsonrpc *m)
{
	struct str raw = json_member(m->params, "level");
	if (is_string(raw) && mcp_level_set(p->router, p->session, raw))
		answer(p, m, STR("{}"));
	else
		refuse(p, m, JSONRPC_INVALID_PARAMS,
			"params.level must be one of debug, info, notice, "
			"warning, error, critical, alert, emergency");
}

static void ping(struct mcp_post *p, const struct jsonrpc *m)
{
	answer(p, m, STR("{}"));
}

static void unknown(struct mcp_post *p, const struct jsonrpc *m)
{
	refuse(p, m, JSONRPC_METHOD_NOT_FOUND, "Method not found");
}

/*
 * What we do not know may be known to the server: when there is one only, it
 * is asked.
 */
static void pass_through(struct mcp_post *p, const struct jsonrpc *m)
{
	const struct mcp_router *r = p->router;
	struct mcp_params c = {0};
	struct mcp_way way = {.errand = MCP_ERRAND_PLAIN};
	size_t serving = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (!r->set[i]->config->serve_tools)
			continue;
		way.upstream = r->set[i];
		serving++;
	}
	if (serving != 1 || !mcp_session_finds(p->session, way.upstream))
		unknown(p, m);
	else if (!m->params.p || read_params(p, m, &c))
		mcp_request_send(p, m, &c, &way);
}

struct route {
	const char *method;
	route_fn *fn[2]; /* by era; unknown: not for servers either */
};

static const struct route routes[] = {
	{"prompts/get", {prompts_get, prompts_get}},
	{"resources/read", {resources_read, resources_read}},
	{"completion/complete", {complete, complete}},
	{"ping", {ping, unknown}},
	{"logging/setLevel", {set_level, unknown}},
	{"resources/subscribe", {subscribe, unknown}},
	{"resources/unsubscribe", {unsubscribe, unknown}},
	{"initialize", {unknown, unknown}},
	{"server/discover", {unknown, mcp_modern_discover}},
	/* servers have one session for all: what a list has is not everybody's */
	{"tasks/list", {unknown, unknown}},
	{"tasks/get", {mcp_tasks_route, mcp_tasks_route}},
	{"tasks/result", {mcp_tasks_route, unknown}},
	{"tasks/update", {unknown, mcp_tasks_route}},
	{"tasks/cancel", {mcp_tasks_route, mcp_tasks_route}},
	{"subscriptions/listen", {unknown, mcp_listen_open}},
};

void mcp_route(struct mcp_post *p, const struct jsonrpc *m)
{
	if (jsonrpc_is(m, "tools/call")) {
		tools_call(p, m);
		return;
	}
	for (unsigned k = 0; k < MCP_KINDS; k++) {
		enum mcp_kind kind = (enum mcp_kind)k;
		if (jsonrpc_is(m, mcp_words(kind)->list)) {
			if (mcp_wake(p, m))
				return;
			struct str list = mcp_index_list(
				&p->router->index, kind, p->session->role);
			if (p->session->modern)
				mcp_modern_list(p, m, list);
			else
				answer(p, m, list);
			return;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (jsonrpc_is(m, routes[i].method)) {
			routes[i].fn[p->session->modern](p, m);
			return;
		}
	pass_through(p, m);
}
