/* SPDX-License-Identifier: MIT */
/* net/mcp_reach.c - is there an HTTP server at a URL? */
#include "net/mcp_reach.h"

#include "net/mcp_config.h"

struct http_fetch *mcp_reach(struct http_fetcher *f,
	const struct mcp_server_config *config,
	const struct http_fetch_events *events)
{
	const struct http_fetch_limits limits = {
		.connect_ms = config->startup_timeout_ms,
		.silence_ms = config->startup_timeout_ms};
	struct buf target, host;
	struct url to;
	if (url_read(&to, str_of(config->url)))
		return NULL;
	buf_init(&target, URL_MAX + 2);
	buf_init(&host, URL_MAX);
	url_put_target(&target, &to);
	buf_put_str(&host, to.authority);
	const struct http_client_call call = {.method = "HEAD",
		.target = buf_cstr(&target),
		.host = buf_cstr(&host)};
	struct http_fetch *fetch =
		http_fetch_start(f, &to, &call, &limits, events);
	buf_fini(&target);
	buf_fini(&host);
	return fetch;
}
