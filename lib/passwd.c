/* SPDX-License-Identifier: MIT */
/* lib/passwd.c - the text of /etc/passwd and /etc/group. */
#include "lib/passwd.h"

enum { PASSWD_FIELDS = 7, GROUP_FIELDS = 4 };

/* split at ':' into exactly n fields; false when there are fewer or more */
static bool fields(struct str line, struct str *out, size_t n)
{
	struct str rest = line;
	for (size_t i = 0; i < n; i++) {
		if (!rest.p)
			return false;
		out[i] = str_cut(&rest, ':');
	}
	return !rest.p;
}

bool passwd_number(struct str text, uint32_t *out)
{
	uint64_t v;
	if (!str_to_u64(text, &v) || v >= UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

bool passwd_parse_user(struct str line, struct passwd_user *user)
{
	struct str f[PASSWD_FIELDS];
	if (!fields(line, f, PASSWD_FIELDS) || f[0].n == 0)
		return false;
	if (!passwd_number(f[2], &user->uid) ||
		!passwd_number(f[3], &user->gid))
		return false;
	user->name = f[0];
	user->home = f[5];
	user->shell = f[6];
	return true;
}

bool passwd_parse_group(struct str line, struct passwd_group *group)
{
	struct str f[GROUP_FIELDS];
	if (!fields(line, f, GROUP_FIELDS) || f[0].n == 0)
		return false;
	if (!passwd_number(f[2], &group->gid))
		return false;
	group->name = f[0];
	group->members = f[3];
	return true;
}

/* most lines are of others, and need not be taken apart */
static bool is_of(struct str line, struct str name)
{
	return name.n < line.n && line.p[name.n] == ':' &&
	       str_starts(line, name);
}

bool passwd_user_named(
	struct str passwd, struct str name, struct passwd_user *user)
{
	struct str rest = passwd;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (is_of(line, name) && passwd_parse_user(line, user))
			return true;
	}
	return false;
}

bool passwd_user_numbered(
	struct str passwd, uid_t uid, struct passwd_user *user)
{
	struct str rest = passwd;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (passwd_parse_user(line, user) && user->uid == uid)
			return true;
	}
	return false;
}

bool passwd_group_named(
	struct str group_text, struct str name, struct passwd_group *group)
{
	struct str rest = group_text;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (is_of(line, name) && passwd_parse_group(line, group))
			return true;
	}
	return false;
}

bool passwd_group_numbered(
	struct str group_text, gid_t gid, struct passwd_group *group)
{
	struct str rest = group_text;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (passwd_parse_group(line, group) && group->gid == gid)
			return true;
	}
	return false;
}

bool passwd_is_member(struct str members, struct str name)
{
	struct str rest = members;
	while (rest.p)
		if (str_eq(str_cut(&rest, ','), name))
			return name.n > 0;
	return false;
}

size_t passwd_groups_of(struct str group_text, struct str user, gid_t primary,
	gid_t *out, size_t max)
{
	struct str rest = group_text;
	size_t n = 0;
	while (rest.p && n < max) {
		struct passwd_group group;
		struct str line = str_cut(&rest, '\n');
		if (!passwd_parse_group(line, &group))
			continue;
		if (group.gid != primary &&
			passwd_is_member(group.members, user))
			out[n++] = group.gid;
	}
	return n;
}
