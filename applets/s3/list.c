/* SPDX-License-Identifier: MIT */
/* applets/s3/list.c - ListObjectsV2 page by page, and the command ls. */
#include "applets/s3/s3.h"

#include "lib/applet.h"
#include "lib/fmt.h"
#include "lib/size.h"
#include "net/xml.h"

/* --------------------------------------------------------------- one page */

struct page {
	struct s3_listing *l;
	struct buf key, token, modified, etag;
	uint64_t size;
	bool encoded;   /* keys are percent-encoded */
	bool truncated; /* there are more pages */
	enum s3_result result;
};

static void unescape(struct buf *key)
{
	struct str in = buf_str(key);
	char *out = key->n ? buf_at(key, 0) : NULL;
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++, n++) {
		int high = -1, low = -1;
		if (in.p[i] == '%' && in.n - i > 2) {
			high = str_hex_digit(in.p[i + 1]);
			low = str_hex_digit(in.p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[n] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n] = in.p[i] == '+' ? ' ' : in.p[i];
		}
	}
	key->n = n;
}

static void deliver(struct page *p, bool prefix)
{
	struct s3_object o = {.size = p->size, .prefix = prefix};
	if (p->encoded)
		unescape(&p->key);
	o.key = buf_str(&p->key);
	o.modified = buf_str(&p->modified);
	o.etag = buf_str(&p->etag);
	if (o.etag.n >= 2 && o.etag.p[0] == '"')
		o.etag = str_from(o.etag.p + 1, o.etag.n - 2);
	if (p->result == S3_OK)
		p->result = p->l->each(p->l->owner, &o);
}

static void on_text(struct page *p, const struct xml *x)
{
	struct str outer = x->depth > 1 ? x->open[x->depth - 2] : STR("");
	struct str name = x->name;
	struct buf number;
	if (x->depth == 2 && str_is(name, "NextContinuationToken"))
		xml_text(x, &p->token);
	else if (x->depth == 2 && str_is(name, "EncodingType"))
		p->encoded = true;
	else if (x->depth == 2 && str_is(name, "IsTruncated"))
		p->truncated = str_is(str_trim(x->text), "true");
	if (x->depth != 3)
		return;
	bool object = str_is(outer, "Contents");
	bool prefix = str_is(outer, "CommonPrefixes");
	if ((object && str_is(name, "Key")) ||
		(prefix && str_is(name, "Prefix")))
		xml_text(x, &p->key);
	else if (object && str_is(name, "LastModified"))
		xml_text(x, &p->modified);
	else if (object && str_is(name, "ETag"))
		xml_text(x, &p->etag);
	if (object && str_is(name, "Size")) {
		buf_init(&number, S3_TEXT);
		xml_text(x, &number);
		(void)str_to_u64(buf_str(&number), &p->size);
		buf_fini(&number);
	}
}

static void on_open(struct page *p, const struct xml *x)
{
	if (x->depth != 2)
		return;
	buf_reset(&p->key);
	buf_reset(&p->modified);
	buf_reset(&p->etag);
	p->size = 0;
}

/* EncodingType may come behind the keys, so it is looked for first */
static bool walk(struct page *p, struct str body, bool look)
{
	struct xml x;
	enum xml_event e;
	xml_init(&x, body);
	while ((e = xml_next(&x)) != XML_END && e != XML_ERROR) {
		if (e == XML_OPEN)
			on_open(p, &x);
		else if (e == XML_TEXT && (!look || x.depth == 2))
			on_text(p, &x);
		else if (e == XML_CLOSE && x.depth == 2 && !look) {
			if (str_is(x.name, "Contents"))
				deliver(p, false);
			else if (str_is(x.name, "CommonPrefixes"))
				deliver(p, true);
		}
	}
	if (e == XML_ERROR)
		fmt_str(p->l->error, sizeof(p->l->error),
			"the list is not sound: %s", x.error);
	return e == XML_END;
}

static enum s3_result read_page(struct page *p, struct s3_call *call)
{
	struct s3_listing *l = p->l;
	struct str token = buf_str(&p->token);
	call->bucket = l->bucket;
	call->method = "GET";
	s3_param(call, "list-type", STR("2"));
	s3_param(call, "encoding-type", STR("url"));
	if (l->prefix.n)
		s3_param(call, "prefix", l->prefix);
	if (!l->flat)
		s3_param(call, "delimiter", STR("/"));
	if (token.n)
		s3_param(call, "continuation-token", token);
	enum s3_result r = s3_call(l->conn, call);
	if (r != S3_OK) {
		fmt_str(l->error, sizeof(l->error), "%s", call->error);
		return r;
	}
	buf_reset(&p->token);
	p->encoded = false;
	p->truncated = false;
	if (!walk(p, buf_str(&call->http.content), true))
		return S3_FAILED;
	buf_reset(&p->token);
	if (!walk(p, buf_str(&call->http.content), false))
		return S3_FAILED;
	if (p->result == S3_OK && l->page_end)
		p->result = l->page_end(l->owner, NULL);
	return p->result;
}

