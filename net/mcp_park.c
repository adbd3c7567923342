/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_park.c - calls of modern clients that wait for their answers (MCP
 * 2026-07-28, "Multi Round-Trip Requests").
 *
 * input: untrusted
 */
#include "net/mcp_park.h"

#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/rand.h"
#include "net/mcp_call.h"
#include "net/mcp_era.h"
#include "net/mcp_modern.h"
#include "net/mcp_ticket.h"

enum { BOUND_MAX = 2 << 20, STATE_MAX = 512 };

static const struct str none = {NULL, 0};

/* who asked for what: nobody else, and nothing else, goes on with it */
static void put_bound(struct buf *out, const struct mcp_post *p,
	enum mcp_errand errand, struct str name)
{
	struct str who =
		p->x ? http_field(http_request(p->x), "Authorization") : none;
	buf_put_str(out, who);
	buf_putf(out, "\n%d %d\n", (int)p->session->role, (int)errand);
	buf_put_str(out, name);
}

/* ------------------------------------------------------------------- entries */

static void unlink_and_free(struct mcp_park *k)
{
	struct mcp_router *r = k->router;
	if (k->prev)
		k->prev->next = k->next;
	else
		r->parks = k->next;
	if (k->next)
		k->next->prev = k->prev;
	r->nparks--;
	r->parked_bytes -= k->answer.n;
	loop_timer_clear(r->loop, &k->timer);
	buf_fini(&k->bound);
	buf_fini(&k->responses);
	buf_fini(&k->answer);
	mem_free(k);
}

/* the client does not come back */
static void drop(struct mcp_park *k)
{
	struct mcp_session *s = k->session;
	bool away = k->away;
	if (k->request)
		mcp_session_cancel_all(s); /* settles k with its request */
	else
		unlink_and_free(k);
	if (away)
		mcp_session_unref(s);
}

static void make_room(struct mcp_router *r)
{
	struct mcp_park *oldest = NULL;
	if (r->nparks < MCP_PARKS_MAX)
		return;
	for (struct mcp_park *k = r->parks; k; k = k->next)
		if (k->away)
			oldest = k;
	if (oldest)
		drop(oldest);
}

static struct mcp_park *park_of(struct mcp_request *q)
{
	struct mcp_router *r = q->router;
	if (q->park)
		return q->park;
	make_room(r);
	if (!r->has_ticket_key)
		r->has_ticket_key =
			rand_bytes(r->ticket_key, sizeof(r->ticket_key)) == 0;
	if (!r->has_ticket_key)
		return NULL;
	struct mcp_park *k =
		r->nparks < MCP_PARKS_MAX ? mem_new(sizeof(*k)) : NULL;
	if (!k)
		return NULL;
	*k = (struct mcp_park){.router = r,
		.session = q->session,
		.request = q,
		.next = r->parks};
	buf_init(&k->bound, BOUND_MAX);
	buf_init(&k->responses, MCP_LINE_MAX);
	buf_init(&k->answer, MCP_LINE_MAX);
	/* an id that nobody can guess, though it is sealed as well */
	if (rand_bytes(&k->id, sizeof(k->id)) < 0) {
		mem_free(k);
		return NULL;
	}
	if (k->next)
		k->next->prev = k;
	r->parks = k;
	r->nparks++;
	q->park = k;
	return k;
}

void mcp_park_prepare(struct mcp_request *q, struct str responses)
{
	struct mcp_park *k = park_of(q);
	if (k)
		buf_put_str(&k->responses, responses);
}

void mcp_park_settle(struct mcp_request *q)
{
	struct mcp_park *k = q->park;
	q->park = NULL;
	k->request = NULL;
	if (!k->away || k->answer.n == 0)
		unlink_and_free(k);
}

void mcp_park_keep(struct mcp_request *q, int code, struct str message)
{
	struct mcp_park *k = q->park;
	if (k->router->parked_bytes + message.n > MCP_PARK_KEPT_MAX)
		return; /* it ends without one: the state is not known then */
	k->code = code;
	buf_put_str(&k->answer, message);
	if (k->answer.err)
		buf_reset(&k->answer);
	k->router->parked_bytes += k->answer.n;
}

/* --------------------------------------------------------- what is required */

