/* SPDX-License-Identifier: MIT */
/* applets/http/answer.c - where the head and the body of an answer go. */
#include "applets/http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "net/retry.h"

void fetch_drop(struct fetch *f)
{
	part_file_drop(&f->part);
	f->out_fd = -1;
}

/* to a temporary name beside the file, unless it is a device or a pipe */
static int output_open(struct fetch *f)
{
	struct stat st;
	if (!f->output || strcmp(f->output, "-") == 0) {
		f->out_fd = STDOUT_FILENO;
		return 0;
	}
	if (stat(f->output, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->out_fd = open(f->output, O_WRONLY | O_CLOEXEC);
		return f->out_fd < 0 ? -errno : 0;
	}
	int r = part_file_open(&f->part, f->output, 0666);
	f->out_fd = f->part.fd;
	return r;
}

int fetch_keep(struct fetch *f)
{
	if (!f->part.name[0])
		return 0;
	f->out_fd = -1;
	return part_file_keep(&f->part, true);
}

static int write_out(struct fetch *f, struct str data)
{
	f->write_error = fd_write_full(f->out_fd, data.p, data.n);
	f->delivered = true;
	return f->write_error < 0 ? -ECANCELED : 0;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

static int put_head(struct fetch *f, const struct http_head *head)
{
	struct buf text;
	buf_init(&text, (size_t)HTTP_HEAD_MAX * 2);
	buf_putf(&text, "HTTP/1.%d %d %.*s\r\n", head->minor, head->status,
		STR_FMT(head->reason));
	for (size_t i = 0; i < head->nfields; i++)
		buf_putf(&text, "%.*s: %.*s\r\n", STR_FMT(head->fields[i].name),
			STR_FMT(head->fields[i].value));
	buf_puts(&text, "\r\n");
	int r = text.err ? text.err : write_out(f, buf_str(&text));
	buf_fini(&text);
	return r;
}

int fetch_on_head(void *owner, const struct http_head *head)
{
	struct fetch *f = owner;
	f->discard = (f->follow && is_redirect(head->status) &&
			     http_field(head, "Location").p) ||
		     (f->tries_left && retry_status(head->status)) ||
		     (f->fail && head->status >= 400);
	if (f->discard)
		return 1;
	f->write_error = output_open(f);
	if (f->write_error < 0)
		return -ECANCELED;
	if (f->include || f->head) {
		int r = put_head(f, head);
		if (r < 0)
			return r;
	}
	return 1;
}

int fetch_on_data(void *owner, struct str data)
{
	struct fetch *f = owner;
	return f->discard ? 0 : write_out(f, data);
}
