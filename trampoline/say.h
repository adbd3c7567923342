/* SPDX-License-Identifier: MIT */
/* trampoline/say.h - the one line that a set-id program ends with. */
#ifndef TRAMPOLINE_SAY_H
#define TRAMPOLINE_SAY_H

/* what the line begins with */
void say_as(const char *name);

/* "NAME: TEXT\n" on stderr, then _exit(status) */
void give_up(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

enum { BROKEN = 125, FORBIDDEN = 126, MISSING = 127 };

#endif
