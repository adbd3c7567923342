/* SPDX-License-Identifier: MIT */
/* tests/unit/json_test.c - JSON documents, cursors, scalars and the writer. */
#include "lib/json.h"

#include "lib/mem.h"
#include "lib/size.h"
#include "lib/utf8.h"
#include "tests/unit/test.h"

static struct json_doc doc;
static struct json_where where;

static int parse(const char *text)
{
	return json_parse(&doc, str_of(text), 100000, &where);
}

static void check_raw(struct str raw, const char *want)
{
	CHECK_STR(raw.p, raw.n, want);
}

TEST(json_document_is_walked)
{
	CHECK_EQ(
		parse(" {\"a\":[1,{\"x\":[]},\"s\"],\"b\":{},\"c\":-1e5} "), 0);
	CHECK_EQ(json_type(&doc, 0), JSON_OBJECT);
	CHECK_EQ(json_count(&doc, 0), 3);
	int a = json_get(&doc, 0, "a");
	CHECK_EQ(json_type(&doc, a), JSON_ARRAY);
	CHECK_EQ(json_count(&doc, a), 3);
	check_raw(json_raw(&doc, a), "[1,{\"x\":[]},\"s\"]");
	int e = json_first(&doc, a);
	check_raw(json_raw(&doc, e), "1");
	e = json_after(&doc, e);
	check_raw(json_raw(&doc, e), "{\"x\":[]}");
	CHECK_EQ(json_first(&doc, json_get(&doc, e, "x")), JSON_NONE);
	e = json_after(&doc, e);
	check_raw(json_raw(&doc, e), "\"s\"");
	CHECK_EQ(json_after(&doc, e), JSON_NONE);
	int key = json_first(&doc, 0);
	check_raw(json_raw(&doc, key), "\"a\"");
	CHECK_EQ(json_value(&doc, key), a);
	key = json_after(&doc, key);
	check_raw(json_raw(&doc, key), "\"b\"");
	CHECK_EQ(json_first(&doc, json_value(&doc, key)), JSON_NONE);
	key = json_after(&doc, key);
	check_raw(json_raw(&doc, json_value(&doc, key)), "-1e5");
	CHECK_EQ(json_after(&doc, key), JSON_NONE);
	CHECK_EQ(json_after(&doc, 0), JSON_NONE);
	CHECK_EQ(json_get(&doc, 0, "x"), JSON_NONE);
	CHECK_EQ(json_get(&doc, a, "x"), JSON_NONE);
	CHECK_EQ(json_get(&doc, JSON_NONE, "x"), JSON_NONE);
	json_free(&doc);
	json_free(&doc);
}

TEST(json_same_key_twice_is_refused_however_spelled)
{
	static const char *const twice[] = {
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,\"\\u0061\":2}",
		"{\"\\u0061\":1,\"b\":2,\"a\":2}",
		"{\"\":1,\"\":2}",
		"{\"\\/\":1,\"/\":2}",
		"{\"\\n\":1,\"\\u000a\":2}",
		"{\"\\u00e9\":1,\"\xc3\xa9\":2}",
		"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
		"{\"\\u0000\":1,\"\\u0000\":2}",
		"[[{\"x\":{\"k\":1,\"l\":2,\"k\":3}}]]",
	};
	for (size_t i = 0; i < ARRAY_LEN(twice); i++) {
		CHECK_EQ(json_check(str_of(twice[i]), NULL), 0);
		CHECK_EQ(parse(twice[i]), JSON_DUPLICATE);
		CHECK(where.offset > 0 && where.line == 1);
	}
	CHECK_EQ(parse("{\"a\":1,\n \"a\":2}"), JSON_DUPLICATE);
	CHECK_EQ(where.line, 2);
	CHECK_EQ(where.column, 3);
}

TEST(json_different_keys_are_different)
{
	static const char *const fine[] = {
		"{\"a\":1,\"A\":2}",
		"{\"a\":1,\"a\\u0000\":2,\"a\\u0000b\":3}",
		"{\"\":1,\" \":2}",
		"{\"a\":{\"a\":{\"a\":1}}}",
		"[{\"a\":1},{\"a\":2}]",
		"{\"\xc3\xa9\":1,\"e\xcc\x81\":2}",
		"{\"\\\\u0061\":1,\"a\":2}",
	};
	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		CHECK_EQ(parse(fine[i]), 0);
		json_free(&doc);
	}
}

TEST(json_depth_has_a_limit)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	for (int kind = 0; kind < 2; kind++) {
		const char *open = kind ? "[" : "{\"a\":";
		struct buf b;
		buf_init(&b, 100000);
		for (int i = 0; i < JSON_DEPTH_MAX; i++)
			buf_puts(&b, open);
		buf_puts(&b, "1");
		for (int i = 0; i < JSON_DEPTH_MAX; i++)
			buf_putc(&b, kind ? ']' : '}');
		CHECK_EQ(parse(buf_cstr(&b)), 0);
		json_free(&doc);
		buf_reset(&b);
		for (int i = 0; i <= JSON_DEPTH_MAX; i++)
			buf_puts(&b, open);
		CHECK_EQ(parse(buf_cstr(&b)), JSON_DEEP);
		buf_fini(&b);
	}
	memset(text, '[', sizeof(text));
	CHECK_EQ(json_check(str_from(text, sizeof(text)), NULL), JSON_DEEP);
}

