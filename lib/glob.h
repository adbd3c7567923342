/* SPDX-License-Identifier: MIT */
/*
 * lib/glob.h - shell patterns over bytes: * ? [a-z] [!x] and backslash.
 *
 * No locale; '*' and '?' match '/' too unless GLOB_SLASH is given.
 */
#ifndef LIB_GLOB_H
#define LIB_GLOB_H

#include <stdbool.h>

#include "lib/str.h"

enum {
	GLOB_SLASH = 1,   /* a '/' is matched by nothing but itself */
	GLOB_LEADING = 2, /* matching up to a '/' of the text is enough */
};

bool glob_match(struct str pattern, struct str text, unsigned flags);

#endif
