/* SPDX-License-Identifier: MIT */
/* init/config.c - what init was told: file, environment, command line. */
#include "init/config.h"

#include <stdlib.h>
#include <strings.h>

#include "lib/fmt.h"
#include "lib/size.h"

enum { MESSAGE_MAX = 256, KEY_SHOWN = 64 };

#define REPORT(mistakes, report, owner, ...)                \
	do {                                                \
		char text_[MESSAGE_MAX];                    \
		fmt_str(text_, sizeof(text_), __VA_ARGS__); \
		(mistakes)++;                               \
		(report)((owner), text_);                   \
	} while (0)

void config_default(struct config *c)
{
	*c = (struct config){
		.gateway = {.enabled = true,
			.listen = "127.0.0.1",
			.root = "/",
			.port = 8080},
		.access = {.enabled = true, .stop_ms = 1000},
		.verify = {.output = "/logs/verifier", .tests = "/tests"},
		.grace_ms = CONFIG_GRACE_MS,
	};
	arena_init(&c->arena, CONFIG_ARENA_MAX);
}

void config_fini(struct config *c)
{
	arena_fini(&c->arena);
}

int config_capability(const char *name)
{
	static const char *const names[] = {"chown", "dac_override",
		"dac_read_search", "fowner", "fsetid", "kill", "setgid",
		"setuid", "setpcap", "linux_immutable", "net_bind_service",
		"net_broadcast", "net_admin", "net_raw", "ipc_lock",
		"ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
		"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
		"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
		"audit_write", "audit_control", "setfcap", "mac_override",
		"mac_admin", "syslog", "wake_alarm", "block_suspend",
		"audit_read", "perfmon", "bpf", "checkpoint_restore"};
	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return (int)i;
	return -1;
}

struct config_service *config_find_service(
	const struct config *c, const char *name)
{
	struct config_service *v = c->services.v;
	for (size_t i = 0; i < c->services.n; i++)
		if (strcmp(v[i].name, name) == 0)
			return &v[i];
	return NULL;
}

/* ------------------------------------- what no single value can tell */

struct check {
	struct shape_reading *r;
	struct config *c;
	const struct config_service *s;
	int at; /* the service in the document */
};

static void wrong(struct check *k, const char *key, const char *what)
{
	int at = json_get(k->r->doc, k->at, key);
	shape_mistake(k->r, at == JSON_NONE ? k->at : at, "\"%s.%s.%s\" %s",
		k->s->task ? "boot" : "services", k->s->name, key, what);
}

static bool plain_name(const char *name)
{
	size_t n = 0;
	for (; name[n]; n++) {
		char c = name[n];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
			!(c >= '0' && c <= '9') && c != '-' && c != '_' &&
			!(c == '.' && n > 0))
			return false;
	}
	return n > 0 && n < 32;
}

static int probe_kinds(const struct config_probe *p)
{
	return (p->port != 0) + (p->http != NULL) + (p->exec.n != 0);
}

/* what is read by our own healthcheck, which takes an address only */
static void check_http(
	struct check *k, const char *key, const struct config_probe *p)
{
	if (p->http && strncmp(p->http, "http://", 7) != 0)
		wrong(k, key, "wants http://ADDRESS[:PORT]/PATH for http");
}

static void check_states(struct check *k)
{
	const struct config_service *s = k->s;
	int ready = (s->ready.fd != 0) + s->ready.notify +
		    probe_kinds(&s->ready.probe);
	int alive = s->alive.notify + probe_kinds(&s->alive.probe);
	if (ready > 1)
		wrong(k, "ready", "wants one of fd, notify, port, http, exec");
	if (ready > 0 && s->oneshot)
		wrong(k, "ready",
			"has no meaning for a oneshot, which is "
			"ready when it has ended");
	if (alive > 1)
		wrong(k, "alive", "wants one of notify, port, http, exec");
	if (alive > 0 && s->oneshot)
		wrong(k, "alive",
			"has no meaning for a oneshot: see timeout_ms");
	check_http(k, "ready", &s->ready.probe);
	check_http(k, "alive", &s->alive.probe);
	if (s->finish.n > CONFIG_FINISH_WORDS ||
		(s->finish.n > 0 && !*s->finish.v[0]))
		wrong(k, "finish", "wants a program and at most 31 arguments");
}

