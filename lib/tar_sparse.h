/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_sparse.h - which parts of a sparse file an archive holds.
 *
 * input: untrusted
 *
 * The map is a list of regions with data; what lies between them are holes.
 * The regions follow each other in the archive without padding between them.
 * Formats: old GNU (type S), PAX 0.0, 0.1 and 1.0. Reference: GNU tar manual,
 * "Storing Sparse Files".
 */
#ifndef LIB_TAR_SPARSE_H
#define LIB_TAR_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tar_entry.h"
#include "lib/tar_pax.h"

struct tar_region {
	uint64_t offset;
	uint64_t n;
};

struct tar_sparse {
	bool pax;       /* records of a PAX format were seen */
	bool map_first; /* PAX 1.0: the map stands before the data */
	bool has_size;
	uint64_t size;      /* of the whole file */
	struct buf regions; /* struct tar_region */
	bool half;          /* PAX 0.0: an offset waits for its length */

	/* reading the map of PAX 1.0 */
	bool has_count;
	uint64_t numbers_left;
	uint64_t number;
	bool has_digit;

	/* delivering the data */
	size_t at;
	uint64_t done; /* bytes of region at that were delivered */
};

void tar_sparse_init(struct tar_sparse *s);
void tar_sparse_fini(struct tar_sparse *s);
void tar_sparse_clear(struct tar_sparse *s);

/* NULL, or what is wrong */
const char *tar_sparse_add(struct tar_sparse *s, uint64_t offset, uint64_t n);

/* a "GNU.sparse." record, key without that; name is where a name goes */
const char *tar_sparse_record(struct tar_sparse *s, struct str key,
	struct str value, struct tar_text *name);

/* count descriptors of an old GNU header; an empty one ends them */
const char *tar_sparse_old(
	struct tar_sparse *s, const char *descriptors, size_t count);

/*
 * PAX 1.0: one block of the map. *done becomes true with the block in which
 * it ends.
 */
const char *tar_sparse_block(
	struct tar_sparse *s, const char block[TAR_BLOCK], bool *done);

/* is the map whole, in order, inside the file, and as long as the data? */
const char *tar_sparse_check(const struct tar_sparse *s, uint64_t stored);

/*
 * Where the next byte of data belongs; *n becomes how many of the n bytes
 * belong there in one piece. false: no region is left.
 */
bool tar_sparse_next(struct tar_sparse *s, size_t *n, uint64_t *offset);

#endif
