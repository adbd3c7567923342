/* SPDX-License-Identifier: MIT */
/* init/phase.c - the end of the agent's part of a task. */
#include "init/phase.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/fd.h"
#include "lib/layout.h"
#include "lib/log.h"
#include "lib/size.h"

enum { TESTS_MODE = 0750, EVENTS_MAX = 4096 };

static const char script[] = "test.sh";
static char *const no_environment[] = {NULL};

/* ------------------------------------------------------------------ verb */

static void end_phase(struct broker_request *r)
{
	const struct spawn_fd std[] = {
		{r->fds[0], 0}, {r->fds[1], 1}, {r->fds[2], 2}};
	const char *argv[] = {"verify", "--end-phase", r->words[1], "--output",
		r->words[2], "--tests", r->words[3], NULL};
	struct spawn request = {.file = spawn_self(),
		.argv = (char *const *)(uintptr_t)argv,
		.envp = no_environment,
		.cwd = "/",
		.fds = std,
		.nfds = ARRAY_LEN(std)};
	broker_run(r->client, &request);
}

void phase_request(struct broker_request *r)
{
	const struct broker_client *c = r->client;
	const struct config_verify *v = &c->init->config.verify;
	if (c->who.uid != LAYOUT_ROOT && c->who.uid != LAYOUT_VERIFIER)
		broker_refuse(r->client, 126,
			"uid %u may not end the agent's part",
			(unsigned)c->who.uid);
	else if (r->nwords != 4 || r->nfds != 3 ||
		 (strcmp(r->words[1], "begin") != 0 &&
			 strcmp(r->words[1], "again") != 0))
		broker_refuse(r->client, 125,
			"end-phase wants begin or again, two directories and "
			"descriptors 0, 1, 2");
	else if (strcmp(r->words[2], v->output) != 0 ||
		 strcmp(r->words[3], v->tests) != 0)
		broker_refuse(r->client, 125,
			"the configuration has verify.output %.60s and "
			"verify.tests %.60s, nothing else is locked",
			v->output, v->tests);
	else if (geteuid() != 0)
		broker_refuse(r->client, 125, "init is not root");
	else
		end_phase(r);
}

/* ----------------------------------------------------------------- watch */

static void start(struct init *init);

static void on_end(void *owner, pid_t pid, int wait_status)
{
	struct init *init = owner;
	char text[64];
	(void)pid;
	init->phase.pid = 0;
	if (wait_status != 0)
		log_error("verify: the agent's part is not over: %s",
			spawn_status_text(text, sizeof(text), wait_status));
	else
		log_info("verify: %s appeared, the agent's part is over",
			script);
	if (init->phase.again)
		start(init);
}

static void start(struct init *init)
{
	struct phase *p = &init->phase;
	const struct config_verify *v = &init->config.verify;
	const char *argv[] = {"verify", "--end-phase", "begin", "--output",
		v->output, "--tests", v->tests, NULL};
	const struct spawn_fd std[] = {{STDERR_FILENO, 2}};
	const struct spawn request = {.file = spawn_self(),
		.argv = (char *const *)(uintptr_t)argv,
		.envp = no_environment,
		.cwd = "/",
		.fds = std,
		.nfds = ARRAY_LEN(std),
		.group = SPAWN_NEW_SESSION,
		.foreground_tty = -1};
	p->again = p->pid != 0;
	if (p->again)
		return;
	int r = spawn(&request, &p->pid, NULL);
	if (r < 0) {
		p->pid = 0;
		log_error("verify: the agent's part is not over: %s",
			strerror(-r));
		return;
	}
	loop_child_add(&init->loop, &p->child, p->pid, on_end, init);
}

static bool is_script(const struct inotify_event *e)
{
	return e->len > 0 && strcmp(e->name, script) == 0;
}

static void on_event(void *owner, uint32_t events)
{
	struct init *init = owner;
	union {
		struct inotify_event align;
		char bytes[EVENTS_MAX];
	} u;
	bool appeared = false;
	(void)events;
	ssize_t n = fd_read(init->phase.inotify.fd, &u, sizeof(u));
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(u.bytes + at);
		appeared |= is_script(e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	if (appeared)
		start(init);
}

void phase_open(struct init *init)
{
	const struct config_verify *v = &init->config.verify;
	if (!v->watch)
		return;
	if (geteuid() != 0) {
		log_warn("verify.watch: init is not root, it is left out");
		return;
	}
	if (mkdir(v->tests, TESTS_MODE) == 0)
		(void)chown(v->tests, LAYOUT_ROOT, LAYOUT_VERIFIER);
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r = fd < 0 ? -errno : 0;
	if (r == 0 && inotify_add_watch(fd, v->tests,
			      IN_CREATE | IN_MOVED_TO | IN_ONLYDIR |
				      IN_DONT_FOLLOW) < 0)
		r = -errno;
	if (r == 0)
		r = loop_add(&init->loop, &init->phase.inotify, fd, EPOLLIN,
			on_event, init);
	if (r < 0) {
		log_error("verify.watch: %s: %s", v->tests, strerror(-r));
		fd_close(&fd);
	}
}

void phase_close(struct init *init)
{
	int fd = init->phase.inotify.fd;
	if (fd < 0)
		return;
	loop_del(&init->loop, &init->phase.inotify);
	fd_close(&fd);
}
