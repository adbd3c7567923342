/* SPDX-License-Identifier: MIT */
/*
 * applets/main.c - the multi-call entry: find the applet and run it.
 *
 * The applet is named by the link that was called, or by the first argument
 * of `coracle`. The table is generated from the APPLET() lines of the tree.
 */
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"
#include "lib/spawn.h"
#include "lib/version.h"

#define APPLET_ENTRY(ident) extern const struct applet applet_##ident;
#include "build/gen/applets.h"
#undef APPLET_ENTRY

/* sorted by name */
static const struct applet *const applets[] = {
#define APPLET_ENTRY(ident) &applet_##ident,
#include "build/gen/applets.h"
#undef APPLET_ENTRY
};

static const char usage[] =
	"usage: coracle APPLET [ARGUMENT...]\n"
	"       coracle --list | --install DIR | --licenses\n"
	"\n"
	"One static binary that makes a scratch image a task environment. A "
	"link\n"
	"to it that is named after an applet runs that applet.\n"
	"\n"
	"  coracle --list           the applets, one a line\n"
	"  coracle --install DIR    make a link in DIR for each applet\n"
	"  coracle --licenses       licence texts of all that is linked\n"
	"  coracle --version        print the version\n"
	"  coracle APPLET --help    what it does, by example\n"
	"\n"
	"applets:\n";

static const struct applet *find(struct str name)
{
	size_t low = 0, high = ARRAY_LEN(applets);
	while (low < high) {
		size_t mid = (low + high) / 2;
		const char *at = applets[mid]->name;
		int d = strncmp(name.p, at, name.n);
		if (d == 0 && at[name.n] == '\0')
			return applets[mid];
		if (d > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void print_usage(void)
{
	print_str(str_of(usage));
	for (size_t i = 0; i < ARRAY_LEN(applets); i++)
		print("  %-12s %s\n", applets[i]->name, applets[i]->summary);
}

static int list(void)
{
	for (size_t i = 0; i < ARRAY_LEN(applets); i++)
		print("%s\n", applets[i]->name);
	return EXIT_OK;
}

/* an applet's link replaces a link, never a file that somebody put there */
static void install_one(const char *target, const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0) {
		if (!S_ISLNK(st.st_mode)) {
			warn_msg("%s: exists and is no symbolic link, kept",
				path);
			return;
		}
		(void)unlink(path);
	}
	if (symlink(target, path) < 0)
		die(EXIT_FAIL, "%s: %s", path, strerror(errno));
}

static int install(const char *dir)
{
	char self[4096];
	char path[4096];
	if (!dir)
		die_usage("--install needs a directory");
	ssize_t n = readlink(spawn_self(), self, sizeof(self) - 1);
	if (n <= 0)
		die(EXIT_FAIL, "where this program is: %s", strerror(errno));
	self[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		if (fmt_str(path, sizeof(path), "%s/%s", dir,
			    applets[i]->name) >= sizeof(path))
			die(EXIT_FAIL, "%s: name too long", dir);
		install_one(self, path);
	}
	return EXIT_OK;
}

/* how far a name is from an applet's; one is the other's beginning: near */
static size_t distance(struct str name, size_t applet)
{
	struct str have = str_of(applets[applet]->name);
	if (name.n >= 2 && (str_starts(have, name) || str_starts(name, have)))
		return 1;
	return str_distance(have, name);
}

static int unknown(const char *name)
{
	struct buf near;
	size_t best = SIZE_MAX;
	for (size_t i = 0; i < ARRAY_LEN(applets); i++)
		best = size_min(best, distance(str_of(name), i));
	buf_init(&near, 1024);
	for (size_t i = 0; i < ARRAY_LEN(applets); i++)
		if (distance(str_of(name), i) == best)
			buf_putf(&near, "%s%s", near.n ? ", " : "",
				applets[i]->name);
	applet_set_name("coracle");
	die(EXIT_NOT_FOUND,
		"no applet '%s'; nearest: %s; 'coracle --list' names all", name,
		buf_cstr(&near));
}

static int run(const char *name, int argc, char **argv)
{
	const struct applet *a = find(str_of(name));
	if (!a)
		return unknown(name);
	applet_set_name(a->name);
	log_init(a->name);
	return a->main(argc, argv);
}

static int own_option(int argc, char **argv)
{
	if (argc < 2) {
		print_usage();
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--list") == 0)
		return list();
	if (strcmp(argv[1], "--install") == 0)
		return install(argv[2]);
	if (strcmp(argv[1], "--version") == 0) {
		print("coracle %s\n", coracle_version);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--licenses") == 0) {
		print_str(str_from(coracle_licenses, coracle_licenses_len));
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage();
		return EXIT_OK;
	}
	die_usage("unknown option %s", argv[1]);
}

int main(int argc, char **argv)
{
	fd_sanitise_std();
	/* whoever made this file set-id did not mean all of it: refuse all */
	if (getauxval(AT_SECURE))
		die(EXIT_NOT_EXECUTABLE,
			"runs set-id, which it never does; remove the bit");
	if (argc < 1)
		die_usage("no program name was given");
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	if (*name == '-')
		name++; /* a login shell's convention */
	if (strcmp(name, "coracle") != 0 && find(str_of(name)))
		return run(name, argc, argv);
	if (argc > 1 && argv[1][0] != '-')
		return run(argv[1], argc - 1, argv + 1);
	/* under any other name it may be a copy, but without a word it may not */
	if (argc < 2 && !str_starts(str_of(name), STR("coracle")))
		return unknown(name);
	return own_option(argc, argv);
}
