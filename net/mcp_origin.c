/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_origin.c - may this web page, by this name, reach us?
 *
 * input: untrusted
 */
#include "net/mcp_origin.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/origin.h"

/* did the connection come in on a loopback address? */
static bool on_loopback(const struct http_exchange *x)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	if (getsockname(http_socket(x), (struct sockaddr *)&a, &n) < 0)
		return false;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)&a;
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	}
	if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)&a;
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
			       v6->sin6_addr.s6_addr[12] == 127);
	}
	return false;
}

const char *mcp_origin_check(struct http_exchange *x, const char *hosts)
{
	const struct http_head *head = http_request(x);
	struct str origin = http_field(head, "Origin");
	struct str host = origin_host(head->host);
	if (!origin_is_loopback(host) && !origin_is_listed(host, hosts) &&
		(hosts || on_loopback(x)))
		return "Forbidden: Host is none of the names of this server";
	if (!origin.p)
		return NULL;
	if (!origin_allowed(head, hosts))
		return "Forbidden: Origin is neither this host nor local";
	http_add_field(x, "Access-Control-Allow-Origin", origin);
	http_add_field(x, "Access-Control-Expose-Headers",
		STR("Mcp-Session-Id, MCP-Protocol-Version"));
	http_add_field(x, "Vary", STR("Origin"));
	return NULL;
}

/* tools name further headers (Mcp-Param-...): those that are asked for */
static void put_params(struct buf *out, struct str asked)
{
	const struct str prefix = STR("Mcp-Param-");
	while (asked.p) {
		struct str name = str_trim(str_cut(&asked, ','));
		if (str_eq_nocase(str_first(name, prefix.n), prefix)) {
			buf_puts(out, ", ");
			buf_put_str(out, name);
		}
	}
}

void mcp_origin_preflight(struct http_exchange *x)
{
	http_add_field(x, "Allow", STR("GET, POST, DELETE, OPTIONS"));
	http_add_field(x, "Access-Control-Allow-Methods",
		STR("GET, POST, DELETE, OPTIONS"));
	struct buf allowed;
	buf_init(&allowed, 1 << 16);
	buf_puts(&allowed,
		"Authorization, Content-Type, Accept, Last-Event-ID, "
		"Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name");
	put_params(&allowed,
		http_field(http_request(x), "Access-Control-Request-Headers"));
	http_add_field(x, "Access-Control-Allow-Headers", buf_str(&allowed));
	buf_fini(&allowed);
	http_add_field(x, "Access-Control-Max-Age", STR("86400"));
	http_reply(x, 204, NULL, STR(""));
}
