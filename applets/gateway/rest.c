/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/rest.c - /rest/SERVICE/PATH: plain HTTP to the server that a
 * configured MCP server's URL is on.
 *
 * input: untrusted
 *
 * The answer streams, as fast as the client takes it. Redirects are the
 * client's to follow.
 */
#include <string.h>

#include "applets/gateway/gateway.h"
#include "applets/gateway/openapi.h"
#include "lib/mem.h"
#include "net/mcp_identity.h"

enum {
	REST_BODY_MAX = 64 << 20,
	DOCUMENT_MAX = 32 << 20, /* of OpenAPI */
	QUEUE_HIGH = 1 << 20,    /* the client is slow: read no more */
	QUEUE_LOW = 256 * 1024,
	CONNECT_MS = 30000,
	SILENCE_MS = 300000,
};

static const char prefix[] = "/rest/";

struct rest {
	struct gateway *g;
	struct http_exchange *x;
	struct http_fetch *fetch;
	bool started; /* the answer */
	bool filters; /* it is an OpenAPI document, which is cut first */
	struct buf document;
};

/* what stands between /rest/ and the next slash */
static struct str service_of(const struct http_head *head, struct str *rest)
{
	struct str path = str_from_index(head->path, strlen(prefix));
	struct str service = str_first(path, str_index(path, '/'));
	*rest = str_from_index(path, service.n);
	return service;
}

static const struct mcp_upstream *find_service(
	const struct gateway *g, struct str name)
{
	for (size_t i = 0; i < g->router.n; i++) {
		const struct mcp_upstream *u = g->router.set[i];
		if (u->config->url && str_is(name, u->config->name))
			return u;
	}
	return NULL;
}

/* ---------------------------------------------------------- the answer */

static void on_head(void *owner, const struct http_head *head)
{
	struct rest *r = owner;
	struct str type = http_field(head, "Content-Type");
	struct buf text;
	r->filters = r->filters && head->status == 200;
	if (r->filters)
		return;
	for (size_t i = 0; i < head->nfields; i++) {
		const struct http_field *f = &head->fields[i];
		char name[128];
		if (!mcp_identity_passes(f->name) || f->name.n >= sizeof(name))
			continue;
		memcpy(name, f->name.p, f->name.n);
		name[f->name.n] = '\0';
		http_add_field(r->x, name, f->value);
	}
	buf_init(&text, HTTP_HEAD_MAX);
	buf_put_str(&text, type);
	r->started = true;
	http_start(r->x, head->status, type.p ? buf_cstr(&text) : NULL);
	buf_fini(&text);
}

static void on_drain(void *owner, struct http_exchange *x)
{
	struct rest *r = owner;
	(void)x;
	if (r->fetch)
		http_fetch_pause(r->fetch, false);
}

static void on_data(void *owner, struct str data)
{
	struct rest *r = owner;
	if (r->filters) {
		buf_put_str(&r->document, data);
		return;
	}
	http_write(r->x, data);
	if (http_queued(r->x) > QUEUE_HIGH)
		http_fetch_pause(r->fetch, true);
}

static void release(struct rest *r)
{
	buf_fini(&r->document);
	mem_free(r);
}

/* the document without what its server's tools do already */
static void reply_filtered(struct rest *r)
{
	struct str path;
	struct str service = service_of(http_request(r->x), &path);
	const struct mcp_upstream *u = find_service(r->g, service);
	struct buf out;
	buf_init(&out, DOCUMENT_MAX);
	if (u && !r->document.err &&
		openapi_filter(
			&out, buf_str(&r->document), &u->items[MCP_TOOLS]))
		http_reply(r->x, 200, "application/json", buf_str(&out));
	else
		http_reply_detail(r->x, 502,
			"Failed to filter openapi.json for '%.*s'",
			STR_FMT(service));
	buf_fini(&out);
}

static void on_end(void *owner, const char *error, bool later)
{
	struct rest *r = owner;
	struct http_exchange *x = r->x;
	(void)later;
	r->fetch = NULL;
	/* the exchange may outlive us while it is sent */
	http_set_owner(x, NULL, NULL);
	http_on_drain(x, 0, NULL, NULL);
	if (!error && r->filters)
		reply_filtered(r);
	else if (!error)
		http_end(x);
	else if (r->started)
		http_abort(x); /* so that it is not taken for the whole */
	else
		http_reply_detail(x, 502, "%s", error);
	release(r);
}

static void on_close(void *owner, struct http_exchange *x)
{
	struct rest *r = owner;
	(void)x;
	if (r->fetch)
		http_fetch_cancel(r->fetch);
	release(r);
}

/* ---------------------------------------------------------- the request */

struct request {
	struct http_field field[HTTP_FIELDS_MAX];
	size_t n;
};

static void add(struct request *q, struct str name, struct str value)
{
	if (q->n < HTTP_FIELDS_MAX)
		q->field[q->n++] = (struct http_field){name, value};
}

static bool is_configured(
	const struct mcp_server_config *config, struct str name)
{
	for (char **h = config->headers; *h; h++) {
		struct str line = str_of(*h);
		if (str_eq_nocase(str_first(line, str_index(line, ':')), name))
			return true;
	}
	return config->bearer && str_eq_nocase(name, STR("Authorization"));
}

