/* SPDX-License-Identifier: MIT */
/*
 * applets/ctl.c - see and steer what PID 1 supervises.
 *
 * Asks over the control socket (lib/ctl_wire.h). Memory is read from /proc
 * here: PID 1 has better things to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/ctl_wire.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/json.h"
#include "lib/size.h"

APPLET(ctl, "See and steer the services that init supervises.",
	"usage: ctl status [--json] [SERVICE]\n"
	"       ctl start|stop|restart SERVICE\n"
	"       ctl reload [SERVICE]\n"
	"       ctl signal SERVICE SIGNAL\n"
	"       ctl logs [-f] SERVICE\n"
	"       ctl shutdown [STATUS]\n"
	"\n"
	"start, stop and restart return when it is so. reload without a\n"
	"SERVICE reads the configuration again and applies what changed; with\n"
	"one it sends its reload signal. All but status want root.\n"
	"\n"
	"  ctl status          state, pid, time in that state, memory\n"
	"  ctl restart web     and wait until it is ready\n"
	"  ctl logs -f web     follow what it prints\n"
	"  ctl shutdown 3      end the container with this status\n");

enum {
	ANSWER_MS = 5000,
	POLL_MS = 50,
	FOLLOW_MS = 200,
	WAIT_MAX_MS = 3600000,
	WAIT_MS = 30000,
	NUMBER_TEXT = 32,
};

static char answer[CTL_ANSWER_MAX + 1];

/* one line of the answer to "status" */
struct row {
	struct str name, state, pid, ms, restarts, last, wanted;
};

static void nap(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	(void)nanosleep(&t, NULL);
}

/* the answer's rest behind its first line, whose words go to *head */
static struct str ask(const char *const *words, size_t n, struct str *head)
{
	ssize_t len = ctl_ask(words, n, answer, ANSWER_MS);
	if (len < 0)
		die(EXIT_FAIL, "init does not answer: %s", strerror((int)-len));
	struct str rest = str_from(answer, (size_t)len);
	*head = str_cut(&rest, '\n');
	struct str what = *head;
	if (!str_is(str_cut(&what, ' '), "ok"))
		die(EXIT_FAIL, "%.*s", STR_FMT(what));
	*head = what;
	return rest;
}

static bool next_row(struct str *rest, struct row *row)
{
	struct str *fields[] = {&row->name, &row->state, &row->pid, &row->ms,
		&row->restarts, &row->last, &row->wanted};
	if (!rest->p || rest->n == 0)
		return false;
	struct str line = str_cut(rest, '\n');
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		*fields[i] = line.p ? str_cut(&line, '\t') : STR("");
	return true;
}

/* ---------------------------------------------------------------- status */

