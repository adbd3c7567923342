/* SPDX-License-Identifier: MIT */
/* applets/http/http.c - one HTTP request, for images without curl: options. */
#include "applets/http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/size.h"

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

enum { BODY_MAX = 256 << 20 }; /* of -d, which is held in memory */

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
	fetch_set_url(f, str_of(url));
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
	struct fetch f = {.body_fd = -1,
		.out_fd = -1,
		.part = {.fd = -1},
		.connect_s = 30,
		.idle_s = 300};
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
	part_file_drop_on_signals();
	int status = fetch_run(&f);
	tls_context_free(f.tls);
	buf_fini(&f.url_text);
	buf_fini(&f.first_text);
	buf_fini(&f.body);
	mem_free(f.piece);
	mem_free(f.headers.v);
	return status;
}
