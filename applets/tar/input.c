/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/input.c - where the bytes of an archive come from.
 *
 * input: untrusted
 */
#include "applets/tar/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"

enum {
	SNIFF = 6, /* bytes that tell the formats below apart */
	/* below this much output a ratio says nothing */
	RATIO_FROM = 16 << 20,
};

static void fail_input(struct report *r, enum fail_kind kind, const char *text)
{
	report_fail(r, kind, NULL, "%s", text);
	r->stop = true;
}

/* wait until there is something to read; false: a signal came first */
static bool wait_readable(struct input *in)
{
	struct pollfd fds[2] = {{.fd = in->fd, .events = POLLIN},
		{.fd = in->signal_fd, .events = POLLIN}};
	if (in->signal_fd < 0)
		return true;
	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return fds[1].revents == 0;
}

/* read once into the free part of raw; false: reported */
static bool fill(struct input *in, struct report *r)
{
	if (!wait_readable(in)) {
		fail_input(r, FAIL_INTERRUPTED, "interrupted");
		return false;
	}
	ssize_t n =
		fd_read(in->fd, in->raw + in->raw_n, GZIP_BUFFER - in->raw_n);
	if (n == -EAGAIN) {
		struct pollfd fd = {.fd = in->fd, .events = POLLIN};
		(void)poll(&fd, 1, -1);
		return true;
	}
	if (n < 0) {
		report_errno(r, NULL, "read", (int)-n);
		r->stop = true;
		return false;
	}
	in->eof = n == 0;
	in->raw_n += (size_t)n;
	in->raw_total += (uint64_t)n;
	return true;
}

static const char *foreign_format(struct str head)
{
	if (str_starts(head, STR("BZh")))
		return "bzip2";
	if (str_starts(head, STR("\xfd"
				 "7zXZ")))
		return "xz";
	if (str_starts(head, STR("\x28\xb5\x2f\xfd")))
		return "zstd";
	if (str_starts(head, STR("PK\003\004")))
		return "zip";
	return NULL;
}

/* look at the first bytes: is it compressed, and can we read it? */
static bool sniff(struct input *in, bool gzip, struct report *r)
{
	while (in->raw_n < SNIFF && !in->eof)
		if (!fill(in, r))
			return false;
	struct str head = str_from((const char *)in->raw, in->raw_n);
	const char *foreign = foreign_format(head);
	if (foreign) {
		report_fail(r, gzip ? FAIL_GZIP : FAIL_TAR, NULL,
			"this is a %s file; only gzip is understood", foreign);
		r->stop = true;
		return false;
	}
	if (!gzip && !str_starts(head, STR("\x1f\x8b")))
		return true;
	in->gunzip = gunzip_new();
	in->out = mem_new(GZIP_BUFFER);
	if (in->gunzip && in->out)
		return true;
	fail_input(r, FAIL_IO, "out of memory");
	return false;
}

bool input_open(struct input *in, const struct tar_options *o, int signal_fd,
	struct report *r)
{
	bool standard = !o->file || strcmp(o->file, "-") == 0;
	*in = (struct input){.fd = STDIN_FILENO,
		.signal_fd = signal_fd,
		.max_ratio = o->max_ratio};
	if (!standard)
		in->fd = open(o->file, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0) {
		report_errno(r, o->file, "Cannot open", errno);
		r->stop = true;
		return false;
	}
	if (standard && isatty(in->fd)) {
		fail_input(r, FAIL_IO,
			"refusing to read an archive from a terminal "
			"(is -f missing?)");
		return false;
	}
	/* fewer, longer reads from a pipe; no matter when it is none */
	(void)fcntl(in->fd, F_SETPIPE_SZ, GZIP_BUFFER);
	in->raw = mem_new(GZIP_BUFFER);
	if (!in->raw) {
		fail_input(r, FAIL_IO, "out of memory");
		return false;
	}
	return sniff(in, o->gzip, r);
}

void input_close(struct input *in)
{
	if (in->fd != STDIN_FILENO)
		fd_close(&in->fd);
	gunzip_free(in->gunzip);
	mem_free(in->raw);
	mem_free(in->out);
}

static void fail_gzip(int error, struct report *r)
{
	enum fail_kind kind = FAIL_GZIP;
	if (error == GZIP_CUT)
		kind = FAIL_CUT;
	if (error == GZIP_EMPTY)
		kind = FAIL_EMPTY;
	fail_input(r, kind, gzip_error_text(error));
}

/* the input is at its end: was the compressed stream whole? */
static ssize_t end_of_gzip(struct input *in, struct report *r)
{
	int error = gunzip_end(in->gunzip);
	if (error) {
		fail_gzip(error, r);
		return -1;
	}
	if (gunzip_trailing(in->gunzip)) {
		report_warn(
			r, NULL, "decompression ok, trailing garbage ignored");
		/* as when gzip's own warning reaches tar */
		if (!r->all_fatal)
			r->status = STATUS_FATAL;
	}
	return 0;
}

static bool ratio_is_over(const struct input *in)
{
	return in->max_ratio && in->out_total > RATIO_FROM &&
	       in->out_total / in->max_ratio > in->raw_total;
}

static ssize_t pull_gzip(struct input *in, const void **chunk, struct report *r)
{
	for (;;) {
		struct gzip_io io = {.in = in->raw + in->raw_at,
			.in_n = in->raw_n - in->raw_at,
			.out = in->out,
			.out_n = GZIP_BUFFER};
		int error = gunzip_step(in->gunzip, &io);
		size_t n = GZIP_BUFFER - io.out_n;
		in->raw_at = in->raw_n - io.in_n;
		in->out_total += n;
		if (error) {
			fail_gzip(error, r);
			return -1;
		}
		if (ratio_is_over(in)) {
			fail_input(r, FAIL_LIMIT,
				"compression ratio is over the limit");
			return -1;
		}
		*chunk = in->out;
		if (n)
			return (ssize_t)n;
		if (in->eof)
			return end_of_gzip(in, r);
		in->raw_at = 0;
		in->raw_n = 0;
		if (!fill(in, r))
			return -1;
	}
}

ssize_t input_pull(struct input *in, const void **chunk, struct report *r)
{
	if (in->gunzip)
		return pull_gzip(in, chunk, r);
	while (in->raw_at == in->raw_n && !in->eof) {
		in->raw_at = 0;
		in->raw_n = 0;
		if (!fill(in, r))
			return -1;
	}
	*chunk = in->raw + in->raw_at;
	size_t n = in->raw_n - in->raw_at;
	in->raw_at = in->raw_n;
	in->out_total += n;
	return (ssize_t)n;
}
