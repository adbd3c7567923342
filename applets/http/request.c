/* SPDX-License-Identifier: MIT */
/* applets/http/request.c - what a request says. */
#include "applets/http/http.h"

#include "lib/applet.h"
#include "lib/base64.h"
#include "lib/fd.h"
#include "lib/fmt.h"

ssize_t fetch_next_piece(void *owner, struct str *piece)
{
	struct fetch *f = owner;
	ssize_t n = fd_read(f->body_fd, f->piece, PIECE_SIZE);
	*piece = str_from(f->piece, n > 0 ? (size_t)n : 0);
	return n;
}

static void add_field(struct http_field *v, size_t *n, const char *text)
{
	struct str value = str_of(text);
	struct str name = str_cut(&value, ':');
	if (!value.p || name.n == 0 || *n == FIELDS_MAX)
		die_usage("-H wants 'Name: value', not '%s'", text);
	v[(*n)++] = (struct http_field){name, str_trim(value)};
}

static bool has_field(const struct http_field *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(v[i].name, str_of(name)))
			return true;
	return false;
}

/* "Basic ..." of a name and a password */
void fetch_put_basic(struct buf *out, const struct fetch *f)
{
	struct str user = f->url.user;
	struct buf plain;
	if (f->user && url_same_server(&f->url, &f->first))
		user = str_of(f->user);
	if (!user.p)
		return;
	buf_init(&plain, URL_MAX);
	if (f->user || !http_decode_path(user, &plain))
		buf_put_str(&plain, user);
	buf_puts(out, "Basic ");
	base64_put(out, buf_str(&plain));
	buf_fini(&plain);
}

size_t fetch_fields(struct fetch *f, struct http_field *v, struct str basic)
{
	size_t n = 0;
	bool same = url_same_server(&f->url, &f->first);
	for (size_t i = 0; i < f->headers.n; i++) {
		add_field(v, &n, f->headers.v[i]);
		struct str name = v[n - 1].name;
		/* secrets stay with the server they were given for */
		if (str_eq_nocase(name, STR("Host")) ||
			(!same && (str_eq_nocase(name, STR("Authorization")) ||
					  str_eq_nocase(name, STR("Cookie")))))
			n--;
	}
	if (basic.n && !has_field(v, n, "Authorization"))
		v[n++] = (struct http_field){STR("Authorization"), basic};
	if (!has_field(v, n, "User-Agent"))
		v[n++] = (struct http_field){
			STR("User-Agent"), STR("coracle-http")};
	if (!has_field(v, n, "Accept"))
		v[n++] = (struct http_field){STR("Accept"), STR("*/*")};
	if (f->data && f->has_body && !has_field(v, n, "Content-Type"))
		v[n++] = (struct http_field){STR("Content-Type"),
			STR("application/x-www-form-urlencoded")};
	return n;
}

void fetch_host(const struct fetch *f, char *dst, size_t size)
{
	fmt_str(dst, size, "%.*s", STR_FMT(f->url.authority));
	for (size_t i = 0; i < f->headers.n; i++) {
		struct str value = str_of(f->headers.v[i]);
		struct str name = str_cut(&value, ':');
		if (value.p && str_eq_nocase(name, STR("Host")))
			fmt_str(dst, size, "%.*s", STR_FMT(str_trim(value)));
	}
}
