/* SPDX-License-Identifier: MIT */
/*
 * trampoline/trampoline.c - run one program as another user, for those whom
 * root's policy lets, whatever they do to us.
 *
 * Installed set-id to the user that it is to become (mode 6755), once for
 * every command. What it runs stands in the policy that is named after the
 * path it lies at (lib/policy.h); of its own arguments and environment it
 * takes nothing. Where PID 1 is ours it asks that to run the program, which
 * needs no set-id bit; otherwise it becomes the user itself and executes the
 * program. Either way the program starts in the same state.
 *
 * Exit statuses: 125 something is wrong with us or the policy, 126 not
 * allowed, 127 no such program; else the program's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/broker.h"
#include "lib/fd.h"
#include "lib/policy.h"
#include "trampoline/reset.h"
#include "trampoline/say.h"

/* who we were, before anything else happened */
struct caller {
	uid_t uid, effective;
	gid_t gid, effective_gid;
};

static struct policy policy;

/* where we lie, by the kernel's word: argv[0] is the caller's */
static void find_self(char *dst, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dst, size - 1);
	if (n < 0)
		give_up(BROKEN, "/proc is not mounted: mount it (%s)",
			strerror(errno));
	dst[n] = '\0';
}

/* ------------------------------------------------------------- the broker */

static void drop_to(const struct caller *who)
{
	if (setresgid(who->gid, who->gid, who->gid) < 0 ||
		setresuid(who->uid, who->uid, who->uid) < 0)
		give_up(BROKEN, "back to uid %u: %s", (unsigned)who->uid,
			strerror(errno));
}

/* from here on we are the caller's own process, and stand for the program */
static void __attribute__((noreturn))
stand_for(int broker, const char *self, const struct caller *who)
{
	static const int std[] = {0, 1, 2};
	const char *words[] = {"run", self};
	struct broker_answer a;
	drop_to(who);
	int r = broker_send(broker, words, 2, std, 3);
	if (r == 0)
		r = broker_receive(broker, &a, BROKER_ANSWER_MS);
	if (r == 0 && a.kind == BROKER_STARTED) {
		/* only the program holds them now: who reads sees its end */
		for (int fd = 0; fd < 3; fd++)
			(void)close(fd);
		r = broker_receive(broker, &a, -1);
	}
	if (r < 0)
		give_up(BROKEN, "PID 1 does not answer: %s", strerror(-r));
	if (a.kind == BROKER_REFUSED)
		give_up(a.status, "%s", a.text);
	_exit(a.status);
}

static void try_broker(const char *self, const struct caller *who)
{
	/* the kernel tells PID 1 the effective user of this moment */
	if (setegid(who->gid) < 0 || seteuid(who->uid) < 0)
		give_up(BROKEN, "seteuid: %s", strerror(errno));
	int broker = broker_connect();
	if (broker >= 0)
		stand_for(broker, self, who);
	if (seteuid(who->effective) < 0 || setegid(who->effective_gid) < 0)
		give_up(BROKEN, "seteuid: %s", strerror(errno));
}

/* ------------------------------------------------------------ the set-id way */

static bool is_traced(void)
{
	char text[2048];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fd_read_full(fd, text, sizeof(text));
	fd_close(&fd);
	struct str rest = str_from(text, n > 0 ? (size_t)n : 0);
	size_t at = str_find(rest, STR("TracerPid:\t"));
	rest = str_from_index(rest, at);
	return rest.n > 11 && rest.p[11] != '0';
}

/* the kernel took our set-id bit for nothing: say why */
static void __attribute__((noreturn)) powerless(const char *self)
{
	struct stat st;
	struct statvfs fs;
	const char *why = "the process shares its file system state, or is in "
			  "a user namespace";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		why = "no_new_privs is set";
	else if (is_traced())
		why = "the process is traced";
	else if (statvfs(self, &fs) == 0 && (fs.f_flag & ST_NOSUID))
		why = "it is mounted nosuid";
	else if (stat(self, &st) == 0 &&
		 !((st.st_mode & S_ISUID) &&
			 (st.st_uid == policy.uid || st.st_uid == 0)))
		why = "the file is not set-id to that user";
	give_up(FORBIDDEN,
		"cannot become %s: %s, and PID 1 has no broker to ask",
		policy.user, why);
}

/* even root may not where the container was started without capabilities */
static void __attribute__((noreturn)) may_not(const char *capability)
{
	give_up(errno == EPERM ? FORBIDDEN : BROKEN,
		"cannot become %s: %s (it takes the capability %s), and PID 1 "
		"has no broker to ask",
		policy.user, strerror(errno), capability);
}

static void become(const struct caller *who)
{
	uid_t uid = policy.uid;
	uid_t real = policy.real_uid ? who->uid : uid;
	uid_t ids[3] = {0};
	gid_t gids[3] = {0};
	/* only root may, and only root can leave the caller's groups */
	if (geteuid() == 0) {
		if (setgroups(policy.ngroups, policy.groups) < 0)
			may_not("setgid");
		for (unsigned long cap = 0; cap < 64; cap++)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	if (setresgid(policy.gid, policy.gid, policy.gid) < 0)
		give_up(BROKEN,
			"cannot take group %u: install with mode 6755 and that "
			"group",
			(unsigned)policy.gid);
	if (setresuid(real, uid, uid) < 0)
		may_not("setuid");
	/* what the calls said is one thing, what is so another */
	(void)getresuid(&ids[0], &ids[1], &ids[2]);
	(void)getresgid(&gids[0], &gids[1], &gids[2]);
	if (ids[0] != real || ids[1] != uid || ids[2] != uid ||
		gids[0] != policy.gid || gids[1] != policy.gid ||
		gids[2] != policy.gid || setuid(0) == 0 ||
		(real == uid && who->uid != uid && seteuid(who->uid) == 0))
		give_up(BROKEN, "the ids did not become what was asked");
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!policy.new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(BROKEN, "no_new_privs: %s", strerror(errno));
}

static void __attribute__((noreturn))
run(const char *self, const struct caller *who)
{
	struct policy_error e;
	if (!policy_read(&policy, self, &e))
		give_up(e.status, "%s", e.why);
	const struct policy_role *role = policy_role(&policy, who->uid);
	if (!role)
		give_up(FORBIDDEN, POLICY_NOT_ALLOWED, (unsigned)who->uid,
			self);
	if (geteuid() != policy.uid && geteuid() != 0)
		powerless(self);
	if (!policy_find_program(&policy, &e))
		give_up(e.status, "%s", e.why);
	reset_limits(&policy);
	reset_session();
	become(who);
	(void)umask(077);
	if (chdir(policy.directory) < 0)
		give_up(BROKEN, "%s: %s", policy.directory, strerror(errno));
	execve(policy.program, policy.argv, policy_environment(&policy, role));
	give_up(errno == ENOENT ? MISSING : FORBIDDEN, "%s: %s", policy.argv[0],
		strerror(errno));
}

int main(void)
{
	struct caller who = {getuid(), geteuid(), getgid(), getegid()};
	char self[POLICY_PATH_MAX];
	struct policy_error e;
	say_as("trampoline");
	reset_descriptors();
	reset_signals();
	find_self(self, sizeof(self));
	/* ours is the path that the policy is found by */
	char *slash = strrchr(self, '/');
	if (!slash || self[0] != '/')
		give_up(BROKEN, "it lies nowhere: %s", self);
	*slash = '\0';
	if (!policy_path_is_safe(*self ? self : "/", &e))
		give_up(e.status, "%s", e.why);
	*slash = '/';
	try_broker(self, &who);
	run(self, &who);
}
