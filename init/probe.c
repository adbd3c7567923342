/* SPDX-License-Identifier: MIT */
/* init/probe.c - a child that tells by its status how a service does. */
#include "init/probe.h"

#include <signal.h>
#include <string.h>

#include "init/init.h"
#include "lib/fmt.h"
#include "lib/log.h"

static void on_time(void *owner);

bool probe_wanted(const struct config_probe *want)
{
	return want->port || want->http || want->exec.n;
}

void probe_after(struct probe *p, uint64_t ms)
{
	struct loop *loop = &p->service->init->loop;
	if (loop_timer_at(loop, &p->timer, loop_now(loop) + ms, on_time, p) < 0)
		log_error(
			"service %s: no memory for a timer", p->service->name);
}

static void on_exit(void *owner, pid_t pid, int wait_status)
{
	struct probe *p = owner;
	p->pid = 0;
	(void)kill(-pid, SIGKILL);
	loop_timer_clear(&p->service->init->loop, &p->timer);
	p->fn(p->service, spawn_exit_code(wait_status) == 0);
}

static void start(struct probe *p)
{
	static char program[] = "coracle", applet[] = "healthcheck";
	static char tcp_option[] = "--tcp", url_option[] = "--url";
	struct service *s = p->service;
	const struct config_probe *want = p->want(s);
	char text[32];
	char *argv[] = {program, applet, tcp_option, text, NULL};
	char *const *v = want->exec.n ? want->exec.v : argv;
	fmt_str(text, sizeof(text), "127.0.0.1:%ju", (uintmax_t)want->port);
	if (want->http) {
		argv[2] = url_option;
		argv[3] = (char *)(uintptr_t)want->http;
	}
	int r = service_spawn_helper(s, v, SERVICE_HELPER_QUIET, &p->pid);
	if (r < 0) {
		p->pid = 0;
		log_debug("service %s: probe: %s", s->name, strerror(-r));
		p->fn(s, false);
		return;
	}
	loop_child_add(&s->init->loop, &p->child, p->pid, on_exit, p);
	probe_after(p, PROBE_MAX_MS);
}

static void on_time(void *owner)
{
	struct probe *p = owner;
	if (p->pid)
		(void)kill(-p->pid, SIGKILL);
	else
		start(p);
}

void probe_end(struct probe *p)
{
	if (!p->service)
		return;
	struct loop *loop = &p->service->init->loop;
	loop_timer_clear(loop, &p->timer);
	if (!p->pid)
		return;
	(void)kill(-p->pid, SIGKILL);
	loop_child_del(loop, &p->child);
	p->pid = 0;
}
