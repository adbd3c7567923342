/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_era_test.c - messages from one era of MCP to the other. */
#include <string.h>

#include "lib/version.h"
#include "net/mcp_era.h"
#include "net/mcp_headers.h"
#include "net/mcp_ticket.h"
#include "tests/unit/test.h"

#define K MCP_META

static struct jsonrpc read_message(const char *text)
{
	struct jsonrpc m;
	const char *why = "";
	CHECK_EQ(jsonrpc_read(&m, str_of(text), &why), 0);
	return m;
}

/* frame with the first '@' in it replaced */
static void fill(char *dst, size_t n, const char *frame, const char *text)
{
	size_t at = strcspn(frame, "@");
	bool found = frame[at] == '@';
	snprintf(dst, n, "%.*s%s%s", (int)at, frame, found ? text : "",
		found ? frame + at + 1 : "");
}

/* the message with its edits must be, byte for byte, what is expected */
static void check_edited(
	struct str text, const struct mcp_edits *edits, const char *expected)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	jsonrpc_put_edited(&out, text, edits->e, edits->n);
	CHECK_CSTR(buf_cstr(&out), expected);
	CHECK_EQ(json_check(buf_str(&out), NULL), JSON_OK);
	buf_fini(&out);
}

TEST(the_era_is_in_the_message_or_in_the_version_header)
{
	static const struct {
		const char *params, *header;
		enum mcp_era era;
	} cases[] = {
		{"{}", NULL, MCP_LEGACY},
		{"{}", "2025-11-25", MCP_LEGACY},
		{"{}", "2026-07-28", MCP_MODERN},
		{"{}", "2099-01-01", MCP_MODERN},
		{"{}", "2026-07-27", MCP_LEGACY},
		{"{}", "draft", MCP_LEGACY},
		{"{\"_meta\":{\"" K "protocolVersion\":\"1\"}}", NULL,
			MCP_MODERN},
		{"{\"_meta\":{\"" K "clientCapabilities\":{}}}", "2025-06-18",
			MCP_MODERN},
		{"{\"_meta\":{\"" K "clientInfo\":{}}}", NULL, MCP_LEGACY},
		{"{\"_meta\":null}", NULL, MCP_LEGACY},
		{"[]", NULL, MCP_LEGACY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\","
			"\"params\":%s}",
			cases[i].params);
		struct jsonrpc m = read_message(text);
		struct str header = {NULL, 0};
		if (cases[i].header)
			header = str_of(cases[i].header);
		CHECK_EQ(mcp_era_of(&m, header), cases[i].era);
	}
}

TEST(a_modern_request_loses_its_era_and_nothing_else)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"{\"name\":\"a\",\"arguments\":{\"n\":1e0},\"_meta\":{"
		 "\"" K "protocolVersion\":\"2026-07-28\",\"x\":7,"
		 "\"" K "clientCapabilities\":{}}}",
			"{\"name\":\"a\",\"arguments\":{\"n\":1e0},\"_meta\":{"
			"\"x\":7}}"},
		{"{\"_meta\":{\"" K "protocolVersion\":\"2026-07-28\","
		 "\"" K "clientCapabilities\":{},\"" K "logLevel\":\"info\"}}",
			"{\"_meta\":{}}"},
		{"{\"inputResponses\":{\"k\":{}},\"name\":\"a\","
		 "\"requestState\":\"s\",\"_meta\":{\"" K
		 "clientInfo\":{} , \"progressToken\" : 1}}",
			"{\"name\":\"a\",\"_meta\":{\"progressToken\" : 1}}"},
		{"{\"name\":\"a\",\"inputResponses\":{},\"requestState\":\"\"}",
			"{\"name\":\"a\"}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], expected[512];
		const char *frame = "{\"jsonrpc\":\"2.0\",\"id\":\"i\","
				    "\"method\":\"tools/call\",\"params\":@}";
		struct mcp_edits edits = {.n = 0};
		fill(text, sizeof(text), frame, cases[i].before);
		fill(expected, sizeof(expected), frame, cases[i].after);
		struct jsonrpc m = read_message(text);
		mcp_era_request_to_legacy(&edits, &m);
		check_edited(m.text, &edits, expected);
	}
}

