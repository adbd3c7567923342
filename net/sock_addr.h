/* SPDX-License-Identifier: MIT */
/* net/sock_addr.h - numeric socket addresses; names are never looked up. */
#ifndef NET_SOCK_ADDR_H
#define NET_SOCK_ADDR_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

union sock_addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/*
 * Length of the address, or 0 when text is neither IPv4 nor IPv6 nor
 * "localhost", which is 127.0.0.1.
 */
socklen_t sock_addr_parse(union sock_addr *to, const char *text, uint16_t port);

/* of a path; 0 when it is too long */
socklen_t sock_addr_unix(union sock_addr *to, const char *path);

/* host part in digits, without the port; "" for other families */
void sock_addr_text(const union sock_addr *from, char *dst, size_t size);

/* 0 when there is none */
uint16_t sock_addr_port(const union sock_addr *at);

#endif
