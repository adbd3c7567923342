/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_roles.c - who may use what of a server.
 *
 * input: untrusted
 *
 * Patterns are matched when a server's lists are read, never when a tool is
 * called: an entry of the index then has a bit for each role.
 */
#include "net/mcp_roles.h"

#include "lib/arena.h"
#include "lib/glob.h"
#include "lib/mem.h"
#include "lib/size.h"

enum { PATTERNS_MAX = 4096, TEXT_MAX = 4 << 20 };

struct patterns {
	const char **text;
	size_t n;
	bool given;
};

struct rule {
	struct patterns allow, deny;
};

struct mcp_roles {
	unsigned named; /* bits 1 << role */
	struct rule rule[ROLES];
	struct arena arena;
};

struct reader {
	const struct json_doc *doc;
	struct mcp_roles *r;
	struct mcp_roles_fault *fault;
};

static bool refuse(const struct reader *d, int at, const char *message)
{
	*d->fault = (struct mcp_roles_fault){message, at};
	return false;
}

static bool read_patterns(
	const struct reader *d, int rule, const char *key, struct patterns *p)
{
	int list = json_get(d->doc, rule, key);
	struct buf text;
	if (list == JSON_NONE || json_type(d->doc, list) == JSON_NULL)
		return true;
	if (json_type(d->doc, list) != JSON_ARRAY ||
		json_count(d->doc, list) > PATTERNS_MAX)
		return refuse(d, list,
			"allow and deny are lists of at most 4096 patterns");
	p->given = true;
	p->text = arena_new_array(
		&d->r->arena, json_count(d->doc, list) + 1, sizeof(*p->text));
	for (int at = json_first(d->doc, list); p->text && at != JSON_NONE;
		at = json_after(d->doc, at)) {
		struct str raw = json_raw(d->doc, at);
		if (json_type_of(raw) != JSON_STRING || json_has_nul(raw))
			return refuse(d, at, "a pattern should be a string");
		buf_init(&text, TEXT_MAX);
		json_unquote(&text, raw);
		p->text[p->n++] = arena_dup(&d->r->arena, buf_str(&text));
		d->r->arena.failed |= text.err != 0;
		buf_fini(&text);
	}
	return !d->r->arena.failed || refuse(d, list, NULL);
}

static bool read_rule(const struct reader *d, int key)
{
	struct str raw = json_raw(d->doc, key);
	int at = json_value(d->doc, key);
	enum role role;
	if (!role_named(str_from(raw.p + 1, raw.n - 2), &role))
		return refuse(d, key,
			"a role is one of agent, verifier, sandbox, remote");
	if (json_type(d->doc, at) != JSON_OBJECT)
		return refuse(d, at,
			"a role has an object, with allow and deny or empty");
	for (int k = json_first(d->doc, at); k != JSON_NONE;
		k = json_after(d->doc, k))
		/* one that is misspelt must not open what it was to close */
		if (!json_str_is(json_raw(d->doc, k), STR("allow")) &&
			!json_str_is(json_raw(d->doc, k), STR("deny")))
			return refuse(d, k, "a role has allow and deny only");
	d->r->named |= 1u << role;
	struct rule *rule = &d->r->rule[role];
	return read_patterns(d, at, "allow", &rule->allow) &&
	       read_patterns(d, at, "deny", &rule->deny);
}

static bool read_rules(const struct reader *d, int at)
{
	if (json_type(d->doc, at) != JSON_OBJECT)
		return refuse(d, at, "Input should be a valid dictionary");
	for (int key = json_first(d->doc, at); key != JSON_NONE;
		key = json_after(d->doc, key))
		if (!read_rule(d, key))
			return false;
	return true;
}

struct mcp_roles *mcp_roles_read(
	const struct json_doc *doc, int at, struct mcp_roles_fault *fault)
{
	const struct reader d = {
		.doc = doc, .r = mem_new(sizeof(*d.r)), .fault = fault};
	*fault = (struct mcp_roles_fault){NULL, at};
	if (!d.r)
		return NULL;
	arena_init(&d.r->arena, TEXT_MAX);
	if (read_rules(&d, at))
		return d.r;
	mcp_roles_free(d.r);
	return NULL;
}

void mcp_roles_free(struct mcp_roles *r)
{
	if (!r)
		return;
	arena_fini(&r->arena);
	mem_free(r);
}

static bool same_patterns(const struct patterns *a, const struct patterns *b)
{
	if (a->given != b->given || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return true;
}

bool mcp_roles_equal(const struct mcp_roles *a, const struct mcp_roles *b)
{
	if (!a || !b)
		return a == b;
	bool same = a->named == b->named;
	for (size_t i = 0; same && i < ROLES; i++)
		same = same_patterns(&a->rule[i].allow, &b->rule[i].allow) &&
		       same_patterns(&a->rule[i].deny, &b->rule[i].deny);
	return same;
}

unsigned mcp_roles_server(const struct mcp_roles *r)
{
	return r ? r->named : ROLES_ALL;
}

static bool any_matches(const struct patterns *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (glob_match(str_of(p->text[i]), name, 0))
			return true;
	return false;
}

unsigned mcp_roles_tool(const struct mcp_roles *r, struct str name)
{
	unsigned roles = mcp_roles_server(r);
	for (unsigned i = 0; r && i < ROLES; i++) {
		const struct rule *rule = &r->rule[i];
		if ((rule->allow.given && !any_matches(&rule->allow, name)) ||
			any_matches(&rule->deny, name))
			roles &= ~(1u << i);
	}
	return roles;
}
