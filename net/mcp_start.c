/* SPDX-License-Identifier: MIT */
/* net/mcp_start.c - how many servers start at the same time. */
#include "net/mcp_start.h"

#include "net/mcp_call.h"

static void on_too_long(void *owner)
{
	mcp_start_over(owner);
}

static void take(struct mcp_upstream *u)
{
	u->conns->starting++;
	u->turn = MCP_TURN_HAS;
	(void)loop_timer_at(mcp_upstream_loop(u), &u->turn_timer,
		loop_now(mcp_upstream_loop(u)) + MCP_START_TURN_MS, on_too_long,
		u);
}

bool mcp_start_turn(struct mcp_upstream *u, void (*fn)(void *u))
{
	if (u->turn == MCP_TURN_HAS)
		return true;
	if (u->conns->starting < MCP_STARTS_MAX) {
		take(u);
		return true;
	}
	struct mcp_upstream **at = &u->conns->waiting;
	while (*at)
		at = &(*at)->next_turn;
	*at = u;
	u->next_turn = NULL;
	u->turn = MCP_TURN_WAITS;
	u->on_turn = fn;
	return false;
}

void mcp_start_over(struct mcp_upstream *u)
{
	struct mcp_conns *all = u->conns;
	loop_timer_clear(mcp_upstream_loop(u), &u->turn_timer);
	if (u->turn == MCP_TURN_HAS)
		all->starting--;
	if (u->turn == MCP_TURN_WAITS) {
		struct mcp_upstream **at = &all->waiting;
		while (*at != u)
			at = &(*at)->next_turn;
		*at = u->next_turn;
	}
	u->turn = MCP_TURN_NONE;
	struct mcp_upstream *next = all->waiting;
	if (!next || all->starting >= MCP_STARTS_MAX)
		return;
	all->waiting = next->next_turn;
	take(next);
	/* in a turn of the loop of its own: this may be anybody's callback */
	(void)loop_timer_at(mcp_upstream_loop(next), &next->timer,
		loop_now(mcp_upstream_loop(next)), next->on_turn, next);
}
