/* SPDX-License-Identifier: MIT */
/* applets/gzip/gzip.c - gzip, and the options of gunzip and zcat too. */
#include "applets/gzip/gzip.h"

#include <string.h>

#include "lib/applet.h"
#include "lib/mem.h"
#include "lib/part_file.h"
#include "lib/size.h"

APPLET(gzip, "Compress files, on all processors.",
	"usage: gzip [OPTION]... [FILE]...\n"
	"\n" GZIP_WORDS
	"  gzip big.log                 big.log.gz takes its place\n"
	"  gzip -9 -k *.csv             smaller, and keep the originals\n"
	"  gzip -c a b >ab.gz           two members: gunzip gives both\n"
	"  gzip -l big.log.gz           sizes and ratio\n"
	"  gzip -tv *.gz                are they whole?\n"
	"  pg_dump db | gzip >db.gz\n" GZIP_STATUSES);

void gzip_error(struct gzip_options *o, const char *file, const char *text)
{
	warn_msg("%s: %s", file, text);
	o->status = STATUS_ERROR;
}

void gzip_warn(struct gzip_options *o, const char *file, const char *text)
{
	if (!o->quiet)
		warn_msg("%s: %s", file, text);
	if (o->status == STATUS_OK)
		o->status = STATUS_WARNING;
}

/* -1 to -9, as the three levels that there are */
struct digit {
	unsigned *level;
	unsigned value;
};

static bool on_digit(void *dst, const char *value, size_t operands)
{
	const struct digit *d = dst;
	(void)value;
	(void)operands;
	*d->level = d->value;
	return true;
}

static int run(struct gzip_options *o, int argc, char **argv)
{
	if (o->no_name && o->name)
		die_usage("-n and -N exclude each other");
	if (!o->suffix[0] || strchr(o->suffix, '/'))
		die_usage("'%s' cannot be a suffix", o->suffix);
	if (o->test || o->list)
		o->decompress = true;
	if (!o->to_stdout && !o->test && !o->list)
		part_file_drop_on_signals();
	for (int i = 0; i < argc; i++)
		gzip_file(o, argv[i]);
	if (argc == 0)
		gzip_file(o, "-");
	if (o->listed > 1 && !o->quiet)
		gzip_list_total(o);
	return o->status;
}

/* lint: long because the table of options is in it */
int gzip_start(const struct applet *applet, struct gzip_options *o, int argc,
	char **argv)
{
	static const unsigned levels[] = {1, 1, 1, 1, 1, 1, 2, 2, 3};
	struct digit digit[ARRAY_LEN(levels)];
	o->suffix = ".gz";
	o->level = GZIP_LEVEL_MIN;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		digit[i] = (struct digit){&o->level, levels[i]};
#define DIGIT(ch, name, text) \
	OPT_CALL(ch, name, on_digit, &digit[ch - '1'], NULL, text)
	const struct arg_opt opts[] = {
		OPT_FLAG('c', "stdout", &o->to_stdout,
			"write to standard output, keep the files"),
		OPT_FLAG(0, "to-stdout", &o->to_stdout, "the same"),
		OPT_FLAG('d', "decompress", &o->decompress, "decompress"),
		OPT_FLAG(0, "uncompress", &o->decompress, "the same"),
		OPT_FLAG('f', "force", &o->force,
			"overwrite; also links, terminals, files with more\n"
			"than one name; -dcf: pass what is not compressed"),
		OPT_FLAG('k', "keep", &o->keep, "keep the files"),
		OPT_FLAG('l', "list", &o->list,
			"sizes and ratio; -lv: checksum and time too"),
		OPT_FLAG('n', "no-name", &o->no_name,
			"neither store nor restore name and time"),
		OPT_FLAG('N', "name", &o->name,
			"restore the stored name and time; storing them is\n"
			"the default"),
		OPT_FLAG('q', "quiet", &o->quiet, "no warnings"),
		OPT_FLAG('r', "recursive", &o->recursive,
			"all files below directories"),
		OPT_TEXT('S', "suffix", &o->suffix, "SUFFIX", "instead of .gz"),
		OPT_FLAG('t', "test", &o->test, "is it whole?"),
		OPT_FLAG('v', "verbose", &o->verbose,
			"name each file, and what was saved"),
		DIGIT('1', "fast",
			"fastest, the default; -2 to -6 are the same"),
		DIGIT('2', NULL, NULL),
		DIGIT('3', NULL, NULL),
		DIGIT('4', NULL, NULL),
		DIGIT('5', NULL, NULL),
		DIGIT('6', NULL, NULL),
		DIGIT('7', NULL, "a little smaller; -8 is the same"),
		DIGIT('8', NULL, NULL),
		DIGIT('9', "best", "smallest"),
	};
#undef DIGIT
	int first = applet_args(applet, opts, ARRAY_LEN(opts), argc, argv);
	return run(o, argc - first, argv + first);
}

int gzip_main(int argc, char **argv)
{
	struct gzip_options o = {0};
	return gzip_start(&applet_gzip, &o, argc, argv);
}
