/* SPDX-License-Identifier: MIT */
/*
 * applets/httpd/answer.c - a request, from its path to its answer.
 *
 * input: untrusted
 *
 * Conditions in the order of RFC 9110 section 13.2.2, ranges by section 14.
 */
#include "applets/httpd/httpd.h"

#include <errno.h>
#include <string.h>

#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/rand.h"
#include "net/http_date.h"
#include "net/http_range.h"
#include "net/origin.h"

enum { PAGE_MAX = 8 << 20, BOUNDARY_BYTES = 12 };

/* an answer that is under way */
struct sending {
	struct file *file;
	struct http_range range[HTTP_RANGES_MAX];
	size_t n;
	size_t at;
	char boundary[2 * BOUNDARY_BYTES + 1]; /* of several ranges */
};

static void on_close(void *owner, struct http_exchange *x)
{
	struct sending *s = owner;
	(void)x;
	file_release(s->file);
	mem_free(s);
}

/* ----------------------------------------------------------- the path */

/* ".well-known" is there to be asked for (RFC 8615) */
static bool is_hidden(struct str part)
{
	return str_starts(part, STR(".")) && !str_is(part, ".well-known");
}

/*
 * Decode and clean the path of a request into h->path, without the slashes at
 * its ends. 0, or the status that refuses it.
 */
static int clean_path(struct httpd *h, struct str path)
{
	char decoded[HTTP_TARGET_MAX + 1];
	struct buf *out = &h->path;
	buf_reset(out);
	if (!http_decode_path(path, out) || out->n > HTTP_TARGET_MAX)
		return 400;
	struct str rest = str_from(decoded, out->n);
	memcpy(decoded, buf_str(out).p, out->n);
	if (rest.n == 0 || rest.p[0] != '/' || str_index(rest, '\\') < rest.n)
		return 400;
	buf_reset(out);
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (part.n == 0)
			continue;
		if (str_is(part, ".") || str_is(part, ".."))
			return 400;
		if (is_hidden(part) && !h->hidden)
			return 404;
		if (out->n)
			buf_putc(out, '/');
		buf_put_str(out, part);
	}
	return out->err || out->n >= PATH_LEN_MAX ? 414 : 0;
}

static int status_of(int err)
{
	switch (-err) {
	case EACCES:
	case EPERM:
	/* it leads out of the root, or round in a circle */
	case EXDEV:
	case ELOOP:
		return 403;
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	default:
		return 500;
	}
}

static void refuse(struct http_exchange *x, int status)
{
	http_reply_detail(x, status, "%s", http_reason(status));
}

/* --------------------------------------------------------- conditions */

/* is the tag in the list? weak: "W/" makes no difference */
static bool etag_in(struct str list, const char *etag, bool weak)
{
	if (str_is(str_trim(list), "*"))
		return true;
	while (list.p) {
		struct str one = str_trim(str_cut(&list, ','));
		if (weak && str_starts(one, STR("W/")))
			one = str_from_index(one, 2);
		if (str_is(one, etag))
			return true;
	}
	return false;
}

static bool changed_since(const struct file *f, struct str date, bool *known)
{
	int64_t when;
	*known = http_date_read(date, &when);
	return *known && f->st.st_mtim.tv_sec > when;
}

/* 412, 304, or 0: go on */
static int condition(const struct http_head *head, const struct file *f)
{
	struct str match = http_field(head, "If-Match");
	struct str unmodified = http_field(head, "If-Unmodified-Since");
	struct str none = http_field(head, "If-None-Match");
	struct str modified = http_field(head, "If-Modified-Since");
	bool known;
	if (match.p && !etag_in(match, f->etag, false))
		return 412;
	if (!match.p && unmodified.p && changed_since(f, unmodified, &known))
		return 412;
	if (none.p)
		return etag_in(none, f->etag, true) ? 304 : 0;
	if (modified.p && !changed_since(f, modified, &known) && known)
		return 304;
	return 0;
}

/* the ranges to send; see http_range_read() */
static int ranges(const struct http_head *head, const struct file *f,
	struct http_range v[HTTP_RANGES_MAX])
{
	struct str range = http_field(head, "Range");
	struct str only = http_field(head, "If-Range");
	if (!range.p || !str_is(head->method, "GET"))
		return -1;
	/* a date is no strong validator for a file that may change twice in a
	 * second: only the very same one counts */
	if (only.p && !str_is(only, f->etag) && !str_is(only, f->date))
		return -1;
	return http_range_read(range, (uint64_t)f->st.st_size, v);
}

/* ------------------------------------------------------------- the body */

static void send_next(void *owner, struct http_exchange *x);

