/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_config_field.c - the fields of a configuration, and its refusals.
 *
 * input: untrusted
 */
#include "net/mcp_config_field.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "net/http_chars.h"
#include "net/invalid.h"

enum { TIMEOUT_MAX_S = 86400 };

/* ------------------------------------------------------------- refusals */

int config_no_memory(struct config_reader *r)
{
	buf_reset(r->error);
	buf_puts(r->error, "{\"detail\":\"out of memory\"}");
	r->status = 500;
	return -1;
}

/* 422 with the place of the value: ["body","mcpServers",SERVER,FIELD,...] */
int config_refuse_field(struct config_reader *r, const char *type,
	const char *field, const char *message, int at)
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
		(void)config_no_memory(r);
	buf_fini(&quoted);
	return -1;
}

int config_refuse_server(struct config_reader *r,
	const struct mcp_server_config *s, const char *why)
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

int config_refuse_json(
	struct config_reader *r, int code, struct json_where where)
{
	if (code == JSON_MEMORY)
		return config_no_memory(r);
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
int config_member(const struct config_reader *r, int server, const char *key)
{
	int at = json_get(&r->doc, server, key);
	if (at != JSON_NONE && json_type(&r->doc, at) == JSON_NULL)
		return JSON_NONE;
	return at;
}

int config_text(
	struct config_reader *r, int server, const char *key, char **out)
{
	int at = config_member(r, server, key);
	if (at == JSON_NONE)
		return 0;
	if (json_type(&r->doc, at) != JSON_STRING)
		return config_refuse_field(r, "string_type", key,
			"Input should be a valid string", at);
	if (json_has_nul(json_raw(&r->doc, at)))
		return config_refuse_field(r, "value_error", key,
			"a NUL character cannot be passed on", at);
	*out = json_cstr(json_raw(&r->doc, at));
	return *out ? 0 : config_no_memory(r);
}

int config_bool(struct config_reader *r, int server, const char *key, bool *out)
{
	int at = config_member(r, server, key);
	if (at == JSON_NONE)
		return 0;
	if (json_type(&r->doc, at) != JSON_BOOL)
		return config_refuse_field(r, "bool_parsing", key,
			"Input should be a valid boolean", at);
	*out = *json_raw(&r->doc, at).p == 't';
	return 0;
}

int config_seconds(
	struct config_reader *r, int server, const char *key, uint64_t *out_ms)
{
	int at = config_member(r, server, key);
	uint64_t seconds;
	if (at == JSON_NONE)
		return 0;
	if (!json_u64(json_raw(&r->doc, at), &seconds) ||
		seconds > TIMEOUT_MAX_S)
		return config_refuse_field(r, "int_parsing", key,
			"Input should be whole seconds from 0 to 86400", at);
	*out_ms = seconds * 1000;
	return 0;
}

int config_list(struct config_reader *r, int of, const char *key, char ***out,
	size_t spare)
{
	int at = config_member(r, of, key);
	size_t n = 0;
	if (at != JSON_NONE && json_type(&r->doc, at) != JSON_ARRAY)
		return config_refuse_field(r, "list_type", key,
			"Input should be a valid list", at);
	if (at != JSON_NONE)
		n = json_count(&r->doc, at);
	*out = mem_new_array(n + spare + 1, sizeof(**out));
	if (!*out)
		return config_no_memory(r);
	size_t i = 0;
	for (int item = n ? json_first(&r->doc, at) : JSON_NONE;
		item != JSON_NONE; item = json_after(&r->doc, item), i++) {
		struct str raw = json_raw(&r->doc, item);
		if (json_type_of(raw) != JSON_STRING || json_has_nul(raw)) {
			char index[FMT_U64_MAX];
			r->item = str_from(index, fmt_u64(index, i));
			return config_refuse_field(r, "string_type", key,
				"every one should be a valid string", item);
		}
		(*out)[spare + i] = json_cstr(raw);
		if (!(*out)[spare + i])
			return config_no_memory(r);
	}
	return 0;
}

int config_choice(struct config_reader *r, int of,
	const struct config_choices *choices, int *out)
{
	int at = config_member(r, of, choices->key);
	if (at == JSON_NONE)
		return 0;
	struct str raw = json_raw(&r->doc, at);
	for (int i = 0; choices->names[i]; i++)
		if (json_type_of(raw) == JSON_STRING &&
			json_str_is(raw, str_of(choices->names[i]))) {
			*out = i;
			return 0;
		}
	return config_refuse_field(
		r, "value_error", choices->key, choices->wrong, at);
}

static bool sound_variable(struct str name, struct str value)
{
	(void)value;
	return name.n > 0 && str_index(name, '=') == name.n;
}

/* config_headers that the transport itself writes, or that end at the next hop */
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

const struct config_pairs_of config_variables = {
	"env", "=", sound_variable, "every variable should be a valid string"};
const struct config_pairs_of config_headers = {"headers", ": ", sound_field,
	"every header should be a string that can stand in a request, and none "
	"that the transport writes itself"};

/* one of them; NULL and *bad, or NULL: no memory */
static char *pair_entry(const struct config_reader *r,
	const struct config_pairs_of *kind, int key, bool *bad)
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

int config_pairs(struct config_reader *r, int server,
	const struct config_pairs_of *kind, char ***out)
{
	int at = config_member(r, server, kind->key);
	size_t n = 0, i = 0;
	if (at != JSON_NONE && json_type(&r->doc, at) != JSON_OBJECT)
		return config_refuse_field(r, "dict_type", kind->key,
			"Input should be a valid dictionary", at);
	if (at != JSON_NONE)
		n = json_count(&r->doc, at);
	char **list = mem_new_array(n + 1, sizeof(*list));
	*out = list;
	if (!list)
		return config_no_memory(r);
	for (int key = n ? json_first(&r->doc, at) : JSON_NONE;
		key != JSON_NONE; key = json_after(&r->doc, key)) {
		bool bad;
		list[i] = pair_entry(r, kind, key, &bad);
		if (bad) {
			r->item = json_raw(&r->doc, key);
			return config_refuse_field(r, "string_type", kind->key,
				kind->wrong, json_value(&r->doc, key));
		}
		if (!list[i++])
			return config_no_memory(r);
	}
	qsort(list, n, sizeof(*list), compare_text);
	return 0;
}
