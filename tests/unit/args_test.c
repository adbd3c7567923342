/* SPDX-License-Identifier: MIT */
/* tests/unit/args_test.c - options of every spelling. */
#include "lib/args.h"

#include "lib/mem.h"
#include "lib/size.h"
#include "tests/unit/test.h"

enum { ARGV_MAX = 16 };

static struct {
	bool verbose;
	bool colour;
	const char *file;
	uint64_t level;
	struct arg_list exclude;
	const char *called;
	size_t seen;
} o;

static bool on_call(void *dst, const char *value, size_t operands)
{
	*(const char **)dst = value;
	o.seen = operands;
	return strcmp(value, "bad") != 0;
}

static const struct arg_opt opts[] = {
	{.letter = 'v', .name = "verbose", .type = ARG_FLAG, .dst = &o.verbose},
	{.name = "no-colour", .type = ARG_NEGATE, .dst = &o.colour},
	{.letter = 'f',
		.name = "file",
		.type = ARG_TEXT,
		.dst = &o.file,
		.value = "FILE"},
	{.letter = 'l',
		.name = "level",
		.type = ARG_NUMBER,
		.dst = &o.level,
		.value = "N",
		.min = 1,
		.max = 9},
	{.letter = 'n',
		.type = ARG_NUMBER,
		.dst = &o.level,
		.value = "N",
		.min = 1,
		.max = 9},
	{.name = "exclude-from",
		.type = ARG_TEXT,
		.dst = &o.file,
		.value = "FILE"},
	{.name = "exclude-vcs", .type = ARG_FLAG, .dst = &o.verbose},
	{.name = "exclude",
		.type = ARG_LIST,
		.dst = &o.exclude,
		.value = "PATTERN"},
	{.letter = 'c',
		.name = "call",
		.type = ARG_CALL,
		.dst = &o.called,
		.value = "X",
		.call = on_call},
	{.name = "version-id", .type = ARG_TEXT, .dst = &o.file, .value = "ID"},
	{.name = "helper", .type = ARG_TEXT, .dst = &o.file, .value = "NAME"},
};

static struct args_error error;
static char *argv[ARGV_MAX + 1];

