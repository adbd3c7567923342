/* SPDX-License-Identifier: MIT */
/*
 * lib/args.h - options as a table, parsed by one function.
 *
 * Short (-x, -xVALUE, -x VALUE, bundled -xyz) and long (--name, --name=VALUE,
 * --name VALUE, any unambiguous beginning) options, "--" to end them.
 */
#ifndef LIB_ARGS_H
#define LIB_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arg_type {
	ARG_FLAG,   /* dst: bool, becomes true */
	ARG_NEGATE, /* dst: bool, becomes false */
	ARG_TEXT,   /* dst: const char *, the last one wins */
	ARG_NUMBER, /* dst: uint64_t, decimal within min..max */
	ARG_LIST,   /* dst: struct arg_list, in order */
	ARG_CALL,   /* call(dst, value or NULL, operands seen so far) */
};

struct arg_list {
	const char **v; /* mem_free() it; entries point into argv */
	size_t n;
};

/* false: the value was not understood */
typedef bool arg_call_fn(void *dst, const char *value, size_t operands);

struct arg_opt {
	char letter;      /* 0: none */
	const char *name; /* NULL: none */
	enum arg_type type;
	void *dst;
	const char *value; /* what the help calls the value; NULL: takes none */
	const char *help;  /* NULL: not shown */
	uint64_t min;      /* ARG_NUMBER */
	uint64_t max;
	arg_call_fn *call;
};

/*
 * Entries of a table. letter: 0 for none; name: NULL for none; dst: address of
 * what the type says; what: what the help calls the value, NULL for none.
 */
#define OPT(ch, long_name, kind, target, what, text, ...)                     \
	{                                                                     \
		.letter = (ch), .name = (long_name), .type = (kind),          \
		.dst = (target), .value = (what), .help = (text), __VA_ARGS__ \
	}
#define OPT_FLAG(ch, long_name, target, text) \
	OPT(ch, long_name, ARG_FLAG, target, NULL, text, .call = NULL)
#define OPT_TEXT(ch, long_name, target, what, text) \
	OPT(ch, long_name, ARG_TEXT, target, what, text, .call = NULL)
#define OPT_NUMBER(ch, long_name, target, what, low, high, text)         \
	OPT(ch, long_name, ARG_NUMBER, target, what, text, .min = (low), \
		.max = (high))
#define OPT_LIST(ch, long_name, target, what, text) \
	OPT(ch, long_name, ARG_LIST, target, what, text, .call = NULL)
#define OPT_CALL(ch, long_name, function, target, what, text) \
	OPT(ch, long_name, ARG_CALL, target, what, text, .call = (function))

enum args_order {
	ARGS_ANYWHERE, /* options may follow operands, as GNU tools allow */
	ARGS_FIRST,    /* the first operand ends the options */
};

enum {
	ARGS_HELP = -1,    /* --help was given */
	ARGS_VERSION = -2, /* --version was given */
	ARGS_ERROR = -3,
};

struct arg_table {
	const struct arg_opt *opts;
	size_t n;
	enum args_order order;
};

struct args_error {
	char text[256];
};

/*
 * Parse argv[1..argc), writing through the dst pointers. Operands are moved
 * behind the options, keeping their order. Returns the index of the first
 * operand, or ARGS_*; for ARGS_ERROR a sentence without a full stop stands in
 * error->text. --help (and -h when the table has no h) and --version need
 * no entry in the table.
 */
int args_parse(const struct arg_table *table, int argc, char **argv,
	struct args_error *error);

#endif
