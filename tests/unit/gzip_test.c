/* SPDX-License-Identifier: MIT */
/* tests/unit/gzip_test.c - gzip streams, cut anywhere and damaged. */
#include "lib/gzip.h"

#include "lib/buf.h"
#include "lib/size.h"
#include "test.h"

enum { OUT_MAX = 8 << 20 };

/* compress, in blocks of at most `step` bytes */
static void pack(struct buf *out, struct str in, size_t step, unsigned level)
{
	struct gzip_block *z = gzip_block_new(level);
	uint32_t crc = gzip_crc32(0, in.p, in.n);
	uint32_t size = (uint32_t)in.n;
	CHECK(z);
	char *p = buf_reserve(out, GZIP_HEADER_MAX);
	CHECK(p);
	buf_commit(out, gzip_header((unsigned char *)p, level, NULL));
	while (in.n) {
		struct str part = str_first(in, step);
		p = buf_reserve(out, GZIP_BLOCK_MAX);
		CHECK(p);
		size_t got =
			gzip_block_step(z, part.p, part.n, (unsigned char *)p);
		CHECK(got > 0);
		if (part.n == GZIP_BUFFER)
			CHECK(got < part.n + part.n / 5000 + 32);
		buf_commit(out, got);
		in = str_from_index(in, part.n);
	}
	p = buf_reserve(out, GZIP_END_SIZE);
	CHECK(p);
	gzip_end((unsigned char *)p, crc, size);
	buf_commit(out, GZIP_END_SIZE);
	gzip_block_free(z);
}

/* decompress in pieces; the result of the whole, and what it said of the end */
static int unpack(
	struct buf *out, struct str in, size_t in_step, bool *trailing)
{
	struct gunzip *z = gunzip_new();
	int error = 0;
	CHECK(z);
	while (in.n && !error) {
		size_t n = in.n < in_step ? in.n : in_step;
		/* a copy of its own, so that reading past it is seen */
		unsigned char *piece = malloc(n);
		CHECK(piece);
		memcpy(piece, in.p, n);
		struct gzip_io io = {.in = piece, .in_n = n};
		do {
			io.out = (unsigned char *)buf_reserve(out, 777);
			CHECK(io.out);
			io.out_n = 777;
			error = gunzip_step(z, &io);
			buf_commit(out, 777 - io.out_n);
		} while (!error && io.out_n == 0);
		free(piece);
		CHECK(error || io.in_n == 0);
		in = str_from_index(in, n);
	}
	if (!error)
		error = gunzip_end(z);
	if (trailing)
		*trailing = gunzip_trailing(z);
	gunzip_free(z);
	return error;
}

static void check_unpacks(struct str packed, struct str want)
{
	static const size_t steps[] = {1, 2, 7, 8, 9, 100, 4096, SIZE_MAX};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf out;
		buf_init(&out, OUT_MAX);
		CHECK_EQ(unpack(&out, packed, steps[i], NULL), 0);
		CHECK_MEM(buf_str(&out).p, out.n, want.p, want.n);
		buf_fini(&out);
	}
}

static void check_error(struct str packed, int want)
{
	static const size_t steps[] = {1, 3, 64, SIZE_MAX};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf out;
		buf_init(&out, OUT_MAX);
		CHECK_EQ(unpack(&out, packed, steps[i], NULL), want);
		buf_fini(&out);
	}
}

/* bytes that compress somewhat, without a pattern of their own */
static void put_text(struct buf *b, size_t n)
{
	uint32_t x = 12345;
	while (b->n < n) {
		x = x * 1664525 + 1013904223;
		buf_putf(b, "line %u of %s\n", x >> 20,
			x & 0x10000 ? "some text" : "another");
	}
}

static void put_noise(struct buf *b, size_t n)
{
	uint64_t x = 88172645463325252u;
	while (b->n < n) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf_put(b, &x, sizeof(x));
	}
}

static void round_trip(void (*fill)(struct buf *, size_t), size_t n)
{
	struct buf in, packed;
	buf_init(&in, OUT_MAX);
	buf_init(&packed, OUT_MAX);
	if (n)
		fill(&in, n);
	pack(&packed, buf_str(&in), 1 << 20, 1);
	check_unpacks(buf_str(&packed), buf_str(&in));
	buf_fini(&in);
	buf_fini(&packed);
}

TEST(gzip_round_trip_of_nothing)
{
	round_trip(put_text, 0);
}

TEST(gzip_round_trip_of_text)
{
	round_trip(put_text, 1);
	round_trip(put_text, 70000);
	round_trip(put_text, 300000);
}

