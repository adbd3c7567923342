/* SPDX-License-Identifier: MIT */
/*
 * lib/part_file.h - a file that gets its name only when it is complete.
 *
 * Until then it stands beside that name as NAME.RANDOM.part.
 */
#ifndef LIB_PART_FILE_H
#define LIB_PART_FILE_H

#include <stdbool.h>
#include <sys/types.h>

struct part_file {
	int fd; /* to write to; -1: none */
	const char *path;
	char name[4096]; /* "": there is no temporary file */
};

/* make it beside path, which is borrowed; 0 or a negative errno */
int part_file_open(struct part_file *p, const char *path, mode_t mode);

/*
 * Close it and give it its name, replacing what has that name or, without
 * replace, failing with -EEXIST. 0 or a negative errno; gone when it failed.
 */
int part_file_keep(struct part_file *p, bool replace);

/* close and remove it; nothing happens when there is none */
void part_file_drop(struct part_file *p);

/*
 * From now on SIGINT, SIGTERM and SIGHUP, unless they are ignored, remove the
 * file that is open at that time, and end the process as they always do. For
 * programs with one such file at a time.
 */
void part_file_drop_on_signals(void);

#endif
