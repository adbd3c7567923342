/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/http_flow_test.c - the server under pressure: slow, greedy and
 * vanishing peers, limits, the end.
 */
#include "tests/unit/http_rig.h"

TEST(http_flow_bounds_what_it_buffers_of_pipelined_requests)
{
	start();
	struct client c = client_open();
	struct buf many;
	buf_init(&many, SIZE_MAX);
	client_say(&c, GET("/wait"));
	turn_for(20);
	while (many.n < BIG)
		buf_puts(&many, GET("/health"));
	size_t sent = 0;
	for (int i = 0; i < 200; i++) {
		ssize_t n =
			fd_write(c.fd, buf_str(&many).p + sent, many.n - sent);
		if (n > 0)
			sent += (size_t)n;
		CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	/* the kernel's buffers took the rest, the server stopped reading */
	CHECK(sent < many.n);
	CHECK_EQ(rig.requests, 1);
	reply_held(NULL);
	uint64_t until = clock_ms() + WAIT_MS;
	while (rig.requests < 1000 && clock_ms() < until) {
		CHECK_EQ(loop_turn(&rig.loop), 0);
		client_poll(&c);
	}
	CHECK(rig.requests >= 1000);
	buf_fini(&many);
	client_close(&c);
	stop();
}

TEST(http_flow_stops_reading_requests_of_a_client_that_reads_no_answers)
{
	start();
	struct client c = client_open();
	int before = 0;
	for (int i = 0; i < 40000; i++) {
		static const char request[] = GET("/health");
		ssize_t n = fd_write(c.fd, request, sizeof(request) - 1);
		if (n != sizeof(request) - 1)
			break;
		if (i % 64 == 0)
			CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	do {
		before = rig.requests;
		turn_for(50);
	} while (rig.requests != before);
	/* nothing is lost when it reads again */
	client_poll(&c);
	turn_for(50);
	client_poll(&c);
	CHECK(client_count(&c, "HTTP/1.1 200") > 0);
	client_close(&c);
	stop();
}

TEST(http_flow_reads_no_more_than_a_slow_sink_takes)
{
	start();
	struct client c = client_open();
	rig.take = 1000;
	client_say(&c, POST("/slow-sink", "Content-Length: 8388608\r\n"));
	size_t sent = 0;
	for (int i = 0; i < 200; i++) {
		ssize_t n = fd_write(c.fd, big + sent, BIG - sent);
		if (n > 0)
			sent += (size_t)n;
		CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	CHECK(sent < BIG);
	CHECK_EQ(rig.sunk, 1000);
	/* at most one read's worth waits in the server */
	CHECK(rig.offered <= 256 * 1024 + 32768);
	uint64_t until = clock_ms() + WAIT_MS;
	while (rig.sunk < BIG && clock_ms() < until) {
		rig.take = 200000;
		http_resume(rig.held);
		CHECK_EQ(loop_turn(&rig.loop), 0);
		ssize_t n = fd_write(c.fd, big + sent, BIG - sent);
		if (n > 0)
			sent += (size_t)n;
	}
	client_expect(&c, "{\"detail\":\"8388608\"}");
	client_close(&c);
	stop();
}

TEST(http_flow_gives_chunked_bytes_again_that_a_sink_did_not_take)
{
	start();
	struct client c = client_open();
	rig.take = 2;
	client_say(&c,
		POST("/slow-sink",
			"Transfer-Encoding: chunked\r\n") "5\r\nabcde\r\n3\r\nf"
							  "gh\r\n0\r\n\r\n");
	uint64_t until = clock_ms() + WAIT_MS;
	while (rig.ends == 0 && clock_ms() < until) {
		turn_for(5);
		rig.take = 2;
		if (rig.held)
			http_resume(rig.held);
	}
	client_expect(&c, "{\"detail\":\"8\"}");
	client_close(&c);
	stop();
}

TEST(http_flow_sends_a_big_answer_whole)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/big"));
	client_wait(&c, BIG, "");
	size_t head = str_find(buf_str(&c.got), STR("\r\n\r\n")) + 4;
	client_wait(&c, BIG + head, "");
	CHECK(memcmp(buf_str(&c.got).p + head, big, BIG) == 0);
	client_close(&c);
	stop();
}

TEST(http_flow_bounds_the_output_of_a_stream)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/flood"));
	client_wait(&c, BIG, "\r\n0\r\n\r\n");
	CHECK(rig.drains > 1);
	CHECK(rig.queued_max < 512 * 1024);
	client_close(&c);
	stop();
}

TEST(http_flow_times_out_a_slow_head_as_a_whole)
{
	start_with((struct http_limits){.head_timeout_ms = 100});
	struct client c = client_open();
	uint64_t before = clock_ms();
	client_say(&c, "GET / HTTP/1.1\r\n");
	while (!c.eof && clock_ms() < before + WAIT_MS) {
		(void)fd_write(c.fd, "A", 1);
		turn_for(10);
		client_poll(&c);
	}
	CHECK(client_has(&c, "HTTP/1.1 408 "));
	CHECK(clock_ms() - before < 2000);
	client_close(&c);
	stop();
}

TEST(http_flow_closes_an_idle_connection_without_a_word)
{
	start_with((struct http_limits){.idle_timeout_ms = 60});
	struct client c = client_open();
	client_say(&c, GET("/health"));
	client_expect(&c, "fine");
	size_t n = c.got.n;
	client_expect_eof(&c);
	CHECK_EQ(c.got.n, n);
	client_close(&c);
	stop();
}

TEST(http_flow_times_out_a_body_that_stalls)
{
	start_with((struct http_limits){.stall_timeout_ms = 60});
	struct client c = client_open();
	client_say(&c, POST("/collect", "Content-Length: 10\r\n") "abc");
	client_expect_eof(&c);
	CHECK(client_has(&c, "HTTP/1.1 408 "));
	client_close(&c);
	c = client_open();
	client_say(&c, POST("/echo", "Content-Length: 10\r\n") "abc");
	client_expect_eof(&c);
	CHECK(client_has(&c, "HTTP/1.1 200 "));
	CHECK(!client_has(&c, "\r\n0\r\n\r\n"));
	client_close(&c);
	stop();
}

TEST(http_flow_times_out_a_body_that_trickles)
{
	start_with((struct http_limits){.slow_grace_ms = 100});
	struct client c = client_open();
	uint64_t begin = clock_ms();
	client_say(&c, POST("/collect", "Content-Length: 1000\r\n"));
	while (clock_ms() - begin < 200) {
		client_say(&c, "x");
		turn_for(10);
	}
	client_expect_eof(&c);
	CHECK(client_has(&c, "HTTP/1.1 408 "));
	client_close(&c);
	stop();
}

TEST(http_flow_drops_a_client_that_stops_reading)
{
	start_with((struct http_limits){.stall_timeout_ms = 100});
	struct client c = client_open();
	client_say(&c, GET("/flood"));
	uint64_t until = clock_ms() + WAIT_MS;
	while (rig.closed == 0 && clock_ms() < until)
		turn_for(10);
	CHECK_EQ(rig.closed, 1);
	client_close(&c);
	stop();
}

TEST(http_flow_has_no_deadline_while_the_handler_thinks)
{
	start_with((struct http_limits){.stall_timeout_ms = 30,
		.idle_timeout_ms = 30,
		.head_timeout_ms = 30});
	struct client c = client_open();
	client_say(&c, GET("/wait"));
	turn_for(150);
	CHECK(rig.held != NULL);
	reply_held(NULL);
	client_expect(&c, "late");
	client_close(&c);
	stop();
}

TEST(http_flow_tells_at_once_when_the_client_of_a_stream_is_gone)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/events"));
	client_expect(&c, "data: 1\n\n\r\n");
	client_close(&c);
	turn_for(30);
	CHECK_EQ(rig.closed, 1);
	stop();
}

