/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_identity.c - what of a client's request a server gets to see.
 *
 * input: untrusted
 */
#include "net/mcp_identity.h"

#include "lib/json.h"
#include "lib/size.h"
#include "net/http_chars.h"

enum { ACTOR_MAX = 1024 };

/* the one that the message names; false: none that can stand in a field */
static bool put_named(struct buf *out, struct str raw)
{
	struct buf text;
	if (!raw.p || json_type_of(raw) != JSON_STRING)
		return false;
	buf_init(&text, ACTOR_MAX);
	json_unquote(&text, raw);
	struct str actor = str_trim(buf_str(&text));
	bool fits = !text.err && actor.n && http_chars_all(actor, HTTP_VALUE);
	if (fits)
		buf_put_str(out, actor);
	buf_fini(&text);
	return fits;
}

void mcp_identity_actor(
	struct buf *out, const struct http_head *head, struct str actor)
{
	static const char *const known[] = {MCP_ACTOR_STANDARD, "coordinator"};
	const struct str scheme = STR("Bearer ");
	struct str given = {NULL, 0};
	if (put_named(out, actor))
		return;
	if (head)
		given = http_field(head, "Authorization");
	if (given.n > scheme.n &&
		str_eq_nocase(str_first(given, scheme.n), scheme))
		given = str_trim(str_from_index(given, scheme.n));
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_is(given, known[i])) {
			buf_put_str(out, given);
			return;
		}
	buf_puts(out, MCP_ACTOR_STANDARD);
}

bool mcp_identity_passes(struct str name)
{
	static const char *const ours[] = {"Host", "Content-Length",
		"Content-Type", "Connection", "Transfer-Encoding", "Upgrade",
		"TE", "Trailer", "Keep-Alive", "Expect", "Accept",
		"Accept-Encoding", "Authorization", "Mcp-Session-Id",
		"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name",
		"Last-Event-ID"};
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_eq_nocase(name, str_of(ours[i])))
			return false;
	return !str_eq_nocase(str_first(name, 6), STR("Proxy-"));
}

void mcp_identity_put_fields(struct buf *out, const struct http_head *head)
{
	for (size_t i = 0; i < head->nfields; i++) {
		const struct http_field *f = &head->fields[i];
		if (!mcp_identity_passes(f->name))
			continue;
		buf_put_str(out, f->name);
		buf_puts(out, ": ");
		buf_put_str(out, f->value);
		buf_putc(out, '\n');
	}
}
