/* SPDX-License-Identifier: MIT */
/* tests/unit/init_config_test.c - the configuration of init. */
#include "tests/unit/test.h"

#include "init/command.h"
#include "init/config.h"
#include "lib/fmt.h"

static char last[512];
static struct config previous; /* so that nothing is leaked */

static void keep(void *owner, const char *message)
{
	(void)owner;
	fmt_str(last, sizeof(last), "%s", message);
}

static int parse(struct config *c, const char *text)
{
	static bool again;
	if (again)
		config_fini(&previous);
	again = true;
	config_default(c);
	last[0] = '\0';
	int mistakes = config_parse(c, str_of(text), keep, NULL);
	previous = *c;
	return mistakes;
}

TEST(config_is_optional_in_every_part)
{
	struct config c;
	CHECK_EQ(parse(&c, "{}"), 0);
	CHECK(c.gateway.enabled);
	CHECK_CSTR(c.gateway.listen, "127.0.0.1");
	CHECK_EQ(c.gateway.port, 8080);
	CHECK_EQ(c.grace_ms, 5000);
	CHECK_EQ(parse(&c, "{\"gateway\":{}}"), 0);
}

TEST(config_takes_every_key)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\"grace_ms\":10,\"gateway\":{\"enabled\":false,"
			   "\"listen\":\"::\",\"port\":1,\"root\":\"/a\"}}"),
		0);
	CHECK(!c.gateway.enabled);
	CHECK_CSTR(c.gateway.listen, "::");
	CHECK_CSTR(c.gateway.root, "/a");
	CHECK_EQ(c.gateway.port, 1);
	CHECK_EQ(c.grace_ms, 10);
}

TEST(config_refuses_unknown_keys_by_name)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\"gatway\":{}}"), 1);
	CHECK_CSTR(last, "line 1, column 2: unknown key \"gatway\" (did you "
			 "mean \"gateway\"?)");
	CHECK_EQ(parse(&c, "{\"gateway\":{\"quite else\":1}}"), 1);
	CHECK_CSTR(
		last, "line 1, column 13: unknown key \"gateway.quite else\"");
}

TEST(config_refuses_wrong_values_and_keeps_the_default)
{
	static const char *const bad[] = {"{\"gateway\":1}",
		"{\"gateway\":{\"port\":0}}", "{\"gateway\":{\"port\":65536}}",
		"{\"gateway\":{\"port\":\"80\"}}",
		"{\"gateway\":{\"port\":1.5}}",
		"{\"gateway\":{\"listen\":\"here\"}}",
		"{\"gateway\":{\"listen\":\"0.0.0.0\\u0000\"}}",
		"{\"gateway\":{\"root\":\"a\"}}",
		"{\"gateway\":{\"enabled\":\"yes\"}}", "[]", "1",
		"{\"grace_ms\":-1}", "{\"grace_ms\":3600001}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct config c;
		CHECK_EQ(parse(&c, bad[i]), 1);
		CHECK(last[0] != '\0');
		CHECK(c.gateway.enabled);
		CHECK_CSTR(c.gateway.listen, "127.0.0.1");
		CHECK_CSTR(c.gateway.root, "/");
		CHECK_EQ(c.gateway.port, 8080);
		CHECK_EQ(c.grace_ms, 5000);
	}
}

TEST(config_says_where_the_syntax_is_wrong)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\n  \"gateway\": {,}\n}"), 1);
	CHECK(strstr(last, "line 2, column 15") != NULL);
	CHECK_EQ(parse(&c, "{\"grace_ms\":1,\"grace_ms\":2}"), 1);
	CHECK_EQ(parse(&c, ""), 1);
}

/* what is printed is taken again, and printed the same */
static void check_round_trip(const struct config *c)
{
	struct config second;
	struct buf once, twice;
	buf_init(&once, 1 << 20);
	buf_init(&twice, 1 << 20);
	config_print(&once, c);
	config_default(&second);
	CHECK_EQ(config_parse(&second, buf_str(&once), keep, NULL), 0);
	config_print(&twice, &second);
	CHECK_CSTR(buf_cstr(&once), buf_cstr(&twice));
	config_fini(&second);
	buf_fini(&once);
	buf_fini(&twice);
}

