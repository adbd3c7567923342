/* SPDX-License-Identifier: MIT */
/* tests/unit/reward_test.c - from a grader's words to the reward's files. */
#include "lib/reward.h"

#include "test.h"

static char json[4096], txt[256];

static const char *keep(struct reward *r, const char *wrong)
{
	snprintf(json, sizeof(json), "%s", buf_cstr(&r->json));
	snprintf(txt, sizeof(txt), "%s", buf_cstr(&r->txt));
	reward_fini(r);
	return wrong;
}

static const char *read_score(const char *text)
{
	struct reward r;
	reward_init(&r);
	return keep(&r, reward_read(&r, str_of(text)));
}

static const char *weigh(const char *rubric, const char *verdicts)
{
	struct reward r;
	reward_init(&r);
	return keep(&r, reward_weigh(&r, str_of(rubric), str_of(verdicts)));
}

TEST(reward_numbers_are_passed_on_as_written)
{
	CHECK(!read_score(" 0.750\n"));
	CHECK(strcmp(json, "{\"reward\":0.750}\n") == 0);
	CHECK(strcmp(txt, "0.750\n") == 0);
	CHECK(!read_score("-1e3"));
	CHECK(strcmp(txt, "-1e3\n") == 0);
}

TEST(reward_objects_of_numbers)
{
	CHECK(!read_score("{\"style\": 1, \"reward\": 0.5}"));
	CHECK(strcmp(json, "{\"style\": 1, \"reward\": 0.5}\n") == 0);
	CHECK(strcmp(txt, "0.5\n") == 0);
}

TEST(reward_what_is_no_score)
{
	static const char *const bad[] = {"", " ", "yes", "NaN", "Infinity",
		"true", "null", "\"1\"", "[1]", "1 2", "1e999", "0x1", "{}",
		"{\"style\":1}", "{\"reward\":\"1\"}", "{\"reward\":null}",
		"{\"reward\":1,\"x\":[]}", "{\"reward\":0,\"reward\":1}",
		"{\"reward\":0,\"r\\u0065ward\":1}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(read_score(bad[i]));
}

#define RUBRIC \
	"[{\"criterion\":\"a\",\"weight\":3},{\"weight\":1},{\"weight\":-2}]"

TEST(reward_verdicts_are_weighed)
{
	CHECK(!weigh(RUBRIC, "[true,false,false]"));
	CHECK(strcmp(txt, "0.7500\n") == 0);
	CHECK(!weigh(RUBRIC, "[true,0.5,false]"));
	CHECK(strcmp(json, "{\"reward\":0.8750}\n") == 0);
	CHECK(!weigh(RUBRIC, "[false,false,true]"));
	CHECK(strcmp(txt, "0.0000\n") == 0);
	CHECK(!weigh("[{},{},{}]", "[1,1,0]"));
	CHECK(strcmp(txt, "0.6667\n") == 0);
	CHECK(!weigh("[{}]", "[true]"));
	CHECK(strcmp(txt, "1.0000\n") == 0);
}

TEST(reward_verdicts_that_do_not_fit)
{
	CHECK(weigh(RUBRIC, "[true,true]"));
	CHECK(weigh(RUBRIC, "[true,true,2]"));
	CHECK(weigh(RUBRIC, "[true,true,\"yes\"]"));
	CHECK(weigh(RUBRIC, "{}"));
	CHECK(weigh("{}", "[]"));
	CHECK(weigh("[]", "[]"));
	CHECK(weigh("[{\"weight\":0}]", "[true]"));
	CHECK(weigh("[{\"weight\":-1}]", "[true]"));
	CHECK(weigh("[{\"weight\":\"1\"}]", "[true]"));
	CHECK(weigh("[1]", "[true]"));
	CHECK(weigh("[{\"weight\":1e308},{\"weight\":1e308}]", "[1,1]"));
}
