/* SPDX-License-Identifier: MIT */
/*
 * applets/gzip/file.c - an operand: which file it is, and what it becomes.
 *
 * The result takes its name, with mode, owner and time of the original, only
 * when it is complete; only then the original goes.
 */
#include "applets/gzip/gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/part_file.h"
#include "lib/size.h"
#include "lib/str.h"

enum { PATH_SIZE = 4096, DEPTH_MAX = 128 };

struct job {
	struct gzip_options *o;
	const char *file; /* as it is called in messages */
	int in;
	struct stat st;
	char out[PATH_SIZE];
	struct gzip_pass pass;
};

/* -------------------------------------------------------------- its name */

static const struct suffix {
	const char *text;
	const char *instead;
} suffixes[] = {{".gz", ""}, {".tgz", ".tar"}, {".taz", ".tar"}, {"-gz", ""},
	{".z", ""}, {"-z", ""}, {"_z", ""}};

/* the one that name ends with, by -S or known; text NULL: none */
static struct suffix find_suffix(const struct gzip_options *o, const char *name)
{
	const char *slash = strrchr(name, '/');
	struct str base = str_of(slash ? slash + 1 : name);
	struct str own = str_of(o->suffix);
	if (base.n > own.n && str_ends(base, own))
		return (struct suffix){o->suffix, ""};
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (base.n > strlen(suffixes[i].text) &&
			str_ends(base, str_of(suffixes[i].text)))
			return suffixes[i];
	return (struct suffix){NULL, NULL};
}

static bool name_too_long(struct job *j)
{
	gzip_error(j->o, j->file, strerror(ENAMETOOLONG));
	return false;
}

/* the name of the result; false: there is none, which was told */
static bool name_packed(struct job *j)
{
	char text[64];
	struct suffix s = find_suffix(j->o, j->file);
	if (s.text && !j->o->force) {
		fmt_str(text, sizeof(text),
			"already has %.20s suffix; -f packs it again", s.text);
		if (!j->o->recursive)
			gzip_warn(j->o, j->file, text);
		return false;
	}
	if (fmt_str(j->out, sizeof(j->out), "%s%s", j->file, j->o->suffix) >=
		sizeof(j->out))
		return name_too_long(j);
	return true;
}

static bool name_plain(struct job *j)
{
	struct suffix s = find_suffix(j->o, j->file);
	if (!s.text) {
		if (!j->o->recursive)
			gzip_warn(j->o, j->file, "unknown suffix, ignored");
		return false;
	}
	size_t n = strlen(j->file) - strlen(s.text);
	if (fmt_str(j->out, sizeof(j->out), "%.*s%s", (int)n, j->file,
		    s.instead) >= sizeof(j->out))
		return name_too_long(j);
	return true;
}

/* -N: the name that the header tells, never a path, in the same directory */
static void name_from_header(struct job *j)
{
	const char *told = j->pass.about.name;
	const char *base = strrchr(told, '/');
	const char *slash = strrchr(j->out, '/');
	char name[PATH_SIZE];
	base = base ? base + 1 : told;
	if (!j->o->name || !*base || strcmp(base, ".") == 0 ||
		strcmp(base, "..") == 0)
		return;
	if (fmt_str(name, sizeof(name), "%.*s%s",
		    slash ? (int)(slash + 1 - j->out) : 0, j->out,
		    base) < sizeof(name))
		memcpy(j->out, name, strlen(name) + 1);
}

/* ----------------------------------------------------------- what it says */

/* bytes of a stream that are header and trailer */
static uint64_t frame(const struct gzip_pass *p)
{
	size_t name = strlen(p->about.name);
	return GZIP_HEADER_SIZE + 8 + (name ? name + 1 : 0);
}

/* what was saved, in percent of the plain size */
static void put_saved(
	struct buf *out, uint64_t plain, uint64_t packed, uint64_t overhead)
{
	char text[32];
	uint64_t body = packed > overhead ? packed - overhead : 0;
	bool grew = body > plain;
	uint64_t saved = grew ? body - plain : plain - body;
	double percent = plain ? 100.0 * (double)saved / (double)plain : 0;
	uint64_t tenths = (uint64_t)(percent * 10 + 0.5);
	fmt_str(text, sizeof(text), "%s%llu.%llu%%", grew && plain ? "-" : "",
		(unsigned long long)tenths / 10,
		(unsigned long long)tenths % 10);
	buf_putf(out, "%6s", text);
}

static void say(const struct job *j, const char *what, const char *to)
{
	struct buf line;
	buf_init(&line, 2 * PATH_SIZE + 100);
	buf_putf(&line, "%s:\t", j->file);
	const struct gzip_pass *p = &j->pass;
	if (j->o->decompress)
		put_saved(&line, p->out, p->in, frame(p));
	else
		put_saved(&line, p->in, p->out, frame(p));
	if (what)
		buf_putf(&line, " -- %s %s", what, to);
	buf_putc(&line, '\n');
	(void)fd_write_full(STDERR_FILENO, buf_str(&line).p, line.n);
	buf_fini(&line);
}

