/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_config.c - reading {"mcpServers": {...}}.
 *
 * input: untrusted
 *
 * Shapes are checked first (422 and the path of the field), then whether each
 * server can be used at all (400). Unknown keys are ignored, so that clients
 * of richer gateways are served.
 */
#include "net/mcp_config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/size.h"
#include "net/http_chars.h"
#include "net/mcp_config_field.h"
#include "net/url.h"

enum {
	STARTUP_TIMEOUT_S = 300,
	REMOTE_TIMEOUT_S = 300,
	REMOTE_TIMEOUT_MAX_S = 86400,
};

static const uint64_t UNSET = UINT64_MAX;

/* --------------------------------------------------------------- server */

static bool is_remote(const char *transport)
{
	static const char *const remote[] = {"http", "streamable-http", "sse"};
	for (size_t i = 0; i < ARRAY_LEN(remote); i++)
		if (strcmp(transport, remote[i]) == 0)
			return true;
	return false;
}

static int check_remote(
	struct config_reader *r, const struct mcp_server_config *s)
{
	struct url url;
	if (!s->url || !*s->url)
		return config_refuse_server(r, s, "this transport needs a url");
	const char *wrong = url_read(&url, str_of(s->url));
	if (wrong)
		return config_refuse_server(r, s, wrong);
	if (url.user.p)
		return config_refuse_server(r, s,
			"credentials belong into headers or auth, not into the "
			"url");
	if (s->bearer && strcmp(s->bearer, "oauth") == 0)
		return config_refuse_server(r, s,
			"auth oauth needs a person and a browser; give a token "
			"or headers");
	return 0;
}

static int check_usable(struct config_reader *r, struct mcp_server_config *s,
	const char *transport)
{
	if (is_remote(transport)) {
		s->sse = strcmp(transport, "sse") == 0;
		return check_remote(r, s);
	}
	/* what is reached by /rest alone may have any transport */
	s->rest_only =
		!s->serve_tools && s->url && strcmp(transport, "stdio") != 0;
	if (s->rest_only)
		return check_remote(r, s);
	if (strcmp(transport, "stdio") != 0)
		return config_refuse_server(r, s,
			"unknown transport; it is one of: stdio, http, "
			"streamable-http, sse");
	/* whoever gives both means the command */
	mem_free(s->url);
	s->url = NULL;
	if (s->command && *s->command)
		return 0;
	return config_refuse_server(r, s, "transport stdio needs a command");
}

static int read_auth(
	struct config_reader *r, int at, struct mcp_server_config *s)
{
	int e = config_text(r, at, "auth", &s->bearer);
	if (e == 0 && s->bearer &&
		!http_chars_all(str_of(s->bearer), HTTP_VALUE))
		e = config_refuse_field(r, "value_error", "auth",
			"a token cannot hold control characters", JSON_NONE);
	return e;
}

static int read_remote(
	struct config_reader *r, int at, struct mcp_server_config *s)
{
	int e = config_text(r, at, "url", &s->url);
	if (e == 0)
		e = read_auth(r, at, s);
	if (e == 0)
		e = config_pairs(r, at, &config_headers, &s->headers);
	bool exposes = true;
	if (e == 0)
		e = config_bool(
			r, at, "openapi_mcp_filter", &s->filter_openapi);
	if (e == 0)
		e = config_bool(r, at, "exposes_mcp", &exposes);
	s->filter_openapi = s->filter_openapi && exposes;
	return e;
}

/* how long an answer of a remote server may take; whole seconds count */
static uint64_t remote_timeout_ms(void)
{
	struct str text =
		str_of(getenv("MCP_GATEWAY_SSE_READ_TIMEOUT_SECONDS"));
	uint64_t seconds;
	text = str_first(text, str_index(text, '.'));
	if (!text.p || !str_to_u64(text, &seconds) || seconds == 0 ||
		seconds > REMOTE_TIMEOUT_MAX_S)
		seconds = REMOTE_TIMEOUT_S;
	return seconds * 1000;
}

