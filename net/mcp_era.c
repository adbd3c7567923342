/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_era.c - the two eras of MCP, and messages from one to the other
 * (MCP 2026-07-28, "Versioning" and basic/transports).
 *
 * input: untrusted
 */
#include "net/mcp_era.h"

#include "lib/size.h"
#include "lib/version.h"

enum { LIST_TTL_MS = 10000 };

/* ------------------------------------------------------------- classifier */

bool mcp_meta_read(struct mcp_meta *out, struct str params)
{
	static const char *const names[] = {MCP_META "protocolVersion",
		MCP_META "clientCapabilities", MCP_META "logLevel"};
	struct str v[ARRAY_LEN(names)];
	*out = (struct mcp_meta){0};
	if (!params.p)
		return true;
	out->raw = json_member(params, "_meta");
	if (!out->raw.p)
		return true;
	if (!json_pick(out->raw, names, v, ARRAY_LEN(names)))
		return false;
	out->version = v[0];
	out->capabilities = v[1];
	out->level = v[2];
	return true;
}

/* YYYY-MM-DD */
static bool is_date(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool dash = i == 4 || i == 7;
		char c = text.p[i];
		if (dash ? c != '-' : c < '0' || c > '9')
			return false;
	}
	return text.n == 10;
}

bool mcp_era_is_modern(struct str version)
{
	const struct str first = STR(MCP_VERSION_MODERN);
	if (!is_date(version))
		return false;
	for (size_t i = 0; i < first.n; i++)
		if (version.p[i] != first.p[i])
			return version.p[i] > first.p[i];
	return true;
}

enum mcp_era mcp_era_of(const struct jsonrpc *m, struct str version_header)
{
	struct mcp_meta meta;
	if (m->kind == JSONRPC_RESULT || m->kind == JSONRPC_ERROR ||
		(version_header.p && mcp_era_is_modern(version_header)))
		return version_header.p && mcp_era_is_modern(version_header)
			       ? MCP_MODERN
			       : MCP_LEGACY;
	(void)mcp_meta_read(&meta, m->params);
	return meta.version.p || meta.capabilities.p ? MCP_MODERN : MCP_LEGACY;
}

/* ------------------------------------------------------------------ edits */

void mcp_edits_add(struct mcp_edits *l, struct str at, struct str with)
{
	size_t i = l->n;
	if (l->n == MCP_ERA_EDITS)
		return;
	for (; i > 0 && l->e[i - 1].at.p > at.p; i--)
		l->e[i] = l->e[i - 1];
	l->e[i] = (struct jsonrpc_edit){at, with};
	l->n++;
}

static bool is_listed(struct str key, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_key_is(key, names[i]))
			return true;
	return false;
}

static struct str between(const char *from, const char *to)
{
	return str_from(from, (size_t)(to - from));
}

/*
 * Remove members of an object, each run of them with the comma behind it, or
 * with the one before it at the end of the object.
 */
static void remove_members(struct mcp_edits *l, struct str object,
	const char *const *names, size_t n)
{
	struct json_cursor c;
	struct str key, value;
	const char *kept = NULL, *run = NULL, *end = NULL;
	if (!object.p || !json_open(&c, object) || !c.object)
		return;
	while (json_next(&c, &key, &value)) {
		bool gone = is_listed(key, names, n);
		const char *start = key.p - 1;
		if (run && !gone) {
			mcp_edits_add(l, between(run, start), STR(""));
			run = NULL;
		}
		if (gone && !run)
			run = start;
		end = value.p + value.n;
		if (!gone)
			kept = end;
	}
	if (run)
		mcp_edits_add(l, between(kept ? kept : run, end), STR(""));
}

static bool is_empty(struct str object)
{
	struct json_cursor c;
	struct str key, value;
	return json_open(&c, object) && !json_next(&c, &key, &value);
}

/* insert members ("a":1,"b":2) at the start of an object */
static void insert_members(
	struct mcp_edits *l, struct str object, struct str members)
{
	mcp_edits_add(l, str_from(object.p + 1, 0), members);
	if (!is_empty(object))
		mcp_edits_add(l, str_from(object.p + 1, 0), STR(","));
}

/* ------------------------------------------------------------- to servers */

