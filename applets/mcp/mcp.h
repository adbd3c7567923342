/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/mcp.h - what the parts of the MCP client share.
 *
 * The client does one thing after the other: a function that asks the server
 * turns the event loop until the answer is there. What goes wrong for good
 * ends the program with a sentence.
 */
#ifndef APPLETS_MCP_MCP_H
#define APPLETS_MCP_MCP_H

#include "lib/args.h"
#include "lib/json.h"
#include "net/mcp_conn.h"
#include "net/mcp_era.h"

enum {
	LIST_PAGES_MAX = 1000, /* of one list */
	LIST_ITEMS_MAX = 100000,
	ROUNDS_MAX = 64, /* of questions within one request */
	TEXT_MAX = 256 << 20,
};

struct mcp_options {
	const char *era; /* "auto", "legacy" or "modern" */
	const char *bearer;
	const char *ca_file;
	const char *output;
	const char *level;
	struct arg_list headers;
	struct arg_list env;   /* of a command */
	struct arg_list roots; /* directories */
	uint64_t timeout_s;    /* longest wait for an answer or its progress */
	uint64_t max_s;        /* for all of it; 0: no limit */
	bool insecure;
	bool sse;
	bool json;
	bool quiet;
};

/* ---------------------------------------- session.c, target.c: the server */

typedef void session_note_fn(void *owner, const struct jsonrpc *m);

struct session {
	const struct mcp_options *options;
	struct loop loop;
	struct mcp_conns conns;
	struct mcp_conn *conn;
	struct mcp_server_config config;
	struct buf url;
	enum mcp_era era;
	struct buf hello; /* the result of initialize or discover */
	uint64_t last_id; /* of the request that is awaited */
	bool awaited;
	bool answered;
	struct buf answer;        /* its text */
	struct buf asked;         /* requests of the server, a line each */
	session_note_fn *on_note; /* notifications but progress; or NULL */
	void *note_owner;
	int note_fd;
	char exit_reason[512]; /* n != 0: the connection is gone */
	bool gone;
	bool interrupted;
	bool late;
	struct loop_timer timer;
	struct loop_timer end; /* of --max-time */
	bool shows_progress;   /* a line of it stands on the terminal */
	bool terminal;         /* somebody is there to be asked */
};

/* where the server is: a URL, a unix socket, or a command and its arguments */
struct target {
	const char *url;
	const char *unix_path;
	char **command;
};

/*
 * Of the operands behind a verb that needs at least so many, the first is the
 * server when it looks like one and enough others remain: the one of "read
 * URI" may be the http: URL of a resource. The number of operands used.
 */
int target_find(struct target *to, int least, char **argv, int argc);

/* fill in the configuration of the session's connection */
void target_configure(struct session *s, const struct target *to);

/* connect, find the era, shake hands */
void session_open(struct session *s, const struct mcp_options *o,
	const struct target *to);

/*
 * One request; params are the raw members of its object ("" for none). The
 * result, which is valid until the next request; an error of the server ends
 * the program, unless error is given: then result.p is NULL and *error its raw
 * object.
 */
struct str session_ask(struct session *s, const char *method, struct str params,
	struct str *error);

void session_tell(struct session *s, const char *method, struct str params);

/*
 * Turns until Ctrl-C is pressed, the time is over, or the server has answered
 * the request that keeps it talking (method NULL: there is none).
 */
void session_listen(struct session *s, const char *method, struct str params);

/* the request that is under way is given up, and the server told so */
void session_close(struct session *s);

/* the loop's next turn; ends the program when it is time to */
void session_turn(struct session *s);

/* the server's name, version and revision, as they are shown */
void session_put_server(struct buf *out, const struct session *s);

/* ------------------------------------- answer.c: what the server asks of us */

/* append the raw result or, with *failed, the raw error object */
void answer_put(struct buf *out, struct session *s, struct str method,
	struct str params, bool *failed);

/* ------------------------------------------- values.c: arguments of the user */

/* append {"key":value,...} of "key=text", "key:=json" and "-" (JSON on stdin) */
void values_put(struct buf *out, char **v, int n, bool only_text);

/* -------------------------------------------------------- show.c: the output */

/* append text fit for a terminal: control characters become visible */
void show_clean(struct buf *out, struct str text, bool one_line);

/* the same of a raw JSON value: a string without its quotes, or as it is */
void show_plain(struct buf *out, struct str raw, bool one_line);

/* text as it came, but clean when standard output is a terminal */
void show_text(struct str text);

/* the members of a raw array of content blocks, as people read them */
void show_content(struct str array);

/* rows of cells that become columns; the last is cut to the terminal's width */
struct table {
	struct buf cells; /* each ends in NUL */
	size_t columns;
	size_t n; /* cells */
};
void table_init(struct table *t, size_t columns);
void table_put(struct table *t, struct str text);
/* a raw JSON string, or nothing */
void table_put_raw(struct table *t, struct str raw);
void table_print(struct table *t);

void show_progress(struct session *s, const struct jsonrpc *m);
void show_progress_end(struct session *s);

/* ---------------------------------------------------------------- serve.c */

int serve_main(int argc, char **argv);

/* ------------------------------------------------------- verbs.c, listen.c */

/* with the params that were prepared; the exit status */
typedef int verb_fn(
	struct session *s, struct str params, char **argv, int argc);
verb_fn verb_tools, verb_call, verb_resources, verb_read, verb_prompts;
verb_fn verb_get, verb_complete, verb_ping, verb_log, verb_watch;

/* append the params of a verb's request; what is wrong is a usage error */
void prepare_call(struct buf *params, char **argv, int argc);
void prepare_read(struct buf *params, char **argv, int argc);
void prepare_get(struct buf *params, char **argv, int argc);
void prepare_complete(struct buf *params, char **argv, int argc);

/* from now on the log of the server goes to this descriptor */
void follow_log(struct session *s, int fd);

#endif
