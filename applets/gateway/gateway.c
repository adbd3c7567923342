/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/gateway.c - the HTTP environment gateway: set up, turn, stop.
 *
 * One event loop and no heavy work in it: archives are packed and unpacked by
 * worker processes, MCP servers are children, bytes are moved between them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <unistd.h>

#include "applets/gateway/job.h"
#include "applets/gateway/signing.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/size.h"

APPLET(gateway, "Serve the environment's HTTP interface and MCP endpoint.",
	"usage: gateway [OPTION...]\n"
	"\n"
	"GET  /health         is it up?\n"
	"GET  /status         version, memory, servers; /metrics: numbers for\n"
	"                     Prometheus\n"
	"GET  /apps           state of the MCP servers\n"
	"POST /apps           {\"mcpServers\":{...}}: which MCP servers serve\n"
	"     /mcp            MCP (Streamable HTTP) to all of them at once\n"
	"POST /data/populate  a tar.gz (multipart part `archive`, or the "
	"body)\n"
	"                     into a subsystem (?subsystem=filesystem)\n"
	"POST /data/snapshot  all subsystems as one tar.gz\n"
	"POST /data/populate/s3, /data/snapshot/s3   from and to a store; "
	"with\n"
	"                     /start and /status also in the background\n"
	"\n"
	"With CORACLE_TOKEN in the environment, /apps and /data want it as\n"
	"bearer token.\n"
	"\n"
	"examples:\n"
	"  gateway --port 8080 --root /\n"
	"  curl -F archive=@files.tar.gz 127.0.0.1:8080/data/populate\n"
	"  curl -X POST -o snap.tar.gz 127.0.0.1:8080/data/snapshot\n");

enum { STOP_MS = 3000 };

struct options {
	uint64_t port;
	uint64_t session_idle; /* seconds */
	const char *listen;
	const char *root;
	const char *socket;
	bool log_calls;
	const char *apps; /* NULL: none until POST /apps */
};

static void on_log(void *owner, const struct http_exchange *x, int status,
	uint64_t bytes, uint64_t us)
{
	const struct http_head *head = http_request(x);
	struct gateway *g = owner;
	g->answers[status / 100 % GATEWAY_CLASSES]++;
	g->sent += bytes;
	if (!head->method.n)
		return; /* refused before there was a request */
	/* our own healthcheck asks every few seconds: that it does is no news */
	bool routine = status == 200 && str_is(http_field(head, "User-Agent"),
						"coracle-healthcheck");
	log_at(routine ? LOG_DEBUG : LOG_INFO,
		"%.*s %.*s %d %llu bytes %llu.%03llu ms", STR_FMT(head->method),
		STR_FMT(str_first(head->target, 200)), status,
		(unsigned long long)bytes, (unsigned long long)(us / 1000),
		(unsigned long long)(us % 1000));
}

/* ------------------------------------------------------------------ setup */

static const char *name_from_env(const char *variable, const char *standard)
{
	const char *name = getenv(variable);
	if (!name || !*name)
		return standard;
	if (*name == '/' || str_has(str_of(name), STR("..")))
		die(EXIT_CONFIG,
			"%s: '%s' must be a relative path without '..'",
			variable, name);
	return name;
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 ||
	       strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0;
}

static void port_from_env(uint64_t *port)
{
	const char *text = getenv("PORT");
	if (text && *text &&
		(!str_to_u64(str_of(text), port) || *port > UINT16_MAX))
		die(EXIT_CONFIG, "PORT: '%s' is no port", text);
}

static void listen_on(struct gateway *g, const struct options *o)
{
	int fd = http_listen_tcp(o->listen, (uint16_t)o->port);
	if (fd < 0)
		die(EXIT_FAIL, "listen on %s port %u: %s", o->listen,
			(unsigned)o->port, strerror(-fd));
	uint16_t port = http_listen_port(fd);
	bool v6 = strchr(o->listen, ':') != NULL;
	int r = http_server_listen(g->server, fd);
	if (r < 0)
		die(EXIT_FAIL, "listen on %s: %s", o->listen, strerror(-r));
	log_info("listening on http://%s%s%s:%u", v6 ? "[" : "", o->listen,
		v6 ? "]" : "", (unsigned)port);
	if (!g->token && !is_loopback(o->listen))
		log_warn("no CORACLE_TOKEN: whoever reaches %s may change "
			 "this environment",
			o->listen);
}

static void listen_on_socket(struct gateway *g, const char *path)
{
	int fd = http_listen_unix(path);
	/* the kernel tells who connects: the mode need not keep anybody out */
	int r = fd < 0 ? fd : 0;
	if (r == 0 && chmod(path, 0666) < 0)
		r = -errno;
	if (r == 0)
		r = http_server_listen(g->server, fd);
	if (r < 0)
		die(EXIT_FAIL, "listen on %s: %s", path, strerror(-r));
	g->socket = path;
	log_info("listening on unix:%s", path);
}

