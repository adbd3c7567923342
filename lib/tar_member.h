/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_member.h - the inner part of lib/tar_read.c: headers to an entry.
 */
#ifndef LIB_TAR_MEMBER_H
#define LIB_TAR_MEMBER_H

#include "lib/tar_read.h"

/* make r->entry of the header h and what preceded it; not its size */
void tar_member_fill(struct tar_read *r, const struct tar_header *h);

#endif
