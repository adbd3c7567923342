/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/http_rig.h - the HTTP server on its loop, with raw sockets as
 * clients, all in one process: the test turns the loop while it waits.
 */
#ifndef TESTS_UNIT_HTTP_RIG_H
#define TESTS_UNIT_HTTP_RIG_H

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "net/http_server.h"

enum { WAIT_MS = 4000, BIG = 8 * 1024 * 1024 };

/* the server and what its handlers saw */
static struct {
	struct loop loop;
	struct http_server *server;
	uint16_t port;
	struct loop_timer tick;
	int requests;
	int closed;
	int logged;
	int last_status;
	int ends;
	struct http_exchange *held;
	struct loop_timer later;
	size_t sunk;
	size_t take;    /* what the slow sink takes a call */
	size_t offered; /* and the most that it was offered */
	size_t flood_left;
	size_t queued_max;
	int drains;
} rig;

static char *big;

/* -------------------------------------------------------------- handlers */

static inline void on_close(void *owner, struct http_exchange *x)
{
	CHECK(owner == &rig);
	CHECK(http_request(x)->method.n > 0);
	if (rig.held == x)
		rig.held = NULL;
	rig.closed++;
}

static inline size_t sink_data(
	void *owner, struct http_exchange *x, struct str data)
{
	(void)owner;
	(void)x;
	rig.sunk += data.n;
	return data.n;
}

static inline void sink_end(void *owner, struct http_exchange *x)
{
	(void)owner;
	rig.ends++;
	http_reply_detail(x, 200, "%zu", rig.sunk);
}

static inline size_t slow_data(
	void *owner, struct http_exchange *x, struct str data)
{
	(void)owner;
	if (data.n > rig.offered)
		rig.offered = data.n;
	size_t n = data.n < rig.take ? data.n : rig.take;
	rig.take -= n;
	rig.sunk += n;
	rig.held = x;
	return n;
}

static inline size_t echo_data(
	void *owner, struct http_exchange *x, struct str data)
{
	(void)owner;
	http_write(x, data);
	return data.n;
}

static inline void echo_end(void *owner, struct http_exchange *x)
{
	(void)owner;
	http_end(x);
}

static inline size_t refuse_data(
	void *owner, struct http_exchange *x, struct str data)
{
	(void)owner;
	(void)data;
	http_reply_detail(x, 422, "no");
	return 0;
}

static inline size_t abort_data(
	void *owner, struct http_exchange *x, struct str data)
{
	(void)owner;
	(void)data;
	http_abort(x);
	http_abort(x);
	http_reply_detail(x, 500, "too late");
	return 0;
}

static inline void collected(
	void *owner, struct http_exchange *x, struct str body)
{
	(void)owner;
	http_reply(x, 200, "text/plain", body);
}

static inline void reply_held(void *owner)
{
	(void)owner;
	if (rig.held)
		http_reply(rig.held, 200, "text/plain", STR("late"));
}

static inline void flood(void *owner, struct http_exchange *x)
{
	(void)owner;
	rig.drains++;
	while (rig.flood_left && http_queued(x) < 256 * 1024) {
		size_t n = rig.flood_left < 65536 ? rig.flood_left : 65536;
		http_write(x, str_from(big, n));
		rig.flood_left -= n;
		if (http_queued(x) > rig.queued_max)
			rig.queued_max = http_queued(x);
	}
	if (rig.flood_left == 0)
		http_end(x);
}

static inline void stream(struct http_exchange *x,
	size_t (*data)(void *, struct http_exchange *, struct str),
	void (*end)(void *, struct http_exchange *))
{
	http_stream(x, (struct http_sink){data, end, NULL});
}

static inline void start_flood(struct http_exchange *x)
{
	rig.flood_left = BIG;
	http_start(x, 200, "application/octet-stream");
	http_on_drain(x, 64 * 1024, flood, NULL);
	flood(NULL, x);
}

static inline void start_events(struct http_exchange *x)
{
	http_set_long_lived(x);
	http_start(x, 200, "text/event-stream");
	http_write(x, STR("data: 1\n\n"));
	rig.held = x;
}

static inline void hold(struct http_exchange *x)
{
	rig.held = x;
	loop_timer_at(&rig.loop, &rig.later, loop_now(&rig.loop) + 50,
		reply_held, NULL);
}

