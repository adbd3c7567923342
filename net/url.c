/* SPDX-License-Identifier: MIT */
/*
 * net/url.c - http and https URLs.
 *
 * input: untrusted
 */
#include "net/url.h"

#include "net/http_chars.h"

static bool starts_nocase(struct str text, struct str prefix)
{
	return text.n >= prefix.n &&
	       str_eq_nocase(str_first(text, prefix.n), prefix);
}

/* where the authority ends: at the first of / ? # */
static size_t authority_end(struct str text)
{
	size_t i = 0;
	while (i < text.n && text.p[i] != '/' && text.p[i] != '?' &&
		text.p[i] != '#')
		i++;
	return i;
}

static const char *read_port(struct url *u, struct str digits)
{
	uint64_t port;
	if (digits.n == 0)
		return NULL;
	if (!str_to_u64(digits, &port) || port == 0 || port > 65535)
		return "the port is no number from 1 to 65535";
	u->has_port = port != u->port;
	u->port = (uint16_t)port;
	return NULL;
}

static const char *read_host(struct url *u, struct str text)
{
	struct str rest = text;
	u->authority = text;
	if (text.n && text.p[0] == '[') {
		rest = str_from_index(rest, 1);
		u->host = str_cut(&rest, ']');
		if (!rest.p || u->host.n == 0)
			return "the address has no ']'";
		for (size_t i = 0; i < u->host.n; i++)
			if (str_hex_digit(u->host.p[i]) < 0 &&
				u->host.p[i] != ':' && u->host.p[i] != '.')
				return "what is in brackets is no address";
		if (rest.n && rest.p[0] != ':')
			return "something follows the ']'";
		return read_port(u, str_from_index(rest, 1));
	}
	u->host = str_cut(&rest, ':');
	if (u->host.n == 0)
		return "it names no host";
	if (u->host.n > URL_HOST_MAX || !http_chars_all(u->host, HTTP_HOST) ||
		str_index(u->host, '%') < u->host.n)
		return "the host has a character that no host has";
	return rest.p ? read_port(u, rest) : NULL;
}

const char *url_read(struct url *u, struct str text)
{
	*u = (struct url){.port = 80};
	if (text.n > URL_MAX)
		return "it is too long";
	if (starts_nocase(text, STR("https://"))) {
		u->tls = true;
		u->port = 443;
	} else if (!starts_nocase(text, STR("http://"))) {
		return "it starts with neither http:// nor https://";
	}
	text = str_from_index(text, u->tls ? 8 : 7);
	struct str authority = str_first(text, authority_end(text));
	struct str rest = str_from_index(text, authority.n);
	u->target = str_first(rest, str_index(rest, '#'));
	if (!http_chars_all(u->target, HTTP_URI))
		return "a character in it must be percent-encoded";
	size_t at = str_index(authority, '@');
	if (at < authority.n) {
		u->user = str_first(authority, at);
		authority = str_from_index(authority, at + 1);
	}
	return read_host(u, authority);
}

void url_put_target(struct buf *out, const struct url *u)
{
	if (u->target.n == 0 || u->target.p[0] != '/')
		buf_putc(out, '/');
	buf_put_str(out, u->target);
}

bool url_same_server(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port &&
	       str_eq_nocase(a->host, b->host);
}

/* ------------------------------------------------------------- resolving */

static struct str path_of(struct str target)
{
	return str_first(target, str_index(target, '?'));
}

/* append the path without its dot segments (RFC 3986 section 5.2.4) */
static void put_path(struct buf *out, struct str path)
{
	size_t from = out->n;
	struct str rest = path;
	if (rest.n && rest.p[0] == '/')
		rest = str_from_index(rest, 1);
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		bool up = str_is(part, "..");
		while (up && out->n > from && *buf_at(out, out->n - 1) != '/')
			out->n--;
		if (up && out->n > from)
			out->n--;
		if (!up && !str_is(part, ".")) {
			buf_putc(out, '/');
			buf_put_str(out, part);
		} else if (!rest.p) {
			buf_putc(out, '/');
		}
	}
	if (out->n == from)
		buf_putc(out, '/');
}

static void put_server(struct buf *out, const struct url *u)
{
	buf_puts(out, u->tls ? "https://" : "http://");
	buf_put_str(out, u->authority);
}

/* "dir/" of "dir/file" */
static struct str directory_of(struct str path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

void url_resolve(struct buf *out, const struct url *u, struct str reference)
{
	reference = str_first(reference, str_index(reference, '#'));
	struct str path = path_of(reference);
	struct str query = str_from_index(reference, path.n);
	struct buf joined;
	if (starts_nocase(reference, STR("http://")) ||
		starts_nocase(reference, STR("https://"))) {
		buf_put_str(out, reference);
		return;
	}
	if (str_starts(reference, STR("//"))) {
		buf_puts(out, u->tls ? "https:" : "http:");
		buf_put_str(out, reference);
		return;
	}
	put_server(out, u);
	buf_init(&joined, 2 * URL_MAX);
	if (path.n == 0)
		buf_put_str(&joined, path_of(u->target));
	else if (path.p[0] != '/')
		buf_put_str(&joined, directory_of(path_of(u->target)));
	buf_put_str(&joined, path);
	put_path(out, buf_str(&joined));
	if (path.n == 0 && query.n == 0)
		query = str_from_index(u->target, path_of(u->target).n);
	buf_put_str(out, query);
	if (joined.err)
		out->err = joined.err;
	buf_fini(&joined);
}
