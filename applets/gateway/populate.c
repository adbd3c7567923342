/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/populate.c - POST /data/populate: a tar.gz into a subsystem.
 *
 * input: untrusted
 *
 * socket -> multipart part -> pipe -> `tar -xz --atomic` in the subsystem's
 * directory. Nothing is kept here but what the pipe did not take yet. The
 * worker moves its files into place only after the last byte was good, so
 * whatever fails leaves what was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "applets/gateway/worker.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/size.h"
#include "net/multipart.h"

enum { FIELD_MAX = 1 << 20, NAME_MAX_BYTES = 4096, JOIN = 256 };

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
	struct multipart form;
	struct buf subsystem;
	struct buf hooks;
	struct buf carry; /* end of the input that the parser could not use */
	enum part part;
	bool archive_seen;
	size_t made_from;  /* length of the first path that was missing */
	const char *fault; /* why the client's request is refused */
	int fault_status;
};

static void finish(struct populate *p)
{
	multipart_fini(&p->form);
	buf_fini(&p->subsystem);
	buf_fini(&p->hooks);
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

/* ------------------------------------------------------- the directory */

/*
 * Make the subsystem's directory and remember from where on it was missing.
 * A descriptor of it or a negative errno.
 */
static int make_directory(struct populate *p)
{
	const char *name = buf_cstr(&p->subsystem);
	struct buf prefix;
	struct str rest = buf_str(&p->subsystem);
	int r = 0;
	buf_init(&prefix, NAME_MAX_BYTES);
	while (r == 0 && rest.p) {
		buf_put_str(&prefix, str_cut(&rest, '/'));
		int fd = path_open_nofollow(
			p->g->root, buf_cstr(&prefix), O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT) {
			p->made_from = prefix.n;
			break;
		}
		r = fd < 0 ? fd : 0;
		fd_close(&fd);
		buf_putc(&prefix, '/');
	}
	buf_fini(&prefix);
	if (r == 0)
		r = path_mkdirs(p->g->root, name, 0755);
	if (r == 0)
		r = path_open_nofollow(
			p->g->root, name, O_RDONLY | O_DIRECTORY, 0);
	return r;
}

/* remove what make_directory() made, as far as nobody has filled it */
static void unmake_directory(struct populate *p)
{
	struct buf *path = &p->subsystem;
	while (p->made_from && path->n >= p->made_from) {
		if (unlinkat(p->g->root, buf_cstr(path), AT_REMOVEDIR) < 0 &&
			errno != ENOENT)
			return;
		while (path->n && *buf_at(path, path->n - 1) != '/')
			path->n--;
		while (path->n && *buf_at(path, path->n - 1) == '/')
			path->n--;
	}
}

/* what the client named cannot be a directory; the rest is our trouble */
static int status_of_directory(int err)
{
	switch (err) {
	case ENOTDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case EXDEV:
	case EINVAL:
		return 400;
	default:
		return 500;
	}
}

/* the client is gone: the worker cleans up, and then we do */
static void on_close(void *owner, struct http_exchange *x)
{
	struct populate *p = owner;
	(void)x;
	p->x = NULL;
	if (p->worker)
		worker_interrupt(p->worker);
	else
		finish(p);
}

/* ---------------------------------------------------------------- answers */

static void answer_success(
	struct http_exchange *x, const struct populate *p, struct str status)
{
	struct buf body;
	struct json_writer w = {.out = &body};
	buf_init(&body, 3 * NAME_MAX_BYTES + 4096);
	json_w_open(&w, '{');
	json_w_key(&w, "objects_added");
	json_w_raw(&w, json_member(status, "entries"));
	json_w_key(&w, "subsystem");
	json_w_str(&w, buf_str(&p->subsystem));
	json_w_key(&w, "extracted_bytes");
	json_w_raw(&w, json_member(status, "bytes"));
	json_w_key(&w, "hook_timings");
	json_w_raw(&w, STR("[]"));
	json_w_close(&w, '}');
	http_reply(x, 200, "application/json", buf_str(&body));
	buf_fini(&body);
}

/* the archive's fault is the client's; a full disk or a crash is ours */
static int status_of_failure(struct str status)
{
	static const char *const theirs[] = {"gzip", "tar", "unsafe",
		"conflict", "limit", "truncated", "empty"};
	struct str kind = json_member(status, "kind");
	for (size_t i = 0; kind.p && i < ARRAY_LEN(theirs); i++)
		if (json_str_is(kind, str_of(theirs[i])))
			return 400;
	return 500;
}

/* a string member of the status line, or p == NULL */
static struct str status_text(
	const struct worker_result *result, const char *key)
{
	struct str value = {NULL, 0};
	if (result->status.p)
		value = json_member(result->status, key);
	if (value.p && (json_type_of(value) != JSON_STRING || value.n == 2))
		value.p = NULL; /* not a text, or an empty one */
	return value;
}

static void answer_failure(
	struct http_exchange *x, const struct worker_result *result)
{
	struct buf text;
	struct str error = status_text(result, "error");
	struct str member = status_text(result, "member");
	if (!error.p) {
		http_reply_detail(x, 500, "extraction failed: %s", result->how);
		return;
	}
	buf_init(&text, FIELD_MAX);
	json_unquote(&text, error);
	if (member.p) {
		buf_puts(&text, ": ");
		json_unquote(&text, member);
	}
	http_reply_detail(x, status_of_failure(result->status), "archive: %s",
		buf_cstr(&text));
	buf_fini(&text);
}

static void on_done(void *owner, const struct worker_result *result)
{
	struct populate *p = owner;
	struct http_exchange *x = p->x ? take_exchange(p) : NULL;
	p->worker = NULL;
	if (!result->ok)
		unmake_directory(p);
	if (x && p->fault)
		http_reply_detail(x, p->fault_status, "%s", p->fault);
	else if (x && result->ok)
		answer_success(x, p, result->status);
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
	static const char *const argv[] = {"tar", "-x", "-z", "-f", "-",
		"--atomic", "--strict-members", "--status-fd", WORKER_STATUS_FD,
		NULL};
	char why[256];
	int dir = make_directory(p);
	if (dir < 0) {
		http_reply_detail(take_exchange(p), status_of_directory(-dir),
			"subsystem %s: %s", buf_cstr(&p->subsystem),
			strerror(-dir));
		unmake_directory(p);
		return false;
	}
	struct worker_request request = {.argv = (char *const *)(uintptr_t)argv,
		.cwd = dir,
		.feed = true,
		.on_room = on_room,
		.on_done = on_done,
		.owner = p};
	p->worker = worker_start(p->g, &request, why, sizeof(why));
	fd_close(&dir);
	if (!p->worker) {
		http_reply_detail(take_exchange(p), 500, "%s", why);
		unmake_directory(p);
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
	ssize_t n = worker_write(p->worker, data);
	/*
	 * A worker that reads no more has failed and will say why; the rest
	 * of the upload has nowhere to go.
	 */
	return n == -EPIPE ? (ssize_t)data.n : n;
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

static void on_end(void *owner, struct http_exchange *x)
{
	struct populate *p = owner;
	(void)x;
	if (p->fault)
		return;
	if (!multipart_ended(&p->form)) {
		refuse(p, 400,
			"the form is cut short: its closing boundary is "
			"missing");
	} else if (!p->archive_seen) {
		struct http_exchange *open = take_exchange(p);
		reply_invalid(open, "missing", "archive", "Field required");
		finish(p);
	} else if (str_trim(buf_str(&p->hooks)).n) {
		refuse(p, 501,
			"post_populate_hooks: not supported by this version");
	} else if (p->worker) {
		worker_end_input(p->worker);
	}
}

/* ------------------------------------------------------------ the request */

static bool read_subsystem(
	struct gateway *g, struct http_exchange *x, struct buf *name)
{
	struct str query = http_request(x)->query;
	buf_init(name, NAME_MAX_BYTES);
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
	*p = (struct populate){.g = g, .x = x, .subsystem = subsystem};
	buf_init(&p->hooks, FIELD_MAX);
	buf_init(&p->carry, 2 * JOIN);
	struct str type = http_field(http_request(x), "Content-Type");
	if (multipart_init(&p->form, type) < 0) {
		if (str_starts(type, STR("multipart/form-data")))
			http_reply_detail(x, 400, "%s", p->form.error);
		else
			reply_invalid(x, "missing", "archive",
				"Field required: send multipart/form-data with "
				"a file part named archive");
		finish(p);
		return;
	}
	http_set_owner(x, p, on_close);
	http_stream(
		x, (struct http_sink){
			   .on_data = on_data, .on_end = on_end, .owner = p});
}
