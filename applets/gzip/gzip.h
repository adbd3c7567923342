/* SPDX-License-Identifier: MIT */
/*
 * applets/gzip/gzip.h - what the parts of gzip share: options and one file.
 */
#ifndef APPLETS_GZIP_GZIP_H
#define APPLETS_GZIP_GZIP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/applet.h"
#include "lib/gzip.h"
#include "lib/gzip_in.h"

/* GNU gzip's: a warning does not hide an error that came before */
enum { STATUS_OK = 0, STATUS_ERROR = 1, STATUS_WARNING = 2 };

struct gzip_options {
	bool decompress;
	bool test;
	bool list;
	bool to_stdout;
	bool force;
	bool keep;
	bool quiet;
	bool verbose;
	bool recursive;
	bool name;    /* -N */
	bool no_name; /* -n */
	unsigned level;
	const char *suffix;
	int status; /* the exit status so far */
	bool listed_head;
	uint64_t listed;
	uint64_t total_in; /* of -l */
	uint64_t total_out;
	uint64_t total_frame;
};

/* what the help of all three says */
#define GZIP_WORDS                                                           \
	"Files become FILE.gz, and FILE.gz becomes FILE, keeping mode\n"     \
	"and time; the original goes when the result is complete. Without\n" \
	"files, or for -, standard input goes to standard output.\n"         \
	"\n"
#define GZIP_STATUSES                                                      \
	"\n"                                                               \
	"exit status: 0 all is well, 1 something failed, 2 a warning, or " \
	"the\n"                                                            \
	"command line is wrong\n"

/* parse the options, do it all; the exit status */
int gzip_start(const struct applet *applet, struct gzip_options *o, int argc,
	char **argv);

/* a line "gzip: FILE: TEXT" and status 1; a warning only where none is worse */
void gzip_error(struct gzip_options *o, const char *file, const char *text);
void gzip_warn(struct gzip_options *o, const char *file, const char *text);

/* ------------------------------------------------------------- the streams */

/* what went through */
struct gzip_pass {
	uint64_t in;
	uint64_t out;
	struct gzip_about about; /* what the header says or is to say */
	uint32_t crc;            /* reading: of the last member */
};

/*
 * Compress or decompress all of `in` to `out` (-1: nowhere). Both stay open.
 * false: reported.
 */
bool gzip_pack(struct gzip_options *o, const char *file, int in, int out,
	struct gzip_pass *pass);
bool gzip_unpack(struct gzip_options *o, const char *file, int in, int out,
	struct gzip_pass *pass);

/* -------------------------------------------------------------- the files */

/* one operand; "-" is standard input */
void gzip_file(struct gzip_options *o, const char *file);

/* a line of -l */
void gzip_list(struct gzip_options *o, const char *file, const struct stat *st,
	const struct gzip_pass *pass);
void gzip_list_total(const struct gzip_options *o);

#endif
