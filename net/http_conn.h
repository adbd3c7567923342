/* SPDX-License-Identifier: MIT */
/*
 * net/http_conn.h - the insides of the server; private to net/http_*.c.
 *
 * Who calls whom. A frame is one pass over a connection: input is looked at
 * by http_conn.c, which begins and feeds exchanges (http_exchange.c), whose
 * handlers answer (http_response.c), which sends or queues (http_io.c). Frames
 * begin only in the loop's own callbacks and never nest: what a handler does
 * to a connection outside of its frame marks it, and http_conn_schedule() has
 * a frame run at the end of the turn. An exchange is finished, and a dead
 * connection released, by frames alone; so nothing that a handler holds goes
 * away under its hands.
 *
 * Where the bytes are. Reads go into one scratch buffer of the server, and
 * what cannot be used at once moves to the connection's own buffer; a
 * connection between two requests therefore holds no buffer at all. The head
 * is parsed into a pooled exchange and its bytes are copied there.
 */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include <netinet/in.h>

#include "lib/clock.h"
#include "net/http_server.h"

enum {
	READ_MAX = 256 * 1024,       /* bytes of one read(2) */
	READS_PER_TURN = 4,          /* of one connection, before others */
	IN_HIGH = HTTP_HEAD_MAX,     /* more unused input: stop reading */
	IN_MAX = IN_HIGH + READ_MAX, /* so this is never exceeded */
	OUT_HIGH = 64 * 1024,        /* more unsent output: begin no request */
	OUT_MAX = 256 * 1024 * 1024,
	COALESCE_MAX = 16 * 1024, /* output that may wait for the frame's end */
	SMALL_BODY = 4096,        /* a body that is copied behind its head */
	SLOW_BYTES_PER_MS = 1,    /* what a body must average after its grace */
	COLLECTED_MAX = 256 << 20, /* of all bodies that wait in memory */
	SKIP_MAX = 64 * 1024, /* rest of a body read to keep a connection */
	LINGER_BYTES = 64 * 1024 * 1024,
	LINGER_MS = 5000,
	LINGER_DRAINING_MS = 200,
	POOL_MAX = 64, /* exchanges kept for reuse */
};

enum conn_state {
	CONN_OPEN,   /* requests are read and answered */
	CONN_FLUSH,  /* the last answer is given; send what is queued */
	CONN_LINGER, /* our side is shut; wait for the peer to close */
	CONN_DEAD,   /* the descriptor is closed; release it */
};

struct http_conn {
	struct http_server *server;
	struct loop_fd watch;
	struct loop_timer timer; /* fires at or before deadline_ms */
	uint64_t deadline_ms;    /* 0: none */
	uint64_t progress_ms;    /* when a byte moved last, either way */
	uint64_t head_ms;        /* first byte of a partial head; 0: none */
	uint64_t linger_ms;      /* start of CONN_LINGER */
	struct http_exchange *x; /* the one being served, or NULL */
	struct http_conn *prev;
	struct http_conn *next;
	struct http_conn *next_scheduled;
	struct buf in;
	struct buf out;
	struct str view; /* within a frame: the input not used yet */
	uint64_t discarded;
	enum conn_state state;
	bool busy; /* a frame runs */
	bool scheduled;
	bool peer_done; /* read(2) gave 0 */
	bool half_seen; /* EPOLLRDHUP came while not reading */
	bool linger;    /* after CONN_FLUSH comes CONN_LINGER */
	int note;       /* see http_connection_note() */
	char peer[INET6_ADDRSTRLEN];
};

enum body_mode {
	BODY_UNDECIDED, /* the handler has not said yet */
	BODY_COLLECT,
	BODY_STREAM,
	BODY_SKIP,
};

enum answer_state { ANSWER_NONE, ANSWER_STARTED, ANSWER_ENDED };

