/* SPDX-License-Identifier: MIT */
/* tests/unit/http_parse_test.c - heads, targets, queries, paths. */
#include "tests/unit/test.h"

#include "lib/buf.h"
#include "net/http.h"

static struct http_head head;
static struct http_error error;

static int parse_n(const char *p, size_t n)
{
	error = (struct http_error){0, NULL};
	/* a heap copy of the exact size, so that reading past it is noticed */
	static char *copy;
	free(copy);
	copy = malloc(n ? n : 1);
	CHECK(copy != NULL);
	memcpy(copy, p, n);
	return http_parse_head(
		&head, HTTP_REQUEST, false, str_from(copy, n), &error);
}

static int parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static int parse_response(const char *text, bool to_head)
{
	return http_parse_head(
		&head, HTTP_RESPONSE, to_head, str_of(text), &error);
}

/* the refusal's status; 0: accepted, -1: more is needed */
static int status_of(const char *p, size_t n)
{
	int r = parse_n(p, n);
	if (r < 0)
		CHECK(error.reason && *error.reason);
	return r < 0 ? error.status : r == 0 ? -1 : 0;
}

/* of a literal, which may hold NULs */
#define STATUS(text) status_of(text, sizeof(text) - 1)

/* the status for a request with these field lines behind a sound Host */
static int fields_status(const char *lines)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
		"POST /x HTTP/1.1\r\nHost: h\r\n%s\r\n", lines);
	return status_of(text, (size_t)n);
}

static int line_status(const char *line)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s\r\nHost: h\r\n\r\n", line);
	return status_of(text, (size_t)n);
}

static int host_status(const char *host)
{
	char text[512];
	int n = snprintf(
		text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
	return status_of(text, (size_t)n);
}

#define CHECK_VIEW(s, want) CHECK_STR((s).p, (s).n, want)

TEST(http_parse_takes_a_request_apart)
{
	static const char text[] = "PUT /a/b%20c?x=1&y HTTP/1.1\r\n"
				   "Host: example.com:8080\r\n"
				   "X-Empty:\r\n"
				   "x-padded: \t two words \t\r\n"
				   "Content-Length: 12\r\n"
				   "\r\nrest";
	CHECK_EQ(parse(text), sizeof(text) - 1 - 4);
	CHECK_EQ(head.minor, 1);
	CHECK_VIEW(head.method, "PUT");
	CHECK_VIEW(head.target, "/a/b%20c?x=1&y");
	CHECK_VIEW(head.path, "/a/b%20c");
	CHECK_VIEW(head.query, "x=1&y");
	CHECK_VIEW(head.host, "example.com:8080");
	CHECK_EQ(head.nfields, 4);
	CHECK_VIEW(http_field(&head, "X-Padded"), "two words");
	CHECK_VIEW(http_field(&head, "x-empty"), "");
	CHECK(http_field(&head, "x-empty").p != NULL);
	CHECK(http_field(&head, "x-none").p == NULL);
	CHECK_EQ(head.framing, HTTP_BODY_LENGTH);
	CHECK_EQ(head.length, 12);
	CHECK(head.keep_alive);
	CHECK(!head.expect_continue);
}

TEST(http_parse_needs_more_at_every_cut_of_a_sound_head)
{
	static const char text[] =
		"\r\nPOST http://h:1/p?q HTTP/1.1\r\nHost: h\r\n"
		"Transfer-Encoding: Chunked\r\n"
		"Connection: close\r\n\r\n";
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		CHECK_EQ(parse_n(text, n), 0);
		CHECK_EQ(error.status, 0);
	}
	CHECK_EQ(parse(text), sizeof(text) - 1);
	CHECK_EQ(head.framing, HTTP_BODY_CHUNKED);
	CHECK(!head.keep_alive);
}

TEST(http_parse_knows_the_forms_of_a_target)
{
	CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n") > 0, 1);
	CHECK_VIEW(head.path, "/");
	CHECK(head.query.p == NULL);
	CHECK_EQ(parse("GET /? HTTP/1.1\r\nHost: h\r\n\r\n") > 0, 1);
	CHECK(head.query.p != NULL && head.query.n == 0);
	CHECK_EQ(parse("GET HTTP://a.b:81?q HTTP/1.1\r\nHost: h\r\n\r\n") > 0,
		1);
	CHECK_VIEW(head.path, "/");
	CHECK_VIEW(head.query, "q");
	CHECK_VIEW(head.host, "a.b:81");
	CHECK_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n") > 0, 1);
	CHECK_VIEW(head.path, "*");
	CHECK_EQ(line_status("GET * HTTP/1.1"), 400);
	CHECK_EQ(line_status("CONNECT h:443 HTTP/1.1"), 501);
	CHECK_EQ(line_status("GET h:443 HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET ftp://h/ HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET http:///x HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET http://u:p@h/x HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET x HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET /a#b HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET /\xc3\xa4 HTTP/1.1"), 400);
}

