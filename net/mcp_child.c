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
	struct mcp_conn base;
	struct loop_child watch;
	struct loop_fd in, out, err;
	struct loop_timer timer;
	enum ending ending;
	struct buf partial; /* from its stdout, up to the first newline */
	size_t scanned;     /* bytes of partial known to hold no newline */
	struct buf err_line;
	uint64_t log_window; /* second of the lines counted below */
	unsigned logged, dropped;
	const char *fault; /* why we ended it ourselves; or NULL */
};

static struct mcp_child *child_of(struct mcp_conn *c)
{
	return CONTAINER_OF(c, struct mcp_child, base);
}

static struct loop *loop_of(const struct mcp_child *c)
{
	return c->base.all->loop;
}

/* --------------------------------------------------------------- ending */

static void close_watch(struct mcp_child *c, struct loop_fd *w)
{
	int fd = w->fd;
	loop_del(loop_of(c), w);
	fd_close(&fd);
}

static void on_grace_over(void *owner);

static void end_step(struct mcp_child *c, enum ending step)
{
	c->ending = step;
	if (step == STDIN_CLOSED)
		close_watch(c, &c->in);
	else
		(void)kill(-c->base.pid, step == TERMED ? SIGTERM : SIGKILL);
	if (step != KILLED)
		(void)loop_timer_at(loop_of(c), &c->timer,
			loop_now(loop_of(c)) + GRACE_MS, on_grace_over, c);
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
	log_warn("server %s: %s, ending it", c->base.name, why);
	end_step(c, TERMED);
}

static void retire(struct mcp_conn *conn)
{
	struct mcp_child *c = child_of(conn);
	buf_fini(&c->partial);
	c->scanned = 0;
	if (c->ending == RUNNING)
		end_step(c, STDIN_CLOSED);
}

static void stop(struct mcp_conn *conn)
{
	struct mcp_child *c = child_of(conn);
	close_watch(c, &c->in);
	if (c->ending == RUNNING || c->ending == STDIN_CLOSED)
		end_step(c, TERMED);
}

/* ---------------------------------------------------------------- input */

static void flush(struct mcp_child *c)
{
	if (c->in.fd < 0) {
		buf_reset(&c->base.queue);
		return;
	}
	if (c->base.queue.err) {
		fault(c, "it does not read its input");
		buf_reset(&c->base.queue);
		return;
	}
	while (c->base.queue.n) {
		struct str data = buf_str(&c->base.queue);
		ssize_t n = fd_write(c->in.fd, data.p, data.n);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			/* EPIPE: its exit is on the way and tells more */
			close_watch(c, &c->in);
			buf_reset(&c->base.queue);
			return;
		}
		buf_consume(&c->base.queue, (size_t)n);
	}
	loop_mod(loop_of(c), &c->in, c->base.queue.n ? EPOLLOUT : 0);
	buf_trim(&c->base.queue, KEEP_IDLE);
}

static void flush_conn(struct mcp_conn *conn)
{
	flush(child_of(conn));
}

static void on_in(void *owner, uint32_t events)
{
	struct mcp_child *c = owner;
	if (events & EPOLLERR)
		close_watch(c, &c->in);
	else
		flush(c);
}

/* --------------------------------------------------------------- output */

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
		mcp_conn_deliver(&c->base, str_first(all, len));
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
	if (!c->base.events.on_line)
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
		(void)loop_timer_at(loop_of(c), &c->timer,
			loop_now(loop_of(c)) + GRACE_MS, on_grace_over, c);
}

/* --------------------------------------------------------------- stderr */

static void log_dropped(struct mcp_child *c)
{
	if (c->dropped)
		log_warn("server %s: %u lines of its stderr dropped",
			c->base.name, c->dropped);
	c->dropped = 0;
}

static void log_line(struct mcp_child *c, struct str line)
{
	uint64_t second = loop_now(loop_of(c)) / 1000;
	if (second != c->log_window) {
		log_dropped(c);
		c->log_window = second;
		c->logged = 0;
	}
	if (c->logged++ < LOG_LINES_PER_S)
		log_info("server %s: %.*s", c->base.name,
			STR_FMT(str_first(line, LOG_TEXT_MAX)));
	else
		c->dropped++;
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
	mcp_conn_keep_tail(&c->base, str_from(text, (size_t)n));
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

static void release(struct mcp_conn *conn)
{
	struct mcp_child *c = child_of(conn);
	buf_fini(&c->partial);
	buf_fini(&c->err_line);
	mcp_conn_fini(conn);
	mem_free(c);
}

static const struct mcp_conn_kind kind = {.flush = flush_conn,
	.retire = retire,
	.stop = stop,
	.release = release};

static void forget(struct mcp_child *c)
{
	close_watch(c, &c->in);
	close_watch(c, &c->out);
	close_watch(c, &c->err);
	loop_timer_clear(loop_of(c), &c->timer);
	mcp_conn_delist(&c->base);
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
	(void)kill(-c->base.pid, SIGKILL);
	(void)keeper_remove(&c->base.all->keeper, c->base.pid);
	if (!reason)
		reason = spawn_status_text(text, sizeof(text), wait_status);
	if (c->base.events.on_exit)
		c->base.events.on_exit(c->base.events.owner, reason, false);
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
		r = loop_add(loop_of(c), w, *fd, events, fn, c);
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
	int r = env ? spawn(&request, &c->base.pid, &step) : -ENOMEM;
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

static struct mcp_child *new_child(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events)
{
	struct mcp_child *c = mem_new(sizeof(*c));
	if (!c)
		return NULL;
	c->in.fd = -1;
	c->out.fd = -1;
	c->err.fd = -1;
	buf_init(&c->partial, MCP_LINE_MAX);
	buf_init(&c->err_line, LOG_TEXT_MAX);
	if (mcp_conn_init(&c->base, &kind, all, config, events))
		return c;
	release(&c->base);
	return NULL;
}

/* its whole group shall end with us; a keeper that is gone is replaced */
static void keep(struct mcp_child *c)
{
	struct mcp_conns *all = c->base.all;
	if (keeper_add(&all->keeper, c->base.pid) == 0)
		return;
	if (all->keeper.fd >= 0)
		log_warn("the keeper of processes is gone, starting another");
	fd_close(&all->keeper.fd);
	int r = keeper_start(&all->keeper);
	if (r < 0)
		log_warn("no keeper of processes: %s; what servers start may "
			 "outlive a kill -9",
			strerror(-r));
	for (struct mcp_conn *other = all->first; other; other = other->next)
		if (other->pid)
			(void)keeper_add(&all->keeper, other->pid);
}

struct mcp_conn *mcp_child_start(struct mcp_conns *all,
	const struct mcp_server_config *config,
	const struct mcp_conn_events *events, struct mcp_why *why)
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
		mcp_conn_enlist(&c->base);
		loop_child_add(
			all->loop, &c->watch, c->base.pid, on_child_exit, c);
		keep(c);
		if (connect_pipes(c, pipes) < 0)
			fault(c, "its pipes cannot be watched");
	} else if (c) {
		release(&c->base);
		c = NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(pipes); i++) {
		fd_close(&pipes[i][0]);
		fd_close(&pipes[i][1]);
	}
	return c ? &c->base : NULL;
}
