/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/create.c - files become members, while they may be changing.
 *
 * What a header says about a file comes from its open descriptor, and exactly
 * that many bytes follow: a file that shrinks is filled up with zeros, one
 * that grows is cut, and both are told.
 */
#include "applets/tar/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "applets/tar/ids.h"
#include "applets/tar/lines.h"
#include "applets/tar/links.h"
#include "lib/gzip_out.h"
#include "applets/tar/walk.h"
#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/tar_write.h"

enum { PATH_MAX_BYTES = 1 << 20 };

struct create {
	const struct tar_options *o;
	struct report *r;
	struct gzip_out out;
	struct lines lines;
	struct walk walk;
	struct links links;
	struct ids users;
	struct ids groups;
	struct buf header;
	struct buf path;     /* of what is looked at, as the operand began it */
	struct buf target;   /* of a symbolic link */
	size_t skip;         /* bytes of path that are not in member names */
	dev_t device;        /* of the operand */
	struct stat archive; /* the archive itself, not to be put into it */
	bool told_prefix;

	unsigned flags; /* TAR_WRITE_* */
	bool fixed_time;
	struct timespec time;
	bool fixed_user;
	bool fixed_group;
	uint32_t uid;
	uint32_t gid;
	struct str user;
	struct str group;
};

static const char *path_text(struct create *c)
{
	return buf_cstr(&c->path);
}

/* the member's name; the whole of what was asked for is "." */
static struct str member_name(struct create *c)
{
	struct str name = str_from_index(buf_str(&c->path), c->skip);
	return name.n ? name : STR(".");
}

static void fail(struct create *c, const char *what, int err)
{
	if (c->o->ignore_failed_read)
		report_changed(
			c->r, path_text(c), "%s: %s", what, strerror(err));
	else
		report_errno(c->r, path_text(c), what, err);
}

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

/* write the header of a member that fill_entry() prepared */
static void put_header(struct create *c, struct tar_entry *e)
{
	e->name = member_name(c);
	if (e->type == TAR_DIR && !str_ends(e->name, STR("/"))) {
		/* e->name stays valid: the buffer holds both */
		buf_putc(&c->path, '/');
		e->name = c->path.n - c->skip > 1 ? member_name(c) : STR("./");
		c->path.n--;
	}
	buf_reset(&c->header);
	tar_write_header(&c->header, e, c->flags);
	gzip_out_put(&c->out, buf_str(&c->header));
	c->r->entries++;
	if (e->type == TAR_FILE) {
		c->r->files++;
		c->r->bytes += e->size;
	}
	if (c->o->verbose)
		lines_member(&c->lines, e, e->name, false);
}

/* the second name of a file that is in the archive already: a link to it */
static bool put_hard_link(struct create *c, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_HARD_LINK};
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return false;
	e.link = links_seen(&c->links, st->st_dev, st->st_ino, member_name(c));
	if (!e.link.p)
		return false;
	fill_entry(c, &e, st);
	put_header(c, &e);
	return true;
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
			fail(c, "Read error", (int)-n);
		if (n <= 0)
			break;
		gzip_out_commit(&c->out, (size_t)n);
		left -= (uint64_t)n;
	}
	gzip_out_zeros(&c->out, left);
	gzip_out_zeros(&c->out, tar_padding(size));
	return left;
}

static void put_file(struct create *c, int fd, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_FILE, .size = (uint64_t)st->st_size};
	struct stat after;
	fill_entry(c, &e, st);
	put_header(c, &e);
	uint64_t missing = copy_data(c, fd, e.size);
	if (missing)
		report_changed(c->r, path_text(c),
			"File shrank by %llu bytes; padding with zeros",
			(unsigned long long)missing);
	else if (fstat(fd, &after) == 0 &&
		 (after.st_size != st->st_size ||
			 after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
			 after.st_mtim.tv_nsec != st->st_mtim.tv_nsec))
		report_changed(
			c->r, path_text(c), "file changed as we read it");
}

/* a member that is only a header: from its name, it was not opened */
static void put_symlink(
	struct create *c, int dir, const char *name, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_SYMLINK};
	size_t size = (size_t)st->st_size + 64;
	buf_reset(&c->target);
	char *p = buf_reserve(&c->target, size);
	ssize_t n = p ? readlinkat(dir, name, p, size) : -1;
	if (n < 0 || (size_t)n == size) {
		fail(c, "Cannot read link", n < 0 ? errno : ENAMETOOLONG);
		return;
	}
	e.link = str_from(p, (size_t)n);
	fill_entry(c, &e, st);
	put_header(c, &e);
}

static void put_special(struct create *c, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_FIFO};
	if (!c->o->special || S_ISSOCK(st->st_mode)) {
		report_warn(c->r, path_text(c), "%s ignored",
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

/* the header of a directory, then it is the one that is walked; takes fd */
static void put_dir(struct create *c, int fd, const struct stat *st)
{
	struct tar_entry e = {.type = TAR_DIR};
	fill_entry(c, &e, st);
	put_header(c, &e);
	if (c->o->one_file_system && st->st_dev != c->device) {
		fd_close(&fd);
		return;
	}
	int err = walk_push(&c->walk, fd, st, c->path.n);
	if (err)
		fail(c, "Cannot read directory", -err);
}

/* ------------------------------------------------------- looking at a name */

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
			c->r, path_text(c), "File removed before we read it");
	else if (err != ENOENT || !c->o->ignore_missing)
		fail(c, operand ? "Cannot stat" : "Cannot open", err);
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
		report_warn(
			c->r, path_text(c), "file is the archive; not dumped");
	} else if (put_hard_link(c, st)) {
		/* done */
	} else if (S_ISDIR(st->st_mode) && fd >= 0) {
		put_dir(c, fd, st);
		return;
	} else if (S_ISREG(st->st_mode) && fd >= 0) {
		put_file(c, fd, st);
	} else if (S_ISLNK(st->st_mode)) {
		put_symlink(c, dir, name, st);
	} else {
		put_special(c, st);
	}
	fd_close(&fd);
}

/* look at dir/name, whose path stands in c->path */
static void look(struct create *c, int dir, const char *name,
	unsigned char type, bool operand)
{
	struct stat st;
	int fd = -1;
	if (name_excluded(c->o, member_name(c)))
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
		fail(c, "Cannot read directory", -err);
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
		fail(c, "directory was moved while it was read", -err);
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
	if (o->mtime) {
		if (!tar_parse_date(o->mtime, &c->time))
			die_usage("--mtime: '%s' is not understood", o->mtime);
		c->fixed_time = true;
	}
	if (o->format && strcmp(o->format, "ustar") != 0)
		c->flags |= TAR_WRITE_NS;
	c->walk.sort = o->sort && strcmp(o->sort, "name") == 0;
	links_init(&c->links);
	buf_init(&c->header, 4 * TAR_META_MAX);
	buf_init(&c->path, PATH_MAX_BYTES);
	buf_init(&c->target, TAR_META_MAX);
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
	int err = fd < 0 ? -errno
			 : gzip_out_open(&c->out, fd,
				   c->o->gzip ? GZIP_LEVEL_MIN : 0, NULL);
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
	buf_reset(&c->header);
	tar_write_end(&c->header, c->out.total);
	gzip_out_put(&c->out, buf_str(&c->header));
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
