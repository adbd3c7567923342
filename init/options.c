/* SPDX-License-Identifier: MIT */
/* init/options.c - the command line of init, and the configuration under it. */
#include "init/options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/applet.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

static const char config_path[] = "/etc/coracle/init.json";

enum { UNSET_MS = CONFIG_TIME_MAX_MS + 1, STATUS_MAX = 255 };

/* "TERM:QUIT", "15:3"; FROM:0 is not passed on at all */
static bool take_rewrite(void *dst, const char *value, size_t operands)
{
	unsigned char *table = dst;
	struct str to = str_of(value);
	struct str from = str_cut(&to, ':');
	int source = shape_signal(from);
	int target = to.p ? shape_signal(to) : 0;
	(void)operands;
	if (source <= 0 || (target <= 0 && !(to.p && str_is(to, "0"))))
		return false;
	table[source] = (unsigned char)(target > 0 ? target : REWRITE_DROP);
	return true;
}

/* "143": that is success; "143:7": that is 7 */
static bool take_remap(void *dst, const char *value, size_t operands)
{
	unsigned short *table = dst;
	struct str to = str_of(value);
	struct str from = str_cut(&to, ':');
	uint64_t source, target = 0;
	(void)operands;
	if (!str_to_u64(from, &source) || source > STATUS_MAX ||
		(to.p && !str_to_u64(to, &target)) || target > STATUS_MAX)
		return false;
	table[source] = (unsigned short)(target + 1);
	return true;
}

int options_exit_status(const struct options *o, int status)
{
	int to = status >= 0 && status <= STATUS_MAX ? o->remap[status] : 0;
	return to ? to - 1 : status;
}

static bool take_signal(void *dst, const char *value, size_t operands)
{
	int *signo = dst;
	(void)operands;
	*signo = shape_signal(str_of(value));
	return *signo > 0;
}

static void check_usage(const struct options *o)
{
	if (o->group && o->child_only)
		die_usage("--group and --child-only exclude each other");
	if (o->listen && !shape_is_address(o->listen))
		die_usage("--gateway-listen wants an IP address, not '%s'",
			o->listen);
}

int options_parse(
	struct options *o, const struct applet *applet, int argc, char **argv)
{
	o->grace_ms = UNSET_MS;
	o->drain_ms = UNSET_MS;
	const struct arg_opt opts[] = {
		OPT_TEXT(0, "config", &o->config, "FILE",
			"read FILE, not /etc/coracle/init.json"),
		OPT_FLAG(0, "check", &o->check,
			"validate the configuration and print it"),
		OPT_FLAG(0, "print-default", &o->print_default,
			"print the built-in configuration"),
		OPT_FLAG(0, "strict", &o->strict,
			"exit (78) when the configuration is wrong"),
		OPT_FLAG(0, "no-gateway", &o->no_gateway,
			"do not start the gateway"),
		OPT_TEXT(0, "gateway-listen", &o->listen, "ADDR",
			"address of the gateway"),
		OPT_NUMBER(0, "port", &o->port, "N", 1, 65535,
			"port of the gateway"),
		OPT_NUMBER(0, "grace", &o->grace_ms, "MS", 0,
			CONFIG_TIME_MAX_MS,
			"from SIGTERM to SIGKILL (default 5000)"),
		OPT_NUMBER(0, "drain", &o->drain_ms, "MS", 0,
			CONFIG_TIME_MAX_MS,
			"from SIGTERM until it is passed on (default 0)"),
		OPT_FLAG('g', "group", &o->group,
			"signal the command's group (default)"),
		OPT_FLAG(0, "child-only", &o->child_only,
			"signal only the command itself"),
		OPT_CALL(0, "rewrite", take_rewrite, o->rewrite, "FROM:TO",
			"pass a signal on as another (TERM:QUIT)"),
		OPT_CALL('e', "remap-exit", take_remap, o->remap, "FROM[:TO]",
			"end with TO (0) when COMMAND ends with FROM"),
		OPT_CALL('p', "parent-death", take_signal, &o->parent_death,
			"SIG", "get this signal when our parent ends"),
	};
	int first = applet_args_until_operand(
		applet, opts, ARRAY_LEN(opts), argc, argv);
	check_usage(o);
	return first;
}

static void on_mistake(void *owner, const char *message)
{
	const char *where = owner;
	log_error("configuration: %s: %s", where, message);
}

int options_configure(struct config *c, const struct options *o)
{
	const char *path = o->config ? o->config : config_path;
	struct buf text;
	int mistakes = 0;
	config_default(c);
	buf_init(&text, CONFIG_TEXT_MAX);
	int r = file_read(AT_FDCWD, path, &text);
	char where[256];
	fmt_str(where, sizeof(where), "%s", path);
	if (r == 0) {
		mistakes += config_parse(c, buf_str(&text), on_mistake, where);
	} else if (r != -ENOENT || o->config) {
		on_mistake(where, strerror(-r));
		mistakes++;
	}
	buf_fini(&text);
	fmt_str(where, sizeof(where), "environment");
	mistakes += config_environment(c, on_mistake, where);
	if (o->listen)
		c->gateway.listen = o->listen;
	if (o->port)
		c->gateway.port = o->port;
	if (o->grace_ms != UNSET_MS)
		c->grace_ms = o->grace_ms;
	if (o->drain_ms != UNSET_MS)
		c->drain_ms = o->drain_ms;
	if (o->no_gateway)
		c->gateway.enabled = false;
	c->child_only = o->child_only;
	return mistakes;
}

int options_show(const struct options *o)
{
	struct config c;
	struct buf text;
	int mistakes = 0;
	if (o->check)
		mistakes = options_configure(&c, o);
	else
		config_default(&c);
	buf_init(&text, CONFIG_ARENA_MAX);
	config_print(&text, &c);
	if (mistakes == 0)
		print_str(buf_str(&text));
	buf_fini(&text);
	config_fini(&c);
	return mistakes ? EXIT_CONFIG : EXIT_OK;
}
