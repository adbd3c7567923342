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

int output_open(struct output *out, int fd, bool gzip)
{
	*out = (struct output){.fd = fd};
	out->in = mem_new(GZIP_BUFFER);
	if (gzip) {
		out->gzip = gzip_new();
		out->out = mem_new(GZIP_BUFFER);
	}
	if (!out->in || (gzip && (!out->gzip || !out->out)))
		return -ENOMEM;
	/* fewer, longer writes to a pipe; no matter when it is none */
	(void)fcntl(fd, F_SETPIPE_SZ, GZIP_BUFFER);
	return 0;
}

static void write_out(struct output *out, const void *p, size_t n)
{
	if (out->err == 0 && n)
		out->err = fd_write_full(out->fd, p, n);
	out->written += n;
}

/* compress the block into whole buffers: part-filled ones would grow it */
static void compress(struct output *out, bool finish)
{
	struct gzip_io io = {.in = out->in, .in_n = out->in_n};
	bool done = false;
	while (out->err == 0 && (io.in_n || (finish && !done))) {
		io.out = out->out;
		io.out_n = GZIP_BUFFER;
		done = gzip_step(out->gzip, &io, finish);
		write_out(out, out->out, GZIP_BUFFER - io.out_n);
	}
}

static void pass_on(struct output *out, bool finish)
{
	if (out->gzip)
		compress(out, finish);
	else
		write_out(out, out->in, out->in_n);
	out->in_n = 0;
}

unsigned char *output_room(struct output *out, size_t *n)
{
	*n = GZIP_BUFFER - out->in_n;
	return out->in + out->in_n;
}

void output_commit(struct output *out, size_t n)
{
	out->in_n += n;
	out->total += n;
	if (out->in_n == GZIP_BUFFER)
		pass_on(out, false);
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
	pass_on(out, true);
	return out->err;
}

void output_close(struct output *out)
{
	if (out->fd != STDOUT_FILENO)
		fd_close(&out->fd);
	gzip_free(out->gzip);
	mem_free(out->in);
	mem_free(out->out);
}
