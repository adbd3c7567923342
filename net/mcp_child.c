/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_child.c - one MCP server as a child process.
 *
 * input: untrusted
 */
#include "net/mcp_child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "lib/spawn.h"

enum {
	READ_STEP = 65536,
	READS_PER_TURN = 4, /* so that one talkative server starves nobody */
	KEEP_IDLE = 65536,  /* buffer memory kept between messages */
	GRACE_MS = 2000,
	LOG_LINES_PER_S = 50,
	LOG_TEXT_MAX = 512,
};

enum ending {
	RUNNING,
	STDIN_CLOSED, /* asked to leave by the end of its input */
	TERMED,
	KILLED,
};

struct mcp_child {
	struct mcp_children *all;
	struct mcp_child *prev, *next;
	char *name;
	struct mcp_child_events events; /* on_line == NULL: retired */
	pid_t pid;
	struct loop_child watch;
	struct loop_fd in, out, err;
	struct loop_timer timer;
	struct loop_defer release;
	enum ending ending;
	struct buf queue;   /* to its stdin */
	struct buf partial; /* from its stdout, up to the first newline */
	size_t scanned;     /* bytes of partial known to hold no newline */
	struct buf tail;    /* end of stderr */
	struct buf err_line;
	uint64_t log_window; /* second of the lines counted below */
	unsigned logged, dropped;
	const char *fault; /* why we ended it ourselves; or NULL */
};

struct buf *mcp_child_queue(struct mcp_child *c)
{
	return &c->queue;
}

pid_t mcp_child_pid(const struct mcp_child *c)
{
	return c->pid;
}

struct str mcp_child_tail(const struct mcp_child *c)
{
	struct str tail = buf_str(&c->tail);
	while (tail.n && strchr("\r\n \t", tail.p[tail.n - 1]))
		tail.n--;
	return tail;
}

/* --------------------------------------------------------------- ending */

static void close_watch(struct mcp_child *c, struct loop_fd *w)
{
	int fd = w->fd;
	loop_del(c->all->loop, w);
	fd_close(&fd);
}

static void on_grace_over(void *owner);

static void end_step(struct mcp_child *c, enum ending step)
{
	c->ending = step;
	if (step == STDIN_CLOSED)
		close_watch(c, &c->in);
	else
		(void)kill(-c->pid, step == TERMED ? SIGTERM : SIGKILL);
	if (step != KILLED)
		(void)loop_timer_at(c->all->loop, &c->timer,
			loop_now(c->all->loop) + GRACE_MS, on_grace_over, c);
}

static void on_grace_over(void *owner)
{
	struct mcp_child *c = owner;
	if (c->ending == RUNNING || c->ending == STDIN_CLOSED)
		end_step(c, TERMED);
	else
		end_step(c, KILLED);
}

/* it broke the protocol beyond repair: end it, on_exit will tell why */
static void fault(struct mcp_child *c, const char *why)
{
	if (c->fault)
		return;
	c->fault = why;
	log_warn("server %s: %s, ending it", c->name, why);
	end_step(c, TERMED);
}

void mcp_child_retire(struct mcp_child *c)
{
	c->events = (struct mcp_child_events){0};
	buf_fini(&c->partial);
	c->scanned = 0;
	if (c->ending == RUNNING)
		end_step(c, STDIN_CLOSED);
}

void mcp_children_stop(struct mcp_children *all)
{
	for (struct mcp_child *c = all->first; c; c = c->next) {
		close_watch(c, &c->in);
		if (c->ending == RUNNING || c->ending == STDIN_CLOSED)
			end_step(c, TERMED);
	}
}

/* ---------------------------------------------------------------- input */

void mcp_child_flush(struct mcp_child *c)
{
	if (c->in.fd < 0) {
		buf_reset(&c->queue);
		return;
	}
	if (c->queue.err) {
		fault(c, "it does not read its input");
		buf_reset(&c->queue);
		return;
	}
	while (c->queue.n) {
		struct str data = buf_str(&c->queue);
		ssize_t n = fd_write(c->in.fd, data.p, data.n);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			/* EPIPE: its exit is on the way and tells more */
			close_watch(c, &c->in);
			buf_reset(&c->queue);
			return;
		}
		buf_consume(&c->queue, (size_t)n);
	}
	loop_mod(c->all->loop, &c->in, c->queue.n ? EPOLLOUT : 0);
	buf_trim(&c->queue, KEEP_IDLE);
}

static void on_in(void *owner, uint32_t events)
{
	struct mcp_child *c = owner;
	if (events & EPOLLERR)
		close_watch(c, &c->in);
	else
		mcp_child_flush(c);
}

/* --------------------------------------------------------------- output */

static void deliver(struct mcp_child *c, struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n && c->events.on_line)
		c->events.on_line(c->events.owner, line);
}

