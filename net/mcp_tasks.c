/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_tasks.c - calls that are answered by a task.
 *
 * input: untrusted
 */
#include "net/mcp_tasks.h"

#include "lib/size.h"
#include "net/mcp_modern.h"
#include "net/mcp_request.h"
#include "net/mcp_uri.h"

/* ------------------------------------------------------------------- ids */

void mcp_task_show(struct buf *out, const char *server, struct str id)
{
	mcp_uri_put_name(out, server);
	/* no byte of the name: it is escaped there */
	buf_putc(out, '+');
	buf_put_str(out, id);
}

bool mcp_task_cut(struct str shown, const char *server, struct str *id)
{
	struct buf name;
	bool begins;
	buf_init(&name, MCP_TASK_ID_MAX);
	mcp_task_show(&name, server, STR(""));
	begins = !name.err && str_starts(shown, buf_str(&name));
	if (begins)
		*id = str_from_index(shown, name.n);
	buf_fini(&name);
	return begins;
}

static struct str member_of(struct str object, const char *name)
{
	return object.p ? json_member(object, name) : object;
}

/* append the quoted other id of a raw one; false: it stays as it is */
static bool put_other(
	struct buf *out, struct str raw, const char *server, bool back)
{
	struct buf plain, shown;
	struct str id;
	buf_init(&plain, MCP_TASK_ID_MAX);
	buf_init(&shown, (size_t)4 * MCP_TASK_ID_MAX);
	json_unquote(&plain, raw);
	id = buf_str(&plain);
	bool other = !back || mcp_task_cut(buf_str(&plain), server, &id);
	if (!back) {
		mcp_task_show(&shown, server, id);
		id = buf_str(&shown);
	}
	other = other && !plain.err && !shown.err;
	if (other)
		json_quote(out, id);
	buf_fini(&plain);
	buf_fini(&shown);
	return other;
}

size_t mcp_tasks_edit(struct mcp_edits *l, struct str object,
	const char *server, bool back, struct buf *ids)
{
	static const char *const names[] = {"taskId", "task", "_meta"};
	struct str v[ARRAY_LEN(names)];
	size_t end[ARRAY_LEN(names)], n = 0;
	if (!object.p || !json_pick(object, names, v, ARRAY_LEN(names)))
		return 0;
	v[1] = member_of(v[1], "taskId");
	v[2] = member_of(member_of(v[2], MCP_META "related-task"), "taskId");
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		if (!v[i].p || json_type_of(v[i]) != JSON_STRING ||
			!put_other(ids, v[i], server, back))
			continue;
		v[n] = v[i];
		end[n++] = ids->n;
	}
	/* ids does not move any more */
	for (size_t i = 0; i < n && !ids->err; i++) {
		size_t from = i ? end[i - 1] : 0;
		mcp_edits_add(l, v[i],
			str_from(buf_str(ids).p + from, end[i] - from));
	}
	return n;
}

/* --------------------------------------------------------------- servers */

/* the bits that say that a server has tasks, in the form of its era */
static unsigned bit_of(bool modern)
{
	return modern ? MCP_CAN_TASK_EXTENSION : MCP_CAN_TASKS;
}

bool mcp_tasks_at(const struct mcp_upstream *u)
{
	return u->can & bit_of(u->era == MCP_MODERN);
}

bool mcp_tasks_renamed(const struct mcp_index *x, const struct mcp_upstream *u)
{
	return mcp_tasks_at(u) && x->serving > 1;
}

/* does a client find tasks there? */
static bool has_tasks(const struct mcp_session *s, const struct mcp_upstream *u)
{
	return u->config->serve_tools && (u->era == MCP_MODERN) == s->modern &&
	       u->can & bit_of(s->modern) &&
	       /* its process, and the task in it, goes with the call */
	       u->config->lifetime != MCP_PER_CALL && mcp_session_finds(s, u);
}

