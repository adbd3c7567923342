/* SPDX-License-Identifier: MIT */
/*
 * applets/tools/serve.c - MCP over stdio, for servers that have only tools.
 *
 * input: untrusted
 *
 * Both kinds of the protocol are spoken, each request in its own: those of a
 * session (initialize first; 2024-11-05 to 2025-11-25) and the one without
 * (2026-07-28), whose requests say the version in params._meta.
 */
#include "applets/tools/tools.h"
#include "lib/phase.h"
#include "lib/schema.h"
#include "lib/size.h"
#include "net/mcp.h"

#define MODERN_VERSION "2026-07-28"
#define META_PREFIX "io.modelcontextprotocol/"

enum {
	MESSAGE_MAX = 64 << 20,
	VALUES_MAX = 65536,
	BAD_VERSION = -32022,  /* UnsupportedProtocolVersion of 2026-07-28 */
	LIST_TTL_MS = 3600000, /* the tools never change while we run */
};

static void send_error(
	struct tools *t, const struct jsonrpc *m, int code, const char *why)
{
	struct buf out;
	buf_init(&out, MESSAGE_MAX);
	jsonrpc_put_error(&out, m->id, code, str_of(why));
	tools_send(t, &out);
	buf_fini(&out);
}

static void send_result(
	struct tools *t, const struct jsonrpc *m, const struct buf *result)
{
	struct buf out;
	buf_init(&out, MESSAGE_MAX);
	jsonrpc_put_result(&out, m->id, buf_str(result));
	tools_send(t, &out);
	buf_fini(&out);
}

static void put_server_info(struct json_writer *w, const struct toolset *set)
{
	json_w_open(w, '{');
	json_w_key(w, "name");
	json_w_text(w, set->name);
	json_w_key(w, "version");
	json_w_text(w, set->version);
	json_w_close(w, '}');
}

static void put_abilities(struct json_writer *w, const struct toolset *set)
{
	json_w_key(w, "capabilities");
	json_w_raw(w, STR("{\"tools\":{}}"));
	if (set->instructions.p) {
		json_w_key(w, "instructions");
		json_w_raw(w, set->instructions);
	}
}

/* what every result of the revision without sessions begins with */
static void put_modern(
	struct json_writer *w, const struct toolset *set, bool cacheable)
{
	json_w_key(w, "resultType");
	json_w_text(w, "complete");
	if (cacheable) {
		json_w_key(w, "ttlMs");
		json_w_u64(w, LIST_TTL_MS);
		/* who asks decides what is listed */
		json_w_key(w, "cacheScope");
		json_w_text(w, "private");
	}
	json_w_key(w, "_meta");
	json_w_open(w, '{');
	json_w_key(w, META_PREFIX "serverInfo");
	put_server_info(w, set);
	json_w_close(w, '}');
}

/* --------------------------------------------------------------- methods */

static void initialize(struct tools *t, const struct jsonrpc *m)
{
	struct buf out, asked;
	struct json_writer w = {.out = &out};
	struct str raw = json_member(m->params, "protocolVersion");
	buf_init(&out, MESSAGE_MAX);
	buf_init(&asked, 64);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&asked, raw);
	json_w_open(&w, '{');
	json_w_key(&w, "protocolVersion");
	json_w_str(&w, mcp_version_known(buf_str(&asked))
			       ? buf_str(&asked)
			       : STR(MCP_VERSION_LEGACY));
	put_abilities(&w, &t->set);
	json_w_key(&w, "serverInfo");
	put_server_info(&w, &t->set);
	json_w_close(&w, '}');
	send_result(t, m, &out);
	buf_fini(&asked);
	buf_fini(&out);
}

static void discover(struct tools *t, const struct jsonrpc *m)
{
	struct buf out;
	struct json_writer w = {.out = &out};
	buf_init(&out, MESSAGE_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "supportedVersions");
	json_w_raw(&w, STR("[\"" MODERN_VERSION "\"]"));
	put_abilities(&w, &t->set);
	put_modern(&w, &t->set, true);
	json_w_close(&w, '}');
	send_result(t, m, &out);
	buf_fini(&out);
}

static void tools_list(struct tools *t, const struct jsonrpc *m, bool modern)
{
	struct buf out;
	struct json_writer w = {.out = &out};
	buf_init(&out, MESSAGE_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "tools");
	json_w_open(&w, '[');
	for (size_t i = 0; i < t->set.n; i++)
		if (t->set.tool[i].roles & t->role_bit)
			json_w_raw(&w, t->set.tool[i].listed);
	json_w_close(&w, ']');
	if (modern)
		put_modern(&w, &t->set, true);
	json_w_close(&w, '}');
	send_result(t, m, &out);
	buf_fini(&out);
}

/*
 * The arguments as a text without repeated keys (what is validated is what is
 * passed on), or a refusal that the model can read.
 */
static bool check_arguments(
	const struct tool *tool, struct str arguments, struct buf *why)
{
	struct json_doc doc;
	struct json_where where;
	struct buf inner;
	int code = json_parse(&doc, arguments, VALUES_MAX, &where);
	if (code) {
		buf_putf(why, "%s: the arguments: %s", tool->name,
			json_error_text(code));
		return false;
	}
	json_free(&doc);
	buf_init(&inner, 8192);
	bool good = schema_validate(tool->schema, arguments, &inner);
	if (!good)
		buf_putf(why, "%s: the arguments: %s", tool->name,
			buf_cstr(&inner));
	buf_fini(&inner);
	return good;
}

