/* SPDX-License-Identifier: MIT */
/*
 * tests/integration/init_probe.c - the programs that init is tested with.
 *
 *   record     print each signal that arrives; end with the first SIGTERM
 *   deaf       print "ready" and survive every signal that can be caught
 *   storm N    make N orphans that end together; print how many zombies stay
 *   escape F   a child of its own session that writes F when SIGTERM comes
 *   notify MS F  after MS write the time to F, then READY=1, then wait
 *   say MS TEXT...  every MS one TEXT to NOTIFY_SOCKET, then nothing more
 *   fds        print the open descriptors
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nap(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

static int record(void)
{
	sigset_t all;
	siginfo_t info;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	puts("ready");
	for (;;) {
		int signo = sigwaitinfo(&all, &info);
		printf("%d\n", signo);
		if (signo == SIGTERM)
			return 0;
	}
}

static int deaf(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	puts("ready");
	for (;;)
		nap(1000);
}

/* processes whose parent is 1 and that nobody has reaped */
static int zombies(void)
{
	int n = 0;
	DIR *proc = opendir("/proc");
	struct dirent *e;
	while (proc && (e = readdir(proc))) {
		char path[300], line[300] = "";
		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		FILE *f = fopen(path, "r");
		if (!f)
			continue;
		char *got = fgets(line, sizeof(line), f);
		char *end = got ? strrchr(got, ')') : NULL;
		if (end && strncmp(end, ") Z 1 ", 6) == 0)
			n++;
		fclose(f);
	}
	if (proc)
		closedir(proc);
	return n;
}

/* one orphan that lives until the pipe is closed; 0 when fork fails */
static int orphan(int gate[2])
{
	pid_t child = fork();
	if (child < 0)
		return 0;
	if (child == 0) {
		char byte;
		pid_t inner = fork();
		if (inner != 0)
			_exit(inner < 0);
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) < 0);
	}
	int status;
	waitpid(child, &status, 0);
	return status == 0;
}

static int storm(int total)
{
	enum { BATCH = 5000 };
	int made = 0;
	for (int todo = total; todo > 0; todo -= BATCH) {
		int gate[2];
		if (pipe(gate) < 0)
			return 1;
		for (int i = 0; i < BATCH && i < todo; i++)
			made += orphan(gate);
		close(gate[0]);
		close(gate[1]);
	}
	/* the last ones may not have ended yet: calm is several looks at none */
	enum { CALM = 5, LIMIT_MS = 5000 };
	int waited = 0;
	int calm = 0;
	int left = 0;
	while (calm < CALM && waited < LIMIT_MS) {
		left = zombies();
		calm = left ? 0 : calm + 1;
		nap(10);
		waited += 10;
	}
	printf("made %d left %d after %d ms\n", made, left, waited - 10 * calm);
	return 0;
}

static int escape(const char *path)
{
	sigset_t term;
	int signo;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (fork() == 0) {
		setsid();
		puts("ready");
		sigwait(&term, &signo);
		int fd = open(path, O_WRONLY | O_CREAT, 0644);
		_exit(fd < 0 || write(fd, "reached\n", 8) != 8);
	}
	sigwait(&term, &signo);
	return 0;
}

static int fds(void)
{
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	putchar('\n');
	return 0;
}

/* one datagram to NOTIFY_SOCKET; 0 when it was sent */
static int say(const char *text)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *name = getenv("NOTIFY_SOCKET");
	if (!name)
		return 1;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				  strlen(name));
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t sent =
		sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, n);
	close(fd);
	return sent < 0;
}

static int notify(int ms, const char *path)
{
	struct timespec t;
	nap(ms);
	clock_gettime(CLOCK_REALTIME, &t);
	FILE *f = fopen(path, "w");
	if (!f)
		return 1;
	fprintf(f, "%lld%09ld\n", (long long)t.tv_sec, t.tv_nsec);
	fclose(f);
	if (say("STATUS=good\nREADY=1\n"))
		return 1;
	nap(99000);
	return 0;
}

static int say_each(int ms, char **texts)
{
	for (; *texts; texts++) {
		nap(ms);
		if (say(*texts))
			return 1;
	}
	nap(99000);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "record") == 0)
		return record();
	if (strcmp(what, "deaf") == 0)
		return deaf();
	if (strcmp(what, "storm") == 0 && argc > 2)
		return storm((int)strtol(argv[2], NULL, 10));
	if (strcmp(what, "escape") == 0 && argc > 2)
		return escape(argv[2]);
	if (strcmp(what, "notify") == 0 && argc > 3)
		return notify((int)strtol(argv[2], NULL, 10), argv[3]);
	if (strcmp(what, "say") == 0 && argc > 3)
		return say_each((int)strtol(argv[2], NULL, 10), argv + 3);
	if (strcmp(what, "fds") == 0)
		return fds();
	return 2;
}
