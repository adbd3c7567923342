/* SPDX-License-Identifier: MIT */
/* net/mcp_instance.c - servers that are not shared. */
#include "net/mcp_instance.h"

#include "lib/mem.h"
#include "net/mcp_ask.h"
#include "net/mcp_level.h"
#include "net/mcp_subs.h"

static void end(struct mcp_instance *t)
{
	struct mcp_router *r = t->router;
	struct mcp_instance **at = &r->instances;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	loop_timer_clear(r->loop, &t->timer);
	t->upstream->instance = NULL;
	t->upstream->original = NULL;
	mcp_subs_forget(r, t->upstream);
	mcp_router_retire(r, t->upstream);
	mem_free(t);
}

static void on_end(void *owner)
{
	end(owner);
}

/* not now: the upstream that reports may be the one that goes */
static void end_soon(struct mcp_instance *t)
{
	(void)loop_timer_at(t->router->loop, &t->timer,
		loop_now(t->router->loop), on_end, t);
}

/* ---------------------------------------------------------------- events */

static void on_ready(void *owner, struct mcp_upstream *u)
{
	struct mcp_instance *t = owner;
	mcp_level_tell(t->router, u);
}

static void on_failed(void *owner, struct mcp_upstream *u)
{
	(void)u;
	end_soon(owner);
}

static void on_again(void *owner, struct mcp_upstream *u)
{
	struct mcp_instance *t = owner;
	mcp_level_tell(t->router, u);
	mcp_subs_again(t->router, u);
}

static void on_gone(void *owner, struct mcp_upstream *u)
{
	struct mcp_instance *t = owner;
	mcp_asks_end_server(t->router, u);
}

static void on_idle(void *owner, struct mcp_upstream *u)
{
	struct mcp_instance *t = owner;
	(void)u;
	if (!t->session)
		end_soon(t);
}

static void on_request(
	void *owner, struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct mcp_instance *t = owner;
	mcp_ask(t->router, u, m);
}

static void on_notification(
	void *owner, struct mcp_upstream *u, const struct jsonrpc *m)
{
	struct mcp_instance *t = owner;
	mcp_ask_told(t->router, u, m);
}

/* ---------------------------------------------------------------- making */

size_t mcp_instances_of(
	const struct mcp_router *r, const struct mcp_upstream *original)
{
	size_t n = 0;
	for (const struct mcp_instance *t = r->instances; t; t = t->next)
		n += t->original == original;
	return n;
}

/* the one unused longest: instances that are used move to the front */
static bool evict(struct mcp_router *r, const struct mcp_upstream *original)
{
	struct mcp_instance *last = NULL;
	for (struct mcp_instance *t = r->instances; t; t = t->next)
		if (t->original == original && t->upstream->ncalls == 0)
			last = t;
	if (last)
		end(last);
	return last;
}

static struct mcp_instance *make(struct mcp_router *r, struct mcp_session *s,
	struct mcp_upstream *original)
{
	struct mcp_instance *t = mem_new(sizeof(*t));
	if (!t)
		return NULL;
	const struct mcp_upstream_events events = {.on_ready = on_ready,
		.on_failed = on_failed,
		.on_again = on_again,
		.on_gone = on_gone,
		.on_idle = on_idle,
		.on_request = on_request,
		.on_notification = on_notification,
		.owner = t};
	t->upstream = mcp_upstream_new(
		&r->conns, mcp_server_config_ref(original->config), &events);
	if (!t->upstream) {
		mcp_server_config_free(original->config);
		mem_free(t);
		return NULL;
	}
	t->router = r;
	t->original = original;
	t->session = s;
	/* requests are put in the server's era before it has been greeted */
	t->upstream->era = original->era;
	t->upstream->can = original->can;
	t->upstream->instance = t;
	t->upstream->original = original;
	t->next = r->instances;
	r->instances = t;
	return t;
}

static struct mcp_instance *find(struct mcp_router *r,
	const struct mcp_session *s, const struct mcp_upstream *original)
{
	struct mcp_instance **at = &r->instances;
	while (*at && !((*at)->session == s && (*at)->original == original))
		at = &(*at)->next;
	struct mcp_instance *t = *at;
	if (t) {
		*at = t->next;
		t->next = r->instances;
		r->instances = t;
	}
	return t;
}

struct mcp_upstream *mcp_instance_for(struct mcp_router *r,
	struct mcp_session *s, struct mcp_upstream *original, const char **why)
{
	enum mcp_lifetime lifetime = original->config->lifetime;
	if (lifetime == MCP_SHARED || original->original ||
		(lifetime == MCP_PER_SESSION && s->modern))
		return original;
	struct mcp_instance *t =
		lifetime == MCP_PER_SESSION ? find(r, s, original) : NULL;
	/* one that failed to start is on its way out: a new try */
	if (t && t->upstream->state != MCP_FAILED)
		return t->upstream;
	if (mcp_instances_of(r, original) >= MCP_INSTANCES_MAX &&
		!evict(r, original)) {
		*why = "64 processes of this server are busy already";
		return NULL;
	}
	t = make(r, lifetime == MCP_PER_SESSION ? s : NULL, original);
	*why = "out of memory";
	return t ? t->upstream : NULL;
}

bool mcp_instance_serves(
	const struct mcp_upstream *u, const struct mcp_session *s)
{
	return mcp_session_finds(s, u) &&
	       (!u->instance || u->instance->session == s);
}

/* ---------------------------------------------------------------- ending */

void mcp_instances_end_session(struct mcp_router *r, struct mcp_session *s)
{
	for (struct mcp_instance *t = r->instances; t; t = t->next) {
		if (t->session != s)
			continue;
		t->session = NULL;
		end_soon(t);
	}
}

void mcp_instances_end(struct mcp_router *r, struct mcp_upstream *original)
{
	struct mcp_instance *t = r->instances;
	while (t) {
		struct mcp_instance *next = t->next;
		if (!original || t->original == original)
			end(t);
		t = next;
	}
}
