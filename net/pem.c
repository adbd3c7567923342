/* SPDX-License-Identifier: MIT */
/*
 * net/pem.c - the blocks of a PEM file.
 *
 * input: untrusted
 */
#include "net/pem.h"

static struct str line_of(struct str *rest)
{
	struct str line = str_cut(rest, '\n');
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* "-----BEGIN LABEL-----" */
static bool is_edge(struct str line, struct str word, struct str *label)
{
	struct str dashes = STR("-----");
	line = str_trim(line);
	if (!str_starts(line, word) || !str_ends(line, dashes) ||
		line.n < word.n + dashes.n)
		return false;
	*label = str_from_index(line, word.n);
	label->n -= dashes.n;
	return true;
}

bool pem_next(struct str *rest, struct str *label, struct str *text)
{
	bool inside = false;
	while (rest->p) {
		struct str name;
		const char *start = rest->p;
		struct str line = line_of(rest);
		if (is_edge(line, STR("-----BEGIN "), &name)) {
			inside = true;
			*label = name;
			*text = str_from(rest->p, 0);
		} else if (inside && is_edge(line, STR("-----END "), &name) &&
			   str_eq(name, *label)) {
			text->n = (size_t)(start - text->p);
			return true;
		}
		if (inside && !rest->p)
			return false;
	}
	return false;
}
