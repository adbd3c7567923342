/* SPDX-License-Identifier: MIT */
/*
 * lib/json.h - strict JSON (RFC 8259): documents, cursors and a writer.
 *
 * input: untrusted
 *
 * Two readers share one validator. A document (over jsmn) indexes every value
 * and refuses duplicate keys: for configuration and request bodies. A cursor
 * visits the members of one object or array of validated text without any
 * memory: for messages that are passed on as the bytes that came. In both,
 * every value is available as its raw bytes and numbers stay text.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

enum { JSON_DEPTH_MAX = 128 };

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

enum json_error {
	JSON_OK = 0,
	JSON_EMPTY = -1,     /* no value at all */
	JSON_SYNTAX = -2,    /* a byte that cannot stand here */
	JSON_CUT = -3,       /* the text ends inside a value */
	JSON_TRAILING = -4,  /* something follows the value */
	JSON_UTF8 = -5,      /* not UTF-8, or a lone surrogate escape */
	JSON_DEEP = -6,      /* nested over JSON_DEPTH_MAX */
	JSON_DUPLICATE = -7, /* a key that the object has already */
	JSON_SIZE = -8,      /* over the limit of values */
	JSON_MEMORY = -9,
};

/* where and why a text was refused */
struct json_where {
	size_t offset;
	size_t line;   /* from 1 */
	size_t column; /* in bytes, from 1 */
};

/* what an enum json_error means, in words for a message */
const char *json_error_text(int error);

/* fill line and column from text and where->offset */
void json_locate(struct str text, struct json_where *where);

/* the whole text is one value: JSON_OK, or the error and its offset */
int json_check(struct str text, size_t *offset);

/* type of a value from its raw text (which is not empty) */
enum json_type json_type_of(struct str raw);

/* ------------------------------------------------------------- cursors */

struct json_cursor {
	const char *p;
	const char *end;
	bool object;
};

/*
 * Start on the raw text of an object or array that json_check() accepted;
 * false when raw is another type.
 */
bool json_open(struct json_cursor *c, struct str raw);

/*
 * The next member: *value is its raw text and, in objects, *key the raw text
 * of its key without the quotes, escapes kept. false at the end.
 */
bool json_next(struct json_cursor *c, struct str *key, struct str *value);

/*
 * The raw value of a member of a validated object; p == NULL when it has none
 * (or raw is no object). Keys are compared after unescaping.
 */
struct str json_member(struct str raw, const char *key);

/*
 * Several members of a validated object in one pass: out[i] becomes the raw
 * value of names[i] (p == NULL: absent). false when raw is no object, or has
 * one of them twice: two readers could take different ones.
 */
bool json_pick(
	struct str raw, const char *const *names, struct str *out, size_t n);

/* does a raw key (escapes kept) spell this name? */
bool json_key_is(struct str raw_key, const char *name);

/* ----------------------------------------------------------- documents */

struct json_token;

struct json_doc {
	struct str text;
	struct json_token *token;
	size_t ntokens;
};

/* a value inside a document; index 0 is the whole; JSON_NONE is "absent" */
enum { JSON_NONE = -1 };

/*
 * Index text, which the document borrows. max_values bounds the memory (some
 * 24 bytes a value). On failure where says which byte, and nothing is held.
 */
int json_parse(struct json_doc *d, struct str text, size_t max_values,
	struct json_where *where);
void json_free(struct json_doc *d);

enum json_type json_type(const struct json_doc *d, int at);

/* the value as the bytes that came (strings with their quotes) */
struct str json_raw(const struct json_doc *d, int at);

/* member of an object by name, or JSON_NONE; `at` may be JSON_NONE too */
int json_get(const struct json_doc *d, int at, const char *key);

/* number of elements, or of members */
size_t json_count(const struct json_doc *d, int at);

/*
 * First child of an array, or first key of an object; and what follows a
 * child or key. JSON_NONE at the end. json_value() is the value of a key.
 */
int json_first(const struct json_doc *d, int at);
int json_after(const struct json_doc *d, int at);
int json_value(const struct json_doc *d, int key);

/* ------------------------------------------------------------- scalars */

/* append the text of a raw string (with quotes), escapes resolved, as UTF-8 */
void json_unquote(struct buf *out, struct str raw);

/* is the character NUL in a raw string? */
bool json_has_nul(struct str raw);

/* the text as a fresh C string for mem_free(); NULL: no memory or a NUL in it */
char *json_cstr(struct str raw);

/* a raw string equals this text after unescaping */
bool json_str_is(struct str raw, struct str text);

/* a raw number that is a whole one within 0..2^64-1 */
bool json_u64(struct str raw, uint64_t *out);

/* -------------------------------------------------------------- writer */

/*
 * Appends to a buf; the commas are put by itself. Errors stick to the buf.
 *     json_w_open(&w, '{'); json_w_key(&w, "ok"); json_w_bool(&w, true);
 *     json_w_close(&w, '}');
 */
struct json_writer {
	struct buf *out;
	bool comma;
};

void json_w_open(struct json_writer *w, char bracket);
void json_w_close(struct json_writer *w, char bracket);
void json_w_key(struct json_writer *w, const char *key);
void json_w_key_str(struct json_writer *w, struct str key);
void json_w_str(struct json_writer *w, struct str text);
void json_w_text(struct json_writer *w, const char *text);
void json_w_u64(struct json_writer *w, uint64_t v);
void json_w_bool(struct json_writer *w, bool v);
void json_w_null(struct json_writer *w);
/* a value that is JSON already */
void json_w_raw(struct json_writer *w, struct str raw);

/* a quoted JSON string; bytes that are not UTF-8 become U+FFFD */
void json_quote(struct buf *out, struct str text);

#endif