/* resident kilobytes of a process; 0: unknown */
static uint64_t memory_of(struct str pid)
{
	char path[64];
	struct buf text;
	uint64_t pages = 0;
	fmt_str(path, sizeof(path), "/proc/%.*s/statm", STR_FMT(pid));
	buf_init(&text, 4096);
	if (!str_is(pid, "0") && file_read(AT_FDCWD, path, &text) == 0) {
		struct str rest = buf_str(&text);
		(void)str_cut(&rest, ' ');
		if (!rest.p || !str_to_u64(str_cut(&rest, ' '), &pages))
			pages = 0;
	}
	buf_fini(&text);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* "850ms", "12s", "4m10s", "3h05m", "2d04h" */
static void put_time(char *dst, size_t cap, struct str ms_text)
{
	uint64_t ms = 0;
	(void)str_to_u64(ms_text, &ms);
	uint64_t s = ms / 1000;
	if (s == 0)
		fmt_str(dst, cap, "%jums", (uintmax_t)ms);
	else if (s < 60)
		fmt_str(dst, cap, "%jus", (uintmax_t)s);
	else if (s < 3600)
		fmt_str(dst, cap, "%jum%02jus", (uintmax_t)(s / 60),
			(uintmax_t)(s % 60));
	else if (s < 86400)
		fmt_str(dst, cap, "%juh%02jum", (uintmax_t)(s / 3600),
			(uintmax_t)(s / 60 % 60));
	else
		fmt_str(dst, cap, "%jud%02juh", (uintmax_t)(s / 86400),
			(uintmax_t)(s / 3600 % 24));
}

static void print_table(struct str rows)
{
	struct row row;
	print("%-20s %-9s %7s %8s %8s %10s  %s\n", "SERVICE", "STATE", "PID",
		"FOR", "RESTARTS", "MEMORY", "LAST END");
	while (next_row(&rows, &row)) {
		char time[NUMBER_TEXT], memory[NUMBER_TEXT] = "-";
		uint64_t kb = memory_of(row.pid);
		put_time(time, sizeof(time), row.ms);
		if (kb)
			fmt_str(memory, sizeof(memory), "%ju kB",
				(uintmax_t)kb);
		char name[NUMBER_TEXT], state[NUMBER_TEXT];
		fmt_str(name, sizeof(name), "%.*s", STR_FMT(row.name));
		fmt_str(state, sizeof(state), "%.*s", STR_FMT(row.state));
		char pid[NUMBER_TEXT], restarts[NUMBER_TEXT];
		fmt_str(pid, sizeof(pid), "%.*s",
			STR_FMT(str_is(row.pid, "0") ? STR("-") : row.pid));
		fmt_str(restarts, sizeof(restarts), "%.*s",
			STR_FMT(row.restarts));
		print("%-20s %-9s %7s %8s %8s %10s  %.*s\n", name, state, pid,
			time, restarts, memory, STR_FMT(row.last));
	}
}

static void put_number(struct json_writer *w, const char *key, struct str text)
{
	uint64_t v = 0;
	(void)str_to_u64(text, &v);
	json_w_key(w, key);
	json_w_u64(w, v);
}

static void print_json(struct str rows)
{
	struct buf out;
	struct row row;
	buf_init(&out, 1 << 20);
	struct json_writer w = {.out = &out};
	json_w_open(&w, '[');
	while (next_row(&rows, &row)) {
		json_w_open(&w, '{');
		json_w_key(&w, "name");
		json_w_str(&w, row.name);
		json_w_key(&w, "state");
		json_w_str(&w, row.state);
		put_number(&w, "pid", row.pid);
		put_number(&w, "state_ms", row.ms);
		put_number(&w, "restarts", row.restarts);
		json_w_key(&w, "memory_kb");
		json_w_u64(&w, memory_of(row.pid));
		json_w_key(&w, "last_end");
		if (str_is(row.last, "-"))
			json_w_null(&w);
		else
			json_w_str(&w, row.last);
		json_w_key(&w, "wanted");
		json_w_bool(&w, !str_is(row.wanted, "unwanted"));
		json_w_close(&w, '}');
	}
	json_w_close(&w, ']');
	buf_putc(&out, '\n');
	print_str(buf_str(&out));
	buf_fini(&out);
}

static int do_status(const char *name, bool json)
{
	const char *words[] = {"status", name};
	struct str head;
	struct str rows = ask(words, name ? 2 : 1, &head);
	if (name && rows.n == 0)
		die(EXIT_FAIL, "no service %s", name);
	if (json)
		print_json(rows);
	else
		print_table(rows);
	return EXIT_OK;
}

/* --------------------------------------------------------------- requests */

/* is the service where the request wanted it? -1: it will never be */
static int settled(const char *verb, const char *name)
{
	const char *words[] = {"status", name};
	struct row row;
	struct str head;
	struct str rows = ask(words, 2, &head);
	if (!next_row(&rows, &row))
		return -1;
	if (strcmp(verb, "stop") == 0)
		return str_is(row.pid, "0") && !str_is(row.state, "finishing");
	if (str_is(row.state, "up") || str_is(row.state, "done"))
		return 1;
	return str_is(row.state, "failed") || str_is(row.state, "down") ? -1
									: 0;
}

static int do_request(const char *verb, const char *name, uint64_t wait_ms)
{
	const char *words[] = {verb, name};
	struct str head;
	/* the shutdown that we ask for reaches us, too */
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (strcmp(verb, "shutdown") == 0)
		(void)sigprocmask(SIG_BLOCK, &term, NULL);
	(void)ask(words, name ? 2 : 1, &head);
	bool waits = strcmp(verb, "start") == 0 || strcmp(verb, "stop") == 0 ||
		     strcmp(verb, "restart") == 0;
	uint64_t end = clock_ms() + wait_ms;
	while (waits) {
		int r = settled(verb, name);
		if (r > 0)
			break;
		if (r < 0)
			die(EXIT_FAIL, "%s did not start: see ctl status",
				name);
		if (clock_ms() >= end)
			die(EXIT_FAIL, "%s: not yet after %ju ms", name,
				(uintmax_t)wait_ms);
		nap(POLL_MS);
	}
	return EXIT_OK;
}

static int do_signal(const char *name, const char *signo)
{
	const char *words[] = {"signal", name, signo};
	struct str head;
	(void)ask(words, ARRAY_LEN(words), &head);
	return EXIT_OK;
}

static int do_logs(const char *name, bool follow)
{
	char from[NUMBER_TEXT] = "0";
	const char *words[] = {"logs", name, from};
	for (;;) {
		struct str head;
		struct str text = ask(words, 3, &head);
		print_str(text);
		fmt_str(from, sizeof(from), "%.*s", STR_FMT(head));
		if (!follow)
			return EXIT_OK;
		if (text.n == 0)
			nap(FOLLOW_MS);
	}
}

static bool is_one_of(const char *verb, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(verb, *list) == 0)
			return true;
	return false;
}

int ctl_main(int argc, char **argv)
{
	static const char *const needs_name[] = {
		"start", "stop", "restart", "logs", "signal", NULL};
	static const char *const others[] = {
		"status", "reload", "shutdown", NULL};
	bool json = false, follow = false;
	uint64_t wait_ms = WAIT_MS;
	const struct arg_opt opts[] = {
		OPT_FLAG(0, "json", &json, "status as JSON"),
		OPT_FLAG('f', "follow", &follow,
			"go on printing what is logged"),
		OPT_NUMBER(0, "wait", &wait_ms, "MS", 0, WAIT_MAX_MS,
			"for start, stop, restart (30000)"),
	};
	int first = applet_args(&applet_ctl, opts, ARRAY_LEN(opts), argc, argv);
	if (first == argc)
		die_usage("what to do? status, start, stop, ...");
	const char *verb = argv[first];
	const char *name = first + 1 < argc ? argv[first + 1] : NULL;
	if (!is_one_of(verb, needs_name) && !is_one_of(verb, others))
		die_usage("no such request: '%s'", verb);
	bool signal = strcmp(verb, "signal") == 0;
	int last = first + (signal ? 3 : 2);
	if (last < argc)
		die_usage("one word too many: '%s'", argv[last]);
	if (is_one_of(verb, needs_name) && !name)
		die_usage("%s wants the name of a service", verb);
	if (signal && last > argc)
		die_usage("signal wants a signal, as HUP or 1");
	if (signal)
		return do_signal(name, argv[first + 2]);
	if (strcmp(verb, "status") == 0)
		return do_status(name, json);
	if (strcmp(verb, "logs") == 0)
		return do_logs(name, follow);
	return do_request(verb, name, wait_ms);
}
