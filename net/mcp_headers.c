/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_headers.c - the headers that repeat what a modern request says.
 *
 * input: untrusted
 */
#include "net/mcp_headers.h"

#include "lib/base64.h"
#include "lib/fmt.h"
#include "lib/size.h"
#include "lib/utf8.h"

enum {
	VALUE_MAX = 65536,
	NAME_MAX = 128,
	SCHEMA_DEPTH_MAX = 16,
	MARKS_MAX = 64, /* marked properties of one tool */
};

#define PREFIX "=?base64?"
#define SUFFIX "?="

/* ----------------------------------------------------------------- values */

static bool is_encoded(struct str value)
{
	return value.n >= sizeof(PREFIX SUFFIX) - 1 &&
	       str_starts(value, STR(PREFIX)) && str_ends(value, STR(SUFFIX));
}

static bool is_utf8(struct str text)
{
	const char *p = text.p, *end = text.p + text.n;
	while (p < end) {
		size_t n = utf8_len(p, end);
		if (!n)
			return false;
		p += n;
	}
	return true;
}

bool mcp_header_decode(struct buf *out, struct str value)
{
	size_t before = out->n;
	value = str_trim(value);
	if (!is_encoded(value)) {
		buf_put_str(out, value);
		return !out->err && is_utf8(value);
	}
	value = str_from_index(value, sizeof(PREFIX) - 1);
	value = str_first(value, value.n - (sizeof(SUFFIX) - 1));
	/* padding is not optional here, and blanks are no part of it */
	if (value.n % 4 != 0 || str_has(value, STR(" ")) ||
		str_has(value, STR("\t")) || !base64_get(out, value))
		return false;
	return !out->err && is_utf8(str_from_index(buf_str(out), before));
}

void mcp_header_encode(struct buf *out, struct str text)
{
	bool plain = !is_encoded(text) && str_trim(text).n == text.n;
	for (size_t i = 0; plain && i < text.n; i++)
		plain = text.p[i] >= ' ' && text.p[i] < 0x7f;
	if (plain) {
		buf_put_str(out, text);
		return;
	}
	buf_puts(out, PREFIX);
	base64_put(out, text);
	buf_puts(out, SUFFIX);
}

/* does the header mean this raw string? */
static bool means_string(struct str value, struct str raw)
{
	struct buf plain;
	buf_init(&plain, VALUE_MAX);
	bool same = mcp_header_decode(&plain, value) &&
		    json_str_is(raw, buf_str(&plain));
	buf_fini(&plain);
	return same;
}

/* a whole number without its sign, leading zeros and empty fraction */
static bool read_whole(struct str text, bool *negative, uint64_t *out)
{
	*negative = text.n && *text.p == '-';
	if (*negative)
		text = str_from_index(text, 1);
	size_t dot = str_index(text, '.');
	for (size_t i = dot + 1; i < text.n; i++)
		if (text.p[i] != '0')
			return false;
	return str_to_u64(str_first(text, dot), out);
}

static bool means_number(struct str value, struct str raw)
{
	bool minus[2];
	uint64_t n[2];
	value = str_trim(value);
	if (str_eq(value, raw))
		return true;
	return read_whole(value, &minus[0], &n[0]) &&
	       read_whole(raw, &minus[1], &n[1]) && n[0] == n[1] &&
	       (minus[0] == minus[1] || n[0] == 0);
}

/* ------------------------------------------------------- method and subject */

struct str mcp_header_subject(const struct jsonrpc *m)
{
	static const struct {
		const char *method, *param;
	} subjects[] = {
		{"tools/call", "name"},
		{"prompts/get", "name"},
		{"resources/read", "uri"},
		{"tasks/get", "taskId"},
		{"tasks/update", "taskId"},
		{"tasks/cancel", "taskId"},
	};
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
		if (jsonrpc_is(m, subjects[i].method))
			return m->params.p ? json_member(m->params,
						     subjects[i].param)
					   : m->params;
	return (struct str){NULL, 0};
}

