/* SPDX-License-Identifier: MIT */
/*
 * net/http_target.c - the four forms of a request target (RFC 9112 section
 * 3.2) and the syntax of hosts (RFC 3986 section 3.2.2).
 *
 * input: untrusted
 */
#include "net/http_target.h"

#include "net/http_chars.h"

static bool refuse(struct http_error *error, int status, const char *reason)
{
	*error = (struct http_error){status, reason};
	return false;
}

/* nothing (RFC 3986 allows "host:"), or 0..65535 */
static bool port_valid(struct str port)
{
	uint64_t number;
	if (port.n == 0)
		return true;
	return port.n <= 5 && str_to_u64(port, &number) && number <= 65535;
}

static bool ip_literal_valid(struct str inside)
{
	for (size_t i = 0; i < inside.n; i++) {
		char c = inside.p[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			   (c >= 'A' && c <= 'F');
		if (!hex && c != ':' && c != '.')
			return false;
	}
	return inside.n >= 2;
}

bool http_host_valid(struct str host)
{
	struct str rest = host;
	if (host.n && host.p[0] == '[') {
		rest = str_from_index(host, 1);
		struct str inside = str_cut(&rest, ']');
		if (!rest.p || !ip_literal_valid(inside))
			return false;
		if (rest.n == 0)
			return true;
		return rest.p[0] == ':' && port_valid(str_from_index(rest, 1));
	}
	struct str name = str_cut(&rest, ':');
	if (name.n == 0 || !http_chars_all(name, HTTP_HOST))
		return false;
	return !rest.p || port_valid(rest);
}

static void split_query(struct http_head *head, struct str target)
{
	struct str rest = target;
	head->path = str_cut(&rest, '?');
	head->query = rest;
}

/* the part of an absolute-form target behind "http://"; p == NULL: not one */
static struct str behind_scheme(struct str target)
{
	if (str_eq_nocase(str_first(target, 7), STR("http://")))
		return str_from_index(target, 7);
	if (str_eq_nocase(str_first(target, 8), STR("https://")))
		return str_from_index(target, 8);
	return (struct str){NULL, 0};
}

static bool parse_absolute(
	struct http_head *head, struct str rest, struct http_error *error)
{
	size_t end = 0;
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	head->host = str_first(rest, end);
	if (!http_host_valid(head->host))
		return refuse(error, 400, "malformed host in the target");
	split_query(head, str_from_index(rest, end));
	if (head->path.n == 0)
		head->path = STR("/");
	return true;
}

bool http_target_parse(struct http_head *head, struct http_error *error)
{
	struct str target = head->target;
	if (target.n == 0 || !http_chars_all(target, HTTP_URI))
		return refuse(error, 400, "malformed request target");
	/* its target is no path, and an origin server opens no tunnels */
	if (str_is(head->method, "CONNECT"))
		return refuse(error, 501, "CONNECT is not supported");
	if (target.p[0] == '/') {
		split_query(head, target);
		return true;
	}
	if (str_is(target, "*") && str_is(head->method, "OPTIONS")) {
		head->path = target;
		return true;
	}
	struct str rest = behind_scheme(target);
	if (!rest.p)
		return refuse(error, 400, "malformed request target");
	return parse_absolute(head, rest, error);
}
