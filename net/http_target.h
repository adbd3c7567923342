/* SPDX-License-Identifier: MIT */
/* net/http_target.h - request targets and hosts; private to the parser. */
#ifndef NET_HTTP_TARGET_H
#define NET_HTTP_TARGET_H

#include "net/http.h"

/* fill path, query and host from head->target; false with *error set */
bool http_target_parse(struct http_head *head, struct http_error *error);

/* host [ ":" port ] as a Host field may hold it; not empty, no user info */
bool http_host_valid(struct str host);

#endif
