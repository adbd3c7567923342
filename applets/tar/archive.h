/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/archive.h - reading an archive: which members go to a sink.
 *
 * What listing and extracting have in common: pulling the input to its very
 * end, choosing members, limits, counting, and naming what went wrong.
 */
#ifndef APPLETS_TAR_ARCHIVE_H
#define APPLETS_TAR_ARCHIVE_H

#include "applets/tar/tar.h"

/* who gets the members; a failed one is reported by the sink itself */
struct sink {
	void *self;
	/* a member begins; name is its own or what is left by --strip */
	void (*begin)(void *self, const struct tar_entry *e, struct str name);
	/* a piece of its data; offsets grow */
	void (*data)(void *self, struct str data, uint64_t offset);
	/* all of its data was there */
	void (*end)(void *self, const struct tar_entry *e);
	/* its data ended early: undo it */
	void (*abandon)(void *self);
};

/* signal_fd: see input.h */
void archive_read(const struct tar_options *o, struct report *r, int signal_fd,
	const struct sink *sink);

#endif
