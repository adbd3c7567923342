/* SPDX-License-Identifier: MIT */
/*
 * net/sse_read.c - an event stream taken apart as it arrives.
 *
 * input: untrusted
 *
 * A value goes straight to where it belongs: no line is collected first, so
 * comments and unknown fields of any length cost no memory.
 */
#include "net/sse_read.h"

#include "lib/size.h"

enum state { IN_FIELD, BEFORE_VALUE, IN_VALUE };

enum field { FIELD_OTHER, FIELD_DATA, FIELD_EVENT, FIELD_ID, FIELD_RETRY };

enum { MARK_PAST = 3 };

void sse_init(struct sse_reader *r, size_t data_max)
{
	*r = (struct sse_reader){0};
	buf_init(&r->data, data_max);
}

void sse_fini(struct sse_reader *r)
{
	buf_fini(&r->data);
}

/* nothing of an event has come yet */
static void begin_event(struct sse_reader *r)
{
	buf_reset(&r->data);
	r->has_data = false;
	r->told = false;
	r->has_id = false;
	r->name_len = 0;
}

static void begin_line(struct sse_reader *r)
{
	r->state = IN_FIELD;
	r->field = FIELD_OTHER;
	r->field_len = 0;
}

void sse_restart(struct sse_reader *r)
{
	begin_event(r);
	begin_line(r);
	r->after_cr = false;
	r->mark = 0;
}

struct str sse_last_id(const struct sse_reader *r)
{
	return str_from(r->last_id.p, r->last_id.n);
}

/* ------------------------------------------------------------------ fields */

static enum field field_of(const struct sse_reader *r)
{
	static const struct {
		const char *name;
		enum field field;
	} fields[] = {{"data", FIELD_DATA}, {"event", FIELD_EVENT},
		{"id", FIELD_ID}, {"retry", FIELD_RETRY}};
	if (r->field_len > SSE_FIELD_MAX)
		return FIELD_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_is(str_from(r->field_name, r->field_len),
			    fields[i].name))
			return fields[i].field;
	return FIELD_OTHER;
}

/* the name of the field is known: make room for its value */
static void begin_value(struct sse_reader *r)
{
	enum field field = field_of(r);
	r->field = field;
	switch (field) {
	case FIELD_DATA:
		if (r->has_data)
			buf_putc(&r->data, '\n');
		r->has_data = true;
		break;
	case FIELD_EVENT:
		r->name_len = 0;
		break;
	case FIELD_ID:
		r->id.n = 0;
		r->has_id = true;
		break;
	case FIELD_RETRY:
		r->retry = 0;
		r->retry_bad = false;
		break;
	case FIELD_OTHER:
		break;
	}
}

static void put_name(struct sse_reader *r, struct str run)
{
	size_t n = size_min(run.n, sizeof(r->name) - r->name_len);
	memcpy(r->name + r->name_len, run.p, n);
	r->name_len += n;
}

static void put_id(struct sse_reader *r, struct str run)
{
	if (memchr(run.p, '\0', run.n) || run.n > sizeof(r->id.p) - r->id.n) {
		r->has_id = false; /* as if it had none */
		r->field = FIELD_OTHER;
		return;
	}
	memcpy(r->id.p + r->id.n, run.p, run.n);
	r->id.n += run.n;
}

static void put_retry(struct sse_reader *r, struct str run)
{
	for (size_t i = 0; i < run.n && !r->retry_bad; i++) {
		r->retry_bad = run.p[i] < '0' || run.p[i] > '9';
		r->retry = r->retry * 10 + (uint64_t)(run.p[i] - '0');
		if (r->retry > SSE_RETRY_MAX_MS)
			r->retry = SSE_RETRY_MAX_MS;
	}
}

static void put_value(struct sse_reader *r, struct str run)
{
	switch ((enum field)r->field) {
	case FIELD_DATA:
		buf_put_str(&r->data, run);
		break;
	case FIELD_EVENT:
		put_name(r, run);
		break;
	case FIELD_ID:
		put_id(r, run);
		break;
	case FIELD_RETRY:
		put_retry(r, run);
		break;
	case FIELD_OTHER:
		break;
	}
}

/* ------------------------------------------------------------------- lines */

/* one byte of a field's name */
static void put_field(struct sse_reader *r, char c)
{
	if (r->field_len < SSE_FIELD_MAX)
		r->field_name[r->field_len] = c;
	if (r->field_len <= SSE_FIELD_MAX)
		r->field_len++;
}

/* a byte order mark may stand at the very start: true when c is part of it */
static bool is_mark(struct sse_reader *r, char c)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (r->mark == MARK_PAST)
		return false;
	if (c == mark[r->mark]) {
		r->mark++;
		return true;
	}
	/* it was none: its bytes begin a field that nobody knows */
	for (unsigned i = 0; i < r->mark; i++)
		put_field(r, mark[i]);
	r->mark = MARK_PAST;
	return false;
}

/* what stands before the end of the line; the number of bytes used (> 0) */
static size_t take(struct sse_reader *r, struct str in)
{
	size_t n = 0;
	if (r->state == IN_FIELD) {
		char c = *in.p;
		if (is_mark(r, c))
			return 1;
		if (c == ':') {
			begin_value(r);
			r->state = BEFORE_VALUE;
		} else {
			put_field(r, c);
		}
		return 1;
	}
	if (r->state == BEFORE_VALUE) {
		r->state = IN_VALUE;
		if (*in.p == ' ')
			return 1;
	}
	n = str_index(in, '\n');
	n = str_index(str_first(in, n), '\r');
	put_value(r, str_first(in, n));
	return n;
}

/* an empty line ends an event; one without data is none, but has its id */
static bool end_event(struct sse_reader *r)
{
	if (r->has_id)
		r->last_id = r->id;
	if (r->has_data)
		return true;
	begin_event(r);
	return false;
}

/* true: an event is complete */
static bool end_line(struct sse_reader *r)
{
	bool whole = false;
	if (r->mark && r->mark < MARK_PAST)
		(void)is_mark(r, '\n');
	r->mark = MARK_PAST;
	if (r->state == IN_FIELD && r->field_len == 0)
		whole = end_event(r);
	else if (r->state == IN_FIELD)
		begin_value(r);
	if (r->field == FIELD_RETRY && !r->retry_bad && r->retry)
		r->retry_ms = r->retry;
	begin_line(r);
	return whole;
}

ssize_t sse_read(struct sse_reader *r, struct str in, struct sse_event *event)
{
	size_t at = 0;
	*event = (struct sse_event){.complete = false};
	if (r->told)
		begin_event(r);
	while (at < in.n && !event->complete) {
		char c = in.p[at];
		bool second = r->after_cr && c == '\n';
		r->after_cr = false;
		if (second) {
			at++;
		} else if (c == '\n' || c == '\r') {
			at++;
			r->after_cr = c == '\r';
			event->complete = end_line(r);
		} else {
			at += take(r, str_from_index(in, at));
		}
		if (r->data.err)
			return r->data.err;
	}
	if (!event->complete)
		return (ssize_t)at;
	r->told = true;
	event->name =
		r->name_len ? str_from(r->name, r->name_len) : STR("message");
	event->data = buf_str(&r->data);
	return (ssize_t)at;
}
