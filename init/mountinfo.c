/* SPDX-License-Identifier: MIT */
/* init/mountinfo.c - the text of /proc/self/mountinfo. */
#include "init/mountinfo.h"

enum { TARGET_MAX = 4096 };

bool mountinfo_parse(struct str line, struct mountinfo *out)
{
	/* 36 35 98:0 /root /target rw,noatime [tag...] - type source opts */
	struct str rest = line;
	struct str field = STR("");
	for (int i = 0; i < 5 && rest.p; i++)
		field = str_cut(&rest, ' ');
	if (!rest.p || field.n == 0 || field.p[0] != '/')
		return false;
	out->target = field;
	out->options = str_cut(&rest, ' ');
	while (rest.p)
		if (str_is(str_cut(&rest, ' '), "-"))
			break;
	if (!rest.p)
		return false;
	out->type = str_cut(&rest, ' ');
	return out->type.n > 0;
}

static bool octal(char c)
{
	return c >= '0' && c <= '7';
}

size_t mountinfo_unescape(char *dst, size_t cap, struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '\\' && i + 3 < text.n && octal(text.p[i + 1]) &&
			octal(text.p[i + 2]) && octal(text.p[i + 3])) {
			int value = (text.p[i + 1] - '0') * 64 +
				    (text.p[i + 2] - '0') * 8 +
				    (text.p[i + 3] - '0');
			c = (char)(value & 0xff);
			i += 3;
		}
		if (n + 1 >= cap)
			return cap;
		dst[n++] = c;
	}
	dst[n] = '\0';
	return n;
}

bool mountinfo_find(struct str text, const char *target, struct mountinfo *out)
{
	char path[TARGET_MAX];
	struct str rest = text;
	bool found = false;
	while (rest.p) {
		struct mountinfo m;
		struct str line = str_cut(&rest, '\n');
		if (!mountinfo_parse(line, &m))
			continue;
		size_t n = mountinfo_unescape(path, sizeof(path), m.target);
		if (n == sizeof(path) || !str_is(str_from(path, n), target))
			continue;
		*out = m;
		found = true;
	}
	return found;
}
