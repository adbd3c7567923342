/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/mcp_config_fuzz.c - any bytes as {"mcpServers": {...}}.
 *
 * What is accepted can be started; what is refused is refused in JSON.
 */
#include "net/mcp_config.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/json.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_sorted(char **list, char mark)
{
	for (size_t i = 0; list && list[i]; i++) {
		MUST(strchr(list[i], mark) > list[i]);
		MUST(i == 0 || strcmp(list[i - 1], list[i]) <= 0);
	}
}

static void check_server(const struct mcp_server_config *s)
{
	MUST(s->name[0] && strlen(s->name) <= MCP_NAME_MAX);
	MUST(!s->command != !s->url);
	MUST(!s->command || (s->command[0] && s->argv[0] == s->command));
	MUST(s->startup_timeout_ms <= 86400000);
	check_sorted(s->env, '=');
	check_sorted(s->headers, ':');
	MUST(mcp_server_config_equal(s, s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mcp_config c, again;
	struct buf error;
	struct str body = str_from((const char *)data, n);
	buf_init(&error, n + 4096);
	int status = mcp_config_read(&c, body, &error);
	MUST(error.err == 0);
	if (status) {
		MUST(status == 400 || status == 422);
		MUST(json_check(buf_str(&error), NULL) == 0);
		MUST(json_member(buf_str(&error), "detail").p);
		MUST(c.n == 0 && !c.servers);
	} else {
		MUST(error.n == 0);
		MUST(mcp_config_read(&again, body, &error) == 0);
		MUST(again.n == c.n && c.n <= MCP_SERVERS_MAX);
		for (size_t i = 0; i < c.n; i++) {
			check_server(c.servers[i]);
			MUST(mcp_server_config_equal(
				c.servers[i], again.servers[i]));
		}
		mcp_config_fini(&again);
	}
	mcp_config_fini(&c);
	buf_fini(&error);
	return 0;
}
