/* SPDX-License-Identifier: MIT */
/* applets/s3/object.c - stat, rm, mb, rb and presign. */
#include "applets/s3/s3.h"

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/size.h"
#include "net/xml.h"

enum { BATCH = 1000, BATCH_XML_MAX = 16 << 20 };

/* ------------------------------------------------------------------- stat */

static void put_json(
	struct buf *out, const struct s3_uri *at, const struct http_head *head)
{
	struct json_writer w = {.out = out};
	uint64_t size = 0;
	json_w_open(&w, '{');
	json_w_key(&w, "bucket");
	json_w_str(&w, at->bucket);
	if (at->key.n) {
		json_w_key(&w, "key");
		json_w_str(&w, at->key);
		(void)str_to_u64(http_field(head, "Content-Length"), &size);
		json_w_key(&w, "size");
		json_w_u64(&w, size);
	}
	for (size_t i = 0; i < head->nfields; i++) {
		struct str name = head->fields[i].name;
		bool ours = str_eq_nocase(name, STR("ETag")) ||
			    str_eq_nocase(name, STR("Last-Modified")) ||
			    str_eq_nocase(name, STR("Content-Type")) ||
			    (name.n > 6 && str_eq_nocase(str_first(name, 6),
						   STR("x-amz-")));
		if (!ours || str_eq_nocase(name, STR("x-amz-request-id")) ||
			str_eq_nocase(name, STR("x-amz-id-2")))
			continue;
		char lower[S3_TEXT];
		fmt_str(lower, sizeof(lower), "%.*s", STR_FMT(name));
		for (char *c = lower; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		json_w_key(&w, lower);
		json_w_str(&w, head->fields[i].value);
	}
	json_w_close(&w, '}');
}

static void put_text(struct buf *out, const struct http_head *head)
{
	static const char *const names[] = {"Content-Length", "Last-Modified",
		"ETag", "Content-Type", "x-amz-checksum-crc32",
		"x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
		"x-amz-checksum-sha256", "x-amz-bucket-region"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str value = http_field(head, names[i]);
		if (value.p)
			buf_putf(out, "%s: %.*s\n", names[i], STR_FMT(value));
	}
}

int s3_stat(struct s3 *s3, char **args, int n)
{
	struct s3_conn conn;
	struct buf out;
	if (n != 1)
		die_usage("stat wants one s3://BUCKET[/KEY]");
	struct s3_uri at = s3_uri_remote(args[0], false);
	struct s3_call call = {.method = "HEAD", .bucket = at.bucket};
	if (at.key.n) {
		call.key = at.key;
		s3_field(&call, "x-amz-checksum-mode", STR("ENABLED"));
		if (s3->o->version)
			s3_param(&call, "versionId", str_of(s3->o->version));
	}
	s3_conn_init(&conn, s3);
	buf_init(&out, 1 << 17);
	enum s3_result r = s3_call(&conn, &call);
	if (r != S3_OK) {
		s3_complain(at.bucket, at.key, call.error);
	} else if (s3->o->json) {
		put_json(&out, &at, &call.http.head);
		buf_putc(&out, '\n');
		print_str(buf_str(&out));
	} else {
		put_text(&out, &call.http.head);
		print_str(buf_str(&out));
	}
	buf_fini(&out);
	s3_call_fini(&call);
	s3_conn_fini(&conn);
	return r;
}

/* --------------------------------------------------------------------- rm */

enum s3_result s3_remove_object(struct s3 *s3, const struct s3_uri *at)
{
	struct s3_conn conn;
	struct s3_call call = {
		.method = "DELETE", .bucket = at->bucket, .key = at->key};
	if (s3->o->version)
		s3_param(&call, "versionId", str_of(s3->o->version));
	s3_conn_init(&conn, s3);
	enum s3_result r = s3_call(&conn, &call);
	if (r != S3_OK)
		s3_complain(at->bucket, at->key, call.error);
	s3_call_fini(&call);
	s3_conn_fini(&conn);
	return r;
}

void s3_remover_init(
	struct s3_remover *r, struct s3_conn *conn, struct str bucket)
{
	*r = (struct s3_remover){.conn = conn, .bucket = bucket};
	buf_init(&r->xml, BATCH_XML_MAX);
}

void s3_remover_fini(struct s3_remover *r)
{
	buf_fini(&r->xml);
}

/* keys that could not be removed, each with its reason */
static void read_errors(struct s3_remover *r, struct str body)
{
	struct xml x;
	enum xml_event e;
	struct buf key, code;
	buf_init(&key, 4 * S3_KEY_MAX);
	buf_init(&code, S3_TEXT);
	xml_init(&x, body);
	while ((e = xml_next(&x)) != XML_END && e != XML_ERROR) {
		if (e == XML_TEXT && x.depth == 3 && str_is(x.name, "Key"))
			xml_text(&x, &key);
		if (e == XML_TEXT && x.depth == 3 && str_is(x.name, "Code"))
			xml_text(&x, &code);
		if (e != XML_CLOSE || x.depth != 2)
			continue;
		if (str_is(x.name, "Error")) {
			s3_complain(r->bucket, buf_str(&key), buf_cstr(&code));
			r->status = S3_FAILED;
			r->removed--;
		}
		buf_reset(&key);
		buf_reset(&code);
	}
	buf_fini(&key);
	buf_fini(&code);
}

enum s3_result s3_remover_flush(struct s3_remover *r)
{
	if (r->n == 0)
		return r->status;
	buf_puts(&r->xml, "<Quiet>true</Quiet></Delete>");
	struct s3_call call = {.method = "POST",
		.bucket = r->bucket,
		.body = buf_str(&r->xml),
		.has_body = true,
		.md5 = true};
	s3_param(&call, "delete", STR(""));
	s3_field(&call, "Content-Type", STR("application/xml"));
	enum s3_result result =
		r->xml.err ? S3_FAILED : s3_call(r->conn, &call);
	if (result == S3_OK) {
		r->removed += r->n;
		read_errors(r, buf_str(&call.http.content));
	} else {
		r->status = result;
		s3_complain(r->bucket, STR(""),
			r->xml.err ? "out of memory" : call.error);
	}
	s3_call_fini(&call);
	buf_reset(&r->xml);
	r->n = 0;
	return r->status;
}

enum s3_result s3_remover_add(struct s3_remover *r, struct str key)
{
	if (r->n == 0)
		buf_puts(&r->xml, "<Delete>");
	buf_puts(&r->xml, "<Object><Key>");
	xml_escape(&r->xml, key);
	buf_puts(&r->xml, "</Key></Object>");
	return ++r->n == BATCH ? s3_remover_flush(r) : r->status;
}

/* control characters have no place in XML: such a key goes by itself */
static bool plain_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if ((unsigned char)key.p[i] < 0x20)
			return false;
	return true;
}

