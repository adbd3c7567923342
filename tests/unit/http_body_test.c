/* SPDX-License-Identifier: MIT */
/* tests/unit/http_body_test.c - where a body ends, however it is cut. */
#include "tests/unit/test.h"

#include "lib/buf.h"
#include "net/http.h"

static struct buf got;

/* feed text in pieces of at most `piece` bytes; bytes taken, or -1 */
static long decode(struct http_body *b, const char *p, size_t n, size_t piece)
{
	struct http_error error;
	size_t at = 0;
	buf_init(&got, SIZE_MAX);
	while (at < n && !b->done) {
		size_t part = n - at < piece ? n - at : piece;
		struct str data;
		ssize_t used = http_body_feed(
			b, str_from(p + at, part), &data, &error);
		if (used < 0) {
			CHECK_EQ(error.status, 400);
			return -1;
		}
		CHECK(used > 0);
		CHECK((size_t)used <= part);
		CHECK(data.n <= (size_t)used);
		/* payload is the end of what was taken: unget relies on it */
		if (data.n)
			CHECK(data.p + data.n == p + at + used);
		buf_put_str(&got, data);
		at += (size_t)used;
	}
	return (long)at;
}

static struct http_body chunked(void)
{
	struct http_body b;
	static struct http_head head;
	head.framing = HTTP_BODY_CHUNKED;
	http_body_init(&b, &head);
	return b;
}

static bool chunks_fail(const char *text)
{
	struct http_body b = chunked();
	long whole = decode(&b, text, strlen(text), SIZE_MAX);
	buf_fini(&got);
	b = chunked();
	long bytes = decode(&b, text, strlen(text), 1);
	buf_fini(&got);
	CHECK_EQ(whole < 0, bytes < 0);
	return whole < 0;
}

TEST(http_body_of_a_length_ends_there)
{
	struct http_body b;
	static struct http_head head;
	head.framing = HTTP_BODY_LENGTH;
	head.length = 5;
	for (size_t piece = 1; piece < 9; piece++) {
		http_body_init(&b, &head);
		CHECK_EQ(decode(&b, "helloNEXT", 9, piece), 5);
		CHECK_STR(buf_str(&got).p, got.n, "hello");
		CHECK(b.done);
		buf_fini(&got);
	}
	head.length = 0;
	http_body_init(&b, &head);
	CHECK(b.done);
}

TEST(http_body_in_chunks_is_the_same_at_every_split)
{
	static const char text[] =
		"5\r\nhello\r\n"
		"00A;name=value;\"q\"\r\n0123456789\r\n"
		"1\r\n\n\r\n"
		"0;last\r\nTrailer: x\r\nOther:\r\n\r\nGET /";
	size_t end = sizeof(text) - 1 - 5;
	for (size_t cut = 0; cut <= end; cut++) {
		struct http_body b = chunked();
		struct buf all;
		buf_init(&all, SIZE_MAX);
		CHECK_EQ(decode(&b, text, cut, SIZE_MAX), cut);
		buf_put_str(&all, buf_str(&got));
		buf_fini(&got);
		CHECK_EQ(b.done, cut == end);
		CHECK_EQ(decode(&b, text + cut, sizeof(text) - 1 - cut,
				 SIZE_MAX),
			end - cut);
		buf_put_str(&all, buf_str(&got));
		buf_fini(&got);
		CHECK(b.done);
		CHECK_STR(buf_str(&all).p, all.n, "hello0123456789\n");
		buf_fini(&all);
	}
	struct http_body b = chunked();
	CHECK_EQ(decode(&b, text, sizeof(text) - 1, 1), end);
	CHECK_STR(buf_str(&got).p, got.n, "hello0123456789\n");
	buf_fini(&got);
}

