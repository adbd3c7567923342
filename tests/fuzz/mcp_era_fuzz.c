/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/mcp_era_fuzz.c - messages from one era to the other, and what
 * stands in headers and tickets.
 *
 * Input: a message, then (behind the first line end) a header's value. What
 * comes out must still be JSON, in one line, and be of the other era. Ids of
 * tasks that were changed can be changed back.
 */
#include <stdlib.h>

#include "net/mcp_era.h"
#include "net/mcp_headers.h"
#include "net/mcp_tasks.h"
#include "net/mcp_ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_edited(struct str text, const struct mcp_edits *edits)
{
	struct buf out;
	buf_init(&out, 1 << 22);
	jsonrpc_put_edited(&out, text, edits->e, edits->n);
	if (!out.err && json_check(buf_str(&out), NULL) != JSON_OK)
		abort();
	buf_fini(&out);
}

static void check_request(const struct jsonrpc *m)
{
	struct mcp_edits edits = {.n = 0};
	struct buf room, out;
	struct jsonrpc again;
	const char *why;
	mcp_era_request_to_legacy(&edits, m);
	buf_init(&out, 1 << 22);
	jsonrpc_put_edited(&out, m->text, edits.e, edits.n);
	if (jsonrpc_read(&again, buf_str(&out), &why) != 0)
		abort();
	buf_fini(&out);
	edits.n = 0;
	buf_init(&room, 1 << 16);
	mcp_era_request_to_modern(&edits, m, STR("\"v\":1"), &room);
	check_edited(m->text, &edits);
	buf_fini(&room);
}

static void check_tasks(const struct jsonrpc *m)
{
	struct mcp_edits edits = {.n = 0};
	struct buf ids, back, out;
	struct jsonrpc again;
	const char *why;
	buf_init(&ids, MCP_TASK_IDS_MAX);
	buf_init(&back, MCP_TASK_IDS_MAX);
	buf_init(&out, 1 << 22);
	size_t n = mcp_tasks_edit(&edits, m->result, "s", false, &ids);
	jsonrpc_put_edited(&out, m->text, edits.e, edits.n);
	if (!out.err && jsonrpc_read(&again, buf_str(&out), &why) != 0)
		abort();
	edits.n = 0;
	/* one that has become too long is not */
	if (!out.err &&
		mcp_tasks_edit(&edits, again.result, "s", true, &back) > n)
		abort();
	buf_fini(&ids);
	buf_fini(&back);
	buf_fini(&out);
}

static void check_answer(const struct jsonrpc *m)
{
	struct mcp_edits edits = {.n = 0};
	struct buf room;
	buf_init(&room, 1 << 16);
	if (m->result.p) {
		mcp_era_result_to_modern(&edits, m->result, true, &room);
		check_edited(m->text, &edits);
		edits.n = 0;
		mcp_era_result_to_legacy(&edits, m->result);
		check_edited(m->text, &edits);
		check_tasks(m);
	} else if (m->error.p) {
		(void)mcp_era_error_to_modern(&edits, m->error);
		check_edited(m->text, &edits);
	}
	buf_fini(&room);
}

/* a value that was decoded can be written, and read, again */
static void check_header(struct str value)
{
	static const unsigned char key[MCP_TICKET_KEY];
	struct mcp_ticket ticket;
	struct buf plain, text, again;
	buf_init(&plain, 1 << 20);
	buf_init(&text, 1 << 21);
	buf_init(&again, 1 << 20);
	if (mcp_header_decode(&plain, value)) {
		mcp_header_encode(&text, buf_str(&plain));
		if (!mcp_header_decode(&again, buf_str(&text)) ||
			!str_eq(buf_str(&plain), buf_str(&again)))
			abort();
	}
	(void)mcp_era_is_modern(value);
	if (mcp_ticket_read(&ticket, value, key, value, 0))
		abort();
	buf_fini(&plain);
	buf_fini(&text);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_from((const char *)data, size);
	struct str text = str_first(all, str_index(all, '\n'));
	struct str value = str_from_index(all, text.n + (text.n < all.n));
	struct http_head head = {.nfields = 1};
	struct jsonrpc m;
	const char *why;
	check_header(value);
	if (jsonrpc_read(&m, text, &why) != 0)
		return 0;
	(void)mcp_era_of(&m, value);
	if (m.method.p) {
		check_request(&m);
		head.fields[0] = (struct http_field){STR("Mcp-Name"), value};
		(void)mcp_headers_check(&head, &m);
		head.fields[0].name = STR("Mcp-Param-R");
		if (m.params.p)
			(void)mcp_headers_check_params(
				&head, m.params, m.params);
	} else {
		check_answer(&m);
	}
	return 0;
}
