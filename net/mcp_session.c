/* SPDX-License-Identifier: MIT */
/* net/mcp_session.c - the sessions of clients. */
#include "net/mcp_session.h"

#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/rand.h"

static struct mcp_session **bucket_of(struct mcp_sessions *all, struct str id)
{
	return &all->bucket[str_hash(id) % MCP_SESSION_BUCKETS];
}

static void list_remove(struct mcp_sessions *all, struct mcp_session *s)
{
	if (s->newer)
		s->newer->older = s->older;
	else
		all->newest = s->older;
	if (s->older)
		s->older->newer = s->newer;
	else
		all->oldest = s->newer;
	s->newer = NULL;
	s->older = NULL;
}

static void list_put_newest(struct mcp_sessions *all, struct mcp_session *s)
{
	s->older = all->newest;
	s->newer = NULL;
	if (all->newest)
		all->newest->newer = s;
	else
		all->oldest = s;
	all->newest = s;
}

bool mcp_session_primes(const struct mcp_session *s)
{
	return !s->modern && strcmp(s->version, "2025-11-25") >= 0;
}

bool mcp_session_idle(const struct mcp_session *s)
{
	return s->posts == 0 && !mcp_stream_connected(s->own);
}

void mcp_sessions_expire(struct mcp_sessions *all, uint64_t since_ms)
{
	struct mcp_session *s = all->oldest;
	while (s) {
		struct mcp_session *newer = s->newer;
		if (mcp_session_idle(s) && s->used_ms < since_ms) {
			log_debug("session %.8s...: dropped, long idle", s->id);
			mcp_session_end(all, s);
		}
		s = newer;
	}
}

static void evict_one(struct mcp_sessions *all)
{
	struct mcp_session *s = all->oldest;
	while (s && !mcp_session_idle(s))
		s = s->newer;
	if (!s)
		return;
	log_debug("session %.8s...: dropped, over %d sessions", s->id,
		MCP_SESSIONS_MAX);
	mcp_session_end(all, s);
}

struct mcp_session *mcp_session_new(
	struct mcp_sessions *all, struct str version)
{
	if (all->n >= MCP_SESSIONS_MAX)
		evict_one(all);
	if (all->n >= MCP_SESSIONS_MAX)
		return NULL;
	struct mcp_session *s = mem_new(sizeof(*s));
	if (!s)
		return NULL;
	if (rand_hex(s->id, MCP_SESSION_ID_BYTES) < 0) {
		mem_free(s);
		return NULL;
	}
	s->all = all;
	s->level = -1;
	fmt_str(s->version, sizeof(s->version), "%.*s", STR_FMT(version));
	struct mcp_session **head = bucket_of(all, str_of(s->id));
	s->next = *head;
	*head = s;
	list_put_newest(all, s);
	all->n++;
	return s;
}

struct mcp_session *mcp_session_brief(struct mcp_sessions *all)
{
	struct mcp_session *s = mem_new(sizeof(*s));
	if (!s)
		return NULL;
	s->all = all;
	s->modern = true;
	s->ended = true;
	s->level = MCP_LEVEL_NONE;
	return s;
}

void mcp_session_discard(struct mcp_session *brief)
{
	mem_free(brief);
}

struct mcp_session *mcp_session_find(struct mcp_sessions *all, struct str id)
{
	struct mcp_session *s = *bucket_of(all, id);
	while (s && !str_is(id, s->id))
		s = s->next;
	if (s && s != all->newest) {
		list_remove(all, s);
		list_put_newest(all, s);
	}
	return s;
}

void mcp_session_end(struct mcp_sessions *all, struct mcp_session *s)
{
	if (all->on_end)
		all->on_end(all->owner, s);
	struct mcp_session **at = bucket_of(all, str_of(s->id));
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	list_remove(all, s);
	all->n--;
	s->ended = true;
	if (s->posts == 0)
		mem_free(s);
}

void mcp_session_unref(struct mcp_session *s)
{
	if (--s->posts > 0 || !s->ended)
		return;
	if (s->modern && s->all->on_end)
		s->all->on_end(s->all->owner, s);
	mem_free(s);
}
