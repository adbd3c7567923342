/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/member.c - files become members, while they may be changing.
 *
 * What a header says about a file comes from its open descriptor, and exactly
 * that many bytes follow: a file that shrinks is filled up with zeros, one
 * that grows is cut, and both are told.
 */
#include "applets/tar/create.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "applets/tar/xattr.h"
#include "lib/fd.h"
#include "lib/tar_sparse.h"
#include "lib/tar_write.h"

/* ---------------------------------------------------------------- headers */

static void fill_entry(
	struct create *c, struct tar_entry *e, const struct stat *st)
{
	e->mode = st->st_mode & 07777;
	e->mtime = c->fixed_time ? c->time : st->st_mtim;
	e->uid = c->fixed_user ? c->uid : st->st_uid;
	e->gid = c->fixed_group ? c->gid : st->st_gid;
	if (c->fixed_user)
		e->user = c->user;
	else if (!c->o->numeric_owner)
		e->user = ids_name(&c->users, st->st_uid);
	if (c->fixed_group)
		e->group = c->group;
	else if (!c->o->numeric_owner)
		e->group = ids_name(&c->groups, st->st_gid);
}

static mode_t type_bits(enum tar_type type)
{
	switch (type) {
	case TAR_DIR:
		return S_IFDIR;
	case TAR_SYMLINK:
		return S_IFLNK;
	case TAR_FILE:
	case TAR_HARD_LINK:
	case TAR_CHAR:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		break;
	}
	return S_IFREG;
}

/* a file is told to the end by end_data(), the rest is whole here */
static void put_zip_header(struct create *c, const struct tar_entry *e)
{
	struct zip_member *m = &c->zip_member;
	struct str text = e->type == TAR_SYMLINK ? e->link : STR("");
	*m = (struct zip_member){.name = e->name,
		.mode = e->mode | type_bits(e->type),
		.mtime = e->mtime.tv_sec,
		.size = e->type == TAR_FILE ? e->size : text.n,
		.deflated = e->type == TAR_FILE && e->size > 0,
		.crc = gzip_crc32(0, text.p, text.n)};
	if (!zip_write_begin(&c->zip, &c->header, m)) {
		report_errno(c->r, create_path(c), "Cannot add", ENAMETOOLONG);
		return;
	}
	buf_put_str(&c->header, text);
	if (!m->deflated)
		zip_write_end(&c->zip, &c->header, m, text.n);
	gzip_out_raw(&c->out, buf_str(&c->header));
}

static void put_tar_header(struct create *c, const struct tar_entry *e)
{
	struct str regions = buf_str(&c->regions);
	if (e->sparse)
		tar_write_sparse(&c->header, e, c->flags,
			(const struct tar_region *)(const void *)regions.p,
			regions.n / sizeof(struct tar_region));
	else
		tar_write_header(&c->header, e, c->flags);
	gzip_out_put(&c->out, buf_str(&c->header));
}

/* write the header of a member that fill_entry() prepared */
static void put_header(struct create *c, struct tar_entry *e)
{
	e->name = create_name(c);
	if (e->type == TAR_DIR && !str_ends(e->name, STR("/"))) {
		/* e->name stays valid: the buffer holds both */
		buf_putc(&c->path, '/');
		e->name = c->path.n - c->skip > 1 ? create_name(c) : STR("./");
		c->path.n--;
	}
	buf_reset(&c->header);
	if (c->o->zip)
		put_zip_header(c, e);
	else
		put_tar_header(c, e);
	c->r->entries++;
	if (e->type == TAR_FILE) {
		c->r->files++;
		c->r->bytes += e->size;
	}
	if (c->o->verbose)
		lines_member(&c->lines, e, e->name, false);
}

bool member_hard_link(struct create *c, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_HARD_LINK};
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode) || c->o->zip)
		return false;
	e.link = links_seen(&c->links, st->st_dev, st->st_ino, create_name(c));
	if (!e.link.p)
		return false;
	fill_entry(c, &e, st);
	put_header(c, &e);
	return true;
}

/* the attributes that --xattrs is about, as PAX records */
static void take_xattrs(struct create *c, int fd, struct tar_entry *e)
{
	buf_reset(&c->xattrs);
	if (!c->o->xattrs || c->o->zip)
		return;
	int err = xattr_read(fd, &c->xattrs);
	if (err)
		create_fail(c, "Cannot read attributes", -err);
	else
		e->xattrs = buf_str(&c->xattrs);
}

/* ------------------------------------------------------------------ files */

/* exactly size bytes of fd; returns those that were missing */
static uint64_t copy_data(struct create *c, int fd, uint64_t size)
{
	uint64_t left = size;
	while (left && c->out.err == 0) {
		size_t room;
		unsigned char *p = gzip_out_room(&c->out, &room);
		ssize_t n = fd_read(fd, p, left < room ? (size_t)left : room);
		if (n < 0)
			create_fail(c, "Read error", (int)-n);
		if (n <= 0)
			break;
		gzip_out_commit(&c->out, (size_t)n);
		progress_add(&c->progress, (uint64_t)n);
		left -= (uint64_t)n;
	}
	gzip_out_zeros(&c->out, left);
	return left;
}

