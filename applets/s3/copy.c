/* SPDX-License-Identifier: MIT */
/* applets/s3/copy.c - cp, mv, get and put: from here to there. */
#include "applets/s3/s3.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/path.h"
#include "net/xml.h"

enum { SOURCE_MAX = 3 * S3_KEY_MAX + S3_TEXT };

#define COPY_MAX (5ULL << 30) /* what one request can copy */
#define COPY_PART (512ULL << 20)

/* ------------------------------------------------------- inside the store */

static void put_source(struct buf *out, const struct s3_uri *from)
{
	buf_putc(out, '/');
	sigv4_encode(out, from->bucket, false);
	buf_putc(out, '/');
	sigv4_encode(out, from->key, true);
}

void s3_object_fields(const struct s3_options *o, struct s3_call *call)
{
	if (o->sse)
		s3_field(call, "x-amz-server-side-encryption", str_of(o->sse));
	if (o->sse_key)
		s3_field(call, "x-amz-server-side-encryption-aws-kms-key-id",
			str_of(o->sse_key));
	if (o->storage_class)
		s3_field(call, "x-amz-storage-class", str_of(o->storage_class));
}

static enum s3_result one_request(struct s3_conn *conn, const struct s3_uri *to,
	struct str source, struct s3_done *done, char *error)
{
	struct buf etag;
	struct s3_call call = {.method = "PUT",
		.bucket = to->bucket,
		.key = to->key,
		.body = STR(""),
		.has_body = true};
	s3_field(&call, "x-amz-copy-source", source);
	s3_object_fields(conn->s3->o, &call);
	enum s3_result r = s3_call(conn, &call);
	buf_init(&etag, S3_TEXT - 1);
	if (r != S3_OK)
		fmt_str(error, S3_ERROR_SIZE, "%s", call.error);
	else if (xml_get(buf_str(&call.http.content), "CopyObjectResult/ETag",
			 &etag))
		fmt_str(done->etag, sizeof(done->etag), "%s", buf_cstr(&etag));
	buf_fini(&etag);
	s3_call_fini(&call);
	return r;
}

struct copying {
	struct s3_conn *conn;
	const struct s3_uri *to;
	struct str source;
	struct buf id;
	struct buf xml; /* parts so far */
	char *error;
};

/* a call about the upload; its content is in *out when that is not NULL */
static enum s3_result upload_call(
	struct copying *c, struct s3_call *call, struct buf *out)
{
	call->bucket = c->to->bucket;
	call->key = c->to->key;
	if (c->id.n)
		s3_param(call, "uploadId", buf_str(&c->id));
	enum s3_result r = s3_call(c->conn, call);
	if (r != S3_OK)
		fmt_str(c->error, S3_ERROR_SIZE, "%s", call->error);
	else if (out)
		buf_put_str(out, buf_str(&call->http.content));
	s3_call_fini(call);
	return r;
}

static enum s3_result copy_part(
	struct copying *c, unsigned number, uint64_t from, uint64_t to)
{
	char digits[16], range[64];
	struct buf answer, etag;
	struct s3_call call = {
		.method = "PUT", .body = STR(""), .has_body = true};
	fmt_str(digits, sizeof(digits), "%u", number);
	fmt_str(range, sizeof(range), "bytes=%llu-%llu",
		(unsigned long long)from, (unsigned long long)to);
	s3_param(&call, "partNumber", str_of(digits));
	s3_field(&call, "x-amz-copy-source", c->source);
	s3_field(&call, "x-amz-copy-source-range", str_of(range));
	buf_init(&answer, 1 << 16);
	buf_init(&etag, S3_TEXT);
	enum s3_result r = upload_call(c, &call, &answer);
	if (r == S3_OK &&
		xml_get(buf_str(&answer), "CopyPartResult/ETag", &etag)) {
		buf_putf(&c->xml, "<Part><PartNumber>%u</PartNumber><ETag>",
			number);
		xml_escape(&c->xml, buf_str(&etag));
		buf_puts(&c->xml, "</ETag></Part>");
	}
	buf_fini(&answer);
	buf_fini(&etag);
	return r;
}

