/* SPDX-License-Identifier: MIT */
/* init/service_table.c - which services there are, and what a reload changes. */
#include <string.h>

#include "init/init.h"
#include "init/service.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

enum { PORT_TEXT = 8, DEFINITION_MAX = 1 << 18 };

struct service *service_find(struct init *init, const char *name)
{
	for (size_t i = 0; i < init->nservices; i++)
		if (!init->services[i].def->task && !init->services[i].gone &&
			strcmp(init->services[i].name, name) == 0)
			return &init->services[i];
	return NULL;
}

/* the built-in service, as if the file had it; NULL: no memory */
static const struct config_service *gateway_definition(struct config *c)
{
	char port[PORT_TEXT];
	struct config_service *def = arena_new(&c->arena, sizeof(*def));
	fmt_str(port, sizeof(port), "%ju", (uintmax_t)c->gateway.port);
	const char *argv[] = {"coracle", "gateway", "--listen",
		c->gateway.listen, "--port", port, "--root", c->gateway.root,
		"--apps", c->gateway.apps};
	size_t n = ARRAY_LEN(argv) - (c->gateway.apps ? 0 : 2);
	char **v = arena_new_array(&c->arena, n + 1, sizeof(*v));
	if (!def || !v)
		return NULL;
	*def = *(const struct config_service *)config_service_shape.defaults;
	for (size_t i = 0; i < n; i++)
		v[i] = arena_dup(&c->arena, str_of(argv[i]));
	def->name = "gateway";
	def->command = (struct shape_words){v, n};
	def->user = "environment";
	def->log.to = LOG_TO_PLAIN; /* it names itself in each line */
	def->lenient = true;
	return c->arena.failed ? NULL : def;
}

static void take_definition(struct service *s, const struct config_service *def)
{
	s->def = def;
	service_identify(s);
	if (s->output && !svclog_captures(&def->log)) {
		svclog_close(s->output);
		s->output = NULL;
	}
	if (s->output)
		svclog_configure(s->output, &def->log);
	else
		s->output = svclog_open(s->init, s);
}

/* a slot that nothing uses any more, or a new one */
static struct service *free_slot(struct init *init)
{
	for (size_t i = 0; i < init->nservices; i++)
		if (init->services[i].gone &&
			init->services[i].state == SERVICE_DOWN)
			return &init->services[i];
	if (init->nservices == SERVICES_MAX)
		return NULL;
	return &init->services[init->nservices++];
}

static struct service *add(struct init *init, const struct config_service *def)
{
	struct service *s = free_slot(init);
	if (!s) {
		log_error("service %s: more than %d", def->name, SERVICES_MAX);
		return NULL;
	}
	*s = (struct service){
		.init = init, .last_status = -1, .ready.watch.fd = -1};
	fmt_str(s->name, sizeof(s->name), "%s", def->name);
	take_definition(s, def);
	s->wanted = def->enabled;
	s->state = def->enabled ? SERVICE_BLOCKED : SERVICE_DOWN;
	s->changed_ms = loop_now(&init->loop);
	return s;
}

void service_load(struct init *init)
{
	struct config *c = &init->config;
	const struct config_service *tasks = c->boot.v;
	const struct config_service *services = c->services.v;
	const struct config_service *gateway = NULL;
	/* a second init in the container only runs its command */
	if (init->standing.second)
		return;
	for (size_t i = 0; i < c->boot.n; i++)
		(void)add(init, &tasks[i]);
	if (c->gateway.enabled)
		gateway = gateway_definition(c);
	if (gateway)
		(void)add(init, gateway);
	for (size_t i = 0; i < c->services.n; i++)
		(void)add(init, &services[i]);
}

/* -------------------------------------------------------------- reload */

static bool same(const struct config_service *a, const struct config_service *b)
{
	struct buf x, y;
	buf_init(&x, DEFINITION_MAX);
	buf_init(&y, DEFINITION_MAX);
	shape_write(&x, &config_service_shape, a);
	shape_write(&y, &config_service_shape, b);
	bool equal = !x.err && !y.err && str_eq(buf_str(&x), buf_str(&y));
	buf_fini(&x);
	buf_fini(&y);
	return equal;
}

static bool same_pairs(const struct shape_pairs *a, const struct shape_pairs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].name, b->v[i].name) != 0 ||
			strcmp(a->v[i].value, b->v[i].value) != 0)
			return false;
	return true;
}

/* what is left of a service that is no longer configured */
static void drop(struct service *s)
{
	static struct config_service last;
	/* enough to end it by; the rest of its definition goes */
	last = *(const struct config_service *)config_service_shape.defaults;
	log_info("service %s: no longer configured", s->name);
	s->gone = true;
	service_stop(s);
	s->def = &last;
	if (s->output)
		svclog_configure(s->output, &last.log);
}

static void change(struct service *s, const struct config_service *def)
{
	log_info("service %s: definition changed", s->name);
	bool start = s->wanted || !s->def->enabled;
	/* asked to end as it was started, then started as it is now */
	service_stop(s);
	take_definition(s, def);
	s->changed = start && def->enabled;
}

static void replace(struct init *init, const struct config_service *gateway)
{
	/* tasks are of the boot, which is over: nothing of them is needed */
	static struct config_service over = {.task = true};
	const struct config *c = &init->config;
	for (size_t i = 0; i < init->nservices; i++) {
		struct service *s = &init->services[i];
		const struct config_service *def = NULL;
		if (s->gone || s->def->task) {
			s->def = s->def->task ? &over : s->def;
			continue;
		}
		def = strcmp(s->name, "gateway") == 0
			      ? gateway
			      : config_find_service(c, s->name);
		if (!def)
			drop(s);
		else if (s->changed || !same(s->def, def))
			change(s, def);
		else
			s->def = def;
		if (def && s->output)
			svclog_configure(s->output, &def->log);
	}
}

bool service_boot_over(const struct init *init)
{
	const struct shape_words none = {NULL, 0};
	return service_all_ready(init, &none);
}

void service_reload_all(struct init *init, struct config *fresh)
{
	struct config old = init->config;
	const struct config_service *services = fresh->services.v;
	const struct config_service *gateway = NULL;
	bool all = !same_pairs(&old.environment, &fresh->environment);
	if (fresh->gateway.enabled)
		gateway = gateway_definition(fresh);
	init->config = *fresh;
	for (size_t i = 0; i < init->nservices; i++)
		init->services[i].changed = all;
	replace(init, gateway);
	if (gateway && !service_find(init, "gateway"))
		(void)add(init, gateway);
	for (size_t i = 0; i < fresh->services.n; i++)
		if (!service_find(init, services[i].name))
			(void)add(init, &services[i]);
	config_fini(&old);
	for (size_t i = 0; i < init->nservices; i++)
		if (init->services[i].changed && !init->services[i].gone &&
			!init->services[i].def->task)
			service_start(&init->services[i]);
	service_advance(init);
}
