/* SPDX-License-Identifier: MIT */
/*
 * net/toolset.h - MCP tools that are commands: their definition in JSON, and
 * from the arguments of a call to the command line.
 *
 * The definition is the author's; the arguments are untrusted.
 */
#ifndef NET_TOOLSET_H
#define NET_TOOLSET_H

#include "lib/arena.h"
#include "lib/buf.h"

enum {
	TOOLSET_TEXT_MAX = 4 << 20, /* bytes of a definition */
	TOOLSET_TOOLS_MAX = 256,
	TOOLSET_ARGS_MAX = 4096, /* words of a command line */
};

/* a word of a command: as it stands, or the argument that it names */
struct tool_word {
	const char *text; /* NULL: an argument */
	const char *argument;
	unsigned group; /* words of one group > 0 stand or fall together */
};

struct tool {
	const char *name;
	struct str schema; /* raw */
	struct str listed; /* its object in tools/list, raw */
	const struct tool_word *word;
	size_t nwords;
	const char *input; /* the argument that is its stdin; or NULL */
	const char *directory;
	unsigned roles; /* who may see and call it */
	uint64_t timeout_ms;
	uint64_t output_max;
	bool mutates;
};

struct toolset {
	struct arena arena; /* all that is below */
	const char *name;
	const char *version;
	struct str instructions; /* raw, or p == NULL */
	const struct tool *tool;
	size_t n;
};

/*
 * Read a definition. false: `error` has a line for people: line, column, the
 * field, and what is wrong. Nothing is held then.
 */
bool toolset_read(struct toolset *set, struct str text, struct buf *error);
void toolset_fini(struct toolset *set);

/* the tool of that (raw) name that a role may use; NULL: none */
const struct tool *toolset_find(
	const struct toolset *set, struct str raw_name, unsigned role_bit);

/* what a call runs; memory of the arena that toolset_fill() was given */
struct tool_run {
	char **argv;
	struct str input;
};

/*
 * The command line for these arguments, a raw object that keeps to the
 * tool's schema. A string is passed as its text, an array as a word for each
 * element, anything else as JSON. NULL, or why it cannot be passed on.
 */
const char *toolset_fill(const struct tool *tool, struct str arguments,
	struct arena *arena, struct tool_run *run);

#endif
