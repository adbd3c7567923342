/* SPDX-License-Identifier: MIT */
/*
 * init/init.h - the state of PID 1, one struct for the whole process.
 *
 * Every file of init/ owns one member of it and offers functions that take
 * the whole; nothing else is shared.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "init/command.h"
#include "init/config.h"
#include "init/fds.h"
#include "init/service.h"
#include "init/shutdown.h"
#include "lib/loop.h"

/* what this process may do; found out once, at the start */
struct standing {
	bool pid1;       /* of its PID namespace */
	bool root;       /* effective uid 0 */
	bool namespaced; /* not the machine's own PID namespace */
	bool second;     /* another init supervises this root already */
};

struct init {
	struct loop loop;
	struct config config;
	struct standing standing;
	struct fds fds;
	struct service services[SERVICES_MAX];
	size_t nservices;
	struct command command;
	struct shutdown shutdown;
	uint64_t start_us; /* when main began, for the boot's timeline */
	uint64_t orphans;  /* reaped so far */
};

#endif
