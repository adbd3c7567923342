/* SPDX-License-Identifier: MIT */
/*
 * applets/tools/tools.c - an MCP server made of commands: set up, turn, stop.
 *
 * Reading and writing never set a flag on descriptors 0 and 1, which others
 * may share: epoll says when a read will not block, poll(2) when a write of
 * up to PIPE_BUF bytes will not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/tools/tools.h"
#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/size.h"

APPLET(tools, "Serve commands as MCP tools over stdin and stdout.",
	"usage: tools [--role ROLE] FILE\n"
	"       tools --check FILE\n"
	"\n"
	"FILE is JSON; every argument of a call is checked against the tool's\n"
	"inputSchema and becomes one word of the command, without a shell:\n"
	"\n"
	"  {\"tools\": [{\"name\": \"show\", \"description\": \"Show a "
	"file.\",\n"
	"    \"inputSchema\": {\"type\": \"object\", \"required\": "
	"[\"path\"],\n"
	"      \"properties\": {\"path\": {\"type\": \"string\"}}},\n"
	"    \"command\": [\"cat\", \"--\", \"{path}\"],\n"
	"    \"roles\": [\"agent\"], \"timeout_ms\": 5000, \"mutates\": "
	"false}]}\n"
	"\n"
	"The role is CORACLE_CALLER, which the trampoline and the broker set.\n"
	"Without one only tools without roles are there.\n"
	"\n"
	"examples:\n"
	"  tools --check /etc/coracle/tools.json     is it well formed?\n"
	"  tools --role verifier /etc/coracle/tools.json\n");

enum {
	LINE_MAX_BYTES = 8 << 20, /* one message of the client */
	READ_STEP = 65536,
	QUEUE_MAX = 512 << 20,
	QUEUE_HIGH = 1 << 20, /* the client must read before it may ask on */
	KEEP_IDLE = 65536,
	WRITE_STEP = 4096, /* PIPE_BUF: such a write does not block */
	GRACE_MS = 2000,
};

struct options {
	const char *role;
	bool check;
};

/* ----------------------------------------------------------------- output */

/* nobody reads the answers: nothing is worth doing any more */
static void lose_client(struct tools *t)
{
	t->gone = true;
	buf_reset(&t->queue);
	loop_del(&t->loop, &t->in);
	loop_del(&t->loop, &t->out);
	tools_cancel_all(t);
}

static bool can_write(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	return poll(&p, 1, 0) > 0;
}

static void flush(struct tools *t)
{
	while (t->queue.n && can_write()) {
		struct str data = buf_str(&t->queue);
		ssize_t n = fd_write(
			STDOUT_FILENO, data.p, size_min(data.n, WRITE_STEP));
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			lose_client(t);
			return;
		}
		buf_consume(&t->queue, (size_t)n);
	}
	if (t->out.fd >= 0)
		loop_mod(&t->loop, &t->out, t->queue.n ? EPOLLOUT : 0);
	if (t->in.fd >= 0)
		loop_mod(&t->loop, &t->in,
			t->queue.n > QUEUE_HIGH ? 0 : EPOLLIN);
	buf_trim(&t->queue, KEEP_IDLE);
}

static void on_out(void *owner, uint32_t events)
{
	struct tools *t = owner;
	if (events & (EPOLLERR | EPOLLHUP))
		lose_client(t);
	else
		flush(t);
}

void tools_send(struct tools *t, const struct buf *message)
{
	if (t->gone)
		return;
	if (message->err) {
		log_error("an answer is too large, it is left out");
		return;
	}
	buf_put_str(&t->queue, buf_str(message));
	buf_putc(&t->queue, '\n');
	if (t->queue.err) {
		log_error("the client does not read its answers");
		lose_client(t);
		return;
	}
	flush(t);
}

/* ------------------------------------------------------------------ input */

/* every complete line; one that is too long is answered and passed over */
static void split_lines(struct tools *t)
{
	for (;;) {
		struct str all = buf_str(&t->input);
		size_t at = str_index(all, '\n');
		if (at == all.n)
			break;
		if (!t->skipping)
			tools_message(t, str_first(all, at));
		t->skipping = false;
		buf_consume(&t->input, at + 1);
	}
	if (t->input.n < LINE_MAX_BYTES)
		return;
	if (!t->skipping)
		tools_message(t, STR("the message is longer than 8 MiB"));
	t->skipping = true;
	buf_reset(&t->input);
}

