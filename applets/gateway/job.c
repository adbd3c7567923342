/* SPDX-License-Identifier: MIT */
/* applets/gateway/job.c - work that takes a while. */
#include "applets/gateway/job.h"

#include <stdarg.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/rand.h"

enum {
	ID_BYTES = 16,
	RUNNING_MAX = 64, /* in the background */
	KEPT_MAX = 1000,  /* outcomes that nobody may ask for again */
	TEXT_MAX = 1 << 20,
	LIST_MAX = 16 << 20,
};

enum job_state { JOB_RUNNING, JOB_DONE, JOB_ERROR };

struct job {
	struct gateway *g;
	struct job *next; /* of those in the background, the newest first */
	struct http_exchange *x; /* who waits in the foreground */
	enum job_kind kind;
	bool background;
	bool cancelled;
	char id[2 * ID_BYTES + 1];
	enum job_state state;
	struct buf outcome; /* JSON of the result, or a sentence */
	uint64_t begun_ms, ended_ms;
	void (*cancel)(void *work);
	void *work;
};

static void free_job(struct job *j)
{
	buf_fini(&j->outcome);
	mem_free(j);
}

static void cancel(struct job *j)
{
	if (j->state != JOB_RUNNING || j->cancelled)
		return;
	j->cancelled = true;
	if (j->cancel)
		j->cancel(j->work);
}

static void on_close(void *owner, struct http_exchange *x)
{
	struct job *j = owner;
	(void)x;
	j->x = NULL;
	cancel(j);
}

/* false: too many run already */
static bool make_room(struct gateway *g)
{
	size_t running = 0, ended = 0;
	struct job **at = &g->jobs;
	while (*at) {
		struct job *j = *at;
		running += j->state == JOB_RUNNING;
		ended += j->state != JOB_RUNNING;
		if (j->state != JOB_RUNNING && ended >= KEPT_MAX) {
			*at = j->next;
			free_job(j);
		} else {
			at = &j->next;
		}
	}
	return running < RUNNING_MAX;
}

static void answer_id(struct http_exchange *x, const struct job *j)
{
	char text[sizeof(j->id) + 32];
	size_t n = fmt_str(text, sizeof(text), "{\"job_id\":\"%s\"}", j->id);
	http_reply(x, 200, "application/json", str_from(text, n));
}

struct job *job_new(struct gateway *g, struct http_exchange *x,
	enum job_kind kind, bool background)
{
	if (background && !make_room(g)) {
		http_reply_detail(x, 429,
			"%d jobs run already; wait for one or cancel it",
			RUNNING_MAX);
		return NULL;
	}
	struct job *j = mem_new(sizeof(*j));
	if (!j || rand_hex(j->id, ID_BYTES) < 0) {
		mem_free(j);
		http_reply_detail(x, 500, "out of memory");
		return NULL;
	}
	j->g = g;
	j->kind = kind;
	j->background = background;
	j->begun_ms = clock_ms();
	buf_init(&j->outcome, TEXT_MAX);
	if (background) {
		j->next = g->jobs;
		g->jobs = j;
		answer_id(x, j);
		return j;
	}
	j->x = x;
	http_set_owner(x, j, on_close);
	http_set_probe(x); /* it may take minutes */
	return j;
}

void job_on_cancel(struct job *j, void (*fn)(void *work), void *work)
{
	j->cancel = fn;
	j->work = work;
	/* cancelled before there was anything to cancel */
	if (j->cancelled)
		fn(work);
}

void job_end(struct job *j, int status, struct str text)
{
	struct http_exchange *x = j->x;
	j->state = status == 200 ? JOB_DONE : JOB_ERROR;
	j->ended_ms = clock_ms();
	j->cancel = NULL;
	if (j->background) {
		if (status != 200 && j->cancelled)
			text = STR("cancelled");
		if (status != 200)
			log_warn("job %s: %.*s", j->id, STR_FMT(text));
		buf_put_str(&j->outcome, text);
		return;
	}
	if (x) {
		j->x = NULL;
		http_set_owner(x, NULL, NULL);
		if (status == 200)
			http_reply(x, 200, "application/json", text);
		else
			reply_detail(x, status, text);
	}
	free_job(j);
}

