/* SPDX-License-Identifier: MIT */
/*
 * init/config.h - what init was told: file, environment, command line.
 *
 * input: the file is the image author's; its text is treated as untrusted.
 *
 * Everything is optional: without any of it the defaults are a working
 * environment. A value that is wrong is reported by key and left at its
 * default, so that a bad file never keeps a container from being repaired.
 */
#ifndef INIT_CONFIG_H
#define INIT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/str.h"

enum {
	CONFIG_TEXT_MAX = 65536,
	CONFIG_VALUES_MAX = 4096,
	CONFIG_GRACE_MS = 5000, /* below the 10 s of docker stop */
	CONFIG_GRACE_MAX_MS = 3600000,
};

struct config {
	bool gateway;
	const char *listen;
	const char *root; /* what the gateway's subsystems lie under */
	uint64_t port;
	uint64_t grace_ms; /* from the request to stop to the first KILL */
	bool child_only;   /* signals go to the command, not to its group */
};

void config_default(struct config *c);

/* a sentence about one mistake, without the file's name */
typedef void config_report_fn(void *owner, const char *message);

/*
 * Apply the text of a file. Returns the number of mistakes, each of which
 * was reported. Strings are copied and live as long as the process.
 */
int config_parse(struct config *c, struct str text, config_report_fn *report,
	void *owner);

/* apply CORACLE_LISTEN, CORACLE_PORT and CORACLE_GRACE; mistakes as above */
int config_environment(struct config *c, config_report_fn *report, void *owner);

/* an IPv4 or IPv6 address as inet_pton(3) takes it */
bool config_is_address(const char *text);

#endif
