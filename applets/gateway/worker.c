/* SPDX-License-Identifier: MIT */
/* applets/gateway/worker.c - heavy work in a process of its own. */
#include "applets/gateway/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "lib/spawn.h"

enum { STATUS_MAX = 65536 };

struct worker {
	struct gateway *g;
	struct worker_request request;
	pid_t pid;
	struct loop_child child;
	struct loop_fd in, out;
	int status;
	struct loop_defer release;
	bool abandoned;
};

extern char **environ;

static void close_watch(struct worker *w, struct loop_fd *watch)
{
	int fd = watch->fd;
	loop_del(&w->g->loop, watch);
	fd_close(&fd);
}

static void free_worker(void *owner)
{
	mem_free(owner);
}

/* it has ended, so what it wrote is there in full: no waiting */
static void read_status(struct worker *w, struct buf *line)
{
	char step[4096];
	ssize_t n;
	(void)fd_set_nonblock(w->status, true);
	while ((n = fd_read(w->status, step, sizeof(step))) > 0)
		buf_put(line, step, (size_t)n);
}

static void on_exit_of_worker(void *owner, pid_t pid, int wait_status)
{
	struct worker *w = owner;
	struct worker_result result = {0};
	struct buf line;
	char how[64];
	(void)pid;
	buf_init(&line, STATUS_MAX);
	read_status(w, &line);
	result.how = spawn_status_text(how, sizeof(how), wait_status);
	if (!line.err && line.n && json_check(buf_str(&line), NULL) == 0) {
		result.status = buf_str(&line);
		/* 1 is what tar calls files that changed under its hands */
		result.ok = spawn_exit_code(wait_status) <= 1 &&
			    str_is(json_member(result.status, "ok"), "true");
	}
	close_watch(w, &w->in);
	if (!w->abandoned)
		w->request.on_done(w->request.owner, &result);
	close_watch(w, &w->out);
	fd_close(&w->status);
	w->g->workers--;
	buf_fini(&line);
	loop_defer(&w->g->loop, &w->release, free_worker, w);
}

static void on_in(void *owner, uint32_t events)
{
	struct worker *w = owner;
	if (events & EPOLLERR)
		close_watch(w, &w->in); /* the next write says -EPIPE */
	else
		loop_mod(&w->g->loop, &w->in, 0);
	if (w->request.on_room)
		w->request.on_room(w->request.owner);
}

static void on_out(void *owner, uint32_t events)
{
	struct worker *w = owner;
	(void)events;
	w->request.on_output(w->request.owner);
}