void gzip_list(struct gzip_options *o, const char *file, const struct stat *st,
	const struct gzip_pass *pass)
{
	char name[PATH_SIZE], date[CLOCK_HTTP_SIZE];
	struct buf line;
	struct suffix s = find_suffix(o, file);
	size_t n = strlen(file) - (s.text ? strlen(s.text) : 0);
	fmt_str(name, sizeof(name), "%.*s%s", (int)n, file,
		s.text ? s.instead : "");
	if (o->name && pass->about.name[0])
		fmt_str(name, sizeof(name), "%s", pass->about.name);
	buf_init(&line, 2 * PATH_SIZE);
	if (!o->listed_head && !o->quiet)
		buf_putf(&line, "%s%19s %19s  ratio uncompressed_name\n",
			o->verbose ? "method  crc     date  time  " : "",
			"compressed", "uncompressed");
	o->listed_head = true;
	if (o->verbose) {
		time_t when = o->name && pass->about.mtime
				      ? (time_t)pass->about.mtime
				      : st->st_mtim.tv_sec;
		/* "Sun, 06 Nov 1994 08:49:37 GMT" */
		clock_http_date(date, when);
		buf_putf(&line, "defla %08x %.3s %.2s %.5s ", pass->crc,
			date + 8, date + 5, date + 17);
	}
	buf_putf(&line, "%19llu %19llu ", (unsigned long long)pass->in,
		(unsigned long long)pass->out);
	put_saved(&line, pass->out, pass->in, frame(pass));
	buf_putf(&line, " %s\n", name);
	print_str(buf_str(&line));
	buf_fini(&line);
	o->listed++;
	o->total_in += pass->in;
	o->total_out += pass->out;
	o->total_frame = frame(pass); /* GNU gzip's: of the last one */
}

void gzip_list_total(const struct gzip_options *o)
{
	struct buf line;
	buf_init(&line, PATH_SIZE);
	buf_putf(&line, "%s%19llu %19llu ",
		o->verbose ? "                            " : "",
		(unsigned long long)o->total_in,
		(unsigned long long)o->total_out);
	put_saved(&line, o->total_out, o->total_in, o->total_frame);
	buf_puts(&line, " (totals)\n");
	print_str(buf_str(&line));
	buf_fini(&line);
}

/* --------------------------------------------------------------- the work */

static void to_standard_output(struct job *j)
{
	struct gzip_options *o = j->o;
	int out = o->test || o->list ? -1 : STDOUT_FILENO;
	bool good = o->decompress
			    ? gzip_unpack(o, j->file, j->in, out, &j->pass)
			    : gzip_pack(o, j->file, j->in, out, &j->pass);
	if (!good)
		return;
	if (o->list)
		gzip_list(o, j->file, &j->st, &j->pass);
	else if (o->verbose && o->test)
		warn_msg("%s: OK", j->file);
	else if (o->verbose)
		say(j, NULL, NULL);
}

/* time, owner and mode: the owner first, as changing it clears set-id bits */
static void keep_metadata(const struct job *j, int fd)
{
	struct timespec times[2] = {j->st.st_atim, j->st.st_mtim};
	mode_t mode = j->st.st_mode & 0777;
	if (fchown(fd, j->st.st_uid, j->st.st_gid) < 0)
		mode &= 0700; /* not everybody's who could read it */
	(void)fchmod(fd, mode);
	if (j->o->decompress && j->o->name && j->pass.about.mtime)
		times[1] = (struct timespec){.tv_sec = j->pass.about.mtime};
	(void)futimens(fd, times);
}

static void fill_about(const struct job *j, struct gzip_about *about)
{
	const char *slash = strrchr(j->file, '/');
	if (j->o->no_name)
		return;
	/* RFC 1952: what does not fit 32 bits is "unknown" */
	if (j->st.st_mtim.tv_sec > 0 && j->st.st_mtim.tv_sec <= UINT32_MAX)
		about->mtime = (uint32_t)j->st.st_mtim.tv_sec;
	fmt_str(about->name, sizeof(about->name), "%s",
		slash ? slash + 1 : j->file);
}

