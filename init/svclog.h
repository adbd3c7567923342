/* SPDX-License-Identifier: MIT */
/*
 * init/svclog.h - what services print: to our log, to files, to followers.
 *
 * input: untrusted
 *
 * Each service has one pipe for life, so that a restart loses nothing. Lines
 * are cut at SVCLOG_LINE bytes and passed on whole, at most `rate` a second;
 * what is over is counted and said once a second. Nothing here waits, and
 * memory is what the table holds: the last SVCLOG_RING bytes of each.
 */
#ifndef INIT_SVCLOG_H
#define INIT_SVCLOG_H

#include "init/config.h"
#include "lib/loop.h"

enum { SVCLOG_LINE = 1024, SVCLOG_RING = 4096 };

struct init;
struct service;

struct svclog {
	struct init *init;
	const struct service *service; /* NULL: free */
	const struct config_log *log;
	int write_end;
	struct loop_fd watch;
	struct loop_timer timer; /* to say what was dropped */
	char line[SVCLOG_LINE];
	size_t line_n;
	char ring[SVCLOG_RING];
	uint64_t ring_total; /* bytes ever put into it */
	uint64_t second_ms;  /* when the current second began */
	uint64_t lines;      /* in this second */
	uint64_t dropped;
	int file;
	uint64_t file_bytes;
};

/* is anything to be captured? */
bool svclog_captures(const struct config_log *log);

/* one for this service, or NULL: no room, or nothing is to be captured */
struct svclog *svclog_open(struct init *init, struct service *s);

/* the definition changed, or is gone (NULL) */
void svclog_configure(struct svclog *o, const struct config_log *log);
void svclog_close(struct svclog *o);

/* at the end: what the last of them printed is still in the pipes */
void svclog_close_all(struct init *init);

/* copy what the ring holds from byte `from` of all on; returns how much */
size_t svclog_read(
	const struct svclog *o, uint64_t *from, char *dst, size_t cap);

#endif