TEST(http_parse_refuses_malformed_request_lines)
{
	CHECK_EQ(line_status("GET  / HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET /  HTTP/1.1"), 400);
	CHECK_EQ(line_status(" GET / HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET / HTTP/1.1 "), 400);
	CHECK_EQ(line_status("GET /a b HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET\t/ HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET /"), 400);
	CHECK_EQ(line_status("GET"), 400);
	CHECK_EQ(line_status("G@T / HTTP/1.1"), 400);
	CHECK_EQ(line_status("GET: / HTTP/1.1"), 400);
	CHECK_EQ(line_status("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1"),
		501);
	CHECK_EQ(line_status("\r\n\r\nGET / HTTP/1.1"), 400);
	CHECK_EQ(line_status("\r\nGET / HTTP/1.1"), 0);
	CHECK_EQ(line_status("\nGET / HTTP/1.1"), 400);
}

TEST(http_parse_refuses_versions_that_it_does_not_speak)
{
	CHECK_EQ(line_status("GET / HTTP/1.0"), 0);
	CHECK_EQ(line_status("GET / HTTP/2.0"), 505);
	CHECK_EQ(line_status("PRI * HTTP/2.0"), 505);
	CHECK_EQ(line_status("GET / HTTP/0.9"), 505);
	CHECK_EQ(line_status("GET / HTTP/1.2"), 505);
	CHECK_EQ(line_status("GET / HTTP/9.9"), 505);
	CHECK_EQ(line_status("GET / HTTP/1.10"), 400);
	CHECK_EQ(line_status("GET / HTTP/01.1"), 400);
	CHECK_EQ(line_status("GET / HTTP/1"), 400);
	CHECK_EQ(line_status("GET / HTTP/a.b"), 400);
	CHECK_EQ(line_status("GET / http/1.1"), 400);
	CHECK_EQ(line_status("GET / HTTPS/1.1"), 400);
}

TEST(http_parse_refuses_ambiguous_framing)
{
	CHECK_EQ(fields_status("Content-Length: 1\r\n"
			       "Transfer-Encoding: chunked\r\n"),
		400);
	CHECK_EQ(fields_status("Content-Length: 1\r\nContent-Length: 1\r\n"),
		400);
	CHECK_EQ(fields_status("Content-Length: 1\r\nContent-Length: 2\r\n"),
		400);
	CHECK_EQ(fields_status("Transfer-Encoding: chunked\r\n"
			       "Transfer-Encoding: chunked\r\n"),
		400);
	CHECK_EQ(fields_status("Transfer-Encoding: chunked\r\n"), 0);
	CHECK_EQ(fields_status("Transfer-Encoding: CHUNKED\r\n"), 0);
	CHECK_EQ(fields_status("Transfer-Encoding:\tchunked \r\n"), 0);
	CHECK_EQ(STATUS("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"
			"\r\n"),
		400);
}

TEST(http_parse_refuses_other_transfer_codings)
{
	static const char *const bad[] = {"", "identity", "gzip",
		"chunked, gzip", "chunked, chunked", "chunked,", "xchunked",
		"gzip, chunked, chunked", "chunked;q=1", "\"chunked\"",
		"chunked\x0b", "chunked chunked"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[128];
		snprintf(line, sizeof(line), "Transfer-Encoding: %s\r\n",
			bad[i]);
		CHECK_EQ(fields_status(line), 400);
	}
	CHECK_EQ(fields_status("Transfer-Encoding: gzip, Chunked\r\n"), 501);
	CHECK_EQ(fields_status("Transfer-Encoding: ,chunked\r\n"), 501);
}

TEST(http_parse_takes_only_digits_as_a_length)
{
	static const char *const bad[] = {"", "+1", "-1", "1 2", "1,1", "0x1",
		"1.0", "1e1", "a", "9223372036854775808",
		"18446744073709551616", "99999999999999999999999", "1;x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[128];
		snprintf(line, sizeof(line), "Content-Length: %s\r\n", bad[i]);
		CHECK_EQ(fields_status(line), 400);
	}
	CHECK_EQ(fields_status("Content-Length: 9223372036854775807\r\n"), 0);
	CHECK_EQ(head.length, INT64_MAX);
	CHECK_EQ(fields_status("Content-Length:  007 \r\n"), 0);
	CHECK_EQ(head.length, 7);
}

