/* SPDX-License-Identifier: MIT */
/* tests/unit/url_test.c - URLs, PEM blocks, dates and retry delays. */
#include "tests/unit/test.h"

#include "lib/size.h"
#include "net/http_date.h"
#include "net/pem.h"
#include "net/retry.h"
#include "net/url.h"

TEST(url_is_taken_apart)
{
	struct url u;
	CHECK(!url_read(&u, STR("HTTPS://me:pw@Host.example:8443/a/b?c=d#e")));
	CHECK(u.tls && u.has_port);
	CHECK_EQ(u.port, 8443);
	CHECK_STR(u.host.p, u.host.n, "Host.example");
	CHECK_STR(u.authority.p, u.authority.n, "Host.example:8443");
	CHECK_STR(u.user.p, u.user.n, "me:pw");
	CHECK_STR(u.target.p, u.target.n, "/a/b?c=d");
	CHECK(!url_read(&u, STR("http://[::1]:80")));
	CHECK_STR(u.host.p, u.host.n, "::1");
	CHECK(!u.has_port && !u.user.p && u.target.n == 0);
}

TEST(url_refuses_what_is_none)
{
	static const char *const bad[] = {"", "http:/x", "ftp://x", "http://",
		"http://:80", "http://a:0", "http://a:65536", "http://a:x",
		"http://a b/", "http://a/b c", "http://[::1", "http://[]",
		"http://[::1]x", "http://a%20b/", "http://[a/b]",
		"http://a\nb/"};
	struct url u;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(url_read(&u, str_of(bad[i])) != NULL);
}

static void check_resolved(const char *reference, const char *want)
{
	struct url u;
	struct buf out;
	buf_init(&out, URL_MAX);
	CHECK(!url_read(&u, STR("http://a:1/b/c/d?q")));
	url_resolve(&out, &u, str_of(reference));
	CHECK_CSTR(buf_cstr(&out), want);
	buf_fini(&out);
}

TEST(url_resolves_as_rfc_3986_says)
{
	check_resolved("g", "http://a:1/b/c/g");
	check_resolved("./g/", "http://a:1/b/c/g/");
	check_resolved("/g", "http://a:1/g");
	check_resolved("//h/g", "http://h/g");
	check_resolved("?y", "http://a:1/b/c/d?y");
	check_resolved("g?y#s", "http://a:1/b/c/g?y");
	check_resolved("", "http://a:1/b/c/d?q");
	check_resolved("..", "http://a:1/b/");
	check_resolved("../../g", "http://a:1/g");
	check_resolved("../../../../g", "http://a:1/g");
	check_resolved("g/./h/../i", "http://a:1/b/c/g/i");
	check_resolved("https://x/y", "https://x/y");
}

TEST(pem_blocks)
{
	struct str rest = STR("text\n-----BEGIN A-----\r\nYQ==\r\n"
			      "-----END A-----\n"
			      "-----BEGIN B-----\n-----BEGIN C-----\nYg==\n"
			      "-----END C-----\n-----BEGIN D-----\nYw==");
	struct str label, text;
	CHECK(pem_next(&rest, &label, &text));
	CHECK_STR(label.p, label.n, "A");
	CHECK_STR(text.p, text.n, "YQ==\r\n");
	CHECK(pem_next(&rest, &label, &text));
	CHECK_STR(label.p, label.n, "C");
	CHECK_STR(text.p, text.n, "Yg==\n");
	CHECK(!pem_next(&rest, &label, &text));
}

TEST(http_dates)
{
	int64_t t;
	CHECK(http_date_read(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &t));
	CHECK_EQ(t, 784111777);
	CHECK(!http_date_read(STR("Sun, 06 Nov 1994 08:49:37 CET"), &t));
	CHECK(!http_date_read(STR("Sun, 06 Foo 1994 08:49:37 GMT"), &t));
	CHECK(http_date_read_iso(STR("1994-11-06T08:49:37.123Z"), &t));
	CHECK_EQ(t, 784111777);
	CHECK(!http_date_read_iso(STR("1994-11-06"), &t));
	CHECK(!http_date_read_iso(STR("1994-13-06T08:49:37Z"), &t));
}

TEST(retry_delays_are_bounded)
{
	for (unsigned i = 1; i < 40; i++)
		CHECK(retry_delay_ms(i) <= RETRY_MAX_MS);
	for (int i = 0; i < 100; i++)
		CHECK(retry_delay_ms(1) <= 2 * RETRY_BASE_MS);
}

static uint64_t after(const char *text)
{
	static struct http_head head;
	struct http_error error;
	CHECK(http_parse_head(
		      &head, HTTP_RESPONSE, false, str_of(text), &error) > 0);
	return retry_after_ms(&head);
}

TEST(retry_after_is_seconds_or_a_date)
{
	CHECK_EQ(after("HTTP/1.1 503 X\r\nRetry-After: 7\r\n\r\n"), 7000);
	CHECK_EQ(after("HTTP/1.1 503 X\r\nRetry-After: 99999999\r\n\r\n"),
		RETRY_AFTER_MAX_MS);
	CHECK_EQ(after("HTTP/1.1 503 X\r\nRetry-After: soon\r\n\r\n"), 0);
	CHECK_EQ(after("HTTP/1.1 503 X\r\nRetry-After: "
		       "Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
		0);
	CHECK_EQ(after("HTTP/1.1 503 X\r\n\r\n"), 0);
}
