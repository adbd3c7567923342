/* SPDX-License-Identifier: MIT */
/* tests/unit/policy_test.c - policies of trampolines and of run-as. */
#include "tests/unit/test.h"

#include "lib/policy.h"

static struct policy policy;
static struct policy_error why;

static bool parse(const char *text)
{
	size_t n = strlen(text);
	memcpy(policy.text, text, n);
	return policy_parse(&policy, n, &why);
}

static bool parse_pairs(const char *text)
{
	size_t n = strlen(text);
	memcpy(policy.text, text, n);
	return policy_parse_pairs(&policy, n, &why);
}

TEST(policy_command_is_split_and_an_arg_is_not)
{
	CHECK(parse("command /bin/x  -a\t-b\narg two words # no remark\n"));
	CHECK(policy.argc == 4);
	CHECK(strcmp(policy.argv[0], "/bin/x") == 0);
	CHECK(strcmp(policy.argv[2], "-b") == 0);
	CHECK(strcmp(policy.argv[3], "two words # no remark") == 0);
	CHECK(policy.argv[4] == NULL);
}

TEST(policy_defaults_are_the_environment_user)
{
	CHECK(parse("command /x"));
	CHECK(policy.uid == 10000 && policy.gid == 10000);
	CHECK(policy.ngroups == 1 && policy.groups[0] == 10001);
	CHECK(strcmp(policy.home, "/home/environment") == 0);
	CHECK(strcmp(policy.directory, "/") == 0);
	CHECK(!policy.real_uid && !policy.new_privs && policy.nroles == 0);
}

TEST(policy_nobody_is_allowed_who_is_not_named)
{
	CHECK(parse("command /x\nallow agent\nallow 4242 as guest\n"));
	CHECK(str_is(policy_role(&policy, 10001)->name, "agent"));
	CHECK(str_is(policy_role(&policy, 4242)->name, "guest"));
	CHECK(!policy_role(&policy, 0));
	CHECK(!policy_role(&policy, 10002));
	CHECK(!policy_role(&policy, (uid_t)-1));
}

TEST(policy_environment_is_a_fixed_list_that_the_file_extends)
{
	CHECK(parse("command /x\nallow agent\nenv A=b=c d\nenv PATH=/only\n"));
	char *const *env =
		policy_environment(&policy, policy_role(&policy, 10001));
	size_t n = 0;
	bool path = false;
	for (; env[n]; n++) {
		CHECK(strncmp(env[n], "PATH=/usr", 9) != 0);
		path |= strcmp(env[n], "PATH=/only") == 0;
	}
	CHECK(n == 9 && path);
	CHECK(strcmp(env[5], "CORACLE_CALLER=agent") == 0);
	CHECK(strcmp(env[6], "CORACLE_CALLER_UID=10001") == 0);
	CHECK(strcmp(env[7], "A=b=c d") == 0);
}

TEST(policy_mistakes_name_the_line_and_the_key)
{
	static const struct {
		const char *text, *why;
	} bad[] = {{"", "it has no command"}, {"allow agent\n", "no command"},
		{"command x\n", "line 1: command wants an absolute path"},
		{"\n\ncomand /x\n", "line 3: no such key: comand"},
		{"command /x\ncommand /y\n", "line 2: command is there twice"},
		{"arg x\ncommand /x\n", "line 1: arg stands before"},
		{"command /x\nuser root\n", "line 2: user wants"},
		{"command /x\nuser 0\n", "line 2: user wants"},
		{"command /x\nuser 4294967295\n", "line 2: user wants"},
		{"command /x\nuser -1\n", "line 2: user wants"},
		{"command /x\nallow root\n", "line 2: allow wants"},
		{"command /x\nallow agent as\n", "USER as ROLE"},
		{"command /x\nallow agent as a b\n", "USER as ROLE"},
		{"command /x\nallow\n", "line 2: allow wants"},
		{"command /x\ndirectory tmp\n", "absolute path"},
		{"command /x\nenv A\n", "NAME=VALUE"},
		{"command /x\nenv =A\n", "NAME=VALUE"},
		{"command /x\nenv CORACLE_CALLER=root\n", "may not set"},
		{"command /x\nlimit files 3\n", "limit wants nofile"},
		{"command /x\nlimit nofile x\n", "wants a number"},
		{"command /x\nreal-uid yes\n", "wants caller or user"},
		{"command /x\nnew-privs maybe\n", "wants yes or no"}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(!parse(bad[i].text));
		CHECK(why.status == 125);
		CHECK(strstr(why.why, bad[i].why) != NULL);
	}
}

TEST(policy_of_too_many_words_is_refused)
{
	char text[1024] = "command /x";
	for (size_t i = 0; i < POLICY_WORDS_MAX; i++)
		memcpy(text + 10 + 2 * i, " a", 3);
	CHECK(!parse(text));
	CHECK(strstr(why.why, "too many arguments") != NULL);
}

TEST(policy_with_a_nul_is_refused)
{
	memcpy(policy.text, "command /x\0y", 12);
	CHECK(!policy_parse(&policy, 12, &why));
	CHECK(strstr(why.why, "NUL") != NULL);
}

TEST(policy_pairs_are_exact)
{
	CHECK(parse_pairs("# who\nallow verifier sandbox kill-all\n"
			  "allow 7 8\n"));
	CHECK(policy_pair(&policy, 10002, 10003)->kill_all);
	CHECK(!policy_pair(&policy, 7, 8)->kill_all);
	CHECK(!policy_pair(&policy, 10003, 10002));
	CHECK(!policy_pair(&policy, 10001, 10003));
	CHECK(!policy_pair(&policy, 7, 7));
}

TEST(policy_pairs_never_lead_to_root)
{
	CHECK(!parse_pairs("allow verifier root\n"));
	CHECK(!parse_pairs("allow verifier 0\n"));
	CHECK(!parse_pairs("allow verifier\n"));
	CHECK(!parse_pairs("allow verifier sandbox kill\n"));
	CHECK(!parse_pairs("command /x\n"));
}

TEST(policy_user_by_number_is_the_same_as_by_name)
{
	CHECK(policy_set_user(&policy, "10003"));
	CHECK(policy.uid == 10003 && policy.groups[0] == 10002);
	CHECK(strcmp(policy.user, "sandbox") == 0);
	CHECK(policy_set_user(&policy, "4242"));
	CHECK(policy.uid == 4242 && policy.ngroups == 0);
	CHECK(!policy_set_user(&policy, "0"));
	CHECK(!policy_set_user(&policy, "root"));
	CHECK(!policy_set_user(&policy, "ghost"));
}

TEST(policy_path_that_others_can_write_is_not_safe)
{
	CHECK(policy_path_is_safe("/usr", &why));
	CHECK(!policy_path_is_safe("/tmp/x", &why));
	CHECK(strstr(why.why, "/tmp") != NULL);
	CHECK(!policy_path_is_safe("usr", &why));
	CHECK(!policy_path_is_safe("/no/such", &why));
}
