/* SPDX-License-Identifier: MIT */
/* lib/loop.c - the one event loop; see loop.h for the order of a turn. */
#include "lib/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"

/* ------------------------------------------------------------- timers */

static bool due_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms < b->at_ms;
}

static void heap_place(struct loop *l, size_t at, struct loop_timer *t)
{
	l->heap[at] = t;
	t->index = at + 1;
}

static void heap_up(struct loop *l, size_t at)
{
	struct loop_timer *t = l->heap[at];
	while (at > 0) {
		size_t parent = (at - 1) / 2;
		if (!due_before(t, l->heap[parent]))
			break;
		heap_place(l, at, l->heap[parent]);
		at = parent;
	}
	heap_place(l, at, t);
}

static void heap_down(struct loop *l, size_t at)
{
	struct loop_timer *t = l->heap[at];
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= l->ntimers)
			break;
		if (child + 1 < l->ntimers &&
			due_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!due_before(l->heap[child], t))
			break;
		heap_place(l, at, l->heap[child]);
		at = child;
	}
	heap_place(l, at, t);
}

static int heap_reserve(struct loop *l)
{
	if (l->ntimers < l->heap_cap)
		return 0;
	if (!l->heap) {
		l->heap = l->few;
		l->heap_cap = LOOP_TIMERS_FEW;
		return 0;
	}
	size_t cap = 2 * l->heap_cap;
	bool own = l->heap != l->few;
	struct loop_timer **heap =
		mem_resize(own ? l->heap : NULL, cap * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	if (!own)
		memcpy(heap, l->few, sizeof(l->few));
	l->heap = heap;
	l->heap_cap = cap;
	return 0;
}

int loop_timer_at(struct loop *l, struct loop_timer *t, uint64_t at_ms,
	loop_timer_fn *fn, void *owner)
{
	t->fn = fn;
	t->owner = owner;
	/* what a timer sets for now is for the next turn, so that turns end */
	if (l->in_timers && at_ms <= l->now_ms)
		at_ms = l->now_ms + 1;
	if (t->index == 0) {
		int r = heap_reserve(l);
		if (r < 0)
			return r;
		t->at_ms = at_ms;
		heap_place(l, l->ntimers++, t);
		heap_up(l, t->index - 1);
		return 0;
	}
	uint64_t before = t->at_ms;
	t->at_ms = at_ms;
	if (at_ms < before)
		heap_up(l, t->index - 1);
	else
		heap_down(l, t->index - 1);
	return 0;
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	if (t->index == 0)
		return;
	size_t at = t->index - 1;
	struct loop_timer *last = l->heap[--l->ntimers];
	t->index = 0;
	if (last == t)
		return;
	heap_place(l, at, last);
	heap_up(l, at);
	heap_down(l, last->index - 1);
}

static uint64_t running_ms(const struct loop *l)
{
	return clock_ms() - l->lost_ms;
}

static void read_clock(struct loop *l)
{
	uint64_t before = l->now_ms;
	l->now_ms = running_ms(l);
	if (l->ntimers == 0)
		return;
	uint64_t due = l->heap[0]->at_ms;
	if (l->now_ms <= due + LOOP_FROZEN_MS ||
		l->now_ms <= before + LOOP_FROZEN_MS)
		return;
	/* when it began is not known; what was due gets a little time again */
	uint64_t again = due > LOOP_FROZEN_MS ? due - LOOP_FROZEN_MS : 0;
	if (again < before)
		again = before;
	l->lost_ms += l->now_ms - again;
	l->now_ms = again;
}

static void run_timers(struct loop *l)
{
	l->in_timers = true;
	while (l->ntimers && l->heap[0]->at_ms <= l->now_ms) {
		struct loop_timer *t = l->heap[0];
		loop_timer_clear(l, t);
		t->fn(t->owner);
	}
	l->in_timers = false;
}

/* -------------------------------------------------------- descriptors */

/* lint: long because one call says all there is to say about a watcher */
int loop_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events,
	loop_fd_fn *fn, void *owner)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};
	*w = (struct loop_fd){.fd = -1};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	*w = (struct loop_fd){
		.fd = fd, .events = events, .fn = fn, .owner = owner};
	return 0;
}

void loop_mod(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};
	if (w->fd < 0 || w->events == events)
		return;
	w->events = events;
	(void)epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &ev);
}

