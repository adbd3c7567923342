/* SPDX-License-Identifier: MIT */
/*
 * applets/verify/verify.c - the frame around a grader.
 *
 * Between the agent and the reward: when the command begins nobody is left
 * who could touch what it reads or writes, and the reward appears by rename
 * when it and all it started have ended. What stands there before is nobody's
 * word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/verify/verify.h"
#include "lib/applet.h"
#include "lib/broker.h"
#include "lib/fd.h"
#include "lib/layout.h"
#include "lib/size.h"

APPLET(verify, "End the agent's part, run a grader, write the reward.",
	"usage: verify [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Ends every process of agent and sandbox, takes the output directory\n"
	"from them and empties it, locks the tests, lets tools only read, "
	"runs\n"
	"COMMAND as the verifier, and writes reward.json and reward.txt. As\n"
	"the verifier it asks init for what needs root; as root it does it\n"
	"itself.\n"
	"\n"
	"The score (--score): `exit`: 1 when COMMAND ends with 0, else 0;\n"
	"`last-line`: the last line of its stdout; `file:PATH`. It is a "
	"number\n"
	"or an object of numbers with \"reward\"; with --rubric a list with a\n"
	"verdict for each criterion. A COMMAND that fails scores 0.\n"
	"\n"
	"examples:\n"
	"  verify python3 /tests/grade.py\n"
	"  verify --score last-line --timeout 300 -- /tests/grade\n");

enum { TIMEOUT_MAX_S = 86400 };

struct options {
	struct verify v;
	uint64_t timeout_s;
	const char *on_failure;
	const char *end_phase; /* begin or again: nothing but that */
};

/* -------------------------------------------------------- the phase's end */

static const char *word_of(enum verify_end what)
{
	return what == VERIFY_BEGIN ? "begin" : "again";
}

/* PID 1 does it, for the directories that its configuration names */
static void ask_init(const struct verify *v, enum verify_end what)
{
	const char *const words[] = {
		"end-phase", word_of(what), v->output, v->tests};
	static const int fds[] = {0, 1, 2};
	struct broker_answer answer;
	int r = broker_call(
		words, ARRAY_LEN(words), fds, ARRAY_LEN(fds), &answer);
	if (r == -ENOENT || r == -ECONNREFUSED)
		die(EXIT_WRAPPER, "the agent's part cannot be ended: neither "
				  "are we root, nor is PID 1 coracle init");
	if (r < 0)
		die(EXIT_WRAPPER, "init: %s", strerror(-r));
	if (answer.kind == BROKER_REFUSED)
		die(answer.status, "init: %s", answer.text);
	if (answer.status != 0)
		die(EXIT_WRAPPER, "init: the agent's part could not be ended");
}

static void end_phase(const struct verify *v, enum verify_end what)
{
	if (geteuid() == 0)
		verify_end_phase(v, what);
	else
		ask_init(v, what);
}

/* ------------------------------------------------------------------ score */

/* a file that somebody of ours made; links and pipes are not followed */
static const char *read_file(const char *path, struct buf *out)
{
	struct stat st;
	const char *wrong = NULL;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? "is a symbolic link" : strerror(errno);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		wrong = "is no regular file";
	else if (st.st_uid != 0 && st.st_uid != LAYOUT_VERIFIER)
		wrong = "belongs neither to root nor to the verifier";
	else if (st.st_size > REWARD_TEXT_MAX)
		wrong = "is larger than 64 KiB";
	char *dst = wrong ? NULL : buf_reserve(out, REWARD_TEXT_MAX);
	ssize_t n = dst ? fd_read_full(fd, dst, REWARD_TEXT_MAX) : 0;
	if (n > 0)
		buf_commit(out, (size_t)n);
	else if (n < 0)
		wrong = strerror((int)-n);
	fd_close(&fd);
	return wrong;
}

static struct str last_line(struct str text)
{
	while (text.n && strchr("\r\n \t", text.p[text.n - 1]))
		text.n--;
	size_t at = text.n;
	while (at && text.p[at - 1] != '\n')
		at--;
	return str_from_index(text, at);
}

static const char *weigh(
	const struct verify *v, struct reward *r, struct str verdicts)
{
	struct buf rubric;
	buf_init(&rubric, 2 * REWARD_TEXT_MAX);
	const char *wrong = read_file(v->rubric, &rubric);
	if (!wrong)
		wrong = reward_weigh(r, buf_str(&rubric), verdicts);
	buf_fini(&rubric);
	return wrong;
}

