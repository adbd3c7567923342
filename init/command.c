/* SPDX-License-Identifier: MIT */
/* init/command.c - the container's command. */
#include "init/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/size.h"

extern char **environ;

enum { WAITER_ARGS = 4, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/*
 * With these, harnesses keep a container alive. An image without a shell
 * cannot run them, but what they mean is exactly what init does anyway.
 */
static const char *const waiters[][WAITER_ARGS] = {
	{"sh", "-c", "sleep infinity"},
	{"/bin/sh", "-c", "sleep infinity"},
	{"sleep", "infinity"},
	{"tail", "-f", "/dev/null"},
};

static bool same_vector(char *const *argv, const char *const *words)
{
	size_t i = 0;
	while (i < WAITER_ARGS && words[i]) {
		if (!argv[i] || strcmp(argv[i], words[i]) != 0)
			return false;
		i++;
	}
	return argv[i] == NULL;
}

bool command_waits_forever(char *const *argv)
{
	for (size_t i = 0; i < ARRAY_LEN(waiters); i++)
		if (same_vector(argv, waiters[i]))
			return true;
	return false;
}

static void on_exit(void *owner, pid_t pid, int wait_status)
{
	struct init *init = owner;
	char what[64];
	(void)pid;
	init->command.state = COMMAND_ENDED;
	init->command.status = spawn_exit_code(wait_status);
	log_debug("command %s: %s", init->command.argv[0],
		spawn_status_text(what, sizeof(what), wait_status));
	shutdown_begin(init);
}

/* the terminal to hand over: ours, and we are its foreground; else -1 */
static int terminal(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);
	return foreground >= 0 && foreground == getpgrp() ? STDIN_FILENO : -1;
}

static bool not_found(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG;
}

static const char *step_text(enum spawn_step step)
{
	switch (step) {
	case SPAWN_FORK:
		return "fork";
	case SPAWN_SETUP:
		return "descriptors";
	case SPAWN_IDS:
		return "ids";
	case SPAWN_CWD:
		return "directory";
	case SPAWN_EXEC:
		return "exec";
	}
	return "start";
}

static void start(struct init *init)
{
	struct command *c = &init->command;
	enum spawn_step step = SPAWN_FORK;
	struct spawn request = {
		.file = c->argv[0],
		.argv = c->argv,
		.envp = environ,
		.cwd_fd = c->cwd > 0 ? c->cwd : 0,
		.fds = init->fds.command,
		.nfds = init->fds.ncommand,
		.group = SPAWN_NEW_GROUP,
		.foreground_tty = terminal(),
		.keep_umask = true,
	};
	int r = spawn(&request, &c->pid, &step);
	if (r == 0) {
		c->state = COMMAND_UP;
		loop_child_add(&init->loop, &c->child, c->pid, on_exit, init);
		return;
	}
	if (step == SPAWN_EXEC && not_found(r) &&
		command_waits_forever(c->argv)) {
		c->state = COMMAND_ACTED;
		log_debug("command %s: no such program, init waits in its "
			  "place",
			c->argv[0]);
		return;
	}
	c->state = COMMAND_ENDED;
	c->status =
		step == SPAWN_EXEC && not_found(r) ? NOT_FOUND : NOT_EXECUTABLE;
	log_error("command %s: %s: %s", c->argv[0], step_text(step),
		strerror(-r));
}

void command_prepare(struct init *init)
{
	struct command *c = &init->command;
	c->cwd = -1;
	if (!c->argv)
		return;
	c->state = COMMAND_HELD;
	c->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void command_consider(struct init *init)
{
	struct command *c = &init->command;
	if (c->state == COMMAND_NONE)
		fds_drop_inherited(&init->fds);
	if (c->state != COMMAND_HELD || shutdown_begun(init) ||
		!service_all_ready(init, &init->config.command_after))
		return;
	start(init);
	fd_close(&c->cwd);
	fds_drop_inherited(&init->fds);
	if (c->state == COMMAND_ENDED)
		shutdown_begin(init);
}

/* what these do to a program that does not care is nothing */
static bool harmless(int signo)
{
	return signo == SIGCONT || signo == SIGWINCH || signo == SIGURG ||
	       signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

/* 0: not to be passed on */
static int rewritten(const struct init *init, int signo)
{
	int to = init->options.rewrite[signo];
	if (to == REWRITE_DROP)
		return 0;
	return to ? to : signo;
}

void command_signal(struct init *init, int signo)
{
	struct command *c = &init->command;
	switch (c->state) {
	case COMMAND_UP:
		signo = rewritten(init, signo);
		if (signo)
			(void)kill(init->config.child_only ? c->pid : -c->pid,
				signo);
		break;
	case COMMAND_ACTED:
		if (harmless(signo))
			break;
		c->state = COMMAND_ENDED;
		c->status = 128 + signo;
		shutdown_begin(init);
		break;
	case COMMAND_NONE:
	case COMMAND_HELD:
	case COMMAND_ENDED:
		break;
	}
}

bool command_alive(const struct init *init)
{
	return init->command.state == COMMAND_UP ||
	       init->command.state == COMMAND_ACTED;
}
