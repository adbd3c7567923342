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
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "applets/verify/verify.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/layout.h"
#include "lib/path.h"
#include "lib/phase.h"
#include "lib/str.h"

enum {
	/*
	 * The real uid while we kill: nobody's, so that nobody whom we kill
	 * can signal, stop or trace us first. Below 65536, which is all that
	 * some user namespaces have.
	 */
	NOBODY_AT_ALL = 65533,
	KILL_MS = 10000,
	NAP_MAX_US = 2000,
	OUTPUT_MODE = 0755,
	TESTS_MODE = 0750,
	STAT_MAX = 512,
};

/* ---------------------------------------------------------------- killing */

static void nap(long us)
{
	struct timespec t = {.tv_nsec = us * 1000};
	(void)nanosleep(&t, NULL);
}

/*
 * Can a process still do something? From PF_EXITING on, which stands in the
 * flags (proc_pid_stat(5)), a thread only gives back what it holds. The fields
 * are those behind the name, which ends with the last ')'.
 */
static bool has_life(struct str stat)
{
	enum { FLAGS = 9, THREADS = 20, EXITING = 4 };
	size_t end = stat.n;
	uint64_t flags = 0, threads = 0;
	while (end && stat.p[end - 1] != ')')
		end--;
	struct str rest = str_from_index(stat, end + 1);
	struct str state = str_cut(&rest, ' ');
	for (int field = 4; field <= THREADS && rest.p; field++) {
		struct str word = str_cut(&rest, ' ');
		if (field == FLAGS)
			(void)str_to_u64(word, &flags);
		if (field == THREADS)
			(void)str_to_u64(word, &threads);
	}
	/* what is told of is its first thread; others may go on */
	if (threads > 1)
		return true;
	return !(flags & EXITING) && !str_is(state, "Z") && !str_is(state, "X");
}

static bool is_alive(int proc, const char *name)
{
	char path[64], text[STAT_MAX];
	fmt_str(path, sizeof(path), "%s/stat", name);
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, text, sizeof(text));
	fd_close(&fd);
	return n > 0 && has_life(str_from(text, (size_t)n));
}

/* does a process live that we, as its user, may signal? */
static bool any_left(DIR *proc)
{
	const struct dirent *e;
	int err;
	rewinddir(proc);
	while ((e = dir_next(proc, &err))) {
		uint64_t pid;
		if (!str_to_u64(str_of(e->d_name), &pid) ||
			(pid_t)pid == getpid())
			continue;
		if (kill((pid_t)pid, 0) == 0 &&
			is_alive(dirfd(proc), e->d_name))
			return true;
	}
	return false;
}

/*
 * kill(2) with -1 reaches all that exist at that moment, and what it has
 * reached cannot fork any more; only who changes its uid to this one later
 * makes another round necessary.
 */
static void kill_rounds(DIR *proc, unsigned uid)
{
	uint64_t deadline = clock_ms() + KILL_MS;
	long us = 250;
	do {
		(void)kill(-1, SIGKILL);
		if (!any_left(proc))
			return;
		nap(us);
		us = us < NAP_MAX_US ? 2 * us : us;
	} while (clock_ms() < deadline);
	die(EXIT_WRAPPER,
		"processes of uid %u do not end within %d s of SIGKILL", uid,
		KILL_MS / 1000);
}

static void kill_all_of(DIR *proc, unsigned uid)
{
	/* with our rights as root, -1 would be everybody */
	if (setresuid(NOBODY_AT_ALL, uid, 0) < 0 || geteuid() != uid)
		die(EXIT_WRAPPER,
			"cannot become uid %u to end its processes: %s (it "
			"takes the capability setuid)",
			uid, strerror(errno));
	kill_rounds(proc, uid);
	if (setresuid(0, 0, 0) < 0)
		die(EXIT_WRAPPER, "cannot become root again: %s",
			strerror(errno));
}

static void kill_agents(void)
{
	int err;
	DIR *proc = dir_open(AT_FDCWD, "/proc", &err);
	if (!proc || faccessat(dirfd(proc), "self/stat", R_OK, 0) < 0)
		die(EXIT_WRAPPER, "there is no /proc: mount it, nobody can "
				  "tell without it who still runs");
	kill_all_of(proc, LAYOUT_AGENT);
	kill_all_of(proc, LAYOUT_SANDBOX);
	closedir(proc);
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
	kill_agents();
	if (what == VERIFY_AGAIN)
		return;
	leave_mark();
	take_output(v->output);
	lock_tests(v->tests);
}
