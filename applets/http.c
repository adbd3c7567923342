/* SPDX-License-Identifier: MIT */
/* applets/http.c - one HTTP request, for images without curl. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename() */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/rand.h"
#include "lib/size.h"
#include "net/http_client.h"
#include "net/retry.h"
#include "net/url.h"

APPLET(http, "Make an HTTP or HTTPS request.",
	"usage: http [OPTION]... URL\n"
	"\n"
	"Sends one request and writes the body of the answer to standard\n"
	"output, or to a file that appears only when it is complete.\n"
	"\n"
	"  http -f -o tool.tar.gz https://example.com/tool.tar.gz\n"
	"  http -d '{\"a\": 1}' -H 'Content-Type: application/json' URL\n"
	"  tar -cz DIR | http -T - https://example.com/upload\n"
	"  http --retry 5 --max-time 60 -L http://example.com/\n"
	"  http --unix-socket /run/docker.sock http://localhost/version\n"
	"\n"
	"exit status: 0 an answer came, 1 none did, or one of 400 and more\n"
	"with --fail, 2 the command line is wrong\n");

enum {
	BODY_MAX = 256 << 20, /* of -d, which is held in memory */
	FIELDS_MAX = 64,
	PIECE_SIZE = 256 * 1024,
	REDIRECTS_MAX = 10,
	PATH_SIZE = 4096,
};

struct fetch {
	/* options */
	const char *method;
	const char *data;
	const char *upload;
	const char *output;
	const char *user;
	const char *ca_file;
	const char *unix_path;
	struct arg_list headers;
	bool fail;
	bool head;
	bool include;
	bool insecure;
	bool follow;
	bool silent;
	uint64_t retries;
	uint64_t connect_s;
	uint64_t max_s;
	uint64_t idle_s;

	struct tls_context *tls;
	struct buf url_text;
	struct url url;
	struct url first; /* credentials go to this server only */
	struct buf first_text;
	uint64_t deadline_ms;

	/* the request's body */
	struct buf body; /* of -d */
	int body_fd;     /* of -T; -1: none */
	int64_t body_n;  /* its length, or HTTP_CLIENT_CHUNKED */
	bool has_body;
	char *piece;

	/* the answer */
	int out_fd;
	bool out_temporary;
	char out_name[PATH_SIZE];
	bool discard;   /* what comes is not the answer */
	bool delivered; /* some of it was written */
	int write_error;
	unsigned tries_left;
};

/* ------------------------------------------------------------- the output */

static void output_abort(struct fetch *f)
{
	if (f->out_temporary)
		unlink(f->out_name);
	f->out_temporary = false;
	if (f->out_fd > STDOUT_FILENO)
		fd_close(&f->out_fd);
	f->out_fd = -1;
}