static inline void echo(struct http_exchange *x)
{
	stream(x, echo_data, echo_end);
	http_start(x, 200, "text/plain");
}

/* a piece for each time that all was sent */
static inline void drip(void *owner, struct http_exchange *x)
{
	(void)owner;
	if (++rig.drains == 5)
		http_end(x);
	else
		http_write(x, STR("drop"));
}

static inline void start_drip(struct http_exchange *x)
{
	http_start(x, 200, "text/plain");
	http_on_drain(x, 0, drip, NULL);
	http_write(x, STR("first"));
}

static inline void close_after(struct http_exchange *x)
{
	http_add_field(x, "Connection", STR("close"));
	http_reply(x, 42, "text/plain", STR("odd"));
}

static inline void fields(struct http_exchange *x)
{
	http_add_field(x, "X-Good", STR("yes"));
	http_add_field(x, "X-Bad", STR("a\r\nSet-Cookie: b"));
	http_add_field(x, "X-Nul", str_from("a\0b", 3));
	http_add_field(x, "X Bad", STR("a"));
	http_add_field(x, "Content-Length", STR("7"));
	http_reply(x, 204, NULL, STR(""));
}

static inline void wait_for_it(struct http_exchange *x)
{
	rig.held = x;
}

static inline void abort_at_once(struct http_exchange *x)
{
	http_abort(x);
}

static inline void health(struct http_exchange *x)
{
	http_reply(x, 200, "text/plain", STR("fine"));
}

static inline void reply_big(struct http_exchange *x)
{
	http_reply(x, 200, "application/octet-stream", str_from(big, BIG));
}

static inline void sink(struct http_exchange *x)
{
	stream(x, sink_data, sink_end);
}

static inline void slow_sink(struct http_exchange *x)
{
	stream(x, slow_data, sink_end);
}

static inline void refusing_sink(struct http_exchange *x)
{
	stream(x, refuse_data, sink_end);
}

static inline void aborting_sink(struct http_exchange *x)
{
	stream(x, abort_data, sink_end);
}

static inline void cut_stream(struct http_exchange *x)
{
	http_start(x, 200, "text/plain");
	http_write(x, STR("half"));
	rig.held = x;
}

static inline void collect(struct http_exchange *x)
{
	http_collect(x, 1000, collected, NULL);
}

static inline void on_request(void *owner, struct http_exchange *x)
{
	static const struct {
		const char *path;
		void (*fn)(struct http_exchange *x);
	} routes[] = {
		{"/health", health},
		{"/collect", collect},
		{"/echo", echo},
		{"/sink", sink},
		{"/slow-sink", slow_sink},
		{"/refusing-sink", refusing_sink},
		{"/aborting-sink", aborting_sink},
		{"/hold", hold},
		{"/wait", wait_for_it},
		{"/abort", abort_at_once},
		{"/big", reply_big},
		{"/flood", start_flood},
		{"/events", start_events},
		{"/cut", cut_stream},
		{"/fields", fields},
		{"/drip", start_drip},
		{"/close", close_after},
	};
	CHECK(owner == &rig);
	rig.requests++;
	http_set_owner(x, &rig, on_close);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (str_is(http_request(x)->path, routes[i].path)) {
			routes[i].fn(x);
			return;
		}
	}
	http_reply_detail(x, 404, "Not Found");
}

static inline void on_log(void *owner, const struct http_exchange *x,
	int status, uint64_t bytes, uint64_t us)
{
	CHECK(owner == &rig);
	CHECK(x != NULL);
	CHECK(us < 60000000);
	/* a status without bytes: it could not be sent any more */
	CHECK(status == 0 || bytes > 0 || http_socket(x) < 0);
	rig.logged++;
	rig.last_status = status;
}

/* ------------------------------------------------------------------- rig */

static inline void on_tick(void *owner)
{
	(void)owner;
	loop_timer_at(&rig.loop, &rig.tick, clock_ms() + 2, on_tick, NULL);
}

