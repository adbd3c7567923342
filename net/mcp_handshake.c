/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_handshake.c - the first words with a server: initialize, or
 * server/discover (MCP 2026-07-28, "Versioning").
 *
 * input: untrusted
 */
#include "net/mcp_handshake.h"

#include <string.h>

#include "lib/fmt.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/size.h"
#include "lib/version.h"
#include "net/mcp.h"
#include "net/mcp_call.h"
#include "net/mcp_greeting.h"
#include "net/mcp_lists.h"
#include "net/mcp_offer.h"

static void ask_initialize(struct mcp_upstream *u);

/* ---------------------------------------------------------- what is known */

static void hash_texts(struct hash_stream *h, char *const *texts)
{
	for (; texts && *texts; texts++)
		hash_more(h, str_from(*texts, strlen(*texts) + 1));
	hash_more(h, str_from("", 1));
}

static uint64_t key_of(const struct mcp_server_config *c)
{
	unsigned char out[HASH_SHA256_SIZE];
	char *const single[] = {c->command, c->cwd, c->url, NULL};
	struct hash_stream h;
	uint64_t key;
	hash_start(&h);
	for (size_t i = 0; i < ARRAY_LEN(single); i++) {
		char *const one[] = {single[i], NULL};
		hash_texts(&h, one);
	}
	hash_texts(&h, c->argv ? c->argv + 1 : NULL);
	hash_texts(&h, c->env);
	hash_end(&h, out);
	memcpy(&key, out, sizeof(key));
	return key;
}

static struct mcp_known *find_known(const struct mcp_upstream *u)
{
	uint64_t key = key_of(u->config);
	for (size_t i = 0; i < MCP_KNOWN_MAX; i++)
		if (u->conns->known[i].set && u->conns->known[i].key == key)
			return &u->conns->known[i];
	return NULL;
}

static void remember(struct mcp_upstream *u, enum mcp_era era)
{
	struct mcp_known *k = find_known(u);
	if (!k)
		k = &u->conns->known[u->conns->nknown++ % MCP_KNOWN_MAX];
	*k = (struct mcp_known){.key = key_of(u->config),
		.set = true,
		.modern = era == MCP_MODERN};
	log_debug("server %s: %s", u->config->name,
		k->modern ? "speaks " MCP_VERSION_MODERN
			  : "speaks a session-based revision");
}

void mcp_handshake_forget(struct mcp_upstream *u)
{
	struct mcp_known *k = find_known(u);
	if (k)
		k->set = false;
}

/* ------------------------------------------------------------------ greetings */

static void keep_greeting(struct mcp_upstream *u, struct str result)
{
	struct str raw = json_member(result, "capabilities");
	u->can = raw.p ? mcp_greeting_read(raw) : 0;
	buf_reset(&u->instructions);
	raw = json_member(result, "instructions");
	if (raw.p && json_type_of(raw) == JSON_STRING)
		buf_put_str(&u->instructions, raw);
}

static void on_no_answer(struct mcp_call *call, const char *why)
{
	/* the exit, deadline or retirement that caused it is dealt with there */
	(void)call;
	(void)why;
}

/* the probe, or the greeting that was sent with it, is of no interest now */
static void stop_probing(struct mcp_upstream *u)
{
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	u->probing = false;
	if (u->probe.upstream)
		mcp_call_delist(&u->probe);
	if (u->own.upstream)
		mcp_call_delist(&u->own);
}

static void on_initialized(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_upstream *u = CONTAINER_OF(call, struct mcp_upstream, own);
	struct buf version;
	if (m->kind == JSONRPC_ERROR) {
		/* not yet a failure while it may be of the other era */
		if (!u->probing)
			mcp_lists_failed(u, "it refused initialize");
		return;
	}
	struct str raw = json_member(m->result, "protocolVersion");
	buf_init(&version, sizeof(u->version) - 1);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&version, raw);
	bool known = !version.err && mcp_version_known(buf_str(&version));
	fmt_str(u->version, sizeof(u->version), "%s", buf_cstr(&version));
	buf_fini(&version);
	stop_probing(u);
	if (!known) {
		mcp_lists_failed(u, "it speaks no protocol version that we do");
		return;
	}
	remember(u, MCP_LEGACY);
	buf_puts(mcp_conn_queue(u->conn), "{\"jsonrpc\":\"2.0\",\"method\":"
					  "\"notifications/initialized\"}\n");
	keep_greeting(u, m->result);
	mcp_lists_ask(u);
}

static const struct mcp_call_ops initialize_ops = {
	.on_answer = on_initialized, .on_failure = on_no_answer};

