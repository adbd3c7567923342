/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/name.c - the names of members: printing, cleaning, choosing.
 *
 * input: untrusted
 */
#include "applets/tar/tar.h"

#include <errno.h>
#include <string.h>

#include "lib/glob.h"
#include "lib/path.h"

/* length of the printable UTF-8 sequence at p, 0: it is to be escaped */
static size_t printable(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f && p[0] != '\\' ? 1 : 0;
	size_t want = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < want)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* U+0080 to U+009F are control characters too */
	return p[0] == 0xc2 && p[1] < 0xa0 ? 0 : want;
}

void name_quote(struct buf *out, struct str name)
{
	static const char from[] = "\a\b\f\n\r\t\v\\";
	static const char to[] = "abfnrtv\\";
	for (size_t i = 0; i < name.n;) {
		const unsigned char *p = (const unsigned char *)name.p + i;
		size_t n = printable(p, name.n - i);
		const char *short_form = *p ? strchr(from, *p) : NULL;
		if (n)
			buf_put(out, p, n);
		else if (short_form)
			buf_putf(out, "\\%c", to[short_form - from]);
		else
			buf_putf(out, "\\%03o", *p);
		i += n ? n : 1;
	}
}

struct str name_strip(struct str name, uint64_t n)
{
	while (name.n && name.p[0] == '/')
		name = str_from_index(name, 1);
	for (; n; n--) {
		size_t at = str_index(name, '/');
		if (at == name.n)
			return (struct str){NULL, 0};
		while (at < name.n && name.p[at] == '/')
			at++;
		name = str_from_index(name, at);
	}
	return name.n ? name : (struct str){NULL, 0};
}

/* remove the last component of out[0..n); false when there is none */
static bool pop_component(const char *out, size_t *n)
{
	if (*n == 0)
		return false;
	while (*n && out[*n - 1] != '/')
		--*n;
	if (*n)
		--*n;
	return true;
}

int name_clean(struct str name, char *out)
{
	size_t n = 0;
	while (name.p) {
		struct str part = str_cut(&name, '/');
		if (part.n == 0 || str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			if (!pop_component(out, &n))
				return -EXDEV;
			continue;
		}
		if (n + 1 + part.n >= PATH_LEN_MAX)
			return -ENAMETOOLONG;
		if (n)
			out[n++] = '/';
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	out[n] = '\0';
	return 0;
}

bool name_is_stage(struct str name)
{
	struct str prefix = STR(STAGE_PREFIX);
	if (!str_starts(name, prefix) || name.n != prefix.n + STAGE_DIGITS)
		return false;
	for (size_t i = prefix.n; i < name.n; i++)
		if (str_hex_digit(name.p[i]) < 0)
			return false;
	return true;
}

bool name_in_stage(struct str name)
{
	while (name.p)
		if (name_is_stage(str_cut(&name, '/')))
			return true;
	return false;
}

/* as GNU tar: the pattern may match from any component on */
static bool matches_somewhere(struct str pattern, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (i && name.p[i - 1] != '/')
			continue;
		if (glob_match(pattern, str_from_index(name, i), GLOB_LEADING))
			return true;
	}
	return false;
}

bool name_excluded(const struct tar_options *o, struct str name)
{
	for (size_t i = 0; i < o->exclude.n; i++) {
		struct str pattern = str_of(o->exclude.v[i]);
		while (pattern.n > 1 && str_ends(pattern, STR("/")))
			pattern.n--;
		if (matches_somewhere(pattern, name))
			return true;
	}
	return false;
}

size_t name_selected(const struct tar_options *o, struct str name)
{
	for (size_t i = 0; i < o->nnames; i++) {
		struct str wanted = str_of(o->names[i]);
		while (wanted.n > 1 && str_ends(wanted, STR("/")))
			wanted.n--;
		if (!str_starts(name, wanted))
			continue;
		if (name.n == wanted.n || name.p[wanted.n] == '/' ||
			str_is(wanted, "/"))
			return i;
	}
	return o->nnames;
}