ssize_t worker_write(struct worker *w, struct str data)
{
	size_t done = 0;
	while (done < data.n) {
		if (w->in.fd < 0)
			return -EPIPE;
		ssize_t n = fd_write(w->in.fd, data.p + done, data.n - done);
		if (n == -EAGAIN) {
			loop_mod(&w->g->loop, &w->in, EPOLLOUT);
			break;
		}
		if (n < 0) {
			close_watch(w, &w->in);
			return n;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void worker_end_input(struct worker *w)
{
	close_watch(w, &w->in);
}

ssize_t worker_read(struct worker *w, void *dst, size_t n)
{
	if (w->out.fd < 0)
		return 0;
	ssize_t r = fd_read(w->out.fd, dst, n);
	if (r == 0 || (r < 0 && r != -EAGAIN)) {
		close_watch(w, &w->out);
		return 0;
	}
	return r;
}

void worker_hold(struct worker *w, bool hold)
{
	loop_mod(&w->g->loop, &w->out, hold ? 0 : EPOLLIN);
}

void worker_interrupt(struct worker *w)
{
	/* before its input ends, so that it cannot take that for success */
	(void)kill(w->pid, SIGTERM);
	close_watch(w, &w->in);
}

void worker_abandon(struct worker *w)
{
	w->abandoned = true;
	worker_interrupt(w);
	close_watch(w, &w->out);
	w->request.on_room = NULL;
}

static int watch(struct worker *w, struct loop_fd *at, int *fd, uint32_t events,
	loop_fd_fn *fn)
{
	int r = fd_set_nonblock(*fd, true);
	if (r == 0)
		r = loop_add(&w->g->loop, at, *fd, events, fn, w);
	if (r == 0)
		*fd = -1;
	return r;
}

struct pipes {
	int in[2], out[2], status[2];
};

static int open_pipes(const struct worker_request *request, struct pipes *p)
{
	int r = fd_pipe(p->status);
	if (r == 0 && request->feed)
		r = fd_pipe(p->in);
	if (r == 0 && request->collect)
		r = fd_pipe(p->out);
	return r;
}

static void close_pipes(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		fd_close(&p->in[i]);
		fd_close(&p->out[i]);
		fd_close(&p->status[i]);
	}
}

static int spawn_worker(struct worker *w, const struct pipes *p)
{
	struct spawn_fd fds[4];
	size_t n = 0;
	fds[n++] = (struct spawn_fd){p->status[1], 3};
	fds[n++] = (struct spawn_fd){STDERR_FILENO, STDERR_FILENO};
	int in = w->request.feed ? p->in[0] : w->request.in;
	int out = w->request.collect ? p->out[1] : w->request.out;
	if (in > 0)
		fds[n++] = (struct spawn_fd){in, STDIN_FILENO};
	if (out > 0)
		fds[n++] = (struct spawn_fd){out, STDOUT_FILENO};
	struct spawn request = {.file = spawn_self(),
		.argv = w->request.argv,
		.envp = w->request.envp ? w->request.envp : environ,
		.cwd_fd = w->request.cwd,
		.fds = fds,
		.nfds = n,
		.group = SPAWN_NEW_GROUP,
		.die_with_parent = true,
		.foreground_tty = -1};
	return spawn(&request, &w->pid, NULL);
}

struct worker *worker_start(struct gateway *g,
	const struct worker_request *request, char *why, size_t size)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
	struct worker *w = mem_new(sizeof(*w));
	int r = w ? open_pipes(request, &p) : -ENOMEM;
	if (r == 0) {
		*w = (struct worker){.g = g,
			.request = *request,
			.in = {.fd = -1},
			.out = {.fd = -1},
			.status = -1};
		r = spawn_worker(w, &p);
	}
	if (r < 0) {
		fmt_str(why, size, "the %s worker: %s", request->argv[0],
			strerror(-r));
		mem_free(w);
		close_pipes(&p);
		return NULL;
	}
	g->workers++;
	loop_child_add(&g->loop, &w->child, w->pid, on_exit_of_worker, w);
	w->status = p.status[0];
	p.status[0] = -1;
	if (request->feed)
		r = watch(w, &w->in, &p.in[1], 0, on_in);
	if (r == 0 && request->collect)
		r = watch(w, &w->out, &p.out[0], EPOLLIN, on_out);
	/* what is not watched is closed here, which ends the worker: it tells */
	if (r < 0)
		log_error("worker %s: %s", request->argv[0], strerror(-r));
	close_pipes(&p);
	return w;
}

/* ----------------------------------------------------------------- results */

/* a string member of the status line, or p == NULL */
static struct str status_text(
	const struct worker_result *result, const char *key)
{
	struct str value = {NULL, 0};
	if (result->status.p)
		value = json_member(result->status, key);
	if (value.p && (json_type_of(value) != JSON_STRING || value.n == 2))
		value.p = NULL; /* not a text, or an empty one */
	return value;
}

void worker_put_error(
	struct buf *out, const char *what, const struct worker_result *result)
{
	struct str error = status_text(result, "error");
	struct str member = status_text(result, "member");
	buf_putf(out, "%s: ", what);
	if (!error.p) {
		buf_puts(out, result->how);
		return;
	}
	json_unquote(out, error);
	if (member.p) {
		buf_puts(out, ": ");
		json_unquote(out, member);
	}
}

struct str worker_kind(const struct worker_result *result)
{
	return status_text(result, "kind");
}

int worker_tar_status(struct str kind)
{
	static const char *const theirs[] = {"gzip", "tar", "unsafe",
		"conflict", "limit", "truncated", "empty"};
	for (size_t i = 0; kind.p && i < ARRAY_LEN(theirs); i++)
		if (json_str_is(kind, str_of(theirs[i])))
			return 400;
	return 500;
}