static inline void start_with(struct http_limits limits)
{
	struct http_server_config config = {
		.on_request = on_request,
		.on_log = on_log,
		.owner = &rig,
		.limits = limits,
	};
	log_init("test");
	big = mem_new(BIG);
	CHECK(big != NULL);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 23);
	CHECK_EQ(loop_init(&rig.loop), 0);
	rig.server = http_server_new(&rig.loop, &config);
	CHECK(rig.server != NULL);
	int fd = http_listen_tcp("127.0.0.1", 0);
	CHECK(fd >= 0);
	rig.port = http_listen_port(fd);
	CHECK_EQ(http_server_listen(rig.server, fd), 0);
	on_tick(NULL);
}

static inline void start(void)
{
	start_with((struct http_limits){0});
}

static inline void stop(void)
{
	http_server_free(rig.server);
	loop_timer_clear(&rig.loop, &rig.tick);
	loop_timer_clear(&rig.loop, &rig.later);
	loop_fini(&rig.loop);
	CHECK_EQ(rig.closed, rig.requests);
	CHECK_EQ(rig.logged, rig.requests);
	mem_free(big);
}

static inline void turn_for(uint64_t ms)
{
	uint64_t until = clock_ms() + ms;
	while (clock_ms() < until)
		CHECK_EQ(loop_turn(&rig.loop), 0);
}

/* --------------------------------------------------------------- clients */

struct client {
	int fd;
	struct buf got;
	bool eof;
	bool reset;
};

static inline struct client client_open(void)
{
	struct client c = {.fd = -1};
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(rig.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(c.fd >= 0);
	CHECK_EQ(connect(c.fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CHECK_EQ(fd_set_nonblock(c.fd, true), 0);
	buf_init(&c.got, 4 * (size_t)BIG);
	return c;
}

static inline void client_close(struct client *c)
{
	fd_close(&c->fd);
	buf_fini(&c->got);
}

/* read what is there */
static inline void client_poll(struct client *c)
{
	for (;;) {
		char *room = buf_reserve(&c->got, 65536);
		CHECK(room != NULL);
		ssize_t n = fd_read(c->fd, room, 65536);
		if (n == 0)
			c->eof = true;
		if (n == -ECONNRESET) {
			c->eof = true;
			c->reset = true;
		}
		if (n <= 0)
			return;
		buf_commit(&c->got, (size_t)n);
	}
}

static inline void client_send(struct client *c, const void *p, size_t n)
{
	size_t done = 0;
	uint64_t until = clock_ms() + WAIT_MS;
	while (done < n && clock_ms() < until) {
		ssize_t r = fd_write(c->fd, (const char *)p + done, n - done);
		if (r > 0)
			done += (size_t)r;
		else
			CHECK_EQ(r, -EAGAIN);
		if (done < n)
			CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	CHECK_EQ(done, n);
}

static inline void client_say(struct client *c, const char *text)
{
	client_send(c, text, strlen(text));
}

static inline void client_wait(struct client *c, size_t bytes, const char *end)
{
	uint64_t until = clock_ms() + WAIT_MS;
	for (;;) {
		client_poll(c);
		if (c->got.n >= bytes &&
			str_ends(buf_str(&c->got), str_of(end)))
			return;
		if (c->eof || clock_ms() >= until)
			break;
		CHECK_EQ(loop_turn(&rig.loop), 0);
	}
	test_show("got ", buf_str(&c->got).p, c->got.n);
	test_show("want", end, strlen(end));
	test_fail(__FILE__, __LINE__, "the answer did not come");
}

static inline void client_expect(struct client *c, const char *end)
{
	client_wait(c, 1, end);
}

static inline bool client_has(struct client *c, const char *text)
{
	return str_has(buf_str(&c->got), str_of(text));
}

static inline size_t client_count(struct client *c, const char *text)
{
	struct str rest = buf_str(&c->got);
	size_t n = 0;
	for (;;) {
		size_t at = str_find(rest, str_of(text));
		if (at == rest.n)
			return n;
		n++;
		rest = str_from_index(rest, at + 1);
	}
}

static inline void client_expect_eof(struct client *c)
{
	uint64_t until = clock_ms() + WAIT_MS;
	while (!c->eof && clock_ms() < until) {
		CHECK_EQ(loop_turn(&rig.loop), 0);
		client_poll(c);
	}
	CHECK(c->eof);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, fields) "POST " path " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

#endif
