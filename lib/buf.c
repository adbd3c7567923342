/* SPDX-License-Identifier: MIT */
/* lib/buf.c - the one growing buffer. */
#include "lib/buf.h"

#include <errno.h>

#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->off = 0;
	b->n = 0;
	b->err = 0;
}

void buf_trim(struct buf *b, size_t keep)
{
	if (b->n == 0 && b->cap > keep) {
		mem_free(b->p);
		b->p = NULL;
		b->off = 0;
		b->cap = 0;
	}
}

static void slide_to_front(struct buf *b)
{
	if (b->off && b->n)
		memmove(b->p, b->p + b->off, b->n);
	b->off = 0;
}

/* room for need bytes in total behind off; may move the content */
static bool grow(struct buf *b, size_t need)
{
	if (need <= b->cap - b->off)
		return true;
	/* sliding is cheap only when it frees a good part of the whole */
	if (need <= b->cap && b->off >= b->cap / 2) {
		slide_to_front(b);
		return true;
	}
	size_t cap = b->cap ? b->cap : BUF_FIRST / 2;
	do
		if (!size_mul(cap, 2, &cap))
			return false;
	while (cap < need);
	if (cap > b->max)
		cap = b->max;
	slide_to_front(b);
	if (cap <= b->cap)
		return true;
	char *p = mem_resize(b->p, cap + 1); /* one for buf_cstr's NUL */
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t need;
	if (b->err)
		return NULL;
	if (!size_add(b->n, n, &need) || need > b->max) {
		b->err = -EMSGSIZE;
		return NULL;
	}
	if (!grow(b, need)) {
		b->err = -ENOMEM;
		return NULL;
	}
	return b->p + b->off + b->n;
}

void buf_commit(struct buf *b, size_t n)
{
	b->n += n;
}

void buf_truncate(struct buf *b, size_t n)
{
	b->n = n;
	b->err = 0;
}

void buf_consume(struct buf *b, size_t n)
{
	b->off += n;
	b->n -= n;
	if (b->n == 0)
		b->off = 0;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	char *dst = buf_reserve(b, n);
	if (!dst)
		return;
	memcpy(dst, p, n);
	b->n += n;
}

void buf_puts(struct buf *b, const char *cstr)
{
	buf_put(b, cstr, strlen(cstr));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	char digits[FMT_U64_MAX];
	buf_put(b, digits, fmt_u64(digits, v));
}

void buf_vputf(struct buf *b, const char *format, va_list args)
{
	char small[256];
	size_t n = fmt_vstr(small, sizeof(small), format, args);
	if (n < sizeof(small)) {
		buf_put(b, small, n);
		return;
	}
	/* the terminator goes where buf_cstr's would */
	char *dst = buf_reserve(b, n);
	if (!dst)
		return;
	fmt_vstr(dst, n + 1, format, args);
	b->n += n;
}

void buf_putf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vputf(b, format, args);
	va_end(args);
}

const char *buf_cstr(struct buf *b)
{
	if (b->err || !b->p)
		return "";
	/*
	 * grow() always leaves one byte behind cap, and off + n <= cap, so
	 * the terminator never needs memory.
	 */
	b->p[b->off + b->n] = '\0';
	return b->p + b->off;
}
