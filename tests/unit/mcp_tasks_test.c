/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_tasks_test.c - ids of tasks, there and back again. */
#include "net/mcp_tasks.h"

#include "lib/size.h"
#include "tests/unit/test.h"

#define RELATED(id) \
	"{\"_meta\":{\"" MCP_META "related-task\":{\"taskId\":" id "}}}"

/* the text after its edits; how many ids were found */
static size_t edited(
	struct buf *out, const char *text, const char *server, bool back)
{
	struct mcp_edits edits = {.n = 0};
	struct buf ids;
	buf_init(&ids, MCP_TASK_IDS_MAX);
	size_t n = mcp_tasks_edit(&edits, str_of(text), server, back, &ids);
	buf_reset(out);
	jsonrpc_put_edited(out, str_of(text), edits.e, edits.n);
	buf_fini(&ids);
	return n;
}

TEST(mcp_tasks_an_id_gets_its_server_and_loses_it_again)
{
	static const struct {
		const char *server, *id, *shown;
	} cases[] = {
		{"alpha", "7", "alpha+7"},
		{"alpha", "", "alpha+"},
		{"alpha", "alpha+7", "alpha+alpha+7"},
		{"a+b", "c", "a%2bb+c"},
		{"", "x", "+x"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf shown;
		struct str id;
		buf_init(&shown, 100);
		mcp_task_show(&shown, cases[i].server, str_of(cases[i].id));
		CHECK_CSTR(buf_cstr(&shown), cases[i].shown);
		CHECK(mcp_task_cut(buf_str(&shown), cases[i].server, &id));
		CHECK_STR(id.p, id.n, cases[i].id);
		buf_fini(&shown);
	}
}

TEST(mcp_tasks_an_id_of_another_server_is_not_cut)
{
	struct str id;
	CHECK(!mcp_task_cut(STR("alpha+7"), "alph", &id));
	CHECK(!mcp_task_cut(STR("alpha+7"), "alphab", &id));
	CHECK(!mcp_task_cut(STR("alpha"), "alpha", &id));
	/* "a" with the id "b+c", and never the server "a+b" */
	CHECK(!mcp_task_cut(STR("a+b+c"), "a+b", &id));
}

TEST(mcp_tasks_ids_are_found_where_the_eras_have_them)
{
	static const struct {
		const char *text, *shown;
		size_t n;
	} cases[] = {
		{"{\"resultType\":\"task\",\"taskId\":\"7\"}",
			"{\"resultType\":\"task\",\"taskId\":\"s+7\"}", 1},
		{"{\"task\":{\"status\":\"working\",\"taskId\":\"7\"}}",
			"{\"task\":{\"status\":\"working\",\"taskId\":"
			"\"s+7\"}}",
			1},
		{RELATED("\"7\""), RELATED("\"s+7\""), 1},
		{"{\"taskId\":\"\\u0022\",\"task\":{\"taskId\":\"b\"}}",
			"{\"taskId\":\"s+\\\"\",\"task\":{\"taskId\":"
			"\"s+b\"}}",
			2},
		{"{\"content\":[{\"taskId\":\"7\"}]}",
			"{\"content\":[{\"taskId\":\"7\"}]}", 0},
		{"{\"taskId\":7,\"task\":null,\"_meta\":[]}",
			"{\"taskId\":7,\"task\":null,\"_meta\":[]}", 0},
		{"[]", "[]", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;
		buf_init(&out, 1000);
		CHECK_EQ(edited(&out, cases[i].text, "s", false), cases[i].n);
		CHECK_CSTR(buf_cstr(&out), cases[i].shown);
		buf_fini(&out);
	}
}

TEST(mcp_tasks_what_clients_say_names_the_servers_ids)
{
	struct buf out;
	buf_init(&out, 1000);
	CHECK_EQ(edited(&out, RELATED("\"s+7\""), "s", true), 1);
	CHECK_CSTR(buf_cstr(&out), RELATED("\"7\""));
	/* of another server: not ours to change */
	CHECK_EQ(edited(&out, RELATED("\"t+7\""), "s", true), 0);
	CHECK_CSTR(buf_cstr(&out), RELATED("\"t+7\""));
	buf_fini(&out);
}

TEST(mcp_tasks_an_absurd_id_is_left_as_it_is)
{
	struct buf text, out;
	buf_init(&text, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_puts(&text, "{\"taskId\":\"");
	for (int i = 0; i <= MCP_TASK_ID_MAX; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\"}");
	CHECK_EQ(edited(&out, buf_cstr(&text), "s", false), 0);
	CHECK_CSTR(buf_cstr(&out), buf_cstr(&text));
	buf_fini(&text);
	buf_fini(&out);
}
