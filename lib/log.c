/* SPDX-License-Identifier: MIT */
/* lib/log.c - the one logger; no stdio, no allocation. */
#include "lib/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/size.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static const char *log_program = "coracle";
static enum log_level log_limit = LOG_INFO;
static bool log_json;

void log_init(const char *program)
{
	log_program = program;
	log_limit = LOG_INFO;
	const char *wanted = getenv("CORACLE_LOG");
	for (size_t i = 0; wanted && i < ARRAY_LEN(level_names); i++)
		if (strcmp(wanted, level_names[i]) == 0)
			log_limit = (enum log_level)i;
	const char *form = getenv("CORACLE_LOG_FORMAT");
	log_json = form && strcmp(form, "json") == 0;
}

bool log_on(enum log_level level)
{
	return level <= log_limit;
}

/* a terminal or a log reader must not be steered by what a client sent */
static void blank_controls(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
}

static size_t escape_json(char *dst, size_t cap, const char *p)
{
	size_t n = 0;
	for (; *p && n + 2 < cap; p++) {
		if (*p == '"' || *p == '\\')
			dst[n++] = '\\';
		dst[n++] = *p;
	}
	dst[n] = '\0';
	return n;
}

static size_t line_json(char *line, enum log_level level, const char *message)
{
	char text[LOG_LINE];
	char when[CLOCK_ISO_SIZE];
	unsigned ms;
	int64_t now = clock_wall(&ms);
	clock_iso(when, now, ms);
	escape_json(text, sizeof(text) - 128, message);
	return fmt_str(line, LOG_LINE,
		"{\"time\":\"%s\",\"program\":\"%s\",\"level\":\"%s\","
		"\"message\":\"%s\"}",
		when, log_program, level_names[level], text);
}

void log_at(enum log_level level, const char *format, ...)
{
	char message[LOG_LINE];
	char line[LOG_LINE + 1];
	va_list args;
	if (!log_on(level))
		return;
	va_start(args, format);
	size_t n = fmt_vstr(message, sizeof(message), format, args);
	va_end(args);
	blank_controls(message, size_min(n, sizeof(message) - 1));
	if (log_json)
		n = line_json(line, level, message);
	else if (level == LOG_INFO)
		n = fmt_str(line, LOG_LINE, "%s: %s", log_program, message);
	else
		n = fmt_str(line, LOG_LINE, "%s: %s: %s", log_program,
			level_names[level], message);
	n = size_min(n, LOG_LINE - 1);
	line[n++] = '\n';
	/* a log that cannot be written must not stop the program */
	ssize_t r = write(STDERR_FILENO, line, n);
	(void)r;
}
