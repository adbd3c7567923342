/* SPDX-License-Identifier: MIT */
/*
 * applets/run_as/job.c - run one command as another user, as root.
 *
 * input: everything of the job is the caller's, who is not root
 *
 * A place of the target's own is made for temporary files and the clone; the
 * command runs; all that is left of it is killed; the place goes. Copying is
 * done with the caller's rights, so nobody gets at more by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "applets/run_as/run_as.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/kill_uid.h"
#include "lib/path.h"
#include "lib/rand.h"
#include "lib/size.h"

enum {
	ENV_MAX = 256,
	ENV_TEXT = 65536,
	FIXED_MAX = 16,
	PLACE_TRIES = 100,
	CAP_SETPCAP = 8,
	CAP_SYS_ADMIN = 21,
	REAP_MS = 5000, /* for the killed to be gone */
};

struct run {
	const struct job *job;
	struct policy policy; /* of the pairs; uid and so on: the target's */
	struct policy who;    /* the caller */
	bool kill_all;
	const char *base; /* directory of the place */
	char name[32];
	int base_fd, place_fd, cwd_fd;
	size_t tmp_at; /* TMPDIR in fixed */
	char env_text[ENV_TEXT + 1];
	char fixed[FIXED_MAX][160];
	char *env[ENV_MAX + FIXED_MAX + 1];
	size_t nenv;
	pid_t pid;
};

static struct run run;

/* ------------------------------------------------------------------ may it? */

static void decide(struct run *r)
{
	const struct job *job = r->job;
	struct policy_error e;
	char number[FMT_U64_MAX + 1];
	bool read = policy_read_pairs(&r->policy, &e);
	if (!policy_set_user(&r->policy, job->target))
		die(EXIT_WRAPPER,
			"%s is no user of the layout and no number but root's",
			job->target);
	if (!read && job->caller != 0)
		die(e.status, "%s", e.why);
	const struct policy_role *pair =
		read ? policy_pair(&r->policy, job->caller, r->policy.uid)
		     : NULL;
	if (!pair && job->caller != 0)
		die(EXIT_NOT_EXECUTABLE, "uid %u may not run as %s",
			(unsigned)job->caller, job->target);
	r->kill_all = pair && pair->kill_all;
	number[fmt_u64(number, job->caller)] = '\0';
	if (job->caller != 0)
		(void)policy_set_user(&r->who, number);
}

/* -------------------------------------------------------- the environment */

static void put_env(struct run *r, char *text)
{
	size_t n = strcspn(text, "=");
	for (size_t i = 0; i < r->nenv; i++) {
		if (strncmp(r->env[i], text, n + 1) != 0)
			continue;
		r->env[i] = text;
		return;
	}
	if (r->nenv == ENV_MAX)
		die(EXIT_WRAPPER, "--env-fd: more than %d variables", ENV_MAX);
	r->env[r->nenv++] = text;
}

static void put_fixed(struct run *r, const char *name, const char *value)
{
	char *text = r->fixed[r->nenv];
	fmt_str(text, sizeof(r->fixed[0]), "%s=%s", name, value);
	r->env[r->nenv++] = text;
}

/* NUL between them, or lines */
static void read_env(struct run *r)
{
	ssize_t n = fd_read_full(r->job->env_fd, r->env_text, ENV_TEXT + 1);
	if (n < 0 || n > ENV_TEXT)
		die(EXIT_WRAPPER, "--env-fd: %s",
			n < 0 ? strerror((int)-n) : "more than 64 KiB");
	r->env_text[n] = '\0';
	char sep = memchr(r->env_text, '\0', (size_t)n) ? '\0' : '\n';
	struct str rest = str_from(r->env_text, (size_t)n);
	while (rest.p) {
		struct str one = str_cut(&rest, sep);
		size_t eq = str_index(one, '=');
		if (one.n == 0)
			continue;
		if (eq == 0 || eq == one.n)
			die(EXIT_WRAPPER, "--env-fd: a line is not NAME=VALUE");
		char *text = r->env_text + (one.p - r->env_text);
		text[one.n] = '\0';
		put_env(r, text);
	}
}

