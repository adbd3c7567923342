/* SPDX-License-Identifier: MIT */
/*
 * net/lookup.c - the addresses of a host, for an event loop.
 *
 * The thread and the loop share one object. A byte over a pipe says that the
 * result is there; whoever lets go last releases it, as a lookup may take
 * longer than anybody waits.
 */
#include "net/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"

enum { HOST_MAX = 256, THREAD_STACK = 128 * 1024 };

struct lookup {
	struct loop *loop; /* of the loop's side only */
	struct loop_fd watch;
	lookup_fn *fn;
	void *owner;
	int done; /* the thread's end of the pipe */
	char host[HOST_MAX];
	uint16_t port;
	struct lookup_result result;
	int holders; /* atomic: the thread, the loop */
};

static void let_go(struct lookup *l)
{
	if (__atomic_sub_fetch(&l->holders, 1, __ATOMIC_ACQ_REL) == 0)
		mem_free(l);
}

void lookup_explain(char *dst, size_t size, const char *host, int code)
{
	bool unknown = code == EAI_NONAME;
#ifdef EAI_NODATA
	unknown = unknown || code == EAI_NODATA;
#endif
	if (unknown)
		fmt_str(dst, size, "no host %s", host);
	else
		fmt_str(dst, size, "host %s: %s", host,
			code == EAI_AGAIN ? "no name server answers"
					  : gai_strerror(code));
}

int lookup_wait(const char *host, uint16_t port, struct addrinfo **list)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char service[8];
	fmt_str(service, sizeof(service), "%u", port);
	return getaddrinfo(host, service, &hints, list);
}

static void ask(struct lookup_result *out, const char *host, uint16_t port)
{
	struct addrinfo *list;
	int code = lookup_wait(host, port, &list);
	if (code) {
		lookup_explain(out->error, sizeof(out->error), host, code);
		return;
	}
	for (const struct addrinfo *a = list; a && out->n < LOOKUP_MAX;
		a = a->ai_next) {
		if (a->ai_addrlen > sizeof(out->address[0]))
			continue;
		memcpy(&out->address[out->n], a->ai_addr, a->ai_addrlen);
		out->size[out->n++] = a->ai_addrlen;
	}
	freeaddrinfo(list);
	if (out->n == 0)
		fmt_str(out->error, sizeof(out->error), "no host %s", host);
}

static void *run(void *arg)
{
	struct lookup *l = arg;
	int done = l->done;
	ask(&l->result, l->host, l->port);
	/* closing is what tells: nothing can fail here */
	let_go(l);
	fd_close(&done);
	return NULL;
}

static void finish(struct lookup *l)
{
	int fd = l->watch.fd;
	loop_del(l->loop, &l->watch);
	fd_close(&fd);
	let_go(l);
}

static void on_done(void *owner, uint32_t events)
{
	struct lookup *l = owner;
	(void)events;
	l->fn(l->owner, &l->result);
	finish(l);
}

void lookup_now(struct lookup_result *out, const char *host, uint16_t port)
{
	*out = (struct lookup_result){0};
	bool local = strcmp(host, "localhost") == 0;
	out->size[0] = sock_addr_parse(
		&out->address[0], local ? "127.0.0.1" : host, port);
	out->n = out->size[0] != 0;
	if (!local)
		return;
	out->size[1] = sock_addr_parse(&out->address[1], "::1", port);
	out->n = 2;
}

/* signals are the loop's: the thread gets none */
static int start_thread(struct lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	sigfillset(&all);
	if (pthread_attr_init(&attr))
		return -1;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, THREAD_STACK);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&thread, &attr, run, l);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	return r ? -1 : 0;
}

struct lookup *lookup_start(struct loop *loop, const char *host, uint16_t port,
	lookup_fn *fn, void *owner)
{
	int ends[2];
	struct lookup *l = mem_new(sizeof(*l));
	if (!l)
		return NULL;
	if (fd_pipe(ends) < 0) {
		mem_free(l);
		return NULL;
	}
	l->loop = loop;
	l->fn = fn;
	l->owner = owner;
	l->done = ends[1];
	l->port = port;
	l->holders = 2;
	fmt_str(l->host, sizeof(l->host), "%s", host);
	if (loop_add(loop, &l->watch, ends[0], EPOLLIN, on_done, l) == 0) {
		if (start_thread(l) == 0)
			return l;
		loop_del(loop, &l->watch);
	}
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	mem_free(l);
	return NULL;
}

void lookup_cancel(struct lookup *l)
{
	finish(l);
}