/* the client's answer to this ask, among those that it sent; p == NULL */
static struct str response_to(const struct mcp_park *k, struct str key)
{
	struct json_cursor c;
	struct str name, value;
	if (!k->responses.n || !json_open(&c, buf_str(&k->responses)))
		return none;
	while (json_next(&c, &name, &value))
		if (json_str_is(str_from(name.p - 1, name.n + 2), key))
			return json_type_of(value) == JSON_OBJECT ? value
								  : none;
	return none;
}

/* give a server what its client answered. false: nothing yet */
static bool answer_ask(const struct mcp_park *k, struct mcp_ask *ask)
{
	struct buf key, text;
	buf_init(&key, MCP_LINE_MAX);
	mcp_ask_put_key(&key, ask);
	struct str response = response_to(k, buf_str(&key));
	buf_fini(&key);
	if (!response.p)
		return false;
	buf_init(&text, MCP_LINE_MAX);
	jsonrpc_put_result(&text, mcp_ask_id(ask), response);
	if (!text.err)
		mcp_upstream_forward(ask->upstream, buf_str(&text), NULL, 0);
	buf_fini(&text);
	mcp_ask_release(k->router, ask);
	return true;
}

/* answer what can be; true: something is left that the client has to say */
static bool answer_asks(const struct mcp_park *k)
{
	bool left = false;
	struct mcp_ask *ask = k->router->asks;
	while (ask) {
		struct mcp_ask *next = ask->next;
		if (ask->session == k->session && !answer_ask(k, ask))
			left = true;
		ask = next;
	}
	return left;
}

static void put_requests(struct buf *out, const struct mcp_park *k)
{
	struct json_writer w = {.out = out};
	struct buf key;
	buf_init(&key, MCP_LINE_MAX);
	json_w_open(&w, '{');
	for (const struct mcp_ask *a = k->router->asks; a; a = a->next) {
		if (a->session != k->session)
			continue;
		buf_reset(&key);
		mcp_ask_put_key(&key, a);
		json_w_key_str(&w, buf_str(&key));
		json_w_raw(&w, buf_str(&a->request));
	}
	json_w_close(&w, '}');
	buf_fini(&key);
}

static void on_expired(void *owner)
{
	drop(owner);
}

/* the POST ends here; the call does not */
static void send_away(struct mcp_park *k)
{
	struct mcp_router *r = k->router;
	struct mcp_request *q = k->request;
	struct mcp_post *p = q->post;
	struct buf *out = &r->scratch;
	struct mcp_ticket state = {k->id, ++k->round,
		(loop_now(r->loop) + MCP_PARK_MS) / 1000 + 1};
	buf_reset(out);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, mcp_request_id(q));
	buf_puts(out, ",\"result\":{\"resultType\":\"input_required\","
		      "\"inputRequests\":");
	put_requests(out, k);
	buf_puts(out, ",\"requestState\":\"");
	mcp_ticket_put(out, &state, r->ticket_key, buf_str(&k->bound));
	buf_puts(out, "\"}}");
	k->away = true;
	k->session->posts++; /* it lives on without its POST */
	q->post = NULL;
	loop_timer_clear(r->loop, &q->call.timer);
	(void)loop_timer_at(r->loop, &k->timer, loop_now(r->loop) + MCP_PARK_MS,
		on_expired, k);
	mcp_post_answer(p, buf_str(out));
	mcp_post_closed(p);
}

static bool is_pending(const struct mcp_park *k)
{
	for (const struct mcp_ask *a = k->router->asks; a; a = a->next)
		if (a->session == k->session)
			return true;
	return false;
}

static void on_gathered(void *owner)
{
	struct mcp_park *k = owner;
	if (k->request && k->request->post && is_pending(k))
		send_away(k);
}

/* a server that asks several things does it in one go: wait for all of them */
static void gather(struct mcp_park *k)
{
	struct loop *loop = k->router->loop;
	if (!k->away)
		(void)loop_timer_at(loop, &k->timer,
			loop_now(loop) + MCP_PARK_GATHER_MS, on_gathered, k);
}

void mcp_park_ask(struct mcp_request *q, const struct jsonrpc *m)
{
	struct mcp_park *k = park_of(q);
	struct mcp_ask *ask =
		k ? mcp_ask_new(q->router, q->session, q->upstream, m) : NULL;
	if (!ask) {
		mcp_ask_refuse(q->upstream, m->id, JSONRPC_INTERNAL_ERROR,
			"too many requests wait for clients");
		return;
	}
	if (k->bound.n == 0 && q->post)
		put_bound(&k->bound, q->post, q->errand, mcp_request_name(q));
	if (!answer_ask(k, ask))
		gather(k);
}

