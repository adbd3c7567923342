/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/job.h - work that a request asked for and that takes a
 * while: its client waits for it, or asks for it later by its number.
 *
 * The work itself is somebody else's; it promises to call job_end() once, also
 * after its cancel function was called.
 */
#ifndef APPLETS_GATEWAY_JOB_H
#define APPLETS_GATEWAY_JOB_H

#include "applets/gateway/gateway.h"

enum job_kind { JOB_POPULATE, JOB_SNAPSHOT, JOB_ROOTFS };

struct job;

/*
 * In the foreground the answer to x is the outcome, and its client's going
 * away cancels; in the background x is answered with {"job_id":..} now. NULL:
 * x was answered with the reason.
 */
struct job *job_new(struct gateway *g, struct http_exchange *x,
	enum job_kind kind, bool background);

/* what to call when nobody wants it any more */
void job_on_cancel(struct job *j, void (*cancel)(void *work), void *work);

/* the outcome: 200 with JSON, or another status with a sentence; j is gone */
void job_end(struct job *j, int status, struct str text);
void job_endf(struct job *j, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* the routes: state of one, all of a kind, cancelling one */
void job_populate_status(struct gateway *g, struct http_exchange *x);
void job_snapshot_status(struct gateway *g, struct http_exchange *x);
void job_populate_list(struct gateway *g, struct http_exchange *x);
void job_snapshot_list(struct gateway *g, struct http_exchange *x);

/* the gateway stops: cancel all; and forget all */
void jobs_cancel(struct gateway *g);
void jobs_free(struct gateway *g);

#endif
