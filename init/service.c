/* SPDX-License-Identifier: MIT */
/* init/service.c - the states of services, and what moves them. */
#include "init/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/cgroup.h"
#include "init/init.h"
#include "lib/fmt.h"
#include "lib/log.h"

enum {
	STATUS_TEXT = 64,
	NUMBER_TEXT = 12,
	SAY_BLOCKED_MS = 5000,
	SAY_AGAIN_MS = 30000,
	FINISH_FOR_GOOD = 125, /* of the hook: not to be started again */
};

static void on_timer(void *owner);
static void ask_to_end(struct service *s);

const char *service_state_name(enum service_state state)
{
	static const char *const names[] = {"down", "blocked", "starting", "up",
		"done", "failed", "waiting", "stopping", "finishing"};
	return names[state];
}

static bool has_process(const struct service *s)
{
	return s->state == SERVICE_STARTING || s->state == SERVICE_UP ||
	       s->state == SERVICE_STOPPING || s->state == SERVICE_FINISHING;
}

/* the only place where a state changes; after_ms 0: it has no end of time */
static void enter(
	struct service *s, enum service_state state, uint64_t after_ms)
{
	struct loop *loop = &s->init->loop;
	s->state = state;
	s->changed_ms = loop_now(loop);
	loop_timer_clear(loop, &s->timer);
	if (after_ms && loop_timer_at(loop, &s->timer,
				loop_now(loop) + after_ms, on_timer, s) < 0)
		log_error("service %s: no memory for a timer", s->name);
}

/* ------------------------------------------------------------ the order */

static bool is_over(const struct service *s)
{
	return s->state == SERVICE_DONE || s->state == SERVICE_FAILED;
}

static bool provides(const struct service *s)
{
	return s->state == SERVICE_UP || s->state == SERVICE_DONE;
}

/* the tasks stand first in the table, in their order */
static bool tasks_over(const struct init *init, const struct service *before)
{
	for (size_t i = 0; i < init->nservices; i++) {
		const struct service *s = &init->services[i];
		if (s == before)
			return true;
		if (s->def->task && !is_over(s))
			return false;
	}
	return true;
}

bool service_all_ready(const struct init *init, const struct shape_words *names)
{
	for (size_t i = 0; i < names->n; i++) {
		/* the table is not changed by looking */
		const struct service *s = service_find(
			(struct init *)(uintptr_t)init, names->v[i]);
		if (s && !provides(s))
			return false;
	}
	return tasks_over(init, NULL);
}

static bool may_start(const struct service *s)
{
	if (s->def->task)
		return tasks_over(s->init, s);
	return service_all_ready(s->init, &s->def->after);
}

/* ------------------------------------------------------- start and end */

/* the next pause after a failure at once; a steady run is forgiven */
static uint64_t next_pause(struct service *s)
{
	if (s->up_ms >= SERVICE_STEADY_MS)
		s->tries = 0;
	if (s->pause_ms == 0 || s->up_ms >= SERVICE_STEADY_MS)
		s->pause_ms = s->def->restart_ms;
	else
		s->pause_ms *= 2;
	if (s->pause_ms > s->def->restart_max_ms)
		s->pause_ms = s->def->restart_max_ms;
	return s->pause_ms;
}

/* it was started often enough, and never ran for long */
static bool gives_up(struct service *s)
{
	if (s->def->restart_tries == 0 || s->tries++ < s->def->restart_tries)
		return false;
	log_error("service %s: given up after %ju restarts", s->name,
		(uintmax_t)s->def->restart_tries);
	enter(s, SERVICE_FAILED, 0);
	return true;
}

/* the container ends with this status, once everything has ended */
static void end_all(struct service *s, int status, const char *why)
{
	log_error("service %s: %s, the container ends", s->name, why);
	s->init->status = status ? status : 1;
	shutdown_begin(s->init);
}

static void not_started(struct service *s, int r, enum spawn_step step)
{
	const char *what = step == SPAWN_EXEC ? s->def->command.v[0] : "start";
	if (s->def->restart == RESTART_NEVER) {
		log_warn("service %s: %s: %s", s->name, what, strerror(-r));
		enter(s, SERVICE_FAILED, 0);
		if (s->def->critical || s->def->required)
			end_all(s,
				step == SPAWN_EXEC && r == -ENOENT ? 127 : 126,
				"it is needed");
		return;
	}
	uint64_t pause_ms = next_pause(s);
	if (gives_up(s))
		return;
	log_warn("service %s: %s: %s, again in %ju ms", s->name, what,
		strerror(-r), (uintmax_t)pause_ms);
	enter(s, SERVICE_WAITING, pause_ms);
}

