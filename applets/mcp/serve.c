/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/serve.c - many MCP servers as one over standard input and output
 * (MCP basic/transports, "stdio").
 *
 * input: untrusted
 *
 * The client is one connection of the router's, which ends when its input
 * does: what it has asked by then is still answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/size.h"
#include "net/mcp_router.h"

enum {
	CONFIG_MAX = 4 << 20,
	READ_STEP = 65536,
	OUT_HIGH = 4 << 20, /* more waits for the client: read nothing new */
	STOP_MS = 5000,
};

struct serve {
	struct loop loop;
	struct mcp_router router;
	struct mcp_session *client;
	struct mcp_sink sink;
	struct loop_fd in, out;
	struct loop_timer again; /* input that epoll(7) cannot watch: a file */
	struct buf partial;
	size_t scanned; /* bytes of partial known to hold no line end */
	struct buf queue;
	bool ready;
	bool ended; /* the input */
	bool stopping;
	int status;
};

static void fail(struct serve *s, const char *why)
{
	warn_msg("%s", why);
	s->status = EXIT_FAIL;
	s->stopping = true;
}

/* ------------------------------------------------------------------ output */

/* may that many bytes be written without waiting? The descriptor blocks */
static bool may_write(void)
{
	struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
	return poll(&fd, 1, 0) > 0;
}

static void on_writable(void *owner, uint32_t events);

/*
 * As much as can go at once. It may be somebody else's description too, so it
 * is not made non-blocking: a pipe that is ready takes PIPE_BUF bytes.
 */
static void flush(struct serve *s)
{
	while (s->queue.n && may_write()) {
		struct str piece = str_first(buf_str(&s->queue), PIPE_BUF);
		ssize_t n = fd_write(STDOUT_FILENO, piece.p, piece.n);
		if (n < 0) {
			s->stopping = true; /* nobody reads any more */
			buf_reset(&s->queue);
			return;
		}
		buf_consume(&s->queue, (size_t)n);
	}
	if (s->queue.n && s->out.fd < 0)
		(void)loop_add(&s->loop, &s->out, STDOUT_FILENO, EPOLLOUT,
			on_writable, s);
	else if (!s->queue.n && s->out.fd >= 0)
		loop_del(&s->loop, &s->out);
	if (s->in.fd >= 0)
		loop_mod(&s->loop, &s->in, s->queue.n > OUT_HIGH ? 0 : EPOLLIN);
}

static void on_writable(void *owner, uint32_t events)
{
	(void)events;
	flush(owner);
}

static void sink_send(void *owner, struct str message)
{
	struct serve *s = owner;
	jsonrpc_put_edited(&s->queue, message, NULL, 0);
	buf_putc(&s->queue, '\n');
	if (s->queue.err)
		fail(s, "the client does not read what it asked for");
	else
		flush(s);
}

static size_t sink_queued(void *owner)
{
	struct serve *s = owner;
	return s->queue.n;
}

/* ------------------------------------------------------------------- input */

static void take_line(struct serve *s, struct str line)
{
	line = str_trim(line);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n)
		mcp_router_take(&s->router, s->client, line);
}

static void take_lines(struct serve *s)
{
	while (s->partial.n > s->scanned && !s->stopping) {
		struct str all = buf_str(&s->partial);
		struct str fresh = str_from_index(all, s->scanned);
		size_t at = s->scanned + str_index(fresh, '\n');
		if (at == all.n) {
			s->scanned = at;
			return;
		}
		take_line(s, str_first(all, at));
		buf_consume(&s->partial, at + 1);
		s->scanned = 0;
	}
	buf_trim(&s->partial, READ_STEP);
}

/* a last line without an end counts too */
static void end_input(struct serve *s)
{
	s->ended = true;
	take_line(s, buf_str(&s->partial));
	loop_del(&s->loop, &s->in);
	loop_timer_clear(&s->loop, &s->again);
}

static void read_input(struct serve *s)
{
	char *room = buf_reserve(&s->partial, READ_STEP);
	if (!room) {
		fail(s, "a message is longer than 64 MiB");
		return;
	}
	ssize_t n = fd_read(STDIN_FILENO, room, READ_STEP);
	if (n == -EAGAIN)
		return;
	if (n > 0) {
		buf_commit(&s->partial, (size_t)n);
		take_lines(s);
	} else {
		end_input(s);
	}
}

static void on_readable(void *owner, uint32_t events)
{
	(void)events;
	read_input(owner);
}

