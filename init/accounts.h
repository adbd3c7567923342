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

/* a user, whose primary group has its name and number */
struct account {
	const char *name;
	unsigned id;
	const char *home;
	const char *shell;
	const char *member_of; /* one more group, or NULL */
	char *const *groups;   /* and more */
	size_t ngroups;
};

struct account_group {
	const char *name;
	unsigned id;
	char *const *members;
	size_t nmembers;
};

enum { ACCOUNTS_MAX = 80 };

/* everyone that there is to be: the layout's, and what was configured */
struct accounts_want {
	struct account users[ACCOUNTS_MAX];
	size_t nusers;
	struct account_group groups[ACCOUNTS_MAX]; /* the users' not repeated */
	size_t ngroups;
};

enum accounts_clash {
	ACCOUNTS_FINE,
	ACCOUNTS_OTHER_ID,   /* the name stands there with another number */
	ACCOUNTS_OTHER_NAME, /* the number belongs to another name */
};

/* what stands in the way of this user, whose entry then is not added */
enum accounts_clash accounts_clash(
	struct str passwd, const struct account *user);

/*
 * The new content is appended to out (empty before). Returns whether it
 * differs from the old one. out->err is set when it would not fit.
 */
bool accounts_passwd(
	struct buf *out, struct str old, const struct accounts_want *want);
bool accounts_group(
	struct buf *out, struct str old, const struct accounts_want *want);

/* one locked entry for each user of ours that passwd has */
bool accounts_shadow(struct buf *out, struct str old, struct str passwd,
	const struct accounts_want *want);

/* the users of the layout */
void accounts_layout(struct accounts_want *want);

#endif
