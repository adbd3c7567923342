/* SPDX-License-Identifier: MIT */
/* lib/json_value.c - raw JSON values compared, counted and measured. */
#include "lib/json_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64, TEXT_MAX = 64 << 20 };

/* a key as the cursor gives it, with the quotes that stand around it */
static struct str quoted(struct str key)
{
	return str_from(key.p - 1, key.n + 2);
}

/* are two raw strings the same text? */
static bool same_text(struct str a, struct str b)
{
	struct buf plain;
	if (str_eq(a, b))
		return true;
	if (str_index(a, '\\') == a.n && str_index(b, '\\') == b.n)
		return false;
	buf_init(&plain, TEXT_MAX);
	json_unquote(&plain, a);
	bool same = !plain.err && json_str_is(b, buf_str(&plain));
	buf_fini(&plain);
	return same;
}

struct str json_member_like(struct str object, struct str key)
{
	struct json_cursor c;
	struct str name, value;
	if (!object.p || !json_open(&c, object))
		return (struct str){NULL, 0};
	while (json_next(&c, &name, &value))
		if (same_text(quoted(name), quoted(key)))
			return value;
	return (struct str){NULL, 0};
}

bool json_double(struct str raw, double *out)
{
	char text[NUMBER_MAX];
	if (raw.n >= sizeof(text))
		return false;
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	*out = strtod(text, NULL);
	return isfinite(*out);
}

static bool same_number(struct str a, struct str b)
{
	double x, y;
	if (str_eq(a, b))
		return true;
	return json_double(a, &x) && json_double(b, &y) && x == y;
}

size_t json_members(struct str container)
{
	struct json_cursor c;
	struct str value;
	size_t n = 0;
	if (json_open(&c, container))
		while (json_next(&c, NULL, &value))
			n++;
	return n;
}

static bool same_members(struct str a, struct str b)
{
	struct json_cursor c;
	struct str key, value;
	(void)json_open(&c, a);
	while (json_next(&c, &key, &value)) {
		struct str other = json_member_like(b, key);
		if (!other.p || !json_same(value, other))
			return false;
	}
	return true;
}

static bool same_elements(struct str a, struct str b)
{
	struct json_cursor ca, cb;
	struct str va, vb;
	(void)json_open(&ca, a);
	(void)json_open(&cb, b);
	while (json_next(&ca, NULL, &va) && json_next(&cb, NULL, &vb))
		if (!json_same(va, vb))
			return false;
	return true;
}

bool json_same(struct str a, struct str b)
{
	enum json_type type = json_type_of(a);
	if (type != json_type_of(b))
		return false;
	switch (type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return str_eq(a, b);
	case JSON_NUMBER:
		return same_number(a, b);
	case JSON_STRING:
		return same_text(a, b);
	case JSON_ARRAY:
		return json_members(a) == json_members(b) &&
		       same_elements(a, b);
	case JSON_OBJECT:
		return json_members(a) == json_members(b) && same_members(a, b);
	}
	return false;
}

size_t json_text_length(struct str raw)
{
	struct buf plain;
	size_t n = 0;
	buf_init(&plain, TEXT_MAX);
	json_unquote(&plain, raw);
	struct str text = buf_str(&plain);
	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	buf_fini(&plain);
	return n;
}
