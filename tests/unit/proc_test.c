/* SPDX-License-Identifier: MIT */
/* tests/unit/proc_test.c - reading what /proc says of a process. */
#include "tests/unit/test.h"

#include <unistd.h>

#include "init/proc.h"

TEST(proc_parses_a_stat_line)
{
	struct proc_stat st;
	CHECK(proc_parse_stat(
		STR("12 (sleep) S 1 12 12 0 -1 4194560 98 0\n"), &st));
	CHECK_EQ(st.state, 'S');
	CHECK_EQ(st.ppid, 1);
	CHECK_EQ(st.flags, 4194560);
}

TEST(proc_is_not_fooled_by_a_name)
{
	struct proc_stat st;
	CHECK(proc_parse_stat(
		STR("12 (a) Z 9 9) R 7 12 12 0 -1 64 98 0\n"), &st));
	CHECK_EQ(st.state, 'R');
	CHECK_EQ(st.ppid, 7);
}

TEST(proc_refuses_lines_that_are_cut)
{
	static const char line[] = "12 (sleep) S 1 12 12 0 -1 64";
	struct proc_stat st;
	for (size_t n = 0; n + 2 < sizeof(line); n++)
		CHECK(!proc_parse_stat(str_first(str_of(line), n), &st));
	CHECK(proc_parse_stat(str_of(line), &st));
}

static void see(void *owner, unsigned number)
{
	if ((pid_t)number == getpid())
		*(bool *)owner = true;
}

TEST(proc_visits_every_process)
{
	bool seen = false;
	CHECK_EQ(proc_each_number("/proc", see, &seen), 0);
	CHECK(seen);
	CHECK(proc_is_ours());
	CHECK(proc_each_number("/nowhere", see, &seen) < 0);
}

TEST(proc_knows_when_no_descendant_is_left)
{
	CHECK(proc_none_left(false));
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	CHECK(!proc_none_left(false));
	(void)proc_signal_all(false, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(proc_none_left(false));
}