static int read_lifetime(
	struct config_reader *r, int at, struct mcp_server_config *s)
{
	static const char *const lifetimes[] = {
		"shared", "per-session", "per-call", NULL};
	static const char *const starts[] = {"eager", "lazy", NULL};
	static const struct config_choices session = {
		"session", lifetimes, "one of shared, per-session, per-call"};
	static const struct config_choices start = {
		"start", starts, "one of eager, lazy"};
	bool affinity = false;
	int lazy = 0;
	int e = config_bool(r, at, "session_affinity", &affinity);
	int lifetime = affinity ? MCP_PER_SESSION : MCP_SHARED;
	if (e == 0)
		e = config_choice(r, at, &session, &lifetime);
	if (e == 0)
		e = config_choice(r, at, &start, &lazy);
	s->lifetime = (enum mcp_lifetime)lifetime;
	s->lazy = lazy;
	return e;
}

static int read_era(
	struct config_reader *r, int at, struct mcp_server_config *s)
{
	static const char *const names[] = {"auto", "legacy", "modern", NULL};
	static const struct config_choices eras = {
		"era", names, "one of auto, legacy, modern"};
	int era = MCP_ERA_AUTO;
	int e = config_choice(r, at, &eras, &era);
	s->era = (enum mcp_era_wish)era;
	return e;
}

static int read_roles(
	struct config_reader *r, int server, struct mcp_server_config *s)
{
	int at = config_member(r, server, "roles");
	struct mcp_roles_fault fault;
	if (at == JSON_NONE)
		return 0;
	s->roles = mcp_roles_read(&r->doc, at, &fault);
	if (s->roles)
		return 0;
	if (!fault.message)
		return config_no_memory(r);
	return config_refuse_field(
		r, "value_error", "roles", fault.message, fault.at);
}

static int read_fields(
	struct config_reader *r, int at, struct mcp_server_config *s)
{
	char *transport = NULL;
	if (json_type(&r->doc, at) != JSON_OBJECT)
		return config_refuse_field(r, "model_attributes_type", NULL,
			"Input should be a valid dictionary", at);
	int e = config_text(r, at, "transport", &transport);
	if (e == 0 && !transport)
		e = config_refuse_field(
			r, "missing", "transport", "Field required", at);
	if (e == 0)
		e = config_text(r, at, "command", &s->command);
	if (e == 0)
		e = config_list(r, at, "args", &s->argv, 1);
	if (e == 0)
		e = config_pairs(r, at, &config_variables, &s->env);
	if (e == 0)
		e = read_remote(r, at, s);
	if (e == 0)
		e = config_text(r, at, "cwd", &s->cwd);
	if (e == 0)
		e = config_bool(r, at, "serve_mcp_tools", &s->serve_tools);
	if (e == 0)
		e = config_seconds(
			r, at, "startup_timeout", &s->startup_timeout_ms);
	if (e == 0)
		e = config_seconds(r, at, "call_timeout", &s->call_timeout_ms);
	if (e == 0)
		e = read_lifetime(r, at, s);
	if (e == 0)
		e = read_roles(r, at, s);
	if (e == 0)
		e = read_era(r, at, s);
	if (e == 0)
		e = check_usable(r, s, transport);
	if (s->call_timeout_ms == UNSET)
		s->call_timeout_ms = s->url ? remote_timeout_ms() : 0;
	if (e == 0)
		s->argv[0] = s->command;
	mem_free(transport);
	return e;
}

static int read_server(struct config_reader *r, int key, struct mcp_config *c)
{
	struct mcp_server_config *s = mem_new(sizeof(*s));
	if (!s)
		return config_no_memory(r);
	c->servers[c->n++] = s;
	r->server = json_raw(&r->doc, key);
	s->serve_tools = true;
	s->startup_timeout_ms = STARTUP_TIMEOUT_S * 1000;
	s->call_timeout_ms = UNSET;
	bool nul = json_has_nul(r->server);
	s->name = nul ? NULL : json_cstr(r->server);
	if (!nul && !s->name)
		return config_no_memory(r);
	if (nul || !*s->name || strlen(s->name) > MCP_NAME_MAX)
		return config_refuse_field(r, "value_error", NULL,
			"a server's name is 1 to 128 bytes without NUL", key);
	return read_fields(r, json_value(&r->doc, key), s);
}

static int read_naming(struct config_reader *r, struct mcp_naming *naming)
{
	static const char *const words[] = {
		"auto", "always", "never", "on-collision", NULL};
	static const struct config_choices choices = {
		"prefix", words, "one of auto, always, never, on-collision"};
	int prefix = MCP_PREFIX_AUTO;
	int e = config_choice(r, 0, &choices, &prefix);
	naming->prefix = (enum mcp_prefix)prefix;
	if (e == 0)
		e = config_text(r, 0, "separator", &naming->separator);
	if (e == 0 &&
		(strlen(mcp_naming_separator(naming)) > MCP_SEPARATOR_MAX ||
			!*mcp_naming_separator(naming)))
		e = config_refuse_field(r, "value_error", "separator",
			"1 to 8 bytes", config_member(r, 0, "separator"));
	if (e == 0)
		e = config_list(
			r, 0, "allowed_tool_names", &naming->allowed, 0);
	return e;
}

