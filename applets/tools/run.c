/* SPDX-License-Identifier: MIT */
/*
 * applets/tools/run.c - tools as processes: start, feed, read, end, answer.
 *
 * Each call is a process group of its own. It ends with the command, with
 * its time, with the client's cancellation or with the client; whatever the
 * command left behind in its group ends with it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/tools/tools.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "lib/spawn.h"

enum {
	READ_STEP = 65536,
	READS_PER_TURN = 4,
	STDERR_MAX = 65536,
	CALL_ARENA_MAX = 16 << 20,
	ANSWER_MAX = 256 << 20,
};

struct tools_call {
	struct tools *t;
	struct tools_call *prev, *next;
	const struct tool *tool;
	struct tools_caller caller; /* its id lies in the arena */
	struct arena arena;
	struct str input; /* not written yet */
	pid_t pid;
	struct loop_child watch;
	struct loop_fd in, out, err;
	struct loop_timer timer;
	struct loop_defer release;
	struct buf output, errors;
	bool cut; /* there was more output than the tool may have */
	bool late;
	bool cancelled;
};

/* ---------------------------------------------------------------- answers */

static void put_text_item(struct buf *out, struct str text)
{
	buf_puts(out, "{\"type\":\"text\",\"text\":");
	json_quote(out, text);
	buf_putc(out, '}');
}

static void open_result(struct buf *out, const struct tools_caller *caller)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, caller->id);
	buf_puts(out, ",\"result\":{");
	if (caller->modern)
		buf_puts(out, "\"resultType\":\"complete\",");
	buf_puts(out, "\"content\":[");
}

static void close_result(struct buf *out, bool is_error)
{
	buf_putf(out, "],\"isError\":%s}}", is_error ? "true" : "false");
}

void tools_send_text(struct tools *t, const struct tools_caller *caller,
	struct str text, bool is_error)
{
	struct buf out;
	buf_init(&out, ANSWER_MAX);
	open_result(&out, caller);
	put_text_item(&out, text);
	close_result(&out, is_error);
	tools_send(t, &out);
	buf_fini(&out);
}

/* what a failed command has to say: how it ended, and its stderr */
static void put_failure(
	struct buf *out, const struct tools_call *c, int wait_status)
{
	struct buf text;
	char reason[64];
	buf_init(&text, STDERR_MAX + 256);
	if (c->late)
		buf_putf(&text, "ended after %llu ms",
			(unsigned long long)c->tool->timeout_ms);
	else
		buf_puts(&text,
			spawn_status_text(reason, sizeof(reason), wait_status));
	if (c->errors.n) {
		buf_puts(&text, "\n");
		buf_put_str(&text, buf_str(&c->errors));
	}
	put_text_item(out, buf_str(&text));
	buf_fini(&text);
}

static void answer(const struct tools_call *c, int wait_status)
{
	struct buf out, note;
	/* a command whose output was cut is told by SIGPIPE to stop */
	bool failed = c->late || (wait_status != 0 && !c->cut);
	buf_init(&out, ANSWER_MAX);
	buf_init(&note, 128);
	open_result(&out, &c->caller);
	if (c->output.n || !failed)
		put_text_item(&out, buf_str(&c->output));
	if (c->cut) {
		buf_putf(&note, "cut: the output is over %llu bytes",
			(unsigned long long)c->tool->output_max);
		buf_putc(&out, ',');
		put_text_item(&out, buf_str(&note));
	}
	if (failed) {
		if (c->output.n || c->cut)
			buf_putc(&out, ',');
		put_failure(&out, c, wait_status);
	}
	close_result(&out, failed);
	tools_send(c->t, &out);
	buf_fini(&note);
	buf_fini(&out);
}

/* ------------------------------------------------------------------ ending */

static void close_watch(struct tools_call *c, struct loop_fd *w)
{
	int fd = w->fd;
	loop_del(&c->t->loop, w);
	fd_close(&fd);
}

