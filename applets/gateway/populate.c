/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/populate.c - POST /data/populate: an archive into a
 * subsystem.
 *
 * input: untrusted
 *
 * socket -> multipart part, or the body itself -> pipe -> `tar -x --atomic` in
 * the subsystem's directory. Nothing is kept here but what the pipe did not
 * take yet. The worker moves its files into place only after the last byte was
 * good, so whatever fails leaves what was there. Hooks run after that.
 */
#include <errno.h>
#include <string.h>

#include "applets/gateway/hooks.h"
#include "applets/gateway/subsystem.h"
#include "applets/gateway/worker.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/multipart.h"

enum { FIELD_MAX = 1 << 20, JOIN = 256 };

/* how far the input got */
enum progress {
	WANTS_MORE, /* what is left can only be read with what follows it */
	PIPE_FULL,  /* what is left waits for the worker */
	ANSWERED,   /* refused: p may be gone */
};

enum part { PART_NONE, PART_ARCHIVE, PART_HOOKS, PART_OTHER };

struct populate {
	struct gateway *g;
	struct http_exchange *x; /* NULL: answered, or the client is gone */
	struct worker *worker;   /* NULL: not started, or ended */
	struct hooks *running;   /* NULL: not started, or ended */
	struct multipart form;
	bool raw;   /* the body is the archive */
	bool plain; /* and is not compressed */
	struct subsystem_dir dir;
	struct buf hooks;
	struct buf status; /* of the worker that succeeded */
	struct buf carry;  /* end of the input that the parser could not use */
	enum part part;
	bool archive_seen;
	const char *fault; /* why the client's request is refused */
	int fault_status;
	char why[256]; /* for fault to point to */
};

static void finish(struct populate *p)
{
	multipart_fini(&p->form);
	subsystem_fini(&p->dir);
	buf_fini(&p->hooks);
	buf_fini(&p->status);
	buf_fini(&p->carry);
	mem_free(p);
}

static struct http_exchange *take_exchange(struct populate *p)
{
	struct http_exchange *x = p->x;
	p->x = NULL;
	http_set_owner(x, NULL, NULL);
	return x;
}

/* the client is gone: the worker cleans up, and then we do */
static void on_close(void *owner, struct http_exchange *x)
{
	struct populate *p = owner;
	(void)x;
	p->x = NULL;
	if (p->worker)
		worker_interrupt(p->worker);
	else if (p->running)
		hooks_interrupt(p->running);
	else
		finish(p);
}

/* ---------------------------------------------------------------- answers */

static void answer_success(
	struct http_exchange *x, const struct populate *p, struct str times)
{
	struct buf body;
	struct json_writer w = {.out = &body};
	struct str status = buf_str(&p->status);
	buf_init(&body, 3 * SUBSYSTEM_NAME_MAX + FIELD_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "objects_added");
	json_w_raw(&w, json_member(status, "entries"));
	json_w_key(&w, "subsystem");
	json_w_str(&w, buf_str(&p->dir.path));
	json_w_key(&w, "extracted_bytes");
	json_w_raw(&w, json_member(status, "bytes"));
	json_w_key(&w, "hook_timings");
	json_w_raw(&w, times);
	json_w_close(&w, '}');
	http_reply(x, 200, "application/json", buf_str(&body));
	buf_fini(&body);
}

static void answer_failure(
	struct http_exchange *x, const struct worker_result *result)
{
	struct buf text;
	buf_init(&text, FIELD_MAX);
	worker_put_error(&text, "archive", result);
	reply_detail(x, worker_tar_status(worker_kind(result)), buf_str(&text));
	buf_fini(&text);
}

static void on_hooks(void *owner, bool ok, struct str text)
{
	struct populate *p = owner;
	struct http_exchange *x = p->x ? take_exchange(p) : NULL;
	p->running = NULL;
	if (x && ok)
		answer_success(x, p, text);
	else if (x)
		reply_detail(x, 500, text);
	finish(p);
}

/* the files are in place */
static void run_hooks(struct populate *p)
{
	struct str hooks = str_trim(buf_str(&p->hooks));
	if (hooks.n == 0) {
		answer_success(take_exchange(p), p, STR("[]"));
		finish(p);
		return;
	}
	p->running = hooks_start(p->g, hooks, on_hooks, p);
	if (p->running)
		return;
	http_reply_detail(take_exchange(p), 500, "out of memory");
	finish(p);
}

static void on_done(void *owner, const struct worker_result *result)
{
	struct populate *p = owner;
	p->worker = NULL;
	if (p->x && result->ok && !p->fault) {
		buf_put_str(&p->status, result->status);
		run_hooks(p);
		return;
	}
	struct http_exchange *x = p->x ? take_exchange(p) : NULL;
	if (!result->ok)
		subsystem_unmake(p->g, &p->dir);
	if (x && p->fault)
		http_reply_detail(x, p->fault_status, "%s", p->fault);
	else if (x)
		answer_failure(x, result);
	finish(p);
}

