/* SPDX-License-Identifier: MIT */
/*
 * tests/bench/stdio_rtt.c - how long does one tools/call take without us?
 *
 *	stdio_rtt N COMMAND [ARGUMENT...]
 *
 * Starts an MCP server, initializes it and sends N calls, one at a time, over
 * its stdin. Prints the median in microseconds.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALLS_MAX = 1000000, WARM_UP = 500 };

extern char **environ;

static int to_server, from_server;

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void say(const char *line, size_t n)
{
	if (write(to_server, line, n) != (ssize_t)n)
		fail("write");
}

/* one answer is one line, and nothing comes unasked */
static void hear(void)
{
	static char line[65536];
	size_t n = 0;
	do {
		ssize_t got = read(from_server, line + n, sizeof(line) - 1 - n);
		if (got <= 0)
			fail("read");
		n += (size_t)got;
	} while (line[n - 1] != '\n');
	line[n] = '\0';
	if (!strstr(line, "\"result\"")) {
		fprintf(stderr, "unexpected answer: %s", line);
		exit(1);
	}
}

static void start(char **argv)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		fail("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		fail(argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	to_server = in[1];
	from_server = out[0];
	close(in[0]);
	close(out[1]);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void initialize(void)
{
	static const char hello[] =
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
		"\"params\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{},"
		"\"clientInfo\":{\"name\":\"rtt\",\"version\":\"1\"}}}\n";
	static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":"
				    "\"notifications/initialized\"}\n";
	say(hello, sizeof(hello) - 1);
	hear();
	say(ready, sizeof(ready) - 1);
}

static double one_call(long id)
{
	char call[256];
	int n = snprintf(call, sizeof(call),
		"{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\","
		"\"params\":{\"name\":\"echo\",\"arguments\":"
		"{\"text\":\"xxxxxxxxxxxxxxxx\"}}}\n",
		id);
	double began = now_us();
	say(call, (size_t)n);
	hear();
	return now_us() - began;
}

int main(int argc, char **argv)
{
	static double took[CALLS_MAX];
	long n = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	if (n < 1 || n > CALLS_MAX) {
		fprintf(stderr, "usage: stdio_rtt N COMMAND [ARGUMENT...]\n");
		return 2;
	}
	start(argv + 2);
	initialize();
	for (long i = 0; i < WARM_UP; i++)
		(void)one_call(i + 1);
	for (long i = 0; i < n; i++)
		took[i] = one_call(i + 1);
	qsort(took, (size_t)n, sizeof(*took), compare);
	printf("%.1f\n", took[n / 2]);
	return 0;
}