TEST(http_flow_tells_when_a_waiting_client_resets)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	start();
	struct client c = client_open();
	client_say(&c, GET("/wait"));
	turn_for(30);
	CHECK(rig.held != NULL);
	setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	client_close(&c);
	turn_for(30);
	CHECK_EQ(rig.closed, 1);
	CHECK_EQ(rig.last_status, 0);
	stop();
}

TEST(http_flow_answers_a_client_that_closed_its_sending_side)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/hold") GET("/health"));
	shutdown(c.fd, SHUT_WR);
	client_expect_eof(&c);
	CHECK(client_has(&c, "\r\n\r\nlate"));
	CHECK(client_has(&c, "\r\n\r\nfine"));
	client_close(&c);
	stop();
}

TEST(http_flow_refuses_a_body_that_is_cut_short)
{
	start();
	struct client c = client_open();
	client_say(&c, POST("/sink", "Content-Length: 10\r\n") "abc");
	shutdown(c.fd, SHUT_WR);
	client_expect_eof(&c);
	CHECK(client_has(&c, "HTTP/1.1 400 "));
	CHECK_EQ(rig.closed, 1);
	CHECK_EQ(rig.ends, 0);
	client_close(&c);
	stop();
}

TEST(http_flow_turns_away_connections_over_the_limit)
{
	struct client c[6];
	start_with((struct http_limits){.connections_max = 4});
	for (int i = 0; i < 6; i++) {
		c[i] = client_open();
		turn_for(10);
	}
	for (int i = 0; i < 4; i++) {
		client_say(&c[i], GET("/health"));
		client_expect(&c[i], "fine");
	}
	for (int i = 4; i < 6; i++) {
		client_expect_eof(&c[i]);
		CHECK(client_has(&c[i], "HTTP/1.1 503 "));
	}
	for (int i = 0; i < 6; i++)
		client_close(&c[i]);
	turn_for(20);
	struct client again = client_open();
	client_say(&again, GET("/health"));
	client_expect(&again, "fine");
	client_close(&again);
	stop();
}

