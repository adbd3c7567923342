/* SPDX-License-Identifier: MIT */
/*
 * init/init.h - the state of PID 1, one struct for the whole process.
 *
 * Every file of init/ owns one member of it and offers functions that take
 * the whole; nothing else is shared.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "init/broker.h"
#include "init/command.h"
#include "init/config.h"
#include "init/fds.h"
#include "init/options.h"
#include "init/phase.h"
#include "init/service.h"
#include "init/shutdown.h"
#include "init/standing.h"
#include "lib/loop.h"

struct init {
	struct loop loop;
	struct options options;
	struct config config;
	struct standing standing;
	struct fds fds;
	struct service services[SERVICES_MAX];
	size_t nservices;
	struct command command;
	struct shutdown shutdown;
	struct loop_fd notify; /* NOTIFY_SOCKET, once a service wants it */
	char notify_name[112];
	struct loop_fd ctl;
	struct broker broker;
	struct phase phase;
	int status;        /* of the container, when no command says; -1 */
	uint64_t start_us; /* when main began, for the boot's timeline */
	uint64_t orphans;  /* reaped so far */
};

/*
 * Read the configuration again and apply what changed. 0; the number of
 * mistakes, when there are any, and nothing is changed; -1 before boot is
 * over.
 */
int init_reload(struct init *init);

#endif
