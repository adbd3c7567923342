/* SPDX-License-Identifier: MIT */
/* applets/tar/output.c - where the bytes of an archive go. */
#include "applets/tar/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"

static void write_out(struct output *out, const void *p, size_t n)
{
	if (out->err == 0 && n)
		out->err = fd_write_full(out->fd, p, n);
}

int output_open(struct output *out, int fd, bool gzip)
{
	unsigned char head[GZIP_HEADER_SIZE];
	*out = (struct output){.fd = fd, .gzip = gzip};
	/* fewer, longer writes to a pipe; no matter when it is none */
	(void)fcntl(fd, F_SETPIPE_SZ, GZIP_BUFFER);
	if (!gzip) {
		out->block = mem_new(GZIP_BUFFER);
		return out->block ? 0 : -ENOMEM;
	}
	int err = pool_init(&out->pool);
	if (err)
		return err;
	out->block = pool_block(&out->pool);
	/* whoever waits for the first byte need not wait for the first MiB */
	gzip_header(head);
	write_out(out, head, sizeof(head));
	return out->err;
}

/* write what is compressed; everything of it, or what is needed and ready */
static void write_blocks(struct output *out, bool all)
{
	struct pool *p = &out->pool;
	const unsigned char *block;
	size_t n;
	while ((block = pool_oldest(p, all || pool_full(p), &n))) {
		if (n == 0 && out->err == 0)
			out->err = -EIO;
		write_out(out, block, n);
		pool_release(p);
	}
}

static void pass_on(struct output *out)
{
	if (!out->gzip) {
		write_out(out, out->block, out->n);
	} else if (out->n) {
		out->crc = gzip_crc32(out->crc, out->block, out->n);
		pool_submit(&out->pool, out->n);
		write_blocks(out, false);
		out->block = pool_block(&out->pool);
	}
	out->n = 0;
}

unsigned char *output_room(struct output *out, size_t *n)
{
	*n = GZIP_BUFFER - out->n;
	return out->block + out->n;
}

void output_commit(struct output *out, size_t n)
{
	out->n += n;
	out->total += n;
	if (out->n == GZIP_BUFFER)
		pass_on(out);
}

void output_put(struct output *out, struct str bytes)
{
	while (bytes.n) {
		size_t room;
		unsigned char *p = output_room(out, &room);
		size_t n = size_min(room, bytes.n);
		memcpy(p, bytes.p, n);
		output_commit(out, n);
		bytes = str_from_index(bytes, n);
	}
}

void output_zeros(struct output *out, uint64_t left)
{
	while (left && out->err == 0) {
		size_t room;
		unsigned char *p = output_room(out, &room);
		size_t n = left < room ? (size_t)left : room;
		memset(p, 0, n);
		output_commit(out, n);
		left -= n;
	}
}

int output_finish(struct output *out)
{
	unsigned char end[GZIP_END_SIZE];
	pass_on(out);
	if (!out->gzip)
		return out->err;
	write_blocks(out, true);
	gzip_end(end, out->crc, (uint32_t)out->total);
	write_out(out, end, sizeof(end));
	return out->err;
}

void output_close(struct output *out)
{
	if (out->fd != STDOUT_FILENO)
		fd_close(&out->fd);
	if (out->gzip)
		pool_fini(&out->pool);
	else
		mem_free(out->block);
}
