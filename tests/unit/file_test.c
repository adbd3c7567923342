/* SPDX-License-Identifier: MIT */
/* tests/unit/file_test.c - whole files, clocks, random bytes and hashes. */
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/hash.h"
#include "lib/rand.h"
#include "tests/unit/test.h"

static char dir[] = "/tmp/file_test-XXXXXX";

static int enter_dir(void)
{
	CHECK(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

/* remove the directory; its number of entries must be this */
static void leave_dir(int fd, int want)
{
	int entries = 0;
	DIR *d = fdopendir(fd);
	CHECK(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		entries++;
		CHECK_EQ(unlinkat(fd, e->d_name, 0), 0);
	}
	closedir(d);
	CHECK_EQ(rmdir(dir), 0);
	CHECK_EQ(entries, want);
}

static void check_content(int fd, const char *name, const char *want)
{
	struct buf b;
	buf_init(&b, 100);
	CHECK_EQ(file_read(fd, name, &b), 0);
	CHECK_CSTR(buf_cstr(&b), want);
	buf_fini(&b);
}

TEST(file_written_whole_with_its_mode)
{
	int fd = enter_dir();
	struct stat st;
	(void)umask(077);
	CHECK_EQ(file_write_atomic(fd, "a", STR("one"), 0644), 0);
	check_content(fd, "a", "one");
	CHECK_EQ(file_write_atomic(fd, "a", STR(""), 0600), 0);
	check_content(fd, "a", "");
	CHECK_EQ(fstatat(fd, "a", &st, 0), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(file_write_atomic(fd, "a", STR("x"), 0644), 0);
	CHECK_EQ(fstatat(fd, "a", &st, 0), 0);
	CHECK_EQ(st.st_mode & 07777, 0644);
	leave_dir(fd, 1);
}

TEST(file_failed_write_leaves_the_old_one_and_nothing_else)
{
	int fd = enter_dir();
	struct rlimit small = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY};
	static const char big[1000] = {1};
	CHECK_EQ(file_write_atomic(fd, "a", STR("old"), 0644), 0);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	CHECK_EQ(sigaction(SIGXFSZ, &ignore, NULL), 0);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	CHECK_EQ(file_write_atomic(fd, "a", str_from(big, 1000), 0644), -EFBIG);
	small.rlim_cur = RLIM_INFINITY;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	check_content(fd, "a", "old");
	CHECK_EQ(file_write_atomic(fd, "no/a", STR("x"), 0644), -ENOENT);
	leave_dir(fd, 1);
}

TEST(file_onto_a_directory_fails_and_leaves_nothing)
{
	int fd = enter_dir();
	CHECK_EQ(mkdirat(fd, "d", 0755), 0);
	CHECK_EQ(file_write_atomic(fd, "d", STR("x"), 0644), -EISDIR);
	CHECK_EQ(unlinkat(fd, "d", AT_REMOVEDIR), 0);
	leave_dir(fd, 0);
}

TEST(file_replaces_a_link_not_its_target)
{
	int fd = enter_dir();
	struct stat st;
	CHECK_EQ(file_write_atomic(fd, "target", STR("t"), 0644), 0);
	CHECK_EQ(symlinkat("target", fd, "link"), 0);
	CHECK_EQ(file_write_atomic(fd, "link", STR("new"), 0644), 0);
	check_content(fd, "target", "t");
	CHECK_EQ(fstatat(fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISREG(st.st_mode));
	leave_dir(fd, 2);
}

TEST(file_name_may_be_as_long_as_the_system_allows)
{
	int fd = enter_dir();
	char name[256];
	memset(name, 'n', 255);
	name[255] = '\0';
	CHECK_EQ(file_write_atomic(fd, name, STR("x"), 0644), 0);
	check_content(fd, name, "x");
	leave_dir(fd, 1);
}

TEST(file_read_errors)
{
	int fd = enter_dir();
	struct buf b;
	buf_init(&b, 3);
	CHECK_EQ(file_read(fd, "none", &b), -ENOENT);
	CHECK_EQ(file_read(fd, ".", &b), -EISDIR);
	CHECK_EQ(file_write_atomic(fd, "a", STR("abcd"), 0644), 0);
	CHECK_EQ(file_read(fd, "a", &b), -EMSGSIZE);
	buf_fini(&b);
	buf_init(&b, 4);
	CHECK_EQ(file_read(fd, "a", &b), 0);
	CHECK_EQ(file_read(fd, "a", &b), -EMSGSIZE);
	buf_fini(&b);
	/* and nothing is left open */
	int next = dup(fd);
	CHECK_EQ(next, fd + 1);
	close(next);
	leave_dir(fd, 1);
}

/* ---------------------------------------------------------------- clock */

static void check_date(int64_t seconds, const char *http, const char *iso)
{
	char got[64];
	memset(got, '#', sizeof(got));
	clock_http_date(got, seconds);
	CHECK_CSTR(got, http);
	CHECK_EQ(got[CLOCK_HTTP_SIZE], '#');
	clock_iso(got, seconds, 7);
	CHECK_CSTR(got, iso);
}

TEST(clock_dates)
{
	check_date(
		0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00.007Z");
	check_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT",
		"1994-11-06T08:49:37.007Z");
	check_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT",
		"2000-02-29T00:00:00.007Z");
	check_date(2147483648, "Tue, 19 Jan 2038 03:14:08 GMT",
		"2038-01-19T03:14:08.007Z");
	check_date(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT",
		"2100-02-28T23:59:59.007Z");
	check_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT",
		"2100-03-01T00:00:00.007Z");
	check_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT",
		"9999-12-31T23:59:59.007Z");
	check_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT",
		"1969-12-31T23:59:59.007Z");
}

