/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_ask.c - what servers ask clients: sampling, elicitation, roots.
 *
 * input: untrusted
 */
#include "net/mcp_ask.h"

#include "lib/fmt.h"
#include "lib/mem.h"
#include "net/mcp_instance.h"
#include "net/mcp_level.h"
#include "net/mcp_park.h"
#include "net/mcp_round.h"
#include "net/mcp_request.h"
#include "net/mcp_subs.h"
#include "net/mcp_tasks.h"

enum { ASK_TEXT_MAX = 65536, ASK_REQUEST_MAX = 4 << 20 };

/* ------------------------------------------------------- whom is it for? */

/* the client that is meant, or why there is none */
struct addressee {
	struct mcp_session *session;
	struct mcp_post *post;    /* NULL: its GET stream */
	struct mcp_request *only; /* a call that is under way */
	int code;
	const char *why;
};

static bool is_listening(const struct mcp_session *s)
{
	return mcp_stream_connected(s->own);
}

/* the newest POST of a session, at this server, that takes a stream */
static struct mcp_post *post_of(
	const struct mcp_session *s, const struct mcp_upstream *u)
{
	for (struct mcp_request *q = s->requests; q; q = q->next)
		if (q->upstream == u && q->post &&
			mcp_post_can_precede(q->post))
			return q->post;
	return NULL;
}

/* is this the newest request of its session at its server? */
static struct mcp_session *caller(struct mcp_call *call)
{
	struct mcp_request *q = mcp_request_of(call);
	if (!q || mcp_request_newest(q->session, call->upstream) != q)
		return NULL;
	return q->session;
}

/*
 * How many clients have calls under way there, and how many of them can be
 * asked. A call that waits for its client's answers is not what runs now.
 */
static void count_callers(struct addressee *a, struct mcp_upstream *u,
	unsigned need, bool waiting, size_t n[2])
{
	for (size_t i = 0; i < MCP_CALL_BUCKETS; i++)
		for (struct mcp_call *c = u->calls[i]; c; c = c->next) {
			struct mcp_session *s = caller(c);
			if (!s || !mcp_request_of(c)->post != waiting)
				continue;
			n[0]++;
			a->only = mcp_request_of(c);
			if ((s->offers & need) != need)
				continue;
			n[1]++;
			a->session = s;
		}
}

static void among_callers(
	struct addressee *a, struct mcp_upstream *u, size_t willing)
{
	if (willing == 0) {
		a->code = JSONRPC_METHOD_NOT_FOUND;
		a->why = "the client did not declare this capability";
	} else if (willing > 1) {
		a->session = NULL;
		a->why = "several clients have calls under way at this "
			 "server: whom it asks cannot be told";
	} else {
		a->post = post_of(a->session, u);
		if (a->session->modern || a->post || is_listening(a->session))
			return;
		a->session = NULL;
		a->why = "the client takes no event stream";
	}
}

/* no call is under way: the one client that offers it and listens */
static void among_listeners(struct addressee *a, const struct mcp_router *r,
	const struct mcp_upstream *u, unsigned need)
{
	struct mcp_session *s = r->sessions.newest;
	size_t n = 0;
	for (; s; s = s->older) {
		if (!is_listening(s) || (s->offers & need) != need ||
			!mcp_instance_serves(u, s))
			continue;
		n++;
		a->session = s;
		/* who changed its roots is who will be asked for them */
		if (need == MCP_OFFER_ROOTS && s == r->roots_session)
			return;
	}
	if (n == 1)
		return;
	a->session = NULL;
	if (n == 0)
		a->code = JSONRPC_METHOD_NOT_FOUND;
	a->why = n ? "several clients could be asked: whom it means cannot be "
		     "told"
		   : "no client that declared this capability is listening";
}

static struct addressee find_addressee(
	struct mcp_router *r, struct mcp_upstream *u, unsigned need)
{
	struct addressee a = {.code = JSONRPC_INTERNAL_ERROR};
	size_t n[2] = {0, 0};
	count_callers(&a, u, need, false, n);
	if (!n[0])
		count_callers(&a, u, need, true, n);
	/* if it cannot do without, its client is told what is missing */
	if (n[0] == 1 && n[1] == 0)
		a.only->lacking |= need;
	if (n[0])
		among_callers(&a, u, n[1]);
	else
		among_listeners(&a, r, u, need);
	return a;
}

/* ----------------------------------------------------------------- asking */

void mcp_ask_refuse(
	struct mcp_upstream *u, struct str id, int code, const char *why)
{
	struct buf text;
	buf_init(&text, ASK_TEXT_MAX + 1024);
	jsonrpc_put_error(&text, id, code, str_of(why));
	if (!text.err)
		mcp_upstream_forward(u, buf_str(&text), NULL, 0);
	buf_fini(&text);
}

