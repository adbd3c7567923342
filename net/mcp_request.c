/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_request.c - requests of clients that servers have to answer.
 *
 * input: untrusted
 */
#include "net/mcp_request.h"

#include "lib/mem.h"
#include "lib/size.h"
#include "net/mcp.h"
#include "net/mcp_call.h"
#include "net/mcp_call_log.h"
#include "net/mcp_identity.h"
#include "net/mcp_instance.h"
#include "net/mcp_level.h"
#include "net/mcp_links.h"
#include "net/mcp_modern.h"
#include "net/mcp_park.h"
#include "net/mcp_round.h"
#include "net/mcp_subs.h"
#include "net/mcp_tasks.h"

enum { REQUEST_TEXT_MAX = 1 << 20, KEEP_TEXT = 4096, ROOM_MAX = 4096 };

struct mcp_request *mcp_request_of(struct mcp_call *call)
{
	return call->own ? NULL : CONTAINER_OF(call, struct mcp_request, call);
}

struct str mcp_request_id(const struct mcp_request *q)
{
	return str_first(buf_str(&q->text), q->id_len);
}

static struct str request_token(const struct mcp_request *q)
{
	return str_first(
		str_from_index(buf_str(&q->text), q->id_len), q->token_len);
}

struct str mcp_request_name(const struct mcp_request *q)
{
	return str_from_index(buf_str(&q->text), q->id_len + q->token_len);
}

/* is there anybody to answer? */
static bool is_awaited(const struct mcp_request *q)
{
	return q->post ? mcp_post_listens(q->post) : q->park != NULL;
}

/* it is the newest of the session, and this POST waits for it */
static void link_to(struct mcp_request *q, struct mcp_post *p)
{
	q->session = p->session;
	q->post = p;
	q->prev = NULL;
	q->next = p->session->requests;
	if (q->next)
		q->next->prev = q;
	p->session->requests = q;
	mcp_post_opened(p);
}

static void unlink_from(struct mcp_request *q)
{
	if (q->prev)
		q->prev->next = q->next;
	else
		q->session->requests = q->next;
	if (q->next)
		q->next->prev = q->prev;
}

static struct mcp_request *request_new(
	struct mcp_post *p, struct str id, struct str token, struct str name)
{
	struct mcp_router *r = p->router;
	struct mcp_request *q = r->free_requests;
	if (q) {
		r->free_requests = q->next;
	} else {
		q = mem_new(sizeof(*q));
		if (!q)
			return NULL;
		buf_init(&q->text, REQUEST_TEXT_MAX);
	}
	struct buf text = q->text;
	*q = (struct mcp_request){
		.router = r, .session = p->session, .post = p, .text = text};
	buf_init(&q->message, MCP_LINE_MAX);
	buf_put_str(&q->text, id);
	buf_put_str(&q->text, token);
	buf_put_str(&q->text, name);
	q->id_len = id.n;
	q->token_len = token.n;
	link_to(q, p);
	return q;
}

/* unlink and keep for the next; the post may go with it */
static void request_done(struct mcp_request *q)
{
	struct mcp_post *p = q->post;
	struct mcp_router *r = q->router;
	struct mcp_session *s = q->session;
	struct mcp_upstream *u = q->upstream;
	if (q->park)
		mcp_park_settle(q);
	mcp_round_free(q);
	unlink_from(q);
	buf_reset(&q->text);
	buf_trim(&q->text, KEEP_TEXT);
	buf_fini(&q->message);
	q->next = r->free_requests;
	r->free_requests = q;
	if (r->asks && !mcp_request_newest(s, u))
		mcp_asks_settle(r, s, u);
	if (p)
		mcp_post_closed(p);
}

void mcp_request_attach(struct mcp_request *q, struct mcp_post *p,
	struct str id, struct str token)
{
	struct buf text;
	buf_init(&text, REQUEST_TEXT_MAX);
	buf_put_str(&text, id);
	buf_put_str(&text, token);
	buf_put_str(&text, mcp_request_name(q));
	buf_fini(&q->text);
	q->text = text;
	q->id_len = id.n;
	q->token_len = token.n;
	unlink_from(q);
	link_to(q, p);
	mcp_call_arm(q->upstream, &q->call);
}

struct mcp_request *mcp_request_newest(
	const struct mcp_session *s, const struct mcp_upstream *u)
{
	struct mcp_request *q = s->requests;
	while (q && q->upstream != u)
		q = q->next;
	return q;
}

/* --------------------------------------------------------------- answers */

