/* SPDX-License-Identifier: MIT */
/*
 * net/toolset.c - MCP tools that are commands.
 *
 * A word of a command is either literal or, when it is {NAME} and nothing
 * else, the argument of that name. An argument thus is always a word of its
 * own: no shell sees it, and nothing in it can become a second word.
 */
#include "net/toolset.h"

#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/role.h"
#include "lib/schema.h"
#include "lib/size.h"

enum {
	VALUES_MAX = 65536,
	ARENA_MAX = 64 << 20,
	NAME_MAX_BYTES = 128,
	TIMEOUT_MS = 30000,
	TIMEOUT_MAX_MS = 86400000,
	OUTPUT = 1 << 20,
	OUTPUT_MAX = 32 << 20,
	PATH_TEXT = 128,
};

struct reader {
	struct json_doc doc;
	struct toolset *set;
	struct buf *error;
	char path[PATH_TEXT]; /* "tools[3].", for messages */
};

/* -------------------------------------------------------------- refusals */

static bool refuse(
	struct reader *r, int at, const char *field, const char *what)
{
	struct json_where where = {0};
	if (at != JSON_NONE)
		where.offset =
			(size_t)(json_raw(&r->doc, at).p - r->doc.text.p);
	json_locate(r->doc.text, &where);
	buf_reset(r->error);
	buf_putf(r->error, "line %zu column %zu: %s%s: %s", where.line,
		where.column, r->path, field, what);
	return false;
}

static bool no_memory(struct reader *r)
{
	buf_reset(r->error);
	buf_puts(r->error, "the definition takes too much memory");
	return false;
}

/* ---------------------------------------------------------------- fields */

static bool read_text(
	struct reader *r, int object, const char *field, const char **out)
{
	int at = json_get(&r->doc, object, field);
	struct buf text;
	if (at == JSON_NONE)
		return true;
	if (json_type(&r->doc, at) != JSON_STRING ||
		json_has_nul(json_raw(&r->doc, at)))
		return refuse(r, at, field, "must be a string without NUL");
	buf_init(&text, TOOLSET_TEXT_MAX);
	json_unquote(&text, json_raw(&r->doc, at));
	*out = arena_dup(&r->set->arena, buf_str(&text));
	bool good = !text.err && *out;
	buf_fini(&text);
	return good || no_memory(r);
}

static bool read_number(struct reader *r, int object, const char *field,
	uint64_t *out, uint64_t max)
{
	int at = json_get(&r->doc, object, field);
	char what[64];
	if (at == JSON_NONE)
		return true;
	if (json_u64(json_raw(&r->doc, at), out) && *out > 0 && *out <= max)
		return true;
	fmt_str(what, sizeof(what), "must be a number from 1 to %llu",
		(unsigned long long)max);
	return refuse(r, at, field, what);
}

static bool read_bool(
	struct reader *r, int object, const char *field, bool *out)
{
	int at = json_get(&r->doc, object, field);
	if (at == JSON_NONE)
		return true;
	if (json_type(&r->doc, at) != JSON_BOOL)
		return refuse(r, at, field, "must be true or false");
	*out = str_is(json_raw(&r->doc, at), "true");
	return true;
}

static bool read_roles(struct reader *r, int object, struct tool *tool)
{
	int at = json_get(&r->doc, object, "roles");
	if (at == JSON_NONE)
		return true;
	if (json_type(&r->doc, at) != JSON_ARRAY)
		return refuse(r, at, "roles", "must be a list");
	tool->roles = 0;
	for (int one = json_first(&r->doc, at); one != JSON_NONE;
		one = json_after(&r->doc, one)) {
		struct str raw = json_raw(&r->doc, one);
		enum role role;
		if (json_type_of(raw) != JSON_STRING ||
			!role_named(str_from(raw.p + 1, raw.n - 2), &role))
			return refuse(r, one, "roles",
				"must be of agent, verifier, sandbox, remote");
		tool->roles |= 1u << role;
	}
	return true;
}

