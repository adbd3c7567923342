/* SPDX-License-Identifier: MIT */
/* init/config_keys.c - the keys of the configuration, as tables. */
#include <signal.h>
#include <stddef.h>

#include "init/config.h"
#include "lib/size.h"

#define FIELD(struct_name, member, type_name) \
	.type = (type_name), .at = offsetof(struct struct_name, member)
#define TIME_MS .max = CONFIG_TIME_MAX_MS
#define SHAPE(table, struct_name)                 \
	.fields = (table), .n = ARRAY_LEN(table), \
	.size = sizeof(struct struct_name)

enum { ID_MAX = 0x7ffffffe, FD_MAX = 255 };

static const struct shape_field user_fields[] = {
	{"uid", FIELD(config_user, uid, SHAPE_NUMBER), .max = ID_MAX,
		.required = true},
	{"home", FIELD(config_user, home, SHAPE_PATH)},
	{"shell", FIELD(config_user, shell, SHAPE_PATH)},
	{"groups", FIELD(config_user, groups, SHAPE_WORDS)},
};
static const struct config_user user_defaults = {
	.home = "/", .shell = "/bin/sh"};
static const struct shape user_shape = {SHAPE(user_fields, config_user),
	.defaults = &user_defaults,
	.name_at = offsetof(struct config_user, name), .max = 64};

static const struct shape_field group_fields[] = {
	{"gid", FIELD(config_group, gid, SHAPE_NUMBER), .max = ID_MAX,
		.required = true},
	{"members", FIELD(config_group, members, SHAPE_WORDS)},
};
static const struct shape group_shape = {SHAPE(group_fields, config_group),
	.name_at = offsetof(struct config_group, name), .max = 64};

static const struct shape_field mount_fields[] = {
	{"target", FIELD(config_mount, target, SHAPE_PATH), .required = true},
	{"type", FIELD(config_mount, type, SHAPE_TEXT)},
	{"source", FIELD(config_mount, source, SHAPE_TEXT)},
	{"options", FIELD(config_mount, options, SHAPE_TEXT)},
	{"required", FIELD(config_mount, required, SHAPE_BOOL)},
};
static const struct config_mount mount_defaults = {.type = "tmpfs"};
static const struct shape mount_shape = {SHAPE(mount_fields, config_mount),
	.defaults = &mount_defaults, .max = 64};

static const struct shape_field dir_fields[] = {
	{"path", FIELD(config_dir, path, SHAPE_PATH), .required = true},
	{"owner", FIELD(config_dir, owner, SHAPE_TEXT),
		.wanted = "\"USER\" or \"USER:GROUP\", names or numbers"},
	{"mode", FIELD(config_dir, mode, SHAPE_MODE)},
	{"files", FIELD(config_dir, files, SHAPE_PAIRS)},
	{"required", FIELD(config_dir, required, SHAPE_BOOL)},
};
static const struct config_dir dir_defaults = {.owner = "0:0", .mode = 0755};
static const struct shape dir_shape = {
	SHAPE(dir_fields, config_dir), .defaults = &dir_defaults, .max = 256};

static const struct shape_field limit_fields[] = {
	{"nofile", FIELD(config_limits, nofile, SHAPE_NUMBER),
		.max = INT64_MAX},
	{"nproc", FIELD(config_limits, nproc, SHAPE_NUMBER), .max = INT64_MAX},
	{"core", FIELD(config_limits, core, SHAPE_NUMBER), .max = INT64_MAX},
	{"as", FIELD(config_limits, as, SHAPE_NUMBER), .max = INT64_MAX},
	{"fsize", FIELD(config_limits, fsize, SHAPE_NUMBER), .max = INT64_MAX},
	{"stack", FIELD(config_limits, stack, SHAPE_NUMBER), .max = INT64_MAX},
	{"memlock", FIELD(config_limits, memlock, SHAPE_NUMBER),
		.max = INT64_MAX},
	{"cpu", FIELD(config_limits, cpu, SHAPE_NUMBER), .max = INT64_MAX},
};
static const struct shape limits_shape = {SHAPE(limit_fields, config_limits)};