void job_endf(struct job *j, int status, const char *format, ...)
{
	struct buf text;
	va_list args;
	buf_init(&text, TEXT_MAX);
	va_start(args, format);
	buf_vputf(&text, format, args);
	va_end(args);
	job_end(j, status, buf_str(&text));
	buf_fini(&text);
}

/* ---------------------------------------------------------------- asking */

static void put_job(struct json_writer *w, struct job *j, bool listed)
{
	static const char *const names[] = {"running", "done", "error"};
	uint64_t end = j->state == JOB_RUNNING ? clock_ms() : j->ended_ms;
	struct str text = buf_str(&j->outcome);
	json_w_open(w, '{');
	if (listed) {
		json_w_key(w, "job_id");
		json_w_text(w, j->id);
	}
	json_w_key(w, "status");
	json_w_text(w, names[j->state]);
	json_w_key(w, "result");
	if (j->state == JOB_DONE && text.n)
		json_w_raw(w, text);
	else
		json_w_null(w);
	json_w_key(w, "error");
	if (j->state == JOB_ERROR)
		json_w_str(w, text);
	else
		json_w_null(w);
	json_w_key(w, "elapsed_ms");
	json_w_u64(w, end - j->begun_ms);
	json_w_close(w, '}');
}

static void reply_built(struct http_exchange *x, struct buf *body)
{
	if (body->err)
		http_reply_detail(x, 500, "out of memory");
	else
		http_reply(x, 200, "application/json", buf_str(body));
	buf_fini(body);
}

/* GET tells, DELETE cancels and tells */
static void status_any(
	struct gateway *g, struct http_exchange *x, enum job_kind kind)
{
	const struct http_head *head = http_request(x);
	struct str id = head->path;
	struct job *j = g->jobs;
	struct buf body;
	struct json_writer w = {.out = &body};
	while (str_index(id, '/') < id.n)
		id = str_from_index(id, str_index(id, '/') + 1);
	while (j && (j->kind != kind || !str_is(id, j->id)))
		j = j->next;
	if (!j) {
		http_reply_detail(x, 404, "Unknown %s job: %.*s",
			kind == JOB_POPULATE ? "populate" : "snapshot",
			STR_FMT(id));
		return;
	}
	if (str_is(head->method, "DELETE"))
		cancel(j);
	buf_init(&body, 2 * TEXT_MAX);
	put_job(&w, j, false);
	reply_built(x, &body);
}

static void list_get(
	struct gateway *g, struct http_exchange *x, enum job_kind kind)
{
	struct buf body;
	struct json_writer w = {.out = &body};
	buf_init(&body, LIST_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "jobs");
	json_w_open(&w, '[');
	for (struct job *j = g->jobs; j; j = j->next)
		if (j->kind == kind)
			put_job(&w, j, true);
	json_w_close(&w, ']');
	json_w_close(&w, '}');
	reply_built(x, &body);
}

void job_populate_status(struct gateway *g, struct http_exchange *x)
{
	status_any(g, x, JOB_POPULATE);
}

void job_snapshot_status(struct gateway *g, struct http_exchange *x)
{
	status_any(g, x, JOB_SNAPSHOT);
}

void job_populate_list(struct gateway *g, struct http_exchange *x)
{
	list_get(g, x, JOB_POPULATE);
}

void job_snapshot_list(struct gateway *g, struct http_exchange *x)
{
	list_get(g, x, JOB_SNAPSHOT);
}

void jobs_cancel(struct gateway *g)
{
	for (struct job *j = g->jobs; j; j = j->next)
		cancel(j);
}

void jobs_free(struct gateway *g)
{
	while (g->jobs) {
		struct job *j = g->jobs;
		g->jobs = j->next;
		free_job(j);
	}
}
