/* SPDX-License-Identifier: MIT */
/* tests/unit/fmt_test.c - the formatter says what the C library would say. */
#include "lib/fmt.h"

#include <limits.h>

#include "tests/unit/test.h"

/* ours and snprintf's, with every capacity from 0 to more than enough */
#define SAME(...)                                                             \
	do {                                                                  \
		char want[256], got[256];                                     \
		int all = snprintf(want, sizeof(want), __VA_ARGS__);          \
		for (size_t cap = 0; cap <= (size_t)all + 2; cap++) {         \
			memset(got, '#', sizeof(got));                        \
			CHECK_EQ(fmt_str(got, cap, __VA_ARGS__), all);        \
			CHECK_EQ(got[cap], '#');                              \
			if (cap == 0)                                         \
				continue;                                     \
			size_t n = (size_t)all < cap ? (size_t)all : cap - 1; \
			CHECK_MEM(got, strlen(got), want, n);                 \
		}                                                             \
	} while (0)

TEST(fmt_integers_of_every_size)
{
	SAME("%d %d %d", 0, INT_MIN, INT_MAX);
	SAME("%i|%u|%x|%o", -7, UINT_MAX, UINT_MAX, UINT_MAX);
	SAME("%ld %lld %lu %llu", LONG_MIN, LLONG_MIN, ULONG_MAX, ULLONG_MAX);
	SAME("%zu %zx %jd", SIZE_MAX, SIZE_MAX, INTMAX_MIN);
	SAME("%lx %llo", ULONG_MAX, ULLONG_MAX);
}

TEST(fmt_width_and_flags)
{
	SAME("[%5d][%-5d][%05d]", 42, 42, 42);
	SAME("[%5d][%-5d][%05d]", -42, -42, -42);
	SAME("[%2d][%02d]", -12345, -12345);
	SAME("[%*d][%-*d]", 6, 1, 6, 1);
	SAME("[%3c][%-3c]", 'x', 'y');
	SAME("[%8s][%-8s][%.2s][%8.2s]", "abc", "abc", "abc", "abc");
	SAME("[%.*s][%*.*s]", 2, "abcdef", 5, 1, "abcdef");
	SAME("[%.0s][%04x][%03o]", "abc", 0xabu, 5u);
}

TEST(fmt_plain_text_and_percent)
{
	SAME("%s", "");
	SAME("100%%");
	SAME("%%%s%%", "x");
	SAME("a%cb", 'z');
}

TEST(fmt_string_with_precision_needs_no_terminator)
{
	char raw[3] = {'a', 'b', 'c'};
	char got[16];
	CHECK_EQ(fmt_str(got, sizeof(got), "%.*s", 3, raw), 3);
	CHECK_CSTR(got, "abc");
}

TEST(fmt_null_string_is_said)
{
	char got[16];
	const char *volatile none = NULL;
	fmt_str(got, sizeof(got), "%s", none);
	CHECK_CSTR(got, "(null)");
}

TEST(fmt_u64_digits)
{
	char got[FMT_U64_MAX];
	CHECK_STR(got, fmt_u64(got, 0), "0");
	CHECK_STR(got, fmt_u64(got, 10), "10");
	CHECK_STR(got, fmt_u64(got, UINT64_MAX), "18446744073709551615");
}

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
TEST(fmt_unknown_conversion_stays)
{
	char got[32];
	fmt_str(got, sizeof(got), "a%qb");
	CHECK_CSTR(got, "a%qb");
	CHECK_EQ(fmt_str(got, sizeof(got), "end%"), 4);
	CHECK_CSTR(got, "end%");
}
