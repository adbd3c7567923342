/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/tar_fuzz.c - reading anything as a tar archive, cut anywhere.
 *
 * What must hold: whole, byte by byte, in pieces of the length that the first
 * byte says and, when it is short, cut in two at every place it is the same
 * events; texts end with their only NUL; data lies inside the file and in
 * order; and a member that was read can be written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/tar_read.h"
#include "lib/tar_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	LOG_MAX = 1 << 24,
	CUT_EVERYWHERE = 2048, /* bytes of a short input */
};

static void check_text(struct str text)
{
	if (text.p[text.n] != '\0' || memchr(text.p, 0, text.n))
		abort();
}

static void check_entry(const struct tar_entry *e)
{
	check_text(e->name);
	check_text(e->link);
	check_text(e->user);
	check_text(e->group);
	if (e->size > TAR_SIZE_MAX || e->mode > 07777 || e->mtime.tv_nsec < 0 ||
		e->mtime.tv_nsec > 999999999)
		abort();
}

/* attributes are whole records, as they will be written again */
static void check_xattrs(struct str records)
{
	struct str key, value;
	int more;
	while ((more = tar_pax_next(&records, &key, &value)) > 0)
		if (!str_starts(key, STR(TAR_XATTR_PREFIX)))
			abort();
	if (more < 0)
		abort();
}

/* written by us it must read as the same name, whatever the name is */
static void check_again(const struct tar_read *r)
{
	const struct tar_entry *e = &r->entry;
	struct str regions = buf_str(&r->sparse.regions);
	struct buf b;
	static struct tar_read again;
	/* such a name would be a directory, or is none at all */
	if (e->name.n == 0)
		return;
	buf_init(&b, LOG_MAX);
	if (e->sparse)
		tar_write_sparse(&b, e, TAR_WRITE_NS,
			(const struct tar_region *)(const void *)regions.p,
			regions.n / sizeof(struct tar_region));
	else
		tar_write_header(&b, e, TAR_WRITE_NS);
	tar_read_init(&again);
	tar_read_feed(&again, buf_str(&b).p, b.n);
	enum tar_event event = tar_read_next(&again);
	if (event == TAR_ENTRY) {
		if (!str_eq(again.entry.name, e->name) ||
			again.entry.mtime.tv_sec != e->mtime.tv_sec ||
			!str_eq(again.entry.xattrs, e->xattrs) ||
			again.entry.sparse != e->sparse ||
			(e->sparse && again.entry.size != e->size))
			abort();
	} else if (event != TAR_ERROR || again.fault != TAR_FAULT_LIMIT) {
		abort();
	}
	tar_read_fini(&again);
	buf_fini(&b);
}

/*
 * A text of all events; runs of data are one. The input comes as a piece of
 * `first` bytes and then in pieces of `step`.
 */
static void describe(struct buf *log, struct str in, size_t first, size_t step)
{
	size_t next = first;
	static struct tar_read r;
	enum tar_event event = TAR_MORE;
	uint64_t end = 0;
	tar_read_init(&r);
	while (in.n && event != TAR_ERROR) {
		struct str piece = str_first(in, next);
		next = step;
		tar_read_feed(&r, piece.p, piece.n);
		in = str_from_index(in, piece.n);
		while (event != TAR_ERROR &&
			(event = tar_read_next(&r)) != TAR_MORE) {
			if (event == TAR_ENTRY) {
				check_entry(&r.entry);
				check_xattrs(r.entry.xattrs);
				check_again(&r);
				buf_putf(log, "\n[%d %s %s %llu]", r.entry.type,
					r.entry.name.p, r.entry.link.p,
					(unsigned long long)r.entry.size);
				end = 0;
			} else if (event == TAR_DATA) {
				if (r.data_offset < end ||
					r.data.n > r.entry.size ||
					r.data_offset > r.entry.size - r.data.n)
					abort();
				if (r.data_offset != end)
					buf_putf(log, "@%llu",
						(unsigned long long)
							r.data_offset);
				end = r.data_offset + r.data.n;
				buf_put_str(log, r.data);
			} else {
				buf_putf(log, "<%d>", event);
			}
		}
		event = event == TAR_ERROR ? event : TAR_MORE;
	}
	if (event != TAR_ERROR)
		buf_putf(log, "<%d>", tar_read_eof(&r));
	buf_putf(log, "fault %d", r.fault);
	tar_read_fini(&r);
}

static void check_same(
	const struct buf *whole, struct str in, size_t first, size_t step)
{
	struct buf pieces;
	buf_init(&pieces, LOG_MAX);
	describe(&pieces, in, first, step);
	if (!str_eq(buf_str(whole), buf_str(&pieces)))
		abort();
	buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole;
	if (size == 0)
		return 0;
	size_t step = data[0] ? data[0] : 512;
	struct str in = {(const char *)data + 1, size - 1};
	buf_init(&whole, LOG_MAX);
	describe(&whole, in, SIZE_MAX, SIZE_MAX);
	check_same(&whole, in, step, step);
	check_same(&whole, in, 1, 1);
	for (size_t at = 1; at < in.n && in.n <= CUT_EVERYWHERE; at++)
		check_same(&whole, in, at, SIZE_MAX);
	buf_fini(&whole);
	return 0;
}
