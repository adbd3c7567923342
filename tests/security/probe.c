/* SPDX-License-Identifier: MIT */
/*
 * tests/security/probe.c - a server that tells what it was started with.
 *
 *   probe dump        lines of KEY VALUE: everything that a process inherits
 *   probe hold        its pid, then wait for the end of stdin
 *   probe crash       fail by a signal that would leave a core
 *   probe stubborn    its pid, then survive everything that can be caught
 *   probe tree        as stubborn, with children in sessions of their own
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static void text(const char *key, const char *value)
{
	printf("%s ", key);
	for (; *value; value++)
		printf("%02x", (unsigned char)*value);
	printf("\n");
}

static void number(const char *key, long value)
{
	printf("%s %ld\n", key, value);
}

static void status_lines(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		printf("status.%s %s", line, colon + 1 + (colon[1] == '\t'));
	}
	if (f)
		fclose(f);
}

static void descriptors(void)
{
	struct dirent *e;
	DIR *d = opendir("/proc/self/fd");
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			text("fd", e->d_name);
	if (d)
		closedir(d);
}

static void limits(void)
{
	static const struct {
		const char *name;
		int resource;
	} all[] = {{"nofile", RLIMIT_NOFILE}, {"fsize", RLIMIT_FSIZE},
		{"as", RLIMIT_AS}, {"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU},
		{"stack", RLIMIT_STACK}, {"nproc", RLIMIT_NPROC}};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct rlimit r;
		getrlimit(all[i].resource, &r);
		printf("limit.%s %ld\n", all[i].name, (long)r.rlim_cur);
	}
}

static void dump(int argc, char **argv, uid_t caller)
{
	char dir[4096] = "";
	struct itimerval timer = {0};
	mode_t mask = umask(0);
	for (int i = 0; i < argc; i++)
		text("arg", argv[i]);
	for (char **e = environ; *e; e++)
		text("env", *e);
	descriptors();
	limits();
	status_lines();
	number("umask", mask);
	text("cwd", getcwd(dir, sizeof(dir)) ? dir : "");
	getitimer(ITIMER_REAL, &timer);
	number("timer", timer.it_value.tv_sec || timer.it_value.tv_usec);
	number("session", getsid(0) == getpid());
	number("secure", (long)getauxval(AT_SECURE));
	number("deathsig_allowed", prctl(PR_GET_DUMPABLE));
	/* last: what must not come back */
	number("regain", seteuid(caller) == 0 || seteuid(0) == 0);
}

static void deaf(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	for (int s = 1; s < 32; s++)
		sigaction(s, &ignore, NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "dump";
	const char *uid = getenv("CORACLE_CALLER_UID");
	if (strcmp(what, "dump") == 0) {
		dump(argc, argv, uid ? (uid_t)atoi(uid) : 0);
		return 0;
	}
	if (strcmp(what, "crash") == 0)
		abort();
	if (strcmp(what, "stubborn") == 0 || strcmp(what, "tree") == 0)
		deaf();
	if (strcmp(what, "tree") == 0) {
		for (int i = 0; i < 3; i++) {
			if (fork() == 0) {
				setsid();
				for (;;)
					pause();
			}
		}
	}
	printf("%d\n", getpid());
	fflush(stdout);
	if (strcmp(what, "hold") == 0)
		while (getchar() != EOF)
			;
	else
		for (;;)
			pause();
	return 0;
}