static void on_grace_over(void *owner)
{
	struct tools *t = owner;
	tools_cancel_all(t);
}

/* what is under way may still be answered, if it does not take long */
static void end_input(struct tools *t)
{
	loop_del(&t->loop, &t->in);
	(void)loop_timer_at(&t->loop, &t->grace, loop_now(&t->loop) + GRACE_MS,
		on_grace_over, t);
}

/* false: it is over */
static bool take_input(struct tools *t)
{
	char *dst = buf_reserve(&t->input, READ_STEP);
	if (!dst)
		die(EXIT_FAIL, "out of memory");
	ssize_t n = fd_read(STDIN_FILENO, dst, READ_STEP);
	if (n == -EAGAIN)
		return true;
	if (n <= 0)
		return false;
	buf_commit(&t->input, (size_t)n);
	split_lines(t);
	buf_trim(&t->input, KEEP_IDLE);
	return true;
}

static void on_in(void *owner, uint32_t events)
{
	struct tools *t = owner;
	(void)events;
	if (!take_input(t))
		end_input(t);
}

/* ------------------------------------------------------ setup, turn, stop */

static void read_definition(struct tools *t, const char *path)
{
	struct buf text, error;
	buf_init(&text, TOOLSET_TEXT_MAX);
	buf_init(&error, 8192);
	int r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		die(EXIT_CONFIG, "%s: %s", path, strerror(-r));
	if (!toolset_read(&t->set, buf_str(&text), &error))
		die(EXIT_CONFIG, "%s: %s", path, buf_cstr(&error));
	buf_fini(&error);
	buf_fini(&text);
}

static void set_role(struct tools *t, const char *role)
{
	enum role found = ROLE_OTHER;
	if (role && !role_named(str_of(role), &found))
		die_usage("--role wants agent, verifier, sandbox or remote, "
			  "not '%s'",
			role);
	const char *caller = getenv("CORACLE_CALLER");
	/* a caller of no role has no rights, which is no mistake */
	if (!role && caller)
		(void)role_named(str_of(caller), &found);
	t->role_bit = 1u << found;
}

static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct tools *t = owner;
	(void)info;
	lose_client(t);
}

static void setup(struct tools *t)
{
	sigset_t set;
	buf_init(&t->input, LINE_MAX_BYTES + READ_STEP);
	buf_init(&t->queue, QUEUE_MAX);
	t->in.fd = t->out.fd = -1;
	int r = loop_init(&t->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	r = loop_watch_signals(&t->loop, &set, on_signal, t);
	/* -EPERM: a file, which is always ready */
	if (r == 0)
		r = loop_add(&t->loop, &t->out, STDOUT_FILENO, 0, on_out, t);
	if (r == 0 || r == -EPERM)
		r = loop_add(&t->loop, &t->in, STDIN_FILENO, EPOLLIN, on_in, t);
	if (r == -EPERM) {
		while (take_input(t))
			;
		end_input(t);
	} else if (r < 0) {
		die(EXIT_FAIL, "standard input: %s", strerror(-r));
	}
}

static bool is_over(const struct tools *t)
{
	return t->in.fd < 0 && !t->ncalls && (t->gone || !t->queue.n);
}

static void turn(struct tools *t)
{
	int r = loop_turn(&t->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
}

static void stop(struct tools *t)
{
	loop_del(&t->loop, &t->out);
	loop_timer_clear(&t->loop, &t->grace);
	loop_fini(&t->loop);
	buf_fini(&t->input);
	buf_fini(&t->queue);
	toolset_fini(&t->set);
}

int tools_main(int argc, char **argv)
{
	static struct tools t;
	struct options o = {0};
	const struct arg_opt opts[] = {
		OPT_TEXT('r', "role", &o.role, "ROLE",
			"who calls, in place of CORACLE_CALLER"),
		OPT_FLAG('c', "check", &o.check,
			"read FILE, say what is wrong with it, and exit"),
	};
	int first =
		applet_args(&applet_tools, opts, ARRAY_LEN(opts), argc, argv);
	if (argc - first != 1)
		die_usage("%s", first == argc ? "which FILE?"
					      : "one FILE is all it takes");
	set_role(&t, o.role);
	read_definition(&t, argv[first]);
	if (!o.check) {
		setup(&t);
		while (!is_over(&t))
			turn(&t);
		stop(&t);
	}
	return EXIT_OK;
}
