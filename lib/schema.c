/* SPDX-License-Identifier: MIT */
/*
 * lib/schema.c - JSON Schema: what is checked of a schema, and by one.
 *
 * input: untrusted
 *
 * The schema is interpreted as the text it is: a call is a process, so there
 * is nothing to win by compiling it. Depth is bounded by JSON_DEPTH_MAX,
 * which the texts have passed.
 */
#include "lib/schema.h"

#include <math.h>

#include "lib/json_value.h"
#include "lib/size.h"

/* where in a text we are: from the innermost place outwards */
struct place {
	const struct place *outer;
	struct str key; /* raw, without quotes; p == NULL: an index */
	size_t index;
};

static void put_place(struct buf *out, const struct place *at)
{
	if (!at)
		return;
	put_place(out, at->outer);
	if (at->key.p) {
		buf_putc(out, '.');
		buf_put_str(out, str_first(at->key, 200));
	} else {
		buf_putf(out, "[%zu]", at->index);
	}
}

static bool refuse(struct buf *why, const struct place *at, const char *text)
{
	buf_reset(why);
	if (at) {
		size_t before = why->n;
		put_place(why, at);
		/* the first name needs no dot */
		if (why->n > before && *buf_at(why, before) == '.')
			buf_consume(why, 1);
		buf_puts(why, ": ");
	}
	buf_puts(why, text);
	return false;
}

static bool refuse_value(struct buf *why, const struct place *at,
	const char *text, struct str what)
{
	struct buf b;
	buf_init(&b, 2048);
	buf_puts(&b, text);
	buf_put_str(&b, str_first(what, 1000));
	refuse(why, at, buf_cstr(&b));
	buf_fini(&b);
	return false;
}

/* -------------------------------------------------------- one keyword each */

/* what a keyword sees */
struct rule {
	struct str schema; /* the whole, for keywords that belong together */
	struct str value;  /* of the keyword */
	struct str given;  /* the value that is validated */
	const struct place *at;
	struct buf *why;
};

typedef bool rule_fn(const struct rule *r);

static bool validate(struct str schema, struct str given,
	const struct place *at, struct buf *why);

static const char *const types[] = {
	"null", "boolean", "number", "string", "array", "object", "integer"};

static bool is_integer(struct str raw)
{
	double x;
	if (str_index(raw, '.') == raw.n && str_index(raw, 'e') == raw.n &&
		str_index(raw, 'E') == raw.n)
		return true;
	if (!json_double(raw, &x))
		return false;
	/* from 2^53 on there are no others */
	const double huge = 9007199254740992.0;
	return x >= huge || x <= -huge || (double)(int64_t)x == x;
}

static bool has_type(struct str given, struct str type)
{
	enum json_type have = json_type_of(given);
	if (json_str_is(type, STR("integer")))
		return have == JSON_NUMBER && is_integer(given);
	return json_str_is(type, str_of(types[have]));
}

static bool keep_type(const struct rule *r)
{
	struct json_cursor c;
	struct str one;
	if (json_type_of(r->value) == JSON_STRING) {
		if (has_type(r->given, r->value))
			return true;
	} else if (json_open(&c, r->value)) {
		while (json_next(&c, NULL, &one))
			if (has_type(r->given, one))
				return true;
	}
	return refuse_value(r->why, r->at, "must be of type ", r->value);
}

static bool keep_enum(const struct rule *r)
{
	struct json_cursor c;
	struct str one;
	(void)json_open(&c, r->value);
	while (json_next(&c, NULL, &one))
		if (json_same(one, r->given))
			return true;
	return refuse_value(r->why, r->at, "must be one of ", r->value);
}

static bool keep_const(const struct rule *r)
{
	return json_same(r->value, r->given) ||
	       refuse_value(r->why, r->at, "must be ", r->value);
}

static bool keep_required(const struct rule *r)
{
	struct json_cursor c;
	struct str name;
	if (json_type_of(r->given) != JSON_OBJECT)
		return true;
	(void)json_open(&c, r->value);
	while (json_next(&c, NULL, &name)) {
		struct str key = str_from(name.p + 1, name.n - 2);
		if (!json_member_like(r->given, key).p)
			return refuse_value(r->why, r->at, "needs ", name);
	}
	return true;
}