TEST(http_body_refuses_malformed_chunks)
{
	static const char *const bad[] = {
		"\r\n",
		"\n",
		" 5\r\nhello\r\n0\r\n\r\n",
		"5 \r\nhello\r\n0\r\n\r\n",
		"5 ;x\r\nhello\r\n0\r\n\r\n",
		"5\nhello\r\n0\r\n\r\n",
		"5\r\nhello\n0\r\n\r\n",
		"5\r\nhelloX\r\n0\r\n\r\n",
		"5\r\nhello0\r\n\r\n",
		"5\r\nhello\r\r\n0\r\n\r\n",
		"+5\r\nhello\r\n0\r\n\r\n",
		"-5\r\nhello\r\n0\r\n\r\n",
		"0x5\r\nhello\r\n0\r\n\r\n",
		"5h\r\nhello\r\n0\r\n\r\n",
		"g\r\n",
		";x\r\n",
		"5;a\nb\r\nhello\r\n0\r\n\r\n",
		"5;a\rb\r\nhello\r\n0\r\n\r\n",
		"5;a\x01\r\nhello\r\n0\r\n\r\n",
		"5\rhello\r\n0\r\n\r\n",
		"00000000000000005\r\nhello\r\n0\r\n\r\n",
		"8000000000000000\r\n",
		"ffffffffffffffff\r\n",
		"10000000000000000\r\n",
		"0\r\n\n",
		"0\n\r\n",
		"0\r\nA: b\n\r\n",
		"0\r\nA : b\r\n\r\n",
		"0\r\n: b\r\n\r\n",
		"0\r\n folded\r\n\r\n",
		"0\r\nA: b\rc\r\n\r\n",
		"0\r\nno colon\r\n\r\n",
		"0\r\n\rX",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!chunks_fail(bad[i])) {
			test_show("accepted", bad[i], strlen(bad[i]));
			CHECK(false);
		}
	}
	CHECK(!chunks_fail("0000000000000005\r\nhello\r\n0\r\n\r\n"));
	CHECK(!chunks_fail("7fffffffffffffff\r\nx"));
}

/* a chunk whose line is n bytes long, and a trailer of m bytes */
static bool long_lines_fail(size_t n, size_t m)
{
	struct buf text;
	buf_init(&text, SIZE_MAX);
	buf_puts(&text, "1;");
	for (size_t i = 4; i < n; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\r\nA\r\n0\r\nT:");
	for (size_t i = 6; i < m; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\r\n\r\n");
	bool failed = chunks_fail(buf_cstr(&text));
	buf_fini(&text);
	return failed;
}

TEST(http_body_limits_extensions_and_trailers)
{
	CHECK(!long_lines_fail(HTTP_CHUNK_LINE_MAX, HTTP_TRAILER_MAX));
	CHECK(long_lines_fail(HTTP_CHUNK_LINE_MAX + 1, 10));
	CHECK(long_lines_fail(10, HTTP_TRAILER_MAX + 1));
}

TEST(http_body_takes_payload_back)
{
	struct http_error error;
	struct str data;
	struct http_body b = chunked();
	struct str in = STR("3\r\nabc\r\n0\r\n\r\n");
	CHECK_EQ(http_body_feed(&b, in, &data, &error), 6);
	CHECK_STR(data.p, data.n, "abc");
	http_body_unget(&b, 2);
	in = str_from_index(in, 4);
	CHECK_EQ(http_body_feed(&b, in, &data, &error), 2);
	CHECK_STR(data.p, data.n, "bc");
	in = str_from_index(in, 2);
	CHECK_EQ(http_body_feed(&b, in, &data, &error), 7);
	CHECK(b.done);

	static struct http_head head;
	head.framing = HTTP_BODY_LENGTH;
	head.length = 3;
	http_body_init(&b, &head);
	CHECK_EQ(http_body_feed(&b, STR("abc"), &data, &error), 3);
	CHECK(b.done);
	http_body_unget(&b, 3);
	CHECK(!b.done);
	CHECK_EQ(http_body_feed(&b, STR("abc"), &data, &error), 3);
	CHECK(b.done);
}

TEST(http_body_without_framing)
{
	struct http_error error;
	struct http_body b;
	struct str data;
	static struct http_head head;
	head.framing = HTTP_BODY_NONE;
	http_body_init(&b, &head);
	CHECK(b.done);
	CHECK_EQ(http_body_feed(&b, STR("x"), &data, &error), 0);
	head.framing = HTTP_BODY_UNTIL_CLOSE;
	http_body_init(&b, &head);
	CHECK_EQ(http_body_feed(&b, STR("xyz"), &data, &error), 3);
	CHECK(!b.done);
}
