/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/pack.c - get --tar: objects below prefixes as one tar archive.
 *
 * The lists are read page by page while several threads fetch. A small object
 * is fetched into its thread's buffer and becomes a member when that thread
 * gets hold of the output; a large one holds the output and comes in parallel
 * ranges. So memory is bounded, whatever is there, and the order is any.
 */
#include "applets/s3/s3.h"

#include <errno.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/tar_write.h"
#include "net/http_date.h"

enum {
	SMALL_MAX = 2 << 20,
	QUEUE_LEN = 256, /* listed and not fetched yet */
	HEADER_MAX = 4 * TAR_META_MAX,
	MODE_FILE = 0664,
	MODE_DIR = 0775,
	COMPONENT_MAX = 255,
};

struct item {
	struct str bucket;
	char *key; /* owned, key_len bytes and a NUL */
	size_t key_len;
	char *name; /* of the member, within key or of the source */
	uint64_t size;
	int64_t modified;
};

struct pack {
	struct s3 *s3;
	struct s3_uri from;   /* the source that is listed */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct item queue[QUEUE_LEN];
	size_t first, n;
	bool listed; /* no more are coming */
	enum s3_result status;
	pthread_mutex_t output; /* of what follows */
	uint64_t written;
};

static void fail(struct pack *p, enum s3_result r)
{
	pthread_mutex_lock(&p->lock);
	if (p->status == S3_OK)
		p->status = r;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* ----------------------------------------------------------- what is listed */

/* the name below the target; n == 0: the key is not of this source */
static struct str name_of(const struct pack *p, struct str key)
{
	struct str prefix = p->from.key;
	struct str rest = str_from_index(key, prefix.n);
	bool below = prefix.n == 0 || str_ends(prefix, STR("/")) ||
		     (rest.n && *rest.p == '/');
	if (rest.n && !below && !p->s3->o->raw_prefix)
		return STR("");
	while (rest.n && *rest.p == '/')
		rest = str_from_index(rest, 1);
	if (rest.n)
		return rest;
	/* the source names this object itself */
	size_t at = key.n;
	while (at && key.p[at - 1] == '/')
		at--;
	bool marker = at < key.n;
	while (at && key.p[at - 1] != '/')
		at--;
	/* the marker of the prefix itself stands for the target */
	return marker ? STR("") : str_from_index(key, at);
}

static bool name_sound(struct str name)
{
	struct str rest = name;
	if (name.n >= PATH_LEN_MAX || str_index(name, '\0') < name.n)
		return false;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (str_is(part, "..") || part.n > COMPONENT_MAX)
			return false;
	}
	return true;
}

static enum s3_result on_object(void *owner, const struct s3_object *o)
{
	struct pack *p = owner;
	struct str name = name_of(p, o->key);
	if (name.n == 0)
		return S3_OK;
	if (!name_sound(name) || (str_ends(name, STR("/")) && o->size)) {
		s3_complain(
			p->from.bucket, o->key, "no file can have this name");
		return S3_NAME;
	}
	struct item item = {.bucket = p->from.bucket,
		.key = mem_dup(o->key.p, o->key.n),
		.key_len = o->key.n,
		.size = o->size};
	if (!item.key)
		return S3_FAILED;
	item.name = item.key + (name.p - o->key.p);
	if (!http_date_read_iso(o->modified, &item.modified))
		item.modified = 0;
	pthread_mutex_lock(&p->lock);
	while (p->n == QUEUE_LEN && p->status == S3_OK)
		pthread_cond_wait(&p->changed, &p->lock);
	enum s3_result r = p->status;
	if (r == S3_OK)
		p->queue[(p->first + p->n++) % QUEUE_LEN] = item;
	else
		mem_free(item.key);
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return s3_cancelled(p->s3) ? S3_FAILED : r;
}

