/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_enums.c - schemas of arguments without the enums that clients choke
 * on: some model interfaces take only strings in an enum, and refuse the whole
 * list of tools for one other.
 *
 * input: untrusted
 *
 * The nesting is bounded by the validator (JSON_DEPTH_MAX).
 */
#include "net/mcp_enums.h"

static bool is_odd(struct str key, struct str value)
{
	struct json_cursor c;
	struct str item;
	if (!json_key_is(key, "enum") || json_type_of(value) != JSON_ARRAY)
		return false;
	(void)json_open(&c, value);
	while (json_next(&c, NULL, &item))
		if (json_type_of(item) != JSON_STRING)
			return true;
	return false;
}

static bool has_odd(struct str raw)
{
	struct json_cursor c;
	struct str key = {NULL, 0}, value;
	if (!json_open(&c, raw))
		return false;
	while (json_next(&c, &key, &value))
		if ((c.object && is_odd(key, value)) || has_odd(value))
			return true;
	return false;
}

bool mcp_enums_odd(struct str schema)
{
	/* most have none: looking for the word, or an escape, is cheap */
	bool may = str_has(schema, STR("enum")) ||
		   str_index(schema, '\\') < schema.n;
	return may && has_odd(schema);
}

void mcp_enums_put(struct buf *out, struct str raw)
{
	struct json_cursor c;
	struct str key = {NULL, 0}, value;
	bool comma = false;
	if (!has_odd(raw)) {
		buf_put_str(out, raw);
		return;
	}
	(void)json_open(&c, raw);
	buf_putc(out, c.object ? '{' : '[');
	while (json_next(&c, &key, &value)) {
		if (c.object && is_odd(key, value))
			continue;
		if (comma)
			buf_putc(out, ',');
		comma = true;
		if (c.object) {
			buf_putc(out, '"');
			buf_put_str(out, key);
			buf_puts(out, "\":");
		}
		mcp_enums_put(out, value);
	}
	buf_putc(out, c.object ? '}' : ']');
}