TEST(a_session_request_gets_meta_wherever_it_has_none)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", ",\"params\":{\"_meta\":{\"v\":1}}"},
		{",\"params\":{}", ",\"params\":{\"_meta\":{\"v\":1}}"},
		{",\"params\":{\"name\":\"a\"}",
			",\"params\":{\"_meta\":{\"v\":1},\"name\":\"a\"}"},
		{",\"params\":{\"_meta\":{}}",
			",\"params\":{\"_meta\":{\"v\":1}}"},
		{",\"params\":{\"_meta\":{\"progressToken\":2}}",
			",\"params\":{\"_meta\":{\"v\":1,"
			"\"progressToken\":2}}"},
		{",\"params\":{\"_meta\":null}",
			",\"params\":{\"_meta\":{\"v\":1}}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256], expected[256];
		const char *frame =
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"@}";
		struct mcp_edits edits = {.n = 0};
		struct buf room;
		buf_init(&room, 4096);
		fill(text, sizeof(text), frame, cases[i].before);
		fill(expected, sizeof(expected), frame, cases[i].after);
		struct jsonrpc m = read_message(text);
		mcp_era_request_to_modern(&edits, &m, STR("\"v\":1"), &room);
		check_edited(m.text, &edits, expected);
		buf_fini(&room);
	}
}

static void check_result_to_modern(
	const char *before, const char *format, bool cacheable)
{
	char info[128], expected[512];
	struct mcp_edits edits = {.n = 0};
	struct buf room;
	buf_init(&room, 4096);
	snprintf(info, sizeof(info),
		"\"" K "serverInfo\":{\"name\":\"coracle\",\"version\":\"%s\"}",
		coracle_version);
	fill(expected, sizeof(expected), format, info);
	mcp_era_result_to_modern(&edits, str_of(before), cacheable, &room);
	check_edited(str_of(before), &edits, expected);
	buf_fini(&room);
}

TEST(a_session_result_says_what_modern_ones_say)
{
	check_result_to_modern(
		"{}", "{\"resultType\":\"complete\",\"_meta\":{@}}", false);
	check_result_to_modern("{\"content\":[]}",
		"{\"resultType\":\"complete\",\"_meta\":{@},\"content\":[]}",
		false);
	check_result_to_modern("{\"contents\":[],\"_meta\":{\"a\":1}}",
		"{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":"
		"\"private\",\"contents\":[],\"_meta\":{@,\"a\":1}}",
		true);
	check_result_to_modern("{\"_meta\":{}}",
		"{\"resultType\":\"complete\",\"_meta\":{@}}", false);
	/* it has a type already: it is of this era */
	check_result_to_modern("{\"resultType\":\"task\",\"taskId\":\"t\"}",
		"{\"resultType\":\"task\",\"taskId\":\"t\"}", false);
}

TEST(a_modern_result_loses_what_sessions_do_not_know)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"{\"resultType\":\"complete\",\"content\":[1.0]}",
			"{\"content\":[1.0]}"},
		{"{\"content\":[],\"ttlMs\":1,\"cacheScope\":\"public\"}",
			"{\"content\":[]}"},
		{"{\"resultType\":\"complete\"}", "{}"},
		{"{\"ttlMs\":0 , \"a\" : {\"ttlMs\":0}, \"resultType\":\"x\"}",
			"{\"a\" : {\"ttlMs\":0}}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mcp_edits edits = {.n = 0};
		mcp_era_result_to_legacy(&edits, str_of(cases[i].before));
		check_edited(str_of(cases[i].before), &edits, cases[i].after);
	}
}

TEST(codes_of_session_servers_become_those_of_the_era)
{
	static const struct {
		const char *error, *after;
		int code;
	} cases[] = {
		{"{\"code\":-32002,\"message\":\"m\"}",
			"{\"code\":-32602,\"message\":\"m\"}", -32602},
		{"{\"code\":-32042}", "{\"code\":-32602}", -32602},
		{"{\"code\":-32601}", "{\"code\":-32601}", -32601},
		{"{\"code\":1e99}", "{\"code\":1e99}", -32603},
		{"{\"message\":\"m\"}", "{\"message\":\"m\"}", -32603},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mcp_edits edits = {.n = 0};
		struct str error = str_of(cases[i].error);
		CHECK_EQ(mcp_era_error_to_modern(&edits, error), cases[i].code);
		check_edited(error, &edits, cases[i].after);
	}
}

/* -------------------------------------------------------------------- headers */

static void check_decoded(const char *value, const char *expected)
{
	struct buf out;
	buf_init(&out, 4096);
	bool ok = mcp_header_decode(&out, str_of(value));
	CHECK_EQ(ok, expected != NULL);
	if (ok && expected)
		CHECK_CSTR(buf_cstr(&out), expected);
	buf_fini(&out);
}

