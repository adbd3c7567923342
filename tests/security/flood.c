/* SPDX-License-Identifier: MIT */
/*
 * tests/security/flood.c - a client of the broker that means no good.
 *
 *   flood frames N SEED     N random frames; prints how many were answered
 *   flood half N SECONDS    N connections that ask for nothing
 *   flood descriptors N     N frames with as many descriptors as may be
 *   flood deaf N            N frames whose answers are never read
 *   flood impersonate N     listen in the broker's place, for N clients
 *   flood programs N PATH   N programs at once; prints how many were started
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BATCH = 32, FRAME = 4096, ANSWER = 512, MOST_FDS = 250 };

static uint64_t state;

static uint32_t dice(uint32_t sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 11) % sides;
}

static int dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, "/run/coracle/broker.sock");
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return fd;
}

/* words that mean something, and bytes that do not */
static size_t make(char *frame)
{
	static const char *const words[] = {"run", "run-as", "sandbox", "root",
		"--", "id", "/usr/bin/server", "/etc/passwd", "", "end-phase",
		"--timeout=1", "\xff\xfe", "/usr/bin/../bin/server", "10003"};
	size_t n = 0;
	uint32_t count = dice(8);
	for (uint32_t i = 0; i < count; i++) {
		const char *w = words[dice(sizeof(words) / sizeof(*words))];
		memcpy(frame + n, w, strlen(w) + 1);
		n += strlen(w) + 1;
	}
	if (dice(3) == 0)
		for (uint32_t more = dice(1000); more > 0; more--)
			frame[n++] = (char)dice(256);
	for (uint32_t flips = dice(4); n > 0 && flips > 0; flips--)
		frame[dice((uint32_t)n)] = (char)dice(256);
	if (n == 0)
		frame[n++] = (char)dice(256);
	return n;
}

/* with descriptors: the frame, and n of them */
static int send_fds(int fd, const char *frame, size_t len, size_t n)
{
	static char control[CMSG_SPACE(sizeof(int) * MOST_FDS)];
	struct iovec io = {(void *)(uintptr_t)frame, len};
	struct msghdr m = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (size_t i = 0; i < n; i++)
		((int *)(void *)CMSG_DATA(c))[i] = 0;
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int drain(int fd, int wanted)
{
	char answer[ANSWER];
	int got = 0;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	while (got < wanted && poll(&wait, 1, 2000) > 0 &&
		recv(fd, answer, sizeof(answer), 0) > 0)
		got++;
	return got;
}

static int frames(long n)
{
	static char frame[FRAME];
	long sent = 0, answered = 0;
	int fd = dial();
	while (sent < n) {
		int batch = 0;
		for (int i = 0; i < BATCH && fd >= 0; i++) {
			size_t len = make(frame);
			int r = dice(64) == 0
					? send_fds(fd, frame, len, 1 + dice(2))
				: send(fd, frame, len, MSG_NOSIGNAL) < 0 ? -1
									 : 0;
			if (r < 0)
				break;
			batch++;
		}
		sent += batch;
		answered += drain(fd, batch);
		if (batch < BATCH || dice(100) == 0) {
			close(fd);
			fd = dial();
			if (fd < 0)
				return 1;
		}
	}
	printf("%ld of %ld\n", answered, sent);
	return 0;
}

static int half(long n, unsigned seconds)
{
	long made = 0;
	for (long i = 0; i < n; i++)
		made += dial() >= 0;
	printf("%ld\n", made);
	fflush(stdout);
	sleep(seconds);
	return 0;
}

static int descriptors(long n)
{
	long sent = 0;
	for (long i = 0; i < n; i++) {
		int fd = dial();
		sent += fd >= 0 && send_fds(fd, "run", 4, MOST_FDS) == 0;
		close(fd);
	}
	printf("%ld\n", sent);
	return 0;
}

static int deaf(long n)
{
	int fd = dial();
	long sent = 0;
	for (long i = 0; i < n; i++) {
		if (send(fd, "x", 2, MSG_NOSIGNAL | MSG_DONTWAIT) == 2) {
			sent++;
			continue;
		}
		close(fd);
		fd = dial();
	}
	printf("%ld\n", sent);
	return 0;
}

static int programs(long n, const char *path)
{
	int started = 0;
	char frame[FRAME];
	int fds[256];
	size_t len = (size_t)snprintf(frame, sizeof(frame), "run%c%s", 0, path);
	for (long i = 0; i < n && i < 256; i++) {
		uint32_t answer[64] = {0};
		fds[i] = dial();
		if (fds[i] < 0 || send_fds(fds[i], frame, len + 1, 3) < 0)
			continue;
		started += recv(fds[i], answer, sizeof(answer), 0) > 0 &&
			   answer[0] == 1;
	}
	printf("%d\n", started);
	fflush(stdout);
	sleep(1);
	return 0;
}

static int impersonate(long n)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, "/run/coracle/broker.sock");
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(fd, 8) < 0)
		return 1;
	for (; n > 0; n--) {
		uint32_t forged[62] = {2, 0};
		int client = accept(fd, NULL, NULL);
		(void)send(client, forged, 248, MSG_NOSIGNAL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 0;
	if (argc < 3)
		return 99;
	state = argc > 3 ? (uint64_t)atol(argv[3]) + 88172645463325252u : 1;
	if (strcmp(argv[1], "frames") == 0)
		return frames(n);
	if (strcmp(argv[1], "half") == 0)
		return half(n, argc > 3 ? (unsigned)atoi(argv[3]) : 1);
	if (strcmp(argv[1], "descriptors") == 0)
		return descriptors(n);
	if (strcmp(argv[1], "programs") == 0)
		return programs(n, argv[3]);
	if (strcmp(argv[1], "impersonate") == 0)
		return impersonate(n);
	return strcmp(argv[1], "deaf") == 0 ? deaf(n) : 99;
}
