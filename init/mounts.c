/* SPDX-License-Identifier: MIT */
/* init/mounts.c - the file systems that programs expect. */
#include "init/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/dirs.h"
#include "init/mountinfo.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/size.h"

enum { MOUNTINFO_MAX = 1 << 20, PARENT_SIZE = 32 };

static const char mountinfo_path[] = "/proc/self/mountinfo";

/* when a row of the table applies */
enum mount_when {
	MOUNT_ALWAYS,
	MOUNT_NAMESPACED, /* only in a namespace */
	MOUNT_MACHINE,    /* only on a whole machine */
	MOUNT_UNWRITABLE, /* only when the directory cannot be written */
};

struct mount_row {
	const char *target;
	const char *type;
	unsigned long flags;
	const char *data;
	enum mount_when when;
};

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct mount_row rows[] = {
	{"/sys", "sysfs", SAFE | MS_RDONLY, NULL, MOUNT_NAMESPACED},
	{"/sys", "sysfs", SAFE, NULL, MOUNT_MACHINE},
	{"/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k",
		MOUNT_NAMESPACED},
	{"/dev", "devtmpfs", MS_NOSUID, "mode=755", MOUNT_MACHINE},
	{"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=620,gid=5", MOUNT_ALWAYS},
	{"/dev/shm", "tmpfs", SAFE, "mode=1777", MOUNT_ALWAYS},
	{"/dev/mqueue", "mqueue", SAFE, NULL, MOUNT_ALWAYS},
	{"/sys/fs/cgroup", "cgroup2", SAFE, NULL, MOUNT_MACHINE},
	{"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755", MOUNT_UNWRITABLE},
	{"/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", MOUNT_UNWRITABLE},
};

static const struct {
	const char *path;
	unsigned major, minor;
} nodes[] = {
	{"/dev/null", 1, 3},
	{"/dev/zero", 1, 5},
	{"/dev/full", 1, 7},
	{"/dev/random", 1, 8},
	{"/dev/urandom", 1, 9},
	{"/dev/tty", 5, 0},
};

static const struct {
	const char *target, *path;
} links[] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
	{"pts/ptmx", "/dev/ptmx"},
};

static bool applies(const struct mount_row *row, bool namespaced)
{
	switch (row->when) {
	case MOUNT_ALWAYS:
		return true;
	case MOUNT_NAMESPACED:
		return namespaced;
	case MOUNT_MACHINE:
		return !namespaced;
	case MOUNT_UNWRITABLE:
		return access(row->target, W_OK) < 0 && errno == EROFS;
	}
	return false;
}

/* 0 or a negative errno, which is logged: loudly unless it was expected */
static int mount_row(const struct mount_row *row)
{
	(void)mkdir(row->target, 0755);
	if (mount(row->type, row->target, row->type, row->flags, row->data) ==
		0) {
		log_debug("mounts: %s on %s", row->type, row->target);
		return 0;
	}
	int err = errno;
	/*
	 * Without the right to mount, or to make the directory, what is
	 * missing is the caller's wish.
	 */
	if (err == EPERM || err == EACCES || err == ENOENT)
		log_debug("mounts: %s: %s", row->target, strerror(err));
	else
		log_warn("mounts: %s on %s: %s", row->type, row->target,
			strerror(err));
	return -err;
}

static void make_nodes(void)
{
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		dev_t dev = makedev(nodes[i].major, nodes[i].minor);
		if (mknod(nodes[i].path, S_IFCHR | 0666, dev) == 0)
			(void)chmod(nodes[i].path, 0666);
		else if (errno != EEXIST)
			log_warn("mounts: %s: %s", nodes[i].path,
				strerror(errno));
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		(void)symlink(links[i].target, links[i].path);
}

bool mounts_proc(void)
{
	static const struct mount_row row = {
		"/proc", "proc", SAFE, NULL, MOUNT_ALWAYS};
	/* of another namespace it has no self; fd is looked at later anyway */
	if (access("/proc/self/fd", F_OK) == 0)
		return true;
	return mount_row(&row) == 0;
}

/* another file system than the directory above: surely a mount */
static bool is_other_device(const char *target)
{
	char parent[PARENT_SIZE];
	struct stat here, above;
	const char *name = strrchr(target, '/');
	fmt_str(parent, sizeof(parent), "%.*s/", (int)(name - target), target);
	return stat(target, &here) == 0 && stat(parent, &above) == 0 &&
	       here.st_dev != above.st_dev;
}

