/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/routes.c - which request goes where, and who may send it.
 *
 * input: untrusted
 */
#include <string.h>

#include "applets/gateway/gateway.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/size.h"
#include "net/invalid.h"
#include "net/origin.h"

typedef void route_fn(struct gateway *g, struct http_exchange *x);

enum plane {
	AGENT_PLANE,   /* anybody */
	CONTROL_PLANE, /* changes the world: needs the token when there is one */
};

struct route {
	const char *path;
	const char *methods; /* "GET", or "ANY" when the handler decides */
	enum plane plane;
	route_fn *fn;
};

static void health_get(struct gateway *g, struct http_exchange *x)
{
	(void)g;
	http_reply(x, 200, "application/json", STR("{\"status\":\"ok\"}"));
}

static void mcp_any(struct gateway *g, struct http_exchange *x)
{
	mcp_router_http(&g->router, x);
}

static void sse_any(struct gateway *g, struct http_exchange *x)
{
	mcp_router_sse(&g->router, x);
}

static void messages_any(struct gateway *g, struct http_exchange *x)
{
	mcp_router_messages(&g->router, x);
}

static const struct route routes[] = {
	{"/health", "GET", AGENT_PLANE, health_get},
	{"/mcp", "ANY", AGENT_PLANE, mcp_any},
	{"/mcp/", "ANY", AGENT_PLANE, mcp_any},
	{"/sse", "ANY", AGENT_PLANE, sse_any},
	{MCP_MESSAGES_PATH, "ANY", AGENT_PLANE, messages_any},
	{"/apps", "ANY", CONTROL_PLANE, apps_any},
	{"/data/populate", "POST", CONTROL_PLANE, populate_post},
	{"/data/snapshot", "POST", CONTROL_PLANE, snapshot_post},
};

static bool allows(const struct route *route, struct str method)
{
	if (strcmp(route->methods, "ANY") == 0 ||
		str_is(method, route->methods))
		return true;
	/* RFC 9110 section 9.3.2: HEAD wherever GET is */
	return str_is(method, "HEAD") && strcmp(route->methods, "GET") == 0;
}

static bool authorized(const struct gateway *g, struct http_exchange *x)
{
	struct str given = http_field(http_request(x), "Authorization");
	struct str scheme = STR("Bearer ");
	if (!g->token)
		return true;
	if (given.n <= scheme.n ||
		!str_eq_nocase(str_first(given, scheme.n), scheme))
		return false;
	return hash_secret_eq(
		str_trim(str_from_index(given, scheme.n)), str_of(g->token));
}

static void refuse_method(const struct route *route, struct http_exchange *x)
{
	http_add_field(x, "Allow",
		strcmp(route->methods, "GET") == 0 ? STR("GET, HEAD")
						   : str_of(route->methods));
	http_reply_detail(x, 405, "Method Not Allowed");
}

/* "/apps/" for "/apps": the same resource to people, another one to us */
static const struct route *without_slash(struct str path)
{
	if (path.n < 2 || path.p[path.n - 1] != '/')
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (str_is(str_first(path, path.n - 1), routes[i].path))
			return &routes[i];
	return NULL;
}

static void redirect(struct http_exchange *x, const char *path)
{
	struct str query = http_request(x)->query;
	struct buf to;
	buf_init(&to, HTTP_HEAD_MAX);
	buf_puts(&to, path);
	if (query.p) {
		buf_putc(&to, '?');
		buf_put_str(&to, query);
	}
	http_add_field(x, "Location", buf_str(&to));
	http_reply(x, 307, NULL, STR(""));
	buf_fini(&to);
}

static void not_found(struct http_exchange *x)
{
	const struct route *meant = without_slash(http_request(x)->path);
	if (meant)
		redirect(x, meant->path);
	else
		http_reply_detail(x, 404, "Not Found");
}

/* the MCP endpoints say it in their own form, and to pages that may ask */
static bool is_mcp(const struct route *route)
{
	return route->fn == mcp_any || route->fn == sse_any ||
	       route->fn == messages_any;
}

void gateway_route(void *owner, struct http_exchange *x)
{
	struct gateway *g = owner;
	const struct http_head *head = http_request(x);
	const struct route *route = NULL;
	for (size_t i = 0; !route && i < ARRAY_LEN(routes); i++)
		if (str_is(head->path, routes[i].path))
			route = &routes[i];
	if (!route) {
		not_found(x);
	} else if (!is_mcp(route) && !origin_allowed(head, g->router.hosts)) {
		http_reply_detail(x, 403,
			"Origin: neither this machine nor the address asked; "
			"a web page of another site may not do this");
	} else if (!allows(route, head->method)) {
		refuse_method(route, x);
	} else if (route->plane == CONTROL_PLANE && !authorized(g, x)) {
		http_add_field(
			x, "WWW-Authenticate", STR("Bearer realm=\"coracle\""));
		http_reply_detail(x, 401,
			"this route needs the bearer token of CORACLE_TOKEN");
	} else if (g->stopping) {
		http_reply_detail(x, 503, "the gateway is stopping");
	} else {
		route->fn(g, x);
	}
}

void reply_invalid(struct http_exchange *x, const char *type, const char *field,
	const char *message)
{
	struct buf place, body;
	struct invalid what = {.type = type, .message = message};
	buf_init(&place, 256);
	buf_init(&body, 8192);
	if (field) {
		json_quote(&place, str_of(field));
		what.place[0] = buf_str(&place);
	}
	invalid_put(&body, &what);
	http_reply(x, 422, "application/json", buf_str(&body));
	buf_fini(&body);
	buf_fini(&place);
}

bool require_json(struct http_exchange *x)
{
	struct str type = http_field(http_request(x), "Content-Type");
	type = str_trim(str_first(type, str_index(type, ';')));
	if (type.n == 0 || str_eq_nocase(type, STR("application/json")) ||
		(str_starts(type, STR("application/")) &&
			str_ends(type, STR("+json"))))
		return true;
	reply_invalid(x, "model_attributes_type", NULL,
		"the body must be JSON (Content-Type: application/json)");
	return false;
}

/* name is root itself or below it */
static bool lies_under(struct str name, const char *root)
{
	struct str r = str_of(root);
	return str_starts(name, r) && (name.n == r.n || name.p[r.n] == '/');
}

bool require_subsystem(
	struct gateway *g, struct http_exchange *x, struct str name)
{
	if (str_trim(name).n == 0)
		http_reply_detail(x, 400, "subsystem: must not be empty");
	else if (*name.p == '/')
		http_reply_detail(x, 400, "subsystem: must not start with '/'");
	else if (str_has(name, STR("..")))
		http_reply_detail(x, 400, "subsystem: must not contain '..'");
	else if (str_index(name, '\\') < name.n)
		http_reply_detail(x, 400,
			"subsystem: must not contain '\\'; nested paths use "
			"'/'");
	else if (memchr(name.p, '\0', name.n) ||
		 (!lies_under(name, g->files) &&
			 !lies_under(name, g->apps_data)))
		http_reply_detail(x, 400,
			"subsystem: must be '%s' or '%s', or a path below one, "
			"not '%.*s'",
			g->files, g->apps_data, STR_FMT(name));
	else
		return true;
	return false;
}
