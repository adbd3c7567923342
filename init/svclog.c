/* SPDX-License-Identifier: MIT */
/* init/svclog.c - what services print: to our log, to files, to followers. */
#include "init/svclog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

enum { READS_A_TURN = 4, READ_SIZE = 4096, SECOND_MS = 1000, PATH_SIZE = 4096 };

/* untouched pages of the table cost nothing */
static struct svclog outputs[SERVICES_MAX];

/* ---------------------------------------------------------------- the file */

static int open_file(struct svclog *o)
{
	struct stat st;
	o->file = open(o->log->path,
		O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (o->file < 0)
		return -errno;
	o->file_bytes = fstat(o->file, &st) < 0 ? 0 : (uint64_t)st.st_size;
	return 0;
}

static void numbered(char *dst, const char *path, uint64_t number)
{
	if (number)
		fmt_str(dst, PATH_SIZE, "%s.%ju", path, (uintmax_t)number);
	else
		fmt_str(dst, PATH_SIZE, "%s", path);
}

/* PATH.2 becomes PATH.3, PATH.1 PATH.2, PATH PATH.1 */
static int rotate(struct svclog *o)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	fd_close(&o->file);
	if (o->log->keep == 0)
		(void)unlink(o->log->path);
	for (uint64_t i = o->log->keep; i > 0; i--) {
		numbered(from, o->log->path, i - 1);
		numbered(to, o->log->path, i);
		(void)rename(from, to);
	}
	return open_file(o);
}

static bool write_file(struct svclog *o, struct str line)
{
	int r = o->file < 0 ? open_file(o) : 0;
	if (r == 0 && o->file_bytes > 0 &&
		o->file_bytes + line.n > o->log->max_bytes)
		r = rotate(o);
	if (r < 0)
		return false;
	ssize_t n = fd_write(o->file, line.p, line.n);
	if (n > 0)
		o->file_bytes += (uint64_t)n;
	return n == (ssize_t)line.n;
}

/* --------------------------------------------------------------- the lines */

static void on_second(void *owner);

static void keep(struct svclog *o, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		o->ring[(o->ring_total + i) % SVCLOG_RING] = text.p[i];
	o->ring_total += text.n;
}

static bool write_line(struct svclog *o, struct str line)
{
	char text[SVCLOG_LINE + SERVICE_NAME_MAX + 4];
	if (o->log->to == LOG_TO_FILE)
		return write_file(o, line);
	if (o->log->to == LOG_TO_PLAIN)
		return fd_write(STDERR_FILENO, line.p, line.n) > 0;
	size_t n = fmt_str(text, sizeof(text), "%s: ", o->service->name);
	memcpy(text + n, line.p, line.n);
	/* our descriptor 2 does not wait, and a line is one write */
	return fd_write(STDERR_FILENO, text, n + line.n) > 0;
}

static void say_dropped(struct svclog *o)
{
	if (o->dropped)
		log_warn("service %s: %ju lines of output dropped",
			o->service->name, (uintmax_t)o->dropped);
	o->dropped = 0;
}

static void new_second(struct svclog *o, uint64_t now)
{
	if (now - o->second_ms < SECOND_MS)
		return;
	o->second_ms = now;
	o->lines = 0;
	say_dropped(o);
}

static void on_second(void *owner)
{
	struct svclog *o = owner;
	new_second(o, loop_now(&o->init->loop));
}

/* with its newline */
static void pass(struct svclog *o, struct str line)
{
	struct loop *loop = &o->init->loop;
	keep(o, line);
	new_second(o, loop_now(loop));
	if (o->lines++ < o->log->rate && write_line(o, line))
		return;
	if (o->dropped++ == 0)
		(void)loop_timer_at(loop, &o->timer, o->second_ms + SECOND_MS,
			on_second, o);
}

static void flush(struct svclog *o)
{
	o->line[o->line_n++] = '\n';
	pass(o, str_from(o->line, o->line_n));
	o->line_n = 0;
}

static void take(struct svclog *o, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			flush(o);
		else
			o->line[o->line_n++] = p[i];
		if (o->line_n == SVCLOG_LINE - 1)
			flush(o);
	}
}

static void on_readable(void *owner, uint32_t events)
{
	struct svclog *o = owner;
	char text[READ_SIZE];
	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = fd_read(o->watch.fd, text, sizeof(text));
		if (n <= 0)
			return;
		take(o, text, (size_t)n);
		if ((size_t)n < sizeof(text))
			return;
	}
}

/* ----------------------------------------------------------- open and close */

bool svclog_captures(const struct config_log *log)
{
	return log->to == LOG_TO_PREFIX || log->to == LOG_TO_FILE ||
	       log->to == LOG_TO_PLAIN;
}

struct svclog *svclog_open(struct init *init, struct service *s)
{
	struct svclog *o = NULL;
	int ends[2];
	for (size_t i = 0; i < ARRAY_LEN(outputs) && !o; i++)
		if (!outputs[i].service)
			o = &outputs[i];
	if (!o || !svclog_captures(&s->def->log))
		return NULL;
	int r = fd_pipe(ends);
	if (r == 0) {
		*o = (struct svclog){.init = init,
			.service = s,
			.log = &s->def->log,
			.write_end = ends[1],
			.file = -1};
		/* only our end: a program does not expect EAGAIN */
		(void)fd_set_nonblock(ends[0], true);
		r = loop_add(&init->loop, &o->watch, ends[0], EPOLLIN,
			on_readable, o);
	}
	if (r == 0)
		return o;
	log_warn("service %s: output not captured: %s", s->name, strerror(-r));
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	o->service = NULL;
	return NULL;
}

void svclog_configure(struct svclog *o, const struct config_log *log)
{
	o->log = log;
	fd_close(&o->file);
}

void svclog_close(struct svclog *o)
{
	int fd = o->watch.fd;
	/* what is still in the pipe, then a line that was not ended */
	on_readable(o, EPOLLIN);
	if (o->line_n)
		flush(o);
	say_dropped(o);
	loop_del(&o->init->loop, &o->watch);
	loop_timer_clear(&o->init->loop, &o->timer);
	fd_close(&fd);
	fd_close(&o->write_end);
	fd_close(&o->file);
	o->service = NULL;
}

void svclog_close_all(struct init *init)
{
	/* not by the table, most of which is memory never touched */
	for (size_t i = 0; i < init->nservices; i++)
		if (init->services[i].output)
			svclog_close(init->services[i].output);
}

size_t svclog_read(
	const struct svclog *o, uint64_t *from, char *dst, size_t cap)
{
	uint64_t first =
		o->ring_total > SVCLOG_RING ? o->ring_total - SVCLOG_RING : 0;
	if (*from < first || *from > o->ring_total)
		*from = first;
	size_t n = size_min((size_t)(o->ring_total - *from), cap);
	for (size_t i = 0; i < n; i++)
		dst[i] = o->ring[(*from + i) % SVCLOG_RING];
	*from += n;
	return n;
}
