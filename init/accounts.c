/* SPDX-License-Identifier: MIT */
/* init/accounts.c - what has to be added to passwd, group and shadow. */
#include "init/accounts.h"

#include "lib/passwd.h"

enum accounts_clash accounts_clash(
	struct str passwd, const struct layout_user *user)
{
	struct passwd_user found;
	if (passwd_user_named(passwd, str_of(user->name), &found))
		return found.uid == user->id ? ACCOUNTS_FINE
					     : ACCOUNTS_OTHER_ID;
	if (passwd_user_numbered(passwd, user->id, &found))
		return ACCOUNTS_OTHER_NAME;
	return ACCOUNTS_FINE;
}

/* a file without a last newline must not swallow our first line */
static void end_line(struct buf *out)
{
	if (out->n > 0 && *buf_at(out, out->n - 1) != '\n')
		buf_putc(out, '\n');
}

bool accounts_passwd(struct buf *out, struct str old)
{
	struct passwd_user found;
	bool changed = false;
	buf_put_str(out, old);
	for (size_t i = 0; i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		if (passwd_user_named(old, str_of(u->name), &found) ||
			accounts_clash(old, u) != ACCOUNTS_FINE)
			continue;
		end_line(out);
		buf_putf(out, "%s:x:%u:%u::%s:%s\n", u->name, u->id, u->id,
			u->home, u->shell);
		changed = true;
	}
	return changed;
}

/* append the users that belong to this group and are not in members yet */
static bool put_members(struct buf *out, const char *group, struct str members)
{
	bool changed = false;
	bool comma = members.n > 0;
	for (size_t i = 0; i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		if (!u->member_of || !str_is(str_of(u->member_of), group) ||
			passwd_is_member(members, str_of(u->name)))
			continue;
		if (comma)
			buf_putc(out, ',');
		buf_puts(out, u->name);
		comma = true;
		changed = true;
	}
	return changed;
}

static const struct layout_user *default_group(const struct passwd_group *g)
{
	for (size_t i = 0; i < layout_users_len; i++)
		if (str_is(g->name, layout_users[i].name) &&
			g->gid == layout_users[i].id)
			return &layout_users[i];
	return NULL;
}

bool accounts_group(struct buf *out, struct str old)
{
	struct passwd_group found;
	bool changed = false;
	struct str rest = old;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		buf_put_str(out, line);
		const struct layout_user *u = NULL;
		if (passwd_parse_group(line, &found))
			u = default_group(&found);
		if (u && put_members(out, u->name, found.members))
			changed = true;
		if (rest.p)
			buf_putc(out, '\n');
	}
	for (size_t i = 0; i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		if (passwd_group_named(old, str_of(u->name), &found) ||
			passwd_group_numbered(old, u->id, &found))
			continue;
		end_line(out);
		buf_putf(out, "%s:x:%u:", u->name, u->id);
		put_members(out, u->name, STR(""));
		buf_putc(out, '\n');
		changed = true;
	}
	return changed;
}

/* shadow has a name, a colon and fields that do not concern us */
static bool shadow_has(struct str shadow, const char *name)
{
	struct str rest = shadow;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (str_is(str_cut(&line, ':'), name))
			return true;
	}
	return false;
}

bool accounts_shadow(struct buf *out, struct str old, struct str passwd)
{
	struct passwd_user found;
	bool changed = false;
	buf_put_str(out, old);
	for (size_t i = 0; i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		if (!passwd_user_named(passwd, str_of(u->name), &found) ||
			found.uid != u->id || shadow_has(old, u->name))
			continue;
		end_line(out);
		buf_putf(out, "%s:!:::::::\n", u->name);
		changed = true;
	}
	return changed;
}
