/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/session.c - one server: connection, era, requests and answers.
 *
 * input: untrusted
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"
#include "lib/version.h"

enum {
	PROBE_MS = 5000, /* a server that stays silent so long is an old one */
	LEAVE_MS = 300,  /* for a process, once its input is closed */
	GOODBYE_MS = 5000, /* for anything that ends */
	ASKED_MAX = 8 << 20,
	STATUS_INTERRUPTED = 128 + SIGINT,
};

#define CAPABILITIES "{\"elicitation\":{\"form\":{},\"url\":{}},\"roots\":{}}"

/* ------------------------------------------------------------------ events */

static void keep_answer(struct session *s, const struct jsonrpc *m)
{
	uint64_t id;
	if (!s->awaited || s->answered || !m->id.p || !json_u64(m->id, &id) ||
		id != s->last_id)
		return; /* nobody asked for it */
	buf_reset(&s->answer);
	buf_put_str(&s->answer, m->text);
	s->answered = true;
}

static void on_timeout(void *owner)
{
	struct session *s = owner;
	s->late = true;
}

static void arm(struct session *s, uint64_t ms)
{
	if (ms)
		(void)loop_timer_at(&s->loop, &s->timer,
			loop_now(&s->loop) + ms, on_timeout, s);
	else
		loop_timer_clear(&s->loop, &s->timer);
}

static void take_note(struct session *s, const struct jsonrpc *m)
{
	if (jsonrpc_is(m, "notifications/progress")) {
		if (!s->awaited || s->answered)
			return;
		arm(s, s->options->timeout_s * 1000);
		show_progress(s, m);
	} else if (s->on_note) {
		s->on_note(s->note_owner, m);
	}
}

static void on_line(void *owner, struct str line)
{
	struct session *s = owner;
	struct jsonrpc m;
	const char *why;
	if (jsonrpc_read(&m, line, &why) != 0)
		return; /* some print other things among their messages */
	switch (m.kind) {
	case JSONRPC_RESULT:
	case JSONRPC_ERROR:
		keep_answer(s, &m);
		break;
	case JSONRPC_REQUEST:
		if (s->asked.n + line.n + 1 <= s->asked.max) {
			buf_put_str(&s->asked, line);
			buf_putc(&s->asked, '\n');
		}
		break;
	case JSONRPC_NOTIFICATION:
		take_note(s, &m);
		break;
	}
}

/* the end of what it said on the side is often the best reason */
static void on_exit_of(void *owner, const char *reason, bool later)
{
	struct session *s = owner;
	struct buf tail;
	(void)later;
	buf_init(&tail, 4 * MCP_TAIL_MAX);
	show_clean(&tail, mcp_conn_tail(s->conn), true);
	s->gone = true;
	fmt_str(s->exit_reason, sizeof(s->exit_reason), "%s%s%s", reason,
		tail.n ? ": " : "", buf_cstr(&tail));
	s->conn = NULL;
	buf_fini(&tail);
}

static void on_lost(void *owner, struct str line, bool anew)
{
	(void)line;
	(void)anew;
	on_exit_of(owner, "the server has ended our session", true);
}

static void on_signal(void *owner, const struct signalfd_siginfo *info)
{
	struct session *s = owner;
	(void)info;
	s->interrupted = true;
}

/* ----------------------------------------------------------------- sending */

static void put_meta(struct buf *out, const struct session *s, uint64_t token)
{
	struct json_writer w = {.out = out};
	if (s->era == MCP_LEGACY && !token)
		return;
	json_w_open(&w, '{');
	if (token) {
		json_w_key(&w, "progressToken");
		json_w_u64(&w, token);
	}
	if (s->era == MCP_MODERN) {
		json_w_key(&w, MCP_META "protocolVersion");
		json_w_text(&w, MCP_VERSION_MODERN);
		json_w_key(&w, MCP_META "clientCapabilities");
		json_w_raw(&w, STR(CAPABILITIES));
		json_w_key(&w, MCP_META "clientInfo");
		json_w_open(&w, '{');
		json_w_key(&w, "name");
		json_w_text(&w, "coracle");
		json_w_key(&w, "version");
		json_w_text(&w, coracle_version);
		json_w_close(&w, '}');
		if (s->options->level) {
			json_w_key(&w, MCP_META "logLevel");
			json_w_text(&w, s->options->level);
		}
	}
	json_w_close(&w, '}');
}

