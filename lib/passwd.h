/* SPDX-License-Identifier: MIT */
/*
 * lib/passwd.h - the text of /etc/passwd and /etc/group (passwd(5), group(5)).
 *
 * input: untrusted
 *
 * Pure functions over the bytes of a file: a static program has no name
 * service, so these files are the only truth there is. Lines that are not
 * well formed are passed over, as every other reader does.
 */
#ifndef LIB_PASSWD_H
#define LIB_PASSWD_H

#include <sys/types.h>

#include "lib/str.h"

/* every str points into the text that was searched */
struct passwd_user {
	struct str name;
	uid_t uid;
	gid_t gid;
	struct str home;
	struct str shell;
};

struct passwd_group {
	struct str name;
	gid_t gid;
	struct str members; /* separated by commas */
};

/* one line without its newline; false: not an entry */
bool passwd_parse_user(struct str line, struct passwd_user *user);
bool passwd_parse_group(struct str line, struct passwd_group *group);

/* first entry of that name or number; false: none */
bool passwd_user_named(
	struct str passwd, struct str name, struct passwd_user *user);
bool passwd_user_numbered(
	struct str passwd, uid_t uid, struct passwd_user *user);
bool passwd_group_named(
	struct str group_text, struct str name, struct passwd_group *group);
bool passwd_group_numbered(
	struct str group_text, gid_t gid, struct passwd_group *group);

/* is name one of the comma-separated members? */
bool passwd_is_member(struct str members, struct str name);

/*
 * The groups that list this user as a member, first those of the file's
 * beginning; primary is not repeated. Returns how many stand in out[0..max).
 */
size_t passwd_groups_of(struct str group_text, struct str user, gid_t primary,
	gid_t *out, size_t max);

/* "1000", decimal and not the reserved (uid_t)-1 */
bool passwd_number(struct str text, uint32_t *out);

#endif
