/* SPDX-License-Identifier: MIT */
/* applets/gateway/subsystem.c - where data goes to and comes from. */
#include "applets/gateway/subsystem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/path.h"

/* name is root itself or below it */
static bool lies_under(struct str name, const char *root)
{
	struct str r = str_of(root);
	return str_starts(name, r) && (name.n == r.n || name.p[r.n] == '/');
}

const char *subsystem_fault(
	const struct gateway *g, struct str name, char *text, size_t size)
{
	if (str_trim(name).n == 0)
		return "must not be empty";
	if (*name.p == '/')
		return "must not start with '/'";
	if (str_has(name, STR("..")))
		return "must not contain '..'";
	if (str_index(name, '\\') < name.n)
		return "must not contain '\\'; nested paths use '/'";
	if (name.n < SUBSYSTEM_NAME_MAX && str_index(name, '\0') == name.n &&
		(lies_under(name, g->files) || lies_under(name, g->apps_data)))
		return NULL;
	fmt_str(text, size,
		"must be '%s' or '%s', or a path below one, not '%.*s'",
		g->files, g->apps_data, STR_FMT(str_first(name, 200)));
	return text;
}

void subsystem_init(struct subsystem_dir *d)
{
	d->made_from = 0;
	buf_init(&d->path, SUBSYSTEM_NAME_MAX);
}

void subsystem_fini(struct subsystem_dir *d)
{
	buf_fini(&d->path);
}

int subsystem_open(const struct gateway *g, struct subsystem_dir *d)
{
	const char *name = buf_cstr(&d->path);
	struct buf prefix;
	struct str rest = buf_str(&d->path);
	int r = 0;
	buf_init(&prefix, SUBSYSTEM_NAME_MAX);
	while (r == 0 && rest.p) {
		buf_put_str(&prefix, str_cut(&rest, '/'));
		int fd = path_open_nofollow(
			g->root, buf_cstr(&prefix), O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT) {
			d->made_from = prefix.n;
			break;
		}
		r = fd < 0 ? fd : 0;
		fd_close(&fd);
		buf_putc(&prefix, '/');
	}
	buf_fini(&prefix);
	if (r == 0)
		r = path_mkdirs(g->root, name, 0755);
	if (r == 0)
		r = path_open_nofollow(
			g->root, name, O_RDONLY | O_DIRECTORY, 0);
	return r;
}

void subsystem_unmake(const struct gateway *g, struct subsystem_dir *d)
{
	struct buf *path = &d->path;
	while (d->made_from && path->n >= d->made_from) {
		if (unlinkat(g->root, buf_cstr(path), AT_REMOVEDIR) < 0 &&
			errno != ENOENT)
			return;
		while (path->n && *buf_at(path, path->n - 1) != '/')
			path->n--;
		while (path->n && *buf_at(path, path->n - 1) == '/')
			path->n--;
	}
}

int subsystem_status(int err)
{
	switch (err) {
	case ENOTDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case EXDEV:
	case EINVAL:
		return 400;
	default:
		return 500;
	}
}
