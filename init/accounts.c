/* SPDX-License-Identifier: MIT */
/* init/accounts.c - what has to be added to passwd, group and shadow. */
#include "init/accounts.h"

#include "lib/passwd.h"

enum accounts_clash accounts_clash(
	struct str passwd, const struct account *user)
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

bool accounts_passwd(
	struct buf *out, struct str old, const struct accounts_want *want)
{
	struct passwd_user found;
	bool changed = false;
	buf_put_str(out, old);
	for (size_t i = 0; i < want->nusers; i++) {
		const struct account *u = &want->users[i];
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

static bool lists(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool belongs(const struct account *u, const struct account_group *g)
{
	return (u->member_of && strcmp(u->member_of, g->name) == 0) ||
	       lists(u->groups, u->ngroups, g->name) ||
	       lists(g->members, g->nmembers, u->name);
}

/* append the users that belong to this group and are not in members yet */
static bool put_members(struct buf *out, const struct account_group *group,
	struct str members, const struct accounts_want *want)
{
	bool changed = false;
	bool comma = members.n > 0;
	for (size_t i = 0; i < want->nusers; i++) {
		const struct account *u = &want->users[i];
		if (!belongs(u, group) ||
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

/* the groups of users, then those of their own; false: there are no more */
static bool group_at(
	const struct accounts_want *want, size_t i, struct account_group *out)
{
	if (i < want->nusers)
		*out = (struct account_group){
			want->users[i].name, want->users[i].id, NULL, 0};
	else if (i - want->nusers < want->ngroups)
		*out = want->groups[i - want->nusers];
	else
		return false;
	return true;
}

static bool is_ours(const struct accounts_want *want,
	const struct passwd_group *g, struct account_group *out)
{
	for (size_t i = 0; group_at(want, i, out); i++)
		if (str_is(g->name, out->name) && g->gid == out->id)
			return true;
	return false;
}

bool accounts_group(
	struct buf *out, struct str old, const struct accounts_want *want)
{
	struct passwd_group found;
	struct account_group g;
	bool changed = false;
	struct str rest = old;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		buf_put_str(out, line);
		if (passwd_parse_group(line, &found) &&
			is_ours(want, &found, &g) &&
			put_members(out, &g, found.members, want))
			changed = true;
		if (rest.p)
			buf_putc(out, '\n');
	}
	for (size_t i = 0; group_at(want, i, &g); i++) {
		if (passwd_group_named(old, str_of(g.name), &found) ||
			passwd_group_numbered(old, g.id, &found))
			continue;
		end_line(out);
		buf_putf(out, "%s:x:%u:", g.name, g.id);
		put_members(out, &g, STR(""), want);
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

bool accounts_shadow(struct buf *out, struct str old, struct str passwd,
	const struct accounts_want *want)
{
	struct passwd_user found;
	bool changed = false;
	buf_put_str(out, old);
	for (size_t i = 0; i < want->nusers; i++) {
		const struct account *u = &want->users[i];
		if (!passwd_user_named(passwd, str_of(u->name), &found) ||
			found.uid != u->id || shadow_has(old, u->name))
			continue;
		end_line(out);
		buf_putf(out, "%s:!:::::::\n", u->name);
		changed = true;
	}
	return changed;
}

void accounts_layout(struct accounts_want *want)
{
	want->nusers = 0;
	want->ngroups = 0;
	for (size_t i = 0; i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		want->users[want->nusers++] = (struct account){
			.name = u->name,
			.id = u->id,
			.home = u->home,
			.shell = u->shell,
			.member_of = u->member_of,
		};
	}
}
