/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip.c - gzip streams over ISA-L; the only file that includes it.
 *
 * input: untrusted
 *
 * RFC 1952. Optional header fields are passed over byte by byte, so their
 * length costs no memory. FHCRC is read and not compared: the header carries
 * nothing that is used.
 */
#include "lib/gzip.h"

#include <string.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "lib/mem.h"
#include "lib/size.h"

enum {
	ID1 = 0x1f,
	ID2 = 0x8b,
	METHOD_DEFLATE = 8,
	FLAG_HCRC = 1 << 1,
	FLAG_EXTRA = 1 << 2,
	FLAG_NAME = 1 << 3,
	FLAG_COMMENT = 1 << 4,
	FLAG_RESERVED = 0xe0,
	XFL_SMALLEST = 2,
	XFL_FASTEST = 4,
	FIXED_SIZE = 10,
	TRAILER_SIZE = 8,
	/* ISA-L counts in 32 bits; longer buffers are taken in parts */
	STEP_MAX = 1 << 30,
};

enum state {
	ST_FIXED, /* the first ten bytes of a header */
	ST_EXTRA_LEN,
	ST_EXTRA,
	ST_NAME,
	ST_COMMENT,
	ST_HCRC,
	ST_BODY,
	ST_TRAILER,
	ST_PADDING, /* zeros behind a member */
	ST_IGNORE,  /* garbage behind a member */
};

struct gunzip {
	enum state state;
	int error;
	bool first; /* no member has ended yet */
	bool trailing;
	uint8_t flags; /* of the member's header, those left to do */
	uint8_t small[FIXED_SIZE]; /* fixed header, length or trailer */
	size_t have;               /* bytes in small */
	size_t extra;              /* bytes of FEXTRA left */
	uint32_t crc;
	uint32_t size; /* modulo 2^32, as the trailer has it */
	struct gzip_about about;
	size_t name_n; /* bytes in about.name */
	struct inflate_state inflate;
};

const char *gzip_error_text(int error)
{
	switch ((enum gzip_error)error) {
	case GZIP_OK:
		return "no error";
	case GZIP_NOT_GZIP:
		return "not in gzip format";
	case GZIP_HEADER:
		return "gzip header with unknown method or flags";
	case GZIP_DATA:
		return "invalid compressed data";
	case GZIP_CRC:
		return "invalid compressed data: checksum mismatch";
	case GZIP_SIZE:
		return "invalid compressed data: length mismatch";
	case GZIP_CUT:
		return "unexpected end of compressed data";
	case GZIP_EMPTY:
		return "no data";
	}
	return "unknown error";
}

struct gunzip *gunzip_new(void)
{
	struct gunzip *z = mem_new(sizeof(*z));
	if (z)
		z->first = true;
	return z;
}

void gunzip_free(struct gunzip *z)
{
	mem_free(z);
}

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void skip(struct gzip_io *io, size_t n)
{
	io->in += n;
	io->in_n -= n;
}

/* collect bytes into small; true when n of them or more are there */
static bool collect(struct gunzip *z, struct gzip_io *io, size_t n)
{
	while (z->have < n && io->in_n) {
		z->small[z->have++] = *io->in;
		skip(io, 1);
	}
	return z->have >= n;
}

/* the optional field that comes next, by the flags not dealt with yet */
static void next_field(struct gunzip *z)
{
	z->have = 0;
	if (z->flags & FLAG_EXTRA) {
		z->flags &= (uint8_t)~FLAG_EXTRA;
		z->state = ST_EXTRA_LEN;
	} else if (z->flags & FLAG_NAME) {
		z->flags &= (uint8_t)~FLAG_NAME;
		z->state = ST_NAME;
	} else if (z->flags & FLAG_COMMENT) {
		z->flags &= (uint8_t)~FLAG_COMMENT;
		z->state = ST_COMMENT;
	} else if (z->flags & FLAG_HCRC) {
		z->flags &= (uint8_t)~FLAG_HCRC;
		z->state = ST_HCRC;
	} else {
		z->state = ST_BODY;
		z->crc = 0;
		z->size = 0;
		isal_inflate_init(&z->inflate);
	}
}

/* what stands where a later member could begin is none: pass over it */
static void to_ignore(struct gunzip *z)
{
	z->trailing = true;
	z->state = ST_IGNORE;
}

static int step_fixed(struct gunzip *z, struct gzip_io *io)
{
	static const uint8_t magic[2] = {ID1, ID2};
	for (size_t i = 0; i < 2; i++) {
		if (!collect(z, io, i + 1))
			return 0;
		if (z->small[i] == magic[i])
			continue;
		if (z->first)
			return GZIP_NOT_GZIP;
		if (i == 0 && z->small[0] == 0)
			z->state = ST_PADDING;
		else
			to_ignore(z);
		return 0;
	}
	if (!collect(z, io, FIXED_SIZE))
		return 0;
	if (z->small[2] != METHOD_DEFLATE || z->small[3] & FLAG_RESERVED)
		return GZIP_HEADER;
	z->flags = z->small[3];
	if (z->first)
		z->about.mtime = get_le32(z->small + 4);
	next_field(z);
	return 0;
}

