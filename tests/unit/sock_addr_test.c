/* SPDX-License-Identifier: MIT */
/* tests/unit/sock_addr_test.c - numeric addresses, listening on them. */
#include "tests/unit/test.h"

#include <errno.h>

#include "lib/fd.h"
#include "net/http_server.h"
#include "net/sock_addr.h"

static const char *round_trip(const char *text)
{
	static char back[INET6_ADDRSTRLEN];
	union sock_addr a;
	if (sock_addr_parse(&a, text, 8080) == 0)
		return NULL;
	CHECK_EQ(sock_addr_port(&a), 8080);
	sock_addr_text(&a, back, sizeof(back));
	return back;
}

TEST(sock_addr_reads_and_writes_numbers)
{
	CHECK_CSTR(round_trip("127.0.0.1"), "127.0.0.1");
	CHECK_CSTR(round_trip("255.255.255.255"), "255.255.255.255");
	CHECK_CSTR(round_trip("localhost"), "127.0.0.1");
	CHECK_CSTR(round_trip("::1"), "::1");
	CHECK_CSTR(round_trip("2001:DB8::0:1"), "2001:db8::1");
	CHECK_CSTR(round_trip("::ffff:10.0.0.1"), "10.0.0.1");
	CHECK_CSTR(round_trip("example.com"), NULL);
	CHECK_CSTR(round_trip("1.2.3"), NULL);
	CHECK_CSTR(round_trip(""), NULL);
}

TEST(sock_addr_takes_paths_that_fit)
{
	char path[200];
	char text[INET6_ADDRSTRLEN];
	union sock_addr a;
	memset(path, 'x', sizeof(path));
	path[sizeof(a.un.sun_path)] = '\0';
	CHECK_EQ(sock_addr_unix(&a, path), 0);
	path[sizeof(a.un.sun_path) - 1] = '\0';
	CHECK(sock_addr_unix(&a, path) > 0);
	CHECK_EQ(sock_addr_unix(&a, ""), 0);
	CHECK(sock_addr_unix(&a, "/run/x") > 0);
	CHECK_EQ(sock_addr_port(&a), 0);
	sock_addr_text(&a, text, sizeof(text));
	CHECK_CSTR(text, "");
}

TEST(http_listen_says_why_it_cannot)
{
	CHECK_EQ(http_listen_tcp("nowhere", 0), -EINVAL);
	CHECK_EQ(http_listen_tcp("192.0.2.1", 0), -EADDRNOTAVAIL);
	int fd = http_listen_tcp("127.0.0.1", 0);
	CHECK(fd >= 0);
	CHECK(http_listen_port(fd) > 0);
	CHECK_EQ(http_listen_tcp("127.0.0.1", http_listen_port(fd)),
		-EADDRINUSE);
	fd_close(&fd);
	CHECK_EQ(http_listen_port(-1), 0);
}