TEST(json_number_of_values_has_a_limit)
{
	/* the array and its three; keys count too */
	CHECK_EQ(json_parse(&doc, STR("[1,2,3]"), 3, &where), JSON_SIZE);
	CHECK_EQ(json_parse(&doc, STR("{\"a\":1}"), 2, &where), JSON_SIZE);
	CHECK_EQ(json_parse(&doc, STR("[1,2,3]"), 4, &where), 0);
	json_free(&doc);
}

TEST(json_many_keys_are_checked_quickly)
{
	struct buf b;
	buf_init(&b, 1 << 24);
	buf_putc(&b, '{');
	for (int i = 0; i < 100000; i++)
		buf_putf(&b, "%s\"%d\":%d", i ? "," : "", i, i);
	buf_putc(&b, '}');
	CHECK_EQ(json_parse(&doc, buf_str(&b), 200001, &where), 0);
	CHECK_EQ(json_count(&doc, 0), 100000);
	check_raw(json_raw(&doc, json_get(&doc, 0, "99999")), "99999");
	json_free(&doc);
	buf_fini(&b);
}

TEST(json_errors_have_a_place_and_words)
{
	CHECK_EQ(parse("{\n  \"a\": tru\n}"), JSON_SYNTAX);
	CHECK_EQ(where.line, 2);
	CHECK_EQ(where.column, 8);
	CHECK_EQ(parse("[1,\n2"), JSON_CUT);
	CHECK_EQ(where.offset, 5);
	CHECK_EQ(where.line, 2);
	CHECK_EQ(where.column, 2);
	CHECK_EQ(parse(""), JSON_EMPTY);
	CHECK_EQ(where.line, 1);
	CHECK_EQ(where.column, 1);
	for (int e = 0; e >= JSON_MEMORY; e--)
		CHECK(strcmp(json_error_text(e), "invalid") != 0);
	CHECK_CSTR(json_error_text(-1000), "invalid");
	CHECK_CSTR(json_error_text(1), "no error");
}

/* -------------------------------------------------------------- cursors */

TEST(json_cursor_visits_the_members)
{
	struct json_cursor c;
	struct str key, value;
	CHECK(json_open(
		&c, STR(" { \"a\" : \"}\\\"]\" , \"b\\u0063\":[1,{}] }")));
	CHECK(c.object);
	CHECK(json_next(&c, &key, &value));
	check_raw(key, "a");
	check_raw(value, "\"}\\\"]\"");
	CHECK(json_next(&c, &key, &value));
	check_raw(key, "b\\u0063");
	check_raw(value, "[1,{}]");
	CHECK(!json_next(&c, &key, &value));
	CHECK(!json_next(&c, &key, &value));
	CHECK(json_open(&c, STR("[\t-1.5e3 ,null\n]")));
	CHECK(!c.object);
	CHECK(json_next(&c, NULL, &value));
	check_raw(value, "-1.5e3");
	CHECK(json_next(&c, NULL, &value));
	check_raw(value, "null");
	CHECK(!json_next(&c, NULL, &value));
	CHECK(!json_open(&c, STR("1")));
	CHECK(!json_open(&c, STR("\"[\"")));
	CHECK(!json_open(&c, (struct str){NULL, 0}));
}

TEST(json_members_by_name)
{
	struct str text = STR("{\"\\u0061\":1,\"a\\\\\":2,\"b\":null}");
	check_raw(json_member(text, "a"), "1");
	check_raw(json_member(text, "a\\"), "2");
	check_raw(json_member(text, "b"), "null");
	CHECK(!json_member(text, "c").p);
	CHECK(!json_member(STR("[1]"), "a").p);
	CHECK(!json_member(STR("1"), "a").p);
	CHECK(!json_member((struct str){NULL, 0}, "a").p);
}

TEST(json_pick_refuses_what_two_readers_could_read_differently)
{
	static const char *const names[] = {"id", "method"};
	struct str v[2];
	CHECK(json_pick(STR("{\"x\":0,\"method\":1,\"x\":2}"), names, v, 2));
	CHECK(!v[0].p);
	check_raw(v[1], "1");
	CHECK(json_pick(STR("{}"), names, v, 2));
	CHECK(!v[0].p && !v[1].p);
	CHECK(!json_pick(STR("{\"id\":1,\"id\":1}"), names, v, 2));
	CHECK(!json_pick(STR("{\"id\":1,\"\\u0069d\":1}"), names, v, 2));
	CHECK(!json_pick(STR("[\"id\",1]"), names, v, 2));
	CHECK(!json_pick(STR("5"), names, v, 2));
	/* a deeper one is another's */
	CHECK(json_pick(STR("{\"id\":{\"id\":1}}"), names, v, 2));
	check_raw(v[0], "{\"id\":1}");
}

