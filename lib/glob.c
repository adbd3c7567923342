/* SPDX-License-Identifier: MIT */
/*
 * lib/glob.c - shell patterns over bytes.
 *
 * Only the last star is ever tried again, so the time is at most the product
 * of both lengths.
 */
#include "lib/glob.h"

/*
 * Match one byte against the bracket that begins at *at, which moves behind
 * it. A bracket without its end is an ordinary '['.
 */
static bool match_bracket(struct str p, size_t *at, char c)
{
	size_t i = *at + 1;
	bool negate = i < p.n && (p.p[i] == '!' || p.p[i] == '^');
	bool hit = false;
	i += negate ? 1 : 0;
	for (size_t first = i; i < p.n && (p.p[i] != ']' || i == first); i++) {
		char low = p.p[i];
		char high = low;
		if (i + 2 < p.n && p.p[i + 1] == '-' && p.p[i + 2] != ']') {
			high = p.p[i + 2];
			i += 2;
		}
		hit |= (unsigned char)c >= (unsigned char)low &&
		       (unsigned char)c <= (unsigned char)high;
	}
	if (i >= p.n) {
		*at += 1;
		return c == '[';
	}
	*at = i + 1;
	return hit != negate;
}

/* match one byte of the text, moving *at over its part of the pattern */
static bool match_one(struct str p, size_t *at, char c, unsigned flags)
{
	bool slash = c == '/' && (flags & GLOB_SLASH);
	if (*at >= p.n)
		return false;
	if (p.p[*at] == '?') {
		*at += 1;
		return !slash;
	}
	if (p.p[*at] == '[')
		return match_bracket(p, at, c) && !slash;
	if (p.p[*at] == '\\' && *at + 1 < p.n)
		*at += 1;
	return p.p[(*at)++] == c;
}

bool glob_match(struct str pattern, struct str text, unsigned flags)
{
	size_t p = 0;
	size_t t = 0;
	size_t star = pattern.n; /* behind the last star, when there was one */
	size_t star_text = 0;    /* what it has eaten up to */
	bool starred = false;
	for (;;) {
		while (p < pattern.n && pattern.p[p] == '*') {
			star = ++p;
			star_text = t;
			starred = true;
		}
		bool text_done = t == text.n ||
				 (text.p[t] == '/' && (flags & GLOB_LEADING));
		if (p == pattern.n && text_done)
			return true;
		size_t next = p;
		if (t < text.n && match_one(pattern, &next, text.p[t], flags)) {
			p = next;
			t++;
			continue;
		}
		if (!starred || star_text >= text.n ||
			(text.p[star_text] == '/' && (flags & GLOB_SLASH)))
			return false;
		p = star;
		t = ++star_text;
	}
}
