/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/mcp_trace_fuzz.c - trace context put into any message.
 *
 * The first line is traceparent, the second tracestate, the rest the message.
 * What comes out is the same request with both in params._meta, once.
 */
#include "net/mcp_trace.h"

#include <stdint.h>
#include <stdlib.h>

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool is_text(struct str raw, struct str text)
{
	return raw.p && json_type_of(raw) == JSON_STRING &&
	       json_str_is(raw, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct http_head head;
	struct str rest = str_from((const char *)data, n);
	struct jsonrpc before, after;
	struct buf out;
	const char *why;
	struct str parent = str_cut(&rest, '\n');
	struct str state = rest.p ? str_cut(&rest, '\n') : rest;
	head.nfields = 2;
	head.fields[0] = (struct http_field){STR("traceparent"), parent};
	head.fields[1] = (struct http_field){STR("tracestate"), state};
	if (!rest.p || json_check(rest, NULL) != 0)
		return 0;
	buf_init(&out, SIZE_MAX);
	bool put = mcp_trace_put(&out, rest, &head);
	MUST(put == (out.n != 0));
	if (put) {
		MUST(mcp_trace_is_parent(parent));
		MUST(jsonrpc_read(&before, rest, &why) == 0);
		MUST(jsonrpc_read(&after, buf_str(&out), &why) == 0);
		MUST(after.kind == JSONRPC_REQUEST);
		MUST(str_eq(before.id, after.id));
		MUST(str_eq(before.method, after.method));
		struct str meta = json_member(after.params, "_meta");
		MUST(is_text(json_member(meta, "traceparent"), parent));
		/* a second time there is nothing to add */
		struct buf again;
		buf_init(&again, SIZE_MAX);
		MUST(!mcp_trace_put(&again, buf_str(&out), &head));
		buf_fini(&again);
	}
	buf_fini(&out);
	return 0;
}
