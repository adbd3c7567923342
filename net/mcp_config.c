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

#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/http_chars.h"
#include "net/invalid.h"
#include "net/url.h"

enum {
	STARTUP_TIMEOUT_S = 300,
	REMOTE_TIMEOUT_S = 300,
	TIMEOUT_MAX_S = 86400,
};

static const uint64_t UNSET = UINT64_MAX;

struct reader {
	struct json_doc doc;
	struct buf *error;
	struct str server; /* raw name of the server being read; or p == NULL */
	struct str item;   /* the same for a key or index inside the field */
	int status;
};

/* ------------------------------------------------------------- refusals */

static int no_memory(struct reader *r)
{
	buf_reset(r->error);
	buf_puts(r->error, "{\"detail\":\"out of memory\"}");
	r->status = 500;
	return -1;
}

/* 422 with the place of the value: ["body","mcpServers",SERVER,FIELD,...] */
static int refuse_field(struct reader *r, const char *type, const char *field,
	const char *message, int at)
{
	struct invalid what = {.type = type, .message = message};
	struct buf quoted;
	size_t n = 0;
	buf_init(&quoted, 256);
	if (field)
		json_quote(&quoted, str_of(field));
	if (r->server.p) {
		what.place[n++] = STR("\"mcpServers\"");
		what.place[n++] = r->server;
	}
	if (field)
		what.place[n++] = buf_str(&quoted);
	if (r->item.p)
		what.place[n++] = r->item;
	if (at != JSON_NONE)
		what.input = json_raw(&r->doc, at);
	invalid_put(r->error, &what);
	r->status = 422;
	if (quoted.err)
		(void)no_memory(r);
	buf_fini(&quoted);
	return -1;
}

static int refuse_server(
	struct reader *r, const struct mcp_server_config *s, const char *why)
{
	struct json_writer w = {.out = r->error};
	struct buf text;
	buf_init(&text, 4096);
	buf_putf(&text, "server '%s': %s", s->name, why);
	json_w_open(&w, '{');
	json_w_key(&w, "detail");
	json_w_str(&w, buf_str(&text));
	json_w_close(&w, '}');
	buf_fini(&text);
	r->status = 400;
	return -1;
}

static int refuse_json(struct reader *r, int code, struct json_where where)
{
	if (code == JSON_MEMORY)
		return no_memory(r);
	char offset[FMT_U64_MAX];
	char text[128];
	struct invalid what = {.type = "json_invalid",
		.message = "JSON decode error",
		.place = {str_from(offset, fmt_u64(offset, where.offset))},
		.input = STR("{}"),
		.context = text};
	fmt_str(text, sizeof(text), "%s at line %zu column %zu",
		json_error_text(code), where.line, where.column);
	invalid_put(r->error, &what);
	r->status = 422;
	return -1;
}

/* --------------------------------------------------------------- fields */

/* absent and null are the same to every optional field */
static int member(const struct reader *r, int server, const char *key)
{
	int at = json_get(&r->doc, server, key);
	if (at != JSON_NONE && json_type(&r->doc, at) == JSON_NULL)
		return JSON_NONE;
	return at;
}

static int read_text(struct reader *r, int server, const char *key, char **out)
{
	int at = member(r, server, key);
	if (at == JSON_NONE)
		return 0;
	if (json_type(&r->doc, at) != JSON_STRING)
		return refuse_field(r, "string_type", key,
			"Input should be a valid string", at);
	if (json_has_nul(json_raw(&r->doc, at)))
		return refuse_field(r, "value_error", key,
			"a NUL character cannot be passed on", at);
	*out = json_cstr(json_raw(&r->doc, at));
	return *out ? 0 : no_memory(r);
}

static int read_bool(struct reader *r, int server, const char *key, bool *out)
{
	int at = member(r, server, key);
	if (at == JSON_NONE)
		return 0;
	if (json_type(&r->doc, at) != JSON_BOOL)
		return refuse_field(r, "bool_parsing", key,
			"Input should be a valid boolean", at);
	*out = *json_raw(&r->doc, at).p == 't';
	return 0;
}

