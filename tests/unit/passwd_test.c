/* SPDX-License-Identifier: MIT */
/* tests/unit/passwd_test.c - reading and completing passwd and group. */
#include "tests/unit/test.h"

#include "init/accounts.h"
#include "lib/passwd.h"

static const char debian[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "# a comment\n"
			     "\n"
			     "broken:x:one:1::/:/bin/sh\n"
			     "ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash";

static const struct accounts_want *layout(void)
{
	static struct accounts_want want;
	accounts_layout(&want);
	return &want;
}

static void check_idempotent_passwd(struct str old)
{
	struct buf once, twice;
	buf_init(&once, 65536);
	buf_init(&twice, 65536);
	accounts_passwd(&once, old, layout());
	CHECK(!accounts_passwd(&twice, buf_str(&once), layout()));
	CHECK(str_eq(buf_str(&once), buf_str(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
}

static void check_idempotent_group(struct str old)
{
	struct buf once, twice;
	buf_init(&once, 65536);
	buf_init(&twice, 65536);
	accounts_group(&once, old, layout());
	CHECK(!accounts_group(&twice, buf_str(&once), layout()));
	CHECK(str_eq(buf_str(&once), buf_str(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
}

TEST(passwd_finds_users_by_name_and_number)
{
	struct passwd_user u;
	CHECK(passwd_user_named(str_of(debian), STR("ubuntu"), &u));
	CHECK_EQ(u.uid, 1000);
	CHECK(str_is(u.home, "/home/ubuntu"));
	CHECK(str_is(u.shell, "/bin/bash"));
	CHECK(passwd_user_numbered(str_of(debian), 0, &u));
	CHECK(str_is(u.name, "root"));
	CHECK(!passwd_user_named(str_of(debian), STR("broken"), &u));
	CHECK(!passwd_user_named(str_of(debian), STR(""), &u));
	CHECK(!passwd_user_named(STR(""), STR("root"), &u));
}

TEST(passwd_refuses_lines_that_are_not_entries)
{
	static const char *const bad[] = {"", ":x:1:1::/:/bin/sh", "a:x:1:1::/",
		"a:x:1:1::/:/bin/sh:more", "a:x:-1:1::/:/bin/sh",
		"a:x:4294967295:1::/:/bin/sh", "a:x: 1:1::/:/bin/sh",
		"a:x:99999999999999999999:1::/:", "a"};
	struct passwd_user u;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!passwd_parse_user(str_of(bad[i]), &u));
}

TEST(passwd_lists_the_groups_of_a_user)
{
	static const char text[] = "a:x:1:me\nb:x:2:you,me\nc:x:3:\n"
				   "d:x:4:meme,notme\ne:x:5:me,you";
	gid_t got[4];
	CHECK_EQ(passwd_groups_of(str_of(text), STR("me"), 1, got, 4), 2);
	CHECK_EQ(got[0], 2);
	CHECK_EQ(got[1], 5);
	CHECK_EQ(passwd_groups_of(str_of(text), STR("me"), 9, got, 2), 2);
	CHECK_EQ(passwd_groups_of(str_of(text), STR(""), 9, got, 4), 0);
}

TEST(accounts_fill_an_empty_image)
{
	struct buf out;
	struct passwd_user u;
	buf_init(&out, 65536);
	CHECK(accounts_passwd(&out, STR(""), layout()));
	for (size_t i = 0; i < layout_users_len; i++) {
		CHECK(passwd_user_named(
			buf_str(&out), str_of(layout_users[i].name), &u));
		CHECK_EQ(u.uid, layout_users[i].id);
	}
	buf_fini(&out);
	buf_init(&out, 65536);
	CHECK(accounts_group(&out, STR(""), layout()));
	gid_t groups[4];
	CHECK_EQ(passwd_groups_of(
			 buf_str(&out), STR("environment"), 10000, groups, 4),
		1);
	CHECK_EQ(groups[0], 10001);
	buf_fini(&out);
}

TEST(accounts_keep_foreign_lines)
{
	struct buf out;
	buf_init(&out, 65536);
	CHECK(accounts_passwd(&out, str_of(debian), layout()));
	CHECK(str_starts(buf_str(&out), str_of(debian)));
	/* the last line had no newline and still is a line of its own */
	CHECK(str_has(buf_str(&out), STR(":/bin/bash\nenvironment:x:10000")));
	CHECK_EQ(str_find(buf_str(&out), STR("root:x:0:0")), 0);
	buf_fini(&out);
}

TEST(accounts_change_nothing_the_second_time)
{
	static const char groups[] = "root:x:0:\nagent:x:10001:me\n\nodd line";
	check_idempotent_passwd(STR(""));
	check_idempotent_passwd(str_of(debian));
	check_idempotent_group(STR(""));
	check_idempotent_group(str_of(groups));
}

TEST(accounts_add_members_to_our_groups_only)
{
	struct buf out;
	buf_init(&out, 65536);
	CHECK(accounts_group(
		&out, STR("agent:x:10001:me\nverifier:x:5:\n"), layout()));
	CHECK(str_starts(
		buf_str(&out), STR("agent:x:10001:me,environment,verifier\n"
				   "verifier:x:5:\n")));
	buf_fini(&out);
}

TEST(accounts_leave_clashes_alone)
{
	static const char text[] = "agent:x:5:5::/:/bin/sh\n"
				   "other:x:10002:5::/:/bin/sh\n";
	struct buf out;
	struct passwd_user u;
	buf_init(&out, 65536);
	CHECK(accounts_passwd(&out, str_of(text), layout()));
	CHECK(passwd_user_named(buf_str(&out), STR("agent"), &u));
	CHECK_EQ(u.uid, 5);
	CHECK(!passwd_user_named(buf_str(&out), STR("verifier"), &u));
	CHECK_EQ(accounts_clash(str_of(text), &layout()->users[0]),
		ACCOUNTS_FINE);
	CHECK_EQ(accounts_clash(str_of(text), &layout()->users[2]),
		ACCOUNTS_OTHER_ID);
	CHECK_EQ(accounts_clash(str_of(text), &layout()->users[3]),
		ACCOUNTS_OTHER_NAME);
	buf_fini(&out);
}

TEST(accounts_lock_every_default_user)
{
	struct buf passwd, shadow, again;
	buf_init(&passwd, 65536);
	buf_init(&shadow, 65536);
	buf_init(&again, 65536);
	accounts_passwd(&passwd, STR(""), layout());
	CHECK(accounts_shadow(&shadow, STR("root:*:1:0:99999:7:::\n"),
		buf_str(&passwd), layout()));
	CHECK(str_starts(buf_str(&shadow),
		STR("root:*:1:0:99999:7:::\nenvironment:!:::::::\n")));
	CHECK(!accounts_shadow(
		&again, buf_str(&shadow), buf_str(&passwd), layout()));
	buf_fini(&passwd);
	buf_fini(&shadow);
	buf_fini(&again);
}

TEST(accounts_report_a_file_that_does_not_fit)
{
	struct buf out;
	buf_init(&out, 16);
	(void)accounts_passwd(&out, str_of(debian), layout());
	CHECK(out.err < 0);
	buf_fini(&out);
}
