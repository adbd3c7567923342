/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/populate_s3.c - POST /data/populate/s3: objects of a store
 * into subsystems.
 *
 * input: untrusted
 *
 * For each subsystem `s3 get --tar` -> pipe -> `tar -x --atomic`, one after
 * the other. We keep the writing end of each pipe open, so that no tar sees
 * the end of its archive, and moves anything into place, before the last
 * object of the last source has come.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "applets/gateway/hooks.h"
#include "applets/gateway/job.h"
#include "applets/gateway/store.h"
#include "applets/gateway/subsystem.h"
#include "applets/gateway/worker.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "net/s3_uri.h"

enum {
	BODY_MAX = 4 << 20,
	ARENA_MAX = 32 << 20,
	SOURCES_MAX = 4096,
	TARGETS_MAX = 64, /* each has a process that waits for the others */
	TEXT_MAX = 1 << 20,
	FIXED_ARGS = 8,
};

struct pull;

/* one subsystem and all sources that go there */
struct target {
	struct pull *pull;
	struct subsystem_dir dir;
	const char **urls;
	size_t nurls;
	struct worker *tar;
	int hold; /* the pipe's writing end */
};

struct pull {
	struct gateway *g;
	struct job *job;
	struct arena arena;
	char **env;
	bool raw_prefix;
	struct target *target;
	size_t ntargets;
	size_t started;    /* targets whose tar was started */
	size_t open;       /* of those that have not ended */
	struct worker *s3; /* of target[started - 1] */
	struct str hooks;  /* raw, in the arena */
	struct hooks *running;
	uint64_t objects;
	bool pipe_broke; /* the fault may be that a tar reads no more */
	int fault;       /* status; 0: all is well */
	struct buf why;
};

static void release(struct pull *p)
{
	for (size_t i = 0; i < p->ntargets; i++) {
		fd_close(&p->target[i].hold);
		subsystem_fini(&p->target[i].dir);
	}
	buf_fini(&p->why);
	arena_fini(&p->arena);
	mem_free(p);
}

/* ------------------------------------------------------------------ the end */

static void end_well(struct pull *p, struct str times)
{
	struct buf body;
	struct json_writer w = {.out = &body};
	buf_init(&body, TEXT_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "objects_added");
	json_w_u64(&w, p->objects);
	json_w_key(&w, "hook_timings");
	json_w_raw(&w, times);
	json_w_close(&w, '}');
	job_end(p->job, 200, buf_str(&body));
	buf_fini(&body);
	release(p);
}

static void end_badly(struct pull *p)
{
	for (size_t i = 0; i < p->started; i++)
		subsystem_unmake(p->g, &p->target[i].dir);
	job_end(p->job, p->fault, buf_str(&p->why));
	release(p);
}

static void on_hooks(void *owner, bool ok, struct str text)
{
	struct pull *p = owner;
	if (ok) {
		end_well(p, text);
		return;
	}
	job_end(p->job, 500, text);
	release(p);
}

/* every process has ended */
static void conclude(struct pull *p)
{
	if (p->fault) {
		end_badly(p);
		return;
	}
	p->running = hooks_start(p->g, p->hooks, on_hooks, p);
	if (p->running)
		return;
	job_end(p->job, 500, STR("out of memory"));
	release(p);
}

/* the first fault is the one that is told */
static void blame(struct pull *p, int status, const char *what,
	const struct worker_result *result)
{
	if (p->fault)
		return;
	p->fault = status;
	worker_put_error(&p->why, what, result);
}

/* ---------------------------------------------------------------- processes */

/* nothing more comes: those that unpack undo what they did */
static void undo(struct pull *p)
{
	for (size_t i = 0; i < p->started; i++) {
		if (p->target[i].tar)
			worker_interrupt(p->target[i].tar);
		fd_close(&p->target[i].hold);
	}
}

static bool was_interrupted(const struct worker_result *result)
{
	struct str kind = worker_kind(result);
	return !kind.p || json_str_is(kind, STR("interrupted"));
}

