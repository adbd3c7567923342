/* SPDX-License-Identifier: MIT */
/* net/mcp_names.c - under which names clients know tools and prompts. */
#include "net/mcp_names.h"

#include "lib/glob.h"
#include "lib/hash.h"
#include "lib/mem.h"

enum { HASH_SHOWN = 6 }; /* bytes: one in 2^48 is taken for another */

void mcp_naming_fini(struct mcp_naming *naming)
{
	for (char **a = naming->allowed; a && *a; a++)
		mem_free(*a);
	mem_free(naming->allowed);
	mem_free(naming->separator);
	*naming = (struct mcp_naming){0};
}

const char *mcp_naming_separator(const struct mcp_naming *naming)
{
	return naming->separator ? naming->separator : "_";
}

size_t mcp_naming_allowed(const struct mcp_naming *naming)
{
	size_t n = 0;
	while (naming->allowed && naming->allowed[n])
		n++;
	return n;
}

bool mcp_naming_equal(const struct mcp_naming *a, const struct mcp_naming *b)
{
	size_t n = mcp_naming_allowed(a);
	if (a->prefix != b->prefix || n != mcp_naming_allowed(b) ||
		strcmp(mcp_naming_separator(a), mcp_naming_separator(b)) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a->allowed[i], b->allowed[i]) != 0)
			return false;
	return true;
}

static bool is_pattern(struct str entry)
{
	return str_index(entry, '*') < entry.n ||
	       str_index(entry, '?') < entry.n ||
	       str_index(entry, '[') < entry.n;
}

/* name is entry, or ends with it behind what stands between */
static bool ends_with(struct str name, struct str between, struct str entry)
{
	if (!str_ends(name, entry))
		return false;
	return name.n == entry.n ||
	       str_ends(str_first(name, name.n - entry.n), between);
}

/* the pattern, or the pattern behind a separator */
static bool matches(struct str name, struct str between, struct str pattern)
{
	if (glob_match(pattern, name, 0))
		return true;
	for (size_t at = 0; at + between.n < name.n; at++) {
		struct str rest = str_from_index(name, at);
		if (str_starts(rest, between) &&
			glob_match(pattern, str_from_index(rest, between.n), 0))
			return true;
	}
	return false;
}

bool mcp_naming_allows(const struct mcp_naming *naming, struct str name)
{
	struct str between = str_of(mcp_naming_separator(naming));
	size_t n = mcp_naming_allowed(naming);
	for (size_t i = 0; i < n; i++) {
		struct str entry = str_of(naming->allowed[i]);
		if (ends_with(name, between, entry) ||
			ends_with(name, STR("_"), entry) ||
			(is_pattern(entry) && matches(name, between, entry)))
			return true;
	}
	return n == 0;
}

bool mcp_name_shorten(struct buf *names, size_t at)
{
	unsigned char hash[HASH_SHA256_SIZE];
	char hex[2 * HASH_SHOWN + 1];
	struct str name = str_from_index(buf_str(names), at);
	if (names->err || name.n <= MCP_SHOWN_MAX)
		return false;
	hash_sha256(hash, name);
	hash_hex(hex, hash, HASH_SHOWN);
	size_t kept = MCP_SHOWN_MAX - 1 - 2 * HASH_SHOWN;
	/* not in the middle of a character */
	while (kept > 0 && ((unsigned char)name.p[kept] & 0xc0) == 0x80)
		kept--;
	buf_truncate(names, at + kept);
	buf_putc(names, '_');
	buf_puts(names, hex);
	return true;
}
