/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/answer.c - what servers ask: elicitation of the person at the
 * terminal, roots. Without a terminal they are declined, and it is said.
 *
 * input: untrusted
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/size.h"

enum { LINE_MAX_BYTES = 65536, CHOICES_MAX = 100 };

/* ---------------------------------------------------------------- the person */

static void say(const struct buf *text)
{
	(void)fd_write_full(STDERR_FILENO, buf_str(text).p, buf_str(text).n);
}

/* a line of what a server wrote: nothing of it may steer the terminal */
static void say_text(const char *before, struct str text, const char *after)
{
	struct buf out;
	buf_init(&out, TEXT_MAX);
	buf_puts(&out, before);
	show_clean(&out, text, false);
	buf_puts(&out, after);
	say(&out);
	buf_fini(&out);
}

static void say_raw(const char *before, struct str raw, const char *after)
{
	struct buf out;
	if (!raw.p)
		return;
	buf_init(&out, MCP_LINE_MAX);
	buf_puts(&out, before);
	show_plain(&out, raw, false);
	buf_puts(&out, after);
	say(&out);
	buf_fini(&out);
}

struct typed {
	struct buf line;
	bool done;
	bool ended;
};

static void on_typed(void *owner, uint32_t events)
{
	struct typed *t = owner;
	char *room = buf_reserve(&t->line, 4096);
	ssize_t n = room ? fd_read(STDIN_FILENO, room, 4096) : -1;
	(void)events;
	if (n > 0)
		buf_commit(&t->line, (size_t)n);
	t->ended = n <= 0;
	t->done = t->ended || str_index(buf_str(&t->line), '\n') < t->line.n;
}

/* what is typed up to the end of the line; false: the end of input */
static bool read_line(struct session *s, struct buf *out)
{
	struct loop_fd watch = {.fd = -1};
	struct typed t = {.done = false};
	buf_init(&t.line, LINE_MAX_BYTES);
	buf_reset(out);
	if (loop_add(&s->loop, &watch, STDIN_FILENO, EPOLLIN, on_typed, &t) < 0)
		return false;
	while (!t.done && !s->gone)
		session_turn(s);
	loop_del(&s->loop, &watch);
	struct str line = buf_str(&t.line);
	buf_put_str(out, str_trim(str_first(line, str_index(line, '\n'))));
	buf_fini(&t.line);
	return t.done && !t.ended;
}

/* ------------------------------------------------------------------ one field */

struct form_field {
	struct str key; /* raw, without quotes */
	struct str type, title, description, fallback, choices;
	bool many; /* several of the choices */
	bool required;
};

static bool is_required(struct str list, struct str key)
{
	struct json_cursor c;
	struct str item;
	if (!list.p || !json_open(&c, list) || c.object)
		return false;
	while (json_next(&c, NULL, &item))
		if (json_type_of(item) == JSON_STRING &&
			str_eq(str_from(item.p + 1, item.n - 2), key))
			return true;
	return false;
}

static struct str first_of(struct str a, struct str b, struct str c)
{
	return a.p ? a : b.p ? b : c;
}

static bool read_field(struct form_field *f, struct str key, struct str raw)
{
	static const char *const names[] = {"type", "title", "description",
		"default", "enum", "oneOf", "items"};
	struct str v[ARRAY_LEN(names)];
	if (!json_pick(raw, names, v, ARRAY_LEN(names)))
		return false;
	*f = (struct form_field){.key = key,
		.type = v[0],
		.title = v[1],
		.description = v[2],
		.fallback = v[3],
		.choices = v[4].p ? v[4] : v[5],
		.many = v[6].p != NULL};
	if (f->many)
		f->choices = first_of(json_member(v[6], "enum"),
			json_member(v[6], "anyOf"), json_member(v[6], "oneOf"));
	return true;
}

/* the raw value of a choice: itself, or its const; *title what people see */
static struct str choice_value(struct str item, struct str *title)
{
	*title = item;
	if (json_type_of(item) != JSON_OBJECT)
		return item;
	*title = first_of(
		json_member(item, "title"), json_member(item, "const"), item);
	return json_member(item, "const");
}

