/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/memory_test.c - memory runs out at every point in turn.
 *
 * Each operation either works or says that it failed; nothing is lost, and
 * what was there before is as it was.
 */
#include <errno.h>

#include "lib/args.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "net/mcp_config.h"
#include "net/mcp_index.h"
#include "net/mcp_session.h"
#include "net/mcp_items.h"
#include "tests/unit/mem_fail.h"

TEST(memory_sizes_that_do_not_fit)
{
	CHECK(!mem_new_array(SIZE_MAX / 2, 3));
	CHECK(!mem_dup("x", SIZE_MAX));
	void *p = mem_new_array(0, 0);
	CHECK(p);
	p = mem_resize(p, 0);
	CHECK(p);
	mem_free(p);
	char *empty = mem_dup(NULL, 0);
	CHECK_CSTR(empty, "");
	mem_free(empty);
	mem_free(NULL);
}

TEST(memory_short_for_a_buffer)
{
	EACH_FAILURE(f)
	{
		struct buf b;
		size_t put = 0;
		buf_init(&b, 100000);
		for (int i = 0; i < 400; i++) {
			buf_putf(&b, "%0*d", 100, i);
			if (!b.err)
				put = b.n;
		}
		CHECK_EQ(b.err, mem_failed() ? -ENOMEM : 0);
		CHECK_EQ(b.n, put); /* what it had, it keeps */
		buf_fini(&b);
	}
}

TEST(memory_short_for_a_json_document)
{
	struct str text = STR("{\"a\":[1,2,{\"b\":\"\\u0041\",\"c\":2}]}");
	EACH_FAILURE(f)
	{
		struct json_doc d;
		struct json_where where;
		int r = json_parse(&d, text, 100, &where);
		CHECK_EQ(r, mem_failed() ? JSON_MEMORY : 0);
		if (r == 0)
			CHECK_EQ(json_count(&d, 0), 1);
		else
			CHECK(!d.token && d.ntokens == 0);
		json_free(&d);
	}
	EACH_FAILURE(f)
	{
		char *s = json_cstr(STR("\"a\\n\""));
		CHECK_EQ(s == NULL, mem_failed());
		mem_free(s);
	}
}

TEST(memory_short_for_options)
{
	const char *none = NULL;
	struct arg_list list = {0};
	const struct arg_opt opts[] = {
		{.letter = 'l', .type = ARG_LIST, .dst = &list, .value = "L"},
		{.letter = 't', .type = ARG_TEXT, .dst = &none, .value = "T"}};
	const struct arg_table table = {opts, 2, ARGS_ANYWHERE};
	EACH_FAILURE(f)
	{
		struct args_error error = {.text = ""};
		char *argv[] = {(char[]){"p"}, (char[]){"-la"}, (char[]){"x"},
			(char[]){"-lb"}, (char[]){"-tc"}, NULL};
		int r = args_parse(&table, 5, argv, &error);
		CHECK_EQ(r, mem_failed() ? ARGS_ERROR : 4);
		if (r == ARGS_ERROR)
			CHECK_CSTR(error.text, "out of memory");
		mem_free(list.v);
		list = (struct arg_list){0};
	}
}

static const char config_text[] =
	"{\"mcpServers\":{\"a\":{\"transport\":\"stdio\",\"command\":\"c\","
	"\"args\":[\"1\",\"2\"],\"env\":{\"B\":\"2\",\"A\":\"1\"},"
	"\"cwd\":\"/\"},\"b\":{\"transport\":\"stdio\",\"command\":\"d\"}}}";

TEST(memory_short_for_a_configuration)
{
	EACH_FAILURE(f)
	{
		struct mcp_config c;
		struct buf error;
		buf_init(&error, 10000);
		int status = mcp_config_read(&c, str_of(config_text), &error);
		CHECK_EQ(status, mem_failed() ? 500 : 0);
		CHECK_EQ(c.n, status ? 0 : 2);
		mcp_config_fini(&c);
		buf_fini(&error);
	}
}

