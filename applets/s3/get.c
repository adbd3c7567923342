/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/get.c - objects to files and pipes.
 *
 * The object is asked for its size and ETag first; then several threads fetch
 * ranges of it, pinned to that ETag. A file gets its data at the right places
 * and its name at the end; a pipe gets it in order, from a buffer of each
 * thread. What the store says about the checksum of the whole is compared.
 */
#include "applets/s3/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename() */
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/rand.h"
#include "lib/size.h"
#include "net/http_date.h"
#include "net/retry.h"

enum { HASH_STEP = 1 << 20 };

struct download {
	struct s3 *s3;
	const struct s3_uri *from;
	const char *file;
	s3_size_fn *on_size; /* or NULL */
	void *owner;
	int fd;
	bool seekable; /* written at places, not in order */
	bool temporary;
	char name[PATH_LEN_MAX]; /* of the temporary file */
	uint64_t size;
	size_t part_size;
	char etag[S3_TEXT];
	bool has_sum;
	enum s3_checksum sum_kind;
	char sum[S3_TEXT]; /* as the store says */
	int64_t modified;
	struct progress progress;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t turn;
	size_t next;           /* range to be fetched */
	size_t written;        /* ranges that went out in order */
	struct buf crcs;       /* uint64_t a range */
	struct s3_sum ordered; /* SHA-256 of what went out in order */
	enum s3_result status;
	char error[S3_ERROR_SIZE];
	bool output_failed;
};

/* one range on its way */
struct range {
	struct download *d;
	size_t index;
	uint64_t offset;
	size_t n;
	size_t done;
	char *data; /* a buffer, unless the output is seekable */
	struct s3_sum sum;
	int write_error;
};

static void failed(struct download *d, enum s3_result r, const char *why)
{
	pthread_mutex_lock(&d->lock);
	if (d->status == S3_OK) {
		d->status = r;
		fmt_str(d->error, sizeof(d->error), "%s", why);
	}
	pthread_cond_broadcast(&d->turn);
	pthread_mutex_unlock(&d->lock);
}

static void output_failed(struct download *d, int err)
{
	pthread_mutex_lock(&d->lock);
	d->output_failed = d->output_failed || d->status == S3_OK;
	pthread_mutex_unlock(&d->lock);
	failed(d, S3_FAILED, strerror(-err));
}

