/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/http_chaos_test.c - many clients that do anything at any time,
 * and handlers that do the same. Nothing may be lost: each exchange ends once.
 */
#include "tests/unit/http_rig.h"

enum { CLIENTS = 24, STEPS = 6000 };

static struct client clients[CLIENTS];
static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % sides;
}

static const char *const scraps[] = {
	GET("/health"),
	GET("/hold"),
	GET("/wait"),
	GET("/abort"),
	GET("/flood"),
	GET("/events"),
	GET("/cut"),
	GET("/none"),
	"HEAD /flood HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /cut HTTP/1.0\r\n\r\n",
	"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	POST("/collect", "Content-Length: 5\r\n") "hello",
	POST("/collect", "Content-Length: 5000\r\n") "hello",
	POST("/collect",
		"Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n0\r\n\r\n",
	POST("/echo", "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n",
	"2\r\nde\r\n",
	"0\r\n\r\n",
	POST("/sink", "Content-Length: 9\r\nExpect: 100-continue\r\n"),
	POST("/slow-sink", "Content-Length: 12\r\n") "hello",
	"world",
	POST("/slow-sink", "Transfer-Encoding: chunked\r\n") "8\r\nabcd",
	"efgh\r\n",
	POST("/refusing-sink", "Content-Length: 6\r\n") "abc",
	POST("/aborting-sink", "Content-Length: 6\r\n") "abc",
	POST("/none", "Content-Length: 70000\r\n") "abc",
	POST("/none", "Content-Length: 7\r\n") "abcdefg",
	"GET / HTTP/9.9\r\n\r\n",
	"\r\n",
	"x",
};

static void say_something(struct client *c)
{
	const char *text = scraps[dice(sizeof(scraps) / sizeof(scraps[0]))];
	size_t n = strlen(text);
	/* now and then only a part of it */
	if (dice(8) == 0)
		n = dice((uint32_t)n + 1);
	(void)send(c->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void act_as_client(struct client *c)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	uint32_t what = dice(40);
	if (c->fd < 0) {
		*c = client_open();
	} else if (what < 24) {
		say_something(c);
	} else if (what < 36) {
		client_poll(c);
		buf_reset(&c->got);
		if (c->eof)
			client_close(c);
	} else if (what == 36) {
		shutdown(c->fd, SHUT_WR);
	} else if (what == 37) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		client_close(c);
	} else if (what == 38) {
		client_close(c);
	}
}

static void act_as_handler(void)
{
	struct http_exchange *x = rig.held;
	rig.take = dice(7);
	if (!x)
		return;
	switch (dice(10)) {
	case 0:
		http_abort(x);
		break;
	case 1:
		http_reply(x, 200, "text/plain", STR("late"));
		break;
	case 2:
		http_start(x, 200, "text/plain");
		break;
	case 3:
		http_end(x);
		break;
	case 4:
		http_write(x, str_from(big, dice(50000)));
		break;
	case 5:
		http_collect(x, dice(20), collected, NULL);
		break;
	case 6:
		stream(x, slow_data, sink_end);
		break;
	case 7:
		http_set_long_lived(x);
		break;
	default:
		http_resume(x);
	}
}

static void run_chaos(uint32_t with)
{
	seed = with;
	/* the loop complains about second answers, rightly */
	setenv("CORACLE_LOG", "error", 1);
	start_with((struct http_limits){.connections_max = CLIENTS - 4,
		.head_timeout_ms = 20,
		.idle_timeout_ms = 40,
		.stall_timeout_ms = 30});
	for (int i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	for (int i = 0; i < STEPS; i++) {
		act_as_client(&clients[dice(CLIENTS)]);
		if (dice(3) == 0)
			act_as_handler();
		if (dice(2) == 0)
			CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].fd >= 0)
			client_close(&clients[i]);
	/* some wait for a handler that forgot them: those end with the server */
	for (int i = 0; i < 20 && !http_server_idle(rig.server); i++) {
		if (rig.held)
			http_abort(rig.held);
		turn_for(5);
	}
	CHECK(rig.requests > 100);
	stop();
}

TEST(http_chaos_ends_every_exchange_once)
{
	run_chaos(1);
}

TEST(http_chaos_ends_every_exchange_once_with_another_seed)
{
	run_chaos(20261121);
}
