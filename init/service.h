/* SPDX-License-Identifier: MIT */
/*
 * init/service.h - long-running programs that are kept running.
 *
 * The gateway is the built-in one. A service that ends is started again
 * after a pause that doubles from SERVICE_PAUSE_MS to SERVICE_PAUSE_MAX_MS
 * and starts over once it stayed up for SERVICE_STEADY_MS. Each has its own
 * session, so that its process group is exactly it.
 */
#ifndef INIT_SERVICE_H
#define INIT_SERVICE_H

#include "lib/loop.h"
#include "lib/spawn.h"

enum {
	SERVICES_MAX = 16,
	SERVICE_ARGS_MAX = 16,
	SERVICE_GROUPS_MAX = 16,
	SERVICE_PAUSE_MS = 100,
	SERVICE_PAUSE_MAX_MS = 30000,
	SERVICE_STEADY_MS = 10000,
};

enum service_state {
	SERVICE_DOWN,    /* not started, or ended while we stop */
	SERVICE_UP,      /* has a process */
	SERVICE_WAITING, /* for the end of its pause */
};

struct init;

struct service {
	struct init *init;
	const char *name;
	enum service_state state;
	char *argv[SERVICE_ARGS_MAX + 1];
	char **envp;
	struct spawn_ids ids;
	gid_t groups[SERVICE_GROUPS_MAX];
	bool take_ids; /* false: runs as who we are */
	pid_t pid;
	uint64_t started_ms;
	uint64_t pause_ms;
	struct loop_child child;
	struct loop_timer timer;
};

/* add the gateway to the table as the configuration says; 0 or -ENOMEM */
int service_add_gateway(struct init *init);

/* start every service that is down */
void service_start_all(struct init *init);

/* send a signal to the groups of all; those that wait become down */
void service_stop_all(struct init *init, int signo);

/* does one of them still have a process? */
bool service_any_up(const struct init *init);

#endif
