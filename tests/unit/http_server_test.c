/* SPDX-License-Identifier: MIT */
/* tests/unit/http_server_test.c - what the server answers, and how. */
#include "tests/unit/http_rig.h"

/* one request on a fresh connection, until the server closes */
static struct client exchange(const char *request)
{
	struct client c = client_open();
	client_say(&c, request);
	client_expect_eof(&c);
	return c;
}

TEST(http_server_keeps_the_connection_between_requests)
{
	start();
	struct client c = client_open();
	for (int i = 0; i < 5; i++) {
		buf_reset(&c.got);
		client_say(&c, GET("/health"));
		client_expect(&c, "\r\n\r\nfine");
		CHECK(client_has(&c, "HTTP/1.1 200 OK\r\nDate: "));
		CHECK(client_has(&c, "Content-Length: 4\r\n"));
		CHECK(!client_has(&c, "Connection:"));
		CHECK(!client_has(&c, "Server:"));
	}
	CHECK_EQ(rig.requests, 5);
	CHECK_EQ(rig.closed, 5);
	client_close(&c);
	stop();
}

TEST(http_server_answers_a_request_that_comes_byte_by_byte)
{
	static const char request[] = POST("/collect",
		"Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n0\r\n\r\n";
	start();
	struct client c = client_open();
	for (size_t i = 0; i + 1 < sizeof(request); i++) {
		client_send(&c, request + i, 1);
		CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	client_expect(&c, "\r\n\r\nabc");
	client_close(&c);
	stop();
}

TEST(http_server_answers_pipelined_requests_in_order)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/health") GET("/hold") POST("/collect",
			       "Content-Length: 3\r\n") "abc" GET("/none"));
	client_expect(&c, "{\"detail\":\"Not Found\"}");
	size_t fine = str_find(buf_str(&c.got), STR("\r\n\r\nfine"));
	size_t late = str_find(buf_str(&c.got), STR("\r\n\r\nlate"));
	size_t abc = str_find(buf_str(&c.got), STR("\r\n\r\nabc"));
	CHECK(fine < late && late < abc && abc < c.got.n);
	client_close(&c);
	stop();
}

TEST(http_server_collects_bodies_of_both_framings)
{
	start();
	struct client c = client_open();
	client_say(&c, POST("/collect", "Content-Length: 5\r\n") "hello");
	client_expect(&c, "\r\n\r\nhello");
	client_say(&c,
		POST("/collect",
			"Transfer-Encoding: chunked\r\n") "3;x="
							  "y\r\nabc\r\n2\r"
							  "\nde\r\n0\r\nT: "
							  "v\r\n\r\n");
	client_expect(&c, "\r\n\r\nabcde");
	client_say(&c, POST("/collect", "Content-Length: 0\r\n"));
	client_expect(&c, "Content-Length: 0\r\n\r\n");
	client_close(&c);
	stop();
}

TEST(http_server_refuses_bodies_over_the_limit)
{
	start();
	struct client c =
		exchange(POST("/collect", "Content-Length: 100000\r\n"
					  "Expect: 100-continue\r\n"));
	CHECK(client_has(&c, "HTTP/1.1 413 "));
	CHECK(client_has(&c, "Connection: close\r\n"));
	CHECK(!client_has(&c, "100 Continue"));
	client_close(&c);
	c = client_open();
	client_say(&c, POST("/collect", "Transfer-Encoding: chunked\r\n"));
	client_say(&c, "400\r\n");
	client_send(&c, big, 0x400);
	client_expect_eof(&c);
	CHECK(client_has(&c, "HTTP/1.1 413 "));
	client_close(&c);
	stop();
}

TEST(http_server_refuses_malformed_chunks)
{
	start();
	struct client c = exchange(POST("/collect",
		"Transfer-Encoding: chunked\r\n") "3\nabc\r\n0\r\n\r\n");
	CHECK(client_has(&c, "HTTP/1.1 400 "));
	CHECK_EQ(client_count(&c, "HTTP/1.1"), 1);
	client_close(&c);
	stop();
}

