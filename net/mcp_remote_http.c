/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_remote_http.c - the HTTP requests of a connection to a remote MCP
 * server: fields, redirects, event streams that are resumed.
 *
 * input: untrusted
 */
#include "net/mcp_remote.h"

#include <errno.h>

#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/http_chars.h"
#include "net/mcp.h"
#include "net/mcp_headers.h"

enum {
	FIELDS_MAX = 64 * 1024,
	RESUME_MS = 1000, /* when the server does not say */
	RESUME_MAX_MS = 60000,
	FRUITLESS_MAX = 5,
	ANSWERED_MS = 1000, /* a stream may stay open after its answer */
};

static struct loop *loop_of(const struct mcp_remote_errand *e)
{
	return e->remote->base.all->loop;
}

struct mcp_remote_errand *mcp_remote_errand_new(struct mcp_remote *r,
	enum mcp_errand_kind kind, struct str line, struct str fields)
{
	struct mcp_remote_errand *e = mem_new(sizeof(*e));
	if (!e)
		return NULL;
	e->remote = r;
	e->kind = kind;
	e->era = r->era;
	buf_init(&e->line, MCP_QUEUE_MAX);
	buf_init(&e->fields, FIELDS_MAX);
	buf_init(&e->url, URL_MAX);
	buf_init(&e->body, MCP_LINE_MAX);
	buf_init(&e->location, URL_MAX);
	sse_init(&e->sse, MCP_LINE_MAX);
	buf_put_str(&e->line, line);
	buf_put_str(&e->fields, fields);
	buf_put_str(&e->url,
		kind == MCP_REMOTE_POST ? buf_str(&r->post) : buf_str(&r->url));
	e->next = r->errands;
	if (e->next)
		e->next->prev = e;
	r->errands = e;
	r->nerrands++;
	return e;
}

void mcp_remote_errand_free(struct mcp_remote_errand *e)
{
	struct mcp_remote *r = e->remote;
	if (e->fetch)
		http_fetch_cancel(e->fetch);
	loop_timer_clear(loop_of(e), &e->timer);
	if (e->prev)
		e->prev->next = e->next;
	else
		r->errands = e->next;
	if (e->next)
		e->next->prev = e->prev;
	r->nerrands--;
	if (r->listen == e)
		r->listen = NULL;
	buf_fini(&e->line);
	buf_fini(&e->fields);
	buf_fini(&e->url);
	buf_fini(&e->body);
	buf_fini(&e->location);
	sse_fini(&e->sse);
	mem_free(e);
}

/* ---------------------------------------------------------------- fields */

struct fields {
	struct http_field field[HTTP_FIELDS_MAX];
	size_t n;
	struct buf version, name; /* values that are put together here */
};

static bool has_field(const struct fields *f, struct str name)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq_nocase(f->field[i].name, name))
			return true;
	return false;
}

/* the first of a name counts: add the more important ones first */
static void add_field(struct fields *f, struct str name, struct str value)
{
	if (f->n < ARRAY_LEN(f->field) && !has_field(f, name))
		f->field[f->n++] = (struct http_field){name, value};
}

/* "Name: value" */
static void add_line(struct fields *f, struct str line)
{
	size_t colon = str_index(line, ':');
	if (colon < line.n)
		add_field(f, str_first(line, colon),
			str_trim(str_from_index(line, colon + 1)));
}

/* a value that may have to be written in base64 (2026-07-28) */
static struct str header_text(struct buf *out, struct str raw)
{
	struct buf plain;
	buf_reset(out);
	buf_init(&plain, FIELDS_MAX);
	json_unquote(&plain, raw);
	mcp_header_encode(out, buf_str(&plain));
	buf_fini(&plain);
	return buf_str(out);
}

/* what the stateless revision repeats of the message in fields */
static void add_modern(struct fields *f, const struct jsonrpc *m)
{
	struct str subject = mcp_header_subject(m);
	struct str version = json_member(m->params, "_meta");
	if (version.p)
		version = json_member(
			version, "io.modelcontextprotocol/protocolVersion");
	if (!version.p || json_type_of(version) != JSON_STRING)
		return;
	add_field(f, STR("MCP-Protocol-Version"),
		header_text(&f->version, version));
	add_field(f, STR("Mcp-Method"), m->method);
	if (subject.p && json_type_of(subject) == JSON_STRING)
		add_field(f, STR("Mcp-Name"), header_text(&f->name, subject));
}

