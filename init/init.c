/* SPDX-License-Identifier: MIT */
/*
 * init/init.c - PID 1: boot once, then supervise, reap and forward.
 *
 * setup() prepares the world and starts what runs in it, turn() is one turn
 * of the event loop, stop() ends the process. Until the marked line a failure
 * may end the program; after it nothing may but the end of the shutdown.
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init/dirs.h"
#include "init/mounts.h"
#include "init/proc.h"
#include "init/signals.h"
#include "init/users.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

APPLET(init, "PID 1: prepare the container, run the gateway and a command.",
	"usage: init [OPTION...] [--] [COMMAND [ARGUMENT...]]\n"
	"\n"
	"Makes users, directories and missing mounts, keeps the gateway\n"
	"running and runs COMMAND in the foreground: signals go to it, "
	"orphans\n"
	"are reaped, its status is the container's. Without a COMMAND it\n"
	"supervises until SIGTERM. Not as PID 1 it does the same for its own\n"
	"descendants and mounts nothing.\n"
	"\n"
	"  init sh -c 'make test'       exit with the status of the tests\n"
	"  init --no-gateway -- sleep 9 no service, only the command\n"
	"  init --check                 is the configuration sound? (78: "
	"no)\n"
	"  init --print-default >init.json   a file to begin with\n");

enum { LOOP_RETRY_MS = 100 };

static const char config_path[] = "/etc/coracle/init.json";
static const char lock_path[] = "/run/coracle.lock";

/* what the command line said; it wins over environment and file */
struct options {
	const char *config;
	const char *listen;
	uint64_t port;
	uint64_t grace_ms;
	bool no_gateway;
	bool group;
	bool child_only;
	bool check;
	bool print_default;
	bool strict;
};

enum { UNSET_GRACE = CONFIG_TIME_MAX_MS + 1 };

static int parse(struct options *o, int argc, char **argv)
{
	const struct arg_opt opts[] = {
		{.name = "config",
			.type = ARG_TEXT,
			.dst = &o->config,
			.value = "FILE",
			.help = "read FILE, not /etc/coracle/init.json"},
		{.name = "check",
			.type = ARG_FLAG,
			.dst = &o->check,
			.help = "validate the configuration and print it"},
		{.name = "print-default",
			.type = ARG_FLAG,
			.dst = &o->print_default,
			.help = "print the built-in configuration"},
		{.name = "strict",
			.type = ARG_FLAG,
			.dst = &o->strict,
			.help = "exit (78) when the configuration is wrong"},
		{.name = "no-gateway",
			.type = ARG_FLAG,
			.dst = &o->no_gateway,
			.help = "do not start the gateway"},
		{.name = "gateway-listen",
			.type = ARG_TEXT,
			.dst = &o->listen,
			.value = "ADDR",
			.help = "address of the gateway"},
		{.name = "port",
			.type = ARG_NUMBER,
			.dst = &o->port,
			.value = "N",
			.help = "port of the gateway",
			.min = 1,
			.max = 65535},
		{.name = "grace",
			.type = ARG_NUMBER,
			.dst = &o->grace_ms,
			.value = "MS",
			.max = CONFIG_TIME_MAX_MS,
			.help = "from SIGTERM to SIGKILL (default 5000)"},
		{.name = "group",
			.type = ARG_FLAG,
			.dst = &o->group,
			.help = "signal the command's group (default)"},
		{.name = "child-only",
			.type = ARG_FLAG,
			.dst = &o->child_only,
			.help = "signal only the command itself"},
	};
	int first = applet_args_until_operand(
		&applet_init, opts, ARRAY_LEN(opts), argc, argv);
	if (o->group && o->child_only)
		die_usage("--group and --child-only exclude each other");
	if (o->listen && !shape_is_address(o->listen))
		die_usage("--gateway-listen wants an IP address, not '%s'",
			o->listen);
	return first;
}

/* ------------------------------------------------------ configuration */

static void on_mistake(void *owner, const char *message)
{
	const char *where = owner;
	log_warn("configuration: %s: %s", where, message);
}

/* returns the number of mistakes */
static int read_config(struct config *c, const struct options *o)
{
	const char *path = o->config ? o->config : config_path;
	struct buf text;
	int mistakes = 0;
	config_default(c);
	buf_init(&text, CONFIG_TEXT_MAX);
	int r = file_read(AT_FDCWD, path, &text);
	char where[256];
	fmt_str(where, sizeof(where), "%s", path);
	if (r == 0) {
		mistakes += config_parse(c, buf_str(&text), on_mistake, where);
	} else if (r != -ENOENT || o->config) {
		on_mistake(where, strerror(-r));
		mistakes++;
	}
	buf_fini(&text);
	fmt_str(where, sizeof(where), "environment");
	mistakes += config_environment(c, on_mistake, where);
	if (o->listen)
		c->gateway.listen = o->listen;
	if (o->port)
		c->gateway.port = o->port;
	if (o->grace_ms != UNSET_GRACE)
		c->grace_ms = o->grace_ms;
	if (o->no_gateway)
		c->gateway.enabled = false;
	c->child_only = o->child_only;
	return mistakes;
}

/* the variables, which were looked at first, win */
static void apply_logging(const struct config *c)
{
	static const char *const levels[] = {
		NULL, "error", "warn", "info", "debug"};
	static const char *const formats[] = {NULL, "text", "json"};
	if (c->log_level)
		(void)setenv("CORACLE_LOG", levels[c->log_level], 0);
	if (c->log_format)
		(void)setenv("CORACLE_LOG_FORMAT", formats[c->log_format], 0);
	if (c->log_level || c->log_format)
		log_init("init");
}

