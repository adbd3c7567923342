/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/worker.h - heavy work in a process of its own: one of our
 * applets, joined by pipes.
 *
 * The worker writes one JSON line to its status descriptor when it is done:
 * {"ok":true,...} or {"ok":false,"kind":"...","error":"..."}.
 */
#ifndef APPLETS_GATEWAY_WORKER_H
#define APPLETS_GATEWAY_WORKER_H

#include "applets/gateway/gateway.h"

struct worker;

/* the descriptor that a worker's --status-fd names */
#define WORKER_STATUS_FD "3"

struct worker_result {
	bool ok;           /* it says so; it may have had warnings */
	struct str status; /* the JSON object, validated; p == NULL: none */
	const char *how;   /* "exit 2", "killed by SIGKILL" */
};

struct worker_request {
	char *const *argv; /* argv[0] is the applet */
	char *const *envp; /* NULL: the gateway's */
	int cwd;           /* directory to work in */
	/* descriptors for its stdin and stdout, which stay the caller's;
	 * 0: none */
	int in, out;
	bool feed;    /* its stdin is a pipe to be written */
	bool collect; /* its stdout is a pipe to be read */
	/* its input pipe has room again; may be NULL */
	void (*on_room)(void *owner);
	/* its output pipe has bytes, or ended */
	void (*on_output)(void *owner);
	/* it ended and its status was read; the worker is gone afterwards */
	void (*on_done)(void *owner, const struct worker_result *result);
	void *owner;
};

/* NULL: it could not be started; why says the reason */
struct worker *worker_start(struct gateway *g,
	const struct worker_request *request, char *why, size_t size);

/*
 * Write to its input: the bytes taken (0 when the pipe is full: on_room will
 * come), or a negative errno (-EPIPE: it reads no more).
 */
ssize_t worker_write(struct worker *w, struct str data);

/* no more input */
void worker_end_input(struct worker *w);

/*
 * Read its output: bytes, 0 at the end, -EAGAIN when there are none now.
 * worker_hold() stops and resumes on_output.
 */
ssize_t worker_read(struct worker *w, void *dst, size_t n);
void worker_hold(struct worker *w, bool hold);

/*
 * Nobody wants the result any more: SIGTERM, then the end of its pipes, so
 * that it cleans up behind itself. No more callbacks.
 */
void worker_abandon(struct worker *w);

/* the same, but on_done still comes */
void worker_interrupt(struct worker *w);

/*
 * What a result says went wrong: append "WHAT: ERROR: MEMBER" to out; and the
 * raw string of its kind (p == NULL: it could not even say that).
 */
void worker_put_error(
	struct buf *out, const char *what, const struct worker_result *result);
struct str worker_kind(const struct worker_result *result);

/* the status for a client whose archive a tar worker refused or lost */
int worker_tar_status(struct str kind);

#endif
