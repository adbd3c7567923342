/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/replay.c - run a fuzz harness over files instead of a fuzzer.
 *
 * Links with any tests/fuzz/NAME_fuzz.c where there is no libFuzzer, under
 * valgrind, or to see one input fail: `NAME_fuzz FILE...`. Without a file the
 * input is standard input, which is what AFL++ gives.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { INPUT_MAX = 1 << 20 };

static int replay(int fd)
{
	/* exactly as long as the input, so that a read past it is seen */
	uint8_t *all = malloc(INPUT_MAX);
	size_t n = 0;
	ssize_t got;
	if (!all)
		return 1;
	while (n < INPUT_MAX && (got = read(fd, all + n, INPUT_MAX - n)) > 0)
		n += (size_t)got;
	uint8_t *exact = realloc(all, n ? n : 1);
	LLVMFuzzerTestOneInput(exact ? exact : all, n);
	free(exact ? exact : all);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;
	if (argc < 2)
		return replay(STDIN_FILENO);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			perror(argv[i]);
			failed = 1;
			continue;
		}
		failed |= replay(fd);
		close(fd);
	}
	return failed;
}
