/* SPDX-License-Identifier: MIT */
/* init/broker.c - clients of the broker, and the processes made for them. */
#include "init/broker.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/init.h"
#include "init/proc.h"
#include "lib/ctl_wire.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

enum {
	ACCEPTS_A_TURN = 32,
	REQUESTS_A_TURN = 16,
	BACKLOG = 128,
	CAP_KILL = 5,
	CAP_SETGID = 6,
	CAP_SETUID = 7,
	CAP_SETPCAP = 8,
	CAP_SYS_ADMIN = 21,
};

/* ------------------------------------------------------ answers, and ends */

static void forget(struct broker_client *c)
{
	struct loop *loop = &c->init->loop;
	int fd = c->watch.fd;
	loop_timer_clear(loop, &c->timer);
	if (fd >= 0)
		loop_del(loop, &c->watch);
	fd_close(&fd);
	c->watch.fd = -1;
	c->taken = c->pid > 0;
}

/* gone, or as good as: what runs for it gets a moment to end by itself */
static void on_late(void *owner)
{
	struct broker_client *c = owner;
	if (c->pid <= 0) {
		forget(c);
		return;
	}
	/* while it lives those that left its session can still be found */
	proc_signal_below(c->pid, SIGKILL);
	(void)kill(-c->pid, SIGKILL);
}

static void hang_up(struct broker_client *c)
{
	struct loop *loop = &c->init->loop;
	forget(c);
	if (c->pid <= 0)
		return;
	uint64_t stop_ms = c->init->config.access.stop_ms;
	(void)kill(-c->pid, SIGTERM);
	(void)kill(-c->pid, SIGCONT);
	if (stop_ms == 0 || loop_timer_at(loop, &c->timer,
				    loop_now(loop) + stop_ms, on_late, c) < 0)
		(void)kill(-c->pid, SIGKILL);
}

/* a client that does not read what it asked for has gone */
static bool answer(struct broker_client *c, const struct broker_answer *a)
{
	if (c->watch.fd < 0)
		return false;
	ssize_t n =
		send(c->watch.fd, a, sizeof(*a), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)sizeof(*a))
		return true;
	hang_up(c);
	return false;
}

void broker_refuse(struct broker_client *c, int status, const char *format, ...)
{
	struct broker_answer a = {BROKER_REFUSED, status, ""};
	va_list args;
	va_start(args, format);
	fmt_vstr(a.text, sizeof(a.text), format, args);
	va_end(args);
	(void)answer(c, &a);
}

void broker_done(struct broker_client *c, int status)
{
	const struct broker_answer a = {BROKER_ENDED, status, ""};
	(void)answer(c, &a);
}

static void on_end(void *owner, pid_t pid, int wait_status)
{
	struct broker_client *c = owner;
	c->pid = 0;
	/* what it left in its session would outlive its client */
	(void)kill(-pid, SIGKILL);
	broker_done(c, spawn_exit_code(wait_status));
	forget(c);
}

/* ------------------------------------------------------------ what it asks */

static void failed(struct broker_client *c, const struct spawn *s, int r,
	enum spawn_step step)
{
	const char *name = step == SPAWN_EXEC || step == SPAWN_FORK
				   ? s->argv[0]
				   : (step == SPAWN_CWD ? s->cwd : "start");
	int status = step == SPAWN_EXEC ? (r == -ENOENT ? 127 : 126) : 125;
	broker_refuse(c, status, "%s: %s", name ? name : "start", strerror(-r));
}

void broker_run(struct broker_client *c, struct spawn *request)
{
	const struct broker_answer started = {BROKER_STARTED, 0, ""};
	enum spawn_step step = SPAWN_FORK;
	request->group = SPAWN_NEW_SESSION;
	request->die_with_parent = true;
	request->foreground_tty = -1;
	if (shutdown_begun(c->init)) {
		broker_refuse(c, 125, "the container is shutting down");
		return;
	}
	int r = spawn(request, &c->pid, &step);
	if (r < 0) {
		c->pid = 0;
		failed(c, request, r, step);
		return;
	}
	loop_timer_clear(&c->init->loop, &c->timer);
	loop_child_add(&c->init->loop, &c->child, c->pid, on_end, c);
	(void)answer(c, &started);
}

/* the kernel sends nothing else on a socket that asked for nothing else */
static size_t take_fds(struct msghdr *m, int *fds)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	size_t bytes = c->cmsg_len - CMSG_LEN(0);
	size_t n = size_min(bytes / sizeof(int), BROKER_FDS_MAX);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

