/* SPDX-License-Identifier: MIT */
/* lib/str.c - searching, comparing and splitting borrowed strings. */
#include "lib/str.h"

#include "lib/size.h"

size_t str_find(struct str a, struct str needle)
{
	if (needle.n == 0)
		return 0;
	const char *hit = a.n ? memmem(a.p, a.n, needle.p, needle.n) : NULL;
	return hit ? (size_t)(hit - a.p) : a.n;
}

bool str_ends(struct str a, struct str suffix)
{
	return a.n >= suffix.n &&
	       str_eq(str_from_index(a, a.n - suffix.n), suffix);
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

struct str str_trim(struct str a)
{
	while (a.n && (*a.p == ' ' || *a.p == '\t')) {
		a.p++;
		a.n--;
	}
	while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
		a.n--;
	return a;
}

struct str str_cut(struct str *rest, char sep)
{
	size_t at = str_index(*rest, sep);
	struct str part = str_first(*rest, at);
	if (at == rest->n)
		*rest = (struct str){NULL, 0};
	else
		*rest = str_from_index(*rest, at + 1);
	return part;
}

bool str_to_u64(struct str a, uint64_t *out)
{
	uint64_t value = 0;
	if (a.n == 0)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(
				value, (uint64_t)(a.p[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

size_t str_distance(struct str a, struct str b)
{
	enum { MAX = 64 };
	size_t row[MAX + 1];
	a = str_first(a, MAX);
	b = str_first(b, MAX);
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t cost = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
			size_t best = size_min(row[j], row[j - 1]) + 1;
			best = size_min(best, diagonal + cost);
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.n];
}

uint32_t str_hash(struct str a)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < a.n; i++)
		hash = (hash ^ (unsigned char)a.p[i]) * 16777619u;
	return hash;
}