struct str mcp_ask_id(const struct mcp_ask *ask)
{
	return str_first(buf_str(&ask->text), ask->id_len);
}

static struct str server_token(const struct mcp_ask *ask)
{
	return str_from_index(buf_str(&ask->text), ask->id_len);
}

void mcp_ask_release(struct mcp_router *r, struct mcp_ask *ask)
{
	if (ask->prev)
		ask->prev->next = ask->next;
	else
		r->asks = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	r->nasks--;
	buf_fini(&ask->text);
	buf_fini(&ask->request);
	mem_free(ask);
}

static bool has_room(const struct mcp_router *r, const struct mcp_session *s)
{
	size_t n = 0;
	for (const struct mcp_ask *ask = r->asks; ask; ask = ask->next)
		n += ask->session == s;
	return n < MCP_ASKS_SESSION_MAX && r->nasks < MCP_ASKS_MAX;
}

/* what a modern client gets to see of it */
static void put_request(struct buf *out, const struct jsonrpc *m)
{
	buf_puts(out, "{\"method\":\"");
	buf_put_str(out, m->method);
	buf_puts(out, "\",\"params\":");
	buf_put_str(out, m->params.p ? m->params : STR("{}"));
	buf_putc(out, '}');
}

struct mcp_ask *mcp_ask_new(struct mcp_router *r, struct mcp_session *s,
	struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct mcp_ask *ask = has_room(r, s) ? mem_new(sizeof(*ask)) : NULL;
	struct str meta = {NULL, 0}, token = {NULL, 0};
	if (!ask)
		return NULL;
	*ask = (struct mcp_ask){.id = ++r->last_ask,
		.session = s,
		.upstream = u,
		.related = mcp_request_newest(s, u) != NULL,
		.next = r->asks};
	buf_init(&ask->text, ASK_TEXT_MAX);
	buf_init(&ask->request, ASK_REQUEST_MAX);
	if (m->params.p)
		meta = json_member(m->params, "_meta");
	if (meta.p)
		token = json_member(meta, "progressToken");
	buf_put_str(&ask->text, m->id);
	ask->id_len = m->id.n;
	buf_put_str(&ask->text, token);
	if (s->modern)
		put_request(&ask->request, m);
	if (ask->next)
		ask->next->prev = ask;
	r->asks = ask;
	r->nasks++;
	if (!ask->text.err && !ask->request.err)
		return ask;
	mcp_ask_release(r, ask);
	return NULL;
}

void mcp_ask_put_key(struct buf *out, const struct mcp_ask *ask)
{
	struct str id = mcp_ask_id(ask);
	if (json_type_of(id) == JSON_STRING) {
		json_unquote(out, id);
	} else {
		buf_puts(out, "id-");
		buf_put_str(out, id);
	}
}

void mcp_asks_move(struct mcp_router *r, const struct mcp_session *from,
	struct mcp_session *to)
{
	for (struct mcp_ask *ask = r->asks; ask; ask = ask->next)
		if (ask->session == from)
			ask->session = to;
}

static void deliver(
	struct mcp_session *s, struct mcp_post *post, struct str message)
{
	if (!(post && mcp_post_precede(post, message, false)) && s->own)
		mcp_stream_tell(s->own, message);
}

/* a request to a client is never left out */
static void hand(
	struct mcp_session *s, struct mcp_post *post, struct str message)
{
	if (!(post && mcp_post_precede(post, message, true)) && s->own)
		mcp_stream_send(s->own, message);
}

void mcp_ask(
	struct mcp_router *r, struct mcp_upstream *u, const struct jsonrpc *m)
{
	char digits[FMT_U64_MAX];
	unsigned need = mcp_offers_needed(m);
	if (!need) {
		mcp_ask_refuse(
			u, m->id, JSONRPC_METHOD_NOT_FOUND, "Method not found");
		return;
	}
	struct addressee a = find_addressee(r, u, need);
	if (!a.session) {
		mcp_ask_refuse(u, m->id, a.code, a.why);
		return;
	}
	if (a.session->modern) {
		mcp_park_ask(a.session->requests, m);
		return;
	}
	struct mcp_ask *ask = mcp_ask_new(r, a.session, u, m);
	if (!ask) {
		mcp_ask_refuse(u, m->id, JSONRPC_INTERNAL_ERROR,
			"too many requests wait for this client");
		return;
	}
	struct mcp_edits edits = {.n = 0};
	struct buf ids;
	buf_init(&ids, MCP_TASK_IDS_MAX);
	mcp_edits_add(
		&edits, m->id, str_from(digits, fmt_u64(digits, ask->id)));
	if (mcp_tasks_renamed(&r->index, u))
		(void)mcp_tasks_edit(
			&edits, m->params, u->config->name, false, &ids);
	buf_reset(&r->scratch);
	jsonrpc_put_edited(&r->scratch, m->text, edits.e, edits.n);
	hand(a.session, a.post, buf_str(&r->scratch));
	buf_fini(&ids);
}