static void say_choices(struct str list)
{
	struct json_cursor c;
	struct str item, title;
	char before[32];
	unsigned n = 0;
	if (!list.p || !json_open(&c, list) || c.object)
		return;
	while (json_next(&c, NULL, &item) && n < CHOICES_MAX) {
		(void)choice_value(item, &title);
		fmt_str(before, sizeof(before), "    %u) ", ++n);
		say_raw(before, title, "\n");
	}
}

/* the choice that is meant by its number or its text; p == NULL: none */
static struct str find_choice(struct str list, struct str typed)
{
	struct json_cursor c;
	struct str item, title;
	uint64_t number = 0, n = 0;
	bool by_number = str_to_u64(typed, &number);
	if (!json_open(&c, list) || c.object)
		return (struct str){NULL, 0};
	while (json_next(&c, NULL, &item)) {
		struct str value = choice_value(item, &title);
		n++;
		if (!value.p || json_type_of(value) != JSON_STRING)
			continue;
		if (json_str_is(value, typed) || (by_number && number == n) ||
			(json_type_of(title) == JSON_STRING &&
				json_str_is(title, typed)))
			return value;
	}
	return (struct str){NULL, 0};
}

static bool put_many(struct json_writer *w, struct str list, struct str typed)
{
	json_w_open(w, '[');
	while (typed.p) {
		struct str value =
			find_choice(list, str_trim(str_cut(&typed, ',')));
		if (!value.p)
			return false;
		json_w_raw(w, value);
	}
	json_w_close(w, ']');
	return true;
}

static bool is_type(const struct form_field *f, const char *name)
{
	return f->type.p && json_type_of(f->type) == JSON_STRING &&
	       json_str_is(f->type, str_of(name));
}

static bool put_bool(struct json_writer *w, struct str typed)
{
	static const char *const words[] = {
		"yes", "y", "true", "no", "n", "false"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_nocase(typed, str_of(words[i]))) {
			json_w_bool(w, i < 3);
			return true;
		}
	return false;
}

static bool put_number(struct json_writer *w, struct str typed, bool whole)
{
	if (json_check(typed, NULL) != 0 || json_type_of(typed) != JSON_NUMBER)
		return false;
	if (whole && (str_index(typed, '.') < typed.n ||
			     str_index(typed, 'e') < typed.n))
		return false;
	json_w_raw(w, typed);
	return true;
}

/* what was typed as a value of its type; false: it is none */
static bool put_typed(
	struct json_writer *w, const struct form_field *f, struct str typed)
{
	struct str value;
	if (f->many && f->choices.p)
		return put_many(w, f->choices, typed);
	if (f->choices.p) {
		value = find_choice(f->choices, typed);
		if (value.p)
			json_w_raw(w, value);
		return value.p != NULL;
	}
	if (is_type(f, "boolean"))
		return put_bool(w, typed);
	if (is_type(f, "number") || is_type(f, "integer"))
		return put_number(w, typed, is_type(f, "integer"));
	json_w_str(w, typed);
	return true;
}

static void say_field(const struct form_field *f)
{
	struct str quoted = str_from(f->key.p - 1, f->key.n + 2);
	say_raw("  ", f->title.p ? f->title : quoted, "");
	say_raw(" - ", f->description, "");
	say_text("", STR("\n"), "");
	say_choices(f->choices);
	say_raw("  ", f->many ? STR("\"several, with commas\"") : f->type, "");
	say_raw(" [", f->fallback, "]");
	say_text("", f->required ? STR("") : STR(" (optional)"), ": ");
}

/* one member of the content; false: the person ended the form */
static bool ask_field(
	struct session *s, struct json_writer *w, const struct form_field *f)
{
	struct buf line, value;
	bool done = false, there = true;
	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&value, MCP_LINE_MAX);
	while (!done && there) {
		struct json_writer to = {.out = &value};
		buf_reset(&value);
		say_field(f);
		there = read_line(s, &line);
		if (!there)
			break;
		if (line.n == 0) {
			buf_put_str(&value, f->fallback);
			done = f->fallback.p || !f->required;
		} else {
			done = put_typed(&to, f, buf_str(&line));
		}
		if (!done)
			say_text("  ", STR("that does not fit"), "\n");
	}
	if (there && value.n) {
		buf_reset(&line);
		json_unquote(&line, str_from(f->key.p - 1, f->key.n + 2));
		json_w_key_str(w, buf_str(&line));
		json_w_raw(w, buf_str(&value));
	}
	buf_fini(&line);
	buf_fini(&value);
	return there;
}