static enum s3_result in_parts(struct copying *c, uint64_t size)
{
	struct buf answer;
	struct s3_call start = {
		.method = "POST", .body = STR(""), .has_body = true};
	uint64_t part = COPY_PART;
	while (size / part >= S3_PARTS_MAX)
		part *= 2;
	buf_init(&answer, 1 << 16);
	s3_param(&start, "uploads", STR(""));
	s3_object_fields(c->conn->s3->o, &start);
	enum s3_result r = upload_call(c, &start, &answer);
	if (r == S3_OK &&
		!xml_get(buf_str(&answer),
			"InitiateMultipartUploadResult/UploadId", &c->id))
		r = S3_FAILED;
	buf_fini(&answer);
	if (r != S3_OK)
		return r;
	buf_puts(&c->xml, "<CompleteMultipartUpload>");
	unsigned number = 0;
	for (uint64_t at = 0; r == S3_OK && at < size; at += part) {
		uint64_t end = at + part < size ? at + part : size;
		r = copy_part(c, ++number, at, end - 1);
	}
	buf_puts(&c->xml, "</CompleteMultipartUpload>");
	struct s3_call finish = {
		.method = "POST", .body = buf_str(&c->xml), .has_body = true};
	if (r == S3_OK)
		r = upload_call(c, &finish, NULL);
	if (r != S3_OK) {
		char kept[S3_ERROR_SIZE];
		struct s3_call stop = {.method = "DELETE"};
		memcpy(kept, c->error, sizeof(kept));
		(void)upload_call(c, &stop, NULL);
		memcpy(c->error, kept, sizeof(kept));
	}
	return r;
}

enum s3_result s3_copy_object(struct s3 *s3, const struct s3_uri *from,
	const struct s3_uri *to, struct s3_done *done)
{
	struct s3_conn conn;
	struct buf source;
	char error[S3_ERROR_SIZE] = "";
	struct s3_call head = {
		.method = "HEAD", .bucket = from->bucket, .key = from->key};
	*done = (struct s3_done){0};
	s3_conn_init(&conn, s3);
	buf_init(&source, SOURCE_MAX);
	put_source(&source, from);
	enum s3_result r = s3_call(&conn, &head);
	const struct s3_uri *guilty = from;
	if (r != S3_OK)
		fmt_str(error, sizeof(error), "%s", head.error);
	else
		(void)str_to_u64(http_field(&head.http.head, "Content-Length"),
			&done->bytes);
	s3_call_fini(&head);
	if (r == S3_OK) {
		struct copying c = {.conn = &conn,
			.to = to,
			.source = buf_str(&source),
			.error = error};
		guilty = to;
		buf_init(&c.id, URL_MAX);
		buf_init(&c.xml, 4 << 20);
		r = done->bytes <= COPY_MAX
			    ? one_request(&conn, to, c.source, done, error)
			    : in_parts(&c, done->bytes);
		buf_fini(&c.id);
		buf_fini(&c.xml);
	}
	if (r != S3_OK)
		s3_complain(guilty->bucket, guilty->key, error);
	buf_fini(&source);
	s3_conn_fini(&conn);
	return r;
}

/* ------------------------------------------------------------ the commands */

/* a URL goes to standard output too, for whoever pastes it somewhere */
static enum s3_result presign(struct s3 *s3, const struct s3_uri *to)
{
	buf_init(&s3->url, S3_URL_MAX);
	enum s3_result r = s3_presign_url(s3, to, &s3->url);
	if (r == S3_OK && !s3->o->json && s3->o->status_fd == UINT64_MAX)
		print("%s\n", buf_cstr(&s3->url));
	return r;
}

static void report(struct s3 *s3, const char *operation, const char *from,
	const char *to, const struct s3_done *done)
{
	struct buf out;
	struct json_writer w = {.out = &out};
	struct str etag = str_of(done->etag);
	if (etag.n >= 2 && etag.p[0] == '"')
		etag = str_from(etag.p + 1, etag.n - 2);
	s3->objects++;
	s3->bytes += done->bytes;
	if (!s3->o->json)
		return;
	buf_init(&out, 1 << 17);
	json_w_open(&w, '{');
	json_w_key(&w, "operation");
	json_w_text(&w, operation);
	json_w_key(&w, "from");
	json_w_text(&w, from);
	json_w_key(&w, "to");
	json_w_text(&w, to);
	json_w_key(&w, "bytes");
	json_w_u64(&w, done->bytes);
	json_w_key(&w, "etag");
	json_w_str(&w, etag);
	if (s3->url.n) {
		json_w_key(&w, "url");
		json_w_str(&w, buf_str(&s3->url));
	}
	json_w_close(&w, '}');
	buf_putc(&out, '\n');
	print_str(buf_str(&out));
	buf_fini(&out);
}

/* the last part of a path or key */
static struct str base_of(struct str name)
{
	size_t at = name.n;
	while (at && name.p[at - 1] != '/')
		at--;
	return str_from_index(name, at);
}

