/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/create.c - which files go into an archive, and in which order.
 *
 * Everything is opened relative to the directory it was found in, following
 * no link, and looked at through its descriptor.
 */
#include "applets/tar/create.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/tar_write.h"

enum { PATH_MAX_BYTES = 1 << 20 };

const char *create_path(struct create *c)
{
	return buf_cstr(&c->path);
}

struct str create_name(struct create *c)
{
	/* the whole of what was asked for is "." */
	struct str name = str_from_index(buf_str(&c->path), c->skip);
	return name.n ? name : STR(".");
}

void create_fail(struct create *c, const char *what, int err)
{
	if (c->o->ignore_failed_read)
		report_changed(
			c->r, create_path(c), "%s: %s", what, strerror(err));
	else
		report_errno(c->r, create_path(c), what, err);
}

/* ------------------------------------------------------- looking at a name */

/* has it not changed since what --newer names? */
static bool is_old(const struct create *c, const struct stat *st)
{
	const struct timespec *t = &st->st_ctim;
	return c->only_newer &&
	       (t->tv_sec < c->newer.tv_sec ||
		       (t->tv_sec == c->newer.tv_sec &&
			       t->tv_nsec <= c->newer.tv_nsec));
}

/* the header of a directory, then it is the one that is walked; takes fd */
static void enter_dir(struct create *c, int fd, const struct stat *st)
{
	if (!is_old(c, st))
		member_dir(c, fd, st);
	if (c->o->no_recursion ||
		(c->o->one_file_system && st->st_dev != c->device)) {
		fd_close(&fd);
		return;
	}
	int err = walk_push(&c->walk, fd, st, c->path.n);
	if (err)
		create_fail(c, "Cannot read directory", -err);
}

/* a file or directory to be read, without touching its access time */
static int open_quietly(int dir, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = openat(dir, name, flags | O_CLOEXEC | O_NOATIME);
	/* O_NOATIME is for the file's owner only */
	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

/* one that vanished is nobody's fault, unless it was asked for by name */
static void cannot_look(struct create *c, int err, bool operand)
{
	if (err == ENOENT && !operand)
		report_changed(
			c->r, create_path(c), "File removed before we read it");
	else if (err == ENOENT && c->o->ignore_missing)
		return;
	else if (operand)
		report_errno(c->r, create_path(c), "Cannot stat", err);
	else
		create_fail(c, "Cannot open", err);
}

static bool is_archive(const struct create *c, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_ino == c->archive.st_ino &&
	       st->st_dev == c->archive.st_dev;
}

/* fd: open, or -1 for what is not opened; taken over */
static void put_any(struct create *c, int dir, const char *name, int fd,
	const struct stat *st)
{
	if (is_archive(c, st)) {
		report_warn(c->r, create_path(c),
			"file is the archive; not dumped");
	} else if (!S_ISDIR(st->st_mode) && is_old(c, st)) {
		/* left out */
	} else if (member_hard_link(c, st)) {
		/* done */
	} else if (S_ISDIR(st->st_mode) && fd >= 0) {
		enter_dir(c, fd, st);
		return;
	} else if (S_ISREG(st->st_mode) && fd >= 0) {
		member_file(c, fd, st);
	} else if (S_ISLNK(st->st_mode)) {
		member_symlink(c, dir, name, st);
	} else {
		member_special(c, st);
	}
	fd_close(&fd);
}

/* look at dir/name, whose path stands in c->path */
static void look(struct create *c, int dir, const char *name,
	unsigned char type, bool operand)
{
	struct stat st;
	int fd = -1;
	if (name_excluded(c->o, create_name(c)))
		return;
	bool readable = type == DT_REG || type == DT_DIR;
	if (!readable) {
		/* opening a device or FIFO can have effects: look first */
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			cannot_look(c, errno, operand);
			return;
		}
		readable = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
		if (operand)
			c->device = st.st_dev;
	}
	if (readable) {
		fd = open_quietly(dir, name);
		if (fd < 0 || fstat(fd, &st) < 0) {
			cannot_look(c, fd < 0 ? -fd : errno, operand);
			fd_close(&fd);
			return;
		}
	}
	put_any(c, dir, name, fd, &st);
}

/* ------------------------------------------------------------ the walk */

