/* SPDX-License-Identifier: MIT */
/* lib/ctl_wire.c - how one talks to PID 1. */
#include "lib/ctl_wire.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"

size_t ctl_words(struct str request, const char **words, size_t max)
{
	struct str rest = request;
	size_t n = 0;
	if (request.n == 0 || request.p[request.n - 1] != '\0')
		return 0;
	rest.n--;
	while (rest.p) {
		struct str word = str_cut(&rest, '\0');
		if (n == max)
			return 0;
		words[n++] = word.p;
	}
	return n;
}

size_t ctl_parse(struct str request, const char *words[CTL_WORDS_MAX])
{
	return ctl_words(request, words, CTL_WORDS_MAX);
}

socklen_t ctl_file_address(struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	fmt_str(a->sun_path, sizeof(a->sun_path), "/run/coracle/ctl.sock");
	return sizeof(*a);
}

socklen_t ctl_abstract_address(struct sockaddr_un *a)
{
	struct stat st = {0};
	(void)stat("/proc/self/ns/pid", &st);
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t n = fmt_str(a->sun_path + 1, sizeof(a->sun_path) - 1,
		"coracle.ctl.%ju", (uintmax_t)st.st_ino);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

/* bound to a name that the kernel chooses, so that the answer has a way */
static int open_client(void)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&own, sizeof(sa_family_t)) < 0) {
		int r = -errno;
		fd_close(&fd);
		return r;
	}
	return fd;
}

static int connect_either(int fd)
{
	struct sockaddr_un a;
	socklen_t n = ctl_file_address(&a);
	if (connect(fd, (struct sockaddr *)&a, n) == 0)
		return 0;
	int r = -errno;
	n = ctl_abstract_address(&a);
	return connect(fd, (struct sockaddr *)&a, n) == 0 ? 0 : r;
}

ssize_t ctl_ask(const char *const *words, size_t n, char *dst, int timeout_ms)
{
	char request[CTL_REQUEST_MAX];
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		size_t word = strlen(words[i]) + 1;
		if (word > sizeof(request) - len)
			return -EMSGSIZE;
		memcpy(request + len, words[i], word);
		len += word;
	}
	int fd = open_client();
	if (fd < 0)
		return fd;
	ssize_t r = connect_either(fd);
	if (r == 0)
		r = fd_write(fd, request, len);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	if (r > 0)
		r = poll(&wait, 1, timeout_ms) > 0 ? 1 : -ETIMEDOUT;
	if (r > 0)
		r = fd_read(fd, dst, CTL_ANSWER_MAX);
	fd_close(&fd);
	return r;
}
