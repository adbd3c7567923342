/* SPDX-License-Identifier: MIT */
/*
 * lib/json.c - JSON documents (over jsmn), cursors and scalars.
 *
 * input: untrusted
 *
 * Everything here works on text that json_check() has accepted, so scanning
 * needs no second round of errors.
 */
#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json_scan.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "lib/utf8.h"

/*
 * Not JSMN_STRICT: the text is validated before, and strict jsmn refuses a
 * document that is one number.
 */
#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

struct json_token {
	jsmntok_t t;
	int next; /* index behind everything that is inside this one */
};

enum json_type json_type_of(struct str raw)
{
	switch (*raw.p) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* -------------------------------------------------- escapes in strings */

static uint32_t unicode_escape(const char *p)
{
	uint32_t code = 0;
	for (int i = 0; i < 4; i++)
		code = code << 4 | (uint32_t)str_hex_digit(p[i]);
	return code;
}

/* the text of one character or escape at *p, moving *p behind it */
static size_t decode_one(const char **p, char out[4])
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	if (**p != '\\') {
		out[0] = *(*p)++;
		return 1;
	}
	char c = (*p)[1];
	if (c != 'u') {
		const char *hit = strchr(from, c);
		out[0] = hit ? to[hit - from] : c;
		*p += 2;
		return 1;
	}
	uint32_t code = unicode_escape(*p + 2);
	*p += 6;
	if (code >= 0xd800 && code <= 0xdbff) {
		uint32_t low = unicode_escape(*p + 2);
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		*p += 6;
	}
	return utf8_put(out, code);
}

static struct str inside_quotes(struct str raw)
{
	return str_from(raw.p + 1, raw.n - 2);
}

/* memcmp of a raw text (escapes resolved) with plain bytes or another raw */
static int compare_raw(struct str a, struct str b)
{
	char abuf[4], bbuf[4];
	size_t an = 0, bn = 0, ai = 0, bi = 0;
	const char *ap = a.p, *bp = b.p;
	for (;;) {
		if (ai == an && ap < a.p + a.n) {
			an = decode_one(&ap, abuf);
			ai = 0;
		}
		if (bi == bn && bp < b.p + b.n) {
			bn = decode_one(&bp, bbuf);
			bi = 0;
		}
		if (ai == an || bi == bn)
			return (ai < an) - (bi < bn);
		int d = (unsigned char)abuf[ai++] - (unsigned char)bbuf[bi++];
		if (d)
			return d;
	}
}

static bool has_escape(struct str raw)
{
	return str_index(raw, '\\') < raw.n;
}

/* a raw text spells plain bytes */
static bool raw_spells(struct str raw, struct str plain)
{
	if (!has_escape(raw))
		return str_eq(raw, plain);
	const char *p = raw.p;
	size_t at = 0;
	while (p < raw.p + raw.n) {
		char out[4];
		size_t n = decode_one(&p, out);
		if (plain.n - at < n || memcmp(plain.p + at, out, n) != 0)
			return false;
		at += n;
	}
	return at == plain.n;
}

bool json_key_is(struct str raw_key, const char *name)
{
	return raw_spells(raw_key, str_of(name));
}

bool json_str_is(struct str raw, struct str text)
{
	return raw.n >= 2 && *raw.p == '"' &&
	       raw_spells(inside_quotes(raw), text);
}

void json_unquote(struct buf *out, struct str raw)
{
	struct str text = inside_quotes(raw);
	if (!has_escape(text)) {
		buf_put_str(out, text);
		return;
	}
	for (const char *p = text.p; p < text.p + text.n;) {
		char c[4];
		size_t n = decode_one(&p, c);
		buf_put(out, c, n);
	}
}

bool json_has_nul(struct str raw)
{
	struct str text = inside_quotes(raw);
	for (const char *p = text.p; p < text.p + text.n;) {
		char c[4];
		(void)decode_one(&p, c);
		if (c[0] == '\0')
			return true;
	}
	return false;
}