static void on_tar_done(void *owner, const struct worker_result *result)
{
	struct target *t = owner;
	struct pull *p = t->pull;
	t->tar = NULL;
	p->open--;
	if (!result->ok) {
		char what[300];
		fmt_str(what, sizeof(what), "subsystem %s",
			buf_cstr(&t->dir.path));
		/* then a broken pipe is all that the other end knew */
		if (p->pipe_broke && !was_interrupted(result)) {
			p->fault = 0;
			buf_reset(&p->why);
		}
		blame(p, worker_tar_status(worker_kind(result)), what, result);
		if (p->s3)
			worker_interrupt(p->s3);
		undo(p);
	}
	if (p->open == 0 && !p->s3)
		conclude(p);
}

static void start_target(struct pull *p);

static void on_s3_done(void *owner, const struct worker_result *result)
{
	struct pull *p = owner;
	uint64_t n = 0;
	p->s3 = NULL;
	if (result->ok) {
		(void)json_u64(json_member(result->status, "objects"), &n);
		p->objects += n;
	} else {
		p->pipe_broke = !p->fault;
		blame(p, store_status(worker_kind(result)), "sources", result);
	}
	if (p->fault) {
		undo(p);
	} else if (p->started < p->ntargets) {
		start_target(p);
		return;
	} else {
		/* all of it has come: now it may be moved into place */
		for (size_t i = 0; i < p->started; i++)
			fd_close(&p->target[i].hold);
	}
	if (p->open == 0)
		conclude(p);
}

static bool start_tar(
	struct pull *p, struct target *t, int in, char *why, size_t size)
{
	/* who works there besides us shares the group of the directory */
	bool shared = str_is(buf_str(&t->dir.path), p->g->files);
	const char *const argv[] = {"tar", "-x", "-f", "-", "--atomic",
		"--strict-members", "--status-fd", WORKER_STATUS_FD,
		shared ? "-p" : NULL, NULL};
	int dir = subsystem_open(p->g, &t->dir);
	if (dir < 0) {
		fmt_str(why, size, "%s", strerror(-dir));
		p->fault = subsystem_status(-dir);
		return false;
	}
	const struct worker_request request = {
		.argv = (char *const *)(uintptr_t)argv,
		.cwd = dir,
		.in = in,
		.on_done = on_tar_done,
		.owner = t};
	t->tar = worker_start(p->g, &request, why, size);
	fd_close(&dir);
	p->open += t->tar != NULL;
	return t->tar != NULL;
}

static bool start_s3(struct pull *p, struct target *t, char *why, size_t size)
{
	size_t n = 0;
	const char **argv = arena_new_array(
		&p->arena, t->nurls + FIXED_ARGS, sizeof(*argv));
	if (!argv)
		return false;
	argv[n++] = "s3";
	argv[n++] = "get";
	argv[n++] = "--tar";
	if (p->raw_prefix)
		argv[n++] = "--raw-prefix";
	argv[n++] = "--status-fd=" WORKER_STATUS_FD;
	argv[n++] = "--";
	memcpy(argv + n, t->urls, t->nurls * sizeof(*argv));
	argv[n + t->nurls] = "-";
	const struct worker_request request = {
		.argv = (char *const *)(uintptr_t)argv,
		.envp = p->env,
		.out = t->hold,
		.on_done = on_s3_done,
		.owner = p};
	p->s3 = worker_start(p->g, &request, why, size);
	return p->s3 != NULL;
}

/* the next subsystem; on a failure what runs is undone */
static void start_target(struct pull *p)
{
	struct target *t = &p->target[p->started++];
	char why[256] = "out of memory";
	int ends[2] = {-1, -1};
	int r = fd_pipe(ends);
	t->hold = ends[1];
	if (r < 0)
		fmt_str(why, sizeof(why), "%s", strerror(-r));
	bool ok = r == 0 && start_tar(p, t, ends[0], why, sizeof(why));
	fd_close(&ends[0]);
	if (ok && start_s3(p, t, why, sizeof(why)))
		return;
	if (!p->fault)
		p->fault = 500;
	buf_putf(&p->why, "subsystem %s: %s", buf_cstr(&t->dir.path), why);
	undo(p);
	if (p->open == 0)
		conclude(p);
}