static void ask_initialize(struct mcp_upstream *u)
{
	struct buf params;
	buf_init(&params, 512);
	buf_puts(&params, "{\"protocolVersion\":\"" MCP_VERSION_LEGACY "\","
			  "\"capabilities\":{\"sampling\":{\"context\":{},"
			  "\"tools\":{}},\"elicitation\":{\"form\":{},"
			  "\"url\":{}},\"roots\":{\"listChanged\":true}},"
			  "\"clientInfo\":{\"name\":\"coracle\",");
	buf_putf(&params, "\"version\":\"%s\"}}", coracle_version);
	u->era = MCP_LEGACY;
	u->own.ops = &initialize_ops;
	u->own.own = true;
	mcp_upstream_ask(u, &u->own, "initialize", buf_str(&params));
	buf_fini(&params);
}

/* -------------------------------------------------------------------- probing */

/* is our version among those that it lists? */
static bool lists_ours(struct str versions)
{
	struct json_cursor c;
	struct str item;
	if (!versions.p || !json_open(&c, versions) || c.object)
		return false;
	while (json_next(&c, NULL, &item))
		if (json_str_is(item, STR(MCP_VERSION_MODERN)))
			return true;
	return false;
}

/* it is of the other era after all, or refuses ours */
static void not_modern(struct mcp_upstream *u)
{
	loop_timer_clear(mcp_upstream_loop(u), &u->poll);
	u->probing = false;
	if (u->config->era == MCP_ERA_MODERN)
		mcp_lists_failed(u, "it does not speak " MCP_VERSION_MODERN);
	else if (!u->own.upstream)
		ask_initialize(u);
}

static void on_discovered(struct mcp_call *call, const struct jsonrpc *m)
{
	struct mcp_upstream *u = CONTAINER_OF(call, struct mcp_upstream, probe);
	if (m->kind == JSONRPC_ERROR ||
		!lists_ours(json_member(m->result, "supportedVersions"))) {
		mcp_handshake_forget(u);
		not_modern(u);
		return;
	}
	stop_probing(u);
	remember(u, MCP_MODERN);
	u->era = MCP_MODERN;
	fmt_str(u->version, sizeof(u->version), "%s", MCP_VERSION_MODERN);
	keep_greeting(u, m->result);
	mcp_lists_ask(u);
}

static const struct mcp_call_ops discover_ops = {
	.on_answer = on_discovered, .on_failure = on_no_answer};

/* some say nothing at all before they are greeted: then they shall be */
static void on_silence(void *owner)
{
	struct mcp_upstream *u = owner;
	if (u->conn && !u->own.upstream)
		ask_initialize(u);
}

static void ask_discover(struct mcp_upstream *u)
{
	u->era = MCP_MODERN; /* its question is one of that era */
	u->probe.ops = &discover_ops;
	u->probe.own = true;
	mcp_upstream_ask(u, &u->probe, "server/discover", STR("{}"));
}

enum mcp_era mcp_handshake_expects(const struct mcp_upstream *u)
{
	const struct mcp_known *known = find_known(u);
	if (u->config->era == MCP_ERA_AUTO)
		return known && known->modern ? MCP_MODERN : MCP_LEGACY;
	return u->config->era == MCP_ERA_MODERN ? MCP_MODERN : MCP_LEGACY;
}

void mcp_handshake_begin(struct mcp_upstream *u)
{
	const struct mcp_known *known = find_known(u);
	stop_probing(u);
	/* the transport of 2024-11-05 has no other era */
	if (u->config->era == MCP_ERA_LEGACY || u->config->sse ||
		(u->config->era == MCP_ERA_AUTO && known && !known->modern)) {
		ask_initialize(u);
		return;
	}
	ask_discover(u);
	if (u->config->era == MCP_ERA_MODERN || known)
		return;
	u->probing = true;
	(void)loop_timer_at(mcp_upstream_loop(u), &u->poll,
		loop_now(mcp_upstream_loop(u)) + MCP_PROBE_MS, on_silence, u);
}

/* a server by URL: it was reached, and did not like what it was asked */
static bool is_refusal(struct str reason)
{
	return str_starts(reason, STR("HTTP 4")) &&
	       !str_starts(reason, STR("HTTP 401")) &&
	       !str_starts(reason, STR("HTTP 403"));
}

bool mcp_handshake_left(struct mcp_upstream *u, const char *reason)
{
	if (!u->probing)
		return false;
	stop_probing(u);
	if (u->config->url && !is_refusal(str_of(reason)))
		return false;
	remember(u, MCP_LEGACY);
	return true;
}
