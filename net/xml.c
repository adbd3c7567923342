/* SPDX-License-Identifier: MIT */
/*
 * net/xml.c - a small strict pull reader of XML.
 *
 * input: untrusted
 */
#include "net/xml.h"

#include "lib/utf8.h"

void xml_init(struct xml *x, struct str document)
{
	*x = (struct xml){.rest = document};
	if (str_starts(document, STR("\xef\xbb\xbf")))
		x->rest = str_from_index(document, 3);
}

static enum xml_event fail(struct xml *x, const char *why)
{
	if (!x->error)
		x->error = why;
	return XML_ERROR;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
	       c == ':' || (unsigned char)c >= 0x80;
}

static void skip_space(struct str *s)
{
	while (s->n && is_space(s->p[0]))
		*s = str_from_index(*s, 1);
}

static struct str take_name(struct str *s)
{
	size_t n = 0;
	while (n < s->n && is_name(s->p[n]))
		n++;
	struct str name = str_first(*s, n);
	*s = str_from_index(*s, n);
	return name;
}

/* pass over everything up to and with `end`; false: it is not there */
static bool skip_to(struct str *s, struct str end)
{
	size_t at = str_find(*s, end);
	if (at == s->n)
		return false;
	*s = str_from_index(*s, at + end.n);
	return true;
}

/* NAME="VALUE"; false when it is none */
static bool skip_attribute(struct str *s)
{
	if (take_name(s).n == 0)
		return false;
	skip_space(s);
	if (s->n == 0 || s->p[0] != '=')
		return false;
	*s = str_from_index(*s, 1);
	skip_space(s);
	if (s->n == 0 || (s->p[0] != '"' && s->p[0] != '\''))
		return false;
	char quote = s->p[0];
	*s = str_from_index(*s, 1);
	size_t end = str_index(*s, quote);
	if (end == s->n || str_index(str_first(*s, end), '<') < end)
		return false;
	*s = str_from_index(*s, end + 1);
	return true;
}

static enum xml_event open_element(struct xml *x)
{
	struct str name = take_name(&x->rest);
	if (name.n == 0)
		return fail(x, "an element without a name");
	if (x->depth == 0 && x->seen)
		return fail(x, "a second root");
	if (x->depth == XML_DEPTH_MAX)
		return fail(x, "nested too deep");
	for (;;) {
		struct str before = x->rest;
		skip_space(&x->rest);
		if (x->rest.n == 0)
			return fail(x, "an element without an end");
		if (x->rest.p[0] == '>' || x->rest.p[0] == '/')
			break;
		if (before.n == x->rest.n || !skip_attribute(&x->rest))
			return fail(x, "not an attribute");
	}
	x->closing = x->rest.p[0] == '/';
	x->rest = str_from_index(x->rest, x->closing ? 1 : 0);
	if (x->rest.n == 0 || x->rest.p[0] != '>')
		return fail(x, "an element without an end");
	x->rest = str_from_index(x->rest, 1);
	x->seen = true;
	x->open[x->depth++] = name;
	x->name = str_from_index(name, str_index(name, ':') + 1);
	if (str_index(name, ':') == name.n)
		x->name = name;
	return XML_OPEN;
}

static enum xml_event close_element(struct xml *x)
{
	struct str name = take_name(&x->rest);
	skip_space(&x->rest);
	if (x->depth == 0 || !str_eq(name, x->open[x->depth - 1]))
		return fail(x, "an end of what was not open");
	if (x->rest.n == 0 || x->rest.p[0] != '>')
		return fail(x, "an end without its bracket");
	x->rest = str_from_index(x->rest, 1);
	size_t colon = str_index(name, ':');
	x->name = colon < name.n ? str_from_index(name, colon + 1) : name;
	x->closed = true;
	return XML_CLOSE;
}

/* are all entities of it known? also appends the text when out is given */
static bool decode(struct str raw, struct buf *out)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'},
		{"apos", '\''}};
	while (raw.n) {
		size_t at = str_index(raw, '&');
		if (out)
			buf_put_str(out, str_first(raw, at));
		if (at == raw.n)
			return true;
		struct str rest = str_from_index(raw, at + 1);
		struct str name = str_cut(&rest, ';');
		if (!rest.p || name.n == 0 || name.n > 10)
			return false;
		raw = rest;
		uint32_t code = 0;
		if (name.p[0] == '#') {
			bool hex = name.n > 1 && name.p[1] == 'x';
			size_t i = hex ? 2 : 1;
			if (i >= name.n)
				return false;
			for (; i < name.n; i++) {
				int d = str_hex_digit(name.p[i]);
				if (d < 0 || (!hex && d > 9) || code > 0x10ffff)
					return false;
				code = code * (hex ? 16 : 10) + (uint32_t)d;
			}
		}
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (str_is(name, known[i].name))
				code = (unsigned char)known[i].c;
		if (code == 0 || code > 0x10ffff ||
			(code >= 0xd800 && code < 0xe000))
			return false;
		char bytes[4];
		if (out)
			buf_put(out, bytes, utf8_put(bytes, code));
	}
	return true;
}

