/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/snapshot.c - POST /data/snapshot: both subsystems as tar.gz.
 *
 * `tar -cz` in the root directory -> pipe -> chunked body. The head goes out
 * at once; when the worker fails later, the body ends without its last chunk,
 * which is the only way left to say so.
 */
#include <errno.h>
#include <string.h>

#include "applets/gateway/worker.h"
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/rand.h"

enum {
	BODY_MAX = 1 << 20,
	READ_STEP = 256 * 1024,
	QUEUE_HIGH = 1024 * 1024, /* the client is slow: stop reading */
	QUEUE_LOW = 256 * 1024,
	ID_BYTES = 16,
};

struct snapshot {
	struct gateway *g;
	struct http_exchange *x; /* NULL: the client is gone, or it is over */
	struct worker *worker;
	char *step; /* READ_STEP bytes */
};

static void finish(struct snapshot *s)
{
	mem_free(s->step);
	mem_free(s);
}

static void on_close(void *owner, struct http_exchange *x)
{
	struct snapshot *s = owner;
	(void)x;
	if (s->worker)
		worker_abandon(s->worker);
	finish(s);
}

static void on_drain(void *owner, struct http_exchange *x)
{
	struct snapshot *s = owner;
	(void)x;
	if (s->worker)
		worker_hold(s->worker, false);
}

static void on_output(void *owner)
{
	struct snapshot *s = owner;
	ssize_t n = worker_read(s->worker, s->step, READ_STEP);
	if (n <= 0)
		return;
	http_write(s->x, str_from(s->step, (size_t)n));
	if (http_queued(s->x) > QUEUE_HIGH) {
		worker_hold(s->worker, true);
		http_on_drain(s->x, QUEUE_LOW, on_drain, s);
	}
}

static void on_done(void *owner, const struct worker_result *result)
{
	struct snapshot *s = owner;
	struct http_exchange *x = s->x;
	ssize_t n;
	/* it has ended: what is left in the pipe is all there will be */
	while ((n = worker_read(s->worker, s->step, READ_STEP)) > 0)
		http_write(x, str_from(s->step, (size_t)n));
	http_set_owner(x, NULL, NULL);
	if (result->ok) {
		http_end(x);
	} else {
		struct str error = {NULL, 0};
		if (result->status.p)
			error = json_member(result->status, "error");
		log_error("snapshot: %s %.*s", result->how, STR_FMT(error));
		http_abort(x);
	}
	finish(s);
}

static bool start_worker(struct snapshot *s, char *why, size_t size)
{
	struct gateway *g = s->g;
	/* posix: times to the nanosecond survive the way there and back */
	const char *const argv[] = {"tar", "-c", "-z", "-f", "-",
		"--format=posix", "--ignore-missing", "--status-fd",
		WORKER_STATUS_FD, "--", g->files, g->apps_data, NULL};
	struct worker_request request = {.argv = (char *const *)(uintptr_t)argv,
		.cwd = g->root,
		.collect = true,
		.on_output = on_output,
		.on_done = on_done,
		.owner = s};
	s->worker = worker_start(g, &request, why, size);
	return s->worker != NULL;
}

static void start(struct gateway *g, struct http_exchange *x)
{
	char id[2 * ID_BYTES + 1];
	char disposition[96];
	char why[256] = "out of memory";
	struct snapshot *s = mem_new(sizeof(*s));
	if (s) {
		*s = (struct snapshot){.g = g, .x = x};
		s->step = mem_new(READ_STEP);
	}
	if (!s || !s->step || rand_hex(id, ID_BYTES) < 0 ||
		!start_worker(s, why, sizeof(why))) {
		http_reply_detail(x, 500, "%s", why);
		if (s)
			finish(s);
		return;
	}
	size_t n = fmt_str(disposition, sizeof(disposition),
		"attachment; filename=\"snap_%s.tar.gz\"", id);
	http_set_owner(x, s, on_close);
	http_add_field(x, "Content-Disposition", str_from(disposition, n));
	http_start(x, 200, "application/gzip");
}

/* null, {} and {"pre_snapshot_hooks": []} ask for nothing special */
static bool asks_for_hooks(struct str body)
{
	struct json_cursor c;
	struct str hook;
	struct str hooks = json_member(body, "pre_snapshot_hooks");
	return hooks.p && json_open(&c, hooks) && json_next(&c, NULL, &hook);
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct gateway *g = owner;
	int bad = body.n ? json_check(body, NULL) : 0;
	if (bad)
		reply_invalid(x, "json_invalid", NULL, json_error_text(bad));
	else if (body.n && json_type_of(str_trim(body)) != JSON_OBJECT &&
		 json_type_of(str_trim(body)) != JSON_NULL)
		reply_invalid(x, "model_attributes_type", NULL,
			"the body must be an object, null or empty");
	else if (body.n && asks_for_hooks(body))
		http_reply_detail(x, 501,
			"pre_snapshot_hooks: not supported by this version");
	else
		start(g, x);
}

void snapshot_post(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body, g);
}
