/* SPDX-License-Identifier: MIT */
/* tests/unit/buf_test.c - the growing buffer against a plain model. */
#include "lib/buf.h"

#include <errno.h>

#include "lib/fmt.h"
#include "tests/unit/test.h"

TEST(buf_failed_append_sticks_and_changes_nothing)
{
	struct buf b;
	buf_init(&b, 4);
	buf_puts(&b, "abc");
	buf_puts(&b, "de");
	CHECK_EQ(b.err, -EMSGSIZE);
	buf_putc(&b, 'd'); /* would fit, but the buffer has failed */
	CHECK_STR(buf_str(&b).p, buf_str(&b).n, "abc");
	CHECK_CSTR(buf_cstr(&b), "");
	CHECK(!buf_reserve(&b, 1));
	buf_reset(&b);
	buf_puts(&b, "abcd");
	CHECK_EQ(b.err, 0);
	CHECK_CSTR(buf_cstr(&b), "abcd");
	buf_fini(&b);
}

TEST(buf_sum_of_lengths_cannot_wrap)
{
	struct buf b;
	buf_init(&b, SIZE_MAX);
	buf_putc(&b, 'x');
	CHECK(!buf_reserve(&b, SIZE_MAX));
	CHECK_EQ(b.err, -EMSGSIZE);
	buf_reset(&b);
	buf_putc(&b, 'x');
	CHECK(!buf_reserve(&b, SIZE_MAX - 1));
	CHECK_EQ(b.err, -ENOMEM);
	buf_fini(&b);
}

TEST(buf_empty_is_usable)
{
	struct buf b;
	buf_init(&b, 0);
	CHECK_EQ(buf_str(&b).n, 0);
	CHECK(buf_str(&b).p != NULL);
	CHECK_CSTR(buf_cstr(&b), "");
	buf_put(&b, NULL, 0);
	buf_puts(&b, "");
	buf_consume(&b, 0);
	buf_trim(&b, 0);
	CHECK_EQ(b.err, 0);
	buf_putc(&b, 'x');
	CHECK_EQ(b.err, -EMSGSIZE);
	buf_fini(&b);
	buf_fini(&b);
}

TEST(buf_formatted_text_may_fill_it_exactly)
{
	char text[601];
	memset(text, 'x', 600);
	text[600] = '\0';
	for (size_t n = 250; n <= 600; n++) {
		struct buf b;
		buf_init(&b, n);
		buf_putf(&b, "%.*s", (int)n, text);
		CHECK_EQ(b.err, 0);
		CHECK_MEM(buf_cstr(&b), strlen(buf_cstr(&b)), text, n);
		buf_putf(&b, "%d", 1);
		CHECK_EQ(b.err, -EMSGSIZE);
		buf_fini(&b);
	}
}

TEST(buf_trim_keeps_what_is_not_empty)
{
	struct buf b;
	buf_init(&b, 100000);
	CHECK(buf_reserve(&b, 50000));
	buf_putc(&b, 'x');
	buf_trim(&b, 100);
	CHECK(b.p);
	buf_consume(&b, 1);
	buf_trim(&b, 100000);
	CHECK(b.p);
	buf_trim(&b, 100);
	CHECK(!b.p);
	buf_puts(&b, "again");
	CHECK_CSTR(buf_cstr(&b), "again");
	buf_fini(&b);
}

TEST(buf_numbers)
{
	struct buf b;
	buf_init(&b, 100);
	buf_put_u64(&b, 0);
	buf_putc(&b, ' ');
	buf_put_u64(&b, UINT64_MAX);
	CHECK_CSTR(buf_cstr(&b), "0 18446744073709551615");
	buf_fini(&b);
}

/* a queue of bytes where every byte's value follows from its number */
TEST(buf_random_appends_and_consumes_keep_the_order)
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct buf b;
		uint32_t x = seed * 2654435761u;
		size_t in = 0, out = 0;
		buf_init(&b, 5000);
		for (int step = 0; step < 2000; step++) {
			x = x * 1664525u + 1013904223u;
			size_t n = (x >> 8) % (x >> 30 ? 40 : 1500);
			if (x >> 31) {
				n = n < b.n ? n : b.n;
				for (size_t i = 0; i < n; i++)
					CHECK_EQ((unsigned char)*buf_at(&b, i),
						(out + i) % 251);
				buf_consume(&b, n);
				out += n;
			} else if (b.n + n <= b.max) {
				char *p = buf_reserve(&b, n);
				for (size_t i = 0; i < n; i++)
					p[i] = (char)((in + i) % 251);
				buf_commit(&b, n);
				in += n;
			}
			CHECK_EQ(b.n, in - out);
			CHECK(b.cap <= b.max && b.off + b.n <= b.cap);
			CHECK_EQ(b.err, 0);
			CHECK_EQ(buf_cstr(&b)[b.n], 0);
		}
		buf_fini(&b);
	}
}

TEST(buf_full_queue_does_not_move_everything_for_every_byte)
{
	enum { FULL = 8 << 20, STEPS = 1000000 };
	struct buf b;
	buf_init(&b, 64 << 20);
	CHECK(buf_reserve(&b, FULL));
	buf_commit(&b, FULL);
	for (int i = 0; i < STEPS; i++) {
		buf_consume(&b, 1);
		buf_putc(&b, 'x');
	}
	CHECK_EQ(b.n, FULL);
	CHECK_EQ(b.err, 0);
	buf_fini(&b);
}
