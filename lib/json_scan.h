/* SPDX-License-Identifier: MIT */
/* lib/json_scan.h - what the parts of the JSON reader share; private to it. */
#ifndef LIB_JSON_SCAN_H
#define LIB_JSON_SCAN_H

#include "lib/json.h"

/* json_check() that also counts values and keys: the tokens of a document */
int json_check_count(struct str text, size_t *offset, size_t *values);

static inline const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* bytes of a string that need no attention: ASCII without control, " and \ */
static inline const char *json_plain_run(const char *p, const char *end)
{
	while (p < end && (signed char)*p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return p;
}

#endif