static int write_at(int fd, struct str data, uint64_t at)
{
	while (data.n) {
		ssize_t n = pwrite(fd, data.p, data.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = str_from_index(data, (size_t)n);
		at += (uint64_t)n;
	}
	return 0;
}

static int on_data(void *owner, struct str data)
{
	struct range *r = owner;
	if (data.n > r->n - r->done)
		return -EPROTO;
	if (r->data)
		memcpy(r->data + r->done, data.p, data.n);
	else
		r->write_error = write_at(r->d->fd, data, r->offset + r->done);
	if (r->write_error < 0)
		return -ECANCELED;
	s3_sum_more(&r->sum, data);
	r->done += data.n;
	progress_add(&r->d->progress, data.n);
	return 0;
}

/* fetch it, going on behind what came when the connection broke */
static enum s3_result fetch(struct s3_conn *conn, struct range *r)
{
	struct download *d = r->d;
	enum s3_result result = S3_NETWORK;
	unsigned left = (unsigned)d->s3->o->retries + 1;
	while (left-- && r->done < r->n) {
		char value[64];
		size_t before = r->done;
		struct s3_call call = {.method = "GET",
			.bucket = d->from->bucket,
			.key = d->from->key,
			.on_data = on_data,
			.owner = r,
			.tries = 1};
		fmt_str(value, sizeof(value), "bytes=%llu-%llu",
			(unsigned long long)(r->offset + r->done),
			(unsigned long long)(r->offset + r->n - 1));
		s3_field(&call, "Range", str_of(value));
		if (d->s3->o->version)
			s3_param(&call, "versionId", str_of(d->s3->o->version));
		if (d->etag[0])
			s3_field(&call, "If-Match", str_of(d->etag));
		result = s3_call(conn, &call);
		int status = call.http.head.status;
		if (result == S3_OK && status != 206 &&
			(r->offset || r->n != d->size)) {
			result = S3_FAILED;
			fmt_str(call.error, sizeof(call.error),
				"the store ignores ranges");
			left = 0;
		}
		if (r->done > before && r->done < r->n)
			left += left == 0; /* it moves on */
		bool again = result == S3_NETWORK && !r->write_error &&
			     !s3_cancelled(d->s3) && left;
		if (r->write_error)
			output_failed(d, r->write_error);
		else if (result != S3_OK && !again)
			failed(d, result, call.error);
		unsigned tried = (unsigned)d->s3->o->retries + 1 - left;
		uint64_t ms = again ? retry_wait_ms(tried,
					      status ? &call.http.head : NULL)
				    : 0;
		s3_call_fini(&call);
		if (!again && result != S3_OK)
			break;
		if (again && !retry_sleep(ms, &d->s3->cancel))
			break;
	}
	if (r->done < r->n && result == S3_OK) {
		result = S3_FAILED;
		failed(d, result, "the store sends less than it said");
	}
	return result;
}

/* ranges of it cannot be joined: it is made of the whole, in order */
static bool is_sha(const struct download *d)
{
	return d->has_sum && d->sum_kind == S3_SUM_SHA256;
}

/* the ranges go out one after the other */
static void write_in_turn(struct range *r)
{
	struct download *d = r->d;
	int err = 0;
	pthread_mutex_lock(&d->lock);
	while (d->written != r->index && d->status == S3_OK)
		pthread_cond_wait(&d->turn, &d->lock);
	bool go = d->status == S3_OK;
	pthread_mutex_unlock(&d->lock);
	if (go && is_sha(d))
		s3_sum_more(&d->ordered, str_from(r->data, r->n));
	if (go)
		err = fd_write_full(d->fd, r->data, r->n);
	if (err < 0)
		output_failed(d, err);
	pthread_mutex_lock(&d->lock);
	d->written++;
	pthread_cond_broadcast(&d->turn);
	pthread_mutex_unlock(&d->lock);
}

static void keep_crc(struct range *r)
{
	struct download *d = r->d;
	static const uint64_t none;
	pthread_mutex_lock(&d->lock);
	while (d->crcs.n < (r->index + 1) * sizeof(none) && !d->crcs.err)
		buf_put(&d->crcs, &none, sizeof(none));
	if (!d->crcs.err)
		memcpy(buf_at(&d->crcs, r->index * sizeof(none)), &r->sum.crc,
			sizeof(none));
	pthread_mutex_unlock(&d->lock);
}

static bool take(struct download *d, struct range *r)
{
	pthread_mutex_lock(&d->lock);
	r->offset = (uint64_t)d->next * d->part_size;
	bool ok = d->status == S3_OK && r->offset < d->size;
	if (ok) {
		uint64_t left = d->size - r->offset;
		r->index = d->next++;
		r->n = left < d->part_size ? (size_t)left : d->part_size;
		r->done = 0;
	}
	pthread_mutex_unlock(&d->lock);
	s3_sum_start(
		&r->sum, d->has_sum && !is_sha(d) ? d->sum_kind : S3_SUM_NONE);
	return ok;
}

static void *work(void *arg)
{
	struct download *d = arg;
	struct range r = {.d = d};
	struct s3_conn conn;
	s3_conn_init(&conn, d->s3);
	if (!d->seekable)
		r.data = mem_resize(NULL, d->size < d->part_size
						  ? (size_t)d->size + 1
						  : d->part_size);
	if (!d->seekable && !r.data)
		failed(d, S3_FAILED, "out of memory");
	while (take(d, &r) && fetch(&conn, &r) == S3_OK) {
		keep_crc(&r);
		if (!d->seekable)
			write_in_turn(&r);
	}
	mem_free(r.data);
	s3_conn_fini(&conn);
	return NULL;
}

/* the file is read again for it: what came stands there out of order */
static int hash_file(struct download *d)
{
	char *step = mem_resize(NULL, HASH_STEP);
	uint64_t at = 0;
	ssize_t n = step ? 1 : -ENOMEM;
	while (n > 0 && at < d->size) {
		n = pread(d->fd, step, HASH_STEP, (off_t)at);
		if (n < 0)
			n = -errno;
		if (n > 0)
			s3_sum_more(&d->ordered, str_from(step, (size_t)n));
		at += n > 0 ? (uint64_t)n : 0;
	}
	mem_free(step);
	return n < 0 ? (int)n : 0;
}

static void join_crcs(struct download *d, struct s3_sum *all)
{
	struct s3_sum part;
	s3_sum_start(all, d->sum_kind);
	s3_sum_start(&part, d->sum_kind);
	for (size_t i = 0; i < d->next; i++) {
		uint64_t at = (uint64_t)i * d->part_size;
		uint64_t left = d->size - at;
		memcpy(&part.crc, buf_at(&d->crcs, i * sizeof(part.crc)),
			sizeof(part.crc));
		s3_sum_join(
			all, &part, left < d->part_size ? left : d->part_size);
	}
}

/* does what came have the checksum that the store keeps? */
static void verify(struct download *d)
{
	char text[S3_TEXT];
	if (!d->has_sum || d->crcs.err)
		return;
	int err = is_sha(d) && d->seekable ? hash_file(d) : 0;
	if (err) {
		output_failed(d, err);
		return;
	}
	if (!is_sha(d))
		join_crcs(d, &d->ordered);
	s3_sum_text(&d->ordered, text);
	if (strcmp(text, d->sum) != 0)
		failed(d, S3_FAILED,
			"the checksum of what came is not the store's");
}

/* -------------------------------------------------------------- the object */

static enum s3_result look(struct download *d)
{
	struct s3_conn conn;
	struct str sum;
	struct s3_call call = {.method = "HEAD",
		.bucket = d->from->bucket,
		.key = d->from->key};
	s3_conn_init(&conn, d->s3);
	s3_field(&call, "x-amz-checksum-mode", STR("ENABLED"));
	if (d->s3->o->version)
		s3_param(&call, "versionId", str_of(d->s3->o->version));
	enum s3_result r = s3_call(&conn, &call);
	const struct http_head *head = &call.http.head;
	if (r != S3_OK) {
		failed(d, r, call.error);
	} else if (!str_to_u64(http_field(head, "Content-Length"), &d->size)) {
		failed(d, r = S3_FAILED, "the store does not tell its size");
	} else {
		struct str date = http_field(head, "Last-Modified");
		fmt_str(d->etag, sizeof(d->etag), "%.*s",
			STR_FMT(http_field(head, "ETag")));
		d->has_sum = s3_sum_of_head(head, &d->sum_kind, &sum);
		if (d->has_sum)
			fmt_str(d->sum, sizeof(d->sum), "%.*s", STR_FMT(sum));
		if (!date.p || !http_date_read(date, &d->modified))
			d->modified = -1;
	}
	s3_call_fini(&call);
	s3_conn_fini(&conn);
	return r;
}

static int open_output(struct download *d)
{
	struct stat st;
	char random[9];
	if (strcmp(d->file, "-") == 0) {
		d->fd = STDOUT_FILENO;
		return 0;
	}
	if (stat(d->file, &st) == 0 && !S_ISREG(st.st_mode)) {
		d->fd = open(d->file, O_WRONLY | O_CLOEXEC);
		return d->fd < 0 ? -errno : 0;
	}
	if (rand_hex(random, 4) < 0)
		return -EIO;
	if (fmt_str(d->name, sizeof(d->name), "%s.%s.part", d->file, random) >=
		sizeof(d->name))
		return -ENAMETOOLONG;
	d->fd = open(d->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	d->temporary = d->fd >= 0;
	d->seekable = d->temporary;
	return d->fd < 0 ? -errno : 0;
}

static void finish_output(struct download *d)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)d->modified}};
	int r = 0;
	if (!d->temporary) {
		if (d->fd > STDOUT_FILENO)
			fd_close(&d->fd);
		return;
	}
	if (d->modified >= 0)
		(void)futimens(d->fd, times);
	if (close(d->fd) < 0)
		r = -errno;
	d->fd = -1;
	if (r == 0 && d->status == S3_OK && rename(d->name, d->file) < 0)
		r = -errno;
	if (r < 0)
		output_failed(d, r);
	if (d->status != S3_OK)
		unlink(d->name);
}

