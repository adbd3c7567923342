/* SPDX-License-Identifier: MIT */
/*
 * applets/healthcheck.c - is this container what it should be?
 *
 * For HEALTHCHECK in exec form, where there is no shell and no curl. Silent
 * and 0 when all is well; otherwise one line a failed check, and 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/broker.h"
#include "lib/ctl_wire.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/layout.h"
#include "lib/passwd.h"
#include "lib/size.h"
#include "net/http_client.h"

APPLET(healthcheck, "Exit 0 when gateway, services and users are in order.",
	"usage: healthcheck [--url URL | --tcp ADDRESS:PORT] [--timeout MS]\n"
	"\n"
	"Asks the gateway for /health on 127.0.0.1 (port CORACLE_PORT, 8080)\n"
	"looks at the default users, directories and init's sockets and asks\n"
	"init whether all services are ready. Prints one line for each check "
	"that fails.\n"
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
	char name[HOST_MAX]; /* the address */
	char host[HOST_MAX]; /* with the port, as the Host field has it */
	uint16_t port;
	const char *path;
};

static bool copy_text(char *dst, size_t size, struct str text)
{
	return fmt_str(dst, size, "%.*s", STR_FMT(text)) < size;
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
	struct str name, digits;
	struct str rest = str_of(url);
	struct str scheme = STR("http://");
	uint64_t port = 80;
	*at = (struct place){.path = "/"};
	if (!str_starts(rest, scheme))
		return false;
	rest = str_from_index(rest, scheme.n);
	struct str host = str_first(rest, str_index(rest, '/'));
	if (host.n < rest.n)
		at->path = rest.p + host.n;
	if (!split_port(host, &name, &digits))
		return false;
	if (digits.p && (!str_to_u64(digits, &port) || port > 65535))
		return false;
	at->port = (uint16_t)port;
	return copy_text(at->name, sizeof(at->name), name) &&
	       copy_text(at->host, sizeof(at->host), host);
}

/* the status of the answer, or a negative errno */
static int ask(const struct place *at, uint64_t timeout_ms)
{
	struct http_client client;
	/* the gateway keeps these requests out of its log */
	const struct http_field agent = {
		STR("User-Agent"), STR("coracle-healthcheck")};
	struct http_client_call call = {.method = "GET",
		.fields = &agent,
		.nfields = 1,
		.target = at->path,
		.host = at->host,
		.content_max = TEXT_MAX};
	int r = http_client_open_tcp(&client, at->name, at->port, timeout_ms);
	if (r < 0)
		return r;
	r = http_client_call(&client, &call);
	if (r == 0)
		r = call.head.status;
	http_client_call_fini(&call);
	http_client_close(&client);
	return r;
}

