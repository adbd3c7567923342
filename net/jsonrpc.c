/* SPDX-License-Identifier: MIT */
/* net/jsonrpc.c - JSON-RPC 2.0 envelopes. */
#include "net/jsonrpc.h"

#include <string.h>

#include "lib/size.h"

static bool usable_id(struct str id)
{
	enum json_type type = json_type_of(id);
	return type == JSON_STRING || type == JSON_NUMBER;
}

static int read_members(struct jsonrpc *m, const char **why)
{
	static const char *const names[] = {
		"jsonrpc", "id", "method", "params", "result", "error"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(m->text, names, v, ARRAY_LEN(names))) {
		*why = "a message must be an object without repeated members";
		return JSONRPC_INVALID_REQUEST;
	}
	m->id = v[1];
	m->method = v[2];
	m->params = v[3];
	m->result = v[4];
	m->error = v[5];
	if (!v[0].p || !json_str_is(v[0], STR("2.0"))) {
		*why = "jsonrpc must be \"2.0\"";
		return JSONRPC_INVALID_REQUEST;
	}
	return 0;
}

static int classify(struct jsonrpc *m, const char **why)
{
	if (m->id.p && !usable_id(m->id)) {
		bool for_error = json_type_of(m->id) == JSON_NULL && m->error.p;
		m->id = (struct str){NULL, 0};
		if (!for_error) {
			*why = "id must be a string or a number";
			return JSONRPC_INVALID_REQUEST;
		}
	}
	if (m->method.p) {
		if (json_type_of(m->method) != JSON_STRING) {
			*why = "method must be a string";
			return JSONRPC_INVALID_REQUEST;
		}
		m->method = str_from(m->method.p + 1, m->method.n - 2);
		m->kind = m->id.p ? JSONRPC_REQUEST : JSONRPC_NOTIFICATION;
		return 0;
	}
	if ((m->result.p != NULL) == (m->error.p != NULL)) {
		*why = "neither a request nor a response";
		return JSONRPC_INVALID_REQUEST;
	}
	if (m->result.p && !m->id.p) {
		*why = "a result needs an id";
		return JSONRPC_INVALID_REQUEST;
	}
	m->kind = m->result.p ? JSONRPC_RESULT : JSONRPC_ERROR;
	return 0;
}

int jsonrpc_read_checked(struct jsonrpc *m, struct str text, const char **why)
{
	*m = (struct jsonrpc){.text = text};
	int r = read_members(m, why);
	if (r) {
		if (m->id.p && !usable_id(m->id))
			m->id = (struct str){NULL, 0};
		return r;
	}
	return classify(m, why);
}

int jsonrpc_read(struct jsonrpc *m, struct str text, const char **why)
{
	int r = json_check(text, NULL);
	if (r) {
		*m = (struct jsonrpc){.text = text};
		*why = json_error_text(r);
		return JSONRPC_PARSE_ERROR;
	}
	return jsonrpc_read_checked(m, text, why);
}

/* the digits behind "id": in one end of what may have been a message */
static struct str id_in(struct str end)
{
	const struct str key = STR("\"id\":");
	size_t at = str_find(end, key);
	if (at == end.n || !str_has(end, STR("\"jsonrpc\"")))
		return (struct str){NULL, 0};
	struct str id = str_trim(str_from_index(end, at + key.n));
	size_t n = 0;
	while (n < id.n && id.p[n] >= '0' && id.p[n] <= '9')
		n++;
	return str_first(id, n);
}

struct str jsonrpc_guess_id(struct str text)
{
	enum { END = 64 };
	struct str id = id_in(str_first(text, END));
	if (id.n == 0 && text.n > END)
		id = id_in(str_from_index(text, text.n - END));
	return id;
}

bool jsonrpc_is(const struct jsonrpc *m, const char *method)
{
	if (!m->method.p)
		return false;
	struct str quoted = str_from(m->method.p - 1, m->method.n + 2);
	return json_str_is(quoted, str_of(method));
}

/* a raw line break in valid JSON stands between tokens: a space will do */
static void put_one_line(struct buf *out, struct str text)
{
	size_t start = out->n;
	buf_put_str(out, text);
	if (out->err || out->n == start)
		return;
	char *p = buf_at(out, start);
	char *end = buf_at(out, 0) + out->n;
	for (char *c = p; (c = memchr(c, '\n', (size_t)(end - c))); c++)
		*c = ' ';
	for (char *c = p; (c = memchr(c, '\r', (size_t)(end - c))); c++)
		*c = ' ';
}

size_t jsonrpc_add_edit(
	struct jsonrpc_edit *all, size_t n, struct str at, struct str with)
{
	size_t i = n;
	for (; i > 0 && all[i - 1].at.p > at.p; i--)
		all[i] = all[i - 1];
	all[i] = (struct jsonrpc_edit){at, with};
	return n + 1;
}

void jsonrpc_put_edited(struct buf *out, struct str text,
	const struct jsonrpc_edit *edits, size_t n)
{
	const char *from = text.p;
	for (size_t i = 0; i < n; i++) {
		put_one_line(
			out, str_from(from, (size_t)(edits[i].at.p - from)));
		buf_put_str(out, edits[i].with);
		from = edits[i].at.p + edits[i].at.n;
	}
	put_one_line(out, str_from(from, (size_t)(text.p + text.n - from)));
}

void jsonrpc_put_error(
	struct buf *out, struct str id, int code, struct str message)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, id.p ? id : STR("null"));
	buf_putf(out, ",\"error\":{\"code\":%d,\"message\":", code);
	json_quote(out, message);
	buf_puts(out, "}}");
}

void jsonrpc_put_result(struct buf *out, struct str id, struct str result)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(out, id);
	buf_puts(out, ",\"result\":");
	buf_put_str(out, result);
	buf_putc(out, '}');
}
