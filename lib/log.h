/* SPDX-License-Identifier: MIT */
/*
 * lib/log.h - the one logger: an event is a line, a line is one write(2).
 *
 * "gateway: warn: server files: exit 1 after 312 ms". Lower case, no full
 * stop, numbers with units, never a secret. Lines go to descriptor 2 and are
 * cut at LOG_LINE bytes; control characters, and what is not UTF-8, are
 * replaced, so that what a client sent cannot forge a line. CORACLE_LOG sets the level (error, warn,
 * info, debug; info by default), CORACLE_LOG_FORMAT=json gives the same
 * fields as one JSON object a line.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>

#include "lib/str.h"

enum { LOG_LINE = 1024 };

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* program: a literal that starts each line; reads the two variables above */
void log_init(const char *program);

/* would a line of this level be written? */
bool log_on(enum log_level level);

void log_at(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* what a program would look for in a line */
struct log_field {
	const char *key;
	struct str value;
};

/*
 * "message key=value ..."; with CORACLE_LOG_FORMAT=json each field is a member
 * of the object. Values are cut at 200 bytes.
 */
void log_event(enum log_level level, const char *message,
	const struct log_field *fields, size_t n);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                  \
	do {                                            \
		if (log_on(LOG_DEBUG))                  \
			log_at(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
