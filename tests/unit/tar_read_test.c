/* SPDX-License-Identifier: MIT */
/* tests/unit/tar_read_test.c - tar dialects, cut anywhere and damaged. */
#include "lib/tar_read.h"

#include "lib/tar_field.h"
#include "lib/tar_write.h"
#include "test.h"

enum { ARCHIVE_MAX = 8 << 20 };

/* ------------------------------------------------- making odd archives */

struct header {
	const char *name;
	char flag;
	const char *link;
	uint64_t size;
	const char *magic; /* 8 bytes; NULL: POSIX */
};

static void fix_sum(struct tar_header *h)
{
	tar_put_number(h->sum, 7, tar_checksum(h));
	h->sum[7] = ' ';
}

static struct tar_header make(struct header want)
{
	struct tar_header h;
	memset(&h, 0, sizeof(h));
	memcpy(h.name, want.name, strnlen(want.name, sizeof(h.name)));
	if (want.link)
		memcpy(h.link, want.link, strnlen(want.link, sizeof(h.link)));
	tar_put_number(h.mode, sizeof(h.mode), 0644);
	tar_put_number(h.uid, sizeof(h.uid), 1000);
	tar_put_number(h.gid, sizeof(h.gid), 100);
	tar_put_number(h.size, sizeof(h.size), want.size);
	tar_put_number(h.mtime, sizeof(h.mtime), 1234567890);
	h.flag = want.flag;
	memcpy(h.magic, want.magic ? want.magic : "ustar\00000", 8);
	fix_sum(&h);
	return h;
}

static void put(struct buf *b, struct header want)
{
	struct tar_header h = make(want);
	buf_put(b, &h, sizeof(h));
}

static void put_zeros(struct buf *b, size_t n)
{
	while (n--)
		buf_putc(b, '\0');
}

static void put_data(struct buf *b, struct str data)
{
	buf_put_str(b, data);
	put_zeros(b, (size_t)tar_padding(data.n));
}

static void put_file(struct buf *b, const char *name, struct str data)
{
	put(b, (struct header){.name = name, .flag = '0', .size = data.n});
	put_data(b, data);
}

static void put_meta(struct buf *b, char flag, struct str data)
{
	put(b, (struct header){.name = "meta", .flag = flag, .size = data.n});
	put_data(b, data);
}

static void put_end(struct buf *b)
{
	put_zeros(b, 2 * TAR_BLOCK);
}

/* ---------------------------------------------- what the reader makes of it */

/* one line an event; feeds `step` bytes at a time */
static void describe(struct buf *out, struct str in, size_t step)
{
	struct tar_read *r = malloc(sizeof(*r));
	enum tar_event event = TAR_MORE;
	uint64_t in_data = 0;
	CHECK(r);
	tar_read_init(r);
	while (event != TAR_ERROR) {
		size_t n = in.n < step ? in.n : step;
		if (n == 0)
			event = tar_read_eof(r);
		char *piece = malloc(n ? n : 1);
		CHECK(piece);
		memcpy(piece, in.p, n);
		in = str_from_index(in, n);
		tar_read_feed(r, piece, n);
		while (n && event != TAR_ERROR &&
			(event = tar_read_next(r)) != TAR_MORE) {
			const struct tar_entry *e = &r->entry;
			if (event == TAR_ENTRY) {
				CHECK_EQ(e->name.p[e->name.n], 0);
				CHECK_EQ(e->link.p[e->link.n], 0);
				buf_putf(out, "%d %s>%s %llu %o;", e->type,
					e->name.p, e->link.p,
					(unsigned long long)e->size, e->mode);
				in_data = 0;
			} else if (event == TAR_DATA) {
				if (r->data_offset != in_data)
					buf_putf(out, "@%llu",
						(unsigned long long)
							r->data_offset);
				in_data = r->data_offset + r->data.n;
				buf_put_str(out, r->data);
			} else if (event == TAR_ENTRY_END) {
				buf_puts(out, ".\n");
			} else if (event == TAR_END) {
				buf_puts(out, "end\n");
			}
		}
		free(piece);
		if (n == 0)
			break;
	}
	if (event == TAR_ERROR)
		buf_putf(out, "error %d %s\n", r->fault, r->error);
	if (r->no_end)
		buf_puts(out, "no end\n");
	if (r->lone_zero)
		buf_puts(out, "one zero\n");
	tar_read_fini(r);
	free(r);
}