static void collect_fields(struct request *q, const struct http_head *head,
	const struct mcp_server_config *config, struct str identity)
{
	static const char *const of_body[] = {"Content-Type", "Accept"};
	for (size_t i = 0; i < 2; i++)
		if (http_field(head, of_body[i]).p)
			add(q, str_of(of_body[i]),
				http_field(head, of_body[i]));
	for (char **h = config->headers; *h; h++) {
		struct str line = str_of(*h);
		size_t colon = str_index(line, ':');
		add(q, str_first(line, colon),
			str_trim(str_from_index(line, colon + 1)));
	}
	for (size_t i = 0; i < head->nfields; i++)
		if (mcp_identity_passes(head->fields[i].name) &&
			!is_configured(config, head->fields[i].name))
			add(q, head->fields[i].name, head->fields[i].value);
	if (!is_configured(config, STR("Authorization")) || config->bearer)
		add(q, STR("Authorization"), identity);
}

static struct http_fetch *send_on(struct gateway *g, struct rest *r,
	const struct mcp_server_config *config, struct str body)
{
	const struct http_head *head = http_request(r->x);
	const struct http_fetch_limits limits = {
		.connect_ms = CONNECT_MS, .silence_ms = SILENCE_MS};
	const struct http_fetch_events events = {.on_head = on_head,
		.on_data = on_data,
		.on_end = on_end,
		.owner = r};
	struct request q = {.n = 0};
	struct buf method, target, host, identity;
	struct http_fetch *fetch = NULL;
	struct url to;
	struct str path;
	(void)service_of(head, &path);
	if (url_read(&to, str_of(config->url)))
		return NULL;
	buf_init(&method, HTTP_METHOD_MAX);
	buf_init(&target, HTTP_TARGET_MAX);
	buf_init(&host, URL_MAX);
	buf_init(&identity, HTTP_HEAD_MAX);
	buf_put_str(&method, head->method);
	buf_put_str(&target, path);
	if (head->query.p) {
		buf_putc(&target, '?');
		buf_put_str(&target, head->query);
	}
	buf_put_str(&host, to.authority);
	buf_puts(&identity, "Bearer ");
	if (config->bearer)
		buf_puts(&identity, config->bearer);
	else
		mcp_identity_actor(&identity, head, (struct str){NULL, 0});
	collect_fields(&q, head, config, buf_str(&identity));
	const struct http_client_call call = {.method = buf_cstr(&method),
		.target = buf_cstr(&target),
		.host = buf_cstr(&host),
		.fields = q.field,
		.nfields = q.n,
		.body = body.n ? body : (struct str){NULL, 0},
		.keep_alive = true};
	fetch = http_fetch_start(
		&g->router.conns.fetcher, &to, &call, &limits, &events);
	buf_fini(&method);
	buf_fini(&target);
	buf_fini(&host);
	buf_fini(&identity);
	return fetch;
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct gateway *g = owner;
	struct str path;
	struct str service = service_of(http_request(x), &path);
	/* another configuration may have come with the body */
	const struct mcp_upstream *u = find_service(g, service);
	struct rest *r = u ? mem_new(sizeof(*r)) : NULL;
	if (r) {
		*r = (struct rest){.g = g,
			.x = x,
			.filters = u->config->filter_openapi &&
				   str_is(path, "/openapi.json") &&
				   str_is(http_request(x)->method, "GET")};
		buf_init(&r->document, DOCUMENT_MAX);
		r->fetch = send_on(g, r, u->config, body);
	}
	if (r && r->fetch) {
		http_set_owner(x, r, on_close);
		http_on_drain(x, QUEUE_LOW, on_drain, r);
		http_set_probe(x);
		return;
	}
	if (r)
		release(r);
	http_reply_detail(x, 502, "the request cannot be passed on");
}

static bool is_served(struct str method)
{
	static const char *const served[] = {
		"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"};
	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++)
		if (str_is(method, served[i]))
			return true;
	return false;
}

/* "/rest/x" is the directory "/rest/x/" of the service */
static void redirect(struct http_exchange *x)
{
	struct buf to;
	buf_init(&to, HTTP_TARGET_MAX + 1);
	buf_put_str(&to, http_request(x)->path);
	buf_putc(&to, '/');
	if (http_request(x)->query.p) {
		buf_putc(&to, '?');
		buf_put_str(&to, http_request(x)->query);
	}
	http_add_field(x, "Location", buf_str(&to));
	http_reply(x, 307, NULL, STR(""));
	buf_fini(&to);
}

void rest_any(struct gateway *g, struct http_exchange *x)
{
	struct str path;
	struct str service = service_of(http_request(x), &path);
	if (!is_served(http_request(x)->method)) {
		http_add_field(x, "Allow",
			STR("GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD"));
		http_reply_detail(x, 405, "Method Not Allowed");
	} else if (path.n == 0) {
		redirect(x);
	} else if (!find_service(g, service)) {
		http_reply_detail(
			x, 404, "Unknown service '%.*s'", STR_FMT(service));
	} else {
		http_collect(x, REST_BODY_MAX, on_body, g);
	}
}
