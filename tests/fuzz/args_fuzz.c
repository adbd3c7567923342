/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/args_fuzz.c - any words as a command line.
 *
 * The input is the words, separated by NUL; its first byte chooses the order.
 * Every operand is found behind the index that is returned, in its order.
 */
#include "lib/args.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/size.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

enum { WORDS_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct {
	bool flag;
	bool other;
	const char *text;
	uint64_t number;
	struct arg_list list;
	size_t calls;
} o;

static bool on_call(void *dst, const char *value, size_t operands)
{
	(void)operands;
	o.calls++;
	return dst && value[0] != 'x';
}

static const struct arg_opt opts[] = {
	{.letter = 'f', .name = "flag", .type = ARG_FLAG, .dst = &o.flag},
	{.name = "no-flag", .type = ARG_NEGATE, .dst = &o.other},
	{.letter = 't',
		.name = "text",
		.type = ARG_TEXT,
		.dst = &o.text,
		.value = "T"},
	{.name = "text-file", .type = ARG_TEXT, .dst = &o.text, .value = "T"},
	{.letter = 'n',
		.type = ARG_NUMBER,
		.dst = &o.number,
		.value = "N",
		.min = 2,
		.max = 1000},
	{.letter = 'l',
		.name = "list",
		.type = ARG_LIST,
		.dst = &o.list,
		.value = "L"},
	{.letter = 'c',
		.name = "call",
		.type = ARG_CALL,
		.dst = &o.calls,
		.value = "C",
		.call = on_call},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *argv[WORDS_MAX + 2], *before[WORDS_MAX + 2];
	struct args_error error = {.text = ""};
	int argc = 0;
	if (n == 0)
		return 0;
	char *words = mem_dup(data + 1, n - 1);
	MUST(words);
	argv[argc++] = (char[]){"prog"};
	for (size_t at = 0; at < n - 1 && argc <= WORDS_MAX;) {
		argv[argc++] = words + at;
		at += strlen(words + at) + 1;
	}
	argv[argc] = NULL;
	memcpy(before, argv, sizeof(argv));
	memset(&o, 0, sizeof(o));
	const struct arg_table table = {opts, ARRAY_LEN(opts),
		data[0] & 1 ? ARGS_FIRST : ARGS_ANYWHERE};
	int r = args_parse(&table, argc, argv, &error);
	MUST(r == ARGS_HELP || r == ARGS_VERSION || r == ARGS_ERROR ||
		(r >= 1 && r <= argc));
	MUST((r == ARGS_ERROR) == (error.text[0] != '\0'));
	MUST(memchr(error.text, '\0', sizeof(error.text)));
	MUST(o.number == 0 || (o.number >= 2 && o.number <= 1000));
	int from = 1;
	for (int i = r > 0 ? r : argc; i < argc; i++) {
		while (from < argc && before[from] != argv[i])
			from++;
		MUST(from++ < argc);
	}
	mem_free(o.list.v);
	mem_free(words);
	return 0;
}
