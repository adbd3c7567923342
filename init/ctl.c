/* SPDX-License-Identifier: MIT */
/* init/ctl.c - the control socket. */
#include "init/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/ctl_wire.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

enum { REQUESTS_A_TURN = 8 };

struct asked {
	struct init *init;
	const char *name;   /* of a service, or NULL */
	const char *detail; /* one word more, or NULL */
	char *dst;
	size_t cap;
	size_t n;
};

#define SAY(a, ...)                                                          \
	((a)->n = size_min((a)->n + fmt_str((a)->dst + (a)->n,               \
					    (a)->cap - (a)->n, __VA_ARGS__), \
		 (a)->cap - 1))

/* ------------------------------------------------------------ the requests */

static void line_of(struct asked *a, const struct service *s)
{
	uint64_t ms = loop_now(&s->init->loop) - s->changed_ms;
	char what[64] = "-";
	if (s->last_status >= 0)
		spawn_status_text(what, sizeof(what), s->last_status);
	SAY(a, "%s\t%s\t%d\t%ju\t%ju\t%s\t%s\n", s->name,
		service_state_name(s->state), (int)s->pid, (uintmax_t)ms,
		(uintmax_t)s->restarts, what,
		s->def->task ? "task"
		: s->wanted  ? "wanted"
			     : "unwanted");
}

/* name, state, pid, ms in this state, restarts, last end, task or wanted */
static void do_status(struct asked *a)
{
	SAY(a, "ok\n");
	for (size_t i = 0; i < a->init->nservices; i++) {
		const struct service *s = &a->init->services[i];
		if (!s->gone && (!a->name || strcmp(a->name, s->name) == 0))
			line_of(a, s);
	}
}

static struct service *wanted(struct asked *a)
{
	struct service *s = a->name ? service_find(a->init, a->name) : NULL;
	if (!s)
		SAY(a, "error no service %s\n", a->name ? a->name : "named");
	return s;
}

static void do_start(struct asked *a)
{
	struct service *s = wanted(a);
	if (!s)
		return;
	service_start(s);
	SAY(a, "ok\n");
}

static void do_stop(struct asked *a)
{
	struct service *s = wanted(a);
	if (!s)
		return;
	service_stop(s);
	SAY(a, "ok\n");
}

static void do_restart(struct asked *a)
{
	struct service *s = wanted(a);
	if (!s)
		return;
	service_restart(s);
	SAY(a, "ok\n");
}

static void do_reload(struct asked *a)
{
	if (!a->name) {
		int mistakes = init_reload(a->init);
		if (mistakes > 0)
			SAY(a,
				"error %d mistakes in the configuration, which "
				"the log names; nothing changed\n",
				mistakes);
		else if (mistakes < 0)
			SAY(a, "error boot is not over\n");
		else
			SAY(a, "ok\n");
		return;
	}
	struct service *s = wanted(a);
	if (!s)
		return;
	if (s->pid == 0) {
		SAY(a, "error %s has no process\n", s->name);
		return;
	}
	(void)kill(s->pid, (int)s->def->reload_signal);
	SAY(a, "ok\n");
}

static void do_signal(struct asked *a)
{
	struct service *s = wanted(a);
	int signo = a->detail ? shape_signal(str_of(a->detail)) : 0;
	if (!s)
		return;
	if (signo == 0) {
		SAY(a, "error no such signal\n");
	} else if (s->pid == 0) {
		SAY(a, "error %s has no process\n", s->name);
	} else {
		(void)kill(s->pid, signo);
		SAY(a, "ok\n");
	}
}

static void do_logs(struct asked *a)
{
	struct service *s = wanted(a);
	uint64_t from = 0;
	char text[SVCLOG_RING];
	if (!s)
		return;
	if (!s->output) {
		SAY(a,
			"error %s prints %s: its key \"log\" says so, and "
			"{\"to\": \"prefix\"} would keep it here, too\n",
			s->name,
			s->def->log.to == LOG_TO_NONE
				? "to /dev/null"
				: "straight to the container's log");
		return;
	}
	if (a->detail)
		(void)str_to_u64(str_of(a->detail), &from);
	size_t n = svclog_read(s->output, &from, text, sizeof(text));
	SAY(a, "ok %ju\n", (uintmax_t)from);
	n = size_min(n, a->cap - a->n);
	memcpy(a->dst + a->n, text, n);
	a->n += n;
}

