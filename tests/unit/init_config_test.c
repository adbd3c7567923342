/* SPDX-License-Identifier: MIT */
/* tests/unit/init_config_test.c - the configuration of init. */
#include "tests/unit/test.h"

#include "init/command.h"
#include "init/config.h"
#include "lib/fmt.h"
#include "lib/mem.h"

static char last[512];

static void keep(void *owner, const char *message)
{
	(void)owner;
	fmt_str(last, sizeof(last), "%s", message);
}

static int parse(struct config *c, const char *text)
{
	config_default(c);
	last[0] = '\0';
	return config_parse(c, str_of(text), keep, NULL);
}

static void release(struct config *c)
{
	struct config plain;
	config_default(&plain);
	if (c->listen != plain.listen)
		mem_free((void *)(uintptr_t)c->listen);
	if (c->root != plain.root)
		mem_free((void *)(uintptr_t)c->root);
}

TEST(config_is_optional_in_every_part)
{
	struct config c;
	CHECK_EQ(parse(&c, "{}"), 0);
	CHECK(c.gateway);
	CHECK_CSTR(c.listen, "127.0.0.1");
	CHECK_EQ(c.port, 8080);
	CHECK_EQ(c.grace_ms, 5000);
	CHECK_EQ(parse(&c, "{\"gateway\":{}}"), 0);
}

TEST(config_takes_every_key)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\"grace_ms\":10,\"gateway\":{\"enabled\":false,"
			   "\"listen\":\"::\",\"port\":1,\"root\":\"/a\"}}"),
		0);
	CHECK(!c.gateway);
	CHECK_CSTR(c.listen, "::");
	CHECK_CSTR(c.root, "/a");
	CHECK_EQ(c.port, 1);
	CHECK_EQ(c.grace_ms, 10);
	release(&c);
}

TEST(config_refuses_unknown_keys_by_name)
{
	struct config c;
	CHECK_EQ(parse(&c, "{\"gatway\":{}}"), 1);
	CHECK_CSTR(last, "unknown key \"gatway\" (did you mean \"gateway\"?)");
	CHECK_EQ(parse(&c, "{\"gateway\":{\"quite else\":1}}"), 1);
	CHECK_CSTR(last, "unknown key \"gateway.quite else\"");
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
		CHECK(c.gateway);
		CHECK_CSTR(c.listen, "127.0.0.1");
		CHECK_CSTR(c.root, "/");
		CHECK_EQ(c.port, 8080);
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

TEST(config_environment_overrides)
{
	struct config c;
	config_default(&c);
	setenv("CORACLE_PORT", "9000", 1);
	setenv("CORACLE_LISTEN", "0.0.0.0", 1);
	setenv("CORACLE_GRACE", "", 1);
	CHECK_EQ(config_environment(&c, keep, NULL), 0);
	CHECK_EQ(c.port, 9000);
	CHECK_CSTR(c.listen, "0.0.0.0");
	CHECK_EQ(c.grace_ms, 5000);
	setenv("CORACLE_PORT", "90000", 1);
	setenv("CORACLE_LISTEN", "nowhere", 1);
	CHECK_EQ(config_environment(&c, keep, NULL), 2);
	CHECK_EQ(c.port, 9000);
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
