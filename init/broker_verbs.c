/* SPDX-License-Identifier: MIT */
/*
 * init/broker_verbs.c - what one may ask of the broker.
 *
 *   run PROGRAM          the program behind the trampoline at this path, with
 *                        descriptors 0, 1 and 2
 *   run-as ARGUMENT...   `run-as ARGUMENT...`, done by a process of root's
 *                        that decides by the same policy as the set-id form;
 *                        descriptors 0, 1, 2, the directory, and the
 *                        environment or nothing
 */
#include <sched.h>
#include <sys/resource.h>

#include "init/broker.h"
#include "init/init.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/policy.h"
#include "lib/size.h"

enum { RESTRICTIVE = 077 };

static const struct config_program *extra_of(
	const struct init *init, const char *path)
{
	const struct config_program *v = init->config.access.programs.v;
	for (size_t i = 0; i < init->config.access.programs.n; i++)
		if (strcmp(v[i].path, path) == 0)
			return &v[i];
	return NULL;
}

/* as far as the container's capabilities allow: isolation is an addition */
static int namespaces_of(
	const struct init *init, const struct config_program *extra)
{
	int flags = 0;
	if (!extra)
		return 0;
	const struct config_namespaces *n = &extra->namespaces;
	/* a /proc of its own wants a mount of its own */
	if (n->mount || n->pid)
		flags |= CLONE_NEWNS;
	if (n->pid)
		flags |= CLONE_NEWPID;
	if (n->network)
		flags |= CLONE_NEWNET;
	if (n->ipc)
		flags |= CLONE_NEWIPC;
	if (flags && !init->broker.may_isolate) {
		log_debug("broker: %s: no namespaces without the capability "
			  "sys_admin",
			extra->path);
		return 0;
	}
	return flags;
}

static size_t put_limits(const struct policy *p,
	const struct config_program *extra, struct spawn_limit *v)
{
	size_t n = 0;
	v[n++] = (struct spawn_limit){RLIMIT_CORE, 0};
	for (size_t i = 0; i < p->nlimits; i++)
		v[n++] = p->limits[i];
	return extra ? n + service_limits(&extra->limits, v + n) : n;
}

static void run_program(struct broker_client *c, struct policy *p,
	const struct policy_role *role, const int *fds)
{
	const struct init *init = c->init;
	const struct config_program *extra = extra_of(init, p->trampoline);
	struct spawn_limit limits[1 + POLICY_LIMITS_MAX + SERVICE_LIMITS_MAX];
	const struct spawn_fd std[] = {{fds[0], 0}, {fds[1], 1}, {fds[2], 2}};
	const struct spawn_ids ids = {p->uid, p->gid, p->groups, p->ngroups};
	struct spawn request = {
		.file = p->program,
		.argv = p->argv,
		.envp = policy_environment(p, role),
		.cwd = p->directory,
		.fds = std,
		.nfds = ARRAY_LEN(std),
		.ids = &ids,
		.real_uid = p->real_uid ? &c->who.uid : NULL,
		.umask = RESTRICTIVE,
		.limits = limits,
		.nlimits = put_limits(p, extra, limits),
		.set_caps = init->broker.may_bound,
		.no_new_privs = !p->new_privs,
		.namespaces = namespaces_of(init, extra),
	};
	broker_run(c, &request);
}

static void do_run(struct broker_request *r)
{
	/* one at a time; the child has its copy before the next is read */
	static struct policy policy;
	struct policy_error e;
	struct broker_client *c = r->client;
	if (r->nwords != 2 || r->nfds != 3) {
		broker_refuse(
			c, 125, "run wants a path and descriptors 0, 1, 2");
		return;
	}
	if (!policy_read(&policy, r->words[1], &e)) {
		broker_refuse(c, e.status, "%s", e.why);
		return;
	}
	const struct policy_role *role = policy_role(&policy, c->who.uid);
	if (!role)
		broker_refuse(c, 126, POLICY_NOT_ALLOWED, (unsigned)c->who.uid,
			r->words[1]);
	else if (!policy_find_program(&policy, &e))
		broker_refuse(c, e.status, "%s", e.why);
	else
		run_program(c, &policy, role, r->fds);
}

static const struct {
	const char *verb;
	void (*fn)(struct broker_request *r);
} verbs[] = {
	{"run", do_run},
};

void broker_handle(struct broker_request *r)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(r->words[0], verbs[i].verb) != 0)
			continue;
		verbs[i].fn(r);
		return;
	}
	broker_refuse(r->client, 125, "no such request");
}
