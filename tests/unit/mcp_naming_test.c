/* SPDX-License-Identifier: MIT */
/* tests/unit/mcp_naming_test.c - names as clients see them, and their enums. */
#include "net/mcp_names.h"

#include "net/mcp_enums.h"
#include "net/mcp_identity.h"
#include "tests/unit/test.h"

static bool allows(const char *entry, const char *name)
{
	char text[64];
	char *list[] = {text, NULL};
	snprintf(text, sizeof(text), "%s", entry);
	const struct mcp_naming naming = {.allowed = list};
	return mcp_naming_allows(&naming, str_of(name));
}

TEST(mcp_names_an_entry_is_a_name_or_its_end)
{
	CHECK(allows("b", "b"));
	CHECK(allows("b", "one_b"));
	CHECK(allows("one_b", "one_b"));
	CHECK(!allows("one_b", "b"));
	CHECK(!allows("b", "ab"));
	CHECK(!allows("b", "one_b_"));
	CHECK(allows("a*", "one_ab"));
	CHECK(allows("one_*", "one_ab"));
	CHECK(!allows("a?", "one_abc"));
	CHECK(!allows("", "b"));
	const struct mcp_naming all = {.allowed = NULL};
	CHECK(mcp_naming_allows(&all, STR("whatever")));
}

static struct str shortened(struct buf *b, const char *name)
{
	buf_init(b, 1024);
	buf_puts(b, name);
	(void)mcp_name_shorten(b, 0);
	return buf_str(b);
}

TEST(mcp_names_are_cut_between_characters)
{
	struct buf a, b;
	char same[MCP_SHOWN_MAX + 1], wide[200] = "";
	memset(same, 'x', MCP_SHOWN_MAX);
	same[MCP_SHOWN_MAX] = '\0';
	struct str kept = shortened(&a, same);
	CHECK_STR(kept.p, kept.n, same);
	buf_fini(&a);
	for (int i = 0; i < 60; i++)
		memcpy(wide + 2 * i, "\xc3\xa9", 3);
	struct str one = shortened(&a, wide);
	CHECK(one.n <= MCP_SHOWN_MAX);
	/* 51 bytes are left for the beginning: 25 characters, and a hash */
	CHECK_EQ(one.n, 50 + 13);
	wide[118] = 'y';
	wide[119] = '\0';
	struct str two = shortened(&b, wide);
	CHECK(!str_eq(one, two));
	CHECK(str_eq(str_first(one, 51), str_first(two, 51)));
	buf_fini(&a);
	buf_fini(&b);
}

TEST(mcp_enums_with_other_things_than_strings_go)
{
	static const char *const cases[][2] = {
		{"{\"enum\":[\"a\"], \"x\": 1}",
			"{\"enum\":[\"a\"], \"x\": 1}"},
		{"{\"enum\":[1],\"x\":1}", "{\"x\":1}"},
		{"{\"x\":1,\"enum\":[\"a\",null]}", "{\"x\":1}"},
		{"{\"enum\":[]}", "{\"enum\":[]}"},
		{"{\"enum\":{\"enum\":[{}],\"y\":2}}", "{\"enum\":{\"y\":2}}"},
		{"[[{\"enum\":[true]}],\"enum\",[1]]", "[[{}],\"enum\",[1]]"},
		{"true", "true"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, 256);
		mcp_enums_put(&out, str_of(cases[i][0]));
		CHECK_STR(buf_str(&out).p, out.n, cases[i][1]);
		buf_fini(&out);
	}
}

TEST(mcp_identity_keeps_what_is_about_the_connection)
{
	CHECK(mcp_identity_passes(STR("Cookie")));
	CHECK(mcp_identity_passes(STR("traceparent")));
	CHECK(mcp_identity_passes(STR("X-Agent-Id")));
	CHECK(!mcp_identity_passes(STR("authorization")));
	CHECK(!mcp_identity_passes(STR("PROXY-Authorization")));
	CHECK(!mcp_identity_passes(STR("mcp-session-id")));
	CHECK(!mcp_identity_passes(STR("transfer-encoding")));
}