bool mcp_ask_for(struct mcp_request *q, const struct jsonrpc *m)
{
	struct mcp_router *r = q->router;
	struct mcp_session *s = q->session;
	struct buf *out = &r->scratch;
	bool streams = q->post && mcp_post_can_precede(q->post);
	struct mcp_ask *ask = streams || is_listening(s)
				      ? mcp_ask_new(r, s, q->upstream, m)
				      : NULL;
	if (!ask)
		return false;
	ask->request_of = q;
	buf_reset(out);
	buf_putf(out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"",
		(unsigned long long)ask->id);
	buf_put_str(out, m->method);
	buf_putc(out, '"');
	if (m->params.p) {
		buf_puts(out, ",\"params\":");
		buf_put_str(out, m->params);
	}
	buf_putc(out, '}');
	hand(s, streams ? q->post : NULL, buf_str(out));
	return true;
}

/* ---------------------------------------------------------------- answers */

static struct mcp_ask *find(const struct mcp_router *r,
	const struct mcp_session *s, struct str raw_id)
{
	uint64_t id;
	struct mcp_ask *ask = r->asks;
	if (!raw_id.p || !json_u64(raw_id, &id))
		return NULL;
	while (ask && !(ask->id == id && ask->session == s))
		ask = ask->next;
	return ask;
}

void mcp_ask_answered(
	struct mcp_router *r, struct mcp_session *s, const struct jsonrpc *m)
{
	struct mcp_ask *ask = find(r, s, m->id);
	if (!ask)
		return; /* answered already, or the server is gone */
	if (ask->request_of) {
		mcp_round_answered(r, ask, m);
		return;
	}
	struct mcp_upstream *u = ask->upstream;
	struct mcp_edits edits = {.n = 0};
	struct buf ids;
	buf_init(&ids, MCP_TASK_IDS_MAX);
	mcp_edits_add(&edits, m->id, mcp_ask_id(ask));
	if (mcp_tasks_renamed(&r->index, u))
		(void)mcp_tasks_edit(
			&edits, m->result, u->config->name, true, &ids);
	mcp_upstream_forward(u, m->text, edits.e, edits.n);
	mcp_ask_release(r, ask);
	buf_fini(&ids);
}

void mcp_ask_progress(
	struct mcp_router *r, struct mcp_session *s, const struct jsonrpc *m)
{
	struct str token = m->params.p ? json_member(m->params, "progressToken")
				       : m->params;
	struct mcp_ask *ask = token.p ? r->asks : NULL;
	while (ask && !(ask->session == s && str_eq(server_token(ask), token)))
		ask = ask->next;
	if (ask)
		mcp_upstream_forward(ask->upstream, m->text, NULL, 0);
}

void mcp_ask_roots_changed(struct mcp_router *r, struct mcp_session *s)
{
	r->roots_session = s;
	for (size_t i = 0; i < r->n; i++)
		mcp_upstream_tell(r->set[i], "notifications/roots/list_changed",
			(struct str){NULL, 0});
}

void mcp_asks_settle(
	struct mcp_router *r, struct mcp_session *s, struct mcp_upstream *u)
{
	struct mcp_ask *ask = r->asks;
	while (ask) {
		struct mcp_ask *next = ask->next;
		if (ask->session == s && ask->upstream == u && ask->related) {
			mcp_ask_refuse(u, mcp_ask_id(ask),
				JSONRPC_INTERNAL_ERROR,
				"the call that it belonged to is over");
			mcp_ask_release(r, ask);
		}
		ask = next;
	}
}

void mcp_asks_end_session(struct mcp_router *r, struct mcp_session *s)
{
	struct mcp_ask *ask = r->asks;
	if (r->roots_session == s)
		r->roots_session = NULL;
	while (ask) {
		struct mcp_ask *next = ask->next;
		if (ask->session == s) {
			if (!ask->request_of)
				mcp_ask_refuse(ask->upstream, mcp_ask_id(ask),
					JSONRPC_INTERNAL_ERROR,
					"the client's session has ended");
			mcp_ask_release(r, ask);
		}
		ask = next;
	}
}

