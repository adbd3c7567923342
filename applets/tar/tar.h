/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/tar.h - what the parts of tar share: options and the outcome.
 */
#ifndef APPLETS_TAR_TAR_H
#define APPLETS_TAR_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/args.h"
#include "lib/buf.h"
#include "lib/progress.h"
#include "lib/str.h"
#include "lib/tar_entry.h"

/* names that begin so are being extracted right now: never ours to touch */
#define STAGE_PREFIX ".coracle-stage-"
enum { STAGE_DIGITS = 16 }; /* hexadecimal, behind the prefix */

enum { STATUS_OK = 0, STATUS_CHANGED = 1, STATUS_FATAL = 2 };

/* a -C and how many operands stood before it */
struct chdir_option {
	const char *dir;
	size_t operands;
};

struct tar_options {
	bool create;
	bool extract;
	bool list;
	bool gzip;
	bool verbose;
	bool keep_modes;
	bool keep_old;
	bool same_owner;
	bool numeric_owner;
	bool totals;
	bool one_file_system;
	bool atomic;
	bool strict;
	bool ignore_missing;
	bool special;
	bool sparse;
	bool xattrs;
	bool ignore_failed_read;
	const char *newer;
	bool no_recursion;
	bool zip;       /* a zip archive, not tar */
	unsigned level; /* of compression; 0: the fastest */
	const char *file;
	const char *sort;
	const char *mtime;
	const char *owner;
	const char *group;
	const char *format;
	struct arg_list exclude;
	struct arg_list files_from;
	struct chdir_option *chdirs;
	size_t nchdirs;
	uint64_t strip;
	uint64_t max_size;
	uint64_t max_entries;
	uint64_t max_ratio;
	uint64_t status_fd;

	/* operands, those of -T behind the others */
	const char **names;
	size_t nnames;
	struct buf names_text; /* memory of those that -T gave */
};

/* why it failed, for a program that reads the status line */
enum fail_kind {
	FAIL_NONE,
	FAIL_GZIP,
	FAIL_TAR,
	FAIL_UNSAFE,
	FAIL_CONFLICT,
	FAIL_IO,
	FAIL_LIMIT,
	FAIL_CUT,
	FAIL_INTERRUPTED,
	FAIL_EMPTY,
};

/* how it goes: messages are printed at once, the first failure is kept */
struct report {
	int status;     /* exit status so far */
	bool stop;      /* nothing more is to be done */
	bool all_fatal; /* every failure stops */
	enum fail_kind kind;
	uint64_t entries;
	uint64_t files;
	uint64_t bytes;
	uint64_t warnings;
	struct progress *progress; /* its line gives way to messages; or NULL */
	struct buf notes; /* the first warnings as JSON objects, with commas */
	bool notes_full;
	char member[300];
	char error[400];
};

void report_init(struct report *r);
void report_fini(struct report *r);

/* a member failed, or the whole when member is NULL; status becomes 2 */
void report_fail(struct report *r, enum fail_kind kind, const char *member,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* the same with "MEMBER: WHAT: STRERROR", and the kind that err belongs to */
void report_errno(
	struct report *r, const char *member, const char *what, int err);

/* worth a line; the status stays */
void report_warn(struct report *r, const char *member, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* a file changed while it was read: a line, and status 1 */
void report_changed(struct report *r, const char *member, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/* write the JSON status line to fd */
void report_line(const struct report *r, int fd, bool create);

/* ------------------------------------------------------------- names */

/* a name with control bytes, backslashes and broken UTF-8 escaped */
void name_quote(struct buf *out, struct str name);

/* without its first n components; p == NULL when nothing is left */
struct str name_strip(struct str name, uint64_t n);

/*
 * The name as components below the target: no leading slash, no empty or "."
 * component, ".." resolved. out holds PATH_LEN_MAX + 1 bytes; "" is the
 * target itself. 0, -EXDEV when it climbs out, -ENAMETOOLONG.
 */
int name_clean(struct str name, char *out);

/* is this component the name of a staging directory, or one of a path? */
bool name_is_stage(struct str name);
bool name_in_stage(struct str name);

/* does one of the --exclude patterns match it or a directory on its way? */
bool name_excluded(const struct tar_options *o, struct str name);

/* index of the operand that names it or a directory above it, or nnames */
size_t name_selected(const struct tar_options *o, struct str name);

/* --------------------------------------------------------- the three jobs */

/* one line of `tar -tv` */
void list_line(struct buf *out, const struct tar_entry *e, bool numeric);

void tar_list(const struct tar_options *o, struct report *r);
void tar_extract(const struct tar_options *o, struct report *r);
void tar_create(const struct tar_options *o, struct report *r);

/* one more operand; dies when memory is short */
void tar_add_name(struct tar_options *o, const char *name);

/* dies where options exclude each other or a value is none */
void tar_check(const struct tar_options *o);

/* the totals and the status line; the exit status */
int tar_conclude(const struct tar_options *o, const struct report *r);

void tar_options_fini(struct tar_options *o);

/* "@SECONDS" or "YYYY-MM-DD[ T]HH:MM[:SS]" in UTC */
bool tar_parse_date(const char *text, struct timespec *out);

#endif
