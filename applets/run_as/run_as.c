/* SPDX-License-Identifier: MIT */
/* applets/run_as/run_as.c - run a command as another user, by root's policy. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "applets/run_as/run_as.h"
#include "lib/applet.h"
#include "lib/broker.h"
#include "lib/fmt.h"
#include "lib/size.h"

APPLET_NAMED(run_as, "run-as", "Run a command as another user, by policy.",
	"usage: run-as USER [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs COMMAND as USER where /etc/coracle/run-as lets you, in a "
	"session\n"
	"of its own, with an environment made from nothing and a directory "
	"for\n"
	"temporary files that nobody else has. When COMMAND ends, when the\n"
	"time is over or when you go, all that it started is killed - with\n"
	"kill-all in the policy all that USER runs - and the files go.\n"
	"\n"
	"  run-as sandbox -- id -u\n"
	"  run-as sandbox --timeout 300 --clone /home/agent/workspace -- "
	"./judge\n"
	"  run-as sandbox --env-fd 3 -- judge 3<secrets   NAME=VALUE lines\n"
	"\n"
	"Status: COMMAND's; 124 time is over, 125 an error here, 126 not\n"
	"allowed or not executable, 127 no such command, 128+n a signal.\n");

static const struct {
	const char *name;
	int resource;
} resources[] = {{"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
	{"as", RLIMIT_AS}, {"fsize", RLIMIT_FSIZE}, {"stack", RLIMIT_STACK},
	{"cpu", RLIMIT_CPU}, {"memlock", RLIMIT_MEMLOCK},
	{"core", RLIMIT_CORE}};

static bool take_limit(void *dst, const char *value, size_t operands)
{
	struct job *job = dst;
	struct str rest = str_of(value);
	struct str name = str_cut(&rest, '=');
	(void)operands;
	for (size_t i = 0; rest.p && i < ARRAY_LEN(resources); i++) {
		struct spawn_limit *l = &job->limits[job->nlimits];
		if (!str_is(name, resources[i].name))
			continue;
		if (job->nlimits == RUN_AS_LIMITS ||
			!str_to_u64(rest, &l->value))
			return false;
		l->resource = resources[i].resource;
		job->rlimits[job->nlimits++] = value;
		return true;
	}
	return false;
}

/* options before USER and behind it; what is left is the command */
static void parse(struct job *job, int argc, char **argv)
{
	uint64_t env_fd = UINT64_MAX;
	const struct arg_opt opts[] = {
		OPT_NUMBER('t', "timeout", &job->timeout_s, "SECONDS", 0,
			31536000, "kill it after that time (124)"),
		OPT_CALL('r', "rlimit", take_limit, job, "NAME=VALUE",
			"nofile, nproc, as, fsize, stack, cpu,\n"
			"memlock or core"),
		OPT_NUMBER('e', "env-fd", &env_fd, "FD", 0, 1023,
			"read NAME=VALUE lines (or NUL-ended) there"),
		OPT_TEXT('c', "clone", &job->clone, "DIR",
			"start in a private copy of DIR"),
	};
	int first = applet_args_until_operand(
		&applet_run_as, opts, ARRAY_LEN(opts), argc, argv);
	if (first == argc)
		die_usage("as whom?");
	job->target = argv[first];
	int more = applet_args_until_operand(&applet_run_as, opts,
		ARRAY_LEN(opts), argc - first, argv + first);
	job->argv = argv + first + more;
	if (!job->argv[0])
		die_usage("what shall %s run?", job->target);
	if (env_fd != UINT64_MAX)
		job->env_fd = (int)env_fd;
	if (job->env_fd >= 0 && fcntl(job->env_fd, F_GETFD) < 0)
		die(EXIT_WRAPPER, "--env-fd %d: it is not open", job->env_fd);
}

/* ------------------------------------------------------ asking PID 1 */

struct words {
	const char *v[BROKER_WORDS_MAX];
	char text[RUN_AS_LIMITS + 3][64];
	size_t n;
	size_t made;
};

static void put(struct words *w, const char *word)
{
	if (w->n == BROKER_WORDS_MAX)
		die(EXIT_WRAPPER, "more than %d arguments", BROKER_WORDS_MAX);
	w->v[w->n++] = word;
}

static void put_option(struct words *w, const char *name, const char *value)
{
	char *text = w->text[w->made++];
	if (fmt_str(text, sizeof(w->text[0]), "--%s=%s", name, value) >=
		sizeof(w->text[0]))
		die(EXIT_WRAPPER, "--%s is too long", name);
	put(w, text);
}

static void put_words(struct words *w, const struct job *job)
{
	char number[FMT_U64_MAX + 1];
	put(w, "run-as");
	put(w, job->target);
	number[fmt_u64(number, job->timeout_s)] = '\0';
	put_option(w, "timeout", number);
	for (size_t i = 0; i < job->nlimits; i++)
		put_option(w, "rlimit", job->rlimits[i]);
	number[fmt_u64(number, RUN_AS_ENV_FD)] = '\0';
	if (job->env_fd >= 0)
		put_option(w, "env-fd", number);
	if (job->clone) {
		put(w, "--clone");
		put(w, job->clone);
	}
	put(w, "--");
	for (size_t i = 0; job->argv[i]; i++)
		put(w, job->argv[i]);
}

/* -1: there is no broker */
static int ask(const struct job *job)
{
	static struct words words;
	struct broker_answer a;
	int fds[BROKER_FDS_MAX] = {0, 1, 2, job->cwd_fd, job->env_fd};
	int broker = broker_connect();
	if (broker < 0)
		return -1;
	put_words(&words, job);
	int r = broker_send(
		broker, words.v, words.n, fds, job->env_fd >= 0 ? 5 : 4);
	if (r == 0)
		r = broker_receive(broker, &a, BROKER_ANSWER_MS);
	if (r == 0 && a.kind == BROKER_STARTED) {
		(void)close(0);
		(void)close(1);
		r = broker_receive(broker, &a, -1);
	}
	if (r < 0)
		die(EXIT_WRAPPER, "PID 1 does not answer: %s", strerror(-r));
	if (a.kind == BROKER_REFUSED)
		die(a.status, "%s", a.text);
	return a.status;
}

int run_as_main(int argc, char **argv)
{
	struct job job = {.env_fd = -1, .caller = getuid()};
	uid_t effective = geteuid();
	uint64_t caller;
	const char *said = job.caller == 0 ? getenv(RUN_AS_CALLER) : NULL;
	parse(&job, argc, argv);
	if (said && str_to_u64(str_of(said), &caller)) {
		job.caller = (uid_t)caller;
		job.cwd_fd = RUN_AS_CWD_FD;
		return job_run(&job);
	}
	job.cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (job.cwd_fd < 0)
		die(EXIT_WRAPPER, "this directory: %s", strerror(errno));
	if (job.caller == 0)
		return job_run(&job);
	/* set-id: PID 1 is told the user of this moment */
	if (seteuid(job.caller) < 0)
		die(EXIT_WRAPPER, "seteuid: %s", strerror(errno));
	int status = ask(&job);
	if (status >= 0)
		return status;
	if (effective != 0)
		die(EXIT_NOT_EXECUTABLE,
			"PID 1 has no broker to ask, and this is not set-id "
			"root");
	if (seteuid(0) < 0)
		die(EXIT_WRAPPER, "seteuid: %s", strerror(errno));
	return job_run(&job);
}
