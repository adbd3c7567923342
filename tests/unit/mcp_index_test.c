/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_index_test.c - lists of items, their index, and sessions. */
#include "net/mcp_items.h"

#include <errno.h>

#include "lib/json.h"
#include "lib/size.h"
#include "net/mcp_index.h"
#include "net/mcp_session.h"
#include "tests/unit/test.h"

static struct mcp_items tools;
static struct str cursor;

static int add(const char *page)
{
	return mcp_items_add_page(&tools, MCP_TOOLS, str_of(page), &cursor);
}

static void check_str(struct str s, const char *want)
{
	CHECK_STR(s.p, s.n, want);
}

TEST(mcp_items_pages_are_kept_as_bytes)
{
	mcp_items_init(&tools);
	CHECK_EQ(add("{\"tools\":[{\"name\":\"a\", \"x\":1.0},"
		     "{\"b\":{\"name\":\"no\"},\"n\\u0061me\":\"\\u0062\"}],"
		     "\"nextCursor\":\"c1\"}"),
		0);
	check_str(cursor, "\"c1\"");
	CHECK_EQ(add("{\"nextCursor\":null,\"tools\":[{\"name\":\"c\"}]}"), 0);
	CHECK(!cursor.p);
	CHECK_EQ(add("{\"tools\":[]}"), 0);
	CHECK_EQ(tools.n, 3);
	check_str(mcp_item_raw(&tools, 0), "{\"name\":\"a\", \"x\":1.0}");
	check_str(mcp_item_key(&tools, 1), "\"\\u0062\"");
	check_str(mcp_item_key(&tools, 2), "\"c\"");
	mcp_items_fini(&tools);
	CHECK_EQ(tools.n, 0);
}

TEST(mcp_items_what_is_no_list_is_refused)
{
	static const char *const bad[] = {"{}", "[]", "1", "null",
		"{\"tools\":{}}", "{\"tools\":null}", "{\"tools\":\"x\"}",
		"{\"tools\":[1]}", "{\"tools\":[[]]}", "{\"tools\":[{}]}",
		"{\"tools\":[{\"name\":1}]}", "{\"tools\":[{\"name\":null}]}",
		"{\"tools\":[],\"tools\":[]}",
		"{\"tools\":[{\"name\":\"a\",\"name\":\"b\"}]}",
		"{\"tools\":[{\"name\":\"a\",\"\\u006eame\":\"b\"}]}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		mcp_items_init(&tools);
		if (add(bad[i]) != -EPROTO)
			printf("# %s\n", bad[i]);
		CHECK_EQ(add(bad[i]), -EPROTO);
		mcp_items_fini(&tools);
	}
}

TEST(mcp_items_limit_of_number)
{
	mcp_items_init(&tools);
	for (int i = 0; i < MCP_ITEMS_MAX; i++)
		CHECK_EQ(add("{\"tools\":[{\"name\":\"a\"}]}"), 0);
	CHECK_EQ(add("{\"tools\":[{\"name\":\"a\"}]}"), -E2BIG);
	CHECK_EQ(tools.n, MCP_ITEMS_MAX);
	mcp_items_fini(&tools);
}

TEST(mcp_items_limit_of_bytes)
{
	struct buf page;
	int r = 0, n = 0;
	buf_init(&page, 2 << 20);
	buf_puts(&page, "{\"tools\":[{\"name\":\"");
	char *p = buf_reserve(&page, 1 << 20);
	memset(p, 'x', 1 << 20);
	buf_commit(&page, 1 << 20);
	buf_puts(&page, "\"}]}");
	mcp_items_init(&tools);
	while (r == 0 && n++ < 100)
		r = add(buf_cstr(&page));
	CHECK_EQ(r, -E2BIG);
	CHECK_EQ(n, 16);
	CHECK_EQ(tools.n, 15);
	mcp_items_fini(&tools);
	buf_fini(&page);
}

TEST(mcp_items_equality)
{
	struct mcp_items other;
	mcp_items_init(&tools);
	mcp_items_init(&other);
	CHECK(mcp_items_equal(&tools, &other));
	CHECK_EQ(add("{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}]}"), 0);
	CHECK(!mcp_items_equal(&tools, &other));
	CHECK_EQ(mcp_items_add_page(&other, MCP_TOOLS,
			 STR("{\"tools\":[{\"name\":\"a\"}]}"), &cursor),
		0);
	CHECK(!mcp_items_equal(&tools, &other));
	CHECK_EQ(mcp_items_add_page(&other, MCP_TOOLS,
			 STR("{\"tools\":[{\"name\":\"b\"}]}"), &cursor),
		0);
	CHECK(mcp_items_equal(&tools, &other));
	mcp_items_fini(&tools);
	mcp_items_fini(&other);
}