/* id 0: a notification */
static void post(
	struct session *s, uint64_t id, const char *method, struct str params)
{
	struct buf text, meta;
	bool long_one = strcmp(method, "tools/call") == 0;
	if (!s->conn)
		return;
	buf_init(&text, MCP_QUEUE_MAX);
	buf_init(&meta, 4096);
	if (id)
		put_meta(&meta, s, long_one ? id : 0);
	buf_puts(&text, "{\"jsonrpc\":\"2.0\",");
	if (id)
		buf_putf(&text, "\"id\":%llu,", (unsigned long long)id);
	buf_putf(&text, "\"method\":\"%s\"", method);
	if (params.n || meta.n) {
		buf_puts(&text, ",\"params\":{");
		buf_put_str(&text, params);
		if (meta.n) {
			buf_puts(
				&text, params.n ? ",\"_meta\":" : "\"_meta\":");
			buf_put_str(&text, buf_str(&meta));
		}
		buf_putc(&text, '}');
	}
	buf_putc(&text, '}');
	if (text.err)
		die(EXIT_FAIL, "the request is too large");
	/* what the user gave may have line breaks; a message has none */
	struct buf *queue = mcp_conn_queue(s->conn);
	jsonrpc_put_edited(queue, buf_str(&text), NULL, 0);
	buf_putc(queue, '\n');
	mcp_conn_flush(s->conn);
	buf_fini(&text);
	buf_fini(&meta);
}

void session_tell(struct session *s, const char *method, struct str params)
{
	post(s, 0, method, params);
}

/* --------------------------------------------------------------- answering */

static void reply(struct session *s, const struct jsonrpc *m)
{
	struct buf text;
	bool failed = false;
	buf_init(&text, MCP_LINE_MAX);
	answer_put(&text, s, m->method, m->params, &failed);
	if (s->conn && !text.err) {
		struct buf *queue = mcp_conn_queue(s->conn);
		buf_puts(queue, "{\"jsonrpc\":\"2.0\",\"id\":");
		buf_put_str(queue, m->id);
		buf_puts(queue, failed ? ",\"error\":" : ",\"result\":");
		jsonrpc_put_edited(queue, buf_str(&text), NULL, 0);
		buf_puts(queue, "}\n");
		mcp_conn_flush(s->conn);
	}
	buf_fini(&text);
}

/* the first that waits; while it is answered, more may come */
static void reply_next(struct session *s)
{
	struct jsonrpc m;
	const char *why;
	struct buf line;
	struct str all = buf_str(&s->asked);
	size_t n = str_index(all, '\n');
	buf_init(&line, ASKED_MAX);
	buf_put_str(&line, str_first(all, n));
	buf_consume(&s->asked, n + 1);
	if (!line.err && jsonrpc_read(&m, buf_str(&line), &why) == 0)
		reply(s, &m);
	buf_fini(&line);
}

/* ----------------------------------------------------------------- waiting */

static void interrupted(struct session *s)
{
	show_progress_end(s);
	session_close(s);
	exit(STATUS_INTERRUPTED);
}

void session_turn(struct session *s)
{
	int r = loop_turn(&s->loop);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	if (s->interrupted)
		interrupted(s);
}

static void no_answer(struct session *s)
{
	show_progress_end(s);
	if (s->gone)
		die(EXIT_FAIL, "%s: %s", s->config.name, s->exit_reason);
	char why[512];
	fmt_str(why, sizeof(why),
		"%s: no answer in time (--timeout, --max-time)",
		s->config.name);
	session_close(s);
	die(EXIT_FAIL, "%s", why);
}

static bool is_over(const struct session *s)
{
	return s->answered || s->gone || s->late;
}

/* the answer to a request, or false: gone or late */
static bool wait_answer(struct session *s, uint64_t ms)
{
	arm(s, ms);
	while (!is_over(s)) {
		if (s->asked.n) {
			/* people take their time */
			arm(s, 0);
			reply_next(s);
			arm(s, ms);
		} else {
			session_turn(s);
		}
	}
	arm(s, 0);
	show_progress_end(s);
	return s->answered;
}

static void request(struct session *s, const char *method, struct str params)
{
	s->last_id++;
	s->awaited = true;
	s->answered = false;
	post(s, s->last_id, method, params);
}

/* the awaited answer, taken apart; false: it is an error */
static bool take_answer(struct session *s, struct jsonrpc *m)
{
	const char *why;
	s->awaited = false;
	return jsonrpc_read(m, buf_str(&s->answer), &why) == 0 &&
	       m->kind == JSONRPC_RESULT;
}