/* proxies on the way read the trace context from fields */
static void add_trace(struct fields *f, struct str meta)
{
	static const char *const keys[] = {"traceparent", "tracestate"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct str raw = json_member(meta, keys[i]);
		if (raw.p && json_type_of(raw) == JSON_STRING &&
			str_index(raw, '\\') == raw.n &&
			http_chars_all(raw, HTTP_VALUE))
			add_field(f, str_of(keys[i]),
				str_from(raw.p + 1, raw.n - 2));
	}
}

static void add_of_params(struct fields *f, const struct jsonrpc *m)
{
	struct str meta = json_member(m->params, "_meta");
	if (!meta.p || json_type_of(meta) != JSON_OBJECT)
		return;
	add_modern(f, m);
	add_trace(f, meta);
}

static void add_protocol(struct fields *f, struct mcp_remote_errand *e)
{
	const struct mcp_remote *r = e->remote;
	struct jsonrpc m;
	const char *why;
	if (e->kind == MCP_REMOTE_POST && !e->resuming) {
		add_field(f, STR("Content-Type"), STR("application/json"));
		add_field(f, STR("Accept"),
			STR("application/json, text/event-stream"));
		if (jsonrpc_read(&m, buf_str(&e->line), &why) == 0 &&
			m.params.p && json_type_of(m.params) == JSON_OBJECT)
			add_of_params(f, &m);
	} else {
		add_field(f, STR("Accept"), STR("text/event-stream"));
		if (sse_last_id(&e->sse).n)
			add_field(
				f, STR("Last-Event-ID"), sse_last_id(&e->sse));
	}
	e->with_session = r->session.n && !e->initialize;
	if (e->with_session)
		add_field(f, STR("Mcp-Session-Id"), buf_str(&r->session));
	if (*r->version && !e->initialize)
		add_field(f, STR("MCP-Protocol-Version"), str_of(r->version));
}

static void add_all(struct fields *f, struct mcp_remote_errand *e)
{
	const struct mcp_remote *r = e->remote;
	struct str rest = buf_str(&e->fields);
	f->n = 0;
	buf_init(&f->version, FIELDS_MAX);
	buf_init(&f->name, FIELDS_MAX);
	add_protocol(f, e);
	for (char **h = r->headers; *h; h++)
		add_line(f, str_of(*h));
	if (r->bearer)
		add_field(f, STR("Authorization"), str_of(r->bearer));
	while (rest.p && rest.n)
		add_line(f, str_cut(&rest, '\n'));
}

/* --------------------------------------------------------------- answers */

static void on_head(void *owner, const struct http_head *head)
{
	struct mcp_remote_errand *e = owner;
	struct str type = http_field(head, "Content-Type");
	type = str_trim(str_first(type, str_index(type, ';')));
	e->status = head->status;
	e->stream = head->status == 200 &&
		    str_eq_nocase(type, STR("text/event-stream"));
	buf_reset(&e->body);
	buf_reset(&e->location);
	if (head->status >= 300 && head->status < 400)
		buf_put_str(&e->location, http_field(head, "Location"));
	mcp_remote_head(e, head);
}

/* the stream of an answered request is the server's to end, but soon */
static void on_answered_over(void *owner)
{
	struct mcp_remote_errand *e = owner;
	http_fetch_cancel(e->fetch);
	e->fetch = NULL;
	mcp_remote_over(e, NULL, false);
}

static bool take_event(
	struct mcp_remote_errand *e, const struct sse_event *event)
{
	bool before = e->answered;
	e->fruitless = 0;
	if (!str_is(event->name, "message"))
		return mcp_remote_event(e, event);
	if (event->data.n == 0)
		return true;
	if (!mcp_remote_message(e, event->data))
		return false;
	if (e->answered && !before && e->kind == MCP_REMOTE_POST)
		(void)loop_timer_at(loop_of(e), &e->timer,
			loop_now(loop_of(e)) + ANSWERED_MS, on_answered_over,
			e);
	return true;
}

static void on_data(void *owner, struct str data)
{
	struct mcp_remote_errand *e = owner;
	while (e->stream && data.n) {
		struct sse_event event;
		ssize_t n = sse_read(&e->sse, data, &event);
		if (n < 0) {
			http_fetch_cancel(e->fetch);
			e->fetch = NULL;
			mcp_remote_over(
				e, "a message is longer than 64 MiB", false);
			return;
		}
		data = str_from_index(data, (size_t)n);
		if (event.complete && !take_event(e, &event))
			return;
	}
	if (!e->stream)
		buf_put_str(&e->body, data);
}

