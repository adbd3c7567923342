/* SPDX-License-Identifier: MIT */
/* applets/gateway/hooks.c - shell commands that a request brings along. */
#include "applets/gateway/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/gateway/env.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/spawn.h"

enum {
	HOOKS_MAX = 256,
	ARENA_MAX = 8 << 20,
	TEXT_MAX = 1 << 20,
	STDERR_KEPT = 64 * 1024, /* bytes that a failure quotes */
	LINE_MAX_BYTES = 4096,   /* longer lines are logged in pieces */
	DRAIN_MS = 5000, /* for what still holds the output of an ended shell */
	TIMEOUT_S = 3000,
	READ_STEP = 16 * 1024,
};

struct hook {
	struct hooks *all;
	char *name;
	char *command;
	char **env;
	uint64_t timeout_ms;
	pid_t pid;
	struct loop_child child;
	struct loop_timer timer; /* of its time, then of draining */
	struct loop_fd out, err;
	struct buf out_line, err_line;
	struct buf errors; /* the beginning of its stderr */
	int wait_status;
	int start_error; /* negative errno */
	bool running;    /* the shell */
	bool over;       /* counted as ended */
	bool timed_out;
	uint64_t begun_us, took_us;
};

struct hooks {
	struct gateway *g;
	struct arena arena;
	struct hook *hook;
	size_t n;
	size_t open;
	bool interrupted;
	hooks_done_fn *done;
	void *owner;
	struct loop_defer end;
};

/* ---------------------------------------------------------------- reading */

static bool check_env(struct fields *f, struct str env)
{
	struct json_cursor c;
	struct str key, value;
	bool ok = true;
	json_open(&c, env);
	fields_enter(f, "env");
	while (ok && json_next(&c, &key, &value)) {
		if (json_type_of(value) != JSON_STRING || json_has_nul(value))
			ok = fields_fail(f, "string_type",
				"every value should be a valid string");
		else if (key.n == 0 || str_index(key, '=') < key.n ||
			 str_has(key, STR("\\u0000")))
			ok = fields_fail(f, "value_error",
				"Value error, no variable can have such a "
				"name");
	}
	fields_leave(f);
	return ok;
}

static bool check_one(struct fields *f, struct str raw)
{
	struct str name, command, env;
	uint64_t ms;
	if (json_type_of(raw) != JSON_OBJECT)
		return fields_fail(f, "model_attributes_type",
			"a hook is an object with name and command");
	return fields_need(f, raw, "name", JSON_STRING, &name) &&
	       fields_need(f, raw, "command", JSON_STRING, &command) &&
	       fields_get(f, raw, "env", JSON_OBJECT, &env) &&
	       (!env.p || check_env(f, env)) &&
	       fields_seconds(f, raw, "timeout_seconds", &ms);
}

bool hooks_check(struct fields *f, struct str raw)
{
	struct json_cursor c;
	struct str one;
	size_t n = 0;
	bool ok = true;
	if (!raw.p)
		return true;
	if (!json_open(&c, raw) || c.object)
		return fields_fail(
			f, "list_type", "Input should be a valid list");
	while (ok && json_next(&c, NULL, &one)) {
		fields_enter_index(f, n);
		ok = ++n <= HOOKS_MAX
			     ? check_one(f, one)
			     : fields_fail(f, "value_error",
				       "Value error, more than 256 hooks");
		fields_leave(f);
	}
	return ok;
}

/* the gateway's environment without its secrets, and what the hook names */
static char **environment_of(struct arena *a, struct str env)
{
	static const char *const secrets[] = {
		"MODAL_IDENTITY_TOKEN", "CORACLE_TOKEN"};
	struct json_cursor c;
	struct str key, value;
	size_t n = 2;
	bool any = env.p && json_open(&c, env);
	while (any && json_next(&c, &key, &value))
		n++;
	struct env_change *change = arena_new_array(a, n, sizeof(*change));
	if (!change)
		return NULL;
	for (n = 0; n < 2; n++)
		change[n].name = secrets[n];
	any = any && json_open(&c, env);
	while (any && json_next(&c, &key, &value)) {
		/* the raw key stands between its quotes */
		change[n].name = fields_copy(a, str_from(key.p - 1, key.n + 2));
		change[n].value = fields_copy(a, value);
		if (!change[n].name || !change[n].value)
			return NULL;
		n++;
	}
	return env_changed(a, change, n);
}

static uint64_t standard_timeout_ms(void)
{
	const char *text = getenv("LIFECYCLE_HOOK_TIMEOUT_SECONDS");
	uint64_t seconds;
	if (!text || !str_to_u64(str_of(text), &seconds) || seconds > 86400000)
		seconds = TIMEOUT_S;
	return seconds * 1000;
}

