/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/json_suite_test.c - what RFC 8259 accepts and refuses.
 *
 * A table of small texts, sorted as test suites of JSON parsers sort them:
 * what must be accepted, what must be refused and with which error, and what
 * an implementation may decide, with our decision.
 */
#include "lib/json.h"
#include "lib/size.h"
#include "tests/unit/test.h"

#define T(text)                           \
	{                                 \
		"" text, sizeof(text) - 1 \
	}

/* must be accepted */
static const struct str yes[] = {
	/* structure */
	T("[]"),
	T("{}"),
	T(" [ ] "),
	T("\t\n\r {\t\n\r } \n"),
	T("[[]]"),
	T("[[],[]]"),
	T("[{}]"),
	T("{\"a\":[]}"),
	T("{\"a\":{}}"),
	T("[null, 1, \"1\", {}]"),
	T("[1\n]"),
	T("[1,null,null,null,2]"),
	T("[2] "),
	T("{\"a\":null}"),
	T("{\"\":0}"),
	T("{\"a\":[{\"b\":1}]}"),
	T("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}"),
	T("[\"a\",\n1]"),
	T("{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}"),
	T("[[[[[1]]],2],3]"),
	/* scalars alone */
	T("null"),
	T("true"),
	T("false"),
	T("42"),
	T("-0.1"),
	T("\"asd\""),
	T("\"\""),
	T(" true "),
	T("\" \""),
	/* numbers */
	T("[0]"),
	T("[-0]"),
	T("[-1]"),
	T("[123e65]"),
	T("[0e+1]"),
	T("[0e1]"),
	T("[ 4]"),
	T("[1E22]"),
	T("[1E-2]"),
	T("[1E+2]"),
	T("[123e45]"),
	T("[123.456e78]"),
	T("[1e-2]"),
	T("[1e+2]"),
	T("[123]"),
	T("[123.456789]"),
	T("[-123]"),
	T("[-0.0e-0]"),
	T("[1.0]"),
	T("[0.5]"),
	T("[-0.000000000000000000000000000000000000000000000000000000000001]"),
	T("[20e1]"),
	T("[100]"),
	T("[1.00]"),
	T("[0.00e00]"),
	T("[1e0000000000000000000000000001]"),
	/* strings */
	T("[\"\\u0060\\u012a\\u12AB\"]"),
	T("[\"\\uD801\\udc37\"]"),
	T("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"),
	T("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	T("[\"\\\\u0000\"]"),
	T("[\"\\\"\"]"),
	T("[\"a/*b*/c/*d//e\"]"),
	T("[\"\\\\a\"]"),
	T("[\"\\\\n\"]"),
	T("[\"\\u0012\"]"),
	T("[\"\\uFFFF\"]"),
	T("[\"\\u0000\"]"),
	T("[\"\\uFDD0\"]"),
	T("[\"\\uFFFE\"]"),
	T("[\"\\uD834\\uDd1e\"]"),
	T("[\"\\uDBFF\\uDFFF\"]"),
	T("[\"\\uDBFF\\uDFFE\"]"),
	T("[\"\\u0821\"]"),
	T("[\"\\u0123\"]"),
	T("[\"\\u0061\\u30af\\u30EA\\u30b9\"]"),
	T("[\"new\\u000Aline\"]"),
	T("[\"\\u0022\"]"),
	T("[\"\\u005C\"]"),
	T("[\"\\u200B\\u2064\"]"),
	T("[\"\\uA66D\"]"),
	T("[\"\x7f\"]"),
	T("[\"\xc3\xa9\"]"),
	T("[\"\xe2\x80\xa8\xe2\x80\xa9\"]"),
	T("[\"\xef\xbf\xbf\"]"),
	T("[\"\xf4\x8f\xbf\xbf\"]"),
	T("[\"\xf0\x9b\xbf\xbf\"]"),
	T("[\"\xef\xbb\xbf\"]"),
	T("[\"\xed\x9f\xbf\xee\x80\x80\"]"),
	T("[\"\xe0\xa0\x80\xc2\x80\xdf\xbf\"]"),
	T("[\" \"]"),
	T("[\"'\"]"),
	T("{\"foo\\u0000bar\": 42}"),
};

/* must be refused, and how */
static const struct no {
	struct str text;
	int error;
} no[] = {
	{T(""), JSON_EMPTY},
	{T(" "), JSON_EMPTY},
	{T("\n\t\r "), JSON_EMPTY},
	/* cut */
	{T("["), JSON_CUT},
	{T("{"), JSON_CUT},
	{T("[1"), JSON_CUT},
	{T("[1,"), JSON_CUT},
	{T("[\"a"), JSON_CUT},
	{T("[\"a\""), JSON_CUT},
	{T("[\"\\"), JSON_CUT},
	{T("[\"\\u00"), JSON_CUT},
	{T("\""), JSON_CUT},
	{T("{\"a\""), JSON_CUT},
	{T("{\"a\":"), JSON_CUT},
	{T("{\"a\":1"), JSON_CUT},
	{T("{\"a\":1,"), JSON_CUT},
	{T("[{}"), JSON_CUT},
	{T("[tru"), JSON_CUT},
	{T("[f"), JSON_CUT},
	{T("nul"), JSON_CUT},
	{T("-"), JSON_CUT},
	{T("1."), JSON_CUT},
	{T("1e"), JSON_CUT},
	{T("1e+"), JSON_CUT},
	{T("[[[[[[1"), JSON_CUT},
	{T("[\"\",\n\"\","), JSON_CUT},
	/* trailing */
	{T("1 2"), JSON_TRAILING},
	{T("01"), JSON_TRAILING},
	{T("-01"), JSON_TRAILING},
	{T("{} x"), JSON_TRAILING},
	{T("[]]"), JSON_TRAILING},
	{T("{}}"), JSON_TRAILING},
	{T("[1],"), JSON_TRAILING},
	{T("{\"a\":1}/**/"), JSON_TRAILING},
	{T("{\"a\":1}#"), JSON_TRAILING},
	{T("\"\"x"), JSON_TRAILING},
	{T("truex"), JSON_TRAILING},
	{T("1x"), JSON_TRAILING},
	{T("0x42"), JSON_TRAILING},
	{T("1\0"), JSON_TRAILING},
	{T("[]\0"), JSON_TRAILING},
	{T("1\xa0"), JSON_TRAILING},
	{T("1.2.3"), JSON_TRAILING},
	/* structure */
	{T("[,]"), JSON_SYNTAX},
	{T("[1,]"), JSON_SYNTAX},
	{T("[1,,2]"), JSON_SYNTAX},
	{T("[,1]"), JSON_SYNTAX},
	{T("[1 2]"), JSON_SYNTAX},
	{T("[1:2]"), JSON_SYNTAX},
	{T("[\"\":1]"), JSON_SYNTAX},
	{T("[}"), JSON_SYNTAX},
	{T("{]"), JSON_SYNTAX},
	{T("[1}"), JSON_SYNTAX},
	{T("{\"a\":1]"), JSON_SYNTAX},
	{T("[[1}]"), JSON_SYNTAX},
	{T("]"), JSON_SYNTAX},
	{T("}"), JSON_SYNTAX},
	{T(","), JSON_SYNTAX},
	{T(":"), JSON_SYNTAX},
	{T("{,}"), JSON_SYNTAX},
	{T("{\"a\"}"), JSON_SYNTAX},
	{T("{\"a\",\"b\"}"), JSON_SYNTAX},
	{T("{\"a\":}"), JSON_SYNTAX},
	{T("{:1}"), JSON_SYNTAX},
	{T("{\"a\"::1}"), JSON_SYNTAX},
	{T("{\"a\" 1}"), JSON_SYNTAX},
	{T("{\"a\":1,}"), JSON_SYNTAX},
	{T("{\"a\":1,,\"b\":2}"), JSON_SYNTAX},
	{T("{\"a\":1 \"b\":2}"), JSON_SYNTAX},
	{T("{\"a\":1:2}"), JSON_SYNTAX},
	{T("{1:1}"), JSON_SYNTAX},
	{T("{a:1}"), JSON_SYNTAX},
	{T("{'a':1}"), JSON_SYNTAX},
	{T("{null:null}"), JSON_SYNTAX},
	{T("{[]:1}"), JSON_SYNTAX},
	{T("{{}:1}"), JSON_SYNTAX},
	{T("{\"a\":\"b\":\"c\"}"), JSON_SYNTAX},
	{T("{\"a\":/**/1}"), JSON_SYNTAX},
	{T("//\n1"), JSON_SYNTAX},
	{T("<null>"), JSON_SYNTAX},
	{T("*"), JSON_SYNTAX},
	{T("\0"), JSON_SYNTAX},
	{T("[\0]"), JSON_SYNTAX},
	{T("[1\0]"), JSON_SYNTAX},
	/* white space that is none */
	{T("[\f]"), JSON_SYNTAX},
	{T("[\v1]"), JSON_SYNTAX},
	{T("[\xc2\xa0]"), JSON_SYNTAX},
	{T("[\xe2\x81\xa0]"), JSON_SYNTAX},
	{T("\xef\xbb\xbf[]"), JSON_SYNTAX},
	{T("\xef\xbb\xbf"), JSON_SYNTAX},
	{T("\xff\xfe[\0]\0"), JSON_SYNTAX},
	/* words */
	{T("[True]"), JSON_SYNTAX},
	{T("[TRUE]"), JSON_SYNTAX},
	{T("[nul]"), JSON_SYNTAX},
	{T("[tru]"), JSON_SYNTAX},
	{T("[truth]"), JSON_SYNTAX},
	{T("[nulll]"), JSON_SYNTAX},
	{T("[undefined]"), JSON_SYNTAX},
	{T("[\\n]"), JSON_SYNTAX},
	/* numbers */
	{T("[NaN]"), JSON_SYNTAX},
	{T("[nan]"), JSON_SYNTAX},
	{T("[Infinity]"), JSON_SYNTAX},
	{T("[-Infinity]"), JSON_SYNTAX},
	{T("[-NaN]"), JSON_SYNTAX},
	{T("[+1]"), JSON_SYNTAX},
	{T("[++1]"), JSON_SYNTAX},
	{T("[-]"), JSON_SYNTAX},
	{T("[--1]"), JSON_SYNTAX},
	{T("[- 1]"), JSON_SYNTAX},
	{T("[-a]"), JSON_SYNTAX},
	{T("[-.1]"), JSON_SYNTAX},
	{T("[.1]"), JSON_SYNTAX},
	{T("[.]"), JSON_SYNTAX},
	{T("[1.]"), JSON_SYNTAX},
	{T("[0.e1]"), JSON_SYNTAX},
	{T("[1.e1]"), JSON_SYNTAX},
	{T("[1.0e]"), JSON_SYNTAX},
	{T("[1e]"), JSON_SYNTAX},
	{T("[1eE2]"), JSON_SYNTAX},
	{T("[1e1.5]"), JSON_SYNTAX},
	{T("[0e+-1]"), JSON_SYNTAX},
	{T("[1+2]"), JSON_SYNTAX},
	{T("[01]"), JSON_SYNTAX},
	{T("[-01]"), JSON_SYNTAX},
	{T("[00]"), JSON_SYNTAX},
	{T("[0x1]"), JSON_SYNTAX},
	{T("[1 000]"), JSON_SYNTAX},
	{T("[1_000]"), JSON_SYNTAX},
	{T("[1e\xd9\xa1]"), JSON_SYNTAX},
	{T("[\xef\xbc\x91]"), JSON_SYNTAX},
	/* strings */
	{T("['a']"), JSON_SYNTAX},
	{T("[a]"), JSON_SYNTAX},
	{T("[\"a\nb\"]"), JSON_SYNTAX},
	{T("[\"\t\"]"), JSON_SYNTAX},
	{T("[\"\r\"]"), JSON_SYNTAX},
	{T("[\"\x1f\"]"), JSON_SYNTAX},
	{T("[\"a\0a\"]"), JSON_SYNTAX},
	{T("[\"\\\0\"]"), JSON_SYNTAX},
	{T("[\"\\a\"]"), JSON_SYNTAX},
	{T("[\"\\x00\"]"), JSON_SYNTAX},
	{T("[\"\\'\"]"), JSON_SYNTAX},
	{T("[\"\\U0041\"]"), JSON_SYNTAX},
	{T("[\"\\\n\"]"), JSON_SYNTAX},
	{T("[\"\\\xc3\xa9\"]"), JSON_SYNTAX},
	{T("[\"\\u00zz\"]"), JSON_SYNTAX},
	{T("[\"\\u 041\"]"), JSON_SYNTAX},
	{T("[\"\\u+041\"]"), JSON_SYNTAX},
	{T("[\"\\u0x4\"]"), JSON_SYNTAX},
	{T("[\"\\u004\",1]"), JSON_SYNTAX},
	{T("[\"x\", truth]"), JSON_SYNTAX},
	{T("\"\"\"\""), JSON_TRAILING},
	/* not UTF-8 */
	{T("[\"\x80\"]"), JSON_UTF8},
	{T("[\"\xff\"]"), JSON_UTF8},
	{T("[\"\xc3\"]"), JSON_UTF8},
	{T("[\"\xc3\x28\"]"), JSON_UTF8},
	{T("[\"\xc0\xaf\"]"), JSON_UTF8},
	{T("[\"\xe0\x80\xaf\"]"), JSON_UTF8},
	{T("[\"\xf0\x80\x80\xaf\"]"), JSON_UTF8},
	{T("[\"\xfc\x83\xbf\xbf\xbf\xbf\"]"), JSON_UTF8},
	{T("[\"\xf4\x90\x80\x80\"]"), JSON_UTF8},
	{T("[\"\xf5\x80\x80\x80\"]"), JSON_UTF8},
	{T("[\"\xed\xa0\x80\"]"), JSON_UTF8},
	{T("[\"\xed\xbf\xbf\"]"), JSON_UTF8},
	{T("[\"\xe2\x82\"]"), JSON_UTF8},
	{T("{\"\xb9\":0}"), JSON_UTF8},
	{T("[\xff]"), JSON_SYNTAX},
	/* our decision where the RFC leaves one: surrogates come in pairs */
	{T("[\"\\uD800\"]"), JSON_UTF8},
	{T("[\"\\uDC00\"]"), JSON_UTF8},
	{T("[\"\\uD800\\n\"]"), JSON_UTF8},
	{T("[\"\\uD800x\"]"), JSON_UTF8},
	{T("[\"\\uD800\\uD800\"]"), JSON_UTF8},
	{T("[\"\\uD800\\u0041\"]"), JSON_UTF8},
	{T("[\"\\uDd1e\\uD834\"]"), JSON_UTF8},
	{T("[\"\\uD888\\u123\"]"), JSON_UTF8},
	{T("{\"\\uD800\":1}"), JSON_UTF8},
};

/* for the RFC's implementation to decide: accepted here, kept as text */
static const struct str huge_numbers[] = {
	T("[123123e100000]"),
	T("[-1e+9999]"),
	T("[1.5e+9999]"),
	T("[-1e-9999]"),
	T("[100000000000000000000]"),
	T("[-237462374673276894279832749832]"),
	T("[0.4e00669999999999999999999999999999999999999999999999999969]"),
};

static int parsed(struct str text, struct json_where *where)
{
	struct json_doc d;
	int r = json_parse(&d, text, 1000, where);
	if (r == 0)
		json_free(&d);
	return r;
}

TEST(json_suite_accepts)
{
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		struct json_where where;
		if (json_check(yes[i], NULL) || parsed(yes[i], &where))
			printf("# refused: %.*s\n", STR_FMT(yes[i]));
		CHECK_EQ(json_check(yes[i], NULL), 0);
		CHECK_EQ(parsed(yes[i], &where), 0);
	}
}