/* every other key is a mistake: what it was meant to say would not be done */
static bool check_keys(struct reader *r, int object, const char *const *known)
{
	for (int key = json_first(&r->doc, object); key != JSON_NONE;
		key = json_after(&r->doc, key)) {
		struct str raw = json_raw(&r->doc, key);
		char name[PATH_TEXT];
		size_t i = 0;
		while (known[i] && !json_str_is(raw, str_of(known[i])))
			i++;
		if (known[i])
			continue;
		fmt_str(name, sizeof(name), "%.*s",
			STR_FMT(str_from(raw.p + 1, raw.n - 2)));
		return refuse(r, key, name, "is not known here");
	}
	return true;
}

/* --------------------------------------------------------------- command */

/* the name in "{NAME}"; p == NULL: literal text */
static struct str placeholder(struct str text)
{
	if (text.n < 3 || text.p[0] != '{' || text.p[text.n - 1] != '}')
		return (struct str){NULL, 0};
	struct str name = str_from(text.p + 1, text.n - 2);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c >= 'a' && c <= 'z') ||
			      (c >= 'A' && c <= 'Z') || c == '_';
		bool later = (c >= '0' && c <= '9') || c == '-' || c == '.';
		if (!letter && !(i && later))
			return (struct str){NULL, 0};
	}
	return name;
}

/* is it an argument of this tool? */
static bool check_argument(struct reader *r, const struct tool *tool, int at,
	const char *field, const char *name)
{
	struct str properties = json_member(tool->schema, "properties");
	return (properties.p && json_member(properties, name).p) ||
	       refuse(r, at, field,
		       "names an argument that inputSchema.properties has not");
}

static bool read_word(struct reader *r, const struct tool *tool, int at,
	struct tool_word *word)
{
	struct str raw = json_raw(&r->doc, at);
	struct buf text;
	if (json_type_of(raw) != JSON_STRING || json_has_nul(raw))
		return refuse(r, at, "command",
			"must be of strings without NUL, and lists of them");
	buf_init(&text, TOOLSET_TEXT_MAX);
	json_unquote(&text, raw);
	struct str name = placeholder(buf_str(&text));
	const char *copy =
		arena_dup(&r->set->arena, name.p ? name : buf_str(&text));
	bool good = !text.err && copy;
	bool literal = !name.p;
	buf_fini(&text);
	if (!good)
		return no_memory(r);
	if (literal)
		word->text = copy;
	else
		word->argument = copy;
	return literal || check_argument(r, tool, at, "command", copy);
}

/* words of a group, or of the command itself (group 0) */
static bool read_words(struct reader *r, struct tool *tool, int list,
	unsigned group, struct tool_word *words)
{
	unsigned groups = 0;
	for (int at = json_first(&r->doc, list); at != JSON_NONE;
		at = json_after(&r->doc, at)) {
		if (tool->nwords == TOOLSET_ARGS_MAX)
			return refuse(r, at, "command", "has too many words");
		if (json_type(&r->doc, at) == JSON_ARRAY && !group) {
			if (!read_words(r, tool, at, ++groups, words))
				return false;
			continue;
		}
		struct tool_word *word = &words[tool->nwords++];
		word->group = group;
		if (!read_word(r, tool, at, word))
			return false;
	}
	return true;
}

static size_t count_words(const struct reader *r, int list)
{
	size_t n = 0;
	for (int at = json_first(&r->doc, list); at != JSON_NONE;
		at = json_after(&r->doc, at))
		n += json_type(&r->doc, at) == JSON_ARRAY
			     ? json_count(&r->doc, at)
			     : 1;
	return n;
}

static bool read_command(struct reader *r, int object, struct tool *tool)
{
	int at = json_get(&r->doc, object, "command");
	if (at == JSON_NONE || json_type(&r->doc, at) != JSON_ARRAY)
		return refuse(r, at == JSON_NONE ? object : at, "command",
			"must be a list: the program and its arguments");
	struct tool_word *words = arena_new_array(
		&r->set->arena, count_words(r, at) + 1, sizeof(*words));
	if (!words)
		return no_memory(r);
	tool->word = words;
	if (!read_words(r, tool, at, 0, words))
		return false;
	if (!tool->nwords || !words[0].text || !*words[0].text ||
		words[0].group)
		return refuse(r, at, "command",
			"its first word must be a program, not an argument");
	return true;
}