static void put_tool_error(
	struct buf *out, struct str id, struct str text, bool modern)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, id);
	buf_puts(out, ",\"result\":{");
	if (modern) {
		mcp_era_put_head(out, false);
		buf_putc(out, ',');
	}
	buf_puts(out, "\"content\":[{\"type\":\"text\",\"text\":");
	json_quote(out, text);
	buf_puts(out, "}],\"isError\":true}}");
}

void mcp_answer_tool_error(
	struct mcp_post *p, struct str id, const struct buf *text)
{
	struct buf *out = &p->router->scratch;
	buf_reset(out);
	put_tool_error(out, id, buf_str(text), p->session->modern);
	mcp_post_answer(p, buf_str(out));
}

/* to whoever waits for it; code: of an error, else 0 */
static void give(struct mcp_request *q, int code, struct str message)
{
	if (q->post)
		mcp_post_fault(q->post, code, message);
	else if (q->park)
		mcp_park_keep(q, code, message);
}

/* there is no answer of a server, and this is why */
static void answer_failure(struct mcp_request *q, struct str why)
{
	struct buf text;
	struct buf *out = &q->router->scratch;
	buf_reset(out);
	if (q->errand != MCP_ERRAND_TOOL) {
		jsonrpc_put_error(
			out, mcp_request_id(q), JSONRPC_INTERNAL_ERROR, why);
		give(q, JSONRPC_INTERNAL_ERROR, buf_str(out));
		return;
	}
	buf_init(&text, MCP_LINE_MAX);
	buf_puts(&text, "Error calling tool '");
	buf_put_str(&text, mcp_request_name(q));
	buf_puts(&text, "': ");
	buf_put_str(&text, why);
	put_tool_error(
		out, mcp_request_id(q), buf_str(&text), q->session->modern);
	give(q, 0, buf_str(out));
	buf_fini(&text);
}

/* the answer in the era of the client; the code when it is an error, else 0 */
static int translate(const struct mcp_request *q, const struct jsonrpc *m,
	struct mcp_edits *edits, struct buf *room)
{
	bool modern = q->session->modern;
	if (m->result.p && modern && q->upstream->era == MCP_LEGACY)
		mcp_era_result_to_modern(
			edits, m->result, q->errand == MCP_ERRAND_READ, room);
	else if (m->result.p && !modern && q->upstream->era == MCP_MODERN)
		mcp_era_result_to_legacy(edits, m->result);
	return m->error.p && modern ? mcp_era_error_to_modern(edits, m->error)
				    : 0;
}

/* the server that the index knows */
static const struct mcp_upstream *original_of(const struct mcp_upstream *u)
{
	return u->original ? u->original : u;
}

/* the server's answer with the client's id, and URIs as clients know them */
static void pass_on(struct mcp_request *q, const struct jsonrpc *m)
{
	struct mcp_router *r = q->router;
	struct buf *out = &r->scratch;
	struct buf room, ids;
	struct mcp_edits edits = {.n = 0};
	buf_init(&room, ROOM_MAX);
	buf_init(&ids, MCP_TASK_IDS_MAX);
	mcp_edits_add(&edits, m->id, mcp_request_id(q));
	int code = translate(q, m, &edits, &room);
	if (m->result.p && mcp_tasks_renamed(&r->index, q->upstream))
		(void)mcp_tasks_edit(&edits, m->result,
			q->upstream->config->name, false, &ids);
	buf_reset(out);
	if (r->index.renamed && m->result.p)
		mcp_links_put(out, &r->index, original_of(q->upstream), m->text,
			&edits);
	else
		jsonrpc_put_edited(out, m->text, edits.e, edits.n);
	give(q, code, buf_str(out));
	buf_fini(&room);
	buf_fini(&ids);
	buf_reset(out);
	buf_trim(out, 1 << 16);
}

/* a server's JSON-RPC error as a result, except the code that clients act on */
static void on_tool_error(struct mcp_request *q, const struct jsonrpc *m)
{
	struct buf message;
	struct str code = json_member(m->error, "code");
	struct str raw = json_member(m->error, "message");
	if (code.p && str_is(code, "-32042")) {
		pass_on(q, m);
		return;
	}
	buf_init(&message, MCP_LINE_MAX);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&message, raw);
	else
		buf_puts(&message, "the server gave no reason");
	answer_failure(q, buf_str(&message));
	buf_fini(&message);
}

/*
 * A call of a modern client that failed after the server had asked for what
 * the client did not declare, or that requires visits to pages, has an answer
 * of its own. false: it is none of those.
 */
