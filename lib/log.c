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
#include "lib/utf8.h"

enum { FIELD_MAX = 200, EXTRA_MAX = 768 };

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

/*
 * A terminal or a log reader must not be steered by what a client sent: no
 * control characters (C1 in UTF-8 too) and nothing that is not UTF-8.
 */
static void blank_unprintable(char *p, size_t n)
{
	const char *end = p + n;
	while (p < end) {
		size_t len = utf8_len(p, end);
		bool c0 = (unsigned char)*p < 0x20 || *p == 0x7f;
		bool c1 = *p == '\xc2' && len == 2 && (p[1] & 0xe0) == 0x80;
		if (len == 0 || c0)
			*p = '?';
		else if (c1)
			memset(p, '?', 2);
		p += len ? len : 1;
	}
}

/* n, less what is left of a character that the end cut through */
static size_t whole_characters(const char *p, size_t n)
{
	size_t at = n;
	while (at && (p[at - 1] & 0xc0) == 0x80)
		at--;
	return at && utf8_len(p + at - 1, p + n) == 0 ? at - 1 : n;
}

static void escape_json(char *dst, size_t cap, const char *p)
{
	const char *end = p + strlen(p);
	size_t n = 0;
	while (p < end) {
		size_t len = utf8_len(p, end);
		if (n + len + 2 > cap)
			break;
		if (*p == '"' || *p == '\\')
			dst[n++] = '\\';
		memcpy(dst + n, p, len);
		n += len;
		p += len;
	}
	dst[n] = '\0';
}

/* extra: further members, each with a comma before it */
static size_t line_json(char *line, enum log_level level, const char *message,
	const char *extra)
{
	char text[LOG_LINE];
	char when[CLOCK_ISO_SIZE];
	unsigned ms;
	int64_t now = clock_wall(&ms);
	clock_iso(when, now, ms);
	escape_json(text, sizeof(text) - 128, message);
	return fmt_str(line, LOG_LINE,
		"{\"time\":\"%s\",\"program\":\"%s\",\"level\":\"%s\","
		"\"message\":\"%s\"%s}",
		when, log_program, level_names[level], text, extra);
}

/* one write(2), so that lines of several processes do not mix */
static void write_line(
	enum log_level level, const char *message, const char *extra)
{
	char line[LOG_LINE + 1];
	size_t n;
	if (log_json)
		n = line_json(line, level, message, extra);
	else if (level == LOG_INFO)
		n = fmt_str(line, LOG_LINE, "%s: %s%s", log_program, message,
			extra);
	else
		n = fmt_str(line, LOG_LINE, "%s: %s: %s%s", log_program,
			level_names[level], message, extra);
	n = whole_characters(line, size_min(n, LOG_LINE - 1));
	line[n++] = '\n';
	/* a log that cannot be written must not stop the program */
	ssize_t r = write(STDERR_FILENO, line, n);
	(void)r;
}

void log_at(enum log_level level, const char *format, ...)
{
	char message[LOG_LINE];
	va_list args;
	if (!log_on(level))
		return;
	va_start(args, format);
	size_t n = fmt_vstr(message, sizeof(message), format, args);
	va_end(args);
	blank_unprintable(message, size_min(n, sizeof(message) - 1));
	write_line(level, message, "");
}

void log_event(enum log_level level, const char *message,
	const struct log_field *fields, size_t n)
{
	char extra[EXTRA_MAX] = "";
	char value[FIELD_MAX + 1];
	char escaped[2 * FIELD_MAX + 3];
	size_t at = 0;
	if (!log_on(level))
		return;
	for (size_t i = 0; i < n; i++) {
		struct str v = str_first(fields[i].value, FIELD_MAX);
		if (v.n)
			memcpy(value, v.p, v.n);
		value[v.n] = '\0';
		blank_unprintable(value, v.n);
		escape_json(escaped, sizeof(escaped), value);
		size_t need = strlen(fields[i].key) + strlen(escaped) + 6;
		if (need > sizeof(extra) - at)
			break; /* whole fields or none: a line is an object */
		at += fmt_str(extra + at, sizeof(extra) - at,
			log_json ? ",\"%s\":\"%s\"" : " %s=%s", fields[i].key,
			log_json ? escaped : value);
	}
	write_line(level, message, extra);
}