static bool read_input(struct reader *r, int object, struct tool *tool)
{
	const char *text = NULL;
	int at = json_get(&r->doc, object, "stdin");
	if (!read_text(r, object, "stdin", &text))
		return false;
	if (!text)
		return true;
	struct str name = placeholder(str_of(text));
	if (!name.p)
		return refuse(r, at, "stdin", "must be {NAME} of an argument");
	tool->input = arena_dup(&r->set->arena, name);
	if (!tool->input)
		return no_memory(r);
	return check_argument(r, tool, at, "stdin", tool->input);
}

/* ------------------------------------------------------------------ tool */

static bool read_schema(struct reader *r, int object, struct tool *tool)
{
	int at = json_get(&r->doc, object, "inputSchema");
	struct buf why, what;
	if (at == JSON_NONE) {
		tool->schema = STR("{\"type\":\"object\","
				   "\"additionalProperties\":false}");
		return true;
	}
	tool->schema = json_raw(&r->doc, at);
	struct str type = json_member(tool->schema, "type");
	/* MCP: the arguments are an object */
	if (!type.p || !str_is(type, "\"object\""))
		return refuse(r, at, "inputSchema",
			"must be a schema of type \"object\"");
	buf_init(&why, 4096);
	buf_init(&what, 8192);
	bool good = schema_check(tool->schema, &why);
	buf_putf(&what, "inputSchema.%s", buf_cstr(&why));
	if (!good) {
		/* the place stands in the sentence */
		struct str sentence = buf_str(&what);
		size_t colon = str_index(sentence, ':');
		char field[PATH_TEXT];
		fmt_str(field, sizeof(field), "%.*s",
			STR_FMT(str_first(sentence, colon)));
		refuse(r, at, field, buf_cstr(&what) + colon + 2);
	}
	buf_fini(&what);
	buf_fini(&why);
	return good;
}

static bool check_name(struct reader *r, int object, const char *name)
{
	struct str s = str_of(name);
	bool good = name && s.n > 0 && s.n <= NAME_MAX_BYTES;
	for (size_t i = 0; good && i < s.n; i++)
		good = (s.p[i] >= 'a' && s.p[i] <= 'z') ||
		       (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		       (s.p[i] >= '0' && s.p[i] <= '9') ||
		       strchr("_-.", s.p[i]);
	if (!good)
		return refuse(r, object, "name",
			"must be 1 to 128 letters, digits, _, - and .");
	for (size_t i = 0; i < r->set->n; i++)
		if (strcmp(r->set->tool[i].name, name) == 0)
			return refuse(r, object, "name",
				"is that of an earlier tool too");
	return true;
}

/* its object in the answer to tools/list */
static bool put_listed(struct reader *r, int object, struct tool *tool)
{
	static const char *const texts[] = {"title", "description"};
	struct buf out;
	buf_init(&out, TOOLSET_TEXT_MAX);
	struct json_writer w = {.out = &out};
	json_w_open(&w, '{');
	json_w_key(&w, "name");
	json_w_text(&w, tool->name);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		int at = json_get(&r->doc, object, texts[i]);
		if (at == JSON_NONE)
			continue;
		json_w_key(&w, texts[i]);
		json_w_raw(&w, json_raw(&r->doc, at));
	}
	json_w_key(&w, "inputSchema");
	json_w_raw(&w, tool->schema);
	json_w_key(&w, "annotations");
	json_w_open(&w, '{');
	json_w_key(&w, "readOnlyHint");
	json_w_bool(&w, !tool->mutates);
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	/* one line: a message must not hold a line break */
	for (size_t i = 0; i < out.n; i++)
		if (*buf_at(&out, i) == '\n' || *buf_at(&out, i) == '\r')
			*buf_at(&out, i) = ' ';
	const char *copy = arena_dup(&r->set->arena, buf_str(&out));
	tool->listed = str_from(copy, out.n);
	bool good = !out.err && copy;
	buf_fini(&out);
	return good || no_memory(r);
}