static void send_range(struct sending *s, struct http_exchange *x)
{
	const struct http_range *r = &s->range[s->at++];
	struct http_piece piece = {s->file->fd, r->first, r->n};
	if (s->file->small) {
		http_write(
			x, str_from(s->file->small + r->first, (size_t)r->n));
		send_next(s, x);
	} else {
		http_write_file(x, &piece, send_next, s);
	}
}

/* the head of a part, in the way that it is counted and sent */
static void put_part(const struct sending *s, size_t i, struct buf *out)
{
	const struct http_range *r = &s->range[i];
	buf_putf(out,
		"\r\n--%s\r\nContent-Type: %s\r\n"
		"Content-Range: bytes %llu-%llu/%llu\r\n\r\n",
		s->boundary, s->file->type, (unsigned long long)r->first,
		(unsigned long long)(r->first + r->n - 1),
		(unsigned long long)s->file->st.st_size);
}

static void put_last(const struct sending *s, struct buf *out)
{
	buf_putf(out, "\r\n--%s--\r\n", s->boundary);
}

static void send_next(void *owner, struct http_exchange *x)
{
	struct sending *s = owner;
	struct buf text;
	buf_init(&text, 1024);
	if (s->n > 1 && s->at < s->n)
		put_part(s, s->at, &text);
	else if (s->n > 1)
		put_last(s, &text);
	http_write(x, buf_str(&text));
	buf_fini(&text);
	if (s->at < s->n)
		send_range(s, x);
	else
		http_end(x);
}

static void send_several(struct sending *s, struct http_exchange *x)
{
	struct buf frame;
	char type[128];
	uint64_t length = 0;
	/* lengths first: they are in the head */
	buf_init(&frame, (size_t)1024 * (HTTP_RANGES_MAX + 1));
	for (size_t i = 0; i < s->n; i++) {
		put_part(s, i, &frame);
		length += s->range[i].n;
	}
	put_last(s, &frame);
	length += frame.n;
	buf_fini(&frame);
	fmt_str(type, sizeof(type), "multipart/byteranges; boundary=%s",
		s->boundary);
	http_start_sized(x, 206, type, length);
	send_next(s, x);
}

static void send_one(struct sending *s, struct http_exchange *x, int status)
{
	const struct http_range *r = s->range;
	char value[96];
	if (status == 206) {
		size_t n = fmt_str(value, sizeof(value), "bytes %llu-%llu/%llu",
			(unsigned long long)r->first,
			(unsigned long long)(r->first + r->n - 1),
			(unsigned long long)s->file->st.st_size);
		http_add_field(x, "Content-Range", str_from(value, n));
	}
	http_start_sized(x, status, s->file->type, r->n);
	if (r->n == 0 || str_is(http_request(x)->method, "HEAD"))
		http_end(x);
	else
		send_range(s, x);
}

/* takes f */
static void send_ranges(struct http_exchange *x, struct file *f, int n,
	const struct http_range *v)
{
	struct sending *s = mem_new(sizeof(*s));
	if (!s || rand_hex(s->boundary, BOUNDARY_BYTES) < 0) {
		file_release(f);
		mem_free(s);
		refuse(x, 500);
		return;
	}
	s->file = f;
	s->n = n > 0 ? (size_t)n : 1;
	s->range[0].n = (uint64_t)f->st.st_size;
	if (n > 0)
		memcpy(s->range, v, (size_t)n * sizeof(*v));
	http_set_owner(x, s, on_close);
	if (n > 1)
		send_several(s, x);
	else
		send_one(s, x, n > 0 ? 206 : 200);
}

static void not_satisfiable(struct http_exchange *x, const struct file *f)
{
	char value[48];
	size_t n = fmt_str(value, sizeof(value), "bytes */%llu",
		(unsigned long long)f->st.st_size);
	http_add_field(x, "Content-Range", str_from(value, n));
	refuse(x, 416);
}

/* takes f, which is a regular file */
static void send_file(struct http_exchange *x, struct file *f)
{
	const struct http_head *head = http_request(x);
	struct http_range v[HTTP_RANGES_MAX];
	int status = condition(head, f);
	int n = status ? -1 : ranges(head, f, v);
	if (status == 412) {
		refuse(x, 412);
	} else if (n == 0) {
		not_satisfiable(x, f);
	} else if (status == 304) {
		http_add_lines(x, buf_str(&f->fields));
		http_reply(x, 304, NULL, STR(""));
	} else {
		http_add_lines(x, buf_str(&f->fields));
		/* the usual case: everything in one system call */
		if (n < 0 && f->small) {
			http_reply(x, 200, f->type,
				str_from(f->small, (size_t)f->st.st_size));
		} else {
			send_ranges(x, f, n, v);
			return;
		}
	}
	file_release(f);
}

/* ------------------------------------------------- packed beforehand */

