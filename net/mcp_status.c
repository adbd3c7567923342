/* SPDX-License-Identifier: MIT */
/* net/mcp_status.c - what the router can say about its servers. */
#include "net/mcp_router.h"

static const char *state_name(enum mcp_state state)
{
	switch (state) {
	case MCP_ASLEEP:
		return "asleep";
	case MCP_STARTING:
		return "starting";
	case MCP_READY:
		return "ready";
	case MCP_DOWN:
		return "down";
	case MCP_FAILED:
		break;
	}
	return "failed";
}

static void put_number(struct json_writer *w, const char *key, uint64_t v)
{
	json_w_key(w, key);
	json_w_u64(w, v);
}

static void put_latency(struct json_writer *w, const struct mcp_stats *s)
{
	json_w_key(w, "latency_us");
	json_w_open(w, '{');
	put_number(w, "p50", mcp_stats_quantile(s, 500));
	put_number(w, "p90", mcp_stats_quantile(s, 900));
	put_number(w, "p99", mcp_stats_quantile(s, 990));
	put_number(w, "max", s->max_us);
	json_w_close(w, '}');
}

static void put_server(struct json_writer *w, const struct mcp_upstream *u)
{
	json_w_open(w, '{');
	json_w_key(w, "name");
	json_w_text(w, u->config->name);
	json_w_key(w, "state");
	json_w_text(w, state_name(u->state));
	json_w_key(w, "url");
	if (u->config->url)
		json_w_text(w, u->config->url);
	else
		json_w_null(w);
	json_w_key(w, "pid");
	if (u->conn && mcp_conn_pid(u->conn))
		json_w_u64(w, (uint64_t)mcp_conn_pid(u->conn));
	else
		json_w_null(w);
	json_w_key(w, "era");
	if (u->was_ready && !u->config->rest_only)
		json_w_text(w, u->era == MCP_MODERN ? "modern" : "legacy");
	else
		json_w_null(w);
	json_w_key(w, "protocol");
	json_w_text(w, u->version);
	put_number(w, "tools", u->items[MCP_TOOLS].n);
	put_number(w, "prompts", u->items[MCP_PROMPTS].n);
	put_number(w, "resources", u->items[MCP_RESOURCES].n);
	put_number(w, "templates", u->items[MCP_TEMPLATES].n);
	put_number(w, "open", u->ncalls);
	put_number(w, "calls", mcp_stats_calls(&u->stats));
	put_number(w, "errors", mcp_stats_errors(&u->stats));
	put_latency(w, &u->stats);
	put_number(w, "restarts", u->restarts);
	json_w_key(w, "last_failure");
	json_w_text(w, u->why);
	json_w_key(w, "stderr");
	json_w_str(w, u->conn ? mcp_conn_tail(u->conn) : STR(""));
	json_w_close(w, '}');
}

void mcp_router_status(const struct mcp_router *r, struct buf *out)
{
	struct json_writer w = {.out = out};
	json_w_open(&w, '{');
	json_w_key(&w, "servers");
	json_w_open(&w, '[');
	for (size_t i = 0; i < r->n; i++)
		put_server(&w, r->set[i]);
	json_w_close(&w, ']');
	put_number(&w, "sessions", r->sessions.n);
	json_w_close(&w, '}');
}
