/* SPDX-License-Identifier: MIT */
/*
 * net/http_fetch.c - HTTP/1.1 requests from an event loop.
 *
 * input: untrusted
 *
 * One object is a connection and the request on it; without a request it is
 * among the spare ones. It is released at the end of a turn, so that nothing
 * goes away under a callback's hands.
 */
#include "net/http_fetch.h"

#include <errno.h>

#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "net/lookup.h"

enum {
	READ_STEP = 64 * 1024,
	READS_PER_TURN = 8,
	SPARE_MAX = 32,
	SPARE_MS = 4000, /* many servers close after 5 s: be first */
	BODY_MAX = 128 << 20,
	INTERIM_MAX = 16,
};

enum phase {
	LOOKING_UP,
	CONNECTING,
	SHAKING_HANDS,
	RUNNING, /* request on its way, answer awaited or being read */
	SPARE,
	OVER,
};

struct http_fetch {
	struct http_fetcher *all;
	struct http_fetch *next, *prev; /* among the spare */
	struct http_fetch_events events;
	struct http_fetch_limits limits;
	enum phase phase;
	struct stream stream;
	struct loop_fd watch;
	struct loop_timer timer; /* of the phase */
	struct loop_timer again; /* more can be done without waiting */
	struct loop_defer release;
	struct lookup *lookup;
	struct lookup_result where;
	size_t tried; /* addresses of it */
	bool tls;
	uint16_t port;
	char host[URL_HOST_MAX + 1];
	struct buf out, in;
	struct http_body body;
	unsigned interims;
	bool to_head; /* the request was HEAD */
	bool headed;  /* the answer's head has come */
	bool keep;    /* what both sides allow */
	bool reached; /* a byte of an answer has come */
	bool paused;
	uint64_t heard_ms;
};

static struct loop *loop_of(const struct http_fetch *x)
{
	return x->all->loop;
}

/* ------------------------------------------------------------------- end */

static void release(void *owner)
{
	struct http_fetch *x = owner;
	buf_fini(&x->out);
	buf_fini(&x->in);
	mem_free(x);
}

static void unspare(struct http_fetch *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		x->all->spare = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->next = NULL;
	x->prev = NULL;
	x->all->nspare--;
}

/* the connection is of no more use */
static void drop(struct http_fetch *x)
{
	if (x->phase == OVER)
		return;
	if (x->phase == SPARE)
		unspare(x);
	x->phase = OVER;
	x->events = (struct http_fetch_events){0};
	if (x->lookup)
		lookup_cancel(x->lookup);
	x->lookup = NULL;
	loop_del(loop_of(x), &x->watch);
	loop_timer_clear(loop_of(x), &x->timer);
	loop_timer_clear(loop_of(x), &x->again);
	stream_close(&x->stream);
	loop_defer(loop_of(x), &x->release, release, x);
}

static void fail_as(struct http_fetch *x, const char *why, bool later)
{
	struct http_fetch_events events = x->events;
	char text[STREAM_ERROR_SIZE + LOOKUP_ERROR_SIZE];
	fmt_str(text, sizeof(text), "%s", why); /* it may be the stream's */
	drop(x);
	if (events.on_end)
		events.on_end(events.owner, text, later);
}

static void fail(struct http_fetch *x, const char *why)
{
	fail_as(x, why, true);
}

static void fail_errno(struct http_fetch *x, int err)
{
	char text[STREAM_ERROR_SIZE + URL_HOST_MAX + 64];
	if (x->phase == CONNECTING && x->all->unix_path)
		fmt_str(text, sizeof(text), "cannot connect to %.*s: %s",
			STR_FMT(str_first(str_of(x->all->unix_path), 200)),
			strerror(-err));
	else if (x->phase == CONNECTING)
		fmt_str(text, sizeof(text), "cannot connect to %s port %u: %s",
			x->host, x->port, strerror(-err));
	else
		fmt_str(text, sizeof(text), "%s",
			err == -EPROTO && *x->stream.error ? x->stream.error
							   : strerror(-err));
	fail_as(x, text, err != -EPROTO);
}

static void on_spare_over(void *owner)
{
	drop(owner);
}

static void on_event(void *owner, uint32_t events);

