/* SPDX-License-Identifier: MIT */
/* lib/kill_uid.c - ending everything that a user runs. */
#include "lib/kill_uid.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/str.h"

enum {
	NAP_MIN_US = 250,
	NAP_MAX_US = 2000,
	STAT_MAX = 512,
};

/*
 * Whose real and saved uid the killer has: nobody's. It may signal by its
 * effective uid, and those that it kills cannot signal it before. Below 65536,
 * which is all that some user namespaces have.
 */
static const uid_t nobodys = 65533;

static int become_killer(uid_t uid)
{
	if (setresuid(nobodys, uid, nobodys) == 0)
		return 0;
	/* a user namespace with still fewer */
	return setresuid(uid, uid, uid);
}

/* -1: every process that we may signal, but ourselves and init */
static int kill_now(void)
{
	return kill(-1, SIGKILL) == 0 || errno == ESRCH ? 0 : errno;
}

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
 * What kill(2) has reached cannot fork any more; only who changes its uid to
 * this one later makes another round necessary.
 */
static int kill_rounds(DIR *proc, unsigned ms)
{
	uint64_t deadline = clock_ms() + ms;
	long us = NAP_MIN_US;
	do {
		int err = kill_now();
		if (err || !any_left(proc))
			return err;
		nap(us);
		us = us < NAP_MAX_US ? 2 * us : us;
	} while (clock_ms() < deadline);
	return ETIME;
}

static int run(uid_t uid, unsigned ms)
{
	int err;
	DIR *proc = ms ? dir_open(AT_FDCWD, "/proc", &err) : NULL;
	/* an empty directory where nothing is mounted is none, either */
	if (ms && (!proc || faccessat(dirfd(proc), "self/stat", R_OK, 0) < 0))
		return ENOENT;
	if (uid == 0 || become_killer(uid) < 0)
		return EPERM;
	return proc ? kill_rounds(proc, ms) : kill_now();
}

/* by a child, whose ids nobody needs back; ms 0: without waiting */
static int kill_by_child(uid_t uid, unsigned ms)
{
	int status;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(run(uid, ms));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status))
		return -EAGAIN;
	return -WEXITSTATUS(status);
}

int kill_uid(uid_t uid)
{
	return kill_by_child(uid, 0);
}

int kill_uid_until_none(uid_t uid, unsigned ms)
{
	return kill_by_child(uid, ms);
}
