/* SPDX-License-Identifier: MIT */
/*
 * net/tls.c - the client's side of TLS 1.2, over BearSSL.
 *
 * input: untrusted
 *
 * The X.509 engine is BearSSL's, with a listener in front of it that keeps the
 * server's certificate, so that an error can say what is in it, and which
 * compares addresses, which BearSSL does not.
 */
#include "net/tls.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/rand.h"
#include "lib/size.h"
#include "net/cert.h"
#include "net/pem.h"
#include "net/sock_addr.h"

enum {
	BUNDLE_MAX = 8 << 20,
	CERT_MAX = 16384,
	NAME_MAX_LEN = 256,
	SEED_SIZE = 48,
};

struct tls_context {
	br_x509_trust_anchor *anchor;
	size_t nanchors;
	bool trust_all;
	pthread_mutex_t lock; /* of the two below */
	br_ssl_session_parameters session;
	char session_name[NAME_MAX_LEN];
};

/* what stands in front of BearSSL's X.509 engine */
struct listener {
	const br_x509_class *vtable; /* first: BearSSL sees only this */
	br_x509_minimal_context minimal;
	br_x509_decoder_context decoder; /* of the server's own certificate */
	const br_x509_pkey *own_key;     /* in it; NULL: none */
	bool trust_all;
	unsigned count;              /* certificates so far */
	size_t n;                    /* bytes of this one so far */
	unsigned char der[CERT_MAX]; /* the latest */
	char address[16];            /* of the server when it has no name */
	size_t address_n;
	bool address_ok;
	struct cert own;      /* the server's; without names */
	struct cert last;     /* the last of the chain */
	struct cert untimely; /* the first that is not good now */
	bool has_untimely;
	char names[256];
};

struct tls {
	br_ssl_client_context client;
	struct listener x509;
	struct tls_context *context;
	char name[NAME_MAX_LEN];
	bool offered; /* a session to resume */
	unsigned char offered_id[32];
	char error[TLS_ERROR_SIZE];
	unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
};

/* ---------------------------------------------------------- the listener */

static struct listener *listener_of(const br_x509_class **ctx)
{
	return CONTAINER_OF(ctx, struct listener, vtable);
}

static void on_start_chain(const br_x509_class **ctx, const char *name)
{
	struct listener *l = listener_of(ctx);
	l->count = 0;
	l->has_untimely = false;
	l->own_key = NULL;
	l->minimal.vtable->start_chain(&l->minimal.vtable, name);
}

static void on_start_cert(const br_x509_class **ctx, uint32_t length)
{
	struct listener *l = listener_of(ctx);
	l->n = 0;
	if (l->count == 0)
		br_x509_decoder_init(&l->decoder, NULL, NULL);
	l->minimal.vtable->start_cert(&l->minimal.vtable, length);
}

static void on_append(
	const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	struct listener *l = listener_of(ctx);
	size_t part = size_min(n, CERT_MAX - l->n);
	memcpy(l->der + l->n, p, part);
	l->n += part;
	if (l->count == 0)
		br_x509_decoder_push(&l->decoder, p, n);
	l->minimal.vtable->append(&l->minimal.vtable, p, n);
}

static void on_end_cert(const br_x509_class **ctx)
{
	struct listener *l = listener_of(ctx);
	struct cert c;
	int64_t now = clock_wall(NULL);
	if (cert_read(&c, str_from((const char *)l->der, l->n))) {
		if (l->count == 0) {
			struct str address = {l->address, l->address_n};
			l->address_ok = cert_has_address(&c, address);
			cert_names_text(&c, l->names, sizeof(l->names));
			l->own = c;
		}
		l->last = c;
		if (!l->has_untimely &&
			(now < c.not_before || now > c.not_after)) {
			l->untimely = c;
			l->has_untimely = true;
		}
	}
	if (l->count++ == 0)
		l->own_key = br_x509_decoder_get_pkey(&l->decoder);
	l->minimal.vtable->end_cert(&l->minimal.vtable);
}