/* ------------------------------------------------------------------ the form */

static bool ask_form(struct session *s, struct buf *content, struct str schema)
{
	struct json_writer w = {.out = content};
	struct json_cursor c;
	struct str key, raw;
	struct str required = json_member(schema, "required");
	struct str fields = json_member(schema, "properties");
	json_w_open(&w, '{');
	if (fields.p && json_open(&c, fields) && c.object)
		while (json_next(&c, &key, &raw)) {
			struct form_field f;
			if (!read_field(&f, key, raw))
				continue;
			f.required = is_required(required, key);
			if (!ask_field(s, &w, &f))
				return false;
		}
	json_w_close(&w, '}');
	return true;
}

static bool ask_yes(struct session *s, const char *question)
{
	struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	say_text("  ", str_of(question), " [y/N]: ");
	bool yes = read_line(s, &line) && line.n &&
		   (*buf_str(&line).p == 'y' || *buf_str(&line).p == 'Y');
	buf_fini(&line);
	return yes;
}

static void elicit(struct buf *out, struct session *s, struct str params)
{
	struct buf content;
	struct str mode = json_member(params, "mode");
	struct str message = json_member(params, "message");
	show_progress_end(s);
	say_raw(s->terminal ? "the server asks: " : "the server asked: ",
		message, "\n");
	if (!s->terminal) {
		warn_msg("declined: there is no terminal to ask at");
		buf_puts(out, "{\"action\":\"decline\"}");
		return;
	}
	if (mode.p && json_str_is(mode, STR("url"))) {
		say_raw("  ", json_member(params, "url"), "\n");
		buf_puts(out, ask_yes(s, "open it in a browser, then say yes")
				      ? "{\"action\":\"accept\"}"
				      : "{\"action\":\"decline\"}");
		return;
	}
	say_text("  (", STR("end of input, Ctrl-D, declines"), ")\n");
	buf_init(&content, MCP_LINE_MAX);
	if (ask_form(s, &content, json_member(params, "requestedSchema"))) {
		buf_puts(out, "{\"action\":\"accept\",\"content\":");
		buf_put_str(out, buf_str(&content));
		buf_putc(out, '}');
	} else {
		say_text("\n", STR(""), "");
		buf_puts(out, "{\"action\":\"decline\"}");
	}
	buf_fini(&content);
}

static void put_roots(struct buf *out, const struct mcp_options *o)
{
	struct json_writer w = {.out = out};
	json_w_open(&w, '{');
	json_w_key(&w, "roots");
	json_w_open(&w, '[');
	for (size_t i = 0; i < o->roots.n; i++) {
		struct buf uri;
		char *path = realpath(o->roots.v[i], NULL);
		if (!path)
			continue;
		buf_init(&uri, 65536);
		buf_puts(&uri, "file://");
		buf_puts(&uri, path);
		json_w_open(&w, '{');
		json_w_key(&w, "uri");
		json_w_str(&w, buf_str(&uri));
		json_w_close(&w, '}');
		buf_fini(&uri);
		free(path); /* lint: banned because realpath() allocated it */
	}
	json_w_close(&w, ']');
	json_w_close(&w, '}');
}

void answer_put(struct buf *out, struct session *s, struct str method,
	struct str params, bool *failed)
{
	if (str_is(method, "ping")) {
		buf_puts(out, "{}");
	} else if (str_is(method, "roots/list") ||
		   str_is(method, "roots\\/list")) {
		put_roots(out, s->options);
	} else if (str_is(method, "elicitation/create") ||
		   str_is(method, "elicitation\\/create")) {
		elicit(out, s, params);
	} else {
		*failed = true;
		buf_puts(out, "{\"code\":-32601,"
			      "\"message\":\"Method not found\"}");
	}
}
