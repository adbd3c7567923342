/* SPDX-License-Identifier: MIT */
/*
 * applets/verify/run.c - the grader's command, and the end of all it started.
 *
 * We are the subreaper: whatever leaves its session or loses its parent
 * becomes our child, so that nothing of it outlives the score.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/verify/verify.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/layout.h"
#include "lib/loop.h"
#include "lib/size.h"
#include "lib/spawn.h"

enum {
	READ_STEP = 65536,
	SWEEP_MS = 5000,
	TIMED_OUT = 124, /* as timeout(1) */
};

struct runner {
	struct loop loop;
	struct verify_run *run;
	pid_t pid;
	struct loop_child child;
	struct loop_timer timer;
	struct loop_fd out; /* its stdout, when we read it */
	int wait_status;
	bool late;
	int signal; /* that told us to end */
};

/* ------------------------------------------------------------------ events */

/* pass it on, and keep the end. false: nothing more for now */
static bool read_out(struct runner *r)
{
	static char text[READ_STEP];
	struct buf *tail = &r->run->tail;
	if (r->out.fd < 0)
		return false;
	ssize_t n = fd_read(r->out.fd, text, sizeof(text));
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		int fd = r->out.fd;
		loop_del(&r->loop, &r->out);
		fd_close(&fd);
		return false;
	}
	(void)fd_write_full(STDOUT_FILENO, text, (size_t)n);
	if (tail->n + (size_t)n > tail->max)
		buf_consume(tail,
			size_min(tail->n, tail->n + (size_t)n - tail->max));
	buf_put(tail, text, (size_t)n);
	return true;
}

static void on_out(void *owner, uint32_t events)
{
	(void)events;
	(void)read_out(owner);
}

static void on_end(void *owner, pid_t pid, int wait_status)
{
	struct runner *r = owner;
	(void)pid;
	r->wait_status = wait_status;
	while (read_out(r))
		;
	loop_stop(&r->loop);
}

static void on_timeout(void *owner)
{
	struct runner *r = owner;
	r->late = true;
	(void)kill(-r->pid, SIGKILL);
}

static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct runner *r = owner;
	r->signal = (int)info->ssi_signo;
	(void)kill(-r->pid, SIGKILL);
}

/* ------------------------------------------------------- what it left behind */

/* SIGKILL to each of our children; false: there is none */
static bool kill_children(void)
{
	char path[64];
	struct buf text;
	bool any = false;
	fmt_str(path, sizeof(path), "/proc/self/task/%d/children",
		(int)getpid());
	buf_init(&text, 1 << 20);
	(void)file_read(AT_FDCWD, path, &text);
	struct str rest = buf_str(&text);
	while (rest.p) {
		uint64_t pid;
		if (!str_to_u64(str_cut(&rest, ' '), &pid))
			continue;
		any = true;
		(void)kill((pid_t)pid, SIGKILL);
	}
	buf_fini(&text);
	return any;
}

/* those of the sandbox may resist; the end of the phase sees to them */
static void sweep(void)
{
	uint64_t deadline = clock_ms() + SWEEP_MS;
	while (clock_ms() < deadline) {
		pid_t pid;
		bool any = kill_children();
		do
			pid = waitpid(-1, NULL, WNOHANG);
		while (pid > 0);
		if (!any || (pid < 0 && errno == ECHILD))
			return;
		(void)poll(NULL, 0, 1);
	}
}

/* ------------------------------------------------------------------- start */

static void set_environment(const struct verify *v)
{
	(void)setenv("VERIFY_OUTPUT", v->output, 1);
	if (v->rubric)
		(void)setenv("VERIFY_RUBRIC", v->rubric, 1);
	if (strncmp(v->score, "file:", 5) == 0)
		(void)setenv("VERIFY_SCORE", v->score + 5, 1);
	if (geteuid() != 0)
		return;
	(void)setenv("HOME", "/home/verifier", 1);
	(void)setenv("USER", "verifier", 1);
	(void)setenv("LOGNAME", "verifier", 1);
}

static int start(struct runner *r, char **argv, int out)
{
	extern char **environ;
	static const gid_t groups[] = {LAYOUT_AGENT};
	const struct spawn_ids ids = {
		LAYOUT_VERIFIER, LAYOUT_VERIFIER, groups, ARRAY_LEN(groups)};
	const struct spawn_fd fds[] = {{STDIN_FILENO, 0},
		{out < 0 ? STDOUT_FILENO : out, 1}, {STDERR_FILENO, 2}};
	const struct spawn request = {.file = argv[0],
		.argv = argv,
		.envp = environ,
		.fds = fds,
		.nfds = ARRAY_LEN(fds),
		.group = SPAWN_NEW_SESSION,
		.foreground_tty = -1,
		.ids = geteuid() == 0 ? &ids : NULL,
		.die_with_parent = true};
	return spawn(&request, &r->pid, NULL);
}

static void watch(struct runner *r, const struct verify *v, int out)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	int e = loop_init(&r->loop);
	if (e == 0)
		e = loop_watch_signals(&r->loop, &set, on_signal, r);
	if (e == 0 && out >= 0)
		e = fd_set_nonblock(out, true);
	if (e == 0 && out >= 0)
		e = loop_add(&r->loop, &r->out, out, EPOLLIN, on_out, r);
	if (e == 0 && v->timeout_ms)
		e = loop_timer_at(&r->loop, &r->timer,
			loop_now(&r->loop) + v->timeout_ms, on_timeout, r);
	if (e < 0)
		die(EXIT_WRAPPER, "event loop: %s", strerror(-e));
}

static int status_of(const struct runner *r)
{
	if (r->late)
		return TIMED_OUT;
	if (r->signal)
		return 128 + r->signal;
	return spawn_exit_code(r->wait_status);
}

void verify_command(const struct verify *v, char **argv, struct verify_run *run)
{
	struct runner r = {.run = run, .out = {.fd = -1}};
	int ends[2] = {-1, -1};
	bool reads = strcmp(v->score, "last-line") == 0;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_environment(v);
	int e = reads ? fd_pipe(ends) : 0;
	if (e < 0)
		die(EXIT_WRAPPER, "pipe: %s", strerror(-e));
	watch(&r, v, ends[0]);
	e = start(&r, argv, ends[1]);
	fd_close(&ends[1]);
	if (e < 0) {
		warn_msg("%s: %s", argv[0], strerror(-e));
		run->failed_to_start = true;
		run->status =
			e == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
		return;
	}
	loop_child_add(&r.loop, &r.child, r.pid, on_end, &r);
	e = loop_run(&r.loop);
	if (e < 0)
		warn_msg("event loop: %s", strerror(-e));
	sweep();
	run->status = status_of(&r);
	if (r.late)
		warn_msg("%s: ended after %llu ms", argv[0],
			(unsigned long long)v->timeout_ms);
	loop_fini(&r.loop);
}
