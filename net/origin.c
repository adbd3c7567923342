/* SPDX-License-Identifier: MIT */
/* net/origin.c - requests that a web page made its reader's browser send. */
#include "net/origin.h"

#include <arpa/inet.h>

#include "lib/fmt.h"

struct str origin_host(struct str authority)
{
	if (authority.n && *authority.p == '[') {
		struct str inner = str_from_index(authority, 1);
		return str_first(inner, str_index(inner, ']'));
	}
	return str_first(authority, str_index(authority, ':'));
}

bool origin_is_loopback(struct str host)
{
	return str_eq_nocase(host, STR("localhost")) ||
	       str_is(host, "127.0.0.1") || str_is(host, "::1");
}

bool origin_is_listed(struct str host, const char *hosts)
{
	struct str rest = str_of(hosts);
	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, ','));
		if (str_is(one, "*") || (one.n && str_eq_nocase(one, host)))
			return true;
	}
	return false;
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

bool origin_allowed(const struct http_head *head, const char *hosts)
{
	struct str origin = http_field(head, "Origin");
	if (!origin.p)
		return true;
	size_t at = str_find(origin, STR("://"));
	if (at == origin.n)
		return false;
	struct str authority = str_from_index(origin, at + 3);
	struct str host = origin_host(authority);
	return origin_is_loopback(host) || origin_is_listed(host, hosts) ||
	       (is_address(host) && str_eq_nocase(authority, head->host));
}
