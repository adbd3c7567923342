/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_stream.c - event streams to clients that survive a lost connection
 * (MCP basic/transports, "Resumability and Redelivery"; WHATWG HTML 9.2).
 *
 * input: untrusted
 */
#include "net/mcp_stream.h"

#include <string.h>

#include "lib/fmt.h"
#include "lib/mem.h"
#include "net/mcp_session.h"

/* what stands before each event in mcp_stream.kept */
struct kept_event {
	uint64_t number;
	size_t n;
};

/* ------------------------------------------------------------ what is kept */

static void forget_first(struct mcp_stream *st)
{
	struct kept_event e;
	memcpy(&e, buf_at(&st->kept, 0), sizeof(e));
	buf_consume(&st->kept, sizeof(e) + e.n);
	st->all->kept_bytes -= sizeof(e) + e.n;
}

static void forget_all(struct mcp_stream *st)
{
	st->all->kept_bytes -= st->kept.n;
	buf_fini(&st->kept);
}

static void release(struct mcp_stream *st)
{
	struct mcp_streams *all = st->all;
	struct mcp_stream **at = &st->session->streams;
	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	if (st->newer)
		st->newer->older = st->older;
	else
		all->newest = st->older;
	if (st->older)
		st->older->newer = st->newer;
	else
		all->oldest = st->newer;
	forget_all(st);
	if (!all->oldest)
		loop_timer_clear(all->loop, &all->timer);
	mem_free(st);
}

/* make room for others' events: the oldest stream that has ended goes */
static void make_room(struct mcp_streams *all, const struct mcp_stream *except)
{
	struct mcp_stream *st = all->oldest;
	while (st && (!st->ended || st->x || st == except))
		st = st->newer;
	if (st)
		release(st);
}

/* can its client come back for what it missed? */
static bool is_kept(const struct mcp_stream *st)
{
	return !st->duplex && !st->session->modern;
}

static void keep(struct mcp_stream *st, struct str message)
{
	struct kept_event e = {st->last, message.n};
	size_t n = sizeof(e) + message.n;
	if (!is_kept(st))
		return;
	if (n > MCP_KEEP_BYTES) {
		forget_all(st);
		return;
	}
	while (st->kept.n + n > MCP_KEEP_BYTES)
		forget_first(st);
	if (st->all->kept_bytes + n > MCP_KEEP_ALL)
		make_room(st->all, st);
	if (st->all->kept_bytes + n > MCP_KEEP_ALL)
		return;
	if (!buf_reserve(&st->kept, n)) {
		forget_all(st);
		return;
	}
	buf_put(&st->kept, &e, sizeof(e));
	buf_put_str(&st->kept, message);
	st->all->kept_bytes += n;
}

/* ------------------------------------------------------------- connections */

static void on_close(void *owner, struct http_exchange *x)
{
	struct mcp_stream *st = owner;
	(void)x;
	st->x = NULL;
	if (!is_kept(st))
		st->all->on_lost(st->all->owner, st);
	else if (st->ended && !st->kept.n)
		release(st); /* the only one who could have come back did */
}

void mcp_stream_detach(struct mcp_stream *st)
{
	struct http_exchange *x = st->x;
	st->sink = NULL;
	if (!x)
		return;
	st->x = NULL;
	http_set_owner(x, NULL, NULL);
	http_end(x);
}

static void connect_to(struct mcp_stream *st, struct http_exchange *x)
{
	mcp_stream_detach(st);
	st->x = x;
	http_set_owner(x, st, on_close);
	http_add_field(x, "Cache-Control", STR("no-cache, no-transform"));
	http_add_field(x, "X-Accel-Buffering", STR("no"));
	http_set_long_lived(x);
	http_start(x, 200, "text/event-stream");
}

/*
 * From 2025-11-25 on a stream starts with an event that has an id and no
 * data, so that a client can come back even if it got nothing else. Older
 * clients would take it for a message.
 */
static void prime(struct mcp_stream *st)
{
	char text[96];
	if (!mcp_session_primes(st->session))
		return;
	size_t n = fmt_str(text, sizeof(text),
		"id: %llu-%llu\r\nretry: %d\r\ndata: \r\n\r\n",
		(unsigned long long)st->id, (unsigned long long)st->last,
		MCP_STREAM_RETRY_MS);
	http_write(st->x, str_from(text, n));
}

static void write_event(
	struct mcp_stream *st, uint64_t number, struct str message)
{
	char head[96];
	size_t n = 0;
	if (is_kept(st))
		n = fmt_str(head, sizeof(head), "id: %llu-%llu\r\n",
			(unsigned long long)st->id, (unsigned long long)number);
	n += fmt_str(head + n, sizeof(head) - n, "event: message\r\ndata: ");
	http_write(st->x, str_from(head, n));
	http_write(st->x, message);
	http_write(st->x, STR("\r\n\r\n"));
}

