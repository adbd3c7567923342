/* SPDX-License-Identifier: MIT */
/* net/mcp_call_log.c - one line of log for each request that ended. */
#include "net/mcp_call_log.h"

#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"
#include "net/mcp_trace.h"

enum { SESSION_SHOWN = 8 }; /* digits of its id: the whole is a secret */

void mcp_call_log_begin(struct mcp_request *q, const struct jsonrpc *m)
{
	if (!q->router->log_calls)
		return;
	fmt_str(q->method, sizeof(q->method), "%.*s", STR_FMT(m->method));
	struct str raw =
		json_member(json_member(m->params, "_meta"), "traceparent");
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return;
	raw = str_from(raw.p + 1, raw.n - 2);
	if (mcp_trace_is_parent(raw))
		fmt_str(q->trace, sizeof(q->trace), "%.*s", STR_FMT(raw));
}

void mcp_call_log_end(
	const struct mcp_request *q, enum mcp_outcome outcome, struct str why)
{
	char us[FMT_U64_MAX];
	uint64_t took = 0;
	if (!q->router->log_calls)
		return;
	if (q->call.started_us)
		took = clock_us() - q->call.started_us;
	struct str session = STR("");
	if (!q->session->modern)
		session = str_first(str_of(q->session->id), SESSION_SHOWN);
	const struct log_field fields[] = {
		{"server", str_of(q->upstream->config->name)},
		{"method", str_of(q->method)},
		{"name", mcp_request_name(q)},
		{"outcome", str_of(mcp_outcome_name(outcome))},
		{"us", str_from(us, fmt_u64(us, took))},
		{"request", mcp_request_id(q)},
		{"session", session},
		{"trace", str_of(q->trace)},
		{"why", why},
	};
	/* nothing follows what there is nothing to say of */
	log_event(LOG_INFO, "call", fields,
		why.p ? ARRAY_LEN(fields) : ARRAY_LEN(fields) - 1);
}
