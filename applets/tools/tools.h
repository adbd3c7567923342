/* SPDX-License-Identifier: MIT */
/* applets/tools/tools.h - what the parts of the tool server share. */
#ifndef APPLETS_TOOLS_TOOLS_H
#define APPLETS_TOOLS_TOOLS_H

#include "lib/loop.h"
#include "lib/role.h"
#include "net/jsonrpc.h"
#include "net/toolset.h"

enum { TOOLS_CALLS_MAX = 64 };

struct tools_call;

struct tools {
	struct loop loop;
	struct toolset set;
	unsigned role_bit;
	struct loop_fd in; /* fd -1: ended */
	struct loop_fd out;
	struct buf input; /* up to the first line break */
	bool skipping;    /* the rest of a line that was too long */
	struct buf queue; /* answers that are not written yet */
	struct tools_call *calls;
	size_t ncalls;
	struct loop_timer grace; /* after the end of the input */
	bool gone;               /* nobody reads the answers */
};

/* ---- serve.c: one message of the client, without its line break */
void tools_message(struct tools *t, struct str line);

/* a message to the client; written as soon as it takes it */
void tools_send(struct tools *t, const struct buf *message);

/* ---- run.c: calls under way */

/* who asked, and how to answer */
struct tools_caller {
	struct str id; /* raw */
	bool modern;   /* the revision without sessions */
};

/* run a tool; the answer comes later, or now when it cannot be started */
void tools_start(struct tools *t, const struct tool *tool, struct str arguments,
	const struct tools_caller *caller);

/* end the call of that raw id, without an answer */
void tools_cancel(struct tools *t, struct str id);
void tools_cancel_all(struct tools *t);

/* a result with one text */
void tools_send_text(struct tools *t, const struct tools_caller *caller,
	struct str text, bool is_error);

#endif
