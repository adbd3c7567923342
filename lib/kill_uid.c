/* SPDX-License-Identifier: MIT */
/* lib/kill_uid.c - ending everything that a user runs. */
#include "lib/kill_uid.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Whose real and saved uid the killer has: nobody's. It may signal by its
 * effective uid, and those that it kills cannot signal it before. Below 65536,
 * which is all that some user namespaces have.
 */
static const uid_t nobodys = 65533;

static int become_killer(uid_t uid)
{
	if (setresuid(nobodys, uid, nobodys) == 0)
		return 0;
	/* a user namespace with still fewer */
	return setresuid(uid, uid, uid);
}

static int run(uid_t uid)
{
	if (uid == 0 || become_killer(uid) < 0)
		return EPERM;
	/* -1: every process that we may signal, but ourselves and init */
	return kill(-1, SIGKILL) == 0 || errno == ESRCH ? 0 : errno;
}

int kill_uid(uid_t uid)
{
	int status;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(run(uid));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status))
		return -EAGAIN;
	return -WEXITSTATUS(status);
}
