/* SPDX-License-Identifier: MIT */
/*
 * tests/security/attack.c - what a hostile caller does to a program.
 *
 * attack STEP... -- PROGRAM [ARGUMENT...]: prepare this process by the steps,
 * then execute the program.
 *
 *   alarm            a timer that rings in one second
 *   block  ignore    every signal
 *   umask=OCTAL      fds=N (descriptors on a file that can be written)
 *   close=FD         directory=PATH  gone (a directory that was removed)
 *   limit=N:VALUE    of a resource, by number; soft and hard
 *   env=NAME=VALUE   raw=TEXT  megabyte (of environment)
 *   name=TEXT        argv[0]  empty (no argv at all)  args=N
 *   nnp  shared (fs state, with another process)  traced  group (its leader)
 *
 * attack touch PID: try everything against a process, print what worked.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VARS = 4096, ARGS = 100001 };

static char *vars[VARS + 1];
static int nvars;
static char *args[ARGS + 2];

static int starts(const char *a, const char *b, const char **rest)
{
	size_t n = strlen(b);
	*rest = a + n;
	return strncmp(a, b, n) == 0;
}

static void every_signal(int block)
{
	sigset_t all;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigfillset(&all);
	if (block)
		sigprocmask(SIG_BLOCK, &all, NULL);
	for (int s = 1; !block && s < 65; s++)
		sigaction(s, &ignore, NULL);
}

static void megabyte(void)
{
	for (int i = 0; i < 10; i++) {
		char *v = malloc(110000);
		memset(v, 'x', 109999);
		v[0] = (char)('A' + i);
		v[1] = '=';
		v[109999] = '\0';
		vars[nvars++] = v;
	}
}

static int idle(void *unused)
{
	(void)unused;
	sleep(1);
	return 0;
}

/* the program's parent is its tracer */
static void traced(void)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		return;
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		int signo = WSTOPSIG(status);
		ptrace(PTRACE_CONT, child, NULL,
			signo == SIGSTOP || signo == SIGTRAP ? 0 : (long)signo);
	}
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void leader(void)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		return;
	}
	waitpid(child, &status, 0);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void open_many(int n)
{
	for (int i = 0; i < n; i++)
		open("/tmp/leaked", O_RDWR | O_CREAT, 0666);
	open("/", O_PATH);
	syscall(SYS_memfd_create, "leak", 0);
}

static void gone(void)
{
	char dir[] = "/tmp/goneXXXXXX";
	if (mkdtemp(dir) && chdir(dir) == 0)
		rmdir(dir);
}

static int valued(const char *step)
{
	const char *v;
	if (starts(step, "umask=", &v))
		umask((mode_t)strtol(v, NULL, 8));
	else if (starts(step, "fds=", &v))
		open_many(atoi(v));
	else if (starts(step, "close=", &v))
		close(atoi(v));
	else if (starts(step, "directory=", &v))
		return chdir(v) == 0;
	else if (starts(step, "limit=", &v)) {
		rlim_t n = strtoul(strchr(v, ':') + 1, NULL, 10);
		struct rlimit r = {n, n};
		setrlimit(atoi(v), &r);
	} else if (starts(step, "env=", &v) || starts(step, "raw=", &v))
		vars[nvars++] = strdup(v);
	else if (starts(step, "name=", &v))
		args[0] = strdup(v);
	else if (starts(step, "args=", &v))
		for (int i = 1; i <= atoi(v); i++)
			args[i] = (char *)"x";
	else
		return 0;
	return 1;
}

static void prepare(const char *step)
{
	static char stack[65536];
	const struct itimerval second = {{0, 0}, {1, 0}};
	if (strcmp(step, "alarm") == 0)
		setitimer(ITIMER_REAL, &second, NULL);
	else if (strcmp(step, "block") == 0 || strcmp(step, "ignore") == 0)
		every_signal(step[0] == 'b');
	else if (strcmp(step, "gone") == 0)
		gone();
	else if (strcmp(step, "megabyte") == 0)
		megabyte();
	else if (strcmp(step, "empty") == 0)
		args[0] = NULL;
	else if (strcmp(step, "nnp") == 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	else if (strcmp(step, "shared") == 0)
		clone(idle, stack + sizeof(stack), CLONE_FS, NULL);
	else if (strcmp(step, "traced") == 0)
		traced();
	else if (strcmp(step, "group") == 0)
		leader();
	else if (!valued(step)) {
		fprintf(stderr, "attack: no step %s\n", step);
		exit(99);
	}
}

/* ---------------------------------------------------- against a process */

static void tried(const char *what, long r)
{
	printf("%s %s\n", what, r == 0 ? "worked" : strerror(errno));
}

static void opened(pid_t pid, const char *what, int flags)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	tried(what, open(path, flags) < 0);
}

static void touch(pid_t pid)
{
	char there[16];
	struct rlimit limit;
	struct iovec mine = {there, sizeof(there)};
	struct iovec theirs = {(void *)0x400000, sizeof(there)};
	tried("null", kill(pid, 0));
	tried("stop", kill(pid, SIGSTOP));
	tried("tgkill", syscall(SYS_tgkill, pid, pid, SIGKILL));
	tried("kill", kill(pid, SIGKILL));
	/* -1 would be everything that we may kill */
	tried("group", kill(pid == 1 ? 1 : -pid, SIGKILL));
	tried("nice", setpriority(PRIO_PROCESS, (id_t)pid, 19));
	tried("ptrace", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	tried("prlimit", prlimit(pid, RLIMIT_NOFILE, NULL, &limit));
	tried("vm", process_vm_readv(pid, &mine, 1, &theirs, 1, 0) < 0);
	opened(pid, "mem", O_RDWR);
	opened(pid, "environ", O_RDONLY);
	opened(pid, "maps", O_RDONLY);
	opened(pid, "fd", O_RDONLY);
	opened(pid, "oom_score_adj", O_WRONLY);
}

int main(int argc, char **argv)
{
	int i = 1;
	if (argc == 3 && strcmp(argv[1], "touch") == 0) {
		touch(atoi(argv[2]));
		return 0;
	}
	int end = 1;
	while (end < argc && strcmp(argv[end], "--") != 0)
		end++;
	if (end + 1 >= argc)
		return 99;
	char *program = argv[end + 1];
	args[0] = program;
	for (int k = 2; end + k < argc; k++)
		args[k - 1] = argv[end + k];
	for (; i < end; i++)
		prepare(argv[i]);
	execve(program, args, vars);
	perror(program);
	return 98;
}
