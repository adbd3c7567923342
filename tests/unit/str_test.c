/* SPDX-License-Identifier: MIT */
/* tests/unit/str_test.c - borrowed strings and the UTF-8 decoder. */
#include "lib/str.h"
#include "lib/utf8.h"
#include "tests/unit/test.h"

TEST(str_equality_looks_at_every_byte)
{
	CHECK(str_eq(STR("a\0b"), STR("a\0b")));
	CHECK(!str_eq(STR("a\0b"), STR("a\0c")));
	CHECK(!str_eq(STR("a"), STR("ab")));
	CHECK(str_eq((struct str){NULL, 0}, STR("")));
	CHECK(str_is(STR("abc"), "abc"));
	CHECK(!str_is(STR("abc\0"), "abc"));
	CHECK_EQ(str_of(NULL).n, 0);
}

TEST(str_prefix_and_suffix)
{
	CHECK(str_starts(STR("abc"), STR("ab")));
	CHECK(str_starts(STR("abc"), STR("")));
	CHECK(str_starts((struct str){NULL, 0}, STR("")));
	CHECK(!str_starts(STR("ab"), STR("abc")));
	CHECK(str_ends(STR("abc"), STR("bc")));
	CHECK(str_ends(STR("abc"), STR("")));
	CHECK(!str_ends(STR("c"), STR("bc")));
}

TEST(str_parts_are_clamped)
{
	CHECK_EQ(str_from_index(STR("abc"), 9).n, 0);
	CHECK_STR(str_from_index(STR("abc"), 1).p, 2, "bc");
	CHECK_EQ(str_first(STR("abc"), 9).n, 3);
	CHECK_EQ(str_first(STR("abc"), 2).n, 2);
	CHECK_EQ(str_from_index((struct str){NULL, 0}, 4).n, 0);
}

TEST(str_find_gives_the_first_or_the_length)
{
	CHECK_EQ(str_index(STR("a,b,c"), ','), 1);
	CHECK_EQ(str_index(STR("abc"), ','), 3);
	CHECK_EQ(str_index((struct str){NULL, 0}, ','), 0);
	CHECK_EQ(str_find(STR("aabaab"), STR("ab")), 1);
	CHECK_EQ(str_find(STR("aab"), STR("x")), 3);
	CHECK_EQ(str_find(STR("a\0b"), STR("\0b")), 1);
	CHECK_EQ(str_find(STR("abc"), (struct str){NULL, 0}), 0);
	CHECK(str_has(STR("abc"), STR("bc")));
	CHECK(str_has(STR(""), STR("")));
	CHECK(!str_has(STR("bc"), STR("abc")));
}

TEST(str_case_is_ignored_for_ascii_letters_alone)
{
	CHECK(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
	CHECK(!str_eq_nocase(STR("@"), STR("`")));
	CHECK(!str_eq_nocase(STR("["), STR("{")));
	CHECK(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
	CHECK(!str_eq_nocase(STR("a"), STR("ab")));
}

TEST(str_trim_takes_spaces_and_tabs_alone)
{
	struct str s = str_trim(STR(" \t a b\t "));
	CHECK_STR(s.p, s.n, "a b");
	s = str_trim(STR(" \t "));
	CHECK_EQ(s.n, 0);
	s = str_trim(STR("\na\r"));
	CHECK_EQ(s.n, 3);
}

/* the parts of `list` with '|' between them */
static void check_parts(const char *list, const char *want)
{
	char got[64];
	size_t n = 0;
	struct str rest = str_of(list);
	while (rest.p) {
		struct str part = str_cut(&rest, ',');
		memcpy(got + n, part.p, part.n);
		n += part.n;
		got[n++] = '|';
	}
	CHECK_STR(got, n, want);
}

TEST(str_cut_visits_every_part)
{
	check_parts("a,b,c", "a|b|c|");
	check_parts("", "|");
	check_parts(",", "||");
	check_parts("a,", "a||");
	check_parts(",,a", "||a|");
}

TEST(str_decimal_is_strict)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1",
		"1.0", "18446744073709551616", "99999999999999999999", "1\n",
		"184467440737095516150"};
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!str_to_u64(str_of(bad[i]), &v));
	CHECK(!str_to_u64(STR("1\0"), &v));
	CHECK_EQ(v, 7);
	CHECK(str_to_u64(STR("18446744073709551615"), &v));
	CHECK(v == UINT64_MAX);
	CHECK(str_to_u64(STR("000"), &v));
	CHECK_EQ(v, 0);
}

TEST(str_hex_digits)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	for (int c = -128; c < 128; c++) {
		const char *at = c ? strchr(digits, (char)c) : NULL;
		int want = at ? (int)(at - digits) : -1;
		CHECK_EQ(str_hex_digit((char)c), want > 15 ? want - 6 : want);
	}
}

TEST(str_distance_counts_edits)
{
	char a[100], b[100];
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	CHECK_EQ(str_distance(STR("kitten"), STR("sitting")), 3);
	CHECK_EQ(str_distance(STR(""), STR("abc")), 3);
	CHECK_EQ(str_distance(STR("abc"), STR("")), 3);
	CHECK_EQ(str_distance(STR("abc"), STR("abc")), 0);
	CHECK_EQ(str_distance(str_from(a, 100), str_from(b, 100)), 64);
}

TEST(str_hash_is_fnv1a)
{
	CHECK_EQ(str_hash(STR("")), 0x811c9dc5u);
	CHECK_EQ(str_hash(STR("a")), 0xe40c292cu);
	CHECK_EQ(str_hash(STR("foobar")), 0xbf9cf968u);
}

/* ---------------------------------------------------------------- UTF-8 */

TEST(utf8_every_scalar_value_comes_back)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char c[4];
		size_t n = utf8_put(c, code);
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		CHECK_EQ(utf8_len(c, c + n), surrogate ? 0 : n);
		/* cut short it is not well formed */
		for (size_t cut = 0; cut < n; cut++)
			CHECK_EQ(utf8_len(c, c + cut), 0);
	}
}

/* the reference: decode, then ask whether that is the shortest form */
static size_t slow_len(const unsigned char *p)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = 0;
	uint32_t code;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >> 5 == 6)
		n = 2;
	else if (p[0] >> 4 == 14)
		n = 3;
	else if (p[0] >> 3 == 30)
		n = 4;
	else
		return 0;
	code = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff ||
		(code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

TEST(utf8_all_pairs_and_edges_of_longer_sequences)
{
	static const unsigned char edge[] = {
		0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
	for (unsigned i = 0; i < 0x10000; i++) {
		for (size_t j = 0; j < 100; j++) {
			unsigned char c[4] = {(unsigned char)(i >> 8),
				(unsigned char)i, edge[j / 10], edge[j % 10]};
			const char *p = (const char *)c;
			CHECK_EQ(utf8_len(p, p + 4), slow_len(c));
		}
	}
}
