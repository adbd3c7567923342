/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/http_client_test.c - the blocking client against a child process
 * that says what the test tells it to.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "net/http_client.h"
#include "net/http_server.h"

static uint16_t port;
static struct http_client client;
static struct http_client_call call;

enum manner { WHOLE, BYTE_BY_BYTE, SILENT, EARLY };

static void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK(poll(&p, 1, 5000) == 1);
}

/* in the child: one connection; the request must contain `wanted` */
static void serve(
	int listener, const char *wanted, const char *answer, enum manner how)
{
	char got[65536];
	size_t n = 0;
	wait_readable(listener);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK(fd >= 0);
	while (how != EARLY && !memmem(got, n, wanted, strlen(wanted))) {
		ssize_t r = fd_read(fd, got + n, sizeof(got) - n);
		CHECK(r > 0);
		n += (size_t)r;
	}
	size_t step = how == BYTE_BY_BYTE ? 1 : strlen(answer);
	for (const char *p = answer; *p && how != SILENT; p += step)
		CHECK_EQ(fd_write_full(fd, p, step), 0);
	if (how == SILENT)
		pause();
	if (how == EARLY) {
		/* so that the close is no reset */
		shutdown(fd, SHUT_WR);
		while (fd_read(fd, got, sizeof(got)) > 0)
			;
	}
	close(fd);
	_exit(0);
}

static void start(const char *wanted, const char *answer, enum manner how)
{
	int fd = http_listen_tcp("127.0.0.1", 0);
	CHECK(fd >= 0);
	port = http_listen_port(fd);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		serve(fd, wanted, answer, how);
	close(fd);
	CHECK_EQ(http_client_open_tcp(&client, "localhost", port, 3000), 0);
	call = (struct http_client_call){
		.method = "GET",
		.target = "/health",
		.host = "localhost",
		.content_max = 100000,
	};
}

static void stop(void)
{
	http_client_call_fini(&call);
	http_client_close(&client);
}

/* the result of a GET that is answered so, in one piece and in many */
static int get(const char *answer)
{
	start("\r\n\r\n", answer, BYTE_BY_BYTE);
	int r = http_client_call(&client, &call);
	stop();
	start("\r\n\r\n", answer, WHOLE);
	CHECK_EQ(http_client_call(&client, &call), r);
	return r;
}

TEST(http_client_reads_bodies_of_all_framings)
{
	CHECK_EQ(get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n"
		     "hello"),
		0);
	CHECK_EQ(call.head.status, 200);
	CHECK_STR(buf_str(&call.content).p, call.content.n, "hello");
	struct str a = http_field(&call.head, "a");
	CHECK_STR(a.p, a.n, "b");
	stop();
	CHECK_EQ(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: v\r\n\r\n"),
		0);
	CHECK_STR(buf_str(&call.content).p, call.content.n, "hello");
	stop();
	CHECK_EQ(get("HTTP/1.0 404 No\r\n\r\nhello"), 0);
	CHECK_EQ(call.head.status, 404);
	CHECK_STR(buf_str(&call.content).p, call.content.n, "hello");
	stop();
	CHECK_EQ(get("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"), 0);
	CHECK_EQ(call.content.n, 0);
	stop();
}

TEST(http_client_skips_interim_answers)
{
	CHECK_EQ(get("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n"
		     "Link: x\r\n\r\nHTTP/1.1 200 OK\r\n"
		     "Content-Length: 2\r\n\r\nok"),
		0);
	CHECK_EQ(call.head.status, 200);
	CHECK_STR(buf_str(&call.content).p, call.content.n, "ok");
	stop();
}

TEST(http_client_refuses_unsound_answers)
{
	static const char *const bad[] = {
		"",
		"HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		"Content-Length: 2\r\n\r\nab",
		"HTTP/1.1 101 Switching\r\n\r\n",
		"SSH-2.0-x\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(get(bad[i]), -EPROTO);
		CHECK(client.error != NULL);
		stop();
	}
}

TEST(http_client_bounds_what_it_collects)
{
	start("\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhello", WHOLE);
	call.content_max = 4;
	CHECK_EQ(http_client_call(&client, &call), -EMSGSIZE);
	stop();
}

static int count(void *owner, struct str data)
{
	size_t *n = owner;
	*n += data.n;
	return *n > 3 ? -ECANCELED : 0;
}

TEST(http_client_streams_to_a_callback_that_may_give_up)
{
	size_t n = 0;
	start("\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhello", WHOLE);
	call.on_data = count;
	call.owner = &n;
	CHECK_EQ(http_client_call(&client, &call), -ECANCELED);
	CHECK_EQ(n, 5);
	stop();
}

TEST(http_client_sends_fields_and_a_body)
{
	struct http_field fields[] = {{STR("X-Y"), STR("z")}};
	start("POST /p?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
	      "Content-Length: 4\r\nX-Y: z\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", WHOLE);
	call.method = "POST";
	call.target = "/p?q";
	call.host = "h";
	call.fields = fields;
	call.nfields = 1;
	call.body = STR("body");
	CHECK_EQ(http_client_call(&client, &call), 0);
	stop();
}

TEST(http_client_refuses_to_send_unsound_requests)
{
	struct http_field fields[] = {{STR("X-Y"), STR("z\r\nA: b")}};
	start("", "", SILENT);
	call.fields = fields;
	call.nfields = 1;
	CHECK_EQ(http_client_call(&client, &call), -EINVAL);
	call.nfields = 0;
	call.target = "/a b";
	CHECK_EQ(http_client_call(&client, &call), -EINVAL);
	call.target = "/";
	call.method = "GET\r\n";
	CHECK_EQ(http_client_call(&client, &call), -EINVAL);
	call.method = "GET";
	call.host = "h\r\n";
	CHECK_EQ(http_client_call(&client, &call), -EINVAL);
	stop();
}

TEST(http_client_reads_an_answer_that_comes_before_the_body_is_sent)
{
	static char body[32 * 1024 * 1024];
	start("", "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno", EARLY);
	call.method = "PUT";
	call.body = str_from(body, sizeof(body));
	CHECK_EQ(http_client_call(&client, &call), 0);
	CHECK_EQ(call.head.status, 413);
	stop();
}

TEST(http_client_has_one_deadline_for_all)
{
	start("\r\n\r\n", "", SILENT);
	uint64_t before = clock_ms();
	client.stream.deadline_ms = before + 100;
	CHECK_EQ(http_client_call(&client, &call), -ETIMEDOUT);
	CHECK(clock_ms() - before >= 100);
	CHECK(clock_ms() - before < 2000);
	stop();
}

TEST(http_client_connects_to_numbers_and_paths_only)
{
	struct http_client c;
	CHECK_EQ(http_client_open_tcp(&c, "example.com", 80, 100), -EINVAL);
	http_client_close(&c);
	CHECK_EQ(http_client_open_tcp(&c, "localhost", 1, 100), -ECONNREFUSED);
	http_client_close(&c);
	CHECK_EQ(http_client_open_unix(&c, "", 100), -EINVAL);
	http_client_close(&c);
	CHECK_EQ(http_client_open_unix(&c, "/nowhere/x", 100), -ENOENT);
	http_client_close(&c);
}
