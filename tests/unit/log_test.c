/* SPDX-License-Identifier: MIT */
/* tests/unit/log_test.c - an event is one line, whatever is in it. */
#include "lib/log.h"

#include <fcntl.h>

#include "lib/json.h"
#include "lib/utf8.h"
#include "tests/unit/test.h"

static char got[4 * LOG_LINE];
static size_t got_n;
static int ends[2];
static int stderr_copy;

static void catch_stderr(void)
{
	CHECK_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	stderr_copy = fcntl(2, F_DUPFD_CLOEXEC, 10);
	CHECK(dup2(ends[1], 2) == 2);
}

static void collect(void)
{
	dup2(stderr_copy, 2);
	ssize_t n = read(ends[0], got, sizeof(got) - 1);
	got_n = n > 0 ? (size_t)n : 0;
	got[got_n] = '\0';
	close(ends[0]);
	close(ends[1]);
	close(stderr_copy);
}

static void check_one_clean_line(void)
{
	CHECK(got_n > 0 && got_n <= LOG_LINE);
	CHECK_EQ(got[got_n - 1], '\n');
	for (const char *p = got; p < got + got_n - 1;) {
		size_t n = utf8_len(p, got + got_n);
		CHECK(n > 0);
		CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
		/* C1: some terminals take U+009B for an escape sequence */
		CHECK(!(p[0] == '\xc2' && (unsigned char)p[1] < 0xa0));
		p += n;
	}
}

static void logged(bool json, const char *text)
{
	setenv("CORACLE_LOG_FORMAT", json ? "json" : "", 1);
	log_init("test");
	catch_stderr();
	log_warn("said: %s", text);
	collect();
	check_one_clean_line();
	if (json)
		CHECK_EQ(json_check(str_from(got, got_n), NULL), 0);
}

TEST(log_lines_have_their_form)
{
	logged(false, "x");
	CHECK_CSTR(got, "test: warn: said: x\n");
	catch_stderr();
	log_info("n %d", 3);
	log_debug("not this");
	collect();
	CHECK_CSTR(got, "test: n 3\n");
	logged(true, "a \"b\" \\");
	struct str message = json_member(str_from(got, got_n), "message");
	CHECK(json_str_is(message, STR("said: a \"b\" \\")));
	CHECK(json_str_is(
		json_member(str_from(got, got_n), "level"), STR("warn")));
}

TEST(log_levels)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	for (int i = 0; i < 4; i++) {
		setenv("CORACLE_LOG", names[i], 1);
		log_init("test");
		for (int level = 0; level < 4; level++)
			CHECK_EQ(log_on((enum log_level)level), level <= i);
	}
	setenv("CORACLE_LOG", "loud", 1);
	log_init("test");
	CHECK(log_on(LOG_INFO) && !log_on(LOG_DEBUG));
}

TEST(log_line_cannot_be_forged)
{
	static const char *const texts[] = {"a\ninit: error: b", "a\r\nb",
		"\x1b[2J\x07\x7f",
		"\xc2\x9b"
		"2J",
		"\x9b"
		"2J",
		"\xe2\x80", "\xff\xfe", "a\xc0\xaf", "\xed\xa0\x80",
		"\t\v\f\b"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		logged(false, texts[i]);
		logged(true, texts[i]);
	}
}

TEST(log_long_lines_are_cut_between_characters)
{
	static const char *const units[] = {"x", "\"", "\\", "\xc3\xa4",
		"\xe2\x82\xac", "\xf0\x9f\x9b\xb6"};
	static char text[3 * LOG_LINE];
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t n = LOG_LINE - 160; n < LOG_LINE + 40; n++) {
			size_t size = strlen(units[i]);
			for (size_t at = 0; at + size <= n; at += size)
				memcpy(text + at, units[i], size);
			text[n - n % size] = '\0';
			logged(false, text);
			logged(true, text);
		}
	}
}

TEST(log_does_not_stop_a_program_that_has_no_stderr)
{
	log_init("test");
	int copy = fcntl(2, F_DUPFD_CLOEXEC, 10);
	close(2);
	log_error("nobody reads this");
	CHECK(dup2(copy, 2) == 2);
}
