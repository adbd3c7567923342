/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/snapshot_s3.c - POST /data/snapshot/s3: both subsystems into
 * a store, as one archive or as an object for each file; and POST
 * /data/rootfs/capture: what changed beside them.
 *
 * input: untrusted
 *
 * `tar -cz` -> pipe -> `s3 put -`. We keep the pipe's writing end open until
 * tar has said that all is well, so that an archive that was cut short never
 * becomes an object. As files: `s3 put -r` for one subsystem after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "applets/gateway/hooks.h"
#include "applets/gateway/job.h"
#include "applets/gateway/rootfs.h"
#include "applets/gateway/store.h"
#include "applets/gateway/worker.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/rand.h"

enum {
	BODY_MAX = 1 << 20,
	ARENA_MAX = 8 << 20,
	TEXT_MAX = 1 << 20,
	KEY_MAX = 4096,
	ID_BYTES = 16,
};

#define URL_LIFETIME "604800" /* seconds: as long as a signature can last */

struct push {
	struct gateway *g;
	struct job *job;
	struct arena arena;
	char **env;
	bool files;
	bool rootfs;
	uint64_t begun_ms;
	const char *without_files; /* of a root file system: patterns */
	const char *without_apps_data;
	struct buf id;
	struct buf base; /* s3://BUCKET/PREFIX, an ID follows */
	struct str hooks;
	struct hooks *running;
	struct buf times;
	struct worker *tar;
	struct worker *s3;
	int hold;    /* the pipe's writing end */
	size_t root; /* files: which subsystem is next */
	uint64_t objects, bytes;
	struct buf url;
	struct buf notes; /* raw list of what could not be archived */
	int fault;
	struct buf why;
};

static void release(struct push *p)
{
	fd_close(&p->hold);
	buf_fini(&p->id);
	buf_fini(&p->base);
	buf_fini(&p->times);
	buf_fini(&p->url);
	buf_fini(&p->notes);
	buf_fini(&p->why);
	arena_fini(&p->arena);
	mem_free(p);
}

/* what follows the ID in the key of an archive */
static const char *archive_name(const struct push *p)
{
	return p->rootfs ? "/rootfs-layer.tar.gz" : ".tar.gz";
}

/* ------------------------------------------------------------------ the end */