TEST(http_server_refuses_unsound_heads)
{
	start();
	struct client c = exchange("GET / HTTP/1.1\r\nHost: h\r\n"
				   "Content-Length: 1\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n");
	CHECK(client_has(&c, "HTTP/1.1 400 Bad Request\r\n"));
	CHECK(client_has(&c, "Content-Type: application/json\r\n"));
	CHECK(client_has(&c, "{\"detail\":\""));
	CHECK_EQ(rig.requests, 0);
	client_close(&c);
	c = exchange("GET / HTTP/2.0\r\nHost: h\r\n\r\n" GET("/health"));
	CHECK(client_has(&c, "HTTP/1.1 505 "));
	CHECK_EQ(client_count(&c, "HTTP/1.1"), 1);
	client_close(&c);
	stop();
}

TEST(http_server_echoes_a_stream_in_both_directions)
{
	struct buf body;
	start();
	struct client c = client_open();
	buf_init(&body, SIZE_MAX);
	buf_put(&body, big, 100000);
	client_say(&c, POST("/echo", "Transfer-Encoding: chunked\r\n"));
	client_expect(&c, "Transfer-Encoding: chunked\r\n\r\n");
	buf_reset(&c.got);
	client_say(&c, "186a0\r\n");
	client_send(&c, buf_str(&body).p, body.n);
	client_say(&c, "\r\n0\r\n\r\n");
	client_expect(&c, "\r\n0\r\n\r\n");
	CHECK(c.got.n > body.n);
	client_say(&c, GET("/health"));
	client_expect(&c, "fine");
	buf_fini(&body);
	client_close(&c);
	stop();
}

TEST(http_server_says_continue_only_when_the_body_is_wanted)
{
	start();
	struct client c = client_open();
	client_say(&c, POST("/sink", "Content-Length: 4\r\n"
				     "Expect: 100-continue\r\n"));
	client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	client_say(&c, "body");
	client_expect(&c, "{\"detail\":\"4\"}");
	CHECK(!client_has(&c, "Connection: close"));
	client_close(&c);
	c = exchange(POST("/none", "Content-Length: 4\r\n"
				   "Expect: 100-continue\r\n"));
	CHECK(!client_has(&c, "100 Continue"));
	CHECK(client_has(&c, "HTTP/1.1 404 "));
	CHECK(client_has(&c, "Connection: close\r\n"));
	client_close(&c);
	/* who sends it without waiting gets no interim answer */
	c = client_open();
	client_say(&c, POST("/sink", "Content-Length: 4\r\n"
				     "Expect: 100-continue\r\n") "body");
	client_expect(&c, "}");
	CHECK(!client_has(&c, "100 Continue"));
	client_close(&c);
	stop();
}

TEST(http_server_skips_a_small_body_that_nobody_reads)
{
	start();
	struct client c = client_open();
	client_say(&c, POST("/none", "Content-Length: 6\r\n") "abc");
	client_expect(&c, "\"Not Found\"}");
	CHECK(!client_has(&c, "Connection: close"));
	client_say(&c, "def" GET("/health"));
	client_expect(&c, "\r\n\r\nfine");
	client_close(&c);
	stop();
}

TEST(http_server_closes_gently_behind_a_big_body_that_nobody_reads)
{
	start();
	struct client c = client_open();
	client_say(&c, POST("/none", "Content-Length: 4000000\r\n"));
	client_expect(&c, "\"Not Found\"}");
	CHECK(client_has(&c, "Connection: close\r\n"));
	/* the rest can still be sent: no reset destroys the answer */
	client_send(&c, big, 4000000);
	client_expect_eof(&c);
	CHECK(!c.reset);
	client_close(&c);
	stop();
}

TEST(http_server_lets_a_sink_answer_or_abort_in_the_middle)
{
	start();
	struct client c = client_open();
	client_say(&c, POST("/refusing-sink", "Content-Length: 6\r\n") "abc");
	client_expect(&c, "{\"detail\":\"no\"}");
	client_say(&c, "def" GET("/health"));
	client_expect(&c, "\r\n\r\nfine");
	client_close(&c);
	c = exchange(POST("/aborting-sink", "Content-Length: 6\r\n") "abc");
	CHECK_EQ(c.got.n, 0);
	client_close(&c);
	CHECK_EQ(rig.ends, 0);
	stop();
}