static bool is_behind(const struct mcp_stream *st)
{
	size_t queued = st->x ? http_queued(st->x) : 0;
	if (st->sink)
		queued = st->sink->queued(st->sink->owner);
	return queued > MCP_STREAM_QUEUE_MAX;
}

void mcp_stream_ping(struct mcp_stream *st)
{
	if (st->x && !is_behind(st))
		http_write(st->x, STR(": ping\r\n\r\n"));
}

static void on_timer(void *owner)
{
	struct mcp_streams *all = owner;
	uint64_t now = loop_now(all->loop);
	struct mcp_stream *st = all->oldest;
	(void)loop_timer_at(all->loop, &all->timer, now + MCP_STREAM_PING_MS,
		on_timer, all);
	while (st) {
		struct mcp_stream *newer = st->newer;
		mcp_stream_ping(st);
		if (st->ended && !st->x &&
			now - st->ended_ms >= MCP_KEEP_ENDED_MS)
			release(st);
		st = newer;
	}
}

/* ----------------------------------------------------------------- streams */

void mcp_streams_init(struct mcp_streams *all, struct loop *loop)
{
	*all = (struct mcp_streams){.loop = loop};
}

static struct mcp_stream *stream_new(
	struct mcp_streams *all, struct mcp_session *s, uint64_t id)
{
	struct mcp_stream *st = mem_new(sizeof(*st));
	if (!st)
		return NULL;
	*st = (struct mcp_stream){
		.all = all, .session = s, .id = id, .older = all->newest};
	buf_init(&st->kept, MCP_KEEP_BYTES);
	if (all->newest)
		all->newest->newer = st;
	else
		all->oldest = st;
	all->newest = st;
	st->next = s->streams;
	s->streams = st;
	if (all->oldest == st)
		(void)loop_timer_at(all->loop, &all->timer,
			loop_now(all->loop) + MCP_STREAM_PING_MS, on_timer,
			all);
	return st;
}

struct mcp_stream *mcp_stream_open(struct mcp_streams *all,
	struct mcp_session *s, struct http_exchange *x, uint64_t id)
{
	struct mcp_stream *st = stream_new(all, s, id);
	if (!st)
		return NULL;
	connect_to(st, x);
	prime(st);
	return st;
}

bool mcp_stream_open_duplex(struct mcp_streams *all, struct mcp_session *s,
	struct http_exchange *x, const struct mcp_sink *sink)
{
	struct mcp_stream *st = stream_new(all, s, 0);
	if (!st)
		return false;
	st->duplex = true;
	st->sink = sink;
	s->own = st;
	if (x)
		connect_to(st, x);
	return true;
}

void mcp_stream_send(struct mcp_stream *st, struct str message)
{
	st->last++;
	keep(st, message);
	if (st->x)
		write_event(st, st->last, message);
	else if (st->sink)
		st->sink->send(st->sink->owner, message);
}

void mcp_stream_tell(struct mcp_stream *st, struct str message)
{
	if (!is_behind(st))
		mcp_stream_send(st, message);
}

void mcp_stream_end(struct mcp_stream *st)
{
	st->ended = true;
	st->ended_ms = loop_now(st->all->loop);
	mcp_stream_detach(st);
	if (!st->kept.n)
		release(st);
}

void mcp_stream_resume(
	struct mcp_stream *st, struct http_exchange *x, uint64_t after)
{
	size_t at = 0;
	connect_to(st, x);
	while (st->x && at < st->kept.n) {
		struct kept_event e;
		memcpy(&e, buf_at(&st->kept, at), sizeof(e));
		at += sizeof(e);
		if (e.number > after)
			write_event(st, e.number,
				str_from(buf_at(&st->kept, at), e.n));
		at += e.n;
	}
	if (st->ended)
		mcp_stream_detach(st);
	else
		mcp_stream_ping(st); /* sends the head: clients wait for it */
}

bool mcp_stream_read_id(struct str text, uint64_t *id, uint64_t *number)
{
	size_t dash = str_index(text, '-');
	return dash < text.n && str_to_u64(str_first(text, dash), id) &&
	       str_to_u64(str_from_index(text, dash + 1), number);
}

struct mcp_stream *mcp_stream_find(const struct mcp_session *s, uint64_t id)
{
	struct mcp_stream *st = s->streams;
	while (st && st->id != id)
		st = st->next;
	return st;
}

void mcp_streams_drop(struct mcp_session *s)
{
	while (s->streams) {
		mcp_stream_detach(s->streams);
		release(s->streams);
	}
}
