/* SPDX-License-Identifier: MIT */
/* tests/unit/sse_read_test.c - events of a stream, however it is cut. */
#include "net/sse_read.h"

#include <errno.h>

#include "tests/unit/test.h"

static struct buf seen;

/* "name(data)" of each event in pieces of at most `piece` bytes, or -errno */
static int feed(struct sse_reader *r, struct str in, size_t piece)
{
	struct sse_event e;
	while (in.n) {
		ssize_t n = sse_read(r, str_first(in, piece), &e);
		if (n < 0)
			return (int)n;
		CHECK(n > 0);
		in = str_from_index(in, (size_t)n);
		if (!e.complete)
			continue;
		buf_put_str(&seen, e.name);
		buf_putc(&seen, '(');
		buf_put_str(&seen, e.data);
		buf_putc(&seen, ')');
	}
	return 0;
}

/* the same events come out whole, byte by byte and in between */
static void check_events(const char *text, const char *events)
{
	for (size_t piece = 1; piece < 9; piece++) {
		struct sse_reader r;
		sse_init(&r, 1024);
		buf_init(&seen, 4096);
		CHECK_EQ(feed(&r, str_of(text), piece == 8 ? 4096 : piece), 0);
		CHECK_STR(buf_str(&seen).p, seen.n, events);
		buf_fini(&seen);
		sse_fini(&r);
	}
}

TEST(sse_an_event_has_a_name_and_data)
{
	check_events("event: endpoint\ndata: /messages?s=1\n\n",
		"endpoint(/messages?s=1)");
	check_events("data: a\n\ndata: b\n\n", "message(a)message(b)");
	check_events("event: x\ndata: a\n\ndata: b\n\n", "x(a)message(b)");
	check_events("event: x\nevent: y\ndata:\n\n", "y()");
}

TEST(sse_lines_end_in_three_ways)
{
	check_events("data: a\r\n\r\ndata: b\r\rdata: c\n\n",
		"message(a)message(b)message(c)");
	check_events("data: a\r\ndata: b\rdata: c\n\r\n", "message(a\nb\nc)");
}

TEST(sse_only_one_space_is_left_out)
{
	check_events("data:a\ndata: b\ndata:  c\ndata:d:e\n\n",
		"message(a\nb\n c\nd:e)");
}

TEST(sse_a_line_without_a_colon_is_an_empty_value)
{
	check_events("data\n\n", "message()");
	check_events("data\ndata\n\n", "message(\n)");
}

TEST(sse_what_is_unknown_is_passed_over)
{
	check_events(": ping\n\n:\n\ndata: a\n: b\nother: c\ndatas: d\ndat: e\n"
		     "Data: f\n\n",
		"message(a)");
}

TEST(sse_nothing_is_told_without_data_or_without_the_empty_line)
{
	check_events("event: x\n\ndata: a\n\n", "message(a)");
	check_events("id: 7\n\n", "");
	check_events("data: a\n\ndata: cut", "message(a)");
	check_events("data: a\n\ndata: cut\n", "message(a)");
}

TEST(sse_a_byte_order_mark_is_passed_over_once)
{
	check_events("\xef\xbb\xbf"
		     "data: a\n\n",
		"message(a)");
	check_events("\xef\xbb\xbf\xef\xbb\xbf"
		     "data: a\n\n",
		"");
	check_events("\xef\xbb\ndata: a\n\n", "message(a)");
	check_events("\xef"
		     "data: a\ndata: b\n\n",
		"message(b)");
	check_events("\ndata: a\n\n", "message(a)");
}

static void check_id(struct sse_reader *r, const char *text, const char *id)
{
	buf_init(&seen, 4096);
	CHECK_EQ(feed(r, str_of(text), 3), 0);
	CHECK_STR(sse_last_id(r).p, sse_last_id(r).n, id);
	buf_fini(&seen);
}

TEST(sse_the_last_id_is_that_of_a_whole_event)
{
	struct sse_reader r;
	sse_init(&r, 1024);
	check_id(&r, "id: 1\ndata: a\n\n", "1");
	check_id(&r, "data: b\n\n", "1");
	check_id(&r, "id: 2\ndata: c\n", "1");
	check_id(&r, "\n", "2");
	check_id(&r, "id: 3\n\n", "3");
	check_id(&r, "id: 4\ndata: cut", "3");
	sse_restart(&r);
	check_id(&r, "data: d\n\n", "3");
	check_id(&r, "id\ndata: e\n\n", "");
	sse_fini(&r);
}

TEST(sse_an_id_that_cannot_be_sent_back_is_none)
{
	char text[SSE_ID_MAX + 32];
	struct sse_reader r;
	sse_init(&r, 1024);
	check_id(&r, "id: 1\ndata: a\n\n", "1");
	int n = snprintf(
		text, sizeof(text), "id: %0*d\ndata: a\n\n", SSE_ID_MAX + 1, 0);
	CHECK(n > 0 && (size_t)n < sizeof(text));
	check_id(&r, text, "1");
	buf_init(&seen, 4096);
	CHECK_EQ(feed(&r, STR("id: 2\0\ndata: a\n\n"), 4096), 0);
	CHECK_STR(sse_last_id(&r).p, sse_last_id(&r).n, "1");
	buf_fini(&seen);
	sse_fini(&r);
}

TEST(sse_retry_is_a_bounded_number)
{
	struct sse_reader r;
	sse_init(&r, 1024);
	check_id(&r, "retry: 1500\n", "");
	CHECK_EQ(r.retry_ms, 1500);
	check_id(&r, "retry: 15x\nretry: -1\nretry:\nretry\n", "");
	CHECK_EQ(r.retry_ms, 1500);
	check_id(&r, "retry: 99999999999999999999999999\n", "");
	CHECK_EQ(r.retry_ms, SSE_RETRY_MAX_MS);
	sse_fini(&r);
}

TEST(sse_data_over_the_maximum_ends_it)
{
	struct sse_reader r;
	sse_init(&r, 8);
	buf_init(&seen, 4096);
	CHECK_EQ(feed(&r, STR("data: 12345678\n\ndata: 1234\n\n"), 5), 0);
	CHECK_EQ(feed(&r, STR(": a comment of any length\n"), 5), 0);
	CHECK_EQ(feed(&r, STR("data: 123456789\n\n"), 5), -EMSGSIZE);
	buf_fini(&seen);
	sse_fini(&r);
}