void loop_del(struct loop *l, struct loop_fd *w)
{
	if (w->fd < 0)
		return;
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	w->events = 0;
	for (int i = 0; i < l->batch_len; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

static void run_descriptors(struct loop *l)
{
	for (int i = 0; i < l->batch_len; i++) {
		struct loop_fd *w = l->batch[i].data.ptr;
		if (!w)
			continue;
		l->batch[i].data.ptr = NULL;
		/* the interest may have changed since epoll looked */
		uint32_t events =
			l->batch[i].events & (w->events | EPOLLERR | EPOLLHUP);
		if (events)
			w->fn(w->owner, events);
	}
	l->batch_len = 0;
}

/* --------------------------------------------------- signals, children */

static struct loop_child **child_bucket(struct loop *l, pid_t pid)
{
	return &l->children[(unsigned)pid % LOOP_CHILD_BUCKETS];
}

void loop_child_add(struct loop *l, struct loop_child *c, pid_t pid,
	loop_child_fn *fn, void *owner)
{
	struct loop_child **bucket = child_bucket(l, pid);
	*c = (struct loop_child){
		.pid = pid, .fn = fn, .owner = owner, .next = *bucket};
	*bucket = c;
	/* it may have ended before SIGCHLD was looked at: look once more */
	l->sigchld = true;
}

void loop_child_del(struct loop *l, struct loop_child *c)
{
	if (c->pid == 0)
		return;
	struct loop_child **at = child_bucket(l, c->pid);
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	c->pid = 0;
}

static void child_ended(struct loop *l, pid_t pid, int status)
{
	struct loop_child *c = *child_bucket(l, pid);
	while (c && c->pid != pid)
		c = c->next;
	if (!c) {
		if (l->on_orphan)
			l->on_orphan(l->orphan_owner, pid, status);
		return;
	}
	loop_child_del(l, c);
	c->fn(c->owner, pid, status);
}

static void reap(struct loop *l)
{
	/* bounded, so that a fork storm cannot starve signals and timers */
	enum { REAP_BATCH = 256 };
	for (int i = 0; i < REAP_BATCH; i++) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0) {
			l->sigchld = false;
			return;
		}
		child_ended(l, pid, status);
	}
}

static void on_signals(void *owner, uint32_t events)
{
	struct loop *l = owner;
	struct signalfd_siginfo info[16];
	(void)events;
	for (;;) {
		ssize_t n = fd_read(l->signals.fd, info, sizeof(info));
		if (n <= 0)
			return;
		size_t count = (size_t)n / sizeof(info[0]);
		for (size_t i = 0; i < count; i++) {
			if (info[i].ssi_signo == SIGCHLD)
				l->sigchld = true;
			if (l->on_signal &&
				sigismember(&l->watched,
					(int)info[i].ssi_signo) == 1)
				l->on_signal(l->signal_owner, &info[i]);
		}
		if (count < ARRAY_LEN(info))
			return;
	}
}

int loop_watch_signals(
	struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *owner)
{
	sigset_t all = *set;
	sigaddset(&all, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	if (signalfd(l->signals.fd, &all, SFD_CLOEXEC | SFD_NONBLOCK) < 0)
		return -errno;
	l->watched = *set;
	l->on_signal = fn;
	l->signal_owner = owner;
	return 0;
}

/* ------------------------------------------------------------ the turn */

void loop_defer(
	struct loop *l, struct loop_defer *d, void (*fn)(void *), void *owner)
{
	*d = (struct loop_defer){.fn = fn, .owner = owner, .next = l->deferred};
	l->deferred = d;
}

static void run_deferred(struct loop *l)
{
	while (l->deferred) {
		struct loop_defer *d = l->deferred;
		l->deferred = d->next;
		d->fn(d->owner); /* may free d itself */
	}
}

static int wait_ms(const struct loop *l)
{
	if (l->sigchld || l->deferred)
		return 0;
	if (l->ntimers == 0)
		return -1;
	uint64_t now = running_ms(l);
	uint64_t at = l->heap[0]->at_ms;
	if (at <= now)
		return 0;
	return at - now > INT32_MAX ? INT32_MAX : (int)(at - now);
}

int loop_turn(struct loop *l)
{
	int n = epoll_wait(l->epoll, l->batch, LOOP_BATCH, wait_ms(l));
	if (n < 0 && errno != EINTR)
		return -errno;
	read_clock(l);
	l->batch_len = n > 0 ? n : 0;
	run_descriptors(l);
	if (l->sigchld)
		reap(l);
	run_timers(l);
	run_deferred(l);
	return 0;
}

int loop_run(struct loop *l)
{
	while (!l->done) {
		int r = loop_turn(l);
		if (r < 0)
			return r;
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->done = true;
}

int loop_init(struct loop *l)
{
	sigset_t chld;
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	/* where it is ignored, children vanish without a status */
	const struct sigaction keep = {.sa_handler = SIG_DFL};
	memset(l, 0, sizeof(*l));
	l->signals.fd = -1;
	l->now_ms = clock_ms();
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (sigaction(SIGPIPE, &ignore, NULL) < 0 ||
		sigaction(SIGCHLD, &keep, NULL) < 0 ||
		sigprocmask(SIG_BLOCK, &chld, &l->old_mask) < 0)
		goto fail;
	int fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		goto fail;
	int r = loop_add(l, &l->signals, fd, EPOLLIN, on_signals, l);
	if (r == 0)
		return 0;
	fd_close(&fd);
	errno = -r;
fail:
	r = -errno;
	fd_close(&l->epoll);
	return r;
}

void loop_fini(struct loop *l)
{
	int fd = l->signals.fd;
	run_deferred(l);
	loop_del(l, &l->signals);
	fd_close(&fd);
	fd_close(&l->epoll);
	if (l->heap != l->few)
		mem_free(l->heap);
	l->heap = NULL;
	l->ntimers = 0;
	l->heap_cap = 0;
	(void)sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
}
