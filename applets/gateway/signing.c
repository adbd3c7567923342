/* SPDX-License-Identifier: MIT */
/* applets/gateway/signing.c - requests that are signed. input: untrusted */
#include "applets/gateway/signing.h"

#include <stdlib.h>
#include <string.h>

#include "lib/applet.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/ed25519.h"
#include "lib/hash.h"
#include "lib/mem.h"

enum { AGE_MAX_S = 300 };

static const char field_time[] = "X-Studio-Timestamp";
static const char field_nonce[] = "X-Studio-Nonce";
static const char field_signature[] = "X-Studio-Signature";

struct signed_request {
	struct gateway *g;
	struct hash_stream body;
};

void signing_setup(struct gateway *g)
{
	const char *text = getenv("API_SIGNING_PUBLIC_KEY");
	struct buf key;
	if (!text || !*text)
		return;
	buf_init(&key, 256);
	g->signing =
		base64_get(&key, str_of(text)) && key.n == ED25519_KEY_SIZE;
	if (g->signing)
		memcpy(g->signing_key, buf_at(&key, 0), ED25519_KEY_SIZE);
	buf_fini(&key);
	if (!g->signing || !ed25519_key_sound(g->signing_key))
		die(EXIT_CONFIG, "API_SIGNING_PUBLIC_KEY: it must be the "
				 "base64 of an Ed25519 key (32 bytes)");
}

static bool refuse(struct http_exchange *x, const char *why)
{
	const struct http_head *head = http_request(x);
	http_reply_detail(x, 403, "signature of %.*s %.*s: %s",
		STR_FMT(head->method), STR_FMT(head->path), why);
	return false;
}

/* the parts of the signature that can be looked at before the body */
static bool fields_sound(struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	struct str text = http_field(head, field_time);
	uint64_t then;
	int64_t now = clock_wall(NULL);
	if (!text.p || !http_field(head, field_nonce).p ||
		!http_field(head, field_signature).p)
		return refuse(x, "X-Studio-Timestamp, X-Studio-Nonce and "
				 "X-Studio-Signature are needed");
	if (!str_to_u64(text, &then) || then > INT64_MAX)
		return refuse(x, "X-Studio-Timestamp: seconds are wanted");
	int64_t age = now - (int64_t)then;
	if (age > AGE_MAX_S || age < -AGE_MAX_S)
		return refuse(x, "X-Studio-Timestamp is over 300 s off");
	return true;
}

static bool verify(struct gateway *g, struct http_exchange *x,
	const unsigned char hash[HASH_SHA256_SIZE])
{
	const struct http_head *head = http_request(x);
	char hex[HASH_HEX_SIZE];
	struct buf text, signature;
	buf_init(&text, 2 * HTTP_HEAD_MAX);
	buf_init(&signature, 256);
	hash_hex(hex, hash, HASH_SHA256_SIZE);
	buf_putf(&text, "%.*s\n%.*s", STR_FMT(head->method),
		STR_FMT(head->path));
	if (head->query.p)
		buf_putf(&text, "?%.*s", STR_FMT(head->query));
	buf_putf(&text, "\n%.*s\n%.*s\n%s",
		STR_FMT(http_field(head, field_time)),
		STR_FMT(http_field(head, field_nonce)), hex);
	bool ok = base64_get(&signature, http_field(head, field_signature)) &&
		  signature.n == ED25519_SIGNATURE_SIZE && !text.err &&
		  ed25519_verify(g->signing_key,
			  (const unsigned char *)buf_at(&signature, 0),
			  buf_str(&text));
	buf_fini(&text);
	buf_fini(&signature);
	return ok || refuse(x, "it is not that of the key");
}

static void on_data(void *owner, struct str data)
{
	struct signed_request *s = owner;
	hash_more(&s->body, data);
}

static bool on_verdict(void *owner, struct http_exchange *x)
{
	struct signed_request *s = owner;
	unsigned char hash[HASH_SHA256_SIZE];
	hash_end(&s->body, hash);
	return verify(s->g, x, hash);
}

bool signing_admits(struct gateway *g, struct http_exchange *x)
{
	const struct http_head *head = http_request(x);
	unsigned char hash[HASH_SHA256_SIZE];
	bool empty = head->framing == HTTP_BODY_NONE ||
		     (head->framing == HTTP_BODY_LENGTH && head->length == 0);
	if (!g->signing)
		return true;
	if (!fields_sound(x))
		return false;
	if (empty) {
		hash_sha256(hash, STR(""));
		return verify(g, x, hash);
	}
	/* only these read their bodies, and nobody else's would be judged */
	if (!str_is(head->method, "POST"))
		return refuse(x, "only POST may have a body");
	struct signed_request *s = mem_new(sizeof(*s));
	if (!s) {
		http_reply_detail(x, 500, "out of memory");
		return false;
	}
	s->g = g;
	hash_start(&s->body);
	http_set_guard(x, &(struct http_guard){.data = on_data,
				  .verdict = on_verdict,
				  .release = mem_free,
				  .owner = s});
	return true;
}
