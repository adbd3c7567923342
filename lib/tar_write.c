/* SPDX-License-Identifier: MIT */
/* lib/tar_write.c - the headers of a tar archive. */
#include "lib/tar_write.h"

#include "lib/fmt.h"
#include "lib/size.h"
#include "lib/tar_field.h"
#include "lib/tar_pax.h"

static char flag_of(enum tar_type type)
{
	switch (type) {
	case TAR_FILE:
		return '0';
	case TAR_HARD_LINK:
		return '1';
	case TAR_SYMLINK:
		return '2';
	case TAR_CHAR:
		return '3';
	case TAR_BLOCK_DEVICE:
		return '4';
	case TAR_DIR:
		return '5';
	case TAR_FIFO:
		return '6';
	}
	return '0';
}

static void put_text(char *field, size_t size, struct str text)
{
	if (text.n)
		memcpy(field, text.p, size_min(size, text.n));
}

/*
 * Split a name over ustar's two fields at a slash. *at becomes the length of
 * the prefix, 0 when the name field is enough; false: it fits in no way.
 */
static bool split_name(struct str name, size_t *at)
{
	const struct tar_header *h = NULL;
	*at = 0;
	if (name.n <= sizeof(h->name))
		return true;
	if (name.n > sizeof(h->prefix) + 1 + sizeof(h->name))
		return false;
	size_t from = name.n - sizeof(h->name) - 1;
	for (size_t i = from ? from : 1; i <= sizeof(h->prefix); i++) {
		/* a directory's last slash leaves no name behind it */
		if (i + 1 >= name.n)
			return false;
		if (name.p[i] == '/') {
			*at = i;
			return true;
		}
	}
	return false;
}

static void put_sum(struct tar_header *h)
{
	/* six digits, NUL, space, as every tar has written it */
	tar_put_number(h->sum, 7, tar_checksum(h));
	h->sum[7] = ' ';
}

static void put_block(struct buf *out, struct tar_header *h)
{
	memcpy(h->magic, "ustar\00000", sizeof(h->magic));
	put_sum(h);
	buf_put(out, h, sizeof(*h));
}

static void put_zeros(struct buf *out, uint64_t n)
{
	char *p = buf_reserve(out, (size_t)n);
	if (!p || n == 0)
		return;
	memset(p, 0, (size_t)n);
	buf_commit(out, (size_t)n);
}

static void pax_number(struct buf *records, const char *key, uint64_t v)
{
	char digits[FMT_U64_MAX];
	tar_pax_put(records, str_of(key), str_from(digits, fmt_u64(digits, v)));
}

static void pax_time(struct buf *records, const struct timespec *t)
{
	char text[48];
	int64_t s = t->tv_sec;
	long ns = t->tv_nsec;
	bool negative = s < 0;
	if (negative && ns) {
		s++;
		ns = 1000000000L - ns;
	}
	size_t n = fmt_str(text, sizeof(text), "%s%llu.%09ld",
		negative ? "-" : "",
		(unsigned long long)(negative ? 0 - (uint64_t)s : (uint64_t)s),
		ns);
	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	tar_pax_put(records, STR("mtime"), str_from(text, n));
}

/* what the headers of one member are made of */
struct member {
	const struct tar_entry *e;
	unsigned flags;
	struct str name; /* in the ustar header */
	uint64_t stored; /* bytes that follow it */
};

/* where the real name and size of a sparse file stand (PAX 1.0) */
static void sparse_records(struct buf *records, const struct tar_entry *e)
{
	tar_pax_put(records, STR("GNU.sparse.major"), STR("1"));
	tar_pax_put(records, STR("GNU.sparse.minor"), STR("0"));
	tar_pax_put(records, STR("GNU.sparse.name"), e->name);
	pax_number(records, "GNU.sparse.realsize", e->size);
}

/* the records that the ustar header cannot say */
static void collect_records(struct buf *records, const struct member *m)
{
	const struct tar_entry *e = m->e;
	const struct tar_header *h = NULL;
	size_t at;
	if (e->sparse)
		sparse_records(records, e);
	else if (!split_name(e->name, &at))
		tar_pax_put(records, STR("path"), e->name);
	if (e->link.n > sizeof(h->link))
		tar_pax_put(records, STR("linkpath"), e->link);
	if (!tar_fits_octal(sizeof(h->size), m->stored))
		pax_number(records, "size", m->stored);
	if (!tar_fits_octal(sizeof(h->uid), e->uid))
		pax_number(records, "uid", e->uid);
	if (!tar_fits_octal(sizeof(h->gid), e->gid))
		pax_number(records, "gid", e->gid);
	if (e->user.n >= sizeof(h->user))
		tar_pax_put(records, STR("uname"), e->user);
	if (e->group.n >= sizeof(h->group))
		tar_pax_put(records, STR("gname"), e->group);
	if (e->mtime.tv_sec < 0 ||
		!tar_fits_octal(sizeof(h->mtime), (uint64_t)e->mtime.tv_sec) ||
		((m->flags & TAR_WRITE_NS) && e->mtime.tv_nsec))
		pax_time(records, &e->mtime);
	buf_put_str(records, e->xattrs);
}