/* the request is bad: what was begun is undone, then it is said so */
static void refuse(struct populate *p, int status, const char *why)
{
	if (p->fault)
		return;
	p->fault = why;
	p->fault_status = status;
	if (p->worker) {
		worker_interrupt(p->worker); /* on_done answers */
		return;
	}
	http_reply_detail(take_exchange(p), status, "%s", why);
	finish(p);
}

/* ----------------------------------------------------------------- worker */

static void on_room(void *owner)
{
	struct populate *p = owner;
	if (p->x)
		http_resume(p->x);
}

static bool start_worker(struct populate *p)
{
	static const char *const argv[] = {"tar", "-x", "-f", "-", "--atomic",
		"--strict-members", "--status-fd", WORKER_STATUS_FD, "-z",
		NULL};
	static const char *const plain_argv[] = {"tar", "-x", "-f", "-",
		"--atomic", "--strict-members", "--status-fd", WORKER_STATUS_FD,
		NULL};
	char why[256];
	int dir = subsystem_open(p->g, &p->dir);
	if (dir < 0) {
		http_reply_detail(take_exchange(p), subsystem_status(-dir),
			"subsystem %s: %s", buf_cstr(&p->dir.path),
			strerror(-dir));
		subsystem_unmake(p->g, &p->dir);
		return false;
	}
	struct worker_request request = {
		.argv = (char *const *)(uintptr_t)(p->plain ? plain_argv
							    : argv),
		.cwd = dir,
		.feed = true,
		.on_room = on_room,
		.on_done = on_done,
		.owner = p};
	p->worker = worker_start(p->g, &request, why, sizeof(why));
	fd_close(&dir);
	if (!p->worker) {
		http_reply_detail(take_exchange(p), 500, "%s", why);
		subsystem_unmake(p->g, &p->dir);
	}
	return p->worker != NULL;
}

/* ------------------------------------------------------------- the form */

/* false: the request has been answered and p is gone, or will be answered */
static bool begin_part(struct populate *p)
{
	struct str name = buf_str(&p->form.name);
	p->part = PART_OTHER;
	if (str_is(name, "post_populate_hooks"))
		p->part = PART_HOOKS;
	if (!str_is(name, "archive"))
		return true;
	if (!p->form.has_filename) {
		refuse(p, 422,
			"archive: must be a file part (with a filename)");
		return false;
	}
	if (p->archive_seen) {
		refuse(p, 422, "archive: given twice");
		return false;
	}
	p->archive_seen = true;
	p->part = PART_ARCHIVE;
	if (!start_worker(p)) {
		finish(p);
		return false;
	}
	return true;
}

/*
 * Bytes that went into the pipe. A worker that reads no more has failed and
 * will say why; the rest of the upload has nowhere to go.
 */
static ssize_t feed(struct populate *p, struct str data)
{
	ssize_t n = p->worker ? worker_write(p->worker, data) : -EPIPE;
	return n == -EPIPE ? (ssize_t)data.n : n;
}

/* bytes of a part that were used; negative: p may be gone */
static ssize_t take_data(struct populate *p, struct str data)
{
	if (p->part == PART_HOOKS) {
		buf_put_str(&p->hooks, data);
		if (p->hooks.err) {
			refuse(p, 400,
				"post_populate_hooks: larger than 1 MiB");
			return -1;
		}
	}
	if (p->part != PART_ARCHIVE)
		return (ssize_t)data.n;
	return feed(p, data);
}

/* read on in `in`; *used bytes of it are dealt with */
static enum progress take(struct populate *p, struct str in, size_t *used)
{
	*used = 0;
	while (*used < in.n) {
		size_t n = 0;
		struct str data = {NULL, 0};
		enum multipart_event event = multipart_next(
			&p->form, str_from_index(in, *used), &n, &data);
		*used += n;
		if (event == MULTIPART_ERROR) {
			refuse(p, 400, p->form.error);
			return ANSWERED;
		}
		if (event == MULTIPART_PART && !begin_part(p))
			return ANSWERED;
		if (event == MULTIPART_DATA) {
			ssize_t taken = take_data(p, data);
			if (taken < 0)
				return ANSWERED;
			*used -= data.n - (size_t)taken;
			if ((size_t)taken < data.n)
				return PIPE_FULL;
		}
		if (event == MULTIPART_MORE)
			break;
	}
	return WANTS_MORE;
}

/*
 * A delimiter may be cut by the pieces in which the body arrives: the end
 * that was carried over is read together with the beginning of what follows.
 * *used becomes the bytes of `data` that are dealt with.
 */
static enum progress take_joined(
	struct populate *p, struct str data, size_t *used)
{
	size_t carried = p->carry.n;
	size_t n;
	struct str joined = str_first(data, JOIN);
	buf_put_str(&p->carry, joined);
	enum progress progress = take(p, buf_str(&p->carry), &n);
	*used = 0;
	if (progress == ANSWERED)
		return progress;
	if (n >= carried) {
		*used = n - carried;
		buf_reset(&p->carry);
	} else if (progress == PIPE_FULL) {
		p->carry.n -= joined.n; /* it will be given again */
		buf_consume(&p->carry, n);
	} else {
		*used = joined.n; /* so little came that it is still unclear */
		buf_consume(&p->carry, n);
	}
	return progress;
}

