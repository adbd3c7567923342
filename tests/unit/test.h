/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/test.h - the runner of the unit tests.
 *
 * A test program is tests/unit/MODULE_test.c: it includes this file, once, and
 * defines its tests, which register themselves. The build links it with all of
 * lib/ and net/ under the sanitizers.
 *
 *	TEST(buf_refuses_more_than_its_maximum)
 *	{
 *		CHECK_EQ(buf_put(&b, "abc", 3), -ENOSPC);
 *	}
 *
 * Each test runs in a process of its own with ten seconds to live, so one that
 * crashes, hangs or exits takes no other with it. A failed check says where
 * and ends its test. Output is TAP. Arguments: --list prints the names; any
 * other argument runs only the test of that name, or, when no name is equal,
 * those whose name contains it.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEST_SECONDS = 10, TEST_PRINTABLE = 400 };

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *test_first;
static struct test **test_last = &test_first;

static inline void test_add(struct test *t)
{
	*test_last = t;
	test_last = &t->next;
}

#define TEST(ident)                                                     \
	static void test_##ident(void);                                 \
	__attribute__((constructor)) static void test_add_##ident(void) \
	{                                                               \
		static struct test t = {#ident, test_##ident, NULL};    \
		test_add(&t);                                           \
	}                                                               \
	static void test_##ident(void)

/* --- checks: each evaluates its arguments once ---------------------------- */

#define CHECK(cond)                                                        \
	do {                                                               \
		if (!(cond))                                               \
			test_fail(__FILE__, __LINE__, "not true: " #cond); \
	} while (0)

/* integers of any type; shown as signed and in hexadecimal */
#define CHECK_EQ(got, want)                                             \
	test_eq(__FILE__, __LINE__, #got " == " #want, (intmax_t)(got), \
		(intmax_t)(want))

/* n bytes at p against a literal (or any C string) */
#define CHECK_STR(p, n, want) \
	test_bytes(__FILE__, __LINE__, #p, (p), (n), (want), strlen(want))

/* two C strings, either may be NULL */
#define CHECK_CSTR(got, want) test_cstr(__FILE__, __LINE__, #got, (got), (want))

/* n bytes against n bytes */
#define CHECK_MEM(p, n, want, want_n) \
	test_bytes(__FILE__, __LINE__, #p, (p), (n), (want), (want_n))

__attribute__((noreturn)) static inline void test_fail(
	const char *file, int line, const char *what)
{
	printf("# %s:%d: %s\n", file, line, what);
	fflush(stdout);
	_exit(1);
}

static inline void test_eq(const char *file, int line, const char *what,
	intmax_t got, intmax_t want)
{
	if (got == want)
		return;
	printf("#   got  %jd (0x%jx)\n#   want %jd (0x%jx)\n", got,
		(uintmax_t)got, want, (uintmax_t)want);
	test_fail(file, line, what);
}

static inline void test_show(const char *label, const void *p, size_t n)
{
	const unsigned char *bytes = p;
	printf("#   %s %zu bytes \"", label, n);
	for (size_t i = 0; i < n && i < TEST_PRINTABLE; i++) {
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
			putchar(bytes[i]);
		else
			printf("\\x%02x", bytes[i]);
	}
	printf("\"%s\n", n > TEST_PRINTABLE ? "..." : "");
}

static inline void test_bytes(const char *file, int line, const char *what,
	const void *got, size_t n, const void *want, size_t want_n)
{
	if (n == want_n && (n == 0 || memcmp(got, want, n) == 0))
		return;
	test_show("got ", got, n);
	test_show("want", want, want_n);
	test_fail(file, line, what);
}

static inline void test_cstr(const char *file, int line, const char *what,
	const char *got, const char *want)
{
	if (!got && !want)
		return;
	if (!got || !want)
		test_fail(file, line, got ? "not NULL" : "NULL");
	test_bytes(file, line, what, got, strlen(got), want, strlen(want));
}

/* --- the runner ----------------------------------------------------------- */

/* run one test in a child; true when it passed */
static bool test_run(const struct test *t)
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		perror("fork");
		return false;
	}
	if (pid == 0) {
		setpgid(0, 0);
		alarm(TEST_SECONDS);
		t->run();
		exit(0); /* not _exit: leaks are looked for at exit */
	}
	if (waitpid(pid, &status, 0) < 0)
		return false;
	kill(-pid, SIGKILL); /* what the test may have left running */
	if (WIFSIGNALED(status))
		printf("# killed by signal %d%s\n", WTERMSIG(status),
			WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool test_wanted(const struct test *t, const char *filter, bool exact)
{
	if (!filter)
		return true;
	return exact ? strcmp(t->name, filter) == 0
		     : strstr(t->name, filter) != NULL;
}

int main(int argc, char **argv)
{
	const char *filter = argc > 1 ? argv[1] : NULL;
	bool list = filter && strcmp(filter, "--list") == 0;
	bool exact = false;
	int number = 0;
	int failed = 0;

	for (struct test *t = test_first; t; t = t->next) {
		if (list)
			puts(t->name);
		else if (filter && strcmp(t->name, filter) == 0)
			exact = true;
	}
	if (list)
		return 0;
	for (struct test *t = test_first; t; t = t->next) {
		if (!test_wanted(t, filter, exact))
			continue;
		bool ok = test_run(t);
		failed += !ok;
		printf("%sok %d - %s\n", ok ? "" : "not ", ++number, t->name);
	}
	printf("1..%d\n", number);
	return failed || number == 0;
}

#endif
