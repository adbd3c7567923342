/* SPDX-License-Identifier: MIT */
/* init/service.c - long-running programs that are kept running. */
#include "init/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "init/init.h"
#include "init/users.h"
#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"

extern char **environ;

enum { PORT_TEXT = 8, STATUS_TEXT = 64, IDENTITY_VARS = 4 };

static void start(struct service *s);

static void on_pause_over(void *owner)
{
	struct service *s = owner;
	s->state = SERVICE_DOWN;
	start(s);
}

/* the next pause after a failure at once; a steady run is forgiven */
static uint64_t next_pause(struct service *s)
{
	uint64_t up_ms = loop_now(&s->init->loop) - s->started_ms;
	if (s->pause_ms == 0 || up_ms >= SERVICE_STEADY_MS)
		s->pause_ms = SERVICE_PAUSE_MS;
	else
		s->pause_ms *= 2;
	if (s->pause_ms > SERVICE_PAUSE_MAX_MS)
		s->pause_ms = SERVICE_PAUSE_MAX_MS;
	return s->pause_ms;
}

static void pause_then_start(struct service *s, uint64_t pause_ms)
{
	struct loop *loop = &s->init->loop;
	s->state = SERVICE_WAITING;
	if (loop_timer_at(loop, &s->timer, loop_now(loop) + pause_ms,
		    on_pause_over, s) < 0) {
		s->state = SERVICE_DOWN;
		log_error("service %s: no memory for a timer, stays down",
			s->name);
	}
}

static void on_exit(void *owner, pid_t pid, int wait_status)
{
	struct service *s = owner;
	char what[STATUS_TEXT];
	uint64_t up_ms = loop_now(&s->init->loop) - s->started_ms;
	s->pid = 0;
	s->state = SERVICE_DOWN;
	/* what it left in its group would hold its port or its files */
	(void)kill(-pid, SIGKILL);
	spawn_status_text(what, sizeof(what), wait_status);
	if (shutdown_begun(s->init)) {
		log_debug("service %s: %s", s->name, what);
		shutdown_look(s->init);
		return;
	}
	uint64_t pause_ms = next_pause(s);
	log_warn("service %s: %s after %ju ms, restart in %ju ms", s->name,
		what, (uintmax_t)up_ms, (uintmax_t)pause_ms);
	pause_then_start(s, pause_ms);
}

static int try_start(struct service *s, enum spawn_step *step)
{
	struct spawn request = {
		.file = spawn_self(),
		.argv = s->argv,
		.envp = s->envp,
		.cwd = "/",
		.fds = s->init->fds.service,
		.nfds = ARRAY_LEN(s->init->fds.service),
		.group = SPAWN_NEW_SESSION,
		.ids = s->take_ids ? &s->ids : NULL,
		.die_with_parent = true,
		.foreground_tty = -1,
	};
	return spawn(&request, &s->pid, step);
}

/* no right to change ids: capabilities dropped, or a one-uid namespace */
static bool ids_refused(int r, enum spawn_step step)
{
	return step == SPAWN_IDS && (r == -EPERM || r == -EINVAL);
}

static void start(struct service *s)
{
	struct loop *loop = &s->init->loop;
	enum spawn_step step = SPAWN_FORK;
	if (s->state != SERVICE_DOWN || shutdown_begun(s->init))
		return;
	s->started_ms = loop_now(loop);
	int r = try_start(s, &step);
	if (r < 0 && s->take_ids && ids_refused(r, step)) {
		log_warn("service %s: may not become uid %u, runs as uid %u: "
			 "%s",
			s->name, (unsigned)s->ids.uid, (unsigned)geteuid(),
			strerror(-r));
		s->take_ids = false;
		r = try_start(s, &step);
	}
	if (r < 0) {
		uint64_t pause_ms = next_pause(s);
		log_warn("service %s: not started, again in %ju ms: %s",
			s->name, (uintmax_t)pause_ms, strerror(-r));
		pause_then_start(s, pause_ms);
		return;
	}
	s->state = SERVICE_UP;
	loop_child_add(loop, &s->child, s->pid, on_exit, s);
	log_debug("service %s: pid %d", s->name, (int)s->pid);
}

/* our environment with the identity variables replaced; NULL: no memory */
static char **environment_for(const struct users_identity *who)
{
	const char *names[IDENTITY_VARS] = {
		"HOME=", "USER=", "LOGNAME=", "SHELL="};
	const char *values[IDENTITY_VARS] = {
		who->home, who->name, who->name, who->shell};
	size_t n = 0;
	while (environ && environ[n])
		n++;
	char **envp = mem_new_array(n + IDENTITY_VARS + 1, sizeof(*envp));
	if (!envp)
		return NULL;
	size_t out = 0;
	for (size_t i = 0; i < IDENTITY_VARS; i++) {
		size_t size = strlen(names[i]) + strlen(values[i]) + 1;
		char *var = mem_new(size);
		if (!var)
			return NULL;
		fmt_str(var, size, "%s%s", names[i], values[i]);
		envp[out++] = var;
	}
	for (size_t i = 0; i < n; i++) {
		bool ours = false;
		for (size_t k = 0; k < IDENTITY_VARS; k++)
			if (str_starts(str_of(environ[i]), str_of(names[k])))
				ours = true;
		if (!ours)
			envp[out++] = environ[i];
	}
	return envp;
}

/* argv of spawn is not const, as that of exec; literals are not written */
static char *arg(const char *text)
{
	return (char *)(uintptr_t)text;
}

int service_add_gateway(struct init *init)
{
	static char port[PORT_TEXT];
	const struct config *c = &init->config;
	struct users_identity who;
	if (init->nservices == SERVICES_MAX)
		return -ENOSPC;
	struct service *s = &init->services[init->nservices];
	*s = (struct service){.init = init, .name = "gateway"};
	s->envp = environ;
	if (init->standing.root && users_identity(&who, "environment")) {
		s->take_ids = true;
		memcpy(s->groups, who.groups, sizeof(s->groups));
		s->ids = (struct spawn_ids){
			who.uid, who.gid, s->groups, who.ngroups};
		s->envp = environment_for(&who);
		if (!s->envp)
			return -ENOMEM;
	} else if (init->standing.root) {
		log_warn("service gateway: no user environment, runs as root");
	}
	fmt_str(port, sizeof(port), "%ju", (uintmax_t)c->gateway.port);
	const char *argv[] = {"coracle", "gateway", "--listen",
		c->gateway.listen, "--port", port, "--root", c->gateway.root};
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		s->argv[i] = arg(argv[i]);
	init->nservices++;
	return 0;
}

void service_start_all(struct init *init)
{
	for (size_t i = 0; i < init->nservices; i++)
		start(&init->services[i]);
}

void service_stop_all(struct init *init, int signo)
{
	for (size_t i = init->nservices; i-- > 0;) {
		struct service *s = &init->services[i];
		switch (s->state) {
		case SERVICE_DOWN:
			break;
		case SERVICE_UP:
			(void)kill(-s->pid, signo);
			break;
		case SERVICE_WAITING:
			loop_timer_clear(&init->loop, &s->timer);
			s->state = SERVICE_DOWN;
			break;
		}
	}
}

bool service_any_up(const struct init *init)
{
	for (size_t i = 0; i < init->nservices; i++)
		if (init->services[i].state == SERVICE_UP)
			return true;
	return false;
}
