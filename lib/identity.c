/* SPDX-License-Identifier: MIT */
/* lib/identity.c - who a user is, by /etc/passwd and /etc/group. */
#include "lib/identity.h"

#include <fcntl.h>

#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/passwd.h"

enum { IDENTITY_FILE_MAX = 1 << 20 };

static bool copy(char *dst, struct str text)
{
	return fmt_str(dst, IDENTITY_TEXT, "%.*s", STR_FMT(text)) <
	       IDENTITY_TEXT;
}

static bool find_user(
	struct str passwd, const char *name, struct passwd_user *user)
{
	uint32_t uid;
	return passwd_user_named(passwd, str_of(name), user) ||
	       (passwd_number(str_of(name), &uid) &&
		       passwd_user_numbered(passwd, uid, user));
}

/* a number that no line names is a user nevertheless */
static bool bare_number(struct identity *who, const char *name)
{
	uint32_t uid;
	if (!passwd_number(str_of(name), &uid))
		return false;
	who->uid = uid;
	who->gid = uid;
	who->ngroups = 0;
	return copy(who->name, str_of(name)) && copy(who->home, STR("/")) &&
	       copy(who->shell, STR("/bin/sh"));
}

bool identity_group(gid_t *gid, const char *name)
{
	struct buf text;
	struct passwd_group group;
	uint32_t number;
	buf_init(&text, IDENTITY_FILE_MAX);
	bool found = file_read(AT_FDCWD, "/etc/group", &text) == 0 &&
		     passwd_group_named(buf_str(&text), str_of(name), &group);
	if (found)
		*gid = group.gid;
	buf_fini(&text);
	if (found || !passwd_number(str_of(name), &number))
		return found;
	*gid = number;
	return true;
}

bool identity_find(struct identity *who, const char *name)
{
	struct buf passwd, group;
	struct passwd_user user;
	buf_init(&passwd, IDENTITY_FILE_MAX);
	buf_init(&group, IDENTITY_FILE_MAX);
	bool found = file_read(AT_FDCWD, "/etc/passwd", &passwd) == 0 &&
		     find_user(buf_str(&passwd), name, &user) &&
		     copy(who->name, user.name) && copy(who->home, user.home) &&
		     copy(who->shell, user.shell);
	if (found) {
		who->uid = user.uid;
		who->gid = user.gid;
		(void)file_read(AT_FDCWD, "/etc/group", &group);
		who->ngroups = passwd_groups_of(buf_str(&group), user.name,
			user.gid, who->groups, IDENTITY_GROUPS);
	}
	buf_fini(&passwd);
	buf_fini(&group);
	return found || bare_number(who, name);
}
