/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/broker_fuzz.c - any bytes as frames of one client of the broker.
 *
 * The input is cut into frames by a length byte pair each. The client is an
 * unknown user, so nothing is ever started; each frame is answered, once.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/broker.h"
#include "init/init.h"
#include "lib/ctl_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct init init;

static int connect_client(struct broker_client *c)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0, pair) < 0)
		abort();
	*c = (struct broker_client){.init = &init,
		.watch.fd = pair[0],
		.who.uid = 4242,
		.taken = true};
	return pair[1];
}

static void one(struct broker_client *c, const char *text, size_t n)
{
	static const char *words[BROKER_WORDS_MAX + 1];
	static char frame[BROKER_REQUEST_MAX];
	const int fds[3] = {0, 1, 2};
	memcpy(frame, text, n);
	struct broker_request r = {c, words, 0, fds, n % 4};
	r.nwords = ctl_words(str_from(frame, n), words, BROKER_WORDS_MAX);
	words[r.nwords] = NULL;
	if (r.nwords)
		broker_handle(&r);
	else
		broker_refuse(c, 125, "not a request");
}

static void check_answer(int fd)
{
	struct broker_answer a;
	if (broker_receive(fd, &a, 0) != 0 || a.kind != BROKER_REFUSED ||
		a.status < 125 || a.status > 127 || a.text[0] == '\0')
		abort();
	if (broker_receive(fd, &a, 0) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct broker_client c;
	int fd = connect_client(&c);
	while (size > 2) {
		size_t n = (size_t)(data[0] | data[1] << 8);
		data += 2;
		size -= 2;
		if (n == 0 || n > size)
			n = size;
		one(&c, (const char *)data, n);
		check_answer(fd);
		data += n;
		size -= n;
	}
	close(c.watch.fd);
	close(fd);
	return 0;
}
