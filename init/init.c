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

#include "init/cgroup.h"
#include "init/ctl.h"
#include "init/dirs.h"
#include "init/mounts.h"
#include "init/proc.h"
#include "init/signals.h"
#include "init/users.h"
#include "init/variables.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/size.h"

APPLET(init, "PID 1: prepare the container, run services and a command.",
	"usage: init [OPTION...] [--] [COMMAND [ARGUMENT...]]\n"
	"\n"
	"Makes users, directories and missing mounts, runs boot tasks, keeps\n"
	"services running - the gateway is built in - and COMMAND in the\n"
	"foreground: signals go to it, orphans are reaped, its status is the\n"
	"container's. Without a COMMAND it supervises until SIGTERM. Not as\n"
	"PID 1 it does the same for its own descendants and mounts nothing.\n"
	"\n"
	"  init sh -c 'make test'       exit with the status of the tests\n"
	"  init --no-gateway -- sleep 9 no service, only the command\n"
	"  init --check                 is the configuration sound? (78: "
	"no)\n"
	"  init --print-default >init.json   a file to begin with\n"
	"  ctl status                   what it supervises, from inside\n");

enum { LOOP_RETRY_MS = 100 };

static const char lock_path[] = "/run/coracle.lock";

/* --------------------------------------------------------------- boot */

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

/* everything that other programs find in place */
static int prepare_world(struct init *init, const struct config *c)
{
	const struct standing *s = &init->standing;
	int r = 0;
	if (!s->root && s->own_root)
		users_name_ourselves();
	if (!s->root || !s->own_root)
		return 0;
	if (s->pid1) {
		mounts_setup(s->namespaced);
		r = mounts_configured(c);
		mark(init, "mounts");
	}
	users_setup(c);
	mark(init, "users");
	int dirs = dirs_setup(c);
	mark(init, "directories");
	return r < 0 ? r : dirs;
}

/* PID 1 of a namespace sees its parent as 0, before and after its end */
static void die_with_parent(int signo)
{
	pid_t parent = getppid();
	(void)prctl(PR_SET_PDEATHSIG, signo);
	/* it may have ended before we said so */
	if (getppid() != parent)
		(void)kill(getpid(), signo);
}

static void open_sockets(struct init *init)
{
	ctl_open(init);
	if (init->standing.root)
		broker_open(init);
	mark(init, "sockets");
}

static int setup(struct init *init)
{
	const struct options *o = &init->options;
	/* first of all: PID 1 never sees a signal that it does not wait for */
	int r = loop_init(&init->loop);
	if (r == 0)
		r = signals_setup(init);
	if (r < 0)
		return r;
	if (getpid() == 1 && geteuid() == 0)
		(void)mounts_proc();
	standing_find(&init->standing, o->config != NULL);
	fds_setup(&init->fds);
	if (options_configure(&init->config, o) > 0 && o->strict)
		die(EXIT_CONFIG, "the configuration is wrong: --strict");
	apply_logging(&init->config);
	mark(init, "configuration");
	if (!init->standing.pid1)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (o->parent_death)
		die_with_parent(o->parent_death);
	if (prepare_world(init, &init->config) < 0)
		die(EXIT_FAIL, "boot: what is required is not there");
	variables_from_files(&init->config);
	/* on a machine each init is for itself, and listens to nobody */
	bool listens = init->standing.own_root || !init->standing.root;
	if (listens && init->standing.namespaced)
		init->standing.second = is_second() && !init->standing.pid1;
	standing_say(&init->standing);
	init->standing.cgroups = listens && cgroup_available();
	service_load(init);
	if (init->standing.pid1)
		phase_open(init);
	if (listens && !init->standing.second &&
		(init->standing.pid1 || init->standing.namespaced))
		open_sockets(init);
	return 0;
}

static void start(struct init *init)
{
	command_prepare(init);
	if (chdir("/") < 0)
		log_warn("chdir /: %s", strerror(errno));
	service_advance(init);
	mark(init, "services");
	command_consider(init);
	mark(init, "command");
}

int init_reload(struct init *init)
{
	struct config fresh;
	if (!service_boot_over(init))
		return -1;
	int mistakes = options_configure(&fresh, &init->options);
	if (mistakes > 0) {
		log_warn("reload: %d mistakes, nothing changed", mistakes);
		config_fini(&fresh);
		return mistakes;
	}
	log_info("reload: configuration read");
	/* new users before the services that run as them */
	(void)prepare_world(init, &fresh);
	service_reload_all(init, &fresh);
	return 0;
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
	if (init->status >= 0)
		status = init->status;
	else if (init->command.argv)
		status = init->command.status;
	/* killed by us before its end was seen */
	if (init->status < 0 && init->command.state == COMMAND_UP)
		status = 128 + SIGKILL;
	status = options_exit_status(&init->options, status);
	/* a PID namespace ends with its 1: nobody is left who could ask */
	if (!init->standing.pid1) {
		ctl_close(init);
		broker_close(init);
	}
	phase_close(init);
	svclog_close_all(init);
	for (size_t i = 0; i < init->nservices; i++)
		cgroup_remove(&init->services[i]);
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
	static struct init init = {.notify.fd = -1,
		.ctl.fd = -1,
		.broker.listener.fd = -1,
		.phase.inotify.fd = -1,
		.status = -1};
	init.start_us = clock_us();
	int first = options_parse(&init.options, &applet_init, argc, argv);
	if (init.options.check || init.options.print_default)
		return options_show(&init.options);
	if (first < argc)
		init.command.argv = argv + first;
	int r = setup(&init);
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
