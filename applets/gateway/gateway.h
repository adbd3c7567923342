/* SPDX-License-Identifier: MIT */
/* applets/gateway/gateway.h - what the parts of the gateway share. */
#ifndef APPLETS_GATEWAY_GATEWAY_H
#define APPLETS_GATEWAY_GATEWAY_H

#include "lib/ed25519.h"
#include "net/http_server.h"
#include "net/mcp_router.h"

enum { GATEWAY_CLASSES = 6 }; /* of statuses; 0: no answer */

struct gateway {
	struct loop loop;
	struct http_server *server;
	struct mcp_router router;
	int root;              /* directory under which the subsystems lie */
	const char *files;     /* FILESYSTEM_SUBSYSTEM_NAME */
	const char *apps_data; /* APPS_DATA_SUBSYSTEM_NAME */
	const char *token;     /* CORACLE_TOKEN; NULL: control is open */
	size_t workers;        /* running now */
	bool signing;          /* requests have to be signed, see signing.h */
	unsigned char signing_key[ED25519_KEY_SIZE];
	struct job *jobs; /* in the background, see job.h */
	bool stopping;
	const char *socket; /* path of the unix socket, or NULL */
	uint64_t started_ms;
	int64_t started_wall; /* seconds since 1970 */
	uint64_t answers[GATEWAY_CLASSES];
	uint64_t sent;           /* bytes of answers */
	struct loop_timer timer; /* stopping: how long we wait */
};

/* every request */
void gateway_route(void *owner, struct http_exchange *x);

/* the handlers that routes.c names; each answers x, now or later */
/* the MCP servers of a file, from the start on; dies when it is no good */
void apps_load(struct gateway *g, const char *path);

void rest_any(struct gateway *g, struct http_exchange *x);
void apps_any(struct gateway *g, struct http_exchange *x);
void metrics_get(struct gateway *g, struct http_exchange *x);
void status_get(struct gateway *g, struct http_exchange *x);
void populate_post(struct gateway *g, struct http_exchange *x);
void populate_s3_post(struct gateway *g, struct http_exchange *x);
void populate_s3_start(struct gateway *g, struct http_exchange *x);
void snapshot_post(struct gateway *g, struct http_exchange *x);
void snapshot_s3_post(struct gateway *g, struct http_exchange *x);
void snapshot_s3_start(struct gateway *g, struct http_exchange *x);
void rootfs_baseline(struct gateway *g, struct http_exchange *x);
void rootfs_capture(struct gateway *g, struct http_exchange *x);

/* {"detail":TEXT}, however long the text is */
void reply_detail(struct http_exchange *x, int status, struct str text);

/* {"detail":[{"type":..,"loc":["body",FIELD],"msg":..,"input":null}]} */
void reply_invalid(struct http_exchange *x, const char *type, const char *field,
	const char *message);

/*
 * Does a request for JSON carry it? Absent means yes. Answers 422 and gives
 * false otherwise.
 */
bool require_json(struct http_exchange *x);

/*
 * A subsystem's name that a client sent: one of the two roots or a path below
 * one. false: 400 with the reason was given.
 */
bool require_subsystem(
	struct gateway *g, struct http_exchange *x, struct str name);

#endif