static void on_cancel(void *work)
{
	struct pull *p = work;
	if (p->running) {
		hooks_interrupt(p->running);
		return;
	}
	if (!p->fault) {
		p->fault = 500;
		buf_puts(&p->why, "cancelled");
	}
	if (p->s3)
		worker_interrupt(p->s3);
	undo(p);
}

/* -------------------------------------------------------------- the request */

static struct target *target_of(struct pull *p, struct str name)
{
	for (size_t i = 0; i < p->ntargets; i++)
		if (str_eq(buf_str(&p->target[i].dir.path), name))
			return &p->target[i];
	if (p->ntargets == TARGETS_MAX)
		return NULL;
	struct target *t = &p->target[p->ntargets++];
	*t = (struct target){.pull = p, .hold = -1};
	subsystem_init(&t->dir);
	buf_put_str(&t->dir.path, name);
	return t;
}

/* what is wrong with a URL, or NULL; the texts are literals */
static const char *url_fault(const char *url)
{
	struct s3_uri at = s3_uri_of(url);
	if (*url == '\0')
		return "Value error, it must not be empty";
	if (!at.remote)
		return "Value error, it must look like s3://bucket/key";
	if (at.bucket.n == 0)
		return "Value error, it names no bucket";
	if (!s3_bucket_sound(at.bucket))
		return "Value error, no bucket can have this name";
	if (at.key.n == 0)
		return "Value error, it names no key";
	return at.key.n > S3_KEY_MAX ? "Value error, the key is too long"
				     : NULL;
}

/*
 * A whole wrong URL is answered with 400 and the others with 422, as clients
 * of either kind of mistake expect.
 */
static bool read_source(struct pull *p, struct fields *f, struct str raw,
	size_t sources, bool *bad_url)
{
	struct str url, name;
	char text[300];
	if (json_type_of(raw) != JSON_OBJECT)
		return fields_fail(f, "model_attributes_type",
			"a source is an object with url and subsystem");
	if (!fields_need(f, raw, "url", JSON_STRING, &url) ||
		!fields_get(f, raw, "subsystem", JSON_STRING, &name))
		return false;
	const char *link = fields_copy_trimmed(&p->arena, url);
	const char *to =
		name.p ? fields_copy_trimmed(&p->arena, name) : p->g->files;
	const char *fault = link && to ? url_fault(link) : "out of memory";
	fields_enter(f, "url");
	if (fault) {
		*bad_url = link && *link;
		return fields_fail(f, "value_error", fault);
	}
	fields_leave(f);
	fault = subsystem_fault(p->g, str_of(to), text, sizeof(text));
	fields_enter(f, "subsystem");
	if (fault) {
		fault = fault == text ? arena_dup(&p->arena, str_of(text))
				      : fault;
		return fields_fail(
			f, "value_error", fault ? fault : "out of memory");
	}
	fields_leave(f);
	struct target *t = target_of(p, str_of(to));
	if (!t)
		return fields_fail(f, "value_error",
			"Value error, more than 64 different subsystems");
	if (!t->urls)
		t->urls = arena_new_array(&p->arena, sources, sizeof(*t->urls));
	if (!t->urls)
		return fields_fail(f, "value_error", "out of memory");
	t->urls[t->nurls++] = link;
	return true;
}

