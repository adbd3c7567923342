/* SPDX-License-Identifier: MIT */
/* applets/mcp/target.c - where the server is, and how to connect to it. */
#include <stdlib.h>
#include <string.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "net/tls.h"
#include "net/url.h"

static bool is_url(const char *text)
{
	return strncmp(text, "http://", 7) == 0 ||
	       strncmp(text, "https://", 8) == 0;
}

static const char *unix_path(const char *text)
{
	return strncmp(text, "unix:", 5) == 0 ? text + 5 : NULL;
}

/* where the gateway of this machine listens */
static const char *default_url(char *dst, size_t size)
{
	const char *port = getenv("CORACLE_PORT");
	fmt_str(dst, size, "http://127.0.0.1:%s/mcp",
		port && *port ? port : "8080");
	return dst;
}

static void name_target(struct target *to, const char *text)
{
	to->unix_path = unix_path(text);
	if (!to->unix_path)
		to->url = text;
	if (!to->unix_path && !is_url(text))
		die_usage("'%s' is no server: http://..., https://... or "
			  "unix:PATH",
			text);
}

int target_find(struct target *to, int least, char **argv, int argc)
{
	static char standard[64];
	const char *given = getenv("CORACLE_MCP");
	if (to->command)
		return 0;
	if (argc > least && (is_url(argv[0]) || unix_path(argv[0]))) {
		name_target(to, argv[0]);
		return 1;
	}
	if (!given || !*given)
		given = default_url(standard, sizeof(standard));
	name_target(to, given);
	return 0;
}

static void set_up_tls(struct session *s)
{
	const struct mcp_options *o = s->options;
	const char *name;
	if (!o->insecure && !o->ca_file)
		return; /* the usual authorities, when they are needed */
	s->conns.fetcher.tls = tls_context_new();
	if (!s->conns.fetcher.tls)
		die(EXIT_FAIL, "out of memory");
	if (o->insecure)
		tls_context_trust_all(s->conns.fetcher.tls);
	else if (tls_context_trust(s->conns.fetcher.tls, o->ca_file, &name) < 0)
		die(EXIT_FAIL, "%s: no certificate of an authority",
			o->ca_file);
}

/* a list of options as a NULL-terminated array */
static char **lines_of(const struct arg_list *list)
{
	char **lines = mem_new_array(list->n + 1, sizeof(*lines));
	if (!lines)
		die(EXIT_FAIL, "out of memory");
	for (size_t i = 0; i < list->n; i++)
		lines[i] = (char *)(uintptr_t)list->v[i];
	return lines;
}

void target_configure(struct session *s, const struct target *to)
{
	const struct mcp_options *o = s->options;
	struct mcp_server_config *c = &s->config;
	set_up_tls(s);
	buf_init(&s->url, URL_MAX);
	c->headers = lines_of(&o->headers);
	c->env = lines_of(&o->env);
	c->bearer = (char *)(uintptr_t)o->bearer;
	if (to->command) {
		c->name = to->command[0];
		c->command = to->command[0];
		c->argv = to->command;
		return;
	}
	buf_puts(&s->url, to->unix_path ? "http://localhost/mcp" : to->url);
	c->url = (char *)(uintptr_t)buf_cstr(&s->url);
	c->name = to->unix_path ? (char *)(uintptr_t)to->unix_path : c->url;
	c->sse = o->sse || str_ends(buf_str(&s->url), STR("/sse"));
	s->conns.fetcher.unix_path = to->unix_path;
}
