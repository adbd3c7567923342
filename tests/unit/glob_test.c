/* SPDX-License-Identifier: MIT */
/* tests/unit/glob_test.c - shell patterns. */
#include "lib/glob.h"

#include "test.h"

static bool match(const char *pattern, const char *text, unsigned flags)
{
	return glob_match(str_of(pattern), str_of(text), flags);
}

TEST(glob_plain_text_and_question_marks)
{
	CHECK(match("", "", 0));
	CHECK(match("abc", "abc", 0));
	CHECK(!match("abc", "ab", 0));
	CHECK(!match("ab", "abc", 0));
	CHECK(match("a?c", "abc", 0));
	CHECK(!match("a?c", "ac", 0));
	CHECK(match("a\\*", "a*", 0));
	CHECK(!match("a\\*", "ab", 0));
}

TEST(glob_stars)
{
	CHECK(match("*", "", 0));
	CHECK(match("*", "any/thing", 0));
	CHECK(match("*.txt", "a.txt.txt", 0));
	CHECK(!match("*.txt", "a.txt.c", 0));
	CHECK(match("a*b*c", "a1b2b3c", 0));
	CHECK(!match("a*b*c", "a1b2b3", 0));
	CHECK(match("**a", "bba", 0));
}

TEST(glob_brackets)
{
	CHECK(match("[abc]x", "bx", 0));
	CHECK(!match("[abc]x", "dx", 0));
	CHECK(match("[a-f0-9]", "7", 0));
	CHECK(!match("[!a-f]", "c", 0));
	CHECK(match("[^a-f]", "g", 0));
	CHECK(match("[]a]", "]", 0));
	CHECK(match("[a-]", "-", 0));
	CHECK(match("[", "[", 0));
	CHECK(match("a[b", "a[b", 0));
}

TEST(glob_slashes)
{
	CHECK(match("a*", "a/b", 0));
	CHECK(!match("a*", "a/b", GLOB_SLASH));
	CHECK(!match("a?b", "a/b", GLOB_SLASH));
	CHECK(!match("a[/]b", "a/b", GLOB_SLASH));
	CHECK(match("a/*", "a/b", GLOB_SLASH));
}

TEST(glob_leading_directories)
{
	CHECK(match("dir", "dir/file", GLOB_LEADING));
	CHECK(match("d*", "dir/file", GLOB_LEADING));
	CHECK(!match("dir", "dirs/file", GLOB_LEADING));
	CHECK(!match("file", "dir/file", GLOB_LEADING));
}

TEST(glob_many_stars_take_no_exponential_time)
{
	char text[4001];
	char pattern[101];
	memset(text, 'a', 4000);
	text[4000] = '\0';
	for (size_t i = 0; i < 100; i += 2) {
		pattern[i] = '*';
		pattern[i + 1] = 'a';
	}
	pattern[98] = 'b';
	pattern[100] = '\0';
	CHECK(!match(pattern, text, 0));
}
