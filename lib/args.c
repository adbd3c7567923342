/* SPDX-License-Identifier: MIT */
/* lib/args.c - options as a table. */
#include "lib/args.h"

#include <string.h>

#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/str.h"

enum { SPELLING_MAX = 64, OPERANDS_FEW = 16 };

struct parse {
	const struct arg_table *table;
	int argc;
	char **argv;
	int next;      /* argument to look at */
	int noperands; /* moved to the front of the rest so far */
	struct args_error *error;
};

#define FAIL(p, ...)                                                       \
	(fmt_str((p)->error->text, sizeof((p)->error->text), __VA_ARGS__), \
		ARGS_ERROR)

/* how a message calls an option: "--name" or "-x" */
static const char *spelling(char *dst, size_t size, const struct arg_opt *o)
{
	if (o->name)
		fmt_str(dst, size, "--%s", o->name);
	else
		fmt_str(dst, size, "-%c", o->letter);
	return dst;
}

static int store_number(
	struct parse *p, const struct arg_opt *o, const char *value)
{
	uint64_t v;
	char name[SPELLING_MAX];
	if (!str_to_u64(str_of(value), &v) || v < o->min || v > o->max)
		return FAIL(p, "%s wants a number from %llu to %llu, not '%s'",
			spelling(name, sizeof(name), o),
			(unsigned long long)o->min, (unsigned long long)o->max,
			value);
	*(uint64_t *)o->dst = v;
	return 0;
}

static int store_list(
	struct parse *p, const struct arg_opt *o, const char *value)
{
	struct arg_list *list = o->dst;
	const char **v = mem_resize(list->v, (list->n + 1) * sizeof(*v));
	if (!v)
		return FAIL(p, "out of memory");
	v[list->n++] = value;
	list->v = v;
	return 0;
}

static int store(struct parse *p, const struct arg_opt *o, const char *value)
{
	char name[SPELLING_MAX];
	switch (o->type) {
	case ARG_FLAG:
		*(bool *)o->dst = true;
		return 0;
	case ARG_NEGATE:
		*(bool *)o->dst = false;
		return 0;
	case ARG_TEXT:
		*(const char **)o->dst = value;
		return 0;
	case ARG_NUMBER:
		return store_number(p, o, value);
	case ARG_LIST:
		return store_list(p, o, value);
	case ARG_CALL:
		if (o->call(o->dst, value, (size_t)p->noperands))
			return 0;
		return FAIL(p, "%s: '%s' is not understood",
			spelling(name, sizeof(name), o), value ? value : "");
	}
	return 0;
}

static const struct arg_opt *find_long(const struct parse *p, struct str name)
{
	for (size_t i = 0; i < p->table->n; i++)
		if (p->table->opts[i].name &&
			str_is(name, p->table->opts[i].name))
			return &p->table->opts[i];
	return NULL;
}

/* the only one that starts so; NULL and *ambiguous when there are more */
static const struct arg_opt *find_beginning(
	const struct parse *p, struct str name, bool *ambiguous)
{
	const struct arg_opt *found = NULL;
	*ambiguous = false;
	for (size_t i = 0; name.n && i < p->table->n; i++) {
		const struct arg_opt *o = &p->table->opts[i];
		if (!o->name || !str_starts(str_of(o->name), name))
			continue;
		*ambiguous = found != NULL;
		found = o;
	}
	return *ambiguous ? NULL : found;
}

static const char *nearest_long(const struct parse *p, struct str name)
{
	const char *best = NULL;
	size_t best_distance = 3;
	for (size_t i = 0; i < p->table->n; i++) {
		if (!p->table->opts[i].name)
			continue;
		size_t d = str_distance(str_of(p->table->opts[i].name), name);
		if (d < best_distance) {
			best_distance = d;
			best = p->table->opts[i].name;
		}
	}
	return best;
}

static int unknown_long(struct parse *p, struct str name)
{
	const char *near = nearest_long(p, name);
	if (near)
		return FAIL(p, "unknown option --%.*s (did you mean --%s?)",
			STR_FMT(name), near);
	return FAIL(p, "unknown option --%.*s", STR_FMT(name));
}

static int parse_long(struct parse *p, const char *arg)
{
	struct str name = str_of(arg + 2);
	size_t eq = str_index(name, '=');
	const char *value = eq < name.n ? arg + 2 + eq + 1 : NULL;
	bool ambiguous = false;
	name = str_first(name, eq);
	const struct arg_opt *o = find_long(p, name);
	if (!o && str_is(name, "help"))
		return ARGS_HELP;
	if (!o && str_is(name, "version"))
		return ARGS_VERSION;
	if (!o)
		o = find_beginning(p, name, &ambiguous);
	if (ambiguous)
		return FAIL(p, "option --%.*s is ambiguous", STR_FMT(name));
	if (!o)
		return unknown_long(p, name);
	if (value && !o->value)
		return FAIL(p, "option --%s takes no value", o->name);
	if (!value && o->value) {
		if (p->next >= p->argc)
			return FAIL(p, "option --%s needs a value", o->name);
		value = p->argv[p->next++];
	}
	return store(p, o, value);
}

static const struct arg_opt *find_short(const struct parse *p, char letter)
{
	for (size_t i = 0; i < p->table->n; i++)
		if (p->table->opts[i].letter == letter)
			return &p->table->opts[i];
	return NULL;
}

static int parse_short(struct parse *p, const char *arg)
{
	for (const char *c = arg + 1; *c; c++) {
		const struct arg_opt *o = find_short(p, *c);
		if (!o && *c == 'h')
			return ARGS_HELP;
		if (!o)
			return FAIL(p, "unknown option -%c", *c);
		if (!o->value) {
			int r = store(p, o, NULL);
			if (r)
				return r;
			continue;
		}
		const char *value = c[1] ? c + 1 : NULL;
		if (!value && p->next >= p->argc)
			return FAIL(p, "option -%c needs a value", *c);
		if (!value)
			value = p->argv[p->next++];
		return store(p, o, value);
	}
	return 0;
}

/* move the operand at argv[from] behind the operands collected so far */
static void collect_operand(struct parse *p, char **operands, int from)
{
	operands[p->noperands++] = p->argv[from];
}

static int parse_all(struct parse *p, char **operands)
{
	while (p->next < p->argc) {
		const char *arg = p->argv[p->next];
		if (arg[0] != '-' || arg[1] == '\0') {
			if (p->table->order == ARGS_FIRST)
				return 0;
			collect_operand(p, operands, p->next++);
			continue;
		}
		p->next++;
		if (strcmp(arg, "--") == 0)
			return 0;
		int r = arg[1] == '-' ? parse_long(p, arg)
				      : parse_short(p, arg);
		if (r)
			return r;
	}
	return 0;
}

int args_parse(const struct arg_table *table, int argc, char **argv,
	struct args_error *error)
{
	struct parse p = {.table = table,
		.argc = argc,
		.argv = argv,
		.next = 1,
		.error = error};
	char *few[OPERANDS_FEW];
	char **operands = few;
	if (argc > OPERANDS_FEW)
		operands = mem_new_array((size_t)argc, sizeof(*operands));
	if (!operands)
		return FAIL(&p, "out of memory");
	int r = parse_all(&p, operands);
	if (r == 0) {
		/* what was seen before the rest goes right in front of it */
		r = p.next - p.noperands;
		for (int i = 0; i < p.noperands; i++)
			argv[r + i] = operands[i];
	}
	if (operands != few)
		mem_free(operands);
	return r;
}