static void put_result(struct push *p, struct json_writer *w)
{
	struct buf uri;
	json_w_open(w, '{');
	if (!p->rootfs) {
		json_w_key(w, "snapshot_id");
		json_w_str(w, buf_str(&p->id));
	}
	if (p->files) {
		json_w_key(w, "files_uploaded");
		json_w_u64(w, p->objects);
		json_w_key(w, "total_bytes");
		json_w_u64(w, p->bytes);
	} else {
		buf_init(&uri, 2 * KEY_MAX);
		buf_put_str(&uri, buf_str(&p->base));
		buf_put_str(&uri, buf_str(&p->id));
		buf_puts(&uri, archive_name(p));
		json_w_key(w, "s3_uri");
		json_w_str(w, buf_str(&uri));
		if (!p->rootfs) {
			json_w_key(w, "presigned_url");
			json_w_raw(w, buf_str(&p->url));
		}
		json_w_key(w, "size_bytes");
		json_w_u64(w, p->bytes);
		buf_fini(&uri);
	}
	if (p->rootfs) {
		uint64_t ms = clock_ms() - p->begun_ms;
		char text[32];
		fmt_str(text, sizeof(text), "%llu.%03u",
			(unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
		json_w_key(w, "duration_s");
		json_w_raw(w, str_of(text));
	} else {
		json_w_key(w, "hook_timings");
		json_w_raw(w, buf_str(&p->times));
	}
	if (p->notes.n > 2) {
		json_w_key(w, "incomplete");
		json_w_raw(w, buf_str(&p->notes));
	}
	json_w_close(w, '}');
}

/* every process has ended */
static void conclude(struct push *p)
{
	struct buf body;
	struct json_writer w = {.out = &body};
	buf_init(&body, 2 * TEXT_MAX);
	if (p->fault) {
		job_endf(p->job, p->fault, "snapshot %s to %s: %s",
			buf_cstr(&p->id), buf_cstr(&p->base),
			buf_cstr(&p->why));
	} else {
		put_result(p, &w);
		job_end(p->job, 200, buf_str(&body));
	}
	buf_fini(&body);
	release(p);
}

/* the first fault is the one that is told */
static void blame(struct push *p, int status, const char *what,
	const struct worker_result *result)
{
	if (p->fault)
		return;
	p->fault = status;
	worker_put_error(&p->why, what, result);
}

static void fault_text(struct push *p, const char *why)
{
	if (p->fault)
		return;
	p->fault = 500;
	buf_puts(&p->why, why);
}

/* -------------------------------------------------------------- one archive */

/* the upload is aborted when it has not seen the end of its input */
static void undo(struct push *p)
{
	if (p->s3)
		worker_interrupt(p->s3);
	if (p->tar)
		worker_interrupt(p->tar);
	fd_close(&p->hold);
}

static void on_tar_done(void *owner, const struct worker_result *result)
{
	struct push *p = owner;
	p->tar = NULL;
	if (result->ok) {
		struct str notes = json_member(result->status, "notes");
		if (notes.p)
			buf_put_str(&p->notes, notes);
		fd_close(&p->hold);
	} else {
		blame(p, 500, "archive", result);
		undo(p);
	}
	if (!p->s3)
		conclude(p);
}

static void on_put_done(void *owner, const struct worker_result *result)
{
	struct push *p = owner;
	p->s3 = NULL;
	if (result->ok) {
		(void)json_u64(json_member(result->status, "bytes"), &p->bytes);
		struct str url = json_member(result->status, "url");
		buf_put_str(&p->url, url.p ? url : STR("null"));
	} else {
		blame(p, store_status(worker_kind(result)), "upload", result);
		undo(p);
	}
	if (!p->tar)
		conclude(p);
}

static const char *joined(struct push *p, const char *end)
{
	size_t n = p->base.n + p->id.n + strlen(end);
	char *text = arena_new(&p->arena, n + 1);
	if (text)
		fmt_str(text, n + 1, "%s%s%s", buf_cstr(&p->base),
			buf_cstr(&p->id), end);
	return text;
}

static bool start_put(struct push *p, int in, char *why, size_t size)
{
	const char *to = joined(p, archive_name(p));
	const char *const argv[] = {"s3", "put",
		"--status-fd=" WORKER_STATUS_FD, "--presign",
		"--expires-in=" URL_LIFETIME, "--content-type=application/gzip",
		"--", "-", to, NULL};
	const struct worker_request request = {
		.argv = (char *const *)(uintptr_t)argv,
		.envp = p->env,
		.in = in,
		.on_done = on_put_done,
		.owner = p};
	p->s3 = to ? worker_start(p->g, &request, why, size) : NULL;
	return p->s3 != NULL;
}

static bool start_tar(struct push *p, char *why, size_t size)
{
	struct gateway *g = p->g;
	const char *const data[] = {"tar", "-c", "-z", "-S", "-f", "-",
		"--format=posix", "--ignore-missing", "--ignore-failed-read",
		"--status-fd", WORKER_STATUS_FD, "--", g->files, g->apps_data,
		NULL};
	/* what is made at run time, or is data, is no part of the layer */
	const char *const layer[] = {"tar", "-c", "-z", "-S", "-f", "-",
		"--format=posix", "--numeric-owner", "--xattrs",
		"--ignore-failed-read", "--one-file-system",
		"--newer=./" ROOTFS_MARKER, "--exclude=./proc",
		"--exclude=./sys", "--exclude=./dev", "--exclude=./run",
		"--exclude=./tmp", "--exclude=./var/tmp",
		"--exclude=./var/lib/apt/lists", "--exclude=./var/cache/apt",
		"--exclude", p->without_files, "--exclude",
		p->without_apps_data, "--status-fd", WORKER_STATUS_FD, "--",
		".", NULL};
	const struct worker_request request = {
		.argv = (char *const *)(uintptr_t)(p->rootfs ? layer : data),
		.cwd = g->root,
		.out = p->hold,
		.on_done = on_tar_done,
		.owner = p};
	p->tar = worker_start(g, &request, why, size);
	return p->tar != NULL;
}

static void start_archive(struct push *p)
{
	char why[256] = "out of memory";
	int ends[2] = {-1, -1};
	int r = fd_pipe(ends);
	p->hold = ends[1];
	if (r < 0)
		fmt_str(why, sizeof(why), "%s", strerror(-r));
	bool ok = r == 0 && start_put(p, ends[0], why, sizeof(why));
	fd_close(&ends[0]);
	if (ok && start_tar(p, why, sizeof(why)))
		return;
	fault_text(p, why);
	undo(p);
	if (!p->s3)
		conclude(p);
}

/* -------------------------------------------------------- a file, an object */

static void next_root(struct push *p);

static void on_tree_done(void *owner, const struct worker_result *result)
{
	struct push *p = owner;
	uint64_t n = 0;
	p->s3 = NULL;
	if (!result->ok) {
		blame(p, store_status(worker_kind(result)), "upload", result);
		conclude(p);
		return;
	}
	if (json_u64(json_member(result->status, "objects"), &n))
		p->objects += n;
	if (json_u64(json_member(result->status, "bytes"), &n))
		p->bytes += n;
	next_root(p);
}

static void next_root(struct push *p)
{
	struct gateway *g = p->g;
	char why[256] = "out of memory";
	const char *const roots[] = {g->files, g->apps_data};
	int dir = -ENOENT;
	const char *name = NULL;
	while (dir == -ENOENT && p->root < 2) {
		name = roots[p->root++];
		dir = path_open_nofollow(
			g->root, name, O_PATH | O_DIRECTORY, 0);
	}
	if (dir == -ENOENT || p->fault) {
		fd_close(&dir);
		conclude(p);
		return;
	}
	char *end = arena_new(&p->arena, strlen(name) + 3);
	if (end)
		fmt_str(end, strlen(name) + 3, "/%s/", name);
	const char *to = end ? joined(p, end) : NULL;
	const char *const argv[] = {"s3", "put", "-r", "-q", "--follow-links",
		"--status-fd=" WORKER_STATUS_FD, "--", ".", to, NULL};
	const struct worker_request request = {
		.argv = (char *const *)(uintptr_t)argv,
		.envp = p->env,
		.cwd = dir,
		.on_done = on_tree_done,
		.owner = p};
	if (dir < 0)
		fmt_str(why, sizeof(why), "%s: %s", name, strerror(-dir));
	else if (to)
		p->s3 = worker_start(g, &request, why, sizeof(why));
	fd_close(&dir);
	if (p->s3)
		return;
	fault_text(p, why);
	conclude(p);
}

/* ----------------------------------------------------------------- the start */

static void on_hooks(void *owner, bool ok, struct str text)
{
	struct push *p = owner;
	p->running = NULL;
	if (!ok) {
		job_end(p->job, 500, text);
		release(p);
		return;
	}
	buf_put_str(&p->times, text);
	if (p->files)
		next_root(p);
	else
		start_archive(p);
}

static void on_cancel(void *work)
{
	struct push *p = work;
	fault_text(p, "cancelled");
	if (p->running)
		hooks_interrupt(p->running);
	else
		undo(p);
}

static bool read_id(struct push *p, struct str raw)
{
	char random[2 * ID_BYTES + 1];
	if (raw.p) {
		json_unquote(&p->id, raw);
		return !p->id.err && store_id_sound(buf_str(&p->id));
	}
	if (rand_hex(random, ID_BYTES) < 0)
		return false;
	buf_putf(&p->id, "snap_%s", random);
	return true;
}

static void refuse_id(struct http_exchange *x)
{
	http_reply_detail(x, 400,
		"snapshot_id: letters, digits, '_' and '-' only, 1 to 200 of "
		"them");
}

static bool read_body(struct push *p, struct fields *f, struct str body,
	struct str *id, struct str *credentials)
{
	struct str hooks, format, zip;
	if (!fields_get(f, body, "format", JSON_STRING, &format) ||
		!fields_get(f, body, "snapshot_id", JSON_STRING, id) ||
		!fields_get(f, body, "snapshot_zip_enabled", JSON_BOOL, &zip) ||
		!fields_get(f, body, "pre_snapshot_hooks", JSON_ARRAY, &hooks))
		return false;
	fields_enter(f, "pre_snapshot_hooks");
	if (!hooks_check(f, hooks))
		return false;
	fields_leave(f);
	p->files = format.p && json_str_is(format, STR("files"));
	if (hooks.p) {
		const char *copy = arena_dup(&p->arena, hooks);
		if (!copy)
			return fields_fail(f, "value_error", "out of memory");
		p->hooks = str_from(copy, hooks.n);
	}
	return store_credentials(f, body, credentials);
}

static struct push *new_push(struct gateway *g)
{
	struct push *p = mem_new(sizeof(*p));
	if (!p)
		return NULL;
	p->g = g;
	p->hold = -1;
	p->hooks = STR("[]");
	arena_init(&p->arena, ARENA_MAX);
	buf_init(&p->id, KEY_MAX);
	buf_init(&p->base, KEY_MAX);
	buf_init(&p->times, TEXT_MAX);
	buf_init(&p->url, TEXT_MAX);
	buf_init(&p->notes, TEXT_MAX);
	buf_init(&p->why, TEXT_MAX);
	p->begun_ms = clock_ms();
	buf_putf(&p->base, "s3://%s/", store_bucket());
	store_prefix(&p->base);
	return p;
}

/* the work itself; a job that ends at once has answered */
static void begin(struct push *p)
{
	job_on_cancel(p->job, on_cancel, p);
	p->running = hooks_start(p->g, p->hooks, on_hooks, p);
	if (p->running)
		return;
	job_end(p->job, 500, STR("out of memory"));
	release(p);
}

static void start(struct gateway *g, struct http_exchange *x, struct str body,
	bool background)
{
	struct fields f = {0};
	struct str object, credentials = {NULL, 0}, id = {NULL, 0};
	const char *why = "out of memory";
	if ((body.n && !require_json(x)) ||
		!fields_body(x, body, true, &object))
		return;
	struct push *p = new_push(g);
	if (!p) {
		http_reply_detail(x, 500, "%s", why);
		return;
	}
	bool ok = read_body(p, &f, object, &id, &credentials);
	if (!ok)
		fields_refuse(&f, x);
	else if (!read_id(p, id))
		refuse_id(x);
	else if (!(p->env = store_env(&p->arena, credentials, &why)))
		http_reply_detail(x, 500, "%s", why);
	else
		p->job = job_new(g, x, JOB_SNAPSHOT, background);
	if (!p->job) {
		release(p);
		return;
	}
	begin(p);
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	start(owner, x, body, false);
}

static void on_body_start(void *owner, struct http_exchange *x, struct str body)
{
	start(owner, x, body, true);
}

/* ----------------------------------------------------- a root file system */

static const char *pattern_of(struct push *p, const char *name)
{
	char *text = arena_new(&p->arena, strlen(name) + 3);
	if (text)
		fmt_str(text, strlen(name) + 3, "./%s", name);
	return text;
}

static void on_capture(void *owner, struct http_exchange *x, struct str body)
{
	struct gateway *g = owner;
	struct fields f = {0};
	struct str object, credentials = {NULL, 0}, id = {NULL, 0};
	const char *why = "out of memory";
	if (!require_json(x) || !fields_body(x, body, false, &object))
		return;
	struct push *p = new_push(g);
	if (!p) {
		http_reply_detail(x, 500, "%s", why);
		return;
	}
	p->rootfs = true;
	p->without_files = pattern_of(p, g->files);
	p->without_apps_data = pattern_of(p, g->apps_data);
	if (!fields_need(&f, object, "snapshot_id", JSON_STRING, &id) ||
		!store_credentials(&f, object, &credentials))
		fields_refuse(&f, x);
	else if (!read_id(p, id))
		refuse_id(x);
	else if (!rootfs_marked(g))
		http_reply_detail(x, 400,
			"no baseline yet: POST /data/rootfs/baseline sets it");
	else if (!p->without_files || !p->without_apps_data ||
		 !(p->env = store_env(&p->arena, credentials, &why)))
		http_reply_detail(x, 500, "%s", why);
	else
		p->job = job_new(g, x, JOB_ROOTFS, false);
	if (p->job)
		begin(p);
	else
		release(p);
}

void rootfs_capture(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_capture, g);
}

void snapshot_s3_post(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body, g);
}

void snapshot_s3_start(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body_start, g);
}
