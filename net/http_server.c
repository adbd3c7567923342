/* SPDX-License-Identifier: MIT */
/*
 * net/http_server.c - listeners, accepting, the end of a server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "net/http_conn.h"

enum {
	ACCEPTS_PER_TURN = 32,
	/* over the limit: so many may get a 503, the rest is just closed */
	REFUSED_MAX = 32,
	RETRY_MS = 100,
	WARN_EVERY_MS = 5000,
	BACKLOG = 4096,
};

static const struct http_limits defaults = {
	.connections_max = 1024,
	.head_timeout_ms = 10000,
	.idle_timeout_ms = 75000,
	.stall_timeout_ms = 30000,
};

/* ------------------------------------------------------------- accepting */

static bool warn_due(struct http_server *s)
{
	uint64_t now = loop_now(s->loop);
	if (s->warned_ms && now - s->warned_ms < WARN_EVERY_MS)
		return false;
	s->warned_ms = now;
	return true;
}

static int spare_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static void format_peer(struct http_conn *c, const union address *from)
{
	const unsigned char *v4 = NULL;
	if (from->any.sa_family == AF_INET)
		v4 = (const unsigned char *)&from->in.sin_addr;
	else if (from->any.sa_family != AF_INET6)
		return;
	else if (IN6_IS_ADDR_V4MAPPED(&from->in6.sin6_addr))
		v4 = from->in6.sin6_addr.s6_addr + 12;
	if (v4)
		fmt_str(c->peer, sizeof(c->peer), "%u.%u.%u.%u", v4[0], v4[1],
			v4[2], v4[3]);
	else
		inet_ntop(AF_INET6, &from->in6.sin6_addr, c->peer,
			sizeof(c->peer));
}

static void greet(struct http_server *s, int fd, const union address *from)
{
	size_t max = s->config.limits.connections_max;
	if (s->nconns >= max && warn_due(s))
		log_warn("http: %zu connections, no more are taken", s->nconns);
	if (s->nconns >= max + REFUSED_MAX) {
		fd_close(&fd);
		return;
	}
	struct http_conn *c = http_conn_new(s, fd);
	if (!c)
		return;
	format_peer(c, from);
	if (s->nconns > max)
		http_conn_refuse(c, 503, "Too many connections");
}

static void on_listener(void *owner, uint32_t events);

static void on_retry(void *owner)
{
	struct http_listener *l = owner;
	loop_mod(l->server->loop, &l->watch, EPOLLIN);
}

/*
 * The table of descriptors is full, and the connection stays in the queue and
 * the listener ready: without this the loop would spin. The spare descriptor
 * makes room to take one connection and turn it away.
 */
