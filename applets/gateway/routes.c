/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/routes.c - which request goes where, and who may send it.
 *
 * input: untrusted
 */
#include <string.h>

#include "applets/gateway/job.h"
#include "applets/gateway/signing.h"
#include "applets/gateway/subsystem.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/size.h"
#include "net/invalid.h"
#include "net/origin.h"
#include "net/peer_role.h"

typedef void route_fn(struct gateway *g, struct http_exchange *x);

enum plane {
	AGENT_PLANE,   /* anybody */
	CONTROL_PLANE, /* changes the world: needs the token when there is one */
};

struct route {
	const char *path;    /* "/x/" and a star: one step below it; two: all */
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
	{"/rest/**", "ANY", AGENT_PLANE, rest_any},
	{"/apps", "ANY", CONTROL_PLANE, apps_any},
	{"/metrics", "GET", CONTROL_PLANE, metrics_get},
	{"/status", "GET", CONTROL_PLANE, status_get},
	{"/data/populate", "POST", CONTROL_PLANE, populate_post},
	{"/data/populate/s3", "POST", CONTROL_PLANE, populate_s3_post},
	{"/data/populate/s3/start", "POST", CONTROL_PLANE, populate_s3_start},
	{"/data/populate/s3/status", "GET", CONTROL_PLANE, job_populate_list},
	{"/data/populate/s3/status/*", "GET, DELETE", CONTROL_PLANE,
		job_populate_status},
	{"/data/snapshot", "POST", CONTROL_PLANE, snapshot_post},
	{"/data/snapshot/s3", "POST", CONTROL_PLANE, snapshot_s3_post},
	{"/data/snapshot/s3/start", "POST", CONTROL_PLANE, snapshot_s3_start},
	{"/data/snapshot/s3/status", "GET", CONTROL_PLANE, job_snapshot_list},
	{"/data/rootfs/baseline", "POST", CONTROL_PLANE, rootfs_baseline},
	{"/data/rootfs/capture", "POST", CONTROL_PLANE, rootfs_capture},
	{"/data/snapshot/s3/status/*", "GET, DELETE", CONTROL_PLANE,
		job_snapshot_status},
};

static bool matches(const struct route *route, struct str path)
{
	struct str own = str_of(route->path);
	if (!str_ends(own, STR("*")))
		return str_eq(own, path);
	own.n--;
	if (str_ends(own, STR("*")))
		return str_starts(path, str_first(own, own.n - 1)) &&
		       path.n >= own.n;
	return str_starts(path, own) && path.n > own.n &&
	       str_index(str_from_index(path, own.n), '/') == path.n - own.n;
}

static bool allows(const struct route *route, struct str method)
{
	struct str rest = str_of(route->methods);
	bool get = false;
	if (strcmp(route->methods, "ANY") == 0)
		return true;
	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, ','));
		if (str_eq(one, method))
			return true;
		get = get || str_is(one, "GET");
	}
	/* RFC 9110 section 9.3.2: HEAD wherever GET is */
	return get && str_is(method, "HEAD");
}

static bool has_token(const struct gateway *g, struct http_exchange *x)
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

/* what a connection's note says; from INSIDE on: INSIDE + role */
enum { UNASKED, OUTSIDE, INSIDE };

/*
 * Who asks: inside the container the uid that the kernel tells, once for each
 * connection; from outside the token, where there is one, makes the harness.
 */
static enum role role_of(const struct gateway *g, struct http_exchange *x)
{
	int *note = http_connection_note(x);
	if (*note == UNASKED) {
		enum role role;
		*note = peer_role(http_socket(x), &role) ? INSIDE + (int)role
							 : OUTSIDE;
	}
	if (*note >= INSIDE)
		return (enum role)(*note - INSIDE);
	return has_token(g, x) ? ROLE_REMOTE : ROLE_AGENT;
}

static void refuse_role(struct http_exchange *x, enum role role)
{
	http_reply_detail(x, 403,
		"this route is for the harness, not for the %s of the task",
		role_name(role));
}

static void refuse_token(struct http_exchange *x)
{
	http_add_field(x, "WWW-Authenticate", STR("Bearer realm=\"coracle\""));
	http_reply_detail(
		x, 401, "this route needs the bearer token of CORACLE_TOKEN");
}

/* true: the caller may not do this, and was told */
static bool refused(const struct gateway *g, const struct route *route,
	struct http_exchange *x)
{
	enum role role = role_of(g, x);
	*http_note(x) = (int)role;
	if (route->plane != CONTROL_PLANE)
		return false;
	/* an agent outside is one that has not shown the token */
	bool inside = *http_connection_note(x) >= INSIDE;
	if (inside && (role == ROLE_AGENT || role == ROLE_SANDBOX))
		refuse_role(x, role);
	else if (!has_token(g, x))
		refuse_token(x);
	else
		return false;
	return true;
}

static void refuse_method(const struct route *route, struct http_exchange *x)
{
	struct str methods = str_of(route->methods);
	struct buf allow;
	buf_init(&allow, 64);
	/* HEAD goes wherever GET does */
	if (str_starts(methods, STR("GET"))) {
		buf_puts(&allow, "GET, HEAD");
		methods = str_from_index(methods, 3);
	}
	buf_put_str(&allow, methods);
	http_add_field(x, "Allow", buf_str(&allow));
	http_reply_detail(x, 405, "Method Not Allowed");
	buf_fini(&allow);
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
		if (matches(&routes[i], head->path))
			route = &routes[i];
	if (!route) {
		not_found(x);
	} else if (!is_mcp(route) && !origin_allowed(head, g->router.hosts)) {
		http_reply_detail(x, 403,
			"Origin: neither this machine nor the address asked; "
			"a web page of another site may not do this");
	} else if (!allows(route, head->method)) {
		refuse_method(route, x);
	} else if (refused(g, route, x)) {
		return;
	} else if (route->plane == CONTROL_PLANE && !signing_admits(g, x)) {
		return; /* it was told why */
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

bool require_subsystem(
	struct gateway *g, struct http_exchange *x, struct str name)
{
	char text[512];
	const char *why = subsystem_fault(g, name, text, sizeof(text));
	if (why)
		http_reply_detail(x, 400, "subsystem: %s", why);
	return why == NULL;
}

void reply_detail(struct http_exchange *x, int status, struct str text)
{
	struct buf body;
	buf_init(&body, SIZE_MAX / 2);
	buf_puts(&body, "{\"detail\":");
	json_quote(&body, text);
	buf_putc(&body, '}');
	if (body.err)
		http_reply_detail(x, status, "out of memory");
	else
		http_reply(x, status, "application/json", buf_str(&body));
	buf_fini(&body);
}