TEST(clock_dates_that_do_not_fit_stay_inside)
{
	char got[64];
	static const int64_t odd[] = {INT64_MIN, INT64_MAX, -62135596801,
		253402300800, 67768036191676799};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		memset(got, '#', sizeof(got));
		clock_http_date(got, odd[i]);
		CHECK(memchr(got, '\0', CLOCK_HTTP_SIZE));
		CHECK_EQ(got[CLOCK_HTTP_SIZE], '#');
		clock_iso(got, odd[i], 12345);
		CHECK(memchr(got, '\0', CLOCK_ISO_SIZE));
	}
}

TEST(clock_does_not_go_back)
{
	uint64_t us = clock_us(), ms = clock_ms();
	unsigned part = 1000;
	for (int i = 0; i < 1000; i++) {
		CHECK(clock_us() >= us);
		us = clock_us();
	}
	CHECK(clock_ms() >= ms && clock_ms() - ms < 60000);
	CHECK(clock_wall(&part) > 1600000000);
	CHECK(part < 1000);
	CHECK(clock_wall(NULL) > 1600000000);
}

/* --------------------------------------------------------- rand and hash */

TEST(rand_is_not_the_same_twice)
{
	unsigned char a[32] = {0}, b[32] = {0};
	char hex[2 * 16 + 2];
	memset(hex, '#', sizeof(hex));
	CHECK_EQ(rand_bytes(a, sizeof(a)), 0);
	CHECK_EQ(rand_bytes(b, sizeof(b)), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK_EQ(rand_bytes(a, 0), 0);
	CHECK_EQ(rand_hex(hex, 16), 0);
	CHECK_EQ(strlen(hex), 32);
	CHECK_EQ(strspn(hex, "0123456789abcdef"), 32);
	CHECK_EQ(hex[33], '#');
	CHECK_EQ(rand_hex(hex, 0), 0);
	CHECK_CSTR(hex, "");
}

static void check_sha256(struct str data, const char *want)
{
	unsigned char got[HASH_SHA256_SIZE];
	char hex[2 * HASH_SHA256_SIZE + 1];
	hash_sha256(got, data);
	for (size_t i = 0; i < sizeof(got); i++)
		snprintf(hex + 2 * i, 3, "%02x", got[i]);
	CHECK_CSTR(hex, want);
}

/* the examples of FIPS 180-2 appendix B */
TEST(hash_sha256_known_answers)
{
	check_sha256((struct str){NULL, 0}, "e3b0c44298fc1c149afbf4c8996fb924"
					    "27ae41e4649b934ca495991b7852b855");
	check_sha256(STR("abc"), "ba7816bf8f01cfea414140de5dae2223"
				 "b00361a396177a9cb410ff61f20015ad");
	check_sha256(STR("abcdbcdecdefdefgefghfghighijhijk"
			 "ijkljklmklmnlmnomnopnopq"),
		"248d6a61d20638b8e5c026930c3e6039"
		"a33ce45964ff2167f6ecedd419db06c1");
	static char a[1000000];
	memset(a, 'a', sizeof(a));
	check_sha256(str_from(a, sizeof(a)),
		"cdc76e5c9914fb9281a1c7e284d73e67"
		"f1809a48a497200e046d39ccc7112cd0");
}

TEST(hash_secrets_are_compared_whole)
{
	CHECK(hash_secret_eq(STR("token"), STR("token")));
	CHECK(!hash_secret_eq(STR("token"), STR("tokem")));
	CHECK(!hash_secret_eq(STR("token"), STR("token\0")));
	CHECK(!hash_secret_eq(STR("token"), STR("toke")));
	CHECK(!hash_secret_eq(STR("token"), STR("")));
	CHECK(hash_secret_eq(STR(""), (struct str){NULL, 0}));
}

/* ------------------------------------------------------------------ fd */

TEST(fd_full_transfers_through_a_small_pipe)
{
	enum { N = 300000 };
	static char out[N], in[N + 10];
	int ends[2];
	CHECK_EQ(fd_pipe(ends), 0);
	CHECK(fcntl(ends[0], F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(ends[1], F_GETFD) & FD_CLOEXEC);
	for (size_t i = 0; i < N; i++)
		out[i] = (char)(i % 251);
	/* a writer that does not block still writes all of it */
	CHECK_EQ(fd_set_nonblock(ends[1], true), 0);
	if (fork() == 0)
		_exit(fd_write_full(ends[1], out, N) != 0);
	fd_close(&ends[1]);
	CHECK_EQ(ends[1], -1);
	fd_close(&ends[1]);
	CHECK_EQ(fd_read_full(ends[0], in, sizeof(in)), N);
	CHECK(memcmp(in, out, N) == 0);
	fd_close(&ends[0]);
	int status = -1;
	wait(&status);
	CHECK_EQ(status, 0);
}

TEST(fd_errors_are_negative_errnos)
{
	int ends[2];
	char c;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	CHECK_EQ(sigaction(SIGPIPE, &ignore, NULL), 0);
	CHECK_EQ(fd_read(-1, &c, 1), -EBADF);
	CHECK_EQ(fd_write_full(-1, &c, 1), -EBADF);
	CHECK_EQ(fd_set_nonblock(-1, true), -EBADF);
	CHECK_EQ(fd_pipe(ends), 0);
	CHECK_EQ(fd_set_nonblock(ends[0], true), 0);
	CHECK_EQ(fd_read(ends[0], &c, 1), -EAGAIN);
	CHECK_EQ(fd_read_full(ends[0], &c, 1), -EAGAIN);
	fd_close(&ends[0]);
	CHECK_EQ(fd_write_full(ends[1], "x", 1), -EPIPE);
	fd_close(&ends[1]);
}

TEST(fd_closed_standard_descriptors_become_null)
{
	struct stat st;
	int keep = fcntl(2, F_DUPFD_CLOEXEC, 50);
	close(0);
	close(2);
	fd_sanitise_std();
	bool ok = fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0 &&
		  fstat(2, &st) == 0 && S_ISCHR(st.st_mode) &&
		  fcntl(3, F_GETFD) < 0;
	dup2(keep, 2);
	CHECK(ok);
}
