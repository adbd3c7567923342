/* SPDX-License-Identifier: MIT */
/*
 * init/mountinfo.h - the text of /proc/self/mountinfo (proc(5)).
 *
 * input: untrusted (mount points are named by others). Pure.
 */
#ifndef INIT_MOUNTINFO_H
#define INIT_MOUNTINFO_H

#include <stddef.h>

#include "lib/str.h"

/* every str points into the line; target still has its octal escapes */
struct mountinfo {
	struct str target;
	struct str options; /* of this mount: "rw,nosuid,..." */
	struct str type;
};

/* one line without its newline; false: not an entry */
bool mountinfo_parse(struct str line, struct mountinfo *out);

/*
 * Resolve the escapes of proc(5) (backslash and three octal digits) into
 * dst of cap bytes with a NUL. Returns the length, or cap when it does not
 * fit.
 */
size_t mountinfo_unescape(char *dst, size_t cap, struct str text);

/* the last, thus visible, mount on this target; false: none */
bool mountinfo_find(struct str text, const char *target, struct mountinfo *out);

#endif
