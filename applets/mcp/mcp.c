/* SPDX-License-Identifier: MIT */
/* applets/mcp/mcp.c - the MCP client: options, verbs, where the server is. */
#include <stdlib.h>
#include <string.h>

#include "applets/mcp/mcp.h"
#include "lib/applet.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/size.h"

APPLET(mcp, "Use MCP servers from a shell.",
	"usage: mcp VERB [OPTION]... [SERVER] [ARGUMENT]...\n"
	"       mcp VERB [OPTION]... [ARGUMENT]... -- COMMAND [ARG]...\n"
	"       mcp serve --config FILE\n"
	"\n"
	"SERVER is a URL, or unix:PATH; without one it is CORACLE_MCP, or\n"
	"this machine's gateway. COMMAND is a server that is started for it.\n"
	"\n"
	"  tools [NAME]              what there is, or all about one\n"
	"  call NAME [ARGUMENT]...   KEY=TEXT, KEY:=JSON, - (JSON on stdin)\n"
	"  resources                 resources and templates\n"
	"  read URI                  their bytes\n"
	"  prompts                   what there is\n"
	"  get NAME [KEY=TEXT]...    the messages of a prompt\n"
	"  complete NAME|TEMPLATE KEY=BEGINNING [KEY=TEXT]...\n"
	"  ping                      is it there, who is it, how long it "
	"takes\n"
	"  log                       follow its log (--level)\n"
	"  watch [URI]...            follow changes of lists and resources\n"
	"  serve                     be many servers as one, over stdin and "
	"stdout\n"
	"\n"
	"  mcp tools http://127.0.0.1:8080/mcp\n"
	"  mcp call add a:=2 b:=3\n"
	"  echo '{\"path\": \"/a\"}' | mcp call read_file -\n"
	"  mcp call echo text=ahoy -- my-mcp-server --verbose\n"
	"  mcp tools --json | jq -r '.tools[].name'\n"
	"\n"
	"exit status: 0 done, 1 it failed or the tool reports an error, 2 the\n"
	"command line is wrong, 130 Ctrl-C\n");

enum { DEFAULT_TIMEOUT_S = 300 };

struct verb {
	const char *name;
	int least, most; /* arguments */
	void (*prepare)(struct buf *params, char **argv, int argc);
	verb_fn *run;
	const char *wants;
};

static const struct verb verbs[] = {
	{"tools", 0, 1, NULL, verb_tools, "at most the NAME of a tool"},
	{"call", 1, 1024, prepare_call, verb_call, "the NAME of a tool"},
	{"resources", 0, 0, NULL, verb_resources, "no argument"},
	{"read", 1, 1, prepare_read, verb_read, "the URI of a resource"},
	{"prompts", 0, 0, NULL, verb_prompts, "no argument"},
	{"get", 1, 1024, prepare_get, verb_get, "the NAME of a prompt"},
	{"complete", 2, 1024, prepare_complete, verb_complete,
		"a NAME or TEMPLATE, and KEY=BEGINNING"},
	{"ping", 0, 0, NULL, verb_ping, "no argument"},
	{"log", 0, 0, NULL, verb_log, "no argument"},
	{"watch", 0, 1024, NULL, verb_watch, "URIs of resources"},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	die_usage("no verb '%s'; it is one of tools, call, resources, read, "
		  "prompts, get, complete, ping, log, watch, serve",
		name);
}

