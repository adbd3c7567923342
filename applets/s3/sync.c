/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/sync.c - make a prefix like a directory, or the other way round.
 *
 * Both sides are listed and compared by name, size and time. Small files move
 * several at a time; those of more than one part move one after the other,
 * each in parallel parts, so that memory stays bounded.
 */
#include "applets/s3/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/dir.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/path.h"
#include "lib/size.h"
#include "net/http_date.h"

struct entry {
	char *name; /* below the directory or prefix */
	uint64_t size;
	int64_t modified;
};

struct entries {
	struct entry *v;
	size_t n;
	size_t cap;
};

struct sync {
	struct s3 *s3;
	const char *dir;
	int dir_fd;
	struct s3_uri remote; /* its key is "" or ends with '/' */
	bool up;
	struct entries local;
	struct entries far;
	struct entries moves;  /* names are of the source's list */
	struct entries extras; /* of the target's */
	pthread_mutex_t lock;  /* of what follows */
	size_t next;
	enum s3_result status;
};

static void add(struct entries *e, char *name, uint64_t size, int64_t modified)
{
	if (e->n == e->cap) {
		size_t cap = e->cap ? 2 * e->cap : 256;
		struct entry *v = mem_resize(e->v, cap * sizeof(*v));
		if (!v)
			die(S3_FAILED, "out of memory");
		e->v = v;
		e->cap = cap;
	}
	if (!name)
		die(S3_FAILED, "out of memory");
	e->v[e->n++] = (struct entry){name, size, modified};
}

static void entries_fini(struct entries *e, bool names)
{
	for (size_t i = 0; names && i < e->n; i++)
		mem_free(e->v[i].name);
	mem_free(e->v);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static void note(struct sync *s, enum s3_result r)
{
	pthread_mutex_lock(&s->lock);
	if (s->status == S3_OK)
		s->status = r;
	pthread_mutex_unlock(&s->lock);
}

/* ------------------------------------------------------------- both lists */

static void walk(struct sync *s, int dir, const char *name, const char *path);

/* a link that leads to a file inside the directory is that file */
static void look_behind(struct sync *s, const char *path)
{
	struct stat st;
	int fd = path_open(s->dir_fd, path, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		warn_msg("%s/%s: a link to no file in here, left out", s->dir,
			path);
	else
		add(&s->local, mem_dup(path, strlen(path)),
			(uint64_t)st.st_size, (int64_t)st.st_mtime);
	fd_close(&fd);
}

static void look_at(struct sync *s, int dir, const char *name, char *path)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return;
		s3_warn("%s/%s: %s", s->dir, path, strerror(errno));
		note(s, S3_FAILED);
	} else if (S_ISDIR(st.st_mode)) {
		walk(s, dir, name, path);
	} else if (S_ISREG(st.st_mode)) {
		add(&s->local, mem_dup(path, strlen(path)),
			(uint64_t)st.st_size, (int64_t)st.st_mtime);
	} else if (S_ISLNK(st.st_mode) && s->s3->o->follow) {
		look_behind(s, path);
	}
}

static void walk(struct sync *s, int dir, const char *name, const char *path)
{
	int err = 0;
	char below[PATH_LEN_MAX];
	const struct dirent *e;
	DIR *stream = dir_open(dir, name, &err);
	while (stream && (e = dir_next(stream, &err))) {
		if (fmt_str(below, sizeof(below), "%s%s%s", path,
			    *path ? "/" : "", e->d_name) >= sizeof(below))
			err = -ENAMETOOLONG;
		else
			look_at(s, dirfd(stream), e->d_name, below);
	}
	if (err) {
		s3_warn("%s%s%s: %s", s->dir, *path ? "/" : "", path,
			strerror(-err));
		note(s, S3_FAILED);
	}
	if (stream)
		closedir(stream);
}

/* may a key be a path below a directory? */
static bool safe_name(struct str name)
{
	struct str rest = name;
	if (name.n == 0 || name.n >= PATH_LEN_MAX / 2 ||
		str_index(name, '\0') < name.n)
		return false;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (part.n == 0 || str_is(part, ".") || str_is(part, "..") ||
			part.n > 255)
			return false;
	}
	return true;
}

static enum s3_result on_object(void *owner, const struct s3_object *o)
{
	struct sync *s = owner;
	int64_t modified;
	struct str name = str_from_index(o->key, s->remote.key.n);
	/* markers of directories */
	if (name.n == 0 || str_ends(name, STR("/")))
		return S3_OK;
	if (!safe_name(name)) {
		if (!s->up) {
			s3_complain(s->remote.bucket, o->key,
				"no file can have this name");
			note(s, S3_FAILED);
		}
		return S3_OK;
	}
	if (!http_date_read_iso(o->modified, &modified))
		modified = INT64_MAX;
	add(&s->far, mem_dup(name.p, name.n), o->size, modified);
	return S3_OK;
}

