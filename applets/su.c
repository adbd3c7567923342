/* SPDX-License-Identifier: MIT */
/*
 * applets/su.c - become another user, for root.
 *
 * Runners that switch users inside of a container call `su NAME -s SHELL -c
 * COMMAND`. It asks for no password and is never set-id, so nobody but root
 * can use it; see run-as for others.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fmt.h"
#include "lib/identity.h"
#include "lib/mem.h"
#include "lib/size.h"

APPLET(su, "Become another user; for root.",
	"usage: su [OPTION...] [-] [USER] [ARGUMENT...]\n"
	"\n"
	"Runs a shell, or -c COMMAND by it, as USER (root by default), with\n"
	"the user's groups, HOME, USER, LOGNAME and SHELL. There is no\n"
	"password: only root may. ARGUMENTs go to the shell.\n"
	"\n"
	"  su agent -s /bin/bash -c 'id; pwd'\n"
	"  su - verifier            in its home, with nothing of ours\n"
	"\n"
	"Status: the shell's; 125 an error here, 126 not root or the shell\n"
	"cannot be executed, 127 there is no such shell.\n");

extern char **environ;

struct request {
	const char *command;
	const char *shell;
	bool login;
	bool keep;
	struct identity who;
};

static void become(const struct identity *who)
{
	if (setgroups(who->ngroups, who->groups) < 0 ||
		setresgid(who->gid, who->gid, who->gid) < 0 ||
		setresuid(who->uid, who->uid, who->uid) < 0)
		die(EXIT_WRAPPER, "cannot become %s: %s", who->name,
			strerror(errno));
	if (who->uid != 0 && setuid(0) == 0)
		die(EXIT_WRAPPER, "did not become %s", who->name);
}

static void set(const char *name, const char *value)
{
	if (setenv(name, value, 1) < 0)
		die(EXIT_WRAPPER, "%s: %s", name, strerror(errno));
}

static void set_environment(const struct request *r)
{
	static char *nothing[] = {NULL};
	const char *term = getenv("TERM");
	if (r->keep)
		return;
	if (r->login) {
		environ = nothing;
		set("PATH", r->who.uid == 0 ? "/usr/local/sbin:/usr/local/bin:"
					      "/usr/sbin:/usr/bin:/sbin:/bin"
					    : "/usr/local/bin:/usr/bin:/bin");
		if (term)
			set("TERM", term);
	}
	set("HOME", r->who.home);
	set("USER", r->who.name);
	set("LOGNAME", r->who.name);
	set("SHELL", r->shell);
}

/* NAME may stand before the options, as runners write it */
static int parse(struct request *r, int argc, char **argv)
{
	const struct arg_opt opts[] = {
		OPT_TEXT('c', "command", &r->command, "COMMAND",
			"what the shell runs"),
		OPT_TEXT('s', "shell", &r->shell, "SHELL",
			"in place of the user's own"),
		OPT_FLAG('l', "login", &r->login,
			"as `-`: a login shell, an environment of its own"),
		OPT_FLAG('p', "preserve-environment", &r->keep,
			"leave the environment as it is"),
		OPT_FLAG('m', NULL, &r->keep, "the same"),
	};
	const char *name = "root";
	int at = applet_args_until_operand(
		&applet_su, opts, ARRAY_LEN(opts), argc, argv);
	if (at < argc && strcmp(argv[at], "-") == 0) {
		r->login = true;
		at++;
	}
	if (at < argc) {
		name = argv[at];
		at += applet_args_until_operand(&applet_su, opts,
			ARRAY_LEN(opts), argc - at, argv + at);
	}
	if (!identity_find(&r->who, name))
		die(EXIT_WRAPPER, "no user %s in /etc/passwd", name);
	if (!r->shell)
		r->shell = *r->who.shell ? r->who.shell : "/bin/sh";
	return at;
}

/* "-sh" for "/bin/sh": a shell that is called so is a login shell */
static const char *login_name(const char *shell)
{
	static char name[64];
	const char *slash = strrchr(shell, '/');
	fmt_str(name, sizeof(name), "-%s", slash ? slash + 1 : shell);
	return name;
}

int su_main(int argc, char **argv)
{
	struct request r = {NULL};
	int at = parse(&r, argc, argv);
	if (geteuid() != 0)
		die(EXIT_NOT_EXECUTABLE,
			"only root may: see run-as for other users");
	const char **words =
		mem_new_array((size_t)(argc - at) + 4, sizeof(*words));
	size_t n = 0;
	if (!words)
		die(EXIT_WRAPPER, "no memory");
	words[n++] = r.login ? login_name(r.shell) : r.shell;
	if (r.command) {
		words[n++] = "-c";
		words[n++] = r.command;
	}
	while (at < argc)
		words[n++] = argv[at++];
	set_environment(&r);
	become(&r.who);
	if (r.login && chdir(r.who.home) < 0)
		warn_msg("%s: %s", r.who.home, strerror(errno));
	execve(r.shell, (char *const *)(uintptr_t)words, environ);
	int status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	die(status, "%s: %s", r.shell, strerror(errno));
}