static unsigned on_end_chain(const br_x509_class **ctx)
{
	struct listener *l = listener_of(ctx);
	unsigned r = l->minimal.vtable->end_chain(&l->minimal.vtable);
	if (l->trust_all)
		return 0;
	if (r == 0 && l->address_n && !l->address_ok)
		return BR_ERR_X509_BAD_SERVER_NAME;
	return r;
}

static const br_x509_pkey *on_get_pkey(
	const br_x509_class *const *ctx, unsigned *usages)
{
	const struct listener *l = (const void *)ctx;
	if (!l->trust_all)
		return l->minimal.vtable->get_pkey(&l->minimal.vtable, usages);
	if (usages)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return l->own_key;
}

static const br_x509_class listener_class = {
	.context_size = sizeof(struct listener),
	.start_chain = on_start_chain,
	.start_cert = on_start_cert,
	.append = on_append,
	.end_cert = on_end_cert,
	.end_chain = on_end_chain,
	.get_pkey = on_get_pkey,
};

/* --------------------------------------------------------------- anchors */

static void append_dn(void *ctx, const void *p, size_t n)
{
	buf_put(ctx, p, n);
}

static unsigned char *dup_bytes(const void *p, size_t n)
{
	return (unsigned char *)mem_dup(p, n);
}

/* BearSSL's view of a key, moved into memory of its own */
static bool take_key(br_x509_pkey *dst, const br_x509_pkey *key)
{
	*dst = *key;
	if (key->key_type == BR_KEYTYPE_RSA) {
		const br_rsa_public_key *rsa = &key->key.rsa;
		dst->key.rsa.n = dup_bytes(rsa->n, rsa->nlen);
		dst->key.rsa.e = dup_bytes(rsa->e, rsa->elen);
		return dst->key.rsa.n && dst->key.rsa.e;
	}
	dst->key.ec.q = dup_bytes(key->key.ec.q, key->key.ec.qlen);
	return dst->key.ec.q != NULL;
}

static void free_anchor(br_x509_trust_anchor *a)
{
	mem_free(a->dn.data);
	if (a->pkey.key_type == BR_KEYTYPE_RSA) {
		mem_free(a->pkey.key.rsa.n);
		mem_free(a->pkey.key.rsa.e);
	} else {
		mem_free(a->pkey.key.ec.q);
	}
}

/* one more authority; what is none is passed over */
static int add_anchor(struct tls_context *c, struct str der)
{
	br_x509_decoder_context decoder;
	struct buf dn;
	buf_init(&dn, CERT_MAX);
	br_x509_decoder_init(&decoder, append_dn, &dn);
	br_x509_decoder_push(&decoder, der.p, der.n);
	const br_x509_pkey *key = br_x509_decoder_get_pkey(&decoder);
	if (!key || dn.err) {
		buf_fini(&dn);
		return 0;
	}
	br_x509_trust_anchor *v =
		mem_resize(c->anchor, (c->nanchors + 1) * sizeof(*v));
	if (!v) {
		buf_fini(&dn);
		return -ENOMEM;
	}
	c->anchor = v;
	br_x509_trust_anchor *a = &v[c->nanchors];
	*a = (br_x509_trust_anchor){.flags = BR_X509_TA_CA};
	/* a certificate that is trusted by itself, not as an authority */
	if (!br_x509_decoder_isCA(&decoder))
		a->flags = 0;
	a->dn.data = dup_bytes(buf_str(&dn).p, dn.n);
	a->dn.len = dn.n;
	bool ok = take_key(&a->pkey, key) && a->dn.data;
	buf_fini(&dn);
	if (!ok) {
		free_anchor(a);
		return -ENOMEM;
	}
	c->nanchors++;
	return 0;
}