/* ---------------------------------------------------------------- index */

static struct mcp_server_config configs[3] = {
	{.name = (char[]){"one"}, .serve_tools = true},
	{.name = (char[]){"t\"wo"}, .serve_tools = true},
	{.name = (char[]){"mute"}, .serve_tools = false}};
static struct mcp_upstream up[3];
static struct mcp_upstream *const set[] = {&up[0], &up[1], &up[2]};
static struct mcp_index x;

static void start_index(void)
{
	static const char *const pages[] = {
		"{\"tools\":[{\"name\":\"b\",\"d\":1},{\"d\":2,\"name\":"
		"\"\\u0061\"}]}",
		"{\"tools\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
		"{\"tools\":[{\"name\":\"never\"}]}"};
	for (size_t i = 0; i < 3; i++) {
		up[i].config = &configs[i];
		mcp_items_init(&up[i].items[MCP_TOOLS]);
		CHECK_EQ(mcp_items_add_page(&up[i].items[MCP_TOOLS], MCP_TOOLS,
				 str_of(pages[i]), &cursor),
			0);
	}
	mcp_index_init(&x);
}

static void end_index(void)
{
	for (size_t i = 0; i < 3; i++)
		mcp_items_fini(&up[i].items[MCP_TOOLS]);
	mcp_index_fini(&x);
}

TEST(mcp_index_one_server_keeps_its_names)
{
	start_index();
	CHECK_EQ(mcp_index_build(&x, set, 1), 0);
	check_str(buf_str(&x.table[MCP_TOOLS].list),
		"{\"tools\":[{\"name\":\"b\",\"d\":1},{\"d\":2,\"name\":"
		"\"\\u0061\"}]}");
	const struct mcp_entry *e = mcp_index_find(&x, MCP_TOOLS, STR("a"));
	CHECK(e && e->upstream == &up[0] && e->item == 1);
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("one_a")));
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("")));
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("zzz")));
	/* one that does not serve its tools counts as none */
	struct mcp_upstream *const two[] = {&up[2], &up[0]};
	CHECK_EQ(mcp_index_build(&x, two, 2), 0);
	CHECK(mcp_index_find(&x, MCP_TOOLS, STR("b")));
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("never")));
	CHECK_EQ(x.table[MCP_TOOLS].n, 2);
	end_index();
}

TEST(mcp_index_several_servers_have_prefixes)
{
	start_index();
	CHECK_EQ(mcp_index_build(&x, set, 3), 0);
	check_str(buf_str(&x.table[MCP_TOOLS].list),
		"{\"tools\":[{\"name\":\"one_b\",\"d\":1},{\"d\":2,\"name\":"
		"\"one_a\"},{\"name\":\"t\\\"wo_a\"}]}");
	CHECK_EQ(json_check(buf_str(&x.table[MCP_TOOLS].list), NULL), 0);
	const struct mcp_entry *e =
		mcp_index_find(&x, MCP_TOOLS, STR("t\"wo_a"));
	/* the first of two equal names wins */
	CHECK(e && e->upstream == &up[1] && e->item == 0);
	e = mcp_index_find(&x, MCP_TOOLS, STR("one_b"));
	CHECK(e && e->upstream == &up[0] && e->item == 0);
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("a")));
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("mute_never")));
	end_index();
}

TEST(mcp_index_lists_a_name_once)
{
	start_index();
	CHECK_EQ(mcp_index_build(&x, set + 1, 1), 0);
	check_str(buf_str(&x.table[MCP_TOOLS].list),
		"{\"tools\":[{\"name\":\"a\"}]}");
	const struct mcp_entry *e = mcp_index_find(&x, MCP_TOOLS, STR("a"));
	CHECK(e && e->item == 0);
	end_index();
}

TEST(mcp_index_forgets_a_server)
{
	start_index();
	CHECK_EQ(mcp_index_build(&x, set, 3), 0);
	mcp_index_forget(&x, &up[0]);
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("one_a")));
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("one_b")));
	CHECK(mcp_index_find(&x, MCP_TOOLS, STR("t\"wo_a")));
	end_index();
}

TEST(mcp_index_of_nothing)
{
	mcp_index_init(&x);
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("a")));
	CHECK_EQ(mcp_index_build(&x, set, 0), 0);
	check_str(buf_str(&x.table[MCP_TOOLS].list), "{\"tools\":[]}");
	CHECK(!mcp_index_find(&x, MCP_TOOLS, STR("")));
	mcp_index_fini(&x);
}