char *json_cstr(struct str raw)
{
	struct buf b;
	if (json_has_nul(raw))
		return NULL;
	buf_init(&b, raw.n + 1);
	json_unquote(&b, raw);
	char *copy = NULL;
	if (!b.err)
		copy = mem_dup(buf_str(&b).p, b.n);
	buf_fini(&b);
	return copy;
}

bool json_u64(struct str raw, uint64_t *out)
{
	return raw.n > 0 && *raw.p != '"' && str_to_u64(raw, out);
}

/* ------------------------------------------------------------- cursors */

/* p stands on the opening quote; returns behind the closing one */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		p = memchr(p, '"', (size_t)(end - p));
		if (!p)
			return end;
		const char *back = p;
		while (back[-1] == '\\')
			back--;
		if ((p - back) % 2 == 0)
			return p + 1;
	}
	return end;
}

static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;
	while (p < end) {
		char c = *p;
		if (c == '"') {
			p = skip_string(p, end);
		} else if (c == '{' || c == '[') {
			depth++;
			p++;
			continue;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				return p;
			depth--;
			p++;
		} else if (depth == 0 && (c == ',' || c == ' ' || c == '\t' ||
						 c == '\n' || c == '\r')) {
			return p;
		} else {
			p++;
			continue;
		}
		if (depth == 0)
			return p;
	}
	return p;
}

bool json_open(struct json_cursor *c, struct str raw)
{
	const char *end = raw.p + raw.n;
	const char *p = json_skip_space(raw.p, end);
	if (p == end || (*p != '{' && *p != '['))
		return false;
	*c = (struct json_cursor){.p = p + 1, .end = end, .object = *p == '{'};
	return true;
}

bool json_next(struct json_cursor *c, struct str *key, struct str *value)
{
	const char *p = json_skip_space(c->p, c->end);
	if (p < c->end && *p == ',')
		p = json_skip_space(p + 1, c->end);
	if (p == c->end || *p == '}' || *p == ']')
		return false;
	if (c->object) {
		const char *close = skip_string(p, c->end);
		if (key)
			*key = str_from(p + 1, (size_t)(close - p) - 2);
		p = json_skip_space(close, c->end);
		p = json_skip_space(p + 1, c->end); /* the colon */
	}
	c->p = skip_value(p, c->end);
	*value = str_from(p, (size_t)(c->p - p));
	return true;
}

struct str json_member(struct str raw, const char *key)
{
	struct json_cursor c;
	struct str name, value;
	if (json_open(&c, raw) && c.object)
		while (json_next(&c, &name, &value))
			if (json_key_is(name, key))
				return value;
	return (struct str){NULL, 0};
}

bool json_pick(
	struct str raw, const char *const *names, struct str *out, size_t n)
{
	struct json_cursor c;
	struct str key, value;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct str){NULL, 0};
	if (!json_open(&c, raw) || !c.object)
		return false;
	while (json_next(&c, &key, &value)) {
		size_t i = 0;
		while (i < n && !json_key_is(key, names[i]))
			i++;
		if (i == n)
			continue;
		if (out[i].p)
			return false;
		out[i] = value;
	}
	return true;
}

/* ----------------------------------------------------------- documents */

static struct str token_text(const struct json_doc *d, int at)
{
	const jsmntok_t *t = &d->token[at].t;
	return str_from(d->text.p + t->start, (size_t)(t->end - t->start));
}

struct str json_raw(const struct json_doc *d, int at)
{
	struct str text = token_text(d, at);
	if (d->token[at].t.type == JSMN_STRING)
		return str_from(text.p - 1, text.n + 2);
	return text;
}

enum json_type json_type(const struct json_doc *d, int at)
{
	return json_type_of(json_raw(d, at));
}

size_t json_count(const struct json_doc *d, int at)
{
	return (size_t)d->token[at].t.size;
}

int json_first(const struct json_doc *d, int at)
{
	return d->token[at].t.size ? at + 1 : JSON_NONE;
}

int json_after(const struct json_doc *d, int at)
{
	int next = d->token[at].next;
	if ((size_t)next < d->ntokens &&
		d->token[next].t.parent == d->token[at].t.parent)
		return next;
	return JSON_NONE;
}