/* hand on every complete line in partial */
static void split_lines(struct mcp_child *c)
{
	while (c->partial.n > c->scanned) {
		struct str all = buf_str(&c->partial);
		struct str fresh = str_from_index(all, c->scanned);
		size_t at = str_index(fresh, '\n');
		if (at == fresh.n) {
			c->scanned = all.n;
			return;
		}
		size_t len = c->scanned + at;
		deliver(c, str_first(all, len));
		c->scanned = 0;
		if (c->partial.n == 0)
			return; /* retired by what the line led to */
		buf_consume(&c->partial, len + 1);
	}
}

/* false: nothing more to read now */
static bool read_out(struct mcp_child *c)
{
	char *dst = buf_reserve(&c->partial, READ_STEP);
	if (!dst) {
		close_watch(c, &c->out);
		fault(c, "a message is longer than 64 MiB");
		return false;
	}
	ssize_t n = fd_read(c->out.fd, dst, READ_STEP);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		close_watch(c, &c->out);
		return false;
	}
	buf_commit(&c->partial, (size_t)n);
	if (!c->events.on_line)
		buf_reset(&c->partial);
	split_lines(c);
	buf_trim(&c->partial, KEEP_IDLE);
	return n == READ_STEP && c->out.fd >= 0;
}

static void on_out(void *owner, uint32_t events)
{
	struct mcp_child *c = owner;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++)
		if (!read_out(c))
			break;
	/* alive without an output it can answer nothing any more */
	if (c->out.fd < 0 && c->ending == RUNNING)
		(void)loop_timer_at(c->all->loop, &c->timer,
			loop_now(c->all->loop) + GRACE_MS, on_grace_over, c);
}

/* --------------------------------------------------------------- stderr */

static void log_dropped(struct mcp_child *c)
{
	if (c->dropped)
		log_warn("server %s: %u lines of its stderr dropped", c->name,
			c->dropped);
	c->dropped = 0;
}

static void log_line(struct mcp_child *c, struct str line)
{
	uint64_t second = loop_now(c->all->loop) / 1000;
	if (second != c->log_window) {
		log_dropped(c);
		c->log_window = second;
		c->logged = 0;
	}
	if (c->logged++ < LOG_LINES_PER_S)
		log_info("server %s: %.*s", c->name,
			STR_FMT(str_first(line, LOG_TEXT_MAX)));
	else
		c->dropped++;
}

static void keep_tail(struct mcp_child *c, struct str text)
{
	if (text.n > MCP_TAIL_MAX)
		text = str_from_index(text, text.n - MCP_TAIL_MAX);
	if (c->tail.n + text.n > MCP_TAIL_MAX)
		buf_consume(&c->tail, c->tail.n + text.n - MCP_TAIL_MAX);
	buf_put_str(&c->tail, text);
}

static void log_stderr(struct mcp_child *c, struct str text)
{
	while (text.n) {
		size_t at = str_index(text, '\n');
		size_t room = LOG_TEXT_MAX - c->err_line.n;
		buf_put_str(
			&c->err_line, str_first(text, at < room ? at : room));
		if (at == text.n)
			return;
		if (c->err_line.n)
			log_line(c, buf_str(&c->err_line));
		buf_reset(&c->err_line);
		text = str_from_index(text, at + 1);
	}
}

static bool read_err(struct mcp_child *c)
{
	char text[4096];
	ssize_t n = fd_read(c->err.fd, text, sizeof(text));
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		close_watch(c, &c->err);
		return false;
	}
	keep_tail(c, str_from(text, (size_t)n));
	log_stderr(c, str_from(text, (size_t)n));
	return n == (ssize_t)sizeof(text);
}

static void on_err(void *owner, uint32_t events)
{
	struct mcp_child *c = owner;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++)
		if (!read_err(c))
			break;
}

/* ----------------------------------------------------------------- exit */

static void release(void *owner)
{
	struct mcp_child *c = owner;
	buf_fini(&c->queue);
	buf_fini(&c->partial);
	buf_fini(&c->tail);
	buf_fini(&c->err_line);
	mem_free(c->name);
	mem_free(c);
}

static void forget(struct mcp_child *c)
{
	struct loop *loop = c->all->loop;
	close_watch(c, &c->in);
	close_watch(c, &c->out);
	close_watch(c, &c->err);
	loop_timer_clear(loop, &c->timer);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->all->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->all->alive--;
	loop_defer(loop, &c->release, release, c);
}

/*
 * What it wrote before it ended may still stand in the pipes. Its own
 * children may hold them open for ever, so this reads what is there and does
 * not wait for the end.
 */
static void on_child_exit(void *owner, pid_t pid, int wait_status)
{
	struct mcp_child *c = owner;
	char text[64];
	const char *reason = c->fault;
	enum { DRAIN_READS = 4096 };
	(void)pid;
	for (int i = 0; i < DRAIN_READS && c->out.fd >= 0; i++)
		if (!read_out(c))
			break;
	for (int i = 0; i < DRAIN_READS && c->err.fd >= 0; i++)
		if (!read_err(c))
			break;
	if (c->err_line.n)
		log_line(c, buf_str(&c->err_line));
	log_dropped(c);
	/* what it left behind in its group is of no use without it */
	(void)kill(-c->pid, SIGKILL);
	if (!reason)
		reason = spawn_status_text(text, sizeof(text), wait_status);
	if (c->events.on_exit)
		c->events.on_exit(c->events.owner, reason);
	forget(c);
}

