/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_config_test.c - {"mcpServers": {...}} read and refused. */
#include "net/mcp_config.h"

#include "lib/json.h"
#include "lib/size.h"
#include "tests/unit/test.h"

static struct mcp_config config;
static struct buf error;

static int read_text(const char *text)
{
	buf_fini(&error);
	buf_init(&error, 4096);
	return mcp_config_read(&config, str_of(text), &error);
}

static void done(void)
{
	mcp_config_fini(&config);
	buf_fini(&error);
}

#define SERVER(fields)                                                      \
	"{\"mcpServers\":{\"s\":{\"transport\":\"stdio\",\"command\":\"c\"" \
	"," fields "}}}"

TEST(mcp_config_all_fields)
{
	CHECK_EQ(
		read_text("{\"mcpServers\":{\"b\":{\"transport\":\"stdio\","
			  "\"command\":\"npx\",\"args\":[\"-y\",\"\",\"\\u00e9"
			  "\"],\"env\":{\"Z\":\"1\",\"A\":\"\"},\"cwd\":\"/d\","
			  "\"serve_mcp_tools\":false,\"startup_timeout\":7,"
			  "\"call_timeout\":86400,\"unknown\":{}},\"a\":"
			  "{\"transport\":\"stdio\",\"command\":\"x\"}}}"),
		0);
	CHECK_EQ(config.n, 2);
	const struct mcp_server_config *s = config.servers[0];
	CHECK_CSTR(s->name, "b"); /* the order that was given */
	CHECK_CSTR(s->argv[0], "npx");
	CHECK_CSTR(s->argv[1], "-y");
	CHECK_CSTR(s->argv[2], "");
	CHECK_CSTR(s->argv[3], "\xc3\xa9");
	CHECK(!s->argv[4]);
	CHECK_CSTR(s->env[0], "A=");
	CHECK_CSTR(s->env[1], "Z=1");
	CHECK(!s->env[2]);
	CHECK_CSTR(s->cwd, "/d");
	CHECK(!s->serve_tools);
	CHECK_EQ(s->startup_timeout_ms, 7000);
	CHECK_EQ(s->call_timeout_ms, 86400000);
	s = config.servers[1];
	CHECK_CSTR(s->name, "a");
	CHECK(!s->argv[1] && !s->env[0] && !s->cwd && s->serve_tools);
	CHECK_EQ(s->call_timeout_ms, 0);
	CHECK_EQ(error.n, 0);
	done();
}

TEST(mcp_config_null_is_absent)
{
	CHECK_EQ(read_text(SERVER("\"args\":null,\"env\":null,\"cwd\":null,"
				  "\"serve_mcp_tools\":null,"
				  "\"startup_timeout\":null")),
		0);
	CHECK(config.servers[0]->serve_tools);
	CHECK_EQ(config.servers[0]->startup_timeout_ms, 300000);
	done();
	CHECK_EQ(read_text("{\"mcpServers\":{}}"), 0);
	CHECK_EQ(config.n, 0);
	done();
}

