/* SPDX-License-Identifier: MIT */
/*
 * lib/zip_write.h - the headers of a zip archive, for output that cannot seek.
 *
 * Pure: headers are appended to a buffer; data between them is the caller's.
 * Sizes and checksum of a file follow its data; Zip64 where 32 bits are not
 * enough. Reference: PKWARE APPNOTE 6.3.10; extended timestamps as Info-ZIP's
 * field "UT" has them.
 */
#ifndef LIB_ZIP_WRITE_H
#define LIB_ZIP_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct zip_write {
	uint64_t at; /* bytes of the archive so far */
	uint64_t members;
	uint64_t offset;      /* of the current member */
	struct buf directory; /* about 60 bytes and the name for each */
};

struct zip_member {
	struct str name; /* directories' names end with '/' */
	uint32_t mode;   /* of stat(2), type included */
	int64_t mtime;
	uint64_t size; /* not packed; exactly so many bytes follow */
	bool deflated; /* its checksum and sizes stand behind the data */
	uint32_t crc;  /* needed in front of stored data, later otherwise */
};

void zip_write_init(struct zip_write *z);
void zip_write_fini(struct zip_write *z);

/*
 * Append the header of a member; its data follows. false: the name has more
 * than 65,535 bytes, and nothing is begun.
 */
bool zip_write_begin(
	struct zip_write *z, struct buf *out, const struct zip_member *m);

/* the data was there, in so many bytes: append what is to stand behind it */
void zip_write_end(struct zip_write *z, struct buf *out,
	const struct zip_member *m, uint64_t packed);

/*
 * Append what stands behind the central directory, z->directory, which the
 * caller puts in front of it. 0 or a negative errno: memory was short.
 */
int zip_write_finish(struct zip_write *z, struct buf *out);

#endif
