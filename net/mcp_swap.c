/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_swap.c - changing the set of servers while clients stay.
 *
 * A swap is prepared beside what runs and takes effect in one step. Servers
 * whose configuration did not change keep their process and state. Those that
 * leave are let go when their open calls are answered.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "net/mcp_ask.h"
#include "net/mcp_client.h"
#include "net/mcp_instance.h"
#include "net/mcp_level.h"
#include "net/mcp_listen.h"
#include "net/mcp_park.h"
#include "net/mcp_request.h"
#include "net/mcp_subs.h"
#include "net/mcp_wake.h"

struct mcp_swap {
	struct mcp_router *router;
	struct mcp_swap *next; /* the one that waits behind this */
	struct mcp_config config;
	mcp_swap_fn *fn;
	void *owner;
	struct mcp_upstream **set; /* NULL until it is its turn */
	size_t n;
	size_t waiting; /* servers that are not ready yet */
	uint64_t started_us;
	struct loop_timer timer;
};

/* a server that is out of service but still owes answers */
struct mcp_retired {
	struct mcp_router *router;
	struct mcp_retired *next;
	struct mcp_upstream *upstream;
	struct loop_timer timer;
};

/* -------------------------------------------------------------- leaving */

/* nothing of ours refers to it when it goes */
static void let_go(struct mcp_router *r, struct mcp_upstream *u)
{
	mcp_asks_end_server(r, u);
	mcp_upstream_free(u);
}

static void drop_retired(struct mcp_retired *gone)
{
	struct mcp_retired **at = &gone->router->retired;
	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	loop_timer_clear(gone->router->loop, &gone->timer);
	let_go(gone->router, gone->upstream);
	mem_free(gone);
}

static void on_drained(void *owner)
{
	drop_retired(owner);
}

/* the last answer is being given: it goes when that has been */
static void on_idle(void *owner, struct mcp_upstream *u)
{
	struct mcp_router *r = owner;
	struct mcp_retired *gone = r->retired;
	while (gone && gone->upstream != u)
		gone = gone->next;
	if (gone)
		(void)loop_timer_at(r->loop, &gone->timer, loop_now(r->loop),
			on_drained, gone);
}

static void on_gone(void *owner, struct mcp_upstream *u)
{
	mcp_asks_end_server(owner, u);
}

static void on_request(
	void *owner, struct mcp_upstream *u, const struct jsonrpc *m)
{
	mcp_ask(owner, u, m);
}

static void on_notification(
	void *owner, struct mcp_upstream *u, const struct jsonrpc *m)
{
	mcp_ask_told(owner, u, m);
}

void mcp_router_retire(struct mcp_router *r, struct mcp_upstream *u)
{
	/* for the calls that are under way it may still ask and tell */
	const struct mcp_upstream_events events = {.on_gone = on_gone,
		.on_idle = on_idle,
		.on_request = on_request,
		.on_notification = on_notification,
		.owner = r};
	mcp_instances_end(r, u);
	struct mcp_retired *gone = u->ncalls ? mem_new(sizeof(*gone)) : NULL;
	if (!gone) {
		let_go(r, u);
		return;
	}
	mcp_upstream_set_events(u, &events);
	*gone = (struct mcp_retired){
		.router = r, .next = r->retired, .upstream = u};
	r->retired = gone;
}

/* --------------------------------------------------------- while serving */

/* kinds: bits 1 << kind; templates are told with the resources */
static void tell_changed(struct mcp_router *r, unsigned kinds)
{
	if (kinds & 1u << MCP_TEMPLATES)
		kinds |= 1u << MCP_RESOURCES;
	for (unsigned k = 0; k < MCP_TEMPLATES; k++) {
		if (!(kinds & 1u << k))
			continue;
		buf_reset(&r->scratch);
		buf_putf(&r->scratch, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}",
			mcp_words((enum mcp_kind)k)->changed);
		mcp_router_broadcast(r, buf_str(&r->scratch));
		mcp_listen_changed(r, (enum mcp_kind)k);
	}
}

static void on_changed(void *owner, struct mcp_upstream *u, unsigned kinds)
{
	struct mcp_router *r = owner;
	if (mcp_index_build(&r->index, r->set, r->n) < 0) {
		/* the index names places in the lists that u had before */
		mcp_index_forget(&r->index, u);
		log_error("server %s: the lists of all servers are too large "
			  "together, its own are not served",
			u->config->name);
		return;
	}
	tell_changed(r, kinds);
}

/* one that was asleep: all that it has is new */
static void on_woken(void *owner, struct mcp_upstream *u)
{
	struct mcp_router *r = owner;
	on_changed(r, u, (1u << MCP_KINDS) - 1);
	mcp_level_tell(r, u);
	mcp_wake_look(r);
}

static void on_not_woken(void *owner, struct mcp_upstream *u)
{
	(void)u;
	mcp_wake_look(owner);
}