/* ---------------------------------------------------------------- start */

static const char *const inherited[] = {
	"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"};

static bool names(const char *entry, const char *name)
{
	size_t n = strlen(name);
	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* the six variables of ours, unless configured, and the configured ones */
static char **build_env(const struct mcp_server_config *config)
{
	size_t n = 0, at = 0;
	while (config->env[n])
		n++;
	char **env = mem_new_array(n + ARRAY_LEN(inherited) + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
		const char *value = getenv(inherited[i]);
		bool given = false;
		for (size_t k = 0; k < n; k++)
			given = given || names(config->env[k], inherited[i]);
		/* "()": a function that some shells export as a variable */
		if (given || !value || strncmp(value, "()", 2) == 0)
			continue;
		/* getenv points behind NAME=; the entry starts before it */
		env[at++] =
			(char *)(uintptr_t)(value - strlen(inherited[i]) - 1);
	}
	memcpy(env + at, config->env, n * sizeof(*env));
	return env;
}

static int watch(struct mcp_child *c, struct loop_fd *w, int *fd,
	uint32_t events, loop_fd_fn *fn)
{
	int r = fd_set_nonblock(*fd, true);
	if (r == 0)
		r = loop_add(c->all->loop, w, *fd, events, fn, c);
	if (r == 0)
		*fd = -1; /* the watcher owns it now */
	return r;
}

static const char *step_text(enum spawn_step step)
{
	switch (step) {
	case SPAWN_CWD:
		return "cwd";
	case SPAWN_EXEC:
		return "command";
	case SPAWN_FORK:
	case SPAWN_SETUP:
	case SPAWN_IDS:
		break;
	}
	return "process";
}

static int start_process(struct mcp_child *c,
	const struct mcp_server_config *config, int pipes[3][2],
	struct mcp_why *why)
{
	enum spawn_step step = SPAWN_FORK;
	char **env = build_env(config);
	struct spawn_fd fds[] = {
		{pipes[0][0], 0}, {pipes[1][1], 1}, {pipes[2][1], 2}};
	struct spawn request = {.file = config->command,
		.search_path = getenv("PATH"),
		.argv = config->argv,
		.envp = env,
		.cwd = config->cwd,
		.fds = fds,
		.nfds = ARRAY_LEN(fds),
		.group = SPAWN_NEW_SESSION,
		.die_with_parent = true,
		.foreground_tty = -1};
	int r = env ? spawn(&request, &c->pid, &step) : -ENOMEM;
	if (r < 0)
		fmt_str(why->text, sizeof(why->text), "%s '%s': %s",
			step_text(step),
			step == SPAWN_CWD ? config->cwd : config->command,
			strerror(-r));
	mem_free(env);
	return r;
}

static int connect_pipes(struct mcp_child *c, int pipes[3][2])
{
	int r = watch(c, &c->in, &pipes[0][1], 0, on_in);
	if (r == 0)
		r = watch(c, &c->out, &pipes[1][0], EPOLLIN, on_out);
	if (r == 0)
		r = watch(c, &c->err, &pipes[2][0], EPOLLIN, on_err);
	return r;
}

static struct mcp_child *new_child(struct mcp_children *all,
	const struct mcp_server_config *config,
	const struct mcp_child_events *events)
{
	struct mcp_child *c = mem_new(sizeof(*c));
	if (!c)
		return NULL;
	c->all = all;
	c->name = mem_dup(config->name, strlen(config->name));
	if (!c->name) {
		mem_free(c);
		return NULL;
	}
	c->events = *events;
	c->in.fd = -1;
	c->out.fd = -1;
	c->err.fd = -1;
	buf_init(&c->queue, MCP_QUEUE_MAX);
	buf_init(&c->partial, MCP_LINE_MAX);
	buf_init(&c->tail, MCP_TAIL_MAX);
	buf_init(&c->err_line, LOG_TEXT_MAX);
	return c;
}

static void enlist(struct mcp_child *c)
{
	c->next = c->all->first;
	if (c->next)
		c->next->prev = c;
	c->all->first = c;
	c->all->alive++;
	loop_child_add(c->all->loop, &c->watch, c->pid, on_child_exit, c);
}

struct mcp_child *mcp_child_start(struct mcp_children *all,
	const struct mcp_server_config *config,
	const struct mcp_child_events *events, struct mcp_why *why)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	struct mcp_child *c = new_child(all, config, events);
	int r = c ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(pipes); i++)
		r = fd_pipe(pipes[i]);
	if (r < 0)
		fmt_str(why->text, sizeof(why->text), "%s", strerror(-r));
	else
		r = start_process(c, config, pipes, why);
	if (r == 0) {
		enlist(c);
		if (connect_pipes(c, pipes) < 0)
			fault(c, "its pipes cannot be watched");
	} else if (c) {
		release(c);
		c = NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(pipes); i++) {
		fd_close(&pipes[i][0]);
		fd_close(&pipes[i][1]);
	}
	return c;
}
