/* SPDX-License-Identifier: MIT */
/* applets/tar/report.c - messages, exit status and the status line. */
#include "applets/tar/tar.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/json.h"

enum {
	NAME_SHOWN = 250, /* bytes of a name in a message */
	NOTES_MAX = 16384,
};

static const char *kind_name(enum fail_kind kind)
{
	switch (kind) {
	case FAIL_NONE:
		return "none";
	case FAIL_GZIP:
		return "gzip";
	case FAIL_TAR:
		return "tar";
	case FAIL_UNSAFE:
		return "unsafe";
	case FAIL_CONFLICT:
		return "conflict";
	case FAIL_IO:
		return "io";
	case FAIL_LIMIT:
		return "limit";
	case FAIL_CUT:
		return "truncated";
	case FAIL_INTERRUPTED:
		return "interrupted";
	case FAIL_EMPTY:
		return "empty";
	}
	return "none";
}

void report_init(struct report *r)
{
	*r = (struct report){0};
	buf_init(&r->notes, NOTES_MAX);
}

void report_fini(struct report *r)
{
	buf_fini(&r->notes);
}

static void say(struct report *r, const char *member, const char *text)
{
	struct buf line;
	buf_init(&line, 1 << 16);
	if (r->progress)
		progress_clear(r->progress);
	if (member) {
		struct str name = str_of(member);
		name_quote(&line, str_first(name, NAME_SHOWN));
		buf_puts(&line, name.n > NAME_SHOWN ? "...: " : ": ");
	}
	name_quote(&line, str_of(text));
	warn_msg("%s", buf_cstr(&line));
	buf_fini(&line);
}

static void fail_text(struct report *r, enum fail_kind kind, const char *member,
	const char *text)
{
	say(r, member, text);
	r->status = STATUS_FATAL;
	if (r->all_fatal)
		r->stop = true;
	if (r->kind != FAIL_NONE)
		return;
	r->kind = kind;
	fmt_str(r->member, sizeof(r->member), "%s", member ? member : "");
	fmt_str(r->error, sizeof(r->error), "%s", text);
}

void report_fail(struct report *r, enum fail_kind kind, const char *member,
	const char *format, ...)
{
	char text[sizeof(r->error)];
	va_list args;
	va_start(args, format);
	fmt_vstr(text, sizeof(text), format, args);
	va_end(args);
	fail_text(r, kind, member, text);
}

static enum fail_kind kind_of_errno(int err)
{
	switch (err) {
	case ELOOP:
	case EXDEV:
		return FAIL_UNSAFE;
	case EEXIST:
	case ENOTDIR:
	case EISDIR:
	case ENOTEMPTY:
		return FAIL_CONFLICT;
	case ENAMETOOLONG:
	case EINVAL:
		return FAIL_TAR;
	default:
		return FAIL_IO;
	}
}

void report_errno(
	struct report *r, const char *member, const char *what, int err)
{
	char text[sizeof(r->error)];
	fmt_str(text, sizeof(text), "%s: %s", what,
		err == ELOOP ? "a symbolic link is in the way" : strerror(err));
	fail_text(r, kind_of_errno(err), member, text);
	/* what follows could only fail in the same way */
	if (err == ENOSPC || err == EDQUOT || err == ENOMEM || err == EROFS)
		r->stop = true;
}

/*
 * The first of them stand in the status line, whose pipe nobody reads yet;
 * for the rest their number has to do.
 */
static void note(struct report *r, const char *member, const char *text)
{
	struct json_writer w = {.out = &r->notes, .comma = r->notes.n > 0};
	size_t before = r->notes.n;
	if (r->notes_full)
		return;
	json_w_open(&w, '{');
	json_w_key(&w, "member");
	json_w_str(&w, str_first(str_of(member), NAME_SHOWN));
	json_w_key(&w, "why");
	json_w_text(&w, text);
	json_w_close(&w, '}');
	if (r->notes.err) {
		buf_truncate(&r->notes, before);
		r->notes_full = true;
	}
}

static void warn(
	struct report *r, const char *member, const char *format, va_list args)
{
	char text[sizeof(r->error)];
	fmt_vstr(text, sizeof(text), format, args);
	say(r, member, text);
	r->warnings++;
	if (member)
		note(r, member, text);
}

void report_warn(struct report *r, const char *member, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	warn(r, member, format, args);
	va_end(args);
}

void report_changed(
	struct report *r, const char *member, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	warn(r, member, format, args);
	va_end(args);
	if (r->status < STATUS_CHANGED)
		r->status = STATUS_CHANGED;
}

void report_line(const struct report *r, int fd, bool create)
{
	struct buf b;
	struct json_writer w = {.out = &b};
	buf_init(&b, 2 * NOTES_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "ok");
	json_w_bool(&w, r->kind == FAIL_NONE);
	if (r->kind == FAIL_NONE) {
		json_w_key(&w, "entries");
		json_w_u64(&w, r->entries);
		json_w_key(&w, "files");
		json_w_u64(&w, r->files);
		json_w_key(&w, "bytes");
		json_w_u64(&w, r->bytes);
		if (create) {
			json_w_key(&w, "warnings");
			json_w_u64(&w, r->warnings);
			json_w_key(&w, "notes");
			json_w_open(&w, '[');
			if (r->notes.n)
				json_w_raw(&w, buf_str(&r->notes));
			json_w_close(&w, ']');
		}
	} else {
		json_w_key(&w, "kind");
		json_w_text(&w, kind_name(r->kind));
		json_w_key(&w, "member");
		json_w_text(&w, r->member);
		json_w_key(&w, "error");
		json_w_text(&w, r->error);
	}
	json_w_close(&w, '}');
	buf_putc(&b, '\n');
	/* nobody may be reading; the exit status says the same */
	(void)fd_write_full(fd, buf_str(&b).p, b.n);
	buf_fini(&b);
}
