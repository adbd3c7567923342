/* SPDX-License-Identifier: MIT */
/* trampoline/say.c - the one line that a set-id program ends with. */
#include "trampoline/say.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"

static const char *own_name = "";

void say_as(const char *name)
{
	own_name = name;
}

void give_up(int status, const char *format, ...)
{
	char text[512];
	char line[600];
	va_list args;
	va_start(args, format);
	fmt_vstr(text, sizeof(text), format, args);
	va_end(args);
	fmt_str(line, sizeof(line), "%s: %s\n", own_name, text);
	(void)fd_write(STDERR_FILENO, line, strlen(line));
	_exit(status);
}