/* an octal field; what does not fit is 0, its PAX record says it */
static void put_octal(char *field, size_t n, uint64_t v)
{
	tar_put_number(field, n, tar_fits_octal(n, v) ? v : 0);
}

enum { ALIAS_SIZE = 101 };

/* "PLACE/BASE", for readers that take it for the member's name */
static struct str alias(
	char out[ALIAS_SIZE], const char *place, struct str base)
{
	while (str_ends(base, STR("/")))
		base.n--;
	for (size_t i = base.n; i-- > 0;)
		if (base.p[i] == '/') {
			base = str_from_index(base, i + 1);
			break;
		}
	base = str_first(base, 80);
	return str_from(out,
		fmt_str(out, ALIAS_SIZE, "./%s/%.*s", place, STR_FMT(base)));
}

static void put_pax_header(
	struct buf *out, const struct tar_entry *e, struct str records)
{
	struct tar_header h = {.flag = 'x'};
	char name[ALIAS_SIZE];
	put_text(h.name, sizeof(h.name), alias(name, "PaxHeaders", e->name));
	tar_put_number(h.mode, sizeof(h.mode), 0644);
	tar_put_number(h.uid, sizeof(h.uid), 0);
	tar_put_number(h.gid, sizeof(h.gid), 0);
	tar_put_number(h.size, sizeof(h.size), records.n);
	tar_put_number(h.mtime, sizeof(h.mtime), 0);
	put_block(out, &h);
	buf_put_str(out, records);
	put_zeros(out, tar_padding(records.n));
}

static void put_name(struct tar_header *h, struct str name)
{
	size_t at;
	if (split_name(name, &at) && at) {
		put_text(h->prefix, sizeof(h->prefix), str_first(name, at));
		name = str_from_index(name, at + 1);
	}
	put_text(h->name, sizeof(h->name), name);
}

static void put_member(struct buf *out, const struct member *m)
{
	const struct tar_entry *e = m->e;
	struct tar_header h = {.flag = flag_of(e->type)};
	struct buf records;
	bool device = e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE;
	buf_init(&records, TAR_META_MAX);
	collect_records(&records, m);
	if (records.n)
		put_pax_header(out, e, buf_str(&records));
	if (records.err && !out->err)
		out->err = records.err;
	buf_fini(&records);

	put_name(&h, m->name);
	put_octal(h.mode, sizeof(h.mode), e->mode & 07777);
	put_octal(h.uid, sizeof(h.uid), e->uid);
	put_octal(h.gid, sizeof(h.gid), e->gid);
	put_octal(h.size, sizeof(h.size), m->stored);
	put_octal(h.mtime, sizeof(h.mtime),
		e->mtime.tv_sec > 0 ? (uint64_t)e->mtime.tv_sec : 0);
	put_text(h.link, sizeof(h.link), e->link);
	put_text(h.user, sizeof(h.user) - 1, e->user);
	put_text(h.group, sizeof(h.group) - 1, e->group);
	put_octal(h.major, sizeof(h.major), device ? e->major : 0);
	put_octal(h.minor, sizeof(h.minor), device ? e->minor : 0);
	put_block(out, &h);
}

void tar_write_header(
	struct buf *out, const struct tar_entry *e, unsigned flags)
{
	const struct member m = {.e = e,
		.flags = flags,
		.name = e->name,
		.stored = e->type == TAR_FILE ? e->size : 0};
	put_member(out, &m);
}

void tar_write_sparse(struct buf *out, const struct tar_entry *e,
	unsigned flags, const struct tar_region *v, size_t n)
{
	char name[ALIAS_SIZE];
	struct buf map;
	struct member m = {.e = e,
		.flags = flags,
		.name = alias(name, "GNUSparseFile.0", e->name)};
	/* two numbers of up to 20 digits and their newlines */
	buf_init(&map, (size_t)42 * (TAR_SPARSE_MAX + 1) + TAR_BLOCK);
	buf_putf(&map, "%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		buf_putf(&map, "%llu\n%llu\n", (unsigned long long)v[i].offset,
			(unsigned long long)v[i].n);
		m.stored += v[i].n;
	}
	put_zeros(&map, tar_padding(map.n));
	m.stored += map.n;
	if (map.err && !out->err)
		out->err = map.err;
	put_member(out, &m);
	buf_put_str(out, buf_str(&map));
	buf_fini(&map);
}

void tar_write_end(struct buf *out, uint64_t total)
{
	uint64_t n = 2 * (uint64_t)TAR_BLOCK;
	uint64_t odd = (total + n) % TAR_RECORD;
	put_zeros(out, odd ? n + TAR_RECORD - odd : n);
}
