/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_stats.h - how many calls, how many failed, how long they took.
 *
 * Times are kept in buckets that grow by a quarter of a power of two, so a
 * quantile is right within 25 percent, in constant memory.
 */
#ifndef NET_MCP_STATS_H
#define NET_MCP_STATS_H

#include <stdbool.h>
#include <stdint.h>

enum { MCP_STATS_BUCKETS = 160 };

struct mcp_stats {
	uint64_t calls; /* that have ended */
	uint64_t errors;
	uint64_t max_us;
	uint32_t bucket[MCP_STATS_BUCKETS];
};

void mcp_stats_add(struct mcp_stats *s, uint64_t us, bool failed);

/* the time that so many of a thousand calls did not exceed; 0: no calls */
uint64_t mcp_stats_quantile(const struct mcp_stats *s, unsigned permille);

#endif