static enum s3_result on_object(void *owner, const struct s3_object *o)
{
	struct s3_remover *r = owner;
	struct s3_uri at = {.remote = true, .bucket = r->bucket, .key = o->key};
	if (plain_key(o->key)) {
		(void)s3_remover_add(r, o->key);
	} else {
		enum s3_result one = s3_remove_object(r->conn->s3, &at);
		r->removed += one == S3_OK;
		if (one != S3_OK)
			r->status = one;
	}
	return S3_OK;
}

static void report_count(struct s3 *s3, const char *text, uint64_t count)
{
	struct buf out;
	struct json_writer w = {.out = &out};
	s3->objects += count;
	if (!s3->o->json)
		return;
	buf_init(&out, URL_MAX * 2);
	json_w_open(&w, '{');
	json_w_key(&w, "removed");
	json_w_u64(&w, count);
	json_w_key(&w, "uri");
	json_w_text(&w, text);
	json_w_close(&w, '}');
	buf_putc(&out, '\n');
	print_str(buf_str(&out));
	buf_fini(&out);
}

static enum s3_result remove_tree(struct s3 *s3, const struct s3_uri *at)
{
	struct s3_conn conn, second;
	struct s3_remover r;
	s3_conn_init(&conn, s3);
	s3_conn_init(&second, s3);
	s3_remover_init(&r, &second, at->bucket);
	struct s3_listing l = {.conn = &conn,
		.bucket = at->bucket,
		.prefix = at->key,
		.flat = true,
		.each = on_object,
		.owner = &r};
	enum s3_result result = s3_list(&l);
	if (result != S3_OK)
		s3_complain(at->bucket, at->key, l.error);
	else
		result = s3_remover_flush(&r);
	report_count(s3, at->text, r.removed);
	s3_remover_fini(&r);
	s3_conn_fini(&conn);
	s3_conn_fini(&second);
	return result;
}

