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

/* what a header says of the file that was compressed */
struct gzip_about {
	uint32_t mtime; /* seconds since the epoch; 0: unknown */
	char name[256]; /* cut when it is longer; "": unknown */
};

/* of the first member; complete when its first byte has come out */
const struct gzip_about *gunzip_about(const struct gunzip *z);

/* CRC-32 of the member that was read last */
uint32_t gunzip_crc(const struct gunzip *z);

/* -------------------------------------------------------------- writing */

/*
 * A stream in pieces that know nothing of each other, so that several threads
 * can make them: a header, any number of blocks, and the end. Each thread
 * needs a compressor of its own.
 */
struct gzip_block;

enum {
	GZIP_LEVEL_MIN = 1, /* fastest */
	GZIP_LEVEL_MAX = 3,
	/* without a name; one and its NUL follow */
	GZIP_HEADER_SIZE = 10,
	GZIP_HEADER_MAX = GZIP_HEADER_SIZE + 256,
	GZIP_LAST_SIZE = 2,
	GZIP_END_SIZE = GZIP_LAST_SIZE + 8,
	/* room for a block of GZIP_BUFFER bytes, whatever they are */
	GZIP_BLOCK_MAX = GZIP_BUFFER + (1 << 12),
};

/* NULL: no memory, or no such level */
struct gzip_block *gzip_block_new(unsigned level);
void gzip_block_free(struct gzip_block *z);

/*
 * Compress n bytes, at most GZIP_BUFFER, to out of GZIP_BLOCK_MAX bytes.
 * Returns the length, a whole number of bytes that others can follow; 0 on a
 * failure that cannot happen.
 */
size_t gzip_block_step(
	struct gzip_block *z, const void *in, size_t n, unsigned char *out);

/* returns its length; about may be NULL: no time and no name */
size_t gzip_header(unsigned char out[GZIP_HEADER_MAX], unsigned level,
	const struct gzip_about *about);

/* the deflate block that ends a stream of blocks */
void gzip_last(unsigned char out[GZIP_LAST_SIZE]);

/* that, and the trailer: crc and size (modulo 2^32) of all the blocks */
void gzip_end(unsigned char out[GZIP_END_SIZE], uint32_t crc, uint32_t size);

/* CRC-32 (ISO 3309) continued from crc; 0 to begin */
uint32_t gzip_crc32(uint32_t crc, const void *p, size_t n);

#endif
