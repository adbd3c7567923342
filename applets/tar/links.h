/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/links.h - which files with several names were archived already.
 *
 * Bounded: when it is full, further names become files of their own.
 */
#ifndef APPLETS_TAR_LINKS_H
#define APPLETS_TAR_LINKS_H

#include <sys/types.h>

#include "lib/buf.h"
#include "lib/str.h"

struct link_slot {
	dev_t dev;
	ino_t ino;
	uint32_t name; /* offset in names plus 1; 0: free */
	uint32_t len;
};

struct links {
	struct link_slot *slot;
	size_t slots; /* a power of two, or 0 */
	size_t used;
	struct buf names;
};

void links_init(struct links *l);
void links_fini(struct links *l);

/*
 * The name that dev and ino were archived under, or p == NULL: then it is
 * remembered as `name`. Valid until the next call.
 */
struct str links_seen(struct links *l, dev_t dev, ino_t ino, struct str name);

#endif