static int read_seconds(
	struct reader *r, int server, const char *key, uint64_t *out_ms)
{
	int at = member(r, server, key);
	uint64_t seconds;
	if (at == JSON_NONE)
		return 0;
	if (!json_u64(json_raw(&r->doc, at), &seconds) ||
		seconds > TIMEOUT_MAX_S)
		return refuse_field(r, "int_parsing", key,
			"Input should be whole seconds from 0 to 86400", at);
	*out_ms = seconds * 1000;
	return 0;
}

static int read_args(struct reader *r, int server, struct mcp_server_config *s)
{
	int at = member(r, server, "args");
	size_t n = 0;
	if (at != JSON_NONE && json_type(&r->doc, at) != JSON_ARRAY)
		return refuse_field(r, "list_type", "args",
			"Input should be a valid list", at);
	if (at != JSON_NONE)
		n = json_count(&r->doc, at);
	s->argv = mem_new_array(n + 2, sizeof(*s->argv));
	if (!s->argv)
		return no_memory(r);
	size_t i = 1;
	for (int arg = n ? json_first(&r->doc, at) : JSON_NONE;
		arg != JSON_NONE; arg = json_after(&r->doc, arg)) {
		struct str raw = json_raw(&r->doc, arg);
		if (json_type_of(raw) != JSON_STRING || json_has_nul(raw)) {
			char index[FMT_U64_MAX];
			r->item = str_from(index, fmt_u64(index, i - 1));
			return refuse_field(r, "string_type", "args",
				"every argument should be a valid string", arg);
		}
		s->argv[i] = json_cstr(raw);
		if (!s->argv[i++])
			return no_memory(r);
	}
	return 0;
}

/* an object of texts, as a list of "NAME=VALUE" or "NAME: VALUE" */
struct pairs {
	const char *key;
	const char *between;
	bool (*sound)(struct str name, struct str value);
	const char *wrong;
};

static bool sound_variable(struct str name, struct str value)
{
	(void)value;
	return name.n > 0 && str_index(name, '=') == name.n;
}

/* fields that the transport itself writes, or that end at the next hop */
static bool sound_field(struct str name, struct str value)
{
	static const char *const ours[] = {"Host", "Content-Length",
		"Content-Type", "Accept", "Transfer-Encoding", "Connection",
		"Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
		"Mcp-Session-Id", "MCP-Protocol-Version", "Last-Event-ID"};
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_eq_nocase(name, str_of(ours[i])))
			return false;
	return name.n > 0 && http_chars_all(name, HTTP_TCHAR) &&
	       http_chars_all(value, HTTP_VALUE);
}

static const struct pairs variables = {
	"env", "=", sound_variable, "every variable should be a valid string"};
static const struct pairs fields = {"headers", ": ", sound_field,
	"every header should be a string that can stand in a request, and none "
	"that the transport writes itself"};

