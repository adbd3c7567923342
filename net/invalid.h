/* SPDX-License-Identifier: MIT */
/*
 * net/invalid.h - the one form of "your body has the wrong shape" (422):
 * {"detail":[{"type":..,"loc":["body",..],"msg":..,"input":..}]}.
 */
#ifndef NET_INVALID_H
#define NET_INVALID_H

#include "lib/json.h"

enum { INVALID_PLACE_MAX = 4 };

struct invalid {
	const char *type; /* "missing", "string_type" ... for programs */
	const char *message;
	/* steps below "body" as raw JSON; the first with p == NULL ends them */
	struct str place[INVALID_PLACE_MAX];
	struct str input;    /* raw JSON of the value; p == NULL: null */
	const char *context; /* more about it; or NULL */
};

/* append the whole answer */
void invalid_put(struct buf *out, const struct invalid *what);

#endif
