/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_config_field.h - the fields of a configuration; private to
 * net/mcp_config*.c.
 *
 * input: untrusted
 *
 * Each function gives 0, or -1 when the refusal is written. An absent member
 * and null are the same, and leave *out as it was.
 */
#ifndef NET_MCP_CONFIG_FIELD_H
#define NET_MCP_CONFIG_FIELD_H

#include "lib/json.h"
#include "net/mcp_config.h"

struct config_reader {
	struct json_doc doc;
	struct buf *error;
	struct str server; /* raw name of the server being read; or p == NULL */
	struct str item;   /* the same for a key or index inside the field */
	int status;
};

int config_no_memory(struct config_reader *r);

/* 422 with the place of the value: ["body","mcpServers",SERVER,FIELD,...] */
int config_refuse_field(struct config_reader *r, const char *type,
	const char *field, const char *message, int at);

/* 400: the shape is right, but this cannot work */
int config_refuse_server(struct config_reader *r,
	const struct mcp_server_config *s, const char *why);

int config_refuse_json(
	struct config_reader *r, int code, struct json_where where);

/* the member of that name, JSON_NONE when it is absent or null */
int config_member(const struct config_reader *r, int of, const char *key);

int config_text(struct config_reader *r, int of, const char *key, char **out);
int config_bool(struct config_reader *r, int of, const char *key, bool *out);
int config_seconds(
	struct config_reader *r, int of, const char *key, uint64_t *out_ms);

/* an array of texts behind `spare` empty places, NULL-terminated */
int config_list(struct config_reader *r, int of, const char *key, char ***out,
	size_t spare);

/* one of some words; *out becomes its index */
struct config_choices {
	const char *key;
	const char *const *names; /* NULL-terminated */
	const char *wrong;
};
int config_choice(struct config_reader *r, int of,
	const struct config_choices *choices, int *out);

/* an object of texts, as a sorted list of "NAME=VALUE" or "NAME: VALUE" */
struct config_pairs_of {
	const char *key;
	const char *between;
	bool (*sound)(struct str name, struct str value);
	const char *wrong;
};
extern const struct config_pairs_of config_variables, config_headers;
int config_pairs(struct config_reader *r, int of,
	const struct config_pairs_of *kind, char ***out);

#endif
