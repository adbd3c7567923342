/* SPDX-License-Identifier: MIT */
/* lib/spawn.c - the one way to start a process. */
#include "lib/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/private.h"
#include "lib/size.h"
#include "lib/str.h"

enum { SPAWN_PATH_MAX = 4096 };

/* what the child tells its parent when it could not become the program */
struct failure {
	int step;
	int err;
};

const char *spawn_self(void)
{
	return "/proc/self/exe";
}

/* ---------------------------------------- in the child, before exec */

/*
 * By the system call itself: the C library keeps 32 to 34 for its threads and
 * would leave them ignored when that is how we got them. A zeroed kernel
 * sigaction is SIG_DFL on every architecture; KILL and STOP refuse it.
 */
static void reset_signals(void)
{
	const unsigned long dfl[8] = {0};
	sigset_t none;
	for (int signo = 1; signo < _NSIG; signo++)
		(void)syscall(SYS_rt_sigaction, signo, dfl, NULL, _NSIG / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Bring the listed descriptors to their numbers. They are first copied above
 * every target, so that one mapping cannot overwrite another's source.
 */
static int place_fds(const struct spawn *s, int *report)
{
	int copies[SPAWN_FDS_MAX];
	int floor = 3;
	bool std[3] = {false, false, false};
	for (size_t i = 0; i < s->nfds; i++)
		if (s->fds[i].to >= floor)
			floor = s->fds[i].to + 1;
	int moved = fcntl(*report, F_DUPFD_CLOEXEC, floor);
	if (moved < 0)
		return -errno;
	*report = moved;
	for (size_t i = 0; i < s->nfds; i++) {
		copies[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, floor);
		if (copies[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < s->nfds; i++) {
		if (dup2(copies[i], s->fds[i].to) < 0)
			return -errno;
		if (s->fds[i].to < 3)
			std[s->fds[i].to] = true;
	}
	for (int fd = 0; fd < 3; fd++) {
		if (std[fd])
			continue;
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		/* it may have that number already, and must not close then */
		if (null < 0 || dup2(null, fd) < 0 || fcntl(fd, F_SETFD, 0) < 0)
			(void)close(fd);
	}
	return 0;
}

static bool is_target(const struct spawn *s, int fd)
{
	if (fd < 3)
		return true;
	for (size_t i = 0; i < s->nfds; i++)
		if (s->fds[i].to == fd)
			return true;
	return false;
}

/* close first..last in one call; false where the kernel has none (5.9) */
static bool close_range_of(int first, int last)
{
#ifdef SYS_close_range
	return syscall(SYS_close_range, first, last, 0) == 0;
#else
	(void)first;
	(void)last;
	return false;
#endif
}

/* no descriptor lies above, unless the limit was higher once */
static int open_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max > 1 << 20)
		return 1 << 20;
	return (int)limit.rlim_max;
}

/* first..last, or all from first on with INT_MAX */
static void close_all(int first, int last)
{
	if (first > last || close_range_of(first, last))
		return;
	if (last == INT_MAX)
		last = open_limit();
	for (int fd = first; fd <= last; fd++)
		(void)close(fd);
}

/* what the caller inherited without close-on-exec must not reach the child */
static void close_others(const struct spawn *s, int report)
{
	int first = 3;
	/* the report pipe lies above all targets and closes at exec */
	for (int fd = first; fd <= report; fd++) {
		if (fd < report && !is_target(s, fd))
			continue;
		close_all(first, fd - 1);
		first = fd + 1;
	}
	close_all(first, INT_MAX);
}

static int take_ids(const struct spawn_ids *ids, const uid_t *real_uid)
{
	uid_t real = real_uid ? *real_uid : ids->uid;
	/* not by the C library, which would change our parent's threads, too */
	if (syscall(SYS_setgroups, ids->ngroups, ids->groups) < 0)
		return -errno;
	if (syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) < 0)
		return -errno;
	if (syscall(SYS_setresuid, real, ids->uid, ids->uid) < 0)
		return -errno;
	/* a drop that can be undone is none */
	if (ids->uid != 0 && syscall(SYS_setuid, 0) == 0)
		return -EPERM;
	return 0;
}

/* ---------------------------------------------------- limits and rights */

static int set_limits(const struct spawn *s)
{
	for (size_t i = 0; i < s->nlimits; i++) {
		const struct spawn_limit *l = &s->limits[i];
		struct rlimit both = {(rlim_t)l->value, (rlim_t)l->value};
		/* its parameter is an enum in one of the C libraries */
		if (syscall(SYS_prlimit64, 0, l->resource, &both, NULL) < 0)
			return -errno;
	}
	return 0;
}

/* while still privileged: what no program of ours will ever get back */
static int narrow_caps(const struct spawn *s)
{
	if (!s->set_caps)
		return 0;
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (s->caps >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break; /* beyond the last that the kernel knows */
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			return -EPERM;
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* what capset(2) takes; the C library of the release has no kernel headers */
struct cap_header {
	uint32_t version;
	int pid;
};
struct cap_data {
	uint32_t effective, permitted, inheritable;
};

uint64_t spawn_caps_held(void)
{
	struct cap_header head = {.version = 0x20080522};
	struct cap_data data[2] = {0};
	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

/* exactly s->caps, kept across exec also without uid 0 */
static int take_caps(const struct spawn *s)
{
	struct cap_header head = {.version = 0x20080522};
	struct cap_data data[2];
	for (unsigned i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(s->caps >> (32 * i));
		data[i] = (struct cap_data){half, half, half};
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	for (unsigned long cap = 0; cap < 64; cap++)
		if ((s->caps >> cap & 1) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) <
				0)
			return -errno;
	return 0;
}

static int take_rights(const struct spawn *s)
{
	int r = set_limits(s);
	if (r == 0)
		r = narrow_caps(s);
	if (r == 0 && s->ids)
		r = take_ids(s->ids, s->real_uid);
	if (r == 0 && s->set_caps)
		r = take_caps(s);
	if (r == 0 && s->no_new_privs &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

static int join_group(const struct spawn *s)
{
	if (s->group == SPAWN_NEW_SESSION && setsid() < 0)
		return -errno;
	if (s->group == SPAWN_NEW_GROUP && setpgid(0, 0) < 0)
		return -errno;
	if (s->foreground_tty >= 0) {
		/* SIGTTOU is still blocked here, so this cannot stop us */
		(void)tcsetpgrp(s->foreground_tty, getpgrp());
	}
	return 0;
}

static const char *env_value(char *const *envp, const char *name)
{
	size_t n = strlen(name);
	for (; envp && *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

/* exec in each directory of the list; -EACCES outlives a later -ENOENT */
static int exec_search(const struct spawn *s)
{
	const char *list = s->search_path;
	int result = -ENOENT;
	if (!*s->file)
		return result;
	if (!list)
		list = env_value(s->envp, "PATH");
	if (!list)
		list = "/usr/local/bin:/usr/bin:/bin";
	struct str rest = str_of(list);
	while (rest.p) {
		char path[SPAWN_PATH_MAX];
		struct str dir = str_cut(&rest, ':');
		size_t n = fmt_str(path, sizeof(path), "%.*s%s%s", STR_FMT(dir),
			dir.n ? "/" : "", s->file);
		if (n >= sizeof(path))
			continue;
		execve(path, s->argv, s->envp);
		if (errno == EACCES)
			result = -EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return result;
}

static int become(const struct spawn *s)
{
	if (!strchr(s->file, '/'))
		return exec_search(s);
	execve(s->file, s->argv, s->envp);
	return -errno;
}

static void __attribute__((noreturn))
child_main(const struct spawn *s, int report, pid_t parent)
{
	struct failure f = {.step = SPAWN_SETUP};
	/* 0 is whoever writes it */
	if (s->cgroup_fd > 0 && write(s->cgroup_fd, "0", 1) < 0)
		f.err = -errno;
	if (f.err == 0 && s->namespaces)
		f.err = private_setup(s->namespaces);
	/* before the descriptors move: its number may be one of their places */
	if (f.err == 0 && s->cwd_fd > 0 && fchdir(s->cwd_fd) < 0)
		f.err = -errno;
	if (f.err == 0)
		f.err = place_fds(s, &report);
	if (f.err == 0)
		f.err = join_group(s);
	if (f.err == 0) {
		f.step = SPAWN_IDS;
		f.err = take_rights(s);
	}
	/* after the ids: a change of credentials clears it */
	if (f.err == 0 && s->die_with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* from inside a PID namespace of its own it cannot be seen */
		if (!(s->namespaces & CLONE_NEWPID) && getppid() != parent)
			_exit(127);
	}
	if (f.err == 0 && s->cwd && chdir(s->cwd) < 0) {
		f.step = SPAWN_CWD;
		f.err = -errno;
	}
	if (f.err == 0) {
		if (!s->keep_umask)
			(void)umask(s->umask ? s->umask : 022);
		close_others(s, report);
		reset_signals();
		f.step = SPAWN_EXEC;
		f.err = become(s);
	}
	(void)fd_write_full(report, &f, sizeof(f));
	_exit(127);
}

/* -------------------------------------------------------- the parent */

static int await_exec(int report, pid_t pid, enum spawn_step *step)
{
	struct failure f;
	ssize_t n = fd_read_full(report, &f, sizeof(f));
	if (n != (ssize_t)sizeof(f))
		return 0; /* closed by exec: the program runs */
	/* ours to reap: nobody else has been told of this pid */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (step)
		*step = (enum spawn_step)f.step;
	return f.err ? f.err : -EIO;
}

/* the child is the first process of a new PID namespace */
static pid_t fork_into(int namespaces)
{
	return (pid_t)syscall(
		SYS_clone, (long)namespaces | SIGCHLD, 0, 0, 0, 0);
}

int spawn(const struct spawn *s, pid_t *pid, enum spawn_step *step)
{
	int report[2];
	sigset_t all, old;
	if (step)
		*step = SPAWN_FORK;
	if (s->nfds > SPAWN_FDS_MAX)
		return -EINVAL;
	int r = fd_pipe(report);
	if (r < 0)
		return r;
	/* no handler may run in the child before it has reset them */
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	pid_t parent = getpid();
	/*
	 * After vfork(2) the child has our memory, and we sleep until it has
	 * executed the program: no page table is copied. So on the way there it
	 * changes nothing of ours; its variables lie below this frame.
	 */
	pid_t child = s->namespaces ? fork_into(s->namespaces) : vfork();
	if (child == 0)
		child_main(s, report[1], parent);
	r = child < 0 ? -errno : 0;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	fd_close(&report[1]);
	if (r == 0)
		r = await_exec(report[0], child, step);
	fd_close(&report[0]);
	if (r == 0)
		*pid = child;
	return r;
}

static void forget_environment(void)
{
	for (char **e = environ; e && *e; e++)
		memset(*e, 0, strlen(*e));
}

int spawn_copy(void (*run)(int fd), int fd, pid_t *pid)
{
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child > 0) {
		*pid = child;
		return 0;
	}
	sigset_t all;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setsid();
	forget_environment();
	if (dup2(fd, 3) < 0)
		_exit(127);
	for (int std = 0; std < 3; std++)
		(void)close(std);
	close_all(4, INT_MAX);
	run(3);
	_exit(0);
}

/* ------------------------------------------------------- in words */

const char *spawn_signal_name(char *dst, size_t size, int signo)
{
	static const char *const names[] = {[SIGHUP] = "HUP",
		[SIGINT] = "INT",
		[SIGQUIT] = "QUIT",
		[SIGILL] = "ILL",
		[SIGTRAP] = "TRAP",
		[SIGABRT] = "ABRT",
		[SIGBUS] = "BUS",
		[SIGFPE] = "FPE",
		[SIGKILL] = "KILL",
		[SIGUSR1] = "USR1",
		[SIGSEGV] = "SEGV",
		[SIGUSR2] = "USR2",
		[SIGPIPE] = "PIPE",
		[SIGALRM] = "ALRM",
		[SIGTERM] = "TERM",
		[SIGCHLD] = "CHLD",
		[SIGCONT] = "CONT",
		[SIGSTOP] = "STOP",
		[SIGTSTP] = "TSTP",
		[SIGTTIN] = "TTIN",
		[SIGTTOU] = "TTOU",
		[SIGXCPU] = "XCPU",
		[SIGXFSZ] = "XFSZ",
		[SIGWINCH] = "WINCH",
		[SIGPWR] = "PWR",
		[SIGSYS] = "SYS"};
	size_t at = (size_t)signo;
	if (signo > 0 && at < ARRAY_LEN(names) && names[at])
		fmt_str(dst, size, "SIG%s", names[at]);
	else
		fmt_str(dst, size, "signal %d", signo);
	return dst;
}

const char *spawn_status_text(char *dst, size_t size, int wait_status)
{
	char name[24];
	if (WIFEXITED(wait_status))
		fmt_str(dst, size, "exit %d", WEXITSTATUS(wait_status));
	else if (WIFSIGNALED(wait_status))
		fmt_str(dst, size, "killed by %s",
			spawn_signal_name(
				name, sizeof(name), WTERMSIG(wait_status)));
	else
		fmt_str(dst, size, "status %d", wait_status);
	return dst;
}

int spawn_exit_code(int wait_status)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return 1;
}
