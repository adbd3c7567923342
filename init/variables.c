/* SPDX-License-Identifier: MIT */
/* init/variables.c - variables whose values are in files, as secrets are. */
#include "init/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/log.h"

enum { NAME_SIZE = 256, VALUE_MAX = 16384 };

/* 0 or a negative errno; the text is a string without a last newline */
static int read_value(const char *path, struct buf *text)
{
	int r = file_read(AT_FDCWD, path, text);
	if (r < 0)
		return r;
	if (text->n > 0 && text->p[text->n - 1] == '\n')
		text->n--;
	if (text->n > 0 && memchr(text->p, '\0', text->n))
		return -EINVAL;
	buf_putc(text, '\0');
	return text->err;
}

static void take(const char *name)
{
	char file_name[NAME_SIZE];
	struct buf text;
	size_t n = fmt_str(file_name, sizeof(file_name), "%s_FILE", name);
	const char *path = n < sizeof(file_name) ? getenv(file_name) : NULL;
	if (!path || !*path || getenv(name))
		return;
	buf_init(&text, VALUE_MAX);
	int r = read_value(path, &text);
	if (r == 0 && setenv(name, text.p, 1) < 0)
		r = -errno;
	if (r == 0)
		(void)unsetenv(file_name);
	else
		log_error(
			"variables: %s: %s: %s", file_name, path, strerror(-r));
	buf_fini(&text);
}

void variables_from_files(const struct config *c)
{
	for (size_t i = 0; i < c->file_variables.n; i++)
		take(c->file_variables.v[i]);
}
