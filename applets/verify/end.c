/* SPDX-License-Identifier: MIT */
/*
 * applets/verify/end.c - the end of the agent's part of a task, as root.
 *
 * The order matters: who could undo a later step is dead before it. First
 * every process of agent and sandbox ends; then the output directory changes
 * hands and is emptied, the tests are locked, and a mark says that it is over.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/verify/verify.h"
#include "lib/applet.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/kill_uid.h"
#include "lib/layout.h"
#include "lib/path.h"
#include "lib/phase.h"
#include "lib/str.h"

enum {
	KILL_MS = 10000,
	OUTPUT_MODE = 0755,
	TESTS_MODE = 0750,
};

static void kill_all_of(unsigned uid)
{
	int r = kill_uid_until_none(uid, KILL_MS);
	if (r == -ENOENT)
		die(EXIT_WRAPPER, "there is no /proc: mount it, nobody can "
				  "tell without it who still runs");
	if (r == -EPERM)
		die(EXIT_WRAPPER,
			"cannot become uid %u to end its processes (it takes "
			"the capability setuid)",
			uid);
	if (r == -ETIME)
		die(EXIT_WRAPPER,
			"processes of uid %u do not end within %d s of SIGKILL",
			uid, KILL_MS / 1000);
	if (r < 0)
		die(EXIT_WRAPPER, "cannot end the processes of uid %u: %s", uid,
			strerror(-r));
}

/* ------------------------------------------------------------ directories */

/* what our stdout goes to, when that could be a file in the directory */
static const struct stat *own_stdout(struct stat *st)
{
	bool file = fstat(STDOUT_FILENO, st) == 0 && S_ISREG(st->st_mode);
	return file ? st : NULL;
}

static bool is_empty(int fd)
{
	int err;
	DIR *stream = dir_open(fd, ".", &err);
	bool empty = stream && !dir_next(stream, &err);
	if (stream)
		closedir(stream);
	return empty;
}

static int open_directory(const char *path)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (*path == '/')
		path++;
	int fd = root < 0 ? -errno
			  : path_open_nofollow(root, *path ? path : ".",
				    O_RDONLY | O_DIRECTORY, 0);
	fd_close(&root);
	return fd;
}

static int make_directory(const char *path)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (*path == '/')
		path++;
	int r = root < 0 ? -errno : path_mkdirs(root, path, 0755);
	fd_close(&root);
	return r;
}

static void take_directory(
	int fd, const char *path, unsigned uid, unsigned gid, mode_t mode)
{
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		die(EXIT_WRAPPER, "%s: cannot be taken over: %s", path,
			strerror(errno));
}

static void take_output(const char *path)
{
	struct stat st;
	int fd = open_directory(path);
	if (fd == -ENOENT && make_directory(path) == 0)
		fd = open_directory(path);
	if (fd == -ELOOP || fd == -ENOTDIR)
		die(EXIT_WRAPPER,
			"%s: is, or is reached by, something that is no "
			"directory (a link?): remove it",
			path);
	if (fd < 0)
		die(EXIT_WRAPPER, "%s: %s", path, strerror(-fd));
	/* root's first, so that nobody adds to it while it is emptied */
	take_directory(fd, path, 0, 0, 0700);
	/* a runner reads the file that it gave us as stdout: it stays */
	if (!dir_empty_but(fd, own_stdout(&st)))
		die(EXIT_WRAPPER,
			"%s: something in it cannot be removed (immutable, or "
			"mounted?)",
			path);
	/* whoever made that file may own it */
	if (!is_empty(fd))
		take_directory(STDOUT_FILENO, "standard output",
			LAYOUT_VERIFIER, LAYOUT_VERIFIER, 0644);
	take_directory(fd, path, LAYOUT_VERIFIER, LAYOUT_VERIFIER, OUTPUT_MODE);
	fd_close(&fd);
}

/* where there are none, or they are elsewhere, there is nothing to lock */
static void lock_tests(const char *path)
{
	int fd = open_directory(path);
	if (fd == -ENOENT)
		return;
	if (fd < 0)
		die(EXIT_WRAPPER, "%s: %s", path, strerror(-fd));
	take_directory(fd, path, 0, LAYOUT_VERIFIER, TESTS_MODE);
	fd_close(&fd);
}

/* tools look at it before they change anything */
static void leave_mark(void)
{
	int r = mkdir(PHASE_DIR, 0755) < 0 && errno != EEXIST ? -errno : 0;
	if (r == 0)
		r = file_write_atomic(
			AT_FDCWD, PHASE_FILE, STR("verifier\n"), 0644);
	if (r < 0)
		warn_msg("%s: %s: tools that change the environment are not "
			 "stopped",
			PHASE_FILE, strerror(-r));
}

void verify_end_phase(const struct verify *v, enum verify_end what)
{
	if (geteuid() != 0)
		die(EXIT_WRAPPER, "only root can end the agent's part");
	kill_all_of(LAYOUT_AGENT);
	kill_all_of(LAYOUT_SANDBOX);
	if (what == VERIFY_AGAIN)
		return;
	leave_mark();
	/* init's watch and a verifier may both be at it: one after the other */
	int turn = open(PHASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (turn >= 0)
		(void)flock(turn, LOCK_EX);
	take_output(v->output);
	lock_tests(v->tests);
	fd_close(&turn);
}
