/* SPDX-License-Identifier: MIT */
/* applets/tar/tar.c - options of tar, and which of its jobs they ask for. */
#include "applets/tar/tar.h"

#include <fcntl.h>
#include <string.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"

APPLET(tar, "Pack files into an archive and unpack them, gzip included.",
	"usage: tar -c [-z] [-f FILE] [-C DIR] [OPTION]... NAME...\n"
	"       tar -x [-f FILE] [-C DIR] [OPTION]... [NAME]...\n"
	"       tar -t [-f FILE] [-v] [NAME]...\n"
	"\n"
	"Without -f, or with -f -, the archive is standard input or output.\n"
	"gzip is recognised when reading. Symbolic links in an archive are\n"
	"restored as they are and never followed, so nothing is written\n"
	"outside the target directory.\n"
	"\n"
	"  tar -czf src.tar.gz src            pack the directory src\n"
	"  tar -xzf src.tar.gz -C /tmp        unpack it below /tmp\n"
	"  tar -tvf src.tar.gz                list it\n"
	"  tar -cz -C / etc home | ssh HOST 'tar -xz -C /backup'\n"
	"  tar -xz --atomic -C /srv <a.tgz    all of it, or nothing at all\n"
	"  tar -c --sort=name --mtime=@0 --owner=0 --group=0 DIR\n"
	"                                     the same bytes every time\n"
	"\n"
	"exit status: 0 all is well, 1 files changed while they were read,\n"
	"2 something failed\n");

enum { LIST_FILE_MAX = 64 << 20 };

static bool on_chdir(void *dst, const char *value, size_t operands)
{
	struct tar_options *o = dst;
	struct chdir_option *v =
		mem_resize(o->chdirs, (o->nchdirs + 1) * sizeof(*v));
	if (!v)
		return false;
	v[o->nchdirs++] = (struct chdir_option){value, operands};
	o->chdirs = v;
	return true;
}

static bool on_no_same_owner(void *dst, const char *value, size_t operands)
{
	(void)value;
	(void)operands;
	*(bool *)dst = false;
	return true;
}

/* ------------------------------------------------------- old style bundles */

enum { BUNDLE_MAX = 64 };

struct bundle {
	char **argv; /* for mem_free(), unless it is the one that was given */
	int argc;
	char words[BUNDLE_MAX][3];
};

static bool takes_value(const struct arg_opt *opts, size_t nopts, char letter)
{
	for (size_t i = 0; i < nopts; i++)
		if (opts[i].letter == letter)
			return opts[i].value != NULL;
	return false;
}

/*
 * "tar czf FILE x": the letters without a dash, then their values in order,
 * become options of the ordinary kind.
 */
static void unbundle(struct bundle *b, const struct arg_opt *opts, size_t nopts,
	int argc, char **argv)
{
	b->argv = argv;
	b->argc = argc;
	if (argc < 2 || argv[1][0] == '-' || argv[1][0] == '\0')
		return;
	size_t letters = strlen(argv[1]);
	char **v = mem_new_array((size_t)argc + letters + 1, sizeof(*v));
	if (!v || letters > BUNDLE_MAX)
		die_usage("too many options in '%s'", argv[1]);
	int from = 2;
	int n = 0;
	v[n++] = argv[0];
	for (size_t i = 0; i < letters; i++) {
		char *word = b->words[i];
		fmt_str(word, sizeof(b->words[i]), "-%c", argv[1][i]);
		v[n++] = word;
		if (!takes_value(opts, nopts, argv[1][i]))
			continue;
		if (from >= argc)
			die_usage("option '%c' needs a value", argv[1][i]);
		v[n++] = argv[from++];
	}
	while (from < argc)
		v[n++] = argv[from++];
	b->argv = v;
	b->argc = n;
}

/* --------------------------------------------------------------- operands */

void tar_add_name(struct tar_options *o, const char *name)
{
	const char **v = mem_resize(o->names, (o->nnames + 1) * sizeof(*v));
	if (!v)
		die(STATUS_FATAL, "out of memory");
	v[o->nnames++] = name;
	o->names = v;
}