TEST(gzip_round_trip_of_noise)
{
	round_trip(put_noise, 200000);
}

TEST(gzip_small_rooms_give_a_good_stream)
{
	static const size_t steps[] = {1, 5, 8, 9, 333};
	struct buf in;
	buf_init(&in, OUT_MAX);
	put_text(&in, 20000);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf packed;
		buf_init(&packed, OUT_MAX);
		pack(&packed, buf_str(&in), steps[i], 1);
		check_unpacks(buf_str(&packed), buf_str(&in));
		buf_fini(&packed);
	}
	buf_fini(&in);
}

TEST(gzip_noise_hardly_grows)
{
	struct buf in, packed;
	buf_init(&in, OUT_MAX);
	buf_init(&packed, OUT_MAX);
	put_noise(&in, 1 << 20);
	pack(&packed, buf_str(&in), GZIP_BUFFER, 1);
	CHECK(packed.n < in.n + in.n / 5000);
	buf_fini(&in);
	buf_fini(&packed);
}

/* "abc" by GNU gzip -n */
static const char abc[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
			  "\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35"
			  "\x03\x00\x00\x00";
#define ABC STR_OF_ARRAY(abc)
#define STR_OF_ARRAY(a) str_from(a, sizeof(a) - 1)

TEST(gunzip_reads_a_foreign_stream)
{
	check_unpacks(ABC, STR("abc"));
}

TEST(gunzip_every_cut_is_noticed)
{
	for (size_t n = 1; n < sizeof(abc) - 1; n++)
		check_error(str_first(ABC, n), GZIP_CUT);
}

TEST(gunzip_nothing_is_empty)
{
	check_error(STR(""), GZIP_EMPTY);
}

TEST(gunzip_refuses_other_formats)
{
	check_error(STR("not gzip at all"), GZIP_NOT_GZIP);
	check_error(STR("\x1f\x8c\x08"), GZIP_NOT_GZIP);
}

static void check_changed(size_t at, char to, int want)
{
	char copy[sizeof(abc)];
	memcpy(copy, abc, sizeof(abc));
	copy[at] = to;
	check_error(str_from(copy, sizeof(abc) - 1), want);
}

TEST(gunzip_refuses_unknown_method_and_reserved_flags)
{
	check_changed(2, 7, GZIP_HEADER);
	check_changed(3, 0x20, GZIP_HEADER);
	check_changed(3, (char)0x80, GZIP_HEADER);
}

TEST(gunzip_checks_crc_and_size)
{
	check_changed(sizeof(abc) - 1 - 8, 0, GZIP_CRC);
	check_changed(sizeof(abc) - 1 - 4, 4, GZIP_SIZE);
	check_changed(sizeof(abc) - 1 - 1, 1, GZIP_SIZE);
}

TEST(gunzip_refuses_block_type_3)
{
	check_changed(10, 0x07, GZIP_DATA);
}

TEST(gunzip_passes_over_optional_fields_of_any_length)
{
	struct buf b;
	buf_init(&b, OUT_MAX);
	buf_put(&b, "\x1f\x8b\x08\x1f\0\0\0\0\0\x03", 10);
	buf_put(&b, "\xff\xff", 2);
	for (int i = 0; i < 0xffff; i++)
		buf_putc(&b, 'x');
	for (int i = 0; i < 100000; i++)
		buf_putc(&b, 'n');
	buf_putc(&b, '\0');
	buf_put(&b, "a comment", 10);
	buf_put(&b, "hc", 2);
	buf_put(&b, abc + 10, sizeof(abc) - 1 - 10);
	check_unpacks(buf_str(&b), STR("abc"));
	buf_fini(&b);
}

TEST(gunzip_empty_extra_field)
{
	struct buf b;
	buf_init(&b, OUT_MAX);
	buf_put(&b, "\x1f\x8b\x08\x04\0\0\0\0\0\x03\0\0", 12);
	buf_put(&b, abc + 10, sizeof(abc) - 1 - 10);
	check_unpacks(buf_str(&b), STR("abc"));
	buf_fini(&b);
}

TEST(gunzip_members_follow_each_other)
{
	struct buf b;
	buf_init(&b, OUT_MAX);
	buf_put_str(&b, ABC);
	pack(&b, STR(""), 100, 1);
	buf_put_str(&b, ABC);
	check_unpacks(buf_str(&b), STR("abcabc"));
	for (size_t i = 0; i < 1000; i++)
		buf_putc(&b, '\0');
	check_unpacks(buf_str(&b), STR("abcabc"));
	buf_fini(&b);
}

TEST(gunzip_a_cut_second_member_is_an_error)
{
	struct buf b;
	buf_init(&b, OUT_MAX);
	buf_put_str(&b, ABC);
	buf_put_str(&b, str_first(ABC, 12));
	check_error(buf_str(&b), GZIP_CUT);
	buf_fini(&b);
}

static void check_trailing(struct str tail, bool want)
{
	struct buf b, out;
	bool trailing = !want;
	buf_init(&b, OUT_MAX);
	buf_put_str(&b, ABC);
	buf_put_str(&b, tail);
	for (size_t step = 1; step < b.n + 1; step++) {
		buf_init(&out, OUT_MAX);
		CHECK_EQ(unpack(&out, buf_str(&b), step, &trailing), 0);
		CHECK_STR(buf_str(&out).p, out.n, "abc");
		CHECK_EQ(trailing, want);
		buf_fini(&out);
	}
	buf_fini(&b);
}

TEST(gunzip_tells_trailing_garbage_from_padding)
{
	check_trailing(STR("\0\0\0\0"), false);
	check_trailing(STR("garbage"), true);
	check_trailing(STR("\0\0g"), true);
	check_trailing(STR("\x1fz"), true);
}

/* the bits that fill up a byte before a flush mean nothing */
TEST(gunzip_flipped_bits_never_change_what_passes)
{
	struct buf in, packed;
	buf_init(&in, OUT_MAX);
	buf_init(&packed, OUT_MAX);
	put_text(&in, 3000);
	pack(&packed, buf_str(&in), 1 << 16, 1);
	/* the ten bytes of the header hold some that mean nothing */
	for (size_t i = 10; i < packed.n; i++) {
		struct buf out;
		char *p = buf_at(&packed, i);
		char flipped = (char)(1 << i % 8);
		*p = (char)(*p ^ flipped);
		buf_init(&out, OUT_MAX);
		CHECK(unpack(&out, buf_str(&packed), 512, NULL) != 0 ||
			str_eq(buf_str(&out), buf_str(&in)));
		buf_fini(&out);
		*p = (char)(*p ^ flipped);
	}
	buf_fini(&in);
	buf_fini(&packed);
}

TEST(gzip_blocks_of_every_level_make_one_stream)
{
	static const size_t sizes[] = {0, 1, 100, 70000, 3000000};
	struct buf in, packed, out;
	for (unsigned level = GZIP_LEVEL_MIN; level <= GZIP_LEVEL_MAX; level++)
		for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
			buf_init(&in, OUT_MAX);
			buf_init(&packed, OUT_MAX);
			buf_init(&out, OUT_MAX);
			(i % 2 ? put_text : put_noise)(&in, sizes[i / 2]);
			pack(&packed, buf_str(&in), GZIP_BUFFER, level);
			CHECK_EQ(unpack(&out, buf_str(&packed), 4096, NULL), 0);
			CHECK(str_eq(buf_str(&out), buf_str(&in)));
			buf_fini(&in);
			buf_fini(&packed);
			buf_fini(&out);
		}
	CHECK(!gzip_block_new(0));
	CHECK(!gzip_block_new(GZIP_LEVEL_MAX + 1));
}