static bool read_one(struct hooks *h, struct hook *k, struct str raw)
{
	struct fields f = {0};
	*k = (struct hook){.all = h,
		.timeout_ms = standard_timeout_ms(),
		.out = {.fd = -1},
		.err = {.fd = -1}};
	buf_init(&k->out_line, LINE_MAX_BYTES);
	buf_init(&k->err_line, LINE_MAX_BYTES);
	buf_init(&k->errors, STDERR_KEPT);
	k->name = fields_copy(&h->arena, json_member(raw, "name"));
	k->command = fields_copy(&h->arena, json_member(raw, "command"));
	struct str env = json_member(raw, "env");
	if (env.p && json_type_of(env) == JSON_NULL)
		env.p = NULL;
	k->env = environment_of(&h->arena, env);
	fields_seconds(&f, raw, "timeout_seconds", &k->timeout_ms);
	return k->name && k->command && k->env;
}

/* -------------------------------------------------------------- the outcome */

static void put_failure(struct buf *out, const struct hook *k)
{
	char how[64];
	struct str errors = buf_str(&k->errors);
	while (errors.n && errors.p[errors.n - 1] == '\n')
		errors.n--;
	buf_putf(out, "hook '%s' ", k->name);
	if (k->start_error)
		buf_putf(out, "did not start: /bin/sh: %s",
			strerror(-k->start_error));
	else if (k->timed_out)
		buf_putf(out, "took longer than %llu.%03u s and was ended",
			(unsigned long long)(k->timeout_ms / 1000),
			(unsigned)(k->timeout_ms % 1000));
	else
		buf_putf(out, "failed: %s: %.*s",
			spawn_status_text(how, sizeof(how), k->wait_status),
			STR_FMT(errors.n ? errors : STR("it wrote no error")));
}

static void put_times(struct buf *out, const struct hooks *h)
{
	struct json_writer w = {.out = out};
	json_w_open(&w, '[');
	for (size_t i = 0; i < h->n; i++) {
		char seconds[32];
		fmt_str(seconds, sizeof(seconds), "%llu.%03u",
			(unsigned long long)(h->hook[i].took_us / 1000000),
			(unsigned)(h->hook[i].took_us / 1000 % 1000));
		json_w_open(&w, '{');
		json_w_key(&w, "name");
		json_w_text(&w, h->hook[i].name);
		json_w_key(&w, "duration_s");
		json_w_raw(&w, str_of(seconds));
		json_w_close(&w, '}');
	}
	json_w_close(&w, ']');
}

static bool has_failed(const struct hook *k)
{
	return k->start_error || k->timed_out ||
	       spawn_exit_code(k->wait_status) != 0;
}

static void release(struct hooks *h)
{
	for (size_t i = 0; i < h->n; i++) {
		buf_fini(&h->hook[i].out_line);
		buf_fini(&h->hook[i].err_line);
		buf_fini(&h->hook[i].errors);
	}
	arena_fini(&h->arena);
	mem_free(h);
}

static void on_end(void *owner)
{
	struct hooks *h = owner;
	struct buf text;
	size_t failed = 0;
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < h->n; i++) {
		if (!has_failed(&h->hook[i]))
			continue;
		if (failed++)
			buf_puts(&text, "; ");
		put_failure(&text, &h->hook[i]);
	}
	if (!failed)
		put_times(&text, h);
	text.err = 0;
	h->g->workers--;
	h->done(h->owner, failed == 0, buf_str(&text));
	buf_fini(&text);
	release(h);
}

static void end_one(struct hook *k)
{
	struct hooks *h = k->all;
	if (k->over)
		return;
	k->over = true;
	loop_timer_clear(&h->g->loop, &k->timer);
	if (--h->open == 0)
		loop_defer(&h->g->loop, &h->end, on_end, h);
}

/* ---------------------------------------------------------------- running */

static void close_watch(struct hook *k, struct loop_fd *watch)
{
	int fd = watch->fd;
	if (fd < 0)
		return;
	loop_del(&k->all->g->loop, watch);
	fd_close(&fd);
}

static void log_lines(struct hook *k, struct buf *line, bool all)
{
	for (;;) {
		struct str text = buf_str(line);
		size_t n = str_index(text, '\n');
		bool whole = n < text.n;
		if (!whole && !(all && text.n) && text.n < LINE_MAX_BYTES)
			return;
		log_info("hook %s: %.*s", k->name, STR_FMT(str_first(text, n)));
		buf_consume(line, n + whole);
	}
}

static void on_readable(struct hook *k, struct loop_fd *from, struct buf *line)
{
	char step[READ_STEP];
	ssize_t n = fd_read(from->fd, step, sizeof(step));
	if (n == -EAGAIN)
		return;
	struct str text = str_from(step, n > 0 ? (size_t)n : 0);
	if (from == &k->err) {
		size_t room = STDERR_KEPT - k->errors.n;
		buf_put_str(&k->errors, str_first(text, room));
	}
	while (text.n) {
		struct str piece = str_first(text, LINE_MAX_BYTES - line->n);
		buf_put_str(line, piece);
		if (line->err)
			buf_reset(line); /* no memory for a line of the log */
		text = str_from_index(text, piece.n);
		log_lines(k, line, false);
	}
	if (n > 0)
		return;
	log_lines(k, line, true);
	close_watch(k, from);
	if (!k->running && k->out.fd < 0 && k->err.fd < 0)
		end_one(k);
}

