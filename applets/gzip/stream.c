/* SPDX-License-Identifier: MIT */
/*
 * applets/gzip/stream.c - one stream through the threads, either way.
 *
 * input: untrusted
 */
#include "applets/gzip/gzip.h"

#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/gzip_ahead.h"
#include "lib/gzip_out.h"

static bool failed(struct gzip_options *o, const char *file, int err)
{
	gzip_error(o, file, strerror(-err));
	return false;
}

bool gzip_pack(struct gzip_options *o, const char *file, int in, int out,
	struct gzip_pass *pass)
{
	struct gzip_out z;
	int err = gzip_out_open(&z, out, GZIP_OUT_GZIP, o->level, &pass->about);
	ssize_t n = 1;
	while (n > 0 && err == 0) {
		size_t room;
		unsigned char *p = gzip_out_room(&z, &room);
		n = fd_read_full(in, p, room);
		if (n > 0)
			gzip_out_commit(&z, (size_t)n);
		err = z.err;
	}
	if (n == 0 && err == 0)
		err = gzip_out_finish(&z);
	pass->in = z.total;
	pass->out = z.written;
	z.fd = STDOUT_FILENO; /* not ours to close */
	gzip_out_close(&z);
	if (n < 0)
		return failed(o, file, (int)n);
	return err == 0 || failed(o, "write", err);
}

static bool in_failed(
	struct gzip_options *o, const char *file, const struct gzip_in *in)
{
	if (in->fail == GZIP_IN_STREAM && in->err == GZIP_CUT)
		gzip_error(o, file, "unexpected end of file");
	else if (in->text)
		gzip_error(o, file, in->text);
	else
		return failed(o, file, -in->err);
	return false;
}

/* all of it; out: where it goes, or -1 */
static bool copy(
	struct gzip_options *o, const char *file, struct gzip_in *in, int out)
{
	struct gzip_ahead ahead;
	const void *chunk;
	ssize_t n = 1;
	int err = gzip_ahead_start(&ahead, in);
	while (n > 0 && err == 0) {
		n = gzip_ahead_pull(&ahead, &chunk);
		if (n > 0 && out >= 0)
			err = fd_write_full(out, chunk, (size_t)n);
	}
	gzip_ahead_stop(&ahead);
	if (err)
		return failed(o, "write", err);
	return n == 0 || in_failed(o, file, in);
}

bool gzip_unpack(struct gzip_options *o, const char *file, int in_fd, int out,
	struct gzip_pass *pass)
{
	struct gzip_in in;
	/* as `cat` does it: what is not compressed passes */
	bool must = !(o->force && o->to_stdout);
	bool good = gzip_in_open(&in, in_fd, -1, must);
	if (!good)
		in_failed(o, file, &in);
	else
		good = copy(o, file, &in, out);
	pass->in = in.raw_total;
	pass->out = in.out_total;
	if (in.gunzip) {
		pass->about = *gunzip_about(in.gunzip);
		pass->crc = gunzip_crc(in.gunzip);
	}
	if (good && in.trailing)
		gzip_warn(
			o, file, "decompression OK, trailing garbage ignored");
	in.fd = STDIN_FILENO; /* not ours to close */
	gzip_in_close(&in);
	return good;
}