void mcp_era_request_to_legacy(struct mcp_edits *l, const struct jsonrpc *m)
{
	static const char *const meta[] = {MCP_META "protocolVersion",
		MCP_META "clientCapabilities", MCP_META "clientInfo",
		MCP_META "logLevel"};
	static const char *const params[] = {
		"inputResponses", "requestState", "task"};
	if (!m->params.p)
		return;
	remove_members(l, m->params, params, ARRAY_LEN(params));
	remove_members(
		l, json_member(m->params, "_meta"), meta, ARRAY_LEN(meta));
}

void mcp_era_request_to_modern(struct mcp_edits *l, const struct jsonrpc *m,
	struct str meta, struct buf *room)
{
	struct str old = {NULL, 0};
	if (!m->params.p) {
		buf_puts(room, ",\"params\":{\"_meta\":{");
		buf_put_str(room, meta);
		buf_puts(room, "}}");
		/* behind the closing quote of the method */
		mcp_edits_add(l, str_from(m->method.p + m->method.n + 1, 0),
			buf_str(room));
		return;
	}
	if (json_type_of(m->params) == JSON_OBJECT)
		old = json_member(m->params, "_meta");
	if (old.p && json_type_of(old) == JSON_OBJECT) {
		insert_members(l, old, meta);
		return;
	}
	buf_puts(room, "\"_meta\":{");
	buf_put_str(room, meta);
	buf_putc(room, '}');
	if (old.p) /* null, as some clients write: our member takes its place */
		mcp_edits_add(l, old, str_from_index(buf_str(room), 8));
	else if (json_type_of(m->params) == JSON_OBJECT)
		insert_members(l, m->params, buf_str(room));
}

/* ------------------------------------------------------------- to clients */

static void put_info(struct buf *out)
{
	buf_putf(out,
		"\"" MCP_META "serverInfo\":{\"name\":\"coracle\","
		"\"version\":\"%s\"}",
		coracle_version);
}

static void put_caching(struct buf *out)
{
	buf_putf(out, ",\"ttlMs\":%d,\"cacheScope\":\"private\"", LIST_TTL_MS);
}

void mcp_era_put_head(struct buf *out, bool cacheable)
{
	buf_puts(out, "\"resultType\":\"complete\"");
	if (cacheable)
		put_caching(out);
	buf_puts(out, ",\"_meta\":{");
	put_info(out);
	buf_putc(out, '}');
}

void mcp_era_result_to_modern(struct mcp_edits *l, struct str result,
	bool cacheable, struct buf *room)
{
	static const char *const names[] = {"resultType", "_meta"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(result, names, v, ARRAY_LEN(names)) || v[0].p)
		return;
	if (!v[1].p || json_type_of(v[1]) != JSON_OBJECT) {
		mcp_era_put_head(room, false);
		if (v[1].p) /* not ours to repair */
			buf_truncate(
				room, STR("\"resultType\":\"complete\"").n);
		if (cacheable)
			buf_puts(room,
				",\"ttlMs\":0,\"cacheScope\":\"private\"");
		insert_members(l, result, buf_str(room));
		return;
	}
	buf_puts(room, "\"resultType\":\"complete\"");
	if (cacheable)
		buf_puts(room, ",\"ttlMs\":0,\"cacheScope\":\"private\"");
	size_t n = room->n;
	put_info(room);
	/* both pieces lie in room, which does not move any more */
	insert_members(l, v[1], str_from_index(buf_str(room), n));
	insert_members(l, result, str_first(buf_str(room), n));
}

void mcp_era_result_to_legacy(struct mcp_edits *l, struct str result)
{
	static const char *const names[] = {
		"resultType", "ttlMs", "cacheScope"};
	remove_members(l, result, names, ARRAY_LEN(names));
}

int mcp_era_error_to_modern(struct mcp_edits *l, struct str error)
{
	struct str code = json_member(error, "code");
	uint64_t n;
	if (!code.p || code.n < 2 || *code.p != '-' ||
		!str_to_u64(str_from_index(code, 1), &n) || n > 99999)
		return JSONRPC_INTERNAL_ERROR;
	if (str_is(code, "-32002") || str_is(code, "-32042")) {
		mcp_edits_add(l, code, STR("-32602"));
		return JSONRPC_INVALID_PARAMS;
	}
	return -(int)n;
}

bool mcp_result_is(struct str result, const char *type)
{
	struct str raw = result.p && json_type_of(result) == JSON_OBJECT
				 ? json_member(result, "resultType")
				 : (struct str){NULL, 0};
	return raw.p && json_type_of(raw) == JSON_STRING &&
	       json_str_is(raw, str_of(type));
}
