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

void mcp_stats_add(struct mcp_stats *s, uint64_t us, bool failed)
{
	s->calls++;
	s->errors += failed;
	s->bucket[bucket_of(us)]++;
	if (us > s->max_us)
		s->max_us = us;
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
