/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/jsonrpc_fuzz.c - any bytes as a JSON-RPC message.
 *
 * A message that is read can be edited as the router edits it: the output is
 * one line that reads as the same message, with the new id and the same bytes
 * in every other place but for line breaks between tokens.
 */
#include "net/jsonrpc.h"

#include <stdint.h>
#include <stdlib.h>

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* equal but for line breaks that became spaces */
static bool same_bytes(struct str before, struct str after)
{
	if (!before.p || !after.p)
		return before.p == after.p;
	if (before.n != after.n)
		return false;
	for (size_t i = 0; i < before.n; i++) {
		char c = before.p[i];
		if (c == '\n' || c == '\r')
			c = ' ';
		if (c != after.p[i])
			return false;
	}
	return true;
}

static void check_edit(const struct jsonrpc *m)
{
	struct jsonrpc again;
	struct buf out;
	const char *why = NULL;
	struct jsonrpc_edit edit = {m->id, STR("12345")};
	size_t before = (size_t)(m->id.p - m->text.p);
	buf_init(&out, m->text.n + 5);
	jsonrpc_put_edited(&out, m->text, &edit, 1);
	MUST(out.err == 0);
	struct str line = buf_str(&out);
	MUST(str_index(line, '\n') == line.n &&
		str_index(line, '\r') == line.n);
	MUST(jsonrpc_read(&again, line, &why) == 0);
	MUST(again.kind == m->kind);
	MUST(str_is(again.id, "12345"));
	MUST(same_bytes(m->method, again.method));
	MUST(same_bytes(m->params, again.params));
	MUST(same_bytes(m->result, again.result));
	MUST(same_bytes(m->error, again.error));
	MUST(same_bytes(str_first(m->text, before), str_first(line, before)));
	MUST(same_bytes(str_from_index(m->text, before + m->id.n),
		str_from_index(line, before + 5)));
	buf_fini(&out);
}

/* what we would answer */
static void check_answers(const struct jsonrpc *m)
{
	struct jsonrpc again;
	struct buf out;
	const char *why = NULL;
	buf_init(&out, 8 * m->text.n + 1000);
	jsonrpc_put_error(&out, m->id, JSONRPC_INVALID_REQUEST, m->text);
	MUST(out.err == 0);
	MUST(jsonrpc_read(&again, buf_str(&out), &why) == 0);
	MUST(again.kind == JSONRPC_ERROR);
	MUST(same_bytes(m->id, again.id));
	if (m->id.p) {
		buf_reset(&out);
		jsonrpc_put_result(&out, m->id, STR("{}"));
		MUST(jsonrpc_read(&again, buf_str(&out), &why) == 0);
		MUST(again.kind == JSONRPC_RESULT);
		MUST(same_bytes(m->id, again.id));
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jsonrpc m;
	const char *why = NULL;
	struct str text = str_from((const char *)data, n);
	int r = jsonrpc_read(&m, text, &why);
	MUST(r == 0 || r == JSONRPC_PARSE_ERROR ||
		r == JSONRPC_INVALID_REQUEST);
	MUST((r == 0) == (json_check(text, NULL) == 0 && !why));
	if (m.id.p)
		MUST(json_type_of(m.id) == JSON_STRING ||
			json_type_of(m.id) == JSON_NUMBER);
	check_answers(&m);
	if (r == 0 && m.id.p)
		check_edit(&m);
	if (r == 0 && m.kind == JSONRPC_REQUEST)
		MUST(m.id.p && m.method.p);
	if (r == 0 && m.kind == JSONRPC_RESULT)
		MUST(m.id.p && m.result.p && !m.error.p);
	return 0;
}