static bool read_tool(struct reader *r, int at, struct tool *tool)
{
	static const char *const known[] = {"name", "title", "description",
		"inputSchema", "command", "stdin", "directory", "roles",
		"timeout_ms", "output_max", "mutates", NULL};
	const char *unused = NULL;
	*tool = (struct tool){.roles = ROLES_ALL,
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT,
		.mutates = true};
	if (json_type(&r->doc, at) != JSON_OBJECT)
		return refuse(r, at, "", "must be an object");
	return check_keys(r, at, known) &&
	       read_text(r, at, "name", &tool->name) &&
	       check_name(r, at, tool->name) &&
	       read_text(r, at, "title", &unused) &&
	       read_text(r, at, "description", &unused) &&
	       read_schema(r, at, tool) && read_command(r, at, tool) &&
	       read_input(r, at, tool) &&
	       read_text(r, at, "directory", &tool->directory) &&
	       read_roles(r, at, tool) &&
	       read_number(r, at, "timeout_ms", &tool->timeout_ms,
		       TIMEOUT_MAX_MS) &&
	       read_number(
		       r, at, "output_max", &tool->output_max, OUTPUT_MAX) &&
	       read_bool(r, at, "mutates", &tool->mutates) &&
	       put_listed(r, at, tool);
}

static bool read_tools(struct reader *r, int list)
{
	size_t n = json_count(&r->doc, list);
	if (json_type(&r->doc, list) != JSON_ARRAY || n == 0 ||
		n > TOOLSET_TOOLS_MAX)
		return refuse(r, list, "tools", "must be a list of 1 to 256");
	struct tool *tools = arena_new_array(&r->set->arena, n, sizeof(*tools));
	if (!tools)
		return no_memory(r);
	r->set->tool = tools;
	for (int at = json_first(&r->doc, list); at != JSON_NONE;
		at = json_after(&r->doc, at)) {
		fmt_str(r->path, sizeof(r->path), "tools[%zu].", r->set->n);
		if (!read_tool(r, at, &tools[r->set->n]))
			return false;
		r->set->n++;
	}
	r->path[0] = '\0';
	return true;
}

static bool read_set(struct reader *r)
{
	static const char *const known[] = {
		"name", "version", "instructions", "tools", NULL};
	const char *unused = NULL;
	if (json_type(&r->doc, 0) != JSON_OBJECT)
		return refuse(r, 0, "the definition", "must be an object");
	int list = json_get(&r->doc, 0, "tools");
	if (list == JSON_NONE)
		return refuse(r, 0, "tools", "is missing");
	r->set->name = "coracle-tools";
	r->set->version = "1";
	if (!check_keys(r, 0, known) ||
		!read_text(r, 0, "name", &r->set->name) ||
		!read_text(r, 0, "version", &r->set->version) ||
		!read_text(r, 0, "instructions", &unused) ||
		!read_tools(r, list))
		return false;
	int at = json_get(&r->doc, 0, "instructions");
	if (at != JSON_NONE)
		r->set->instructions = json_raw(&r->doc, at);
	return true;
}

bool toolset_read(struct toolset *set, struct str text, struct buf *error)
{
	struct reader r = {.set = set, .error = error};
	struct json_where where;
	*set = (struct toolset){0};
	arena_init(&set->arena, ARENA_MAX);
	/* the raw parts must outlive the caller's text */
	const char *copy = arena_dup(&set->arena, text);
	int code = copy ? json_parse(&r.doc, str_from(copy, text.n), VALUES_MAX,
				  &where)
			: JSON_MEMORY;
	if (code) {
		buf_reset(error);
		buf_putf(error, "line %zu column %zu: %s",
			copy ? where.line : 0, copy ? where.column : 0,
			json_error_text(code));
		toolset_fini(set);
		return false;
	}
	bool good = read_set(&r);
	json_free(&r.doc);
	if (!good)
		toolset_fini(set);
	return good;
}

