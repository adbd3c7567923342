/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_ticket.c - requestState.
 *
 * input: untrusted
 */
#include "net/mcp_ticket.h"

#include "lib/fmt.h"
#include "lib/hash.h"

enum {
	NUMBER = 16, /* hex digits */
	BODY = 3 * NUMBER,
	SEAL = 2 * HASH_SHA256_SIZE,
};

/* what is sealed: the numbers, then whatever they are bound to */
static void seal(char hex[SEAL + 1], struct str body,
	const unsigned char key[MCP_TICKET_KEY], struct str bound)
{
	unsigned char bound_hash[HASH_SHA256_SIZE], mac[HASH_SHA256_SIZE];
	char data[BODY + HASH_SHA256_SIZE];
	hash_sha256(bound_hash, bound);
	for (size_t i = 0; i < BODY; i++)
		data[i] = body.p[i];
	for (size_t i = 0; i < sizeof(bound_hash); i++)
		data[BODY + i] = (char)bound_hash[i];
	hash_hmac(mac, str_from((const char *)key, MCP_TICKET_KEY),
		str_from(data, sizeof(data)));
	hash_hex(hex, mac, sizeof(mac));
}

void mcp_ticket_put(struct buf *out, const struct mcp_ticket *s,
	const unsigned char key[MCP_TICKET_KEY], struct str bound)
{
	char body[BODY + 1], hex[SEAL + 1];
	(void)fmt_str(body, sizeof(body), "%016llx%016llx%016llx",
		(unsigned long long)s->id, (unsigned long long)s->round,
		(unsigned long long)s->ends_s);
	seal(hex, str_from(body, BODY), key, bound);
	buf_puts(out, body);
	buf_puts(out, hex);
}

static uint64_t number(const char *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < NUMBER; i++)
		n = n << 4 | (uint64_t)str_hex_digit(p[i]);
	return n;
}

bool mcp_ticket_read(struct mcp_ticket *out, struct str text,
	const unsigned char key[MCP_TICKET_KEY], struct str bound,
	uint64_t now_s)
{
	char hex[SEAL + 1];
	if (text.n != BODY + SEAL)
		return false;
	seal(hex, text, key, bound);
	if (!hash_secret_eq(str_from_index(text, BODY), str_from(hex, SEAL)))
		return false;
	/* nobody but us can have written what follows */
	out->id = number(text.p);
	out->round = number(text.p + NUMBER);
	out->ends_s = number(text.p + 2 * NUMBER);
	return now_s < out->ends_s;
}
