/* SPDX-License-Identifier: MIT */
/* tests/unit/loop_test.c - the order of a turn, and what callbacks may do. */
#include "lib/loop.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "tests/unit/test.h"

static struct loop l;

/* --------------------------------------------------------------- timers */

enum { TIMERS = 2000 };
static struct loop_timer timers[TIMERS];
static uint64_t fired_at;
static size_t fired;

static void on_ordered(void *owner)
{
	const struct loop_timer *t = owner;
	CHECK(t->at_ms >= fired_at);
	CHECK(t->at_ms <= loop_now(&l));
	CHECK_EQ(t->index, 0);
	fired_at = t->at_ms;
	fired++;
}

TEST(loop_timers_fire_in_order_of_time)
{
	uint32_t x = 1;
	size_t set = 0;
	CHECK_EQ(loop_init(&l), 0);
	uint64_t now = loop_now(&l);
	for (size_t i = 0; i < 5 * TIMERS; i++) {
		x = x * 1664525u + 1013904223u;
		struct loop_timer *t = &timers[(x >> 10) % TIMERS];
		if (x >> 30 == 0)
			loop_timer_clear(&l, t);
		else
			CHECK_EQ(loop_timer_at(&l, t, now - (x >> 8) % 500,
					 on_ordered, t),
				0);
	}
	for (size_t i = 0; i < TIMERS; i++) {
		set += timers[i].index != 0;
		if (timers[i].index)
			CHECK(l.heap[timers[i].index - 1] == &timers[i]);
	}
	CHECK_EQ(l.ntimers, set);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(fired, set);
	CHECK_EQ(l.ntimers, 0);
	loop_fini(&l);
}

static void on_again(void *owner)
{
	struct loop_timer *t = owner;
	fired++;
	/* as soon as possible: a time long past */
	CHECK_EQ(loop_timer_at(&l, t, 0, on_again, t), 0);
}

static void on_other(void *owner)
{
	(*(size_t *)owner)++;
}

TEST(loop_timer_set_again_for_now_waits_for_the_next_turn)
{
	size_t others = 0;
	CHECK_EQ(loop_init(&l), 0);
	CHECK_EQ(loop_timer_at(&l, &timers[0], 0, on_again, &timers[0]), 0);
	for (size_t i = 1; i < 10; i++)
		CHECK_EQ(loop_timer_at(
				 &l, &timers[i], 1 + i % 2, on_other, &others),
			0);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(fired, 1);
	CHECK_EQ(others, 9); /* none is kept from its turn */
	for (size_t i = 2; i < 20; i++) {
		CHECK_EQ(loop_turn(&l), 0);
		CHECK_EQ(fired, i);
	}
	loop_fini(&l);
}

static void on_clear_next(void *owner)
{
	struct loop_timer *next = owner;
	fired++;
	loop_timer_clear(&l, next);
	loop_timer_clear(&l, next);
}

TEST(loop_timer_cleared_by_an_earlier_one_does_not_fire)
{
	size_t others = 0;
	CHECK_EQ(loop_init(&l), 0);
	CHECK_EQ(
		loop_timer_at(&l, &timers[0], 1, on_clear_next, &timers[1]), 0);
	CHECK_EQ(loop_timer_at(&l, &timers[1], 2, on_other, &others), 0);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(fired, 1);
	CHECK_EQ(others, 0);
	loop_fini(&l);
}

TEST(loop_sleeps_until_the_first_timer)
{
	size_t others = 0;
	CHECK_EQ(loop_init(&l), 0);
	uint64_t start = clock_ms();
	CHECK_EQ(loop_timer_at(&l, &timers[0], start + 30, on_other, &others),
		0);
	while (!others)
		CHECK_EQ(loop_turn(&l), 0);
	CHECK(clock_ms() - start >= 30);
	/* far away: the wait must not wrap to "for ever" or to "now" */
	CHECK_EQ(loop_timer_at(&l, &timers[1], UINT64_MAX, on_other, &others),
		0);
	CHECK_EQ(loop_timer_at(
			 &l, &timers[2], clock_ms() + 5, on_other, &others),
		0);
	CHECK_EQ(loop_turn(&l), 0);
	loop_fini(&l);
}

