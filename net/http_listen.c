/* SPDX-License-Identifier: MIT */
/* net/http_listen.c - listening sockets. */
#include <errno.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "net/http_server.h"
#include "net/sock_addr.h"

enum { BACKLOG = 4096 };

int http_listen_tcp(const char *address, uint16_t port)
{
	static const int on = 1;
	static const int off = 0;
	union sock_addr to;
	socklen_t size = sock_addr_parse(&to, address, port);
	if (size == 0)
		return -EINVAL;
	int fd = socket(to.any.sa_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" serves both families */
	if (to.any.sa_family == AF_INET6)
		(void)setsockopt(
			fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &to.any, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int err = -errno;
	fd_close(&fd);
	return err;
}

uint16_t http_listen_port(int fd)
{
	union sock_addr at = {.any.sa_family = AF_UNSPEC};
	socklen_t size = sizeof(at);
	if (getsockname(fd, &at.any, &size) < 0)
		return 0;
	return sock_addr_port(&at);
}
