/* SPDX-License-Identifier: MIT */
/* init/shape_write.c - structs back into JSON. */
#include "init/shape.h"
#include "lib/fmt.h"
#include "lib/spawn.h"

enum { NUMBER_TEXT = 24, DEPTH_MAX = 16, INDENT = 2 };

static void put_words(struct json_writer *w, const struct shape_words *words)
{
	json_w_open(w, '[');
	for (size_t i = 0; i < words->n; i++)
		json_w_text(w, words->v[i]);
	json_w_close(w, ']');
}

static void put_pairs(struct json_writer *w, const struct shape_pairs *pairs)
{
	json_w_open(w, '{');
	for (size_t i = 0; i < pairs->n; i++) {
		json_w_key(w, pairs->v[i].name);
		json_w_text(w, pairs->v[i].value);
	}
	json_w_close(w, '}');
}

static void put_signal(struct json_writer *w, unsigned signo)
{
	char name[NUMBER_TEXT];
	spawn_signal_name(name, sizeof(name), (int)signo);
	if (str_starts(str_of(name), STR("SIG")))
		json_w_text(w, name + 3);
	else
		json_w_u64(w, signo);
}

static void put_object(
	struct json_writer *w, const struct shape *shape, const char *src);

static void put_items(struct json_writer *w, const struct shape_field *f,
	const struct shape_items *items)
{
	const struct shape *shape = f->shape;
	bool map = f->type == SHAPE_MAP;
	json_w_open(w, map ? '{' : '[');
	for (size_t i = 0; i < items->n; i++) {
		const char *element = (const char *)items->v + i * shape->size;
		const char *name;
		memcpy(&name, element + shape->name_at, sizeof(name));
		if (map)
			json_w_key(w, name);
		put_object(w, shape, element);
	}
	json_w_close(w, map ? '}' : ']');
}

static void put_value(
	struct json_writer *w, const struct shape_field *f, const void *src)
{
	char text[NUMBER_TEXT];
	switch (f->type) {
	case SHAPE_BOOL:
		json_w_bool(w, *(const bool *)src);
		break;
	case SHAPE_NUMBER:
		json_w_u64(w, *(const uint64_t *)src);
		break;
	case SHAPE_TEXT:
	case SHAPE_PATH:
	case SHAPE_ADDRESS:
		json_w_text(w, *(const char *const *)src);
		break;
	case SHAPE_WORDS:
		put_words(w, src);
		break;
	case SHAPE_PAIRS:
		put_pairs(w, src);
		break;
	case SHAPE_CHOICE:
		json_w_text(w, f->choices[*(const unsigned *)src]);
		break;
	case SHAPE_MODE:
		fmt_str(text, sizeof(text), "%04o", *(const unsigned *)src);
		json_w_text(w, text);
		break;
	case SHAPE_SIGNAL:
		put_signal(w, *(const unsigned *)src);
		break;
	case SHAPE_OBJECT:
		put_object(w, f->shape, src);
		break;
	case SHAPE_LIST:
	case SHAPE_MAP:
		put_items(w, f, src);
		break;
	}
}

/* a value that has no default and was not given */
static bool absent(const struct shape_field *f, const void *src)
{
	switch (f->type) {
	case SHAPE_TEXT:
	case SHAPE_PATH:
	case SHAPE_ADDRESS:
		return *(const char *const *)src == NULL;
	case SHAPE_WORDS:
		return ((const struct shape_words *)src)->v == NULL;
	case SHAPE_SIGNAL:
		return *(const unsigned *)src == 0;
	case SHAPE_NUMBER:
		return *(const uint64_t *)src < f->min ||
		       *(const uint64_t *)src > f->max;
	case SHAPE_BOOL:
	case SHAPE_PAIRS:
	case SHAPE_CHOICE:
	case SHAPE_MODE:
	case SHAPE_OBJECT:
	case SHAPE_LIST:
	case SHAPE_MAP:
		return false;
	}
	return false;
}

static void put_object(
	struct json_writer *w, const struct shape *shape, const char *src)
{
	json_w_open(w, '{');
	for (size_t i = 0; i < shape->n; i++) {
		const struct shape_field *f = &shape->fields[i];
		if (absent(f, src + f->at))
			continue;
		json_w_key(w, f->key);
		put_value(w, f, src + f->at);
	}
	json_w_close(w, '}');
}

void shape_write(struct buf *out, const struct shape *shape, const void *src)
{
	struct json_writer w = {.out = out};
	put_object(&w, shape, src);
}

/* ------------------------------------------------------------ for people */

static void new_line(struct buf *out, size_t depth)
{
	buf_putc(out, '\n');
	for (size_t i = 0; i < depth * INDENT; i++)
		buf_putc(out, ' ');
}

/* arrays of strings stay on one line */
static bool opens_lines(struct str json, size_t i)
{
	char next = i + 1 < json.n ? json.p[i + 1] : '\0';
	return json.p[i] == '{' ? next != '}' : next == '{';
}

/* a string from its opening quote; returns the index of the closing one */
static size_t put_quoted(struct buf *out, struct str json, size_t i)
{
	size_t end = i + 1;
	while (end < json.n && json.p[end] != '"')
		end += json.p[end] == '\\' ? 2 : 1;
	buf_put(out, json.p + i, end + 1 - i);
	return end;
}

void shape_pretty(struct buf *out, struct str json)
{
	bool lines[DEPTH_MAX] = {false};
	size_t depth = 0;
	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];
		if (c == '"') {
			i = put_quoted(out, json, i);
			continue;
		}
		if ((c == '}' || c == ']') && depth > 0 && lines[depth--])
			new_line(out, depth);
		buf_putc(out, c);
		if ((c == '{' || c == '[') && depth + 1 < DEPTH_MAX)
			lines[++depth] = opens_lines(json, i);
		if ((c == '{' || c == '[' || c == ',') && lines[depth])
			new_line(out, depth);
		else if (c == ':' || c == ',')
			buf_putc(out, ' ');
	}
	buf_putc(out, '\n');
}
