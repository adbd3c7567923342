/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_trace.c - trace context, from HTTP fields into messages.
 *
 * input: untrusted
 */
#include "net/mcp_trace.h"

enum { PARENT_LEN = 55, STATE_MAX = 512 };

/* n lower-case hexadecimal digits, not all zero unless that is allowed */
static bool is_hex(struct str text, size_t from, size_t n, bool zero_ok)
{
	bool zero = true;
	for (size_t i = from; i < from + n; i++) {
		char c = text.p[i];
		if (str_hex_digit(c) < 0 || (c >= 'A' && c <= 'F'))
			return false;
		zero = zero && c == '0';
	}
	return zero_ok || !zero;
}

bool mcp_trace_is_parent(struct str value)
{
	return value.n == PARENT_LEN && str_starts(value, STR("00-")) &&
	       value.p[35] == '-' && value.p[52] == '-' &&
	       is_hex(value, 3, 32, false) && is_hex(value, 36, 16, false) &&
	       is_hex(value, 53, 2, true);
}

static bool is_empty(struct str object)
{
	struct json_cursor c;
	struct str key, value;
	return !json_open(&c, object) || !json_next(&c, &key, &value);
}

/* the members to insert at the start of an object */
static void put_members(
	struct buf *out, struct str parent, struct str state, bool more)
{
	struct json_writer w = {.out = out};
	json_w_key(&w, "traceparent");
	json_w_str(&w, parent);
	if (state.n && state.n <= STATE_MAX) {
		json_w_key(&w, "tracestate");
		json_w_str(&w, state);
	}
	if (more)
		buf_putc(out, ',');
}

bool mcp_trace_put(
	struct buf *out, struct str text, const struct http_head *head)
{
	struct str parent = http_field(head, "traceparent");
	struct str state = http_field(head, "tracestate");
	struct jsonrpc m;
	struct buf insert;
	const char *why;
	if (!parent.p || !mcp_trace_is_parent(parent) ||
		jsonrpc_read_checked(&m, text, &why) != 0 ||
		m.kind != JSONRPC_REQUEST || !m.params.p ||
		json_type_of(m.params) != JSON_OBJECT)
		return false;
	struct str meta = json_member(m.params, "_meta");
	if (meta.p && (json_type_of(meta) != JSON_OBJECT ||
			      json_member(meta, "traceparent").p))
		return false;
	struct str into = meta.p ? meta : m.params;
	struct jsonrpc_edit edit = {.at = str_from(into.p + 1, 0)};
	buf_init(&insert, 8 * STATE_MAX);
	if (!meta.p)
		buf_puts(&insert, "\"_meta\":{");
	put_members(&insert, parent, state, meta.p && !is_empty(meta));
	if (!meta.p)
		buf_puts(&insert, is_empty(m.params) ? "}" : "},");
	edit.with = buf_str(&insert);
	if (!insert.err)
		jsonrpc_put_edited(out, text, &edit, 1);
	buf_fini(&insert);
	return out->n != 0 && !out->err;
}