/* capabilities dropped, or a one-uid namespace: no right to change ids */
static bool ids_refused(int r, enum spawn_step step)
{
	return step == SPAWN_IDS && (r == -EPERM || r == -EINVAL);
}

static void on_exit(void *owner, pid_t pid, int wait_status);

static void go_up(struct service *s)
{
	enter(s, SERVICE_UP, 0);
	alive_begin(s);
}

static void run(struct service *s)
{
	struct loop *loop = &s->init->loop;
	enum spawn_step step = SPAWN_FORK;
	s->started_ms = loop_now(loop);
	s->up_ms = 0;
	s->oom_kills = cgroup_oom_kills();
	int r = service_spawn(s, &step);
	if (r < 0 && s->take_ids && s->def->lenient && ids_refused(r, step)) {
		log_warn("service %s: may not become uid %u, runs as uid %u: "
			 "%s",
			s->name, (unsigned)s->who.uid, (unsigned)geteuid(),
			strerror(-r));
		s->take_ids = false;
		r = service_spawn(s, &step);
	}
	if (r < 0) {
		ready_end(s);
		not_started(s, r, step);
		return;
	}
	loop_child_add(loop, &s->child, s->pid, on_exit, s);
	log_debug("service %s: pid %d", s->name, (int)s->pid);
	if (s->def->oneshot) {
		enter(s, SERVICE_STARTING, s->def->timeout_ms);
		return;
	}
	enter(s, SERVICE_STARTING, s->def->ready.timeout_ms);
	if (ready_begin(s))
		go_up(s);
}

/* of a failure, so never 0: one that was not done in time may end well */
static int exit_status(int wait_status)
{
	int status = spawn_exit_code(wait_status);
	return status ? status : 1;
}

/* what its end means when nobody asked for it */
static void ended_by_itself(struct service *s, int wait_status)
{
	const struct config_service *def = s->def;
	char what[STATUS_TEXT];
	bool good = spawn_exit_code(wait_status) == 0 && !s->failed;
	uint64_t up_ms = s->up_ms;
	size_t n = strlen(spawn_status_text(what, sizeof(what), wait_status));
	if (spawn_exit_code(wait_status) == 128 + SIGKILL &&
		cgroup_oom_kills() > s->oom_kills)
		fmt_str(what + n, sizeof(what) - n, " (out of memory)");
	s->failed = false;
	if (def->oneshot && good) {
		log_debug("service %s: done after %ju ms", s->name,
			(uintmax_t)up_ms);
		enter(s, SERVICE_DONE, 0);
		return;
	}
	if (def->critical || (def->required && !good)) {
		enter(s, SERVICE_FAILED, 0);
		s->init->status = good ? 0 : exit_status(wait_status);
		log_at(good ? LOG_INFO : LOG_ERROR,
			"service %s: %s after %ju ms, the container ends",
			s->name, what, (uintmax_t)up_ms);
		shutdown_begin(s->init);
		return;
	}
	if (def->restart == RESTART_NEVER ||
		(def->restart == RESTART_ON_FAILURE && good)) {
		log_at(good ? LOG_INFO : LOG_WARN,
			"service %s: %s after %ju ms%s", s->name, what,
			(uintmax_t)up_ms, def->task ? ", boot goes on" : "");
		enter(s, good ? SERVICE_DOWN : SERVICE_FAILED, 0);
		return;
	}
	uint64_t pause_ms = next_pause(s);
	if (gives_up(s))
		return;
	s->restarts++;
	log_warn("service %s: %s after %ju ms, restart in %ju ms", s->name,
		what, (uintmax_t)up_ms, (uintmax_t)pause_ms);
	enter(s, SERVICE_WAITING, pause_ms);
}

static void forget(struct service *s)
{
	enter(s, SERVICE_DOWN, 0);
	cgroup_remove(s);
	if (s->output)
		svclog_close(s->output);
	s->output = NULL;
}

/* it has ended, and so has its hook: what now? */
static void settle(struct service *s)
{
	if (shutdown_begun(s->init)) {
		enter(s, s->def->oneshot ? SERVICE_FAILED : SERVICE_DOWN, 0);
		shutdown_look(s->init);
		return;
	}
	if (!s->asked)
		ended_by_itself(s, s->last_status);
	else if (s->gone)
		forget(s);
	else
		enter(s, s->wanted ? SERVICE_BLOCKED : SERVICE_DOWN, 0);
	service_advance(s->init);
}

