/* SPDX-License-Identifier: MIT */
/*
 * net/http_response.c - answers: whole ones, and those in pieces.
 */
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/log.h"
#include "net/http_chars.h"
#include "net/http_conn.h"

enum { DETAIL_MAX = 4096 };

/* ------------------------------------------------------------- the head */

/* the text is made once a second */
static const char *date_now(struct http_server *s)
{
	/* not the loop's time, which leaves out what was slept away */
	uint64_t now = clock_ms();
	if (now >= s->date_until_ms) {
		unsigned ms;
		clock_http_date(s->date, clock_wall(&ms));
		s->date_until_ms = now + 1000 - ms;
	}
	return s->date;
}

static void put_status(struct http_server *s, int status)
{
	struct buf *out = &s->text;
	buf_reset(out);
	buf_put_str(out, STR("HTTP/1.1 "));
	buf_put_u64(out, (uint64_t)status);
	buf_putc(out, ' ');
	buf_puts(out, http_reason(status));
	buf_put_str(out, STR("\r\nDate: "));
	buf_put(out, date_now(s), CLOCK_HTTP_SIZE - 1);
	buf_put_str(out, STR("\r\n"));
}

static void put_type(struct buf *out, const char *content_type)
{
	if (!content_type)
		return;
	buf_put_str(out, STR("Content-Type: "));
	buf_puts(out, content_type);
	buf_put_str(out, STR("\r\n"));
}

static void put_length(struct buf *out, uint64_t n)
{
	buf_put_str(out, STR("Content-Length: "));
	buf_put_u64(out, n);
	buf_put_str(out, STR("\r\n"));
}

/* the exchange's own fields and the end of the head */
static void put_fields(struct buf *out, const struct http_exchange *x)
{
	if (x->close)
		buf_put_str(out, STR("Connection: close\r\n"));
	else if (x->head.minor == 0)
		buf_put_str(out, STR("Connection: keep-alive\r\n"));
	buf_put_str(out, buf_str(&x->fields));
	buf_put_str(out, STR("\r\n"));
}

struct str http_response_error(
	struct http_server *s, int status, const char *reason)
{
	char body[DETAIL_MAX];
	struct buf *out = &s->text;
	/* reasons are literals of ours: nothing in them needs an escape */
	size_t n = fmt_str(body, sizeof(body), "{\"detail\":\"%s\"}", reason);
	put_status(s, status);
	put_type(out, "application/json");
	put_length(out, n);
	buf_put_str(out, STR("Connection: close\r\n\r\n"));
	buf_put(out, body, n);
	return buf_str(out);
}

/* a token, and no field that the server itself is in charge of */
static bool name_allowed(struct str name)
{
	return name.n && http_chars_all(name, HTTP_TCHAR) &&
	       !str_eq_nocase(name, STR("content-length")) &&
	       !str_eq_nocase(name, STR("transfer-encoding")) &&
	       !str_eq_nocase(name, STR("connection"));
}

void http_add_field(struct http_exchange *x, const char *name, struct str value)
{
	struct str n = str_of(name);
	if (str_eq_nocase(n, STR("connection")) &&
		str_eq_nocase(value, STR("close")))
		x->close = true;
	if (!name_allowed(n) || !http_chars_all(value, HTTP_VALUE))
		return;
	buf_put_str(&x->fields, n);
	buf_put_str(&x->fields, STR(": "));
	buf_put_str(&x->fields, value);
	buf_put_str(&x->fields, STR("\r\n"));
}

void http_add_lines(struct http_exchange *x, struct str lines)
{
	buf_put_str(&x->fields, lines);
}

/* ------------------------------------------------- what becomes of the body */

/*
 * Can the rest of the body be skipped to keep the connection? A peer that
 * still waits for "100 Continue" may send it or not, so nothing can follow.
 */
static bool rest_is_cheap(const struct http_exchange *x)
{
	if (x->body.done)
		return true;
	if (x->head.expect_continue && !x->body_begun &&
		http_conn_input(x->conn).n == 0)
		return false;
	return x->body.framing == HTTP_BODY_LENGTH && x->body.left <= SKIP_MAX;
}

/* nobody will read the rest of the body */
static void drop_body(struct http_exchange *x)
{
	x->mode = BODY_SKIP;
	if (!http_exchange_skip(x) || !rest_is_cheap(x))
		x->close = true;
}

/* false: it was answered before, or nobody is there to get it */
static bool begin_answer(struct http_exchange *x, int *status)
{
	if (x->answer != ANSWER_NONE) {
		log_error(
			"http: %s: a second answer was dropped", x->conn->peer);
		return false;
	}
	if (x->conn->state == CONN_DEAD) {
		x->answer = ANSWER_ENDED; /* on_close is on its way */
		return false;
	}
	if (*status < 200 || *status > 999) {
		log_error("http: %s: impossible status %d", x->conn->peer,
			*status);
		*status = 500;
	}
	x->status = *status;
	x->no_body = str_is(x->head.method, "HEAD") || *status == 204 ||
		     *status == 304;
	if (!x->head.keep_alive || x->conn->server->draining)
		x->close = true;
	return true;
}

/* more requests are waiting: their answers may leave together */
static bool more_to_come(const struct http_conn *c)
{
	return c->busy && c->view.n > 0 && c->out.n < COALESCE_MAX;
}