static bool answer_lack(struct mcp_request *q, const struct jsonrpc *m)
{
	struct buf *out = &q->router->scratch;
	struct str code = m->error.p ? json_member(m->error, "code") : m->error;
	bool urls = code.p && str_is(code, "-32042");
	struct str failed =
		m->result.p ? json_member(m->result, "isError") : m->result;
	buf_reset(out);
	if (urls && mcp_park_put_urls(out, q, m)) {
		give(q, 0, buf_str(out));
		return true;
	}
	unsigned lacking = urls ? MCP_OFFER_ELICIT_URL : q->lacking;
	if (!lacking || !(m->error.p || (failed.p && str_is(failed, "true"))))
		return false;
	buf_reset(out);
	mcp_modern_put_lack(out, mcp_request_id(q), lacking);
	give(q, MCP_CODE_CAPABILITY, buf_str(out));
	return true;
}

static void on_failure(struct mcp_call *call, const char *why);

static void on_answer(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_request *q = CONTAINER_OF(call, struct mcp_request, call);
	bool failed = m->kind == JSONRPC_ERROR;
	if (q->round && mcp_result_is(m->result, "input_required")) {
		const char *why = mcp_round_begin(q, m->result);
		if (why)
			on_failure(call, why);
		return;
	}
	if (q->errand == MCP_ERRAND_READ && failed && mcp_route_read_again(q))
		return;
	mcp_call_log_end(q, failed ? MCP_CALL_ERROR : MCP_CALL_OK,
		(struct str){NULL, 0});
	if (q->errand == MCP_ERRAND_SUBSCRIBE && !failed)
		mcp_subs_add(q->router, q->session, q->upstream,
			mcp_request_name(q));
	if (q->session->modern && answer_lack(q, m))
		; /* that is what the client has to hear of */
	else if (q->errand == MCP_ERRAND_TOOL && failed && !q->session->modern)
		on_tool_error(q, m);
	else if (is_awaited(q))
		pass_on(q, m);
	request_done(q);
}

static void on_failure(struct mcp_call *call, const char *why)
{
	struct mcp_request *q = CONTAINER_OF(call, struct mcp_request, call);
	mcp_call_log_end(q, MCP_CALL_FAILED, str_of(why));
	if (is_awaited(q))
		answer_failure(q, str_of(why));
	request_done(q);
}

static void on_progress(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_request *q = CONTAINER_OF(call, struct mcp_request, call);
	struct buf *out = &q->router->scratch;
	struct jsonrpc_edit token = {
		json_member(m->params, "progressToken"), request_token(q)};
	if (q->token_len == 0 || !q->post || !mcp_post_can_precede(q->post))
		return;
	buf_reset(out);
	jsonrpc_put_edited(out, m->text, &token, 1);
	(void)mcp_post_precede(q->post, buf_str(out), false);
}

void mcp_request_fail(struct mcp_request *q, const char *why)
{
	on_failure(&q->call, why);
}

static const struct mcp_call_ops request_ops = {.on_answer = on_answer,
	.on_failure = on_failure,
	.on_progress = on_progress};

/* --------------------------------------------------------------- sending */

/* some clients write null for what they have not got */
static void drop_null(struct str *raw)
{
	if (raw->p && json_type_of(*raw) == JSON_NULL)
		*raw = (struct str){NULL, 0};
}

const char *mcp_params_read(struct str params, struct mcp_params *out)
{
	static const char *const names[] = {"name", "uri", "ref", "arguments",
		"_meta", "inputResponses", "requestState"};
	static const char *const of_meta[] = {"progressToken", "actor_id"};
	struct str w[ARRAY_LEN(of_meta)];
	struct str v[ARRAY_LEN(names)];
	*out = (struct mcp_params){0};
	if (!params.p || !json_pick(params, names, v, ARRAY_LEN(names)))
		return "params must be an object without repeated members";
	*out = (struct mcp_params){.name = v[0],
		.uri = v[1],
		.ref = v[2],
		.arguments = v[3],
		.responses = v[5],
		.state = v[6]};
	struct str meta = v[4];
	drop_null(&meta);
	if (!meta.p)
		return NULL;
	if (!json_pick(meta, of_meta, w, ARRAY_LEN(w)))
		return "params._meta must be an object without repeated "
		       "members";
	out->token = w[0];
	out->actor = w[1];
	drop_null(&out->token);
	if (out->token.p && json_type_of(out->token) != JSON_STRING &&
		json_type_of(out->token) != JSON_NUMBER)
		return "params._meta.progressToken must be a string or number";
	return NULL;
}

