/* SPDX-License-Identifier: MIT */
/*
 * net/cert.h - what an X.509 certificate says, for messages and addresses.
 *
 * input: untrusted
 *
 * Nothing here decides whether a certificate is trusted; net/tls.c asks for
 * what it says about itself when it is not, and for the IP addresses that it
 * is good for. Reference: RFC 5280 section 4.1.
 */
#ifndef NET_CERT_H
#define NET_CERT_H

#include "lib/buf.h"

enum { CERT_TEXT_SIZE = 96 };

struct cert {
	char subject[CERT_TEXT_SIZE]; /* common name, or organisation, or "" */
	char issuer[CERT_TEXT_SIZE];
	int64_t not_before; /* seconds since the epoch */
	int64_t not_after;
	struct str names; /* the list of the subjectAltName extension */
};

enum cert_name {
	CERT_OTHER,
	CERT_DNS,     /* value is the name */
	CERT_ADDRESS, /* value is 4 or 16 bytes */
};

/* c->names points into der. false: it is not a certificate */
bool cert_read(struct cert *c, struct str der);

/* cut the next name off *rest; false at the end */
bool cert_next_name(struct str *rest, enum cert_name *type, struct str *value);

/* is it good for this address, 4 or 16 bytes? */
bool cert_has_address(const struct cert *c, struct str address);

/* "a.example, b.example": the names as text, cut where dst ends */
void cert_names_text(const struct cert *c, char *dst, size_t size);

#endif