static bool to_file(struct job *j)
{
	struct gzip_options *o = j->o;
	struct part_file part;
	struct stat there;
	if (!o->decompress)
		fill_about(j, &j->pass.about);
	/* before the work; whether it is still so is seen at its end */
	if (!o->force && !o->name && lstat(j->out, &there) == 0) {
		gzip_warn(o, j->out, "already exists; -f overwrites it");
		return false;
	}
	int err = part_file_open(&part, j->out, 0600);
	if (err) {
		gzip_error(o, j->out, strerror(-err));
		return false;
	}
	bool good = o->decompress
			    ? gzip_unpack(o, j->file, j->in, part.fd, &j->pass)
			    : gzip_pack(o, j->file, j->in, part.fd, &j->pass);
	if (!good) {
		part_file_drop(&part);
		return false;
	}
	keep_metadata(j, part.fd);
	if (o->decompress)
		name_from_header(j);
	err = part_file_keep(&part, o->force);
	if (err == -EEXIST)
		gzip_warn(o, j->out, "already exists; -f overwrites it");
	else if (err)
		gzip_error(o, j->out, strerror(-err));
	return err == 0;
}

static void replace(struct job *j)
{
	struct gzip_options *o = j->o;
	if (!(o->decompress ? name_plain(j) : name_packed(j)) || !to_file(j))
		return;
	if (!o->keep && unlink(j->file) < 0)
		gzip_error(o, j->file, strerror(errno));
	if (o->verbose)
		say(j, o->keep ? "created" : "replaced with", j->out);
}

/* -------------------------------------------------------------- operands */

static void each_in_dir(struct gzip_options *o, const char *dir, int depth);

/* false: told why not */
static bool may_replace(const struct job *j)
{
	char text[64];
	if (!S_ISREG(j->st.st_mode)) {
		gzip_warn(j->o, j->file, "is no regular file, ignored");
		return false;
	}
	if (j->o->force)
		return true;
	if (j->st.st_mode & (S_ISUID | S_ISGID | S_ISVTX)) {
		gzip_warn(j->o, j->file, "has a set-id or sticky bit, ignored");
		return false;
	}
	if (j->st.st_nlink > 1) {
		fmt_str(text, sizeof(text), "has %lu other links, ignored",
			(unsigned long)j->st.st_nlink - 1);
		gzip_warn(j->o, j->file, text);
		return false;
	}
	return true;
}

static void one(struct gzip_options *o, const char *file, int depth)
{
	struct job j = {.o = o, .file = file};
	char longer[PATH_SIZE];
	bool stays = o->to_stdout || o->test || o->list;
	/* a link is somebody else's name for the file: not replaced */
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY |
		    (stays || o->force ? 0 : O_NOFOLLOW);
	j.in = open(file, flags | O_CLOEXEC);
	if (j.in < 0 && errno == ENOENT && o->decompress &&
		fmt_str(longer, sizeof(longer), "%s%s", file, o->suffix) <
			sizeof(longer)) {
		j.in = open(longer, flags | O_CLOEXEC);
		if (j.in >= 0)
			j.file = longer;
		else
			errno = ENOENT;
	}
	if (j.in < 0 || fstat(j.in, &j.st) < 0) {
		gzip_error(o, file,
			errno == ELOOP ? "is a symbolic link"
				       : strerror(errno));
	} else if (S_ISDIR(j.st.st_mode)) {
		if (o->recursive)
			each_in_dir(o, file, depth);
		else
			gzip_warn(o, file, "is a directory, ignored");
	} else {
		(void)fd_set_nonblock(j.in, false);
		if (stays)
			to_standard_output(&j);
		else if (may_replace(&j))
			replace(&j);
	}
	fd_close(&j.in);
}

/*
 * All names are read before the first file is touched: the results stand in
 * the same directory.
 */
static void each_in_dir(struct gzip_options *o, const char *dir, int depth)
{
	struct buf names;
	int err;
	char path[PATH_SIZE];
	DIR *stream = dir_open(AT_FDCWD, dir, &err);
	const struct dirent *e;
	buf_init(&names, 64 << 20);
	while (stream && (e = dir_next(stream, &err)))
		buf_put(&names, e->d_name, strlen(e->d_name) + 1);
	if (stream)
		closedir(stream);
	if (depth == DEPTH_MAX)
		err = -ELOOP;
	if (err || names.err)
		gzip_error(o, dir, strerror(err ? -err : -names.err));
	for (size_t at = 0; !err && at < names.n;) {
		const char *name = buf_at(&names, at);
		at += strlen(name) + 1;
		if (fmt_str(path, sizeof(path), "%s/%s", dir, name) >=
			sizeof(path))
			gzip_error(o, dir, strerror(ENAMETOOLONG));
		else
			one(o, path, depth + 1);
	}
	buf_fini(&names);
}

void gzip_file(struct gzip_options *o, const char *file)
{
	struct job j = {.o = o, .file = "stdin", .in = STDIN_FILENO};
	if (strcmp(file, "-") != 0) {
		one(o, file, 0);
		return;
	}
	int terminal = o->decompress ? STDIN_FILENO : STDOUT_FILENO;
	if (!o->force && isatty(terminal))
		die(STATUS_ERROR,
			"compressed data is not %s a terminal (-f: do it)",
			o->decompress ? "read from" : "written to");
	(void)fstat(STDIN_FILENO, &j.st);
	to_standard_output(&j);
}