static void on_finish_exit(void *owner, pid_t pid, int wait_status)
{
	struct service *s = owner;
	(void)kill(-pid, SIGKILL);
	s->finish_pid = 0;
	if (spawn_exit_code(wait_status) == FINISH_FOR_GOOD && !s->asked &&
		!shutdown_begun(s->init)) {
		log_error("service %s: not started again, says its hook",
			s->name);
		s->failed = false;
		enter(s, SERVICE_FAILED, 0);
		service_advance(s->init);
		return;
	}
	settle(s);
}

/*
 * The hook learns, as under s6, the exit status or 256, the signal or 0, the
 * name of the service and its process group. false: it could not be started.
 */
static bool begin_finish(struct service *s, pid_t group)
{
	const struct shape_words *hook = &s->def->finish;
	char code[NUMBER_TEXT], signo[NUMBER_TEXT], pgid[NUMBER_TEXT];
	char *argv[CONFIG_FINISH_WORDS + 5];
	size_t n = 0;
	int status = s->last_status;
	bool exited = WIFEXITED(status);
	for (; n < hook->n && n < CONFIG_FINISH_WORDS; n++)
		argv[n] = hook->v[n];
	fmt_str(code, sizeof(code), "%d", exited ? WEXITSTATUS(status) : 256);
	fmt_str(signo, sizeof(signo), "%d", exited ? 0 : WTERMSIG(status));
	fmt_str(pgid, sizeof(pgid), "%d", (int)group);
	argv[n++] = code;
	argv[n++] = signo;
	argv[n++] = s->name;
	argv[n++] = pgid;
	argv[n] = NULL;
	int r = service_spawn_helper(
		s, argv, SERVICE_HELPER_LOGGED, &s->finish_pid);
	if (r < 0) {
		log_warn("service %s: finish: %s: %s", s->name, argv[0],
			strerror(-r));
		return false;
	}
	loop_child_add(
		&s->init->loop, &s->child, s->finish_pid, on_finish_exit, s);
	enter(s, SERVICE_FINISHING, s->def->finish_ms);
	return true;
}

static void on_exit(void *owner, pid_t pid, int wait_status)
{
	struct service *s = owner;
	s->asked = s->state == SERVICE_STOPPING && !s->failed;
	s->pid = 0;
	s->last_status = wait_status;
	s->up_ms = loop_now(&s->init->loop) - s->started_ms;
	/* what it left in its group would hold its port or its files */
	(void)kill(-pid, SIGKILL);
	cgroup_kill(s);
	ready_end(s);
	alive_end(s);
	if (s->def->finish.n > 0 && begin_finish(s, pid))
		return;
	settle(s);
}

/* -------------------------------------------------------------- timers */

static void say_blocked(struct service *s)
{
	for (size_t i = 0; i < s->def->after.n; i++) {
		const struct service *d =
			service_find(s->init, s->def->after.v[i]);
		if (d && !provides(d))
			log_info("service %s: waits for %s, which is %s",
				s->name, d->name, service_state_name(d->state));
	}
	enter(s, SERVICE_BLOCKED, SAY_AGAIN_MS);
}

static void ask_to_end(struct service *s)
{
	enter(s, SERVICE_STOPPING, s->def->stop_ms ? s->def->stop_ms : 1);
	(void)kill(-s->pid, (int)s->def->stop_signal);
	(void)kill(-s->pid, SIGCONT);
}

static void on_timer(void *owner)
{
	struct service *s = owner;
	switch (s->state) {
	case SERVICE_BLOCKED:
		say_blocked(s);
		break;
	case SERVICE_STARTING:
		log_warn("service %s: not %s after %ju ms", s->name,
			s->def->oneshot ? "done" : "ready",
			(uintmax_t)(loop_now(&s->init->loop) - s->started_ms));
		s->failed = true;
		ask_to_end(s);
		break;
	case SERVICE_WAITING:
		enter(s, SERVICE_BLOCKED, 0);
		service_advance(s->init);
		break;
	case SERVICE_STOPPING:
		log_warn("service %s: still there after %ju ms, killed",
			s->name, (uintmax_t)s->def->stop_ms);
		(void)kill(-s->pid, SIGKILL);
		cgroup_kill(s);
		break;
	case SERVICE_FINISHING:
		log_warn("service %s: its hook is still there after %ju ms, "
			 "killed",
			s->name, (uintmax_t)s->def->finish_ms);
		(void)kill(-s->finish_pid, SIGKILL);
		break;
	case SERVICE_DOWN:
	case SERVICE_UP:
	case SERVICE_DONE:
	case SERVICE_FAILED:
		break;
	}
}

