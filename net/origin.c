/* SPDX-License-Identifier: MIT */
/* net/origin.c - requests that a web page made its reader's browser send. */
#include "net/origin.h"

#include <arpa/inet.h>

#include "lib/fmt.h"

/* host part of "host:port" or "[v6]:port", without the brackets */
static struct str host_only(struct str authority)
{
	if (authority.n && *authority.p == '[') {
		struct str inner = str_from_index(authority, 1);
		return str_first(inner, str_index(inner, ']'));
	}
	return str_first(authority, str_index(authority, ':'));
}

static bool is_loopback(struct str host)
{
	return str_eq_nocase(host, STR("localhost")) ||
	       str_is(host, "127.0.0.1") || str_is(host, "::1");
}

static bool is_address(struct str host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr any;
	if (fmt_str(text, sizeof(text), "%.*s", STR_FMT(host)) >= sizeof(text))
		return false;
	return inet_pton(AF_INET, text, &any) == 1 ||
	       inet_pton(AF_INET6, text, &any) == 1;
}

bool origin_allowed(const struct http_head *head)
{
	struct str origin = http_field(head, "Origin");
	if (!origin.p)
		return true;
	size_t at = str_find(origin, STR("://"));
	if (at == origin.n)
		return false;
	struct str authority = str_from_index(origin, at + 3);
	struct str host = host_only(authority);
	return is_loopback(host) ||
	       (is_address(host) && str_eq_nocase(authority, head->host));
}
