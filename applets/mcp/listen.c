/* SPDX-License-Identifier: MIT */
/*
 * applets/mcp/listen.c - what a server tells by itself: its log, its changes.
 *
 * input: untrusted
 */
#include <string.h>
#include <unistd.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/fd.h"

static bool is_log(const struct jsonrpc *m)
{
	return jsonrpc_is(m, "notifications/message");
}

/* "warning web: the pump is on" */
static void put_log_line(struct buf *out, const struct jsonrpc *m)
{
	struct str logger = json_member(m->params, "logger");
	show_plain(out, json_member(m->params, "level"), true);
	if (logger.p) {
		buf_putc(out, ' ');
		show_plain(out, logger, true);
	}
	buf_puts(out, ": ");
	show_plain(out, json_member(m->params, "data"), true);
	buf_putc(out, '\n');
}

static void put_raw_line(struct buf *out, const struct jsonrpc *m)
{
	jsonrpc_put_edited(out, m->text, NULL, 0);
	buf_putc(out, '\n');
}

/* each at once, also when standard output is a pipe */
static void write_line(const struct buf *line, int fd)
{
	int r = fd_write_full(fd, buf_str(line).p, line->n);
	if (r < 0)
		die(EXIT_FAIL, "output: %s", strerror(-r));
}

static void on_log(void *owner, const struct jsonrpc *m)
{
	struct session *s = owner;
	struct buf line;
	if (!is_log(m))
		return;
	buf_init(&line, TEXT_MAX);
	if (s->options->json)
		put_raw_line(&line, m);
	else
		put_log_line(&line, m);
	show_progress_end(s);
	write_line(&line, s->note_fd);
	buf_fini(&line);
}

void follow_log(struct session *s, int fd)
{
	struct buf params;
	s->on_note = on_log;
	s->note_owner = s;
	s->note_fd = fd;
	if (s->era == MCP_MODERN || !s->options->level)
		return;
	buf_init(&params, 1024);
	buf_puts(&params, "\"level\":");
	json_quote(&params, str_of(s->options->level));
	(void)session_ask(s, "logging/setLevel", buf_str(&params), NULL);
	buf_fini(&params);
}

int verb_log(struct session *s, struct str params, char **argv, int argc)
{
	(void)params;
	(void)argv;
	(void)argc;
	if (s->era == MCP_MODERN)
		die(EXIT_FAIL, MCP_VERSION_MODERN " has no log to follow; "
						  "`call --level` shows what "
						  "a call logs");
	follow_log(s, STDOUT_FILENO);
	session_listen(s, NULL, STR(""));
	return EXIT_OK;
}

/* -------------------------------------------------------------------- watch */

static void on_change(void *owner, const struct jsonrpc *m)
{
	struct session *s = owner;
	struct str uri = json_member(m->params, "uri");
	struct buf line;
	if (is_log(m))
		return;
	buf_init(&line, TEXT_MAX);
	if (s->options->json) {
		put_raw_line(&line, m);
	} else {
		show_clean(&line, m->method, true);
		if (uri.p) {
			buf_putc(&line, ' ');
			show_plain(&line, uri, true);
		}
		buf_putc(&line, '\n');
	}
	write_line(&line, STDOUT_FILENO);
	buf_fini(&line);
}

static void subscribe(struct session *s, const char *uri)
{
	struct buf params;
	buf_init(&params, 1 << 20);
	buf_puts(&params, "\"uri\":");
	json_quote(&params, str_of(uri));
	(void)session_ask(s, "resources/subscribe", buf_str(&params), NULL);
	buf_fini(&params);
}

/* the one request of the modern era that stays open */
static void put_wishes(struct buf *out, char **uris, int n)
{
	struct json_writer w = {.out = out};
	json_w_key(&w, "notifications");
	json_w_open(&w, '{');
	json_w_key(&w, "toolsListChanged");
	json_w_bool(&w, true);
	json_w_key(&w, "promptsListChanged");
	json_w_bool(&w, true);
	json_w_key(&w, "resourcesListChanged");
	json_w_bool(&w, true);
	json_w_key(&w, "resourceSubscriptions");
	json_w_open(&w, '[');
	for (int i = 0; i < n; i++)
		json_w_text(&w, uris[i]);
	json_w_close(&w, ']');
	json_w_close(&w, '}');
}

int verb_watch(struct session *s, struct str params, char **argv, int argc)
{
	struct buf wishes;
	(void)params;
	s->on_note = on_change;
	s->note_owner = s;
	buf_init(&wishes, 16 << 20);
	if (s->era == MCP_MODERN) {
		put_wishes(&wishes, argv, argc);
		session_listen(s, "subscriptions/listen", buf_str(&wishes));
	} else {
		for (int i = 0; i < argc; i++)
			subscribe(s, argv[i]);
		session_listen(s, NULL, STR(""));
	}
	buf_fini(&wishes);
	return EXIT_OK;
}