#define PROBE_FIELDS(struct_name)                                        \
	{"port", FIELD(struct_name, probe.port, SHAPE_NUMBER), .min = 1, \
		.max = 65535, .wanted = "a port from 1 to 65535"},       \
		{"http", FIELD(struct_name, probe.http, SHAPE_TEXT)},    \
	{                                                                \
		"exec", FIELD(struct_name, probe.exec, SHAPE_WORDS)      \
	}

static const struct shape_field ready_fields[] = {
	{"fd", FIELD(config_ready, fd, SHAPE_NUMBER), .min = 3, .max = FD_MAX},
	{"notify", FIELD(config_ready, notify, SHAPE_BOOL)},
	PROBE_FIELDS(config_ready),
	{"interval_ms", FIELD(config_ready, interval_ms, SHAPE_NUMBER),
		.min = 10, TIME_MS},
	{"timeout_ms", FIELD(config_ready, timeout_ms, SHAPE_NUMBER), TIME_MS},
};
static const struct shape ready_shape = {SHAPE(ready_fields, config_ready)};

static const struct shape_field alive_fields[] = {
	{"notify", FIELD(config_alive, notify, SHAPE_BOOL)},
	PROBE_FIELDS(config_alive),
	{"interval_ms", FIELD(config_alive, interval_ms, SHAPE_NUMBER),
		.min = 10, TIME_MS},
	{"failures", FIELD(config_alive, failures, SHAPE_NUMBER), .min = 1,
		.max = 1000},
};
static const struct shape alive_shape = {SHAPE(alive_fields, config_alive)};

static const char *const log_places[] = {
	"prefix", "inherit", "file", "none", "plain", NULL};
static const struct shape_field log_fields[] = {
	{"to", FIELD(config_log, to, SHAPE_CHOICE), .choices = log_places},
	{"path", FIELD(config_log, path, SHAPE_PATH)},
	{"max_bytes", FIELD(config_log, max_bytes, SHAPE_NUMBER), .min = 4096,
		.max = 1ULL << 40},
	{"keep", FIELD(config_log, keep, SHAPE_NUMBER), .max = 99},
	{"rate", FIELD(config_log, rate, SHAPE_NUMBER), .min = 1,
		.max = 1000000},
};
static const struct shape log_shape = {SHAPE(log_fields, config_log)};

#define PROCESS_FIELDS                                                         \
	{"command", FIELD(config_service, command, SHAPE_WORDS),               \
		.required = true},                                             \
		{"user", FIELD(config_service, user, SHAPE_TEXT)},             \
		{"group", FIELD(config_service, group, SHAPE_TEXT)},           \
		{"groups", FIELD(config_service, groups, SHAPE_WORDS)},        \
		{"environment",                                                \
			FIELD(config_service, environment, SHAPE_PAIRS)},      \
		{"directory", FIELD(config_service, directory, SHAPE_PATH)},   \
		{"limits", FIELD(config_service, limits, SHAPE_OBJECT),        \
			.shape = &limits_shape},                               \
		{"cgroup", FIELD(config_service, cgroup, SHAPE_PAIRS)},        \
		{"capabilities",                                               \
			FIELD(config_service, capabilities, SHAPE_WORDS)},     \
		{"no_new_privs",                                               \
			FIELD(config_service, no_new_privs, SHAPE_BOOL)},      \
		{"log", FIELD(config_service, log, SHAPE_OBJECT),              \
			.shape = &log_shape},                                  \
	{                                                                      \
		"timeout_ms", FIELD(config_service, timeout_ms, SHAPE_NUMBER), \
			TIME_MS                                                \
	}

