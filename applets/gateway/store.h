/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/store.h - which S3 store the data routes use, and as whom.
 *
 * A request's s3_credentials win over S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY
 * and S3_SESSION_TOKEN, those over what the applet s3 finds by itself. Keys
 * go to the worker in its environment, never on a command line.
 */
#ifndef APPLETS_GATEWAY_STORE_H
#define APPLETS_GATEWAY_STORE_H

#include "applets/gateway/fields.h"
#include "lib/arena.h"

/* s3_credentials of a body: absent (p == NULL) or sound */
bool store_credentials(struct fields *f, struct str body, struct str *raw);

/* the environment of a worker; NULL: why is set */
char **store_env(struct arena *a, struct str credentials, const char **why);

/* S3_SNAPSHOTS_BUCKET; and S3_SNAPSHOTS_PREFIX, "" or ending with '/' */
const char *store_bucket(void);
void store_prefix(struct buf *out);

/* letters, digits, '_' and '-', at least one, at most 200 */
bool store_id_sound(struct str id);

/* the status that tells a client what a failed s3 worker's kind means */
int store_status(struct str kind);

#endif
