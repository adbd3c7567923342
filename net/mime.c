/* SPDX-License-Identifier: MIT */
/*
 * net/mime.c - a type and its parameters.
 *
 * input: untrusted
 *
 * A backslash that escapes neither itself nor a quote stands for itself:
 * several clients send file names of other systems unescaped.
 */
#include "net/mime.h"

#include "net/http_chars.h"

struct str mime_type(struct str value, struct str *rest)
{
	*rest = value;
	struct str type = str_trim(str_cut(rest, ';'));
	return type;
}

static bool escapes(struct str in)
{
	return in.n >= 2 && in.p[0] == '\\' &&
	       (in.p[1] == '\\' || in.p[1] == '"');
}

/* in starts behind the opening quote; index of the closing one, or in.n */
static size_t closing_quote(struct str in)
{
	size_t i = 0;
	while (i < in.n && in.p[i] != '"')
		i += escapes(str_from_index(in, i)) ? 2 : 1;
	return i < in.n ? i : in.n;
}

static bool take_quoted(struct str *in, struct mime_param *param)
{
	struct str inside = str_from_index(*in, 1);
	size_t end = closing_quote(inside);
	param->raw = str_first(inside, end);
	param->quoted = true;
	if (end == inside.n)
		return false;
	*in = str_trim(str_from_index(inside, end + 1));
	/* nothing may stand between the quote and the next ';' */
	return in->n == 0 || in->p[0] == ';';
}

static void take_plain(struct str *in, struct mime_param *param)
{
	size_t end = str_index(*in, ';');
	param->raw = str_trim(str_first(*in, end));
	param->quoted = false;
	*in = str_from_index(*in, end);
}

int mime_next(struct str *rest, struct mime_param *param)
{
	struct str in = rest->p ? str_trim(*rest) : STR("");
	if (in.n == 0)
		return 0;
	size_t equals = str_index(in, '=');
	param->name = str_first(in, equals);
	if (equals == in.n || param->name.n == 0 ||
		!http_chars_all(param->name, HTTP_TCHAR))
		return -1;
	in = str_from_index(in, equals + 1);
	if (in.n && in.p[0] == '"') {
		if (!take_quoted(&in, param))
			return -1;
	} else {
		take_plain(&in, param);
	}
	if (!http_chars_all(param->raw, HTTP_VALUE))
		return -1;
	*rest = in.n ? str_from_index(in, 1) : (struct str){NULL, 0};
	return 1;
}

void mime_unquote(struct buf *out, const struct mime_param *param)
{
	struct str in = param->raw;
	while (in.n) {
		size_t skip = param->quoted && escapes(in) ? 1 : 0;
		buf_putc(out, in.p[skip]);
		in = str_from_index(in, skip + 1);
	}
}