static bool read_sources(
	struct pull *p, struct fields *f, struct str body, bool *bad_url)
{
	struct json_cursor c;
	struct str list, raw;
	size_t n = 0, i = 0;
	if (!fields_need(f, body, "sources", JSON_ARRAY, &list))
		return false;
	fields_enter(f, "sources");
	json_open(&c, list);
	while (json_next(&c, NULL, &raw))
		n++;
	if (n == 0 && p->hooks.n <= 2) {
		f->depth = 0;
		return fields_fail(f, "value_error",
			"Value error, at least one source or hook is needed");
	}
	if (n > SOURCES_MAX)
		return fields_fail(
			f, "value_error", "Value error, more than 4096");
	p->target = arena_new_array(&p->arena,
		n < TARGETS_MAX ? n + 1 : TARGETS_MAX, sizeof(*p->target));
	if (!p->target)
		return fields_fail(f, "value_error", "out of memory");
	json_open(&c, list);
	while (json_next(&c, NULL, &raw)) {
		fields_enter_index(f, i++);
		if (!read_source(p, f, raw, n, bad_url))
			return false;
		fields_leave(f);
	}
	fields_leave(f);
	return true;
}

static bool read_body(
	struct pull *p, struct fields *f, struct str body, bool *bad_url)
{
	struct str hooks, backend;
	if (!fields_get(f, body, "post_populate_hooks", JSON_ARRAY, &hooks))
		return false;
	fields_enter(f, "post_populate_hooks");
	if (!hooks_check(f, hooks))
		return false;
	fields_leave(f);
	if (hooks.p) {
		const char *copy = arena_dup(&p->arena, hooks);
		if (!copy)
			return fields_fail(f, "value_error", "out of memory");
		p->hooks = str_from(copy, hooks.n);
	}
	struct str match = json_member(body, "prefix_match");
	p->raw_prefix = match.p && json_type_of(match) == JSON_STRING &&
			json_str_is(match, STR("raw"));
	if (match.p && !p->raw_prefix &&
		!(json_type_of(match) == JSON_STRING &&
			json_str_is(match, STR("path")))) {
		fields_enter(f, "prefix_match");
		return fields_fail(f, "value_error",
			"Value error, it is \"path\" or \"raw\"");
	}
	return fields_get(
		       f, body, "s3_transfer_backend", JSON_STRING, &backend) &&
	       read_sources(p, f, body, bad_url);
}

/* {"sources":[1].url: ...} for people */
static void refuse_url(const struct fields *f, struct http_exchange *x)
{
	http_reply_detail(x, 400, "sources[%s].url: %s", f->bad_place[1],
		f->bad.message + strlen("Value error, "));
}

static void start(struct gateway *g, struct http_exchange *x, struct str body,
	bool background)
{
	struct fields f = {0};
	struct str object, credentials;
	bool bad_url = false;
	const char *why = "out of memory";
	if (!fields_body(x, body, false, &object))
		return;
	struct pull *p = mem_new(sizeof(*p));
	if (!p) {
		http_reply_detail(x, 500, "out of memory");
		return;
	}
	p->g = g;
	p->hooks = STR("[]");
	arena_init(&p->arena, ARENA_MAX);
	buf_init(&p->why, TEXT_MAX);
	if (!read_body(p, &f, object, &bad_url) ||
		!store_credentials(&f, object, &credentials)) {
		if (bad_url)
			refuse_url(&f, x);
		else
			fields_refuse(&f, x);
		release(p);
		return;
	}
	p->env = store_env(&p->arena, credentials, &why);
	if (!p->env)
		http_reply_detail(x, 500, "%s", why);
	else
		p->job = job_new(g, x, JOB_POPULATE, background);
	if (!p->job) {
		release(p);
		return;
	}
	job_on_cancel(p->job, on_cancel, p);
	if (p->ntargets)
		start_target(p);
	else
		conclude(p);
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	if (require_json(x))
		start(owner, x, body, false);
}

static void on_body_start(void *owner, struct http_exchange *x, struct str body)
{
	if (require_json(x))
		start(owner, x, body, true);
}

void populate_s3_post(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body, g);
}

void populate_s3_start(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body_start, g);
}
