/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/put.c - files and pipes to objects.
 *
 * One request when it fits into a part; else a multipart upload by several
 * threads, each with a connection and a buffer of one part. Input that cannot
 * be read at any place is read by whoever holds the lock.
 */
#include "applets/s3/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/size.h"
#include "net/xml.h"

enum {
	GROW_EVERY = 1000, /* parts of unknown length double after so many */
	POLL_MS = 200,
	COMPLETE_MAX = 4 << 20,
	READ_STEP = 128 * 1024, /* is hashed while it is in the cache */
};

struct upload {
	struct s3 *s3;
	const struct s3_uri *to;
	int dir; /* file is below it; -1: anywhere */
	const char *file;
	int fd;
	bool seekable;
	uint64_t size; /* when it is seekable */
	size_t part_size;
	char id[S3_UPLOAD_ID_MAX];
	struct buf known; /* struct s3_part: what an earlier run sent */
	struct progress progress;
	pthread_mutex_t lock; /* of what follows */
	struct buf parts;     /* struct s3_part */
	size_t next;          /* number of the next part, from 0 */
	uint64_t offset;
	bool ended;
	enum s3_result status;
	char error[S3_ERROR_SIZE];
	bool input_failed; /* the error is about the file */
	bool kept;         /* for another --resume */
	uint64_t bytes;
};

/* one part on its way */
struct taken {
	size_t number; /* from 0 */
	uint64_t offset;
	size_t n;
	struct s3_digest digest; /* made while it was read, and still hot */
};

static void failed(struct upload *u, enum s3_result r, const char *why)
{
	if (u->status == S3_OK) {
		u->status = r;
		fmt_str(u->error, sizeof(u->error), "%s", why);
	}
	u->ended = true;
}

static void input_failed(struct upload *u, int err)
{
	u->input_failed = u->status == S3_OK;
	failed(u, S3_FAILED, err ? strerror(-err) : "it became shorter");
}

/* like fd_read_full(), but the flag of a signal ends it */
static ssize_t read_input(
	struct upload *u, char *p, size_t n, struct s3_digest *digest)
{
	size_t done = 0;
	s3_digest_start(digest, u->s3, u->s3->o->chunked);
	while (done < n) {
		struct pollfd ready = {.fd = u->fd, .events = POLLIN};
		if (s3_cancelled(u->s3))
			return -EINTR;
		if (poll(&ready, 1, POLL_MS) == 0)
			continue;
		ssize_t r =
			fd_read(u->fd, p + done, size_min(n - done, READ_STEP));
		if (r < 0)
			return r;
		if (r == 0)
			break;
		s3_digest_more(digest, str_from(p + done, (size_t)r));
		done += (size_t)r;
	}
	return (ssize_t)done;
}