TEST(http_server_answers_head_with_the_fields_of_get)
{
	start();
	struct client c = client_open();
	client_say(&c, "HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "Content-Length: 4\r\n\r\n");
	client_say(&c, "HEAD /flood HTTP/1.1\r\nHost: h\r\n\r\n");
	client_expect(&c, "Transfer-Encoding: chunked\r\n\r\n");
	client_say(&c, GET("/health"));
	client_expect(&c, "\r\n\r\nfine");
	client_close(&c);
	stop();
}

TEST(http_server_closes_behind_a_1_0_request)
{
	start();
	struct client c = exchange("GET /health HTTP/1.0\r\n\r\n");
	CHECK(client_has(&c, "Connection: close\r\n"));
	CHECK(client_has(&c, "\r\n\r\nfine"));
	client_close(&c);
	c = exchange("GET /flood HTTP/1.0\r\n\r\n");
	CHECK(!client_has(&c, "Transfer-Encoding"));
	CHECK(c.got.n > BIG);
	client_close(&c);
	c = client_open();
	client_say(
		&c, "GET /health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
	client_expect(&c, "\r\n\r\nfine");
	CHECK(client_has(&c, "Connection: keep-alive\r\n"));
	client_say(&c, "GET /health HTTP/1.0\r\n\r\n");
	client_expect_eof(&c);
	CHECK_EQ(client_count(&c, "\r\n\r\nfine"), 2);
	client_close(&c);
	stop();
}

TEST(http_server_closes_when_the_client_asks_for_it)
{
	start();
	struct client c = exchange("GET /health HTTP/1.1\r\nHost: h\r\n"
				   "Connection: foo, Close\r\n\r\n");
	CHECK(client_has(&c, "Connection: close\r\n"));
	client_close(&c);
	stop();
}

TEST(http_server_refuses_fields_that_would_split_an_answer)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/fields"));
	client_expect(&c, "\r\n\r\n");
	CHECK(client_has(&c, "HTTP/1.1 204 No Content\r\n"));
	CHECK(client_has(&c, "X-Good: yes\r\n"));
	CHECK(!client_has(&c, "Set-Cookie"));
	CHECK(!client_has(&c, "X-Nul"));
	CHECK(!client_has(&c, "X Bad"));
	CHECK(!client_has(&c, "Content-Length"));
	client_close(&c);
	stop();
}

TEST(http_server_aborts_without_an_answer)
{
	start();
	struct client c = exchange(GET("/abort"));
	CHECK_EQ(c.got.n, 0);
	CHECK_EQ(rig.closed, 1);
	client_close(&c);
	stop();
}

TEST(http_server_lets_the_peer_see_that_an_aborted_stream_is_cut)
{
	start();
	struct client c = client_open();
	client_say(&c, "GET /cut HTTP/1.0\r\n\r\n");
	client_expect(&c, "half");
	http_abort(rig.held);
	client_expect_eof(&c);
	CHECK(c.reset);
	client_close(&c);
	stop();
}

TEST(http_server_coalesces_the_pieces_of_a_turn)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/events"));
	turn_for(20);
	char all[1024];
	ssize_t n = recv(c.fd, all, sizeof(all), 0);
	/* loopback keeps what one send(2) wrote in one piece */
	CHECK(n > 0);
	CHECK(str_ends(str_from(all, (size_t)n), STR("data: 1\n\n\r\n")));
	http_write(rig.held, STR("data: 2\n\n"));
	http_end(rig.held);
	client_expect(&c, "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
	client_close(&c);
	stop();
}

TEST(http_server_names_the_peer)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/wait"));
	turn_for(20);
	CHECK_CSTR(http_peer(rig.held), "127.0.0.1");
	CHECK(http_socket(rig.held) >= 0);
	CHECK(http_owner(rig.held) == &rig);
	client_close(&c);
	stop();
}

TEST(http_server_lets_a_handler_close_the_connection)
{
	start();
	struct client c = exchange(GET("/close"));
	CHECK(client_has(&c, "HTTP/1.1 500 "));
	CHECK(client_has(&c, "Connection: close\r\n"));
	CHECK_EQ(client_count(&c, "Connection"), 1);
	client_close(&c);
	stop();
}