static void note_queued(struct http_exchange *x)
{
	size_t queued = x->conn->out.n;
	if (x->drain && queued && queued >= x->drain_low)
		x->drain_armed = true;
}

static void send_answer(
	struct http_exchange *x, const struct str *pieces, size_t n, bool later)
{
	struct http_conn *c = x->conn;
	for (size_t i = 0; i < n; i++)
		x->sent += pieces[i].n;
	http_io_send(c, pieces, n, later);
	note_queued(x);
	http_conn_schedule(c);
}

/* ------------------------------------------------------------ whole answers */

void http_reply(struct http_exchange *x, int status, const char *content_type,
	struct str body)
{
	struct http_server *s = x->conn->server;
	struct buf *out = &s->text;
	if (!begin_answer(x, &status))
		return;
	x->answer = ANSWER_ENDED;
	drop_body(x);
	if (!content_type)
		body = STR("");
	put_status(s, status);
	put_type(out, content_type);
	if (status != 204 && status != 304)
		put_length(out, body.n);
	put_fields(out, x);
	if (x->no_body)
		body = STR("");
	if (body.n <= SMALL_BODY) {
		buf_put_str(out, body);
		body = STR("");
	}
	if (out->err) {
		http_conn_kill(x->conn);
		return;
	}
	struct str pieces[] = {buf_str(out), body};
	send_answer(x, pieces, body.n ? 2 : 1, more_to_come(x->conn));
}

void http_reply_detail(
	struct http_exchange *x, int status, const char *format, ...)
{
	char text[DETAIL_MAX];
	struct buf body;
	va_list args;
	va_start(args, format);
	size_t n = fmt_vstr(text, sizeof(text), format, args);
	va_end(args);
	buf_init(&body, (size_t)16 * DETAIL_MAX);
	buf_put_str(&body, STR("{\"detail\":"));
	json_quote(
		&body, str_from(text, n < sizeof(text) ? n : sizeof(text) - 1));
	buf_putc(&body, '}');
	http_reply(x, status, "application/json", buf_str(&body));
	buf_fini(&body);
}

/* -------------------------------------------------------- answers in pieces */

/* the head of an answer in pieces; how it is framed is x's */
static void send_head(
	struct http_exchange *x, int status, const char *content_type)
{
	struct buf *out = &x->conn->server->text;
	x->answer = ANSWER_STARTED;
	/* it may still be asked for, but that cannot be known here */
	if (x->mode == BODY_UNDECIDED && !rest_is_cheap(x))
		x->close = true;
	put_status(x->conn->server, status);
	put_type(out, content_type);
	if (x->sized)
		put_length(out, x->sized_left);
	else if (x->chunked && status != 204 && status != 304)
		buf_put_str(out, STR("Transfer-Encoding: chunked\r\n"));
	put_fields(out, x);
	buf_reset(&x->fields); /* what is added from here on is a trailer */
	if (out->err) {
		http_conn_kill(x->conn);
		return;
	}
	/* it waits for the first piece, at most until the end of the turn */
	struct str head = buf_str(out);
	send_answer(x, &head, 1, true);
}

void http_start(struct http_exchange *x, int status, const char *content_type)
{
	if (!begin_answer(x, &status))
		return;
	x->chunked = x->head.minor == 1;
	if (!x->chunked && !x->no_body)
		x->close = true;
	send_head(x, status, content_type);
}

void http_start_sized(struct http_exchange *x, int status,
	const char *content_type, uint64_t length)
{
	if (!begin_answer(x, &status))
		return;
	x->sized = true;
	x->sized_left = length;
	send_head(x, status, content_type);
}

void http_write(struct http_exchange *x, struct str data)
{
	char size[FMT_U64_MAX];
	if (x->answer != ANSWER_STARTED || x->no_body || data.n == 0)
		return;
	bool later = x->conn->out.n + data.n < COALESCE_MAX;
	if (x->sized) {
		data = str_first(data, (size_t)x->sized_left);
		x->sized_left -= data.n;
	}
	if (!x->chunked) {
		send_answer(x, &data, 1, later);
		return;
	}
	size_t n = fmt_str(size, sizeof(size), "%zx\r\n", data.n);
	struct str pieces[] = {str_from(size, n), data, STR("\r\n")};
	send_answer(x, pieces, 3, later);
}

void http_end(struct http_exchange *x)
{
	if (x->answer != ANSWER_STARTED)
		return;
	if (x->sized_left && !x->no_body) {
		http_conn_kill(x->conn);
		return;
	}
	x->answer = ANSWER_ENDED;
	drop_body(x);
	const struct str last[] = {
		STR("0\r\n"), buf_str(&x->fields), STR("\r\n")};
	bool framed = x->chunked && !x->no_body;
	send_answer(x, last, framed ? 3 : 0, true);
}

size_t http_queued(const struct http_exchange *x)
{
	return x->conn->out.n;
}

void http_on_drain(struct http_exchange *x, size_t low,
	void (*fn)(void *owner, struct http_exchange *x), void *owner)
{
	x->drain = fn;
	x->drain_owner = owner;
	x->drain_low = low;
	x->drain_armed = false;
	note_queued(x);
}

bool http_response_drained(struct http_exchange *x)
{
	size_t queued = x->conn->out.n;
	if (!x->drain_armed || x->answer == ANSWER_ENDED)
		return false;
	if (queued && queued >= x->drain_low)
		return false;
	x->drain_armed = false;
	x->drain(x->drain_owner, x);
	return true;
}