const char *mcp_headers_check(
	const struct http_head *head, const struct jsonrpc *m)
{
	struct str method = http_field(head, "Mcp-Method");
	struct str name = http_field(head, "Mcp-Name");
	struct str raw = mcp_header_subject(m);
	struct str quoted = str_from(m->method.p - 1, m->method.n + 2);
	if (!method.p)
		return "the header Mcp-Method is missing";
	if (!json_str_is(quoted, str_trim(method)))
		return "the header Mcp-Method is not the method of the body";
	/* a request without its name is refused for that, later */
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return NULL;
	if (!name.p)
		return "the header Mcp-Name is missing";
	if (!means_string(name, raw))
		return "the header Mcp-Name is not the name in the body";
	return NULL;
}

/* ---------------------------------------------------------------- arguments */

struct check {
	const struct http_head *head;
	size_t marks;
};

/* a marked property, and its argument (p == NULL: absent) */
static const char *check_mark(
	struct check *c, struct str mark, struct str argument)
{
	char field[NAME_MAX + 16];
	struct buf name;
	if (json_type_of(mark) != JSON_STRING || ++c->marks > MARKS_MAX)
		return NULL;
	buf_init(&name, NAME_MAX);
	json_unquote(&name, mark);
	bool usable = !name.err && name.n && !json_has_nul(mark);
	(void)fmt_str(field, sizeof(field), "Mcp-Param-%.*s",
		STR_FMT(buf_str(&name)));
	buf_fini(&name);
	if (!usable)
		return NULL;
	struct str value = http_field(c->head, field);
	if (!argument.p || json_type_of(argument) == JSON_NULL)
		return value.p ? "an Mcp-Param header has no argument in the "
				 "body"
			       : NULL;
	if (!value.p)
		return "an Mcp-Param header of the tool is missing";
	bool same = false;
	switch (json_type_of(argument)) {
	case JSON_STRING:
		same = means_string(value, argument);
		break;
	case JSON_NUMBER:
		same = means_number(value, argument);
		break;
	case JSON_BOOL:
		same = str_eq(str_trim(value), argument);
		break;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		return NULL; /* no header can repeat it: the tool will object */
	}
	return same ? NULL
		    : "an Mcp-Param header is not the argument in the "
		      "body";
}

/* a schema nests, as deep as SCHEMA_DEPTH_MAX */
static const char *check_properties(
	struct check *c, struct str schema, struct str arguments, int depth)
{
	static const char *const names[] = {"x-mcp-header", "properties"};
	struct json_cursor cursor;
	struct str properties = json_member(schema, "properties");
	struct str key, property, v[2];
	if (!properties.p || depth > SCHEMA_DEPTH_MAX ||
		!json_open(&cursor, properties) || !cursor.object)
		return NULL;
	while (json_next(&cursor, &key, &property)) {
		struct str argument = {NULL, 0};
		struct buf name;
		const char *why = NULL;
		if (!json_pick(property, names, v, 2) || (!v[0].p && !v[1].p))
			continue;
		buf_init(&name, VALUE_MAX);
		json_unquote(&name, str_from(key.p - 1, key.n + 2));
		if (arguments.p && json_type_of(arguments) == JSON_OBJECT &&
			!json_has_nul(str_from(key.p - 1, key.n + 2)))
			argument = json_member(arguments, buf_cstr(&name));
		buf_fini(&name);
		if (v[0].p)
			why = check_mark(c, v[0], argument);
		if (!why && v[1].p)
			why = check_properties(
				c, property, argument, depth + 1);
		if (why)
			return why;
	}
	return NULL;
}

const char *mcp_headers_check_params(
	const struct http_head *head, struct str schema, struct str arguments)
{
	struct check c = {.head = head};
	return check_properties(&c, schema, arguments, 0);
}
