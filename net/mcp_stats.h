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

/* how a call ended */
enum mcp_outcome {
	MCP_CALL_OK,     /* a result, whatever it says */
	MCP_CALL_ERROR,  /* the server answered by an error */
	MCP_CALL_FAILED, /* there was no answer: the server ended, or was down */
	MCP_CALL_TIMEOUT,
	MCP_CALL_CANCELLED, /* the client lost interest */
};
enum { MCP_OUTCOMES = 5 };

struct mcp_stats {
	uint64_t outcome[MCP_OUTCOMES]; /* calls that have ended so */
	uint64_t bytes_in;              /* of answers */
	uint64_t bytes_out;             /* of requests */
	uint64_t total_us;
	uint64_t max_us;
	uint32_t bucket[MCP_STATS_BUCKETS];
};

void mcp_stats_add(struct mcp_stats *s, uint64_t us, enum mcp_outcome outcome);

/* "ok", "error", "failed", "timeout", "cancelled" */
const char *mcp_outcome_name(enum mcp_outcome outcome);

/* calls that have ended, and those of them that brought no result */
uint64_t mcp_stats_calls(const struct mcp_stats *s);
uint64_t mcp_stats_errors(const struct mcp_stats *s);

/* calls that took less than 2^power microseconds; power: 2 to 40 */
uint64_t mcp_stats_below(const struct mcp_stats *s, unsigned power);

/* the time that so many of a thousand calls did not exceed; 0: no calls */
uint64_t mcp_stats_quantile(const struct mcp_stats *s, unsigned permille);

#endif
