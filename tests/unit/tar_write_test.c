/* SPDX-License-Identifier: MIT */
/* tests/unit/tar_write_test.c - headers, and that our reader gets them back. */
#include "lib/tar_write.h"

#include "lib/tar_read.h"
#include "test.h"

enum { ARCHIVE_MAX = 8 << 20 };

static struct tar_entry a_file(const char *name)
{
	return (struct tar_entry){.type = TAR_FILE,
		.name = str_of(name),
		.mode = 0640,
		.uid = 1,
		.gid = 2,
		.user = STR("me"),
		.group = STR("us"),
		.mtime = {.tv_sec = 1700000000, .tv_nsec = 120000000}};
}

static void same_text(struct str got, struct str want)
{
	CHECK_MEM(got.p, got.n, want.p, want.n);
}

/* write, read back, compare; returns the bytes of the headers */
static size_t round_trip(const struct tar_entry *e, unsigned flags)
{
	struct buf b;
	struct tar_read *r = malloc(sizeof(*r));
	CHECK(r);
	buf_init(&b, ARCHIVE_MAX);
	tar_write_header(&b, e, flags);
	CHECK_EQ(b.err, 0);
	CHECK_EQ(b.n % TAR_BLOCK, 0);
	tar_read_init(r);
	tar_read_feed(r, buf_str(&b).p, b.n);
	CHECK_EQ(tar_read_next(r), TAR_ENTRY);
	CHECK_EQ(r->entry.type, e->type);
	same_text(r->entry.name, e->name);
	same_text(r->entry.link, e->link);
	same_text(r->entry.user, e->user);
	same_text(r->entry.group, e->group);
	CHECK_EQ(r->entry.mode, e->mode);
	CHECK_EQ(r->entry.uid, e->uid);
	CHECK_EQ(r->entry.gid, e->gid);
	CHECK_EQ(r->entry.size, e->size);
	CHECK_EQ(r->entry.major, e->major);
	CHECK_EQ(r->entry.minor, e->minor);
	CHECK_EQ(r->entry.mtime.tv_sec, e->mtime.tv_sec);
	CHECK_EQ(r->entry.mtime.tv_nsec,
		flags & TAR_WRITE_NS ? e->mtime.tv_nsec : 0);
	size_t n = b.n;
	tar_read_fini(r);
	free(r);
	buf_fini(&b);
	return n;
}

TEST(tar_write_fits_one_block)
{
	struct tar_entry e = a_file("dir/name");
	e.size = 077777777777;
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	e = a_file("link");
	e.type = TAR_SYMLINK;
	e.link = STR("../somewhere");
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	e.type = TAR_HARD_LINK;
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	e = a_file("dir/");
	e.type = TAR_DIR;
	e.mode = 07777;
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	e = a_file("null");
	e.type = TAR_CHAR;
	e.major = 1;
	e.minor = 3;
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	e.type = TAR_FIFO;
	e.major = 0;
	e.minor = 0;
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
}

/* n bytes of 'x' with slashes where they are wanted, and a tail */
static void put_name(struct buf *b, size_t n, size_t slash, const char *tail)
{
	buf_reset(b);
	for (size_t i = 1; i <= n; i++)
		buf_putc(b, slash && i % slash == 0 ? '/' : 'x');
	buf_puts(b, tail);
	(void)buf_cstr(b);
}

TEST(tar_write_names_of_every_length)
{
	struct buf name;
	buf_init(&name, 1 << 16);
	for (size_t n = 1; n < 700; n++) {
		static const size_t slashes[] = {0, 2, 10, 99, 100, 101, 155};
		for (size_t i = 0; i < 7; i++) {
			struct tar_entry e;
			put_name(&name, n, slashes[i], "e");
			e = a_file(buf_cstr(&name));
			round_trip(&e, 0);
			put_name(&name, n, slashes[i], "e/");
			e = a_file(buf_cstr(&name));
			e.type = TAR_DIR;
			round_trip(&e, 0);
		}
	}
	buf_fini(&name);
}

TEST(tar_write_uses_the_prefix_before_pax)
{
	struct buf name;
	buf_init(&name, 1 << 16);
	put_name(&name, 154, 0, "/name");
	struct tar_entry e = a_file(buf_cstr(&name));
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	put_name(&name, 155, 0, "/name");
	e = a_file(buf_cstr(&name));
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	put_name(&name, 156, 0, "/name");
	e = a_file(buf_cstr(&name));
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
	buf_fini(&name);
}

TEST(tar_write_pax_where_it_is_needed)
{
	struct tar_entry e = a_file("f");
	e.size = 0100000000000;
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
	e = a_file("f");
	e.uid = 07777777;
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	e.uid = 010000000;
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
	e = a_file("f");
	e.gid = UINT32_MAX - 1;
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
	e = a_file("f");
	e.user = STR("a user with a name of more than 31 bytes");
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
	e = a_file("f");
	e.mtime = (struct timespec){.tv_sec = -5};
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
	e.mtime = (struct timespec){.tv_sec = (time_t)1 << 40};
	CHECK_EQ(round_trip(&e, 0), 3 * TAR_BLOCK);
}

TEST(tar_write_parts_of_seconds_by_flag)
{
	struct tar_entry e = a_file("f");
	CHECK_EQ(round_trip(&e, 0), TAR_BLOCK);
	CHECK_EQ(round_trip(&e, TAR_WRITE_NS), 3 * TAR_BLOCK);
	e.mtime.tv_nsec = 1;
	CHECK_EQ(round_trip(&e, TAR_WRITE_NS), 3 * TAR_BLOCK);
	e.mtime = (struct timespec){.tv_sec = -1, .tv_nsec = 999999999};
	CHECK_EQ(round_trip(&e, TAR_WRITE_NS), 3 * TAR_BLOCK);
	e.mtime = (struct timespec){.tv_sec = -7, .tv_nsec = 250000000};
	CHECK_EQ(round_trip(&e, TAR_WRITE_NS), 3 * TAR_BLOCK);
	e.mtime.tv_nsec = 0;
	e.mtime.tv_sec = 5;
	CHECK_EQ(round_trip(&e, TAR_WRITE_NS), TAR_BLOCK);
}

TEST(tar_write_pax_record_lengths_count_themselves)
{
	for (size_t n = 1; n < 1100; n++) {
		struct buf b, value;
		struct str rest, key, text;
		buf_init(&b, 4096);
		buf_init(&value, 4096);
		put_name(&value, n, 0, "");
		tar_pax_put(&b, STR("k"), buf_str(&value));
		rest = buf_str(&b);
		CHECK_EQ(tar_pax_next(&rest, &key, &text), 1);
		same_text(key, STR("k"));
		same_text(text, buf_str(&value));
		CHECK_EQ(tar_pax_next(&rest, &key, &text), 0);
		buf_fini(&b);
		buf_fini(&value);
	}
}

TEST(tar_write_end_fills_the_record)
{
	for (uint64_t total = 0; total < 3 * TAR_RECORD; total += TAR_BLOCK) {
		struct buf b;
		buf_init(&b, ARCHIVE_MAX);
		tar_write_end(&b, total);
		CHECK(b.n >= 2 * TAR_BLOCK);
		CHECK(b.n < TAR_RECORD + 2 * TAR_BLOCK);
		CHECK_EQ((total + b.n) % TAR_RECORD, 0);
		buf_fini(&b);
	}
}