/* append the content of a -T file to the text of the names */
static void read_names(struct tar_options *o, const char *file)
{
	int err = file_read(AT_FDCWD,
		strcmp(file, "-") == 0 ? "/dev/stdin" : file, &o->names_text);
	if (err)
		die(STATUS_FATAL, "%s: Cannot read: %s", file, strerror(-err));
	if (o->names_text.n &&
		*buf_at(&o->names_text, o->names_text.n - 1) != '\n')
		buf_putc(&o->names_text, '\n');
}

/* the lines of all -T files are names too, one a line */
static void names_from_files(struct tar_options *o)
{
	buf_init(&o->names_text, LIST_FILE_MAX);
	for (size_t i = 0; i < o->files_from.n; i++)
		read_names(o, o->files_from.v[i]);
	if (o->names_text.n == 0)
		return;
	char *p = buf_at(&o->names_text, 0);
	char *end = p + o->names_text.n;
	for (char *line = p; p < end; p++) {
		if (*p != '\n')
			continue;
		*p = '\0';
		if (p > line)
			tar_add_name(o, line);
		line = p + 1;
	}
}

void tar_check(const struct tar_options *o)
{
	int jobs = o->create + o->extract + o->list;
	if (jobs != 1)
		die_usage(jobs ? "only one of -c, -x and -t can be given"
			       : "one of -c, -x and -t is needed");
	if (o->sort && strcmp(o->sort, "name") && strcmp(o->sort, "none"))
		die_usage("--sort wants name or none, not '%s'", o->sort);
	if (o->format && strcmp(o->format, "ustar") &&
		strcmp(o->format, "posix") && strcmp(o->format, "pax"))
		die_usage("--format wants ustar or posix, not '%s'", o->format);
	if (o->create && o->nnames == 0 && o->files_from.n == 0 &&
		!o->ignore_missing)
		die_usage("refusing to make an empty archive");
	if (o->atomic && (!o->extract || o->keep_old))
		die_usage("--atomic goes with -x, and not with -k");
}

static void print_totals(const struct tar_options *o, const struct report *r)
{
	warn_msg("Total bytes %s: %llu (%llu members, %llu files)",
		o->create ? "written" : "read", (unsigned long long)r->bytes,
		(unsigned long long)r->entries, (unsigned long long)r->files);
}

/* the status is about to be told; failures before it told themselves */
int tar_conclude(const struct tar_options *o, const struct report *r)
{
	if (o->totals)
		print_totals(o, r);
	if (o->status_fd != UINT64_MAX)
		report_line(r, (int)o->status_fd, o->create);
	if (r->status == STATUS_FATAL && !r->stop)
		warn_msg("Exiting with failure status due to previous errors");
	return r->status;
}

void tar_options_fini(struct tar_options *o)
{
	mem_free(o->exclude.v);
	mem_free(o->files_from.v);
	mem_free(o->chdirs);
	mem_free(o->names);
	buf_fini(&o->names_text);
}