static const char *const restarts[] = {"never", "on-failure", "always", NULL};
static const struct shape_field service_fields[] = {
	PROCESS_FIELDS,
	{"enabled", FIELD(config_service, enabled, SHAPE_BOOL)},
	{"restart", FIELD(config_service, restart, SHAPE_CHOICE),
		.choices = restarts},
	{"restart_ms", FIELD(config_service, restart_ms, SHAPE_NUMBER),
		.min = 10, TIME_MS},
	{"restart_max_ms", FIELD(config_service, restart_max_ms, SHAPE_NUMBER),
		.min = 10, TIME_MS},
	{"restart_tries", FIELD(config_service, restart_tries, SHAPE_NUMBER),
		.max = 1000000},
	{"after", FIELD(config_service, after, SHAPE_WORDS)},
	{"ready", FIELD(config_service, ready, SHAPE_OBJECT),
		.shape = &ready_shape},
	{"alive", FIELD(config_service, alive, SHAPE_OBJECT),
		.shape = &alive_shape},
	{"finish", FIELD(config_service, finish, SHAPE_WORDS)},
	{"finish_ms", FIELD(config_service, finish_ms, SHAPE_NUMBER), .min = 1,
		TIME_MS},
	{"stop_signal", FIELD(config_service, stop_signal, SHAPE_SIGNAL)},
	{"reload_signal", FIELD(config_service, reload_signal, SHAPE_SIGNAL)},
	{"stop_ms", FIELD(config_service, stop_ms, SHAPE_NUMBER), TIME_MS},
	{"oneshot", FIELD(config_service, oneshot, SHAPE_BOOL)},
	{"critical", FIELD(config_service, critical, SHAPE_BOOL)},
};

#define NO_LIMITS                                                           \
	{                                                                   \
		UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, \
			UINT64_MAX, UINT64_MAX, UINT64_MAX                  \
	}
#define DEFAULT_LOG                                           \
	{                                                     \
		.max_bytes = 1000000, .keep = 3, .rate = 1000 \
	}
static const struct config_service service_defaults = {
	.directory = "/",
	.limits = NO_LIMITS,
	.enabled = true,
	.restart = RESTART_ALWAYS,
	.restart_ms = 100,
	.restart_max_ms = 30000,
	.ready = {.interval_ms = 100},
	.alive = {.interval_ms = 10000, .failures = 3},
	.finish_ms = 5000,
	.stop_signal = SIGTERM,
	.reload_signal = SIGHUP,
	.stop_ms = 4000,
	.log = DEFAULT_LOG,
};
const struct shape config_service_shape = {
	SHAPE(service_fields, config_service), .defaults = &service_defaults,
	.name_at = offsetof(struct config_service, name),
	.max = CONFIG_SERVICES_MAX};

static const struct shape_field task_fields[] = {
	{"name", FIELD(config_service, name, SHAPE_TEXT), .required = true},
	{"required", FIELD(config_service, required, SHAPE_BOOL)},
	PROCESS_FIELDS,
};
static const struct config_service task_defaults = {
	.directory = "/",
	.limits = NO_LIMITS,
	.enabled = true,
	.restart = RESTART_NEVER,
	.ready = {.interval_ms = 100},
	.stop_signal = SIGTERM,
	.reload_signal = SIGHUP,
	.stop_ms = 4000,
	.oneshot = true,
	.task = true,
	.log = DEFAULT_LOG,
};
static const struct shape task_shape = {SHAPE(task_fields, config_service),
	.defaults = &task_defaults, .max = CONFIG_TASKS_MAX};

static const struct shape_field gateway_fields[] = {
	{"enabled", FIELD(config_gateway, enabled, SHAPE_BOOL)},
	{"listen", FIELD(config_gateway, listen, SHAPE_ADDRESS)},
	{"port", FIELD(config_gateway, port, SHAPE_NUMBER), .min = 1,
		.max = 65535, .wanted = "a port from 1 to 65535"},
	{"root", FIELD(config_gateway, root, SHAPE_PATH)},
	{"apps", FIELD(config_gateway, apps, SHAPE_PATH)},
};
static const struct shape gateway_shape = {
	SHAPE(gateway_fields, config_gateway)};