static void run(struct download *d)
{
	pthread_t thread[64] = {0};
	size_t ranges = (size_t)((d->size + d->part_size - 1) / d->part_size);
	size_t most = S3_MEMORY / d->part_size;
	size_t count = size_min(d->s3->o->threads, ranges);
	size_t started = 0;
	if (!d->seekable)
		count = size_min(count, most ? most : 1);
	for (size_t i = 1; i < count; i++)
		started += pthread_create(&thread[started], NULL, work, d) == 0;
	if (ranges)
		work(d);
	for (size_t i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	if (d->status == S3_OK && s3_cancelled(d->s3))
		failed(d, S3_FAILED, "interrupted");
	if (d->status == S3_OK)
		verify(d);
}

static enum s3_result download(struct download *d, struct s3_done *done)
{
	struct s3 *s3 = d->s3;
	*done = (struct s3_done){0};
	d->fd = -1;
	d->part_size = (size_t)s3->o->part_mb << 20;
	s3_sum_start(&d->ordered, S3_SUM_SHA256);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->turn, NULL);
	buf_init(&d->crcs, SIZE_MAX / 2);
	if (look(d) == S3_OK) {
		int r = open_output(d);
		if (r == 0 && d->on_size)
			r = d->on_size(d->owner, d->size, d->modified);
		if (r < 0)
			output_failed(d, r);
		progress_init(&d->progress, s3->o->quiet, d->size);
		if (r == 0)
			run(d);
		progress_end(&d->progress);
		if (r == 0)
			finish_output(d);
	}
	done->bytes = d->size;
	memcpy(done->etag, d->etag, sizeof(d->etag));
	if (d->status != S3_OK && d->output_failed)
		s3_warn("%s: %s",
			strcmp(d->file, "-") == 0 ? "standard output" : d->file,
			d->error);
	else if (d->status != S3_OK)
		s3_complain(d->from->bucket, d->from->key, d->error);
	buf_fini(&d->crcs);
	pthread_cond_destroy(&d->turn);
	pthread_mutex_destroy(&d->lock);
	return d->status;
}

enum s3_result s3_get_file(struct s3 *s3, const struct s3_uri *from,
	const char *file, struct s3_done *done)
{
	struct download d = {.s3 = s3, .from = from, .file = file};
	return download(&d, done);
}

enum s3_result s3_get_stream(struct s3 *s3, const struct s3_uri *from,
	s3_size_fn *on_size, void *owner, struct s3_done *done)
{
	struct download d = {.s3 = s3,
		.from = from,
		.file = "-",
		.on_size = on_size,
		.owner = owner};
	return download(&d, done);
}
