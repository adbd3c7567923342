/* SPDX-License-Identifier: MIT */
/*
 * init/options.h - the command line of init, and the configuration under it.
 *
 * Options win over variables, variables over the file, that over defaults.
 */
#ifndef INIT_OPTIONS_H
#define INIT_OPTIONS_H

#include <signal.h>

#include "init/config.h"
#include "lib/applet.h"

/* in options.rewrite: such a signal is not passed on */
enum { REWRITE_DROP = 255 };

struct options {
	const char *config;
	const char *listen;
	uint64_t port;
	uint64_t grace_ms;
	bool no_gateway;
	bool group;
	bool child_only;
	bool check;
	bool print_default;
	bool strict;
	uint64_t drain_ms;
	int parent_death;          /* signal when our parent ends; 0: none */
	unsigned short remap[256]; /* status -> what we end with + 1 */
	unsigned char
		rewrite[_NSIG]; /* what arrives -> what it becomes; 0: itself */
};

/* the index of the first operand; a mistake ends the program */
int options_parse(
	struct options *o, const struct applet *applet, int argc, char **argv);

/* what to end with when the command ended with this status */
int options_exit_status(const struct options *o, int status);

/* all of the configuration; returns the number of mistakes, all reported */
int options_configure(struct config *c, const struct options *o);

/* what --check and --print-default do; the exit status */
int options_show(const struct options *o);

#endif