TEST(mcp_index_finds_every_name)
{
	struct buf page;
	char name[32];
	buf_init(&page, 1 << 20);
	buf_puts(&page, "{\"tools\":[");
	for (int i = 0; i < 1000; i++)
		buf_putf(&page, "%s{\"name\":\"%d\"}", i ? "," : "",
			i * 7919 % 1000);
	buf_puts(&page, "]}");
	start_index();
	CHECK_EQ(mcp_items_add_page(&up[0].items[MCP_TOOLS], MCP_TOOLS,
			 buf_str(&page), &cursor),
		0);
	CHECK_EQ(mcp_index_build(&x, set, 1), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		const struct mcp_entry *e =
			mcp_index_find(&x, MCP_TOOLS, str_of(name));
		CHECK(e);
		CHECK(json_str_is(
			mcp_item_key(&up[0].items[MCP_TOOLS], e->item),
			str_of(name)));
	}
	buf_fini(&page);
	end_index();
}

/* ------------------------------------------------------------- sessions */

static struct mcp_sessions all;

static struct mcp_session *fresh(void)
{
	struct mcp_session *s = mcp_session_new(&all, STR("2025-11-25"));
	CHECK(s);
	return s;
}

static void end_all(void)
{
	while (all.oldest)
		mcp_session_end(&all, all.oldest);
	CHECK_EQ(all.n, 0);
	CHECK(!all.newest);
	for (size_t i = 0; i < MCP_SESSION_BUCKETS; i++)
		CHECK(!all.bucket[i]);
}

TEST(mcp_session_is_found_by_its_id_alone)
{
	struct mcp_session *a = fresh(), *b = fresh();
	CHECK_EQ(strlen(a->id), 32);
	CHECK(strcmp(a->id, b->id) != 0);
	CHECK_CSTR(a->version, "2025-11-25");
	CHECK(mcp_session_find(&all, str_of(a->id)) == a);
	CHECK(mcp_session_find(&all, str_of(b->id)) == b);
	CHECK(!mcp_session_find(&all, str_first(str_of(a->id), 31)));
	CHECK(!mcp_session_find(&all, (struct str){NULL, 0}));
	CHECK(!mcp_session_find(&all, str_from(a->id, 33))); /* with the NUL */
	char id[33];
	memcpy(id, a->id, sizeof(id));
	mcp_session_end(&all, a);
	CHECK(!mcp_session_find(&all, str_of(id)));
	end_all();
}

TEST(mcp_session_order_is_that_of_use)
{
	struct mcp_session *a = fresh(), *b = fresh(), *c = fresh();
	CHECK(all.oldest == a && all.newest == c);
	mcp_session_find(&all, str_of(b->id));
	CHECK(all.oldest == a && all.newest == b && b->older == c);
	mcp_session_find(&all, str_of(a->id));
	CHECK(all.oldest == c && all.newest == a);
	mcp_session_find(&all, str_of(a->id));
	CHECK(all.newest == a && a->older == b && c->newer == b);
	mcp_session_end(&all, b);
	CHECK(all.oldest == c && a->older == c && c->newer == a);
	end_all();
}

TEST(mcp_session_over_the_limit_the_idle_ones_go_first)
{
	struct mcp_session *busy = fresh(), *streaming = fresh();
	struct mcp_session *idle = fresh();
	char id[33];
	memcpy(id, idle->id, sizeof(id));
	busy->posts = 1;
	struct mcp_stream own = {.x = (struct http_exchange *)(void *)&all};
	streaming->own = &own;
	while (all.n < MCP_SESSIONS_MAX)
		fresh();
	fresh();
	CHECK_EQ(all.n, MCP_SESSIONS_MAX);
	CHECK(mcp_session_find(&all, str_of(busy->id)) == busy);
	CHECK(mcp_session_find(&all, str_of(streaming->id)) == streaming);
	CHECK(!mcp_session_find(&all, str_of(id)));
	/* all of them busy: no more */
	for (struct mcp_session *s = all.oldest; s; s = s->newer)
		s->posts = 1;
	CHECK(!mcp_session_new(&all, STR("v")));
	for (struct mcp_session *s = all.oldest; s; s = s->newer)
		s->posts = 0;
	end_all();
}

TEST(mcp_session_lives_until_the_last_post)
{
	struct mcp_session *s = fresh();
	s->posts = 2;
	mcp_session_end(&all, s);
	CHECK(s->ended);
	CHECK_EQ(all.n, 0);
	mcp_session_unref(s);
	CHECK_EQ(s->posts, 1);
	mcp_session_unref(s); /* the leak checker would miss it otherwise */
	s = fresh();
	s->posts = 1;
	mcp_session_unref(s);
	CHECK(mcp_session_find(&all, str_of(s->id)) == s);
	end_all();
}

TEST(mcp_session_version_is_cut_to_its_place)
{
	struct mcp_session *s = mcp_session_new(
		&all, STR("2025-11-25-and-much-more-than-fits"));
	CHECK(s);
	CHECK_CSTR(s->version, "2025-11-25-and-");
	end_all();
}
