/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/toolset_fuzz.c - any bytes as a definition of tools and, behind
 * the first line that is "--", as the arguments of a call.
 *
 * What is accepted can be listed and called; arguments that keep to the schema
 * become a command line whose literal words are where the author put them.
 */
#include "net/toolset.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/role.h"
#include "lib/schema.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void call(const struct tool *tool, struct str arguments)
{
	struct arena arena;
	struct tool_run run;
	arena_init(&arena, 16 << 20);
	if (!toolset_fill(tool, arguments, &arena, &run)) {
		MUST(strcmp(run.argv[0], tool->word[0].text) == 0);
		size_t words = 0;
		while (run.argv[words])
			words++;
		MUST(words <= TOOLSET_ARGS_MAX);
	}
	arena_fini(&arena);
}

static void use(const struct toolset *set, struct str arguments)
{
	struct json_doc doc;
	struct json_where where;
	struct buf why;
	bool object = json_parse(&doc, arguments, 65536, &where) == 0;
	if (object) {
		object = json_type(&doc, 0) == JSON_OBJECT;
		arguments = json_raw(&doc, 0);
		json_free(&doc);
	}
	buf_init(&why, 65536);
	for (size_t i = 0; i < set->n; i++) {
		const struct tool *tool = &set->tool[i];
		MUST(json_check(tool->listed, NULL) == 0);
		MUST(str_index(tool->listed, '\n') == tool->listed.n);
		MUST(tool->word[0].text && tool->timeout_ms);
		MUST((tool->roles & ~(unsigned)ROLES_ALL) == 0);
		if (object && schema_validate(tool->schema, arguments, &why))
			call(tool, arguments);
	}
	buf_fini(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct toolset set;
	struct buf error;
	struct str text = str_from((const char *)data, n);
	size_t at = str_find(text, STR("\n--\n"));
	struct str arguments =
		at < n ? str_from_index(text, at + 4) : STR("{}");
	buf_init(&error, 65536);
	if (toolset_read(&set, str_first(text, at), &error)) {
		MUST(set.n >= 1 && set.n <= TOOLSET_TOOLS_MAX);
		use(&set, arguments);
		toolset_fini(&set);
	} else {
		MUST(error.n > 0 && error.err == 0);
	}
	buf_fini(&error);
	return 0;
}
