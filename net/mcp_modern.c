/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_modern.c - requests of the modern era (MCP 2026-07-28,
 * basic/transports "Streamable HTTP").
 *
 * input: untrusted
 */
#include "net/mcp_modern.h"

#include "net/mcp_ask.h"
#include "net/mcp_headers.h"
#include "net/mcp_level.h"
#include "net/mcp_request.h"
#include "net/mcp_tasks.h"

enum { DATA_MAX = 4096 };

/* ---------------------------------------------------------------- refusals */

static void put_fault(struct buf *out, struct str id, int code, const char *why,
	struct str data)
{
	buf_reset(out);
	jsonrpc_put_error(out, id, code, str_of(why));
	if (!data.p || out->err)
		return;
	buf_truncate(out, out->n - 2); /* into the error object */
	buf_puts(out, ",\"data\":");
	buf_put_str(out, data);
	buf_puts(out, "}}");
}

void mcp_modern_refuse(struct mcp_post *p, struct str id, int code,
	const char *why, struct str data)
{
	struct buf *out = &p->router->scratch;
	put_fault(out, id, code, why, data);
	mcp_post_fault(p, code, buf_str(out));
}

void mcp_modern_put_lack(struct buf *out, struct str id, unsigned lacking)
{
	struct buf data;
	if (lacking & MCP_OFFER_SAMPLING_TOOLS)
		lacking |= MCP_OFFER_SAMPLING;
	buf_init(&data, DATA_MAX);
	buf_puts(&data, "{\"requiredCapabilities\":");
	mcp_offers_put(&data, lacking);
	buf_putc(&data, '}');
	put_fault(out, id, MCP_CODE_CAPABILITY,
		"Missing required client capability", buf_str(&data));
	buf_fini(&data);
}

/* why a request is not looked at any further */
struct fault {
	int code; /* 0: there is none */
	const char *why;
	struct buf data;
};

static void fail(struct fault *f, int code, const char *why)
{
	f->code = code;
	f->why = why;
}

static void check_version(
	struct fault *f, const struct http_head *head, struct str raw)
{
	struct str header = http_field(head, "MCP-Protocol-Version");
	if (!header.p) {
		fail(f, MCP_CODE_HEADER,
			"the header MCP-Protocol-Version is missing");
	} else if (!json_str_is(raw, str_trim(header))) {
		fail(f, MCP_CODE_HEADER,
			"the header MCP-Protocol-Version is not the version "
			"in _meta");
	} else if (!json_str_is(raw, STR(MCP_VERSION_MODERN))) {
		fail(f, MCP_CODE_VERSION, "Unsupported protocol version");
		buf_puts(&f->data, "{\"supported\":[\"" MCP_VERSION_MODERN
				   "\"],\"requested\":");
		buf_put_str(&f->data, raw);
		buf_putc(&f->data, '}');
	}
}

/* in the order that the specification gives */
static void check(struct fault *f, const struct http_head *head,
	const struct jsonrpc *m, struct mcp_meta *meta)
{
	const char *why;
	if (m->params.p && json_type_of(m->params) != JSON_OBJECT)
		fail(f, JSONRPC_INVALID_PARAMS, "params must be an object");
	else if (!mcp_meta_read(meta, m->params))
		fail(f, JSONRPC_INVALID_PARAMS,
			"params._meta must be an object without repeated "
			"members");
	else if (!meta->version.p || json_type_of(meta->version) != JSON_STRING)
		fail(f, JSONRPC_INVALID_PARAMS,
			"params._meta lacks " MCP_META "protocolVersion");
	else if (!meta->capabilities.p ||
		 json_type_of(meta->capabilities) != JSON_OBJECT)
		fail(f, JSONRPC_INVALID_PARAMS,
			"params._meta lacks " MCP_META "clientCapabilities");
	else
		check_version(f, head, meta->version);
	if (f->code)
		return;
	why = mcp_headers_check(head, m);
	if (why)
		fail(f, MCP_CODE_HEADER, why);
}

static void refuse_fault(struct mcp_router *r, struct http_exchange *x,
	struct str id, struct fault *f)
{
	put_fault(&r->scratch, id, f->code, f->why,
		f->data.n ? buf_str(&f->data) : (struct str){NULL, 0});
	http_reply(x, 400, "application/json", buf_str(&r->scratch));
}

/* ---------------------------------------------------------------- requests */

/* the client of this request, or NULL: no memory */
static struct mcp_session *client_of(
	struct mcp_router *r, const struct mcp_meta *meta)
{
	struct mcp_session *s = mcp_session_brief(&r->sessions);
	if (s)
		s->offers = mcp_offers_read(meta->capabilities);
	return s;
}

static void take_request(struct mcp_router *r, struct http_exchange *x,
	const struct jsonrpc *m, const struct mcp_meta *meta)
{
	struct mcp_session *s = client_of(r, meta);
	if (s)
		s->role = mcp_router_role(x);
	struct mcp_post *p = s ? mcp_post_open(r, x, s, false) : NULL;
	if (!p) {
		if (s)
			mcp_session_discard(s);
		else
			http_reply_detail(x, 503, "out of memory");
		return;
	}
	/* nobody hears of a result that comes after its client has left */
	http_set_probe(x);
	if (meta->level.p && !mcp_level_set(r, s, meta->level))
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS,
			STR("_meta " MCP_META "logLevel is none of the "
			    "levels"));
	else
		mcp_route(p, m);
	mcp_post_read(p);
}

void mcp_modern_post(
	struct mcp_router *r, struct http_exchange *x, const struct jsonrpc *m)
{
	struct mcp_meta meta;
	struct fault f = {0};
	if (m->kind == JSONRPC_NOTIFICATION) {
		http_reply(x, 202, NULL, STR(""));
		return;
	}
	buf_init(&f.data, DATA_MAX);
	if (m->kind != JSONRPC_REQUEST)
		fail(&f, MCP_CODE_TRANSPORT,
			"Bad Request: answers come as inputResponses of a "
			"request");
	else
		check(&f, http_request(x), m, &meta);
	if (f.code)
		refuse_fault(r, x, m->id, &f);
	else
		take_request(r, x, m, &meta);
	buf_fini(&f.data);
}

/* ------------------------------------------------------- answers of our own */

static void begin_result(
	struct buf *out, const struct jsonrpc *m, bool cacheable)
{
	buf_reset(out);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, m->id);
	buf_puts(out, ",\"result\":{");
	mcp_era_put_head(out, cacheable);
	buf_putc(out, ',');
}

void mcp_modern_discover(struct mcp_post *p, const struct jsonrpc *m)
{
	struct buf *out = &p->router->scratch;
	begin_result(out, m, true);
	buf_puts(out, "\"supportedVersions\":[\"" MCP_VERSION_MODERN "\"],");
	mcp_tasks_put_greeting(out, p->router, p->session);
	buf_puts(out, "}}");
	mcp_post_answer(p, buf_str(out));
}

void mcp_modern_list(
	struct mcp_post *p, const struct jsonrpc *m, struct str list)
{
	struct buf *out = &p->router->scratch;
	/* all is on one page: nobody was given a cursor */
	if (json_member(m->params, "cursor").p) {
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS,
			STR("params.cursor is none of ours"));
		return;
	}
	begin_result(out, m, true);
	buf_put_str(out, str_from_index(list, 1));
	buf_putc(out, '}');
	mcp_post_answer(p, buf_str(out));
}
