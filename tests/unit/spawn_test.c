/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/spawn_test.c - what a child gets, and how failures are told.
 *
 * The child is this program again: with SPAWN_PROBE set it says on its
 * standard output in which state it was started, and ends.
 */
#include "lib/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/size.h"
#include "tests/unit/test.h"

enum { FDS_MAX = 4096 };

/* -------------------------------------------------------------- the child */

static void probe_fds(void)
{
	for (int fd = 0; fd < FDS_MAX; fd++) {
		char path[64], to[256];
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		printf("fd%d=%s\n", fd, to);
	}
}

static void probe_status(void)
{
	struct buf b;
	buf_init(&b, 100000);
	if (file_read(AT_FDCWD, "/proc/self/status", &b) == 0)
		printf("%s", buf_cstr(&b));
	buf_fini(&b);
}

__attribute__((constructor)) static void probe(
	int argc, char **argv, char **env)
{
	char cwd[4096];
	int death = 0;
	if (!getenv("SPAWN_PROBE"))
		return;
	probe_fds();
	probe_status();
	prctl(PR_GET_PDEATHSIG, &death);
	printf("death=%d\npgid=%s\nsid=%s\n", death,
		getpgrp() == getpid() ? "own" : "other",
		getsid(0) == getpid() ? "own" : "other");
	printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "");
	for (int i = 0; i < argc; i++)
		printf("arg%d=%s\n", i, argv[i]);
	for (int i = 0; env[i]; i++)
		printf("env%d=%s\n", i, env[i]);
	fflush(stdout);
	_exit(0);
}

/* ------------------------------------------------------------- the parent */

static char *words[] = {(char[]){"probe"}, (char[]){"-x"}, (char[]){""}, NULL};
static char *environment[] = {(char[]){"SPAWN_PROBE=1"},
	(char[]){"ASAN_OPTIONS=detect_leaks=0"}, (char[]){"LAST=1"}, NULL};
static struct buf said;
static int out[2] = {-1, -1};

static struct spawn request_of(const char *file)
{
	return (struct spawn){.file = file,
		.argv = words,
		.envp = environment,
		.foreground_tty = -1};
}

