/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/s3.h - what the parts of the applet s3 share.
 *
 * One struct s3 holds the configuration; each thread has a struct s3_conn with
 * a connection of its own and makes calls through it. A failed call leaves a
 * sentence in call->error; the caller adds the name of the object.
 */
#ifndef APPLETS_S3_S3_H
#define APPLETS_S3_S3_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/progress.h"
#include "lib/args.h"
#include "lib/json.h"
#include "net/http_client.h"
#include "net/s3_uri.h"
#include "net/sigv4.h"
#include "net/url.h"

enum {
	S3_PART = 8 << 20,
	S3_MEMORY = 64 << 20, /* of parts in flight */
	S3_THREADS = 8,
	S3_PARTS_MAX = 10000,
	S3_URL_MAX = 8 * URL_MAX,
	S3_PAGE_MAX = 16 << 20,
	S3_ERROR_SIZE = 640,
	S3_TEXT = 128,
	S3_TOKEN_MAX = 8192,
	S3_UPLOAD_ID_MAX = 1024,
	S3_FIELDS_MAX = 24,
	S3_PARAMS_MAX = 12,
};

/* exit statuses of the applet, and what calls return beside 0 */
enum s3_result {
	S3_OK = 0,
	S3_FAILED = 1,
	S3_NOT_FOUND = 3, /* no such bucket or key */
	S3_DENIED = 4,    /* credentials: none, wrong, or not enough */
	S3_NETWORK = 5,   /* the store does not answer */
	S3_NAME = 6,      /* no file can have the key's name; exit status 1 */
};

enum s3_checksum {
	S3_SUM_NONE,
	S3_SUM_CRC32,
	S3_SUM_CRC32C,
	S3_SUM_CRC64NVME,
	S3_SUM_SHA256,
};

struct s3_options {
	const char *endpoint;
	const char *region;
	const char *profile;
	const char *ca_file;
	const char *checksum;
	const char *content_type;
	const char *method; /* of presign */
	bool recursive;
	bool json;
	bool quiet;
	bool anonymous;
	bool insecure;
	bool path_style;
	bool virtual_host;
	bool remove_extra; /* sync --delete */
	bool dry_run;
	bool tar;
	bool raw_prefix;
	bool follow;
	bool presign;
	bool resume;
	bool chunked;
	const char *sse;
	const char *sse_key;
	const char *storage_class;
	const char *version;
	uint64_t part_mb;
	uint64_t threads;
	uint64_t retries;
	uint64_t expires;
	uint64_t status_fd;
	uint64_t timeout_s;
};

struct s3_keys {
	char access[S3_TEXT * 2];
	char secret[S3_TEXT * 2];
	char token[S3_TOKEN_MAX];
	int64_t expires; /* seconds since the epoch; 0: never */
};

struct s3 {
	const struct s3_options *o;
	bool custom; /* an endpoint that is not AWS's by rule */
	bool tls;
	bool path_style;
	char host[URL_HOST_MAX + 1]; /* of a custom endpoint */
	char authority[URL_HOST_MAX + 16];
	struct str base; /* path of the endpoint, without the last '/' */
	uint16_t port;
	struct tls_context *tls_context;
	enum s3_checksum checksum;
	int cancel; /* set by SIGTERM and SIGINT: the signal */

	pthread_mutex_t lock; /* of what follows */
	char region[S3_TEXT];
	struct s3_keys keys;
	bool has_keys;
	int64_t skew_s;  /* the store's clock minus ours */
	bool plain_puts; /* it refused checksum fields once */
	/* the outcome for --status-fd */
	uint64_t objects;
	uint64_t bytes;
	struct buf url;
};

struct s3_conn {
	struct s3 *s3;
	struct http_client client;
	bool open;
	char host[URL_HOST_MAX + 1]; /* it is open to */
};

struct s3_sum {
	enum s3_checksum kind;
	uint64_t crc;
	struct hash_stream sha;
};

/* what is sent along with a body, made while the body was read */
struct s3_digest {
	struct s3_sum sum;
	struct s3_sum payload; /* SHA-256 for the signature, or nothing */
};

enum s3_chunk_stage {
	S3_CHUNK_HEAD,
	S3_CHUNK_DATA,
	S3_CHUNK_LAST, /* the end of the last chunk that has data */
	S3_CHUNK_END,
};

/* a body that goes out in signed pieces, see chunked.c */
struct s3_chunked {
	struct str body;
	bool sign;
	char trailer[2 * S3_TEXT]; /* "name:value", or "" */
	const struct sigv4_signer *signer;
	char hex[HASH_HEX_SIZE]; /* the signature before */
	size_t at;
	enum s3_chunk_stage stage;
	char line[3 * S3_TEXT + 3 * HASH_HEX_SIZE];
};

