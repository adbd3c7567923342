/* SPDX-License-Identifier: MIT */
/*
 * net/sigv4.h - AWS Signature Version 4: what is signed, and the signatures.
 *
 * Pure functions: nothing is sent, no clock is read. Names and values of a
 * request are given as they are, not encoded; each is percent-encoded once,
 * and the target that goes over the wire is made by the same functions, so
 * that it cannot differ from what was signed. Reference: "Authenticating
 * Requests (AWS Signature Version 4)", with S3's rules where `normalise` is
 * false.
 */
#ifndef NET_SIGV4_H
#define NET_SIGV4_H

#include "lib/buf.h"
#include "lib/hash.h"
#include "net/http.h"

enum {
	SIGV4_PARAMS_MAX = 64,
	SIGV4_FIELDS_MAX = 64,
	SIGV4_DATE_SIZE = 17,
	SIGV4_EXPIRES_MAX = 604800, /* seconds that a URL may be good for */
};

#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
/* hex SHA-256 of nothing */
#define SIGV4_EMPTY                        \
	"e3b0c44298fc1c149afbf4c8996fb924" \
	"27ae41e4649b934ca495991b7852b855"

/* who signs, for where and when */
struct sigv4_signer {
	struct str access;
	struct str secret;
	struct str token; /* p == NULL: none; only presigning puts it in */
	struct str region;
	struct str service;
	char date[SIGV4_DATE_SIZE]; /* "20150830T123600Z" */
};

struct sigv4_request {
	struct str method;
	struct str path;
	bool normalise; /* remove "//", "." and ".."; never for S3 */
	const struct http_field *params;
	size_t nparams;
	const struct http_field *fields; /* all of them are signed */
	size_t nfields;
	struct str payload; /* hex SHA-256 of the body, or a literal */
};

/* write date from seconds since the epoch */
void sigv4_date(char date[SIGV4_DATE_SIZE], int64_t seconds);

/* percent-encode all but A-Z a-z 0-9 - . _ ~, and '/' with keep_slash */
void sigv4_encode(struct buf *out, struct str text, bool keep_slash);

/* the path as it is signed and sent; at least "/" */
void sigv4_path(struct buf *out, struct str path, bool normalise);

/* the parameters as they are signed and sent: encoded and in order */
void sigv4_query(
	struct buf *out, const struct http_field *params, size_t nparams);

/* the steps: each appends its text; an overlong list gives out->err */
void sigv4_signed_names(struct buf *out, const struct sigv4_request *r);
void sigv4_canonical(struct buf *out, const struct sigv4_request *r);
void sigv4_string_to_sign(
	struct buf *out, const struct sigv4_signer *s, struct str canonical);
void sigv4_key(
	unsigned char key[HASH_SHA256_SIZE], const struct sigv4_signer *s);
void sigv4_sign(char hex[HASH_HEX_SIZE], const struct sigv4_signer *s,
	struct str string_to_sign);

/*
 * Append the value of the Authorization field, and leave the signature in
 * hex: the seed of chunk signatures. 0, or a negative errno.
 */
int sigv4_authorize(struct buf *out, char hex[HASH_HEX_SIZE],
	const struct sigv4_signer *s, const struct sigv4_request *r);

/*
 * Append the query of a presigned URL: r's parameters, the signer's and the
 * signature. 0, or a negative errno.
 */
int sigv4_presign(struct buf *out, const struct sigv4_signer *s,
	const struct sigv4_request *r, uint64_t expires_s);

/*
 * The signature of the next chunk of an aws-chunked body, and of its trailer
 * ("name:value\n" lines): hex holds the one before and becomes the new one.
 */
void sigv4_chunk(char hex[HASH_HEX_SIZE], const struct sigv4_signer *s,
	struct str chunk);
void sigv4_trailer(char hex[HASH_HEX_SIZE], const struct sigv4_signer *s,
	struct str lines);

#endif
