/* SPDX-License-Identifier: MIT */
/* init/shape_read.c - JSON objects into structs. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>

#include "init/shape.h"
#include "lib/fmt.h"
#include "lib/size.h"
#include "lib/spawn.h"

enum {
	MESSAGE_MAX = 512,
	NEAR_MAX = 3,
	TEXT_MAX = 16384,
	WORDS_MAX = 256,
	NAME_SHOWN = 64,
};

static void say(struct shape_reading *r, const char *at, const char *text)
{
	char line[MESSAGE_MAX];
	struct json_where where = {0};
	r->mistakes++;
	if (!at) {
		r->report(r->owner, text);
		return;
	}
	where.offset = (size_t)(at - r->doc->text.p);
	json_locate(r->doc->text, &where);
	fmt_str(line, sizeof(line), "line %zu, column %zu: %s", where.line,
		where.column, text);
	r->report(r->owner, line);
}

void shape_mistake(struct shape_reading *r, int at, const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	fmt_vstr(text, sizeof(text), format, args);
	va_end(args);
	say(r, at == JSON_NONE ? NULL : json_raw(r->doc, at).p, text);
}

/* ------------------------------------------------------- the key path */

static size_t enter(struct shape_reading *r, struct str name)
{
	size_t before = r->path_n;
	size_t room = sizeof(r->path) - before;
	size_t n = fmt_str(r->path + before, room, "%s%.*s", before ? "." : "",
		STR_FMT(str_first(name, NAME_SHOWN)));
	r->path_n = before + size_min(n, room - 1);
	return before;
}

static size_t enter_index(struct shape_reading *r, size_t index)
{
	size_t before = r->path_n;
	size_t room = sizeof(r->path) - before;
	size_t n = fmt_str(r->path + before, room, "[%zu]", index);
	r->path_n = before + size_min(n, room - 1);
	return before;
}

static void leave(struct shape_reading *r, size_t before)
{
	r->path_n = before;
	r->path[before] = '\0';
}

/* ------------------------------------------------------------- scalars */

bool shape_is_address(const char *text)
{
	struct in6_addr scratch;
	return inet_pton(AF_INET, text, &scratch) == 1 ||
	       inet_pton(AF_INET6, text, &scratch) == 1;
}

int shape_signal(struct str text)
{
	char name[24];
	uint64_t number;
	if (str_to_u64(text, &number))
		return number > 0 && number < _NSIG ? (int)number : 0;
	if (str_starts(text, STR("SIG")))
		text = str_from_index(text, 3);
	if (str_starts(text, STR("RTMIN+")) &&
		str_to_u64(str_from_index(text, 6), &number) && number <= 30)
		return 34 + (int)number;
	for (int signo = 1; signo < 32; signo++) {
		spawn_signal_name(name, sizeof(name), signo);
		if (str_starts(str_of(name), STR("SIG")) &&
			str_is(text, name + 3))
			return signo;
	}
	return 0;
}