struct s3_call {
	/* the request */
	const char *method;
	struct str bucket; /* p == NULL: the service itself */
	struct str key;    /* p == NULL: the bucket itself */
	struct http_field params[S3_PARAMS_MAX];
	size_t nparams;
	struct http_field fields[S3_FIELDS_MAX];
	size_t nfields;
	struct str body;
	bool has_body;
	bool sum; /* the body is an object or a part: add its checksum */
	struct s3_chunked *chunked;     /* set by s3_call() */
	const struct s3_digest *digest; /* of the body; NULL: not made yet */
	bool md5;                       /* add Content-MD5 */
	/* where the body of a 2xx answer goes; NULL: to http.content */
	http_client_data_fn *on_data;
	void (*on_restart)(void *owner); /* what came must be forgotten */
	void *owner;
	unsigned tries; /* 0: as many as the options say */
	/* the answer; valid until s3_call_fini() */
	struct http_client_call http;
	char error[S3_ERROR_SIZE];
	char code[S3_TEXT]; /* "NoSuchKey" ... */
};

/* s3.c */
/* s3_uri_of(), but only s3://BUCKET[/KEY] will do; with need_key, with a key */
struct s3_uri s3_uri_remote(const char *text, bool need_key);
/* a message; the first one is the error of --status-fd too */
void s3_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "s3: s3://BUCKET/KEY: why" */
void s3_complain(struct str bucket, struct str key, const char *why);

/* endpoint.c */
void s3_setup(struct s3 *s3, const struct s3_options *o);
void s3_fini(struct s3 *s3);
/* host to connect to, value of the Host field, and path of a call */
void s3_where(struct s3 *s3, const struct s3_call *call,
	char host[URL_HOST_MAX + 1], char authority[URL_HOST_MAX + 16],
	struct buf *path);

/* profile.c: a value of a profile, from the credentials or config file */
bool s3_profile_get(
	const struct s3_options *o, const char *name, char *dst, size_t size);

/* cred.c: keys that are good now; false with a sentence in why */
bool s3_keys_get(struct s3 *s3, struct s3_keys *keys, char *why);
void s3_keys_forget(struct s3 *s3);

/* cred_remote.c: from a container, an instance or a web identity:
 * 1 found, 0 there is none, -1 with a sentence in why */
int s3_keys_remote(struct s3 *s3, struct s3_keys *keys, char *why);
/* the same from MODAL_IDENTITY_TOKEN and MODAL_OIDC_ROLE_ARN */
int s3_keys_modal(struct s3 *s3, struct s3_keys *keys, char *why);

/* call.c */
void s3_conn_init(struct s3_conn *c, struct s3 *s3);
void s3_conn_fini(struct s3_conn *c);
void s3_param(struct s3_call *call, const char *name, struct str value);
void s3_field(struct s3_call *call, const char *name, struct str value);
/* 2xx: S3_OK; call->error otherwise. Retries as the options say */
enum s3_result s3_call(struct s3_conn *c, struct s3_call *call);
void s3_call_fini(struct s3_call *call);
/* is it our turn to stop? */
bool s3_cancelled(const struct s3 *s3);
void s3_signer(
	struct s3 *s3, const struct s3_keys *keys, struct sigv4_signer *signer);

/* chunked.c: a body and the field and value that follow it ("": none) */
void s3_chunked_init(struct s3_chunked *c, struct str body, bool sign,
	const char *field, const char *value);
/* what is signed in place of the hash; and the length of all of it */
const char *s3_chunked_payload(const struct s3_chunked *c);
uint64_t s3_chunked_length(const struct s3_chunked *c);
/* from the beginning: seed is the signature of the head */
void s3_chunked_start(struct s3_chunked *c, const struct sigv4_signer *signer,
	const char *seed);
/* the next piece, valid until the one after it; 0 at the end */
ssize_t s3_chunked_next(struct s3_chunked *c, struct str *piece);

/* fault.c: fill code and error from an answer that is not 2xx */
enum s3_result s3_fault(struct s3_call *call);
/* and from a failure of the connection */
enum s3_result s3_fault_errno(
	struct s3_call *call, const struct http_client *c, int err);

