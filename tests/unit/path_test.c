/* SPDX-License-Identifier: MIT */
/* tests/unit/path_test.c - nothing is opened outside of the directory. */
#include "lib/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/fd.h"
#include "test.h"

static char top_name[] = "/tmp/path_test_XXXXXX";
static int top = -1;

static void clean_up(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", top_name);
	CHECK_EQ(system(command), 0);
}

/* outside/secret, root/d/f, root/out -> ../outside, root/in -> d */
static int make_root(void)
{
	CHECK(mkdtemp(top_name));
	atexit(clean_up);
	top = open(top_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(top >= 0);
	CHECK_EQ(mkdirat(top, "outside", 0755), 0);
	CHECK_EQ(mkdirat(top, "root", 0755), 0);
	CHECK_EQ(mkdirat(top, "root/d", 0755), 0);
	int fd = openat(top, "outside/secret", O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	close(fd);
	fd = openat(top, "root/d/f", O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(symlinkat("../outside", top, "root/out"), 0);
	CHECK_EQ(symlinkat("d", top, "root/in"), 0);
	CHECK_EQ(symlinkat("/etc", top, "root/abs"), 0);
	int root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(root >= 0);
	return root;
}

static int try(int fd)
{
	int r = fd < 0 ? fd : 0;
	fd_close(&fd);
	return r;
}

TEST(path_open_stays_beneath)
{
	int root = make_root();
	CHECK_EQ(try(path_open(root, "d/f", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open(root, "in/f", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open(root, "d/../d/f", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open(root, ".", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open(root, "..", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(
		try(path_open(root, "../outside/secret", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "out/secret", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "abs/passwd", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "/etc/passwd", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "none", O_RDONLY, 0)), -ENOENT);
	fd_close(&root);
}

TEST(path_open_creates_with_mode)
{
	int root = make_root();
	struct stat st;
	umask(0);
	int fd = path_open(root, "d/new", O_CREAT | O_EXCL | O_WRONLY, 0640);
	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	fd_close(&fd);
	fd_close(&root);
}

TEST(path_open_nofollow_refuses_every_link)
{
	int root = make_root();
	CHECK_EQ(try(path_open_nofollow(root, "d/f", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open_nofollow(root, "in/f", O_RDONLY, 0)), -ELOOP);
	CHECK_EQ(try(path_open_nofollow(root, "in", O_RDONLY, 0)), -ELOOP);
	CHECK_EQ(try(path_open_nofollow(root, "out", O_RDONLY, 0)), -ELOOP);
	CHECK_EQ(try(path_open_nofollow(root, "../root", O_RDONLY, 0)), -EXDEV);
	fd_close(&root);
}

static void check_parent(int root, const char *path, bool create, int want,
	const char *want_name)
{
	const char *name = NULL;
	int fd = path_open_parent(root, path, create, &name);
	CHECK_EQ(fd < 0 ? fd : 0, want);
	if (fd >= 0)
		CHECK_CSTR(name, want_name);
	fd_close(&fd);
}

TEST(path_open_parent_finds_and_makes)
{
	int root = make_root();
	struct stat st;
	check_parent(root, "d/f", false, 0, "f");
	check_parent(root, "x", false, 0, "x");
	check_parent(root, "a/b/c", false, -ENOENT, NULL);
	check_parent(root, "a/b/c", true, 0, "c");
	CHECK_EQ(fstatat(root, "a/b", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(fstatat(root, "a/b/c", &st, AT_SYMLINK_NOFOLLOW), -1);
	check_parent(root, "d/f/below", true, -ENOTDIR, NULL);
	check_parent(root, "out/new/x", true, -ELOOP, NULL);
	check_parent(root, "in/x", true, -ELOOP, NULL);
	check_parent(root, "../x", true, -EXDEV, NULL);
	check_parent(root, "d/../../x", true, -EXDEV, NULL);
	check_parent(root, "/x", true, -EXDEV, NULL);
	check_parent(root, "d/", true, -EINVAL, NULL);
	check_parent(root, "d/..", true, -EINVAL, NULL);
	check_parent(root, ".", true, -EINVAL, NULL);
	check_parent(root, "", true, -EINVAL, NULL);
	CHECK_EQ(fstatat(top, "outside/new", &st, 0), -1);
	fd_close(&root);
}

TEST(path_mkdirs_makes_all_and_is_content)
{
	int root = make_root();
	struct stat st;
	umask(0);
	CHECK_EQ(path_mkdirs(root, "m/n//./o/", 0750), 0);
	CHECK_EQ(path_mkdirs(root, "m/n/o", 0750), 0);
	CHECK_EQ(fstatat(root, "m/n/o", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(st.st_mode & 07777, 0750);
	CHECK_EQ(path_mkdirs(root, "d/f/x", 0750), -ENOTDIR);
	CHECK(path_mkdirs(root, "out/x", 0750) < 0);
	CHECK_EQ(path_mkdirs(root, "m/../../x", 0750), -EXDEV);
	CHECK_EQ(path_mkdirs(root, "/x", 0750), -EXDEV);
	CHECK_EQ(fstatat(top, "outside/x", &st, 0), -1);
	fd_close(&root);
}

TEST(path_names_may_be_too_long)
{
	int root = make_root();
	char name[5000];
	memset(name, 'n', sizeof(name));
	name[300] = '\0';
	CHECK_EQ(path_mkdirs(root, name, 0755), -ENAMETOOLONG);
	name[300] = 'n';
	for (size_t i = 1; i < sizeof(name); i += 2)
		name[i] = '/';
	name[sizeof(name) - 1] = '\0';
	check_parent(root, name, true, -ENAMETOOLONG, NULL);
	fd_close(&root);
}

/* from now on openat2(2) fails as it does on an old kernel */
static void forget_openat2(int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]), .filter = code};
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void check_without_openat2(int err)
{
	int root = make_root();
	forget_openat2(err);
	CHECK_EQ(try(path_open(root, "d/f", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open(root, ".", O_RDONLY, 0)), 0);
	CHECK_EQ(try(path_open_nofollow(root, "d", O_RDONLY, 0)), 0);
	CHECK(try(path_open(root, "in/f", O_RDONLY, 0)) < 0);
	CHECK(try(path_open(root, "in", O_RDONLY, 0)) < 0);
	CHECK(try(path_open(root, "out/secret", O_RDONLY, 0)) < 0);
	CHECK(try(path_open(root, "abs/passwd", O_RDONLY, 0)) < 0);
	CHECK_EQ(try(path_open(root, "..", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "d/../../x", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "/etc/passwd", O_RDONLY, 0)), -EXDEV);
	CHECK_EQ(try(path_open(root, "none", O_RDONLY, 0)), -ENOENT);
	check_parent(root, "a/b/c", true, 0, "c");
	check_parent(root, "../x", true, -EXDEV, NULL);
	check_parent(root, "out/x", true, -ENOTDIR, NULL);
	CHECK_EQ(path_mkdirs(root, "m/n", 0755), 0);
	fd_close(&root);
}

TEST(path_walks_where_openat2_is_missing)
{
	check_without_openat2(ENOSYS);
}

TEST(path_walks_where_a_filter_denies_openat2)
{
	check_without_openat2(EPERM);
}
