/* SPDX-License-Identifier: MIT */
/* init/service_start.c - what the process of a service starts with. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "init/cgroup.h"
#include "init/init.h"
#include "init/service.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

extern char **environ;

enum { VARS_MAX = 1024, VARS_TEXT = 32768 };

/* one child is started at a time, and it has its copy before the next */
static struct {
	char *v[VARS_MAX + 1];
	size_t n;
	char text[VARS_TEXT];
	size_t used;
	bool full;
} vars;

static void put_var(const char *name, const char *value)
{
	size_t len = strlen(name);
	size_t room = VARS_TEXT - vars.used;
	char *text = vars.text + vars.used;
	size_t n = fmt_str(text, room, "%s=%s", name, value) + 1;
	size_t at = 0;
	while (at < vars.n &&
		(strncmp(vars.v[at], name, len) != 0 || vars.v[at][len] != '='))
		at++;
	if (n > room || at == VARS_MAX) {
		vars.full = true;
		return;
	}
	vars.used += n;
	vars.v[at] = text;
	if (at == vars.n)
		vars.n++;
}

static void put_pairs(const struct shape_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		put_var(pairs->v[i].name, pairs->v[i].value);
}

char **service_environment(const struct service *s, int *error)
{
	vars.n = 0;
	vars.used = 0;
	vars.full = false;
	for (size_t i = 0; environ && environ[i]; i++) {
		if (vars.n == VARS_MAX) {
			vars.full = true;
			break;
		}
		vars.v[vars.n++] = environ[i];
	}
	put_pairs(&s->init->config.environment);
	if (s->take_ids) {
		put_var("HOME", s->who.home);
		put_var("USER", s->who.name);
		put_var("LOGNAME", s->who.name);
		put_var("SHELL", s->who.shell);
	}
	put_pairs(&s->def->environment);
	const char *notify = NULL;
	if (s->def->ready.notify || s->def->alive.notify)
		notify = ready_notify_address(s->init);
	if (notify)
		put_var("NOTIFY_SOCKET", notify);
	if (notify && s->def->alive.notify) {
		char us[24];
		fmt_str(us, sizeof(us), "%ju",
			(uintmax_t)s->def->alive.interval_ms * 1000);
		put_var("WATCHDOG_USEC", us);
	}
	vars.v[vars.n] = NULL;
	*error = vars.full ? -E2BIG : 0;
	return vars.v;
}

static void take_groups(struct service *s)
{
	const struct config_service *def = s->def;
	gid_t gid;
	if (def->group && identity_group(&gid, def->group))
		s->who.gid = gid;
	else if (def->group)
		log_warn("service %s: no group %s", s->name, def->group);
	if (!def->groups.v)
		return;
	s->who.ngroups = 0;
	for (size_t i = 0; i < def->groups.n && i < IDENTITY_GROUPS; i++) {
		if (identity_group(&gid, def->groups.v[i]))
			s->who.groups[s->who.ngroups++] = gid;
		else
			log_warn("service %s: no group %s", s->name,
				def->groups.v[i]);
	}
}

/*
 * Without root there is nobody else to become. A user that does not exist is
 * an error of the start, not a reason to run with more rights.
 */
void service_identify(struct service *s)
{
	const char *user = s->def->user;
	s->take_ids = false;
	if (!s->init->standing.root || (!user && !s->def->group))
		return;
	s->take_ids = identity_find(&s->who, user ? user : "0");
	if (s->take_ids)
		take_groups(s);
	else if (s->def->lenient)
		log_warn("service %s: no user %s, runs as root", s->name, user);
}

size_t service_limits(const struct config_limits *c, struct spawn_limit *v)
{
	const struct spawn_limit all[SERVICE_LIMITS_MAX] = {
		{RLIMIT_NOFILE, c->nofile}, {RLIMIT_NPROC, c->nproc},
		{RLIMIT_CORE, c->core}, {RLIMIT_AS, c->as},
		{RLIMIT_FSIZE, c->fsize}, {RLIMIT_STACK, c->stack},
		{RLIMIT_MEMLOCK, c->memlock}, {RLIMIT_CPU, c->cpu}};
	size_t n = 0;
	for (size_t i = 0; i < SERVICE_LIMITS_MAX; i++)
		if (all[i].value != UINT64_MAX)
			v[n++] = all[i];
	return n;
}

static uint64_t fill_caps(const struct shape_words *names)
{
	uint64_t caps = 0;
	for (size_t i = 0; i < names->n; i++)
		caps |= 1ULL << config_capability(names->v[i]);
	return caps;
}

/* 1 and 2 go to its pipe, to our own, or to nobody */
static size_t fill_fds(const struct service *s, struct spawn_fd *fds)
{
	const struct spawn_fd *ours = s->init->fds.service;
	if (s->output) {
		fds[0] = (struct spawn_fd){s->output->write_end, 1};
		fds[1] = (struct spawn_fd){s->output->write_end, 2};
		return 2;
	}
	if (s->def->log.to == LOG_TO_NONE)
		return 0;
	fds[0] = ours[0];
	fds[1] = ours[1];
	return 2;
}

static int start(struct service *s, struct spawn *request,
	enum spawn_step *step, pid_t *pid)
{
	struct spawn_limit limits[SERVICE_LIMITS_MAX];
	struct spawn_ids ids = {
		s->who.uid, s->who.gid, s->who.groups, s->who.ngroups};
	int r;
	request->envp = service_environment(s, &r);
	if (r < 0)
		return r;
	if (s->def->user && s->init->standing.root && !s->take_ids &&
		!s->def->lenient) {
		*step = SPAWN_SETUP;
		return -ENOENT;
	}
	/* our own program by its name, wherever it lies */
	if (strcmp(request->argv[0], "coracle") == 0)
		request->file = spawn_self();
	else
		request->file = request->argv[0];
	request->cwd = s->def->directory;
	request->group = SPAWN_NEW_SESSION;
	request->ids = s->take_ids ? &ids : NULL;
	request->die_with_parent = true;
	request->foreground_tty = -1;
	request->limits = limits;
	request->nlimits = service_limits(&s->def->limits, limits);
	request->set_caps = s->def->capabilities.v != NULL;
	request->caps = fill_caps(&s->def->capabilities);
	request->no_new_privs = s->def->no_new_privs;
	return spawn(request, pid, step);
}

int service_spawn(struct service *s, enum spawn_step *step)
{
	struct spawn_fd fds[SPAWN_FDS_MAX];
	struct spawn request = {.argv = s->def->command.v, .fds = fds};
	int theirs = -1;
	request.nfds = fill_fds(s, fds);
	int group = cgroup_prepare(s);
	request.cgroup_fd = group > 0 ? group : 0;
	int r = ready_prepare(s, fds, &request.nfds, &theirs);
	if (r == 0)
		r = start(s, &request, step, &s->pid);
	fd_close(&theirs);
	fd_close(&group);
	return r;
}

int service_spawn_helper(struct service *s, char *const *argv,
	enum service_helper output, pid_t *pid)
{
	enum spawn_step step;
	struct spawn_fd fds[SPAWN_FDS_MAX];
	struct spawn request = {.argv = argv, .fds = fds};
	if (output == SERVICE_HELPER_LOGGED)
		request.nfds = fill_fds(s, fds);
	return start(s, &request, &step, pid);
}
