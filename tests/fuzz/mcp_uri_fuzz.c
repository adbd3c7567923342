/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/mcp_uri_fuzz.c - any bytes as a name, a template and a URI.
 *
 * What is inserted can be cut out again; a template matches itself when it
 * has no expression.
 */
#include "net/mcp_uri.h"

#include <stdint.h>
#include <stdlib.h>

#include "net/mcp_stream.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = str_from((const char *)data, n);
	struct str name = str_cut(&rest, '\n');
	struct str tmpl = rest.p ? str_cut(&rest, '\n') : name;
	struct str uri = rest.p ? rest : tmpl;
	struct buf c_name, shown, back;
	uint64_t id, number;
	buf_init(&c_name, n + 1);
	buf_init(&shown, 4 * n + 16);
	buf_init(&back, 4 * n + 16);
	buf_put_str(&c_name, name);
	size_t inserted = mcp_uri_insert(&shown, uri, buf_cstr(&c_name));
	MUST(shown.n == uri.n + inserted);
	mcp_uri_cut(&back, buf_str(&shown), inserted);
	/* a name that brings "://" itself is encoded, so this holds always */
	MUST(str_eq(buf_str(&back), uri));
	bool plain = str_index(tmpl, '{') == tmpl.n;
	bool matches = mcp_uri_matches(tmpl, uri);
	if (plain && tmpl.n <= MCP_URI_MATCH_MAX)
		MUST(matches == str_eq(tmpl, uri));
	(void)mcp_stream_read_id(uri, &id, &number);
	buf_fini(&c_name);
	buf_fini(&shown);
	buf_fini(&back);
	return 0;
}
