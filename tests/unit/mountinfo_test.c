/* SPDX-License-Identifier: MIT */
/* tests/unit/mountinfo_test.c - which mounts are there already. */
#include "tests/unit/test.h"

#include "init/mountinfo.h"

static const char docker[] =
	"500 400 0:50 / / rw,relatime master:1 - overlay overlay rw,low=/x\n"
	"501 500 0:53 / /proc rw,nosuid,nodev,noexec - proc proc rw\n"
	"502 500 0:54 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755\n"
	"503 502 0:55 / /dev/pts rw shared:1 master:2 - devpts devpts rw\n"
	"504 500 8:1 /a\\040b /mnt/a\\040b\\134c ro - ext4 /dev/sda1 rw\n"
	"505 501 0:53 /bus /proc/bus ro - proc proc rw\n"
	"506 501 0:60 / /proc rw - tmpfs over rw";

TEST(mountinfo_finds_mount_points)
{
	struct mountinfo m;
	CHECK(mountinfo_find(str_of(docker), "/dev", &m));
	CHECK(str_is(m.type, "tmpfs"));
	CHECK(str_is(m.options, "rw,nosuid"));
	CHECK(mountinfo_find(str_of(docker), "/dev/pts", &m));
	CHECK(str_is(m.type, "devpts"));
	CHECK(!mountinfo_find(str_of(docker), "/dev/shm", &m));
	CHECK(!mountinfo_find(str_of(docker), "/de", &m));
	CHECK(!mountinfo_find(STR(""), "/", &m));
}

TEST(mountinfo_takes_the_last_mount_of_a_stack)
{
	struct mountinfo m;
	CHECK(mountinfo_find(str_of(docker), "/proc", &m));
	CHECK(str_is(m.type, "tmpfs"));
}

TEST(mountinfo_resolves_octal_escapes)
{
	struct mountinfo m;
	char path[16];
	CHECK(mountinfo_find(str_of(docker), "/mnt/a b\\c", &m));
	CHECK_EQ(mountinfo_unescape(path, sizeof(path), STR("a\\0401")), 3);
	CHECK_CSTR(path, "a 1");
	CHECK_EQ(mountinfo_unescape(path, sizeof(path), STR("\\04")), 3);
	CHECK_CSTR(path, "\\04");
	CHECK_EQ(mountinfo_unescape(path, 3, STR("abc")), 3);
}

TEST(mountinfo_refuses_lines_that_are_cut)
{
	static const char line[] = "1 2 0:1 / /t rw a:1 - ext4 /dev/sda rw";
	struct mountinfo m;
	size_t whole = strlen("1 2 0:1 / /t rw a:1 - e");
	for (size_t n = 0; n < whole; n++)
		CHECK(!mountinfo_parse(str_first(str_of(line), n), &m));
	CHECK(mountinfo_parse(str_of(line), &m));
	CHECK(!mountinfo_parse(STR("1 2 0:1 / t rw - ext4 a b"), &m));
}
