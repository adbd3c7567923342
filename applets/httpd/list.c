/* SPDX-License-Identifier: MIT */
/*
 * applets/httpd/list.c - the page that lists a directory.
 *
 * input: untrusted (names of files)
 */
#include "applets/httpd/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dir.h"
#include "lib/mem.h"
#include "net/xml.h"

enum { NAMES_MAX = 1 << 20 };

void put_url_path(struct buf *out, struct str path)
{
	static const char safe[] = "-._~!$'()*+,;=:@/";
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || (c && strchr(safe, c));
		if (plain) {
			buf_putc(out, (char)c);
		} else {
			buf_putc(out, '%');
			buf_putc(out, hex[c >> 4]);
			buf_putc(out, hex[c & 15]);
		}
	}
}

static int compare(const void *left, const void *right)
{
	const char *const *a = left;
	const char *const *b = right;
	return strcmp(*a, *b);
}

/* names with their NULs; directories end with '/' */
static int read_names(const struct httpd *h, int fd, struct buf *names)
{
	int err;
	const struct dirent *e;
	struct stat st;
	DIR *stream = dir_open(fd, ".", &err);
	if (!stream)
		return err;
	while ((e = dir_next(stream, &err))) {
		if (e->d_name[0] == '.' && !h->hidden)
			continue;
		bool dir = e->d_type == DT_DIR;
		if (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN)
			dir = fstatat(fd, e->d_name, &st, 0) == 0 &&
			      S_ISDIR(st.st_mode);
		buf_puts(names, e->d_name);
		buf_put(names, dir ? "/" : "", dir ? 2 : 1);
	}
	closedir(stream);
	return err ? err : names->err;
}

static void put_entry(struct buf *out, int fd, const char *name)
{
	struct stat st;
	char date[CLOCK_ISO_SIZE];
	bool dir = str_ends(str_of(name), STR("/"));
	buf_puts(out, "<tr><td><a href=\"./");
	put_url_path(out, str_of(name));
	buf_puts(out, "\">");
	xml_escape(out, str_of(name));
	buf_puts(out, "</a></td><td>");
	if (!dir && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		buf_putf(out, "%llu</td><td>", (unsigned long long)st.st_size);
		clock_iso(date, st.st_mtim.tv_sec, 0);
		buf_putf(out, "%.10s %.5s", date, date + 11);
	} else {
		buf_puts(out, "</td><td>");
	}
	buf_puts(out, "</td></tr>\n");
}

static int put_entries(struct buf *out, int fd, struct buf *names)
{
	size_t n = 0;
	for (size_t i = 0; i < names->n; i++)
		n += *buf_at(names, i) == '\0';
	const char **v = mem_new_array(n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	const char *p = buf_str(names).p;
	for (size_t i = 0; i < n; i++, p += strlen(p) + 1)
		v[i] = p;
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++)
		put_entry(out, fd, v[i]);
	mem_free(v);
	return 0;
}

int list_page(struct httpd *h, const struct file *dir, struct buf *out)
{
	struct buf names;
	buf_init(&names, NAMES_MAX);
	int err = read_names(h, dir->fd, &names);
	buf_puts(out, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/");
	xml_escape(out, buf_str(&h->path));
	buf_puts(out, "</title>\n<h1>/");
	xml_escape(out, buf_str(&h->path));
	buf_puts(out, "</h1>\n<table>\n");
	if (h->path.n)
		buf_puts(out, "<tr><td><a href=\"../\">../</a></td></tr>\n");
	if (err == 0)
		err = put_entries(out, dir->fd, &names);
	buf_puts(out, "</table>\n");
	buf_fini(&names);
	return err ? err : out->err;
}