/* the part t; the bytes that there were */
static size_t read_at(const struct upload *u, char *p, struct taken *t)
{
	size_t done = 0;
	s3_digest_start(&t->digest, u->s3, u->s3->o->chunked);
	while (done < t->n) {
		ssize_t r =
			pread(u->fd, p + done, size_min(t->n - done, READ_STEP),
				(off_t)(t->offset + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		s3_digest_more(&t->digest, str_from(p + done, (size_t)r));
		done += (size_t)r;
	}
	return done;
}

static void request_of(struct upload *u, struct s3_call *call)
{
	call->bucket = u->to->bucket;
	call->key = u->to->key;
}

/* what the object is to be like */
static void object_fields(const struct upload *u, struct s3_call *call)
{
	const struct s3_options *o = u->s3->o;
	if (o->content_type)
		s3_field(call, "Content-Type", str_of(o->content_type));
	s3_object_fields(o, call);
}

/* the checksum that the multipart upload asks for, as a value */
static bool full_object(const struct s3 *s3)
{
	return s3->checksum != S3_SUM_NONE && s3->checksum != S3_SUM_SHA256;
}

/* ------------------------------------------------------------- one request */

static enum s3_result put_whole(struct upload *u, struct s3_conn *conn,
	const char *data, const struct taken *t, struct s3_done *done)
{
	struct str body = str_from(data, t->n);
	struct s3_call call = {.method = "PUT",
		.body = body,
		.has_body = true,
		.sum = true,
		.digest = &t->digest};
	request_of(u, &call);
	object_fields(u, &call);
	enum s3_result r = s3_call(conn, &call);
	if (r == S3_OK) {
		struct str etag = http_field(&call.http.head, "ETag");
		fmt_str(done->etag, sizeof(done->etag), "%.*s", STR_FMT(etag));
		done->bytes = body.n;
		progress_add(&u->progress, body.n);
	} else {
		failed(u, r, call.error);
	}
	s3_call_fini(&call);
	return r;
}

/* -------------------------------------------------------------- in parts */

static enum s3_result begin(struct upload *u, struct s3_conn *conn)
{
	if (u->s3->o->resume && u->seekable) {
		char error[S3_ERROR_SIZE];
		enum s3_result found =
			s3_resume(conn, u->to, u->id, &u->known, error);
		if (found != S3_OK)
			failed(u, found, error);
		if (found != S3_OK || u->id[0])
			return found;
	}
	struct s3_call call = {
		.method = "POST", .body = STR(""), .has_body = true};
	struct buf id;
	request_of(u, &call);
	object_fields(u, &call);
	s3_param(&call, "uploads", STR(""));
	if (u->s3->checksum != S3_SUM_NONE && !u->s3->plain_puts) {
		s3_field(&call, "x-amz-checksum-algorithm",
			str_of(s3_sum_name(u->s3->checksum)));
		s3_field(&call, "x-amz-checksum-type",
			full_object(u->s3) ? STR("FULL_OBJECT")
					   : STR("COMPOSITE"));
	}
	enum s3_result r = s3_call(conn, &call);
	buf_init(&id, S3_UPLOAD_ID_MAX - 1);
	if (r != S3_OK)
		failed(u, r, call.error);
	else if (!xml_get(buf_str(&call.http.content),
			 "InitiateMultipartUploadResult/UploadId", &id) ||
		 id.err || id.n == 0)
		failed(u, r = S3_FAILED, "the store named no upload");
	else
		fmt_str(u->id, sizeof(u->id), "%s", buf_cstr(&id));
	buf_fini(&id);
	s3_call_fini(&call);
	return r;
}

/* nothing of a failed upload stays, whatever the signal was */
static void abort_upload(struct upload *u)
{
	struct s3_conn conn;
	struct s3_call call = {.method = "DELETE", .tries = 3};
	int signal_seen =
		__atomic_exchange_n(&u->s3->cancel, 0, __ATOMIC_RELAXED);
	s3_conn_init(&conn, u->s3);
	request_of(u, &call);
	s3_param(&call, "uploadId", str_of(u->id));
	(void)s3_call(&conn, &call);
	s3_call_fini(&call);
	s3_conn_fini(&conn);
	if (signal_seen)
		__atomic_store_n(&u->s3->cancel, signal_seen, __ATOMIC_RELAXED);
}

/* the next part, with its data in *p; false: there is none */
static bool take_part(struct upload *u, struct taken *t, char **p, size_t *cap)
{
	bool ok = false;
	pthread_mutex_lock(&u->lock);
	size_t size = u->part_size;
	if (!u->seekable)
		size <<= u->next / GROW_EVERY;
	if (!u->ended && u->next >= S3_PARTS_MAX)
		failed(u, S3_FAILED, "it has more than 10000 parts");
	if (!u->ended && size > *cap) {
		char *more = mem_resize(*p, size);
		if (more) {
			*p = more;
			*cap = size;
		} else {
			failed(u, S3_FAILED, "out of memory");
		}
	}
	if (!u->ended && u->seekable) {
		t->offset = u->offset;
		t->n = (size_t)(u->size - u->offset < size ? u->size - u->offset
							   : size);
		ok = t->n > 0;
	} else if (!u->ended) {
		ssize_t n = read_input(u, *p, size, &t->digest);
		t->n = n > 0 ? (size_t)n : 0;
		ok = n > 0;
		if (n < 0)
			input_failed(u, (int)n);
		else if (t->n < size)
			u->ended = true;
	}
	if (ok) {
		t->number = u->next++;
		u->offset += t->n;
	} else {
		u->ended = true;
	}
	pthread_mutex_unlock(&u->lock);
	return ok;
}

static void keep_part(struct upload *u, size_t number, const struct s3_part *p)
{
	static const struct s3_part none;
	pthread_mutex_lock(&u->lock);
	while (u->parts.n < (number + 1) * sizeof(*p))
		buf_put(&u->parts, &none, sizeof(none));
	if (u->parts.err)
		failed(u, S3_FAILED, "out of memory");
	else
		memcpy(buf_at(&u->parts, number * sizeof(*p)), p, sizeof(*p));
	pthread_mutex_unlock(&u->lock);
}

/* has an earlier run sent exactly this? Then it is kept */
static bool is_there(struct upload *u, const struct taken *t, const char *data)
{
	unsigned char md5[HASH_MD5_SIZE];
	char text[S3_TEXT];
	struct s3_part part;
	if (u->known.n < (t->number + 1) * sizeof(part))
		return false;
	memcpy(&part, buf_at(&u->known, t->number * sizeof(part)),
		sizeof(part));
	struct str etag = str_of(part.etag);
	if (etag.n == 0 || part.size != t->n)
		return false;
	if (etag.n > 2 && *etag.p == '"')
		etag = str_from(etag.p + 1, etag.n - 2);
	if (part.sum[0]) {
		s3_digest_sum(&t->digest, text);
		if (strcmp(text, part.sum) != 0)
			return false;
	} else {
		hash_md5(md5, str_from(data, t->n));
		hash_hex(text, md5, sizeof(md5));
		if (!str_is(etag, text))
			return false;
	}
	keep_part(u, t->number, &part);
	progress_add(&u->progress, t->n);
	return true;
}

static void put_part(struct upload *u, struct s3_conn *conn,
	const struct taken *t, const char *data)
{
	struct s3_part part = {0};
	char number[FMT_U64_MAX + 1] = "";
	struct s3_call call = {.method = "PUT",
		.body = str_from(data, t->n),
		.has_body = true,
		.sum = true,
		.digest = &t->digest};
	fmt_str(number, sizeof(number), "%zu", t->number + 1);
	request_of(u, &call);
	s3_param(&call, "partNumber", str_of(number));
	s3_param(&call, "uploadId", str_of(u->id));
	enum s3_result r = s3_call(conn, &call);
	struct str etag =
		r == S3_OK ? http_field(&call.http.head, "ETag") : STR("");
	fmt_str(part.etag, sizeof(part.etag), "%.*s", STR_FMT(etag));
	if (r == S3_OK && !u->s3->plain_puts) {
		struct str sum = http_field(
			&call.http.head, s3_sum_field(u->s3->checksum));
		fmt_str(part.sum, sizeof(part.sum), "%.*s", STR_FMT(sum));
	}
	if (r == S3_OK) {
		keep_part(u, t->number, &part);
		progress_add(&u->progress, t->n);
	} else {
		pthread_mutex_lock(&u->lock);
		failed(u, r, call.error);
		pthread_mutex_unlock(&u->lock);
	}
	s3_call_fini(&call);
}

struct worker {
	struct upload *u;
	pthread_t thread;
	size_t index;
	bool started;
	char *data; /* the first one has some already */
	size_t cap;
	struct taken first;
};

static bool too_many(struct upload *u, size_t index)
{
	pthread_mutex_lock(&u->lock);
	size_t size = u->part_size;
	if (!u->seekable)
		size <<= u->next / GROW_EVERY;
	bool ended = u->ended;
	pthread_mutex_unlock(&u->lock);
	return ended || (index > 0 && (index + 1) * size > S3_MEMORY);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct upload *u = w->u;
	struct s3_conn conn;
	struct taken t = w->first;
	bool have = t.n > 0;
	s3_conn_init(&conn, u->s3);
	while (have || (!too_many(u, w->index) &&
			       take_part(u, &t, &w->data, &w->cap))) {
		if (!have && u->seekable && read_at(u, w->data, &t) != t.n) {
			pthread_mutex_lock(&u->lock);
			input_failed(u, 0);
			pthread_mutex_unlock(&u->lock);
			break;
		}
		have = false;
		if (!is_there(u, &t, w->data))
			put_part(u, &conn, &t, w->data);
	}
	s3_conn_fini(&conn);
	return NULL;
}

/* one that another client began may have parts without: then none is named */
static bool all_have_sums(struct upload *u, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct s3_part p;
		memcpy(&p, buf_at(&u->parts, i * sizeof(p)), sizeof(p));
		if (!p.sum[0])
			return false;
	}
	return true;
}

static enum s3_result complete(
	struct upload *u, struct s3_conn *conn, struct s3_done *done)
{
	struct buf xml, etag;
	size_t count = u->parts.n / sizeof(struct s3_part);
	bool sums = all_have_sums(u, count);
	buf_init(&xml, COMPLETE_MAX);
	buf_init(&etag, S3_TEXT);
	buf_puts(&xml, "<CompleteMultipartUpload>");
	for (size_t i = 0; i < count; i++) {
		struct s3_part p;
		memcpy(&p, buf_at(&u->parts, i * sizeof(p)), sizeof(p));
		buf_putf(&xml, "<Part><PartNumber>%zu</PartNumber><ETag>",
			i + 1);
		xml_escape(&xml, str_of(p.etag));
		buf_puts(&xml, "</ETag>");
		if (sums) {
			const char *name = s3_sum_name(u->s3->checksum);
			buf_putf(&xml, "<Checksum%s>", name);
			xml_escape(&xml, str_of(p.sum));
			buf_putf(&xml, "</Checksum%s>", name);
		}
		buf_puts(&xml, "</Part>");
	}
	buf_puts(&xml, "</CompleteMultipartUpload>");
	struct s3_call call = {
		.method = "POST", .body = buf_str(&xml), .has_body = true};
	request_of(u, &call);
	s3_param(&call, "uploadId", str_of(u->id));
	s3_field(&call, "Content-Type", STR("application/xml"));
	enum s3_result r = xml.err ? S3_FAILED : s3_call(conn, &call);
	if (r != S3_OK)
		failed(u, r, xml.err ? "too many parts" : call.error);
	else if (xml_get(buf_str(&call.http.content),
			 "CompleteMultipartUploadResult/ETag", &etag))
		fmt_str(done->etag, sizeof(done->etag), "%s", buf_cstr(&etag));
	done->bytes = u->offset;
	buf_fini(&xml);
	buf_fini(&etag);
	s3_call_fini(&call);
	return r;
}

/* data is that of the first part; it is taken over */
static void put_parts(struct upload *u, struct s3_conn *conn, char *data,
	const struct taken *first, struct s3_done *done)
{
	struct worker w[64] = {{.u = u}};
	size_t count = u->s3->o->threads;
	w[0].data = data;
	w[0].cap = u->part_size;
	if (begin(u, conn) != S3_OK) {
		mem_free(data);
		return;
	}
	w[0].first = *first;
	u->next = first->n > 0;
	u->offset = first->n;
	for (size_t i = 0; i < count; i++) {
		w[i].u = u;
		w[i].index = i;
		w[i].started =
			i > 0 && !too_many(u, i) &&
			pthread_create(&w[i].thread, NULL, work, &w[i]) == 0;
	}
	work(&w[0]);
	for (size_t i = 0; i < count; i++) {
		if (w[i].started)
			pthread_join(w[i].thread, NULL);
		mem_free(w[i].data);
	}
	if (u->status == S3_OK && s3_cancelled(u->s3))
		failed(u, S3_FAILED, "interrupted");
	if (u->status == S3_OK)
		(void)complete(u, conn, done);
	if (u->status != S3_OK && u->s3->o->resume && u->seekable)
		u->kept = true;
	else if (u->status != S3_OK)
		abort_upload(u);
}

/* --------------------------------------------------------------- the input */

static int open_input(struct upload *u)
{
	struct stat st;
	u->fd = STDIN_FILENO;
	if (u->dir >= 0)
		/* O_NONBLOCK: it may have become a FIFO */
		u->fd = path_open(u->dir, u->file, O_RDONLY | O_NONBLOCK, 0);
	else if (strcmp(u->file, "-") != 0)
		u->fd = open(u->file, O_RDONLY | O_CLOEXEC);
	if (u->fd < 0)
		return u->dir >= 0 ? u->fd : -errno;
	if (fstat(u->fd, &st) < 0)
		return -errno;
	if (u->dir >= 0 && !S_ISREG(st.st_mode))
		return -EINVAL;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	u->seekable = S_ISREG(st.st_mode) && lseek(u->fd, 0, SEEK_CUR) == 0;
	u->size = u->seekable ? (uint64_t)st.st_size : 0;
	return 0;
}

static void choose_part_size(struct upload *u)
{
	size_t mb = 1 << 20;
	u->part_size = (size_t)u->s3->o->part_mb * mb;
	uint64_t least = (u->size + S3_PARTS_MAX - 1) / S3_PARTS_MAX;
	if (least > u->part_size)
		u->part_size = (size_t)((least + mb - 1) / mb * mb);
}

static void transfer(struct upload *u, struct s3_done *done)
{
	struct s3_conn conn;
	char *data = mem_resize(NULL, u->part_size);
	ssize_t n = -ENOMEM;
	struct taken first = {0};
	s3_conn_init(&conn, u->s3);
	if (data)
		n = read_input(u, data, u->part_size, &first.digest);
	first.n = n > 0 ? (size_t)n : 0;
	if (n < 0) {
		input_failed(u, (int)n);
		mem_free(data);
	} else if ((size_t)n < u->part_size ||
		   (u->seekable && (uint64_t)n == u->size)) {
		(void)put_whole(u, &conn, data, &first, done);
		mem_free(data);
	} else {
		put_parts(u, &conn, data, &first, done);
	}
	s3_conn_fini(&conn);
}

enum s3_result s3_put_file(struct s3 *s3, int dir, const char *file,
	const struct s3_uri *to, struct s3_done *done)
{
	struct upload u = {
		.s3 = s3, .to = to, .dir = dir, .file = file, .fd = -1};
	*done = (struct s3_done){0};
	int r = open_input(&u);
	if (r < 0) {
		s3_warn("%s: %s", file, strerror(-r));
		if (u.fd > 0)
			fd_close(&u.fd);
		return S3_FAILED;
	}
	choose_part_size(&u);
	buf_init(&u.parts, S3_PARTS_MAX * sizeof(struct s3_part));
	buf_init(&u.known, S3_PARTS_MAX * sizeof(struct s3_part));
	pthread_mutex_init(&u.lock, NULL);
	progress_init(&u.progress, s3->o->quiet, u.size);
	transfer(&u, done);
	progress_end(&u.progress);
	pthread_mutex_destroy(&u.lock);
	buf_fini(&u.parts);
	buf_fini(&u.known);
	if (u.fd > STDIN_FILENO)
		fd_close(&u.fd);
	if (u.status != S3_OK && u.input_failed)
		s3_warn("%s: %s", file, u.error);
	else if (u.status != S3_OK)
		s3_complain(to->bucket, to->key, u.error);
	if (u.kept)
		warn_msg("what was sent so far is kept for another --resume");
	return u.status;
}