TEST(http_parse_refuses_malformed_fields)
{
	CHECK_EQ(fields_status("A : b\r\n"), 400);
	CHECK_EQ(fields_status("A\t: b\r\n"), 400);
	CHECK_EQ(fields_status(": b\r\n"), 400);
	CHECK_EQ(fields_status("A\r\n"), 400);
	CHECK_EQ(fields_status("A b: c\r\n"), 400);
	CHECK_EQ(fields_status("A(: c\r\n"), 400);
	CHECK_EQ(fields_status("\xc3\xa4: c\r\n"), 400);
	CHECK_EQ(fields_status("A: b\r\n c\r\n"), 400);
	CHECK_EQ(fields_status("A: b\r\n\tc\r\n"), 400);
	CHECK_EQ(fields_status("A: b\n"), 400);
	CHECK_EQ(fields_status("A: b\nC: d\r\n"), 400);
	CHECK_EQ(fields_status("A: b\rC: d\r\n"), 400);
	CHECK_EQ(fields_status("A: b\r\r\n"), 400);
	CHECK_EQ(fields_status("A: \x01\r\n"), 400);
	CHECK_EQ(fields_status("A: \x7f\r\n"), 400);
	CHECK_EQ(fields_status("A: \x0b\r\n"), 400);
	CHECK_EQ(fields_status("A: \xff\xfe obs\r\n"), 0);
	CHECK_EQ(STATUS("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
	CHECK_EQ(STATUS("GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n"), 400);
}

TEST(http_parse_refuses_early_what_no_more_bytes_can_mend)
{
	CHECK_EQ(STATUS("GET / HTTP/1.1\n"), 400);
	CHECK_EQ(STATUS("GET / \0"), 400);
	CHECK_EQ(STATUS("\x16\x03\x01\x02"), 400);
	CHECK_EQ(STATUS("GET / HTTP/1.1\rX"), 400);
	CHECK_EQ(STATUS("GET / HTTP/3.0\r\n"), 505);
}

TEST(http_parse_wants_one_valid_host)
{
	CHECK_EQ(STATUS("GET / HTTP/1.1\r\n\r\n"), 400);
	CHECK_EQ(STATUS("GET / HTTP/1.0\r\n\r\n"), 0);
	CHECK(head.host.p == NULL);
	CHECK_EQ(fields_status("Host: h\r\n"), 400);
	CHECK_EQ(STATUS("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
	static const char *const good[] = {"h", "h:", "h:80", "127.0.0.1:8080",
		"[::1]", "[::1]:80", "a-b_c.d", "h:65535", "xn--a%20"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_EQ(host_status(good[i]), 0);
	static const char *const bad[] = {"", ":80", "h:x", "h:65536", "h:1:2",
		"a b", "a,b", "u@h", "h/p", "http://h", "[::1", "::1", "[]",
		"[::1]x", "[g::]", "h:-1", "h\\x", "h?q", "\xc3\xa4",
		"h:000080"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(host_status(bad[i]), 400);
}

TEST(http_parse_understands_expectations)
{
	CHECK_EQ(fields_status("Expect: 100-Continue\r\n"), 0);
	CHECK(head.expect_continue);
	CHECK_EQ(fields_status("Expect: 200-ok\r\n"), 417);
	CHECK_EQ(fields_status("Expect: 100-continue, x\r\n"), 417);
	CHECK_EQ(fields_status("Expect:\r\n"), 417);
	CHECK_EQ(
		parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n") > 0, 1);
	CHECK(!head.expect_continue);
}

TEST(http_parse_understands_connection_options)
{
	CHECK_EQ(fields_status("Connection: x, CLOSE ,y\r\n"), 0);
	CHECK(!head.keep_alive);
	CHECK_EQ(fields_status("Connection: keep-alive\r\n"
			       "Connection: close\r\n"),
		0);
	CHECK(!head.keep_alive);
	CHECK_EQ(fields_status("Connection: enclosed\r\n"), 0);
	CHECK(head.keep_alive);
	CHECK(parse("GET / HTTP/1.0\r\n\r\n") > 0 && !head.keep_alive);
	CHECK(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") > 0 &&
		head.keep_alive);
}

/* "GET /aaa... HTTP/1.1" and a Host, the target being n bytes long */
static int target_status(size_t n, bool complete)
{
	struct buf text;
	buf_init(&text, SIZE_MAX);
	buf_puts(&text, "GET /");
	for (size_t i = 1; i < n; i++)
		buf_putc(&text, 'a');
	if (complete)
		buf_puts(&text, " HTTP/1.1\r\nHost: h\r\n\r\n");
	int status = status_of(buf_str(&text).p, text.n);
	buf_fini(&text);
	return status;
}

TEST(http_parse_limits_the_target)
{
	CHECK_EQ(target_status(HTTP_TARGET_MAX, true), 0);
	CHECK_EQ(target_status(HTTP_TARGET_MAX + 1, true), 414);
	CHECK_EQ(target_status(HTTP_TARGET_MAX, false), -1);
	CHECK_EQ(target_status(HTTP_TARGET_MAX + 100, false), 414);
	CHECK_EQ(target_status((size_t)2 * HTTP_HEAD_MAX, false), 414);
}

/* count fields of a given length in all, name and CR LF included */
static int many_status(size_t count, size_t bytes)
{
	struct buf text;
	buf_init(&text, SIZE_MAX);
	buf_puts(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (size_t i = 0; i < count; i++) {
		buf_puts(&text, "a:");
		for (size_t j = 4; j < bytes; j++)
			buf_putc(&text, 'x');
		buf_puts(&text, "\r\n");
	}
	buf_puts(&text, "\r\n");
	int status = status_of(buf_str(&text).p, text.n);
	buf_fini(&text);
	return status;
}

TEST(http_parse_limits_the_fields)
{
	CHECK_EQ(many_status(HTTP_FIELDS_MAX - 1, 10), 0);
	CHECK_EQ(many_status(HTTP_FIELDS_MAX, 10), 431);
	CHECK_EQ(many_status(10, 3000), 0);
	CHECK_EQ(many_status(11, 3000), 431);
	CHECK_EQ(many_status(1, HTTP_HEAD_MAX - 25 - 2), 0);
	CHECK_EQ(many_status(1, HTTP_HEAD_MAX - 25 - 1), 431);
}

TEST(http_parse_takes_a_response_apart)
{
	CHECK(parse_response(
		      "HTTP/1.1 404 Not Here\r\nContent-Length: 3\r\n\r\n",
		      false) > 0);
	CHECK_EQ(head.status, 404);
	CHECK_VIEW(head.reason, "Not Here");
	CHECK_EQ(head.framing, HTTP_BODY_LENGTH);
	CHECK(parse_response("HTTP/1.1 200\r\n\r\n", false) > 0);
	CHECK_EQ(head.framing, HTTP_BODY_UNTIL_CLOSE);
	CHECK(parse_response("HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n",
		      false) > 0);
	CHECK_EQ(head.framing, HTTP_BODY_NONE);
	CHECK(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
		      true) > 0);
	CHECK_EQ(head.framing, HTTP_BODY_NONE);
	static const char *const bad[] = {"HTTP/1.1 20 x\r\n\r\n",
		"HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1 abc x\r\n\r\n",
		"HTTP/1.1  200 x\r\n\r\n", "ICY 200 OK\r\n\r\n",
		"HTTP/1.1 200 x\n\n", "HTTP/1.1 000 x\r\n\r\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(parse_response(bad[i], false), -1);
}

TEST(http_text_finds_query_parameters)
{
	struct buf out;
	buf_init(&out, 100);
	struct str q = STR("a=1&b=x%20y+z&c&a=%32&%64=4&bad=%zz&=&e=&&");
	CHECK(http_query_get(q, "a", &out));
	CHECK_CSTR(buf_cstr(&out), "2");
	CHECK(http_query_get(q, "b", &out));
	CHECK_CSTR(buf_cstr(&out), "x y z");
	CHECK(http_query_get(q, "c", &out));
	CHECK_CSTR(buf_cstr(&out), "");
	CHECK(http_query_get(q, "d", &out));
	CHECK_CSTR(buf_cstr(&out), "4");
	CHECK(http_query_get(q, "e", &out));
	CHECK(!http_query_get(q, "bad", &out));
	CHECK(!http_query_get(q, "f", &out));
	CHECK(!http_query_get((struct str){NULL, 0}, "a", &out));
	CHECK(!http_query_get(STR("a=%4"), "a", &out));
	CHECK(!http_query_get(STR("a=%"), "a", &out));
	buf_fini(&out);
}

TEST(http_text_decodes_a_path_once)
{
	struct buf out;
	buf_init(&out, 100);
	CHECK(http_decode_path(STR("/a%2Fb%2525+c"), &out));
	CHECK_CSTR(buf_cstr(&out), "/a/b%25+c");
	buf_reset(&out);
	CHECK(!http_decode_path(STR("/a%00"), &out));
	buf_reset(&out);
	CHECK(!http_decode_path(STR("/a%0a"), &out));
	buf_reset(&out);
	CHECK(!http_decode_path(STR("/a%7F"), &out));
	buf_reset(&out);
	CHECK(!http_decode_path(STR("/a%g0"), &out));
	buf_reset(&out);
	CHECK(!http_decode_path(STR("/a%"), &out));
	buf_fini(&out);
}

TEST(http_text_knows_reasons)
{
	CHECK_CSTR(http_reason(404), "Not Found");
	CHECK_CSTR(http_reason(299), "");
}
