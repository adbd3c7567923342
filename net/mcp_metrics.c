/* SPDX-License-Identifier: MIT */
/* net/mcp_metrics.c - numbers of the router for Prometheus. */
#include "net/mcp_metrics.h"

enum {
	POWER_FIRST = 4, /* of two, in microseconds: 16 us ... */
	POWER_LAST = 27, /* ... to 134 s */
};

/* ------------------------------------------------------------------ format */

void metric_head(
	struct buf *out, const char *name, const char *type, const char *help)
{
	buf_putf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metric_put(struct buf *out, const char *name, uint64_t value)
{
	buf_putf(out, "%s %llu\n", name, (unsigned long long)value);
}

void metric_put_seconds(struct buf *out, uint64_t us)
{
	buf_putf(out, "%llu.%06llu", (unsigned long long)(us / 1000000),
		(unsigned long long)(us % 1000000));
}

/* the value of a label: backslash, quote and line feed are escaped */
static void put_label(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			buf_putc(out, '\\');
		if (*text == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *text);
	}
}

/* name{server="...": the caller adds labels and the brace */
static void begin(
	struct buf *out, const char *name, const struct mcp_upstream *u)
{
	buf_puts(out, name);
	buf_puts(out, "{server=\"");
	put_label(out, u->config->name);
	buf_putc(out, '"');
}

static void end(struct buf *out, uint64_t value)
{
	buf_puts(out, "} ");
	buf_put_u64(out, value);
	buf_putc(out, '\n');
}

/* ----------------------------------------------------------------- servers */

static void put_calls(const struct mcp_router *r, struct buf *out)
{
	static const char name[] = "coracle_mcp_calls_total";
	metric_head(out, name, "counter",
		"Requests of clients to MCP servers that have ended.");
	for (size_t i = 0; i < r->n; i++)
		for (unsigned k = 0; k < MCP_OUTCOMES; k++) {
			begin(out, name, r->set[i]);
			buf_putf(out, ",outcome=\"%s\"",
				mcp_outcome_name((enum mcp_outcome)k));
			end(out, r->set[i]->stats.outcome[k]);
		}
}

static void put_histogram(struct buf *out, const struct mcp_upstream *u)
{
	static const char name[] = "coracle_mcp_call_duration_seconds";
	const struct mcp_stats *s = &u->stats;
	for (unsigned p = POWER_FIRST; p <= POWER_LAST; p++) {
		begin(out, "coracle_mcp_call_duration_seconds_bucket", u);
		buf_puts(out, ",le=\"");
		metric_put_seconds(out, UINT64_C(1) << p);
		buf_putc(out, '"');
		end(out, mcp_stats_below(s, p));
	}
	begin(out, "coracle_mcp_call_duration_seconds_bucket", u);
	buf_puts(out, ",le=\"+Inf\"");
	end(out, mcp_stats_calls(s));
	buf_puts(out, name);
	begin(out, "_sum", u);
	buf_puts(out, "} ");
	metric_put_seconds(out, s->total_us);
	buf_putc(out, '\n');
	buf_puts(out, name);
	begin(out, "_count", u);
	end(out, mcp_stats_calls(s));
}

static void put_bytes(const struct mcp_router *r, struct buf *out)
{
	static const char name[] = "coracle_mcp_bytes_total";
	metric_head(out, name, "counter",
		"Bytes of requests to (out) and answers of (in) MCP servers.");
	for (size_t i = 0; i < r->n; i++) {
		begin(out, name, r->set[i]);
		buf_puts(out, ",direction=\"in\"");
		end(out, r->set[i]->stats.bytes_in);
		begin(out, name, r->set[i]);
		buf_puts(out, ",direction=\"out\"");
		end(out, r->set[i]->stats.bytes_out);
	}
}

/* one number of each server */
struct gauge {
	const char *name, *type, *help;
	uint64_t (*of)(const struct mcp_upstream *u);
};

static uint64_t open_calls(const struct mcp_upstream *u)
{
	return u->ncalls;
}

static uint64_t is_ready(const struct mcp_upstream *u)
{
	return u->state == MCP_READY;
}

static uint64_t restarts(const struct mcp_upstream *u)
{
	return u->restarts;
}

static uint64_t tools(const struct mcp_upstream *u)
{
	return u->items[MCP_TOOLS].n;
}

static void put_gauges(const struct mcp_router *r, struct buf *out)
{
	static const struct gauge gauges[] = {
		{"coracle_mcp_calls_open", "gauge",
			"Requests of clients that are under way.", open_calls},
		{"coracle_mcp_server_ready", "gauge",
			"1 when the server can be called.", is_ready},
		{"coracle_mcp_server_restarts_total", "counter",
			"Times that the server was started again.", restarts},
		{"coracle_mcp_tools", "gauge", "Tools of the server.", tools},
	};
	for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
		const struct gauge *gauge = &gauges[g];
		metric_head(out, gauge->name, gauge->type, gauge->help);
		for (size_t i = 0; i < r->n; i++) {
			begin(out, gauge->name, r->set[i]);
			end(out, gauge->of(r->set[i]));
		}
	}
}

void mcp_router_metrics(const struct mcp_router *r, struct buf *out)
{
	put_calls(r, out);
	metric_head(out, "coracle_mcp_call_duration_seconds", "histogram",
		"From a request's way to the server to its answer.");
	for (size_t i = 0; i < r->n; i++)
		put_histogram(out, r->set[i]);
	put_bytes(r, out);
	put_gauges(r, out);
	metric_head(
		out, "coracle_mcp_sessions", "gauge", "Sessions of clients.");
	metric_put(out, "coracle_mcp_sessions", r->sessions.n);
	metric_head(out, "coracle_mcp_connections", "gauge",
		"Processes of, and connections to, MCP servers.");
	metric_put(out, "coracle_mcp_connections", r->conns.alive);
}