/* one line of a raw JSON-RPC error: "message (-32602)" */
static void put_error(struct buf *out, struct str error)
{
	struct buf text;
	struct str message = json_member(error, "message");
	struct str code = json_member(error, "code");
	buf_init(&text, 65536);
	if (message.p && json_type_of(message) == JSON_STRING)
		json_unquote(&text, message);
	else
		buf_puts(&text, "the server gives no reason");
	show_clean(out, buf_str(&text), true);
	if (code.p)
		buf_putf(out, " (%.*s)", STR_FMT(str_first(code, 32)));
	buf_fini(&text);
}

__attribute__((noreturn)) static void refused(
	struct session *s, const char *method, struct str error)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	put_error(&text, error);
	session_close(s);
	die(EXIT_FAIL, "%s: %s", method, buf_cstr(&text));
}

/* ---------------------------------------------------------------- questions */

/* the answers to what a result asks, as members for the next try */
static void put_answers(struct buf *out, struct session *s, struct str result)
{
	static const char *const names[] = {"inputRequests", "requestState"};
	struct str v[ARRAY_LEN(names)], key, asked;
	struct json_cursor c;
	struct json_writer w = {.out = out, .comma = true};
	if (!json_pick(result, names, v, ARRAY_LEN(names)))
		return;
	if (v[1].p) {
		json_w_key(&w, "requestState");
		json_w_raw(&w, v[1]);
	}
	if (!v[0].p || !json_open(&c, v[0]) || !c.object)
		return;
	json_w_key(&w, "inputResponses");
	json_w_open(&w, '{');
	while (json_next(&c, &key, &asked)) {
		bool failed = false;
		struct str method = json_member(asked, "method");
		struct buf answer, name;
		buf_init(&answer, MCP_LINE_MAX);
		buf_init(&name, MCP_LINE_MAX);
		json_unquote(&name, str_from(key.p - 1, key.n + 2));
		if (method.p && json_type_of(method) == JSON_STRING)
			answer_put(&answer, s,
				str_from(method.p + 1, method.n - 2),
				json_member(asked, "params"), &failed);
		/* what we cannot answer is left out: it will be asked again */
		if (answer.n && !failed) {
			json_w_key_str(&w, buf_str(&name));
			json_w_raw(&w, buf_str(&answer));
		}
		buf_fini(&answer);
		buf_fini(&name);
	}
	json_w_close(&w, '}');
}

struct str session_ask(struct session *s, const char *method, struct str params,
	struct str *error)
{
	struct jsonrpc m;
	struct buf again;
	buf_init(&again, MCP_QUEUE_MAX);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		request(s, method, again.n ? buf_str(&again) : params);
		if (!wait_answer(s, s->options->timeout_s * 1000))
			no_answer(s);
		bool ok = take_answer(s, &m);
		if (!ok && error) {
			*error = m.error;
			buf_fini(&again);
			return (struct str){NULL, 0};
		}
		if (!ok)
			refused(s, method, m.error);
		if (s->era != MCP_MODERN ||
			!mcp_result_is(m.result, "input_required")) {
			buf_fini(&again);
			return m.result;
		}
		struct buf next;
		buf_init(&next, MCP_QUEUE_MAX);
		buf_put_str(&next, params);
		put_answers(&next, s, m.result);
		buf_fini(&again);
		again = next;
	}
	session_close(s);
	die(EXIT_FAIL, "%s: the server asks without end", method);
}

void session_listen(struct session *s, const char *method, struct str params)
{
	struct jsonrpc m;
	s->answered = false;
	if (method)
		request(s, method, params);
	while (!is_over(s)) {
		if (s->asked.n)
			reply_next(s);
		else
			session_turn(s);
	}
	if (s->gone)
		no_answer(s);
	if (s->answered && !take_answer(s, &m))
		refused(s, method, m.error);
}

/* ------------------------------------------------------------------- opening */

static void start(struct session *s)
{
	const struct mcp_conn_events events = {.on_line = on_line,
		.on_exit = on_exit_of,
		.on_lost = on_lost,
		.owner = s};
	struct mcp_why why;
	s->gone = false;
	s->conn = mcp_conn_start(&s->conns, &s->config, &events, &why);
	if (!s->conn)
		die(EXIT_FAIL, "%s", why.text);
}

