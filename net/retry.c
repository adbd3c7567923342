/* SPDX-License-Identifier: MIT */
/* net/retry.c - when a request may be tried again, and after how long. */
#include "net/retry.h"

#include <errno.h>
#include <poll.h>

#include "lib/clock.h"
#include "lib/rand.h"
#include "net/http_date.h"

enum { STEP_MS = 100 };

uint64_t retry_delay_ms(unsigned attempt)
{
	uint64_t bound = RETRY_MAX_MS;
	uint64_t random = 0;
	if (attempt < 8)
		bound = (uint64_t)RETRY_BASE_MS << attempt;
	if (rand_bytes(&random, sizeof(random)) < 0)
		return bound;
	return random % (bound + 1);
}

bool retry_status(int status)
{
	switch (status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return false;
	}
}

bool retry_errno(int err)
{
	switch (err) {
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -ECONNABORTED:
	case -EPIPE:
	case -ETIMEDOUT:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return true;
	default:
		return false;
	}
}

uint64_t retry_after_ms(const struct http_head *head)
{
	uint64_t ms = 0;
	uint64_t seconds;
	int64_t date;
	struct str value = http_field(head, "Retry-After");
	if (!value.p)
		return 0;
	if (str_to_u64(value, &seconds)) {
		ms = seconds < RETRY_AFTER_MAX_MS ? seconds * 1000
						  : RETRY_AFTER_MAX_MS;
	} else if (http_date_read(value, &date)) {
		int64_t left = date - clock_wall(NULL);
		if (left > 0 && left < RETRY_AFTER_MAX_MS)
			ms = (uint64_t)left * 1000;
	}
	return ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS;
}

uint64_t retry_wait_ms(unsigned attempt, const struct http_head *head)
{
	uint64_t asked = head ? retry_after_ms(head) : 0;
	uint64_t own = retry_delay_ms(attempt);
	return asked > own ? asked : own;
}

bool retry_sleep(uint64_t ms, const int *cancel)
{
	uint64_t end = clock_ms() + ms;
	for (;;) {
		uint64_t now = clock_ms();
		if (cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED))
			return false;
		if (now >= end)
			return true;
		uint64_t left = end - now;
		poll(NULL, 0, (int)(left < STEP_MS ? left : STEP_MS));
	}
}