static void release(void *owner)
{
	struct tools_call *c = owner;
	buf_fini(&c->output);
	buf_fini(&c->errors);
	arena_fini(&c->arena);
	mem_free(c);
}

static void end_call(struct tools_call *c)
{
	struct tools *t = c->t;
	close_watch(c, &c->in);
	close_watch(c, &c->out);
	close_watch(c, &c->err);
	loop_timer_clear(&t->loop, &c->timer);
	if (c->prev)
		c->prev->next = c->next;
	else
		t->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	t->ncalls--;
	loop_defer(&t->loop, &c->release, release, c);
}

static void kill_group(const struct tools_call *c)
{
	(void)kill(-c->pid, SIGKILL);
}

static void on_timeout(void *owner)
{
	struct tools_call *c = owner;
	c->late = true;
	kill_group(c);
}

/* ------------------------------------------------------------------- pipes */

/*
 * One read of at most what there is room for. false: nothing more for now,
 * or it is over.
 */
static bool read_some(struct tools_call *c, struct loop_fd *w, struct buf *to)
{
	size_t room = to->max - to->n;
	char spare[1];
	if (w->fd < 0)
		return false;
	char *dst = room ? buf_reserve(to, size_min(room, READ_STEP)) : spare;
	if (!dst) {
		close_watch(c, w);
		return false;
	}
	ssize_t n = fd_read(w->fd, dst, room ? size_min(room, READ_STEP) : 1);
	if (n == -EAGAIN)
		return false;
	if (n <= 0 || !room) {
		c->cut |= n > 0 && to == &c->output;
		close_watch(c, w);
		return false;
	}
	buf_commit(to, (size_t)n);
	return true;
}

static void on_out(void *owner, uint32_t events)
{
	struct tools_call *c = owner;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++)
		if (!read_some(c, &c->out, &c->output))
			break;
}

static void on_err(void *owner, uint32_t events)
{
	struct tools_call *c = owner;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++)
		if (!read_some(c, &c->err, &c->errors))
			break;
}

static void feed(struct tools_call *c)
{
	while (c->in.fd >= 0 && c->input.n) {
		ssize_t n = fd_write(c->in.fd, c->input.p, c->input.n);
		if (n == -EAGAIN)
			return;
		if (n < 0)
			break; /* it does not want its input */
		c->input = str_from_index(c->input, (size_t)n);
	}
	if (c->in.fd >= 0)
		close_watch(c, &c->in);
}

static void on_in(void *owner, uint32_t events)
{
	struct tools_call *c = owner;
	if (events & EPOLLERR)
		close_watch(c, &c->in);
	else
		feed(c);
}

static void on_exit(void *owner, pid_t pid, int wait_status)
{
	struct tools_call *c = owner;
	(void)pid;
	kill_group(c);
	while (read_some(c, &c->out, &c->output))
		;
	while (read_some(c, &c->err, &c->errors))
		;
	if (c->errors.n)
		log_debug("tool %s: %.*s", c->tool->name,
			STR_FMT(str_first(buf_str(&c->errors), 500)));
	if (!c->cancelled)
		answer(c, wait_status);
	end_call(c);
}

/* ------------------------------------------------------------------- start */

/* our ends and the child's; all -1 or all open */
struct pipes {
	int in[2], out[2], err[2];
};

static void close_pipes(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		fd_close(&p->in[i]);
		fd_close(&p->out[i]);
		fd_close(&p->err[i]);
	}
}

static int open_pipes(struct pipes *p, bool input)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	int r = input ? fd_pipe(p->in) : 0;
	if (r == 0)
		r = fd_pipe(p->out);
	if (r == 0)
		r = fd_pipe(p->err);
	if (r == 0 && input)
		r = fd_set_nonblock(p->in[1], true);
	if (r == 0)
		r = fd_set_nonblock(p->out[0], true);
	if (r == 0)
		r = fd_set_nonblock(p->err[0], true);
	if (r < 0)
		close_pipes(p);
	return r;
}

