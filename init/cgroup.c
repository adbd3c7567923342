/* SPDX-License-Identifier: MIT */
/* init/cgroup.c - a control group for each service, where we may have one. */
#include "init/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "init/init.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

#define ROOT "/sys/fs/cgroup"

enum {
	CGROUP2_MAGIC = 0x63677270,
	PATH_SIZE = 320,
	EVENTS_SIZE = 1024,
	NUMBER_SIZE = 16,
	PIDS_SIZE = 4096,
};

bool cgroup_available(void)
{
	struct statfs fs;
	return statfs(ROOT, &fs) == 0 && fs.f_type == CGROUP2_MAGIC &&
	       access(ROOT "/cgroup.procs", W_OK) == 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = fd_write(fd, text, strlen(text));
	fd_close(&fd);
	return n < 0 ? (int)n : 0;
}

/* the text of a small file, with a NUL; 0 bytes when it cannot be read */
static size_t read_text(const char *path, char *dst, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read(fd, dst, size - 1);
	fd_close(&fd);
	dst[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void path_of(
	char dst[PATH_SIZE], const struct service *s, const char *file)
{
	fmt_str(dst, PATH_SIZE, ROOT "/coracle.%s%s%s", s->name,
		*file ? "/" : "", file);
}

/* ------------------------------------------------------------ controllers */

/*
 * A group whose children have controllers has no processes itself (the root
 * of the machine excepted): we and our command move to a leaf of our own.
 */
static void leave_top(void)
{
	char pids[PIDS_SIZE];
	(void)mkdir(ROOT "/coracle", 0755);
	size_t n = read_text(ROOT "/cgroup.procs", pids, sizeof(pids));
	struct str rest = str_from(pids, n);
	while (rest.p && rest.n) {
		char number[NUMBER_SIZE];
		struct str line = str_cut(&rest, '\n');
		fmt_str(number, sizeof(number), "%.*s", STR_FMT(line));
		(void)write_file(ROOT "/coracle/cgroup.procs", number);
	}
}

/* the controller of the file "memory.max" is memory */
static int enable_controller_of(const char *file)
{
	char text[PATH_SIZE];
	struct str rest = str_of(file);
	struct str name = str_cut(&rest, '.');
	fmt_str(text, sizeof(text), "+%.*s", STR_FMT(name));
	int r = write_file(ROOT "/cgroup.subtree_control", text);
	if (r != -EBUSY)
		return r;
	leave_top();
	return write_file(ROOT "/cgroup.subtree_control", text);
}

static void apply(const struct service *s, const struct shape_pair *pair)
{
	char path[PATH_SIZE];
	path_of(path, s, pair->name);
	int r = 0;
	if (access(path, F_OK) < 0)
		r = enable_controller_of(pair->name);
	if (r == 0)
		r = write_file(path, pair->value);
	if (r < 0)
		log_warn("service %s: cgroup: %s: %s", s->name, pair->name,
			strerror(-r));
}

/* -------------------------------------------------------------- the group */

int cgroup_prepare(struct service *s)
{
	char path[PATH_SIZE];
	const struct shape_pairs *files = &s->def->cgroup;
	if (!s->init->standing.cgroups) {
		if (files->n > 0)
			log_warn("service %s: no cgroup2 that can be written, "
				 "no limits by it",
				s->name);
		return -1;
	}
	path_of(path, s, "");
	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		log_warn("service %s: %s: %s", s->name, path, strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < files->n; i++)
		apply(s, &files->v[i]);
	path_of(path, s, "cgroup.procs");
	return open(path, O_WRONLY | O_CLOEXEC);
}

void cgroup_kill(const struct service *s)
{
	char path[PATH_SIZE];
	if (!s->init->standing.cgroups)
		return;
	path_of(path, s, "cgroup.kill");
	(void)write_file(path, "1");
}

void cgroup_remove(const struct service *s)
{
	char path[PATH_SIZE];
	if (!s->init->standing.cgroups)
		return;
	path_of(path, s, "");
	(void)rmdir(path);
}

/* -------------------------------------------------------------- out of memory */

uint64_t cgroup_oom_kills(void)
{
	/* of cgroup2, and of the memory controller before it */
	static const char *const files[] = {
		ROOT "/memory.events", ROOT "/memory/memory.oom_control"};
	char text[EVENTS_SIZE];
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		size_t n = read_text(files[i], text, sizeof(text));
		struct str rest = str_from(text, n);
		while (rest.p && rest.n) {
			struct str value = str_cut(&rest, '\n');
			uint64_t kills;
			if (str_is(str_cut(&value, ' '), "oom_kill") &&
				value.p && str_to_u64(value, &kills))
				return kills;
		}
	}
	return 0;
}
