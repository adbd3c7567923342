/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_round.c - calls of session clients at modern servers that require
 * input.
 *
 * input: untrusted
 */
#include "net/mcp_round.h"

#include "lib/mem.h"
#include "lib/size.h"

void mcp_round_keep(struct mcp_request *q, const struct jsonrpc *m,
	const struct mcp_edits *edits)
{
	struct mcp_round *o = q->round ? q->round : mem_new(sizeof(*o));
	if (!o)
		return;
	if (!q->round) {
		buf_init(&o->answers, MCP_LINE_MAX);
		buf_init(&o->state, MCP_LINE_MAX);
		buf_init(&o->sent, MCP_LINE_MAX);
	}
	buf_reset(&o->sent);
	jsonrpc_put_edited(&o->sent, m->text, edits->e, edits->n);
	q->round = o;
}

void mcp_round_free(struct mcp_request *q)
{
	struct mcp_round *o = q->round;
	if (!o)
		return;
	mcp_asks_end_request(q->router, q);
	buf_fini(&o->answers);
	buf_fini(&o->state);
	buf_fini(&o->sent);
	mem_free(o);
	q->round = NULL;
}

/* ----------------------------------------------------------- the next request */

/* its params begin with the answers and the state that the server wants back */
static void send_again(struct mcp_request *q)
{
	struct mcp_round *o = q->round;
	struct mcp_edits edits = {.n = 0};
	struct mcp_params c;
	struct jsonrpc m;
	struct buf more;
	const char *why = NULL;
	buf_init(&more, 2 * MCP_LINE_MAX);
	buf_puts(&more, "\"inputResponses\":{");
	buf_put_str(&more, buf_str(&o->answers));
	buf_puts(&more, "},");
	if (o->state.n) {
		buf_puts(&more, "\"requestState\":");
		buf_put_str(&more, buf_str(&o->state));
		buf_putc(&more, ',');
	}
	if (jsonrpc_read_checked(&m, buf_str(&o->sent), &why) != 0 ||
		mcp_params_read(m.params, &c)) {
		mcp_request_fail(q, "it cannot be repeated");
	} else {
		/* never empty: it holds _meta */
		mcp_edits_add(
			&edits, str_from(m.params.p + 1, 0), buf_str(&more));
		mcp_request_repeat(q, &m, &c, &edits);
	}
	buf_fini(&more);
}

/* -------------------------------------------------------------------- asking */

static const char *ask_one(
	struct mcp_request *q, struct str key, struct str input)
{
	static const char *const names[] = {"method", "params"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(input, names, v, ARRAY_LEN(names)) || !v[0].p ||
		json_type_of(v[0]) != JSON_STRING ||
		(v[1].p && json_type_of(v[1]) != JSON_OBJECT))
		return "the server requires input that cannot be read";
	struct jsonrpc m = {.kind = JSONRPC_REQUEST,
		.id = str_from(key.p - 1, key.n + 2),
		.method = str_from(v[0].p + 1, v[0].n - 2),
		.params = v[1]};
	unsigned need = mcp_offers_needed(&m);
	if (!need || (q->session->offers & need) != need)
		return "the server requires input that the client did not "
		       "declare";
	return mcp_ask_for(q, &m)
		       ? NULL
		       : "the client takes no event stream, or has too much "
			 "to answer";
}

const char *mcp_round_begin(struct mcp_request *q, struct str result)
{
	static const char *const names[] = {"inputRequests", "requestState"};
	struct mcp_round *o = q->round;
	struct json_cursor c;
	struct str v[ARRAY_LEN(names)], key, input;
	const char *why = NULL;
	if (!o || o->sent.err || o->number++ == MCP_ROUNDS_MAX ||
		!json_pick(result, names, v, ARRAY_LEN(names)) ||
		(v[0].p && json_type_of(v[0]) != JSON_OBJECT))
		return "the server requires input again and again, or too much";
	/* the next round may be at another process of the server */
	if (q->upstream->original)
		q->upstream = q->upstream->original;
	buf_reset(&o->answers);
	buf_reset(&o->state);
	if (v[1].p)
		buf_put_str(&o->state, v[1]);
	o->waiting = 1; /* until all are asked */
	if (v[0].p && json_open(&c, v[0]))
		while (!why && json_next(&c, &key, &input)) {
			o->waiting++;
			why = ask_one(q, key, input);
		}
	if (!why && --o->waiting == 0)
		send_again(q);
	return why;
}

/* an error of the client is the end of its request */
static void refused(struct mcp_request *q, const struct jsonrpc *m)
{
	struct buf text;
	struct str raw = json_member(m->error, "message");
	buf_init(&text, MCP_LINE_MAX);
	buf_puts(&text, "the client refused: ");
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&text, raw);
	mcp_request_fail(q, buf_cstr(&text));
	buf_fini(&text);
}

void mcp_round_answered(
	struct mcp_router *r, struct mcp_ask *ask, const struct jsonrpc *m)
{
	struct mcp_request *q = ask->request_of;
	struct mcp_round *o = q->round;
	if (m->kind == JSONRPC_ERROR) {
		mcp_ask_release(r, ask);
		refused(q, m);
		return;
	}
	if (o->answers.n)
		buf_putc(&o->answers, ',');
	buf_put_str(&o->answers, mcp_ask_id(ask));
	buf_putc(&o->answers, ':');
	buf_put_str(&o->answers, m->result);
	mcp_ask_release(r, ask);
	if (--o->waiting == 0)
		send_again(q);
}
