/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/apps.c - POST /apps: another set of MCP servers.
 *
 * input: untrusted
 */
#include <fcntl.h>
#include <string.h>

#include "applets/gateway/gateway.h"
#include "lib/applet.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/mem.h"

enum { APPS_BODY_MAX = 4 << 20, ANSWER_MAX = 1 << 20, STATUS_MAX = 8 << 20 };

/* one request while its swap is under way */
struct apps_request {
	struct gateway *g;
	struct http_exchange *x;
	struct mcp_swap *swap;
	struct buf names; /* JSON array of the names in the order given */
};

static void free_request(struct apps_request *q)
{
	buf_fini(&q->names);
	mem_free(q);
}

/* the caller will never learn the outcome: what served goes on serving */
static void on_close(void *owner, struct http_exchange *x)
{
	struct apps_request *q = owner;
	(void)x;
	mcp_router_cancel(&q->g->router, q->swap);
	free_request(q);
}

static void put_success(struct buf *out, const struct apps_request *q,
	const struct mcp_swap_result *result)
{
	buf_puts(out, "{\"servers\":");
	buf_put_str(out, buf_str(&q->names));
	buf_putf(out, ",\"duration_ms\":%llu.%03u}",
		(unsigned long long)(result->us / 1000),
		(unsigned)(result->us % 1000));
}

static void put_failure(struct buf *out, const struct mcp_swap_result *result)
{
	struct json_writer w = {.out = out};
	struct buf text;
	buf_init(&text, ANSWER_MAX);
	buf_putf(&text, "MCP servers not ready: %s", result->failed_server);
	json_w_open(&w, '{');
	json_w_key(&w, "detail");
	json_w_open(&w, '{');
	json_w_key(&w, "error");
	json_w_str(&w, buf_str(&text));
	json_w_key(&w, "failed_servers");
	json_w_open(&w, '[');
	json_w_text(&w, result->failed_server);
	json_w_close(&w, ']');
	json_w_key(&w, "details");
	json_w_open(&w, '{');
	json_w_key(&w, result->failed_server);
	json_w_open(&w, '{');
	json_w_key(&w, "error");
	json_w_text(&w, result->why);
	json_w_key(&w, "attempts");
	json_w_u64(&w, result->attempts);
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	buf_fini(&text);
}

static void on_swapped(void *owner, const struct mcp_swap_result *result)
{
	struct apps_request *q = owner;
	struct buf body;
	buf_init(&body, ANSWER_MAX);
	http_set_owner(q->x, NULL, NULL);
	if (result->ok)
		put_success(&body, q, result);
	else if (*result->failed_server)
		put_failure(&body, result);
	if (body.n)
		http_reply(q->x, result->ok ? 200 : 503, "application/json",
			buf_str(&body));
	else
		http_reply_detail(q->x, 503, "%s", result->why);
	buf_fini(&body);
	free_request(q);
}

static bool put_names(struct buf *out, const struct mcp_config *config)
{
	struct json_writer w = {.out = out};
	json_w_open(&w, '[');
	for (size_t i = 0; i < config->n; i++)
		json_w_text(&w, config->servers[i]->name);
	json_w_close(&w, ']');
	return !out->err;
}

static void start_swap(
	struct gateway *g, struct http_exchange *x, struct mcp_config *config)
{
	struct apps_request *q = mem_new(sizeof(*q));
	if (q) {
		q->g = g;
		q->x = x;
		buf_init(&q->names, ANSWER_MAX / 2);
	}
	if (q && put_names(&q->names, config))
		q->swap = mcp_router_swap(&g->router, config, on_swapped, q);
	if (q && q->swap) {
		http_set_owner(x, q, on_close);
		http_set_probe(x); /* a start may take its 300 s */
		return;
	}
	mcp_config_fini(config);
	if (q)
		free_request(q);
	http_reply_detail(x, 500, "out of memory");
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct gateway *g = owner;
	struct mcp_config config;
	struct buf error;
	buf_init(&error, APPS_BODY_MAX + 4096);
	int status = mcp_config_read(&config, body, &error);
	if (status) {
		http_reply(x, status, "application/json", buf_str(&error));
	} else if (g->stopping) {
		mcp_config_fini(&config);
		http_reply_detail(x, 503, "the gateway is stopping");
	} else {
		start_swap(g, x, &config);
	}
	buf_fini(&error);
}

static void on_loaded(void *owner, const struct mcp_swap_result *result)
{
	(void)owner;
	if (!result->ok)
		log_error("--apps: %s%s%s", result->failed_server,
			*result->failed_server ? ": " : "", result->why);
}

void apps_load(struct gateway *g, const char *path)
{
	struct mcp_config config;
	struct buf text, error;
	buf_init(&text, APPS_BODY_MAX);
	buf_init(&error, APPS_BODY_MAX + 4096);
	int r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		die(EXIT_CONFIG, "--apps %s: %s", path, strerror(-r));
	if (mcp_config_read(&config, buf_str(&text), &error))
		die(EXIT_CONFIG, "--apps %s: %s", path, buf_cstr(&error));
	if (!mcp_router_swap(&g->router, &config, on_loaded, g))
		die(EXIT_FAIL, "out of memory");
	buf_fini(&error);
	buf_fini(&text);
}

static void apps_get(struct gateway *g, struct http_exchange *x)
{
	struct buf body;
	buf_init(&body, STATUS_MAX);
	mcp_router_status(&g->router, &body);
	if (body.err)
		http_reply_detail(x, 500, "out of memory");
	else
		http_reply(x, 200, "application/json", buf_str(&body));
	buf_fini(&body);
}

void apps_any(struct gateway *g, struct http_exchange *x)
{
	struct str method = http_request(x)->method;
	if (str_is(method, "GET") || str_is(method, "HEAD")) {
		apps_get(g, x);
	} else if (!str_is(method, "POST")) {
		http_add_field(x, "Allow", STR("GET, HEAD, POST"));
		http_reply_detail(x, 405, "Method Not Allowed");
	} else if (require_json(x)) {
		http_collect(x, APPS_BODY_MAX, on_body, g);
	}
}
