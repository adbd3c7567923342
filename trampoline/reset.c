/* SPDX-License-Identifier: MIT */
/* trampoline/reset.c - what a hostile parent left us, put right. */
#include "trampoline/reset.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/size.h"
#include "lib/spawn.h"
#include "trampoline/say.h"

void reset_descriptors(void)
{
	fd_sanitise_std();
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			give_up(BROKEN,
				"descriptor %d is closed, and there is "
				"no /dev/null for it",
				fd);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3, INT_MAX, 0) == 0)
		return;
#endif
	/* the limit of now says nothing: it may have been higher before */
	for (int fd = 3; fd < 1 << 20; fd++)
		(void)close(fd);
}

void reset_signals(void)
{
	const struct itimerval never = {{0, 0}, {0, 0}};
	const unsigned long dfl[8] = {0};
	sigset_t none;
	/* first: an alarm that is set would end the program, much later */
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)setitimer(ITIMER_VIRTUAL, &never, NULL);
	(void)setitimer(ITIMER_PROF, &never, NULL);
	/* by the system call: the C library keeps some for itself */
	for (int signo = 1; signo < _NSIG; signo++)
		(void)syscall(SYS_rt_sigaction, signo, dfl, NULL, _NSIG / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---------------------------------------------------------------- limits */

/*
 * A server with less than this would fail in the middle of its work, at a
 * place that the caller chose. The hard limit is all that we can have.
 */
static const struct {
	int resource;
	const char *name;
	rlim_t least;
	rlim_t soft; /* 0: the hard one */
} floors[] = {
	{RLIMIT_NOFILE, "nofile", 64, 0},
	{RLIMIT_FSIZE, "fsize", RLIM_INFINITY, 0},
	{RLIMIT_CPU, "cpu", RLIM_INFINITY, 0},
	{RLIMIT_AS, "as", 1UL << 30, 0},
	{RLIMIT_DATA, "data", 1UL << 28, 0},
	/* without a limit the kernel lays memory out in another way */
	{RLIMIT_STACK, "stack", 1UL << 20, 8UL << 20},
	{RLIMIT_NPROC, "nproc", 16, 0},
	{RLIMIT_MEMLOCK, "memlock", 0, 0},
};

static const struct spawn_limit *wanted(const struct policy *p, int resource)
{
	for (size_t i = 0; i < p->nlimits; i++)
		if (p->limits[i].resource == resource)
			return &p->limits[i];
	return NULL;
}

static void set(int resource, const char *name, rlim_t soft, rlim_t hard)
{
	const struct rlimit both = {soft, hard};
	if (syscall(SYS_prlimit64, 0, resource, &both, NULL) < 0)
		give_up(BROKEN, "limit %s: %s", name, strerror(errno));
}

void reset_limits(const struct policy *p)
{
	for (size_t i = 0; i < ARRAY_LEN(floors); i++) {
		const struct spawn_limit *want = wanted(p, floors[i].resource);
		struct rlimit has = {0, 0};
		(void)syscall(SYS_prlimit64, 0, floors[i].resource, NULL, &has);
		rlim_t least = want ? want->value : floors[i].least;
		if (has.rlim_max < least)
			give_up(BROKEN,
				"the caller's limit %s is %ju, which is too "
				"low: raise it",
				floors[i].name, (uintmax_t)has.rlim_max);
		rlim_t soft = floors[i].soft;
		if (want)
			set(floors[i].resource, floors[i].name, least, least);
		else if (soft && soft <= has.rlim_max)
			set(floors[i].resource, floors[i].name, soft,
				has.rlim_max);
		else
			set(floors[i].resource, floors[i].name, has.rlim_max,
				has.rlim_max);
	}
	set(RLIMIT_CORE, "core", 0, 0);
}

/* --------------------------------------------------------------- session */

/* it is signalled here as what it is to the caller: its own process */
static void __attribute__((noreturn)) wait_for(pid_t child)
{
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				  : WEXITSTATUS(status));
}

void reset_session(void)
{
	if (getsid(0) == getpid() || setsid() >= 0)
		return;
	/* the leader of a group, as an interactive shell makes it */
	pid_t parent = getpid();
	pid_t child = fork();
	if (child < 0)
		give_up(BROKEN, "fork: %s", strerror(errno));
	if (child > 0)
		wait_for(child);
	if (setsid() < 0)
		give_up(BROKEN, "setsid: %s", strerror(errno));
	/* the parent keeps its ids, so that its end may signal us */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(BROKEN);
}
