/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_remote.c - a connection to an MCP server at a URL.
 *
 * input: untrusted
 *
 * The invariant: a request gets one answer, the server's or one made here that
 * says what went wrong; and while the server has never been heard, what went
 * wrong ends the connection instead, so that it is begun anew.
 */
#include "net/mcp_remote.h"

#include <string.h>

#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"

enum { WHY_MAX = 700, BODY_SHOWN = 200 };

static struct mcp_remote *remote_of(struct mcp_conn *c)
{
	return CONTAINER_OF(c, struct mcp_remote, base);
}

/* ------------------------------------------------------------------- end */

static void free_lines(char **lines)
{
	for (char **l = lines; l && *l; l++)
		mem_free(*l);
	mem_free(lines);
}

static void release(struct mcp_conn *c)
{
	struct mcp_remote *r = remote_of(c);
	buf_fini(&r->url);
	buf_fini(&r->post);
	buf_fini(&r->session);
	free_lines(r->headers);
	mem_free(r->bearer);
	mcp_conn_fini(c);
	mem_free(r);
}

static void forget(struct mcp_remote *r)
{
	while (r->errands)
		mcp_remote_errand_free(r->errands);
	loop_timer_clear(r->base.all->loop, &r->timer);
	mcp_conn_delist(&r->base);
}

/* there is no going on with this connection */
static void broke(struct mcp_remote *r, const char *why, bool later)
{
	char text[WHY_MAX];
	struct mcp_conn_events events = r->base.events;
	if (r->ending)
		return;
	r->ending = true;
	fmt_str(text, sizeof(text), "%s", why);
	r->base.events = (struct mcp_conn_events){0};
	if (events.on_exit)
		events.on_exit(events.owner, text, later);
	forget(r);
}

static void on_left(void *owner)
{
	forget(owner);
}

/* a session is taken leave of; whether that is heard is the server's affair */
static void retire(struct mcp_conn *c)
{
	struct mcp_remote *r = remote_of(c);
	struct mcp_remote_errand *bye = NULL;
	if (r->ending)
		return;
	r->ending = true;
	while (r->errands)
		mcp_remote_errand_free(r->errands);
	buf_reset(&c->queue);
	if (r->session.n)
		bye = mcp_remote_errand_new(
			r, MCP_REMOTE_DELETE, STR(""), STR(""));
	if (bye)
		mcp_remote_go(bye);
	(void)loop_timer_at(c->all->loop, &r->timer,
		loop_now(c->all->loop) + (bye ? MCP_REMOTE_LEAVE_MS : 0),
		on_left, r);
}

static void stop(struct mcp_conn *c)
{
	mcp_conn_retire(c);
}

/* ------------------------------------------------------------- answering */

/* the answer that the server does not give */
static void answer_for(struct mcp_remote_errand *e, const char *why)
{
	struct mcp_remote *r = e->remote;
	struct buf text;
	char message[WHY_MAX];
	if (!e->id.p || e->answered) {
		log_debug("server %s: %s", r->base.name, why);
		return;
	}
	e->answered = true;
	fmt_str(message, sizeof(message), "server '%s': %s", r->base.name, why);
	buf_init(&text, e->id.n + 8 * WHY_MAX);
	jsonrpc_put_error(
		&text, e->id, JSONRPC_INTERNAL_ERROR, str_of(message));
	mcp_conn_deliver(&r->base, buf_str(&text));
	buf_fini(&text);
}

/* what a status means, with what the body says of it */
static void explain(char *dst, size_t size, const struct mcp_remote_errand *e)
{
	struct str body = str_first(buf_str(&e->body), BODY_SHOWN);
	struct str line = str_first(body, str_index(body, '\n'));
	const char *hint = "";
	if (e->status == 401 || e->status == 403)
		hint = " (`headers` or `auth` of its configuration carry "
		       "credentials)";
	else if (e->status >= 300 && e->status < 400)
		hint = " (a redirect that is not followed)";
	fmt_str(dst, size, "HTTP %d %s%s%s%.*s", e->status,
		http_reason(e->status), hint, line.n ? ": " : "",
		STR_FMT(line));
}