/* the same description, wherever the input is cut */
static void check(const struct buf *archive, const char *want)
{
	static const size_t steps[] = {
		1, 2, 3, 100, 511, 512, 513, 1024, 4096, SIZE_MAX};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf out;
		buf_init(&out, ARCHIVE_MAX);
		describe(&out, buf_str(archive), steps[i]);
		CHECK_STR(buf_str(&out).p, out.n, want);
		buf_fini(&out);
	}
}

#define ARCHIVE(b)    \
	struct buf b; \
	buf_init(&b, ARCHIVE_MAX)

TEST(tar_read_plain_files)
{
	ARCHIVE(b);
	put_file(&b, "a", STR("hello"));
	put_file(&b, "empty", STR(""));
	put_end(&b);
	buf_puts(&b, "whatever follows");
	check(&b, "0 a> 5 644;hello.\n0 empty> 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_every_type)
{
	ARCHIVE(b);
	put(&b, (struct header){.name = "d/", .flag = '5'});
	put(&b, (struct header){.name = "h", .flag = '1', .link = "a"});
	put(&b, (struct header){.name = "s", .flag = '2', .link = "/x"});
	put(&b, (struct header){.name = "c", .flag = '3'});
	put(&b, (struct header){.name = "b", .flag = '4'});
	put(&b, (struct header){.name = "p", .flag = '6'});
	put(&b, (struct header){.name = "v7/", .flag = '\0'});
	put(&b, (struct header){.name = "cont", .flag = '7'});
	put(&b, (struct header){.name = "odd", .flag = 'Q'});
	put_end(&b);
	check(&b, "5 d/> 0 644;.\n1 h>a 0 644;.\n2 s>/x 0 644;.\n"
		  "3 c> 0 644;.\n4 b> 0 644;.\n6 p> 0 644;.\n5 v7/> 0 644;.\n"
		  "0 cont> 0 644;.\n0 odd> 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_skips_labels_and_volumes)
{
	ARCHIVE(b);
	put_meta(&b, 'V', STR(""));
	put_meta(&b, 'M', STR("data"));
	put_meta(&b, 'N', STR("data"));
	put_meta(&b, 'X', STR("data"));
	put_file(&b, "a", STR("x"));
	put_end(&b);
	check(&b, "0 a> 1 644;x.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_prefix_only_with_posix_magic)
{
	ARCHIVE(b);
	struct tar_header h = make((struct header){.name = "n", .flag = '0'});
	memcpy(h.prefix, "pre", 3);
	fix_sum(&h);
	buf_put(&b, &h, sizeof(h));
	memcpy(h.magic, "ustar  ", 8);
	fix_sum(&h);
	buf_put(&b, &h, sizeof(h));
	put_end(&b);
	check(&b, "0 pre/n> 0 644;.\n0 n> 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_name_fields_without_nul)
{
	ARCHIVE(b);
	char name[101];
	char want[400];
	memset(name, 'n', 100);
	name[100] = '\0';
	put(&b, (struct header){.name = name, .flag = '2', .link = name});
	put_end(&b);
	snprintf(want, sizeof(want), "2 %s>%s 0 644;.\nend\n", name, name);
	check(&b, want);
	buf_fini(&b);
}

TEST(tar_read_gnu_long_names)
{
	ARCHIVE(b);
	put_meta(&b, 'L', STR("long name\0junk"));
	put_meta(&b, 'K', STR("long link"));
	put(&b, (struct header){.name = "short", .flag = '2', .link = "x"});
	put_file(&b, "next", STR(""));
	put_end(&b);
	check(&b, "2 long name>long link 0 644;.\n0 next> 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_pax_replaces_and_last_wins)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("9 path=a\n12 path=bcd\n14 linkpath=l\n5 k=\n"));
	put(&b, (struct header){.name = "short", .flag = '2', .link = "x"});
	put_file(&b, "next", STR(""));
	put_end(&b);
	check(&b, "2 bcd>l 0 644;.\n0 next> 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_pax_wins_over_gnu_and_an_empty_value_deletes)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("9 path=a\n8 path=\n"));
	put_meta(&b, 'L', STR("long"));
	put_file(&b, "short", STR(""));
	put_meta(&b, 'x', STR("9 path=p\n"));
	put_meta(&b, 'L', STR("long"));
	put_file(&b, "short", STR(""));
	put_end(&b);
	check(&b, "0 long> 0 644;.\n0 p> 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_of_two_pax_headers_the_last)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("9 path=a\n"));
	put_meta(&b, 'x', STR("14 linkpath=l\n"));
	put(&b, (struct header){.name = "s", .flag = '2', .link = "x"});
	put_end(&b);
	check(&b, "2 s>l 0 644;.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_global_header_names_and_sizes_nothing)
{
	ARCHIVE(b);
	put_meta(&b, 'g', STR("9 path=a\n9 size=9\n14 linkpath=l\n"));
	put_file(&b, "f", STR("1"));
	put_end(&b);
	check(&b, "0 f> 1 644;1.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_pax_size_is_for_the_member_only)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("9 size=3\n"));
	/* this header has its own size, whatever was said before */
	put_meta(&b, 'L', STR("a name of more than three bytes"));
	put_file(&b, "f", STR("123"));
	put_end(&b);
	check(&b, "0 a name of more than three bytes> 3 644;123.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_pax_size_wins_over_the_header)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("12 size=512\n"));
	put(&b, (struct header){.name = "o", .flag = '0', .size = 1024});
	for (int i = 0; i < 512; i++)
		buf_putc(&b, 'd');
	put_file(&b, "hidden", STR(""));
	put_end(&b);
	struct buf want;
	buf_init(&want, 4096);
	buf_puts(&want, "0 o> 512 644;");
	for (int i = 0; i < 512; i++)
		buf_putc(&want, 'd');
	buf_puts(&want, ".\n0 hidden> 0 644;.\nend\n");
	check(&b, buf_cstr(&want));
	buf_fini(&want);
	buf_fini(&b);
}

static void check_pax_error(struct str records, const char *want)
{
	ARCHIVE(b);
	char line[200];
	put_meta(&b, 'x', records);
	put_file(&b, "f", STR(""));
	put_end(&b);
	snprintf(line, sizeof(line), "error 1 %s\n", want);
	check(&b, line);
	buf_fini(&b);
}

TEST(tar_read_refuses_malformed_pax)
{
	static const char malformed[] = "malformed PAX header";
	check_pax_error(STR("0 path=a\n"), malformed);
	check_pax_error(STR("99 path=a\n"), malformed);
	check_pax_error(STR("99999999999999999999999 p=a\n"), malformed);
	check_pax_error(STR("8 path=a\n"), malformed);
	check_pax_error(STR("7 path\n"), malformed);
	check_pax_error(STR("6 =ab\n"), malformed);
	check_pax_error(STR("path=a\n"), malformed);
	check_pax_error(STR("-9 path=a\n"), malformed);
	check_pax_error(STR("11 path=a\n"), malformed);
	check_pax_error(STR("9 path=a\n7"), malformed);
	check_pax_error(STR("11 size=-1\n"), "PAX header has a bad size");
	check_pax_error(STR("28 size=9223372036854775808\n"),
		"PAX header has a bad size");
}

TEST(tar_read_passes_over_records_with_nul)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("12 path=a\0b\n"));
	put_file(&b, "f", STR(""));
	put_end(&b);
	check(&b, "0 f> 0 644;.\nend\n");
	struct tar_read *r = malloc(sizeof(*r));
	tar_read_init(r);
	tar_read_feed(r, buf_str(&b).p, b.n);
	CHECK_EQ(tar_read_next(r), TAR_ENTRY);
	CHECK(r->entry.note != NULL);
	tar_read_fini(r);
	free(r);
	buf_fini(&b);
}

TEST(tar_read_pax_numbers)
{
	ARCHIVE(b);
	put_meta(&b, 'x',
		STR("15 uid=3000000\n8 gid=7\n12 uname=me\n"
		    "30 mtime=1700000000.123456789\n"));
	put_file(&b, "f", STR(""));
	put_end(&b);
	struct tar_read *r = malloc(sizeof(*r));
	tar_read_init(r);
	tar_read_feed(r, buf_str(&b).p, b.n);
	CHECK_EQ(tar_read_next(r), TAR_ENTRY);
	CHECK_EQ(r->entry.uid, 3000000);
	CHECK_EQ(r->entry.gid, 7);
	CHECK_CSTR(r->entry.user.p, "me");
	CHECK_EQ(r->entry.mtime.tv_sec, 1700000000);
	CHECK_EQ(r->entry.mtime.tv_nsec, 123456789);
	tar_read_fini(r);
	free(r);
	buf_fini(&b);
}

TEST(tar_read_extended_headers_have_a_limit)
{
	ARCHIVE(b);
	put(&b, (struct header){
			.name = "m", .flag = 'L', .size = (uint64_t)1 << 40});
	check(&b, "error 4 extended header is larger than 1 MiB\n");
	buf_fini(&b);
}

TEST(tar_read_an_extended_header_needs_its_member)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("9 path=a\n"));
	check(&b, "error 1 extended header without a member\n");
	put_end(&b);
	check(&b, "error 1 extended header without a member\n");
	buf_fini(&b);
}

TEST(tar_read_ends)
{
	ARCHIVE(b);
	check(&b, "error 3 the archive is empty\n");
	put_file(&b, "f", STR("x"));
	check(&b, "0 f> 1 644;x.\nno end\n");
	put_zeros(&b, TAR_BLOCK);
	check(&b, "0 f> 1 644;x.\none zero\n");
	put_file(&b, "g", STR("x"));
	check(&b, "0 f> 1 644;x.\nend\none zero\n");
	buf_fini(&b);
}

TEST(tar_read_every_cut_is_an_error)
{
	ARCHIVE(b);
	put_meta(&b, 'x', STR("9 path=a\n"));
	put_file(&b, "f", STR("content of the file"));
	for (size_t n = 1; n < b.n; n++) {
		struct buf out;
		buf_init(&out, ARCHIVE_MAX);
		describe(&out, str_first(buf_str(&b), n), 512);
		CHECK(str_has(buf_str(&out), STR("error ")));
		buf_fini(&out);
	}
	buf_fini(&b);
}

TEST(tar_read_checksums)
{
	ARCHIVE(b);
	struct tar_header h = make((struct header){.name = "n", .flag = '0'});
	h.name[0] = (char)0xe4;
	h.name[1] = 'x';
	fix_sum(&h);
	/* as signed bytes it is less by 256 */
	tar_put_number(h.sum, 7, tar_checksum(&h) - 256);
	buf_put(&b, &h, sizeof(h));
	put_end(&b);
	check(&b, "0 \xe4x> 0 644;.\nend\n");
	buf_reset(&b);
	tar_put_number(h.sum, 7, tar_checksum(&h) + 1);
	buf_put(&b, &h, sizeof(h));
	check(&b, "error 1 this does not look like a tar archive\n");
	buf_reset(&b);
	put_file(&b, "f", STR(""));
	buf_put(&b, &h, sizeof(h));
	check(&b, "0 f> 0 644;.\n"
		  "error 1 bad header checksum behind this member\n");
	buf_fini(&b);
}

static void check_size_field(struct str field, bool good, uint64_t want)
{
	uint64_t v = 0;
	CHECK_EQ(tar_field_uint(field.p, field.n, &v), good);
	if (good)
		CHECK_EQ(v, want);
}

TEST(tar_read_numbers)
{
	check_size_field(STR("00000000017\0"), true, 15);
	check_size_field(STR("777777777777"), true, 0xfffffffff);
	check_size_field(STR("  17 xxxxxxx"), true, 15);
	check_size_field(STR("\0\0\0\0\0\0\0\0\0\0\0\0"), true, 0);
	check_size_field(STR("            "), true, 0);
	check_size_field(STR("17x         "), false, 0);
	check_size_field(STR("8           "), false, 0);
	check_size_field(STR("-1          "), false, 0);
	check_size_field(STR("\x80\0\0\0\0\0\0\0\0\0\1\2"), true, 258);
	check_size_field(STR("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
		true, INT64_MAX);
	check_size_field(STR("\x80\0\0\0\x80\0\0\0\0\0\0\0"), false, 0);
	check_size_field(STR("\x80\0\0\1\0\0\0\0\0\0\0\0"), false, 0);
	check_size_field(
		STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), false,
		0);
	int64_t v;
	CHECK(tar_field_int(
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12, &v));
	CHECK_EQ(v, -2);
}

static void check_time(struct str text, bool good, int64_t s, long ns)
{
	struct timespec t = {0};
	CHECK_EQ(tar_parse_time(text, &t), good);
	if (good) {
		CHECK_EQ(t.tv_sec, s);
		CHECK_EQ(t.tv_nsec, ns);
	}
}

TEST(tar_read_times)
{
	check_time(STR("12"), true, 12, 0);
	check_time(STR("12.5"), true, 12, 500000000);
	check_time(STR("12.0000000019"), true, 12, 1);
	check_time(STR("-1.25"), true, -2, 750000000);
	check_time(STR("-3"), true, -3, 0);
	check_time(STR("12."), true, 12, 0);
	check_time(STR(""), false, 0, 0);
	check_time(STR(".5"), false, 0, 0);
	check_time(STR("1e5"), false, 0, 0);
	check_time(STR("1.x"), false, 0, 0);
	check_time(
		STR("1111111111111111111111111111111111111111"), false, 0, 0);
}

TEST(tar_read_links_with_sizes)
{
	ARCHIVE(b);
	/* the data is there: it is passed over */
	put(&b, (struct header){
			.name = "s", .flag = '2', .link = "x", .size = 600});
	for (int i = 0; i < 600; i++)
		buf_putc(&b, 'd');
	put_zeros(&b, (size_t)tar_padding(600));
	/* it is not: a header follows */
	put(&b, (struct header){
			.name = "h", .flag = '1', .link = "x", .size = 600});
	put(&b, (struct header){.name = "d", .flag = '5', .size = 5});
	put_file(&b, "last", STR("1"));
	put_end(&b);
	check(&b, "2 s>x 0 644;.\n1 h>x 0 644;.\n5 d> 0 644;.\n"
		  "0 last> 1 644;1.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_huge_sizes)
{
	ARCHIVE(b);
	put(&b, (struct header){.name = "f", .flag = '0', .size = INT64_MAX});
	check(&b, "error 4 member is too large\n");
	buf_reset(&b);
	put(&b, (struct header){
			.name = "f", .flag = '0', .size = TAR_SIZE_MAX});
	check(&b, "0 f> 9007199254740992 644;"
		  "error 2 unexpected end of the archive\n");
	buf_fini(&b);
}

/* ------------------------------------------------------------- sparse files */

static struct tar_header old_sparse(uint64_t stored, uint64_t real)
{
	struct tar_header h = make((struct header){
		.name = "s", .flag = 'S', .size = stored, .magic = "ustar  "});
	char *p = (char *)&h;
	tar_put_number(p + 483, 12, real);
	return h;
}

static void old_region(char *p, uint64_t offset, uint64_t n)
{
	tar_put_number(p, 12, offset);
	tar_put_number(p + 12, 12, n);
}

TEST(tar_read_old_gnu_sparse)
{
	ARCHIVE(b);
	char block[TAR_BLOCK] = {0};
	struct tar_header h = old_sparse(6, 5000);
	char *p = (char *)&h;
	for (int i = 0; i < 4; i++)
		old_region(p + 386 + 24 * i, (uint64_t)i * 1000, 1);
	p[482] = 1;
	fix_sum(&h);
	old_region(block, 4000, 2);
	old_region(block + 24, 5000, 0);
	buf_put(&b, &h, sizeof(h));
	buf_put(&b, block, sizeof(block));
	put_data(&b, STR("abcdef"));
	put_end(&b);
	check(&b, "0 s> 5000 644;a@1000b@2000c@3000d@4000ef.\nend\n");
	buf_fini(&b);
}

static void put_sparse(struct buf *b, struct str pax, struct str data)
{
	put_meta(b, 'x', pax);
	put_file(b, "f", data);
	put_end(b);
}

TEST(tar_read_pax_sparse_00)
{
	ARCHIVE(b);
	put_sparse(&b,
		STR("23 GNU.sparse.size=100\n26 GNU.sparse.numblocks=2\n"
		    "23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=2\n"
		    "24 GNU.sparse.offset=50\n25 GNU.sparse.numbytes=1\n"),
		STR("abc"));
	check(&b, "0 f> 100 644;ab@50c.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_pax_sparse_01)
{
	ARCHIVE(b);
	put_sparse(&b,
		STR("23 GNU.sparse.size=100\n27 GNU.sparse.map=0,2,50,1\n"
		    "24 GNU.sparse.name=name\n"),
		STR("abc"));
	check(&b, "0 name> 100 644;ab@50c.\nend\n");
	buf_fini(&b);
}

static void put_sparse_1(struct buf *b, struct str map, struct str data)
{
	struct buf all;
	buf_init(&all, ARCHIVE_MAX);
	put_data(&all, map);
	buf_put_str(&all, data);
	put_sparse(b,
		STR("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
		    "27 GNU.sparse.realsize=100\n"
		    "24 GNU.sparse.name=name\n"),
		buf_str(&all));
	buf_fini(&all);
}

TEST(tar_read_pax_sparse_10)
{
	ARCHIVE(b);
	put_sparse_1(&b, STR("2\n0\n2\n50\n1\n"), STR("abc"));
	check(&b, "0 name> 100 644;ab@50c.\nend\n");
	buf_fini(&b);
}

TEST(tar_read_refuses_bad_sparse_maps)
{
	static const struct {
		const char *map;
		const char *error;
	} bad[] = {
		{"2\n0\n2\n1\n1\n", "sparse map is out of order"},
		{"1\n99\n2\n", "sparse map is out of order"},
		{"1\n101\n0\n", "sparse map is out of order"},
		{"1\n0\n4\n", "sparse map is longer than its data"},
		{"1\n-1\n4\n", "sparse map has a bad number"},
		{"\n", "sparse map has a bad number"},
		{"1\n\n", "sparse map has a bad number"},
		{"99999999999999999999\n", "sparse map has a bad number"},
		{"100000000000\n", "sparse map has too many regions"},
		{"1\n18446744073709551615\n2\n", "sparse map is out of order"},
		{"1\n0\n18446744073709551615\n", "sparse map is out of order"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ARCHIVE(b);
		char line[200];
		put_sparse_1(&b, str_of(bad[i].map), STR("abc"));
		snprintf(line, sizeof(line), "error 1 %s\n", bad[i].error);
		check(&b, line);
		buf_fini(&b);
	}
}

TEST(tar_read_sparse_map_over_several_blocks)
{
	ARCHIVE(b);
	struct buf map, want;
	buf_init(&map, ARCHIVE_MAX);
	buf_init(&want, ARCHIVE_MAX);
	buf_puts(&map, "200\n");
	for (int i = 0; i < 200; i++)
		buf_puts(&map, "10\n0\n");
	put_sparse_1(&b, buf_str(&map), STR(""));
	check(&b, "0 name> 100 644;.\nend\n");
	buf_fini(&map);
	buf_fini(&want);
	buf_fini(&b);
}