static int add_anchors(struct tls_context *c, struct str text)
{
	struct str label, body;
	struct buf der;
	int r = 0;
	buf_init(&der, CERT_MAX);
	while (r == 0 && pem_next(&text, &label, &body)) {
		buf_reset(&der);
		if ((str_is(label, "CERTIFICATE") ||
			    str_is(label, "TRUSTED CERTIFICATE") ||
			    str_is(label, "X509 CERTIFICATE")) &&
			base64_get(&der, body) && !der.err)
			r = add_anchor(c, buf_str(&der));
	}
	buf_fini(&der);
	return r;
}

static const char *default_bundle(void)
{
	static const char *const variables[] = {
		"AWS_CA_BUNDLE", "SSL_CERT_FILE"};
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const char *value = getenv(variables[i]);
		if (value && *value)
			return value;
	}
	return "/etc/ssl/certs/ca-certificates.crt";
}

int tls_context_trust(
	struct tls_context *c, const char *file, const char **name)
{
	struct buf text;
	*name = file ? file : default_bundle();
	buf_init(&text, BUNDLE_MAX);
	int r = file_read(AT_FDCWD, *name, &text);
	if (r == 0)
		r = add_anchors(c, buf_str(&text));
	buf_fini(&text);
	if (r == 0 && c->nanchors == 0)
		r = -EINVAL;
	return r < 0 ? r : (int)c->nanchors;
}

struct tls_context *tls_context_new(void)
{
	struct tls_context *c = mem_new(sizeof(*c));
	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nanchors; i++)
		free_anchor(&c->anchor[i]);
	mem_free(c->anchor);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

void tls_context_trust_all(struct tls_context *c)
{
	c->trust_all = true;
}

/* ------------------------------------------------------------ connections */

/* AES-GCM first where the processor has instructions for it */
static void set_suites(br_ssl_engine_context *eng)
{
	static const uint16_t aes_first[] = {
		BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		BR_TLS_RSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_RSA_WITH_AES_256_GCM_SHA384,
	};
	static const uint16_t chacha_first[] = {
		BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		BR_TLS_RSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_RSA_WITH_AES_256_GCM_SHA384,
	};
	bool aes = br_aes_x86ni_ctr_get_vtable() != NULL ||
		   br_aes_pwr8_ctr_get_vtable() != NULL;
	br_ssl_engine_set_suites(
		eng, aes ? aes_first : chacha_first, ARRAY_LEN(aes_first));
}

static void set_crypto(struct tls *t)
{
	static const br_hash_class *const hashes[] = {&br_sha256_vtable,
		&br_sha384_vtable, &br_sha512_vtable, &br_sha1_vtable};
	static const int ids[] = {
		br_sha256_ID, br_sha384_ID, br_sha512_ID, br_sha1_ID};
	br_ssl_engine_context *eng = &t->client.eng;
	br_x509_minimal_context *x = &t->x509.minimal;
	br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
	set_suites(eng);
	br_ssl_client_set_default_rsapub(&t->client);
	br_ssl_engine_set_default_rsavrfy(eng);
	br_ssl_engine_set_default_ecdsa(eng);
	br_x509_minimal_init(
		x, &br_sha256_vtable, t->context->anchor, t->context->nanchors);
	br_x509_minimal_set_rsa(x, br_ssl_engine_get_rsavrfy(eng));
	br_x509_minimal_set_ecdsa(
		x, br_ssl_engine_get_ec(eng), br_ssl_engine_get_ecdsa(eng));
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		/* SHA-1 is for names of keys; it signs no certificate here */
		br_ssl_engine_set_hash(eng, ids[i], hashes[i]);
		if (ids[i] != br_sha1_ID)
			br_x509_minimal_set_hash(x, ids[i], hashes[i]);
	}
	br_ssl_engine_set_prf_sha256(eng, &br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(eng, &br_tls12_sha384_prf);
	br_ssl_engine_set_default_aes_gcm(eng);
	br_ssl_engine_set_default_chapol(eng);
	br_ssl_engine_set_x509(eng, &t->x509.vtable);
}