/* lint: long because the table of options is in it */
int tar_main(int argc, char **argv)
{
	struct tar_options o = {.status_fd = UINT64_MAX};
	struct report r;
	struct bundle b;
	const struct arg_opt opts[] = {
		OPT_FLAG('c', "create", &o.create, "make an archive"),
		OPT_FLAG('x', "extract", &o.extract, "unpack an archive"),
		OPT_FLAG(0, "get", &o.extract, "the same"),
		OPT_FLAG('t', "list", &o.list, "list an archive"),
		OPT_TEXT('f', "file", &o.file, "FILE",
			"the archive; - is standard input or output"),
		OPT_FLAG('z', "gzip", &o.gzip,
			"compress; reading, insist on gzip"),
		OPT_CALL('C', "directory", on_chdir, &o, "DIR",
			"go to DIR first; -c: for the names behind it"),
		OPT_FLAG('v', "verbose", &o.verbose,
			"name members; -tv: with mode, owner, size, date"),
		OPT_LIST(0, "exclude", &o.exclude, "PATTERN",
			"leave out what matches, and what is below"),
		OPT_NUMBER(0, "strip-components", &o.strip, "N", 0, INT64_MAX,
			"drop the first N parts of each name"),
		OPT_FLAG('p', "preserve-permissions", &o.keep_modes,
			"set modes exactly, set-id bits included"),
		OPT_FLAG(0, "same-permissions", &o.keep_modes, "the same"),
		OPT_FLAG('k', "keep-old-files", &o.keep_old,
			"do not replace what is there"),
		OPT_FLAG(0, "same-owner", &o.same_owner,
			"restore owners, by number"),
		OPT_CALL('o', "no-same-owner", on_no_same_owner, &o.same_owner,
			NULL, "do not (the default, also for root)"),
		OPT_FLAG(0, "numeric-owner", &o.numeric_owner,
			"numbers, not names, of owners"),
		OPT_LIST('T', "files-from", &o.files_from, "FILE",
			"further names, one a line"),
		OPT_TEXT(0, "sort", &o.sort, "ORDER",
			"none, or name: the same order every time"),
		OPT_TEXT(0, "mtime", &o.mtime, "DATE",
			"time of all members: @SECONDS or a date (UTC)"),
		OPT_TEXT(0, "owner", &o.owner, "USER[:UID]",
			"owner of all members"),
		OPT_TEXT(0, "group", &o.group, "GROUP[:GID]",
			"group of all members"),
		OPT_TEXT(0, "format", &o.format, "FORMAT",
			"ustar (PAX only where needed), or posix: parts of\n"
			"seconds too"),
		OPT_FLAG(0, "one-file-system", &o.one_file_system,
			"stay on the file systems of the names"),
		OPT_FLAG('S', "sparse", &o.sparse,
			"holes in files take no room (GNU tar's PAX format "
			"1.0)"),
		OPT_FLAG(0, "xattrs", &o.xattrs,
			"extended attributes user.*; and security.capability,\n"
			"which -x restores with -p only"),
		OPT_TEXT('N', "newer", &o.newer, "DATE|FILE",
			"only what changed (data or attributes) after DATE or\n"
			"after FILE, whose name begins with / or ."),
		OPT_FLAG(0, "ignore-failed-read", &o.ignore_failed_read,
			"what cannot be read is left out, with a message"),
		OPT_FLAG(0, "no-recursion", &o.no_recursion,
			"directories themselves only"),
		OPT_FLAG(0, "special", &o.special, "devices and FIFOs too"),
		OPT_FLAG(0, "ignore-missing", &o.ignore_missing,
			"names that do not exist are no error"),
		OPT_FLAG(0, "totals", &o.totals, "tell the numbers at the end"),
		OPT_FLAG(0, "atomic", &o.atomic,
			"unpack all of it, or change nothing"),
		OPT_FLAG(0, "strict-members", &o.strict,
			"absolute names too are refused, and a\n"
			"member that is refused ends it all"),
		OPT_NUMBER(0, "max-size", &o.max_size, "BYTES", 0, INT64_MAX,
			"refuse more than this in files"),
		OPT_NUMBER(0, "max-entries", &o.max_entries, "N", 0, INT64_MAX,
			"refuse more members than this"),
		OPT_NUMBER(0, "max-ratio", &o.max_ratio, "N", 0, INT64_MAX,
			"refuse what gzip made N times smaller"),
		OPT_NUMBER(0, "status-fd", &o.status_fd, "N", 0, 1 << 20,
			"write the outcome as a JSON line there"),
	};
	report_init(&r);
	unbundle(&b, opts, ARRAY_LEN(opts), argc, argv);
	int first =
		applet_args(&applet_tar, opts, ARRAY_LEN(opts), b.argc, b.argv);
	for (int i = first; i < b.argc; i++)
		tar_add_name(&o, b.argv[i]);
	names_from_files(&o);
	tar_check(&o);
	if (o.create)
		tar_create(&o, &r);
	else if (o.extract)
		tar_extract(&o, &r);
	else
		tar_list(&o, &r);
	int status = tar_conclude(&o, &r);
	report_fini(&r);
	tar_options_fini(&o);
	if (b.argv != argv)
		mem_free(b.argv);
	return status;
}