static const struct shape_field namespace_fields[] = {
	{"mount", FIELD(config_namespaces, mount, SHAPE_BOOL)},
	{"pid", FIELD(config_namespaces, pid, SHAPE_BOOL)},
	{"network", FIELD(config_namespaces, network, SHAPE_BOOL)},
	{"ipc", FIELD(config_namespaces, ipc, SHAPE_BOOL)},
};
static const struct shape namespaces_shape = {
	SHAPE(namespace_fields, config_namespaces)};

static const struct shape_field program_fields[] = {
	{"limits", FIELD(config_program, limits, SHAPE_OBJECT),
		.shape = &limits_shape},
	{"namespaces", FIELD(config_program, namespaces, SHAPE_OBJECT),
		.shape = &namespaces_shape},
};
static const struct config_program program_defaults = {.limits = NO_LIMITS};
static const struct shape program_shape = {
	SHAPE(program_fields, config_program), .defaults = &program_defaults,
	.name_at = offsetof(struct config_program, path),
	.max = CONFIG_PROGRAMS_MAX};

static const struct shape_field access_fields[] = {
	{"enabled", FIELD(config_access, enabled, SHAPE_BOOL)},
	{"stop_ms", FIELD(config_access, stop_ms, SHAPE_NUMBER), TIME_MS},
	{"programs", FIELD(config_access, programs, SHAPE_MAP),
		.shape = &program_shape},
};
static const struct shape access_shape = {SHAPE(access_fields, config_access)};

static const struct shape_field verify_fields[] = {
	{"output", FIELD(config_verify, output, SHAPE_PATH)},
	{"tests", FIELD(config_verify, tests, SHAPE_PATH)},
	{"watch", FIELD(config_verify, watch, SHAPE_BOOL)},
};
static const struct shape verify_shape = {SHAPE(verify_fields, config_verify)};

static const char *const levels[] = {
	"default", "error", "warn", "info", "debug", NULL};
static const char *const formats[] = {"default", "text", "json", NULL};
static const struct shape_field logging_fields[] = {
	{"level", FIELD(config, log_level, SHAPE_CHOICE), .choices = levels},
	{"format", FIELD(config, log_format, SHAPE_CHOICE), .choices = formats},
};
static const struct shape logging_shape = {SHAPE(logging_fields, config)};

static const struct shape_field command_fields[] = {
	{"after", FIELD(config, command_after, SHAPE_WORDS)},
};
static const struct shape command_shape = {SHAPE(command_fields, config)};

static const struct shape_field top_fields[] = {
	{"drain_ms", FIELD(config, drain_ms, SHAPE_NUMBER), TIME_MS},
	{"grace_ms", FIELD(config, grace_ms, SHAPE_NUMBER), TIME_MS},
	{"log", .type = SHAPE_OBJECT, .shape = &logging_shape},
	{"gateway", FIELD(config, gateway, SHAPE_OBJECT),
		.shape = &gateway_shape},
	{"access", FIELD(config, access, SHAPE_OBJECT), .shape = &access_shape},
	{"verify", FIELD(config, verify, SHAPE_OBJECT), .shape = &verify_shape},
	{"environment", FIELD(config, environment, SHAPE_PAIRS)},
	{"file_variables", FIELD(config, file_variables, SHAPE_WORDS)},
	{"groups", FIELD(config, groups, SHAPE_MAP), .shape = &group_shape},
	{"users", FIELD(config, users, SHAPE_MAP), .shape = &user_shape},
	{"mounts", FIELD(config, mounts, SHAPE_LIST), .shape = &mount_shape},
	{"directories", FIELD(config, directories, SHAPE_LIST),
		.shape = &dir_shape},
	{"boot", FIELD(config, boot, SHAPE_LIST), .shape = &task_shape},
	{"services", FIELD(config, services, SHAPE_MAP),
		.shape = &config_service_shape},
	{"command", .type = SHAPE_OBJECT, .shape = &command_shape},
};
const struct shape config_shape = {SHAPE(top_fields, config)};
