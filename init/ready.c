/* SPDX-License-Identifier: MIT */
/* init/ready.c - how it is known that a service is ready. */
#include "init/ready.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

enum { PAUSE_MAX_MS = 2000, NOTE_MAX = 1024, NOTES_A_TURN = 16 };

/* ---------------------------------------------------------- NOTIFY_SOCKET */

/* at most what the configuration could say, too; 0: it is no number */
static uint64_t milliseconds(struct str us_text)
{
	uint64_t us;
	if (!str_to_u64(us_text, &us))
		return 0;
	return us / 1000 < CONFIG_TIME_MAX_MS ? us / 1000 : CONFIG_TIME_MAX_MS;
}

struct ready_note ready_parse_note(struct str datagram)
{
	struct ready_note note = {0};
	struct str rest = datagram;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (str_is(line, "READY=1"))
			note.ready = true;
		else if (str_is(line, "STOPPING=1"))
			note.stopping = true;
		else if (str_is(line, "WATCHDOG=1"))
			note.alive = true;
		else if (str_is(line, "WATCHDOG=trigger"))
			note.dead = true;
		else if (str_starts(line, STR("EXTEND_TIMEOUT_USEC=")))
			note.extend_ms = milliseconds(str_from_index(line, 20));
		else if (str_starts(line, STR("STATUS=")))
			note.status = str_from_index(line, 7);
	}
	return note;
}

/* the service whose session a process belongs to: setsid(2) made it so */
static struct service *service_of(struct init *init, pid_t pid)
{
	pid_t session = pid > 0 ? getsid(pid) : -1;
	for (size_t i = 0; session > 0 && i < init->nservices; i++)
		if (init->services[i].pid == session)
			return &init->services[i];
	return NULL;
}

static void on_note(struct init *init, pid_t pid, struct str text)
{
	struct ready_note note = ready_parse_note(text);
	struct service *s = service_of(init, pid);
	if (!s) {
		log_debug("notify: pid %d is no service's", (int)pid);
		return;
	}
	if (note.status.p)
		log_debug("service %s: %.*s", s->name,
			STR_FMT(str_first(note.status, 200)));
	if (note.extend_ms)
		service_extend(s, note.extend_ms);
	if (note.ready && s->def->ready.notify)
		service_is_ready(s);
	if (note.alive)
		alive_heard(s);
	if (note.dead && s->def->alive.notify) {
		log_warn("service %s: asks to be restarted", s->name);
		service_is_dead(s);
	}
}

static pid_t sender(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct ucred who;
	if (!c || c->cmsg_level != SOL_SOCKET ||
		c->cmsg_type != SCM_CREDENTIALS ||
		c->cmsg_len != CMSG_LEN(sizeof(who)))
		return 0;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

static void on_notes(void *owner, uint32_t events)
{
	struct init *init = owner;
	(void)events;
	for (int i = 0; i < NOTES_A_TURN; i++) {
		char text[NOTE_MAX];
		/* descriptors are not taken: without room they are closed */
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(struct ucred))];
		} control;
		struct iovec io = {text, sizeof(text)};
		struct msghdr m = {.msg_iov = &io,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(
			init->notify.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return;
		on_note(init, sender(&m), str_from(text, (size_t)n));
	}
}

/* the kernel chooses a name in the abstract space: no file, no clash */
static int make_socket(struct init *init)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(name);
	int on = 1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = 0;
	if (bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
		getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		r = -errno;
	if (r == 0)
		r = loop_add(&init->loop, &init->notify, fd, EPOLLIN, on_notes,
			init);
	if (r < 0) {
		fd_close(&fd);
		return r;
	}
	size_t n = len - offsetof(struct sockaddr_un, sun_path) - 1;
	fmt_str(init->notify_name, sizeof(init->notify_name), "@%.*s", (int)n,
		name.sun_path + 1);
	return 0;
}

const char *ready_notify_address(struct init *init)
{
	if (init->notify_name[0])
		return init->notify_name;
	int r = make_socket(init);
	if (r == 0)
		return init->notify_name;
	log_error("notify socket: %s", strerror(-r));
	return NULL;
}

/* ---------------------------------------------------- a newline on a pipe */

static void close_pipe(struct service *s)
{
	int fd = s->ready.watch.fd;
	loop_del(&s->init->loop, &s->ready.watch);
	fd_close(&fd);
}

static void on_pipe(void *owner, uint32_t events)
{
	struct service *s = owner;
	char text[64];
	(void)events;
	ssize_t n = fd_read(s->ready.watch.fd, text, sizeof(text));
	if (n == -EAGAIN)
		return;
	if (n > 0 && !memchr(text, '\n', (size_t)n))
		return;
	close_pipe(s);
	if (n > 0)
		service_is_ready(s);
}

int ready_prepare(
	struct service *s, struct spawn_fd *fds, size_t *nfds, int *theirs)
{
	int ends[2];
	if (s->def->ready.fd == 0)
		return 0;
	int r = fd_pipe(ends);
	if (r < 0)
		return r;
	(void)fd_set_nonblock(ends[0], true);
	r = loop_add(
		&s->init->loop, &s->ready.watch, ends[0], EPOLLIN, on_pipe, s);
	if (r < 0) {
		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return r;
	}
	fds[(*nfds)++] = (struct spawn_fd){ends[1], (int)s->def->ready.fd};
	*theirs = ends[1];
	return 0;
}

/* --------------------------------------------------------------- probes */

static const struct config_probe *want_ready(const struct service *s)
{
	return &s->def->ready.probe;
}

/* what is not ready soon is asked less and less */
static void on_probe(struct service *s, bool good)
{
	struct ready *r = &s->ready;
	if (good) {
		service_is_ready(s);
		return;
	}
	probe_after(&r->probe, r->pause_ms);
	if (r->pause_ms < PAUSE_MAX_MS)
		r->pause_ms += r->pause_ms / 2;
}

bool ready_begin(struct service *s)
{
	const struct config_ready *want = &s->def->ready;
	struct ready *r = &s->ready;
	if (want->fd || want->notify)
		return false;
	if (!probe_wanted(&want->probe))
		return true;
	r->pause_ms = want->interval_ms;
	r->probe.service = s;
	r->probe.want = want_ready;
	r->probe.fn = on_probe;
	probe_after(&r->probe, 1);
	return false;
}

void ready_end(struct service *s)
{
	close_pipe(s);
	probe_end(&s->ready.probe);
}