/* one of them; NULL and *bad, or NULL: no memory */
static char *pair_entry(
	const struct reader *r, const struct pairs *kind, int key, bool *bad)
{
	struct buf b;
	struct str name = json_raw(&r->doc, key);
	struct str value = json_raw(&r->doc, json_value(&r->doc, key));
	char *entry = NULL;
	*bad = json_type_of(value) != JSON_STRING || json_has_nul(value) ||
	       json_has_nul(name);
	if (*bad)
		return NULL;
	buf_init(&b, name.n + value.n + 2);
	json_unquote(&b, name);
	size_t name_len = b.n;
	buf_puts(&b, kind->between);
	size_t value_at = b.n;
	json_unquote(&b, value);
	*bad = !b.err && !kind->sound(str_first(buf_str(&b), name_len),
				 str_from_index(buf_str(&b), value_at));
	if (!b.err && !*bad)
		entry = mem_dup(buf_at(&b, 0), b.n);
	buf_fini(&b);
	return entry;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_pairs(
	struct reader *r, int server, const struct pairs *kind, char ***out)
{
	int at = member(r, server, kind->key);
	size_t n = 0, i = 0;
	if (at != JSON_NONE && json_type(&r->doc, at) != JSON_OBJECT)
		return refuse_field(r, "dict_type", kind->key,
			"Input should be a valid dictionary", at);
	if (at != JSON_NONE)
		n = json_count(&r->doc, at);
	char **list = mem_new_array(n + 1, sizeof(*list));
	*out = list;
	if (!list)
		return no_memory(r);
	for (int key = n ? json_first(&r->doc, at) : JSON_NONE;
		key != JSON_NONE; key = json_after(&r->doc, key)) {
		bool bad;
		list[i] = pair_entry(r, kind, key, &bad);
		if (bad) {
			r->item = json_raw(&r->doc, key);
			return refuse_field(r, "string_type", kind->key,
				kind->wrong, json_value(&r->doc, key));
		}
		if (!list[i++])
			return no_memory(r);
	}
	qsort(list, n, sizeof(*list), compare_text);
	return 0;
}

/* --------------------------------------------------------------- server */

static bool is_remote(const char *transport)
{
	static const char *const remote[] = {"http", "streamable-http", "sse"};
	for (size_t i = 0; i < ARRAY_LEN(remote); i++)
		if (strcmp(transport, remote[i]) == 0)
			return true;
	return false;
}

static int check_remote(struct reader *r, const struct mcp_server_config *s)
{
	struct url url;
	if (!s->url || !*s->url)
		return refuse_server(r, s, "this transport needs a url");
	const char *wrong = url_read(&url, str_of(s->url));
	if (wrong)
		return refuse_server(r, s, wrong);
	if (url.user.p)
		return refuse_server(r, s,
			"credentials belong into headers or auth, not into the "
			"url");
	if (s->bearer && strcmp(s->bearer, "oauth") == 0)
		return refuse_server(r, s,
			"auth oauth needs a person and a browser; give a token "
			"or headers");
	return 0;
}

static int check_usable(
	struct reader *r, struct mcp_server_config *s, const char *transport)
{
	if (is_remote(transport)) {
		s->sse = strcmp(transport, "sse") == 0;
		return check_remote(r, s);
	}
	if (strcmp(transport, "stdio") != 0)
		return refuse_server(r, s,
			"unknown transport; it is one of: stdio, http, "
			"streamable-http, sse");
	/* whoever gives both means the command */
	mem_free(s->url);
	s->url = NULL;
	if (s->command && *s->command)
		return 0;
	return refuse_server(r, s, "transport stdio needs a command");
}

static int read_auth(struct reader *r, int at, struct mcp_server_config *s)
{
	int e = read_text(r, at, "auth", &s->bearer);
	if (e == 0 && s->bearer &&
		!http_chars_all(str_of(s->bearer), HTTP_VALUE))
		e = refuse_field(r, "value_error", "auth",
			"a token cannot hold control characters", JSON_NONE);
	return e;
}

static int read_remote(struct reader *r, int at, struct mcp_server_config *s)
{
	int e = read_text(r, at, "url", &s->url);
	if (e == 0)
		e = read_auth(r, at, s);
	if (e == 0)
		e = read_pairs(r, at, &fields, &s->headers);
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
		seconds > TIMEOUT_MAX_S)
		seconds = REMOTE_TIMEOUT_S;
	return seconds * 1000;
}