/* an address instead of a name? then it is compared here, and no SNI sent */
static void set_address(struct listener *l, const char *name)
{
	union sock_addr at;
	if (strcmp(name, "localhost") == 0 || !sock_addr_parse(&at, name, 1))
		return;
	bool v4 = at.any.sa_family == AF_INET;
	l->address_n = v4 ? 4 : 16;
	if (v4)
		memcpy(l->address, &at.in.sin_addr, 4);
	else
		memcpy(l->address, &at.in6.sin6_addr, 16);
}

static void offer_session(struct tls *t)
{
	struct tls_context *c = t->context;
	pthread_mutex_lock(&c->lock);
	if (c->session.session_id_len &&
		strcmp(c->session_name, t->name) == 0) {
		br_ssl_engine_set_session_parameters(
			&t->client.eng, &c->session);
		memcpy(t->offered_id, c->session.session_id, 32);
		t->offered = true;
	}
	pthread_mutex_unlock(&c->lock);
}

struct tls *tls_new(struct tls_context *c, const char *name)
{
	unsigned char seed[SEED_SIZE];
	struct tls *t = mem_new(sizeof(*t));
	if (!t || rand_bytes(seed, sizeof(seed)) < 0) {
		mem_free(t);
		return NULL;
	}
	t->context = c;
	t->x509.vtable = &listener_class;
	t->x509.trust_all = c->trust_all;
	fmt_str(t->name, sizeof(t->name), "%s", name);
	br_ssl_client_zero(&t->client);
	set_crypto(t);
	set_address(&t->x509, name);
	br_ssl_engine_set_buffer(
		&t->client.eng, t->buffer, sizeof(t->buffer), 1);
	br_ssl_engine_inject_entropy(&t->client.eng, seed, sizeof(seed));
	offer_session(t);
	br_ssl_client_reset(
		&t->client, t->x509.address_n ? NULL : t->name, t->offered);
	return t;
}

void tls_free(struct tls *t)
{
	mem_free(t);
}

unsigned tls_state(const struct tls *t)
{
	unsigned s = br_ssl_engine_current_state(&t->client.eng);
	return (s & BR_SSL_CLOSED ? TLS_CLOSED : 0U) |
	       (s & BR_SSL_SENDREC ? TLS_SEND : 0U) |
	       (s & BR_SSL_RECVREC ? TLS_RECV : 0U) |
	       (s & BR_SSL_SENDAPP ? TLS_ROOM : 0U) |
	       (s & BR_SSL_RECVAPP ? TLS_DATA : 0U);
}

struct str tls_send_bytes(const struct tls *t)
{
	size_t n = 0;
	const unsigned char *p = br_ssl_engine_sendrec_buf(&t->client.eng, &n);
	return str_from((const char *)p, n);
}

void tls_send_done(struct tls *t, size_t n)
{
	br_ssl_engine_sendrec_ack(&t->client.eng, n);
}

char *tls_recv_room(const struct tls *t, size_t *n)
{
	return (char *)br_ssl_engine_recvrec_buf(&t->client.eng, n);
}

void tls_recv_done(struct tls *t, size_t n)
{
	br_ssl_engine_recvrec_ack(&t->client.eng, n);
}

char *tls_data_room(const struct tls *t, size_t *n)
{
	return (char *)br_ssl_engine_sendapp_buf(&t->client.eng, n);
}

void tls_data_room_done(struct tls *t, size_t n)
{
	br_ssl_engine_sendapp_ack(&t->client.eng, n);
}

struct str tls_data_bytes(const struct tls *t)
{
	size_t n = 0;
	const unsigned char *p = br_ssl_engine_recvapp_buf(&t->client.eng, &n);
	return str_from((const char *)p, n);
}