static void on_again(void *owner)
{
	struct serve *s = owner;
	(void)loop_timer_at(
		&s->loop, &s->again, loop_now(&s->loop), on_again, s);
	if (s->queue.n <= OUT_HIGH)
		read_input(s);
}

static void open_input(struct serve *s)
{
	int r = loop_add(
		&s->loop, &s->in, STDIN_FILENO, EPOLLIN, on_readable, s);
	if (r == -EPERM) /* a regular file is always ready */
		on_again(s);
	else if (r < 0)
		fail(s, strerror(-r));
}

/* ------------------------------------------------------------------- start */

static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct serve *s = owner;
	(void)info;
	s->stopping = true;
}

static void on_swapped(void *owner, const struct mcp_swap_result *result)
{
	struct serve *s = owner;
	s->ready = result->ok;
	if (result->ok)
		return;
	warn_msg("%s%s%s", result->failed_server,
		*result->failed_server ? ": " : "", result->why);
	s->status = EXIT_FAIL;
	s->stopping = true;
}

static void load(struct serve *s, const char *path)
{
	struct mcp_config config;
	struct buf text, error;
	buf_init(&text, CONFIG_MAX);
	buf_init(&error, CONFIG_MAX + 4096);
	int r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		die(EXIT_CONFIG, "%s: %s", path, strerror(-r));
	if (mcp_config_read(&config, buf_str(&text), &error))
		die(EXIT_CONFIG, "%s: %s", path, buf_cstr(&error));
	if (!mcp_router_swap(&s->router, &config, on_swapped, s))
		die(EXIT_FAIL, "out of memory");
	buf_fini(&error);
	buf_fini(&text);
}

static void setup(struct serve *s, const char *path)
{
	sigset_t set;
	int r = loop_init(&s->loop);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (r == 0)
		r = loop_watch_signals(&s->loop, &set, on_signal, s);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	s->in.fd = -1;
	s->out.fd = -1;
	buf_init(&s->partial, MCP_LINE_MAX);
	buf_init(&s->queue, MCP_QUEUE_MAX);
	s->sink = (struct mcp_sink){
		.send = sink_send, .queued = sink_queued, .owner = s};
	mcp_router_init(&s->router, &s->loop);
	load(s, path);
}

static void turn(struct serve *s)
{
	int r = loop_turn(&s->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
}

/* the end: what was asked is answered, and what is queued is written */
static bool is_done(const struct serve *s)
{
	return s->stopping ||
	       (s->ended && !s->queue.n && mcp_router_is_answered(s->client));
}

static void stop(struct serve *s)
{
	uint64_t begun = clock_ms();
	loop_del(&s->loop, &s->in);
	loop_del(&s->loop, &s->out);
	loop_timer_clear(&s->loop, &s->again);
	mcp_router_stop(&s->router);
	while (!mcp_router_idle(&s->router) && clock_ms() - begun < STOP_MS)
		turn(s);
	mcp_router_fini(&s->router);
	loop_fini(&s->loop);
	buf_fini(&s->partial);
	buf_fini(&s->queue);
}

int serve_main(int argc, char **argv)
{
	static struct serve s;
	const char *path = NULL;
	bool log_calls = false;
	const struct arg_opt opts[] = {
		OPT_TEXT('c', "config", &path, "FILE",
			"the servers, as POST /apps takes them"),
		OPT_FLAG(0, "log-calls", &log_calls,
			"one line of log for each request"),
	};
	static const struct applet serve = {.name = "mcp serve",
		.summary = "Many MCP servers as one.",
		.usage = "usage: mcp serve --config FILE\n"
			 "\n"
			 "Serves many MCP servers as one over standard input "
			 "and output.\n"
			 "Messages on stderr; ends with its input.\n"
			 "\n"
			 "  mcp serve --config servers.json\n"
			 "  mcp tools -- coracle mcp serve -c servers.json\n"};
	int first = applet_args(&serve, opts, ARRAY_LEN(opts), argc, argv);
	if (first < argc)
		die_usage("unexpected argument '%s'", argv[first]);
	if (!path)
		die_usage("it wants --config FILE");
	setup(&s, path);
	s.router.log_calls = log_calls;
	while (!s.ready && !s.stopping)
		turn(&s);
	if (s.ready)
		s.client = mcp_router_connect(&s.router, &s.sink);
	if (s.ready && !s.client)
		die(EXIT_FAIL, "out of memory");
	if (s.client)
		open_input(&s);
	while (s.client && !is_done(&s))
		turn(&s);
	stop(&s);
	return s.status;
}
