/* SPDX-License-Identifier: MIT */
/* tests/unit/jsonrpc_test.c - JSON-RPC envelopes, read and rewritten. */
#include "net/jsonrpc.h"

#include "lib/size.h"
#include "tests/unit/test.h"

static struct jsonrpc m;
static const char *why;

static int read_text(const char *text)
{
	why = NULL;
	return jsonrpc_read(&m, str_of(text), &why);
}

static void check_str(struct str s, const char *want)
{
	if (!want)
		CHECK(!s.p);
	else
		CHECK_STR(s.p, s.n, want);
}

TEST(jsonrpc_kinds)
{
	CHECK_EQ(read_text("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a/b\","
			   "\"params\":{\"id\":8}}"),
		0);
	CHECK_EQ(m.kind, JSONRPC_REQUEST);
	check_str(m.id, "7");
	check_str(m.method, "a/b");
	check_str(m.params, "{\"id\":8}");
	check_str(m.result, NULL);
	CHECK_EQ(read_text("{\"method\":\"n\",\"jsonrpc\":\"2\\u002e0\"}"), 0);
	CHECK_EQ(m.kind, JSONRPC_NOTIFICATION);
	check_str(m.id, NULL);
	check_str(m.params, NULL);
	CHECK_EQ(
		read_text("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":null}"),
		0);
	CHECK_EQ(m.kind, JSONRPC_RESULT);
	check_str(m.id, "\"x\"");
	check_str(m.result, "null");
	CHECK_EQ(read_text("{\"jsonrpc\":\"2.0\",\"id\":-1.5e3,\"error\":{}}"),
		0);
	CHECK_EQ(m.kind, JSONRPC_ERROR);
	check_str(m.id, "-1.5e3");
	/* the answer to what could not be read */
	CHECK_EQ(
		read_text("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}"), 0);
	CHECK_EQ(m.kind, JSONRPC_ERROR);
	check_str(m.id, NULL);
}

TEST(jsonrpc_refusals)
{
	static const struct {
		const char *text;
		int code;
		const char *id;
	} bad[] = {
		{"", JSONRPC_PARSE_ERROR, NULL},
		{"{", JSONRPC_PARSE_ERROR, NULL},
		{"[]", JSONRPC_INVALID_REQUEST, NULL},
		{"1", JSONRPC_INVALID_REQUEST, NULL},
		{"{}", JSONRPC_INVALID_REQUEST, NULL},
		{"{\"id\":1,\"method\":\"a\"}", JSONRPC_INVALID_REQUEST, "1"},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, "1"},
		{"{\"jsonrpc\":2.0,\"id\":\"a\",\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, "\"a\""},
		{"{\"jsonrpc\":2.0,\"id\":[],\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}",
			JSONRPC_INVALID_REQUEST, "1"},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":1}", JSONRPC_INVALID_REQUEST,
			"1"},
		{"{\"jsonrpc\":\"2.0\",\"result\":{}}", JSONRPC_INVALID_REQUEST,
			NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{}}",
			JSONRPC_INVALID_REQUEST, "1"},
		/* two readers could take different ones */
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"a\"}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\","
		 "\"m\\u0065thod\":\"b\"}",
			JSONRPC_INVALID_REQUEST, NULL},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{},"
		 "\"params\":{}}",
			JSONRPC_INVALID_REQUEST, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (read_text(bad[i].text) != bad[i].code)
			printf("# %s\n", bad[i].text);
		CHECK_EQ(read_text(bad[i].text), bad[i].code);
		CHECK(why && *why);
		check_str(m.id, bad[i].id);
	}
}

TEST(jsonrpc_method_however_it_is_spelled)
{
	CHECK_EQ(read_text("{\"jsonrpc\":\"2.0\",\"method\":"
			   "\"tools\\/c\\u0061ll\"}"),
		0);
	CHECK(jsonrpc_is(&m, "tools/call"));
	CHECK(!jsonrpc_is(&m, "tools/calls"));
	CHECK(!jsonrpc_is(&m, "tools/cal"));
	/* an answer has none */
	CHECK_EQ(read_text("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"), 0);
	CHECK(!jsonrpc_is(&m, ""));
}

TEST(jsonrpc_edits_keep_every_other_byte)
{
	struct buf out;
	buf_init(&out, 1000);
	CHECK_EQ(
		read_text(
			" {\"jsonrpc\":\"2.0\",\r\n\"id\" : \"\\n\",\n"
			"\"method\":\"a\\nb\",\"params\":{\"x\": 1.0e+00 }}\n"),
		0);
	const struct jsonrpc_edit edits[] = {
		{m.id, STR("42")}, {m.params, STR("{}")}};
	jsonrpc_put_edited(&out, m.text, edits, 2);
	CHECK_CSTR(buf_cstr(&out), " {\"jsonrpc\":\"2.0\",  \"id\" : 42, "
				   "\"method\":\"a\\nb\",\"params\":{}} ");
	buf_reset(&out);
	jsonrpc_put_edited(&out, m.text, NULL, 0);
	CHECK_EQ(out.n, m.text.n);
	CHECK(!memchr(buf_cstr(&out), '\n', out.n));
	/* nothing is inserted, at the very beginning and at the end */
	const struct jsonrpc_edit ends[] = {{str_first(m.text, 0), STR("<")},
		{str_from_index(m.text, m.text.n), STR(">")}};
	buf_reset(&out);
	jsonrpc_put_edited(&out, m.text, ends, 2);
	CHECK_EQ(out.n, m.text.n + 2);
	CHECK_EQ(*buf_at(&out, 0), '<');
	CHECK_EQ(*buf_at(&out, out.n - 1), '>');
	buf_fini(&out);
}

TEST(jsonrpc_edited_text_over_the_maximum_fails)
{
	struct buf out;
	CHECK_EQ(read_text("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}"),
		0);
	for (size_t max = 0; max < m.text.n + 2; max++) {
		const struct jsonrpc_edit edit = {m.id, STR("234")};
		buf_init(&out, max);
		jsonrpc_put_edited(&out, m.text, &edit, 1);
		CHECK(out.err < 0);
		buf_fini(&out);
	}
}

TEST(jsonrpc_answers)
{
	struct buf out;
	buf_init(&out, 1000);
	jsonrpc_put_error(&out, (struct str){NULL, 0}, JSONRPC_PARSE_ERROR,
		STR("a \"b\"\n\xff"));
	CHECK_CSTR(buf_cstr(&out),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
		"\"message\":\"a \\\"b\\\"\\n\xef\xbf\xbd\"}}");
	buf_reset(&out);
	jsonrpc_put_result(&out, STR("\"x\""), STR("{\"a\":1}"));
	CHECK_CSTR(buf_cstr(&out),
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"a\":1}}");
	buf_fini(&out);
}