/* everything behind "--"; NULL: there is no such thing */
static char **cut_command(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		if (i + 1 == *argc)
			die_usage("there is no COMMAND behind --");
		argv[i] = NULL;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

static bool is_level(const char *text)
{
	static const char *const levels[] = {"debug", "info", "notice",
		"warning", "error", "critical", "alert", "emergency"};
	for (size_t i = 0; text && i < ARRAY_LEN(levels); i++)
		if (strcmp(text, levels[i]) == 0)
			return true;
	return !text;
}

static void check_options(const struct mcp_options *o)
{
	if (strcmp(o->era, "auto") != 0 && strcmp(o->era, "legacy") != 0 &&
		strcmp(o->era, "modern") != 0)
		die_usage("--era is auto, legacy or modern, not '%s'", o->era);
	if (!is_level(o->level))
		die_usage("--level is debug, info, notice, warning, error, "
			  "critical, alert or emergency");
	for (size_t i = 0; i < o->headers.n; i++)
		if (!strchr(o->headers.v[i], ':'))
			die_usage("-H wants 'Name: value', not '%s'",
				o->headers.v[i]);
	for (size_t i = 0; i < o->env.n; i++)
		if (!strchr(o->env.v[i], '='))
			die_usage("-e wants NAME=VALUE, not '%s'", o->env.v[i]);
}

static int run(const struct verb *v, struct mcp_options *o, struct target *to,
	char **argv, int argc)
{
	static struct session s;
	struct buf params;
	if (argc < v->least || argc > v->most)
		die_usage("%s wants %s", v->name, v->wants);
	buf_init(&params, MCP_QUEUE_MAX);
	if (v->prepare)
		v->prepare(&params, argv, argc);
	if (params.err)
		die(EXIT_FAIL, "the arguments are too large");
	/* what a session logs by itself is only in the session-based era */
	if (v->run == verb_log && strcmp(o->era, "auto") == 0)
		o->era = "legacy";
	/* a server's own chatter is shown when it is asked for, or on failure */
	if (!getenv("CORACLE_LOG"))
		setenv("CORACLE_LOG", "error", 1);
	log_init("mcp");
	session_open(&s, o, to);
	int status = v->run(&s, buf_str(&params), argv, argc);
	session_close(&s);
	buf_fini(&params);
	return status;
}

/* lint: long because the table of options is in it */
int mcp_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve_main(argc - 1, argv + 1);
	struct mcp_options o = {.era = "auto", .timeout_s = DEFAULT_TIMEOUT_S};
	struct target to = {.command = cut_command(&argc, argv)};
	const struct arg_opt opts[] = {
		OPT_FLAG('j', "json", &o.json, "what the server says, as JSON"),
		OPT_LIST('H', "header", &o.headers, "'NAME: VALUE'",
			"one more field of each request"),
		OPT_TEXT('b', "bearer", &o.bearer, "TOKEN",
			"authorize with this token"),
		OPT_LIST('e', "env", &o.env, "NAME=VALUE",
			"a variable for the command"),
		OPT_LIST(0, "root", &o.roots, "DIR",
			"a directory that the server may know of"),
		OPT_TEXT('o', "output", &o.output, "FILE",
			"read: write to a file"),
		OPT_TEXT(0, "level", &o.level, "LEVEL",
			"call, log: least level of the log that is shown"),
		OPT_TEXT(0, "era", &o.era, "ERA",
			"auto, legacy (to 2025-11-25) or modern (2026-07-28)"),
		OPT_FLAG(0, "sse", &o.sse,
			"the transport of 2024-11-05; implied by .../sse"),
		OPT_NUMBER('t', "timeout", &o.timeout_s, "S", 0, 1000000,
			"longest wait for an answer or progress (300)"),
		OPT_NUMBER(0, "max-time", &o.max_s, "S", 0, 1000000,
			"for all of it (no limit)"),
		OPT_TEXT(0, "cacert", &o.ca_file, "FILE",
			"trust the authorities in FILE (PEM)"),
		OPT_FLAG(
			'k', "insecure", &o.insecure, "accept any certificate"),
		OPT_FLAG('q', "quiet", &o.quiet, "show no progress"),
	};
	int first = applet_args(&applet_mcp, opts, ARRAY_LEN(opts), argc, argv);
	if (first == argc)
		die_usage("it wants a verb");
	const struct verb *v = find_verb(argv[first++]);
	check_options(&o);
	first += target_find(&to, v->least, argv + first, argc - first);
	int status = run(v, &o, &to, argv + first, argc - first);
	mem_free(o.headers.v);
	mem_free(o.env.v);
	mem_free(o.roots.v);
	return status;
}
