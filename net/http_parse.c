/* SPDX-License-Identifier: MIT */
/*
 * net/http_parse.c - the head of a request or response (RFC 9112).
 *
 * input: untrusted
 *
 * Line by line, each complete line checked as it is met, so that a malformed
 * start is refused at once and not when a blank line comes (which may never
 * happen). Nothing is remembered between calls: an incomplete head is looked
 * at again from its beginning.
 */
#include "net/http.h"

#include "lib/size.h"
#include "net/http_chars.h"
#include "net/http_target.h"

enum { MORE = 0, BAD = -1, GOOD = 1 };

/* "HTTP/1.1" */
enum { VERSION_LEN = 8 };

/* what the fields say about framing and connection, before it is judged */
struct notes {
	struct str length;
	struct str coding;
	struct str host;
	size_t lengths;
	size_t codings;
	size_t hosts;
	bool close;
	bool keep_alive;
	bool expect_continue;
	bool expect_other;
};

static int refuse(struct http_error *error, int status, const char *reason)
{
	*error = (struct http_error){status, reason};
	return BAD;
}

/*
 * Cut the next line off rest, without its CR LF. A line that is not complete
 * is looked through for bytes that no continuation can make right.
 */
static int take_line(
	struct str *rest, struct str *line, struct http_error *error)
{
	size_t at = str_index(*rest, '\n');
	*line = str_first(*rest, at);
	bool complete = at < rest->n;
	bool has_cr = line->n && line->p[line->n - 1] == '\r';
	if (complete && !has_cr)
		return refuse(error, 400, "a line ends without CR");
	if (has_cr)
		line->n--;
	if (!http_chars_all(*line, HTTP_VALUE))
		return refuse(error, 400, "control character in the head");
	if (!complete)
		return MORE;
	*rest = str_from_index(*rest, at + 1);
	return GOOD;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* GOOD and *minor for HTTP/1.0 and 1.1, the only ones spoken here */
static int parse_version(
	struct str version, int *minor, struct http_error *error)
{
	const char *p = version.p;
	if (version.n != VERSION_LEN || !str_starts(version, STR("HTTP/")) ||
		!is_digit(p[5]) || p[6] != '.' || !is_digit(p[7]))
		return refuse(error, 400, "malformed HTTP version");
	if (p[5] != '1' || p[7] > '1')
		return refuse(error, 505, "HTTP version not supported");
	*minor = p[7] - '0';
	return GOOD;
}

static int parse_request_line(
	struct http_head *head, struct str line, struct http_error *error)
{
	struct str rest = line;
	head->method = str_cut(&rest, ' ');
	if (!rest.p || head->method.n == 0 ||
		!http_chars_all(head->method, HTTP_TCHAR))
		return refuse(error, 400, "malformed request line");
	if (head->method.n > HTTP_METHOD_MAX)
		return refuse(error, 501, "unknown method");
	head->target = str_cut(&rest, ' ');
	if (head->target.n > HTTP_TARGET_MAX)
		return refuse(error, 414, "request target too long");
	if (!rest.p)
		return refuse(error, 400, "malformed request line");
	if (parse_version(rest, &head->minor, error) == BAD)
		return BAD;
	return http_target_parse(head, error) ? GOOD : BAD;
}

static int parse_status_line(
	struct http_head *head, struct str line, struct http_error *error)
{
	struct str rest = line;
	struct str version = str_cut(&rest, ' ');
	if (parse_version(version, &head->minor, error) == BAD)
		return BAD;
	struct str code = str_cut(&rest, ' ');
	if (code.n != 3 || code.p[0] < '1' || code.p[0] > '9' ||
		!is_digit(code.p[1]) || !is_digit(code.p[2]))
		return refuse(error, 400, "malformed status line");
	head->status = (code.p[0] - '0') * 100 + (code.p[1] - '0') * 10 +
		       (code.p[2] - '0');
	if (rest.p)
		head->reason = rest;
	return GOOD;
}

static int parse_field(
	struct http_head *head, struct str line, struct http_error *error)
{
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(error, 400, "folded field line");
	struct str value = line;
	struct str name = str_cut(&value, ':');
	if (!value.p || name.n == 0 || !http_chars_all(name, HTTP_TCHAR))
		return refuse(error, 400, "malformed field line");
	if (head->nfields == HTTP_FIELDS_MAX)
		return refuse(error, 431, "too many fields");
	head->fields[head->nfields++] =
		(struct http_field){name, str_trim(value)};
	return GOOD;
}

static void note_connection(struct notes *notes, struct str list)
{
	while (list.p) {
		struct str token = str_trim(str_cut(&list, ','));
		if (str_eq_nocase(token, STR("close")))
			notes->close = true;
		else if (str_eq_nocase(token, STR("keep-alive")))
			notes->keep_alive = true;
	}
}

/* only the fields that decide about the message itself; by length first */
static void note_field(struct notes *notes, const struct http_field *field)
{
	struct str name = field->name;
	struct str value = field->value;
	if (name.n == 4 && str_eq_nocase(name, STR("host"))) {
		notes->host = value;
		notes->hosts++;
	} else if (name.n == 6 && str_eq_nocase(name, STR("expect"))) {
		if (str_eq_nocase(value, STR("100-continue")))
			notes->expect_continue = true;
		else
			notes->expect_other = true;
	} else if (name.n == 10 && str_eq_nocase(name, STR("connection"))) {
		note_connection(notes, value);
	} else if (name.n == 14 && str_eq_nocase(name, STR("content-length"))) {
		notes->length = value;
		notes->lengths++;
	} else if (name.n == 17 &&
		   str_eq_nocase(name, STR("transfer-encoding"))) {
		notes->coding = value;
		notes->codings++;
	}
}

/*
 * A coding that is not understood, with chunked (once) as the last, is merely
 * not supported; all else leaves open where the message ends.
 */
static int refuse_coding(struct str list, struct http_error *error)
{
	size_t chunked = 0;
	bool last = false;
	while (list.p) {
		struct str coding = str_trim(str_cut(&list, ','));
		last = str_eq_nocase(coding, STR("chunked"));
		chunked += last;
	}
	if (last && chunked == 1)
		return refuse(error, 501, "unsupported Transfer-Encoding");
	return refuse(error, 400, "chunked must be the last coding, and once");
}

/* RFC 9112 section 6.3, with everything ambiguous refused */
static int settle_framing(struct http_head *head, const struct notes *notes,
	struct http_error *error)
{
	if (notes->codings && notes->lengths)
		return refuse(error, 400,
			"both Transfer-Encoding and Content-Length");
	if (notes->codings > 1)
		return refuse(error, 400, "several Transfer-Encoding fields");
	if (notes->codings && head->minor == 0)
		return refuse(error, 400, "Transfer-Encoding in HTTP/1.0");
	if (notes->codings) {
		if (!str_eq_nocase(notes->coding, STR("chunked")))
			return refuse_coding(notes->coding, error);
		head->framing = HTTP_BODY_CHUNKED;
		return GOOD;
	}
	if (notes->lengths > 1)
		return refuse(error, 400, "several Content-Length fields");
	if (notes->lengths) {
		if (!str_to_u64(notes->length, &head->length) ||
			head->length > INT64_MAX)
			return refuse(error, 400, "malformed Content-Length");
		head->framing = HTTP_BODY_LENGTH;
		return GOOD;
	}
	head->framing = head->kind == HTTP_REQUEST ? HTTP_BODY_NONE
						   : HTTP_BODY_UNTIL_CLOSE;
	return GOOD;
}

static int settle_request(struct http_head *head, const struct notes *notes,
	struct http_error *error)
{
	if (notes->hosts > 1 || (notes->hosts == 0 && head->minor == 1))
		return refuse(error, 400, "exactly one Host field is needed");
	if (notes->hosts && !http_host_valid(notes->host))
		return refuse(error, 400, "malformed Host field");
	/* an absolute-form target overrides Host (RFC 9112 section 3.2.2) */
	if (!head->host.p)
		head->host = notes->host;
	if (settle_framing(head, notes, error) == BAD)
		return BAD;
	/* a 1.0 client cannot be told to continue; its Expect is ignored */
	if (head->minor == 1 && notes->expect_other)
		return refuse(error, 417, "unknown expectation");
	head->expect_continue = head->minor == 1 && notes->expect_continue;
	return GOOD;
}

static int settle_response(struct http_head *head, bool to_head,
	const struct notes *notes, struct http_error *error)
{
	if (settle_framing(head, notes, error) == BAD)
		return BAD;
	if (to_head || head->status < 200 || head->status == 204 ||
		head->status == 304)
		head->framing = HTTP_BODY_NONE;
	return GOOD;
}

static int settle(
	struct http_head *head, bool to_head, struct http_error *error)
{
	struct notes notes = {0};
	for (size_t i = 0; i < head->nfields; i++)
		note_field(&notes, &head->fields[i]);
	head->keep_alive =
		!notes.close && (head->minor == 1 || notes.keep_alive);
	if (head->kind == HTTP_REQUEST)
		return settle_request(head, &notes, error);
	return settle_response(head, to_head, &notes, error);
}

/* all but the array of fields, of which only the first nfields count */
static void reset(struct http_head *head, enum http_kind kind)
{
	struct str none = {NULL, 0};
	head->kind = kind;
	head->minor = 0;
	head->method = none;
	head->target = none;
	head->path = none;
	head->query = none;
	head->host = none;
	head->status = 0;
	head->reason = none;
	head->nfields = 0;
	head->framing = HTTP_BODY_NONE;
	head->length = 0;
	head->keep_alive = false;
	head->expect_continue = false;
}

static int parse_start_line(
	struct http_head *head, struct str *rest, struct http_error *error)
{
	struct str line;
	/* one empty line is left over by some clients after a body */
	if (head->kind == HTTP_REQUEST && str_starts(*rest, STR("\r\n")))
		*rest = str_from_index(*rest, 2);
	int r = take_line(rest, &line, error);
	if (r == MORE &&
		line.n > HTTP_METHOD_MAX + HTTP_TARGET_MAX + VERSION_LEN + 2)
		return refuse(error, 414, "request line too long");
	if (r != GOOD)
		return r;
	return head->kind == HTTP_REQUEST
		       ? parse_request_line(head, line, error)
		       : parse_status_line(head, line, error);
}

int http_parse_head(struct http_head *head, enum http_kind kind, bool to_head,
	struct str bytes, struct http_error *error)
{
	struct str rest = str_first(bytes, HTTP_HEAD_MAX);
	struct str line = {NULL, 0};
	reset(head, kind);
	int r = parse_start_line(head, &rest, error);
	while (r == GOOD) {
		r = take_line(&rest, &line, error);
		if (r != GOOD || line.n == 0)
			break;
		r = parse_field(head, line, error);
	}
	if (r == MORE && bytes.n >= HTTP_HEAD_MAX)
		return refuse(error, 431, "request head too large");
	if (r != GOOD)
		return r;
	if (settle(head, to_head, error) == BAD)
		return BAD;
	return (int)(rest.p - bytes.p);
}
