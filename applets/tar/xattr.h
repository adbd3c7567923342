/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/xattr.h - extended attributes, as the PAX records that hold them.
 *
 * "SCHILY.xattr.NAME", '%' and '=' of the name escaped as GNU tar does it.
 * Only user.* and security.capability: the others mean something on the
 * machine they come from only, or give power there.
 */
#ifndef APPLETS_TAR_XATTR_H
#define APPLETS_TAR_XATTR_H

#include "lib/buf.h"
#include "lib/str.h"

/* append those of an open file; 0 or a negative errno */
int xattr_read(int fd, struct buf *records);

/* set them; capability: that of files too. 0 or the first negative errno */
int xattr_write(int fd, struct str records, bool capability);

#endif
