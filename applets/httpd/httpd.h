/* SPDX-License-Identifier: MIT */
/*
 * applets/httpd/httpd.h - what the parts of httpd share.
 *
 * A request walks through answer.c: path -> file of cache.c (or list.c) ->
 * conditions -> ranges -> body.
 */
#ifndef APPLETS_HTTPD_HTTPD_H
#define APPLETS_HTTPD_HTTPD_H

#include <sys/stat.h>

#include "lib/args.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum {
	CACHE_SLOTS = 512,
	CACHE_SMALL = 16 * 1024, /* files up to this are kept in memory */
	CACHE_CHECK_MS = 1000,   /* a name may lead elsewhere after so long */
	ETAG_SIZE = 64,
};

struct httpd {
	/* options */
	const char *root;
	const char *listen;
	const char *unix_path;
	const char *index;
	const char *hosts; /* names that Host may have, or NULL */
	bool check_hosts;
	uint64_t port;
	uint64_t max_age;
	bool has_max_age;
	bool listing;
	bool hidden;
	bool log;
	struct arg_list types;

	int root_fd;
	struct loop loop;
	struct loop_timer timer;
	struct http_server *server;
	bool stopping;
	struct file *cache[CACHE_SLOTS];
	struct buf path;     /* of the request that is looked at, decoded */
	struct buf log_text; /* lines of this turn */
	struct loop_defer log_defer;
	bool log_waits;
};

/* ---------------------------------------------------- cache.c: open files */

/* a file (or directory) as it was opened; counted, as answers use it */
struct file {
	unsigned uses;
	char *path; /* below the root, "" for itself */
	int fd;
	struct stat st;
	uint64_t checked_ms;
	char *small;                /* its bytes, when it is short */
	bool gzip;                  /* NAME.gz, for who accepts that */
	bool has_gzip;              /* there is a NAME.gz beside it */
	struct buf fields;          /* lines that every answer about it has */
	char etag[ETAG_SIZE];       /* with its quotes */
	char date[CLOCK_HTTP_SIZE]; /* Last-Modified */
	const char *type;
};

/*
 * The file of that path, beneath the root; for file_release(). 0, or a
 * negative errno; -EXDEV and -ELOOP when it leads out of the root.
 */
int file_get(struct httpd *h, struct str path, bool gzip, struct file **out);
void file_release(struct file *f);
void file_cache_clear(struct httpd *h);

/* --------------------------------------------------------- the other parts */

/* types.c: by the name's extension; --type comes first */
const char *type_of_name(const struct httpd *h, struct str name);

/* answer.c */
void answer(void *owner, struct http_exchange *x);

/* list.c: the page of a directory; 0 or a negative errno */
int list_page(struct httpd *h, const struct file *dir, struct buf *out);

/* percent-encode what may not stand in a path of a URL */
void put_url_path(struct buf *out, struct str path);

/* log.c: a line of the Combined Log Format on standard output */
void log_request(void *owner, const struct http_exchange *x, int status,
	uint64_t bytes, uint64_t us);
void log_flush(void *owner);

#endif