/* does it answer as servers of the modern era do? */
static bool probe(struct session *s)
{
	struct jsonrpc m;
	uint64_t ms = s->options->timeout_s * 1000;
	s->era = MCP_MODERN;
	request(s, "server/discover", STR(""));
	bool modern = wait_answer(s, ms && ms < PROBE_MS ? ms : PROBE_MS) &&
		      take_answer(s, &m);
	if (modern)
		modern = str_has(json_member(m.result, "supportedVersions"),
			STR("\"" MCP_VERSION_MODERN "\""));
	if (modern) {
		buf_put_str(&s->hello, m.result);
		return true;
	}
	s->awaited = false;
	/* late for the probe is not late for all */
	s->late = s->options->max_s && !s->end.index;
	/* some end at once when the first word is not initialize */
	if (s->gone)
		start(s);
	s->era = MCP_LEGACY;
	return false;
}

static void initialize(struct session *s)
{
	struct buf version;
	struct str result = session_ask(s, "initialize",
		STR("\"protocolVersion\":\"" MCP_VERSION_LEGACY
		    "\",\"capabilities\":" CAPABILITIES
		    ",\"clientInfo\":{\"name\":\"coracle\",\"version\":\"1\"}"),
		NULL);
	struct str raw = json_member(result, "protocolVersion");
	buf_init(&version, 64);
	if (raw.p && json_type_of(raw) == JSON_STRING)
		json_unquote(&version, raw);
	if (version.err || !mcp_version_known(buf_str(&version)))
		die(EXIT_FAIL, "%s: it speaks no revision of MCP known here",
			s->config.name);
	buf_fini(&version);
	buf_put_str(&s->hello, result);
	session_tell(s, "notifications/initialized", STR(""));
}

void session_open(
	struct session *s, const struct mcp_options *o, const struct target *to)
{
	sigset_t set;
	*s = (struct session){.options = o};
	s->terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	buf_init(&s->hello, MCP_LINE_MAX);
	buf_init(&s->answer, MCP_LINE_MAX);
	buf_init(&s->asked, ASKED_MAX);
	int r = loop_init(&s->loop);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (r == 0)
		r = loop_watch_signals(&s->loop, &set, on_signal, s);
	if (r < 0)
		die(EXIT_FAIL, "event loop: %s", strerror(-r));
	mcp_conns_init(&s->conns, &s->loop);
	target_configure(s, to);
	if (o->max_s)
		(void)loop_timer_at(&s->loop, &s->end,
			loop_now(&s->loop) + o->max_s * 1000, on_timeout, s);
	start(s);
	bool legacy = strcmp(o->era, "legacy") == 0 || s->config.sse;
	s->era = MCP_LEGACY;
	if (!legacy && probe(s))
		return;
	if (strcmp(o->era, "modern") == 0)
		die(EXIT_FAIL, "%s: it does not speak " MCP_VERSION_MODERN,
			s->config.name);
	initialize(s);
}

/* --------------------------------------------------------------------- end */

void session_close(struct session *s)
{
	char text[64];
	uint64_t begun = clock_ms();
	bool stopped = false;
	if (s->awaited && !s->answered && s->conn) {
		size_t n = fmt_str(text, sizeof(text), "\"requestId\":%llu",
			(unsigned long long)s->last_id);
		session_tell(s, "notifications/cancelled", str_from(text, n));
	}
	s->awaited = false;
	if (s->conn)
		mcp_conn_retire(s->conn);
	s->conn = NULL;
	arm(s, LEAVE_MS);
	while (s->conns.alive && clock_ms() - begun < GOODBYE_MS) {
		if (clock_ms() - begun >= LEAVE_MS && !stopped) {
			stopped = true;
			mcp_conns_stop(&s->conns);
		}
		if (loop_turn(&s->loop) < 0)
			break;
	}
	buf_fini(&s->hello);
	buf_fini(&s->answer);
	buf_fini(&s->asked);
}

void session_put_server(struct buf *out, const struct session *s)
{
	struct str hello = buf_str(&s->hello);
	struct str info = json_member(hello, "serverInfo");
	struct str version = json_member(hello, "protocolVersion");
	struct buf text;
	if (!info.p && s->era == MCP_MODERN)
		info = json_member(
			json_member(hello, "_meta"), MCP_META "serverInfo");
	struct str parts[] = {
		json_member(info, "name"), json_member(info, "version")};
	buf_init(&text, 65536);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!parts[i].p || json_type_of(parts[i]) != JSON_STRING)
			continue;
		if (text.n)
			buf_putc(&text, ' ');
		json_unquote(&text, parts[i]);
	}
	show_clean(out, buf_str(&text), true);
	if (s->era == MCP_MODERN)
		buf_puts(out, " (" MCP_VERSION_MODERN ")");
	else if (version.p && json_type_of(version) == JSON_STRING)
		buf_putf(out, " (%.*s)",
			STR_FMT(str_from(version.p + 1, version.n - 2)));
	buf_fini(&text);
}