static int start_process(
	struct tools_call *c, char *const *argv, struct pipes *p)
{
	extern char **environ;
	const struct spawn_fd fds[] = {
		{p->out[1], 1}, {p->err[1], 2}, {p->in[0], 0}};
	const struct spawn request = {.file = argv[0],
		.argv = argv,
		.envp = environ,
		.cwd = c->tool->directory,
		.fds = fds,
		.nfds = p->in[0] < 0 ? 2 : 3,
		.group = SPAWN_NEW_GROUP,
		.die_with_parent = true,
		.foreground_tty = -1};
	return spawn(&request, &c->pid, NULL);
}

/* 0, or a negative errno: nothing of it is left then */
static int watch_all(struct tools_call *c, struct pipes *p)
{
	struct loop *l = &c->t->loop;
	int r = loop_add(l, &c->out, p->out[0], EPOLLIN, on_out, c);
	if (r == 0)
		r = loop_add(l, &c->err, p->err[0], EPOLLIN, on_err, c);
	if (r == 0 && p->in[1] >= 0)
		r = loop_add(l, &c->in, p->in[1], EPOLLOUT, on_in, c);
	if (r == 0)
		r = loop_timer_at(l, &c->timer,
			loop_now(l) + c->tool->timeout_ms, on_timeout, c);
	if (r < 0) {
		loop_del(l, &c->out);
		loop_del(l, &c->err);
		loop_del(l, &c->in);
		return r;
	}
	/* they are the watches' from here on */
	p->out[0] = p->err[0] = p->in[1] = -1;
	return 0;
}

static int start_call(struct tools_call *c, const struct tool_run *run)
{
	struct tools *t = c->t;
	struct pipes p;
	c->input = run->input;
	int r = open_pipes(&p, c->tool->input != NULL);
	if (r == 0)
		r = start_process(c, run->argv, &p);
	if (r == 0) {
		r = watch_all(c, &p);
		if (r < 0)
			kill_group(c);
	}
	close_pipes(&p);
	if (r < 0)
		return r;
	loop_child_add(&t->loop, &c->watch, c->pid, on_exit, c);
	c->next = t->calls;
	if (c->next)
		c->next->prev = c;
	t->calls = c;
	t->ncalls++;
	feed(c);
	return 0;
}

static struct tools_call *new_call(struct tools *t, const struct tool *tool,
	const struct tools_caller *caller)
{
	struct tools_call *c = mem_new(sizeof(*c));
	if (!c)
		return NULL;
	c->t = t;
	c->tool = tool;
	c->caller.modern = caller->modern;
	c->in.fd = c->out.fd = c->err.fd = -1;
	arena_init(&c->arena, CALL_ARENA_MAX);
	buf_init(&c->output, tool->output_max);
	buf_init(&c->errors, STDERR_MAX);
	c->caller.id = str_from(arena_dup(&c->arena, caller->id), caller->id.n);
	return c;
}

void tools_start(struct tools *t, const struct tool *tool, struct str arguments,
	const struct tools_caller *caller)
{
	struct tools_call *c = new_call(t, tool, caller);
	struct tool_run run;
	struct buf text;
	const char *why = "out of memory";
	if (c && c->caller.id.p)
		why = toolset_fill(tool, arguments, &c->arena, &run);
	if (!why) {
		int r = start_call(c, &run);
		if (r == 0)
			return;
		why = strerror(-r);
	}
	buf_init(&text, 8192);
	buf_putf(&text, "%s: cannot start %s: %s", tool->name,
		tool->word[0].text, why);
	log_warn("tool %s", buf_cstr(&text));
	tools_send_text(t, caller, buf_str(&text), true);
	buf_fini(&text);
	if (c)
		release(c);
}

void tools_cancel(struct tools *t, struct str id)
{
	for (struct tools_call *c = t->calls; c; c = c->next)
		if (str_eq(c->caller.id, id)) {
			c->cancelled = true;
			kill_group(c);
		}
}

void tools_cancel_all(struct tools *t)
{
	for (struct tools_call *c = t->calls; c; c = c->next) {
		c->cancelled = true;
		kill_group(c);
	}
}
