/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/log_fuzz.c - any text in a log message: still one clean line.
 *
 * Standard error goes to a pipe of which each line is read back.
 */
#include "lib/log.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_line(struct str line, bool json)
{
	MUST(line.n > 0 && line.n <= LOG_LINE);
	MUST(line.p[line.n - 1] == '\n');
	line.n--;
	if (json)
		MUST(json_check(line, NULL) == 0);
	for (size_t at = 0; at < line.n;) {
		const char *p = line.p + at;
		size_t len = utf8_len(p, line.p + line.n);
		MUST(len > 0 && (unsigned char)*p >= 0x20 && *p != 0x7f);
		MUST(p[0] != '\xc2' || (unsigned char)p[1] >= 0xa0);
		at += len;
	}
}

static void log_and_check(const char *text, bool json, int read_end)
{
	char line[2 * LOG_LINE];
	setenv("CORACLE_LOG_FORMAT", json ? "json" : "", 1);
	log_init("fuzz");
	log_warn("client said '%s'", text);
	ssize_t n = read(read_end, line, sizeof(line));
	MUST(n > 0);
	check_line(str_from(line, (size_t)n), json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int ends[2];
	char *text = mem_dup(data, n);
	MUST(text && pipe2(ends, O_CLOEXEC) == 0);
	int keep = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	MUST(keep >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	log_and_check(text, false, ends[0]);
	log_and_check(text, true, ends[0]);
	MUST(dup2(keep, STDERR_FILENO) >= 0);
	close(keep);
	close(ends[0]);
	close(ends[1]);
	mem_free(text);
	return 0;
}
