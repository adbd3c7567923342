/* SPDX-License-Identifier: MIT */
/*
 * lib/spawn.h - the one way to start a process.
 *
 * The child gets exactly what the request names: its argument vector, its
 * environment, the listed descriptors, an empty signal mask and default
 * dispositions. Everything else is closed or reset. A failure on the way to
 * the new program (no such file, not executable, no such user) is reported
 * to the caller as an errno, not as an exit status.
 */
#ifndef LIB_SPAWN_H
#define LIB_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* the caller's descriptor `from` becomes `to` in the child */
struct spawn_fd {
	int from;
	int to;
};

/* identity to take before exec; supplementary groups are set exactly */
struct spawn_ids {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t ngroups;
};

/* soft and hard limit of one resource (RLIMIT_*) */
struct spawn_limit {
	int resource;
	uint64_t value;
};

enum spawn_group {
	SPAWN_SAME_GROUP,
	SPAWN_NEW_GROUP,   /* setpgid(0, 0) */
	SPAWN_NEW_SESSION, /* setsid() */
};

enum { SPAWN_FDS_MAX = 16 };

struct spawn {
	const char *file;        /* with a slash: as it is; else searched */
	const char *search_path; /* colon list for file; NULL: that of envp */
	char *const *argv;
	char *const *envp;
	const char *cwd; /* NULL: the caller's */
	int cwd_fd;      /* an open directory in its place; 0: none */
	const struct spawn_fd *fds; /* 0, 1, 2 not listed: /dev/null */
	size_t nfds;
	enum spawn_group group;
	const struct spawn_ids *ids; /* NULL: the caller's */
	const uid_t *real_uid;       /* with ids: another one is real */
	bool die_with_parent;        /* SIGKILL when the caller's thread ends */
	int foreground_tty; /* make the new group its foreground; -1: no */
	bool keep_umask;    /* the caller's; else: */
	mode_t umask;       /* 0: 022 */
	const struct spawn_limit *limits;
	size_t nlimits;
	bool set_caps; /* to exactly these, whoever the program runs as */
	uint64_t caps; /* bit n: capability n */
	bool no_new_privs;
	int cgroup_fd;  /* an open cgroup.procs to join by; 0: none */
	int namespaces; /* CLONE_NEW*: private ones, see lib/private.h */
};

/* where it failed, for the message */
enum spawn_step {
	SPAWN_FORK,
	SPAWN_SETUP,
	SPAWN_IDS,
	SPAWN_CWD,
	SPAWN_EXEC,
};

/*
 * Start it. 0 and *pid; or a negative errno and *step (which may be NULL).
 * Returns when the new program runs or has failed to.
 */
int spawn(const struct spawn *request, pid_t *pid, enum spawn_step *step);

/* the capabilities that are in effect here; bit n: capability n */
uint64_t spawn_caps_held(void);

/*
 * A copy of this process, in a session of its own, that runs `run` with one
 * descriptor and nothing else: no other descriptors, no environment (which
 * may hold secrets), no signals but SIGKILL. 0 and *pid, or a negative errno.
 */
int spawn_copy(void (*run)(int fd), int fd, pid_t *pid);

/* the same program again: a file for `spawn.file` ("/proc/self/exe") */
const char *spawn_self(void);

/* "exit 3", "killed by SIGTERM": what a wait status says, into dst */
const char *spawn_status_text(char *dst, size_t size, int wait_status);

/* the exit status that a shell would give: 0..255, 128 + n for a signal */
int spawn_exit_code(int wait_status);

/* "SIGTERM" for 15; "signal 99" when it has no name; dst holds the text */
const char *spawn_signal_name(char *dst, size_t size, int signo);

#endif
