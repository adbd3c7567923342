/* SPDX-License-Identifier: MIT */
/* net/http_listen.c - listening sockets. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
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

/* does somebody listen there? A socket file outlives its server */
static bool is_alive(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive =
		fd < 0 ||
		connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 ||
		errno != ECONNREFUSED;
	fd_close(&fd);
	return alive;
}

int http_listen_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct stat st;
	if (fmt_str(to.sun_path, sizeof(to.sun_path), "%s", path) >=
		sizeof(to.sun_path))
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && !is_alive(&to))
		(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
		listen(fd, BACKLOG) == 0)
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