void tls_data_done(struct tls *t, size_t n)
{
	br_ssl_engine_recvapp_ack(&t->client.eng, n);
}

void tls_flush(struct tls *t)
{
	br_ssl_engine_flush(&t->client.eng, 0);
}

void tls_close(struct tls *t)
{
	br_ssl_engine_close(&t->client.eng);
}

void tls_keep_session(struct tls *t)
{
	struct tls_context *c = t->context;
	br_ssl_session_parameters session;
	br_ssl_engine_get_session_parameters(&t->client.eng, &session);
	if (session.session_id_len == 0)
		return;
	pthread_mutex_lock(&c->lock);
	c->session = session;
	memcpy(c->session_name, t->name, sizeof(t->name));
	pthread_mutex_unlock(&c->lock);
}

bool tls_resumed(const struct tls *t)
{
	br_ssl_session_parameters now;
	br_ssl_engine_get_session_parameters(&t->client.eng, &now);
	return t->offered && memcmp(now.session_id, t->offered_id, 32) == 0;
}

/* ----------------------------------------------------------------- errors */

static void untimely_text(struct tls *t)
{
	const struct cert *c = &t->x509.untimely;
	bool early = clock_wall(NULL) < c->not_before;
	char date[CLOCK_HTTP_SIZE];
	if (!t->x509.has_untimely) {
		fmt_str(t->error, sizeof(t->error),
			"the certificate of %s is out of date", t->name);
		return;
	}
	clock_http_date(date, early ? c->not_before : c->not_after);
	fmt_str(t->error, sizeof(t->error),
		"the certificate '%s' of %s (issuer '%s') %s %s", c->subject,
		t->name, c->issuer, early ? "is not good before" : "expired",
		date);
}

/* for what is wrong with a certificate; false: it is something else */
static bool certificate_text(struct tls *t, int code)
{
	const struct listener *l = &t->x509;
	switch (code) {
	case BR_ERR_X509_EXPIRED:
		untimely_text(t);
		return true;
	case BR_ERR_X509_BAD_SERVER_NAME:
		fmt_str(t->error, sizeof(t->error),
			"the certificate is for %s, not for %s", l->names,
			t->name);
		return true;
	case BR_ERR_X509_NOT_TRUSTED:
		fmt_str(t->error, sizeof(t->error),
			"the certificate of %s ends at issuer '%s', which is "
			"not trusted",
			t->name, l->last.issuer);
		return true;
	case BR_ERR_X509_BAD_SIGNATURE:
		fmt_str(t->error, sizeof(t->error),
			"the certificate of %s is not signed by its issuer "
			"'%s'",
			t->name, l->own.issuer);
		return true;
	default:
		if (code < BR_ERR_X509_OK || code > BR_ERR_X509_NOT_TRUSTED)
			return false;
		fmt_str(t->error, sizeof(t->error),
			"the certificate of %s (issuer '%s') is not sound "
			"(error %d)",
			t->name, l->own.issuer, code);
		return true;
	}
}

const char *tls_error(struct tls *t)
{
	int code = br_ssl_engine_last_error(&t->client.eng);
	t->error[0] = '\0';
	if (code == BR_ERR_OK || certificate_text(t, code))
		return t->error;
	if (code >= BR_ERR_RECV_FATAL_ALERT && code < BR_ERR_SEND_FATAL_ALERT)
		fmt_str(t->error, sizeof(t->error),
			"%s ended TLS with alert %d", t->name,
			code - BR_ERR_RECV_FATAL_ALERT);
	else if (code == BR_ERR_UNSUPPORTED_VERSION ||
		 code == BR_ERR_BAD_VERSION)
		fmt_str(t->error, sizeof(t->error), "%s does not speak TLS 1.2",
			t->name);
	else
		fmt_str(t->error, sizeof(t->error),
			"TLS with %s failed (error %d)", t->name, code);
	return t->error;
}
