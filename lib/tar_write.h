/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_write.h - the headers of a tar archive.
 *
 * ustar where it is enough; a PAX header in front of it where a name is too
 * long or a number too large, so that old readers understand most archives
 * whole. The same entry always gives the same bytes.
 */
#ifndef LIB_TAR_WRITE_H
#define LIB_TAR_WRITE_H

#include "lib/buf.h"
#include "lib/tar_entry.h"
#include "lib/tar_sparse.h"

enum {
	TAR_WRITE_NS = 1, /* a PAX record for the nanoseconds of mtime */
};

/*
 * Append the header block(s) of e; e->size bytes of data and tar_padding()
 * zeros are to follow when it is a TAR_FILE. Directories' names end with '/'.
 * Errors stick to out.
 */
void tar_write_header(
	struct buf *out, const struct tar_entry *e, unsigned flags);

/*
 * The same for a file of e->size bytes with holes, in PAX format 1.0: the map
 * of its n regions is appended too. The bytes of the regions are to follow,
 * and tar_padding() of their sum.
 */
void tar_write_sparse(struct buf *out, const struct tar_entry *e,
	unsigned flags, const struct tar_region *v, size_t n);

/*
 * Append the end of an archive of which total bytes were written: two zero
 * blocks, then zeros up to a whole record.
 */
void tar_write_end(struct buf *out, uint64_t total);

#endif
