/* SPDX-License-Identifier: MIT */
/*
 * trampoline/run_as.c - `run-as` alone, for a file that is set-id to root.
 *
 * Where PID 1 is not ours there is no broker, and the multi-call program is
 * never set-id. This is the same applet, after what a hostile parent may have
 * left has been put right: the environment too, for it counts only what it is
 * given by --env-fd.
 */
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "trampoline/reset.h"
#include "trampoline/say.h"

extern char **environ;

int run_as_main(int argc, char **argv);

int main(int argc, char **argv)
{
	static char name[] = "run-as";
	static char *no_arguments[] = {name, NULL};
	static char *nothing[] = {NULL};
	say_as(name);
	applet_set_name(name);
	fd_sanitise_std();
	reset_signals();
	environ = nothing;
	if (argc < 1)
		return run_as_main(1, no_arguments);
	return run_as_main(argc, argv);
}