/* stopped for longer than LOOP_FROZEN_MS, with one timer before its end and
 * one for 400 ms later: these 400 ms are still to be had */
static int frozen_child(int ready)
{
	size_t others = 0;
	if (loop_init(&l) < 0)
		return 1;
	uint64_t start = loop_now(&l);
	(void)loop_timer_at(&l, &timers[0], start + 100, on_other, &others);
	(void)loop_timer_at(&l, &timers[1], start + 500, on_other, &others);
	if (write(ready, "", 1) != 1)
		return 2;
	while (others == 0)
		(void)loop_turn(&l);
	uint64_t first = clock_ms();
	while (others == 1)
		(void)loop_turn(&l);
	if (first - start < 1000)
		return 3; /* it was not stopped */
	return clock_ms() - first < 300 ? 4 : 0;
}

TEST(loop_puts_timers_off_by_the_time_it_was_frozen)
{
	int ready[2], status;
	char byte;
	CHECK_EQ(fd_pipe(ready), 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(frozen_child(ready[1]));
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	(void)kill(pid, SIGSTOP);
	(void)usleep((LOOP_FROZEN_MS + 500) * 1000);
	(void)kill(pid, SIGCONT);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	fd_close(&ready[0]);
	fd_close(&ready[1]);
}

/* ---------------------------------------------------------- descriptors */

enum { PIPES = 10 };

static struct end {
	int fd[2];
	struct loop_fd watch;
	unsigned hits;
} ends[PIPES];

static void on_end(void *owner, uint32_t events)
{
	struct end *e = owner;
	CHECK(e->watch.fd >= 0);
	CHECK(events & EPOLLIN);
	e->hits++;
}

static void open_ends(loop_fd_fn *fn)
{
	CHECK_EQ(loop_init(&l), 0);
	for (size_t i = 0; i < PIPES; i++) {
		CHECK_EQ(fd_pipe(ends[i].fd), 0);
		CHECK_EQ(fd_write_full(ends[i].fd[1], "x", 1), 0);
		CHECK_EQ(loop_add(&l, &ends[i].watch, ends[i].fd[0], EPOLLIN,
				 fn, &ends[i]),
			0);
	}
}

static unsigned all_hits(void)
{
	unsigned n = 0;
	for (size_t i = 0; i < PIPES; i++)
		n += ends[i].hits;
	return n;
}

/* the first one called takes all others away and closes them */
static void on_end_delete_all(void *owner, uint32_t events)
{
	on_end(owner, events);
	for (size_t i = 0; i < PIPES; i++) {
		loop_del(&l, &ends[i].watch);
		loop_del(&l, &ends[i].watch);
		fd_close(&ends[i].fd[0]);
	}
}

TEST(loop_watchers_deleted_in_a_batch_are_not_called)
{
	open_ends(on_end_delete_all);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(all_hits(), 1);
	loop_fini(&l);
}

/* ... or puts fresh ones with the same numbers in their place */
static void on_end_replace_all(void *owner, uint32_t events)
{
	on_end(owner, events);
	for (size_t i = 0; i < PIPES; i++) {
		loop_del(&l, &ends[i].watch);
		fd_close(&ends[i].fd[0]);
		fd_close(&ends[i].fd[1]);
		CHECK_EQ(fd_pipe(ends[i].fd), 0);
		CHECK_EQ(loop_add(&l, &ends[i].watch, ends[i].fd[0], EPOLLIN,
				 on_end, &ends[i]),
			0);
	}
}

TEST(loop_watcher_put_in_the_place_of_another_gets_no_old_event)
{
	size_t others = 0;
	open_ends(on_end_replace_all);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(all_hits(), 1);
	CHECK_EQ(loop_timer_at(
			 &l, &timers[0], clock_ms() + 5, on_other, &others),
		0);
	while (!others)
		CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(all_hits(), 1);
	loop_fini(&l);
}

static void on_end_mute_all(void *owner, uint32_t events)
{
	on_end(owner, events);
	for (size_t i = 0; i < PIPES; i++)
		loop_mod(&l, &ends[i].watch, 0);
}

TEST(loop_interest_taken_away_in_a_batch_counts_at_once)
{
	size_t others = 0;
	open_ends(on_end_mute_all);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(all_hits(), 1);
	CHECK_EQ(loop_timer_at(
			 &l, &timers[0], clock_ms() + 5, on_other, &others),
		0);
	while (!others)
		CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(all_hits(), 1);
	for (size_t i = 0; i < PIPES; i++)
		loop_mod(&l, &ends[i].watch, EPOLLIN);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(all_hits(), 2);
	loop_fini(&l);
}

static void on_hangup(void *owner, uint32_t events)
{
	CHECK(events & EPOLLHUP);
	loop_del(&l, owner);
	loop_stop(&l);
}

TEST(loop_hangup_is_told_without_interest)
{
	struct loop_fd w;
	int pair[2];
	CHECK_EQ(loop_init(&l), 0);
	CHECK_EQ(fd_pipe(pair), 0);
	CHECK_EQ(loop_add(&l, &w, pair[0], 0, on_hangup, &w), 0);
	fd_close(&pair[1]);
	CHECK_EQ(loop_run(&l), 0);
	fd_close(&pair[0]);
	loop_fini(&l);
}

TEST(loop_add_fails_for_what_cannot_be_watched)
{
	struct loop_fd w;
	CHECK_EQ(loop_init(&l), 0);
	CHECK_EQ(loop_add(&l, &w, -1, EPOLLIN, on_end, NULL), -EBADF);
	CHECK_EQ(w.fd, -1);
	loop_del(&l, &w);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(loop_add(&l, &w, file, EPOLLIN, on_end, NULL), -EPERM);
	fd_close(&file);
	loop_fini(&l);
	loop_fini(&l);
}

/* ------------------------------------------------------------- children */

enum { STORM = 600 };
static struct loop_child kids[STORM];
static unsigned ended, orphans;

static void on_kid(void *owner, pid_t pid, int status)
{
	struct loop_child *c = owner;
	CHECK(pid > 0 && c->pid == 0);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), (c - kids) % 100);
	ended++;
}

