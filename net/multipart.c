/* SPDX-License-Identifier: MIT */
/*
 * net/multipart.c - multipart/form-data, one event at a time.
 *
 * input: untrusted
 *
 * In the data of a part only the delimiter is looked for, CR LF and all, so
 * big parts go by at the speed of memmem(3). What follows a delimiter must be
 * "--" or the end of the line: a line that merely begins like one is refused,
 * because readers differ in what they make of it.
 */
#include "net/multipart.h"

#include <errno.h>

#include "net/http_chars.h"
#include "net/mime.h"

enum state {
	START,    /* the first delimiter may stand here, without its CR LF */
	PREAMBLE, /* text before the first delimiter, ignored */
	TAIL,     /* behind a delimiter */
	PADDING,  /* white space behind a delimiter, then CR LF */
	HEAD,
	DATA,
	EPILOGUE, /* behind the closing delimiter, ignored */
	FAILED,
};

static enum multipart_event fail(struct multipart *m, const char *error)
{
	m->error = error;
	m->state = FAILED;
	return MULTIPART_ERROR;
}

static struct str delimiter(const struct multipart *m)
{
	return str_from(m->delimiter, m->delimiter_len);
}

/* ------------------------------------------------------------- beginning */

static bool set_boundary(struct multipart *m, const struct mime_param *param)
{
	struct buf boundary;
	buf_init(&boundary, MULTIPART_BOUNDARY_MAX);
	mime_unquote(&boundary, param);
	struct str b = buf_str(&boundary);
	bool good = boundary.err == 0 && b.n > 0 && b.p[b.n - 1] != ' ' &&
		    http_chars_all(b, HTTP_BOUNDARY);
	if (good) {
		memcpy(m->delimiter, "\r\n--", 4);
		memcpy(m->delimiter + 4, b.p, b.n);
		m->delimiter_len = 4 + b.n;
	}
	buf_fini(&boundary);
	return good;
}

static bool parse_content_type(struct multipart *m, struct str content_type)
{
	struct mime_param param;
	struct str rest;
	struct str type = mime_type(content_type, &rest);
	if (!str_eq_nocase(type, STR("multipart/form-data"))) {
		m->error = "not multipart/form-data";
		return false;
	}
	int r = mime_next(&rest, &param);
	while (r > 0) {
		if (str_eq_nocase(param.name, STR("boundary")) &&
			(m->delimiter_len || !set_boundary(m, &param)))
			r = -1;
		else
			r = mime_next(&rest, &param);
	}
	if (r == 0 && m->delimiter_len)
		return true;
	m->error = "no usable multipart boundary";
	return false;
}

int multipart_init(struct multipart *m, struct str content_type)
{
	*m = (struct multipart){.state = START};
	buf_init(&m->head, MULTIPART_HEAD_MAX);
	buf_init(&m->name, MULTIPART_HEAD_MAX);
	buf_init(&m->filename, MULTIPART_HEAD_MAX);
	if (parse_content_type(m, content_type))
		return 0;
	m->state = FAILED;
	return -EINVAL;
}

void multipart_fini(struct multipart *m)
{
	buf_fini(&m->head);
	buf_fini(&m->name);
	buf_fini(&m->filename);
}

/* ------------------------------------------------------- the head of a part */

/* browsers escape a quote in a name as "%22" */
static void unescape_quotes(struct buf *out, const struct mime_param *param)
{
	struct buf text;
	buf_init(&text, MULTIPART_HEAD_MAX);
	mime_unquote(&text, param);
	struct str rest = buf_str(&text);
	while (rest.n) {
		size_t plain = str_find(rest, STR("%22"));
		buf_put_str(out, str_first(rest, plain));
		if (plain < rest.n)
			buf_putc(out, '"');
		rest = str_from_index(rest, plain + 3);
	}
	if (text.err)
		out->err = text.err;
	buf_fini(&text);
}

/* true: form-data with a name, and no parameter that counts twice */
static bool parse_disposition(struct multipart *m, struct str value)
{
	struct mime_param param;
	struct str rest;
	size_t names = 0;
	size_t filenames = 0;
	int r;
	if (!str_eq_nocase(mime_type(value, &rest), STR("form-data")))
		return false;
	while ((r = mime_next(&rest, &param)) > 0) {
		if (str_eq_nocase(param.name, STR("name")) && names++ == 0)
			unescape_quotes(&m->name, &param);
		else if (str_eq_nocase(param.name, STR("filename")) &&
			 filenames++ == 0)
			unescape_quotes(&m->filename, &param);
		else if (str_eq_nocase(param.name, STR("filename*")))
			m->has_filename = true;
	}
	m->has_filename = m->has_filename || filenames;
	return r == 0 && names == 1 && filenames <= 1;
}

/* these leave the data as it is; base64 and such are deprecated for forms */
static bool plain_encoding(struct str value)
{
	return str_eq_nocase(value, STR("binary")) ||
	       str_eq_nocase(value, STR("8bit")) ||
	       str_eq_nocase(value, STR("7bit"));
}

static const char *parse_field(
	struct multipart *m, struct str line, size_t *dispositions)
{
	struct str value = line;
	struct str name = str_cut(&value, ':');
	if (!value.p || name.n == 0 || !http_chars_all(name, HTTP_TCHAR) ||
		!http_chars_all(value, HTTP_VALUE))
		return "malformed field in a part";
	value = str_trim(value);
	if (str_eq_nocase(name, STR("content-disposition"))) {
		if ((*dispositions)++ || !parse_disposition(m, value))
			return "malformed Content-Disposition in a part";
	} else if (str_eq_nocase(name, STR("content-transfer-encoding")) &&
		   !plain_encoding(value)) {
		return "unsupported Content-Transfer-Encoding in a part";
	}
	return NULL;
}