/* "memory.max"; what begins with "cgroup." is ours to write */
static bool group_file(const char *name)
{
	const char *dot = strchr(name, '.');
	return plain_name(name) && dot && dot[1] &&
	       strncmp(name, "cgroup.", 7) != 0;
}

static void check_service(struct check *k)
{
	const struct config_service *s = k->s;
	if (!plain_name(s->name))
		shape_mistake(k->r, k->at,
			"\"%s.%.64s\" wants a name of at most 31 letters, "
			"digits, '-', '_' and '.'",
			s->task ? "boot" : "services", s->name);
	if (strcmp(s->name, "gateway") == 0)
		wrong(k, "command",
			"is the built-in service's: see the key "
			"\"gateway\" of the whole");
	if (s->command.n == 0 || !*s->command.v[0])
		wrong(k, "command", "wants a program and its arguments");
	check_states(k);
	for (size_t i = 0; i < s->cgroup.n; i++)
		if (!group_file(s->cgroup.v[i].name))
			wrong(k, "cgroup",
				"wants files of controllers, as "
				"\"memory.max\", with their text");
	if (s->log.to == LOG_TO_FILE && !s->log.path)
		wrong(k, "log", "wants a path when it goes to a file");
	for (size_t i = 0; i < s->capabilities.n; i++)
		if (config_capability(s->capabilities.v[i]) < 0)
			wrong(k, "capabilities",
				"wants names of capabilities, "
				"as \"net_bind_service\"");
}

/* index of a service in the map, or n */
static size_t index_of(const struct config *c, const char *name)
{
	const struct config_service *s = config_find_service(c, name);
	const struct config_service *v = c->services.v;
	return s ? (size_t)(s - v) : c->services.n;
}

/*
 * Take away services that wait for nothing that is left, until none is taken:
 * what remains waits for itself.
 */
static size_t drop_ordered(const struct config *c, bool *left)
{
	const struct config_service *v = c->services.v;
	size_t n = c->services.n;
	bool again = true;
	for (size_t i = 0; i < c->services.n; i++)
		left[i] = true;
	while (again) {
		again = false;
		for (size_t i = 0; i < c->services.n; i++) {
			bool waits = false;
			for (size_t k = 0; left[i] && k < v[i].after.n; k++) {
				size_t d = index_of(c, v[i].after.v[k]);
				waits |= d < c->services.n && left[d];
			}
			if (!left[i] || waits)
				continue;
			left[i] = false;
			again = true;
			n--;
		}
	}
	return n;
}

static void report_cycles(struct shape_reading *r, const struct config *c,
	const bool *left, int services)
{
	const struct config_service *v = c->services.v;
	for (size_t i = 0; i < c->services.n; i++)
		if (left[i])
			shape_mistake(r, json_get(r->doc, services, v[i].name),
				"\"services.%s.after\" is part of a cycle",
				v[i].name);
}

static void keep_only(struct shape_items *items, const bool *bad)
{
	struct config_service *v = items->v;
	size_t n = 0;
	for (size_t i = 0; i < items->n; i++)
		if (!bad[i])
			v[n++] = v[i];
	items->n = n;
}

/* the object of an array whose "name" is this one */
static int named_element(
	const struct json_doc *doc, int array, const char *name)
{
	int at = json_first(doc, array);
	while (at != JSON_NONE) {
		int value = json_get(doc, at, "name");
		if (value != JSON_NONE &&
			json_type(doc, value) == JSON_STRING &&
			json_str_is(json_raw(doc, value), str_of(name)))
			return at;
		at = json_after(doc, at);
	}
	return array;
}