/* the answer is complete */
static void complete(struct http_fetch *x)
{
	struct http_fetch_events events = x->events;
	struct http_fetcher *all = x->all;
	bool keep = x->keep && x->in.n == 0 && x->out.n == 0 &&
		    x->body.framing != HTTP_BODY_UNTIL_CLOSE &&
		    all->nspare < SPARE_MAX;
	if (keep) {
		x->phase = SPARE;
		x->events = (struct http_fetch_events){0};
		loop_timer_clear(all->loop, &x->again);
		(void)loop_timer_at(all->loop, &x->timer,
			loop_now(all->loop) + SPARE_MS, on_spare_over, x);
		loop_mod(all->loop, &x->watch, EPOLLIN | EPOLLRDHUP);
		buf_trim(&x->in, 0);
		buf_trim(&x->out, 0);
		x->next = all->spare;
		if (x->next)
			x->next->prev = x;
		all->spare = x;
		all->nspare++;
	} else {
		drop(x);
	}
	if (events.on_end)
		events.on_end(events.owner, NULL, false);
}

/* ------------------------------------------------------------- the answer */

/* false: wait for more, or it is over */
static bool read_head(struct http_fetch *x)
{
	struct http_head head;
	struct http_error error;
	int n = http_parse_head(
		&head, HTTP_RESPONSE, x->to_head, buf_str(&x->in), &error);
	if (n < 0)
		fail_as(x, error.reason, false);
	if (n <= 0)
		return false;
	if (head.status < 200) {
		if (head.status == 101 || ++x->interims > INTERIM_MAX) {
			fail(x, "interim answers without an end");
			return false;
		}
		buf_consume(&x->in, (size_t)n);
		return true;
	}
	x->headed = true;
	x->keep = x->keep && head.keep_alive;
	http_body_init(&x->body, &head);
	if (x->events.on_head)
		x->events.on_head(x->events.owner, &head);
	if (x->phase == OVER)
		return false;
	buf_consume(&x->in, (size_t)n);
	return true;
}

static bool read_body(struct http_fetch *x)
{
	struct http_error error;
	struct str data;
	ssize_t n = http_body_feed(&x->body, buf_str(&x->in), &data, &error);
	if (n < 0) {
		fail_as(x, error.reason, false);
		return false;
	}
	if (data.n && x->events.on_data)
		x->events.on_data(x->events.owner, data);
	if (x->phase == OVER)
		return false;
	buf_consume(&x->in, (size_t)n);
	return n > 0;
}

/* use what has been read; false: the fetch is over */
static bool use_input(struct http_fetch *x)
{
	while (!x->paused && x->phase == RUNNING) {
		if (x->headed && x->body.done) {
			complete(x);
			return false;
		}
		if (x->in.n == 0 || !(x->headed ? read_body(x) : read_head(x)))
			break;
	}
	return x->phase == RUNNING;
}

static void on_eof(struct http_fetch *x)
{
	if (x->headed && x->body.framing == HTTP_BODY_UNTIL_CLOSE)
		complete(x);
	else if (x->reached)
		fail(x, "the answer is cut short");
	else
		fail(x, "the server closed the connection without an answer");
}

static void on_again(void *owner);

/* false: nothing more to be had now */
static bool read_some(struct http_fetch *x)
{
	char *room = buf_reserve(&x->in, READ_STEP);
	if (!room) {
		fail(x, "out of memory");
		return false;
	}
	ssize_t n = stream_read(&x->stream, room, READ_STEP);
	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		fail_errno(x, (int)n);
		return false;
	}
	if (n == 0) {
		on_eof(x);
		return false;
	}
	x->reached = true;
	x->heard_ms = loop_now(loop_of(x));
	buf_commit(&x->in, (size_t)n);
	bool more = use_input(x);
	if (more)
		buf_trim(&x->in, 0);
	return more;
}

static void write_some(struct http_fetch *x)
{
	while (x->out.n) {
		ssize_t n = stream_write(&x->stream, buf_str(&x->out));
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			/* what it said before it hung up tells more */
			x->keep = false;
			buf_reset(&x->out);
			break;
		}
		buf_consume(&x->out, (size_t)n);
	}
	buf_trim(&x->out, 0);
}

static void wait_for_events(struct http_fetch *x)
{
	uint32_t events = stream_events(&x->stream);
	if (x->out.n)
		events |= EPOLLOUT;
	if (x->paused)
		events &= ~(uint32_t)EPOLLIN;
	loop_mod(loop_of(x), &x->watch, events);
}

