/* SPDX-License-Identifier: MIT */
/*
 * lib/gzip_in.c - a descriptor as a stream of bytes, gunzipped.
 *
 * input: untrusted
 */
#include "lib/gzip_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "lib/str.h"

enum {
	SNIFF = 6, /* bytes that tell the formats below apart */
	/* below this much output a ratio says nothing */
	RATIO_FROM = 16 << 20,
};

static bool fail(struct gzip_in *in, enum gzip_in_fail why, const char *text)
{
	in->fail = why;
	in->text = text;
	return false;
}

static bool fail_errno(struct gzip_in *in, int err)
{
	in->err = err;
	return fail(in, GZIP_IN_ERRNO, NULL);
}

/* wait until there is something to read; false: it is time to give up */
static bool wait_readable(struct gzip_in *in)
{
	struct pollfd fds[3] = {{.fd = in->fd, .events = POLLIN},
		{.fd = in->signal_fd, .events = POLLIN},
		{.fd = in->quit_fd, .events = POLLIN}};
	if (in->signal_fd < 0 && in->quit_fd < 0)
		return true;
	while (poll(fds, 3, -1) < 0 && errno == EINTR)
		;
	return fds[1].revents == 0 && fds[2].revents == 0;
}

/* read once into the free part of raw */
static bool fill(struct gzip_in *in)
{
	ssize_t n = -EAGAIN;
	while (n == -EAGAIN) {
		struct pollfd fd = {.fd = in->fd, .events = POLLIN};
		if (!wait_readable(in))
			return fail(in, GZIP_IN_STOPPED, "interrupted");
		n = fd_read(
			in->fd, in->raw + in->raw_n, GZIP_BUFFER - in->raw_n);
		if (n == -EAGAIN)
			(void)poll(&fd, 1, -1);
	}
	if (n < 0)
		return fail_errno(in, (int)-n);
	in->eof = n == 0;
	in->raw_n += (size_t)n;
	in->raw_total += (uint64_t)n;
	return true;
}

const char *gzip_in_foreign(const struct gzip_in *in)
{
	struct str head = str_from(
		(const char *)in->raw + in->raw_at, in->raw_n - in->raw_at);
	static const char xz[] = "\xfd"
				 "7zXZ";
	if (str_starts(head, STR("BZh")))
		return "this is a bzip2 file; only gzip is understood";
	if (str_starts(head, str_of(xz)))
		return "this is a xz file; only gzip is understood";
	if (str_starts(head, STR("\x28\xb5\x2f\xfd")))
		return "this is a zstd file; only gzip is understood";
	if (str_starts(head, STR("PK\003\004")))
		return "this is a zip file; only gzip is understood";
	return NULL;
}

/* look at the first bytes: is it compressed, and can we read it? */
static bool sniff(struct gzip_in *in, bool must)
{
	while (in->raw_n < SNIFF && !in->eof)
		if (!fill(in))
			return false;
	struct str head = str_from((const char *)in->raw, in->raw_n);
	const char *foreign = gzip_in_foreign(in);
	if (must && foreign)
		return fail(in, GZIP_IN_FOREIGN, foreign);
	if (!must && !str_starts(head, STR("\x1f\x8b")))
		return true;
	in->gunzip = gunzip_new();
	return in->gunzip || fail_errno(in, ENOMEM);
}

bool gzip_in_open(struct gzip_in *in, int fd, int signal_fd, bool must)
{
	*in = (struct gzip_in){.fd = fd, .signal_fd = signal_fd, .quit_fd = -1};
	/* fewer, longer reads from a pipe; no matter when it is none */
	(void)fcntl(fd, F_SETPIPE_SZ, GZIP_BUFFER);
	in->raw = mem_new(GZIP_BUFFER);
	if (!in->raw)
		return fail_errno(in, ENOMEM);
	return sniff(in, must);
}

void gzip_in_close(struct gzip_in *in)
{
	if (in->fd != STDIN_FILENO)
		fd_close(&in->fd);
	gunzip_free(in->gunzip);
	mem_free(in->raw);
}

static ssize_t fail_gzip(struct gzip_in *in, int error)
{
	in->err = error;
	fail(in, GZIP_IN_STREAM, gzip_error_text(error));
	return -1;
}

static bool ratio_is_over(const struct gzip_in *in)
{
	return in->max_ratio && in->out_total > RATIO_FROM &&
	       in->out_total / in->max_ratio > in->raw_total;
}

static ssize_t next_gzip(struct gzip_in *in, unsigned char *p, size_t n)
{
	for (;;) {
		struct gzip_io io = {.in = in->raw + in->raw_at,
			.in_n = in->raw_n - in->raw_at,
			.out = p,
			.out_n = n};
		int error = gunzip_step(in->gunzip, &io);
		in->raw_at = in->raw_n - io.in_n;
		in->out_total += n - io.out_n;
		if (error)
			return fail_gzip(in, error);
		if (ratio_is_over(in)) {
			fail(in, GZIP_IN_RATIO,
				"compression ratio is over the limit");
			return -1;
		}
		if (io.out_n < n)
			return (ssize_t)(n - io.out_n);
		if (in->eof)
			break;
		in->raw_at = 0;
		in->raw_n = 0;
		if (!fill(in))
			return -1;
	}
	int error = gunzip_end(in->gunzip);
	in->trailing = gunzip_trailing(in->gunzip);
	return error ? fail_gzip(in, error) : 0;
}

ssize_t gzip_in_next(
	struct gzip_in *in, unsigned char *p, size_t n, const void **chunk)
{
	*chunk = p;
	if (in->gunzip)
		return next_gzip(in, p, n);
	while (in->raw_at == in->raw_n && !in->eof) {
		in->raw_at = 0;
		in->raw_n = 0;
		if (!fill(in))
			return -1;
	}
	*chunk = in->raw + in->raw_at;
	size_t got = in->raw_n - in->raw_at;
	in->raw_at = in->raw_n;
	return (ssize_t)got;
}
