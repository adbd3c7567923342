/* SPDX-License-Identifier: MIT */
/*
 * net/retry.h - when a request may be tried again, and after how long.
 *
 * Full jitter: a delay is random between 0 and a bound that doubles, so that
 * many clients do not come back together.
 */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "net/http.h"

enum {
	RETRY_BASE_MS = 100,
	RETRY_MAX_MS = 20000,
	RETRY_AFTER_MAX_MS = 120000, /* a server may not ask for more */
};

/* before try number `attempt` (1 is the first repetition) */
uint64_t retry_delay_ms(unsigned attempt);

/* a status that says "not now": 408, 429, 500, 502, 503 and 504 */
bool retry_status(int status);

/* a failure of the connection that may go away by itself */
bool retry_errno(int err);

/* what Retry-After asks for, in seconds or as a date; 0: nothing */
uint64_t retry_after_ms(const struct http_head *head);

/* the longer of the two above, as the answer says */
uint64_t retry_wait_ms(unsigned attempt, const struct http_head *head);

/* sleep; false when *cancel (or NULL) became non-zero meanwhile */
bool retry_sleep(uint64_t ms, const int *cancel);

#endif
