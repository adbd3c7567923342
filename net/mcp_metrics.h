/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_metrics.h - numbers for Prometheus (text format 0.0.4).
 *
 * Nothing is computed while calls are served: what is shown is what the
 * servers' statistics hold when somebody asks.
 */
#ifndef NET_MCP_METRICS_H
#define NET_MCP_METRICS_H

#include "net/mcp_router.h"

/* append "# HELP ..." and "# TYPE ..." of a metric */
void metric_head(
	struct buf *out, const char *name, const char *type, const char *help);

/* append one sample without labels */
void metric_put(struct buf *out, const char *name, uint64_t value);

/* seconds from microseconds, as they are written: "0.000123" */
void metric_put_seconds(struct buf *out, uint64_t us);

/* append all that the router knows */
void mcp_router_metrics(const struct mcp_router *r, struct buf *out);

#endif
