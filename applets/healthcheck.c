/* SPDX-License-Identifier: MIT */
/*
 * applets/healthcheck.c - is this container what it should be?
 *
 * For HEALTHCHECK in exec form, where there is no shell and no curl. Silent
 * and 0 when all is well; otherwise one line a failed check, and 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/layout.h"
#include "lib/passwd.h"
#include "lib/size.h"

APPLET(healthcheck, "Exit 0 when gateway, users and directories are in order",
	"usage: healthcheck [--url URL] [--timeout MS]\n"
	"\n"
	"Asks the gateway for /health on 127.0.0.1 (port CORACLE_PORT, 8080)\n"
	"and looks at the default users and directories. Prints one line for\n"
	"each check that fails.\n"
	"\n"
	"  healthcheck                     the whole container\n"
	"  healthcheck --url http://h:1/   only this answer\n");

enum {
	TEXT_MAX = 1 << 20,
	URL_MAX = 64,
	TIMEOUT_MS = 1000,
	TIMEOUT_MAX_MS = 60000,
};

static int failures;

#define FAILED(...)                    \
	do {                           \
		failures++;            \
		warn_msg(__VA_ARGS__); \
	} while (0)

static void check_users(void)
{
	struct buf passwd;
	struct passwd_user found;
	buf_init(&passwd, TEXT_MAX);
	int r = file_read(AT_FDCWD, "/etc/passwd", &passwd);
	if (r < 0)
		FAILED("users: /etc/passwd: %s", strerror(-r));
	for (size_t i = 0; r == 0 && i < layout_users_len; i++) {
		const struct layout_user *u = &layout_users[i];
		if (!passwd_user_named(
			    buf_str(&passwd), str_of(u->name), &found))
			FAILED("users: no user %s", u->name);
		else if (found.uid != u->id)
			FAILED("users: %s has uid %u, not %u", u->name,
				(unsigned)found.uid, u->id);
	}
	buf_fini(&passwd);
}

/* only those whose mode init keeps: the others may be anyone's mount */
static void check_directories(void)
{
	struct stat st;
	for (size_t i = 0; i < layout_dirs_len; i++) {
		const struct layout_dir *d = &layout_dirs[i];
		if (d->care != LAYOUT_KEEP)
			continue;
		if (stat(d->path, &st) < 0)
			FAILED("directories: %s: %s", d->path, strerror(errno));
		else if (!S_ISDIR(st.st_mode))
			FAILED("directories: %s is none", d->path);
		else if (st.st_uid == d->uid && (st.st_mode & 07777) != d->mode)
			FAILED("directories: %s has mode %04o, not %04o",
				d->path, (unsigned)st.st_mode & 07777,
				(unsigned)d->mode);
	}
}

int healthcheck_main(int argc, char **argv)
{
	const char *url = NULL;
	uint64_t timeout_ms = TIMEOUT_MS;
	const struct arg_opt opts[] = {
		{.name = "url",
			.type = ARG_TEXT,
			.dst = &url,
			.value = "URL",
			.help = "ask this one for 200, check nothing else"},
		{.name = "timeout",
			.type = ARG_NUMBER,
			.dst = &timeout_ms,
			.value = "MS",
			.min = 1,
			.max = TIMEOUT_MAX_MS,
			.help = "how long an answer may take (1000)"},
	};
	int first = applet_args(
		&applet_healthcheck, opts, ARRAY_LEN(opts), argc, argv);
	if (first < argc)
		die_usage("takes no operand, not '%s'", argv[first]);
	if (!url) {
		check_users();
		check_directories();
	}
	return failures ? EXIT_FAIL : EXIT_OK;
}