static pid_t start_kid(int status)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(status);
	return pid;
}

TEST(loop_child_that_ended_before_it_was_watched)
{
	siginfo_t info;
	CHECK_EQ(loop_init(&l), 0);
	pid_t pid = start_kid(0);
	/* it is a zombie, and its SIGCHLD has been and gone */
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	struct signalfd_siginfo gone;
	CHECK(fd_read(l.signals.fd, &gone, sizeof(gone)) > 0);
	loop_child_add(&l, &kids[0], pid, on_kid, &kids[0]);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(ended, 1);
	loop_fini(&l);
}

TEST(loop_children_are_reported_where_sigchld_was_ignored)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	/* inherited from a careless parent: the kernel would reap by itself */
	CHECK_EQ(sigaction(SIGCHLD, &ignore, NULL), 0);
	CHECK_EQ(loop_init(&l), 0);
	loop_child_add(&l, &kids[3], start_kid(3), on_kid, &kids[3]);
	while (!ended)
		CHECK_EQ(loop_turn(&l), 0);
	loop_fini(&l);
}

TEST(loop_storm_of_children_loses_none)
{
	CHECK_EQ(loop_init(&l), 0);
	for (int i = 0; i < STORM; i++)
		loop_child_add(
			&l, &kids[i], start_kid(i % 100), on_kid, &kids[i]);
	while (ended < STORM)
		CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	for (size_t i = 0; i < LOOP_CHILD_BUCKETS; i++)
		CHECK(!l.children[i]);
	loop_fini(&l);
}

static void on_orphan(void *owner, pid_t pid, int status)
{
	CHECK(owner == &orphans && pid > 0 && WIFEXITED(status));
	orphans++;
}

