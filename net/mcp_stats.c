/* SPDX-License-Identifier: MIT */
/* net/mcp_stats.c - how many calls, how many failed, how long they took. */
#include "net/mcp_stats.h"

/* 0..3 have buckets of their own, then four to each power of two */
static unsigned bucket_of(uint64_t us)
{
	if (us < 4)
		return (unsigned)us;
	unsigned power = 63 - (unsigned)__builtin_clzll(us);
	unsigned at = 4 * (power - 1) + (unsigned)(us >> (power - 2) & 3);
	return at < MCP_STATS_BUCKETS ? at : MCP_STATS_BUCKETS - 1;
}

/* the largest time in a bucket */
static uint64_t top_of(unsigned at)
{
	if (at < 4)
		return at;
	unsigned power = at / 4 + 1;
	return ((uint64_t)(at % 4 + 5) << (power - 2)) - 1;
}

void mcp_stats_add(struct mcp_stats *s, uint64_t us, enum mcp_outcome outcome)
{
	s->outcome[outcome]++;
	s->total_us += us;
	s->bucket[bucket_of(us)]++;
	if (us > s->max_us)
		s->max_us = us;
}

const char *mcp_outcome_name(enum mcp_outcome outcome)
{
	static const char *const names[MCP_OUTCOMES] = {
		"ok", "error", "failed", "timeout", "cancelled"};
	return names[outcome];
}

uint64_t mcp_stats_calls(const struct mcp_stats *s)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < MCP_OUTCOMES; i++)
		n += s->outcome[i];
	return n;
}

uint64_t mcp_stats_errors(const struct mcp_stats *s)
{
	return mcp_stats_calls(s) - s->outcome[MCP_CALL_OK] -
	       s->outcome[MCP_CALL_CANCELLED];
}

uint64_t mcp_stats_below(const struct mcp_stats *s, unsigned power)
{
	uint64_t n = 0;
	unsigned end = bucket_of(UINT64_C(1) << power);
	for (unsigned i = 0; i < end; i++)
		n += s->bucket[i];
	return n;
}

uint64_t mcp_stats_quantile(const struct mcp_stats *s, unsigned permille)
{
	uint64_t total = 0, seen = 0;
	for (unsigned i = 0; i < MCP_STATS_BUCKETS; i++)
		total += s->bucket[i];
	uint64_t want = (total * permille + 999) / 1000;
	for (unsigned i = 0; want && i < MCP_STATS_BUCKETS; i++) {
		seen += s->bucket[i];
		if (seen >= want)
			return top_of(i) < s->max_us ? top_of(i) : s->max_us;
	}
	return 0;
}