static int read_all(struct config_reader *r, struct mcp_config *c)
{
	if (json_type(&r->doc, 0) != JSON_OBJECT)
		return config_refuse_field(r, "model_attributes_type", NULL,
			"Input should be a valid dictionary", 0);
	int servers = json_get(&r->doc, 0, "mcpServers");
	if (servers == JSON_NONE)
		return config_refuse_field(
			r, "missing", "mcpServers", "Field required", 0);
	if (json_type(&r->doc, servers) != JSON_OBJECT)
		return config_refuse_field(r, "dict_type", "mcpServers",
			"Input should be a valid dictionary", servers);
	size_t n = json_count(&r->doc, servers);
	if (n > MCP_SERVERS_MAX)
		return config_refuse_field(r, "too_long", "mcpServers",
			"at most 256 servers", servers);
	c->servers = mem_new_array(n, sizeof(*c->servers));
	if (!c->servers)
		return config_no_memory(r);
	for (int key = json_first(&r->doc, servers); key != JSON_NONE;
		key = json_after(&r->doc, key))
		if (read_server(r, key, c) < 0)
			return -1;
	r->server = (struct str){NULL, 0};
	return read_naming(r, &c->naming);
}

int mcp_config_read(struct mcp_config *c, struct str body, struct buf *error)
{
	struct config_reader r = {.error = error};
	struct json_where where;
	*c = (struct mcp_config){0};
	int code = json_parse(&r.doc, body, MCP_CONFIG_VALUES, &where);
	if (code)
		(void)config_refuse_json(&r, code, where);
	else if (read_all(&r, c) < 0)
		mcp_config_fini(c);
	json_free(&r.doc);
	/* a refusal holds parts of the body, some of them twice */
	if (r.status && error->err) {
		buf_reset(error);
		buf_puts(error, "{\"detail\":\"invalid configuration\"}");
	}
	return r.status;
}

static void free_texts(char **texts)
{
	for (char **t = texts; t && *t; t++)
		mem_free(*t);
	mem_free(texts);
}

struct mcp_server_config *mcp_server_config_ref(struct mcp_server_config *s)
{
	s->refs++;
	return s;
}

void mcp_server_config_free(struct mcp_server_config *s)
{
	if (!s || s->refs-- > 0)
		return;
	/* argv[0] is the command, and is NULL when the reading failed early */
	if (s->argv)
		for (char **a = s->argv + 1; *a; a++)
			mem_free(*a);
	mem_free(s->argv);
	free_texts(s->env);
	mem_free(s->command);
	free_texts(s->headers);
	mem_free(s->bearer);
	mem_free(s->url);
	mem_free(s->cwd);
	mcp_roles_free(s->roles);
	mem_free(s->name);
	mem_free(s);
}

void mcp_config_fini(struct mcp_config *c)
{
	for (size_t i = 0; i < c->n; i++)
		mcp_server_config_free(c->servers[i]);
	mem_free(c->servers);
	mcp_naming_fini(&c->naming);
	*c = (struct mcp_config){0};
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_texts(char *const *a, char *const *b)
{
	for (; *a && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return !*a && !*b;
}

bool mcp_server_config_equal(
	const struct mcp_server_config *a, const struct mcp_server_config *b)
{
	return same_text(a->name, b->name) && same_texts(a->argv, b->argv) &&
	       same_text(a->command, b->command) && same_text(a->url, b->url) &&
	       a->sse == b->sse && a->filter_openapi == b->filter_openapi &&
	       a->rest_only == b->rest_only &&
	       same_text(a->bearer, b->bearer) &&
	       same_texts(a->headers, b->headers) &&
	       same_texts(a->env, b->env) && same_text(a->cwd, b->cwd) &&
	       a->serve_tools == b->serve_tools && a->era == b->era &&
	       mcp_roles_equal(a->roles, b->roles) &&
	       a->lifetime == b->lifetime && a->lazy == b->lazy &&
	       a->startup_timeout_ms == b->startup_timeout_ms &&
	       a->call_timeout_ms == b->call_timeout_ms;
}