/* NULL, or why there is no score */
static const char *find_score(
	const struct verify *v, const struct verify_run *run, struct reward *r)
{
	struct buf text;
	const char *wrong = NULL;
	if (strcmp(v->score, "exit") == 0) {
		reward_set(r, run->status == 0 ? STR("1") : STR("0"));
		return NULL;
	}
	if (run->status != 0)
		return "the command failed";
	buf_init(&text, 2 * REWARD_TEXT_MAX);
	if (strcmp(v->score, "last-line") == 0)
		buf_put_str(&text, last_line(buf_str(&run->tail)));
	else
		wrong = read_file(v->score + strlen("file:"), &text);
	if (!wrong)
		wrong = v->rubric ? weigh(v, r, buf_str(&text))
				  : reward_read(r, buf_str(&text));
	buf_fini(&text);
	return wrong;
}

/* the command's status, or 1 when all but the score was well */
static int give_reward(const struct verify *v, const struct verify_run *run)
{
	struct reward r;
	int status = run->status;
	reward_init(&r);
	const char *wrong = run->failed_to_start ? "the command cannot be run"
						 : find_score(v, run, &r);
	if (wrong) {
		warn_msg("%s: %s: %s", v->score, wrong,
			v->none ? "no reward" : "the reward is 0");
		reward_set(&r, STR("0"));
		if (status == 0)
			status = EXIT_FAIL;
	}
	if (wrong && v->none)
		verify_files_drop();
	else if (!verify_files_write(&r))
		status = EXIT_WRAPPER;
	reward_fini(&r);
	return status;
}

/* ------------------------------------------------------------------- main */

static void check_options(struct options *o)
{
	struct verify *v = &o->v;
	bool file = strncmp(v->score, "file:", 5) == 0 && v->score[5] == '/';
	if (!file && strcmp(v->score, "exit") != 0 &&
		strcmp(v->score, "last-line") != 0)
		die_usage("--score wants exit, last-line or file:/PATH, not "
			  "'%s'",
			v->score);
	if (v->rubric && strcmp(v->score, "exit") == 0)
		die_usage("--rubric wants verdicts: --score last-line or "
			  "file:/PATH");
	if (strcmp(o->on_failure, "zero") != 0 &&
		strcmp(o->on_failure, "none") != 0)
		die_usage("--on-failure wants zero or none, not '%s'",
			o->on_failure);
	v->none = strcmp(o->on_failure, "none") == 0;
	v->timeout_ms = o->timeout_s * 1000;
	if (v->output[0] != '/' || v->tests[0] != '/')
		die_usage("--output and --tests want absolute paths");
}

static int only_end_phase(const struct options *o)
{
	if (strcmp(o->end_phase, "begin") == 0)
		end_phase(&o->v, VERIFY_BEGIN);
	else if (strcmp(o->end_phase, "again") == 0)
		end_phase(&o->v, VERIFY_AGAIN);
	else
		die_usage("--end-phase wants begin or again, not '%s'",
			o->end_phase);
	return EXIT_OK;
}

static int grade(const struct verify *v, char **argv)
{
	struct verify_run run = {0};
	buf_init(&run.tail, 2 * REWARD_TEXT_MAX);
	/* should we have to give up, nobody's word is better than the agent's */
	verify_files_forget(v);
	end_phase(v, VERIFY_BEGIN);
	verify_files_open(v);
	verify_command(v, argv, &run);
	/* what the grader handed to the sandbox ends with it */
	end_phase(v, VERIFY_AGAIN);
	int status = give_reward(v, &run);
	buf_fini(&run.tail);
	return status;
}

int verify_main(int argc, char **argv)
{
	struct options o = {.v = {.output = "/logs/verifier",
				    .tests = "/tests",
				    .score = "exit"},
		.on_failure = "zero"};
	const struct arg_opt opts[] = {
		OPT_TEXT('o', "output", &o.v.output, "DIR",
			"where the reward goes (/logs/verifier)"),
		OPT_TEXT('s', "score", &o.v.score, "HOW",
			"exit (default), last-line or file:/PATH"),
		OPT_TEXT('r', "rubric", &o.v.rubric, "FILE",
			"criteria with weights; the score is verdicts"),
		OPT_NUMBER('t', "timeout", &o.timeout_s, "S", 0, TIMEOUT_MAX_S,
			"end COMMAND after so long (0: never)"),
		OPT_TEXT(0, "on-failure", &o.on_failure, "zero|none",
			"what a COMMAND that fails is worth (zero)"),
		OPT_TEXT(0, "tests", &o.v.tests, "DIR",
			"what the agent must not read (/tests)"),
		OPT_TEXT(0, "end-phase", &o.end_phase, "begin|again",
			"do only that, and run nothing"),
	};
	int first = applet_args_until_operand(
		&applet_verify, opts, ARRAY_LEN(opts), argc, argv);
	check_options(&o);
	if (o.end_phase)
		return only_end_phase(&o);
	if (first == argc)
		die_usage("which COMMAND?");
	return grade(&o.v, argv + first);
}
