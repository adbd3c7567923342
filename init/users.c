/* SPDX-License-Identifier: MIT */
/* init/users.c - users and groups in /etc. */
#include "init/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init/accounts.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/passwd.h"

enum {
	USERS_FILE_MAX = 1 << 20,
	USERS_LOCK_TRIES = 20,
	USERS_LOCK_STEP_MS = 10,
	LINE_MAX_BYTES = 4096,
};

/* the three files: as they are, and as they are to be */
struct accounts {
	struct buf passwd, group, shadow;
	struct buf new_passwd, new_group, new_shadow;
	bool passwd_differs, group_differs, shadow_differs;
};

static void accounts_init(struct accounts *a)
{
	struct buf *all[] = {&a->passwd, &a->group, &a->shadow, &a->new_passwd,
		&a->new_group, &a->new_shadow};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		buf_init(all[i], USERS_FILE_MAX);
}

static void accounts_fini(struct accounts *a)
{
	struct buf *all[] = {&a->passwd, &a->group, &a->shadow, &a->new_passwd,
		&a->new_group, &a->new_shadow};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		buf_fini(all[i]);
}

/* an absent file is an empty one */
static int read_or_empty(const char *path, struct buf *out)
{
	int r = file_read(AT_FDCWD, path, out);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		log_warn("users: %s: %s", path, strerror(-r));
	return r;
}

/* read the files and work out the new ones; negative: leave them alone */
static int compare(struct accounts *a, const struct accounts_want *want)
{
	int r = read_or_empty("/etc/passwd", &a->passwd);
	if (r == 0)
		r = read_or_empty("/etc/group", &a->group);
	if (r == 0)
		r = read_or_empty("/etc/shadow", &a->shadow);
	if (r < 0)
		return r;
	a->passwd_differs =
		accounts_passwd(&a->new_passwd, buf_str(&a->passwd), want);
	a->group_differs =
		accounts_group(&a->new_group, buf_str(&a->group), want);
	a->shadow_differs = accounts_shadow(&a->new_shadow, buf_str(&a->shadow),
		buf_str(&a->new_passwd), want);
	if (a->new_passwd.err || a->new_group.err || a->new_shadow.err) {
		log_warn("users: files too large, left alone");
		return -EMSGSIZE;
	}
	return 0;
}

/* replace a file, keeping the owner and mode that it has */
static int replace(const char *path, struct buf *text, mode_t mode)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	int r = file_write_atomic(AT_FDCWD, path, buf_str(text),
		there ? st.st_mode & 07777 : mode);
	if (r == 0 && there && (st.st_uid || st.st_gid) &&
		chown(path, st.st_uid, st.st_gid) < 0)
		r = -errno;
	if (r < 0)
		log_warn("users: %s: %s", path, strerror(-r));
	return r;
}

/* as lckpwdf(3), but PID 1 waits a fifth of a second at most */
static int lock(void)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct timespec step = {.tv_nsec = USERS_LOCK_STEP_MS * 1000000L};
	int fd = open("/etc/.pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < USERS_LOCK_TRIES; i++) {
		if (fcntl(fd, F_SETLK, &whole) == 0)
			return fd;
		(void)nanosleep(&step, NULL);
	}
	fd_close(&fd);
	return -EAGAIN;
}

static void report_clashes(struct str passwd, const struct accounts_want *want)
{
	for (size_t i = 0; i < want->nusers; i++) {
		const struct account *u = &want->users[i];
		switch (accounts_clash(passwd, u)) {
		case ACCOUNTS_FINE:
			break;
		case ACCOUNTS_OTHER_ID:
			log_warn("users: %s has another uid than %u, kept",
				u->name, u->id);
			break;
		case ACCOUNTS_OTHER_NAME:
			log_warn("users: uid %u belongs to another name, no "
				 "user %s",
				u->id, u->name);
			break;
		}
	}
}

static void write_changes(struct accounts *a)
{
	/* the group first: a user must never name a group that is not there */
	if (a->group_differs && replace("/etc/group", &a->new_group, 0644) < 0)
		return;
	if (a->shadow_differs &&
		replace("/etc/shadow", &a->new_shadow, 0600) < 0)
		return;
	if (a->passwd_differs)
		(void)replace("/etc/passwd", &a->new_passwd, 0644);
}