/* true: it goes on elsewhere; else *why may say why not */
static bool redirect(struct mcp_remote_errand *e, const char **why)
{
	struct url from, to;
	struct buf text;
	bool same = e->status == 307 || e->status == 308;
	if (e->kind == MCP_REMOTE_LISTEN)
		same = same || (e->status >= 301 && e->status <= 303);
	if (!same || e->location.n == 0)
		return false;
	buf_init(&text, URL_MAX);
	*why = url_read(&from, buf_str(&e->url));
	if (!*why)
		url_resolve(&text, &from, buf_str(&e->location));
	if (!*why)
		*why = url_read(&to, buf_str(&text));
	if (!*why && !str_eq_nocase(from.host, to.host))
		*why = "it redirects to another host: configure that URL, if "
		       "you trust it";
	if (!*why && from.tls && !to.tls)
		*why = "it redirects from https to http";
	if (!*why && ++e->redirects > MCP_REMOTE_REDIRECTS)
		*why = "it redirects without end";
	if (!*why) {
		buf_fini(&e->url);
		e->url = text;
		mcp_remote_go(e);
		return true;
	}
	buf_fini(&text);
	return false;
}

static void on_resume(void *owner)
{
	mcp_remote_go(owner);
}

/* a stream broke that the server numbered: read on where it ended */
static bool resume(struct mcp_remote_errand *e)
{
	bool wanted = e->kind == MCP_REMOTE_LISTEN
			      ? e->stream && !e->remote->sse
			      : e->id.p && !e->answered &&
					sse_last_id(&e->sse).n &&
					(e->stream || e->resuming);
	if (!wanted || e->fruitless++ >= FRUITLESS_MAX)
		return false;
	uint64_t wait = e->sse.retry_ms ? e->sse.retry_ms : RESUME_MS;
	wait = size_min(wait << (e->fruitless - 1), RESUME_MAX_MS);
	sse_restart(&e->sse);
	e->resuming = true;
	(void)loop_timer_at(loop_of(e), &e->timer, loop_now(loop_of(e)) + wait,
		on_resume, e);
	return true;
}

static void on_end(void *owner, const char *error, bool later)
{
	struct mcp_remote_errand *e = owner;
	const char *why = NULL;
	e->fetch = NULL;
	loop_timer_clear(loop_of(e), &e->timer);
	if (!error && redirect(e, &why))
		return;
	if (resume(e))
		return;
	if (!why && e->body.err)
		why = "a message is longer than 64 MiB";
	mcp_remote_over(e, error ? error : why, later);
}

static void on_no_start(void *owner)
{
	mcp_remote_over(owner, "its request cannot be sent", false);
}

void mcp_remote_go(struct mcp_remote_errand *e)
{
	static const char *const methods[] = {"POST", "GET", "DELETE"};
	const struct http_fetch_events events = {.on_head = on_head,
		.on_data = on_data,
		.on_end = on_end,
		.owner = e};
	const struct http_fetch_limits limits = {
		.connect_ms = MCP_REMOTE_CONNECT_MS};
	struct fields fields;
	struct url to;
	struct buf target, host;
	e->stream = false;
	e->status = 0;
	buf_init(&target, URL_MAX + 2);
	buf_init(&host, URL_MAX);
	if (!url_read(&to, buf_str(&e->url))) {
		url_put_target(&target, &to);
		buf_put_str(&host, to.authority);
		add_all(&fields, e);
		struct http_client_call call = {
			.method = methods[e->resuming ? MCP_REMOTE_LISTEN
						      : e->kind],
			.target = buf_cstr(&target),
			.host = buf_cstr(&host),
			.fields = fields.field,
			.nfields = fields.n,
			.keep_alive = true};
		if (e->kind == MCP_REMOTE_POST && !e->resuming)
			call.body = buf_str(&e->line);
		e->fetch = http_fetch_start(&e->remote->base.all->fetcher, &to,
			&call, &limits, &events);
		buf_fini(&fields.version);
		buf_fini(&fields.name);
	}
	buf_fini(&target);
	buf_fini(&host);
	if (!e->fetch)
		(void)loop_timer_at(loop_of(e), &e->timer, loop_now(loop_of(e)),
			on_no_start, e);
}
