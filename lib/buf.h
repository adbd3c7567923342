/* SPDX-License-Identifier: MIT */
/*
 * lib/buf.h - the one growing buffer: owned bytes with a maximum.
 *
 * Bytes are appended at the end and consumed at the front. A failed append
 * (over the maximum: -EMSGSIZE, no memory: -ENOMEM) sets `err` and makes every
 * later append a no-op, so ten appends need one check. Memory is taken with
 * the first append. A zeroed struct is an empty buffer of maximum 0: always
 * start with buf_init().
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

struct buf {
	char *p;    /* start of the allocation */
	size_t off; /* first byte not consumed yet */
	size_t n;   /* bytes from off on */
	size_t cap;
	size_t max; /* largest n allowed */
	int err;    /* 0, or the negative errno of the first failed append */
};

void buf_init(struct buf *b, size_t max);

/* release the memory; the buffer is empty and usable afterwards */
void buf_fini(struct buf *b);

/* empty it and clear err, keep the memory */
void buf_reset(struct buf *b);

/* give memory back when the buffer is empty and holds more than keep bytes */
void buf_trim(struct buf *b, size_t keep);

/* append; see err */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *cstr);
void buf_putc(struct buf *b, char c);
void buf_put_str(struct buf *b, struct str s);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_putf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vputf(struct buf *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * Room for at least n more bytes, to be filled and then announced with
 * buf_commit(); NULL (and err set) when that is not to be had.
 */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* drop n bytes from the front (n <= b->n) */
void buf_consume(struct buf *b, size_t n);

/* drop everything behind the first n bytes (n <= b->n), and a failure */
void buf_truncate(struct buf *b, size_t n);

/* what is in it; valid until the next append or consume */
static inline struct str buf_str(const struct buf *b)
{
	return b->p ? (struct str){b->p + b->off, b->n} : STR("");
}

/* the content as a C string, or "" when it is empty or failed */
const char *buf_cstr(struct buf *b);

/* the index-th byte that is not consumed */
static inline char *buf_at(struct buf *b, size_t index)
{
	return b->p + b->off + index;
}

#endif