static void check_answer(const char *url, uint64_t timeout_ms)
{
	struct place at;
	if (strlen(url) >= URL_MAX || !parse_url(&at, url))
		die_usage("--url wants http://ADDRESS[:PORT][/PATH], not '%s'",
			url);
	int r = ask(&at, timeout_ms);
	if (r == -EINVAL)
		die_usage("--url wants an address, not '%s'", at.name);
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

/* is somebody listening? */
static void check_tcp(const char *text, uint64_t timeout_ms)
{
	char name[HOST_MAX];
	struct http_client client;
	struct str host, digits;
	uint64_t port;
	if (!split_port(str_of(text), &host, &digits) || !digits.p ||
		!str_to_u64(digits, &port) || port < 1 || port > 65535 ||
		!copy_text(name, sizeof(name), host))
		die_usage("--tcp wants ADDRESS:PORT, not '%s'", text);
	int r = http_client_open_tcp(&client, name, (uint16_t)port, timeout_ms);
	if (r < 0)
		FAILED("tcp: %s: %s", text, strerror(-r));
	else
		http_client_close(&client);
}

/* name, state, ... of the answer to "status"; see init/ctl.c */
static void check_service(struct str line)
{
	struct str fields[7];
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = line.p ? str_cut(&line, '\t') : STR("");
	struct str state = fields[1], wanted = fields[6];
	if (str_is(wanted, "unwanted") || str_is(state, "up") ||
		str_is(state, "done"))
		return;
	/* one that ended well by itself, as its restart policy allows */
	if (str_is(state, "down") && str_is(fields[5], "exit 0"))
		return;
	FAILED("services: %.*s is %.*s", STR_FMT(fields[0]), STR_FMT(state));
}

/* is PID 1 our init, which then has a control socket? */
static bool init_is_ours(void)
{
	struct stat ours, init;
	/* for root, whatever name it was started by */
	if (stat("/proc/self/exe", &ours) == 0 &&
		stat("/proc/1/exe", &init) == 0)
		return ours.st_dev == init.st_dev && ours.st_ino == init.st_ino;
	struct buf comm;
	buf_init(&comm, TEXT_MAX);
	bool is_coracle = file_read(AT_FDCWD, "/proc/1/comm", &comm) == 0 &&
			  str_is(buf_str(&comm), "coracle\n");
	buf_fini(&comm);
	return is_coracle;
}

/* what lies where a socket of init should be; only init can have put it */
static void check_socket(const char *path)
{
	struct stat st, init;
	if (lstat(path, &st) < 0)
		return; /* where /run cannot be written, it has no file */
	if (!S_ISSOCK(st.st_mode))
		FAILED("sockets: %s is none", path);
	else if (stat("/proc/1", &init) == 0 && st.st_uid != init.st_uid)
		FAILED("sockets: %s belongs to uid %u, not %u", path,
			(unsigned)st.st_uid, (unsigned)init.st_uid);
}

/* its socket is there, and nobody behind it */
static void check_broker(void)
{
	int fd = broker_connect();
	if (fd == -ECONNREFUSED)
		FAILED("sockets: the broker's: %s", strerror(-fd));
	fd_close(&fd);
}

/* without an init that can be asked there is nothing to say about services */
static void check_services(uint64_t timeout_ms)
{
	static char answer[CTL_ANSWER_MAX];
	struct sockaddr_un a;
	const char *words[] = {"status"};
	ssize_t n = ctl_ask(words, 1, answer, (int)timeout_ms);
	(void)ctl_file_address(&a);
	check_socket(a.sun_path);
	if (n == -ETIMEDOUT)
		FAILED("services: init does not answer");
	else if (n < 0 && init_is_ours())
		FAILED("sockets: %s: %s", a.sun_path, strerror((int)-n));
	if (n <= 0)
		return;
	struct str rest = str_from(answer, (size_t)n);
	if (!str_is(str_cut(&rest, '\n'), "ok"))
		return;
	while (rest.p && rest.n)
		check_service(str_cut(&rest, '\n'));
}

int healthcheck_main(int argc, char **argv)
{
	const char *url = NULL;
	const char *tcp = NULL;
	uint64_t timeout_ms = TIMEOUT_MS;
	const struct arg_opt opts[] = {
		OPT_TEXT(0, "url", &url, "URL",
			"ask this one for 200, check nothing else"),
		OPT_TEXT(0, "tcp", &tcp, "ADDRESS:PORT",
			"connect there, check nothing else"),
		OPT_NUMBER(0, "timeout", &timeout_ms, "MS", 1, TIMEOUT_MAX_MS,
			"how long an answer may take (1000)"),
	};
	int first = applet_args(
		&applet_healthcheck, opts, ARRAY_LEN(opts), argc, argv);
	if (first < argc)
		die_usage("takes no operand, not '%s'", argv[first]);
	if (url && tcp)
		die_usage("--url and --tcp exclude each other");
	if (url) {
		check_answer(url, timeout_ms);
	} else if (tcp) {
		check_tcp(tcp, timeout_ms);
	} else {
		check_gateway(timeout_ms);
		check_users();
		check_directories();
		check_services(timeout_ms);
		check_broker();
	}
	return failures ? EXIT_FAIL : EXIT_OK;
}
