/* SPDX-License-Identifier: MIT */
/*
 * net/http_conn.c - a connection: frames, states, deadlines, interest.
 *
 * The peer's end of sending (EPOLLRDHUP, or a read of 0 bytes) does not mean
 * that it is gone: it may have shut that side after its request and still
 * waits for the answer, which it gets. Only for a long-lived answer, which
 * nobody would otherwise ever miss, it ends the exchange. EPOLLHUP and
 * EPOLLERR always do.
 */
#include "net/http_conn.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/mem.h"

/* ------------------------------------------------------- small questions */

bool http_conn_spare(const struct http_conn *c)
{
	return !c->x && c->out.n == 0;
}

struct str http_conn_input(const struct http_conn *c)
{
	return c->busy ? c->view : buf_str(&c->in);
}

void http_conn_take(struct http_conn *c, size_t n)
{
	if (c->busy)
		c->view = str_from_index(c->view, n);
	else
		buf_consume(&c->in, n);
}

static bool wants_input(const struct http_conn *c)
{
	const struct http_exchange *x = c->x;
	if (c->peer_done)
		return false;
	switch (c->state) {
	case CONN_OPEN:
		if (c->in.n >= IN_HIGH || (!x && c->out.n > OUT_HIGH))
			return false;
		return !x || !x->paused;
	case CONN_FLUSH:
	case CONN_LINGER:
		return c->linger;
	case CONN_DEAD:
		break;
	}
	return false;
}

/* ------------------------------------------------------------- the end of it */

static void run_scheduled(void *owner);

void http_conn_schedule(struct http_conn *c)
{
	struct http_server *s = c->server;
	if (c->busy || c->scheduled)
		return;
	c->scheduled = true;
	c->next_scheduled = s->scheduled;
	s->scheduled = c;
	if (s->defer_set)
		return;
	s->defer_set = true;
	loop_defer(s->loop, &s->defer, run_scheduled, s);
}