/* false: it cannot be known, and mounting blindly could cover what is there */
static bool read_mountinfo(struct buf *text)
{
	int r = text->n ? 0 : file_read(AT_FDCWD, mountinfo_path, text);
	if (r < 0)
		log_warn("mounts: %s: %s", mountinfo_path, strerror(-r));
	return r == 0;
}

/* browsers crash for want of it, and say something else */
static void tell_shared_memory(void)
{
	struct statvfs fs;
	if (log_on(LOG_DEBUG) && statvfs("/dev/shm", &fs) == 0)
		log_debug("mounts: /dev/shm holds %ju KiB",
			(uintmax_t)fs.f_blocks * fs.f_frsize / 1024);
}

void mounts_setup(bool namespaced)
{
	struct buf text;
	buf_init(&text, MOUNTINFO_MAX);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mountinfo there;
		/* the kernel has to write the list: only when it is needed */
		if (!applies(&rows[i], namespaced) ||
			is_other_device(rows[i].target))
			continue;
		if (!read_mountinfo(&text))
			break;
		if (mountinfo_find(buf_str(&text), rows[i].target, &there))
			continue;
		if (mount_row(&rows[i]) == 0 &&
			strcmp(rows[i].type, "tmpfs") == 0 &&
			strcmp(rows[i].target, "/dev") == 0)
			make_nodes();
	}
	buf_fini(&text);
	tell_shared_memory();
}

/* ---------------------------------------------------- of the configuration */

static const struct {
	const char *name;
	unsigned long flag;
} flags[] = {
	{"ro", MS_RDONLY},
	{"nosuid", MS_NOSUID},
	{"nodev", MS_NODEV},
	{"noexec", MS_NOEXEC},
	{"noatime", MS_NOATIME},
	{"relatime", MS_RELATIME},
	{"sync", MS_SYNCHRONOUS},
	{"bind", MS_BIND},
	{"rbind", MS_BIND | MS_REC},
};

/* "ro,size=1m": flags by name, the rest is for the file system */
static unsigned long split_options(const char *options, char *data, size_t cap)
{
	struct str rest = str_of(options);
	unsigned long all = 0;
	size_t n = 0;
	data[0] = '\0';
	while (rest.p) {
		struct str word = str_cut(&rest, ',');
		unsigned long flag = 0;
		for (size_t i = 0; i < ARRAY_LEN(flags); i++)
			if (str_is(word, flags[i].name))
				flag = flags[i].flag;
		all |= flag;
		if (!flag && word.n && n < cap)
			n += fmt_str(data + n, cap - n, "%s%.*s", n ? "," : "",
				STR_FMT(word));
	}
	return all;
}

static int mount_configured(const struct config_mount *m)
{
	char data[512];
	unsigned long set =
		split_options(m->options ? m->options : "", data, sizeof(data));
	const char *source = m->source ? m->source : m->type;
	int r = dirs_make(m->target);
	if (r < 0 && r != -EEXIST)
		return r;
	if (mount(source, m->target, m->type, set, data) < 0)
		return -errno;
	/* a bind takes its flags only when it is mounted once more */
	if ((set & MS_BIND) && (set & ~(unsigned long)(MS_BIND | MS_REC)) &&
		mount(NULL, m->target, NULL, set | MS_REMOUNT, NULL) < 0)
		return -errno;
	log_debug("mounts: %s on %s", m->type, m->target);
	return 0;
}

int mounts_configured(const struct config *c)
{
	const struct config_mount *v = c->mounts.v;
	struct buf text;
	int result = 0;
	buf_init(&text, MOUNTINFO_MAX);
	if (c->mounts.n > 0)
		result = file_read(AT_FDCWD, mountinfo_path, &text);
	for (size_t i = 0; i < c->mounts.n; i++) {
		struct mountinfo there;
		if (mountinfo_find(buf_str(&text), v[i].target, &there))
			continue;
		int r = mount_configured(&v[i]);
		if (r < 0)
			log_at(v[i].required ? LOG_ERROR : LOG_WARN,
				"mounts: %s on %s: %s%s", v[i].type,
				v[i].target, strerror(-r),
				v[i].required ? ", and it is required"
					      : ", boot goes on");
		if (r < 0 && v[i].required)
			result = r;
	}
	buf_fini(&text);
	return result;
}
