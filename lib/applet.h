/* SPDX-License-Identifier: MIT */
/*
 * lib/applet.h - what an applet is, and what every applet's main needs.
 *
 * A file declares its applet with APPLET(); the build collects these lines
 * into one sorted table, so adding an applet touches one file. This is the
 * program layer's helper: it prints and exits, so nothing else in lib/ or
 * net/ may call it, and PID 1 only before it has started.
 */
#ifndef LIB_APPLET_H
#define LIB_APPLET_H

#include "lib/args.h"
#include "lib/buf.h"

struct applet {
	const char *name;
	const char *summary; /* one line, for lists */
	const char *usage;   /* synopsis, what it does, examples */
	int (*main)(int argc, char **argv);
};

#define APPLET(ident, summary_text, usage_text) \
	APPLET_NAMED(ident, #ident, summary_text, usage_text)

/* for a name that is no identifier; only '_' may stand for another byte */
#define APPLET_NAMED(ident, name_text, summary_text, usage_text) \
	int ident##_main(int argc, char **argv);                 \
	extern const struct applet applet_##ident;               \
	const struct applet applet_##ident = {                   \
		name_text, summary_text, usage_text, ident##_main}

/* exit statuses that are not a tool's own */
enum {
	EXIT_OK = 0,
	EXIT_FAIL = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h */
	EXIT_WRAPPER = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

/*
 * Parse the options of an applet: args_parse() with the conventions around
 * it. --help prints the usage and the options of the table to stdout and
 * exits 0, --version likewise; a mistake prints one line and "try ... --help"
 * and exits with EXIT_USAGE. Returns the index of the first operand in argv.
 */
int applet_args(const struct applet *a, const struct arg_opt *opts,
	size_t nopts, int argc, char **argv);

/* like applet_args(), but the options end at the first operand */
int applet_args_until_operand(const struct applet *a,
	const struct arg_opt *opts, size_t nopts, int argc, char **argv);

/* "NAME: TEXT\n" on stderr; then exit(status) for die and die_usage */
void warn_msg(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));
void die_usage(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* the name that the messages above start with; set by main */
void applet_set_name(const char *name);

/* print to stdout; dies with EXIT_FAIL when that fails (a full disk) */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_str(struct str text);

#endif
