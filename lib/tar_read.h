/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_read.h - a tar stream as events, whatever dialect it is in.
 *
 * input: untrusted
 *
 * Pure: bytes in, events out, cut anywhere. v7, ustar, PAX (x and g), GNU
 * long names, base-256 numbers and sparse files. What is ambiguous is refused
 * rather than guessed. Memory is bounded by TAR_META_MAX a header.
 *
 *     tar_read_feed(r, bytes, n);
 *     while ((event = tar_read_next(r)) != TAR_MORE) ...
 */
#ifndef LIB_TAR_READ_H
#define LIB_TAR_READ_H

#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tar_entry.h"
#include "lib/tar_pax.h"
#include "lib/tar_sparse.h"

enum tar_event {
	TAR_MORE,      /* everything fed is used up */
	TAR_ENTRY,     /* entry is filled in, valid until TAR_ENTRY_END */
	TAR_DATA,      /* data is the next piece, data_offset its place */
	TAR_ENTRY_END, /* the entry's data was complete */
	TAR_END,       /* end of the archive; what is fed later is ignored */
	TAR_ERROR,     /* see fault, error and entry.name; it stays */
};

enum tar_fault {
	TAR_FAULT_NONE,
	TAR_FAULT_FORMAT, /* not a tar archive, or a broken one */
	TAR_FAULT_CUT,    /* the input ended too early */
	TAR_FAULT_EMPTY,  /* there was no input at all */
	TAR_FAULT_LIMIT,  /* larger than we are willing to hold */
	TAR_FAULT_MEMORY,
};

struct tar_read {
	struct tar_entry entry;
	struct str data; /* points into what was fed */
	uint64_t data_offset;

	enum tar_fault fault;
	const char *error;
	bool no_end;    /* the input ended without an end marker */
	bool lone_zero; /* the end marker was a single zero block */

	/* the rest is private */
	int state;
	const char *in;
	size_t in_n;
	char block[TAR_BLOCK];
	size_t have;
	bool first;       /* nothing but headers of headers was seen yet */
	bool zero;        /* the last block was zeros */
	bool pending;     /* an extended header waits for its member */
	const char *note; /* for the entry to come */
	char meta_flag;
	uint64_t left; /* payload bytes to come */
	uint64_t pad;  /* and the padding behind them */
	struct buf meta;
	struct buf name;   /* prefix and name of a ustar header */
	char text[4][104]; /* fields of the header, NUL added */
	struct tar_pax global;
	struct tar_pax local;
	struct tar_text long_name; /* GNU L and K */
	struct tar_text long_link;
	struct tar_text sparse_name;
	struct tar_sparse sparse;
};

/* large: keep it off the stack. It holds memory until _fini */
void tar_read_init(struct tar_read *r);
void tar_read_fini(struct tar_read *r);

/* hand over bytes, which must live until TAR_MORE is returned */
void tar_read_feed(struct tar_read *r, const void *p, size_t n);

enum tar_event tar_read_next(struct tar_read *r);

/* the input has ended: TAR_END when it may end here, or TAR_ERROR */
enum tar_event tar_read_eof(struct tar_read *r);

#endif