/* run the probe with its output at `said` */
static void run(struct spawn *s)
{
	pid_t pid = 0;
	int status = -1;
	int r = spawn(s, &pid, NULL);
	fd_close(&out[1]);
	CHECK_EQ(r, 0);
	CHECK(pid > 0);
	buf_fini(&said);
	buf_init(&said, 1 << 20);
	char step[4096];
	ssize_t n;
	while ((n = fd_read(out[0], step, sizeof(step))) > 0)
		buf_put(&said, step, (size_t)n);
	fd_close(&out[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* the value of a line "key=value" or "key:\tvalue"; "none" when there is none */
static const char *value(const char *key)
{
	static char text[512];
	size_t n = strlen(key);
	struct str rest = buf_str(&said);
	strcpy(text, "none");
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (!str_starts(line, str_from(key, n)) || line.n <= n ||
			(line.p[n] != '=' && line.p[n] != ':'))
			continue;
		line = str_trim(str_from_index(line, n + 1));
		snprintf(text, sizeof(text), "%.*s", STR_FMT(line));
		return text;
	}
	return text;
}

static int open_fds(void)
{
	int n = 0;
	for (int fd = 0; fd < FDS_MAX; fd++) {
		char key[16];
		snprintf(key, sizeof(key), "fd%d", fd);
		n += strcmp(value(key), "none") != 0;
	}
	return n;
}

TEST(spawn_child_gets_what_the_request_names)
{
	struct spawn s = request_of(spawn_self());
	CHECK_EQ(fd_pipe(out), 0);
	s.fds = (struct spawn_fd[]){{out[1], 1}};
	s.nfds = 1;
	s.cwd = "/proc";
	(void)umask(077);
	run(&s);
	CHECK_CSTR(value("arg0"), "probe");
	CHECK_CSTR(value("arg1"), "-x");
	CHECK_CSTR(value("arg2"), "");
	CHECK_CSTR(value("arg3"), "none");
	CHECK_CSTR(value("env2"), "LAST=1");
	CHECK_CSTR(value("env3"), "none");
	CHECK_CSTR(value("cwd"), "/proc");
	CHECK_CSTR(value("fd0"), "/dev/null");
	CHECK_CSTR(value("fd2"), "/dev/null");
	CHECK_EQ(open_fds(), 3);
	CHECK_CSTR(value("Umask"), "0022");
	CHECK_CSTR(value("pgid"), "other");
	CHECK_CSTR(value("death"), "0");
}

TEST(spawn_masks_and_dispositions_are_clean)
{
	struct spawn s = request_of(spawn_self());
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t all, now;
	sigfillset(&all);
	CHECK_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	for (int signo = 1; signo < 65; signo++)
		if (signo != SIGCHLD && signo != SIGALRM)
			(void)sigaction(signo, &ignore, NULL);
	CHECK_EQ(fd_pipe(out), 0);
	s.fds = (struct spawn_fd[]){{out[1], 1}};
	s.nfds = 1;
	run(&s);
	CHECK_CSTR(value("SigBlk"), "0000000000000000");
	CHECK_CSTR(value("SigIgn"), "0000000000000000");
	/* the caller's own are as they were */
	CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	CHECK(sigismember(&now, SIGTERM) == 1);
}

TEST(spawn_groups_and_sessions)
{
	for (int group = SPAWN_SAME_GROUP; group <= SPAWN_NEW_SESSION;
		group++) {
		struct spawn s = request_of(spawn_self());
		CHECK_EQ(fd_pipe(out), 0);
		s.fds = (struct spawn_fd[]){{out[1], 1}};
		s.nfds = 1;
		s.group = (enum spawn_group)group;
		s.keep_umask = true;
		s.die_with_parent = group == SPAWN_NEW_GROUP;
		(void)umask(0027);
		run(&s);
		CHECK_CSTR(value("pgid"),
			group == SPAWN_SAME_GROUP ? "other" : "own");
		CHECK_CSTR(value("sid"),
			group == SPAWN_NEW_SESSION ? "own" : "other");
		CHECK_CSTR(value("death"), s.die_with_parent ? "9" : "0");
		CHECK_CSTR(value("Umask"), "0027");
	}
}

/* ------------------------------------------------------------ descriptors */

/* a pipe at fixed numbers; what is there is lost */
static void pipe_at(int pair[2], int first, int second)
{
	int p[2];
	CHECK_EQ(fd_pipe(p), 0);
	int a = fcntl(p[0], F_DUPFD_CLOEXEC, 200);
	int b = fcntl(p[1], F_DUPFD_CLOEXEC, 200);
	fd_close(&p[0]);
	fd_close(&p[1]);
	CHECK(dup2(a, first) == first && dup2(b, second) == second);
	close(a);
	close(b);
	pair[0] = first;
	pair[1] = second;
}

static const char *name_of(int fd)
{
	static char names[4][64];
	static int next;
	char path[64];
	char *name = names[next++ % 4];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, name, 63);
	CHECK(n > 0);
	name[n] = '\0';
	return name;
}

TEST(spawn_descriptors_may_change_places)
{
	struct spawn s = request_of(spawn_self());
	int x[2], y[2];
	CHECK_EQ(fd_pipe(out), 0);
	pipe_at(x, 20, 21);
	pipe_at(y, 22, 23);
	const char *name_x = name_of(20), *name_y = name_of(22);
	/* a ring: 20 -> 22 -> 1, the output -> 20, and one number twice */
	s.fds = (struct spawn_fd[]){
		{20, 22}, {22, 23}, {out[1], 20}, {out[1], 1}, {22, 0}};
	s.nfds = 5;
	run(&s);
	CHECK_CSTR(value("fd22"), name_x);
	CHECK_CSTR(value("fd23"), name_y);
	CHECK_CSTR(value("fd0"), name_y);
	CHECK_CSTR(value("fd20"), value("fd1"));
	CHECK_CSTR(value("fd2"), "/dev/null");
	CHECK_EQ(open_fds(), 6);
}

TEST(spawn_same_number_is_inherited)
{
	struct spawn s = request_of(spawn_self());
	int x[2];
	CHECK_EQ(fd_pipe(out), 0);
	pipe_at(x, 7, 8);
	const char *name = name_of(7);
	s.fds = (struct spawn_fd[]){{7, 7}, {out[1], 1}};
	s.nfds = 2;
	run(&s);
	CHECK_CSTR(value("fd7"), name);
	CHECK_EQ(open_fds(), 4);
	/* the caller's own has not changed */
	CHECK_EQ(fcntl(7, F_GETFD), 0);
}

TEST(spawn_leaks_no_descriptor)
{
	struct spawn s = request_of(spawn_self());
	/* inherited ones without close-on-exec, low, between and high */
	for (int fd = 3; fd < 100; fd += 7)
		CHECK(dup2(0, fd) == fd);
	CHECK(dup2(0, 900) == 900);
	CHECK_EQ(fd_pipe(out), 0);
	int to = 50;
	s.fds = (struct spawn_fd[]){{out[1], 1}, {900, to}};
	s.nfds = 2;
	run(&s);
	CHECK_EQ(open_fds(), 4);
	/* nor in the caller */
	int next = dup(0);
	CHECK_EQ(next, 4);
}

/* from here on the kernel knows no close_range(2) */
static void forget_close_range(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {ARRAY_LEN(filter), filter};
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

TEST(spawn_leaks_no_descriptor_on_an_old_kernel)
{
	struct rlimit limit;
	struct spawn s = request_of(spawn_self());
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int high = limit.rlim_cur > 3000 ? 3000 : (int)limit.rlim_cur - 1;
	forget_close_range();
	CHECK(dup2(0, 900) == 900);
	CHECK(dup2(0, high) == high);
	CHECK_EQ(fd_pipe(out), 0);
	s.fds = (struct spawn_fd[]){{out[1], 1}, {900, 50}};
	s.nfds = 2;
	run(&s);
	CHECK_EQ(open_fds(), 4);
}

/* the caller has none of 0, 1 and 2, so the pipes of spawn() take them */
static void with_closed(unsigned which, bool listed)
{
	struct spawn s = request_of(spawn_self());
	int keep[3];
	pid_t pid = 0;
	pipe_at(out, 30, 31);
	for (int fd = 0; fd < 3; fd++) {
		keep[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 40);
		if (which >> fd & 1)
			close(fd);
	}
	s.fds = (struct spawn_fd[]){{31, 1}, {30, 0}};
	s.nfds = listed ? 2 : 1;
	int r = spawn(&s, &pid, NULL);
	for (int fd = 0; fd < 3; fd++) {
		dup2(keep[fd], fd);
		close(keep[fd]);
	}
	CHECK_EQ(r, 0);
	fd_close(&out[1]);
	buf_init(&said, 1 << 20);
	char *p = buf_reserve(&said, 1 << 16);
	buf_commit(&said, (size_t)fd_read_full(out[0], p, 1 << 16));
	fd_close(&out[0]);
	waitpid(pid, NULL, 0);
	if (!listed)
		CHECK_CSTR(value("fd0"), "/dev/null");
	CHECK_CSTR(value("fd2"), "/dev/null");
	CHECK_EQ(open_fds(), 3);
	buf_fini(&said);
}

TEST(spawn_from_a_caller_without_standard_descriptors)
{
	for (unsigned which = 0; which < 8; which++) {
		with_closed(which, false);
		with_closed(which, true);
	}
}

TEST(spawn_bad_descriptors_are_errors_of_setup)
{
	struct spawn s = request_of(spawn_self());
	enum spawn_step step;
	pid_t pid = -5;
	struct spawn_fd many[SPAWN_FDS_MAX + 1] = {{0, 0}};
	s.fds = (struct spawn_fd[]){{999, 5}};
	s.nfds = 1;
	CHECK_EQ(spawn(&s, &pid, &step), -EBADF);
	CHECK_EQ(step, SPAWN_SETUP);
	s.fds = (struct spawn_fd[]){{0, -1}};
	CHECK_EQ(spawn(&s, &pid, &step), -EBADF);
	CHECK_EQ(step, SPAWN_SETUP);
	s.fds = many;
	s.nfds = SPAWN_FDS_MAX + 1;
	CHECK_EQ(spawn(&s, &pid, &step), -EINVAL);
	CHECK_EQ(pid, -5);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
}

/* --------------------------------------------------------------- failures */

static char dir[] = "/tmp/spawn_test-XXXXXX";

static void check_failure(const char *file, const char *path, int want)
{
	struct spawn s = request_of(file);
	enum spawn_step step = SPAWN_FORK;
	pid_t pid;
	s.search_path = path;
	CHECK_EQ(spawn(&s, &pid, &step), want);
	CHECK_EQ(step, SPAWN_EXEC);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CHECK_EQ(file_write_atomic(AT_FDCWD, path, str_of(text), mode), 0);
}

static const char *in_dir(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, 256, "%s%s%s", dir, *name ? "/" : "", name);
	return path;
}

TEST(spawn_failure_says_errno_and_step)
{
	char both[600];
	CHECK(mkdtemp(dir));
	put("plain", "#!/bin/sh\n", 0644);
	put("noise", "\x01\x02\x03", 0755);
	put("lost", "#!/no/such/interpreter\n", 0755);
	check_failure(in_dir("none"), NULL, -ENOENT);
	check_failure(in_dir("plain"), NULL, -EACCES);
	check_failure(in_dir(""), NULL, -EACCES);
	check_failure(in_dir("noise"), NULL, -ENOEXEC);
	check_failure(in_dir("lost"), NULL, -ENOENT);
	check_failure(in_dir("plain/x"), NULL, -ENOTDIR);
	/* searched: what was found but may not run outlives "not found" */
	check_failure("none", in_dir(""), -ENOENT);
	check_failure("plain", in_dir(""), -EACCES);
	snprintf(both, sizeof(both), "/no/such/dir:%s:%s:/bin", in_dir("plain"),
		dir);
	check_failure("plain", both, -EACCES);
	check_failure("none", both, -ENOENT);
	check_failure("noise", both, -ENOEXEC);
	check_failure("", both, -ENOENT);
	check_failure("", NULL, -ENOENT);
	memset(both, 'x', sizeof(both));
	both[sizeof(both) - 1] = '\0';
	check_failure(both, in_dir(""), -ENAMETOOLONG);
	CHECK_EQ(system((snprintf(both, sizeof(both), "rm -r %s", dir), both)),
		0);
}

TEST(spawn_wrong_directory_is_told)
{
	struct spawn s = request_of(spawn_self());
	enum spawn_step step;
	pid_t pid;
	s.cwd = "/no/such/dir";
	CHECK_EQ(spawn(&s, &pid, &step), -ENOENT);
	CHECK_EQ(step, SPAWN_CWD);
	s.cwd = "/proc/self/exe";
	CHECK_EQ(spawn(&s, &pid, NULL), -ENOTDIR);
}

TEST(spawn_searches_the_path_in_its_order)
{
	struct spawn s = request_of("prog");
	char path[700];
	int status = -1;
	pid_t pid;
	CHECK(mkdtemp(dir));
	CHECK_EQ(mkdir(in_dir("a"), 0755), 0);
	CHECK_EQ(mkdir(in_dir("b"), 0755), 0);
	CHECK_EQ(mkdir(in_dir("c"), 0755), 0);
	put("a/prog", "#!/bin/sh\nexit 1\n", 0644); /* not executable */
	put("b/prog", "#!/bin/sh\nexit 2\n", 0755);
	put("c/prog", "#!/bin/sh\nexit 3\n", 0755);
	snprintf(path, sizeof(path), "PATH=/none:%s:%s/:%s", in_dir("a"),
		in_dir("b"), in_dir("c"));
	s.envp = (char *[]){path, NULL};
	CHECK_EQ(spawn(&s, &pid, NULL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(spawn_exit_code(status), 2);
	/* the request's own list comes before the environment's */
	s.search_path = in_dir("c");
	CHECK_EQ(spawn(&s, &pid, NULL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(spawn_exit_code(status), 3);
	/* an empty part of it is the directory that the child is in */
	s.search_path = "/none::";
	s.cwd = in_dir("b");
	CHECK_EQ(spawn(&s, &pid, NULL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(spawn_exit_code(status), 2);
	CHECK_EQ(system((snprintf(path, sizeof(path), "rm -r %s", dir), path)),
		0);
}

TEST(spawn_failures_leave_no_descriptor_behind)
{
	struct spawn s = request_of("/no/such/file");
	pid_t pid;
	int before = dup(0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(spawn(&s, &pid, NULL), -ENOENT);
	close(before);
	CHECK_EQ(dup(0), before);
	/* no descriptors for the report: an error, not a child */
	struct rlimit few = {.rlim_cur = 4, .rlim_max = RLIM_INFINITY};
	struct rlimit old;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_EQ(spawn(&s, &pid, NULL), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* ------------------------------------------------------------- identities */

TEST(spawn_takes_the_identity_whole)
{
	struct spawn s = request_of("/proc/self/exe");
	const gid_t groups[] = {4242, 77};
	const struct spawn_ids ids = {10001, 10002, groups, 2};
	const struct spawn_ids none = {10001, 10002, NULL, 0};
	if (geteuid() != 0)
		return;
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(fd_pipe(out), 0);
		s.fds = (struct spawn_fd[]){{out[1], 1}};
		s.nfds = 1;
		s.ids = i ? &none : &ids;
		s.die_with_parent = true;
		/* the program itself may lie where others cannot go */
		s.file = "/bin/cat";
		s.argv = (char *[]){
			(char[]){"cat"}, (char[]){"/proc/self/status"}, NULL};
		run(&s);
		CHECK_CSTR(value("Uid"), "10001\t10001\t10001\t10001");
		CHECK_CSTR(value("Gid"), "10002\t10002\t10002\t10002");
		CHECK_CSTR(value("Groups"), i ? "" : "77 4242");
		CHECK_CSTR(value("CapEff"), "0000000000000000");
		CHECK_CSTR(value("CapPrm"), "0000000000000000");
	}
}

TEST(spawn_directory_is_entered_as_the_new_user)
{
	struct spawn s = request_of("/bin/true");
	const struct spawn_ids ids = {10001, 10001, NULL, 0};
	enum spawn_step step;
	pid_t pid;
	if (geteuid() != 0)
		return;
	CHECK(mkdtemp(dir));
	CHECK_EQ(chmod(dir, 0700), 0);
	s.ids = &ids;
	s.cwd = dir;
	CHECK_EQ(spawn(&s, &pid, &step), -EACCES);
	CHECK_EQ(step, SPAWN_CWD);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(spawn_identity_that_may_not_be_taken_is_told)
{
	struct spawn s = request_of("/bin/true");
	const struct spawn_ids ids = {0, 0, NULL, 0};
	enum spawn_step step;
	pid_t pid;
	if (geteuid() == 0 && (setresgid(10001, 10001, 10001) < 0 ||
				      setresuid(10001, 10001, 10001) < 0))
		return;
	s.ids = &ids;
	CHECK_EQ(spawn(&s, &pid, &step), -EPERM);
	CHECK_EQ(step, SPAWN_IDS);
}

TEST(spawn_child_dies_with_its_parent)
{
	int pair[2];
	char c;
	CHECK_EQ(fd_pipe(pair), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct spawn s = request_of("/bin/sleep");
		const struct spawn_ids ids = {10001, 10001, NULL, 0};
		pid_t pid;
		s.argv = (char *[]){(char[]){"sleep"}, (char[]){"1000"}, NULL};
		s.fds = (struct spawn_fd[]){{pair[1], 1}};
		s.nfds = 1;
		s.group = SPAWN_NEW_SESSION;
		s.die_with_parent = true;
		s.ids = geteuid() == 0 ? &ids : NULL;
		_exit(spawn(&s, &pid, NULL) != 0);
	}
	fd_close(&pair[1]);
	/* the sleeper held the pipe; it ends when the sleeper does */
	CHECK_EQ(fd_read(pair[0], &c, 1), 0);
	int status = -1;
	CHECK_EQ(waitpid(parent, &status, 0), parent);
	CHECK_EQ(status, 0);
	fd_close(&pair[0]);
}

/* --------------------------------------------------------------- in words */

TEST(spawn_status_in_words)
{
	char text[40];
	CHECK_CSTR(spawn_status_text(text, sizeof(text), 3 << 8), "exit 3");
	CHECK_CSTR(
		spawn_status_text(text, sizeof(text), 9), "killed by SIGKILL");
	CHECK_CSTR(spawn_status_text(text, sizeof(text), 11 | 0x80),
		"killed by SIGSEGV");
	CHECK_CSTR(spawn_status_text(text, sizeof(text), 40),
		"killed by signal 40");
	CHECK_CSTR(spawn_signal_name(text, sizeof(text), 15), "SIGTERM");
	CHECK_CSTR(spawn_signal_name(text, sizeof(text), 0), "signal 0");
	CHECK_CSTR(spawn_signal_name(text, sizeof(text), -1), "signal -1");
	CHECK_CSTR(spawn_signal_name(text, sizeof(text), 99), "signal 99");
	CHECK_EQ(spawn_exit_code(3 << 8), 3);
	CHECK_EQ(spawn_exit_code(15), 143);
	CHECK_EQ(spawn_exit_code(0x137f), 1);
}