TEST(a_header_is_itself_or_base64)
{
	check_decoded("  add\t", "add");
	check_decoded("=?base64?SGVsbG8=?=", "Hello");
	check_decoded("=?base64?w6k=?=", "\xc3\xa9");
	check_decoded("=?base64?"
		      "?=",
		"");
	check_decoded("=?base64?SGVsbG8=", "=?base64?SGVsbG8=");
	check_decoded("base64?SGVsbG8=?=", "base64?SGVsbG8=?=");
	check_decoded("=?base64?SGVsbG8?=", NULL);
	check_decoded("=?base64?SGVs bG8=?=", NULL);
	check_decoded("=?base64?SGV*bG8=?=", NULL);
	/* no UTF-8 */
	check_decoded("=?base64?/w==?=", NULL);
	check_decoded("\xff", NULL);
}

TEST(what_is_encoded_is_decoded_to_itself)
{
	static const char *const texts[] = {"", "add", " a", "a ", "\xc3\xa9",
		"=?base64?eA==?=", "a\nb", "=?base64?"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf value;
		buf_init(&value, 4096);
		mcp_header_encode(&value, str_of(texts[i]));
		check_decoded(buf_cstr(&value), texts[i]);
		buf_fini(&value);
	}
}

static const char *check_params(const char *arguments, const char *header)
{
	static const char schema[] =
		"{\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":"
		"\"Region\"},\"o\":{\"properties\":{\"n\":{\"x-mcp-header\":"
		"\"Deep\"}}}}}";
	struct http_head head = {.nfields = 0};
	if (header) {
		struct str line = str_of(header);
		size_t colon = str_index(line, ':');
		head.fields[head.nfields++] =
			(struct http_field){str_first(line, colon),
				str_from_index(line, colon + 1)};
	}
	return mcp_headers_check_params(
		&head, str_of(schema), str_of(arguments));
}

TEST(marked_arguments_are_in_the_headers)
{
	CHECK(!check_params("{\"r\":\"eu\"}", "mcp-param-region:eu"));
	CHECK(check_params("{\"r\":\"eu\"}", "Mcp-Param-Region:us"));
	CHECK(check_params("{\"r\":\"eu\"}", NULL));
	CHECK(!check_params("{}", NULL));
	CHECK(!check_params("{\"r\":null}", NULL));
	CHECK(check_params("{}", "Mcp-Param-Region:eu"));
	CHECK(!check_params("{\"o\":{\"n\":42.0}}", "Mcp-Param-Deep:42"));
	CHECK(!check_params("{\"o\":{\"n\":-1}}", "Mcp-Param-Deep:-1"));
	CHECK(check_params("{\"o\":{\"n\":-1}}", "Mcp-Param-Deep:1"));
	CHECK(!check_params("{\"o\":{\"n\":true}}", "Mcp-Param-Deep:true"));
	CHECK(check_params("{\"o\":{\"n\":true}}", "Mcp-Param-Deep:True"));
}

/* -------------------------------------------------------------------- tickets */

TEST(a_ticket_is_good_for_what_it_was_sealed_with)
{
	static const unsigned char key[MCP_TICKET_KEY] = {1, 2, 3};
	static const unsigned char other[MCP_TICKET_KEY] = {1, 2, 4};
	struct mcp_ticket t = {0xfedcba9876543210, 3, 1000}, got;
	struct buf text;
	buf_init(&text, 4096);
	mcp_ticket_put(&text, &t, key, STR("me"));
	struct str s = buf_str(&text);
	CHECK(mcp_ticket_read(&got, s, key, STR("me"), 999));
	CHECK(got.id == t.id && got.round == 3 && got.ends_s == 1000);
	CHECK(!mcp_ticket_read(&got, s, key, STR("me"), 1000));
	CHECK(!mcp_ticket_read(&got, s, key, STR("you"), 1));
	CHECK(!mcp_ticket_read(&got, s, other, STR("me"), 1));
	CHECK(!mcp_ticket_read(&got, str_first(s, s.n - 1), key, STR("me"), 1));
	/* whatever is changed in it, it is not ours any more */
	for (size_t i = 0; i < s.n; i++) {
		char *c = buf_at(&text, i);
		*c ^= 1;
		CHECK(!mcp_ticket_read(&got, s, key, STR("me"), 1));
		*c ^= 1;
	}
	buf_fini(&text);
}