static void out_of_descriptors(struct http_listener *l)
{
	struct http_server *s = l->server;
	if (warn_due(s))
		log_warn("http: no descriptors are left, connection refused");
	if (s->spare_fd >= 0) {
		fd_close(&s->spare_fd);
		int fd = accept4(
			l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		fd_close(&fd);
		s->spare_fd = spare_open();
		return;
	}
	s->spare_fd = spare_open();
	loop_mod(s->loop, &l->watch, 0);
	if (loop_timer_at(s->loop, &l->retry, loop_now(s->loop) + RETRY_MS,
		    on_retry, l) < 0)
		on_retry(l);
}

static void on_listener(void *owner, uint32_t events)
{
	struct http_listener *l = owner;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		union address from = {.any.sa_family = AF_UNSPEC};
		socklen_t size = sizeof(from);
		int fd = accept4(l->watch.fd, &from.any, &size,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			greet(l->server, fd, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			out_of_descriptors(l);
			return;
		}
		/* errors of one connection; what is left is EAGAIN */
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* ------------------------------------------------------------- listening */

/* 0: the length of a numeric address, 0 when it is none */
static socklen_t parse_address(
	union address *to, const char *text, uint16_t port)
{
	*to = (union address){.any.sa_family = AF_UNSPEC};
	if (inet_pton(AF_INET, text, &to->in.sin_addr) == 1) {
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons(port);
		return sizeof(to->in);
	}
	if (inet_pton(AF_INET6, text, &to->in6.sin6_addr) == 1) {
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = htons(port);
		return sizeof(to->in6);
	}
	return 0;
}

static void set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

int http_listen_tcp(const char *address, uint16_t port)
{
	union address to;
	socklen_t size = parse_address(&to, address, port);
	if (size == 0)
		return -EINVAL;
	int fd = socket(to.any.sa_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (to.any.sa_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (bind(fd, &to.any, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int err = -errno;
	fd_close(&fd);
	return err;
}

uint16_t http_listen_port(int fd)
{
	union address at = {.any.sa_family = AF_UNSPEC};
	socklen_t size = sizeof(at);
	if (getsockname(fd, &at.any, &size) < 0)
		return 0;
	if (at.any.sa_family == AF_INET)
		return ntohs(at.in.sin_port);
	if (at.any.sa_family == AF_INET6)
		return ntohs(at.in6.sin6_port);
	return 0;
}

int http_server_listen(struct http_server *s, int fd)
{
	struct http_listener *l = mem_new(sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->server = s;
	int r = loop_add(s->loop, &l->watch, fd, EPOLLIN, on_listener, l);
	if (r < 0) {
		mem_free(l);
		return r;
	}
	/*
	 * Accepted sockets inherit these. Not all apply to all sockets.
	 * Keep-alive probes find peers of quiet streams that vanished.
	 */
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
	l->next = s->listeners;
	s->listeners = l;
	return 0;
}

/* ------------------------------------------------------- beginning and end */

static void set_defaults(struct http_limits *limits)
{
	if (limits->connections_max == 0)
		limits->connections_max = defaults.connections_max;
	if (limits->head_timeout_ms == 0)
		limits->head_timeout_ms = defaults.head_timeout_ms;
	if (limits->idle_timeout_ms == 0)
		limits->idle_timeout_ms = defaults.idle_timeout_ms;
	if (limits->stall_timeout_ms == 0)
		limits->stall_timeout_ms = defaults.stall_timeout_ms;
}

struct http_server *http_server_new(
	struct loop *loop, const struct http_server_config *config)
{
	struct http_server *s = mem_new(sizeof(*s));
	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	set_defaults(&s->config.limits);
	s->spare_fd = spare_open();
	buf_init(&s->text, (size_t)4 * HTTP_HEAD_MAX);
	return s;
}

static void close_listeners(struct http_server *s)
{
	while (s->listeners) {
		struct http_listener *l = s->listeners;
		int fd = l->watch.fd;
		s->listeners = l->next;
		loop_del(s->loop, &l->watch);
		loop_timer_clear(s->loop, &l->retry);
		fd_close(&fd);
		mem_free(l);
	}
}

void http_server_drain(struct http_server *s)
{
	s->draining = true;
	close_listeners(s);
	for (struct http_conn *c = s->conns; c; c = c->next)
		if (http_conn_idle(c))
			http_conn_kill(c);
}

bool http_server_idle(const struct http_server *s)
{
	/* the kernel has all of the answers that lingering ones are owed */
	for (struct http_conn *c = s->conns; c; c = c->next)
		if (c->state != CONN_LINGER)
			return false;
	return true;
}

void http_server_free(struct http_server *s)
{
	close_listeners(s);
	while (s->conns)
		http_conn_free(s->conns);
	s->scheduled = NULL;
	while (s->pool) {
		struct http_exchange *x = http_exchange_take(s);
		http_exchange_free(x);
	}
	fd_close(&s->spare_fd);
	buf_fini(&s->text);
	/* a deferred call still points to it */
	if (s->defer_set)
		s->freed = true;
	else
		mem_free(s);
}
