/* SPDX-License-Identifier: MIT */
/* init/alive.c - how it is known that a service that is up still works. */
#include "init/alive.h"

#include "init/init.h"
#include "lib/fmt.h"
#include "lib/log.h"

static const struct config_probe *want(const struct service *s)
{
	return &s->def->alive.probe;
}

static void on_silence(void *owner)
{
	struct service *s = owner;
	log_warn("service %s: no WATCHDOG=1 in %ju ms", s->name,
		(uintmax_t)s->def->alive.interval_ms);
	service_is_dead(s);
}

static void listen_on(struct service *s)
{
	struct loop *loop = &s->init->loop;
	if (loop_timer_at(loop, &s->alive.timer,
		    loop_now(loop) + s->def->alive.interval_ms, on_silence,
		    s) < 0)
		log_error("service %s: no memory for a timer", s->name);
}

static void on_probe(struct service *s, bool good)
{
	struct alive *a = &s->alive;
	a->failures = good ? 0 : a->failures + 1;
	if (a->failures < s->def->alive.failures) {
		probe_after(&a->probe, s->def->alive.interval_ms);
		return;
	}
	log_warn("service %s: the probe failed %ju times", s->name,
		(uintmax_t)a->failures);
	service_is_dead(s);
}

void alive_begin(struct service *s)
{
	const struct config_alive *c = &s->def->alive;
	struct alive *a = &s->alive;
	a->failures = 0;
	a->probe.service = s;
	a->probe.want = want;
	a->probe.fn = on_probe;
	if (c->notify)
		listen_on(s);
	else if (probe_wanted(&c->probe))
		probe_after(&a->probe, c->interval_ms);
}

void alive_heard(struct service *s)
{
	if (s->state == SERVICE_UP && s->def->alive.notify)
		listen_on(s);
}

void alive_end(struct service *s)
{
	loop_timer_clear(&s->init->loop, &s->alive.timer);
	probe_end(&s->alive.probe);
}