/* a new process knows nothing of what clients had asked of the old one */
static void on_again(void *owner, struct mcp_upstream *u)
{
	mcp_level_tell(owner, u);
	mcp_subs_again(owner, u);
}

/* kinds whose lists differ between two indexes */
static unsigned differing(const struct mcp_index *a, const struct mcp_index *b)
{
	unsigned kinds = 0;
	for (unsigned k = 0; k < MCP_KINDS; k++)
		if (!str_eq(buf_str(&a->table[k].list),
			    buf_str(&b->table[k].list)))
			kinds |= 1u << k;
	return kinds;
}

/* ----------------------------------------------------------- the swap */

static bool is_kept(const struct mcp_router *r, const struct mcp_upstream *u)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->set[i] == u)
			return true;
	return false;
}

/* unlink and release; what it started and did not hand over is ended */
static void swap_free(struct mcp_swap *s)
{
	struct mcp_router *r = s->router;
	struct mcp_swap **at = &r->swap;
	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
	loop_timer_clear(r->loop, &s->timer);
	for (size_t i = 0; i < s->n; i++)
		if (s->set[i] && !is_kept(r, s->set[i]))
			mcp_upstream_free(s->set[i]);
	mem_free(s->set);
	mcp_config_fini(&s->config);
	mem_free(s);
}

static void begin(void *owner);

static void begin_next(struct mcp_router *r)
{
	struct mcp_swap *s = r->swap;
	if (s && !s->set)
		(void)loop_timer_at(
			r->loop, &s->timer, loop_now(r->loop), begin, s);
}

static void finish(struct mcp_swap *s, struct mcp_swap_result *result)
{
	struct mcp_router *r = s->router;
	mcp_swap_fn *fn = s->fn;
	void *fn_owner = s->owner;
	result->us = clock_us() - s->started_us;
	if (result->unchanged)
		result->us = 0;
	fn(fn_owner, result); /* its texts may belong to the swap */
	swap_free(s);
	begin_next(r);
}

static void take_over(struct mcp_swap *s)
{
	struct mcp_router *r = s->router;
	struct mcp_index index;
	struct mcp_swap_result result = {.ok = true};
	const struct mcp_upstream_events events = {.on_ready = on_woken,
		.on_failed = on_not_woken,
		.on_changed = on_changed,
		.on_again = on_again,
		.on_gone = on_gone,
		.on_request = on_request,
		.on_notification = on_notification,
		.owner = r};
	mcp_index_init(&index);
	index.naming = &s->config.naming;
	if (mcp_index_build(&index, s->set, s->n) < 0) {
		result = (struct mcp_swap_result){.failed_server = "",
			.why = "the lists of all servers are too large "
			       "together (over 256 MiB)"};
		finish(s, &result);
		return;
	}
	struct mcp_upstream **old = r->set;
	size_t old_n = r->n;
	r->set = s->set;
	r->n = s->n;
	s->set = NULL;
	s->n = 0;
	r->configured = true;
	/* the tools of a new server may do other things by the same names */
	unsigned kinds = differing(&r->index, &index) | 1u << MCP_TOOLS;
	mcp_index_fini(&r->index);
	r->index = index;
	mcp_naming_fini(&r->naming);
	r->naming = s->config.naming;
	s->config.naming = (struct mcp_naming){0};
	r->index.naming = &r->naming;
	for (size_t i = 0; i < r->n; i++) {
		mcp_upstream_set_events(r->set[i], &events);
		mcp_level_tell(r, r->set[i]);
	}
	mcp_subs_reroute(r);
	for (size_t i = 0; i < old_n; i++)
		if (!is_kept(r, old[i]))
			mcp_router_retire(r, old[i]);
	mem_free(old);
	log_info("%zu servers, %zu tools", r->n, r->index.table[MCP_TOOLS].n);
	tell_changed(r, kinds);
	finish(s, &result);
}

static void on_ready(void *owner, struct mcp_upstream *u)
{
	struct mcp_swap *s = owner;
	(void)u;
	if (--s->waiting == 0)
		take_over(s);
}

static void on_failed(void *owner, struct mcp_upstream *u)
{
	struct mcp_swap *s = owner;
	struct mcp_swap_result result = {.failed_server = u->config->name,
		.why = u->why,
		.attempts = u->attempts};
	finish(s, &result);
}

/* the server in service with this very configuration, or NULL */
static struct mcp_upstream *twin_of(
	const struct mcp_router *r, const struct mcp_server_config *config)
{
	for (size_t i = 0; i < r->n; i++)
		if (mcp_server_config_equal(r->set[i]->config, config))
			return r->set[i];
	return NULL;
}

/* names differ within a set, so equal sizes and a twin for each will do */
static bool is_unchanged(const struct mcp_router *r, const struct mcp_swap *s)
{
	if (!r->configured || r->n != s->config.n ||
		!mcp_naming_equal(&r->naming, &s->config.naming))
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!twin_of(r, s->config.servers[i]))
			return false;
	return true;
}

