/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_greeting.c - the answers to initialize of many servers, as one.
 *
 * input: untrusted
 */
#include "net/mcp_greeting.h"

static bool says_true(struct str raw)
{
	return raw.p && str_is(raw, "true");
}

static bool has_object(struct str object, const char *name)
{
	struct str raw = object.p ? json_member(object, name) : object;
	return raw.p && json_type_of(raw) == JSON_OBJECT;
}

/* tasks, in the form of either era */
static unsigned read_tasks(struct str capabilities)
{
	struct str tasks = json_member(capabilities, "tasks");
	struct str requests = tasks.p ? json_member(tasks, "requests") : tasks;
	struct str tools =
		requests.p ? json_member(requests, "tools") : requests;
	unsigned can = 0;
	if (has_object(tools, "call"))
		can |= MCP_CAN_TASKS;
	if (has_object(tasks, "cancel"))
		can |= MCP_CAN_CANCEL_TASKS;
	if (has_object(
		    json_member(capabilities, "extensions"), MCP_META "tasks"))
		can |= MCP_CAN_TASK_EXTENSION;
	return can;
}

unsigned mcp_greeting_read(struct str capabilities)
{
	static const char *const names[] = {
		"tools", "prompts", "resources", "completions", "logging"};
	unsigned can = 0;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str raw = json_member(capabilities, names[i]);
		if (raw.p && json_type_of(raw) == JSON_OBJECT)
			can |= 1u << i;
	}
	if (can & MCP_CAN_RESOURCES &&
		says_true(json_member(
			json_member(capabilities, "resources"), "subscribe")))
		can |= MCP_CAN_SUBSCRIBE;
	return can | read_tasks(capabilities);
}

static void put_capabilities(struct buf *out, unsigned can)
{
	buf_puts(out, "\"capabilities\":{\"tools\":{\"listChanged\":true}");
	if (can & MCP_CAN_PROMPTS)
		buf_puts(out, ",\"prompts\":{\"listChanged\":true}");
	if (can & MCP_CAN_RESOURCES)
		buf_putf(out, ",\"resources\":{%s\"listChanged\":true}",
			can & MCP_CAN_SUBSCRIBE ? "\"subscribe\":true," : "");
	if (can & MCP_CAN_COMPLETE)
		buf_puts(out, ",\"completions\":{}");
	if (can & MCP_CAN_LOG)
		buf_puts(out, ",\"logging\":{}");
	buf_putc(out, '}');
}

static bool speaks(const struct mcp_upstream *u)
{
	return u->config->serve_tools && u->instructions.n > 0;
}

/* the text of each under its server's name */
static void put_together(
	struct buf *out, struct mcp_upstream *const *set, size_t n)
{
	struct buf text;
	buf_init(&text, out->max);
	for (size_t i = 0; i < n; i++) {
		if (!speaks(set[i]))
			continue;
		buf_putf(&text, "%s# %s\n\n", text.n ? "\n\n" : "",
			set[i]->config->name);
		json_unquote(&text, buf_str(&set[i]->instructions));
	}
	json_quote(out, buf_str(&text));
	if (text.err)
		out->err = text.err;
	buf_fini(&text);
}

void mcp_greeting_put(
	struct buf *out, struct mcp_upstream *const *set, size_t n)
{
	const struct mcp_upstream *one = NULL;
	size_t serving = 0, speaking = 0;
	unsigned can = 0;
	for (size_t i = 0; i < n; i++) {
		serving += set[i]->config->serve_tools;
		if (set[i]->config->serve_tools)
			can |= set[i]->can;
		if (!speaks(set[i]))
			continue;
		speaking++;
		one = set[i];
	}
	put_capabilities(out, can);
	if (!speaking)
		return;
	buf_puts(out, ",\"instructions\":");
	if (serving == 1)
		buf_put_str(out, buf_str(&one->instructions));
	else
		put_together(out, set, n);
}
