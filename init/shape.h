/* SPDX-License-Identifier: MIT */
/*
 * init/shape.h - JSON objects read into structs, and written back, by tables.
 *
 * input: untrusted
 *
 * A shape lists the keys of one kind of object, with the type of each and its
 * place in a struct. The reader reports every mistake with its line, column
 * and key path and goes on; an element of a list or map that has a mistake is
 * left out, any other value keeps its default. What the writer prints, the
 * reader takes.
 */
#ifndef INIT_SHAPE_H
#define INIT_SHAPE_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"

enum shape_type {
	SHAPE_BOOL,    /* bool */
	SHAPE_NUMBER,  /* uint64_t within min..max */
	SHAPE_TEXT,    /* const char *, not empty */
	SHAPE_PATH,    /* const char *, absolute */
	SHAPE_ADDRESS, /* const char *, IPv4 or IPv6 */
	SHAPE_WORDS,   /* struct shape_words */
	SHAPE_PAIRS,   /* struct shape_pairs: an object of strings */
	SHAPE_CHOICE,  /* unsigned: index of choices, which NULL ends */
	SHAPE_MODE,    /* unsigned: "0750" */
	SHAPE_SIGNAL,  /* unsigned: "TERM", "SIGTERM" or a number */
	SHAPE_OBJECT,  /* the struct itself */
	SHAPE_LIST,    /* struct shape_items: an array of objects */
	SHAPE_MAP,     /* struct shape_items: objects by name */
};

struct shape_words {
	char **v; /* NULL behind the last; NULL: none were given */
	size_t n;
};

struct shape_pair {
	const char *name;
	const char *value;
};

struct shape_pairs {
	struct shape_pair *v;
	size_t n;
};

struct shape_items {
	void *v;
	size_t n;
};

struct shape;

struct shape_field {
	const char *key;
	enum shape_type type;
	size_t at; /* offsetof */
	uint64_t min, max;
	const char *const *choices;
	const struct shape *shape; /* of SHAPE_OBJECT, _LIST and _MAP */
	const char *wanted;        /* in words; NULL: as the type says */
	bool required;
};

struct shape {
	const struct shape_field *fields;
	size_t n;
	size_t size;          /* of the struct */
	const void *defaults; /* a struct to start from */
	size_t name_at;       /* in a map: the const char * for the name */
	size_t max;           /* elements of a list or map */
};

/* a sentence about one mistake: line, column, key, what was expected */
typedef void shape_report_fn(void *owner, const char *message);

struct shape_reading {
	struct arena *arena; /* what is read lives there */
	const struct json_doc *doc;
	shape_report_fn *report;
	void *owner;
	int mistakes;
	char path[192]; /* where we are, for messages */
	size_t path_n;
};

/* read the object at `at` into dst, which holds the defaults already */
void shape_read(
	struct shape_reading *r, const struct shape *shape, int at, void *dst);

/* one mistake; at: the value it is about, or JSON_NONE */
void shape_mistake(struct shape_reading *r, int at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* append the object as one line of JSON */
void shape_write(struct buf *out, const struct shape *shape, const void *src);

/* the same with line breaks and indentation, for people */
void shape_pretty(struct buf *out, struct str json);

/* "TERM", "SIGTERM", "15", "RTMIN+2": the number, or 0 */
int shape_signal(struct str text);

/* an IPv4 or IPv6 address as inet_pton(3) takes it */
bool shape_is_address(const char *text);

#endif