static enum multipart_event parse_head(struct multipart *m)
{
	struct str rest = buf_str(&m->head);
	size_t dispositions = 0;
	buf_reset(&m->name);
	buf_reset(&m->filename);
	m->has_filename = false;
	for (;;) {
		size_t end = str_find(rest, STR("\r\n"));
		if (end == 0)
			break;
		const char *error =
			parse_field(m, str_first(rest, end), &dispositions);
		if (error)
			return fail(m, error);
		rest = str_from_index(rest, end + 2);
	}
	if (dispositions == 0)
		return fail(m, "a part without Content-Disposition");
	if (m->name.err || m->filename.err)
		return fail(m, "out of memory");
	m->state = DATA;
	return MULTIPART_PART;
}

/* lines are collected until the empty one */
static enum multipart_event read_head(
	struct multipart *m, struct str in, size_t *used)
{
	while (*used < in.n) {
		struct str rest = str_from_index(in, *used);
		size_t at = str_index(rest, '\n');
		size_t n = at < rest.n ? at + 1 : rest.n;
		buf_put(&m->head, rest.p, n);
		*used += n;
		if (m->head.err)
			return fail(m, "the head of a part is too large");
		if (at == rest.n)
			break;
		struct str head = buf_str(&m->head);
		if (!str_ends(head, STR("\r\n")))
			return fail(m, "a line of a part ends without CR");
		if (head.n == 2 || str_ends(head, STR("\r\n\r\n")))
			return parse_head(m);
	}
	return MULTIPART_MORE;
}

/* ------------------------------------------------------------ delimiters */

static enum multipart_event read_start(
	struct multipart *m, struct str in, size_t *used)
{
	struct str first = str_from_index(delimiter(m), 2);
	if (in.n < first.n && str_starts(first, in))
		return MULTIPART_MORE;
	if (!str_starts(in, first)) {
		m->state = PREAMBLE;
		return MULTIPART_MORE;
	}
	*used = first.n;
	m->state = TAIL;
	return MULTIPART_MORE;
}

static enum multipart_event begin_part(struct multipart *m)
{
	if (++m->parts > MULTIPART_PARTS_MAX)
		return fail(m, "too many parts");
	buf_reset(&m->head);
	m->state = HEAD;
	return MULTIPART_MORE;
}

static enum multipart_event read_tail(
	struct multipart *m, struct str in, size_t *used)
{
	if (in.n < 2)
		return MULTIPART_MORE;
	if (str_starts(in, STR("--"))) {
		*used = 2;
		m->state = EPILOGUE;
		return MULTIPART_END;
	}
	m->state = PADDING;
	return MULTIPART_MORE;
}

static enum multipart_event read_padding(
	struct multipart *m, struct str in, size_t *used)
{
	size_t at = 0;
	while (at < in.n && (in.p[at] == ' ' || in.p[at] == '\t'))
		at++;
	*used = at;
	struct str rest = str_from_index(in, at);
	if (rest.n == 0 || (rest.n == 1 && rest.p[0] == '\r'))
		return MULTIPART_MORE;
	if (!str_starts(rest, STR("\r\n")))
		return fail(m, "malformed boundary line");
	*used += 2;
	return begin_part(m);
}

/* how many bytes at the end of in may be the beginning of a delimiter */
static size_t possible_delimiter(const struct multipart *m, struct str in)
{
	struct str end = in;
	if (end.n >= m->delimiter_len)
		end = str_from_index(in, in.n - (m->delimiter_len - 1));
	while (end.n) {
		end = str_from_index(end, str_index(end, '\r'));
		if (end.n == 0 || memcmp(end.p, m->delimiter, end.n) == 0)
			break;
		end = str_from_index(end, 1);
	}
	return end.n;
}

/* PREAMBLE and DATA: everything up to the next delimiter */
static enum multipart_event read_data(
	struct multipart *m, struct str in, size_t *used, struct str *data)
{
	size_t at = str_find(in, delimiter(m));
	bool found = at < in.n;
	if (!found)
		at = in.n - possible_delimiter(m, in);
	*used = at;
	if (m->state == DATA && at > 0) {
		*data = str_first(in, at);
		return MULTIPART_DATA;
	}
	if (!found)
		return MULTIPART_MORE;
	*used += m->delimiter_len;
	enum multipart_event event =
		m->state == DATA ? MULTIPART_PART_END : MULTIPART_MORE;
	m->state = TAIL;
	return event;
}

static enum multipart_event step(
	struct multipart *m, struct str in, size_t *used, struct str *data)
{
	switch ((enum state)m->state) {
	case START:
		return read_start(m, in, used);
	case TAIL:
		return read_tail(m, in, used);
	case PADDING:
		return read_padding(m, in, used);
	case HEAD:
		return read_head(m, in, used);
	case PREAMBLE:
	case DATA:
		return read_data(m, in, used, data);
	case EPILOGUE:
		*used = in.n;
		return MULTIPART_MORE;
	case FAILED:
		break;
	}
	return MULTIPART_ERROR;
}

enum multipart_event multipart_next(
	struct multipart *m, struct str in, size_t *used, struct str *data)
{
	enum multipart_event event;
	int before;
	*used = 0;
	*data = (struct str){in.p, 0};
	/* a step that only changed the state is followed by the next one */
	do {
		size_t n = 0;
		before = m->state;
		event = step(m, str_from_index(in, *used), &n, data);
		*used += n;
	} while (event == MULTIPART_MORE && m->state != before);
	return event;
}

bool multipart_ended(const struct multipart *m)
{
	return m->state == EPILOGUE;
}
