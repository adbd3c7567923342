/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_names_test.c - URIs, capabilities and links of servers. */
#include "net/mcp_uri.h"

#include <errno.h>

#include "lib/json.h"
#include "lib/size.h"
#include "net/mcp_ask.h"
#include "net/mcp_greeting.h"
#include "net/mcp_index.h"
#include "net/mcp_level.h"
#include "net/mcp_links.h"
#include "net/mcp_stream.h"
#include "tests/unit/mem_fail.h"
#include "tests/unit/test.h"

static void check_str(struct str s, const char *want)
{
	CHECK_STR(s.p, s.n, want);
}

/* ------------------------------------------------------------------ URIs */

TEST(mcp_uri_a_name_is_inserted_and_cut_again)
{
	static const struct {
		const char *uri, *name, *shown;
	} cases[] = {
		{"file:///x.txt", "alpha", "file://alpha/x.txt"},
		{"data://blob", "alpha", "data://alpha/blob"},
		{"t://{id}/z", "alpha", "t://alpha/{id}/z"},
		{"a://", "n", "a://n/"},
		{"urn:isbn:1", "n", "n+urn:isbn:1"},
		{"", "n", "n+"},
		{"x://y://z", "n", "x://n/y://z"},
		{"x://y", "a b/\xc3\xa9", "x://a%20b%2f%c3%a9/y"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf shown, back;
		buf_init(&shown, 1000);
		buf_init(&back, 1000);
		size_t n = mcp_uri_insert(
			&shown, str_of(cases[i].uri), cases[i].name);
		check_str(buf_str(&shown), cases[i].shown);
		mcp_uri_cut(&back, buf_str(&shown), n);
		check_str(buf_str(&back), cases[i].uri);
		buf_fini(&shown);
		buf_fini(&back);
	}
}

static bool matches(const char *tmpl, const char *uri)
{
	return mcp_uri_matches(str_of(tmpl), str_of(uri));
}

TEST(mcp_uri_templates_match_what_they_expand_to)
{
	CHECK(matches("test://item/{id}/data", "test://item/7/data"));
	CHECK(matches("test://item/{id}/data", "test://item//data"));
	CHECK(!matches("test://item/{id}/data", "test://item/7/8/data"));
	CHECK(!matches("test://item/{id}/data", "test://item/7/dat"));
	CHECK(!matches("test://item/{id}/data", "test://item/7/data2"));
	CHECK(matches("file:///{+path}", "file:///a/b/c"));
	CHECK(matches("file:///{+path}.txt", "file:///a.txt/b.txt"));
	CHECK(!matches("file:///{+path}.txt", "file:///a/b.md"));
	CHECK(matches("x://{a}-{b}", "x://1-2-3"));
	CHECK(matches("x://a{?q,r}", "x://a?q=1&r=2/3"));
	CHECK(matches("x://a{?q,r}", "x://a"));
	CHECK(matches("{+any}", "what/ever"));
	CHECK(matches("{+a}/{b}/z", "1/2/3/z"));
	CHECK(!matches("{a}/z{+b}q", "1/2/z"));
	CHECK(matches("plain", "plain"));
	CHECK(!matches("plain", "plai"));
	CHECK(!matches("", "x"));
	CHECK(matches("", ""));
	/* not well-formed, but not a reason to read beyond the end */
	CHECK(matches("x://{a", "x://1"));
	CHECK(matches("x://{", "x://"));
	CHECK(matches("x://{}", "x://1"));
}

TEST(mcp_uri_absurd_lengths_match_nothing)
{
	static char text[MCP_URI_MATCH_MAX + 1];
	memset(text, 'a', sizeof(text));
	CHECK(mcp_uri_matches(STR("{+x}"), str_from(text, MCP_URI_MATCH_MAX)));
	CHECK(!mcp_uri_matches(STR("{+x}"), str_from(text, sizeof(text))));
	CHECK(!mcp_uri_matches(str_from(text, sizeof(text)), STR("a")));
}

/* ----------------------------------------------------------- capabilities */

TEST(mcp_greeting_reads_what_a_server_can)
{
	CHECK_EQ(mcp_greeting_read(STR("{}")), 0);
	CHECK_EQ(mcp_greeting_read(STR("[]")), 0);
	CHECK_EQ(mcp_greeting_read(STR("{\"tools\":{},\"prompts\":null,"
				       "\"logging\":{}}")),
		MCP_CAN_TOOLS | MCP_CAN_LOG);
	CHECK_EQ(mcp_greeting_read(STR("{\"resources\":{\"subscribe\":true},"
				       "\"completions\":{}}")),
		MCP_CAN_RESOURCES | MCP_CAN_SUBSCRIBE | MCP_CAN_COMPLETE);
	CHECK_EQ(mcp_greeting_read(STR("{\"resources\":{\"subscribe\":1}}")),
		MCP_CAN_RESOURCES);
	CHECK_EQ(mcp_greeting_read(STR("{\"tasks\":{\"cancel\":{},\"requests\":"
				       "{\"tools\":{\"call\":{}}}}}")),
		MCP_CAN_TASKS | MCP_CAN_CANCEL_TASKS);
	CHECK_EQ(mcp_greeting_read(STR("{\"tasks\":{\"requests\":[]},"
				       "\"extensions\":[]}")),
		0);
	CHECK_EQ(mcp_greeting_read(
			 STR("{\"extensions\":{\"" MCP_META "tasks\":{}}}")),
		MCP_CAN_TASK_EXTENSION);
}

TEST(mcp_ask_reads_what_a_client_offers)
{
	static const struct {
		const char *text;
		unsigned offers;
	} cases[] = {
		{"{}", 0},
		{"7", 0},
		{"{\"sampling\":{}}", MCP_OFFER_SAMPLING},
		{"{\"sampling\":{\"tools\":{}}}",
			MCP_OFFER_SAMPLING | MCP_OFFER_SAMPLING_TOOLS},
		{"{\"elicitation\":{}}", MCP_OFFER_ELICIT_FORM},
		{"{\"elicitation\":{\"form\":{}}}", MCP_OFFER_ELICIT_FORM},
		{"{\"elicitation\":{\"url\":{}}}", MCP_OFFER_ELICIT_URL},
		{"{\"elicitation\":{\"url\":{},\"form\":{}},\"roots\":{}}",
			MCP_OFFER_ELICIT_URL | MCP_OFFER_ELICIT_FORM |
				MCP_OFFER_ROOTS},
	};
	CHECK_EQ(mcp_offers_read((struct str){NULL, 0}), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(mcp_offers_read(str_of(cases[i].text)),
			cases[i].offers);
}

TEST(mcp_level_names)
{
	CHECK_EQ(mcp_level_read(STR("\"debug\"")), 0);
	CHECK_EQ(mcp_level_read(STR("\"\\u0065mergency\"")), 7);
	CHECK_EQ(mcp_level_read(STR("\"Debug\"")), -1);
	CHECK_EQ(mcp_level_read(STR("7")), -1);
}

TEST(mcp_stream_ids)
{
	uint64_t id, number;
	CHECK(mcp_stream_read_id(STR("12-345"), &id, &number));
	CHECK_EQ(id, 12);
	CHECK_EQ(number, 345);
	static const char *const bad[] = {"", "-", "1", "1-", "-1", "1-2-3",
		"1-x", "+1-2", "1-99999999999999999999"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!mcp_stream_read_id(str_of(bad[i]), &id, &number));
}

/* ------------------------------------------------------- two servers' URIs */

static struct mcp_server_config configs[2] = {
	{.name = (char[]){"one"}, .serve_tools = true},
	{.name = (char[]){"two"}, .serve_tools = true}};
static struct mcp_upstream up[2];
static struct mcp_upstream *const set[] = {&up[0], &up[1]};
static struct mcp_index x;

static void add(struct mcp_upstream *u, enum mcp_kind kind, const char *page)
{
	struct str cursor;
	CHECK_EQ(mcp_items_add_page(
			 &u->items[kind], kind, str_of(page), &cursor),
		0);
}

static void start(void)
{
	for (size_t i = 0; i < 2; i++) {
		up[i].config = &configs[i];
		up[i].can = MCP_CAN_RESOURCES;
		buf_init(&up[i].instructions, 100);
		for (unsigned k = 0; k < MCP_KINDS; k++)
			mcp_items_init(&up[i].items[k]);
		add(&up[i], MCP_TEMPLATES,
			"{\"resourceTemplates\":[{\"uriTemplate\":"
			"\"t://{id}/z\"}]}");
	}
	add(&up[0], MCP_RESOURCES, "{\"resources\":[{\"uri\":\"a://b\"}]}");
	add(&up[1], MCP_RESOURCES,
		"{\"resources\":[{\"uri\":\"a:\\/\\/b\",\"n\":1.0},"
		"{\"uri\":\"a://c\"}]}");
	mcp_index_init(&x);
}

static void end(void)
{
	mcp_index_fini(&x);
	for (size_t i = 0; i < 2; i++)
		for (unsigned k = 0; k < MCP_KINDS; k++)
			mcp_items_fini(&up[i].items[k]);
}

TEST(mcp_index_equal_uris_are_renamed)
{
	struct mcp_place places[MCP_PLACES_MAX];
	start();
	CHECK_EQ(mcp_index_build(&x, set, 2), 0);
	CHECK(x.renamed);
	check_str(buf_str(&x.table[MCP_RESOURCES].list),
		"{\"resources\":[{\"uri\":\"a://b\"},"
		"{\"uri\":\"a://two/b\",\"n\":1.0},{\"uri\":\"a://c\"}]}");
	size_t n = mcp_index_places(&x, set, 2, STR("a://two/b"), places);
	CHECK_EQ(n, 2);
	CHECK(places[0].upstream == &up[1] && places[0].inserted == 4);
	CHECK(places[1].upstream == &up[0] && places[1].inserted == 0);
	n = mcp_index_places(&x, set, 2, STR("t://two/7/z"), places);
	CHECK(n == 2 && places[0].upstream == &up[1]);
	CHECK_EQ(places[0].inserted, 4);
	n = mcp_index_places(&x, set, 2, STR("no:where"), places);
	CHECK(n == 2 && places[0].upstream == &up[0]);
	CHECK_EQ(mcp_index_build(&x, set, 1), 0);
	CHECK(!x.renamed);
	end();
}

TEST(mcp_links_show_uris_as_clients_know_them)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"result\":{\"content\":["
		"{\"type\":\"resource_link\",\"uri\":\"a:\\/\\/b\"},"
		"{\"type\":\"text\",\"uri\":\"a://b\"},"
		"{\"type\":\"resource\",\"resource\":{\"uri\":\"t://7/z\"}},"
		"7],\"contents\":[{\"uri\":\"a://c\"},{\"uri\":\"a://b\"}],"
		"\"messages\":[{\"content\":{\"type\":\"resource\","
		"\"resource\":{\"uri\":\"a://b\"}}},[]]},\"id\":5}";
	struct buf out;
	start();
	CHECK_EQ(mcp_index_build(&x, set, 2), 0);
	buf_init(&out, 10000);
	struct str id = json_member(str_of(text), "id");
	struct mcp_edits edits = {.e = {{id, STR("\"i\"")}}, .n = 1};
	mcp_links_put(&out, &x, &up[1], str_of(text), &edits);
	check_str(buf_str(&out),
		"{\"jsonrpc\":\"2.0\",\"result\":{\"content\":["
		"{\"type\":\"resource_link\",\"uri\":\"a://two/b\"},"
		"{\"type\":\"text\",\"uri\":\"a://b\"},{\"type\":\"resource\","
		"\"resource\":{\"uri\":\"t://two/7/z\"}},7],"
		"\"contents\":[{\"uri\":\"a://c\"},{\"uri\":\"a://two/b\"}],"
		"\"messages\":[{\"content\":{\"type\":\"resource\","
		"\"resource\":{\"uri\":\"a://two/b\"}}},[]]},\"id\":\"i\"}");
	buf_reset(&out);
	edits.e[0].with = STR("5");
	mcp_links_put(&out, &x, &up[0], str_of(text), &edits);
	check_str(buf_str(&out), text);
	buf_fini(&out);
	end();
}

TEST(mcp_index_memory_short)
{
	start();
	EACH_FAILURE(f)
	{
		int r = mcp_index_build(&x, set, 2);
		CHECK_EQ(r, mem_failed() ? -ENOMEM : 0);
		if (r == 0) { /* as before, for the count */
			mcp_index_fini(&x);
			f.held = mem_fail_held;
		}
	}
	end();
}

/* ------------------------------------------------------------- statistics */

TEST(mcp_stats_quantiles_are_right_within_a_quarter)
{
	struct mcp_stats s = {0};
	CHECK_EQ(mcp_stats_quantile(&s, 500), 0);
	for (uint64_t us = 1; us <= 1000; us++)
		mcp_stats_add(
			&s, us, us % 10 == 0 ? MCP_CALL_ERROR : MCP_CALL_OK);
	CHECK_EQ(mcp_stats_calls(&s), 1000);
	CHECK_EQ(mcp_stats_errors(&s), 100);
	CHECK_EQ(s.total_us, 500500);
	CHECK_EQ(s.max_us, 1000);
	for (unsigned p = 1; p <= 1000; p++) {
		uint64_t q = mcp_stats_quantile(&s, p);
		CHECK(q >= p && q <= p + p / 4);
	}
	mcp_stats_add(&s, UINT64_MAX, MCP_CALL_TIMEOUT);
	CHECK(mcp_stats_quantile(&s, 1000) > 1000000000);
}

TEST(mcp_stats_count_what_is_below_powers_of_two)
{
	struct mcp_stats s = {0};
	for (uint64_t us = 0; us < 5000; us++)
		mcp_stats_add(&s, us, MCP_CALL_CANCELLED);
	for (unsigned power = 2; power <= 12; power++)
		CHECK_EQ(mcp_stats_below(&s, power), UINT64_C(1) << power);
	CHECK_EQ(mcp_stats_below(&s, 40), 5000);
	CHECK_EQ(mcp_stats_errors(&s), 0);
}