void service_is_ready(struct service *s)
{
	if (s->state != SERVICE_STARTING || s->def->oneshot)
		return;
	ready_end(s);
	go_up(s);
	log_debug("service %s: ready after %ju ms", s->name,
		(uintmax_t)(loop_now(&s->init->loop) - s->started_ms));
	service_advance(s->init);
}

void service_is_dead(struct service *s)
{
	if (s->state != SERVICE_UP)
		return;
	alive_end(s);
	s->failed = true;
	ask_to_end(s);
}

void service_extend(struct service *s, uint64_t ms)
{
	uint64_t at = loop_now(&s->init->loop) + ms;
	if ((s->state == SERVICE_STARTING || s->state == SERVICE_STOPPING) &&
		s->timer.index && s->timer.at_ms < at)
		(void)loop_timer_at(&s->init->loop, &s->timer, at, on_timer, s);
}

void service_advance(struct init *init)
{
	bool again = !shutdown_begun(init);
	/* what starts may be what another one waits for */
	while (again) {
		again = false;
		for (size_t i = 0; i < init->nservices; i++) {
			struct service *s = &init->services[i];
			if (s->state != SERVICE_BLOCKED || !may_start(s))
				continue;
			run(s);
			again = !shutdown_begun(init);
		}
	}
	for (size_t i = 0; i < init->nservices; i++) {
		struct service *s = &init->services[i];
		if (s->state == SERVICE_BLOCKED && s->timer.index == 0)
			enter(s, SERVICE_BLOCKED, SAY_BLOCKED_MS);
	}
	command_consider(init);
}

/* ------------------------------------------------------------- requests */

void service_start(struct service *s)
{
	s->wanted = true;
	switch (s->state) {
	case SERVICE_DOWN:
	case SERVICE_DONE:
	case SERVICE_FAILED:
	case SERVICE_WAITING:
		s->pause_ms = 0;
		s->tries = 0;
		enter(s, SERVICE_BLOCKED, 0);
		service_advance(s->init);
		break;
	case SERVICE_FINISHING:
		s->asked = true; /* and wanted: started when the hook is over */
		break;
	case SERVICE_BLOCKED:
	case SERVICE_STARTING:
	case SERVICE_UP:
	case SERVICE_STOPPING:
		break;
	}
}

void service_stop(struct service *s)
{
	s->wanted = false;
	switch (s->state) {
	case SERVICE_STARTING:
	case SERVICE_UP:
		ready_end(s);
		alive_end(s);
		ask_to_end(s);
		break;
	case SERVICE_BLOCKED:
	case SERVICE_WAITING:
	case SERVICE_DONE:
	case SERVICE_FAILED:
		enter(s, SERVICE_DOWN, 0);
		break;
	case SERVICE_STOPPING:
		s->failed = false;
		break;
	case SERVICE_FINISHING:
		s->failed = false;
		s->asked = true;
		break;
	case SERVICE_DOWN:
		break;
	}
	if (s->gone && s->state == SERVICE_DOWN)
		forget(s);
}

void service_restart(struct service *s)
{
	service_stop(s);
	s->restarts++;
	service_start(s);
}

/* ------------------------------------------------------------ shutdown */

static bool is_needed(const struct init *init, const struct service *s)
{
	for (size_t i = 0; i < init->nservices; i++) {
		const struct service *other = &init->services[i];
		if (other == s || !has_process(other))
			continue;
		for (size_t k = 0; k < other->def->after.n; k++)
			if (strcmp(other->def->after.v[k], s->name) == 0)
				return true;
	}
	return false;
}

void service_stop_next(struct init *init)
{
	for (size_t i = init->nservices; i-- > 0;) {
		struct service *s = &init->services[i];
		if (!has_process(s) || !is_needed(init, s))
			service_stop(s);
	}
}

bool service_any_up(const struct init *init)
{
	for (size_t i = 0; i < init->nservices; i++)
		if (has_process(&init->services[i]))
			return true;
	return false;
}
