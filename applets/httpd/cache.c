/* SPDX-License-Identifier: MIT */
/*
 * applets/httpd/cache.c - files that stay open between requests.
 *
 * One slot a hash: what collides takes the place of the older one. What a name
 * leads to is looked at again after CACHE_CHECK_MS; whether the file itself
 * has changed, with every request.
 */
#include "applets/httpd/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/path.h"

enum { FIELDS_MAX = 1024 };

void file_release(struct file *f)
{
	if (!f || --f->uses)
		return;
	fd_close(&f->fd);
	buf_fini(&f->fields);
	mem_free(f->small);
	mem_free(f->path);
	mem_free(f);
}

static void put_field(struct buf *b, const char *name, const char *value)
{
	buf_puts(b, name);
	buf_puts(b, ": ");
	buf_puts(b, value);
	buf_puts(b, "\r\n");
}

static void make_fields(const struct httpd *h, struct file *f)
{
	struct buf *b = &f->fields;
	const struct timespec *t = &f->st.st_mtim;
	fmt_str(f->etag, sizeof(f->etag), "\"%llx-%lx-%llx%s\"",
		(unsigned long long)t->tv_sec, (unsigned long)t->tv_nsec,
		(unsigned long long)f->st.st_size, f->gzip ? "-gz" : "");
	clock_http_date(f->date, t->tv_sec);
	buf_init(b, FIELDS_MAX);
	put_field(b, "ETag", f->etag);
	put_field(b, "Last-Modified", f->date);
	put_field(b, "Accept-Ranges", "bytes");
	put_field(b, "X-Content-Type-Options", "nosniff");
	if (f->gzip)
		put_field(b, "Content-Encoding", "gzip");
	if (f->gzip || f->has_gzip)
		put_field(b, "Vary", "Accept-Encoding");
	if (h->has_max_age)
		buf_putf(b, "Cache-Control: max-age=%llu\r\n",
			(unsigned long long)h->max_age);
}

/* a short file is answered from memory; one that cannot be read is not */
static void read_small(struct file *f)
{
	size_t n = (size_t)f->st.st_size;
	if (f->st.st_size > CACHE_SMALL)
		return;
	f->small = mem_new(n + 1);
	if (f->small && pread(f->fd, f->small, n, 0) != (ssize_t)n) {
		mem_free(f->small);
		f->small = NULL;
	}
}

static int open_beneath(
	const struct httpd *h, const char *path, bool gzip, struct stat *st)
{
	char name[PATH_LEN_MAX + 4];
	if (fmt_str(name, sizeof(name), "%s%s", *path ? path : ".",
		    gzip ? ".gz" : "") >= sizeof(name))
		return -ENAMETOOLONG;
	int fd = path_open(
		h->root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	int err = fstat(fd, st) < 0 ? -errno : 0;
	/* a FIFO or device is nothing to be served */
	if (err == 0 && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		err = -EACCES;
	if (err == 0 && gzip && !S_ISREG(st->st_mode))
		err = -ENOENT;
	if (err)
		fd_close(&fd);
	return err ? err : fd;
}

static int file_open(
	struct httpd *h, struct str path, bool gzip, struct file **out)
{
	struct file *f = mem_new(sizeof(*f));
	struct stat beside;
	if (!f)
		return -ENOMEM;
	*f = (struct file){.uses = 1, .fd = -1, .gzip = gzip};
	f->path = mem_dup(path.p, path.n);
	int err = f->path ? open_beneath(h, f->path, gzip, &f->st) : -ENOMEM;
	if (err < 0) {
		file_release(f);
		return err;
	}
	f->fd = err;
	f->checked_ms = loop_now(&h->loop);
	if (S_ISREG(f->st.st_mode)) {
		int fd = gzip ? -1 : open_beneath(h, f->path, true, &beside);
		f->has_gzip = fd >= 0;
		fd_close(&fd);
		f->type = type_of_name(h, path);
		make_fields(h, f);
		read_small(f);
	}
	*out = f;
	return 0;
}

static struct file **slot_of(struct httpd *h, struct str path, bool gzip)
{
	return &h->cache[(str_hash(path) + gzip) % CACHE_SLOTS];
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* is what was opened still what the name leads to? */
static bool is_fresh(struct httpd *h, struct file *f)
{
	struct stat now;
	if (fstat(f->fd, &now) < 0 || !same(&now, &f->st))
		return false;
	return loop_now(&h->loop) - f->checked_ms < CACHE_CHECK_MS;
}

int file_get(struct httpd *h, struct str path, bool gzip, struct file **out)
{
	struct file **slot = slot_of(h, path, gzip);
	struct file *f = *slot;
	if (f && f->gzip == gzip && str_is(path, f->path) && is_fresh(h, f)) {
		f->uses++;
		*out = f;
		return 0;
	}
	int err = file_open(h, path, gzip, out);
	if (f && (err == 0 || str_is(path, f->path))) {
		file_release(f);
		*slot = NULL;
	}
	if (err)
		return err;
	if (S_ISREG((*out)->st.st_mode)) {
		*slot = *out;
		(*out)->uses++;
	}
	return 0;
}

void file_cache_clear(struct httpd *h)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		file_release(h->cache[i]);
		h->cache[i] = NULL;
	}
}