static enum s3_result list_remote(struct sync *s)
{
	struct s3_conn conn;
	s3_conn_init(&conn, s->s3);
	struct s3_listing l = {.conn = &conn,
		.bucket = s->remote.bucket,
		.prefix = s->remote.key,
		.flat = true,
		.each = on_object,
		.owner = s};
	enum s3_result r = s3_list(&l);
	if (r != S3_OK)
		s3_complain(s->remote.bucket, s->remote.key, l.error);
	s3_conn_fini(&conn);
	return r;
}

static void sort(struct entries *e)
{
	if (e->n)
		qsort(e->v, e->n, sizeof(*e->v), by_name);
}

static void compare(struct sync *s)
{
	struct entries *from = s->up ? &s->local : &s->far;
	struct entries *to = s->up ? &s->far : &s->local;
	size_t i = 0, k = 0;
	sort(from);
	sort(to);
	while (i < from->n || k < to->n) {
		int order = i == from->n ? 1
			    : k == to->n ? -1
					 : by_name(&from->v[i], &to->v[k]);
		struct entry *a = &from->v[i], *b = &to->v[k];
		if (order > 0)
			add(&s->extras, b->name, b->size, 0);
		else if (order < 0 || a->size != b->size ||
			 a->modified > b->modified)
			add(&s->moves, a->name, a->size, 0);
		i += order <= 0;
		k += order >= 0;
	}
}

/* ------------------------------------------------------------- the changes */

static void say(struct sync *s, const char *what, const char *name)
{
	struct buf out;
	struct json_writer w = {.out = &out};
	if (s->s3->o->quiet)
		return;
	buf_init(&out, 4 * PATH_LEN_MAX);
	if (s->s3->o->json) {
		json_w_open(&w, '{');
		json_w_key(&w, "operation");
		json_w_text(&w, what);
		json_w_key(&w, "name");
		json_w_text(&w, name);
		json_w_close(&w, '}');
		buf_putc(&out, '\n');
	} else {
		buf_putf(&out, "%s %s\n", what, name);
	}
	print_str(buf_str(&out));
	buf_fini(&out);
}

static int make_parents(const struct sync *s, const char *name)
{
	char parents[PATH_LEN_MAX];
	const char *slash = strrchr(name, '/');
	if (!slash)
		return 0;
	fmt_str(parents, sizeof(parents), "%.*s", (int)(slash - name), name);
	int dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int r = path_mkdirs(dir, parents, 0777);
	fd_close(&dir);
	return r;
}

static void move(struct sync *s, const struct entry *e)
{
	char path[2 * PATH_LEN_MAX];
	struct s3_uri at = s->remote;
	struct s3_done done = {0};
	struct buf key;
	enum s3_result r;
	buf_init(&key, 2 * S3_KEY_MAX);
	buf_put_str(&key, s->remote.key);
	buf_puts(&key, e->name);
	at.key = buf_str(&key);
	fmt_str(path, sizeof(path), "%s/%s", s->dir, e->name);
	int err = s->up ? 0 : make_parents(s, e->name);
	if (err < 0) {
		s3_warn("%s: %s", path, strerror(-err));
		r = S3_FAILED;
	} else if (s->up) {
		r = s3_put_file(s->s3, s->dir_fd, e->name, &at, &done);
	} else {
		r = s3_get_file(s->s3, &at, path, &done);
	}
	pthread_mutex_lock(&s->lock);
	if (r == S3_OK) {
		s->s3->bytes += done.bytes;
		s->s3->objects++;
	}
	if (r == S3_OK)
		say(s, s->up ? "put" : "get", e->name);
	pthread_mutex_unlock(&s->lock);
	if (r != S3_OK)
		note(s, r);
	buf_fini(&key);
}

static void *move_small(void *arg)
{
	struct sync *s = arg;
	uint64_t part = s->s3->o->part_mb << 20;
	for (;;) {
		pthread_mutex_lock(&s->lock);
		while (s->next < s->moves.n && s->moves.v[s->next].size >= part)
			s->next++;
		size_t at = s->next++;
		pthread_mutex_unlock(&s->lock);
		if (at >= s->moves.n || s3_cancelled(s->s3))
			return NULL;
		move(s, &s->moves.v[at]);
	}
}

static void move_all(struct sync *s)
{
	pthread_t thread[64] = {0};
	size_t most = size_min(s->s3->o->threads, s->moves.n);
	uint64_t part = s->s3->o->part_mb << 20;
	size_t started = 0;
	for (size_t i = 1; i < most; i++)
		started += pthread_create(
				   &thread[started], NULL, move_small, s) == 0;
	move_small(s);
	for (size_t i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < s->moves.n && !s3_cancelled(s->s3); i++)
		if (s->moves.v[i].size >= part)
			move(s, &s->moves.v[i]);
}

