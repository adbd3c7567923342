/* SPDX-License-Identifier: MIT */
/*
 * lib/policy.h - what a program behind the trampoline is, and who may run it.
 *
 * input: root's files; read by set-id programs and by PID 1
 *
 * A command's policy is the file /etc/coracle/trampoline/PATH, where PATH is
 * the path of the command's trampoline; that of run-as is
 * /etc/coracle/run-as. A file of lines, a key and its value each, '#' for a
 * remark:
 *
 *	command /usr/bin/python3 -I     the program, split at blanks
 *	arg a word with blanks          one argument more, as it stands
 *	user environment                whom it runs as
 *	allow agent                     who may run it, and as which role
 *	allow sandbox as verifier
 *	directory /opt/server
 *	env NAME=VALUE
 *	limit nofile 1024
 *	real-uid caller                 keep it for servers that ask getuid(2)
 *	new-privs yes                   no no_new_privs for the program
 *
 * and `allow FROM TO [kill-all]` in that of run-as. A user is a name of
 * lib/layout.h or a number: nothing here reads /etc/passwd. Every directory
 * on the way to a policy or program must be root's and writable by root only;
 * so what was checked once cannot be changed by those that it is checked
 * against. No function takes memory, and all text stays in the struct.
 */
#ifndef LIB_POLICY_H
#define LIB_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/spawn.h"
#include "lib/str.h"

enum {
	POLICY_TEXT_MAX = 8192,
	POLICY_WORDS_MAX = 64,
	POLICY_ROLES_MAX = 16,
	POLICY_ENV_MAX = 64,
	POLICY_LIMITS_MAX = 8,
	POLICY_GROUPS_MAX = 4,
	POLICY_PATH_MAX = 1024,
	POLICY_WHY_MAX = 240,
};

/* the same words from PID 1 and from the set-id program */
#define POLICY_NOT_ALLOWED "uid %u may not run %s"

/* why it was refused, and the status that says so: 125, 126 or 127 */
struct policy_error {
	int status;
	char why[POLICY_WHY_MAX];
};

/* who may: in run-as's, who may become whom */
struct policy_role {
	uid_t uid;
	struct str name; /* CORACLE_CALLER */
	uid_t target;
	bool kill_all; /* end whatever the target runs, at the end */
};

struct policy {
	char text[POLICY_TEXT_MAX + 1]; /* the strings below lie here */
	const char *trampoline;         /* as policy_read() was given it */
	char program[POLICY_PATH_MAX];  /* argv[0] without symbolic links */
	char *argv[POLICY_WORDS_MAX + 1];
	size_t argc;
	uid_t uid;
	gid_t gid;
	gid_t groups[POLICY_GROUPS_MAX];
	size_t ngroups;
	const char *user; /* its name, or its number as it was written */
	const char *home;
	const char *directory;
	struct policy_role roles[POLICY_ROLES_MAX];
	size_t nroles;
	char *env[POLICY_ENV_MAX]; /* NAME=VALUE, of the file */
	size_t nenv;
	struct spawn_limit limits[POLICY_LIMITS_MAX];
	size_t nlimits;
	bool real_uid; /* the caller's is kept as real uid */
	bool new_privs;
	/* filled by policy_environment() */
	char made[1024];
	char *environment[POLICY_ENV_MAX + 9];
};

/*
 * The policy of the trampoline at this path (absolute, without symbolic
 * links). false: *e says why; its status is 125.
 */
bool policy_read(struct policy *p, const char *program, struct policy_error *e);

/* the pairs of run-as, in p->roles */
bool policy_read_pairs(struct policy *p, struct policy_error *e);

/* the same for p->text[0..n) alone, without a look at any file. Pure. */
bool policy_parse(struct policy *p, size_t n, struct policy_error *e);
bool policy_parse_pairs(struct policy *p, size_t n, struct policy_error *e);

/* find argv[0], and that nobody but root can change it: 126 or 127 */
bool policy_find_program(struct policy *p, struct policy_error *e);

/* may this user run it? NULL: no */
const struct policy_role *policy_role(const struct policy *p, uid_t uid);

/* may it become that one? NULL: no */
const struct policy_role *policy_pair(
	const struct policy *p, uid_t from, uid_t to);

/*
 * The environment of the program, the same for everyone of a role: built from
 * nothing, in a fixed order. Lies in *p.
 */
char *const *policy_environment(
	struct policy *p, const struct policy_role *role);

/* is every component root's, and writable by root only? The last, too. */
bool policy_path_is_safe(const char *path, struct policy_error *e);

/* a user by a name of the layout or by number; false: neither */
bool policy_user(struct str text, uid_t *uid);

/*
 * Set uid, gid, groups, user and home to those of a user of the layout or of
 * a number; name is kept. false: neither, or root.
 */
bool policy_set_user(struct policy *p, const char *name);

/* set *e; returns false */
bool policy_refuse(struct policy_error *e, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