/* to a temporary name beside the file, unless it is a device or a pipe */
static int output_open(struct fetch *f)
{
	struct stat st;
	char random[9];
	if (!f->output || strcmp(f->output, "-") == 0) {
		f->out_fd = STDOUT_FILENO;
		return 0;
	}
	if (stat(f->output, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->out_fd = open(f->output, O_WRONLY | O_CLOEXEC);
		return f->out_fd < 0 ? -errno : 0;
	}
	if (rand_hex(random, 4) < 0)
		return -EIO;
	if (fmt_str(f->out_name, sizeof(f->out_name), "%s.%s.part", f->output,
		    random) >= sizeof(f->out_name))
		return -ENAMETOOLONG;
	f->out_fd = open(
		f->out_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	f->out_temporary = f->out_fd >= 0;
	return f->out_fd < 0 ? -errno : 0;
}

static int output_finish(struct fetch *f)
{
	int r = 0;
	if (!f->out_temporary)
		return 0;
	if (close(f->out_fd) < 0)
		r = -errno;
	f->out_fd = -1;
	if (r == 0 && rename(f->out_name, f->output) < 0)
		r = -errno;
	if (r < 0)
		output_abort(f);
	f->out_temporary = false;
	return r;
}

static int write_out(struct fetch *f, struct str data)
{
	f->write_error = fd_write_full(f->out_fd, data.p, data.n);
	f->delivered = true;
	return f->write_error < 0 ? -ECANCELED : 0;
}

/* ---------------------------------------------------------- the answer */

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

static int put_head(struct fetch *f, const struct http_head *head)
{
	struct buf text;
	buf_init(&text, (size_t)HTTP_HEAD_MAX * 2);
	buf_putf(&text, "HTTP/1.%d %d %.*s\r\n", head->minor, head->status,
		STR_FMT(head->reason));
	for (size_t i = 0; i < head->nfields; i++)
		buf_putf(&text, "%.*s: %.*s\r\n", STR_FMT(head->fields[i].name),
			STR_FMT(head->fields[i].value));
	buf_puts(&text, "\r\n");
	int r = text.err ? text.err : write_out(f, buf_str(&text));
	buf_fini(&text);
	return r;
}

static int on_head(void *owner, const struct http_head *head)
{
	struct fetch *f = owner;
	f->discard = (f->follow && is_redirect(head->status) &&
			     http_field(head, "Location").p) ||
		     (f->tries_left && retry_status(head->status)) ||
		     (f->fail && head->status >= 400);
	if (f->discard)
		return 1;
	f->write_error = output_open(f);
	if (f->write_error < 0)
		return -ECANCELED;
	if (f->include || f->head) {
		int r = put_head(f, head);
		if (r < 0)
			return r;
	}
	return 1;
}

static int on_data(void *owner, struct str data)
{
	struct fetch *f = owner;
	return f->discard ? 0 : write_out(f, data);
}

/* --------------------------------------------------------- the request */

static ssize_t next_piece(void *owner, struct str *piece)
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
static void put_basic(struct buf *out, const struct fetch *f)
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

static size_t make_fields(
	struct fetch *f, struct http_field *v, struct str basic)
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

static void host_value(const struct fetch *f, char *dst, size_t size)
{
	fmt_str(dst, size, "%.*s", STR_FMT(f->url.authority));
	for (size_t i = 0; i < f->headers.n; i++) {
		struct str value = str_of(f->headers.v[i]);
		struct str name = str_cut(&value, ':');
		if (value.p && str_eq_nocase(name, STR("Host")))
			fmt_str(dst, size, "%.*s", STR_FMT(str_trim(value)));
	}
}

/* one request; 0 or -errno, *call holds the answer */
static int attempt(
	struct fetch *f, struct http_client *c, struct http_client_call *call)
{
	char host[URL_HOST_MAX + 1], authority[URL_HOST_MAX + 16];
	struct http_field fields[FIELDS_MAX + 4];
	struct buf target, basic;
	struct http_client_to to = {.host = host,
		.port = f->url.port,
		.unix_path = f->unix_path,
		.tls = f->url.tls ? f->tls : NULL,
		.connect_ms = f->connect_s * 1000,
		.deadline_ms = f->deadline_ms,
		.idle_ms = f->idle_s * 1000};
	fmt_str(host, sizeof(host), "%.*s", STR_FMT(f->url.host));
	host_value(f, authority, sizeof(authority));
	buf_init(&target, URL_MAX + 1);
	buf_init(&basic, 2 * URL_MAX);
	url_put_target(&target, &f->url);
	put_basic(&basic, f);
	*call = (struct http_client_call){.method = f->method,
		.target = buf_cstr(&target),
		.host = authority,
		.fields = fields,
		.on_head = on_head,
		.on_data = on_data,
		.owner = f};
	call->nfields = make_fields(f, fields, buf_str(&basic));
	if (f->has_body && f->body_fd >= 0) {
		call->next_body = next_piece;
		call->body_length = f->body_n;
	} else if (f->has_body) {
		call->body = buf_str(&f->body);
	}
	f->delivered = false;
	f->write_error = 0;
	f->out_fd = -1;
	int r = http_client_open(c, &to);
	if (r == 0)
		r = http_client_call(c, call);
	else
		call->head.status = 0;
	if (r < 0 && f->out_temporary)
		output_abort(f);
	buf_fini(&target);
	buf_fini(&basic);
	return r;
}

/* ------------------------------------------------------ again and elsewhere */

static bool rewind_body(const struct fetch *f)
{
	return !f->has_body || f->body_fd < 0 ||
	       lseek(f->body_fd, 0, SEEK_SET) == 0;
}

static void set_url(struct fetch *f, struct str text)
{
	struct buf copy;
	buf_init(&copy, URL_MAX);
	buf_put_str(&copy, text);
	buf_fini(&f->url_text);
	f->url_text = copy;
	const char *why = copy.err ? "it is too long"
				   : url_read(&f->url, buf_str(&f->url_text));
	if (why)
		die_usage("'%.*s': %s", STR_FMT(text), why);
	if (f->url.tls && !f->tls) {
		const char *name;
		f->tls = tls_context_new();
		if (!f->tls)
			die(EXIT_FAIL, "out of memory");
		if (f->insecure)
			tls_context_trust_all(f->tls);
		int r = f->insecure
				? 1
				: tls_context_trust(f->tls, f->ca_file, &name);
		if (r < 0)
			die(EXIT_FAIL, "%s: %s", name,
				r == -EINVAL ? "no certificate of an authority"
					     : strerror(-r));
	}
}

static void follow(struct fetch *f, const struct http_head *head)
{
	struct buf next;
	bool keep = head->status == 307 || head->status == 308;
	buf_init(&next, URL_MAX);
	url_resolve(&next, &f->url, http_field(head, "Location"));
	bool post = strcmp(f->method, "POST") == 0;
	bool to_get = head->status == 303 ? strcmp(f->method, "HEAD") != 0
					  : !keep && post;
	if (to_get) {
		f->method = "GET";
		f->has_body = false;
	}
	if (!rewind_body(f))
		die(EXIT_FAIL,
			"%s: redirected, and standard input cannot be "
			"read twice",
			buf_cstr(&f->url_text));
	set_url(f, buf_str(&next));
	buf_fini(&next);
}

static void complain(struct fetch *f, const struct http_client *c, int r)
{
	const char *url = buf_cstr(&f->url_text);
	if (f->write_error < 0)
		warn_msg("%s: %s",
			f->output && f->out_fd != STDOUT_FILENO
				? f->output
				: "standard output",
			strerror(-f->write_error));
	else if (r == -EPROTO && c->error)
		warn_msg("%s: %s", url, c->error);
	else
		warn_msg("%s: %s", url, strerror(-r));
}

/* until an answer is final: 1 go on, 0 done, -1 failed */
static int step(struct fetch *f, unsigned tried)
{
	struct http_client c;
	struct http_client_call call;
	int r = attempt(f, &c, &call);
	int go = 0;
	bool late = f->deadline_ms && clock_ms() >= f->deadline_ms;
	bool again = f->tries_left && !f->delivered && !late &&
		     !f->write_error && rewind_body(f) &&
		     (r == 0 ? retry_status(call.head.status)
			     : retry_errno(r) || r == -EPROTO);
	if (again) {
		uint64_t ms = retry_wait_ms(tried, r == 0 ? &call.head : NULL);
		f->tries_left--;
		retry_sleep(ms, NULL);
		go = 1;
	} else if (r < 0) {
		complain(f, &c, r);
		go = -1;
	} else if (f->discard && call.head.status >= 400) {
		warn_msg("%s: %d %.*s", buf_cstr(&f->url_text),
			call.head.status, STR_FMT(call.head.reason));
		go = -1;
	} else if (f->discard) {
		follow(f, &call.head);
		go = 2;
	} else {
		r = output_finish(f);
		if (r < 0)
			warn_msg("%s: %s", f->output, strerror(-r));
		go = r < 0 ? -1 : 0;
	}
	http_client_call_fini(&call);
	http_client_close(&c);
	return go;
}

static int run(struct fetch *f)
{
	unsigned tried = 0;
	unsigned redirects = 0;
	for (;;) {
		int go = step(f, ++tried);
		if (go == 2 && ++redirects > REDIRECTS_MAX) {
			warn_msg("%s: more than %d redirections",
				buf_cstr(&f->first_text), REDIRECTS_MAX);
			return EXIT_FAIL;
		}
		if (go <= 0)
			return go < 0 ? EXIT_FAIL : EXIT_OK;
	}
}

/* ---------------------------------------------------------------- options */

static void open_upload(struct fetch *f, const char *name)
{
	struct stat st;
	f->body_fd = STDIN_FILENO;
	if (strcmp(name, "-") != 0)
		f->body_fd = open(name, O_RDONLY | O_CLOEXEC);
	if (f->body_fd < 0 || fstat(f->body_fd, &st) < 0)
		die(EXIT_FAIL, "%s: %s", name, strerror(errno));
	off_t at = lseek(f->body_fd, 0, SEEK_CUR);
	bool known = S_ISREG(st.st_mode) && at >= 0 && at <= st.st_size;
	f->body_n = known ? st.st_size - at : HTTP_CLIENT_CHUNKED;
	f->piece = mem_new(PIECE_SIZE);
	if (!f->piece)
		die(EXIT_FAIL, "out of memory");
	f->has_body = true;
}

static int read_stdin(struct buf *out)
{
	for (;;) {
		char *room = buf_reserve(out, PIECE_SIZE);
		if (!room)
			return out->err;
		ssize_t n = fd_read(STDIN_FILENO, room, PIECE_SIZE);
		if (n <= 0)
			return (int)n;
		buf_commit(out, (size_t)n);
	}
}

static void read_data(struct fetch *f)
{
	const char *name = f->data + 1;
	int r = 0;
	buf_init(&f->body, BODY_MAX);
	f->has_body = true;
	if (f->data[0] != '@')
		buf_puts(&f->body, f->data);
	else if (strcmp(name, "-") == 0)
		r = read_stdin(&f->body);
	else
		r = file_read(AT_FDCWD, name, &f->body);
	if (r == 0)
		r = f->body.err;
	if (r < 0)
		die(EXIT_FAIL, "%s: %s", name, strerror(-r));
}

static void prepare(struct fetch *f, const char *url)
{
	if (f->data && f->upload)
		die_usage("-d and -T exclude each other");
	if (f->data)
		read_data(f);
	if (f->upload)
		open_upload(f, f->upload);
	if (!f->method && f->head)
		f->method = "HEAD";
	if (!f->method)
		f->method = f->data ? "POST" : f->upload ? "PUT" : "GET";
	if (!strstr(url, "://"))
		die_usage("'%s' is no URL: it starts with neither http:// nor "
			  "https://",
			url);
	set_url(f, str_of(url));
	buf_init(&f->first_text, URL_MAX);
	buf_puts(&f->first_text, url);
	(void)url_read(&f->first, buf_str(&f->first_text));
	f->tries_left = (unsigned)f->retries;
	if (f->max_s)
		f->deadline_ms = clock_ms() + f->max_s * 1000;
}

/* lint: long because the table of options is in it */
int http_main(int argc, char **argv)
{
	struct fetch f = {
		.body_fd = -1, .out_fd = -1, .connect_s = 30, .idle_s = 300};
	const struct arg_opt opts[] = {
		OPT_TEXT('X', "request", &f.method, "METHOD",
			"GET, or POST with -d, PUT with -T"),
		OPT_LIST('H', "header", &f.headers, "'NAME: VALUE'",
			"one more field"),
		OPT_TEXT('d', "data", &f.data, "TEXT|@FILE",
			"send this; @- is standard input"),
		OPT_TEXT('T', "upload-file", &f.upload, "FILE",
			"send a file of any size; - is standard input"),
		OPT_TEXT('o', "output", &f.output, "FILE",
			"write the body there"),
		OPT_FLAG('f', "fail", &f.fail,
			"a status of 400 and more is a failure"),
		OPT_FLAG(
			'I', "head", &f.head, "ask for the head, and print it"),
		OPT_FLAG('i', "include", &f.include, "print the head too"),
		OPT_FLAG('L', "location", &f.follow, "follow redirections"),
		OPT_FLAG(
			'k', "insecure", &f.insecure, "accept any certificate"),
		OPT_FLAG('s', "silent", &f.silent,
			"nothing but errors is ever said; for habit's sake"),
		OPT_TEXT('u', "user", &f.user, "NAME:PASSWORD", "log in"),
		OPT_TEXT(0, "cacert", &f.ca_file, "FILE",
			"trust the authorities in FILE (PEM)"),
		OPT_TEXT(0, "unix-socket", &f.unix_path, "PATH",
			"connect to a unix socket"),
		OPT_NUMBER(0, "retry", &f.retries, "N", 0, 1000,
			"try again up to N times"),
		OPT_NUMBER(0, "connect-timeout", &f.connect_s, "S", 0, 1000000,
			"for connecting (30); 0: no limit"),
		OPT_NUMBER(0, "max-time", &f.max_s, "S", 0, 1000000,
			"for all of it (no limit)"),
		OPT_NUMBER(0, "idle-timeout", &f.idle_s, "S", 0, 1000000,
			"longest silence (300); 0: no limit"),
	};
	int first =
		applet_args(&applet_http, opts, ARRAY_LEN(opts), argc, argv);
	if (argc - first != 1)
		die_usage("it wants one URL");
	prepare(&f, argv[first]);
	int status = run(&f);
	tls_context_free(f.tls);
	buf_fini(&f.url_text);
	buf_fini(&f.first_text);
	buf_fini(&f.body);
	mem_free(f.piece);
	mem_free(f.headers.v);
	return status;
}
