/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_wake.c - servers that are started by the first request that needs
 * them.
 *
 * input: untrusted
 */
#include "net/mcp_wake.h"

#include "lib/mem.h"
#include "net/mcp_request.h"

struct mcp_waiting {
	struct mcp_waiting *next;
	struct mcp_post *post;
	struct buf text;
};

/* until when it may be waited for; 0: it is not to be waited for */
static uint64_t waits_until(
	const struct mcp_router *r, const struct mcp_upstream *u)
{
	uint64_t until = u->woken_ms + MCP_WAKE_MS;
	if (!u->config->lazy || u->was_ready || u->state != MCP_STARTING ||
		until <= loop_now(r->loop))
		return 0;
	return until;
}

/* the latest time that anybody is to be waited for; 0: nobody */
static uint64_t longest(const struct mcp_router *r)
{
	uint64_t until = 0;
	for (size_t i = 0; i < r->n; i++)
		if (waits_until(r, r->set[i]) > until)
			until = waits_until(r, r->set[i]);
	return until;
}

static void go_on(struct mcp_waiting *w)
{
	struct mcp_post *p = w->post;
	struct jsonrpc m;
	const char *why;
	if (!p->session->ended &&
		jsonrpc_read_checked(&m, buf_str(&w->text), &why) == 0)
		mcp_route(p, &m);
	mcp_post_closed(p);
	buf_fini(&w->text);
	mem_free(w);
}

static void on_time(void *owner)
{
	mcp_wake_look(owner);
}

void mcp_wake_look(struct mcp_router *r)
{
	uint64_t until = longest(r);
	if (until && r->waiting) {
		(void)loop_timer_at(r->loop, &r->wake, until, on_time, r);
		return;
	}
	loop_timer_clear(r->loop, &r->wake);
	struct mcp_waiting *w = r->waiting;
	r->waiting = NULL;
	r->woken = true;
	while (w) {
		struct mcp_waiting *next = w->next;
		go_on(w);
		w = next;
	}
	r->woken = false;
}

bool mcp_wake(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_router *r = p->router;
	if (r->woken)
		return false; /* it has waited already */
	for (size_t i = 0; i < r->n; i++)
		mcp_upstream_wake(r->set[i]);
	uint64_t until = longest(r);
	struct mcp_waiting *w = until ? mem_new(sizeof(*w)) : NULL;
	if (!w)
		return false;
	buf_init(&w->text, MCP_LINE_MAX);
	buf_put_str(&w->text, m->text);
	if (w->text.err) {
		mem_free(w);
		return false;
	}
	w->post = p;
	mcp_post_opened(p);
	struct mcp_waiting **at = &r->waiting;
	while (*at)
		at = &(*at)->next;
	*at = w;
	(void)loop_timer_at(r->loop, &r->wake, until, on_time, r);
	return true;
}

void mcp_wake_stop(struct mcp_router *r)
{
	/* no server is left: each is answered by what there is, nothing */
	mcp_wake_look(r);
}
