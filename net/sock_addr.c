/* SPDX-License-Identifier: MIT */
/* net/sock_addr.c - socket addresses to and from text. */
#include "net/sock_addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/fmt.h"

socklen_t sock_addr_parse(union sock_addr *to, const char *text, uint16_t port)
{
	memset(to, 0, sizeof(*to));
	if (strcmp(text, "localhost") == 0)
		text = "127.0.0.1";
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

socklen_t sock_addr_unix(union sock_addr *to, const char *path)
{
	size_t n = strlen(path);
	memset(to, 0, sizeof(*to));
	if (n == 0 || n >= sizeof(to->un.sun_path))
		return 0;
	to->un.sun_family = AF_UNIX;
	memcpy(to->un.sun_path, path, n + 1);
	return sizeof(to->un);
}

void sock_addr_text(const union sock_addr *from, char *dst, size_t size)
{
	const unsigned char *v4 = NULL;
	fmt_str(dst, size, "%s", "");
	if (from->any.sa_family == AF_INET)
		v4 = (const unsigned char *)&from->in.sin_addr;
	else if (from->any.sa_family != AF_INET6)
		return;
	else if (IN6_IS_ADDR_V4MAPPED(&from->in6.sin6_addr))
		v4 = from->in6.sin6_addr.s6_addr + 12;
	if (v4)
		fmt_str(dst, size, "%u.%u.%u.%u", v4[0], v4[1], v4[2], v4[3]);
	else
		inet_ntop(AF_INET6, &from->in6.sin6_addr, dst, (socklen_t)size);
}

uint16_t sock_addr_port(const union sock_addr *at)
{
	if (at->any.sa_family == AF_INET)
		return ntohs(at->in.sin_port);
	if (at->any.sa_family == AF_INET6)
		return ntohs(at->in6.sin6_port);
	return 0;
}
