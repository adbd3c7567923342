/* SPDX-License-Identifier: MIT */
/* applets/tar/ids.c - names of users and groups. */
#include "applets/tar/ids.h"

#include <fcntl.h>

#include "lib/file.h"
#include "lib/passwd.h"

enum { FILE_MAX = 1 << 20 };

void ids_load(struct ids *t, enum id_kind kind)
{
	*t = (struct ids){.kind = kind};
	buf_init(&t->text, FILE_MAX);
	if (file_read(AT_FDCWD, kind == ID_USER ? "/etc/passwd" : "/etc/group",
		    &t->text) < 0)
		buf_reset(&t->text);
}

void ids_fini(struct ids *t)
{
	buf_fini(&t->text);
}

static struct str find_name(const struct ids *t, uint32_t id)
{
	struct passwd_user user;
	struct passwd_group group;
	struct str text = buf_str(&t->text);
	if (t->kind == ID_USER)
		return passwd_user_numbered(text, id, &user) ? user.name
							     : STR("");
	return passwd_group_numbered(text, id, &group) ? group.name : STR("");
}

struct str ids_name(struct ids *t, uint32_t id)
{
	if (!t->has_last || t->last_id != id) {
		t->last_name = find_name(t, id);
		t->last_id = id;
		t->has_last = true;
	}
	return t->last_name;
}

bool ids_find(const struct ids *t, struct str name, uint32_t *id)
{
	struct passwd_user user;
	struct passwd_group group;
	struct str text = buf_str(&t->text);
	if (t->kind == ID_USER) {
		if (!passwd_user_named(text, name, &user))
			return false;
		*id = user.uid;
		return true;
	}
	if (!passwd_group_named(text, name, &group))
		return false;
	*id = group.gid;
	return true;
}
