/* SPDX-License-Identifier: MIT */
/*
 * applets/healthcheck.c - is this container what it should be?
 *
 * For HEALTHCHECK in exec form, where there is no shell and no curl. Silent
 * and 0 when all is well; otherwise one line a failed check, and 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/layout.h"
#include "lib/passwd.h"
#include "lib/size.h"
#include "net/http.h"

APPLET(healthcheck, "Exit 0 when gateway, users and directories are in order.",
	"usage: healthcheck [--url URL] [--timeout MS]\n"
	"\n"
	"Asks the gateway for /health on 127.0.0.1 (port CORACLE_PORT, 8080)\n"
	"and looks at the default users and directories. Prints one line for\n"
	"each check that fails.\n"
	"\n"
	"  healthcheck                     the whole container\n"
	"  healthcheck --url http://h:1/   only this answer\n");

enum {
	TEXT_MAX = 1 << 20,
	URL_MAX = 1024,
	HOST_MAX = 64,
	VALUES_MAX = 4096,
	TIMEOUT_MS = 1000,
	TIMEOUT_MAX_MS = 60000,
};

static int failures;

#define FAILED(...)                    \
	do {                           \
		failures++;            \
		warn_msg(__VA_ARGS__); \
	} while (0)

static void check_users(void)
{
	struct buf passwd;
	struct passwd_user found;
	buf_init(&passwd, TEXT_MAX);
	int r = file_read(AT_FDCWD, "/etc/passwd", &passwd);
	if (r < 0)
		FAILED("users: /etc/passwd: %s", strerror(-r));
	for (size_t i = 0; r == 0 && i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		if (!passwd_user_named(
			    buf_str(&passwd), str_of(u->name), &found))
			FAILED("users: no user %s", u->name);
		else if (found.uid != u->id)
			FAILED("users: %s has uid %u, not %u", u->name,
				(unsigned)found.uid, u->id);
	}
	buf_fini(&passwd);
}

/* only those whose mode init keeps: the others may be anyone's mount */
static void check_directories(void)
{
	struct stat st;
	for (size_t i = 0; i < layout_dirs_len; i++) {
		const struct layout_dir *d = &layout_dirs[i];
		if (d->care != LAYOUT_KEEP)
			continue;
		if (stat(d->path, &st) < 0)
			FAILED("directories: %s: %s", d->path, strerror(errno));
		else if (!S_ISDIR(st.st_mode))
			FAILED("directories: %s is none", d->path);
		else if (st.st_uid == d->uid && (st.st_mode & 07777) != d->mode)
			FAILED("directories: %s has mode %04o, not %04o",
				d->path, (unsigned)st.st_mode & 07777,
				(unsigned)d->mode);
	}
}

/*
 * Where a URL points. Only plain HTTP to an address: no name server can then
 * make a healthy container look ill.
 */
struct place {
	struct sockaddr_storage address;
	socklen_t len;
	struct str host; /* with the port, as the Host field has it */
	const char *path;
};

static bool set_address(struct place *at, const char *host, uint16_t port)
{
	struct sockaddr_in *v4 = (void *)&at->address;
	struct sockaddr_in6 *v6 = (void *)&at->address;
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		at->len = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		at->len = sizeof(*v6);
		return true;
	}
	return false;
}

/* "1.2.3.4", "1.2.3.4:80", "[::1]", "[::1]:80"; no port: port.p is NULL */
static bool split_port(struct str host, struct str *name, struct str *port)
{
	*port = host;
	if (host.n == 0 || host.p[0] != '[') {
		*name = str_cut(port, ':');
		return true;
	}
	*port = str_from_index(host, 1);
	*name = str_cut(port, ']');
	if (!port->p || (port->n > 0 && port->p[0] != ':'))
		return false;
	*port = port->n ? str_from_index(*port, 1) : (struct str){NULL, 0};
	return true;
}

static bool parse_url(struct place *at, const char *url)
{
	static const char scheme[] = "http://";
	char host[HOST_MAX];
	struct str name, digits;
	struct str rest = str_of(url);
	uint64_t port = 80;
	*at = (struct place){.path = "/"};
	if (!str_starts(rest, str_of(scheme)))
		return false;
	rest = str_from_index(rest, sizeof(scheme) - 1);
	at->host = str_first(rest, str_index(rest, '/'));
	if (at->host.n < rest.n)
		at->path = rest.p + at->host.n;
	if (!split_port(at->host, &name, &digits))
		return false;
	if (digits.p && (!str_to_u64(digits, &port) || port > 65535))
		return false;
	if (fmt_str(host, sizeof(host), "%.*s", STR_FMT(name)) >= sizeof(host))
		return false;
	return set_address(at, host, (uint16_t)port);
}