/* what holds data, one region after the other */
static uint64_t copy_regions(struct create *c, int fd, uint64_t *stored)
{
	uint64_t missing = 0;
	size_t n = c->regions.n / sizeof(struct tar_region);
	*stored = 0;
	for (size_t i = 0; i < n; i++) {
		struct tar_region r;
		memcpy(&r, buf_at(&c->regions, i * sizeof(r)), sizeof(r));
		if (lseek(fd, (off_t)r.offset, SEEK_SET) < 0)
			create_fail(c, "Cannot seek", errno);
		missing += copy_data(c, fd, r.n);
		*stored += r.n;
	}
	return missing;
}

static bool add_region(struct create *c, off_t from, off_t to)
{
	struct tar_region r = {(uint64_t)from, (uint64_t)(to - from)};
	buf_put(&c->regions, &r, sizeof(r));
	return c->regions.err == 0;
}

/*
 * Which parts of a file hold data. false: it has no holes, or too many of
 * them. Parts begin and end at blocks, as some readers expect them to.
 */
static bool find_regions(struct create *c, int fd, const struct stat *st)
{
	const off_t block = TAR_BLOCK;
	off_t to = 0;
	buf_reset(&c->regions);
	if (!c->o->sparse || c->o->zip || st->st_blocks >= st->st_size / block)
		return false;
	while (to < st->st_size) {
		off_t from = lseek(fd, to, SEEK_DATA);
		if (from < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (from < 0 || (to = lseek(fd, from, SEEK_HOLE)) < 0)
			break;
		from -= from % block;
		to += (block - to % block) % block;
		if (to > st->st_size)
			to = st->st_size;
		if (from >= to || !add_region(c, from, to))
			break;
	}
	if (lseek(fd, 0, SEEK_SET) < 0 || c->regions.err)
		return false;
	return to == st->st_size || add_region(c, st->st_size, st->st_size);
}

/* what follows the data of a file */
static void end_data(struct create *c, uint64_t stored)
{
	struct zip_member *m = &c->zip_member;
	if (!c->o->zip) {
		gzip_out_zeros(&c->out, tar_padding(stored));
		return;
	}
	if (!m->deflated)
		return;
	uint64_t packed = gzip_out_end_stream(&c->out, &m->crc);
	buf_reset(&c->header);
	zip_write_end(&c->zip, &c->header, m, packed);
	gzip_out_raw(&c->out, buf_str(&c->header));
}

static bool changed(int fd, const struct stat *before)
{
	struct stat now;
	return fstat(fd, &now) == 0 &&
	       (now.st_size != before->st_size ||
		       now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
		       now.st_mtim.tv_nsec != before->st_mtim.tv_nsec);
}

void member_file(struct create *c, int fd, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_FILE, .size = (uint64_t)st->st_size};
	uint64_t stored = e.size;
	uint64_t missing;
	fill_entry(c, &e, st);
	take_xattrs(c, fd, &e);
	e.sparse = find_regions(c, fd, st);
	put_header(c, &e);
	if (e.sparse)
		missing = copy_regions(c, fd, &stored);
	else
		missing = copy_data(c, fd, e.size);
	end_data(c, stored);
	if (missing)
		report_changed(c->r, create_path(c),
			"File shrank by %llu bytes; padding with zeros",
			(unsigned long long)missing);
	else if (changed(fd, st))
		report_changed(
			c->r, create_path(c), "file changed as we read it");
}

void member_dir(struct create *c, int fd, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_DIR};
	fill_entry(c, &e, st);
	take_xattrs(c, fd, &e);
	put_header(c, &e);
}

void member_symlink(
	struct create *c, int dir, const char *name, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_SYMLINK};
	size_t size = (size_t)st->st_size + 64;
	buf_reset(&c->target);
	char *p = buf_reserve(&c->target, size);
	ssize_t n = p ? readlinkat(dir, name, p, size) : -1;
	if (n < 0 || (size_t)n == size) {
		create_fail(
			c, "Cannot read link", n < 0 ? errno : ENAMETOOLONG);
		return;
	}
	e.link = str_from(p, (size_t)n);
	fill_entry(c, &e, st);
	put_header(c, &e);
}

void member_special(struct create *c, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_FIFO};
	if (!c->o->special || S_ISSOCK(st->st_mode) || c->o->zip) {
		report_warn(c->r, create_path(c), "%s ignored",
			S_ISSOCK(st->st_mode)   ? "socket"
			: S_ISFIFO(st->st_mode) ? "FIFO"
						: "device");
		return;
	}
	if (S_ISCHR(st->st_mode))
		e.type = TAR_CHAR;
	else if (S_ISBLK(st->st_mode))
		e.type = TAR_BLOCK_DEVICE;
	if (e.type != TAR_FIFO) {
		e.major = major(st->st_rdev);
		e.minor = minor(st->st_rdev);
	}
	fill_entry(c, &e, st);
	put_header(c, &e);
}

void member_end_archive(struct create *c)
{
	int err = 0;
	buf_reset(&c->header);
	if (c->o->zip) {
		err = zip_write_finish(&c->zip, &c->header);
		gzip_out_raw(&c->out, buf_str(&c->zip.directory));
		gzip_out_raw(&c->out, buf_str(&c->header));
	} else {
		tar_write_end(&c->header, c->out.total);
		gzip_out_put(&c->out, buf_str(&c->header));
	}
	if (err && c->out.err == 0)
		c->out.err = err;
}
