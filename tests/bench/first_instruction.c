/* SPDX-License-Identifier: MIT */
/*
 * tests/bench/first_instruction.c - how long until a program runs.
 *
 *   first_instruction             write the time of now, as the first thing
 *   first_instruction N COMMAND   run COMMAND, which ends in the above, N
 *                                 times; print minimum and median in us
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 10000 };

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t once(char **argv)
{
	int ends[2];
	uint64_t there = 0;
	if (pipe2(ends, 02000000) < 0)
		exit(1);
	uint64_t begin = now();
	pid_t child = vfork();
	if (child == 0) {
		dup2(ends[1], 1);
		execv(argv[0], argv);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &there, sizeof(there)) != sizeof(there))
		exit(1);
	close(ends[0]);
	waitpid(child, NULL, 0);
	return there - begin;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static uint64_t took[RUNS_MAX];
	uint64_t at = now();
	if (argc < 3)
		return write(1, &at, sizeof(at)) != sizeof(at);
	int n = atoi(argv[1]);
	if (n < 1 || n > RUNS_MAX)
		return 2;
	for (int i = 0; i < n; i++)
		took[i] = once(argv + 2);
	qsort(took, (size_t)n, sizeof(*took), compare);
	printf("%ju %ju\n", (uintmax_t)(took[0] / 1000),
		(uintmax_t)(took[n / 2] / 1000));
	return 0;
}
