/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_trace_test.c - trace context, from fields into messages. */
#include "net/mcp_trace.h"

#include "tests/unit/test.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct http_head head;

static void set_fields(const char *parent, const char *state)
{
	head = (struct http_head){.nfields = state ? 2 : 1};
	head.fields[0] =
		(struct http_field){STR("Traceparent"), str_of(parent)};
	head.fields[1] = (struct http_field){
		STR("tracestate"), str_of(state ? state : "")};
}

/* NULL: nothing is to be added */
static void check(const char *params, const char *want)
{
	char text[512], expected[512];
	struct buf out;
	buf_init(&out, 4096);
	snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"%s%s}",
		params ? ",\"params\":" : "", params ? params : "");
	snprintf(expected, sizeof(expected),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":%s}",
		want ? want : "");
	CHECK_EQ(mcp_trace_put(&out, str_of(text), &head), want != NULL);
	CHECK_STR(buf_str(&out).p, out.n, want ? expected : "");
	buf_fini(&out);
}

TEST(mcp_trace_goes_into_meta)
{
	set_fields(PARENT, NULL);
	check("{}", "{\"_meta\":{\"traceparent\":\"" PARENT "\"}}");
	check("{\"a\":1}",
		"{\"_meta\":{\"traceparent\":\"" PARENT "\"},\"a\":1}");
	check("{\"_meta\":{}}", "{\"_meta\":{\"traceparent\":\"" PARENT "\"}}");
	check("{\"_meta\":{ \"x\":1}}",
		"{\"_meta\":{\"traceparent\":\"" PARENT "\", \"x\":1}}");
	set_fields(PARENT, "a=1,\"b\"");
	check("{}", "{\"_meta\":{\"traceparent\":\"" PARENT
		    "\",\"tracestate\":\"a=1,\\\"b\\\"\"}}");
}

TEST(mcp_trace_of_the_message_itself_stays)
{
	set_fields(PARENT, NULL);
	check("{\"_meta\":{\"traceparent\":\"x\"}}", NULL);
	check("{\"_meta\":7}", NULL);
	check("[]", NULL);
	check(NULL, NULL);
}

TEST(mcp_trace_must_be_sound)
{
	static const char *const bad[] = {"", "x",
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
		"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
		PARENT "-00"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_fields(bad[i], NULL);
		check("{}", NULL);
	}
}