static bool keep_properties(const struct rule *r)
{
	struct json_cursor c;
	struct str key, value;
	if (json_type_of(r->given) != JSON_OBJECT)
		return true;
	(void)json_open(&c, r->given);
	while (json_next(&c, &key, &value)) {
		const struct place at = {.outer = r->at, .key = key};
		struct str schema = json_member_like(r->value, key);
		if (schema.p && !validate(schema, value, &at, r->why))
			return false;
	}
	return true;
}

static bool keep_additional(const struct rule *r)
{
	struct json_cursor c;
	struct str key, value;
	struct str known = json_member(r->schema, "properties");
	if (json_type_of(r->given) != JSON_OBJECT)
		return true;
	(void)json_open(&c, r->given);
	while (json_next(&c, &key, &value)) {
		const struct place at = {.outer = r->at, .key = key};
		if (json_member_like(known, key).p)
			continue;
		if (str_is(r->value, "false"))
			return refuse(r->why, &at, "is not known here");
		if (!validate(r->value, value, &at, r->why))
			return false;
	}
	return true;
}

static bool keep_items(const struct rule *r)
{
	struct json_cursor c;
	struct str value;
	struct place at = {.outer = r->at};
	if (json_type_of(r->given) != JSON_ARRAY)
		return true;
	(void)json_open(&c, r->given);
	for (; json_next(&c, NULL, &value); at.index++)
		if (!validate(r->value, value, &at, r->why))
			return false;
	return true;
}

/* how large is it, when it is of the type that a limit is about? */
static bool measure(const struct rule *r, enum json_type type, double *out)
{
	if (json_type_of(r->given) != type)
		return false;
	if (type == JSON_NUMBER) {
		if (!json_double(r->given, out))
			*out = r->given.p[0] == '-' ? -HUGE_VAL : HUGE_VAL;
	} else if (type == JSON_STRING) {
		*out = (double)json_text_length(r->given);
	} else {
		*out = (double)json_members(r->given);
	}
	return true;
}

static bool at_least(
	const struct rule *r, enum json_type type, const char *text)
{
	double have, limit;
	if (!measure(r, type, &have))
		return true;
	return (json_double(r->value, &limit) && have >= limit) ||
	       refuse_value(r->why, r->at, text, r->value);
}

static bool at_most(const struct rule *r, enum json_type type, const char *text)
{
	double have, limit;
	if (!measure(r, type, &have))
		return true;
	return (json_double(r->value, &limit) && have <= limit) ||
	       refuse_value(r->why, r->at, text, r->value);
}

static bool keep_minimum(const struct rule *r)
{
	return at_least(r, JSON_NUMBER, "must be at least ");
}

static bool keep_maximum(const struct rule *r)
{
	return at_most(r, JSON_NUMBER, "must be at most ");
}

static bool keep_above(const struct rule *r)
{
	double have, limit;
	if (!measure(r, JSON_NUMBER, &have))
		return true;
	return (json_double(r->value, &limit) && have > limit) ||
	       refuse_value(r->why, r->at, "must be above ", r->value);
}

static bool keep_below(const struct rule *r)
{
	double have, limit;
	if (!measure(r, JSON_NUMBER, &have))
		return true;
	return (json_double(r->value, &limit) && have < limit) ||
	       refuse_value(r->why, r->at, "must be below ", r->value);
}

static bool keep_min_length(const struct rule *r)
{
	return at_least(r, JSON_STRING, "must have at least this length: ");
}

static bool keep_max_length(const struct rule *r)
{
	return at_most(r, JSON_STRING, "must have at most this length: ");
}

static bool keep_min_items(const struct rule *r)
{
	return at_least(r, JSON_ARRAY, "must have at least so many items: ");
}

static bool keep_max_items(const struct rule *r)
{
	return at_most(r, JSON_ARRAY, "must have at most so many items: ");
}

static bool keep_min_properties(const struct rule *r)
{
	return at_least(r, JSON_OBJECT, "must have at least so many members: ");
}