static void append_name(struct create *c, const char *name)
{
	if (!str_ends(buf_str(&c->path), STR("/")))
		buf_putc(&c->path, '/');
	buf_puts(&c->path, name);
}

/* somebody else's directory of such a name is a directory like any other */
static bool is_own_stage(const struct create *c, const char *name)
{
	struct stat st;
	return fstatat(walk_fd(&c->walk), name, &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* one step: the next entry of the innermost directory, or out of it */
static bool step(struct create *c)
{
	unsigned char type;
	int err;
	const struct walk_level *l = &c->walk.level[c->walk.depth - 1];
	c->path.n = l->path_len;
	const char *name = walk_next(&c->walk, &type, &err);
	if (err)
		create_fail(c, "Cannot read directory", -err);
	if (name) {
		append_name(c, name);
		if (name_is_stage(str_of(name)) && is_own_stage(c, name)) {
			report_warn(c->r, buf_cstr(&c->path),
				"unpacking is under way in it, left out");
			return true;
		}
		look(c, walk_fd(&c->walk), name, type, false);
		return true;
	}
	err = walk_pop(&c->walk);
	if (err)
		create_fail(c, "directory was moved while it was read", -err);
	return err == 0;
}

/* what is cut off the front of names: leading slashes, all up to a ".." */
static size_t prefix_len(struct str path)
{
	size_t skip = 0;
	for (size_t i = 0; i < path.n;) {
		struct str rest = str_from_index(path, i);
		size_t n = str_index(rest, '/');
		if (str_is(str_first(rest, n), ".."))
			skip = i + n;
		i += n + 1;
	}
	while (skip < path.n && path.p[skip] == '/')
		skip++;
	return skip;
}

static void put_operand(struct create *c, int dir, const char *name)
{
	struct str text = str_of(name);
	while (text.n > 1 && str_ends(text, STR("/")))
		text.n--;
	buf_reset(&c->path);
	buf_put_str(&c->path, text);
	c->skip = prefix_len(text);
	if (c->skip && !c->told_prefix) {
		c->told_prefix = true;
		report_warn(c->r, NULL,
			"Removing leading `%.*s' from member names",
			(int)c->skip, name);
		c->r->warnings--; /* says nothing about the archive */
	}
	look(c, dir, name, DT_UNKNOWN, true);
	while (c->walk.depth && !c->r->stop && c->out.err == 0)
		if (!step(c))
			break;
	walk_fini(&c->walk);
	c->walk = (struct walk){.sort = c->walk.sort};
}

/* go where the -C options before operand i say; false: reported */
static bool change_dir(struct create *c, int *dir, size_t *next, size_t i)
{
	const struct tar_options *o = c->o;
	for (; *next < o->nchdirs && o->chdirs[*next].operands <= i; ++*next) {
		const char *name = o->chdirs[*next].dir;
		int fd = openat(*dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			report_errno(c->r, name, "Cannot open", errno);
			c->r->stop = true;
			return false;
		}
		fd_close(dir);
		*dir = fd;
	}
	return true;
}

static void put_operands(struct create *c)
{
	size_t next = 0;
	int dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < c->o->nnames && !c->r->stop; i++) {
		if (c->out.err || !change_dir(c, &dir, &next, i))
			break;
		put_operand(c, dir, c->o->names[i]);
	}
	fd_close(&dir);
}

/* ----------------------------------------------------------------- set-up */

/* "NAME", "NAME:ID" or "ID"; dies when it is none of them */
static void parse_owner(const struct ids *table, const char *option,
	struct str *name, uint32_t *id)
{
	struct str rest = str_of(option);
	uint64_t v = UINT64_MAX;
	*name = str_cut(&rest, ':');
	if (rest.p) {
		if (!str_to_u64(rest, &v))
			v = UINT64_MAX;
	} else if (str_to_u64(*name, &v)) {
		*name = STR("");
	} else if (ids_find(table, *name, id)) {
		return;
	}
	if (v > UINT32_MAX - 1)
		die_usage("'%s' is neither a known name nor a number", option);
	*id = (uint32_t)v;
}

static void parse_newer(struct create *c, const char *text)
{
	struct stat st;
	c->only_newer = true;
	if (*text != '/' && *text != '.') {
		if (!tar_parse_date(text, &c->newer))
			die_usage("--newer: '%s' is not understood", text);
		return;
	}
	if (stat(text, &st) < 0)
		die(STATUS_FATAL, "--newer: %s: %s", text, strerror(errno));
	c->newer = st.st_mtim;
}

static void set_up(struct create *c)
{
	const struct tar_options *o = c->o;
	ids_load(&c->users, ID_USER);
	ids_load(&c->groups, ID_GROUP);
	if (o->owner) {
		parse_owner(&c->users, o->owner, &c->user, &c->uid);
		c->fixed_user = true;
	}
	if (o->group) {
		parse_owner(&c->groups, o->group, &c->group, &c->gid);
		c->fixed_group = true;
	}
	if (o->newer)
		parse_newer(c, o->newer);
	if (o->mtime) {
		if (!tar_parse_date(o->mtime, &c->time))
			die_usage("--mtime: '%s' is not understood", o->mtime);
		c->fixed_time = true;
	}
	if (o->format && strcmp(o->format, "ustar") != 0)
		c->flags |= TAR_WRITE_NS;
	c->walk.sort = o->sort && strcmp(o->sort, "name") == 0;
	links_init(&c->links);
	buf_init(&c->header, 8 * TAR_META_MAX);
	buf_init(&c->path, PATH_MAX_BYTES);
	buf_init(&c->target, TAR_META_MAX);
	buf_init(&c->xattrs, TAR_META_MAX / 2);
	buf_init(&c->regions, TAR_SPARSE_MAX * sizeof(struct tar_region));
	zip_write_init(&c->zip);
	/* who reads names or a status line needs no other */
	progress_init(
		&c->progress, o->verbose || o->status_fd != UINT64_MAX, 0);
	c->r->progress = &c->progress;
}

static void tear_down(struct create *c)
{
	walk_fini(&c->walk);
	links_fini(&c->links);
	ids_fini(&c->users);
	ids_fini(&c->groups);
	buf_fini(&c->header);
	buf_fini(&c->path);
	buf_fini(&c->target);
	buf_fini(&c->xattrs);
	buf_fini(&c->regions);
	zip_write_fini(&c->zip);
	progress_end(&c->progress);
	c->r->progress = NULL;
}

static bool open_archive(struct create *c)
{
	const char *file = c->o->file;
	int fd = STDOUT_FILENO;
	if (file && strcmp(file, "-") != 0)
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	else if (isatty(fd))
		die(STATUS_FATAL, "refusing to write an archive to a terminal "
				  "(is -f missing?)");
	enum gzip_out_kind kind = c->o->zip    ? GZIP_OUT_DEFLATE
				  : c->o->gzip ? GZIP_OUT_GZIP
					       : GZIP_OUT_PLAIN;
	unsigned level = c->o->level ? c->o->level : GZIP_LEVEL_MIN;
	int err =
		fd < 0 ? -errno : gzip_out_open(&c->out, fd, kind, level, NULL);
	if (err == 0 && fstat(fd, &c->archive) < 0)
		err = -errno;
	if (err == 0)
		return true;
	report_errno(c->r, file, "Cannot open", -err);
	c->r->stop = true;
	return false;
}

static void end_archive(struct create *c)
{
	member_end_archive(c);
	int err = gzip_out_finish(&c->out);
	if (err) {
		report_errno(c->r, c->o->file, "Cannot write", -err);
		c->r->stop = true;
	}
}

void tar_create(const struct tar_options *o, struct report *r)
{
	struct create c = {.o = o, .r = r, .out = {.fd = -1}};
	sigset_t pipe;
	/* whoever reads the status line is to read why it ended */
	if (o->status_fd != UINT64_MAX) {
		sigemptyset(&pipe);
		sigaddset(&pipe, SIGPIPE);
		sigprocmask(SIG_BLOCK, &pipe, NULL);
	}
	set_up(&c);
	if (open_archive(&c)) {
		lines_init(&c.lines, o, r,
			c.out.fd == STDOUT_FILENO ? STDERR_FILENO
						  : STDOUT_FILENO);
		put_operands(&c);
		/* an archive that ends before its time must not look whole */
		if (!r->stop)
			end_archive(&c);
		lines_fini(&c.lines);
	}
	gzip_out_close(&c.out);
	tear_down(&c);
}