static void remove_far(struct sync *s)
{
	struct s3_conn conn;
	struct s3_remover r;
	struct buf key;
	s3_conn_init(&conn, s->s3);
	s3_remover_init(&r, &conn, s->remote.bucket);
	buf_init(&key, 2 * S3_KEY_MAX);
	for (size_t i = 0; i < s->extras.n; i++) {
		buf_reset(&key);
		buf_put_str(&key, s->remote.key);
		buf_puts(&key, s->extras.v[i].name);
		(void)s3_remover_add(&r, buf_str(&key));
		say(s, "delete", s->extras.v[i].name);
	}
	enum s3_result result = s3_remover_flush(&r);
	if (result != S3_OK)
		note(s, result);
	buf_fini(&key);
	s3_remover_fini(&r);
	s3_conn_fini(&conn);
}

static void remove_local(struct sync *s)
{
	int dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; dir >= 0 && i < s->extras.n; i++) {
		const char *name;
		int parent = path_open_parent(
			dir, s->extras.v[i].name, false, &name);
		int r = parent < 0 ? parent : 0;
		if (r == 0 && unlinkat(parent, name, 0) < 0)
			r = -errno;
		if (parent >= 0)
			fd_close(&parent);
		if (r < 0) {
			s3_warn("%s/%s: %s", s->dir, s->extras.v[i].name,
				strerror(-r));
			note(s, S3_FAILED);
		} else {
			say(s, "delete", s->extras.v[i].name);
		}
	}
	if (dir >= 0)
		fd_close(&dir);
}

static void apply(struct sync *s)
{
	bool remove = s->s3->o->remove_extra;
	if (s->s3->o->dry_run) {
		for (size_t i = 0; i < s->moves.n; i++)
			say(s, s->up ? "put" : "get", s->moves.v[i].name);
		for (size_t i = 0; remove && i < s->extras.n; i++)
			say(s, "delete", s->extras.v[i].name);
		return;
	}
	move_all(s);
	/* nothing goes while something has not come */
	if (!remove || s->status != S3_OK || s3_cancelled(s->s3))
		return;
	if (s->up)
		remove_far(s);
	else
		remove_local(s);
}

static void prepare(struct sync *s, char **args, int n, struct buf *prefix)
{
	struct s3_uri a = {0}, b = {0};
	if (n == 2) {
		a = s3_uri_of(args[0]);
		b = s3_uri_of(args[1]);
	}
	if (n != 2 || a.remote == b.remote || strcmp(args[0], "-") == 0 ||
		strcmp(args[1], "-") == 0)
		die_usage("it wants a directory and s3://BUCKET/PREFIX, the "
			  "source first");
	s->up = b.remote;
	s->dir = args[s->up ? 0 : 1];
	s->remote = s3_uri_remote(args[s->up ? 1 : 0], false);
	buf_put_str(prefix, s->remote.key);
	if (prefix->n && !str_ends(s->remote.key, STR("/")))
		buf_putc(prefix, '/');
	s->remote.key = buf_str(prefix);
	if (!s->up && !s->s3->o->dry_run && mkdir(s->dir, 0777) < 0 &&
		errno != EEXIST)
		die(S3_FAILED, "%s: %s", s->dir, strerror(errno));
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0 && !(s->s3->o->dry_run && errno == ENOENT))
		die(S3_FAILED, "%s: %s", s->dir, strerror(errno));
}

static void sync_fini(struct sync *s)
{
	entries_fini(&s->local, true);
	entries_fini(&s->far, true);
	entries_fini(&s->moves, false);
	entries_fini(&s->extras, false);
	fd_close(&s->dir_fd);
	pthread_mutex_destroy(&s->lock);
}

int s3_sync(struct s3 *s3, char **args, int n)
{
	struct sync s = {.s3 = s3};
	struct buf prefix;
	buf_init(&prefix, S3_KEY_MAX + 1);
	pthread_mutex_init(&s.lock, NULL);
	prepare(&s, args, n, &prefix);
	if (s.dir_fd >= 0)
		walk(&s, AT_FDCWD, s.dir, "");
	/* half a list would look as if files had gone */
	enum s3_result r = s.status;
	if (r == S3_OK)
		r = list_remote(&s);
	if (r == S3_OK) {
		compare(&s);
		apply(&s);
		r = s.status;
	}
	sync_fini(&s);
	buf_fini(&prefix);
	return r;
}

int s3_tree(struct s3 *s3, char **args, int n)
{
	struct sync s = {.s3 = s3};
	struct buf prefix;
	buf_init(&prefix, S3_KEY_MAX + 1);
	pthread_mutex_init(&s.lock, NULL);
	prepare(&s, args, n, &prefix);
	if (s.up)
		walk(&s, AT_FDCWD, s.dir, "");
	else
		note(&s, list_remote(&s));
	s.moves = s.up ? s.local : s.far;
	if (s.up || s.status == S3_OK)
		move_all(&s);
	s.moves = (struct entries){0};
	enum s3_result r = s.status;
	sync_fini(&s);
	buf_fini(&prefix);
	return r;
}