static bool keep_max_properties(const struct rule *r)
{
	return at_most(r, JSON_OBJECT, "must have at most so many members: ");
}

/* how many of a list of schemas does the value keep to? */
static size_t kept(const struct rule *r)
{
	struct json_cursor c;
	struct str schema;
	size_t n = 0;
	(void)json_open(&c, r->value);
	while (json_next(&c, NULL, &schema))
		n += validate(schema, r->given, r->at, r->why);
	return n;
}

static bool keep_all(const struct rule *r)
{
	return kept(r) == json_members(r->value);
}

static bool keep_any(const struct rule *r)
{
	return kept(r) > 0 ||
	       refuse(r->why, r->at, "keeps to none of its alternatives");
}

static bool keep_one(const struct rule *r)
{
	return kept(r) == 1 ||
	       refuse(r->why, r->at, "must keep to one of its alternatives");
}

static bool keep_not(const struct rule *r)
{
	return !validate(r->value, r->given, r->at, r->why) ||
	       refuse_value(r->why, r->at, "must not be ", r->value);
}

/* -------------------------------------------------------------- keywords */

/* what a keyword's own value must be */
enum shape {
	ANYTHING,
	TYPE,    /* a type's name, or a list of such */
	LIST,    /* of anything, not empty */
	NAMES,   /* a list of strings */
	NUMBER,  /* that a double holds */
	LENGTH,  /* a whole number, not negative */
	SCHEMA,  /* a schema, or true or false */
	SCHEMAS, /* a list of schemas, not empty */
	MEMBERS, /* an object of schemas */
};

struct keyword {
	const char *name;
	enum shape shape;
	rule_fn *keep; /* NULL: an annotation */
};

static const struct keyword keywords[] = {
	{"type", TYPE, keep_type},
	{"enum", LIST, keep_enum},
	{"const", ANYTHING, keep_const},
	{"required", NAMES, keep_required},
	{"properties", MEMBERS, keep_properties},
	{"additionalProperties", SCHEMA, keep_additional},
	{"minProperties", LENGTH, keep_min_properties},
	{"maxProperties", LENGTH, keep_max_properties},
	{"items", SCHEMA, keep_items},
	{"minItems", LENGTH, keep_min_items},
	{"maxItems", LENGTH, keep_max_items},
	{"minLength", LENGTH, keep_min_length},
	{"maxLength", LENGTH, keep_max_length},
	{"minimum", NUMBER, keep_minimum},
	{"maximum", NUMBER, keep_maximum},
	{"exclusiveMinimum", NUMBER, keep_above},
	{"exclusiveMaximum", NUMBER, keep_below},
	{"allOf", SCHEMAS, keep_all},
	{"anyOf", SCHEMAS, keep_any},
	{"oneOf", SCHEMAS, keep_one},
	{"not", SCHEMA, keep_not},
	{"title", ANYTHING, NULL},
	{"description", ANYTHING, NULL},
	{"default", ANYTHING, NULL},
	{"examples", ANYTHING, NULL},
	{"format", ANYTHING, NULL},
	{"deprecated", ANYTHING, NULL},
	{"readOnly", ANYTHING, NULL},
	{"writeOnly", ANYTHING, NULL},
	{"$schema", ANYTHING, NULL},
	{"$id", ANYTHING, NULL},
	{"$comment", ANYTHING, NULL},
};

static const struct keyword *find_keyword(struct str key)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (json_key_is(key, keywords[i].name))
			return &keywords[i];
	return NULL;
}

static bool validate(struct str schema, struct str given,
	const struct place *at, struct buf *why)
{
	struct json_cursor c;
	struct str key, value;
	if (!json_open(&c, schema))
		return str_is(schema, "true") ||
		       refuse(why, at, "must not be given");
	while (json_next(&c, &key, &value)) {
		const struct keyword *k = find_keyword(key);
		const struct rule r = {.schema = schema,
			.value = value,
			.given = given,
			.at = at,
			.why = why};
		if (k && k->keep && !k->keep(&r))
			return false;
	}
	return true;
}

bool schema_validate(struct str schema, struct str value, struct buf *why)
{
	return validate(schema, value, NULL, why);
}