static void run(struct http_fetch *x)
{
	write_some(x);
	int reads = 0;
	if (!use_input(x))
		return;
	while (!x->paused && reads < READS_PER_TURN && read_some(x))
		reads++;
	if (x->phase != RUNNING)
		return;
	wait_for_events(x);
	/* TLS may hold data that epoll knows nothing of */
	if (!x->paused && reads == READS_PER_TURN)
		(void)loop_timer_at(loop_of(x), &x->again, loop_now(loop_of(x)),
			on_again, x);
}

static void on_again(void *owner)
{
	run(owner);
}

/* ------------------------------------------------------------- connecting */

static void on_silence(void *owner)
{
	struct http_fetch *x = owner;
	uint64_t until = x->heard_ms + x->limits.silence_ms;
	char why[96];
	if (loop_now(loop_of(x)) < until || x->paused) {
		if (x->paused)
			until = loop_now(loop_of(x)) + x->limits.silence_ms;
		(void)loop_timer_at(
			loop_of(x), &x->timer, until, on_silence, x);
		return;
	}
	fmt_str(why, sizeof(why), "the server said nothing for %llu s",
		(unsigned long long)(x->limits.silence_ms / 1000));
	fail(x, why);
}

static void on_slow_connect(void *owner)
{
	struct http_fetch *x = owner;
	char why[URL_HOST_MAX + 96];
	fmt_str(why, sizeof(why), "cannot connect to %s port %u within %llu s",
		x->host, x->port,
		(unsigned long long)(x->limits.connect_ms / 1000));
	fail(x, why);
}

static void begin_running(struct http_fetch *x)
{
	x->phase = RUNNING;
	x->heard_ms = loop_now(loop_of(x));
	loop_timer_clear(loop_of(x), &x->timer);
	if (x->limits.silence_ms)
		(void)loop_timer_at(loop_of(x), &x->timer,
			x->heard_ms + x->limits.silence_ms, on_silence, x);
	run(x);
}

static void shake_hands(struct http_fetch *x)
{
	int r = stream_handshake(&x->stream);
	if (r == 0)
		begin_running(x);
	else if (r == -EAGAIN)
		loop_mod(loop_of(x), &x->watch, stream_events(&x->stream));
	else
		fail_errno(x, r);
}

static void on_connected(struct http_fetch *x)
{
	if (!x->tls) {
		begin_running(x);
		return;
	}
	x->phase = SHAKING_HANDS;
	int r = stream_start_tls(&x->stream, x->all->tls, x->host);
	if (r == -EAGAIN)
		loop_mod(loop_of(x), &x->watch, stream_events(&x->stream));
	else if (r < 0)
		fail_errno(x, r);
	else
		begin_running(x);
}

/* the next address; the failure of the last one counts */
static void connect_next(struct http_fetch *x)
{
	int r = -EHOSTUNREACH;
	loop_del(loop_of(x), &x->watch);
	stream_close(&x->stream);
	x->phase = CONNECTING;
	while (x->tried < x->where.n) {
		size_t i = x->tried++;
		r = stream_open_address(
			&x->stream, &x->where.address[i].any, x->where.size[i]);
		if (r < 0 && r != -EAGAIN)
			continue;
		r = loop_add(loop_of(x), &x->watch, x->stream.fd, EPOLLOUT,
			on_event, x);
		break;
	}
	if (r < 0)
		fail_errno(x, r);
}

static void on_event(void *owner, uint32_t events)
{
	struct http_fetch *x = owner;
	int r;
	switch (x->phase) {
	case CONNECTING:
		r = stream_connected(&x->stream);
		if (r == 0)
			on_connected(x);
		else if (x->tried < x->where.n)
			connect_next(x);
		else
			fail_errno(x, r);
		break;
	case SHAKING_HANDS:
		shake_hands(x);
		break;
	case RUNNING:
		/* a paused one is not read, but must not spin on its end */
		if (x->paused && events & (EPOLLHUP | EPOLLERR))
			fail(x, "the connection broke");
		else
			run(x);
		break;
	case SPARE:
		drop(x);
		break;
	case LOOKING_UP:
	case OVER:
		break;
	}
}

