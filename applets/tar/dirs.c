/* SPDX-License-Identifier: MIT */
/* applets/tar/dirs.c - modes and times of directories, set at the end. */
#include "applets/tar/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/path.h"

enum { RECORDS_MAX = 6 << 20 };

struct record {
	struct dir_meta meta;
	uint32_t serial;
	uint32_t len; /* of the name, which follows with its NUL */
};

void dirs_init(struct dirs *d)
{
	*d = (struct dirs){0};
	buf_init(&d->records, RECORDS_MAX);
}

void dirs_fini(struct dirs *d)
{
	buf_fini(&d->records);
}

/* records begin at multiples of this, so that they can be used in place */
static size_t record_size(size_t len)
{
	size_t align = _Alignof(struct record);
	return (sizeof(struct record) + len + 1 + align - 1) / align * align;
}

bool dirs_add(struct dirs *d, const char *name, const struct dir_meta *meta)
{
	struct record head = {.meta = *meta,
		.serial = (uint32_t)d->n,
		.len = (uint32_t)strlen(name)};
	size_t size = record_size(head.len);
	char *p = buf_reserve(&d->records, size);
	if (!p) {
		d->records.err = 0;
		return false;
	}
	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), name, (size_t)head.len + 1);
	buf_commit(&d->records, size);
	d->n++;
	return true;
}

static const char *record_name(const struct record *m)
{
	return (const char *)(m + 1);
}

/* children before parents; of the same name the earlier one first */
static int compare(const void *left, const void *right)
{
	const struct record *a = *(const struct record *const *)left;
	const struct record *b = *(const struct record *const *)right;
	int c = strcmp(record_name(b), record_name(a));
	if (c)
		return c;
	return (a->serial > b->serial) - (a->serial < b->serial);
}

/* the first step that fails, in words; NULL and *err 0 when none does */
static const char *apply(const struct record *m, int root, int *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, m->meta.mtime};
	const char *failed = NULL;
	int fd = path_open_nofollow(
		root, record_name(m), O_RDONLY | O_DIRECTORY, 0);
	*err = 0;
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return NULL;
	if (fd < 0) {
		*err = -fd;
		return "Cannot open";
	}
	if (m->meta.owner && fchown(fd, m->meta.uid, m->meta.gid) < 0)
		failed = "Cannot change owner";
	else if (fchmod(fd, m->meta.mode) < 0)
		failed = "Cannot change mode";
	else if (futimens(fd, times) < 0)
		failed = "Cannot set time";
	*err = failed ? errno : 0;
	fd_close(&fd);
	return failed;
}

static void apply_or_tell(
	const struct record *m, int root, struct report *r, bool lenient)
{
	int err;
	const char *failed = apply(m, root, &err);
	if (failed && lenient)
		report_warn(r, record_name(m), "%s: %s", failed, strerror(err));
	else if (failed)
		report_errno(r, record_name(m), failed, err);
}

void dirs_apply(struct dirs *d, int root, struct report *r, bool lenient)
{
	struct record **sorted = mem_new_array(d->n, sizeof(*sorted));
	char *p = d->n ? buf_at(&d->records, 0) : NULL;
	if (!sorted) {
		report_errno(r, NULL, "modes of directories", ENOMEM);
		return;
	}
	for (size_t i = 0; i < d->n; i++) {
		sorted[i] = (struct record *)(void *)p;
		p += record_size(sorted[i]->len);
	}
	qsort(sorted, d->n, sizeof(struct record *), compare);
	for (size_t i = 0; i < d->n; i++)
		apply_or_tell(sorted[i], root, r, lenient);
	mem_free(sorted);
	buf_reset(&d->records);
	d->n = 0;
}
