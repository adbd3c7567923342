/* SPDX-License-Identifier: MIT */
/* tests/unit/zip_write_test.c - what only huge archives have. */
#include "lib/zip_write.h"

#include <sys/stat.h>

#include "test.h"

static uint64_t le(const struct buf *b, size_t at, unsigned bytes)
{
	uint64_t v = 0;
	CHECK(at + bytes <= b->n);
	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | (unsigned char)buf_str(b).p[at + i];
	return v;
}

/* a member that begins behind 4 GiB has its place in the 64-bit field */
TEST(zip_offsets_over_32_bits)
{
	struct zip_write z;
	struct buf out;
	struct zip_member m = {.name = STR("name"),
		.mode = S_IFREG | 0644,
		.size = 5,
		.crc = 0x12345678,
		.deflated = true};
	buf_init(&out, 1 << 16);
	zip_write_init(&z);
	z.at = (uint64_t)5 << 30;
	CHECK(zip_write_begin(&z, &out, &m));
	size_t head = out.n;
	zip_write_end(&z, &out, &m, 7);
	CHECK_EQ(out.n - head, 16); /* a descriptor of 32 bits */
	CHECK_EQ(le(&out, head + 8, 4), 7);
	CHECK_EQ(le(&z.directory, 20, 4), 0xffffffff);
	CHECK_EQ(le(&z.directory, 24, 4), 0xffffffff);
	CHECK_EQ(le(&z.directory, 42, 4), 0xffffffff);
	size_t extra = 46 + m.name.n + 9; /* behind the time */
	CHECK_EQ(le(&z.directory, extra, 2), 1);
	CHECK_EQ(le(&z.directory, extra + 4, 8), 5);
	CHECK_EQ(le(&z.directory, extra + 12, 8), 7);
	CHECK_EQ(le(&z.directory, extra + 20, 8), (uint64_t)5 << 30);
	buf_reset(&out);
	CHECK_EQ(zip_write_finish(&z, &out), 0);
	CHECK_EQ(le(&out, 0, 4), 0x06064b50);
	CHECK_EQ(le(&out, 48, 8), z.at);
	CHECK_EQ(le(&out, 56 + 8, 8), z.at + z.directory.n);
	buf_fini(&out);
	zip_write_fini(&z);
}

TEST(zip_names_have_a_longest)
{
	static char name[UINT16_MAX + 1];
	struct zip_write z;
	struct buf out;
	struct zip_member m = {.name = str_from(name, sizeof(name))};
	memset(name, 'n', sizeof(name));
	buf_init(&out, 1 << 20);
	zip_write_init(&z);
	CHECK(!zip_write_begin(&z, &out, &m));
	CHECK_EQ(out.n, 0);
	m.name.n--;
	CHECK(zip_write_begin(&z, &out, &m));
	buf_fini(&out);
	zip_write_fini(&z);
}

/* times that MS-DOS cannot say stay at the ends of what it can */
TEST(zip_dates_before_1980_and_after_2107)
{
	static const struct {
		int64_t when;
		uint64_t year;
	} cases[] = {{0, 1980}, {-5, 1980}, {1600000000, 2020},
		{(int64_t)1 << 33, 2107}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zip_write z;
		struct buf out;
		struct zip_member m = {
			.name = STR("n"), .mtime = cases[i].when};
		buf_init(&out, 1 << 16);
		zip_write_init(&z);
		CHECK(zip_write_begin(&z, &out, &m));
		CHECK_EQ((le(&out, 10, 4) >> 25) + 1980, cases[i].year);
		buf_fini(&out);
		zip_write_fini(&z);
	}
}
