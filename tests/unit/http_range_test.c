/* SPDX-License-Identifier: MIT */
/* tests/unit/http_range_test.c - Range fields (RFC 9110 section 14). */
#include "net/http_range.h"

#include "lib/size.h"
#include "test.h"

struct answer {
	const char *value;
	int n;
	struct http_range v[3];
};

static void check(const struct answer *a, uint64_t size)
{
	struct http_range v[HTTP_RANGES_MAX];
	int n = http_range_read(str_of(a->value), size, v);
	if (n != a->n)
		printf("# %s\n", a->value);
	CHECK_EQ(n, a->n);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(v[i].first, a->v[i].first);
		CHECK_EQ(v[i].n, a->v[i].n);
	}
}

TEST(http_range_of_a_thousand_bytes)
{
	static const struct answer answers[] = {
		{"bytes=0-0", 1, {{0, 1}}},
		{"bytes=0-499", 1, {{0, 500}}},
		{"bytes=500-", 1, {{500, 500}}},
		{"bytes=-1", 1, {{999, 1}}},
		{"bytes=-5000", 1, {{0, 1000}}},
		{"bytes=990-5000", 1, {{990, 10}}},
		{"Bytes=1-2", 1, {{1, 2}}},
		{"bytes = 1-2 , 4-4", 2, {{1, 2}, {4, 1}}},
		{"bytes=5-5,,1-1,", 2, {{5, 1}, {1, 1}}},
		{"bytes=0-0,1000-", 1, {{0, 1}}},
		{"bytes=0-99999999999999999999999", 1, {{0, 1000}}},
		/* none of them can be had */
		{"bytes=1000-", 0, {{0, 0}}},
		{"bytes=1000-1001,2000-", 0, {{0, 0}}},
		{"bytes=-0", 0, {{0, 0}}},
		{"bytes=99999999999999999999999-", 0, {{0, 0}}},
		/* to be ignored */
		{"", -1, {{0, 0}}},
		{"bytes", -1, {{0, 0}}},
		{"bytes=", -1, {{0, 0}}},
		{"bytes=,", -1, {{0, 0}}},
		{"lines=1-2", -1, {{0, 0}}},
		{"bytes=2-1", -1, {{0, 0}}},
		{"bytes=-", -1, {{0, 0}}},
		{"bytes=1", -1, {{0, 0}}},
		{"bytes=+1-2", -1, {{0, 0}}},
		{"bytes=1-2-3", -1, {{0, 0}}},
		{"bytes=0x1-2", -1, {{0, 0}}},
		{"bytes=1-2;3-4", -1, {{0, 0}}},
		{"bytes=0-,0-", -1, {{0, 0}}},
		{"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,"
		 "12-12,13-13,14-14,15-15,16-16",
			-1, {{0, 0}}},
	};
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		check(&answers[i], 1000);
}

TEST(http_range_of_nothing_and_of_all_there_can_be)
{
	static const struct answer none[] = {{"bytes=0-", 0, {{0, 0}}},
		{"bytes=-1", 0, {{0, 0}}}, {"bytes=x", -1, {{0, 0}}}};
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		check(&none[i], 0);
	static const struct answer all = {
		"bytes=0-18446744073709551615", 1, {{0, INT64_MAX}}};
	check(&all, INT64_MAX);
}
