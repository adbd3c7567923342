/* SPDX-License-Identifier: MIT */
/*
 * lib/str.h - a borrowed view of bytes: pointer and length, never freed.
 *
 * Passed by value. Not NUL-terminated and may hold any byte.
 */
#ifndef LIB_STR_H
#define LIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* a view of a string literal */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})

/* for "%.*s": length and pointer, cut to what an int can say */
#define STR_FMT(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), (s).p

static inline struct str str_of(const char *cstr)
{
	return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct str str_from(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* equal to a C string */
static inline bool str_is(struct str a, const char *cstr)
{
	return str_eq(a, str_of(cstr));
}

static inline bool str_starts(struct str a, struct str prefix)
{
	return a.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

/* the part from `from` (clamped) to the end */
static inline struct str str_from_index(struct str a, size_t from)
{
	if (from > a.n)
		from = a.n;
	return (struct str){a.p + from, a.n - from};
}

/* the first n bytes (clamped) */
static inline struct str str_first(struct str a, size_t n)
{
	return (struct str){a.p, n < a.n ? n : a.n};
}

/* index of the first byte c, or a.n */
static inline size_t str_index(struct str a, char c)
{
	const char *hit = a.n ? memchr(a.p, c, a.n) : NULL;
	return hit ? (size_t)(hit - a.p) : a.n;
}

/* index of the first occurrence of needle, or a.n */
size_t str_find(struct str a, struct str needle);

/* true when a contains the byte sequence */
static inline bool str_has(struct str a, struct str needle)
{
	return needle.n == 0 || str_find(a, needle) < a.n;
}

bool str_ends(struct str a, struct str suffix);

/* ASCII case-insensitive equality (HTTP field names, RFC 9110 section 5.1) */
bool str_eq_nocase(struct str a, struct str b);

/* without leading and trailing spaces and tabs (OWS, RFC 9110 section 5.6.3) */
struct str str_trim(struct str a);

/*
 * Split at the first sep: the part before it is returned, *rest becomes what
 * follows it. Without sep the whole is returned and *rest has p == NULL, so
 *     while (rest.p) { part = str_cut(&rest, ','); ... }
 * visits every part.
 */
struct str str_cut(struct str *rest, char sep);

/* 0..15 for a hexadecimal digit, -1 for anything else */
static inline int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* strict decimal: digits only, no sign, at least one, fits 64 bits */
bool str_to_u64(struct str a, uint64_t *out);

/* Levenshtein distance, for "did you mean"; both at most 64 bytes count */
size_t str_distance(struct str a, struct str b);

/* FNV-1a, for in-memory tables keyed by names that we chose or bounded */
uint32_t str_hash(struct str a);

#endif
