/* SPDX-License-Identifier: MIT */
/* init/config.c - what init was told: file, environment, command line. */
#include "init/config.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/size.h"

enum { MESSAGE_MAX = 256, NEAR_MAX = 3, TEXT_VALUE_MAX = 4096 };

struct reading {
	struct config *config;
	const struct json_doc *doc;
	config_report_fn *report;
	void *owner;
	int mistakes;
};

/* what stands behind a key; false: it is not what was wanted */
typedef bool key_fn(struct reading *r, int at);

struct key {
	const char *name;
	const char *wanted;
	key_fn *take;
};

#define REPORT(r, ...)                                      \
	do {                                                \
		char text_[MESSAGE_MAX];                    \
		fmt_str(text_, sizeof(text_), __VA_ARGS__); \
		(r)->mistakes++;                            \
		(r)->report((r)->owner, text_);             \
	} while (0)

void config_default(struct config *c)
{
	*c = (struct config){
		.gateway = true,
		.listen = "127.0.0.1",
		.root = "/",
		.port = 8080,
		.grace_ms = CONFIG_GRACE_MS,
	};
}

bool config_is_address(const char *text)
{
	struct in6_addr scratch;
	return inet_pton(AF_INET, text, &scratch) == 1 ||
	       inet_pton(AF_INET6, text, &scratch) == 1;
}

static bool take_enabled(struct reading *r, int at)
{
	if (json_type(r->doc, at) != JSON_BOOL)
		return false;
	r->config->gateway = json_raw(r->doc, at).p[0] == 't';
	return true;
}

/* a string as a C string; NULL when it is none, too long, or holds a NUL */
static char *text_of(struct reading *r, int at)
{
	struct str raw = json_raw(r->doc, at);
	if (json_type(r->doc, at) != JSON_STRING || raw.n > TEXT_VALUE_MAX)
		return NULL;
	return json_cstr(raw);
}

static bool take_listen(struct reading *r, int at)
{
	char *text = text_of(r, at);
	if (!text || !config_is_address(text)) {
		mem_free(text);
		return false;
	}
	r->config->listen = text;
	return true;
}

static bool take_root(struct reading *r, int at)
{
	char *text = text_of(r, at);
	if (!text || text[0] != '/') {
		mem_free(text);
		return false;
	}
	r->config->root = text;
	return true;
}

static bool take_port(struct reading *r, int at)
{
	uint64_t v;
	if (json_type(r->doc, at) != JSON_NUMBER ||
		!json_u64(json_raw(r->doc, at), &v) || v < 1 || v > 65535)
		return false;
	r->config->port = v;
	return true;
}

static bool take_grace(struct reading *r, int at)
{
	uint64_t v;
	if (json_type(r->doc, at) != JSON_NUMBER ||
		!json_u64(json_raw(r->doc, at), &v) || v > CONFIG_GRACE_MAX_MS)
		return false;
	r->config->grace_ms = v;
	return true;
}

static bool take_gateway(struct reading *r, int at);

static const struct key top_keys[] = {
	{"gateway", "an object", take_gateway},
	{"grace_ms", "milliseconds, at most 3600000", take_grace},
};

static const struct key gateway_keys[] = {
	{"enabled", "true or false", take_enabled},
	{"listen", "an IP address in quotes", take_listen},
	{"port", "a port from 1 to 65535", take_port},
	{"root", "an absolute path in quotes", take_root},
};

static void report_unknown(struct reading *r, const char *prefix,
	struct str name, const struct key *keys, size_t n)
{
	const char *near = NULL;
	size_t best = NEAR_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t d = str_distance(str_of(keys[i].name), name);
		if (d < best) {
			best = d;
			near = keys[i].name;
		}
	}
	if (near)
		REPORT(r, "unknown key \"%s%.*s\" (did you mean \"%s\"?)",
			prefix, STR_FMT(str_first(name, 64)), near);
	else
		REPORT(r, "unknown key \"%s%.*s\"", prefix,
			STR_FMT(str_first(name, 64)));
}

static const struct key *find_key(
	struct str raw, const struct key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_str_is(raw, str_of(keys[i].name)))
			return &keys[i];
	return NULL;
}

/* visit an object's members by the table; prefix is the way to it, "a." */
static void walk(struct reading *r, int object, const char *prefix,
	const struct key *keys, size_t n)
{
	for (int at = json_first(r->doc, object); at != JSON_NONE;
		at = json_after(r->doc, at)) {
		struct str raw = json_raw(r->doc, at);
		const struct key *key = find_key(raw, keys, n);
		if (!key) {
			struct str name = {raw.p + 1, raw.n - 2};
			report_unknown(r, prefix, name, keys, n);
			continue;
		}
		if (!key->take(r, json_value(r->doc, at)))
			REPORT(r, "\"%s%s\" wants %s", prefix, key->name,
				key->wanted);
	}
}

static bool take_gateway(struct reading *r, int at)
{
	if (json_type(r->doc, at) != JSON_OBJECT)
		return false;
	walk(r, at, "gateway.", gateway_keys, ARRAY_LEN(gateway_keys));
	return true;
}

int config_parse(struct config *c, struct str text, config_report_fn *report,
	void *owner)
{
	struct json_doc doc;
	struct json_where where;
	struct reading r = {
		.config = c, .doc = &doc, .report = report, .owner = owner};
	int err = json_parse(&doc, text, CONFIG_VALUES_MAX, &where);
	if (err) {
		REPORT(&r, "line %zu, column %zu: %s", where.line, where.column,
			json_error_text(err));
		return r.mistakes;
	}
	if (json_type(&doc, 0) == JSON_OBJECT)
		walk(&r, 0, "", top_keys, ARRAY_LEN(top_keys));
	else
		REPORT(&r, "the whole must be an object");
	json_free(&doc);
	return r.mistakes;
}

static void take_number(struct reading *r, const char *name, uint64_t min,
	uint64_t max, uint64_t *dst)
{
	uint64_t v;
	const char *text = getenv(name);
	if (!text || !*text)
		return;
	if (str_to_u64(str_of(text), &v) && v >= min && v <= max)
		*dst = v;
	else
		REPORT(r, "%s wants a number from %ju to %ju", name,
			(uintmax_t)min, (uintmax_t)max);
}

int config_environment(struct config *c, config_report_fn *report, void *owner)
{
	struct reading r = {.config = c, .report = report, .owner = owner};
	const char *listen = getenv("CORACLE_LISTEN");
	if (listen && *listen && config_is_address(listen))
		c->listen = listen;
	else if (listen && *listen)
		REPORT(&r, "CORACLE_LISTEN wants an IP address");
	take_number(&r, "CORACLE_PORT", 1, 65535, &c->port);
	take_number(&r, "CORACLE_GRACE", 0, CONFIG_GRACE_MAX_MS, &c->grace_ms);
	return r.mistakes;
}