static void on_found(void *owner, const struct lookup_result *result)
{
	struct http_fetch *x = owner;
	x->lookup = NULL;
	x->where = *result;
	if (x->where.n)
		connect_next(x);
	else
		fail(x, x->where.error);
}

static void on_begin(void *owner)
{
	struct http_fetch *x = owner;
	if (x->limits.connect_ms)
		(void)loop_timer_at(loop_of(x), &x->timer,
			loop_now(loop_of(x)) + x->limits.connect_ms,
			on_slow_connect, x);
	if (x->all->unix_path) {
		x->where.size[0] =
			sock_addr_unix(&x->where.address[0], x->all->unix_path);
		x->where.n = 1;
	} else {
		lookup_now(&x->where, x->host, x->port);
	}
	if (x->where.n) {
		connect_next(x);
		return;
	}
	x->lookup = lookup_start(loop_of(x), x->host, x->port, on_found, x);
	if (!x->lookup)
		fail(x, "out of memory");
}

static void on_reuse(void *owner)
{
	begin_running(owner);
}

/* ----------------------------------------------------------------- start */

static struct http_fetch *spare_for(
	struct http_fetcher *f, const struct url *to)
{
	struct http_fetch *x = f->spare;
	while (x && !(x->tls == to->tls && x->port == to->port &&
			    str_is(to->host, x->host)))
		x = x->next;
	if (x)
		unspare(x);
	return x;
}

static struct http_fetch *fetch_new(
	struct http_fetcher *f, const struct url *to)
{
	struct http_fetch *x = mem_new(sizeof(*x));
	if (!x)
		return NULL;
	x->all = f;
	x->watch.fd = -1;
	stream_init(&x->stream);
	x->stream.async = true;
	x->tls = to->tls;
	x->port = to->port;
	fmt_str(x->host, sizeof(x->host), "%.*s", STR_FMT(to->host));
	buf_init(&x->out, BODY_MAX + (size_t)HTTP_HEAD_MAX * 2);
	buf_init(&x->in, (size_t)HTTP_HEAD_MAX + 2 * READ_STEP);
	return x;
}

/* whom to trust is read when it is first needed: it takes milliseconds */
static bool trust(struct http_fetcher *f)
{
	const char *file;
	if (f->tls)
		return true;
	f->tls = tls_context_new();
	if (!f->tls)
		return false;
	if (tls_context_trust(f->tls, NULL, &file) < 0)
		log_warn("%s: no certificate authorities in it: no https "
			 "server can be trusted (SSL_CERT_FILE names another)",
			file);
	return true;
}

struct http_fetch *http_fetch_start(struct http_fetcher *f,
	const struct url *to, const struct http_client_call *call,
	const struct http_fetch_limits *limits,
	const struct http_fetch_events *events)
{
	if (to->host.n > URL_HOST_MAX || (to->tls && !trust(f)))
		return NULL;
	struct http_fetch *x = spare_for(f, to);
	bool reuse = x != NULL;
	if (!x)
		x = fetch_new(f, to);
	if (!x)
		return NULL;
	x->phase = LOOKING_UP;
	bool sound = http_client_put_head(&x->out, call);
	buf_put_str(&x->out, call->body);
	if (!sound || x->out.err) {
		drop(x);
		return NULL;
	}
	x->events = *events;
	x->limits = *limits;
	x->to_head = strcmp(call->method, "HEAD") == 0;
	x->headed = false;
	x->interims = 0;
	x->keep = call->keep_alive;
	x->reached = false;
	x->paused = false;
	x->body = (struct http_body){0};
	(void)loop_timer_at(loop_of(x), &x->timer, loop_now(loop_of(x)),
		reuse ? on_reuse : on_begin, x);
	return x;
}

void http_fetch_cancel(struct http_fetch *x)
{
	drop(x);
}

void http_fetch_pause(struct http_fetch *x, bool pause)
{
	if (x->paused == pause)
		return;
	x->paused = pause;
	if (x->phase != RUNNING)
		return;
	wait_for_events(x);
	if (!pause)
		(void)loop_timer_at(loop_of(x), &x->again, loop_now(loop_of(x)),
			on_again, x);
}

void http_fetcher_fini(struct http_fetcher *f)
{
	while (f->spare)
		drop(f->spare);
	tls_context_free(f->tls);
	f->tls = NULL;
}