static void step_extra(struct gunzip *z, struct gzip_io *io)
{
	size_t n = size_min(z->extra, io->in_n);
	skip(io, n);
	z->extra -= n;
	if (z->extra == 0)
		next_field(z);
}

/* what fits of the first member's name; it is zeroed from the start */
static void keep_name(struct gunzip *z, const unsigned char *p, size_t n)
{
	n = size_min(n, sizeof(z->about.name) - 1 - z->name_n);
	memcpy(z->about.name + z->name_n, p, n);
	z->name_n += n;
}

/* FNAME and FCOMMENT end with a zero byte */
static void step_text(struct gunzip *z, struct gzip_io *io)
{
	const unsigned char *end = memchr(io->in, 0, io->in_n);
	size_t n = end ? (size_t)(end - io->in) : io->in_n;
	if (z->first && z->state == ST_NAME)
		keep_name(z, io->in, n);
	skip(io, n + (end ? 1 : 0));
	if (end)
		next_field(z);
}

/*
 * The bits behind the end of the deflate data that ISA-L has read already:
 * their whole bytes are the beginning of the trailer. They may have come in
 * an earlier buffer, so they are taken from its state, not from the input.
 */
static void take_back(struct gunzip *z)
{
	struct inflate_state *s = &z->inflate;
	uint64_t bits = s->read_in;
	int32_t left = s->read_in_length;
	bits >>= left % 8;
	z->have = 0;
	for (; left >= 8; left -= 8, bits >>= 8)
		z->small[z->have++] = (uint8_t)bits;
	z->state = ST_TRAILER;
}

static int step_body(struct gunzip *z, struct gzip_io *io)
{
	struct inflate_state *s = &z->inflate;
	uint32_t in_n = (uint32_t)size_min(io->in_n, STEP_MAX);
	uint32_t out_n = (uint32_t)size_min(io->out_n, STEP_MAX);
	/* ISA-L only reads through it, whatever the type says */
	s->next_in = (uint8_t *)(uintptr_t)io->in;
	s->avail_in = in_n;
	s->next_out = io->out;
	s->avail_out = out_n;
	int r = isal_inflate(s);
	if (r < 0)
		return GZIP_DATA;
	size_t written = out_n - s->avail_out;
	z->crc = crc32_gzip_refl(z->crc, io->out, written);
	z->size += (uint32_t)written;
	io->out += written;
	io->out_n -= written;
	skip(io, in_n - s->avail_in);
	if (s->block_state == ISAL_BLOCK_FINISH)
		take_back(z);
	return 0;
}

static int step_trailer(struct gunzip *z, struct gzip_io *io)
{
	if (!collect(z, io, TRAILER_SIZE))
		return 0;
	if (get_le32(z->small) != z->crc)
		return GZIP_CRC;
	if (get_le32(z->small + 4) != z->size)
		return GZIP_SIZE;
	z->first = false;
	z->have = 0;
	z->state = ST_FIXED;
	return 0;
}

static void step_padding(struct gunzip *z, struct gzip_io *io)
{
	while (io->in_n && *io->in == 0)
		skip(io, 1);
	if (io->in_n)
		to_ignore(z);
}

static int step_once(struct gunzip *z, struct gzip_io *io)
{
	switch (z->state) {
	case ST_FIXED:
		return step_fixed(z, io);
	case ST_EXTRA_LEN:
		if (!collect(z, io, 2))
			return 0;
		z->extra = (size_t)z->small[0] | (size_t)z->small[1] << 8;
		z->state = ST_EXTRA;
		return 0;
	case ST_EXTRA:
		step_extra(z, io);
		return 0;
	case ST_NAME:
	case ST_COMMENT:
		step_text(z, io);
		return 0;
	case ST_HCRC:
		if (collect(z, io, 2))
			next_field(z);
		return 0;
	case ST_BODY:
		return step_body(z, io);
	case ST_TRAILER:
		return step_trailer(z, io);
	case ST_PADDING:
		step_padding(z, io);
		return 0;
	case ST_IGNORE:
		skip(io, io->in_n);
		return 0;
	}
	return 0;
}

