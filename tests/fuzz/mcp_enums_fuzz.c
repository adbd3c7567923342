/* SPDX-License-Identifier: MIT */
/* tests/fuzz/mcp_enums_fuzz.c - any schema, and any name that is too long. */
#include <stdlib.h>

#include "net/mcp_enums.h"
#include "net/mcp_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void clean(struct str schema)
{
	struct buf out;
	size_t offset;
	if (json_check(schema, &offset) != 0)
		return;
	buf_init(&out, schema.n + 1);
	mcp_enums_put(&out, schema);
	/* what is left is sound, has none of them, and is not longer */
	if (out.err || json_check(buf_str(&out), &offset) != 0 ||
		mcp_enums_odd(buf_str(&out)))
		abort();
	if (!mcp_enums_odd(schema) && !str_eq(buf_str(&out), schema))
		abort();
	buf_fini(&out);
}

static void shorten(struct str name)
{
	struct buf out;
	buf_init(&out, name.n + MCP_SHOWN_MAX);
	buf_put_str(&out, STR("before"));
	buf_put_str(&out, name);
	bool cut = mcp_name_shorten(&out, 6);
	if (cut != (name.n > MCP_SHOWN_MAX) || out.err ||
		out.n > 6 + MCP_SHOWN_MAX)
		abort();
	if (!cut && !str_eq(str_from_index(buf_str(&out), 6), name))
		abort();
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	clean(text);
	shorten(text);
	return 0;
}
