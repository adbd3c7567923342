/* SPDX-License-Identifier: MIT */
/*
 * init/broker_verbs.c - what one may ask of the broker.
 *
 *   run PROGRAM          the program behind the trampoline at this path, with
 *                        descriptors 0, 1 and 2
 *   end-phase WHAT OUTPUT TESTS  see init/phase.h
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

/*
 * What the words say is for the process of root's to judge. PID 1 only makes
 * sure that it is started for nobody whom the policy does not name.
 */
static void do_run_as(struct broker_request *r)
{
	static struct policy policy;
	static const char *argv[BROKER_WORDS_MAX + 1];
	struct policy_error e;
	struct broker_client *c = r->client;
	struct spawn_fd fds[BROKER_FDS_MAX];
	char caller[64];
	uid_t target;
	if (r->nwords < 3 || r->nfds < 4) {
		broker_refuse(c, 125, "run-as wants words and descriptors");
		return;
	}
	if (!policy_read_pairs(&policy, &e)) {
		broker_refuse(c, e.status, "%s", e.why);
		return;
	}
	if (!policy_user(str_of(r->words[1]), &target) ||
		!policy_pair(&policy, c->who.uid, target)) {
		broker_refuse(c, 126, "uid %u may not run as %.32s",
			(unsigned)c->who.uid, r->words[1]);
		return;
	}
	for (size_t i = 0; i < r->nfds; i++)
		fds[i] = (struct spawn_fd){r->fds[i], (int)i};
	for (size_t i = 0; i <= r->nwords; i++)
		argv[i] = r->words[i];
	fmt_str(caller, sizeof(caller), "CORACLE_RUN_AS_CALLER=%u",
		(unsigned)c->who.uid);
	char *envp[] = {caller, NULL};
	struct spawn request = {
		.file = spawn_self(),
		.argv = (char *const *)(uintptr_t)argv,
		.envp = envp,
		.cwd = "/",
		.fds = fds,
		.nfds = r->nfds,
	};
	broker_run(c, &request);
}

static const struct {
	const char *verb;
	void (*fn)(struct broker_request *r);
} verbs[] = {
	{"run", do_run},
	{"run-as", do_run_as},
	{"end-phase", phase_request},
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
