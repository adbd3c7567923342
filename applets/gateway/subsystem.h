/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/subsystem.h - the directories that data goes to and comes
 * from.
 *
 * input: untrusted
 */
#ifndef APPLETS_GATEWAY_SUBSYSTEM_H
#define APPLETS_GATEWAY_SUBSYSTEM_H

#include "applets/gateway/gateway.h"

enum { SUBSYSTEM_NAME_MAX = 4096 };

/*
 * Is name one of the two roots or a path below one? NULL, or what is wrong,
 * in text.
 */
const char *subsystem_fault(
	const struct gateway *g, struct str name, char *text, size_t size);

struct subsystem_dir {
	struct buf path;  /* below the root of the gateway */
	size_t made_from; /* length of the first path that was missing */
};

void subsystem_init(struct subsystem_dir *d);
void subsystem_fini(struct subsystem_dir *d);

/* make the directory; a descriptor of it or a negative errno */
int subsystem_open(const struct gateway *g, struct subsystem_dir *d);
/* remove what that made, as far as nobody has filled it */
void subsystem_unmake(const struct gateway *g, struct subsystem_dir *d);

/* what a client's name cannot be is its mistake (400), the rest ours (500) */
int subsystem_status(int err);

#endif
