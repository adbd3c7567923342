/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip.h - gzip streams (RFC 1952), both ways, as pure state machines.
 *
 * input: untrusted
 *
 * Bytes in, bytes out, no I/O: the caller owns both buffers and may cut the
 * streams anywhere. Headers and trailers are handled here; ISA-L does the raw
 * deflate and inflate and the CRC. Nothing grows with the input.
 */
#ifndef LIB_GZIP_H
#define LIB_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Level 1 stores what does not compress only when both buffers are large:
 * with less than this, incompressible input grows and is slow to inflate.
 */
enum { GZIP_BUFFER = 1 << 20 };

enum gzip_error {
	GZIP_OK = 0,
	GZIP_NOT_GZIP = -1, /* the first bytes are no gzip header */
	GZIP_HEADER = -2,   /* unknown method or reserved flags */
	GZIP_DATA = -3,     /* invalid deflate data */
	GZIP_CRC = -4,
	GZIP_SIZE = -5,
	GZIP_CUT = -6, /* the input ends inside a member */
	GZIP_EMPTY = -7,
};

/* what a code means, in words for a message */
const char *gzip_error_text(int error);

/* both are moved forward over what was read and written */
struct gzip_io {
	const unsigned char *in;
	size_t in_n;
	unsigned char *out;
	size_t out_n;
};

/* -------------------------------------------------------------- reading */

struct gunzip;

/* NULL: no memory; for gunzip_free() */
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *z);

/*
 * Read from io->in until it is used up or io->out is full. 0, or an error
 * that stays. Members follow each other; zeros after a member are padding;
 * other bytes there are passed over and noted (gunzip_trailing()).
 */
int gunzip_step(struct gunzip *z, struct gzip_io *io);

/*
 * The input has ended and gunzip_step() left room in its output: was it
 * whole? GZIP_OK means that the CRC and the size of every member were right.
 */
int gunzip_end(const struct gunzip *z);

/* bytes that are neither a member nor padding followed the last member */
bool gunzip_trailing(const struct gunzip *z);

/* -------------------------------------------------------------- writing */

struct gzip;

struct gzip *gzip_new(void);
void gzip_free(struct gzip *z);

/*
 * Compress from io->in to io->out. With finish, the rest of the stream and
 * its trailer follow; call again with room until it returns true.
 */
bool gzip_step(struct gzip *z, struct gzip_io *io, bool finish);

/* ------------------------------------------- writing, one block at a time */

/*
 * A stream in pieces that know nothing of each other, so that several threads
 * can make them: GZIP_HEADER_SIZE bytes of header, any number of blocks, and
 * the end. Each thread needs a compressor of its own.
 */
struct gzip_block;

enum {
	GZIP_HEADER_SIZE = 10,
	GZIP_END_SIZE = 10,
	/* room for a block of GZIP_BUFFER bytes, whatever they are */
	GZIP_BLOCK_MAX = GZIP_BUFFER + (1 << 12),
};

struct gzip_block *gzip_block_new(void);
void gzip_block_free(struct gzip_block *z);

/*
 * Compress n bytes, at most GZIP_BUFFER, to out of GZIP_BLOCK_MAX bytes.
 * Returns the length, a whole number of bytes that others can follow; 0 on a
 * failure that cannot happen.
 */
size_t gzip_block_step(
	struct gzip_block *z, const void *in, size_t n, unsigned char *out);

void gzip_header(unsigned char out[GZIP_HEADER_SIZE]);

/* crc and size (modulo 2^32) of all that is in the blocks */
void gzip_end(unsigned char out[GZIP_END_SIZE], uint32_t crc, uint32_t size);

/* CRC-32 (ISO 3309) continued from crc; 0 to begin */
uint32_t gzip_crc32(uint32_t crc, const void *p, size_t n);

#endif