/* the client need not answer any more; reason: raw, or p == NULL */
static void call_off(
	struct mcp_router *r, struct mcp_ask *ask, struct str reason)
{
	struct buf *out = &r->scratch;
	buf_reset(out);
	buf_putf(out,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		"\"params\":{\"requestId\":%llu",
		(unsigned long long)ask->id);
	if (reason.p) {
		buf_puts(out, ",\"reason\":");
		buf_put_str(out, reason);
	}
	buf_puts(out, "}}");
	deliver(ask->session, post_of(ask->session, ask->upstream),
		buf_str(out));
	mcp_ask_release(r, ask);
}

void mcp_asks_end_request(struct mcp_router *r, const struct mcp_request *q)
{
	struct mcp_ask *ask = r->asks;
	while (ask) {
		struct mcp_ask *next = ask->next;
		if (ask->request_of == q)
			call_off(r, ask, STR("\"its request is over\""));
		ask = next;
	}
}

void mcp_asks_end_server(struct mcp_router *r, struct mcp_upstream *u)
{
	struct mcp_ask *ask = r->asks;
	while (ask) {
		struct mcp_ask *next = ask->next;
		if (ask->upstream == u && ask->request_of) {
			/* all that it asked goes with the request */
			mcp_request_fail(ask->request_of, u->why);
			next = r->asks;
		} else if (ask->upstream == u) {
			call_off(r, ask, STR("\"the server has ended\""));
		}
		ask = next;
	}
}

/* ----------------------------------------------------------- notifications */

static void on_cancelled(
	struct mcp_router *r, struct mcp_upstream *u, const struct jsonrpc *m)
{
	static const char *const names[] = {"requestId", "reason"};
	struct str v[2];
	struct mcp_ask *ask = r->asks;
	if (!m->params.p || !json_pick(m->params, names, v, 2) || !v[0].p)
		return;
	while (ask && !(ask->upstream == u && str_eq(mcp_ask_id(ask), v[0])))
		ask = ask->next;
	if (ask)
		call_off(r, ask, v[1]);
}

/* whom a notification is for */
struct wish {
	int level;       /* of a log message; -1: it is none */
	unsigned offers; /* all of these */
};

static bool wants(const struct mcp_session *s, const struct wish *wish)
{
	/* a modern client gets what it asked for: messages of a level */
	if (s->modern && wish->level < 0)
		return false;
	return (s->offers & wish->offers) == wish->offers &&
	       (wish->level < 0 || wish->level >= s->level);
}

/*
 * To the clients whose calls are under way at the server, on the stream of
 * the newest one; if there are none, to everybody who listens.
 */
static void spread(struct mcp_router *r, struct mcp_upstream *u,
	const struct wish *wish, struct str message)
{
	bool any = false;
	for (size_t i = 0; i < MCP_CALL_BUCKETS; i++)
		for (struct mcp_call *c = u->calls[i]; c; c = c->next) {
			struct mcp_session *s = caller(c);
			any = any || s;
			if (s && wants(s, wish))
				deliver(s, post_of(s, u), message);
		}
	if (any)
		return;
	for (struct mcp_session *s = r->sessions.newest; s; s = s->older)
		if (s->own && wants(s, wish) && mcp_instance_serves(u, s))
			mcp_stream_tell(s->own, message);
}

void mcp_ask_told(
	struct mcp_router *r, struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct wish wish = {.level = -1};
	struct mcp_edits edits = {.n = 0};
	struct buf ids;
	if (jsonrpc_is(m, "notifications/cancelled")) {
		on_cancelled(r, u, m);
		return;
	}
	if (jsonrpc_is(m, "notifications/resources/updated")) {
		mcp_subs_updated(r, u, m);
		return;
	}
	if (jsonrpc_is(m, "notifications/message")) {
		struct str raw = m->params.p ? json_member(m->params, "level")
					     : m->params;
		if (raw.p)
			wish.level = mcp_level_read(raw);
	} else if (jsonrpc_is(m, "notifications/elicitation/complete")) {
		wish.offers = MCP_OFFER_ELICIT_URL;
	}
	buf_init(&ids, MCP_TASK_IDS_MAX);
	size_t tasks = mcp_tasks_at(u) ? mcp_tasks_edit(&edits, m->params,
						 u->config->name, false, &ids)
				       : 0;
	/* who knows the id has the task: it is told where it is clear whose */
	if (!tasks || r->sessions.n == 1) {
		if (!mcp_tasks_renamed(&r->index, u))
			edits.n = 0;
		buf_reset(&r->scratch);
		jsonrpc_put_edited(&r->scratch, m->text, edits.e, edits.n);
		spread(r, u, &wish, buf_str(&r->scratch));
	}
	buf_fini(&ids);
}