/* -------------------------------------------------------------- scalars */

TEST(json_strings_are_unquoted)
{
	static const struct {
		const char *raw;
		const char *text;
	} is[] = {
		{"\"\"", ""},
		{"\"abc\"", "abc"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00z\"",
			"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"},
		{"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
		{"\"\\\\u0041\"", "\\u0041"},
	};
	for (size_t i = 0; i < ARRAY_LEN(is); i++) {
		struct str raw = str_of(is[i].raw);
		struct buf b;
		buf_init(&b, 100);
		json_unquote(&b, raw);
		CHECK_CSTR(buf_cstr(&b), is[i].text);
		buf_fini(&b);
		char *text = json_cstr(raw);
		CHECK_CSTR(text, is[i].text);
		mem_free(text);
		CHECK(json_str_is(raw, str_of(is[i].text)));
		CHECK(!json_str_is(raw, STR("something else")));
		CHECK(json_key_is(str_from(raw.p + 1, raw.n - 2), is[i].text));
	}
	CHECK(!json_cstr(STR("\"a\\u0000b\"")));
	CHECK(json_str_is(STR("\"a\\u0000\""), STR("a\0")));
	CHECK(!json_str_is(STR("\"a\\u0000\""), STR("a")));
	CHECK(!json_key_is(STR("a\\u0000"), "a"));
	CHECK(!json_str_is(STR("\"\\u0061b\""), STR("a")));
	CHECK(!json_str_is(STR("\"\\u0061\""), STR("ab")));
	CHECK(!json_str_is(STR("abc"), STR("b")));
	CHECK(!json_str_is((struct str){NULL, 0}, STR("")));
}

TEST(json_whole_numbers)
{
	uint64_t v;
	CHECK(json_u64(STR("0"), &v) && v == 0);
	CHECK(json_u64(STR("18446744073709551615"), &v) && v == UINT64_MAX);
	CHECK(!json_u64(STR("18446744073709551616"), &v));
	CHECK(!json_u64(STR("-0"), &v));
	CHECK(!json_u64(STR("1.0"), &v));
	CHECK(!json_u64(STR("1e2"), &v));
	CHECK(!json_u64(STR("\"1\""), &v));
	CHECK(!json_u64((struct str){NULL, 0}, &v));
}

/* --------------------------------------------------------------- writer */

TEST(json_writer_puts_the_commas)
{
	struct buf b;
	buf_init(&b, 1000);
	struct json_writer w = {.out = &b};
	json_w_open(&w, '{');
	json_w_key(&w, "a\"");
	json_w_open(&w, '[');
	json_w_close(&w, ']');
	json_w_key_str(&w, STR("b"));
	json_w_open(&w, '[');
	json_w_u64(&w, UINT64_MAX);
	json_w_bool(&w, true);
	json_w_bool(&w, false);
	json_w_null(&w);
	json_w_open(&w, '{');
	json_w_close(&w, '}');
	json_w_raw(&w, STR("-1.0"));
	json_w_close(&w, ']');
	json_w_key(&w, "c");
	json_w_str(&w, STR("\0"));
	json_w_close(&w, '}');
	CHECK_CSTR(buf_cstr(&b),
		"{\"a\\\"\":[],\"b\":[18446744073709551615,true,false,null,{},"
		"-1.0],\"c\":\"\\u0000\"}");
	CHECK_EQ(json_check(buf_str(&b), NULL), 0);
	buf_fini(&b);
}

TEST(json_quoted_text_comes_back)
{
	struct buf b, back;
	buf_init(&b, 100);
	buf_init(&back, 100);
	for (uint32_t code = 0; code <= 0x10ffff;
		code += code < 0x900 ? 1 : 37) {
		char c[4];
		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		size_t n = utf8_put(c, code);
		buf_reset(&b);
		buf_reset(&back);
		json_quote(&b, str_from(c, n));
		CHECK_EQ(json_check(buf_str(&b), NULL), 0);
		json_unquote(&back, buf_str(&b));
		CHECK_MEM(buf_str(&back).p, back.n, c, n);
	}
	buf_fini(&b);
	buf_fini(&back);
}

TEST(json_quote_makes_any_bytes_valid)
{
	struct buf b;
	buf_init(&b, 100000);
	for (unsigned i = 0; i < 0x10000; i++) {
		char c[3] = {(char)(i >> 8), (char)i, 'x'};
		buf_reset(&b);
		json_quote(&b, str_from(c, 3));
		CHECK_EQ(json_check(buf_str(&b), NULL), 0);
	}
	buf_reset(&b);
	json_quote(&b, STR("a\xff\xc3\xe2\x82z"));
	CHECK_CSTR(buf_cstr(&b), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
				 "\xef\xbf\xbdz\"");
	buf_fini(&b);
}
