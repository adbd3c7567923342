/* SPDX-License-Identifier: MIT */
/*
 * net/http_server.c - listeners, accepting, the end of a server.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "net/http_conn.h"
#include "net/sock_addr.h"

enum {
	ACCEPTS_PER_TURN = 32,
	/* over the limit: so many may get a 503, the rest is just closed */
	REFUSED_MAX = 32,
	EVICT_MS = 1000,
	RETRY_MS = 100,
	WARN_EVERY_MS = 5000,
};

static const struct http_limits defaults = {
	.connections_max = 1024,
	.head_timeout_ms = 10000,
	.idle_timeout_ms = 75000,
	.slow_grace_ms = 30000,
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

/*
 * Room for a newcomer: the connection that has waited longest for a request,
 * if that is long enough for its client to expect such an end.
 */
static void evict_idle(struct http_server *s)
{
	struct http_conn *oldest = NULL;
	for (struct http_conn *c = s->conns; c; c = c->next)
		if (http_conn_spare(c) && c->state == CONN_OPEN &&
			(!oldest || c->progress_ms < oldest->progress_ms))
			oldest = c;
	if (oldest && loop_now(s->loop) - oldest->progress_ms >= EVICT_MS)
		http_conn_kill(oldest);
}

static void greet(struct http_server *s, int fd, const union sock_addr *from)
{
	size_t max = s->config.limits.connections_max;
	if (s->nconns >= max)
		evict_idle(s);
	if (s->nconns >= max && warn_due(s))
		log_warn("http: %zu connections, no more are taken", s->nconns);
	if (s->nconns >= max + REFUSED_MAX) {
		fd_close(&fd);
		return;
	}
	struct http_conn *c = http_conn_new(s, fd);
	if (!c)
		return;
	sock_addr_text(from, c->peer, sizeof(c->peer));
	if (s->nconns > max)
		http_conn_refuse(c, 503, "Too many connections");
}

static int take(const struct http_listener *l, union sock_addr *from)
{
	socklen_t size = sizeof(*from);
	from->any.sa_family = AF_UNSPEC;
	return accept4(
		l->watch.fd, &from->any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

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
		union sock_addr from;
		fd_close(&s->spare_fd);
		int fd = take(l, &from);
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
		union sock_addr from;
		int fd = take(l, &from);
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

/* ------------------------------------------------------- beginning and end */

static void set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
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

static void set_defaults(struct http_limits *limits)
{
	if (limits->connections_max == 0)
		limits->connections_max = defaults.connections_max;
	if (limits->head_timeout_ms == 0)
		limits->head_timeout_ms = defaults.head_timeout_ms;
	if (limits->idle_timeout_ms == 0)
		limits->idle_timeout_ms = defaults.idle_timeout_ms;
	if (limits->slow_grace_ms == 0)
		limits->slow_grace_ms = defaults.slow_grace_ms;
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
		if (http_conn_spare(c))
			http_conn_kill(c);
}

size_t http_server_connections(const struct http_server *s)
{
	return s->nconns;
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