/* wait for events until the deadline; 0 or a negative errno */
static int wait_fd(int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		uint64_t now = clock_ms();
		if (now >= deadline_ms)
			return -ETIMEDOUT;
		int n = poll(&p, 1, (int)(deadline_ms - now));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int dial(const struct place *at, uint64_t deadline_ms)
{
	int err = 0;
	socklen_t len = sizeof(err);
	int fd = socket(at->address.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = 0;
	if (connect(fd, (const void *)&at->address, at->len) < 0)
		r = errno == EINPROGRESS ? wait_fd(fd, POLLOUT, deadline_ms)
					 : -errno;
	if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		r = -errno;
	if (r == 0)
		r = -err;
	if (r < 0)
		fd_close(&fd);
	return r < 0 ? r : fd;
}

/* the status of the answer's head; 0 when more is needed, or negative */
static int answered(struct buf *in)
{
	struct http_head head;
	struct http_error error;
	ssize_t n = http_parse_head(
		&head, HTTP_RESPONSE, false, buf_str(in), &error);
	if (n < 0)
		return -EPROTO;
	return n > 0 ? head.status : 0;
}

/* send the request and read until the head is there: a status or -errno */
static int ask(int fd, const struct place *at, uint64_t deadline_ms)
{
	struct buf out, in;
	int r = -ENOMEM;
	buf_init(&out, URL_MAX * 2);
	buf_init(&in, HTTP_HEAD_MAX);
	buf_putf(&out,
		"GET %s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
		at->path, STR_FMT(at->host));
	if (!out.err)
		r = fd_write_full(fd, buf_cstr(&out), out.n);
	while (r == 0) {
		char step[4096];
		r = wait_fd(fd, POLLIN, deadline_ms);
		if (r < 0)
			break;
		ssize_t n = fd_read(fd, step, sizeof(step));
		if (n == -EAGAIN)
			continue;
		r = n < 0 ? (int)n : n == 0 ? -ECONNRESET : 0;
		if (r == 0)
			buf_put(&in, step, (size_t)n);
		if (r == 0)
			r = in.err ? in.err : answered(&in);
	}
	buf_fini(&out);
	buf_fini(&in);
	return r;
}

static void check_answer(const char *url, uint64_t timeout_ms)
{
	struct place at;
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	if (strlen(url) >= URL_MAX || !parse_url(&at, url))
		die_usage("--url wants http://ADDRESS[:PORT][/PATH], not '%s'",
			url);
	int fd = dial(&at, deadline_ms);
	int r = fd < 0 ? fd : ask(fd, &at, deadline_ms);
	fd_close(&fd);
	if (r < 0)
		FAILED("gateway: %s: %s", url, strerror(-r));
	else if (r != 200)
		FAILED("gateway: %s: status %d", url, r);
}

/* what init was told about the gateway; the text lives as long as we do */
struct told {
	bool enabled;
	const char *listen;
	uint64_t port;
};

static void read_config(struct told *t)
{
	struct buf text;
	struct json_doc doc;
	struct json_where where;
	buf_init(&text, TEXT_MAX);
	if (file_read(AT_FDCWD, "/etc/coracle/init.json", &text) == 0 &&
		json_parse(&doc, buf_str(&text), VALUES_MAX, &where) ==
			JSON_OK) {
		int gateway = json_get(&doc, 0, "gateway");
		int at = json_get(&doc, gateway, "port");
		if (at != JSON_NONE)
			(void)json_u64(json_raw(&doc, at), &t->port);
		at = json_get(&doc, gateway, "enabled");
		if (at != JSON_NONE && str_is(json_raw(&doc, at), "false"))
			t->enabled = false;
		json_free(&doc);
	}
	buf_fini(&text);
}

/* the variables win over the file, as they do for init */
static void read_environment(struct told *t)
{
	uint64_t port;
	const char *text = getenv("CORACLE_PORT");
	if (text && str_to_u64(str_of(text), &port) && port <= 65535)
		t->port = port;
	text = getenv("CORACLE_LISTEN");
	if (text && *text)
		t->listen = text;
}

static void check_gateway(uint64_t timeout_ms)
{
	char url[HOST_MAX + 32];
	struct told t = {.enabled = true, .port = 8080};
	read_config(&t);
	read_environment(&t);
	if (!t.enabled)
		return;
	/* whatever it listens on beside, this machine reaches it here */
	bool any = !t.listen || strcmp(t.listen, "0.0.0.0") == 0 ||
		   strcmp(t.listen, "::") == 0;
	bool v6 = !any && strchr(t.listen, ':');
	fmt_str(url, sizeof(url), "http://%s%s%s:%ju/health", v6 ? "[" : "",
		any ? "127.0.0.1" : t.listen, v6 ? "]" : "", (uintmax_t)t.port);
	check_answer(url, timeout_ms);
}

int healthcheck_main(int argc, char **argv)
{
	const char *url = NULL;
	uint64_t timeout_ms = TIMEOUT_MS;
	const struct arg_opt opts[] = {
		{.name = "url",
			.type = ARG_TEXT,
			.dst = &url,
			.value = "URL",
			.help = "ask this one for 200, check nothing else"},
		{.name = "timeout",
			.type = ARG_NUMBER,
			.dst = &timeout_ms,
			.value = "MS",
			.min = 1,
			.max = TIMEOUT_MAX_MS,
			.help = "how long an answer may take (1000)"},
	};
	int first = applet_args(
		&applet_healthcheck, opts, ARRAY_LEN(opts), argc, argv);
	if (first < argc)
		die_usage("takes no operand, not '%s'", argv[first]);
	if (url) {
		check_answer(url, timeout_ms);
	} else {
		check_gateway(timeout_ms);
		check_users();
		check_directories();
	}
	return failures ? EXIT_FAIL : EXIT_OK;
}
