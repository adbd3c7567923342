/* SPDX-License-Identifier: MIT */
/*
 * init/command.h - the container's command: what runs in the foreground.
 *
 * It gets what a program started directly would have got: descriptors,
 * environment, directory, umask, an empty signal mask, and the terminal. When
 * it ends, the container ends with its status.
 */
#ifndef INIT_COMMAND_H
#define INIT_COMMAND_H

#include "lib/loop.h"

enum command_state {
	COMMAND_NONE,  /* none was given: init supervises only */
	COMMAND_HELD,  /* until boot tasks are over and services are ready */
	COMMAND_UP,    /* has a process */
	COMMAND_ACTED, /* init itself waits, as `sleep infinity` would */
	COMMAND_ENDED, /* status is set */
};

struct init;

struct command {
	enum command_state state;
	char **argv; /* NULL: none */
	pid_t pid;
	int status; /* 0..255 */
	int cwd;    /* the directory that init was started in */
	struct loop_child child;
};

/* before init leaves its directory: HELD when there is a command */
void command_prepare(struct init *init);

/*
 * Start it, once it may. A program that cannot be started makes it
 * COMMAND_ENDED with 127 (not found) or 126, and begins the shutdown.
 */
void command_consider(struct init *init);

/* pass a signal on: to the group or, with --child-only, to the process */
void command_signal(struct init *init, int signo);

/* does it keep the container alive? */
bool command_alive(const struct init *init);

/* is this vector one of those that wait for ever, which need no program? */
bool command_waits_forever(char *const *argv);

#endif