TEST(mcp_config_refusals_name_the_field)
{
	static const struct {
		const char *text;
		int status;
		const char *has;
	} bad[] = {
		{"", 422, "\"json_invalid\""},
		{"{", 422, "\"loc\":[\"body\",1]"},
		{"[]", 422, "\"loc\":[\"body\"]"},
		{"{}", 422, "\"loc\":[\"body\",\"mcpServers\"]"},
		{"{\"mcpServers\":[]}", 422, "dict_type"},
		{"{\"mcpServers\":{\"s\":1}}", 422,
			"\"loc\":[\"body\",\"mcpServers\",\"s\"]"},
		{"{\"mcpServers\":{\"s\":{}}}", 422,
			"\"mcpServers\",\"s\",\"transport\"]"},
		{"{\"mcpServers\":{\"\":{}}}", 422, "1 to 128 bytes"},
		{"{\"mcpServers\":{\"a\\u0000\":{}}}", 422, "1 to 128 bytes"},
		{"{\"mcpServers\":{\"s\":{},\"\\u0073\":{}}}", 422,
			"the same key twice"},
		{"{\"mcpServers\":{\"s\":{\"transport\":\"stdio\"}}}", 400,
			"needs a command"},
		{"{\"mcpServers\":{\"s\":{\"transport\":\"stdio\","
		 "\"command\":\"\"}}}",
			400, "needs a command"},
		{"{\"mcpServers\":{\"s\":{\"transport\":\"sse\"}}}", 400,
			"server 's': this transport needs a url"},
		{"{\"mcpServers\":{\"s\":{\"transport\":\"STDIO\"}}}", 400,
			"unknown transport"},
		{SERVER("\"args\":\"-y\""), 422, "\"s\",\"args\"]"},
		{SERVER("\"args\":[1]"), 422, "\"args\",0]"},
		{SERVER("\"args\":[\"a\",\"\\u0000\"]"), 422, "every one"},
		{SERVER("\"env\":[]"), 422, "\"s\",\"env\"]"},
		{SERVER("\"env\":{\"A\":1}"), 422, "\"env\",\"A\"]"},
		{SERVER("\"env\":{\"A\":null}"), 422, "every variable"},
		{SERVER("\"env\":{\"\":\"x\"}"), 422, "every variable"},
		{SERVER("\"env\":{\"A=B\":\"x\"}"), 422, "every variable"},
		{SERVER("\"env\":{\"A\\u003dB\":\"\"}"), 422, "every variable"},
		{SERVER("\"env\":{\"A\":\"\\u0000\"}"), 422, "every variable"},
		{SERVER("\"env\":{\"\\u0000\":\"\"}"), 422, "every variable"},
		{SERVER("\"cwd\":1"), 422, "\"s\",\"cwd\"]"},
		{SERVER("\"cwd\":\"/\\u0000\""), 422, "NUL"},
		{SERVER("\"serve_mcp_tools\":1"), 422, "valid boolean"},
		{SERVER("\"startup_timeout\":-1"), 422, "whole seconds"},
		{SERVER("\"startup_timeout\":\"5\""), 422, "whole seconds"},
		{SERVER("\"startup_timeout\":86401"), 422, "whole seconds"},
		{SERVER("\"call_timeout\":18446744073709551617"), 422,
			"whole seconds"},
		{SERVER("\"call_timeout\":{}"), 422, "whole seconds"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int status = read_text(bad[i].text);
		if (!strstr(buf_cstr(&error), bad[i].has))
			printf("# %s\n# %s\n", bad[i].text, buf_cstr(&error));
		CHECK_EQ(status, bad[i].status);
		CHECK(strstr(buf_cstr(&error), bad[i].has));
		CHECK_EQ(json_check(buf_str(&error), NULL), 0);
		CHECK(config.n == 0 && !config.servers);
		done();
	}
}

/* a body with this many servers, each of a name of this length */
static int read_many(size_t n, int name_len)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_puts(&b, "{\"mcpServers\":{");
	for (size_t i = 0; i < n; i++)
		buf_putf(&b,
			"%s\"%0*zu\":{\"transport\":\"stdio\","
			"\"command\":\"c\"}",
			i ? "," : "", name_len, i);
	buf_puts(&b, "}}");
	buf_fini(&error);
	buf_init(&error, 1 << 20);
	int status = mcp_config_read(&config, buf_str(&b), &error);
	buf_fini(&b);
	return status;
}

TEST(mcp_config_limits)
{
	CHECK_EQ(read_many(MCP_SERVERS_MAX, 128), 0);
	CHECK_EQ(config.n, MCP_SERVERS_MAX);
	done();
	CHECK_EQ(read_many(MCP_SERVERS_MAX + 1, 3), 422);
	done();
	CHECK_EQ(read_many(1, 129), 422);
	done();
}

TEST(mcp_config_refusal_that_is_too_long_is_still_json)
{
	char text[9000];
	char name[4001];
	memset(name, 'n', 4000);
	name[4000] = '\0';
	snprintf(text, sizeof(text), "{\"mcpServers\":{\"%s\":{}}}", name);
	CHECK_EQ(read_text(text), 422);
	CHECK_EQ(error.err, 0);
	CHECK_EQ(json_check(buf_str(&error), NULL), 0);
	CHECK(json_member(buf_str(&error), "detail").p);
	done();
}

TEST(mcp_config_equal_when_the_same_process_would_run)
{
	static const char *const other[] = {
		SERVER("\"args\":[]"), /* this one is the same */
		SERVER("\"args\":[\"a\"]"),
		SERVER("\"env\":{\"A\":\"1\"}"),
		SERVER("\"cwd\":\"/\""),
		SERVER("\"serve_mcp_tools\":false"),
		SERVER("\"startup_timeout\":1"),
		SERVER("\"call_timeout\":1"),
		"{\"mcpServers\":{\"t\":{\"transport\":\"stdio\","
		"\"command\":\"c\"}}}",
		"{\"mcpServers\":{\"s\":{\"transport\":\"stdio\","
		"\"command\":\"d\"}}}",
	};
	struct mcp_config first;
	CHECK_EQ(read_text(SERVER("\"env\":{}")), 0);
	first = config;
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		CHECK_EQ(read_text(other[i]), 0);
		CHECK_EQ(mcp_server_config_equal(
				 first.servers[0], config.servers[0]),
			i == 0);
		done();
	}
	config = first;
	done();
	/* the order of variables is no difference */
	CHECK_EQ(read_text(SERVER("\"env\":{\"A\":\"1\",\"B\":\"2\"}")), 0);
	first = config;
	CHECK_EQ(read_text(SERVER("\"env\":{\"B\":\"2\",\"A\":\"1\"}")), 0);
	CHECK(mcp_server_config_equal(first.servers[0], config.servers[0]));
	done();
	config = first;
	done();
}
