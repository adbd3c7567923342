/* SPDX-License-Identifier: MIT */
/*
 * lib/reward.c - what a grader says, as the files that a harness reads.
 *
 * input: untrusted
 */
#include "lib/reward.h"

#include <math.h>

#include "lib/fmt.h"
#include "lib/json_value.h"

enum { VALUES_MAX = 16384, DECIMALS = 10000 };

void reward_init(struct reward *r)
{
	buf_init(&r->json, 2 * REWARD_TEXT_MAX);
	buf_init(&r->txt, REWARD_TEXT_MAX);
}

void reward_fini(struct reward *r)
{
	buf_fini(&r->json);
	buf_fini(&r->txt);
}

void reward_set(struct reward *r, struct str number)
{
	buf_reset(&r->json);
	buf_reset(&r->txt);
	buf_puts(&r->json, "{\"reward\":");
	buf_put_str(&r->json, number);
	buf_puts(&r->json, "}\n");
	buf_put_str(&r->txt, number);
	buf_putc(&r->txt, '\n');
}

static bool is_number(struct str raw)
{
	double x;
	return json_type_of(raw) == JSON_NUMBER && json_double(raw, &x);
}

static const char *read_object(struct reward *r, struct str raw)
{
	struct json_cursor c;
	struct str key, value;
	struct str reward = json_member(raw, "reward");
	if (!reward.p)
		return "the score is an object without \"reward\"";
	(void)json_open(&c, raw);
	while (json_next(&c, &key, &value))
		if (!is_number(value))
			return "the score is an object with a value that is "
			       "no number";
	reward_set(r, reward);
	buf_reset(&r->json);
	buf_put_str(&r->json, raw);
	buf_putc(&r->json, '\n');
	return NULL;
}

/* blanks and line breaks around a text */
static struct str trim(struct str text)
{
	while (text.n && strchr(" \t\r\n", text.p[0]))
		text = str_from_index(text, 1);
	while (text.n && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	return text;
}

/* well formed, and no key twice: every reader sees the same */
static const char *check(struct str text)
{
	struct json_doc doc;
	struct json_where where;
	if (text.n == 0)
		return "there is no score";
	if (text.n > REWARD_TEXT_MAX)
		return "the score is longer than 64 KiB";
	int code = json_parse(&doc, text, VALUES_MAX, &where);
	if (code == 0)
		json_free(&doc);
	return code ? "the score is not JSON" : NULL;
}

const char *reward_read(struct reward *r, struct str text)
{
	text = trim(text);
	const char *wrong = check(text);
	if (wrong)
		return wrong;
	if (json_type_of(text) == JSON_OBJECT)
		return read_object(r, text);
	if (!is_number(text))
		return "the score is neither a number nor an object of numbers";
	reward_set(r, text);
	return NULL;
}

/* how far a criterion is met; false: that is no verdict */
static bool read_verdict(struct str raw, double *out)
{
	if (json_type_of(raw) == JSON_BOOL) {
		*out = str_is(raw, "true");
		return true;
	}
	return is_number(raw) && json_double(raw, out) && *out >= 0 &&
	       *out <= 1;
}

static bool read_weight(struct str criterion, double *out)
{
	struct str raw = {NULL, 0};
	*out = 1;
	if (json_type_of(criterion) == JSON_OBJECT)
		raw = json_member(criterion, "weight");
	else
		return false;
	return !raw.p ||
	       (json_type_of(raw) == JSON_NUMBER && json_double(raw, out));
}

static void set_share(struct reward *r, double share)
{
	char text[32];
	if (share < 0)
		share = 0;
	if (share > 1)
		share = 1;
	unsigned n = (unsigned)(share * DECIMALS + 0.5);
	size_t len = fmt_str(
		text, sizeof(text), "%u.%04u", n / DECIMALS, n % DECIMALS);
	reward_set(r, str_from(text, len));
}

const char *reward_weigh(
	struct reward *r, struct str rubric, struct str verdicts)
{
	struct json_cursor cr, cv;
	struct str criterion, verdict;
	double met = 0, positive = 0;
	rubric = trim(rubric);
	verdicts = trim(verdicts);
	if (check(rubric) || !json_open(&cr, rubric) || cr.object)
		return "the rubric is not a JSON list of criteria";
	if (check(verdicts) || !json_open(&cv, verdicts) || cv.object)
		return "the verdicts are not a JSON list";
	if (json_members(rubric) != json_members(verdicts))
		return "there is not one verdict for each criterion";
	while (json_next(&cr, NULL, &criterion) &&
		json_next(&cv, NULL, &verdict)) {
		double weight, share;
		if (!read_weight(criterion, &weight))
			return "a criterion is no object with a weight";
		if (!read_verdict(verdict, &share))
			return "a verdict is not true, false or from 0 to 1";
		met += weight * share;
		if (weight > 0)
			positive += weight;
	}
	if (!(positive > 0) || !isfinite(positive) || !isfinite(met))
		return "the rubric has no positive weight";
	set_share(r, met / positive);
	return NULL;
}