TEST(loop_children_that_nobody_watches_are_orphans)
{
	CHECK_EQ(loop_init(&l), 0);
	l.on_orphan = on_orphan;
	l.orphan_owner = &orphans;
	pid_t pid = start_kid(0);
	loop_child_add(&l, &kids[0], pid, on_kid, &kids[0]);
	loop_child_del(&l, &kids[0]);
	loop_child_del(&l, &kids[0]);
	for (int i = 0; i < 20; i++)
		start_kid(3);
	while (orphans < 21)
		CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(ended, 0);
	loop_fini(&l);
}

/* start the next one from within the report about the last */
static void on_chain(void *owner, pid_t pid, int status)
{
	(void)pid;
	(void)status;
	struct loop_child *c = owner;
	if (++ended < 50)
		loop_child_add(&l, c, start_kid(0), on_chain, c);
	else
		loop_stop(&l);
}

TEST(loop_child_started_in_a_report_is_reported)
{
	CHECK_EQ(loop_init(&l), 0);
	loop_child_add(&l, &kids[0], start_kid(0), on_chain, &kids[0]);
	CHECK_EQ(loop_run(&l), 0);
	CHECK_EQ(ended, 50);
	loop_fini(&l);
}

/* -------------------------------------------------------------- signals */

static unsigned got[65];

static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	CHECK(owner == &got);
	CHECK_EQ(info->ssi_pid, getpid());
	got[info->ssi_signo]++;
}

TEST(loop_signals_are_told_and_children_too)
{
	sigset_t set;
	CHECK_EQ(loop_init(&l), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGRTMIN);
	CHECK_EQ(loop_watch_signals(&l, &set, on_signal, &got), 0);
	kill(getpid(), SIGTERM);
	for (int i = 0; i < 40; i++) /* these are queued: more than one read */
		sigqueue(getpid(), SIGRTMIN, (union sigval){0});
	loop_child_add(&l, &kids[0], start_kid(0), on_kid, &kids[0]);
	while (!ended || got[SIGRTMIN] < 40)
		CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(got[SIGTERM], 1);
	CHECK_EQ(got[SIGRTMIN], 40);
	CHECK_EQ(got[SIGCHLD], 0); /* it was not asked for */
	loop_fini(&l);
	sigset_t now;
	CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	CHECK(!sigismember(&now, SIGTERM) && !sigismember(&now, SIGCHLD));
}

/* ------------------------------------------------------------- deferral */

struct thing {
	struct loop_defer defer;
	struct loop_fd *watch;
	struct thing *then;
};

static void on_release(void *owner)
{
	struct thing *t = owner;
	fired++;
	if (t->then)
		loop_defer(&l, &t->then->defer, on_release, t->then);
	mem_free(t);
}

static void on_end_release(void *owner, uint32_t events)
{
	struct thing *t = owner;
	(void)events;
	loop_del(&l, t->watch);
	loop_defer(&l, &t->defer, on_release, t);
	CHECK_EQ(fired, 0); /* not before the turn's end */
}

TEST(loop_deferred_releases_come_at_the_end_of_the_turn)
{
	int pair[2];
	struct loop_fd w;
	struct thing *a = mem_new(sizeof(*a));
	struct thing *b = mem_new(sizeof(*b));
	CHECK(a && b);
	CHECK_EQ(loop_init(&l), 0);
	CHECK_EQ(fd_pipe(pair), 0);
	CHECK_EQ(fd_write_full(pair[1], "x", 1), 0);
	a->watch = &w;
	a->then = b; /* deferred while the deferred are run */
	CHECK_EQ(loop_add(&l, &w, pair[0], EPOLLIN, on_end_release, a), 0);
	CHECK_EQ(loop_turn(&l), 0);
	CHECK_EQ(fired, 2);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	loop_fini(&l);
}

TEST(loop_end_runs_what_was_deferred)
{
	struct thing *a = mem_new(sizeof(*a));
	CHECK(a);
	CHECK_EQ(loop_init(&l), 0);
	loop_defer(&l, &a->defer, on_release, a);
	loop_fini(&l);
	CHECK_EQ(fired, 1);
}
