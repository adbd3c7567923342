/* SPDX-License-Identifier: MIT */
/* applets/s3/progress.c - rate and time left, on a terminal. */
#include "applets/s3/s3.h"

#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/fmt.h"

enum { EVERY_MS = 200, LINE_SIZE = 120, MB = 1000000 };

void s3_progress_init(
	struct s3_progress *p, const struct s3_options *o, uint64_t total)
{
	*p = (struct s3_progress){.total = total, .begun_ms = clock_ms()};
	p->on = !o->quiet && isatty(STDERR_FILENO);
	pthread_mutex_init(&p->lock, NULL);
}

static void show(struct s3_progress *p, uint64_t now)
{
	char line[LINE_SIZE], left[32] = "";
	uint64_t ms = now - p->begun_ms + 1;
	uint64_t rate = p->done / ms; /* kB/s */
	if (p->total > p->done && rate)
		fmt_str(left, sizeof(left), ", %llu s left",
			(unsigned long long)((p->total - p->done) / rate /
					     1000));
	size_t n = fmt_str(line, sizeof(line),
		"\r%llu of %llu MB, %llu.%llu MB/s%s\033[K",
		(unsigned long long)(p->done / MB),
		(unsigned long long)(p->total / MB),
		(unsigned long long)(rate / 1000),
		(unsigned long long)(rate / 100 % 10), left);
	(void)fd_write_full(STDERR_FILENO, line, n);
}

void s3_progress_add(struct s3_progress *p, uint64_t bytes)
{
	if (!p->on)
		return;
	pthread_mutex_lock(&p->lock);
	uint64_t now = clock_ms();
	p->done += bytes;
	if (now - p->shown_ms >= EVERY_MS) {
		p->shown_ms = now;
		show(p, now);
	}
	pthread_mutex_unlock(&p->lock);
}

void s3_progress_end(struct s3_progress *p)
{
	if (p->on)
		(void)fd_write_full(STDERR_FILENO, "\r\033[K", 4);
	pthread_mutex_destroy(&p->lock);
}