int s3_rm(struct s3 *s3, char **args, int n)
{
	enum s3_result status = S3_OK;
	if (n == 0)
		die_usage("rm wants s3://BUCKET/KEY, or with -r a prefix");
	for (int i = 0; i < n; i++)
		(void)s3_uri_remote(args[i], !s3->o->recursive);
	for (int i = 0; i < n; i++) {
		struct s3_uri at = s3_uri_of(args[i]);
		enum s3_result r = s3->o->recursive ? remove_tree(s3, &at)
						    : s3_remove_object(s3, &at);
		if (r == S3_OK && !s3->o->recursive)
			report_count(s3, at.text, 1);
		if (status == S3_OK)
			status = r;
	}
	return status;
}

/* --------------------------------------------------------------- mb and rb */

static int on_bucket(struct s3 *s3, const char *method, struct s3_uri at)
{
	struct s3_conn conn;
	struct buf body;
	struct s3_call call = {.method = method, .bucket = at.bucket};
	bool make = strcmp(method, "PUT") == 0;
	buf_init(&body, S3_TEXT * 4);
	if (make && strcmp(s3->region, "us-east-1") != 0)
		buf_putf(&body,
			"<CreateBucketConfiguration><LocationConstraint>%s"
			"</LocationConstraint></CreateBucketConfiguration>",
			s3->region);
	call.body = body.n ? buf_str(&body) : STR("");
	call.has_body = make;
	s3_conn_init(&conn, s3);
	enum s3_result r = s3_call(&conn, &call);
	if (r != S3_OK)
		s3_complain(at.bucket, STR(""), call.error);
	s3_call_fini(&call);
	s3_conn_fini(&conn);
	buf_fini(&body);
	return r;
}

static struct s3_uri bucket_of(const char *command, char **args, int n)
{
	struct s3_uri at = {0};
	if (n == 1)
		at = s3_uri_remote(args[0], false);
	if (n != 1 || at.key.n)
		die_usage("%s wants one s3://BUCKET", command);
	return at;
}

int s3_mb(struct s3 *s3, char **args, int n)
{
	return on_bucket(s3, "PUT", bucket_of("mb", args, n));
}

int s3_rb(struct s3 *s3, char **args, int n)
{
	return on_bucket(s3, "DELETE", bucket_of("rb", args, n));
}

/* ---------------------------------------------------------------- presign */

enum s3_result s3_presign_url(
	struct s3 *s3, const struct s3_uri *at, struct buf *url)
{
	struct s3_keys keys;
	struct sigv4_signer signer;
	struct s3_call call = {.bucket = at->bucket, .key = at->key};
	struct buf path;
	char host[URL_HOST_MAX + 1], authority[URL_HOST_MAX + 16];
	char why[S3_ERROR_SIZE];
	if (!s3_keys_get(s3, &keys, why)) {
		s3_complain(at->bucket, at->key, why);
		return S3_DENIED;
	}
	buf_init(&path, URL_MAX);
	s3_where(s3, &call, host, authority, &path);
	s3_signer(s3, &keys, &signer);
	signer.region = str_of(s3->region);
	const struct http_field field = {STR("host"), str_of(authority)};
	struct sigv4_request r = {.method = str_of(s3->o->method),
		.path = buf_str(&path),
		.fields = &field,
		.nfields = 1,
		.payload = STR(SIGV4_UNSIGNED)};
	buf_putf(url, "%s://%s", s3->tls ? "https" : "http", authority);
	sigv4_path(url, buf_str(&path), false);
	buf_putc(url, '?');
	int err = sigv4_presign(url, &signer, &r, s3->o->expires);
	buf_fini(&path);
	if (err || url->err) {
		s3_complain(at->bucket, at->key, "the URL is too long");
		return S3_FAILED;
	}
	return S3_OK;
}

int s3_presign(struct s3 *s3, char **args, int n)
{
	struct buf url;
	if (n != 1)
		die_usage("presign wants one s3://BUCKET/KEY");
	struct s3_uri at = s3_uri_remote(args[0], true);
	if (s3->o->anonymous)
		die_usage("presign signs, so --no-sign-request is no use");
	buf_init(&url, S3_URL_MAX);
	enum s3_result r = s3_presign_url(s3, &at, &url);
	buf_putc(&url, '\n');
	if (r == S3_OK)
		print_str(buf_str(&url));
	buf_fini(&url);
	return r;
}
