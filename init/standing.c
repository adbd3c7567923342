/* SPDX-License-Identifier: MIT */
/* init/standing.c - where init runs, and so what it may do there. */
#include "init/standing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "init/mountinfo.h"
#include "init/proc.h"
#include "lib/buf.h"
#include "lib/file.h"
#include "lib/layout.h"
#include "lib/log.h"
#include "lib/passwd.h"
#include "lib/size.h"

enum { PASSWD_MAX = 1 << 20, MOUNTINFO_MAX = 1 << 20 };

/* in an image with our configuration, or made by the container's engine */
static const char *const marks[] = {
	"/etc/coracle", "/.dockerenv", "/run/.containerenv", /* Podman */
};

/* what engines that leave no file put into the environment */
static const char *const variables[] = {
	"container", /* systemd-nspawn, LXC, Podman */
	"KUBERNETES_SERVICE_HOST",
};

static bool is_marked(void)
{
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (access(marks[i], F_OK) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (getenv(variables[i]))
			return true;
	return false;
}

/* an image made from our skeleton, or booted before */
static bool has_our_users(void)
{
	struct buf text;
	struct passwd_user found;
	buf_init(&text, PASSWD_MAX);
	bool there =
		file_read(AT_FDCWD, "/etc/passwd", &text) == 0 &&
		passwd_user_named(buf_str(&text), STR("environment"), &found) &&
		found.uid == LAYOUT_ENVIRONMENT;
	buf_fini(&text);
	return there;
}

/* as most engines stack an image's layers */
static bool is_layered(void)
{
	struct buf text;
	struct mountinfo there;
	buf_init(&text, MOUNTINFO_MAX);
	bool layered =
		file_read(AT_FDCWD, "/proc/self/mountinfo", &text) == 0 &&
		mountinfo_find(buf_str(&text), "/", &there) &&
		str_is(there.type, "overlay");
	buf_fini(&text);
	return layered;
}

void standing_find(struct standing *s, bool asked)
{
	s->pid1 = getpid() == 1;
	s->root = geteuid() == 0;
	/* without /proc to ask: whoever has not mounted it is a container */
	s->namespaced = !proc_first_namespace();
	if (!s->namespaced) /* a whole machine: ours as its PID 1 only */
		s->own_root = s->pid1;
	else
		s->own_root = asked || access("/etc/passwd", F_OK) < 0 ||
			      is_marked() || has_our_users() || is_layered();
}

void standing_say(const struct standing *s)
{
	if (!s->root)
		log_info("uid %u, not root: users, directories and mounts "
			 "are left as they are",
			(unsigned)geteuid());
	else if (!s->own_root)
		log_info("nothing says that / is a container's: users, "
			 "directories and mounts are left as they are "
			 "(/etc/coracle would say it)");
	if (!s->pid1)
		log_info("pid %d, not 1: mounts nothing and reaps only its "
			 "own descendants%s",
			(int)getpid(), s->second ? ", no second gateway" : "");
}
