/* SPDX-License-Identifier: MIT */
/* applets/httpd/httpd.c - options, beginning and end of the file server. */
#include "applets/httpd/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/origin.h"

APPLET(httpd, "Serve the files of a directory over HTTP.",
	"usage: httpd [OPTION]... [DIR]\n"
	"\n"
	"Serves DIR, or the current directory, and nothing outside of it:\n"
	"symbolic links that lead out are refused, names that begin with a\n"
	"dot too. Of a directory, its index. FILE.gz, where it is, instead of\n"
	"FILE for clients that accept it.\n"
	"\n"
	"  httpd -p 8000 public               http://127.0.0.1:8000/\n"
	"  httpd -l 0.0.0.0 -p 80 --list /srv/files\n"
	"  httpd --unix-socket /run/files.sock --log /srv/files\n"
	"\n"
	"exit status: 0 ended by a signal, 1 it could not begin, 2 the\n"
	"command line is wrong\n");

enum { STOP_MS = 5000, LOG_MAX = 64 << 20 };

static void listen_on(struct httpd *h)
{
	bool local = h->unix_path != NULL;
	int fd = local ? http_listen_unix(h->unix_path)
		       : http_listen_tcp(h->listen, (uint16_t)h->port);
	if (fd < 0 && local)
		die(EXIT_FAIL, "listen on %s: %s", h->unix_path, strerror(-fd));
	if (fd < 0)
		die(EXIT_FAIL, "listen on %s port %u: %s", h->listen,
			(unsigned)h->port,
			fd == -EINVAL ? "not a numeric address"
				      : strerror(-fd));
	unsigned port = local ? 0 : http_listen_port(fd);
	int r = http_server_listen(h->server, fd);
	if (r < 0)
		die(EXIT_FAIL, "listen: %s", strerror(-r));
	bool v6 = strchr(h->listen, ':') != NULL;
	if (local)
		log_info("listening on %s", h->unix_path);
	else
		log_info("listening on http://%s%s%s:%u", v6 ? "[" : "",
			h->listen, v6 ? "]" : "", port);
}

static void on_stop_timeout(void *owner)
{
	struct httpd *h = owner;
	loop_stop(&h->loop);
}

/* the first signal ends in order, the second at once */
static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct httpd *h = owner;
	(void)info;
	if (h->stopping) {
		loop_stop(&h->loop);
		return;
	}
	h->stopping = true;
	http_server_drain(h->server);
	(void)loop_timer_at(&h->loop, &h->timer, loop_now(&h->loop) + STOP_MS,
		on_stop_timeout, h);
}

static void check_type(const char *option)
{
	bool good = strchr(option, '=') != NULL;
	/* it becomes a line of each head */
	for (const char *p = option; *p; p++)
		good = good && *p >= ' ' && *p <= '~';
	if (!good)
		die_usage("--type wants EXTENSION=TYPE, not '%s'", option);
}

static void setup(struct httpd *h)
{
	sigset_t set;
	h->root_fd = open(h->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->root_fd < 0)
		die(EXIT_FAIL, "%s: %s", h->root, strerror(errno));
	if (strchr(h->index, '/') || !*h->index)
		die_usage("--index wants a name, not '%s'", h->index);
	for (size_t i = 0; i < h->types.n; i++)
		check_type(h->types.v[i]);
	h->check_hosts =
		h->hosts ||
		(!h->unix_path && origin_is_loopback(str_of(h->listen)));
	int r = loop_init(&h->loop);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (r == 0)
		r = loop_watch_signals(&h->loop, &set, on_signal, h);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	const struct http_server_config config = {.on_request = answer,
		.on_log = h->log ? log_request : NULL,
		.owner = h};
	h->server = http_server_new(&h->loop, &config);
	if (!h->server)
		die(EXIT_FAIL, "out of memory");
	buf_init(&h->path, (size_t)2 * HTTP_TARGET_MAX);
	buf_init(&h->log_text, LOG_MAX);
	listen_on(h);
}

static void turn(struct httpd *h)
{
	int r = loop_turn(&h->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	if (h->stopping && http_server_idle(h->server))
		loop_stop(&h->loop);
}

static void stop(struct httpd *h)
{
	http_server_free(h->server);
	loop_timer_clear(&h->loop, &h->timer);
	log_flush(h);
	loop_fini(&h->loop);
	file_cache_clear(h);
	fd_close(&h->root_fd);
	if (h->unix_path)
		(void)unlink(h->unix_path);
	buf_fini(&h->path);
	buf_fini(&h->log_text);
	mem_free(h->types.v);
}

int httpd_main(int argc, char **argv)
{
	static struct httpd h = {.root = ".",
		.listen = "127.0.0.1",
		.port = 8000,
		.index = "index.html",
		.max_age = UINT64_MAX};
	const struct arg_opt opts[] = {
		OPT_NUMBER('p', "port", &h.port, "N", 0, 65535,
			"port to listen on (8000; 0: any free one)"),
		OPT_TEXT('l', "listen", &h.listen, "ADDR",
			"address to listen on (127.0.0.1)"),
		OPT_TEXT(0, "unix-socket", &h.unix_path, "PATH",
			"listen on a unix socket instead"),
		OPT_TEXT(0, "hosts", &h.hosts, "NAMES",
			"names, with commas, that Host may have beside those "
			"of\n"
			"this machine (any, unless it listens to itself only)"),
		OPT_TEXT(0, "index", &h.index, "NAME",
			"file that answers for its directory (index.html)"),
		OPT_FLAG(0, "list", &h.listing,
			"list directories that have no index"),
		OPT_FLAG(0, "hidden", &h.hidden,
			"names that begin with a dot too"),
		OPT_FLAG(0, "log", &h.log,
			"requests to standard output, as web servers log them"),
		OPT_NUMBER(0, "max-age", &h.max_age, "S", 0, 31536000,
			"let caches keep files for so many seconds"),
		OPT_LIST(0, "type", &h.types, "EXTENSION=TYPE",
			"media type of such names"),
	};
	int first =
		applet_args(&applet_httpd, opts, ARRAY_LEN(opts), argc, argv);
	if (argc - first > 1)
		die_usage("unexpected argument '%s'", argv[first + 1]);
	if (first < argc)
		h.root = argv[first];
	h.has_max_age = h.max_age != UINT64_MAX;
	setup(&h);
	while (!h.loop.done)
		turn(&h);
	stop(&h);
	return EXIT_OK;
}