/* false: no memory */
static bool add_server(struct mcp_swap *s, size_t i)
{
	const struct mcp_upstream_events events = {
		.on_ready = on_ready, .on_failed = on_failed, .owner = s};
	struct mcp_upstream *u = twin_of(s->router, s->config.servers[i]);
	if (!u || (u->state != MCP_READY && !u->config->lazy)) {
		u = mcp_upstream_new(
			&s->router->conns, s->config.servers[i], &events);
		if (!u)
			return false;
		s->config.servers[i] = NULL;
		s->waiting += u->state != MCP_ASLEEP;
	}
	s->set[s->n++] = u;
	return true;
}

static void begin(void *owner)
{
	struct mcp_swap *s = owner;
	struct mcp_swap_result result = {0};
	if (is_unchanged(s->router, s)) {
		result.ok = true;
		result.unchanged = true;
		finish(s, &result);
		return;
	}
	s->set = mem_new_array(s->config.n, sizeof(*s->set));
	bool enough = s->set != NULL;
	for (size_t i = 0; enough && i < s->config.n; i++)
		enough = add_server(s, i);
	if (!enough) {
		result.failed_server = "";
		result.why = "out of memory";
		finish(s, &result);
	} else if (s->waiting == 0) {
		take_over(s);
	}
}

struct mcp_swap *mcp_router_swap(struct mcp_router *r,
	struct mcp_config *config, mcp_swap_fn *fn, void *owner)
{
	struct mcp_swap *s = mem_new(sizeof(*s));
	if (!s) {
		mcp_config_fini(config);
		return NULL;
	}
	*s = (struct mcp_swap){.router = r,
		.config = *config,
		.fn = fn,
		.owner = owner,
		.started_us = clock_us()};
	*config = (struct mcp_config){0};
	struct mcp_swap **at = &r->swap;
	while (*at)
		at = &(*at)->next;
	*at = s;
	if (r->swap == s)
		begin_next(r);
	return s;
}

void mcp_router_cancel(struct mcp_router *r, struct mcp_swap *swap)
{
	swap_free(swap);
	begin_next(r);
}

/* ----------------------------------------------------------- the router */

static void on_session_end(void *owner, struct mcp_session *s)
{
	struct mcp_router *r = owner;
	mcp_asks_end_session(r, s);
	mcp_subs_drop(r, s);
	mcp_level_drop(r, s);
	mcp_streams_drop(s);
	mcp_instances_end_session(r, s);
	s->own = NULL;
}

/* a client has left, and can come back neither for its answer nor its session */
static void on_lost(void *owner, struct mcp_stream *st)
{
	if (st->duplex)
		mcp_client_lost(owner, st->session);
	else if (st->session->listen)
		mcp_listen_drop(st->session->listen);
	else
		mcp_session_cancel_all(st->session);
}

void mcp_router_init(struct mcp_router *r, struct loop *loop)
{
	enum { SCRATCH_MAX = MCP_LINE_MAX + 65536 };
	*r = (struct mcp_router){.loop = loop,
		.level = -1,
		.idle_ms = (uint64_t)MCP_SESSION_IDLE_S * 1000};
	mcp_conns_init(&r->conns, loop);
	r->sessions.on_end = on_session_end;
	r->sessions.owner = r;
	mcp_streams_init(&r->streams, loop);
	r->streams.on_lost = on_lost;
	r->streams.owner = r;
	mcp_index_init(&r->index);
	phase_watch_init(&r->phase, loop);
	buf_init(&r->scratch, SCRATCH_MAX);
}

void mcp_router_fini(struct mcp_router *r)
{
	while (r->sessions.newest)
		mcp_session_end(&r->sessions, r->sessions.newest);
	loop_timer_clear(r->loop, &r->expiry);
	mcp_conns_fini(&r->conns);
	phase_watch_fini(&r->phase, r->loop);
	mcp_post_free_list(r);
	mcp_request_free_list(r);
	buf_fini(&r->scratch);
}

void mcp_router_stop(struct mcp_router *r)
{
	const struct mcp_swap_result stopping = {
		.failed_server = "", .why = "the gateway is stopping"};
	while (r->swap) {
		struct mcp_swap *s = r->swap;
		s->fn(s->owner, &stopping);
		swap_free(s);
	}
	mcp_listen_end_all(r);
	mcp_park_end_all(r);
	mcp_router_end_streams(r);
	mcp_instances_end(r, NULL);
	while (r->retired)
		drop_retired(r->retired);
	for (size_t i = 0; i < r->n; i++)
		let_go(r, r->set[i]);
	mem_free(r->set);
	r->set = NULL;
	r->n = 0;
	mcp_wake_stop(r);
	mcp_index_fini(&r->index);
	mcp_naming_fini(&r->naming);
	mcp_subs_reroute(r);
	mcp_conns_stop(&r->conns);
}

bool mcp_router_idle(const struct mcp_router *r)
{
	return r->conns.alive == 0;
}