/* ---------------------------------------------------- is it usable at all? */

static bool check(struct str schema, const struct place *at, struct buf *why);

static bool check_type(struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (json_type_of(value) == JSON_STRING &&
			json_str_is(value, str_of(types[i])))
			return true;
	return false;
}

static bool check_types(
	struct str value, const struct place *at, struct buf *why)
{
	struct json_cursor c;
	struct str one;
	bool good = check_type(value);
	if (json_type_of(value) == JSON_ARRAY && json_members(value)) {
		good = true;
		(void)json_open(&c, value);
		while (json_next(&c, NULL, &one))
			good = good && check_type(one);
	}
	return good || refuse(why, at,
			       "must be null, boolean, number, integer, "
			       "string, array or object, or a list of them");
}

static bool check_names(
	struct str value, const struct place *at, struct buf *why)
{
	struct json_cursor c;
	struct str one;
	bool good = json_type_of(value) == JSON_ARRAY;
	(void)json_open(&c, value);
	while (good && json_next(&c, NULL, &one))
		good = json_type_of(one) == JSON_STRING;
	return good || refuse(why, at, "must be a list of names");
}

static bool check_list(
	struct str value, const struct place *at, struct buf *why)
{
	return (json_type_of(value) == JSON_ARRAY && json_members(value)) ||
	       refuse(why, at, "must be a list that is not empty");
}

static bool check_schemas(
	struct str value, const struct place *at, struct buf *why)
{
	struct json_cursor c;
	struct str one;
	struct place inner = {.outer = at};
	if (!check_list(value, at, why))
		return false;
	(void)json_open(&c, value);
	for (; json_next(&c, NULL, &one); inner.index++)
		if (!check(one, &inner, why))
			return false;
	return true;
}

static bool check_members(
	struct str value, const struct place *at, struct buf *why)
{
	struct json_cursor c;
	struct str key, one;
	if (json_type_of(value) != JSON_OBJECT)
		return refuse(why, at, "must be an object of schemas");
	(void)json_open(&c, value);
	while (json_next(&c, &key, &one)) {
		const struct place inner = {.outer = at, .key = key};
		if (!check(one, &inner, why))
			return false;
	}
	return true;
}

static bool check_number(
	struct str value, const struct place *at, struct buf *why)
{
	double x;
	return (json_type_of(value) == JSON_NUMBER && json_double(value, &x)) ||
	       refuse(why, at, "must be a number");
}

static bool check_length(
	struct str value, const struct place *at, struct buf *why)
{
	uint64_t n;
	return json_u64(value, &n) ||
	       refuse(why, at, "must be a whole number, 0 or more");
}

static bool check_shape(enum shape shape, struct str value,
	const struct place *at, struct buf *why)
{
	switch (shape) {
	case ANYTHING:
		return true;
	case TYPE:
		return check_types(value, at, why);
	case LIST:
		return check_list(value, at, why);
	case NAMES:
		return check_names(value, at, why);
	case NUMBER:
		return check_number(value, at, why);
	case LENGTH:
		return check_length(value, at, why);
	case SCHEMA:
		return check(value, at, why);
	case SCHEMAS:
		return check_schemas(value, at, why);
	case MEMBERS:
		return check_members(value, at, why);
	}
	return false;
}

static bool check(struct str schema, const struct place *at, struct buf *why)
{
	struct json_cursor c;
	struct str key, value;
	if (json_type_of(schema) == JSON_BOOL)
		return true;
	if (json_type_of(schema) != JSON_OBJECT)
		return refuse(why, at, "must be a schema (an object)");
	(void)json_open(&c, schema);
	while (json_next(&c, &key, &value)) {
		const struct place inner = {.outer = at, .key = key};
		const struct keyword *k = find_keyword(key);
		if (!k && str_starts(key, STR("x-")))
			continue;
		if (!k)
			return refuse(why, &inner,
				"this keyword is not supported, and ignoring "
				"it would let through what it forbids");
		if (!check_shape(k->shape, value, &inner, why))
			return false;
	}
	return true;
}

bool schema_check(struct str schema, struct buf *why)
{
	return check(schema, NULL, why);
}
