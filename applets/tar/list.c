/* SPDX-License-Identifier: MIT */
/* applets/tar/list.c - tar -t, and the lines of -v. */
#include "applets/tar/tar.h"

#include <string.h>
#include <unistd.h>

#include "applets/tar/archive.h"
#include "applets/tar/lines.h"
#include "lib/clock.h"
#include "lib/fmt.h"

enum { OWNER_WIDTH = 19 }; /* owner/group and size together, as GNU tar */

static char type_letter(const struct tar_entry *e)
{
	switch (e->type) {
	case TAR_FILE:
		return '-';
	case TAR_HARD_LINK:
		return 'h';
	case TAR_SYMLINK:
		return 'l';
	case TAR_CHAR:
		return 'c';
	case TAR_BLOCK_DEVICE:
		return 'b';
	case TAR_DIR:
		return 'd';
	case TAR_FIFO:
		return 'p';
	}
	return '?';
}

static void put_mode(struct buf *out, const struct tar_entry *e)
{
	static const char letters[] = "rwxrwxrwx";
	char text[11];
	text[0] = type_letter(e);
	for (int i = 0; i < 9; i++)
		text[i + 1] = e->mode & (0400u >> i) ? letters[i] : '-';
	if (e->mode & 04000)
		text[3] = text[3] == 'x' ? 's' : 'S';
	if (e->mode & 02000)
		text[6] = text[6] == 'x' ? 's' : 'S';
	if (e->mode & 01000)
		text[9] = text[9] == 'x' ? 't' : 'T';
	buf_put(out, text, 10);
}

static void put_owner(
	struct buf *out, struct str name, uint64_t id, bool numeric)
{
	if (name.n && !numeric)
		name_quote(out, name);
	else
		buf_put_u64(out, id);
}

void list_line(struct buf *out, const struct tar_entry *e, bool numeric)
{
	char date[CLOCK_ISO_SIZE];
	char size[48];
	size_t start;
	put_mode(out, e);
	buf_putc(out, ' ');
	start = out->n;
	put_owner(out, e->user, e->uid, numeric);
	buf_putc(out, '/');
	put_owner(out, e->group, e->gid, numeric);
	size_t n = fmt_str(size, sizeof(size), "%llu",
		(unsigned long long)(e->type == TAR_FILE ? e->size : 0));
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEVICE)
		n = fmt_str(size, sizeof(size), "%u,%u", e->major, e->minor);
	size_t used = out->n - start + 1 + n;
	buf_putf(out, " %*s%s",
		used < OWNER_WIDTH ? (int)(OWNER_WIDTH - used) : 0, "", size);
	clock_iso(date, e->mtime.tv_sec, 0);
	buf_putf(out, " %.10s %.5s ", date, date + 11);
}

static void put_target(struct buf *out, const struct tar_entry *e)
{
	if (e->type == TAR_SYMLINK)
		buf_puts(out, " -> ");
	else if (e->type == TAR_HARD_LINK)
		buf_puts(out, " link to ");
	else
		return;
	name_quote(out, e->link);
}

void lines_init(
	struct lines *l, const struct tar_options *o, struct report *r, int fd)
{
	*l = (struct lines){.o = o, .r = r, .fd = fd, .terminal = isatty(fd)};
	buf_init(&l->b, 1 << 20);
}

void lines_flush(struct lines *l)
{
	struct str text = buf_str(&l->b);
	int err = l->err ? 0 : fd_write_full(l->fd, text.p, text.n);
	buf_reset(&l->b);
	if (err == 0)
		return;
	l->err = err;
	report_errno(l->r, NULL, "write", -err);
	l->r->stop = true;
}

void lines_fini(struct lines *l)
{
	lines_flush(l);
	buf_fini(&l->b);
}

void lines_member(
	struct lines *l, const struct tar_entry *e, struct str name, bool full)
{
	if (full)
		list_line(&l->b, e, l->o->numeric_owner);
	name_quote(&l->b, name);
	if (full)
		put_target(&l->b, e);
	buf_putc(&l->b, '\n');
	if (l->terminal || l->b.n > LINES_HOLD)
		lines_flush(l);
}

/* ----------------------------------------------------------------- -t */

static void list_begin(void *self, const struct tar_entry *e, struct str name)
{
	struct lines *l = self;
	lines_member(l, e, name, l->o->verbose);
}

static void list_data(void *self, struct str data, uint64_t offset)
{
	(void)self;
	(void)data;
	(void)offset;
}

static void list_end(void *self, const struct tar_entry *e)
{
	(void)self;
	(void)e;
}

static void list_abandon(void *self)
{
	(void)self;
}

void tar_list(const struct tar_options *o, struct report *r)
{
	struct lines lines;
	const struct sink sink = {
		&lines, list_begin, list_data, list_end, list_abandon};
	lines_init(&lines, o, r, STDOUT_FILENO);
	archive_read(o, r, -1, &sink);
	lines_fini(&lines);
}
