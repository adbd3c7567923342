/* SPDX-License-Identifier: MIT */
/*
 * init/config.h - what init was told: file, environment, command line.
 *
 * input: the file is the image author's; its text is treated as untrusted.
 *
 * Everything is optional: without any of it the defaults are a working
 * environment. A value that is wrong is reported by line, column and key; a
 * service, mount or the like with a mistake is left out and anything else
 * stays at its default, so that a bad file never keeps a container from being
 * repaired.
 */
#ifndef INIT_CONFIG_H
#define INIT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "init/shape.h"

enum {
	CONFIG_TEXT_MAX = 65536,
	CONFIG_ARENA_MAX = 1 << 20,
	CONFIG_VALUES_MAX = 8192,
	CONFIG_GRACE_MS = 5000, /* below the 10 s of docker stop */
	CONFIG_TIME_MAX_MS = 3600000,
	CONFIG_SERVICES_MAX = 47,
	CONFIG_TASKS_MAX = 16,
	CONFIG_PROGRAMS_MAX = 64,
	CONFIG_FINISH_WORDS = 32,
};

struct config_user {
	const char *name;
	uint64_t uid; /* and gid, of the group with the user's name */
	const char *home;
	const char *shell;
	struct shape_words groups;
};

struct config_group {
	const char *name;
	uint64_t gid;
	struct shape_words members;
};

struct config_mount {
	const char *target;
	const char *type;
	const char *source;
	const char *options;
	bool required;
};

struct config_dir {
	const char *path;
	const char *owner; /* "user", "user:group", "1:2" */
	unsigned mode;
	struct shape_pairs files; /* name: text; made when missing */
	bool required;
};

enum config_restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

/* a child that tells by its status how a service does; at most one is set */
struct config_probe {
	uint64_t port;
	const char *http;
	struct shape_words exec;
};

/* at most one of the first three; none: ready once it has started */
struct config_ready {
	uint64_t fd; /* a newline there, as s6; 0: none */
	bool notify; /* READY=1 to NOTIFY_SOCKET, as systemd */
	struct config_probe probe;
	uint64_t interval_ms;
	uint64_t timeout_ms; /* 0: none */
};

/* at most one of the first two; none: whoever has a process is alive */
struct config_alive {
	bool notify; /* WATCHDOG=1 to NOTIFY_SOCKET, once an interval */
	struct config_probe probe;
	uint64_t interval_ms;
	uint64_t failures; /* of the probe, one after the other */
};

enum config_log_to {
	LOG_TO_PREFIX,
	LOG_TO_INHERIT,
	LOG_TO_FILE,
	LOG_TO_NONE,
	LOG_TO_PLAIN,
};

struct config_log {
	unsigned to; /* enum config_log_to */
	const char *path;
	uint64_t max_bytes;
	uint64_t keep; /* rotated files beside the current one */
	uint64_t rate; /* lines a second; what is over is counted */
};

/* UINT64_MAX: as init's own */
struct config_limits {
	uint64_t nofile, nproc, core, as, fsize, stack, memlock, cpu;
};

struct config_service {
	const char *name;
	struct shape_words command;
	const char *user; /* NULL: init's own */
	const char *group;
	struct shape_words groups;
	struct shape_pairs environment;
	const char *directory;
	struct config_limits limits;
	struct shape_pairs cgroup; /* files of its group, and their text */
	struct shape_words capabilities; /* v NULL: as they are */
	bool no_new_privs;
	bool enabled;
	unsigned restart; /* enum config_restart */
	uint64_t restart_ms;
	uint64_t restart_max_ms;
	uint64_t restart_tries; /* without a steady run between; 0: no end */
	struct shape_words after;
	struct config_ready ready;
	struct config_alive alive;
	struct shape_words finish; /* run after each end of it */
	uint64_t finish_ms;
	unsigned stop_signal;
	unsigned reload_signal;
	uint64_t stop_ms;
	bool oneshot;
	bool critical;
	uint64_t timeout_ms; /* of a oneshot; 0: none */
	struct config_log log;
	/* not of the file */
	bool task;     /* of "boot" */
	bool required; /* a task without which boot ends */
	bool lenient;  /* the gateway: runs as who we are when it must */
};

struct config_gateway {
	bool enabled;
	const char *listen;
	uint64_t port;
	const char *root; /* what the gateway's subsystems lie under */
	const char *apps; /* MCP servers to begin with; or NULL */
};

/* private ones for a program of the broker */
struct config_namespaces {
	bool mount, pid, network, ipc;
};

/* what PID 1 adds to the policy of a trampoline */
struct config_program {
	const char *path; /* the trampoline's */
	struct config_limits limits;
	struct config_namespaces namespaces;
};

/* where a grader's frame works; see init/phase.h */
struct config_verify {
	const char *output;
	const char *tests;
	bool watch; /* end the agent's part when the tests appear */
};

struct config_access {
	bool enabled;
	uint64_t stop_ms; /* from a client's going to the KILL */
	struct shape_items programs;
};

struct config {
	struct arena arena;
	struct config_gateway gateway;
	struct config_access access;
	struct config_verify verify;
	uint64_t drain_ms; /* from the request to stop to the first TERM */
	uint64_t grace_ms; /* from there to the first KILL */
	unsigned log_level;
	unsigned log_format;
	struct shape_pairs environment;
	struct shape_words
		file_variables; /* X: from the file that X_FILE names */
	struct shape_items users, groups, mounts, directories;
	struct shape_items boot, services;
	struct shape_words command_after;
	bool child_only; /* signals go to the command, not to its group */
};

extern const struct shape config_shape, config_service_shape;

/* a fresh configuration: config_fini() it, or keep it for life */
void config_default(struct config *c);
void config_fini(struct config *c);

/*
 * Apply the text of a file. Returns the number of mistakes, each of which
 * was reported.
 */
int config_parse(struct config *c, struct str text, shape_report_fn *report,
	void *owner);

/* apply CORACLE_LISTEN, _PORT, _GRACE and _DRAIN; mistakes as above */
int config_environment(struct config *c, shape_report_fn *report, void *owner);

/* append all of it as JSON for people, which config_parse() takes */
void config_print(struct buf *out, const struct config *c);

/* the number of a capability ("net_bind_service", "CAP_KILL"), or -1 */
int config_capability(const char *name);

struct config_service *config_find_service(
	const struct config *c, const char *name);

#endif
