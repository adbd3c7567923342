/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/create.h - an archive being made: state, and what files become.
 */
#ifndef APPLETS_TAR_CREATE_H
#define APPLETS_TAR_CREATE_H

#include <sys/stat.h>

#include "applets/tar/ids.h"
#include "applets/tar/lines.h"
#include "applets/tar/links.h"
#include "applets/tar/tar.h"
#include "applets/tar/walk.h"
#include "lib/gzip_out.h"
#include "lib/progress.h"
#include "lib/zip_write.h"

struct create {
	const struct tar_options *o;
	struct report *r;
	struct gzip_out out;
	struct lines lines;
	struct walk walk;
	struct links links;
	struct ids users;
	struct ids groups;
	struct buf header;
	struct buf path;     /* of what is looked at, as the operand began it */
	struct buf target;   /* of a symbolic link */
	size_t skip;         /* bytes of path that are not in member names */
	dev_t device;        /* of the operand */
	struct stat archive; /* the archive itself, not to be put into it */
	bool told_prefix;
	struct progress progress;

	/* of the member that is being written */
	struct buf xattrs;  /* as PAX records */
	struct buf regions; /* of a sparse file: struct tar_region */
	struct zip_write zip;
	struct zip_member zip_member;

	unsigned flags; /* TAR_WRITE_* */
	bool only_newer;
	struct timespec newer; /* what changed after it */
	bool fixed_time;
	struct timespec time;
	bool fixed_user;
	bool fixed_group;
	uint32_t uid;
	uint32_t gid;
	struct str user;
	struct str group;
};

/* where it is, as the operand began it; and its name in the archive */
const char *create_path(struct create *c);
struct str create_name(struct create *c);

/* a file or directory that cannot be read; see --ignore-failed-read */
void create_fail(struct create *c, const char *what, int err);

/* ------------------------------------------- member.c: what files become */

/* the second name of a file that is in the archive already: a link to it */
bool member_hard_link(struct create *c, const struct stat *st);

/* a file with its data; fd stays the caller's */
void member_file(struct create *c, int fd, const struct stat *st);

/* the rest are headers only; a link is read by its name */
void member_dir(struct create *c, int fd, const struct stat *st);
void member_symlink(
	struct create *c, int dir, const char *name, const struct stat *st);
void member_special(struct create *c, const struct stat *st);

/* what stands at the end of an archive */
void member_end_archive(struct create *c);

#endif