enum s3_result s3_list(struct s3_listing *l)
{
	struct page p = {.l = l};
	enum s3_result r;
	buf_init(&p.key, 4 * S3_KEY_MAX);
	buf_init(&p.token, URL_MAX);
	buf_init(&p.modified, S3_TEXT);
	buf_init(&p.etag, S3_TEXT * 4);
	l->error[0] = '\0';
	do {
		struct s3_call call = {0};
		r = read_page(&p, &call);
		s3_call_fini(&call);
	} while (r == S3_OK && p.truncated && p.token.n);
	buf_fini(&p.key);
	buf_fini(&p.token);
	buf_fini(&p.modified);
	buf_fini(&p.etag);
	return r;
}

/* --------------------------------------------------------------------- ls */

struct listed {
	struct s3 *s3;
	struct str prefix;
	struct buf out;
	uint64_t count;
};

static enum s3_result flush(struct listed *s)
{
	print_str(buf_str(&s->out));
	buf_reset(&s->out);
	return S3_OK;
}

/* a key on a line of its own: control characters would break it */
static void put_key(struct buf *out, struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];
		if (c < 0x20 || c == 0x7f || c == '\\')
			buf_putf(out, "\\x%02x", c);
		else
			buf_putc(out, key.p[i]);
	}
}

static enum s3_result on_object(void *owner, const struct s3_object *o)
{
	struct listed *s = owner;
	struct json_writer w = {.out = &s->out};
	s->count++;
	if (s->s3->o->json) {
		json_w_open(&w, '{');
		json_w_key(&w, o->prefix ? "prefix" : "key");
		json_w_str(&w, o->key);
		if (!o->prefix) {
			json_w_key(&w, "size");
			json_w_u64(&w, o->size);
			json_w_key(&w, "modified");
			json_w_str(&w, o->modified);
			json_w_key(&w, "etag");
			json_w_str(&w, o->etag);
		}
		json_w_close(&w, '}');
	} else if (o->prefix) {
		buf_putf(&s->out, "%19s %12s ", "", "PRE");
		put_key(&s->out, o->key);
	} else {
		buf_putf(&s->out, "%.10s %.8s %12llu ",
			o->modified.n >= 19 ? o->modified.p : "          ",
			o->modified.n >= 19 ? o->modified.p + 11 : "        ",
			(unsigned long long)o->size);
		put_key(&s->out, o->key);
	}
	buf_putc(&s->out, '\n');
	return s->out.err ? S3_FAILED : S3_OK;
}

static enum s3_result on_page_end(void *owner, const struct s3_object *o)
{
	(void)o;
	return flush(owner);
}

static void put_bucket(
	struct s3 *s3, struct buf *out, struct str name, struct str date)
{
	struct json_writer w = {.out = out};
	if (!s3->o->json) {
		buf_putf(out, "%.*s %.*s\n", STR_FMT(date), STR_FMT(name));
		return;
	}
	json_w_open(&w, '{');
	json_w_key(&w, "bucket");
	json_w_str(&w, name);
	json_w_key(&w, "created");
	json_w_str(&w, date);
	json_w_close(&w, '}');
	buf_putc(out, '\n');
}

static int list_buckets(struct s3 *s3, struct s3_conn *conn)
{
	struct s3_call call = {.method = "GET"};
	struct buf out, name, date;
	struct xml x;
	enum xml_event e;
	enum s3_result r = s3_call(conn, &call);
	if (r != S3_OK) {
		s3_complain(STR(""), STR(""), call.error);
		s3_call_fini(&call);
		return r;
	}
	buf_init(&out, S3_PAGE_MAX);
	buf_init(&name, S3_TEXT);
	buf_init(&date, S3_TEXT);
	xml_init(&x, buf_str(&call.http.content));
	while ((e = xml_next(&x)) != XML_END && e != XML_ERROR) {
		if (e == XML_TEXT && x.depth == 4 && str_is(x.name, "Name"))
			xml_text(&x, &name);
		if (e == XML_TEXT && x.depth == 4 &&
			str_is(x.name, "CreationDate"))
			xml_text(&x, &date);
		if (e == XML_CLOSE && str_is(x.name, "Bucket")) {
			put_bucket(s3, &out, buf_str(&name), buf_str(&date));
			buf_reset(&name);
			buf_reset(&date);
		}
	}
	print_str(buf_str(&out));
	buf_fini(&out);
	buf_fini(&name);
	buf_fini(&date);
	s3_call_fini(&call);
	return S3_OK;
}

int s3_ls(struct s3 *s3, char **args, int n)
{
	struct s3_conn conn;
	struct listed s = {.s3 = s3};
	if (n > 1)
		die_usage("ls wants one s3://BUCKET[/PREFIX], or nothing");
	s3_conn_init(&conn, s3);
	if (n == 0) {
		int status = list_buckets(s3, &conn);
		s3_conn_fini(&conn);
		return status;
	}
	struct s3_uri at = s3_uri_remote(args[0], false);
	struct s3_listing l = {.conn = &conn,
		.bucket = at.bucket,
		.prefix = at.key,
		.flat = s3->o->recursive,
		.each = on_object,
		.page_end = on_page_end,
		.owner = &s};
	buf_init(&s.out, S3_PAGE_MAX);
	enum s3_result r = s3_list(&l);
	if (r != S3_OK)
		s3_complain(at.bucket, at.key, l.error);
	else if (s.count == 0 && at.key.n) {
		s3_complain(at.bucket, at.key, "nothing is there");
		r = S3_NOT_FOUND;
	}
	buf_fini(&s.out);
	s3_conn_fini(&conn);
	return r;
}