static enum xml_event text_piece(struct xml *x)
{
	size_t n = str_index(x->rest, '<');
	x->text = str_first(x->rest, n);
	x->rest = str_from_index(x->rest, n);
	x->literal = false;
	bool blank = true;
	for (size_t i = 0; i < n; i++)
		blank = blank && is_space(x->text.p[i]);
	if (x->depth == 0)
		return blank ? XML_TEXT : fail(x, "text outside the root");
	return decode(x->text, NULL) ? XML_TEXT
				     : fail(x, "an entity that is not known");
}

/* what starts with "<!" or "<?": 1 it is skipped, 0 text, -1 not sound */
static int special(struct xml *x)
{
	struct str *s = &x->rest;
	if (str_starts(*s, STR("?"))) {
		*s = str_from_index(*s, 1);
		return skip_to(s, STR("?>")) ? 1 : -1;
	}
	if (str_starts(*s, STR("!--"))) {
		*s = str_from_index(*s, 3);
		return skip_to(s, STR("-->")) ? 1 : -1;
	}
	if (!str_starts(*s, STR("![CDATA[")) || x->depth == 0)
		return -1;
	x->text = str_from_index(*s, 8);
	x->rest = x->text;
	if (!skip_to(s, STR("]]>")))
		return -1;
	x->text.n = (size_t)(x->rest.p - x->text.p) - 3;
	x->literal = true;
	return 0;
}

enum xml_event xml_next(struct xml *x)
{
	if (x->error)
		return XML_ERROR;
	if (x->closed)
		x->depth--;
	x->closed = x->closing;
	if (x->closing) {
		x->closing = false;
		return XML_CLOSE;
	}
	while (x->rest.n) {
		if (x->rest.p[0] != '<') {
			enum xml_event e = text_piece(x);
			if (e == XML_TEXT && x->depth == 0)
				continue;
			return e;
		}
		x->rest = str_from_index(x->rest, 1);
		char c = x->rest.n ? x->rest.p[0] : '\0';
		if (c == '/') {
			x->rest = str_from_index(x->rest, 1);
			return close_element(x);
		}
		if (c != '!' && c != '?')
			return open_element(x);
		int r = special(x);
		if (r < 0)
			return fail(x, "markup that is not supported");
		if (r == 0)
			return XML_TEXT;
	}
	if (x->depth || !x->seen)
		return fail(x, "the document is cut short");
	return XML_END;
}

void xml_text(const struct xml *x, struct buf *out)
{
	if (x->literal)
		buf_put_str(out, x->text);
	else
		(void)decode(x->text, out);
}

bool xml_get(struct str document, const char *path, struct buf *out)
{
	struct xml x;
	struct str want = str_of(path);
	size_t matched = 0; /* open elements that are on the path */
	size_t parts = 1;
	bool found = false;
	for (size_t i = 0; i < want.n; i++)
		parts += want.p[i] == '/';
	xml_init(&x, document);
	for (;;) {
		enum xml_event e = xml_next(&x);
		bool inside = matched == parts && x.depth == parts;
		struct str rest = want;
		struct str part = STR("");
		switch (e) {
		case XML_ERROR:
			return false;
		case XML_END:
			return found;
		case XML_OPEN:
			for (size_t i = 0; i < x.depth && rest.p; i++)
				part = str_cut(&rest, '/');
			if (!found && matched == x.depth - 1 &&
				x.depth <= parts && str_eq(part, x.name))
				matched++;
			break;
		case XML_TEXT:
			if (inside)
				xml_text(&x, out);
			break;
		case XML_CLOSE:
			found = found || inside;
			if (matched == x.depth)
				matched--;
			break;
		}
	}
}

void xml_escape(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '&')
			buf_puts(out, "&amp;");
		else if (c == '<')
			buf_puts(out, "&lt;");
		else if (c == '>')
			buf_puts(out, "&gt;");
		else if (c == '"')
			buf_puts(out, "&quot;");
		else if (c < 0x20)
			buf_putf(out, "&#%u;", c);
		else
			buf_putc(out, text.p[i]);
	}
}
