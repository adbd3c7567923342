/* SPDX-License-Identifier: MIT */
/*
 * net/http_range.c - which bytes a Range field asks for.
 *
 * input: untrusted
 */
#include "net/http_range.h"

/* too many digits are a number beyond every end, not a mistake */
static bool read_number(struct str text, uint64_t *out)
{
	if (text.n == 0)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	if (!str_to_u64(text, out))
		*out = UINT64_MAX;
	return true;
}

/* 1: *r is one; 0: it cannot be satisfied; -1: malformed */
static int read_one(struct str text, uint64_t size, struct http_range *r)
{
	uint64_t first, last = UINT64_MAX;
	size_t dash = str_index(text, '-');
	struct str from = str_first(text, dash);
	struct str to = str_from_index(text, dash + 1);
	if (dash == text.n)
		return -1;
	if (from.n == 0) {
		/* the last so many bytes */
		if (!read_number(to, &last))
			return -1;
		r->n = last < size ? last : size;
		r->first = size - r->n;
		return r->n > 0;
	}
	if (!read_number(from, &first) || (to.n && !read_number(to, &last)) ||
		last < first)
		return -1;
	if (first >= size)
		return 0;
	r->first = first;
	r->n = last < size ? last - first + 1 : size - first;
	return 1;
}

int http_range_read(
	struct str value, uint64_t size, struct http_range v[HTTP_RANGES_MAX])
{
	struct str unit = str_cut(&value, '=');
	uint64_t total = 0;
	int n = 0;
	size_t asked = 0;
	if (!value.p || !str_eq_nocase(str_trim(unit), STR("bytes")))
		return -1;
	while (value.p) {
		struct http_range r;
		struct str text = str_trim(str_cut(&value, ','));
		if (text.n == 0)
			continue; /* a list may have empty elements */
		if (++asked > HTTP_RANGES_MAX)
			return -1;
		int good = read_one(text, size, &r);
		if (good < 0)
			return -1;
		if (good == 0)
			continue;
		total += r.n;
		v[n++] = r;
	}
	if (asked == 0 || (n > 1 && total > size))
		return -1;
	return n;
}