/* --------------------------------------------------------------- coming back */

static struct mcp_park *find(
	struct mcp_post *p, struct str raw, struct str bound)
{
	struct mcp_router *r = p->router;
	struct mcp_ticket state;
	struct mcp_park *k = r->parks;
	struct buf text;
	buf_init(&text, STATE_MAX);
	if (json_type_of(raw) == JSON_STRING)
		json_unquote(&text, raw);
	bool ours = !text.err &&
		    mcp_ticket_read(&state, buf_str(&text), r->ticket_key,
			    bound, loop_now(r->loop) / 1000);
	buf_fini(&text);
	while (ours && k && !(k->id == state.id && k->round == state.round))
		k = k->next;
	return ours && k && k->away ? k : NULL;
}

/* the answer is there already, with the id of an earlier request */
static void hand_over(
	struct mcp_park *k, struct mcp_post *p, const struct jsonrpc *m)
{
	struct jsonrpc kept;
	struct buf *out = &k->router->scratch;
	const char *why;
	buf_reset(out);
	if (jsonrpc_read_checked(&kept, buf_str(&k->answer), &why) == 0) {
		struct jsonrpc_edit id = {kept.id, m->id};
		jsonrpc_put_edited(out, kept.text, &id, 1);
		mcp_post_fault(p, k->code, buf_str(out));
	}
	drop(k);
}

static void come_back(struct mcp_park *k, struct mcp_post *p,
	const struct jsonrpc *m, const struct mcp_params *c)
{
	struct mcp_session *before = k->session;
	buf_reset(&k->responses);
	if (c->responses.p)
		buf_put_str(&k->responses, c->responses);
	if (!k->request) {
		hand_over(k, p, m);
		return;
	}
	k->away = false;
	k->session = p->session;
	loop_timer_clear(k->router->loop, &k->timer);
	mcp_asks_move(k->router, before, p->session);
	mcp_request_attach(k->request, p, m->id, c->token);
	mcp_session_unref(before);
	if (answer_asks(k))
		gather(k);
}

bool mcp_park_take(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_way *way)
{
	struct buf bound;
	if (c->responses.p && json_type_of(c->responses) != JSON_OBJECT) {
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS,
			STR("params.inputResponses must be an object"));
		return true;
	}
	if (!c->state.p)
		return false;
	buf_init(&bound, BOUND_MAX);
	put_bound(&bound, p, way->errand, way->name);
	struct mcp_park *k =
		bound.err ? NULL : find(p, c->state, buf_str(&bound));
	buf_fini(&bound);
	if (k)
		come_back(k, p, m, c);
	else
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS,
			STR("params.requestState is not valid, or not any "
			    "more: repeat the request without it"));
	return true;
}

/* ------------------------------------------------------------------ URL mode */

bool mcp_park_put_urls(
	struct buf *out, struct mcp_request *q, const struct jsonrpc *m)
{
	struct json_cursor c;
	struct str item;
	struct str data = json_member(m->error, "data");
	struct str list = data.p ? json_member(data, "elicitations") : none;
	struct json_writer w = {.out = out};
	char key[32];
	size_t n = 0;
	if (!list.p || !json_open(&c, list) || c.object ||
		!(q->session->offers & MCP_OFFER_ELICIT_URL))
		return false;
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, mcp_request_id(q));
	buf_puts(out, ",\"result\":{\"resultType\":\"input_required\","
		      "\"inputRequests\":");
	json_w_open(&w, '{');
	while (json_next(&c, NULL, &item)) {
		(void)fmt_str(key, sizeof(key), "url-%zu", ++n);
		json_w_key(&w, key);
		json_w_open(&w, '{');
		json_w_key(&w, "method");
		json_w_text(&w, "elicitation/create");
		json_w_key(&w, "params");
		json_w_raw(&w, item);
		json_w_close(&w, '}');
	}
	json_w_close(&w, '}');
	buf_puts(out, "}}");
	return n > 0;
}

void mcp_park_end_all(struct mcp_router *r)
{
	while (r->parks) {
		struct mcp_park *k = r->parks;
		drop(k);
	}
}
