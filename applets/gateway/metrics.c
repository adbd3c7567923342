/* SPDX-License-Identifier: MIT */
/* applets/gateway/metrics.c - GET /metrics and GET /status. */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "applets/gateway/gateway.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/version.h"
#include "net/mcp_metrics.h"

enum { TEXT_MAX = 16 << 20, STATM_MAX = 256 };

/* pages of memory that are there, by proc(5) */
static uint64_t resident_bytes(void)
{
	struct buf text;
	uint64_t pages = 0;
	buf_init(&text, STATM_MAX);
	if (file_read(AT_FDCWD, "/proc/self/statm", &text) == 0) {
		struct str rest = buf_str(&text);
		(void)str_cut(&rest, ' ');
		if (rest.p)
			(void)str_to_u64(str_cut(&rest, ' '), &pages);
	}
	buf_fini(&text);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t cpu_us(void)
{
	struct rusage use;
	if (getrusage(RUSAGE_SELF, &use) < 0)
		return 0;
	return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/* answers by the first digit of their status; 0: there was none */
static void put_http(struct buf *out, const struct gateway *g)
{
	metric_head(out, "coracle_http_requests_total", "counter",
		"Requests that are over, by the class of their status.");
	for (unsigned i = 1; i < GATEWAY_CLASSES; i++)
		buf_putf(out,
			"coracle_http_requests_total{status=\"%uxx\"} %llu\n",
			i, (unsigned long long)g->answers[i]);
	buf_putf(out, "coracle_http_requests_total{status=\"none\"} %llu\n",
		(unsigned long long)g->answers[0]);
	metric_head(out, "coracle_http_sent_bytes_total", "counter",
		"Bytes of answers.");
	metric_put(out, "coracle_http_sent_bytes_total", g->sent);
	metric_head(out, "coracle_http_connections", "gauge",
		"Connections of clients.");
	metric_put(out, "coracle_http_connections",
		http_server_connections(g->server));
}

static void put_process(struct buf *out, const struct gateway *g)
{
	metric_head(out, "coracle_build_info", "gauge", "1, with the version.");
	buf_putf(
		out, "coracle_build_info{version=\"%s\"} 1\n", coracle_version);
	metric_head(out, "process_resident_memory_bytes", "gauge",
		"Memory of the gateway itself, in bytes.");
	metric_put(out, "process_resident_memory_bytes", resident_bytes());
	metric_head(out, "process_cpu_seconds_total", "counter",
		"Time that the gateway itself has computed.");
	buf_puts(out, "process_cpu_seconds_total ");
	metric_put_seconds(out, cpu_us());
	buf_putc(out, '\n');
	metric_head(out, "process_start_time_seconds", "gauge",
		"When it started, in seconds since 1970.");
	metric_put(
		out, "process_start_time_seconds", (uint64_t)g->started_wall);
}

static void reply(struct http_exchange *x, const char *type, struct buf *body)
{
	if (body->err)
		http_reply_detail(x, 500, "out of memory");
	else
		http_reply(x, 200, type, buf_str(body));
	buf_fini(body);
}

void metrics_get(struct gateway *g, struct http_exchange *x)
{
	struct buf out;
	buf_init(&out, TEXT_MAX);
	put_process(&out, g);
	put_http(&out, g);
	mcp_router_metrics(&g->router, &out);
	reply(x, "text/plain; version=0.0.4; charset=utf-8", &out);
}

static void put_number(struct json_writer *w, const char *key, uint64_t v)
{
	json_w_key(w, key);
	json_w_u64(w, v);
}

void status_get(struct gateway *g, struct http_exchange *x)
{
	struct buf out;
	struct json_writer w = {.out = &out};
	uint64_t requests = 0;
	for (unsigned i = 0; i < GATEWAY_CLASSES; i++)
		requests += g->answers[i];
	buf_init(&out, TEXT_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "version");
	json_w_text(&w, coracle_version);
	put_number(&w, "pid", (uint64_t)getpid());
	put_number(&w, "uptime_ms", clock_ms() - g->started_ms);
	put_number(&w, "resident_bytes", resident_bytes());
	put_number(&w, "cpu_us", cpu_us());
	put_number(&w, "requests", requests);
	put_number(&w, "connections", http_server_connections(g->server));
	put_number(&w, "workers", g->workers);
	json_w_key(&w, "configured");
	json_w_bool(&w, g->router.configured);
	json_w_key(&w, "mcp");
	mcp_router_status(&g->router, &out);
	w.comma = true;
	json_w_close(&w, '}');
	reply(x, "application/json", &out);
}
