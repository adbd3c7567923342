/* SPDX-License-Identifier: MIT */
/* lib/broker.c - how a program asks PID 1 to run another one. */
#include "lib/broker.h"

#include <errno.h>
#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"

enum { CONNECT_SECONDS = 2 };

/* /dev/shm stays writable where the rest of the container is read-only */
const char *const broker_places[BROKER_PLACES] = {
	"/run/coracle", "/dev/shm/coracle"};

socklen_t broker_address(struct sockaddr_un *a, const char *directory)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	fmt_str(a->sun_path, sizeof(a->sun_path), "%s/broker.sock", directory);
	return sizeof(*a);
}

/* whoever listens there: nobody but root is given our descriptors */
static bool is_roots(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       peer.uid == 0;
}

static int connect_to(const char *directory)
{
	struct sockaddr_un a;
	struct timeval limit = {.tv_sec = CONNECT_SECONDS};
	socklen_t n = broker_address(&a, directory);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* a full backlog makes connect(2) wait this long, and send(2) */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	int r = connect(fd, (struct sockaddr *)&a, n) < 0 ? -errno : 0;
	if (r == 0 && !is_roots(fd))
		r = -EPERM;
	if (r == 0)
		return fd;
	fd_close(&fd);
	return r;
}

int broker_connect(void)
{
	int r = -ENOENT;
	for (size_t i = 0; i < BROKER_PLACES; i++) {
		int fd = connect_to(broker_places[i]);
		if (fd >= 0)
			return fd;
		if (r == -ENOENT)
			r = fd;
	}
	return r;
}

int broker_send(int fd, const char *const *words, size_t nwords, const int *fds,
	size_t nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * BROKER_FDS_MAX)];
	} control = {0};
	struct iovec io[BROKER_WORDS_MAX];
	if (nwords == 0 || nwords > BROKER_WORDS_MAX || nfds > BROKER_FDS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < nwords; i++)
		io[i] = (struct iovec){
			(void *)(uintptr_t)words[i], strlen(words[i]) + 1};
	struct msghdr m = {.msg_iov = io};
	/* these types differ between the C libraries */
	m.msg_iovlen = (__typeof__(m.msg_iovlen))nwords;
	if (nfds > 0) {
		m.msg_control = &control;
		m.msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int) * nfds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int broker_receive(int fd, struct broker_answer *answer, int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int r;
	do
		r = poll(&wait, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	ssize_t n = fd_read(fd, answer, sizeof(*answer));
	if (n == 0 || n == -ECONNRESET)
		return -EPIPE;
	if (n < 0)
		return (int)n;
	if (n != (ssize_t)sizeof(*answer))
		return -EBADMSG;
	answer->text[BROKER_TEXT_MAX - 1] = '\0';
	return 0;
}

int broker_call(const char *const *words, size_t nwords, const int *fds,
	size_t nfds, struct broker_answer *answer)
{
	int fd = broker_connect();
	if (fd < 0)
		return fd;
	int r = broker_send(fd, words, nwords, fds, nfds);
	if (r == 0)
		r = broker_receive(fd, answer, BROKER_ANSWER_MS);
	while (r == 0 && answer->kind == BROKER_STARTED)
		r = broker_receive(fd, answer, -1);
	fd_close(&fd);
	return r;
}
