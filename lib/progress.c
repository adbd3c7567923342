/* SPDX-License-Identifier: MIT */
/* lib/progress.c - amount, rate and time left, as one line on a terminal. */
#include "lib/progress.h"

#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/fmt.h"

enum {
	FIRST_MS = 500, /* what is done by then needs no line */
	EVERY_MS = 200,
	LINE_SIZE = 120,
	MB = 1000000,
};

void progress_init(struct progress *p, bool quiet, uint64_t total)
{
	*p = (struct progress){.total = total, .begun_ms = clock_ms()};
	p->on = !quiet && isatty(STDERR_FILENO);
	p->shown_ms = p->begun_ms + FIRST_MS - EVERY_MS;
	pthread_mutex_init(&p->lock, NULL);
}

static void show(struct progress *p, uint64_t now)
{
	char line[LINE_SIZE], of[32] = "", left[32] = "";
	uint64_t ms = now - p->begun_ms + 1;
	uint64_t rate = p->done / ms; /* kB/s */
	if (p->total)
		fmt_str(of, sizeof(of), " of %llu",
			(unsigned long long)(p->total / MB));
	if (p->total > p->done && rate)
		fmt_str(left, sizeof(left), ", %llu s left",
			(unsigned long long)((p->total - p->done) / rate /
					     1000));
	size_t n = fmt_str(line, sizeof(line),
		"\r%llu%s MB, %llu.%llu MB/s%s\033[K",
		(unsigned long long)(p->done / MB), of,
		(unsigned long long)(rate / 1000),
		(unsigned long long)(rate / 100 % 10), left);
	(void)fd_write_full(STDERR_FILENO, line, n);
	p->shown = true;
}

void progress_add(struct progress *p, uint64_t bytes)
{
	if (!p->on)
		return;
	pthread_mutex_lock(&p->lock);
	uint64_t now = clock_ms();
	p->done += bytes;
	if (now >= p->shown_ms + EVERY_MS) {
		p->shown_ms = now;
		show(p, now);
	}
	pthread_mutex_unlock(&p->lock);
}

void progress_clear(struct progress *p)
{
	if (!p->on)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->shown)
		(void)fd_write_full(STDERR_FILENO, "\r\033[K", 4);
	p->shown = false;
	pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
	progress_clear(p);
	pthread_mutex_destroy(&p->lock);
}