TEST(json_suite_refuses_and_says_why)
{
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		struct json_where where;
		/* exactly as long as the text, so that a read past it is seen */
		char *copy = malloc(no[i].text.n + !no[i].text.n);
		CHECK(copy);
		memcpy(copy, no[i].text.p, no[i].text.n);
		struct str text = str_from(copy, no[i].text.n);
		size_t offset = SIZE_MAX;
		int r = json_check(text, &offset);
		if (r != no[i].error)
			printf("# %.*s\n", STR_FMT(text));
		CHECK_EQ(r, no[i].error);
		CHECK(offset <= text.n);
		CHECK_EQ(parsed(text, &where), no[i].error);
		CHECK_EQ(where.offset, offset);
		free(copy);
	}
}

TEST(json_suite_numbers_stay_text)
{
	for (size_t i = 0; i < ARRAY_LEN(huge_numbers); i++) {
		struct json_doc d;
		struct json_where where;
		struct str text = huge_numbers[i];
		CHECK_EQ(json_parse(&d, text, 10, &where), 0);
		struct str raw = json_raw(&d, 1);
		CHECK_MEM(raw.p, raw.n, text.p + 1, text.n - 2);
		CHECK_EQ(json_type(&d, 1), JSON_NUMBER);
		uint64_t v;
		CHECK(!json_u64(raw, &v));
		json_free(&d);
	}
}

TEST(json_suite_cut_anywhere_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		struct str text = str_trim(yes[i]);
		char last = text.p[text.n - 1];
		if (last != ']' && last != '}' && last != '"')
			continue;
		for (size_t n = 0; n < text.n; n++) {
			char *copy = malloc(n + !n);
			CHECK(copy);
			memcpy(copy, text.p, n);
			int r = json_check(str_from(copy, n), NULL);
			free(copy);
			CHECK(r < 0);
			/* inside a character or an escape it is no UTF-8 yet */
			if (r != JSON_CUT && r != JSON_UTF8 && r != JSON_EMPTY)
				printf("# %.*s at %zu\n", STR_FMT(text), n);
			CHECK(r == JSON_CUT || r == JSON_UTF8 ||
				r == JSON_EMPTY);
		}
	}
}