void mcp_tasks_put_greeting(struct buf *out, const struct mcp_router *r,
	const struct mcp_session *s)
{
	const struct str head = STR("\"capabilities\":{");
	struct str greeting = mcp_index_greeting(&r->index, s->role);
	unsigned can = 0;
	for (size_t i = 0; i < r->n; i++)
		if (has_tasks(s, r->set[i]))
			can |= r->set[i]->can;
	if (!(can & bit_of(s->modern)) || !str_starts(greeting, head)) {
		buf_put_str(out, greeting);
		return;
	}
	buf_put_str(out, head);
	if (s->modern)
		buf_puts(out,
			"\"extensions\":{\"" MCP_TASKS_EXTENSION "\":{}},");
	else
		buf_putf(out,
			"\"tasks\":{%s\"requests\":{\"tools\":{\"call\":"
			"{}}}},",
			can & MCP_CAN_CANCEL_TASKS ? "\"cancel\":{}," : "");
	buf_put_str(out, str_from_index(greeting, head.n));
}

/* ------------------------------------------------------------- requests */

/* how many servers a client finds tasks at, and the only or last one */
static size_t count_servers(
	const struct mcp_post *p, struct mcp_upstream **last)
{
	const struct mcp_router *r = p->router;
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		if (has_tasks(p->session, r->set[i])) {
			*last = r->set[i];
			n++;
		}
	return n;
}

/*
 * The server of a task, and its id there. A task that is older than the
 * configuration may have an id of one server where there are several now.
 */
static struct mcp_upstream *owner_of(
	const struct mcp_post *p, struct str shown, struct str *id)
{
	const struct mcp_router *r = p->router;
	struct mcp_upstream *last = NULL;
	for (size_t i = 0; i < r->n; i++)
		if (has_tasks(p->session, r->set[i]) &&
			mcp_task_cut(shown, r->set[i]->config->name, id))
			return r->set[i];
	*id = shown;
	return count_servers(p, &last) == 1 ? last : NULL;
}

static void send_on(struct mcp_post *p, const struct jsonrpc *m,
	const struct mcp_params *c, struct str raw)
{
	struct buf shown, own;
	struct str id;
	buf_init(&shown, (size_t)4 * MCP_TASK_ID_MAX);
	buf_init(&own, MCP_TASK_IDS_MAX);
	json_unquote(&shown, raw);
	struct mcp_upstream *u =
		shown.err ? NULL : owner_of(p, buf_str(&shown), &id);
	if (!u) {
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS,
			STR("params.taskId is the id of no task"));
	} else {
		json_quote(&own, id);
		struct jsonrpc_edit edit = {raw, buf_str(&own)};
		const struct mcp_way way = {.upstream = u,
			.errand = MCP_ERRAND_PLAIN,
			.name = buf_str(&shown),
			.edits = &edit,
			.n = id.n < shown.n};
		mcp_request_send(p, m, c, &way);
	}
	buf_fini(&shown);
	buf_fini(&own);
}

/* does a modern request say that its client knows the extension? */
static bool is_negotiated(const struct jsonrpc *m)
{
	struct mcp_meta meta;
	return mcp_meta_read(&meta, m->params) &&
	       member_of(member_of(meta.capabilities, "extensions"),
		       MCP_TASKS_EXTENSION)
		       .p;
}

void mcp_tasks_route(struct mcp_post *p, const struct jsonrpc *m)
{
	struct mcp_upstream *last = NULL;
	struct mcp_params c;
	const char *wrong = mcp_params_read(m->params, &c);
	struct str raw = member_of(m->params, "taskId");
	if (!wrong && (!raw.p || json_type_of(raw) != JSON_STRING))
		wrong = "params.taskId must be a string";
	if (!count_servers(p, &last))
		mcp_post_error(p, m->id, JSONRPC_METHOD_NOT_FOUND,
			STR("Method not found"));
	else if (p->session->modern && !is_negotiated(m))
		mcp_modern_refuse(p, m->id, MCP_CODE_CAPABILITY,
			"Missing required client capability",
			STR("{\"requiredCapabilities\":{\"extensions\":{"
			    "\"" MCP_TASKS_EXTENSION "\":{}}}}"));
	else if (wrong)
		mcp_post_error(p, m->id, JSONRPC_INVALID_PARAMS, str_of(wrong));
	else
		send_on(p, m, &c, raw);
}
