/* SPDX-License-Identifier: MIT */
/*
 * applets/httpd/log.c - a line for each request, in the Combined Log Format.
 *
 * Lines of one turn of the loop leave with one write. What came from the
 * client is escaped, so a line is always one request.
 */
#include <unistd.h>

#include "applets/httpd/httpd.h"
#include "lib/fd.h"

enum { SHOWN = 2048 };

static void put_quoted(struct buf *out, struct str text)
{
	text = str_first(text, SHOWN);
	buf_putc(out, '"');
	if (!text.p)
		buf_putc(out, '-');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			buf_putf(out, "\\x%02x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

/* "[21/Nov/2026:13:09:48 +0000]" */
static void put_time(struct buf *out)
{
	char date[CLOCK_HTTP_SIZE]; /* "Sat, 21 Nov 2026 13:09:48 GMT" */
	clock_http_date(date, clock_wall(NULL));
	buf_putf(out, " - - [%.2s/%.3s/%.4s:%.8s +0000] ", date + 5, date + 8,
		date + 12, date + 17);
}

void log_flush(void *owner)
{
	struct httpd *h = owner;
	struct str text = buf_str(&h->log_text);
	/* nothing else can be told of a log that cannot be written */
	(void)fd_write_full(STDOUT_FILENO, text.p, text.n);
	buf_reset(&h->log_text);
	h->log_waits = false;
}

void log_request(void *owner, const struct http_exchange *x, int status,
	uint64_t bytes, uint64_t us)
{
	struct httpd *h = owner;
	const struct http_head *head = http_request(x);
	struct buf *out = &h->log_text;
	struct buf line;
	(void)us;
	buf_init(&line, (size_t)2 * SHOWN);
	buf_putf(&line, "%.*s %.*s HTTP/1.%d", STR_FMT(head->method),
		STR_FMT(str_first(head->target, SHOWN)), head->minor);
	buf_puts(out, *http_peer(x) ? http_peer(x) : "-");
	put_time(out);
	put_quoted(out, buf_str(&line));
	buf_putf(out, " %d %llu ", status ? status : 499,
		(unsigned long long)bytes);
	put_quoted(out, http_field(head, "Referer"));
	buf_putc(out, ' ');
	put_quoted(out, http_field(head, "User-Agent"));
	buf_putc(out, '\n');
	buf_fini(&line);
	if (!h->log_waits) {
		h->log_waits = true;
		loop_defer(&h->loop, &h->log_defer, log_flush, h);
	}
}
