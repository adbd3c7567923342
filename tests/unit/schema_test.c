/* SPDX-License-Identifier: MIT */
/* tests/unit/schema_test.c - JSON Schema: what is refused, and in what words. */
#include "lib/schema.h"

#include "test.h"

static char said[4096];

static bool usable(const char *schema)
{
	struct buf why;
	buf_init(&why, sizeof(said) - 1);
	bool good = schema_check(str_of(schema), &why);
	snprintf(said, sizeof(said), "%s", buf_cstr(&why));
	buf_fini(&why);
	return good;
}

static bool keeps(const char *schema, const char *value)
{
	struct buf why;
	buf_init(&why, sizeof(said) - 1);
	CHECK(usable(schema));
	bool good = schema_validate(str_of(schema), str_of(value), &why);
	snprintf(said, sizeof(said), "%s", buf_cstr(&why));
	buf_fini(&why);
	return good;
}

TEST(schema_types)
{
	CHECK(keeps("{\"type\":\"string\"}", "\"a\""));
	CHECK(!keeps("{\"type\":\"string\"}", "1"));
	CHECK(keeps("{\"type\":\"integer\"}", "1"));
	CHECK(keeps("{\"type\":\"integer\"}", "1.0"));
	CHECK(keeps("{\"type\":\"integer\"}", "-3e2"));
	CHECK(!keeps("{\"type\":\"integer\"}", "1.5"));
	CHECK(keeps("{\"type\":[\"null\",\"array\"]}", "[]"));
	CHECK(!keeps("{\"type\":[\"null\",\"array\"]}", "{}"));
	CHECK(keeps("{\"type\":\"number\"}", "1.5"));
	CHECK(keeps("{\"type\":\"boolean\"}", "false"));
	CHECK(keeps("true", "3"));
	CHECK(!keeps("false", "3"));
}

TEST(schema_says_where)
{
	const char *schema =
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
		"\"array\",\"items\":{\"type\":\"object\",\"required\":[\"b\"]"
		",\"additionalProperties\":false,\"properties\":{\"b\":{"
		"\"maximum\":3}}}}}}";
	CHECK(keeps(schema, "{\"a\":[{\"b\":3}]}"));
	CHECK(!keeps(schema, "{\"a\":[{\"b\":1},{\"b\":4}]}"));
	CHECK(strcmp(said, "a[1].b: must be at most 3") == 0);
	CHECK(!keeps(schema, "{\"a\":[{}]}"));
	CHECK(strcmp(said, "a[0]: needs \"b\"") == 0);
	CHECK(!keeps(schema, "{\"a\":[{\"b\":1,\"c\":2}]}"));
	CHECK(strcmp(said, "a[0].c: is not known here") == 0);
	CHECK(!keeps(schema, "[]"));
	CHECK(strcmp(said, "must be of type \"object\"") == 0);
}

TEST(schema_names_are_compared_unescaped)
{
	const char *schema = "{\"properties\":{\"a\\u0062\":{\"const\":1}},"
			     "\"additionalProperties\":false}";
	CHECK(keeps(schema, "{\"\\u0061b\":1}"));
	CHECK(!keeps(schema, "{\"ab\":2}"));
	CHECK(keeps("{\"required\":[\"\\u0061\"]}", "{\"a\":1}"));
}

TEST(schema_values_are_compared_by_meaning)
{
	CHECK(keeps("{\"enum\":[1,\"x\"]}", "1.0"));
	CHECK(keeps("{\"enum\":[1,\"x\"]}", "\"\\u0078\""));
	CHECK(!keeps("{\"enum\":[1,\"x\"]}", "\"1\""));
	CHECK(keeps("{\"const\":{\"a\":[1],\"b\":null}}",
		"{\"b\":null,\"a\":[1e0]}"));
	CHECK(!keeps("{\"const\":{\"a\":[1]}}", "{\"a\":[1,2]}"));
	CHECK(!keeps("{\"const\":{\"a\":1}}", "{\"a\":1,\"b\":2}"));
}

TEST(schema_limits)
{
	CHECK(keeps("{\"minLength\":2,\"maxLength\":2}", "\"\\u00e4\u00f6\""));
	CHECK(!keeps("{\"minLength\":3}", "\"\u00e4\u00f6\""));
	CHECK(!keeps("{\"maxItems\":1}", "[1,2]"));
	CHECK(keeps("{\"maxItems\":1}", "\"not a list\""));
	CHECK(!keeps("{\"minProperties\":1}", "{}"));
	CHECK(!keeps("{\"exclusiveMinimum\":1}", "1"));
	CHECK(keeps("{\"exclusiveMaximum\":1}", "0.999"));
	CHECK(!keeps("{\"maximum\":9}", "1e999"));
	CHECK(!keeps("{\"maximum\":9}",
		"99999999999999999999999999999999999999999999999999999999999"
		"99999999999"));
	CHECK(!keeps("{\"minimum\":-9}", "-1e999"));
}

TEST(schema_combinations)
{
	CHECK(keeps("{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":1}]}", "2"));
	CHECK(!keeps("{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":1}]}", "0"));
	CHECK(!keeps("{\"oneOf\":[{\"minimum\":0},{\"minimum\":1}]}", "2"));
	CHECK(keeps("{\"oneOf\":[{\"minimum\":0},{\"minimum\":1}]}", "0"));
	CHECK(!keeps("{\"allOf\":[{\"minimum\":0},{\"minimum\":1}]}", "0"));
	CHECK(keeps("{\"not\":{\"const\":\"x\"}}", "\"y\""));
	CHECK(!keeps("{\"not\":{\"const\":\"x\"}}", "\"x\""));
}

TEST(schema_with_a_rule_that_is_not_kept_is_refused)
{
	CHECK(!usable("{\"properties\":{\"a\":{\"pattern\":\"^x$\"}}}"));
	CHECK(strncmp(said, "properties.a.pattern: this keyword is not", 41) ==
		0);
	CHECK(!usable("{\"$ref\":\"#/$defs/x\"}"));
	CHECK(!usable("{\"type\":\"text\"}"));
	CHECK(!usable("{\"type\":[]}"));
	CHECK(!usable("{\"required\":\"a\"}"));
	CHECK(!usable("{\"minLength\":-1}"));
	CHECK(!usable("{\"anyOf\":[]}"));
	CHECK(!usable("{\"enum\":{}}"));
	CHECK(!usable("[]"));
	CHECK(usable("{\"title\":\"t\",\"format\":\"date\",\"x-mcp\":1}"));
}