static int read_fields(struct reader *r, int at, struct mcp_server_config *s)
{
	char *transport = NULL;
	if (json_type(&r->doc, at) != JSON_OBJECT)
		return refuse_field(r, "model_attributes_type", NULL,
			"Input should be a valid dictionary", at);
	int e = read_text(r, at, "transport", &transport);
	if (e == 0 && !transport)
		e = refuse_field(
			r, "missing", "transport", "Field required", at);
	if (e == 0)
		e = read_text(r, at, "command", &s->command);
	if (e == 0)
		e = read_args(r, at, s);
	if (e == 0)
		e = read_pairs(r, at, &variables, &s->env);
	if (e == 0)
		e = read_remote(r, at, s);
	if (e == 0)
		e = read_text(r, at, "cwd", &s->cwd);
	if (e == 0)
		e = read_bool(r, at, "serve_mcp_tools", &s->serve_tools);
	if (e == 0)
		e = read_seconds(
			r, at, "startup_timeout", &s->startup_timeout_ms);
	if (e == 0)
		e = read_seconds(r, at, "call_timeout", &s->call_timeout_ms);
	if (e == 0)
		e = check_usable(r, s, transport);
	if (s->call_timeout_ms == UNSET)
		s->call_timeout_ms = s->url ? remote_timeout_ms() : 0;
	if (e == 0)
		s->argv[0] = s->command;
	mem_free(transport);
	return e;
}

static int read_server(struct reader *r, int key, struct mcp_config *c)
{
	struct mcp_server_config *s = mem_new(sizeof(*s));
	if (!s)
		return no_memory(r);
	c->servers[c->n++] = s;
	r->server = json_raw(&r->doc, key);
	s->serve_tools = true;
	s->startup_timeout_ms = STARTUP_TIMEOUT_S * 1000;
	s->call_timeout_ms = UNSET;
	bool nul = json_has_nul(r->server);
	s->name = nul ? NULL : json_cstr(r->server);
	if (!nul && !s->name)
		return no_memory(r);
	if (nul || !*s->name || strlen(s->name) > MCP_NAME_MAX)
		return refuse_field(r, "value_error", NULL,
			"a server's name is 1 to 128 bytes without NUL", key);
	return read_fields(r, json_value(&r->doc, key), s);
}

static int read_all(struct reader *r, struct mcp_config *c)
{
	if (json_type(&r->doc, 0) != JSON_OBJECT)
		return refuse_field(r, "model_attributes_type", NULL,
			"Input should be a valid dictionary", 0);
	int servers = json_get(&r->doc, 0, "mcpServers");
	if (servers == JSON_NONE)
		return refuse_field(
			r, "missing", "mcpServers", "Field required", 0);
	if (json_type(&r->doc, servers) != JSON_OBJECT)
		return refuse_field(r, "dict_type", "mcpServers",
			"Input should be a valid dictionary", servers);
	size_t n = json_count(&r->doc, servers);
	if (n > MCP_SERVERS_MAX)
		return refuse_field(r, "too_long", "mcpServers",
			"at most 256 servers", servers);
	c->servers = mem_new_array(n, sizeof(*c->servers));
	if (!c->servers)
		return no_memory(r);
	for (int key = json_first(&r->doc, servers); key != JSON_NONE;
		key = json_after(&r->doc, key))
		if (read_server(r, key, c) < 0)
			return -1;
	return 0;
}

int mcp_config_read(struct mcp_config *c, struct str body, struct buf *error)
{
	struct reader r = {.error = error};
	struct json_where where;
	*c = (struct mcp_config){0};
	int code = json_parse(&r.doc, body, MCP_CONFIG_VALUES, &where);
	if (code)
		(void)refuse_json(&r, code, where);
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

void mcp_server_config_free(struct mcp_server_config *s)
{
	if (!s)
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
	mem_free(s->name);
	mem_free(s);
}

void mcp_config_fini(struct mcp_config *c)
{
	for (size_t i = 0; i < c->n; i++)
		mcp_server_config_free(c->servers[i]);
	mem_free(c->servers);
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
	       a->sse == b->sse && same_text(a->bearer, b->bearer) &&
	       same_texts(a->headers, b->headers) &&
	       same_texts(a->env, b->env) && same_text(a->cwd, b->cwd) &&
	       a->serve_tools == b->serve_tools &&
	       a->startup_timeout_ms == b->startup_timeout_ms &&
	       a->call_timeout_ms == b->call_timeout_ms;
}