static void list_sources(struct pack *p, char **args, int n)
{
	struct s3_conn conn;
	s3_conn_init(&conn, p->s3);
	for (int i = 0; i < n && p->status == S3_OK; i++) {
		p->from = s3_uri_of(args[i]);
		struct s3_listing l = {.conn = &conn,
			.bucket = p->from.bucket,
			.prefix = p->from.key,
			.flat = true,
			.each = on_object,
			.owner = p};
		enum s3_result r = s3_list(&l);
		if (r != S3_OK && r != S3_NAME && p->status == S3_OK)
			s3_complain(p->from.bucket, p->from.key,
				l.error[0] ? l.error : "interrupted");
		if (r != S3_OK)
			fail(p, r);
	}
	s3_conn_fini(&conn);
	pthread_mutex_lock(&p->lock);
	p->listed = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static bool take(struct pack *p, struct item *item)
{
	pthread_mutex_lock(&p->lock);
	while (p->n == 0 && !p->listed && p->status == S3_OK)
		pthread_cond_wait(&p->changed, &p->lock);
	bool ok = p->n > 0 && p->status == S3_OK && !s3_cancelled(p->s3);
	if (ok) {
		*item = p->queue[p->first];
		p->first = (p->first + 1) % QUEUE_LEN;
		p->n--;
	}
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

/* --------------------------------------------------------------- the output */

static int put(struct pack *p, struct str data)
{
	int r = fd_write_full(STDOUT_FILENO, data.p, data.n);
	p->written += r == 0 ? data.n : 0;
	return r;
}

static int put_header(struct pack *p, const struct item *item, uint64_t size,
	int64_t modified)
{
	struct buf header;
	struct str name = str_of(item->name);
	bool dir = str_ends(name, STR("/"));
	const struct tar_entry e = {.type = dir ? TAR_DIR : TAR_FILE,
		.name = name,
		.mode = dir ? MODE_DIR : MODE_FILE,
		.size = size,
		.mtime = {.tv_sec = modified > 0 ? (time_t)modified : 0}};
	buf_init(&header, HEADER_MAX);
	tar_write_header(&header, &e, 0);
	int r = header.err ? header.err : put(p, buf_str(&header));
	buf_fini(&header);
	return r;
}

static int put_padding(struct pack *p, uint64_t size)
{
	static const char zeros[TAR_BLOCK];
	return put(p, str_from(zeros, (size_t)tar_padding(size)));
}

static void output_failed(struct pack *p, int err)
{
	s3_warn("standard output: %s", strerror(-err));
	fail(p, S3_FAILED);
}

/* ----------------------------------------------------------- a large object */

struct large {
	struct pack *p;
	const struct item *item;
	uint64_t size;
};

static int on_size(void *owner, uint64_t size, int64_t modified)
{
	struct large *l = owner;
	l->size = size;
	return put_header(l->p, l->item, size, modified);
}

static void fetch_large(struct pack *p, const struct item *item)
{
	struct large l = {.p = p, .item = item};
	struct s3_done done;
	struct s3_uri from = {.remote = true,
		.bucket = item->bucket,
		.key = str_from(item->key, item->key_len)};
	pthread_mutex_lock(&p->output);
	enum s3_result r = p->status == S3_OK ? s3_get_stream(p->s3, &from,
							on_size, &l, &done)
					      : S3_OK;
	int err = 0;
	if (r == S3_OK && p->status == S3_OK) {
		p->written += l.size;
		err = put_padding(p, l.size);
		p->s3->objects++;
		p->s3->bytes += l.size;
	}
	pthread_mutex_unlock(&p->output);
	if (err)
		output_failed(p, err);
	if (r != S3_OK)
		fail(p, r);
}

/* ----------------------------------------------------------- a small object */

struct small {
	char *data; /* SMALL_MAX bytes */
	size_t n;
};

static int on_data(void *owner, struct str data)
{
	struct small *s = owner;
	if (data.n > SMALL_MAX - s->n)
		return -EFBIG; /* it has grown since it was listed */
	memcpy(s->data + s->n, data.p, data.n);
	s->n += data.n;
	return 0;
}

static void on_restart(void *owner)
{
	struct small *s = owner;
	s->n = 0;
}

static bool sum_matches(const struct http_head *head, struct str data)
{
	enum s3_checksum kind;
	struct str value;
	struct s3_sum sum;
	char text[S3_TEXT];
	if (!s3_sum_of_head(head, &kind, &value))
		return true;
	s3_sum_start(&sum, kind);
	s3_sum_more(&sum, data);
	s3_sum_text(&sum, text);
	return str_is(value, text);
}

static enum s3_result get_small(
	struct s3_conn *conn, const struct item *item, struct small *s)
{
	struct s3_call call = {.method = "GET",
		.bucket = item->bucket,
		.key = str_from(item->key, item->key_len),
		.on_data = on_data,
		.on_restart = on_restart,
		.owner = s};
	s->n = 0;
	s3_field(&call, "x-amz-checksum-mode", STR("ENABLED"));
	enum s3_result r = s3_call(conn, &call);
	const char *why = r == S3_OK ? NULL : call.error;
	if (r == S3_OK &&
		!sum_matches(&call.http.head, str_from(s->data, s->n))) {
		why = "the checksum of what came is not the store's";
		r = S3_FAILED;
	}
	if (why)
		s3_complain(item->bucket, call.key, why);
	s3_call_fini(&call);
	return r;
}

static void fetch_small(struct pack *p, struct s3_conn *conn,
	const struct item *item, struct small *s)
{
	enum s3_result r = S3_OK;
	s->n = 0;
	/* a marker has nothing to fetch, and an empty object neither */
	if (item->size)
		r = get_small(conn, item, s);
	if (r != S3_OK) {
		fail(p, r);
		return;
	}
	pthread_mutex_lock(&p->output);
	int err = put_header(p, item, s->n, item->modified);
	if (err == 0)
		err = put(p, str_from(s->data, s->n));
	if (err == 0)
		err = put_padding(p, s->n);
	p->s3->objects++;
	p->s3->bytes += s->n;
	pthread_mutex_unlock(&p->output);
	if (err)
		output_failed(p, err);
}

static void *work(void *arg)
{
	struct pack *p = arg;
	struct item item;
	struct small s = {.data = mem_resize(NULL, SMALL_MAX)};
	struct s3_conn conn;
	s3_conn_init(&conn, p->s3);
	if (!s.data)
		fail(p, S3_FAILED);
	while (take(p, &item)) {
		if (item.size > SMALL_MAX)
			fetch_large(p, &item);
		else
			fetch_small(p, &conn, &item, &s);
		mem_free(item.key);
	}
	s3_conn_fini(&conn);
	mem_free(s.data);
	return NULL;
}

/* ------------------------------------------------------------------ command */

static void end(struct pack *p)
{
	struct buf zeros;
	if (p->status == S3_OK && s3_cancelled(p->s3))
		p->status = S3_FAILED;
	buf_init(&zeros, 2 * TAR_RECORD);
	tar_write_end(&zeros, p->written);
	int err = p->status == S3_OK ? put(p, buf_str(&zeros)) : 0;
	if (err)
		output_failed(p, err);
	buf_fini(&zeros);
	for (; p->n; p->n--)
		mem_free(p->queue[(p->first + p->n - 1) % QUEUE_LEN].key);
}

int s3_pack(struct s3 *s3, char **args, int n)
{
	pthread_t thread[64] = {0};
	size_t started = 0;
	if (n < 2 || strcmp(args[n - 1], "-") != 0)
		die_usage("get --tar wants s3://BUCKET/KEY... and -");
	for (int i = 0; i < n - 1; i++)
		(void)s3_uri_remote(args[i], false);
	if (isatty(STDOUT_FILENO))
		die_usage("refusing to write an archive to a terminal");
	struct pack *p = mem_new(sizeof(*p));
	if (!p)
		die(S3_FAILED, "out of memory");
	p->s3 = s3;
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->output, NULL);
	pthread_cond_init(&p->changed, NULL);
	for (size_t i = 0; i < s3->o->threads; i++)
		if (pthread_create(&thread[started], NULL, work, p) == 0)
			started++;
	if (started == 0)
		die(S3_FAILED, "no thread can be started");
	list_sources(p, args, n - 1);
	for (size_t i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	end(p);
	int status = p->status;
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->output);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
	return status;
}
