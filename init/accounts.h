/* SPDX-License-Identifier: MIT */
/*
 * init/accounts.h - what has to be added to passwd, group and shadow.
 *
 * input: untrusted (files of whatever image we were copied into)
 *
 * Pure: old text in, new text out. Only missing lines are appended, and a
 * missing member is added to a line that is ours; every other line is kept
 * byte for byte. Applied to its own result it changes nothing.
 */
#ifndef INIT_ACCOUNTS_H
#define INIT_ACCOUNTS_H

#include "lib/buf.h"
#include "lib/layout.h"
#include "lib/str.h"

enum accounts_clash {
	ACCOUNTS_FINE,
	ACCOUNTS_OTHER_ID,   /* the name stands there with another number */
	ACCOUNTS_OTHER_NAME, /* the number belongs to another name */
};

/* what stands in the way of this user, whose entry then is not added */
enum accounts_clash accounts_clash(
	struct str passwd, const struct layout_user *user);

/*
 * The new content is appended to out (empty before). Returns whether it
 * differs from the old one. out->err is set when it would not fit.
 */
bool accounts_passwd(struct buf *out, struct str old);
bool accounts_group(struct buf *out, struct str old);

/* one locked entry for each default user that passwd has */
bool accounts_shadow(struct buf *out, struct str old, struct str passwd);

#endif