/* false: nothing more to read now */
static bool take_one(struct broker_client *c)
{
	/* one request at a time, and it is over when this returns */
	static char text[BROKER_REQUEST_MAX];
	static const char *words[BROKER_WORDS_MAX + 1];
	int fds[BROKER_FDS_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control;
	struct iovec io = {text, sizeof(text)};
	struct msghdr m = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		/* without the padding, in which one more would find room */
		.msg_controllen = CMSG_LEN(sizeof(fds))};
	ssize_t n = recvmsg(c->watch.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		hang_up(c);
		return false;
	}
	struct broker_request r = {c, words, 0, fds, take_fds(&m, fds)};
	r.nwords =
		ctl_words(str_from(text, (size_t)n), words, BROKER_WORDS_MAX);
	words[r.nwords] = NULL;
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		broker_refuse(c, 125, "the request is too large");
	else if (c->pid > 0)
		broker_refuse(c, 125, "one request at a time");
	else if (r.nwords == 0)
		broker_refuse(c, 125, "not a request");
	else
		broker_handle(&r);
	for (size_t i = 0; i < r.nfds; i++)
		fd_close(&fds[i]);
	return c->watch.fd >= 0;
}

static void on_client(void *owner, uint32_t events)
{
	struct broker_client *c = owner;
	(void)events;
	for (int i = 0; i < REQUESTS_A_TURN; i++)
		if (!take_one(c))
			return;
}

/* ------------------------------------------------------------ who connects */

static struct broker_client *free_slot(struct broker *b, uid_t uid)
{
	struct broker_client *slot = NULL;
	size_t same = 0;
	for (size_t i = 0; i < BROKER_CLIENTS; i++) {
		struct broker_client *c = &b->clients[i];
		if (!c->taken)
			slot = c;
		else if (c->who.uid == uid)
			same++;
	}
	return uid != 0 && same >= BROKER_CLIENTS_OF_USER ? NULL : slot;
}

static void turn_away(int fd)
{
	const struct broker_answer a = {BROKER_REFUSED, 125,
		"too many programs run for this user already: end one"};
	(void)send(fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool adopt(struct init *init, int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);
	struct loop *loop = &init->loop;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return false;
	struct broker_client *c = free_slot(&init->broker, who.uid);
	if (!c) {
		turn_away(fd);
		return false;
	}
	c->init = init;
	c->who = who;
	c->pid = 0;
	c->watch.fd = -1;
	if (loop_add(loop, &c->watch, fd, EPOLLIN, on_client, c) < 0)
		return false;
	c->taken = true;
	if (loop_timer_at(loop, &c->timer, loop_now(loop) + BROKER_ASK_MS,
		    on_late, c) == 0)
		return true;
	loop_del(loop, &c->watch);
	c->watch.fd = -1;
	c->taken = false;
	return false;
}

static void on_connection(void *owner, uint32_t events)
{
	struct init *init = owner;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_un from;
		socklen_t n = sizeof(from);
		int fd = accept4(init->broker.listener.fd,
			(struct sockaddr *)&from, &n,
			SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (!adopt(init, fd))
			fd_close(&fd);
	}
}

/* ------------------------------------------------------------- the listener */

/* a directory in which nobody else can put something in our place */
static bool own_directory(const char *path)
{
	struct stat st;
	(void)mkdir(path, 0755);
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	       (st.st_mode & 0022) == 0;
}

static int bind_in(struct broker *b, int fd)
{
	int r = -ENOENT;
	for (size_t i = 0; i < BROKER_PLACES; i++) {
		struct sockaddr_un a;
		if (!own_directory(broker_places[i]))
			continue;
		socklen_t n = broker_address(&a, broker_places[i]);
		(void)unlink(a.sun_path);
		/* everyone may ask; what they may have is decided by uid */
		mode_t before = umask(0);
		r = bind(fd, (struct sockaddr *)&a, n) < 0 ? -errno : 0;
		(void)umask(before);
		fmt_str(b->path, sizeof(b->path), "%s", a.sun_path);
		if (r == 0)
			break;
	}
	return r;
}

static bool may_become_others(struct broker *b)
{
	const uint64_t needed =
		1ULL << CAP_KILL | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID;
	uint64_t held = spawn_caps_held();
	b->may_bound = held >> CAP_SETPCAP & 1;
	b->may_isolate = held >> CAP_SYS_ADMIN & 1;
	return (held & needed) == needed;
}

void broker_open(struct init *init)
{
	struct broker *b = &init->broker;
	if (!init->config.access.enabled)
		return;
	if (!may_become_others(b)) {
		log_info("broker: without the capabilities setuid, setgid and "
			 "kill only set-id programs change users");
		return;
	}
	int fd = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : bind_in(b, fd);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		r = loop_add(&init->loop, &b->listener, fd, EPOLLIN,
			on_connection, init);
	if (r == 0)
		return;
	log_warn("broker: no socket: %s", strerror(-r));
	fd_close(&fd);
}

void broker_close(struct init *init)
{
	struct broker *b = &init->broker;
	int fd = b->listener.fd;
	if (fd < 0)
		return;
	loop_del(&init->loop, &b->listener);
	fd_close(&fd);
	b->listener.fd = -1;
	(void)unlink(b->path);
}
