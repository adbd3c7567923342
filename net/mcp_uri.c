/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_uri.c - resource URIs of several servers side by side.
 *
 * input: untrusted
 */
#include "net/mcp_uri.h"

size_t mcp_uri_place(struct str uri)
{
	size_t at = str_find(uri, STR("://"));
	return at < uri.n ? at + 3 : 0;
}

void mcp_uri_put_name(struct buf *out, const char *name)
{
	for (const char *c = name; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') ||
			     (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '-' ||
			     *c == '.' || *c == '_' || *c == '~';
		if (plain)
			buf_putc(out, *c);
		else
			buf_putf(out, "%%%02x", (unsigned char)*c);
	}
}

size_t mcp_uri_insert(struct buf *out, struct str uri, const char *name)
{
	size_t place = mcp_uri_place(uri);
	buf_put_str(out, str_first(uri, place));
	size_t before = out->n;
	mcp_uri_put_name(out, name);
	if (place == 0)
		buf_putc(out, '+');
	else if (place == uri.n || uri.p[place] != '/')
		buf_putc(out, '/');
	size_t inserted = out->n - before;
	buf_put_str(out, str_from_index(uri, place));
	return inserted;
}

void mcp_uri_cut(struct buf *out, struct str uri, size_t inserted)
{
	size_t place = mcp_uri_place(uri);
	buf_put_str(out, str_first(uri, place));
	buf_put_str(out, str_from_index(uri, place + inserted));
}

/* a point to come back to: from here an expression may take one byte more */
struct retry {
	size_t t; /* behind the expression; 0: there is none */
	size_t u;
};

/* the expression that starts at tmpl.p[t]: its end, and may it hold '/'? */
static size_t expression_end(struct str tmpl, size_t t, bool *wide)
{
	size_t len = str_index(str_from_index(tmpl, t), '}');
	*wide = len > 1 && memchr("+#./;?&", tmpl.p[t + 1], 7);
	return t + len + 1;
}

/* where a narrow expression may not go on, the last wide one before it may */
static bool go_back(struct retry *narrow, struct retry *wide, struct str uri)
{
	if (narrow->t && narrow->u < uri.n && uri.p[narrow->u] != '/') {
		narrow->u++;
		return true;
	}
	narrow->t = 0;
	if (wide->t && wide->u < uri.n) {
		wide->u++;
		return true;
	}
	return false;
}

bool mcp_uri_matches(struct str tmpl, struct str uri)
{
	struct retry narrow = {0}, wide = {0};
	size_t t = 0, u = 0;
	if (tmpl.n > MCP_URI_MATCH_MAX || uri.n > MCP_URI_MATCH_MAX)
		return false;
	for (;;) {
		if (t < tmpl.n && tmpl.p[t] == '{') {
			bool is_wide;
			t = expression_end(tmpl, t, &is_wide);
			narrow = (struct retry){is_wide ? 0 : t, u};
			if (is_wide)
				wide = (struct retry){t, u};
			continue;
		}
		if (t >= tmpl.n && u == uri.n)
			return true;
		if (t < tmpl.n && u < uri.n && tmpl.p[t] == uri.p[u]) {
			t++;
			u++;
			continue;
		}
		if (!go_back(&narrow, &wide, uri))
			return false;
		t = narrow.t ? narrow.t : wide.t;
		u = narrow.t ? narrow.u : wide.u;
	}
}