int json_value(const struct json_doc *d, int key)
{
	(void)d;
	return key + 1; /* jsmn puts a value right behind its key */
}

int json_get(const struct json_doc *d, int at, const char *key)
{
	if (at == JSON_NONE || d->token[at].t.type != JSMN_OBJECT)
		return JSON_NONE;
	for (int k = json_first(d, at); k != JSON_NONE; k = json_after(d, k))
		if (json_key_is(token_text(d, k), key))
			return json_value(d, k);
	return JSON_NONE;
}

static int compare_keys(const void *a, const void *b, void *doc)
{
	return compare_raw(token_text(doc, *(const int *)a),
		token_text(doc, *(const int *)b));
}

/* sorted, so that an object of very many keys costs n log n, not n * n */
static int check_unique(struct json_doc *d, int object, int *keys, int *bad)
{
	size_t n = 0;
	for (int k = json_first(d, object); k != JSON_NONE;
		k = json_after(d, k))
		keys[n++] = k;
	qsort_r(keys, n, sizeof(*keys), compare_keys, d);
	for (size_t i = 1; i < n; i++) {
		if (compare_keys(&keys[i - 1], &keys[i], d) != 0)
			continue;
		*bad = keys[i - 1] > keys[i] ? keys[i - 1] : keys[i];
		return JSON_DUPLICATE;
	}
	return 0;
}

static int check_all_unique(struct json_doc *d, struct json_where *where)
{
	int *keys = mem_new_array(d->ntokens, sizeof(*keys));
	int r = keys ? 0 : JSON_MEMORY;
	for (size_t i = 0; r == 0 && i < d->ntokens; i++) {
		const jsmntok_t *t = &d->token[i].t;
		int bad = 0;
		if (t->type != JSMN_OBJECT || t->size < 2)
			continue;
		r = check_unique(d, (int)i, keys, &bad);
		if (r)
			where->offset = (size_t)d->token[bad].t.start;
	}
	mem_free(keys);
	return r;
}

/* where the tokens inside each one end; children stand behind their parent */
static void link_tokens(struct json_doc *d)
{
	for (size_t i = 0; i < d->ntokens; i++)
		d->token[i].next = (int)i + 1;
	for (size_t i = d->ntokens; i-- > 1;) {
		struct json_token *parent = &d->token[d->token[i].t.parent];
		if (d->token[i].next > parent->next)
			parent->next = d->token[i].next;
	}
}

static int index_text(struct json_doc *d, size_t values)
{
	jsmn_parser parser;
	jsmntok_t *tokens = mem_new_array(values, sizeof(*tokens));
	d->token = mem_new_array(values, sizeof(*d->token));
	int r = JSON_MEMORY;
	if (!tokens || !d->token)
		goto out;
	jsmn_init(&parser);
	r = JSON_SYNTAX;
	int n = jsmn_parse(
		&parser, d->text.p, d->text.n, tokens, (unsigned)values);
	if (n < 0 || (size_t)n != values)
		goto out;
	for (size_t i = 0; i < values; i++)
		d->token[i].t = tokens[i];
	d->ntokens = values;
	link_tokens(d);
	r = 0;
out:
	mem_free(tokens);
	return r;
}

int json_parse(struct json_doc *d, struct str text, size_t max_values,
	struct json_where *where)
{
	size_t values;
	*d = (struct json_doc){.text = text};
	*where = (struct json_where){0};
	/* jsmn's offsets are ints */
	int r = text.n > INT32_MAX
			? JSON_SIZE
			: json_check_count(text, &where->offset, &values);
	if (r == 0 && values > max_values)
		r = JSON_SIZE;
	if (r == 0)
		r = index_text(d, values);
	if (r == 0)
		r = check_all_unique(d, where);
	if (r) {
		json_locate(text, where);
		json_free(d);
	}
	return r;
}

void json_free(struct json_doc *d)
{
	mem_free(d->token);
	*d = (struct json_doc){0};
}