/* who acts, for a server at a URL; and what its client said beside */
static void put_fields(struct buf *out, const struct mcp_request *q,
	const struct mcp_params *c)
{
	const struct http_head *head = NULL;
	if (q->post && q->post->x)
		head = http_request(q->post->x);
	if (q->errand == MCP_ERRAND_TOOL) {
		buf_puts(out, "Authorization: Bearer ");
		mcp_identity_actor(out, head, c->actor);
		buf_putc(out, '\n');
	}
	if (head)
		mcp_identity_put_fields(out, head);
}

void mcp_request_repeat(struct mcp_request *q, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_edits *edits)
{
	struct buf fields;
	const char *why;
	struct mcp_upstream *u =
		mcp_instance_for(q->router, q->session, q->upstream, &why);
	if (!u) {
		q->call.ops->on_failure(&q->call, why);
		return;
	}
	q->upstream = u;
	buf_init(&fields, ROOM_MAX);
	if (u->config->url)
		put_fields(&fields, q, c);
	struct mcp_outgoing out = {.request = m,
		.token = c->token,
		.edits = edits->e,
		.n = edits->n,
		.fields = buf_str(&fields)};
	mcp_upstream_call(q->upstream, &q->call, &out);
	buf_fini(&fields);
}

void mcp_request_forward(struct mcp_request *q, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_edits *edits)
{
	struct mcp_edits all = *edits;
	struct buf meta, room;
	buf_init(&meta, ROOM_MAX);
	buf_init(&room, ROOM_MAX);
	if (q->session->modern && q->upstream->era == MCP_LEGACY) {
		mcp_era_request_to_legacy(&all, m);
	} else if (!q->session->modern && q->upstream->era == MCP_MODERN) {
		mcp_offers_put_meta(&meta, q->session->offers,
			mcp_level_wanted(q->session));
		mcp_era_request_to_modern(&all, m, buf_str(&meta), &room);
		mcp_round_keep(q, m, &all);
	}
	mcp_request_repeat(q, m, c, &all);
	buf_fini(&meta);
	buf_fini(&room);
}

void mcp_request_send(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, const struct mcp_way *way)
{
	bool parks = p->session->modern && way->upstream->era == MCP_LEGACY;
	if (parks && mcp_park_take(p, m, c, way))
		return;
	struct mcp_request *q = request_new(p, m->id, c->token, way->name);
	if (!q || q->text.err) {
		mcp_post_error(p, m->id, JSONRPC_INTERNAL_ERROR,
			STR("id, progress token or name too large"));
		if (q)
			request_done(q);
		return;
	}
	q->upstream = way->upstream;
	q->errand = way->errand;
	mcp_call_log_begin(q, m);
	if (q->errand == MCP_ERRAND_READ)
		buf_put_str(&q->message, m->text);
	if (parks && c->responses.p)
		mcp_park_prepare(q, c->responses);
	q->call.ops = &request_ops;
	struct mcp_edits edits = {.n = 0};
	for (size_t i = 0; i < way->n; i++)
		mcp_edits_add(&edits, way->edits[i].at, way->edits[i].with);
	mcp_request_forward(q, m, c, &edits);
}

/* ---------------------------------------------------------- cancellation */

/* no answer is owed to a cancelled request, but its POST must end */
static void end_cancelled(
	struct mcp_request *q, struct str reason, struct str message)
{
	struct mcp_post *p = q->post;
	mcp_call_log_end(q, MCP_CALL_CANCELLED, reason);
	mcp_upstream_cancel(&q->call, reason);
	if (p && p->x && !p->batch)
		mcp_post_error(p, mcp_request_id(q), 0, message);
	request_done(q);
}

void mcp_request_cancelled(struct mcp_post *p, const struct jsonrpc *m)
{
	static const char *const names[] = {"requestId", "reason"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(m->params, names, v, ARRAY_LEN(names)) || !v[0].p)
		return;
	struct mcp_request *q = p->session->requests;
	while (q && !str_eq(mcp_request_id(q), v[0]))
		q = q->next;
	if (q)
		end_cancelled(q, v[1], STR("Request cancelled"));
}

void mcp_session_cancel_all(struct mcp_session *s)
{
	/* its own memory lives as long as a POST of it: keep it to the end */
	s->posts++;
	while (s->requests)
		end_cancelled(s->requests, STR("\"the session ended\""),
			STR("the session ended"));
	mcp_session_unref(s);
}

void mcp_request_free_list(struct mcp_router *r)
{
	while (r->free_requests) {
		struct mcp_request *q = r->free_requests;
		r->free_requests = q->next;
		buf_fini(&q->text);
		mem_free(q);
	}
}