TEST(http_flow_prefers_a_newcomer_to_a_long_idle_connection)
{
	struct client c[3];
	start_with((struct http_limits){.connections_max = 2});
	c[0] = client_open();
	c[1] = client_open();
	client_say(&c[1], GET("/wait"));
	turn_for(1100);
	c[2] = client_open();
	client_say(&c[2], GET("/health"));
	client_expect(&c[2], "fine");
	client_expect_eof(&c[0]);
	CHECK_EQ(c[0].got.n, 0);
	reply_held(NULL);
	client_expect(&c[1], "late");
	for (int i = 0; i < 3; i++)
		client_close(&c[i]);
	stop();
}

TEST(http_flow_survives_without_descriptors)
{
	struct client c[8];
	struct rlimit limit;
	start();
	for (int i = 0; i < 8; i++)
		c[i] = client_open();
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)c[7].fd + 1;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 8; i++)
		client_expect_eof(&c[i]);
	limit.rlim_cur = before;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 8; i++)
		client_close(&c[i]);
	struct client again = client_open();
	client_say(&again, GET("/health"));
	client_expect(&again, "fine");
	client_close(&again);
	stop();
}

TEST(http_flow_rests_when_not_even_the_spare_descriptor_helps)
{
	struct client c[3];
	struct rlimit limit;
	start();
	for (int i = 0; i < 3; i++)
		c[i] = client_open();
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	turn_for(150);
	limit.rlim_cur = before;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 3; i++) {
		client_say(&c[i], GET("/health"));
		client_expect(&c[i], "fine");
		client_close(&c[i]);
	}
	stop();
}

TEST(http_flow_tells_when_small_pieces_were_sent)
{
	start();
	struct client c = client_open();
	client_say(&c, GET("/drip"));
	client_expect(&c, "drop\r\n4\r\ndrop\r\n0\r\n\r\n");
	CHECK_EQ(rig.drains, 5);
	client_close(&c);
	stop();
}

TEST(http_flow_serves_many_connections)
{
	enum { MANY = 300 };
	static struct client c[MANY];
	start();
	for (int i = 0; i < MANY; i++) {
		c[i] = client_open();
		client_say(&c[i], i % 3 ? GET("/health") : GET("/big"));
	}
	for (int i = 0; i < MANY; i++)
		if (i % 3)
			client_expect(&c[i], "fine");
	/* a third of them never read their megabytes */
	for (int i = 0; i < MANY; i++)
		client_close(&c[i]);
	uint64_t until = clock_ms() + WAIT_MS;
	while (!http_server_idle(rig.server) && clock_ms() < until)
		turn_for(10);
	CHECK_EQ(rig.closed, rig.requests);
	CHECK(http_server_idle(rig.server));
	stop();
}

TEST(http_flow_drains)
{
	start();
	struct client idle = client_open();
	struct client busy = client_open();
	client_say(&idle, GET("/health"));
	client_expect(&idle, "fine");
	client_say(&busy, GET("/wait"));
	turn_for(20);
	http_server_drain(rig.server);
	CHECK(!http_server_idle(rig.server));
	client_expect_eof(&idle);
	reply_held(NULL);
	client_expect_eof(&busy);
	CHECK(client_has(&busy, "Connection: close\r\n"));
	CHECK(client_has(&busy, "late"));
	client_close(&busy);
	client_close(&idle);
	turn_for(20);
	CHECK(http_server_idle(rig.server));
	stop();
}

TEST(http_flow_is_freed_in_the_middle_of_everything)
{
	start();
	struct client c[5];
	static const char *const requests[5] = {GET("/wait"), GET("/flood"),
		"GET /he", POST("/collect", "Content-Length: 9\r\n") "abc",
		GET("/events")};
	for (int i = 0; i < 5; i++) {
		c[i] = client_open();
		client_say(&c[i], requests[i]);
	}
	turn_for(30);
	stop();
	for (int i = 0; i < 5; i++)
		client_close(&c[i]);
}
