/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/snapshot.c - POST /data/snapshot: both subsystems as tar.gz
 * or zip.
 *
 * input: untrusted
 *
 * Hooks first, then `tar -cz` or `zip -r` in the root directory -> pipe -> chunked body.
 * The head goes out at once; when the worker fails later, the body ends
 * without its last chunk, which is the only way left to say so. Files that
 * changed, vanished or could not be read are named in a trailer.
 */
#include <errno.h>
#include <string.h>

#include "applets/gateway/hooks.h"
#include "applets/gateway/worker.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/rand.h"

enum {
	BODY_MAX = 1 << 20,
	READ_STEP = 256 * 1024,
	QUEUE_HIGH = 1024 * 1024, /* the client is slow: stop reading */
	QUEUE_LOW = 256 * 1024,
	ID_BYTES = 16,
	TRAILER_MAX = 6 * 1024, /* clients bound what they take as one */
};

struct snapshot {
	struct gateway *g;
	struct http_exchange *x; /* NULL: the client is gone, or it is over */
	struct hooks *hooks;     /* running */
	struct worker *worker;
	struct str times; /* of the hooks, while the worker is started */
	bool zip;
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
	s->x = NULL;
	if (s->hooks) {
		hooks_interrupt(s->hooks); /* on_hooks comes */
		return;
	}
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

/* [{"member":..,"why":..}] as far as a trailer goes; the log has them all */
static void add_notes(struct http_exchange *x, struct str status)
{
	struct json_cursor c;
	struct str note;
	struct buf text;
	struct json_writer w = {.out = &text};
	bool any = false;
	struct str notes = json_member(status, "notes");
	if (!notes.p || !json_open(&c, notes))
		return;
	buf_init(&text, TRAILER_MAX);
	json_w_open(&w, '[');
	while (json_next(&c, NULL, &note)) {
		if (text.n + note.n + 2 > TRAILER_MAX)
			break;
		json_w_raw(&w, note);
		any = true;
	}
	json_w_close(&w, ']');
	if (any)
		http_add_field(x, "X-Snapshot-Incomplete", buf_str(&text));
	buf_fini(&text);
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
		add_notes(x, result->status);
		http_end(x);
	} else {
		struct buf text;
		buf_init(&text, LOG_LINE);
		worker_put_error(&text, "snapshot", result);
		log_error("%s", buf_cstr(&text));
		buf_fini(&text);
		http_abort(x);
	}
	finish(s);
}

static bool start_worker(struct snapshot *s, char *why, size_t size)
{
	struct gateway *g = s->g;
	/* posix: times to the nanosecond survive the way there and back */
	const char *const tar[] = {"tar", "-c", "-z", "-S", "-f", "-",
		"--format=posix", "--ignore-missing", "--ignore-failed-read",
		"--status-fd", WORKER_STATUS_FD, "--", g->files, g->apps_data,
		NULL};
	const char *const zip[] = {"zip", "-r", "-q", "--ignore-missing",
		"--ignore-failed-read", "--status-fd", WORKER_STATUS_FD, "--",
		"-", g->files, g->apps_data, NULL};
	struct worker_request request = {
		.argv = (char *const *)(uintptr_t)(s->zip ? zip : tar),
		.cwd = g->root,
		.collect = true,
		.on_output = on_output,
		.on_done = on_done,
		.owner = s};
	s->worker = worker_start(g, &request, why, size);
	return s->worker != NULL;
}

/* s->x is told when it cannot be; s is gone then */
static void start(struct snapshot *s)
{
	char id[2 * ID_BYTES + 1];
	char disposition[96];
	char why[256] = "out of memory";
	struct http_exchange *x = s->x;
	s->step = mem_new(READ_STEP);
	if (!s->step || rand_hex(id, ID_BYTES) < 0 ||
		!start_worker(s, why, sizeof(why))) {
		http_set_owner(x, NULL, NULL);
		http_reply_detail(x, 500, "%s", why);
		finish(s);
		return;
	}
	size_t n = fmt_str(disposition, sizeof(disposition),
		"attachment; filename=\"snap_%s.%s\"", id,
		s->zip ? "zip" : "tar.gz");
	http_add_field(x, "Content-Disposition", str_from(disposition, n));
	if (s->times.n > 2)
		http_add_field(x, "X-Hook-Timings", s->times);
	http_add_field(x, "Trailer", STR("X-Snapshot-Incomplete"));
	http_start(x, 200, s->zip ? "application/zip" : "application/gzip");
}

static void on_hooks(void *owner, bool ok, struct str text)
{
	struct snapshot *s = owner;
	struct http_exchange *x = s->x;
	s->hooks = NULL;
	if (x && ok) {
		s->times = text;
		start(s);
		return;
	}
	if (x) {
		http_set_owner(x, NULL, NULL);
		reply_detail(x, 500, text);
	}
	finish(s);
}

/* ?format=zip; false: 400 was answered */
static bool read_format(struct http_exchange *x, bool *zip)
{
	struct str query = http_request(x)->query;
	struct buf format;
	buf_init(&format, 64);
	bool given = query.p && http_query_get(query, "format", &format);
	*zip = given && str_is(buf_str(&format), "zip");
	bool ok = !given || *zip || str_is(buf_str(&format), "tar.gz");
	if (!ok)
		http_reply_detail(x, 400, "format: tar.gz or zip, not '%.*s'",
			STR_FMT(buf_str(&format)));
	buf_fini(&format);
	return ok;
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct gateway *g = owner;
	struct fields f = {0};
	struct str object, hooks;
	struct snapshot *s;
	bool zip;
	if (!read_format(x, &zip) || (body.n && !require_json(x)) ||
		!fields_body(x, body, true, &object))
		return;
	bool ok = fields_get(
		&f, object, "pre_snapshot_hooks", JSON_ARRAY, &hooks);
	fields_enter(&f, "pre_snapshot_hooks");
	if (!ok || !hooks_check(&f, hooks)) {
		fields_refuse(&f, x);
		return;
	}
	s = mem_new(sizeof(*s));
	if (!s) {
		http_reply_detail(x, 500, "out of memory");
		return;
	}
	*s = (struct snapshot){.g = g, .x = x, .zip = zip};
	http_set_owner(x, s, on_close);
	if (!hooks.p || hooks.n == 2) {
		start(s);
		return;
	}
	http_set_probe(x);
	s->hooks = hooks_start(g, hooks, on_hooks, s);
	if (s->hooks)
		return;
	http_set_owner(x, NULL, NULL);
	http_reply_detail(x, 500, "out of memory");
	finish(s);
}

void snapshot_post(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body, g);
}