/* ----------------------------------------------------- what servers say */

/* the answer to initialize says what the fields of later requests hold */
static void learn(struct mcp_remote *r, const struct jsonrpc *m)
{
	struct buf text;
	struct str raw = {NULL, 0};
	if (m->kind == JSONRPC_RESULT)
		raw = json_member(m->result, "protocolVersion");
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return;
	buf_init(&text, sizeof(r->version) - 1);
	json_unquote(&text, raw);
	/* the header is of 2025-06-18; before, it hurts nobody */
	if (!text.err)
		fmt_str(r->version, sizeof(r->version), "%s", buf_cstr(&text));
	buf_fini(&text);
}

/* does this answer the errand's request? Some write the number as a string */
static bool answers(const struct mcp_remote_errand *e, const struct jsonrpc *m)
{
	struct str id = m->id;
	if (!e->id.p || !id.p ||
		(m->kind != JSONRPC_RESULT && m->kind != JSONRPC_ERROR))
		return false;
	if (id.n > 2 && *id.p == '"' && *e->id.p != '"')
		id = str_from(id.p + 1, id.n - 2);
	return str_eq(id, e->id);
}

bool mcp_remote_message(struct mcp_remote_errand *e, struct str text)
{
	struct mcp_remote *r = e->remote;
	struct jsonrpc m;
	const char *why;
	r->heard = true;
	if (e->id.p && jsonrpc_read(&m, text, &why) == 0 && answers(e, &m)) {
		e->answered = true;
		if (e->initialize)
			learn(r, &m);
	}
	mcp_conn_deliver(&r->base, text);
	return !r->ending;
}

static void flush(struct mcp_conn *c);

/* HTTP+SSE: where messages go, on the same server */
static const char *take_endpoint(struct mcp_remote *r, struct str data)
{
	struct url base, to;
	struct buf text;
	const char *why = url_read(&base, buf_str(&r->url));
	buf_init(&text, URL_MAX);
	if (!why) {
		url_resolve(&text, &base, data);
		why = url_read(&to, buf_str(&text));
	}
	if (!why && !url_same_server(&base, &to))
		why = "its endpoint is on another server";
	buf_reset(&r->post);
	if (!why)
		buf_put_str(&r->post, buf_str(&text));
	buf_fini(&text);
	return why;
}

bool mcp_remote_event(
	struct mcp_remote_errand *e, const struct sse_event *event)
{
	struct mcp_remote *r = e->remote;
	if (!r->sse || r->post.n || !str_is(event->name, "endpoint"))
		return true;
	const char *why = take_endpoint(r, event->data);
	if (why) {
		broke(r, why, false);
		return false;
	}
	flush(&r->base);
	return true;
}

void mcp_remote_head(struct mcp_remote_errand *e, const struct http_head *head)
{
	struct mcp_remote *r = e->remote;
	struct str id = http_field(head, "Mcp-Session-Id");
	if (!e->initialize || head->status != 200 || !id.n)
		return;
	buf_reset(&r->session);
	buf_put_str(&r->session, id);
	r->era++;
}

/* ---------------------------------------------------------- the listening */

static void start_listening(struct mcp_remote *r)
{
	if (r->listen || r->no_listen || r->ending)
		return;
	r->listen =
		mcp_remote_errand_new(r, MCP_REMOTE_LISTEN, STR(""), STR(""));
	if (r->listen)
		mcp_remote_go(r->listen);
}

static void on_listen_over(
	struct mcp_remote_errand *e, const char *error, bool later)
{
	struct mcp_remote *r = e->remote;
	char why[WHY_MAX];
	if (!r->sse) {
		/* 405: there is none; and nobody needs one to be served */
		if (e->status && e->status != 405)
			log_debug("server %s: no event stream: HTTP %d",
				r->base.name, e->status);
		r->no_listen = e->status >= 400;
		mcp_remote_errand_free(e);
		return;
	}
	if (!error && e->status != 200)
		explain(why, sizeof(why), e);
	else
		fmt_str(why, sizeof(why), "%s",
			error ? error : "its event stream ended");
	later = later || e->status == 200 || e->status >= 500;
	mcp_remote_errand_free(e);
	broke(r, why, later);
}