/* parse the words of a line; what args_parse() returned */
static int parse(enum args_order order, const char *line)
{
	static char words[256];
	int argc = 0;
	o.colour = true;
	o.verbose = false;
	o.file = NULL;
	o.level = 0;
	mem_free(o.exclude.v);
	o.exclude = (struct arg_list){0};
	struct arg_table table = {opts, ARRAY_LEN(opts), order};
	error.text[0] = '\0';
	memset(argv, 0, sizeof(argv));
	argv[argc++] = (char[]){"prog"};
	strcpy(words, line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	int r = args_parse(&table, argc, argv, &error);
	CHECK(r < 0 || (r >= 1 && r <= argc));
	argv[argc] = NULL;
	return r;
}

static void check_rest(int from, const char *want)
{
	char got[256] = "";
	for (int i = from; argv[i]; i++) {
		strcat(got, argv[i]);
		strcat(got, "|");
	}
	CHECK_CSTR(got, want);
}

static void done(void)
{
	mem_free(o.exclude.v);
	o.exclude.v = NULL;
}

TEST(args_short_and_long_spellings)
{
	int r = parse(ARGS_ANYWHERE, "-v -fx -l 3 a");
	CHECK(r > 0 && o.verbose);
	CHECK_CSTR(o.file, "x");
	CHECK_EQ(o.level, 3);
	check_rest(r, "a|");
	r = parse(ARGS_ANYWHERE, "-vfx --level=9 --no-colour");
	CHECK(r > 0 && o.verbose && !o.colour);
	CHECK_CSTR(o.file, "x");
	CHECK_EQ(o.level, 9);
	r = parse(ARGS_ANYWHERE, "--file x=y --lev 2 --verb");
	CHECK(r > 0 && o.verbose);
	CHECK_CSTR(o.file, "x=y");
	CHECK_EQ(o.level, 2);
	r = parse(ARGS_ANYWHERE, "--file= b");
	CHECK_CSTR(o.file, "");
	check_rest(r, "b|");
	done();
}

TEST(args_operands_keep_their_order)
{
	int r = parse(ARGS_ANYWHERE, "a -v b -f c d -- -e -v");
	CHECK(r > 0 && o.verbose);
	CHECK_CSTR(o.file, "c");
	check_rest(r, "a|b|d|-e|-v|");
	r = parse(ARGS_ANYWHERE, "- -v -");
	check_rest(r, "-|-|");
	r = parse(ARGS_ANYWHERE, "--");
	check_rest(r, "");
	r = parse(ARGS_ANYWHERE, "");
	check_rest(r, "");
	done();
}

TEST(args_first_operand_ends_the_options)
{
	int r = parse(ARGS_FIRST, "-v cmd -f x");
	CHECK(r > 0 && o.verbose && !o.file);
	check_rest(r, "cmd|-f|x|");
	r = parse(ARGS_FIRST, "-v -- -f");
	check_rest(r, "-f|");
	done();
}

TEST(args_value_may_look_like_an_option)
{
	CHECK(parse(ARGS_ANYWHERE, "-f -v") > 0);
	CHECK_CSTR(o.file, "-v");
	CHECK(!o.verbose);
	CHECK(parse(ARGS_ANYWHERE, "--file -- x") > 0);
	CHECK_CSTR(o.file, "--");
	done();
}

TEST(args_lists_and_calls)
{
	CHECK(parse(ARGS_ANYWHERE, "--exclude=a x --exclude b y -c z") > 0);
	CHECK_EQ(o.exclude.n, 2);
	CHECK_CSTR(o.exclude.v[0], "a");
	CHECK_CSTR(o.exclude.v[1], "b");
	CHECK_CSTR(o.called, "z");
	CHECK_EQ(o.seen, 2);
	CHECK_EQ(parse(ARGS_ANYWHERE, "--call bad"), ARGS_ERROR);
	CHECK_CSTR(error.text, "--call: 'bad' is not understood");
	done();
}

TEST(args_exact_name_wins_over_longer_ones)
{
	/* it stands behind two others that begin like it */
	CHECK(parse(ARGS_ANYWHERE, "--exclude=a") > 0);
	CHECK_EQ(o.exclude.n, 1);
	CHECK_EQ(parse(ARGS_ANYWHERE, "--exclude- x"), ARGS_ERROR);
	CHECK_CSTR(error.text, "option --exclude- is ambiguous");
	CHECK_EQ(parse(ARGS_ANYWHERE, "--excl x"), ARGS_ERROR);
	CHECK_CSTR(error.text, "option --excl is ambiguous");
	done();
}

TEST(args_help_and_version_are_no_beginnings_of_others)
{
	CHECK_EQ(parse(ARGS_ANYWHERE, "--help x"), ARGS_HELP);
	CHECK_EQ(parse(ARGS_ANYWHERE, "--version x"), ARGS_VERSION);
	CHECK_EQ(parse(ARGS_ANYWHERE, "-vh"), ARGS_HELP);
	CHECK(parse(ARGS_ANYWHERE, "--version-id x") > 0);
	CHECK_CSTR(o.file, "x");
	done();
}

TEST(args_empty_name_means_nothing)
{
	static const struct arg_table one = {&opts[2], 1, ARGS_ANYWHERE};
	char *words[] = {(char[]){"prog"}, (char[]){"--=x"}, NULL};
	o.file = NULL;
	CHECK_EQ(args_parse(&one, 2, words, &error), ARGS_ERROR);
	CHECK(!o.file);
	CHECK_CSTR(error.text, "unknown option --");
}

static void check_error(const char *line, const char *want)
{
	CHECK_EQ(parse(ARGS_ANYWHERE, line), ARGS_ERROR);
	CHECK_CSTR(error.text, want);
	done();
}

TEST(args_errors_name_the_option)
{
	check_error("-q", "unknown option -q");
	check_error("-vq", "unknown option -q");
	check_error("-f", "option -f needs a value");
	check_error("--file", "option --file needs a value");
	check_error("--verbose=1", "option --verbose takes no value");
	check_error("--flie=x", "unknown option --flie (did you mean --file?)");
	check_error("--zzzzzzzz", "unknown option --zzzzzzzz");
	check_error("-l 0", "--level wants a number from 1 to 9, not '0'");
	check_error("-l 10", "--level wants a number from 1 to 9, not '10'");
	check_error("-l 3x", "--level wants a number from 1 to 9, not '3x'");
	check_error("-l -3", "--level wants a number from 1 to 9, not '-3'");
	check_error("-n 0", "-n wants a number from 1 to 9, not '0'");
}