/* a target that ends with '/' or names a bucket takes the source's name */
static void complete_key(struct s3_uri *to, struct str source, struct buf *key)
{
	if (to->key.n && !str_ends(to->key, STR("/")))
		return;
	buf_put_str(key, to->key);
	buf_put_str(key, base_of(source));
	to->key = buf_str(key);
}

/* a directory takes the object's name */
static const char *complete_path(
	const char *file, struct str key, char *dst, size_t size)
{
	struct stat st;
	struct str name = base_of(key);
	bool slash = str_ends(str_of(file), STR("/"));
	if (strcmp(file, "-") == 0)
		return file; /* standard output, whatever is called so */
	if (!slash && (stat(file, &st) < 0 || !S_ISDIR(st.st_mode)))
		return file;
	if (name.n == 0 || str_is(name, "..") || str_is(name, "."))
		die_usage("%s: give the file's name", file);
	fmt_str(dst, size, "%s%s%.*s", file, slash ? "" : "/", STR_FMT(name));
	return dst;
}

static enum s3_result transfer(
	struct s3 *s3, const char *operation, const char *a, const char *b)
{
	struct s3_uri from = s3_uri_of(a);
	struct s3_uri to = s3_uri_of(b);
	struct s3_done done;
	struct buf key;
	char path[PATH_LEN_MAX];
	enum s3_result r;
	buf_init(&key, S3_KEY_MAX);
	if (from.remote && to.remote) {
		complete_key(&to, from.key, &key);
		r = s3_copy_object(s3, &from, &to, &done);
	} else if (from.remote) {
		r = s3_get_file(s3, &from,
			complete_path(b, from.key, path, sizeof(path)), &done);
	} else {
		complete_key(&to, str_of(a), &key);
		r = s3_put_file(s3, -1, a, &to, &done);
		if (r == S3_OK && s3->o->presign)
			r = presign(s3, &to);
	}
	if (r == S3_OK)
		report(s3, operation, a, b, &done);
	buf_fini(&key);
	return r;
}

static void check_remote(const char *text, bool source)
{
	struct s3_uri at = s3_uri_of(text);
	if (at.remote)
		(void)s3_uri_remote(text, source);
}

static void check_pair(const char *command, char **args, int n)
{
	if (n != 2 ||
		(!s3_uri_of(args[0]).remote && !s3_uri_of(args[1]).remote))
		die_usage("%s wants a source and a target, one or both of "
			  "them s3://BUCKET/KEY",
			command);
	check_remote(args[0], true);
	check_remote(args[1], false);
	if (strcmp(args[0], "-") == 0 &&
		(s3_uri_of(args[1]).key.n == 0 ||
			str_ends(s3_uri_of(args[1]).key, STR("/"))))
		die_usage("what comes from standard input needs a key");
}

int s3_cp(struct s3 *s3, char **args, int n)
{
	check_pair("cp", args, n);
	return transfer(s3, "cp", args[0], args[1]);
}

int s3_mv(struct s3 *s3, char **args, int n)
{
	check_pair("mv", args, n);
	struct s3_uri from = s3_uri_of(args[0]);
	if (strcmp(args[0], args[1]) == 0)
		die_usage("mv: source and target are the same");
	if (strcmp(args[0], "-") == 0 || strcmp(args[1], "-") == 0)
		die_usage("mv wants names; '-' has none");
	enum s3_result r = transfer(s3, "mv", args[0], args[1]);
	if (r == S3_OK && from.remote)
		r = s3_remove_object(s3, &from);
	if (r == S3_OK && !from.remote && unlink(args[0]) < 0) {
		s3_warn("%s: %s", args[0], strerror(errno));
		r = S3_FAILED;
	}
	return r;
}

int s3_get(struct s3 *s3, char **args, int n)
{
	if (s3->o->tar)
		return s3_pack(s3, args, n);
	if (s3->o->recursive)
		return s3_tree(s3, args, n);
	if (n < 1 || n > 2)
		die_usage("get wants s3://BUCKET/KEY and a file, a directory "
			  "or -");
	(void)s3_uri_remote(args[0], true);
	if (n == 2 && s3_uri_of(args[1]).remote)
		die_usage("get goes to a file; cp copies within a store");
	return transfer(s3, "get", args[0], n == 2 ? args[1] : "./");
}

int s3_put(struct s3 *s3, char **args, int n)
{
	if (s3->o->recursive)
		return s3_tree(s3, args, n);
	if (n != 2 || s3_uri_of(args[0]).remote)
		die_usage("put wants a file or -, and s3://BUCKET/KEY");
	(void)s3_uri_remote(args[1], false);
	check_pair("put", args, n);
	return transfer(s3, "put", args[0], args[1]);
}
