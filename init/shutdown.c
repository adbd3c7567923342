/* SPDX-License-Identifier: MIT */
/* init/shutdown.c - the way down: TERM, grace, KILL, until none is left. */
#include "init/shutdown.h"

#include <signal.h>

#include "init/init.h"
#include "init/proc.h"
#include "lib/log.h"

enum {
	POLL_FIRST_MS = 1, /* processes that are not our children say nothing */
	POLL_MAX_MS = 20,
	KILL_WAIT_MS = 1000,
};

bool shutdown_begun(const struct init *init)
{
	return init->shutdown.phase > SHUTDOWN_DRAIN;
}

static void on_timer(void *owner)
{
	shutdown_look(owner);
}

static bool main_gone(const struct init *init)
{
	return !service_any_up(init) && !command_alive(init);
}

static void enter(struct init *init, enum shutdown_phase phase)
{
	struct shutdown *s = &init->shutdown;
	bool pid1 = init->standing.pid1;
	uint64_t now = loop_now(&init->loop);
	s->phase = phase;
	s->poll_ms = POLL_FIRST_MS;
	switch (phase) {
	case SHUTDOWN_NOT:
	case SHUTDOWN_DRAIN:
		break;
	case SHUTDOWN_MAIN:
		s->begun_ms = now;
		s->deadline_ms = now + init->config.grace_ms / 5 * 4;
		service_stop_next(init);
		command_signal(init, SIGTERM);
		command_signal(init, SIGCONT);
		break;
	case SHUTDOWN_SWEEP:
		s->deadline_ms = s->begun_ms + init->config.grace_ms;
		/* to ask costs a walk over all processes of the machine */
		s->alone = !proc_signal_all(pid1, SIGTERM);
		if (!s->alone)
			(void)proc_signal_all(pid1, SIGCONT);
		break;
	case SHUTDOWN_KILL:
		s->deadline_ms = now + KILL_WAIT_MS;
		(void)proc_signal_all(pid1, SIGKILL);
		break;
	case SHUTDOWN_DONE:
		loop_stop(&init->loop);
		break;
	}
}

/* the phase that follows now, or the same one */
static enum shutdown_phase next(struct init *init)
{
	const struct shutdown *s = &init->shutdown;
	bool late = loop_now(&init->loop) >= s->deadline_ms;
	bool pid1 = init->standing.pid1;
	switch (s->phase) {
	case SHUTDOWN_NOT:
	case SHUTDOWN_DRAIN:
	case SHUTDOWN_DONE:
		return s->phase;
	case SHUTDOWN_MAIN:
		return late || main_gone(init) ? SHUTDOWN_SWEEP : s->phase;
	case SHUTDOWN_SWEEP:
		if (s->alone || (main_gone(init) && proc_none_left(pid1)))
			return SHUTDOWN_DONE;
		return late ? SHUTDOWN_KILL : s->phase;
	case SHUTDOWN_KILL:
		if (main_gone(init) && proc_none_left(pid1))
			return SHUTDOWN_DONE;
		return late ? SHUTDOWN_DONE : s->phase;
	}
	return s->phase;
}

static void note(const struct init *init, enum shutdown_phase phase)
{
	uint64_t ms = loop_now(&init->loop) - init->shutdown.begun_ms;
	if (phase == SHUTDOWN_KILL && init->config.grace_ms > 0)
		log_warn("shutdown: processes left after %ju ms, killed",
			(uintmax_t)ms);
	else
		log_debug("shutdown: phase %d after %ju ms", (int)phase,
			(uintmax_t)ms);
}

void shutdown_look(struct init *init)
{
	struct shutdown *s = &init->shutdown;
	if (!shutdown_begun(init))
		return;
	/* one that others needed may end now, in the reverse order */
	if (s->phase == SHUTDOWN_MAIN)
		service_stop_next(init);
	for (;;) {
		enum shutdown_phase phase = next(init);
		if (phase == s->phase)
			break;
		note(init, phase);
		enter(init, phase);
	}
	if (s->phase == SHUTDOWN_DONE)
		return;
	uint64_t at = loop_now(&init->loop) + s->poll_ms;
	if (at > s->deadline_ms)
		at = s->deadline_ms;
	if (s->poll_ms < POLL_MAX_MS)
		s->poll_ms *= 2;
	/* without memory for a timer there is no waiting, only the end */
	if (loop_timer_at(&init->loop, &s->timer, at, on_timer, init) < 0)
		enter(init, SHUTDOWN_DONE);
}

void shutdown_look_soon(struct init *init)
{
	struct shutdown *s = &init->shutdown;
	if (shutdown_begun(init) && s->timer.index)
		(void)loop_timer_at(&init->loop, &s->timer,
			loop_now(&init->loop), on_timer, init);
}

void shutdown_begin(struct init *init)
{
	if (shutdown_begun(init)) {
		shutdown_look(init);
		return;
	}
	enter(init, SHUTDOWN_MAIN);
	shutdown_look(init);
}

static void on_drained(void *owner)
{
	shutdown_begin(owner);
}

void shutdown_request(struct init *init)
{
	struct shutdown *s = &init->shutdown;
	uint64_t ms = init->config.drain_ms;
	if (s->phase != SHUTDOWN_NOT || ms == 0 ||
		loop_timer_at(&init->loop, &s->timer,
			loop_now(&init->loop) + ms, on_drained, init) < 0) {
		shutdown_begin(init);
		return;
	}
	s->phase = SHUTDOWN_DRAIN;
	log_info("shutdown: begins in %ju ms", (uintmax_t)ms);
}

void shutdown_hurry(struct init *init)
{
	struct shutdown *s = &init->shutdown;
	if (s->phase != SHUTDOWN_MAIN && s->phase != SHUTDOWN_SWEEP)
		return;
	log_info("shutdown: asked again, all processes are killed now");
	enter(init, SHUTDOWN_KILL);
	shutdown_look(init);
}