static void do_shutdown(struct asked *a)
{
	uint64_t status;
	if (a->name &&
		(!str_to_u64(str_of(a->name), &status) || status > 255)) {
		SAY(a, "error an exit status is a number from 0 to 255\n");
		return;
	}
	if (a->name)
		a->init->status = (int)status;
	log_info("shutdown: asked for");
	shutdown_request(a->init);
	SAY(a, "ok\n");
}

static const struct {
	const char *verb;
	void (*fn)(struct asked *a);
	bool anyone;
} verbs[] = {
	{"status", do_status, true},
	{"start", do_start, false},
	{"stop", do_stop, false},
	{"restart", do_restart, false},
	{"reload", do_reload, false},
	{"signal", do_signal, false},
	{"logs", do_logs, false},
	{"shutdown", do_shutdown, false},
};

size_t ctl_answer(
	struct init *init, uid_t uid, struct str request, char *dst, size_t cap)
{
	const char *words[CTL_WORDS_MAX] = {NULL};
	struct asked a = {.init = init, .dst = dst, .cap = cap};
	size_t n = ctl_parse(request, words);
	bool may_all = uid == 0 || uid == geteuid();
	a.name = n > 1 ? words[1] : NULL;
	a.detail = n > 2 ? words[2] : NULL;
	for (size_t i = 0; n > 0 && i < ARRAY_LEN(verbs); i++) {
		if (strcmp(words[0], verbs[i].verb) != 0)
			continue;
		if (!may_all && !verbs[i].anyone)
			SAY(&a, "error uid %u may not %s\n", (unsigned)uid,
				words[0]);
		else if (shutdown_begun(init) && !verbs[i].anyone)
			SAY(&a, "error the container is shutting down\n");
		else
			verbs[i].fn(&a);
		return a.n;
	}
	SAY(&a, "error no such request\n");
	return a.n;
}

/* -------------------------------------------------------------- the socket */

static bool sender(struct msghdr *m, struct ucred *who)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (!c || c->cmsg_level != SOL_SOCKET ||
		c->cmsg_type != SCM_CREDENTIALS ||
		c->cmsg_len != CMSG_LEN(sizeof(*who)))
		return false;
	memcpy(who, CMSG_DATA(c), sizeof(*who));
	return true;
}

static bool take_one(struct init *init)
{
	/* one answer at a time; it is sent before the next is made */
	static char answer[CTL_ANSWER_MAX];
	char request[CTL_REQUEST_MAX];
	struct sockaddr_un from;
	struct ucred who;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec io = {request, sizeof(request)};
	struct msghdr m = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(init->ctl.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return false;
	if (!sender(&m, &who) || m.msg_namelen <= sizeof(sa_family_t))
		return true;
	size_t len = ctl_answer(init, who.uid, str_from(request, (size_t)n),
		answer, sizeof(answer));
	(void)sendto(init->ctl.fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		(struct sockaddr *)&from, m.msg_namelen);
	return true;
}

static void on_request(void *owner, uint32_t events)
{
	struct init *init = owner;
	(void)events;
	for (int i = 0; i < REQUESTS_A_TURN && init->ctl.fd >= 0; i++)
		if (!take_one(init))
			return;
}

/* a directory in which nobody else can put something in our place */
static bool own_directory(const char *path)
{
	struct stat st;
	(void)mkdir(path, 0755);
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && (st.st_mode & 0022) == 0;
}

static int bind_either(int fd)
{
	struct sockaddr_un a;
	socklen_t n = ctl_file_address(&a);
	if (own_directory("/run/coracle")) {
		(void)unlink(a.sun_path);
		/* everyone may ask; what they may have is decided by uid */
		mode_t before = umask(0);
		int r = bind(fd, (struct sockaddr *)&a, n);
		(void)umask(before);
		if (r == 0)
			return 0;
	}
	n = ctl_abstract_address(&a);
	return bind(fd, (struct sockaddr *)&a, n) == 0 ? 0 : -errno;
}

void ctl_open(struct init *init)
{
	int on = 1;
	int r = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		r = -errno;
	if (r == 0)
		r = bind_either(fd);
	if (r == 0)
		r = loop_add(
			&init->loop, &init->ctl, fd, EPOLLIN, on_request, init);
	if (r == 0)
		return;
	log_warn("control socket: %s", strerror(-r));
	fd_close(&fd);
}

void ctl_close(struct init *init)
{
	int fd = init->ctl.fd;
	loop_del(&init->loop, &init->ctl);
	fd_close(&fd);
}
