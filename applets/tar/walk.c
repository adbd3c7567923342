/* SPDX-License-Identifier: MIT */
/* applets/tar/walk.c - a stack of open directories. */
#include "applets/tar/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/mem.h"

enum { NAMES_MAX = 64 << 20 }; /* bytes of names in one sorted directory */

static struct walk_level *top(const struct walk *w)
{
	return &w->level[w->depth - 1];
}

static void level_fini(struct walk_level *l)
{
	if (l->stream)
		closedir(l->stream);
	buf_fini(&l->names);
	mem_free(l->sorted);
}

void walk_fini(struct walk *w)
{
	while (w->depth)
		level_fini(&w->level[--w->depth]);
	mem_free(w->level);
}

static int compare(const void *left, const void *right)
{
	const char *const *a = left;
	const char *const *b = right;
	return strcmp(*a + 1, *b + 1); /* behind the byte of the type */
}

/* read all names and put them in order; 0 or a negative errno */
static int load_sorted(struct walk_level *l)
{
	const struct dirent *e;
	int err = 0;
	buf_init(&l->names, NAMES_MAX);
	while ((e = dir_next(l->stream, &err))) {
		buf_putc(&l->names, (char)e->d_type);
		buf_put(&l->names, e->d_name, strlen(e->d_name) + 1);
		l->count++;
	}
	if (err || l->names.err)
		return err ? err : l->names.err;
	l->sorted = mem_new_array(l->count, sizeof(*l->sorted));
	if (!l->sorted)
		return -ENOMEM;
	const char *p = buf_str(&l->names).p;
	for (size_t i = 0; i < l->count; i++) {
		l->sorted[i] = p;
		p += 1 + strlen(p + 1) + 1;
	}
	qsort(l->sorted, l->count, sizeof(*l->sorted), compare);
	return 0;
}

/* close a directory that is far above; its place is remembered */
static void park(struct walk_level *l)
{
	l->position = telldir(l->stream);
	closedir(l->stream);
	l->stream = NULL;
}

int walk_push(struct walk *w, int fd, const struct stat *st, size_t path_len)
{
	if (w->depth == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct walk_level *v = mem_resize(w->level, cap * sizeof(*v));
		if (!v) {
			fd_close(&fd);
			return -ENOMEM;
		}
		w->level = v;
		w->cap = cap;
	}
	struct walk_level l = {.stream = fdopendir(fd),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.path_len = path_len};
	if (!l.stream) {
		int err = -errno;
		fd_close(&fd);
		return err;
	}
	int err = w->sort ? load_sorted(&l) : 0;
	if (err) {
		level_fini(&l);
		return err;
	}
	w->level[w->depth++] = l;
	if (w->depth > WALK_OPEN && w->level[w->depth - 1 - WALK_OPEN].stream)
		park(&w->level[w->depth - 1 - WALK_OPEN]);
	return 0;
}

const char *walk_next(struct walk *w, unsigned char *type, int *err)
{
	struct walk_level *l = top(w);
	*err = 0;
	if (!w->sort) {
		const struct dirent *e = dir_next(l->stream, err);
		*type = e ? e->d_type : DT_UNKNOWN;
		return e ? e->d_name : NULL;
	}
	if (l->at == l->count)
		return NULL;
	const char *name = l->sorted[l->at++];
	*type = (unsigned char)name[0];
	return name + 1;
}

int walk_fd(const struct walk *w)
{
	return dirfd(top(w)->stream);
}

/* open the directory above again, if it is still the same */
static int unpark(struct walk_level *l, int child)
{
	struct stat st;
	int fd = openat(
		child, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_dev != l->dev || st.st_ino != l->ino) {
		fd_close(&fd);
		return -ESTALE;
	}
	l->stream = fdopendir(fd);
	if (!l->stream) {
		fd_close(&fd);
		return -ENOMEM;
	}
	seekdir(l->stream, l->position);
	return 0;
}

int walk_pop(struct walk *w)
{
	struct walk_level *l = top(w);
	int err = 0;
	if (w->depth > 1 && !l[-1].stream)
		err = unpark(&l[-1], dirfd(l->stream));
	level_fini(l);
	w->depth--;
	return err;
}