/* sum.c */
void s3_sum_start(struct s3_sum *s, enum s3_checksum kind);
void s3_sum_more(struct s3_sum *s, struct str data);
/* the value of the field, in base64 */
void s3_sum_text(struct s3_sum *s, char text[S3_TEXT]);
/* in_pieces: of a body that --chunked takes apart */
void s3_digest_start(struct s3_digest *d, const struct s3 *s3, bool in_pieces);
void s3_digest_more(struct s3_digest *d, struct str data);
/* the checksum in base64; and the hash of the payload in hex */
void s3_digest_sum(const struct s3_digest *d, char text[S3_TEXT]);
void s3_digest_payload(const struct s3_digest *d, char hex[HASH_HEX_SIZE]);
const char *s3_sum_field(enum s3_checksum kind);
const char *s3_sum_name(enum s3_checksum kind);
/* s becomes the checksum of what both covered; n bytes were in the second */
void s3_sum_join(struct s3_sum *s, const struct s3_sum *second, uint64_t n);
/* the checksum of a whole object that an answer names; false: none */
bool s3_sum_of_head(const struct http_head *head, enum s3_checksum *kind,
	struct str *value);

/* list.c */
struct s3_object {
	struct str key;
	uint64_t size;
	struct str modified; /* as the store writes it */
	struct str etag;
	bool prefix; /* a common prefix, not an object */
};
typedef enum s3_result s3_object_fn(void *owner, const struct s3_object *o);
struct s3_listing {
	struct s3_conn *conn;
	struct str bucket;
	struct str prefix;
	bool flat; /* no delimiter */
	s3_object_fn *each;
	s3_object_fn *page_end; /* or NULL; called with NULL */
	void *owner;
	char error[S3_ERROR_SIZE];
};
enum s3_result s3_list(struct s3_listing *l);

/* commands: status for exit */
int s3_ls(struct s3 *s3, char **args, int n);
int s3_get(struct s3 *s3, char **args, int n);
int s3_put(struct s3 *s3, char **args, int n);
int s3_stat(struct s3 *s3, char **args, int n);
int s3_rm(struct s3 *s3, char **args, int n);
int s3_cp(struct s3 *s3, char **args, int n);
int s3_mv(struct s3 *s3, char **args, int n);
int s3_mb(struct s3 *s3, char **args, int n);
int s3_rb(struct s3 *s3, char **args, int n);
int s3_presign(struct s3 *s3, char **args, int n);
int s3_sync(struct s3 *s3, char **args, int n);

/* copy.c: encryption and class of the object that a call makes */
void s3_object_fields(const struct s3_options *o, struct s3_call *call);

/* resume.c: a part that the store has; etag "": it has not */
struct s3_part {
	char etag[S3_TEXT];
	char sum[S3_TEXT];
	uint64_t size;
};
/*
 * The unfinished upload of a key (id is "" when there is none) and its parts
 * by number; error is S3_ERROR_SIZE bytes.
 */
enum s3_result s3_resume(struct s3_conn *conn, const struct s3_uri *to,
	char id[S3_UPLOAD_ID_MAX], struct buf *parts, char *error);

/* sync.c: a directory and a prefix, all of it, whatever is there already */
int s3_tree(struct s3 *s3, char **args, int n);
/* pack.c: get --tar */
int s3_pack(struct s3 *s3, char **args, int n);
/* object.c: append a URL that is good for --expires-in seconds */
enum s3_result s3_presign_url(
	struct s3 *s3, const struct s3_uri *at, struct buf *url);

/* what sync uses of the others; they complain themselves */
struct s3_done {
	uint64_t bytes;
	char etag[S3_TEXT];
};
/* dir: file is below that directory and may not lead out of it; -1: any */
enum s3_result s3_put_file(struct s3 *s3, int dir, const char *file,
	const struct s3_uri *to, struct s3_done *done);
enum s3_result s3_get_file(struct s3 *s3, const struct s3_uri *from,
	const char *file, struct s3_done *done);
/* to standard output, behind what on_size puts there; 0 or -errno of it */
typedef int s3_size_fn(void *owner, uint64_t size, int64_t modified);
enum s3_result s3_get_stream(struct s3 *s3, const struct s3_uri *from,
	s3_size_fn *on_size, void *owner, struct s3_done *done);
enum s3_result s3_copy_object(struct s3 *s3, const struct s3_uri *from,
	const struct s3_uri *to, struct s3_done *done);
enum s3_result s3_remove_object(struct s3 *s3, const struct s3_uri *at);
/* delete many by POST ?delete, a thousand at a time */
struct s3_remover {
	struct s3_conn *conn;
	struct str bucket;
	struct buf xml;
	size_t n;
	uint64_t removed;
	enum s3_result status;
};
void s3_remover_init(
	struct s3_remover *r, struct s3_conn *conn, struct str bucket);
enum s3_result s3_remover_add(struct s3_remover *r, struct str key);
enum s3_result s3_remover_flush(struct s3_remover *r);
void s3_remover_fini(struct s3_remover *r);

#endif
