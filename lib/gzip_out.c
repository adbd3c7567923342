/* SPDX-License-Identifier: MIT */
/* lib/gzip_out.c - a stream of bytes to a descriptor. */
#include "lib/gzip_out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"

enum {
	STAGE_SIZE = 256 * 1024,
	STAGE_SMALL = 32 * 1024, /* larger pieces need no company */
};

static void write_now(struct gzip_out *out, const void *p, size_t n)
{
	if (out->err == 0 && n)
		out->err = fd_write_full(out->fd, p, n);
}

static void flush_stage(struct gzip_out *out)
{
	write_now(out, out->stage, out->staged);
	out->staged = 0;
}

static void write_out(struct gzip_out *out, const void *p, size_t n)
{
	bool first = out->written == 0;
	out->written += n;
	if (out->stage && n < STAGE_SMALL && !first) {
		if (out->staged + n > STAGE_SIZE)
			flush_stage(out);
		memcpy(out->stage + out->staged, p, n);
		out->staged += n;
		return;
	}
	if (out->staged)
		flush_stage(out);
	write_now(out, p, n);
}

int gzip_out_open(struct gzip_out *out, int fd, enum gzip_out_kind kind,
	unsigned level, const struct gzip_about *about)
{
	unsigned char head[GZIP_HEADER_MAX];
	*out = (struct gzip_out){.fd = fd, .kind = kind};
	/* fewer, longer writes to a pipe; no matter when it is none */
	(void)fcntl(fd, F_SETPIPE_SZ, GZIP_BUFFER);
	if (kind == GZIP_OUT_PLAIN) {
		out->block = mem_new(GZIP_BUFFER);
		return out->block ? 0 : -ENOMEM;
	}
	int err = gzip_pool_init(&out->pool, level);
	if (err)
		return err;
	out->block = gzip_pool_block(&out->pool);
	if (kind == GZIP_OUT_DEFLATE) {
		out->stage = mem_new(STAGE_SIZE);
		return out->stage ? 0 : -ENOMEM;
	}
	/* whoever waits for the first byte need not wait for the first MiB */
	write_out(out, head, gzip_header(head, level, about));
	return out->err;
}

/* write what is compressed; everything of it, or what is needed and ready */
static void write_blocks(struct gzip_out *out, bool all)
{
	struct gzip_pool *p = &out->pool;
	const unsigned char *block;
	size_t n;
	while ((block = gzip_pool_oldest(p, all || gzip_pool_full(p), &n))) {
		if (n == 0 && out->err == 0)
			out->err = -EIO;
		write_out(out, block, n);
		gzip_pool_release(p);
	}
}

static void pass_on(struct gzip_out *out)
{
	if (out->kind == GZIP_OUT_PLAIN) {
		write_out(out, out->block, out->n);
	} else if (out->n) {
		out->crc = gzip_crc32(out->crc, out->block, out->n);
		gzip_pool_submit(&out->pool, out->n);
		write_blocks(out, false);
		out->block = gzip_pool_block(&out->pool);
	}
	out->n = 0;
}

unsigned char *gzip_out_room(struct gzip_out *out, size_t *n)
{
	*n = GZIP_BUFFER - out->n;
	return out->block + out->n;
}

void gzip_out_commit(struct gzip_out *out, size_t n)
{
	out->n += n;
	out->total += n;
	if (out->n == GZIP_BUFFER)
		pass_on(out);
}

void gzip_out_put(struct gzip_out *out, struct str bytes)
{
	while (bytes.n) {
		size_t room;
		unsigned char *p = gzip_out_room(out, &room);
		size_t n = size_min(room, bytes.n);
		memcpy(p, bytes.p, n);
		gzip_out_commit(out, n);
		bytes = str_from_index(bytes, n);
	}
}

void gzip_out_zeros(struct gzip_out *out, uint64_t left)
{
	while (left && out->err == 0) {
		size_t room;
		unsigned char *p = gzip_out_room(out, &room);
		size_t n = left < room ? (size_t)left : room;
		memset(p, 0, n);
		gzip_out_commit(out, n);
		left -= n;
	}
}

void gzip_out_raw(struct gzip_out *out, struct str bytes)
{
	write_out(out, bytes.p, bytes.n);
	out->stream_at = out->written;
}

uint64_t gzip_out_end_stream(struct gzip_out *out, uint32_t *crc)
{
	unsigned char last[GZIP_LAST_SIZE];
	pass_on(out);
	write_blocks(out, true);
	gzip_last(last);
	write_out(out, last, sizeof(last));
	*crc = out->crc;
	out->crc = 0;
	uint64_t n = out->written - out->stream_at;
	out->stream_at = out->written;
	return n;
}

int gzip_out_finish(struct gzip_out *out)
{
	unsigned char end[GZIP_END_SIZE];
	pass_on(out);
	if (out->kind == GZIP_OUT_GZIP) {
		write_blocks(out, true);
		gzip_end(end, out->crc, (uint32_t)out->total);
		write_out(out, end, sizeof(end));
	}
	if (out->staged)
		flush_stage(out);
	return out->err;
}

void gzip_out_close(struct gzip_out *out)
{
	if (out->fd != STDOUT_FILENO)
		fd_close(&out->fd);
	if (out->kind == GZIP_OUT_PLAIN)
		mem_free(out->block);
	else
		gzip_pool_fini(&out->pool);
	mem_free(out->stage);
}