static void check_items(struct shape_reading *r, struct config *c,
	struct shape_items *items, int at)
{
	bool bad[CONFIG_SERVICES_MAX + 1] = {false};
	struct config_service *v = items->v;
	bool map = items == &c->services;
	for (size_t i = 0; i < items->n; i++) {
		struct check k = {r, c, &v[i], JSON_NONE};
		int before = r->mistakes;
		k.at = map ? json_get(r->doc, at, v[i].name)
			   : named_element(r->doc, at, v[i].name);
		check_service(&k);
		bad[i] = r->mistakes != before;
	}
	keep_only(items, bad);
}

static bool known(const struct config *c, const char *name)
{
	return strcmp(name, "gateway") == 0 || config_find_service(c, name);
}

/* those that wait for what is not there; true: some were left out */
static bool drop_waiting(
	struct shape_reading *r, struct config *c, int services)
{
	bool bad[CONFIG_SERVICES_MAX + 1] = {false};
	const struct config_service *v = c->services.v;
	int before = r->mistakes;
	for (size_t i = 0; i < c->services.n; i++) {
		for (size_t k = 0; k < v[i].after.n; k++) {
			if (known(c, v[i].after.v[k]))
				continue;
			shape_mistake(r, json_get(r->doc, services, v[i].name),
				"\"services.%s.after\" names no service that "
				"can run: \"%.64s\"",
				v[i].name, v[i].after.v[k]);
			bad[i] = true;
		}
	}
	keep_only(&c->services, bad);
	return r->mistakes != before;
}

static void check_order(struct shape_reading *r, struct config *c, int services)
{
	bool left[CONFIG_SERVICES_MAX + 1];
	while (drop_waiting(r, c, services))
		;
	if (drop_ordered(c, left) > 0) {
		report_cycles(r, c, left, services);
		keep_only(&c->services, left);
	}
}

static void check_command(struct shape_reading *r, struct config *c)
{
	int at = json_get(r->doc, json_get(r->doc, 0, "command"), "after");
	for (size_t i = 0; i < c->command_after.n; i++) {
		const char *name = c->command_after.v[i];
		if (known(c, name))
			continue;
		shape_mistake(r, at,
			"\"command.after\" names no service: \"%.64s\"", name);
		c->command_after = (struct shape_words){NULL, 0};
	}
}

static void check_programs(struct shape_reading *r, struct config *c)
{
	const struct config_program *v = c->access.programs.v;
	int access = json_get(r->doc, 0, "access");
	int at = json_get(r->doc, access, "programs");
	for (size_t i = 0; i < c->access.programs.n; i++) {
		if (v[i].path[0] == '/')
			continue;
		shape_mistake(r, json_get(r->doc, at, v[i].path),
			"\"access.programs.%.64s\" wants the absolute path of "
			"a trampoline",
			v[i].path);
		c->access.programs.n = 0;
	}
}