static bool is_zero(struct str q)
{
	if (q.n == 0 || q.p[0] != '0')
		return false;
	for (size_t i = 1; i < q.n; i++)
		if (q.p[i] != '0' && q.p[i] != '.')
			return false;
	return true;
}

static bool accepts_gzip(const struct http_head *head)
{
	struct str list = http_field(head, "Accept-Encoding");
	while (list.p) {
		struct str one = str_cut(&list, ',');
		struct str name = str_trim(str_cut(&one, ';'));
		struct str q = one.p ? str_trim(one) : STR("");
		if (!str_eq_nocase(name, STR("gzip")))
			continue;
		return !str_starts(q, STR("q=")) ||
		       !is_zero(str_from_index(q, 2));
	}
	return false;
}

/* the file of h->path, or what is beside it for who accepts that; takes f */
static void send_best(struct httpd *h, struct http_exchange *x, struct file *f)
{
	struct file *packed;
	if (f->has_gzip && accepts_gzip(http_request(x)) &&
		file_get(h, buf_str(&h->path), true, &packed) == 0) {
		file_release(f);
		f = packed;
	}
	send_file(x, f);
}

/* ---------------------------------------------------------- directories */

static void redirect_to_dir(struct httpd *h, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	struct buf to;
	buf_init(&to, 4 * HTTP_TARGET_MAX);
	/* made of the clean path: "//host" would be somebody else's */
	buf_putc(&to, '/');
	put_url_path(&to, buf_str(&h->path));
	buf_putc(&to, '/');
	if (head->query.p) {
		buf_putc(&to, '?');
		buf_put_str(&to, head->query);
	}
	http_add_field(x, "Location", buf_str(&to));
	refuse(x, 301);
	buf_fini(&to);
}

static void send_list(
	struct httpd *h, struct http_exchange *x, const struct file *dir)
{
	struct buf page;
	buf_init(&page, PAGE_MAX);
	int err = list_page(h, dir, &page);
	http_add_field(x, "X-Content-Type-Options", STR("nosniff"));
	if (err)
		refuse(x, status_of(err));
	else
		http_reply(x, 200, "text/html; charset=utf-8", buf_str(&page));
	buf_fini(&page);
}

/* takes dir; the index is asked for as if it had been named */
static void answer_dir(
	struct httpd *h, struct http_exchange *x, struct file *dir)
{
	struct file *f;
	if (!str_ends(http_request(x)->path, STR("/"))) {
		redirect_to_dir(h, x);
		file_release(dir);
		return;
	}
	size_t n = h->path.n;
	if (n)
		buf_putc(&h->path, '/');
	buf_puts(&h->path, h->index);
	int err = file_get(h, buf_str(&h->path), false, &f);
	if (err == 0 && S_ISREG(f->st.st_mode)) {
		send_best(h, x, f);
	} else if (h->listing && (err == 0 || err == -ENOENT)) {
		if (err == 0)
			file_release(f);
		h->path.n = n;
		send_list(h, x, dir);
	} else {
		if (err == 0)
			file_release(f);
		refuse(x, err && err != -ENOENT ? status_of(err) : 403);
	}
	file_release(dir);
}

/* ------------------------------------------------------------ the request */

static void answer_path(struct httpd *h, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	struct file *f;
	int status = clean_path(h, head->path);
	if (status) {
		refuse(x, status);
		return;
	}
	int err = file_get(h, buf_str(&h->path), false, &f);
	if (err) {
		refuse(x, status_of(err));
	} else if (S_ISDIR(f->st.st_mode)) {
		answer_dir(h, x, f);
	} else if (str_ends(head->path, STR("/"))) {
		/* a file is no directory */
		file_release(f);
		refuse(x, 404);
	} else {
		send_best(h, x, f);
	}
}

/*
 * A page of another site can have its name point here (DNS rebinding) and
 * read what this machine shows to itself only: its name gives it away.
 */
static bool host_allowed(const struct httpd *h, const struct http_head *head)
{
	struct str host = origin_host(head->host);
	return !h->check_hosts || host.n == 0 || origin_is_loopback(host) ||
	       origin_is_listed(host, h->hosts);
}

void answer(void *owner, struct http_exchange *x)
{
	struct str method = http_request(x)->method;
	if (!host_allowed(owner, http_request(x))) {
		http_reply_detail(
			x, 421, "this host name is not served (see --hosts)");
		return;
	}
	if (str_is(method, "GET") || str_is(method, "HEAD")) {
		answer_path(owner, x);
		return;
	}
	http_add_field(x, "Allow", STR("GET, HEAD, OPTIONS"));
	if (str_is(method, "OPTIONS"))
		http_reply(x, 204, NULL, STR(""));
	else
		refuse(x, 405);
}
