/* SPDX-License-Identifier: MIT */
/* applets/gateway/rootfs.c - POST /data/rootfs/baseline: changes count from
 * here on. */
#include "applets/gateway/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/path.h"

enum { BODY_MAX = 1 << 20 };

bool rootfs_marked(const struct gateway *g)
{
	struct stat st;
	int fd = path_open_nofollow(g->root, ROOTFS_MARKER, O_PATH, 0);
	bool marked = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	fd_close(&fd);
	return marked;
}

/* 0 or a negative errno */
static int set_marker(const struct gateway *g, struct stat *st)
{
	int r = path_mkdirs(g->root, ROOTFS_MARKER_DIR, 0700);
	int fd = -1;
	if (r == 0)
		r = fd = path_open_nofollow(
			g->root, ROOTFS_MARKER, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		r = futimens(fd, NULL) < 0 || fstat(fd, st) < 0 ? -errno : 0;
	fd_close(&fd);
	return r;
}

static void on_body(void *owner, struct http_exchange *x, struct str body)
{
	struct stat st;
	struct buf text;
	int r = set_marker(owner, &st);
	(void)body;
	if (r < 0) {
		http_reply_detail(
			x, 500, "/" ROOTFS_MARKER ": %s", strerror(-r));
		return;
	}
	buf_init(&text, 512);
	buf_putf(&text,
		"{\"marker_path\":\"/" ROOTFS_MARKER
		"\",\"marked_at\":%lld.%09ld}",
		(long long)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec);
	http_reply(x, 200, "application/json", buf_str(&text));
	buf_fini(&text);
}

void rootfs_baseline(struct gateway *g, struct http_exchange *x)
{
	http_collect(x, BODY_MAX, on_body, g);
}
