/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/json_fuzz.c - any bytes as JSON: the readers agree.
 *
 * What json_check() accepts, json_parse() indexes (or finds a key twice), and
 * cursors see the same members in the same order. Every string comes back
 * from being unquoted and quoted. A text that was accepted is not accepted
 * when its end is missing.
 */
#include "lib/json.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/mem.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_string(struct str raw)
{
	struct buf text, again, back;
	buf_init(&text, raw.n);
	buf_init(&again, 6 * raw.n + 2);
	buf_init(&back, raw.n);
	json_unquote(&text, raw);
	MUST(text.err == 0);
	MUST(json_str_is(raw, buf_str(&text)));
	json_quote(&again, buf_str(&text));
	MUST(json_check(buf_str(&again), NULL) == 0);
	json_unquote(&back, buf_str(&again));
	MUST(str_eq(buf_str(&text), buf_str(&back)));
	char *cstr = json_cstr(raw);
	bool nul = str_index(buf_str(&text), '\0') < text.n;
	MUST(nul == !cstr);
	MUST(!cstr || str_is(buf_str(&text), cstr));
	mem_free(cstr);
	buf_fini(&text);
	buf_fini(&again);
	buf_fini(&back);
}

static void check_number(struct str raw)
{
	uint64_t v;
	if (json_u64(raw, &v))
		MUST(str_index(raw, '-') == raw.n);
}

/* the member that a cursor saw is the one at `at` of the document */
static void check_same(const struct json_doc *d, int at, struct str value)
{
	struct str raw = json_raw(d, at);
	MUST(raw.p == value.p && raw.n == value.n);
	if (json_type(d, at) == JSON_STRING)
		check_string(raw);
	else if (json_type(d, at) == JSON_NUMBER)
		check_number(raw);
}

static void check_members(const struct json_doc *d, int at)
{
	struct json_cursor c;
	struct str key, value;
	size_t count = 0;
	if (!json_open(&c, json_raw(d, at))) {
		MUST(json_type(d, at) < JSON_ARRAY);
		return;
	}
	int child = json_first(d, at);
	while (json_next(&c, &key, &value)) {
		MUST(child != JSON_NONE);
		int v = child;
		if (c.object) {
			struct str raw = json_raw(d, child);
			MUST(raw.p + 1 == key.p && raw.n == key.n + 2);
			check_string(raw);
			v = json_value(d, child);
		}
		check_same(d, v, value);
		child = json_after(d, child);
		count++;
	}
	MUST(child == JSON_NONE);
	MUST(count == json_count(d, at));
	MUST(!json_next(&c, &key, &value));
}

/* a name of an object leads to the same value by every road */
static void check_lookup(const struct json_doc *d, int object, int key)
{
	char *name = json_cstr(json_raw(d, key));
	if (!name)
		return;
	const char *const names[] = {name};
	struct str picked;
	struct str want = json_raw(d, json_value(d, key));
	MUST(json_get(d, object, name) == json_value(d, key));
	MUST(json_member(json_raw(d, object), name).p == want.p);
	MUST(json_pick(json_raw(d, object), names, &picked, 1));
	MUST(picked.p == want.p && picked.n == want.n);
	mem_free(name);
}

static void check_document(const struct json_doc *d)
{
	enum { LOOKUPS = 16 };
	for (size_t i = 0; i < d->ntokens; i++) {
		int at = (int)i;
		struct str raw = json_raw(d, at);
		MUST(json_check(raw, NULL) == 0);
		check_members(d, at);
		if (json_type(d, at) != JSON_OBJECT)
			continue;
		int key = json_first(d, at);
		for (int n = 0; key != JSON_NONE && n < LOOKUPS; n++) {
			check_lookup(d, at, key);
			key = json_after(d, key);
		}
	}
}

static void check_cuts(struct str text)
{
	struct str inner = text;
	while (inner.n && strchr(" \t\r\n", inner.p[inner.n - 1]))
		inner.n--;
	if (!strchr("]}\"", inner.p[inner.n - 1]))
		return;
	for (size_t n = 0; n < inner.n; n += 1 + n / 64)
		MUST(json_check(str_first(text, n), NULL) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json_doc d;
	struct json_where where;
	size_t offset = SIZE_MAX;
	struct str text = str_from((const char *)data, n);
	int r = json_check(text, &offset);
	MUST(offset <= n);
	int parsed = json_parse(&d, text, 1 << 20, &where);
	if (r) {
		MUST(parsed == r && where.offset == offset);
		MUST(where.line >= 1 && where.column >= 1);
		return 0;
	}
	MUST(offset == n);
	if (n < 4096)
		check_cuts(text);
	if (parsed) {
		MUST(parsed == JSON_DUPLICATE && where.offset < n);
		return 0;
	}
	if (d.ntokens < 2000)
		check_document(&d);
	json_free(&d);
	return 0;
}