static const char *text_at(struct shape_reading *r, int at)
{
	struct buf text;
	struct str raw = json_raw(r->doc, at);
	if (json_type(r->doc, at) != JSON_STRING || json_has_nul(raw))
		return NULL;
	buf_init(&text, TEXT_MAX);
	json_unquote(&text, raw);
	const char *copy =
		text.err ? NULL : arena_dup(r->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

static bool take_number(const struct shape_field *f, struct str raw, void *dst)
{
	uint64_t v;
	if (json_type_of(raw) != JSON_NUMBER || !json_u64(raw, &v) ||
		v < f->min || v > f->max)
		return false;
	*(uint64_t *)dst = v;
	return true;
}

static bool take_text(
	struct shape_reading *r, const struct shape_field *f, int at, void *dst)
{
	const char *text = text_at(r, at);
	if (!text || !*text || (f->type == SHAPE_PATH && *text != '/') ||
		(f->type == SHAPE_ADDRESS && !shape_is_address(text)))
		return false;
	*(const char **)dst = text;
	return true;
}

static bool take_choice(const struct shape_field *f, struct str raw, void *dst)
{
	for (unsigned i = 0; f->choices[i]; i++) {
		if (json_type_of(raw) != JSON_STRING ||
			!json_str_is(raw, str_of(f->choices[i])))
			continue;
		*(unsigned *)dst = i;
		return true;
	}
	return false;
}

/* an octal number in quotes: JSON has none of its own */
static bool take_mode(struct shape_reading *r, int at, void *dst)
{
	const char *text = text_at(r, at);
	unsigned mode = 0;
	size_t n = 0;
	if (!text)
		return false;
	for (; text[n]; n++) {
		if (text[n] < '0' || text[n] > '7' || n == 5)
			return false;
		mode = mode * 8 + (unsigned)(text[n] - '0');
	}
	if (n < 3 || mode > 07777)
		return false;
	*(unsigned *)dst = mode;
	return true;
}

static bool take_signal(struct shape_reading *r, int at, void *dst)
{
	const char *text = NULL;
	if (json_type(r->doc, at) == JSON_STRING)
		text = text_at(r, at);
	int signo = text ? shape_signal(str_of(text)) : 0;
	if (json_type(r->doc, at) == JSON_NUMBER)
		signo = shape_signal(json_raw(r->doc, at));
	if (signo <= 0)
		return false;
	*(unsigned *)dst = (unsigned)signo;
	return true;
}

/* ---------------------------------------------------- strings by number */

/* true: told here, by its own place, and not once more by our caller */
static bool wrong_word(struct shape_reading *r, int at, size_t index)
{
	if (r->arena->failed)
		return false;
	size_t here = enter_index(r, index);
	shape_mistake(r, at, "\"%s\" wants a text in quotes", r->path);
	leave(r, here);
	return true;
}

static bool wrong_pair(struct shape_reading *r, int key)
{
	if (r->arena->failed)
		return false;
	struct str raw = json_raw(r->doc, key);
	size_t here = enter(r, str_first(str_from_index(raw, 1), raw.n - 2));
	shape_mistake(r, json_value(r->doc, key),
		"\"%s\" wants a text in quotes, and a name without '='",
		r->path);
	leave(r, here);
	return true;
}

static bool take_words(struct shape_reading *r, int at, void *dst)
{
	struct shape_words words = {NULL, 0};
	if (json_type(r->doc, at) != JSON_ARRAY ||
		json_count(r->doc, at) > WORDS_MAX)
		return false;
	words.v = arena_new_array(
		r->arena, json_count(r->doc, at) + 1, sizeof(*words.v));
	if (!words.v)
		return false;
	for (int i = json_first(r->doc, at); i != JSON_NONE;
		i = json_after(r->doc, i)) {
		const char *text = text_at(r, i);
		if (!text)
			return wrong_word(r, i, words.n);
		words.v[words.n++] = (char *)(uintptr_t)text;
	}
	*(struct shape_words *)dst = words;
	return true;
}

static bool take_pairs(struct shape_reading *r, int at, void *dst)
{
	struct shape_pairs pairs = {NULL, 0};
	if (json_type(r->doc, at) != JSON_OBJECT ||
		json_count(r->doc, at) > WORDS_MAX)
		return false;
	pairs.v = arena_new_array(
		r->arena, json_count(r->doc, at) + 1, sizeof(*pairs.v));
	if (!pairs.v)
		return false;
	for (int key = json_first(r->doc, at); key != JSON_NONE;
		key = json_after(r->doc, key)) {
		struct shape_pair *p = &pairs.v[pairs.n++];
		p->name = text_at(r, key);
		p->value = text_at(r, json_value(r->doc, key));
		if (!p->name || !p->value || !*p->name || strchr(p->name, '='))
			return wrong_pair(r, key);
	}
	*(struct shape_pairs *)dst = pairs;
	return true;
}

/* ------------------------------------------------------------- objects */

static bool read_element(struct shape_reading *r, const struct shape *shape,
	int at, char *element)
{
	int before = r->mistakes;
	if (shape->defaults)
		memcpy(element, shape->defaults, shape->size);
	if (json_type(r->doc, at) == JSON_OBJECT)
		shape_read(r, shape, at, element);
	else
		shape_mistake(r, at, "\"%s\" wants an object", r->path);
	return r->mistakes == before;
}

static bool take_items(
	struct shape_reading *r, const struct shape_field *f, int at, void *dst)
{
	const struct shape *shape = f->shape;
	struct shape_items items = {NULL, 0};
	bool map = f->type == SHAPE_MAP;
	size_t n = json_count(r->doc, at), index = 0;
	if (json_type(r->doc, at) != (map ? JSON_OBJECT : JSON_ARRAY))
		return false;
	if (n > shape->max) {
		shape_mistake(r, at,
			"\"%s\" wants at most %zu entries, not %zu", r->path,
			(size_t)shape->max, n);
		return true;
	}
	items.v = arena_new_array(r->arena, n + 1, shape->size);
	if (!items.v)
		return false;
	for (int i = json_first(r->doc, at); i != JSON_NONE;
		i = json_after(r->doc, i)) {
		char *element = (char *)items.v + items.n * shape->size;
		const char *name = map ? text_at(r, i) : NULL;
		size_t here = map ? enter(r, str_of(name ? name : "?"))
				  : enter_index(r, index++);
		bool good = read_element(
			r, shape, map ? json_value(r->doc, i) : i, element);
		if (map)
			memcpy(element + shape->name_at, &name, sizeof(name));
		/* a definition that is half right is none */
		bool named = !map || (name && *name);
		if (good && named)
			items.n++;
		leave(r, here);
		if (!named)
			shape_mistake(r, i,
				"\"%s\" has an entry without a name", r->path);
	}
	*(struct shape_items *)dst = items;
	return true;
}

static bool take(
	struct shape_reading *r, const struct shape_field *f, int at, void *dst)
{
	struct str raw = json_raw(r->doc, at);
	switch (f->type) {
	case SHAPE_BOOL:
		if (json_type_of(raw) != JSON_BOOL)
			return false;
		*(bool *)dst = raw.p[0] == 't';
		return true;
	case SHAPE_NUMBER:
		return take_number(f, raw, dst);
	case SHAPE_TEXT:
	case SHAPE_PATH:
	case SHAPE_ADDRESS:
		return take_text(r, f, at, dst);
	case SHAPE_WORDS:
		return take_words(r, at, dst);
	case SHAPE_PAIRS:
		return take_pairs(r, at, dst);
	case SHAPE_CHOICE:
		return take_choice(f, raw, dst);
	case SHAPE_MODE:
		return take_mode(r, at, dst);
	case SHAPE_SIGNAL:
		return take_signal(r, at, dst);
	case SHAPE_OBJECT:
		if (json_type_of(raw) != JSON_OBJECT)
			return false;
		shape_read(r, f->shape, at, dst);
		return true;
	case SHAPE_LIST:
	case SHAPE_MAP:
		return take_items(r, f, at, dst);
	}
	return false;
}

/* ------------------------------------------------------ what was wanted */

static const char *wanted(char *dst, size_t cap, const struct shape_field *f)
{
	static const char *const words[] = {
		[SHAPE_BOOL] = "true or false",
		[SHAPE_TEXT] = "a text in quotes",
		[SHAPE_PATH] = "an absolute path in quotes",
		[SHAPE_ADDRESS] = "an IP address in quotes",
		[SHAPE_WORDS] = "an array of at most 256 strings",
		[SHAPE_PAIRS] = "an object of at most 256 strings, no '=' in "
				"their names",
		[SHAPE_MODE] = "an octal mode in quotes, as \"0750\"",
		[SHAPE_SIGNAL] = "a signal, as \"TERM\"",
		[SHAPE_OBJECT] = "an object",
		[SHAPE_LIST] = "an array of objects",
		[SHAPE_MAP] = "an object of objects",
	};
	size_t n = 0;
	if (f->wanted)
		return f->wanted;
	if (f->type == SHAPE_NUMBER) {
		fmt_str(dst, cap, "a number from %ju to %ju", (uintmax_t)f->min,
			(uintmax_t)f->max);
		return dst;
	}
	if (f->type != SHAPE_CHOICE)
		return words[f->type];
	for (size_t i = 0; f->choices[i] && n < cap; i++)
		n += fmt_str(dst + n, cap - n, "%s\"%s\"", i ? ", " : "one of ",
			f->choices[i]);
	return dst;
}

static void unknown(struct shape_reading *r, const struct shape *shape, int key)
{
	const char *near = NULL;
	size_t best = NEAR_MAX;
	struct str raw = json_raw(r->doc, key);
	struct str name = {raw.p + 1, raw.n - 2};
	for (size_t i = 0; i < shape->n; i++) {
		size_t d = str_distance(str_of(shape->fields[i].key), name);
		if (d >= best)
			continue;
		best = d;
		near = shape->fields[i].key;
	}
	size_t here = enter(r, name);
	if (near)
		shape_mistake(r, key,
			"unknown key \"%s\" (did you mean \"%s\"?)", r->path,
			near);
	else
		shape_mistake(r, key, "unknown key \"%s\"", r->path);
	leave(r, here);
}

static const struct shape_field *find(const struct shape *shape, struct str raw)
{
	for (size_t i = 0; i < shape->n; i++)
		if (json_str_is(raw, str_of(shape->fields[i].key)))
			return &shape->fields[i];
	return NULL;
}

void shape_read(struct shape_reading *r, const struct shape *shape, int object,
	void *dst)
{
	char what[MESSAGE_MAX / 2];
	for (int key = json_first(r->doc, object); key != JSON_NONE;
		key = json_after(r->doc, key)) {
		const struct shape_field *f =
			find(shape, json_raw(r->doc, key));
		if (!f) {
			unknown(r, shape, key);
			continue;
		}
		int at = json_value(r->doc, key);
		size_t here = enter(r, str_of(f->key));
		if (!take(r, f, at, (char *)dst + f->at))
			shape_mistake(r, at, "\"%s\" wants %s", r->path,
				r->arena->failed
					? "more memory than there is"
					: wanted(what, sizeof(what), f));
		leave(r, here);
	}
	for (size_t i = 0; i < shape->n; i++) {
		const struct shape_field *f = &shape->fields[i];
		if (f->required &&
			json_get(r->doc, object, f->key) == JSON_NONE)
			shape_mistake(r, object, "\"%s\" wants a key \"%s\"",
				r->path, f->key);
	}
}
