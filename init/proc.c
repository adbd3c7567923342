/* SPDX-License-Identifier: MIT */
/* init/proc.c - the processes there are, by /proc. */
#include "init/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"

enum {
	PROC_DIRENTS = 2048,
	PROC_STAT_MAX = 512,
	PROC_DEPTH_MAX = 64,             /* of ancestors looked at */
	PROC_KERNEL_THREAD = 0x00200000, /* PF_KTHREAD */
};

/* inode of /proc/PID/ns/pid for the first namespace (PROC_PID_INIT_INO) */
static const ino_t first_pid_namespace = 0xEFFFFFFCU;

/* what getdents64(2) fills in; the C libraries differ in its name */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static bool number(struct str text, unsigned *out)
{
	uint64_t v;
	if (!str_to_u64(text, &v) || v > INT32_MAX)
		return false;
	*out = (unsigned)v;
	return true;
}

bool proc_parse_stat(struct str text, struct proc_stat *out)
{
	/* "12 (name) S 1 ..."; the name ends at the last parenthesis */
	size_t end = text.n;
	while (end > 0 && text.p[end - 1] != ')')
		end--;
	struct str rest = str_from_index(text, end + 1);
	if (end == 0 || rest.n < 2)
		return false;
	struct str state = str_cut(&rest, ' ');
	unsigned ppid;
	uint64_t flags;
	if (state.n != 1 || !rest.p || !number(str_cut(&rest, ' '), &ppid))
		return false;
	for (int skip = 0; skip < 4 && rest.p; skip++)
		(void)str_cut(&rest, ' '); /* pgrp session tty tpgid */
	if (!rest.p || !str_to_u64(str_cut(&rest, ' '), &flags))
		return false;
	out->state = state.p[0];
	out->ppid = (pid_t)ppid;
	out->flags = (unsigned)flags;
	return true;
}

static void visit(const char *list, size_t n, proc_number_fn *fn, void *owner)
{
	size_t at = 0;
	while (at + offsetof(struct entry, name) < n) {
		const struct entry *e = (const void *)(list + at);
		unsigned v;
		if (number(str_of(e->name), &v))
			fn(owner, v);
		if (e->len == 0)
			return;
		at += e->len;
	}
}

int proc_each_number(const char *path, proc_number_fn *fn, void *owner)
{
	alignas(struct entry) char list[PROC_DIRENTS];
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	long n;
	do {
		n = syscall(SYS_getdents64, dir, list, sizeof(list));
		if (n > 0)
			visit(list, (size_t)n, fn, owner);
	} while (n > 0);
	int r = n < 0 ? -errno : 0;
	fd_close(&dir);
	return r;
}

bool proc_is_ours(void)
{
	char link[32];
	unsigned pid;
	ssize_t n = readlink("/proc/self", link, sizeof(link));
	return n > 0 && number(str_from(link, (size_t)n), &pid) &&
	       (pid_t)pid == getpid();
}

bool proc_first_namespace(void)
{
	struct stat st;
	/* the first has kthreadd as 2; a container that boots has no 2 yet */
	if (kill(2, 0) < 0 && errno == ESRCH)
		return false;
	return stat("/proc/self/ns/pid", &st) == 0 &&
	       st.st_ino == first_pid_namespace;
}

static bool read_stat(pid_t pid, struct proc_stat *out)
{
	char path[32];
	char text[PROC_STAT_MAX];
	fmt_str(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = fd_read(fd, text, sizeof(text));
	fd_close(&fd);
	return n > 0 && proc_parse_stat(str_from(text, (size_t)n), out);
}

/* alive, of user space and not us; and below a process, unless that is 0 */
static bool concerns(pid_t pid, pid_t below)
{
	struct proc_stat st;
	if (pid == getpid() || !read_stat(pid, &st) || st.state == 'Z' ||
		st.state == 'X' || (st.flags & PROC_KERNEL_THREAD))
		return false;
	if (below == 0)
		return true;
	for (int depth = 0; depth < PROC_DEPTH_MAX; depth++) {
		if (st.ppid == below)
			return true;
		if (st.ppid <= 1 || !read_stat(st.ppid, &st))
			return false;
	}
	return false;
}

struct signalling {
	pid_t below;
	int signo;
};

static void signal_descendant(void *owner, unsigned pid)
{
	const struct signalling *s = owner;
	if (concerns((pid_t)pid, s->below))
		(void)kill((pid_t)pid, s->signo);
}

void proc_signal_below(pid_t ancestor, int signo)
{
	struct signalling s = {ancestor, signo};
	if (proc_is_ours())
		(void)proc_each_number("/proc", signal_descendant, &s);
}

bool proc_signal_all(bool pid1, int signo)
{
	if (pid1)
		return kill(-1, signo) == 0 || errno != ESRCH;
	proc_signal_below(getpid(), signo);
	return true;
}

static void look(void *owner, unsigned pid)
{
	bool *found = owner;
	if (!*found && concerns((pid_t)pid, 0))
		*found = true;
}

/* whoever loses its parent becomes our child: without one, there is none */
static bool no_children(void)
{
	siginfo_t info;
	int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	return r < 0 && errno == ECHILD;
}

bool proc_none_left(bool pid1)
{
	bool found = false;
	if (!pid1)
		return no_children();
	/* cheap and without /proc; but it counts the dead, too */
	if (kill(-1, 0) < 0 && errno == ESRCH)
		return true;
	/* someone else's /proc says nothing */
	if (!proc_is_ours() || proc_each_number("/proc", look, &found) < 0)
		return false;
	return !found;
}