static void make_env(struct run *r)
{
	char number[FMT_U64_MAX + 1];
	number[fmt_u64(number, r->job->caller)] = '\0';
	put_fixed(r, "PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	put_fixed(r, "HOME", r->policy.home);
	put_fixed(r, "USER", r->policy.user);
	put_fixed(r, "LOGNAME", r->policy.user);
	put_fixed(r, "SHELL", "/bin/sh");
	put_fixed(r, "LANG", "C.UTF-8");
	r->tmp_at = r->nenv;
	put_fixed(r, "TMPDIR", "");
	put_fixed(r, "CORACLE_CALLER",
		r->job->caller == 0 ? "root" : r->who.user);
	put_fixed(r, "CORACLE_CALLER_UID", number);
	if (r->job->env_fd >= 0)
		read_env(r);
	r->env[r->nenv] = NULL;
}

/* ------------------------------------------------------------- the place */

static int make_in(struct run *r, const char *base)
{
	char number[17];
	int dir = open(base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int made = -EEXIST;
	for (int i = 0; i < PLACE_TRIES && made == -EEXIST; i++) {
		if (rand_hex(number, 8) < 0)
			break;
		fmt_str(r->name, sizeof(r->name), "run-as-%s", number);
		made = mkdirat(dir, r->name, 0700) < 0 ? -errno : 0;
	}
	if (made == 0)
		made = r->place_fd = path_open_nofollow(
			dir, r->name, O_RDONLY | O_DIRECTORY, 0);
	r->base_fd = dir;
	r->base = base;
	if (made < 0)
		fd_close(&r->base_fd);
	return made < 0 ? made : 0;
}

/* what is writable differs where the container is read-only */
static void make_place(struct run *r)
{
	static const char *const bases[] = {"/var/tmp", "/tmp", "/dev/shm"};
	int err = -ENOENT;
	for (size_t i = 0; i < ARRAY_LEN(bases) && err < 0; i++)
		err = make_in(r, bases[i]);
	if (err < 0)
		die(EXIT_WRAPPER, "no directory for temporary files: %s",
			strerror(-err));
	if (mkdirat(r->place_fd, "tmp", 0700) < 0 ||
		fchownat(r->place_fd, "tmp", r->policy.uid, r->policy.gid,
			AT_SYMLINK_NOFOLLOW) < 0)
		die(EXIT_WRAPPER, "temporary files: %s", strerror(errno));
	fmt_str(r->fixed[r->tmp_at], sizeof(r->fixed[0]), "TMPDIR=%s/%s/tmp",
		r->base, r->name);
}

static void remove_place(struct run *r)
{
	if (r->place_fd < 0)
		return;
	if (!dir_empty(r->place_fd) ||
		unlinkat(r->base_fd, r->name, AT_REMOVEDIR) < 0)
		warn_msg("%s/%s could not be removed", r->base, r->name);
	fd_close(&r->place_fd);
	fd_close(&r->base_fd);
}

/* in a process of its own that has the caller's rights, and no more */
/* who owns a directory on the way could have put a link in its place */
static int open_source(const struct job *job)
{
	const char *path = job->clone;
	if (path[0] != '/')
		return path_open_nofollow(
			job->cwd_fd, path, O_RDONLY | O_DIRECTORY, 0);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (*path == '/')
		path++;
	int fd = root < 0 ? -errno
			  : path_open_nofollow(root, *path ? path : ".",
				    O_RDONLY | O_DIRECTORY, 0);
	fd_close(&root);
	return fd;
}

static void __attribute__((noreturn)) copy_as_caller(struct run *r, int work)
{
	struct clone_tally tally = {0, 0};
	const struct policy *who = &r->who;
	if (r->job->caller != 0 &&
		(setgroups(who->ngroups, who->groups) < 0 ||
			setresgid(who->gid, who->gid, who->gid) < 0 ||
			setresuid(who->uid, who->uid, who->uid) < 0))
		die(EXIT_WRAPPER, "--clone: %s", strerror(errno));
	int from = open_source(r->job);
	int err = from < 0 ? -errno : clone_tree(from, work, &tally);
	if (err < 0)
		die(EXIT_WRAPPER, "--clone %s: %s", r->job->clone,
			strerror(-err));
	if (tally.left_out)
		warn_msg("--clone: %ju left out: devices, FIFOs, sockets, "
			 "unreadable, too deep",
			(uintmax_t)tally.left_out);
	exit(EXIT_OK);
}

static int clone_workspace(struct run *r)
{
	const struct policy *p = &r->policy;
	int status;
	if (mkdirat(r->place_fd, "work", 0700) < 0 ||
		fchownat(r->place_fd, "work", r->job->caller, p->gid,
			AT_SYMLINK_NOFOLLOW) < 0)
		return EXIT_WRAPPER;
	int work = path_open_nofollow(
		r->place_fd, "work", O_RDONLY | O_DIRECTORY, 0);
	pid_t child = work < 0 ? -1 : fork();
	if (child == 0)
		copy_as_caller(r, work);
	if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
		return EXIT_WRAPPER;
	int err = clone_give(work, r->job->caller, p->uid, p->gid);
	if (err < 0 || fchown(work, p->uid, p->gid) < 0) {
		warn_msg("--clone: cannot be given to %s", r->job->target);
		return EXIT_WRAPPER;
	}
	r->cwd_fd = work;
	return 0;
}

/* --------------------------------------------------------------- running */

static int start(struct run *r)
{
	static const struct spawn_fd std[] = {{0, 0}, {1, 1}, {2, 2}};
	const struct policy *p = &r->policy;
	const struct spawn_ids ids = {p->uid, p->gid, p->groups, p->ngroups};
	enum spawn_step step = SPAWN_FORK;
	uint64_t held = spawn_caps_held();
	struct spawn request = {
		.file = r->job->argv[0],
		.argv = r->job->argv,
		.envp = r->env,
		.cwd_fd = r->cwd_fd,
		.fds = std,
		.nfds = ARRAY_LEN(std),
		.group = SPAWN_NEW_SESSION,
		.ids = &ids,
		.die_with_parent = true,
		.foreground_tty = -1,
		.umask = 077,
		.limits = r->job->limits,
		.nlimits = r->job->nlimits,
		.set_caps = held >> CAP_SETPCAP & 1,
		/* the place would be hidden with the rest of /tmp */
		.namespaces = (held >> CAP_SYS_ADMIN & 1) &&
					      strcmp(r->base, "/tmp") != 0
				      ? CLONE_NEWNS
				      : 0,
	};
	int err = spawn(&request, &r->pid, &step);
	if (err == 0)
		return 0;
	warn_msg("%s: %s",
		step == SPAWN_EXEC ? r->job->argv[0] : "cannot start",
		strerror(-err));
	if (step != SPAWN_EXEC)
		return EXIT_WRAPPER;
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static void watched(sigset_t *set)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(set, signals[i]);
}

/* its status, or why we did not wait for it any longer */
static int await(struct run *r)
{
	uint64_t end = clock_ms() + r->job->timeout_s * 1000;
	sigset_t set;
	int status;
	watched(&set);
	for (;;) {
		pid_t pid = waitpid(r->pid, &status, WNOHANG);
		if (pid == r->pid)
			return spawn_exit_code(status);
		uint64_t now = clock_ms();
		if (r->job->timeout_s && now >= end)
			return RUN_AS_TIMED_OUT;
		uint64_t left = r->job->timeout_s ? end - now : 60000;
		const struct timespec t = {
			(time_t)(left / 1000), (long)(left % 1000) * 1000000L};
		int signo = sigtimedwait(&set, NULL, &t);
		if (signo > 0 && signo != SIGCHLD)
			return 128 + signo;
	}
}

static void kill_children(void)
{
	char text[4096];
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fd_read_full(fd, text, sizeof(text));
	fd_close(&fd);
	struct str rest = str_from(text, n > 0 ? (size_t)n : 0);
	while (rest.p) {
		uint64_t pid;
		if (str_to_u64(str_cut(&rest, ' '), &pid) && pid > 1)
			(void)kill((pid_t)pid, SIGKILL);
	}
}

/*
 * Whoever of its tree loses its parent becomes our child: kill and reap until
 * there is none. With kill_all no fork can win against it.
 */
static void end_tree(struct run *r)
{
	const struct timespec pause = {.tv_nsec = 1000000L};
	uint64_t end = clock_ms() + REAP_MS;
	if (r->pid > 0)
		(void)kill(-r->pid, SIGKILL);
	if (r->kill_all && kill_uid(r->policy.uid) < 0)
		warn_msg("not all processes of %s could be killed",
			r->job->target);
	while (clock_ms() < end) {
		kill_children();
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return;
		if (pid == 0)
			(void)nanosleep(&pause, NULL);
	}
	warn_msg("something that %s runs cannot be killed", r->job->target);
}

int job_run(struct job *job)
{
	struct run *r = &run;
	sigset_t set;
	r->job = job;
	r->base_fd = r->place_fd = -1;
	r->cwd_fd = job->cwd_fd;
	watched(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)umask(077);
	decide(r);
	make_env(r);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_place(r);
	/* the target passes through it, and nobody else finds its name */
	if (fchown(r->place_fd, r->policy.uid, r->policy.gid) < 0)
		die(EXIT_WRAPPER, "temporary files: %s", strerror(errno));
	int status = job->clone ? clone_workspace(r) : 0;
	if (status == 0)
		status = start(r);
	if (r->pid > 0)
		status = await(r);
	end_tree(r);
	remove_place(r);
	return status;
}