/* what passwd(5) can hold: no colon, no control character */
static bool plain_path(const char *path)
{
	for (const char *p = path; *p; p++)
		if (*p == ':' || (unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return path[0] == '/';
}

static bool named_well(
	struct shape_reading *r, const char *key, const char *name)
{
	if (plain_name(name))
		return true;
	shape_mistake(r, json_get(r->doc, json_get(r->doc, 0, key), name),
		"\"%s.%.64s\" wants a name of at most 31 letters, digits, "
		"'-', '_' and '.'",
		key, name);
	return false;
}

static bool lives_well(struct shape_reading *r, const struct config_user *u)
{
	if (plain_path(u->home) && plain_path(u->shell))
		return true;
	shape_mistake(r,
		json_get(r->doc, json_get(r->doc, 0, "users"), u->name),
		"\"users.%.64s\" wants a home and a shell that are absolute "
		"paths without ':' and control characters",
		u->name);
	return false;
}

/* each becomes a line of passwd(5) or group(5); the wrong ones are left out */
static void check_accounts(struct shape_reading *r, struct config *c)
{
	struct config_user *u = c->users.v;
	struct config_group *g = c->groups.v;
	size_t n = 0;
	for (size_t i = 0; i < c->users.n; i++)
		if (named_well(r, "users", u[i].name) && lives_well(r, &u[i]))
			u[n++] = u[i];
	c->users.n = n;
	n = 0;
	for (size_t i = 0; i < c->groups.n; i++)
		if (named_well(r, "groups", g[i].name))
			g[n++] = g[i];
	c->groups.n = n;
}

static void read_whole(struct shape_reading *r, struct config *c)
{
	int services = json_get(r->doc, 0, "services");
	shape_read(r, &config_shape, 0, c);
	check_items(r, c, &c->boot, json_get(r->doc, 0, "boot"));
	check_items(r, c, &c->services, services);
	check_order(r, c, services);
	check_command(r, c);
	check_programs(r, c);
	check_accounts(r, c);
}

int config_parse(
	struct config *c, struct str text, shape_report_fn *report, void *owner)
{
	struct json_doc doc;
	struct json_where where;
	struct shape_reading r = {.arena = &c->arena,
		.doc = &doc,
		.report = report,
		.owner = owner};
	int err = json_parse(&doc, text, CONFIG_VALUES_MAX, &where);
	if (err == JSON_DUPLICATE) {
		/* at the first byte of the key, within its quotes */
		struct str key = str_from_index(text, where.offset);
		size_t n = size_min(str_index(key, '"'), KEY_SHOWN);
		REPORT(r.mistakes, report, owner,
			"line %zu, column %zu: the key \"%.*s\" is there "
			"twice in this object, and wants to be there once",
			where.line, where.column, STR_FMT(str_first(key, n)));
		return r.mistakes;
	}
	if (err) {
		REPORT(r.mistakes, report, owner, "line %zu, column %zu: %s",
			where.line, where.column, json_error_text(err));
		return r.mistakes;
	}
	if (json_type(&doc, 0) == JSON_OBJECT)
		read_whole(&r, c);
	else
		shape_mistake(&r, 0, "the whole wants an object");
	json_free(&doc);
	return r.mistakes;
}

/* --------------------------------------------------------- environment */

static const char *value_of(const char *name)
{
	const char *text = getenv(name);
	return text && *text ? text : NULL;
}

static bool take_number(
	const char *text, uint64_t min, uint64_t max, uint64_t *dst)
{
	uint64_t v;
	if (!str_to_u64(str_of(text), &v) || v < min || v > max)
		return false;
	*dst = v;
	return true;
}

int config_environment(struct config *c, shape_report_fn *report, void *owner)
{
	int mistakes = 0;
	const char *listen = value_of("CORACLE_LISTEN");
	const char *port = value_of("CORACLE_PORT");
	const char *grace = value_of("CORACLE_GRACE");
	const char *drain = value_of("CORACLE_DRAIN");
	if (listen && shape_is_address(listen))
		c->gateway.listen = listen;
	else if (listen)
		REPORT(mistakes, report, owner,
			"CORACLE_LISTEN wants an IP address");
	if (port && !take_number(port, 1, 65535, &c->gateway.port))
		REPORT(mistakes, report, owner,
			"CORACLE_PORT wants a number from 1 to 65535");
	if (grace && !take_number(grace, 0, CONFIG_TIME_MAX_MS, &c->grace_ms))
		REPORT(mistakes, report, owner,
			"CORACLE_GRACE wants a number from 0 to %d",
			CONFIG_TIME_MAX_MS);
	if (drain && !take_number(drain, 0, CONFIG_TIME_MAX_MS, &c->drain_ms))
		REPORT(mistakes, report, owner,
			"CORACLE_DRAIN wants a number from 0 to %d",
			CONFIG_TIME_MAX_MS);
	return mistakes;
}

void config_print(struct buf *out, const struct config *c)
{
	struct buf line;
	buf_init(&line, CONFIG_ARENA_MAX);
	shape_write(&line, &config_shape, c);
	if (line.err)
		out->err = line.err;
	else
		shape_pretty(out, buf_str(&line));
	buf_fini(&line);
}