/* the same when it is refused: the refusal needs memory too */
TEST(memory_short_for_a_refusal)
{
	static const char *const bad[] = {
		"{\"mcpServers\":{\"a\":{\"transport\":\"http\"}}}",
		"{\"mcpServers\":{\"a\":{\"transport\":1}}}",
		"{\"mcpServers\":{\"a\":{\"transport\":\"stdio\",\"command\":"
		"\"c\",\"env\":{\"A\":\"a\\u0000\"}}}}",
		"{",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EACH_FAILURE(f)
		{
			struct mcp_config c;
			struct buf error;
			buf_init(&error, 10000);
			int status =
				mcp_config_read(&c, str_of(bad[i]), &error);
			CHECK(status == 500 || status == 422 || status == 400);
			CHECK(status != 500 || mem_failed());
			if (error.n)
				CHECK_EQ(json_check(buf_str(&error), NULL), 0);
			CHECK_EQ(c.n, 0);
			mcp_config_fini(&c);
			buf_fini(&error);
		}
	}
}

static int add_tools(struct mcp_items *t)
{
	struct buf page;
	struct str cursor;
	size_t at = mem_fail_at;
	mem_fail_at = 0; /* the page itself is there */
	buf_init(&page, 100000);
	buf_puts(&page, "{\"tools\":[");
	for (int i = 0; i < 100; i++)
		buf_putf(&page, "%s{\"name\":\"tool_%d\"}", i ? "," : "", i);
	buf_puts(&page, "]}");
	mem_fail_at = at;
	int r = mcp_items_add_page(t, MCP_TOOLS, buf_str(&page), &cursor);
	buf_fini(&page);
	return r;
}

TEST(memory_short_for_tools)
{
	EACH_FAILURE(f)
	{
		struct mcp_items t;
		mcp_items_init(&t);
		int r = add_tools(&t);
		CHECK_EQ(r, mem_failed() ? -ENOMEM : 0);
		mcp_items_fini(&t);
	}
}

TEST(memory_short_for_the_index_leaves_it_as_it_was)
{
	struct mcp_server_config config = {
		.name = (char[]){"s"}, .serve_tools = true};
	struct mcp_upstream a = {.config = &config}, b = {.config = &config};
	struct mcp_upstream *both[] = {&a, &b};
	struct mcp_index x;
	mcp_items_init(&a.items[MCP_TOOLS]);
	mcp_items_init(&b.items[MCP_TOOLS]);
	CHECK_EQ(add_tools(&a.items[MCP_TOOLS]), 0);
	CHECK_EQ(add_tools(&b.items[MCP_TOOLS]), 0);
	mcp_index_init(&x);
	CHECK_EQ(mcp_index_build(&x, both, 1), 0);
	EACH_FAILURE(f)
	{
		int r = mcp_index_build(&x, both, 2);
		CHECK_EQ(r, mem_failed() ? -ENOMEM : 0);
		CHECK_EQ(mcp_index_find(&x, MCP_TOOLS, STR("tool_7")) != NULL,
			r != 0);
		CHECK_EQ(mcp_index_find(&x, MCP_TOOLS, STR("s_tool_7")) != NULL,
			r == 0);
		if (r == 0) { /* as before, for the count */
			mcp_index_fini(&x);
			f.held = mem_fail_held;
		}
	}
	mcp_index_fini(&x);
	mcp_items_fini(&a.items[MCP_TOOLS]);
	mcp_items_fini(&b.items[MCP_TOOLS]);
}

TEST(memory_short_for_a_session)
{
	static struct mcp_sessions all;
	EACH_FAILURE(f)
	{
		struct mcp_session *s =
			mcp_session_new(&all, STR("2025-06-18"));
		CHECK_EQ(s == NULL, mem_failed());
		CHECK_EQ(all.n, s != NULL);
		if (s)
			mcp_session_end(&all, s);
	}
}

static void on_timer(void *owner)
{
	(*(size_t *)owner)++;
}

TEST(memory_short_for_timers)
{
	static struct loop_timer t[200];
	static struct loop l;
	EACH_FAILURE(f)
	{
		size_t set = 0, fired = 0;
		CHECK_EQ(loop_init(&l), 0);
		for (size_t i = 0; i < 200; i++) {
			int r = loop_timer_at(&l, &t[i], 1, on_timer, &fired);
			CHECK(r == 0 || (r == -ENOMEM && mem_failed()));
			set += r == 0;
			/* one that was not set may be cleared all the same */
			if (r)
				loop_timer_clear(&l, &t[i]);
		}
		if (set) /* or it would wait for ever */
			CHECK_EQ(loop_turn(&l), 0);
		CHECK_EQ(fired, set);
		loop_fini(&l);
	}
}
