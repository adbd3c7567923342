/* SPDX-License-Identifier: MIT */
/* lib/private.c - what a process sees in namespaces of its own. */
#include "lib/private.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "lib/fd.h"

static int private_mounts(int namespaces)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
		    "mode=1777,size=50%") < 0)
		return -errno;
	if (!(namespaces & CLONE_NEWPID))
		return 0;
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    NULL) < 0)
		return -errno;
	return 0;
}

static int loopback_up(void)
{
	struct ifreq request;
	int r = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", 3);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	/* it wants net_admin, too; without it loopback stays down */
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0 && errno != EPERM)
		r = -errno;
	fd_close(&fd);
	return r;
}

int private_setup(int namespaces)
{
	int r = 0;
	if (namespaces & CLONE_NEWNS)
		r = private_mounts(namespaces);
	if (r == 0 && (namespaces & CLONE_NEWNET))
		r = loopback_up();
	return r;
}