TEST(config_prints_what_it_takes)
{
	struct config c;
	CHECK_EQ(
		parse(&c, "{\"users\":{\"u\":{\"uid\":1,\"groups\":[\"g\"]}},"
			  "\"groups\":{\"g\":{\"gid\":2}},"
			  "\"environment\":{\"A\":\"b\"},"
			  "\"mounts\":[{\"target\":\"/m\"}],"
			  "\"directories\":[{\"path\":\"/d\",\"mode\":\"0700\","
			  "\"files\":{\"f\":\"text\"}}],"
			  "\"boot\":[{\"name\":\"t\",\"command\":[\"x\"],"
			  "\"required\":true}],"
			  "\"services\":{\"s\":{\"command\":[\"x\",\"\"],"
			  "\"stop_signal\":\"SIGINT\",\"restart\":\"never\","
			  "\"limits\":{\"nofile\":9},\"after\":[\"gateway\"],"
			  "\"ready\":{\"fd\":3},\"capabilities\":[]}},"
			  "\"command\":{\"after\":[\"s\"]}}"),
		0);
	const struct config_service *s = config_find_service(&c, "s");
	CHECK(s != NULL);
	CHECK_EQ(s->command.n, 2);
	CHECK_EQ(s->stop_signal, 2);
	CHECK_EQ(s->restart, RESTART_NEVER);
	CHECK_EQ(s->limits.nofile, 9);
	CHECK(s->capabilities.v != NULL);
	check_round_trip(&c);
}

TEST(config_leaves_out_a_service_with_a_mistake)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\"services\":{\"a\":{\"command\":[\"x\"]},"
			   "\"b\":{\"command\":[\"x\"],\"stop_ms\":-1}}}"),
		1);
	CHECK_CSTR(last, "line 1, column 67: \"services.b.stop_ms\" wants a "
			 "number from 0 to 3600000");
	CHECK_EQ(c.services.n, 1);
	CHECK(config_find_service(&c, "a") != NULL);
}

TEST(config_refuses_what_no_single_value_tells)
{
	static const char *const bad[] = {
		"{\"services\":{\"a\":{\"command\":[]}}}",
		"{\"services\":{\"a b\":{\"command\":[\"x\"]}}}",
		"{\"services\":{\"gateway\":{\"command\":[\"x\"]}}}",
		"{\"services\":{\"a\":{\"command\":[\"x\"],"
		"\"after\":[\"b\"]}}}",
		"{\"services\":{\"a\":{\"command\":[\"x\"],"
		"\"after\":[\"a\"]}}}",
		"{\"services\":{\"a\":{\"command\":[\"x\"],"
		"\"ready\":{\"fd\":3,\"port\":1}}}}",
		"{\"services\":{\"a\":{\"command\":[\"x\"],"
		"\"log\":{\"to\":\"file\"}}}}",
		"{\"services\":{\"a\":{\"command\":[\"x\"],"
		"\"capabilities\":[\"fly\"]}}}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct config c;
		CHECK_EQ(parse(&c, bad[i]), 1);
		CHECK_EQ(c.services.n, 0);
	}
}

TEST(config_names_cycles)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\"services\":{"
			   "\"a\":{\"command\":[\"x\"],\"after\":[\"b\"]},"
			   "\"b\":{\"command\":[\"x\"],\"after\":[\"a\"]},"
			   "\"c\":{\"command\":[\"x\"]}}}"),
		2);
	CHECK(strstr(last, "\"services.b.after\" is part of a cycle") != NULL);
	CHECK_EQ(c.services.n, 1);
}

TEST(signals_have_names_and_numbers)
{
	CHECK_EQ(shape_signal(STR("TERM")), 15);
	CHECK_EQ(shape_signal(STR("SIGHUP")), 1);
	CHECK_EQ(shape_signal(STR("9")), 9);
	CHECK_EQ(shape_signal(STR("RTMIN+2")), 36);
	CHECK_EQ(shape_signal(STR("0")), 0);
	CHECK_EQ(shape_signal(STR("65")), 0);
	CHECK_EQ(shape_signal(STR("nal 3")), 0);
	CHECK_EQ(shape_signal(STR("")), 0);
}

TEST(config_environment_overrides)
{
	struct config c;
	config_default(&c);
	setenv("CORACLE_PORT", "9000", 1);
	setenv("CORACLE_LISTEN", "0.0.0.0", 1);
	setenv("CORACLE_GRACE", "", 1);
	CHECK_EQ(config_environment(&c, keep, NULL), 0);
	CHECK_EQ(c.gateway.port, 9000);
	CHECK_CSTR(c.gateway.listen, "0.0.0.0");
	CHECK_EQ(c.grace_ms, 5000);
	setenv("CORACLE_PORT", "90000", 1);
	setenv("CORACLE_LISTEN", "nowhere", 1);
	CHECK_EQ(config_environment(&c, keep, NULL), 2);
	CHECK_EQ(c.gateway.port, 9000);
}

TEST(command_knows_the_vectors_that_wait)
{
	char sh[] = "sh", c[] = "-c", infinity[] = "sleep infinity";
	char sleep_name[] = "sleep", forever[] = "infinity", more[] = "x";
	char *shell[] = {sh, c, infinity, NULL};
	char *shell_more[] = {sh, c, infinity, more, NULL};
	char *plain[] = {sleep_name, forever, NULL};
	char *short_one[] = {sleep_name, NULL};
	CHECK(command_waits_forever(shell));
	CHECK(!command_waits_forever(shell_more));
	CHECK(command_waits_forever(plain));
	CHECK(!command_waits_forever(short_one));
}