int gunzip_step(struct gunzip *z, struct gzip_io *io)
{
	/*
	 * A body may give output without input (what did not fit the last
	 * time) and a trailer may be complete already; other states need input.
	 */
	while (z->error == 0) {
		size_t in_n = io->in_n;
		size_t out_n = io->out_n;
		enum state state = z->state;
		if (state == ST_BODY ? out_n == 0
				     : in_n == 0 && state != ST_TRAILER)
			break;
		z->error = step_once(z, io);
		if (io->in_n != in_n || io->out_n != out_n || z->state != state)
			continue;
		/* neither reads nor writes although it could do both */
		if (z->error == 0 && in_n && out_n)
			z->error = GZIP_DATA;
		break;
	}
	return z->error;
}

int gunzip_end(const struct gunzip *z)
{
	if (z->error)
		return z->error;
	switch (z->state) {
	case ST_PADDING:
	case ST_IGNORE:
		return GZIP_OK;
	case ST_FIXED:
		if (z->have == 0)
			return z->first ? GZIP_EMPTY : GZIP_OK;
		return GZIP_CUT;
	case ST_EXTRA_LEN:
	case ST_EXTRA:
	case ST_NAME:
	case ST_COMMENT:
	case ST_HCRC:
	case ST_BODY:
	case ST_TRAILER:
		return GZIP_CUT;
	}
	return GZIP_CUT;
}

bool gunzip_trailing(const struct gunzip *z)
{
	return z->trailing;
}

const struct gzip_about *gunzip_about(const struct gunzip *z)
{
	return &z->about;
}

uint32_t gunzip_crc(const struct gunzip *z)
{
	return z->crc;
}

/* -------------------------------------------------------------- writing */

struct gzip_block {
	struct isal_zstream deflate;
	unsigned level;
	uint32_t room_n;
	uint8_t room[]; /* tables of the level */
};

struct gzip_block *gzip_block_new(unsigned level)
{
	static const uint32_t sizes[GZIP_LEVEL_MAX + 1] = {0,
		ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
		ISAL_DEF_LVL3_DEFAULT};
	if (level < GZIP_LEVEL_MIN || level > GZIP_LEVEL_MAX)
		return NULL;
	struct gzip_block *z = mem_new(sizeof(*z) + sizes[level]);
	if (!z)
		return NULL;
	z->level = level;
	z->room_n = sizes[level];
	return z;
}

void gzip_block_free(struct gzip_block *z)
{
	mem_free(z);
}

size_t gzip_block_step(
	struct gzip_block *z, const void *in, size_t n, unsigned char *out)
{
	struct isal_zstream *s = &z->deflate;
	if (n > GZIP_BUFFER)
		return 0;
	isal_deflate_stateless_init(s);
	s->level = z->level;
	s->level_buf = z->room;
	s->level_buf_size = z->room_n;
	s->gzip_flag = IGZIP_DEFLATE;
	/* ends at a byte, and refers to nothing outside of the block */
	s->flush = FULL_FLUSH;
	s->end_of_stream = 0;
	/* ISA-L only reads through it, whatever the type says */
	s->next_in = (uint8_t *)(uintptr_t)in;
	s->avail_in = (uint32_t)n;
	s->next_out = out;
	s->avail_out = GZIP_BLOCK_MAX;
	if (isal_deflate_stateless(s) != COMP_OK || s->avail_in)
		return 0;
	return GZIP_BLOCK_MAX - s->avail_out;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

size_t gzip_header(unsigned char out[GZIP_HEADER_MAX], unsigned level,
	const struct gzip_about *about)
{
	/* system unknown: the same bytes for the same input everywhere */
	static const uint8_t plain[GZIP_HEADER_SIZE] = {
		ID1, ID2, METHOD_DEFLATE, 0, 0, 0, 0, 0, 0, 255};
	size_t n = about ? strlen(about->name) : 0;
	memcpy(out, plain, sizeof(plain));
	if (level == GZIP_LEVEL_MIN)
		out[8] = XFL_FASTEST;
	else if (level == GZIP_LEVEL_MAX)
		out[8] = XFL_SMALLEST;
	if (about)
		put_le32(out + 4, about->mtime);
	if (n == 0)
		return sizeof(plain);
	out[3] = FLAG_NAME;
	memcpy(out + sizeof(plain), about->name, n + 1);
	return sizeof(plain) + n + 1;
}

void gzip_last(unsigned char out[GZIP_LAST_SIZE])
{
	/* an empty last block, with the fixed codes */
	out[0] = 3;
	out[1] = 0;
}

void gzip_end(unsigned char out[GZIP_END_SIZE], uint32_t crc, uint32_t size)
{
	gzip_last(out);
	put_le32(out + GZIP_LAST_SIZE, crc);
	put_le32(out + GZIP_LAST_SIZE + 4, size);
}

uint32_t gzip_crc32(uint32_t crc, const void *p, size_t n)
{
	return crc32_gzip_refl(crc, p, n);
}