static void start(struct tools *t, const struct jsonrpc *m,
	const struct tool *tool, const struct tools_caller *caller)
{
	struct str arguments = json_member(m->params, "arguments");
	struct buf why;
	buf_init(&why, 16384);
	if (!arguments.p || json_type_of(arguments) == JSON_NULL)
		arguments = STR("{}");
	if (t->ncalls == TOOLS_CALLS_MAX)
		buf_putf(&why, "%s: %d calls are under way already", tool->name,
			TOOLS_CALLS_MAX);
	else if (tool->mutates && phase_is_over())
		buf_putf(&why,
			"%s changes the environment, and the agent's part "
			"of the task is over",
			tool->name);
	else
		(void)check_arguments(tool, arguments, &why);
	if (why.n)
		tools_send_text(t, caller, buf_str(&why), true);
	else
		tools_start(t, tool, arguments, caller);
	buf_fini(&why);
}

static void tools_call(struct tools *t, const struct jsonrpc *m, bool modern)
{
	const struct tools_caller caller = {.id = m->id, .modern = modern};
	struct str name = json_member(m->params, "name");
	struct buf text;
	if (!name.p || json_type_of(name) != JSON_STRING) {
		send_error(t, m, JSONRPC_INVALID_PARAMS,
			"params.name must be a string");
		return;
	}
	const struct tool *tool = toolset_find(&t->set, name, t->role_bit);
	if (tool) {
		start(t, m, tool, &caller);
		return;
	}
	buf_init(&text, 1024);
	buf_puts(&text, "Unknown tool: ");
	buf_put_str(&text, str_first(name, 500));
	send_error(t, m, JSONRPC_INVALID_PARAMS, buf_cstr(&text));
	buf_fini(&text);
}

/* ------------------------------------------------------------------- eras */

enum era { SESSION, MODERN, REFUSED };

static void refuse_version(
	struct tools *t, const struct jsonrpc *m, struct str asked)
{
	struct buf out;
	buf_init(&out, MESSAGE_MAX);
	buf_puts(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(&out, m->id);
	buf_putf(&out,
		",\"error\":{\"code\":%d,\"message\":\"unsupported protocol "
		"version\",\"data\":{\"supported\":[\"" MODERN_VERSION
		"\"],\"requested\":",
		BAD_VERSION);
	buf_put_str(&out, asked);
	buf_puts(&out, "}}}");
	tools_send(t, &out);
	buf_fini(&out);
}

/* which revision a request speaks: it says so, or it is of a session */
static enum era era_of(struct tools *t, const struct jsonrpc *m)
{
	struct str meta = json_member(m->params, "_meta");
	struct str version = json_member(meta, META_PREFIX "protocolVersion");
	struct str can = json_member(meta, META_PREFIX "clientCapabilities");
	if (!version.p && !can.p && !jsonrpc_is(m, "server/discover"))
		return SESSION;
	if (!version.p || json_type_of(version) != JSON_STRING || !can.p ||
		json_type_of(can) != JSON_OBJECT) {
		send_error(t, m, JSONRPC_INVALID_PARAMS,
			"params._meta needs " META_PREFIX "protocolVersion "
			"and " META_PREFIX "clientCapabilities");
		return REFUSED;
	}
	if (!json_str_is(version, STR(MODERN_VERSION))) {
		refuse_version(t, m, version);
		return REFUSED;
	}
	return MODERN;
}

static void take_request(struct tools *t, const struct jsonrpc *m)
{
	enum era era = era_of(t, m);
	struct buf nothing;
	if (era == REFUSED)
		return;
	if (jsonrpc_is(m, "tools/call")) {
		tools_call(t, m, era == MODERN);
	} else if (jsonrpc_is(m, "tools/list")) {
		tools_list(t, m, era == MODERN);
	} else if (era == MODERN && jsonrpc_is(m, "server/discover")) {
		discover(t, m);
	} else if (era == SESSION && jsonrpc_is(m, "initialize")) {
		initialize(t, m);
	} else if (era == SESSION && jsonrpc_is(m, "ping")) {
		buf_init(&nothing, 2);
		buf_puts(&nothing, "{}");
		send_result(t, m, &nothing);
		buf_fini(&nothing);
	} else {
		send_error(t, m, JSONRPC_METHOD_NOT_FOUND, "Method not found");
	}
}

void tools_message(struct tools *t, struct str line)
{
	struct jsonrpc m;
	const char *why;
	if (str_trim(line).n == 0)
		return;
	int code = jsonrpc_read(&m, line, &why);
	if (code) {
		send_error(t, &m, code, why);
		return;
	}
	switch (m.kind) {
	case JSONRPC_REQUEST:
		take_request(t, &m);
		break;
	case JSONRPC_NOTIFICATION:
		if (jsonrpc_is(&m, "notifications/cancelled")) {
			struct str id = json_member(m.params, "requestId");
			if (id.p)
				tools_cancel(t, id);
		}
		break;
	case JSONRPC_RESULT:
	case JSONRPC_ERROR:
		break; /* we ask nothing */
	}
}