/* the header's name and time come back, the name cut where it is too long */
TEST(gzip_header_tells_name_and_time)
{
	struct gzip_about about = {.mtime = 1600000000};
	unsigned char head[GZIP_HEADER_MAX], out[8];
	memset(about.name, 'n', sizeof(about.name) - 1);
	size_t n = gzip_header(head, 1, &about);
	CHECK_EQ(n, GZIP_HEADER_MAX);
	for (size_t step = 1; step <= n; step += 50) {
		struct gunzip *z = gunzip_new();
		CHECK(z);
		for (size_t at = 0; at < n; at += step) {
			struct gzip_io io = {.in = head + at,
				.in_n = n - at < step ? n - at : step,
				.out = out,
				.out_n = sizeof(out)};
			CHECK_EQ(gunzip_step(z, &io), 0);
		}
		CHECK_EQ(gunzip_about(z)->mtime, about.mtime);
		CHECK(strcmp(gunzip_about(z)->name, about.name) == 0);
		gunzip_free(z);
	}
	about.name[0] = '\0';
	CHECK_EQ(gzip_header(head, 1, &about), GZIP_HEADER_SIZE);
}

TEST(gzip_crc32_of_the_check_string)
{
	CHECK_EQ(gzip_crc32(0, "123456789", 9), 0xcbf43926);
	CHECK_EQ(gzip_crc32(gzip_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

TEST(gzip_error_texts)
{
	for (int e = GZIP_EMPTY; e <= GZIP_OK; e++)
		CHECK(strlen(gzip_error_text(e)) > 3);
}
