/* SPDX-License-Identifier: MIT */
/* net/mcp_level.c - log levels of clients and servers. */
#include "net/mcp_level.h"

static const char *const names[MCP_LEVELS] = {"debug", "info", "notice",
	"warning", "error", "critical", "alert", "emergency"};

int mcp_level_read(struct str raw)
{
	for (int i = 0; i < MCP_LEVELS; i++)
		if (json_str_is(raw, str_of(names[i])))
			return i;
	return -1;
}

const char *mcp_level_wanted(const struct mcp_session *s)
{
	return names[s->level >= 0 && s->level < MCP_LEVELS ? s->level : 1];
}

void mcp_level_tell(const struct mcp_router *r, struct mcp_upstream *u)
{
	struct buf params;
	if (r->level < 0 || !(u->can & MCP_CAN_LOG))
		return;
	buf_init(&params, 64);
	buf_putf(&params, "{\"level\":\"%s\"}", names[r->level]);
	mcp_upstream_tell(u, "logging/setLevel", buf_str(&params));
	buf_fini(&params);
}

/* servers keep the last level when nobody has a wish any more */
static void apply(struct mcp_router *r)
{
	int level = 0;
	while (level < MCP_LEVELS && !r->levels[level])
		level++;
	if (level == MCP_LEVELS || level == r->level)
		return;
	r->level = level;
	for (size_t i = 0; i < r->n; i++)
		mcp_level_tell(r, r->set[i]);
}

bool mcp_level_set(struct mcp_router *r, struct mcp_session *s, struct str raw)
{
	int level = mcp_level_read(raw);
	if (level < 0)
		return false;
	if (s->level >= 0 && s->level < MCP_LEVELS)
		r->levels[s->level]--;
	s->level = (signed char)level;
	r->levels[level]++;
	apply(r);
	return true;
}

void mcp_level_drop(struct mcp_router *r, struct mcp_session *s)
{
	if (s->level < 0 || s->level >= MCP_LEVELS)
		return;
	r->levels[s->level]--;
	s->level = -1;
	apply(r);
}
