/* SPDX-License-Identifier: MIT */
/*
 * net/jsonrpc.h - JSON-RPC 2.0 envelopes, read and rewritten without a tree.
 *
 * input: untrusted
 *
 * A message is looked at only as deep as routing needs; the rest travels as
 * the bytes that came.
 */
#ifndef NET_JSONRPC_H
#define NET_JSONRPC_H

#include "lib/json.h"

enum jsonrpc_code {
	JSONRPC_PARSE_ERROR = -32700,
	JSONRPC_INVALID_REQUEST = -32600,
	JSONRPC_METHOD_NOT_FOUND = -32601,
	JSONRPC_INVALID_PARAMS = -32602,
	JSONRPC_INTERNAL_ERROR = -32603,
};

enum jsonrpc_kind {
	JSONRPC_REQUEST,
	JSONRPC_NOTIFICATION,
	JSONRPC_RESULT,
	JSONRPC_ERROR,
};

/* raw values, pointing into text; p == NULL: absent */
struct jsonrpc {
	enum jsonrpc_kind kind;
	struct str text;
	struct str id;     /* a string or a number */
	struct str method; /* without its quotes; compare by jsonrpc_is() */
	struct str params;
	struct str result;
	struct str error;
};

/*
 * Read one message. 0, or JSONRPC_PARSE_ERROR / JSONRPC_INVALID_REQUEST with
 * *why in words; in the second case m->id is set when there was a usable one.
 */
int jsonrpc_read(struct jsonrpc *m, struct str text, const char **why);

/* the same for text that json_check() has accepted already */
int jsonrpc_read_checked(struct jsonrpc *m, struct str text, const char **why);

/*
 * Which request a text that could not be read seems to answer: the digits of
 * its id when it stands near either end, where writers of JSON put it.
 */
struct str jsonrpc_guess_id(struct str text);

/* does it have this method, however the text escapes it ("tools\/call")? */
bool jsonrpc_is(const struct jsonrpc *m, const char *method);

/* replace the bytes `at` (inside a text) by `with` */
struct jsonrpc_edit {
	struct str at;
	struct str with;
};

/* put one more among n edits, in order of position; how many there are now */
size_t jsonrpc_add_edit(
	struct jsonrpc_edit *all, size_t n, struct str at, struct str with);

/*
 * Append a text with its edits made (in order of position) and line breaks
 * between tokens turned into spaces, so that it is one line.
 */
void jsonrpc_put_edited(struct buf *out, struct str text,
	const struct jsonrpc_edit *edits, size_t n);

/* append {"jsonrpc":"2.0","id":ID,"error":{"code":..,"message":".."}} */
void jsonrpc_put_error(
	struct buf *out, struct str id, int code, struct str message);

/* append {"jsonrpc":"2.0","id":ID,"result":RESULT} */
void jsonrpc_put_result(struct buf *out, struct str id, struct str result);

#endif
