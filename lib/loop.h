/* SPDX-License-Identifier: MIT */
/*
 * lib/loop.h - the one event loop: descriptors, timers, signals, child exits.
 *
 * One epoll_wait(2) a turn. The order within a turn is always the same:
 * descriptors that are ready, signals, exited children (one owner of
 * waitpid(2) in the process: this), expired timers, deferred releases. A callback
 * may add, change and remove watchers, also its own; it never blocks, and it
 * never frees a struct that its caller may still hold: it defers that with
 * loop_defer(). Watcher structs are the caller's, embedded in its objects.
 */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/types.h>

enum {
	LOOP_BATCH = 64,
	LOOP_TIMERS_FEW = 8,
	LOOP_CHILD_BUCKETS = 64,
	LOOP_FROZEN_MS = 1000
};

struct loop;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR ... */
typedef void loop_fd_fn(void *owner, uint32_t events);
typedef void loop_timer_fn(void *owner);
typedef void loop_signal_fn(void *owner, const struct signalfd_siginfo *info);
typedef void loop_child_fn(void *owner, pid_t pid, int wait_status);

struct loop_fd {
	int fd; /* -1: not watched */
	uint32_t events;
	loop_fd_fn *fn;
	void *owner;
};

struct loop_timer {
	size_t index; /* 1-based place in the heap; 0: not set */
	uint64_t at_ms;
	loop_timer_fn *fn;
	void *owner;
};

struct loop_child {
	pid_t pid; /* 0: not watched */
	loop_child_fn *fn;
	void *owner;
	struct loop_child *next;
};

struct loop_defer {
	void (*fn)(void *owner);
	void *owner;
	struct loop_defer *next;
};

struct loop {
	int epoll;
	struct loop_fd signals;
	sigset_t old_mask; /* what children get back */
	sigset_t watched;
	loop_signal_fn *on_signal;
	void *signal_owner;
	loop_child_fn *on_orphan; /* every pid that nobody watches; or NULL */
	void *orphan_owner;
	uint64_t now_ms;          /* read once a turn */
	uint64_t lost_ms;         /* that we were not running for */
	struct loop_timer **heap; /* NULL, few, or allocated */
	struct loop_timer *few[LOOP_TIMERS_FEW];
	size_t ntimers;
	size_t heap_cap;
	bool in_timers;
	struct loop_child *children[LOOP_CHILD_BUCKETS];
	bool sigchld;
	struct loop_defer *deferred;
	struct epoll_event batch[LOOP_BATCH];
	int batch_len;
	bool done;
};

/*
 * 0 or a negative errno. SIGCHLD is watched from here on, also when the
 * caller's parent had it ignored, and SIGPIPE ignored.
 */
int loop_init(struct loop *l);
void loop_fini(struct loop *l);

/* block these signals and have fn called for each that arrives */
int loop_watch_signals(
	struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *owner);

/* watch a descriptor, which stays the caller's to close (after loop_del) */
int loop_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events,
	loop_fd_fn *fn, void *owner);
/* change the interest, also for events of this turn not delivered yet */
void loop_mod(struct loop *l, struct loop_fd *w, uint32_t events);
/* stop; events of this turn that were not delivered yet are dropped */
void loop_del(struct loop *l, struct loop_fd *w);

/*
 * (Re)set a timer to an absolute time of loop_now(); 0 or -ENOMEM. One that a
 * timer's callback sets for now fires in the next turn.
 */
int loop_timer_at(struct loop *l, struct loop_timer *t, uint64_t at_ms,
	loop_timer_fn *fn, void *owner);
void loop_timer_clear(struct loop *l, struct loop_timer *t);

/* fn is called once, when pid (our child) has ended */
void loop_child_add(struct loop *l, struct loop_child *c, pid_t pid,
	loop_child_fn *fn, void *owner);
void loop_child_del(struct loop *l, struct loop_child *c);

/* call fn(owner) at the end of this turn */
void loop_defer(
	struct loop *l, struct loop_defer *d, void (*fn)(void *), void *owner);

/*
 * Milliseconds of CLOCK_MONOTONIC as of this turn, less the time for which the
 * process was frozen (docker pause, a snapshot, SIGSTOP): when the first timer
 * is late by more than LOOP_FROZEN_MS, all are put off, so that it is due in
 * LOOP_FROZEN_MS. So nothing times out that had no chance to run, and not
 * everything is due at once. Setting the wall clock changes nothing. Compare
 * only with itself.
 */
static inline uint64_t loop_now(const struct loop *l)
{
	return l->now_ms;
}

/* one turn: waits for the next event or timer; 0 or a negative errno */
int loop_turn(struct loop *l);

/* turns until loop_stop() */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