static int check(const struct options *o)
{
	struct config c;
	struct buf text;
	int mistakes = 0;
	if (o->check)
		mistakes = read_config(&c, o);
	else
		config_default(&c);
	buf_init(&text, CONFIG_ARENA_MAX);
	config_print(&text, &c);
	if (mistakes == 0)
		print_str(buf_str(&text));
	buf_fini(&text);
	config_fini(&c);
	return mistakes ? EXIT_CONFIG : EXIT_OK;
}

/* --------------------------------------------------------------- boot */

static void mark(const struct init *init, const char *step)
{
	uint64_t us = clock_us() - init->start_us;
	log_debug("boot: %3ju.%03ju ms %s", (uintmax_t)(us / 1000),
		(uintmax_t)(us % 1000), step);
}

/*
 * One supervision tree to a root file system: whoever runs init a second
 * time in the same container wants its command run, not a second gateway.
 * The descriptor stays open for life, and the lock with it.
 */
static bool is_second(void)
{
	int fd = open(
		lock_path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return false;
	fd_close(&fd);
	return true;
}

static void find_standing(struct standing *s)
{
	s->pid1 = getpid() == 1;
	s->root = geteuid() == 0;
	/* without /proc to ask: whoever has not mounted it is a container */
	s->namespaced = !proc_first_namespace();
}

static void say_standing(const struct standing *s)
{
	if (!s->root)
		log_info("uid %u, not root: users, directories and mounts "
			 "are left as they are",
			(unsigned)geteuid());
	if (!s->pid1)
		log_info("pid %d, not 1: mounts nothing and reaps only its "
			 "own descendants%s",
			(int)getpid(), s->second ? ", no second gateway" : "");
}

/* everything that other programs find in place */
static int prepare_world(struct init *init)
{
	const struct standing *s = &init->standing;
	const struct config *c = &init->config;
	int r = 0;
	if (s->root && s->pid1) {
		mounts_setup(s->namespaced);
		r = mounts_configured(c);
		mark(init, "mounts");
	}
	/* run by hand on somebody's machine, it must not add users there */
	if (s->root && (s->pid1 || s->namespaced)) {
		users_setup(c);
		mark(init, "users");
		int dirs = dirs_setup(c);
		r = r < 0 ? r : dirs;
		mark(init, "directories");
	}
	return r;
}

static int setup(struct init *init, const struct options *o)
{
	/* first of all: PID 1 never sees a signal that it does not wait for */
	int r = loop_init(&init->loop);
	if (r == 0)
		r = signals_setup(init);
	if (r < 0)
		return r;
	if (getpid() == 1 && geteuid() == 0)
		(void)mounts_proc();
	find_standing(&init->standing);
	fds_setup(&init->fds);
	if (read_config(&init->config, o) > 0 && o->strict)
		die(EXIT_CONFIG, "the configuration is wrong: --strict");
	apply_logging(&init->config);
	mark(init, "configuration");
	if (!init->standing.pid1)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (prepare_world(init) < 0)
		die(EXIT_FAIL, "boot: what is required is not there");
	if (init->standing.namespaced)
		init->standing.second = is_second() && !init->standing.pid1;
	say_standing(&init->standing);
	if (init->config.gateway.enabled && !init->standing.second) {
		r = service_add_gateway(init);
		if (r < 0)
			log_error("service gateway: %s", strerror(-r));
	}
	return 0;
}

/* the directory is the command's, so it starts before we leave it */
static void start(struct init *init)
{
	service_start_all(init);
	mark(init, "services");
	command_start(init);
	mark(init, "command");
	fds_drop_inherited(&init->fds);
	if (chdir("/") < 0)
		log_warn("chdir /: %s", strerror(errno));
	if (init->command.state == COMMAND_ENDED)
		shutdown_begin(init);
}

/* ---------------------------------------------------------------- run */

static void on_orphan(void *owner, pid_t pid, int wait_status)
{
	struct init *init = owner;
	(void)pid;
	(void)wait_status;
	init->orphans++;
	/* it may have been the last one that the shutdown waits for */
	shutdown_look_soon(init);
}

/*
 * ready descriptors (the signals among them), exited children, timers; see
 * lib/loop.h. An error of the loop itself is no reason for PID 1 to end.
 */
static void turn(struct init *init)
{
	struct timespec pause = {.tv_nsec = LOOP_RETRY_MS * 1000000L};
	int r = loop_turn(&init->loop);
	if (r == 0)
		return;
	log_error("event loop: %s", strerror(-r));
	(void)nanosleep(&pause, NULL);
}

static int stop(struct init *init)
{
	int status = 0;
	if (init->command.argv)
		status = init->command.status;
	/* killed by us before its end was seen */
	if (init->command.state == COMMAND_UP)
		status = 128 + SIGKILL;
	uint64_t ms = loop_now(&init->loop) - init->shutdown.begun_ms;
	log_debug("stopped: status %d after %ju ms, %ju orphans reaped", status,
		(uintmax_t)ms, (uintmax_t)init->orphans);
	if (init->standing.pid1 && !init->standing.namespaced) {
		sync();
		(void)reboot(RB_POWER_OFF);
	}
	return status;
}

int init_main(int argc, char **argv)
{
	static struct init init;
	struct options o = {.grace_ms = UNSET_GRACE};
	init.start_us = clock_us();
	int first = parse(&o, argc, argv);
	if (o.check || o.print_default)
		return check(&o);
	if (first < argc)
		init.command.argv = argv + first;
	int r = setup(&init, &o);
	if (r < 0)
		die(EXIT_WRAPPER, "event loop: %s", strerror(-r));
	/* -------- from here on, nothing may end this process but turn() */
	init.loop.on_orphan = on_orphan;
	init.loop.orphan_owner = &init;
	start(&init);
	while (!init.loop.done)
		turn(&init);
	return stop(&init);
}
