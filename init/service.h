/* SPDX-License-Identifier: MIT */
/*
 * init/service.h - programs that are started in order and kept running.
 *
 * The gateway is the built-in one, and a boot task is a oneshot that every
 * service waits for. What becomes of a service is in one table of states:
 *
 *   DOWN      not wanted, or ended by itself as it may
 *   BLOCKED   wanted; waits until what it comes after is ready
 *   STARTING  has a process that is not ready yet
 *   UP        has a process and is ready
 *   DONE      a oneshot that ended with 0
 *   FAILED    ended and is not started again
 *   WAITING   for the end of the pause before the next start
 *   STOPPING  was asked to end; has a process
 *   FINISHING has ended, and its finish hook runs
 *
 * The pause doubles from restart_ms to restart_max_ms and starts over once
 * the service stayed up for SERVICE_STEADY_MS. Each has its own session, so
 * that its process group is exactly it.
 */
#ifndef INIT_SERVICE_H
#define INIT_SERVICE_H

#include "init/alive.h"
#include "init/config.h"
#include "init/svclog.h"
#include "init/ready.h"
#include "lib/identity.h"
#include "lib/loop.h"
#include "lib/spawn.h"

enum {
	SERVICES_MAX = 64,
	SERVICE_NAME_MAX = 32,
	SERVICE_STEADY_MS = 10000,
	SERVICE_LIMITS_MAX = 8,
};

enum service_state {
	SERVICE_DOWN,
	SERVICE_BLOCKED,
	SERVICE_STARTING,
	SERVICE_UP,
	SERVICE_DONE,
	SERVICE_FAILED,
	SERVICE_WAITING,
	SERVICE_STOPPING,
	SERVICE_FINISHING,
};

/* where the output of a helper goes, a probe or a finish hook */
enum service_helper { SERVICE_HELPER_QUIET, SERVICE_HELPER_LOGGED };

struct init;

struct service {
	struct init *init;
	const struct config_service *def; /* of the configuration in force */
	char name[SERVICE_NAME_MAX];
	enum service_state state;
	bool wanted;  /* to run; STOPPING with it is a restart */
	bool failed;  /* STOPPING: it was not ready in time, or is dead */
	bool asked;   /* FINISHING: to end, so what follows is not a failure */
	bool changed; /* by a reload, and to be started */
	bool gone;    /* no longer configured: forgotten when it is down */
	struct identity who;
	bool take_ids; /* false: runs as who we are */
	pid_t pid;
	pid_t finish_pid; /* FINISHING: its hook */
	uint64_t started_ms;
	uint64_t up_ms;      /* how long it ran the last time */
	uint64_t changed_ms; /* when it came into this state */
	uint64_t pause_ms;
	uint64_t restarts;
	uint64_t tries;     /* restarts since it last ran steadily */
	uint64_t oom_kills; /* in the container, when it was started */
	int last_status;    /* wait status of the last end; -1: none */
	struct loop_child child;
	struct loop_timer timer; /* what it means follows from the state */
	struct ready ready;
	struct alive alive;
	struct svclog *output; /* NULL: none is captured */
};

/* ------------------------------------------------- the table of services */

/* fill the table from the configuration */
void service_load(struct init *init);

/*
 * Take over another configuration, which becomes init's: what changed is
 * restarted, what is new started, what is gone stopped, the rest untouched.
 */
void service_reload_all(struct init *init, struct config *fresh);

/* has every boot task ended? Before that there is no reload. */
bool service_boot_over(const struct init *init);

struct service *service_find(struct init *init, const char *name);

/* --------------------------------------------------------------- events */

/* start whatever may start by now, and the command once it may */
void service_advance(struct init *init);

/* want it up; from the beginning, without a pause */
void service_start(struct service *s);
/* want it down; its stop signal, then SIGKILL */
void service_stop(struct service *s);
void service_restart(struct service *s);

/* it said, or a probe found, that it is ready */
void service_is_ready(struct service *s);

/* it runs but does nothing any more: to be stopped, as one that failed */
void service_is_dead(struct service *s);

/* it asked for so much more time to become ready, or to end */
void service_extend(struct service *s, uint64_t ms);

/* ask those to end on which nothing that still runs depends */
void service_stop_next(struct init *init);

/* does one of them still have a process? */
bool service_any_up(const struct init *init);

/* is every name in the list ready, and every boot task over? */
bool service_all_ready(
	const struct init *init, const struct shape_words *names);

const char *service_state_name(enum service_state state);

/* ----------------------------------------------------- service_start.c */

/* who it runs as, by the files as they are now */
void service_identify(struct service *s);

/* the variables it gets; valid until the next call */
char **service_environment(const struct service *s, int *error);

/* the configured ones, at v[0..SERVICE_LIMITS_MAX); returns how many */
size_t service_limits(const struct config_limits *c, struct spawn_limit *v);

/* start its process; 0, or a negative errno and the step */
int service_spawn(struct service *s, enum spawn_step *step);

/* the same identity and environment for a probe or a finish hook */
int service_spawn_helper(struct service *s, char *const *argv,
	enum service_helper output, pid_t *pid);

#endif
