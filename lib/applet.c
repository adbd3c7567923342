/* SPDX-License-Identifier: MIT */
/* lib/applet.c - help, usage errors and dying, the same for every applet. */
#include "lib/applet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/size.h"
#include "lib/version.h"

enum { MESSAGE_MAX = 2048 };

static const char *applet_name = "coracle";

void applet_set_name(const char *name)
{
	applet_name = name;
}

static void message(const char *format, va_list args, const char *tail)
{
	char text[MESSAGE_MAX];
	char line[MESSAGE_MAX + 128];
	fmt_vstr(text, sizeof(text), format, args);
	size_t n = fmt_str(
		line, sizeof(line), "%s: %s\n%s", applet_name, text, tail);
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	(void)fd_write_full(STDERR_FILENO, line, n);
}

void warn_msg(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(format, args, "");
	va_end(args);
}

void die(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(format, args, "");
	va_end(args);
	exit(status);
}

void die_usage(const char *format, ...)
{
	char tail[128];
	va_list args;
	fmt_str(tail, sizeof(tail), "try '%s --help'\n", applet_name);
	va_start(args, format);
	message(format, args, tail);
	va_end(args);
	exit(EXIT_USAGE);
}

void print_str(struct str text)
{
	int r = fd_write_full(STDOUT_FILENO, text.p, text.n);
	if (r < 0)
		die(EXIT_FAIL, "write to standard output: %s", strerror(-r));
}

void print(const char *format, ...)
{
	struct buf b;
	va_list args;
	buf_init(&b, SIZE_MAX / 2);
	va_start(args, format);
	buf_vputf(&b, format, args);
	va_end(args);
	print_str(buf_str(&b));
	buf_fini(&b);
}

static void put_option(struct buf *b, const struct arg_opt *o)
{
	size_t start = b->n;
	buf_puts(b, "  ");
	if (o->letter)
		buf_putf(b, "-%c%s", o->letter, o->name ? ", " : "");
	else
		buf_puts(b, "    ");
	if (o->name)
		buf_putf(b, "--%s", o->name);
	if (o->value)
		buf_putf(b, "%s%s", o->name ? "=" : " ", o->value);
	size_t width = b->n - start;
	if (width > 27)
		buf_putf(b, "\n%29s", "");
	else
		buf_putf(b, "%*s", (int)(29 - width), "");
	for (const char *c = o->help; *c; c++) {
		buf_putc(b, *c);
		if (*c == '\n')
			buf_putf(b, "%29s", "");
	}
	buf_putc(b, '\n');
}

static void print_help(const struct applet *a, const struct arg_table *table)
{
	static const struct arg_opt common[] = {
		{.name = "help", .help = "print this and exit"},
		{.name = "version", .help = "print the version and exit"},
	};
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_puts(&b, a->usage);
	buf_puts(&b, "\noptions:\n");
	for (size_t i = 0; i < table->n; i++)
		if (table->opts[i].help)
			put_option(&b, &table->opts[i]);
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		put_option(&b, &common[i]);
	print_str(buf_str(&b));
	buf_fini(&b);
}

static int parse(const struct applet *a, const struct arg_table *table,
	int argc, char **argv)
{
	struct args_error error;
	int r = args_parse(table, argc, argv, &error);
	if (r == ARGS_HELP) {
		print_help(a, table);
		exit(EXIT_OK);
	}
	if (r == ARGS_VERSION) {
		print("%s (coracle) %s\n", a->name, coracle_version);
		exit(EXIT_OK);
	}
	if (r < 0)
		die_usage("%s", error.text);
	return r;
}

int applet_args(const struct applet *a, const struct arg_opt *opts,
	size_t nopts, int argc, char **argv)
{
	const struct arg_table table = {opts, nopts, ARGS_ANYWHERE};
	return parse(a, &table, argc, argv);
}

int applet_args_until_operand(const struct applet *a,
	const struct arg_opt *opts, size_t nopts, int argc, char **argv)
{
	const struct arg_table table = {opts, nopts, ARGS_FIRST};
	return parse(a, &table, argc, argv);
}
