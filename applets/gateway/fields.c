/* SPDX-License-Identifier: MIT */
/* applets/gateway/fields.c - reading JSON bodies. input: untrusted */
#include "applets/gateway/fields.h"

#include <string.h>

#include "applets/gateway/gateway.h"
#include "lib/fmt.h"

#define SECONDS_MAX (366ULL * 86400)

void fields_enter(struct fields *f, const char *key)
{
	if (f->depth < INVALID_PLACE_MAX)
		fmt_str(f->place[f->depth], sizeof(f->place[0]), "\"%s\"", key);
	f->depth++;
}

void fields_enter_index(struct fields *f, size_t index)
{
	if (f->depth < INVALID_PLACE_MAX)
		fmt_str(f->place[f->depth], sizeof(f->place[0]), "%zu", index);
	f->depth++;
}

void fields_leave(struct fields *f)
{
	f->depth--;
}

bool fields_fail(struct fields *f, const char *type, const char *message)
{
	if (f->failed)
		return false;
	f->failed = true;
	f->bad = (struct invalid){.type = type, .message = message};
	for (size_t i = 0; i < f->depth && i < INVALID_PLACE_MAX; i++)
		memcpy(f->bad_place[i], f->place[i], sizeof(f->place[i]));
	for (size_t i = f->depth; i < INVALID_PLACE_MAX; i++)
		f->bad_place[i][0] = '\0';
	return false;
}

static bool wrong_type(struct fields *f, enum json_type type)
{
	switch (type) {
	case JSON_STRING:
		return fields_fail(
			f, "string_type", "Input should be a valid string");
	case JSON_ARRAY:
		return fields_fail(
			f, "list_type", "Input should be a valid list");
	case JSON_OBJECT:
		return fields_fail(f, "model_attributes_type",
			"Input should be an object");
	case JSON_BOOL:
		return fields_fail(
			f, "bool_parsing", "Input should be true or false");
	case JSON_NUMBER:
	case JSON_NULL:
		break;
	}
	return fields_fail(f, "float_type", "Input should be a valid number");
}

bool fields_get(struct fields *f, struct str object, const char *key,
	enum json_type type, struct str *value)
{
	bool ok = true;
	*value = json_member(object, key);
	if (value->p && json_type_of(*value) == JSON_NULL)
		value->p = NULL;
	if (!value->p)
		return true;
	fields_enter(f, key);
	if (json_type_of(*value) != type)
		ok = wrong_type(f, type);
	else if (type == JSON_STRING && json_has_nul(*value))
		ok = fields_fail(f, "value_error",
			"Value error, it must not contain NUL");
	fields_leave(f);
	return ok;
}

bool fields_need(struct fields *f, struct str object, const char *key,
	enum json_type type, struct str *value)
{
	if (!fields_get(f, object, key, type, value))
		return false;
	if (value->p)
		return true;
	fields_enter(f, key);
	if (json_member(object, key).p)
		wrong_type(f, type);
	else
		fields_fail(f, "missing", "Field required");
	fields_leave(f);
	return false;
}

bool fields_seconds(
	struct fields *f, struct str object, const char *key, uint64_t *ms)
{
	struct str value;
	uint64_t whole, part = 0;
	if (!fields_get(f, object, key, JSON_NUMBER, &value))
		return false;
	if (!value.p)
		return true;
	struct str rest = value;
	bool ok =
		str_to_u64(str_cut(&rest, '.'), &whole) && whole <= SECONDS_MAX;
	for (size_t i = 0; ok && rest.p && i < rest.n; i++)
		ok = rest.p[i] >= '0' && rest.p[i] <= '9';
	for (size_t i = 0; ok && i < 3; i++)
		part = part * 10 +
		       (rest.p && i < rest.n ? (uint64_t)(rest.p[i] - '0') : 0);
	if (!ok) {
		fields_enter(f, key);
		fields_fail(f, "value_error",
			"Value error, it must be seconds between 0 and a year, "
			"like 1.5");
		fields_leave(f);
		return false;
	}
	*ms = whole * 1000 + part;
	return true;
}

static char *copy_of(struct arena *a, struct str raw, bool trim)
{
	struct buf text;
	buf_init(&text, raw.n);
	json_unquote(&text, raw);
	struct str all = buf_str(&text);
	char *copy = text.err ? NULL : arena_dup(a, trim ? str_trim(all) : all);
	buf_fini(&text);
	return copy;
}

char *fields_copy(struct arena *a, struct str raw)
{
	return copy_of(a, raw, false);
}

char *fields_copy_trimmed(struct arena *a, struct str raw)
{
	return copy_of(a, raw, true);
}

void fields_refuse(const struct fields *f, struct http_exchange *x)
{
	struct buf body;
	struct invalid bad = f->bad;
	for (size_t i = 0; i < INVALID_PLACE_MAX && f->bad_place[i][0]; i++)
		bad.place[i] = str_of(f->bad_place[i]);
	buf_init(&body, 8192);
	invalid_put(&body, &bad);
	http_reply(x, 422, "application/json", buf_str(&body));
	buf_fini(&body);
}

bool fields_body(struct http_exchange *x, struct str body, bool optional,
	struct str *object)
{
	int bad = body.n || !optional ? json_check(body, NULL) : 0;
	*object = STR("{}");
	if (body.n == 0 && !optional) {
		reply_invalid(x, "missing", NULL, "Field required");
		return false;
	}
	if (bad) {
		reply_invalid(x, "json_invalid", NULL, json_error_text(bad));
		return false;
	}
	if (body.n == 0)
		return true;
	/* json_check() took blanks around the value */
	while (body.n && strchr(" \t\r\n", *body.p))
		body = str_from_index(body, 1);
	if (json_type_of(body) == JSON_NULL && optional)
		return true;
	if (json_type_of(body) != JSON_OBJECT) {
		reply_invalid(x, "model_attributes_type", NULL,
			optional ? "the body must be an object, null or empty"
				 : "the body must be an object");
		return false;
	}
	*object = body;
	return true;
}
