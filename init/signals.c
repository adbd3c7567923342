/* SPDX-License-Identifier: MIT */
/* init/signals.c - what each signal that reaches init means. */
#include "init/signals.h"

#include <signal.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/log.h"

static bool is_job_stop(int signo)
{
	return signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

static bool is_stop_request(int signo)
{
	return signo == SIGTERM || signo == SIGINT || signo == SIGQUIT ||
	       signo == SIGPWR;
}

static void forward(struct init *init, int signo)
{
	command_signal(init, signo);
	/* below a shell: stop with the command; SIGCONT wakes both */
	if (is_job_stop(signo) && !init->standing.pid1)
		(void)kill(getpid(), SIGSTOP);
}

static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct init *init = owner;
	char name[24];
	int signo = (int)info->ssi_signo;
	/* a line that could not be written to a closed pipe, nothing more */
	if (signo == SIGPIPE && (pid_t)info->ssi_pid == getpid())
		return;
	log_debug("signal: %s from pid %u",
		spawn_signal_name(name, sizeof(name), signo), info->ssi_pid);
	if (shutdown_begun(init)) {
		if (signo == SIGTERM || signo == SIGINT)
			shutdown_hurry(init);
		else
			command_signal(init, signo);
		return;
	}
	/* the shutdown itself sends TERM to the command, once */
	bool alive = command_alive(init);
	if (signo == SIGTERM || (!alive && is_stop_request(signo)))
		shutdown_request(init);
	else if (alive)
		forward(init, signo);
	else if (signo == SIGHUP)
		(void)init_reload(init);
}

int signals_setup(struct init *init)
{
	static const int not_ours[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
		SIGABRT, SIGSYS, SIGCHLD, SIGKILL, SIGSTOP};
	sigset_t set;
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(*not_ours); i++)
		sigdelset(&set, not_ours[i]);
	return loop_watch_signals(&init->loop, &set, on_signal, init);
}
