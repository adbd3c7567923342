/* SPDX-License-Identifier: MIT */
/*
 * net/peer_role.c - who is at the other end of a connection.
 *
 * The peer of a TCP connection that comes from inside is a socket of this
 * network namespace too, with the same two addresses the other way round. The
 * kernel knows who made it; its maker cannot give it to anybody else.
 */
#include "net/peer_role.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/fd.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* ::ffff:1.2.3.4 is how a socket of both families shows 1.2.3.4 */
static void unmap(union address *a)
{
	struct in6_addr v6 = a->v6.sin6_addr;
	in_port_t port = a->v6.sin6_port;
	if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6))
		return;
	*a = (union address){.v4 = {.sin_family = AF_INET, .sin_port = port}};
	memcpy(&a->v4.sin_addr, v6.s6_addr + 12, sizeof(a->v4.sin_addr));
}

/* is it an address of this namespace? Only to such a one can we bind */
static bool is_own_address(const union address *peer)
{
	union address a = *peer;
	if (a.any.sa_family == AF_INET)
		a.v4.sin_port = 0;
	else
		a.v6.sin6_port = 0;
	int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	bool own = bind(fd, &a.any, sizeof(a.room)) == 0;
	fd_close(&fd);
	return own;
}

static void put_address(const union address *a, uint32_t out[4], uint16_t *port)
{
	if (a->any.sa_family == AF_INET) {
		memcpy(out, &a->v4.sin_addr, sizeof(a->v4.sin_addr));
		*port = a->v4.sin_port;
	} else {
		memcpy(out, &a->v6.sin6_addr, sizeof(a->v6.sin6_addr));
		*port = a->v6.sin6_port;
	}
}

/*
 * Of netlink(7) and sock_diag(7); the C library brings no kernel headers.
 * Addresses and ports are in network order, the rest in the machine's.
 */
enum {
	SOCK_DIAG_PROTOCOL = 4, /* NETLINK_SOCK_DIAG */
	SOCK_DIAG_MESSAGE = 20, /* SOCK_DIAG_BY_FAMILY */
	REQUEST_FLAG = 1,       /* NLM_F_REQUEST */
};

struct netlink_head {
	uint32_t len;
	uint16_t type;
	uint16_t flags;
	uint32_t sequence;
	uint32_t port;
};

struct socket_id {
	uint16_t sport, dport;
	uint32_t src[4], dst[4];
	uint32_t interface;
	uint32_t cookie[2]; /* all ones: any */
};

struct question {
	struct netlink_head head;
	uint8_t family, protocol, extensions, pad;
	uint32_t states;
	struct socket_id id;
};

struct found {
	struct netlink_head head;
	uint8_t family, state, timer, retransmits;
	struct socket_id id;
	uint32_t expires, receive_queue, send_queue;
	uint32_t uid;
	uint32_t inode;
};

static void ask_for(
	struct question *q, const union address *peer, const union address *own)
{
	*q = (struct question){.head = {.len = sizeof(*q),
				       .type = SOCK_DIAG_MESSAGE,
				       .flags = REQUEST_FLAG},
		.family = (uint8_t)peer->any.sa_family,
		.protocol = IPPROTO_TCP,
		.states = ~0u,
		.id = {.cookie = {~0u, ~0u}}};
	put_address(peer, q->id.src, &q->id.sport);
	put_address(own, q->id.dst, &q->id.dport);
}

/*
 * The uid of the socket with these ends. false: there is none, or nobody
 * holds it any more: the kernel then says 0, whoever made it.
 */
static bool socket_owner(
	const union address *peer, const union address *own, uid_t *uid)
{
	struct question q;
	union {
		struct found it;
		char room[4096];
	} answer;
	/* it answers at once; the bound is for what only looks like netlink */
	const struct timeval patience = {.tv_sec = 1};
	int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, SOCK_DIAG_PROTOCOL);
	if (fd < 0)
		return false;
	ask_for(&q, peer, own);
	(void)setsockopt(
		fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ssize_t n = -1;
	if (send(fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q))
		n = recv(fd, &answer, sizeof(answer), 0);
	fd_close(&fd);
	if (n < (ssize_t)sizeof(answer.it) ||
		answer.it.head.type != SOCK_DIAG_MESSAGE ||
		answer.it.inode == 0)
		return false;
	*uid = answer.it.uid;
	return true;
}

bool peer_role(int fd, enum role *role)
{
	union address own = {.room = {0}}, peer = {.room = {0}};
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
	struct ucred who;
	socklen_t who_len = sizeof(who);
	uid_t uid;
	*role = ROLE_AGENT;
	if (getpeername(fd, &peer.any, &peer_len) < 0 ||
		getsockname(fd, &own.any, &own_len) < 0)
		return true;
	if (peer.any.sa_family == AF_UNIX) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) ==
			0)
			*role = role_of_uid(who.uid);
		return true;
	}
	unmap(&own);
	unmap(&peer);
	if (socket_owner(&peer, &own, &uid)) {
		*role = role_of_uid(uid);
		return true;
	}
	return is_own_address(&peer);
}