static void on_stop_timeout(void *owner)
{
	struct gateway *g = owner;
	log_warn("stopping takes over %d ms, leaving what is under way",
		STOP_MS);
	loop_stop(&g->loop);
}

/* the first signal ends in order, the second at once */
static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct gateway *g = owner;
	(void)info;
	if (g->stopping) {
		loop_stop(&g->loop);
		return;
	}
	g->stopping = true;
	http_server_drain(g->server);
	jobs_cancel(g);
	mcp_router_stop(&g->router);
	(void)loop_timer_at(&g->loop, &g->timer, loop_now(&g->loop) + STOP_MS,
		on_stop_timeout, g);
}

/*
 * As many connections as sessions may be open, if the hard limit of
 * descriptors admits them; some are left for what else needs one.
 */
static size_t allow_connections(void)
{
	enum { MOST = 2 * MCP_SESSIONS_MAX, OTHERS = 512 };
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	rlim_t wanted = MOST + OTHERS;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur =
			limit.rlim_max < wanted ? limit.rlim_max : wanted;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur > 2 * OTHERS ? limit.rlim_cur - OTHERS : OTHERS;
}

static void setup(struct gateway *g, const struct options *o)
{
	sigset_t set;
	g->started_ms = clock_ms();
	g->started_wall = clock_wall(NULL);
	g->token = getenv("CORACLE_TOKEN");
	if (g->token && !*g->token)
		g->token = NULL;
	g->files = name_from_env("FILESYSTEM_SUBSYSTEM_NAME", "filesystem");
	g->apps_data = name_from_env("APPS_DATA_SUBSYSTEM_NAME", ".apps_data");
	signing_setup(g);
	g->root = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->root < 0)
		die(EXIT_FAIL, "--root %s: %s", o->root, strerror(errno));
	int r = loop_init(&g->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	r = loop_watch_signals(&g->loop, &set, on_signal, g);
	if (r < 0)
		die(EXIT_FAIL, "signals: %s", strerror(-r));
	mcp_router_init(&g->router, &g->loop);
	g->router.idle_ms = o->session_idle * 1000;
	g->router.log_calls = o->log_calls;
	g->router.hosts = getenv("CORACLE_ALLOWED_HOSTS");
	if (g->router.hosts && !*g->router.hosts)
		g->router.hosts = NULL;
	const struct http_server_config config = {.on_request = gateway_route,
		.on_log = on_log,
		.owner = g,
		.limits.connections_max = allow_connections()};
	g->server = http_server_new(&g->loop, &config);
	if (!g->server)
		die(EXIT_FAIL, "out of memory");
	if (o->apps)
		apps_load(g, o->apps);
	listen_on(g, o);
	if (o->socket && *o->socket)
		listen_on_socket(g, o->socket);
}

/* -------------------------------------------------------- turn and stop */

static bool is_idle(const struct gateway *g)
{
	return http_server_idle(g->server) && mcp_router_idle(&g->router) &&
	       g->workers == 0;
}

static void turn(struct gateway *g)
{
	int r = loop_turn(&g->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	if (g->stopping && is_idle(g))
		loop_stop(&g->loop);
}

static void stop(struct gateway *g)
{
	http_server_free(g->server);
	mcp_router_fini(&g->router);
	jobs_free(g);
	loop_timer_clear(&g->loop, &g->timer);
	loop_fini(&g->loop);
	fd_close(&g->root);
	if (g->socket)
		(void)unlink(g->socket);
}

int gateway_main(int argc, char **argv)
{
	static struct gateway g;
	struct options o = {.port = 8080,
		.listen = "127.0.0.1",
		.root = "/",
		.socket = getenv("CORACLE_SOCKET"),
		.session_idle = MCP_SESSION_IDLE_S};
	const struct arg_opt opts[] = {
		OPT_NUMBER('p', "port", &o.port, "N", 0, 65535,
			"port to listen on (PORT, or 8080; 0: any free one)"),
		OPT_TEXT('l', "listen", &o.listen, "ADDR",
			"address to listen on (127.0.0.1)"),
		OPT_TEXT('S', "socket", &o.socket, "PATH",
			"a unix socket to listen on too (CORACLE_SOCKET)"),
		OPT_TEXT('r', "root", &o.root, "DIR",
			"directory under which the subsystems lie (/)"),
		OPT_TEXT('a', "apps", &o.apps, "FILE",
			"MCP servers to begin with, as POST /apps takes them"),
		OPT_FLAG(0, "log-calls", &o.log_calls,
			"one line of log for each MCP request"),
		OPT_NUMBER(0, "session-idle", &o.session_idle, "S", 1, 31536000,
			"drop MCP sessions unused for so long (86400)"),
	};
	port_from_env(&o.port);
	int first =
		applet_args(&applet_gateway, opts, ARRAY_LEN(opts), argc, argv);
	if (first < argc)
		die_usage("unexpected argument '%s'", argv[first]);
	setup(&g, &o);
	while (!g.loop.done)
		turn(&g);
	stop(&g);
	return EXIT_OK;
}