void toolset_fini(struct toolset *set)
{
	arena_fini(&set->arena);
	*set = (struct toolset){0};
}

const struct tool *toolset_find(
	const struct toolset *set, struct str raw_name, unsigned role_bit)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->tool[i].roles & role_bit &&
			json_str_is(raw_name, str_of(set->tool[i].name)))
			return &set->tool[i];
	return NULL;
}

/* ------------------------------------------------------------------ call */

struct filler {
	struct str arguments;
	struct arena *arena;
	struct tool_run *run;
	size_t n, cap;
	const char *why;
};

/* the text of a value as a word: a string's own, or JSON */
static char *to_word(struct filler *f, struct str raw, size_t *len)
{
	struct buf text;
	if (json_type_of(raw) != JSON_STRING) {
		*len = raw.n;
		return arena_dup(f->arena, raw);
	}
	if (json_has_nul(raw)) {
		f->why = "a NUL character cannot be passed on";
		return NULL;
	}
	buf_init(&text, raw.n);
	json_unquote(&text, raw);
	*len = text.n;
	char *word = text.err ? NULL : arena_dup(f->arena, buf_str(&text));
	buf_fini(&text);
	return word;
}

static bool add(struct filler *f, char *word)
{
	if (word && f->n < f->cap) {
		f->run->argv[f->n++] = word;
		return true;
	}
	if (!f->why)
		f->why = word ? "too many arguments for one command"
			      : "the arguments are too large";
	return false;
}

static bool add_value(struct filler *f, struct str raw)
{
	struct json_cursor c;
	struct str one;
	size_t len;
	if (json_type_of(raw) != JSON_ARRAY)
		return add(f, to_word(f, raw, &len));
	(void)json_open(&c, raw);
	while (json_next(&c, NULL, &one))
		if (!add(f, to_word(f, one, &len)))
			return false;
	return true;
}

/* an argument that is not given, or null */
static struct str given(const struct filler *f, const char *name)
{
	struct str raw = json_member(f->arguments, name);
	if (raw.p && json_type_of(raw) == JSON_NULL)
		return (struct str){NULL, 0};
	return raw;
}

/* does the whole group of a word stand? */
static bool stands(
	const struct filler *f, const struct tool *tool, unsigned group)
{
	for (size_t i = 0; group && i < tool->nwords; i++)
		if (tool->word[i].group == group && tool->word[i].argument &&
			!given(f, tool->word[i].argument).p)
			return false;
	return true;
}

static bool fill_words(struct filler *f, const struct tool *tool)
{
	for (size_t i = 0; i < tool->nwords; i++) {
		const struct tool_word *w = &tool->word[i];
		if (!stands(f, tool, w->group))
			continue;
		if (w->text) {
			if (!add(f, arena_dup(f->arena, str_of(w->text))))
				return false;
			continue;
		}
		struct str raw = given(f, w->argument);
		if (raw.p && !add_value(f, raw))
			return false;
	}
	return true;
}

const char *toolset_fill(const struct tool *tool, struct str arguments,
	struct arena *arena, struct tool_run *run)
{
	struct filler f = {.arguments = arguments,
		.arena = arena,
		.run = run,
		.cap = TOOLSET_ARGS_MAX};
	*run = (struct tool_run){0};
	run->argv = arena_new_array(
		arena, TOOLSET_ARGS_MAX + 1, sizeof(*run->argv));
	if (!run->argv)
		return "out of memory";
	if (!fill_words(&f, tool))
		return f.why;
	if (tool->input) {
		struct str raw = given(&f, tool->input);
		run->input.p = raw.p ? to_word(&f, raw, &run->input.n) : "";
		if (!run->input.p)
			return f.why ? f.why : "the arguments are too large";
	}
	return NULL;
}
