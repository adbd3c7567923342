/* SPDX-License-Identifier: MIT */
/*
 * net/sse_read.h - an event stream (text/event-stream) taken apart, as it
 * arrives (WHATWG HTML, section 9.2.6).
 *
 * input: untrusted
 *
 * Bytes go in as they come, cut anywhere; events come out one at a time. Only
 * the data of one event is held, and never more than a maximum.
 */
#ifndef NET_SSE_READ_H
#define NET_SSE_READ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"

enum {
	SSE_ID_MAX = 512,  /* a longer id is none: it cannot be asked for */
	SSE_NAME_MAX = 64, /* a longer name of an event is cut */
	SSE_FIELD_MAX = 5, /* of "event" and "retry" */
	SSE_RETRY_MAX_MS = 3600000,
};

/* a value of bounded length; n over the size: it did not fit */
struct sse_text {
	size_t n;
	char p[SSE_ID_MAX];
};

struct sse_reader {
	/* what the stream has said so far; it outlives a connection */
	struct sse_text last_id; /* of the last whole event that had one */
	uint64_t retry_ms;       /* wait before connecting again; 0: unsaid */

	struct buf data; /* of the event being read */
	bool has_data;
	bool told; /* the caller has seen it */
	struct sse_text id;
	bool has_id;
	size_t name_len;
	char name[SSE_NAME_MAX];
	/* the line being read */
	int state;
	int field;
	size_t field_len;
	char field_name[SSE_FIELD_MAX];
	uint64_t retry;
	bool retry_bad;
	bool after_cr; /* a line feed that follows belongs to it */
	unsigned mark; /* bytes of a byte order mark seen; 3: past it */
};

/* an event; its strings are valid until the next call */
struct sse_event {
	bool complete;   /* false: more bytes are needed */
	struct str name; /* "message" when the stream gives it none */
	struct str data; /* lines joined by \n */
};

void sse_init(struct sse_reader *r, size_t data_max);
void sse_fini(struct sse_reader *r);

/* another connection follows: forget what was cut, keep id and retry */
void sse_restart(struct sse_reader *r);

/*
 * Take bytes. Returns how many were taken: all of them, or those up to the end
 * of an event, which is then complete; call again for the rest. -EMSGSIZE:
 * the data of an event is over the maximum; -ENOMEM.
 */
ssize_t sse_read(struct sse_reader *r, struct str in, struct sse_event *event);

/* what a Last-Event-ID field should say; n == 0: no event had an id */
struct str sse_last_id(const struct sse_reader *r);

#endif
