/* SPDX-License-Identifier: MIT */
/*
 * lib/json_check.c - the validator that both JSON readers stand on.
 *
 * input: untrusted
 *
 * One pass, no recursion, no memory beyond one bit for each level of nesting.
 */
#include "lib/json.h"

#include <string.h>

#include "lib/json_scan.h"
#include "lib/size.h"
#include "lib/utf8.h"

struct checker {
	const char *p;
	const char *end;
	size_t depth;
	unsigned char is_object[JSON_DEPTH_MAX / 8];
	size_t values; /* keys count too */
};

static bool hex4(const char *p, const char *end, uint32_t *out)
{
	if (end - p < 4)
		return false;
	*out = 0;
	for (int i = 0; i < 4; i++) {
		int digit = str_hex_digit(p[i]);
		if (digit < 0)
			return false;
		*out = *out << 4 | (uint32_t)digit;
	}
	return true;
}

/* c->p stands behind the backslash */
static int check_escape(struct checker *c)
{
	uint32_t code, low;
	if (c->p == c->end)
		return JSON_CUT;
	if (*c->p != 'u') {
		if (!memchr("\"\\/bfnrt", *c->p, 8))
			return JSON_SYNTAX;
		c->p++;
		return 0;
	}
	if (!hex4(c->p + 1, c->end, &code))
		return c->end - c->p < 5 ? JSON_CUT : JSON_SYNTAX;
	c->p += 5;
	if (code >= 0xdc00 && code <= 0xdfff)
		return JSON_UTF8;
	if (code < 0xd800 || code > 0xdbff)
		return 0;
	if (c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u' ||
		!hex4(c->p + 2, c->end, &low) || low < 0xdc00 || low > 0xdfff)
		return JSON_UTF8;
	c->p += 6;
	return 0;
}

/* c->p stands behind the opening quote */
static int check_string(struct checker *c)
{
	for (;;) {
		c->p = json_plain_run(c->p, c->end);
		if (c->p == c->end)
			return JSON_CUT;
		if (*c->p == '"') {
			c->p++;
			return 0;
		}
		if (*c->p == '\\') {
			c->p++;
			int r = check_escape(c);
			if (r)
				return r;
			continue;
		}
		if ((unsigned char)*c->p < 0x20)
			return JSON_SYNTAX;
		size_t n = utf8_len(c->p, c->end);
		if (n == 0)
			return JSON_UTF8;
		c->p += n;
	}
}

static bool digits(struct checker *c)
{
	const char *start = c->p;
	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return c->p > start;
}

static int check_number(struct checker *c)
{
	if (*c->p == '-')
		c->p++;
	if (c->p < c->end && *c->p == '0')
		c->p++; /* nothing may follow a leading zero */
	else if (!digits(c))
		return c->p == c->end ? JSON_CUT : JSON_SYNTAX;
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (!digits(c))
			return c->p == c->end ? JSON_CUT : JSON_SYNTAX;
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		if (!digits(c))
			return c->p == c->end ? JSON_CUT : JSON_SYNTAX;
	}
	return 0;
}

static int check_word(struct checker *c, struct str word)
{
	struct str rest = {c->p, (size_t)(c->end - c->p)};
	if (str_starts(rest, word)) {
		c->p += word.n;
		return 0;
	}
	return str_starts(word, rest) ? JSON_CUT : JSON_SYNTAX;
}

static int check_scalar(struct checker *c)
{
	switch (*c->p) {
	case '"':
		c->p++;
		return check_string(c);
	case 't':
		return check_word(c, STR("true"));
	case 'f':
		return check_word(c, STR("false"));
	case 'n':
		return check_word(c, STR("null"));
	default:
		if (*c->p != '-' && (*c->p < '0' || *c->p > '9'))
			return JSON_SYNTAX;
		return check_number(c);
	}
}

static void skip_space(struct checker *c)
{
	c->p = json_skip_space(c->p, c->end);
}

static bool in_object(const struct checker *c)
{
	size_t level = c->depth - 1;
	return c->is_object[level / 8] >> (level % 8) & 1;
}

static int enter(struct checker *c, bool object)
{
	if (c->depth == JSON_DEPTH_MAX)
		return JSON_DEEP;
	size_t level = c->depth++;
	unsigned char bit = (unsigned char)(1u << (level % 8));
	if (object)
		c->is_object[level / 8] |= bit;
	else
		c->is_object[level / 8] &= (unsigned char)~bit;
	c->p++;
	return 0;
}

/* a key and its colon */
static int check_key(struct checker *c)
{
	if (c->p == c->end)
		return JSON_CUT;
	if (*c->p != '"')
		return JSON_SYNTAX;
	c->p++;
	int r = check_string(c);
	if (r)
		return r;
	c->values++;
	skip_space(c);
	if (c->p == c->end)
		return JSON_CUT;
	if (*c->p != ':')
		return JSON_SYNTAX;
	c->p++;
	skip_space(c);
	return 0;
}

/*
 * After a value: closes what ends here, up to the comma that asks for the
 * next value (returns 1) or the end of the outermost one (returns 0).
 */
static int after_value(struct checker *c)
{
	while (c->depth) {
		skip_space(c);
		if (c->p == c->end)
			return JSON_CUT;
		char close = in_object(c) ? '}' : ']';
		if (*c->p == ',') {
			c->p++;
			skip_space(c);
			int r = in_object(c) ? check_key(c) : 0;
			return r ? r : 1;
		}
		if (*c->p != close)
			return JSON_SYNTAX;
		c->p++;
		c->depth--;
	}
	return 0;
}

/* one value or the opening of one; 1: another must follow, 0: all is read */
static int check_value(struct checker *c)
{
	if (c->p == c->end)
		return JSON_CUT;
	c->values++;
	bool object = *c->p == '{';
	if (!object && *c->p != '[') {
		int r = check_scalar(c);
		return r ? r : after_value(c);
	}
	int r = enter(c, object);
	if (r)
		return r;
	skip_space(c);
	if (c->p < c->end && *c->p == (object ? '}' : ']'))
		return after_value(c);
	if (object)
		r = check_key(c);
	return r ? r : 1;
}

int json_check_count(struct str text, size_t *offset, size_t *values)
{
	struct checker c = {.p = text.p, .end = text.p + text.n};
	skip_space(&c);
	int r = c.p == c.end ? JSON_EMPTY : 1;
	while (r == 1)
		r = check_value(&c);
	if (r == 0) {
		skip_space(&c);
		if (c.p != c.end)
			r = JSON_TRAILING;
	}
	if (offset)
		*offset = (size_t)(c.p - text.p);
	*values = c.values;
	return r;
}

int json_check(struct str text, size_t *offset)
{
	size_t values;
	return json_check_count(text, offset, &values);
}

const char *json_error_text(int error)
{
	static const char *const texts[] = {"no error", "nothing but space",
		"unexpected character", "unexpected end",
		"text after the value", "not valid UTF-8", "nested too deeply",
		"the same key twice", "too many values", "out of memory"};
	size_t at = error <= 0 ? (size_t)-error : 0;
	return at < ARRAY_LEN(texts) ? texts[at] : "invalid";
}

void json_locate(struct str text, struct json_where *where)
{
	size_t line_start = 0;
	where->line = 1;
	for (size_t i = 0; i < where->offset && i < text.n; i++) {
		if (text.p[i] != '\n')
			continue;
		where->line++;
		line_start = i + 1;
	}
	where->column = where->offset - line_start + 1;
}