void http_conn_kill(struct http_conn *c)
{
	int fd = c->watch.fd;
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	c->server->nconns--;
	/*
	 * An answer that only the end of the connection delimits would look
	 * complete: a reset tells the peer that it is not.
	 */
	const struct http_exchange *x = c->x;
	if (x && x->answer == ANSWER_STARTED && !x->chunked) {
		struct linger reset = {.l_onoff = 1, .l_linger = 0};
		(void)setsockopt(
			fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	loop_del(c->server->loop, &c->watch);
	loop_timer_clear(c->server->loop, &c->timer);
	fd_close(&fd);
	http_conn_schedule(c);
}

void http_conn_free(struct http_conn *c)
{
	struct http_server *s = c->server;
	http_conn_kill(c);
	if (c->x)
		http_exchange_finish(c->x);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	buf_fini(&c->in);
	buf_fini(&c->out);
	mem_free(c);
}

/* no more requests from here; what is queued still goes out */
static void begin_close(struct http_conn *c, bool linger)
{
	if (c->state != CONN_OPEN)
		return;
	c->state = CONN_FLUSH;
	c->linger = linger;
}

void http_conn_refuse(struct http_conn *c, int status, const char *reason)
{
	log_info("http: %s: refused with %d: %s", c->peer, status, reason);
	struct str answer = http_response_error(c->server, status, reason);
	http_io_send(c, &answer, 1, false);
	if (c->state == CONN_DEAD)
		return;
	begin_close(c, true);
	http_conn_schedule(c);
}

/* ------------------------------------------------------------- the frame */

static bool begin_request(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_error error;
	if (c->out.n > OUT_HIGH && !http_io_blocked(c))
		http_io_flush(c);
	if (c->state == CONN_DEAD || c->out.n > OUT_HIGH)
		return false;
	struct http_exchange *x = http_exchange_take(s);
	if (!x) {
		http_conn_refuse(c, 503, "Out of memory");
		return true;
	}
	int n = http_parse_head(&x->head, HTTP_REQUEST, false, c->view, &error);
	if (n > 0 && http_exchange_begin(x, c, (size_t)n)) {
		c->head_ms = 0;
		s->config.on_request(s->config.owner, x);
		return true;
	}
	http_exchange_put(s, x);
	if (n != 0)
		http_conn_refuse(c, n < 0 ? error.status : 503,
			n < 0 ? error.reason : "Out of memory");
	else if (c->head_ms == 0)
		c->head_ms = loop_now(s->loop);
	return n != 0;
}

/* the answer is complete; is the request, and may the next one come? */
static bool end_exchange(struct http_conn *c, struct http_exchange *x)
{
	if (!http_exchange_skip(x) || c->peer_done)
		x->close = x->close || !x->body.done;
	if (!x->body.done && !x->close)
		return false;
	/* with no request behind it there is nothing to wait for */
	bool last = c->view.n == 0 || c->out.n > OUT_HIGH;
	if (last && !http_io_blocked(c))
		http_io_flush(c);
	if (c->state == CONN_DEAD)
		return true;
	if (c->out.n > OUT_HIGH)
		return false;
	/*
	 * Closing while the peer still sends would reset the connection, and
	 * the answer might be lost with it. A peer that asked for the end
	 * and got all it wanted needs no such care.
	 */
	bool linger = x->head.keep_alive || !x->body.done || c->view.n;
	bool close = x->close;
	http_exchange_finish(x);
	if (close)
		begin_close(c, linger && !c->peer_done);
	return true;
}

/* one thing that can be done; false: nothing before something new happens */
static bool step(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	switch (c->state) {
	case CONN_OPEN:
		if (!x)
			return c->view.n > 0 && begin_request(c);
		if (x->answer == ANSWER_ENDED)
			return end_exchange(c, x);
		return http_response_drained(x) || http_file_feed(x) ||
		       http_exchange_feed(x);
	case CONN_FLUSH:
	case CONN_LINGER:
		c->discarded += c->view.n;
		c->view.n = 0;
		if (c->discarded > LINGER_BYTES)
			http_conn_kill(c);
		return false;
	case CONN_DEAD:
		if (x)
			http_exchange_finish(x);
		return false;
	}
	return false;
}

/* look at input; what is left of it is c->view afterwards */
static void run(struct http_conn *c, struct str input)
{
	c->busy = true;
	c->view = input;
	while (step(c))
		;
	c->busy = false;
}

static void run_buffered(struct http_conn *c)
{
	size_t before = c->in.n;
	run(c, buf_str(&c->in));
	buf_consume(&c->in, before - c->view.n);
}

/* ------------------------------------------------------- after the frame */

static uint64_t deadline(const struct http_conn *c)
{
	const struct http_limits *limits = &c->server->config.limits;
	const struct http_exchange *x = c->x;
	switch (c->state) {
	case CONN_OPEN:
	case CONN_FLUSH:
		if (x && x->long_lived)
			return 0;
		if (c->out.n || (x && x->file.n))
			return c->progress_ms + limits->stall_timeout_ms;
		if (!x && c->head_ms)
			return c->head_ms + limits->head_timeout_ms;
		if (!x)
			return c->progress_ms + limits->idle_timeout_ms;
		if (x->body.done || x->mode == BODY_UNDECIDED || x->paused)
			return 0;
		if (x->patience_ms < c->progress_ms + limits->stall_timeout_ms)
			return x->patience_ms;
		return c->progress_ms + limits->stall_timeout_ms;
	case CONN_LINGER:
		return c->linger_ms +
		       (c->server->draining ? LINGER_DRAINING_MS : LINGER_MS);
	case CONN_DEAD:
		break;
	}
	return 0;
}

static void on_timer(void *owner);

/*
 * A deadline that moves away costs nothing: the timer stays where it is and
 * finds out when it fires.
 */
static void set_deadline(struct http_conn *c)
{
	struct http_server *s = c->server;
	c->deadline_ms = deadline(c);
	if (c->deadline_ms == 0)
		return;
	if (c->timer.index && c->timer.at_ms <= c->deadline_ms)
		return;
	if (loop_timer_at(s->loop, &c->timer, c->deadline_ms, on_timer, c) < 0)
		http_conn_kill(c);
}

static void set_interest(struct http_conn *c)
{
	uint32_t events = c->watch.events;
	if (c->peer_done)
		events &= ~(uint32_t)(EPOLLIN | EPOLLRDHUP);
	else if (wants_input(c))
		events |= EPOLLIN;
	loop_mod(c->server->loop, &c->watch, events);
}

static void end_of_output(struct http_conn *c)
{
	if (!c->linger) {
		http_conn_kill(c);
		return;
	}
	(void)shutdown(c->watch.fd, SHUT_WR);
	c->state = CONN_LINGER;
	c->linger_ms = loop_now(c->server->loop);
}

/* to a peer that is gone this brings a reset, which ends the exchange */
static void probe_peer(struct http_conn *c)
{
	struct str go = STR("HTTP/1.1 100 Continue\r\n\r\n");
	struct http_exchange *x = c->x;
	if (!x || !x->probe || x->probed || x->answer != ANSWER_NONE ||
		x->head.minor == 0 || !(c->peer_done || c->half_seen))
		return;
	x->probed = true;
	http_io_send(c, &go, 1, false);
}

/* send what waited, and make the loop look at what matters now */
static void settle(struct http_conn *c)
{
	if (c->state == CONN_OPEN && !c->x &&
		(c->peer_done || (c->server->draining && c->in.n == 0)))
		begin_close(c, false);
	probe_peer(c);
	if (!http_io_blocked(c))
		http_io_flush(c);
	if (c->state == CONN_FLUSH && c->out.n == 0)
		end_of_output(c);
	if (c->state == CONN_LINGER && c->peer_done)
		http_conn_kill(c);
	if (c->in.err)
		http_conn_kill(c);
	if (c->state == CONN_DEAD) {
		http_conn_schedule(c);
		return;
	}
	if (c->x && c->x->drain_armed && c->out.n == 0)
		http_conn_schedule(c);
	if (!c->x) {
		buf_trim(&c->in, 0);
		buf_trim(&c->out, 0);
	}
	set_interest(c);
	set_deadline(c);
}

static void run_scheduled(void *owner)
{
	struct http_server *s = owner;
	if (s->freed) {
		mem_free(s);
		return;
	}
	while (s->scheduled) {
		struct http_conn *c = s->scheduled;
		s->scheduled = c->next_scheduled;
		c->scheduled = false;
		run_buffered(c);
		if (c->state == CONN_DEAD)
			http_conn_free(c);
		else
			settle(c);
	}
	s->defer_set = false;
}

/* ------------------------------------------------------- what the loop tells */

static void timed_out(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	if (c->state == CONN_OPEN && !x && c->head_ms && c->out.n == 0) {
		http_conn_refuse(c, 408, "The request took too long");
		return;
	}
	if (c->state == CONN_OPEN && x && x->answer == ANSWER_NONE) {
		x->close = true;
		http_reply_detail(x, 408, "The request body took too long");
		return;
	}
	http_conn_kill(c);
}

static void on_timer(void *owner)
{
	struct http_conn *c = owner;
	uint64_t now = loop_now(c->server->loop);
	if (c->deadline_ms && now >= c->deadline_ms)
		timed_out(c);
	settle(c);
}

/*
 * A partial head is looked at again only when a line has come to its end (or
 * the limit is reached), so that a peer sending byte by byte is not expensive.
 */
static bool still_partial(const struct http_conn *c, struct str fresh)
{
	return c->state == CONN_OPEN && !c->x && c->in.n > 0 &&
	       c->in.n + fresh.n < HTTP_HEAD_MAX &&
	       str_index(fresh, '\n') == fresh.n;
}

/* true: there may be more to read */
static bool read_once(struct http_conn *c)
{
	char *scratch = c->server->scratch;
	size_t old = c->in.n; /* below IN_HIGH */
	ssize_t n = fd_read(c->watch.fd, scratch + old, READ_MAX);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		c->peer_done = true;
		if (n < 0)
			http_conn_kill(c);
		run_buffered(c);
		return false;
	}
	struct str fresh = str_from(scratch + old, (size_t)n);
	c->progress_ms = loop_now(c->server->loop);
	if (still_partial(c, fresh)) {
		buf_put_str(&c->in, fresh);
		return false;
	}
	if (old)
		memcpy(scratch, buf_str(&c->in).p, old);
	buf_reset(&c->in);
	run(c, str_from(scratch, old + fresh.n));
	buf_put_str(&c->in, c->view);
	return fresh.n == READ_MAX;
}

static void on_readable(struct http_conn *c)
{
	uint32_t without = c->watch.events & ~(uint32_t)EPOLLIN;
	if (!wants_input(c)) {
		loop_mod(c->server->loop, &c->watch, without);
		return;
	}
	for (int i = 0; i < READS_PER_TURN && wants_input(c); i++)
		if (!read_once(c))
			break;
}

/* the peer sends no more; what it sent may not all be read yet */
static void on_half_closed(struct http_conn *c)
{
	uint32_t without = c->watch.events & ~(uint32_t)EPOLLRDHUP;
	if (c->x && c->x->long_lived) {
		http_conn_kill(c);
		return;
	}
	/* reading will find the end by itself */
	if (wants_input(c))
		return;
	c->half_seen = true;
	loop_mod(c->server->loop, &c->watch, without);
}

static void on_event(void *owner, uint32_t events)
{
	struct http_conn *c = owner;
	if (events & (EPOLLERR | EPOLLHUP))
		http_conn_kill(c);
	if (events & EPOLLRDHUP && c->state != CONN_DEAD)
		on_half_closed(c);
	if (events & EPOLLOUT) {
		http_io_flush(c);
		run_buffered(c);
	}
	if (events & EPOLLIN && c->state != CONN_DEAD)
		on_readable(c);
	settle(c);
}

struct http_conn *http_conn_new(struct http_server *s, int fd)
{
	struct http_conn *c = mem_new(sizeof(*c));
	if (!c) {
		fd_close(&fd);
		return NULL;
	}
	c->server = s;
	c->progress_ms = loop_now(s->loop);
	buf_init(&c->in, IN_MAX);
	buf_init(&c->out, OUT_MAX);
	if (loop_add(s->loop, &c->watch, fd, EPOLLIN | EPOLLRDHUP, on_event,
		    c) < 0) {
		fd_close(&fd);
		mem_free(c);
		return NULL;
	}
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	s->nconns++;
	set_deadline(c);
	return c;
}
