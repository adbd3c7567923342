/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/zip.c - zip: the walk and the care of tar -c, in another format.
 */
#include <string.h>
#include <unistd.h>

#include "applets/tar/tar.h"
#include "lib/applet.h"
#include "lib/fmt.h"
#include "lib/gzip.h"
#include "lib/size.h"

APPLET(zip, "Pack files into a zip archive.",
	"usage: zip [-r] [OPTION]... ARCHIVE NAME...\n"
	"       zip [-r] [OPTION]... - NAME... | ...\n"
	"\n"
	"The archive is written in one pass, also to a pipe, and replaces\n"
	"one of that name; .zip is added to a name without a dot. Symbolic\n"
	"links are stored as links.\n"
	"\n"
	"  zip -r src.zip src              the directory and what is in it\n"
	"  zip -r - . -x '*.o' | http -T - https://example.com/upload\n"
	"\n"
	"exit status: 0 all is well, 1 files changed while they were read,\n"
	"2 something failed\n");

enum { PATH_SIZE = 4096 };

static void name_archive(struct tar_options *o, const char *name, char *full)
{
	const char *slash = strrchr(name, '/');
	o->file = name;
	if (strchr(slash ? slash : name, '.') || strcmp(name, "-") == 0)
		return;
	if (fmt_str(full, PATH_SIZE, "%s.zip", name) >= PATH_SIZE)
		die_usage("the name of the archive is too long");
	o->file = full;
}

/* lint: long because the table of options is in it */
int zip_main(int argc, char **argv)
{
	struct tar_options o = {.create = true,
		.zip = true,
		.no_recursion = true,
		.status_fd = UINT64_MAX};
	struct report r;
	char full[PATH_SIZE];
	bool quiet = false, links = false, best = false;
	const struct arg_opt opts[] = {
		OPT('r', "recurse-paths", ARG_NEGATE, &o.no_recursion, NULL,
			"what is in directories too", .call = NULL),
		OPT_LIST('x', "exclude", &o.exclude, "PATTERN",
			"leave out what matches, and what is below"),
		OPT_FLAG('v', "verbose", &o.verbose, "name members"),
		OPT_FLAG('q', "quiet", &quiet,
			"nothing but errors is ever said; for habit's sake"),
		OPT_FLAG('y', "symlinks", &links,
			"links as links, which is always so"),
		OPT_FLAG('9', "best", &best, "smaller and slower"),
		OPT_TEXT(0, "sort", &o.sort, "ORDER",
			"none, or name: the same order every time"),
		OPT_TEXT(0, "mtime", &o.mtime, "DATE",
			"time of all members: @SECONDS or a date (UTC)"),
		OPT_FLAG(0, "ignore-missing", &o.ignore_missing,
			"names that do not exist are no error"),
		OPT_FLAG(0, "ignore-failed-read", &o.ignore_failed_read,
			"what cannot be read is left out, with a message"),
		OPT_FLAG(0, "one-file-system", &o.one_file_system,
			"stay on the file systems of the names"),
		OPT_NUMBER(0, "status-fd", &o.status_fd, "N", 0, 1 << 20,
			"write the outcome as a JSON line there"),
	};
	int first = applet_args(&applet_zip, opts, ARRAY_LEN(opts), argc, argv);
	if (argc - first < 2)
		die_usage("it wants an archive and names");
	name_archive(&o, argv[first], full);
	for (int i = first + 1; i < argc; i++)
		tar_add_name(&o, argv[i]);
	if (best)
		o.level = GZIP_LEVEL_MAX;
	report_init(&r);
	tar_check(&o);
	tar_create(&o, &r);
	int status = tar_conclude(&o, &r);
	report_fini(&r);
	tar_options_fini(&o);
	return status;
}