static size_t on_data(void *owner, struct http_exchange *x, struct str data)
{
	struct populate *p = owner;
	size_t joined = 0, n = 0;
	enum progress progress = WANTS_MORE;
	(void)x;
	if (p->fault)
		return data.n; /* read on, so that the client sees the answer */
	if (p->raw) {
		ssize_t taken = feed(p, data);
		return taken < 0 ? data.n : (size_t)taken;
	}
	if (p->carry.n)
		progress = take_joined(p, data, &joined);
	if (progress == WANTS_MORE && p->carry.n == 0)
		progress = take(p, str_from_index(data, joined), &n);
	if (progress == ANSWERED)
		return data.n;
	if (progress == WANTS_MORE) {
		buf_put_str(&p->carry, str_from_index(data, joined + n));
		return data.n;
	}
	return joined + n;
}

/* false: refused. They are looked at before anything is moved into place */
static bool hooks_sound(struct populate *p)
{
	struct fields f = {0};
	struct str hooks = str_trim(buf_str(&p->hooks));
	int bad = hooks.n ? json_check(hooks, NULL) : 0;
	if (hooks.n == 0)
		return true;
	if (!bad && hooks_check(&f, hooks))
		return true;
	if (bad)
		fmt_str(p->why, sizeof(p->why), "post_populate_hooks: %s",
			json_error_text(bad));
	else
		fmt_str(p->why, sizeof(p->why), "post_populate_hooks%s%s: %s",
			f.bad_place[0][0] ? ", hook " : "", f.bad_place[0],
			f.bad.message);
	refuse(p, 400, p->why);
	return false;
}

static void on_end(void *owner, struct http_exchange *x)
{
	struct populate *p = owner;
	(void)x;
	if (p->fault)
		return;
	if (!p->raw && !multipart_ended(&p->form)) {
		refuse(p, 400,
			"the form is cut short: its closing boundary is "
			"missing");
	} else if (!p->raw && !p->archive_seen) {
		struct http_exchange *open = take_exchange(p);
		reply_invalid(open, "missing", "archive", "Field required");
		finish(p);
	} else if (hooks_sound(p) && p->worker) {
		worker_end_input(p->worker);
	}
}

/* ------------------------------------------------------------ the request */

static bool read_subsystem(
	struct gateway *g, struct http_exchange *x, struct buf *name)
{
	struct str query = http_request(x)->query;
	buf_init(name, SUBSYSTEM_NAME_MAX);
	if (!query.p || !http_query_get(query, "subsystem", name)) {
		if (query.p &&
			(name->err || str_has(query, STR("subsystem=")))) {
			http_reply_detail(
				x, 400, "subsystem: too long or badly encoded");
			return false;
		}
		buf_puts(name, g->files);
	}
	return require_subsystem(g, x, buf_str(name));
}

/* "application/gzip; x=y": is the body an archive by itself, and which? */
static bool is_archive(struct str type, bool *plain)
{
	static const char *const packed[] = {"application/gzip",
		"application/x-gzip", "application/x-tgz", "application/x-gtar",
		"application/x-compressed-tar", "application/tar+gzip",
		"application/octet-stream"};
	static const char *const tar[] = {
		"application/x-tar", "application/tar"};
	type = str_trim(str_first(type, str_index(type, ';')));
	for (size_t i = 0; i < ARRAY_LEN(packed); i++)
		if (str_eq_nocase(type, str_of(packed[i])))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(tar); i++)
		if (str_eq_nocase(type, str_of(tar[i])))
			return *plain = true;
	return false;
}

/* false: answered, and p is gone */
static bool begin(struct populate *p, struct http_exchange *x)
{
	struct str type = http_field(http_request(x), "Content-Type");
	p->raw = is_archive(type, &p->plain);
	if (p->raw || multipart_init(&p->form, type) == 0) {
		http_set_owner(x, p, on_close);
		if (!p->raw || start_worker(p))
			return true;
	} else if (str_starts(type, STR("multipart/form-data"))) {
		http_reply_detail(x, 400, "%s", p->form.error);
	} else {
		reply_invalid(x, "missing", "archive",
			"Field required: send multipart/form-data with a file "
			"part named archive, or the archive itself as "
			"application/gzip or application/x-tar");
	}
	finish(p);
	return false;
}

void populate_post(struct gateway *g, struct http_exchange *x)
{
	struct buf subsystem;
	if (!read_subsystem(g, x, &subsystem)) {
		buf_fini(&subsystem);
		return;
	}
	struct populate *p = mem_new(sizeof(*p));
	if (!p) {
		buf_fini(&subsystem);
		http_reply_detail(x, 500, "out of memory");
		return;
	}
	*p = (struct populate){.g = g, .x = x, .dir = {.path = subsystem}};
	buf_init(&p->hooks, FIELD_MAX);
	buf_init(&p->status, FIELD_MAX);
	buf_init(&p->carry, 2 * JOIN);
	if (begin(p, x))
		http_stream(x, (struct http_sink){.on_data = on_data,
				       .on_end = on_end,
				       .owner = p});
}