static bool differs(const struct accounts *a)
{
	return a->passwd_differs || a->group_differs || a->shadow_differs;
}

static void change(const struct accounts_want *want)
{
	struct accounts a;
	int fd = lock();
	if (fd == -EROFS) {
		log_info("users: /etc is read-only, default users not added");
		return;
	}
	if (fd < 0) {
		log_warn("users: /etc/.pwd.lock: %s", strerror(-fd));
		return;
	}
	accounts_init(&a);
	/* again: someone else may have written until we had the lock */
	if (compare(&a, want) == 0 && differs(&a))
		write_changes(&a);
	accounts_fini(&a);
	fd_close(&fd);
}

/* one that the layout has only gains groups: its number is fixed */
static void want_user(
	struct accounts_want *want, const struct config_user *user)
{
	struct account *u = NULL;
	for (size_t i = 0; i < want->nusers; i++)
		if (strcmp(want->users[i].name, user->name) == 0)
			u = &want->users[i];
	if (!u) {
		u = &want->users[want->nusers++];
		*u = (struct account){.name = user->name,
			.id = (unsigned)user->uid,
			.home = user->home,
			.shell = user->shell};
	} else if (u->id != user->uid) {
		log_warn("users: %s has uid %u, which is fixed", user->name,
			u->id);
	}
	u->groups = user->groups.v;
	u->ngroups = user->groups.n;
}

static void want_all(struct accounts_want *want, const struct config *c)
{
	const struct config_user *users = c->users.v;
	const struct config_group *groups = c->groups.v;
	accounts_layout(want);
	for (size_t i = 0; i < c->users.n; i++)
		want_user(want, &users[i]);
	for (size_t i = 0; i < c->groups.n; i++)
		want->groups[want->ngroups++] = (struct account_group){
			groups[i].name, (unsigned)groups[i].gid,
			groups[i].members.v, groups[i].members.n};
}

static void setup(const struct accounts_want *want)
{
	struct accounts a;
	if (mkdir("/etc", 0755) < 0 && errno != EEXIST && errno != EROFS)
		log_warn("users: /etc: %s", strerror(errno));
	accounts_init(&a);
	bool work = compare(&a, want) == 0 && differs(&a);
	if (a.new_passwd.n > 0)
		report_clashes(buf_str(&a.passwd), want);
	accounts_fini(&a);
	if (work)
		change(want);
}

void users_setup(const struct config *c)
{
	static struct accounts_want want;
	want_all(&want, c);
	setup(&want);
}

/* the line of /etc/passwd for who we are; false: there is one, or no room */
static bool own_line(struct buf *line, struct str passwd)
{
	struct passwd_user found;
	const char *home = getenv("HOME");
	if (passwd_user_numbered(passwd, geteuid(), &found) ||
		passwd_user_named(passwd, STR("user"), &found))
		return false;
	if (!home || home[0] != '/' || strpbrk(home, ":\n"))
		home = "/";
	if (passwd.n > 0 && passwd.p[passwd.n - 1] != '\n')
		buf_putc(line, '\n');
	buf_putf(line, "user:x:%u:%u::%s:/bin/sh\n", (unsigned)geteuid(),
		(unsigned)getegid(), home);
	return line->err == 0;
}

void users_name_ourselves(void)
{
	struct buf passwd, line;
	int fd = open("/etc/passwd", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return;
	buf_init(&passwd, USERS_FILE_MAX);
	buf_init(&line, LINE_MAX_BYTES);
	if (file_read(AT_FDCWD, "/etc/passwd", &passwd) == 0 &&
		own_line(&line, buf_str(&passwd)) &&
		fd_write(fd, line.p, line.n) == (ssize_t)line.n)
		log_info("users: uid %u is user in /etc/passwd",
			(unsigned)geteuid());
	buf_fini(&line);
	buf_fini(&passwd);
	fd_close(&fd);
}
