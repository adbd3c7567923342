/* SPDX-License-Identifier: MIT */
/*
 * net/http_text.c - fields by name, reasons, queries, percent-decoding.
 *
 * input: untrusted
 */
#include "net/http.h"

#include "lib/size.h"

struct str http_field(const struct http_head *head, const char *name)
{
	struct str wanted = str_of(name);
	for (size_t i = 0; i < head->nfields; i++)
		if (str_eq_nocase(head->fields[i].name, wanted))
			return head->fields[i].value;
	return (struct str){NULL, 0};
}

bool http_type_is(const struct http_head *head, const char *type)
{
	struct str given = http_field(head, "Content-Type");
	given = str_trim(str_first(given, str_index(given, ';')));
	return str_eq_nocase(given, str_of(type));
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{206, "Partial Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{423, "Locked"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

/* the byte that "%XY" at the start of in stands for, or -1 */
static int escaped_byte(struct str in)
{
	if (in.n < 3)
		return -1;
	int high = str_hex_digit(in.p[1]);
	int low = str_hex_digit(in.p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* false: a bad escape. plus: '+' is a space */
static bool percent_decode(struct str in, bool plus, struct buf *out)
{
	while (in.n) {
		size_t plain = 0;
		while (plain < in.n && in.p[plain] != '%' &&
			!(plus && in.p[plain] == '+'))
			plain++;
		buf_put(out, in.p, plain);
		in = str_from_index(in, plain);
		if (in.n == 0)
			break;
		int byte = *in.p == '+' ? ' ' : escaped_byte(in);
		if (byte < 0)
			return false;
		in = str_from_index(in, *in.p == '+' ? 1 : 3);
		buf_putc(out, (char)byte);
	}
	return out->err == 0;
}

bool http_query_get(struct str query, const char *name, struct buf *out)
{
	struct str found = {NULL, 0};
	while (query.p) {
		struct str value = str_cut(&query, '&');
		struct str key = str_cut(&value, '=');
		buf_reset(out);
		if (percent_decode(key, true, out) &&
			str_is(buf_str(out), name))
			found = value.p ? value : STR("");
	}
	buf_reset(out);
	return found.p && percent_decode(found, true, out);
}

bool http_decode_path(struct str path, struct buf *out)
{
	size_t start = out->n;
	if (!percent_decode(path, false, out))
		return false;
	struct str decoded = str_from_index(buf_str(out), start);
	for (size_t i = 0; i < decoded.n; i++) {
		unsigned char c = (unsigned char)decoded.p[i];
		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}