/* -------------------------------------------------------------- the posts */

/* 404 for a session: it is to be made anew, and this message said again */
static void on_lost(struct mcp_remote_errand *e)
{
	struct mcp_remote *r = e->remote;
	struct buf line = e->line;
	bool current = e->era == r->era;
	buf_init(&e->line, 0);
	if (!e->id.p)
		buf_reset(&line); /* what a lost session was told is moot */
	if (current) {
		log_info("server %s: its session is lost, making another",
			r->base.name);
		buf_reset(&r->session);
		r->era++;
		*r->version = '\0';
		r->no_listen = false;
		if (r->listen)
			mcp_remote_errand_free(r->listen);
	}
	mcp_remote_errand_free(e);
	if (r->base.events.on_lost && (current || line.n))
		r->base.events.on_lost(
			r->base.events.owner, buf_str(&line), current);
	buf_fini(&line);
}

/* a body that is a JSON-RPC message about this request, whatever its status */
static bool take_body(struct mcp_remote_errand *e)
{
	struct jsonrpc m;
	const char *why;
	struct str body = buf_str(&e->body);
	if (jsonrpc_read(&m, body, &why) != 0)
		return false;
	if (answers(e, &m)) {
		(void)mcp_remote_message(e, body);
		return true;
	}
	/* servers that refuse before they read cannot name the request */
	if (m.kind != JSONRPC_ERROR || !e->id.p)
		return false;
	struct buf text;
	buf_init(&text, body.n + e->id.n + 64);
	buf_puts(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(&text, e->id);
	buf_puts(&text, ",\"error\":");
	buf_put_str(&text, m.error);
	buf_putc(&text, '}');
	(void)mcp_remote_message(e, buf_str(&text));
	buf_fini(&text);
	return true;
}

/* "not now": the server may be starting, or have too much to do */
static bool is_passing(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void on_post_over(
	struct mcp_remote_errand *e, const char *error, bool later)
{
	struct mcp_remote *r = e->remote;
	char why[WHY_MAX];
	bool accepted = e->status >= 200 && e->status < 300;
	if (error)
		fmt_str(why, sizeof(why), "%s", error);
	else if (!accepted)
		explain(why, sizeof(why), e);
	else
		fmt_str(why, sizeof(why), "its answer (%s) has no answer in it",
			e->stream ? "an event stream" : "HTTP 200");
	later = later || is_passing(e->status);
	bool initialized = e->initialized && accepted;
	bool told = e->answered || (r->sse && accepted) ||
		    (!error && !e->stream && take_body(e));
	if (r->ending)
		return;
	if (!told && !r->heard && !accepted) {
		broke(r, why, later);
		return;
	}
	if (!told && !(accepted && !e->id.p))
		answer_for(e, why);
	if (r->ending)
		return;
	mcp_remote_errand_free(e);
	if (initialized && !r->sse)
		start_listening(r);
}

void mcp_remote_over(struct mcp_remote_errand *e, const char *error, bool later)
{
	struct mcp_remote *r = e->remote;
	switch (e->kind) {
	case MCP_REMOTE_DELETE:
		mcp_remote_errand_free(e);
		forget(r);
		break;
	case MCP_REMOTE_LISTEN:
		on_listen_over(e, error, later);
		break;
	case MCP_REMOTE_POST:
		if (!error && e->status == 404 && e->with_session)
			on_lost(e);
		else
			on_post_over(e, error, later);
		break;
	}
}

/* --------------------------------------------------------------- sending */

static bool is_cancelling(struct mcp_remote *r, const struct jsonrpc *m)
{
	if (!jsonrpc_is(m, "notifications/cancelled") || !m->params.p)
		return false;
	struct str id = json_member(m->params, "requestId");
	struct mcp_remote_errand *e = r->errands;
	while (e && !(e->id.p && id.p && str_eq(e->id, id)))
		e = e->next;
	if (e)
		mcp_remote_errand_free(e);
	/* without a session the closed stream has said it all (2026-07-28) */
	return !r->sse && !r->session.n && !*r->version;
}

static void on_too_many(void *owner)
{
	struct mcp_remote_errand *e = owner;
	struct mcp_remote *r = e->remote;
	answer_for(e, "too many requests are under way at it");
	if (!r->ending)
		mcp_remote_errand_free(e);
}

static void send_line(struct mcp_remote *r, struct str line, struct str fields)
{
	struct jsonrpc m;
	const char *why;
	if (jsonrpc_read(&m, line, &why) != 0 || is_cancelling(r, &m))
		return;
	struct mcp_remote_errand *e =
		mcp_remote_errand_new(r, MCP_REMOTE_POST, line, fields);
	if (!e || e->line.err) {
		log_error(
			"server %s: out of memory for a message", r->base.name);
		if (e)
			mcp_remote_errand_free(e);
		return;
	}
	if (m.kind == JSONRPC_REQUEST)
		e->id = str_from(
			buf_str(&e->line).p + (m.id.p - line.p), m.id.n);
	e->initialize = jsonrpc_is(&m, "initialize");
	e->initialized = jsonrpc_is(&m, "notifications/initialized");
	if (r->nerrands > MCP_REMOTE_OPEN_MAX && e->id.p)
		(void)loop_timer_at(r->base.all->loop, &e->timer,
			loop_now(r->base.all->loop), on_too_many, e);
	else
		mcp_remote_go(e);
}

/* each line is a message, or a field ("Name: value") of the next message */
static void flush(struct mcp_conn *c)
{
	struct mcp_remote *r = remote_of(c);
	struct str rest = buf_str(&c->queue);
	struct buf fields;
	if (r->ending || c->queue.err) {
		buf_reset(&c->queue);
		return;
	}
	if (r->post.n == 0)
		return; /* HTTP+SSE: nobody has said where to */
	buf_init(&fields, 1 << 16);
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		if (line.n && *line.p != '{') {
			buf_put_str(&fields, line);
			buf_putc(&fields, '\n');
		} else if (line.n) {
			send_line(r, line, buf_str(&fields));
			buf_reset(&fields);
		}
		if (!rest.p)
			break;
	}
	buf_fini(&fields);
	buf_reset(&c->queue);
	buf_trim(&c->queue, 65536);
}

/* ----------------------------------------------------------------- start */

static const struct mcp_conn_kind kind = {
	.flush = flush, .retire = retire, .stop = stop, .release = release};

static char **copy_lines(char *const *lines)
{
	size_t n = 0;
	while (lines && lines[n])
		n++;
	char **copy = mem_new_array(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = mem_dup(lines[i], strlen(lines[i]));
		if (!copy[i]) {
			free_lines(copy);
			return NULL;
		}
	}
	return copy;
}

static bool fill(struct mcp_remote *r, const struct mcp_server_config *config)
{
	r->sse = config->sse;
	buf_puts(&r->url, config->url);
	if (!r->sse)
		buf_puts(&r->post, config->url);
	r->headers = copy_lines(config->headers);
	if (config->bearer) {
		struct buf text;
		buf_init(&text, 1 << 16);
		buf_putf(&text, "Bearer %s", config->bearer);
		r->bearer = mem_dup(buf_cstr(&text), text.n);
		buf_fini(&text);
	}
	return r->headers && !(config->bearer && !r->bearer) && !r->url.err;
}

struct mcp_conn *mcp_remote_start(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events, struct mcp_why *why)
{
	struct mcp_remote *r = mem_new(sizeof(*r));
	fmt_str(why->text, sizeof(why->text), "out of memory");
	if (!r)
		return NULL;
	buf_init(&r->url, URL_MAX);
	buf_init(&r->post, URL_MAX);
	buf_init(&r->session, MCP_REMOTE_SESSION_MAX);
	if (!mcp_conn_init(&r->base, &kind, all, config, events) ||
		!fill(r, config)) {
		release(&r->base);
		return NULL;
	}
	mcp_conn_enlist(&r->base);
	if (r->sse)
		start_listening(r);
	return &r->base;
}