static void on_out(void *owner, uint32_t events)
{
	struct hook *k = owner;
	(void)events;
	on_readable(k, &k->out, &k->out_line);
}

static void on_err(void *owner, uint32_t events)
{
	struct hook *k = owner;
	(void)events;
	on_readable(k, &k->err, &k->err_line);
}

/* something in the background keeps the output open: it may */
static void on_drained(void *owner)
{
	struct hook *k = owner;
	log_lines(k, &k->out_line, true);
	log_lines(k, &k->err_line, true);
	close_watch(k, &k->out);
	close_watch(k, &k->err);
	end_one(k);
}

static void on_timeout(void *owner)
{
	struct hook *k = owner;
	k->timed_out = true;
	(void)kill(-k->pid, SIGKILL);
}

static void on_exit_of_shell(void *owner, pid_t pid, int wait_status)
{
	struct hook *k = owner;
	struct gateway *g = k->all->g;
	(void)pid;
	k->running = false;
	k->wait_status = wait_status;
	k->took_us = clock_us() - k->begun_us;
	if (k->out.fd < 0 && k->err.fd < 0)
		end_one(k);
	else if (k->all->interrupted ||
		 loop_timer_at(&g->loop, &k->timer,
			 loop_now(&g->loop) + DRAIN_MS, on_drained, k) < 0)
		on_drained(k);
}

static int watch(struct hook *k, struct loop_fd *at, int *fd, loop_fd_fn *fn)
{
	int r = fd_set_nonblock(*fd, true);
	if (r == 0)
		r = loop_add(&k->all->g->loop, at, *fd, EPOLLIN, fn, k);
	if (r == 0)
		*fd = -1;
	return r;
}

static int start_one(struct hook *k)
{
	struct gateway *g = k->all->g;
	int out[2] = {-1, -1}, err[2] = {-1, -1};
	char *const argv[] = {(char *)(uintptr_t) "sh",
		(char *)(uintptr_t) "-c", k->command, NULL};
	int r = fd_pipe(out);
	if (r == 0)
		r = fd_pipe(err);
	const struct spawn_fd fds[] = {{out[1], 1}, {err[1], 2}};
	const struct spawn request = {.file = "/bin/sh",
		.argv = argv,
		.envp = k->env,
		.fds = fds,
		.nfds = 2,
		.group = SPAWN_NEW_GROUP,
		.foreground_tty = -1};
	k->begun_us = clock_us();
	if (r == 0)
		r = spawn(&request, &k->pid, NULL);
	if (r == 0) {
		k->running = true;
		loop_child_add(
			&g->loop, &k->child, k->pid, on_exit_of_shell, k);
		/* without memory for them there is no log and no limit */
		(void)watch(k, &k->out, &out[0], on_out);
		(void)watch(k, &k->err, &err[0], on_err);
		(void)loop_timer_at(&g->loop, &k->timer,
			loop_now(&g->loop) + k->timeout_ms, on_timeout, k);
	}
	for (int i = 0; i < 2; i++) {
		fd_close(&out[i]);
		fd_close(&err[i]);
	}
	return r;
}

struct hooks *hooks_start(
	struct gateway *g, struct str raw, hooks_done_fn *done, void *owner)
{
	struct json_cursor c;
	struct str one;
	size_t n = 0;
	bool any = raw.p && json_open(&c, raw);
	while (any && json_next(&c, NULL, &one))
		n++;
	struct hooks *h = mem_new(sizeof(*h));
	if (!h)
		return NULL;
	*h = (struct hooks){.g = g, .done = done, .owner = owner};
	arena_init(&h->arena, ARENA_MAX);
	h->hook = arena_new_array(&h->arena, n + 1, sizeof(*h->hook));
	any = h->hook && any && json_open(&c, raw);
	bool ok = h->hook != NULL;
	while (ok && any && json_next(&c, NULL, &one))
		ok = read_one(h, &h->hook[h->n++], one);
	if (!ok) {
		release(h);
		return NULL;
	}
	g->workers++;
	h->open = h->n + 1;
	for (size_t i = 0; i < h->n; i++) {
		h->hook[i].start_error = start_one(&h->hook[i]);
		if (h->hook[i].start_error)
			end_one(&h->hook[i]);
	}
	/* the last one is ourselves: the end comes after this call */
	if (--h->open == 0)
		loop_defer(&g->loop, &h->end, on_end, h);
	return h;
}

void hooks_interrupt(struct hooks *h)
{
	h->interrupted = true;
	for (size_t i = 0; i < h->n; i++)
		if (h->hook[i].running)
			(void)kill(-h->hook[i].pid, SIGKILL);
		else if (!h->hook[i].over)
			on_drained(&h->hook[i]);
}