struct http_exchange {
	struct http_exchange *next; /* in the pool */
	struct http_conn *conn;
	struct http_head head;
	struct http_body body;
	struct buf bytes;   /* the head as it came */
	struct buf fields;  /* of the answer, as lines */
	struct buf content; /* the collected body */
	struct buf out;     /* lent to the connection, see http_io_lend() */
	void *owner;
	void (*on_close)(void *owner, struct http_exchange *x);
	/* body */
	enum body_mode mode;
	struct http_sink sink;
	struct http_guard guard; /* verdict == NULL: none */
	http_body_fn *collected;
	void *collected_owner;
	bool paused;
	uint64_t paused_ms;
	uint64_t patience_ms; /* when a slow body is given up */
	bool end_told;
	bool body_begun;
	/* answer */
	enum answer_state answer;
	int status;
	uint64_t sent; /* bytes queued or sent for it */
	uint64_t start_us;
	void (*drain)(void *owner, struct http_exchange *x);
	void *drain_owner;
	size_t drain_low;
	bool drain_armed;    /* queued was at or over drain_low */
	uint64_t sized_left; /* of an answer of known length: not written yet */
	struct http_piece file; /* n is 0 when there is none */
	void (*file_fn)(void *owner, struct http_exchange *x);
	void *file_owner;
	bool sized;
	bool chunked;
	bool no_body; /* HEAD, 204, 304: payload is dropped */
	bool close;
	bool long_lived;
	bool probe; /* see http_set_probe() */
	bool probed;
	int note; /* see http_note() */
};

struct http_listener {
	struct http_server *server;
	struct loop_fd watch;
	struct loop_timer retry; /* out of descriptors: accept again then */
	struct http_listener *next;
};

struct http_server {
	size_t collected; /* bytes of bodies that wait in memory */
	struct loop *loop;
	struct http_server_config config;
	struct http_listener *listeners;
	struct http_conn *conns;
	size_t nconns; /* without the dead ones */
	struct http_exchange *pool;
	size_t npool;
	struct http_conn *scheduled;
	struct loop_defer defer;
	bool defer_set;
	bool draining;
	bool freed; /* release the rest when defer comes */
	int spare_fd;
	uint64_t warned_ms;
	struct buf text; /* heads and error bodies are put together here */
	uint64_t date_until_ms;
	char date[CLOCK_HTTP_SIZE];
	char scratch[IN_HIGH + READ_MAX];
};

/* http_conn.c: takes fd; NULL: no memory (fd is closed) */
struct http_conn *http_conn_new(struct http_server *s, int fd);
/* run a frame at the end of the turn; no-op within the connection's frame */
void http_conn_schedule(struct http_conn *c);
/* close the descriptor now; what hangs on it is released by a frame */
void http_conn_kill(struct http_conn *c);
/* finish the exchange and release; only when no frame of it is running */
void http_conn_free(struct http_conn *c);
/* answer an unsound request and close */
void http_conn_refuse(struct http_conn *c, int status, const char *reason);
/* no request is being served, and no answer on its way */
bool http_conn_spare(const struct http_conn *c);
/* the input not used yet, and using n bytes of it */
struct str http_conn_input(const struct http_conn *c);
void http_conn_take(struct http_conn *c, size_t n);

/* http_io.c: send after what is queued, or queue it all when `later` */
void http_io_send(
	struct http_conn *c, const struct str *pieces, size_t n, bool later);
void http_io_flush(struct http_conn *c);
/* is the socket full? */
bool http_io_blocked(const struct http_conn *c);
/* let the connection use the exchange's spare output memory; take it back */
void http_io_lend(struct http_conn *c, struct http_exchange *x);
void http_io_return(struct http_conn *c, struct http_exchange *x);

/* http_exchange.c: from the pool; NULL: no memory */
struct http_exchange *http_exchange_take(struct http_server *s);
/* back to the pool, without a word to anyone */
void http_exchange_put(struct http_server *s, struct http_exchange *x);
void http_exchange_free(struct http_exchange *x);
/* the head (n bytes at the start of the input) is complete; false: no memory */
bool http_exchange_begin(
	struct http_exchange *x, struct http_conn *c, size_t n);
/* move body bytes to the handler; true: something happened, look again */
bool http_exchange_feed(struct http_exchange *x);
/* drop body bytes that are there already; false: they are malformed */
bool http_exchange_skip(struct http_exchange *x);
/* log, on_close, back to the pool */
void http_exchange_finish(struct http_exchange *x);

/* http_file.c: send more of the file; true: something happened, look again */
bool http_file_feed(struct http_exchange *x);

/* http_response.c: a whole answer of the server's own, without an exchange */
struct str http_response_error(
	struct http_server *s, int status, const char *reason);
/* call the drain function if it is due; true: it was */
bool http_response_drained(struct http_exchange *x);

#endif
