/* SPDX-License-Identifier: MIT */
/* lib/policy.c - what a program behind the trampoline is, and who may. */
#include "lib/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/layout.h"
#include "lib/size.h"

enum { BROKEN = 125, FORBIDDEN = 126, MISSING = 127 };
enum { ROLE_NAME_MAX = 64 };

#define FOLDER "/etc/coracle/trampoline"
#define PAIRS "/etc/coracle/run-as"
#define FIXED_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

bool policy_refuse(struct policy_error *e, int status, const char *format, ...)
{
	va_list args;
	e->status = status;
	va_start(args, format);
	fmt_vstr(e->why, sizeof(e->why), format, args);
	va_end(args);
	return false;
}

/* ----------------------------------------------------------- what is safe */

static bool is_roots_only(
	const char *path, const struct stat *st, struct policy_error *e)
{
	if (S_ISLNK(st->st_mode))
		return policy_refuse(e, BROKEN, "%s is a symbolic link", path);
	if (st->st_uid != 0)
		return policy_refuse(e, BROKEN,
			"%s belongs to uid %u: only root's is trusted", path,
			(unsigned)st->st_uid);
	if (st->st_mode & 0022)
		return policy_refuse(e, BROKEN,
			"%s can be written by others than root: chmod go-w it",
			path);
	return true;
}

static bool look_at(const char *path, struct stat *st, struct policy_error *e)
{
	if (lstat(path, st) == 0)
		return is_roots_only(path, st, e);
	return policy_refuse(e, BROKEN, "%s: %s", path, strerror(errno));
}

bool policy_path_is_safe(const char *path, struct policy_error *e)
{
	char part[POLICY_PATH_MAX];
	struct stat st;
	size_t n = strlen(path);
	if (path[0] != '/' || n >= sizeof(part))
		return policy_refuse(e, BROKEN, "not an absolute path");
	if (!look_at("/", &st, e))
		return false;
	/* from the root on: what is below a safe directory cannot move */
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (!look_at(part, &st, e))
			return false;
	}
	return true;
}

static int read_text(const char *path, char *dst, struct policy_error *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : 0;
	bool plain = n == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (plain)
		n = fd_read_full(fd, dst, POLICY_TEXT_MAX + 1);
	fd_close(&fd);
	if (n < 0)
		policy_refuse(e, BROKEN, "%s: %s", path, strerror((int)-n));
	else if (!plain)
		policy_refuse(e, BROKEN, "%s is no regular file", path);
	else if (n > POLICY_TEXT_MAX)
		policy_refuse(e, BROKEN, "%s is longer than %d bytes", path,
			POLICY_TEXT_MAX);
	else
		return (int)n;
	return -1;
}

/* ------------------------------------------------------------- the lines */

static const struct layout_user *known_user(struct str name)
{
	for (size_t i = 0; i < layout_users_len; i++)
		if (str_is(name, layout_users[i].name))
			return &layout_users[i];
	return NULL;
}

bool policy_user(struct str text, uid_t *uid)
{
	const struct layout_user *known = known_user(text);
	uint64_t v;
	if (known) {
		*uid = known->id;
		return true;
	}
	if (!str_to_u64(text, &v) || v >= UINT32_MAX)
		return false;
	*uid = (uid_t)v;
	return true;
}

/* the next word of a line whose blanks become NULs; p == NULL: no more */
static struct str next_word(struct str *rest)
{
	*rest = str_trim(*rest);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	struct str word = {n ? rest->p : NULL, n};
	*rest = str_from_index(*rest, n);
	return word;
}

/* text lies in p->text and what is behind it is a blank or a line's end */
static char *cstr(struct policy *p, struct str text)
{
	char *at = p->text + (text.p - p->text);
	at[text.n] = '\0';
	return at;
}

static const char *put_arg(struct policy *p, struct str word)
{
	if (p->argc == POLICY_WORDS_MAX)
		return "has too many arguments";
	p->argv[p->argc++] = cstr(p, word);
	return NULL;
}

static const char *take_command(struct policy *p, struct str rest)
{
	const char *wrong = NULL;
	if (p->argc)
		return "is there twice, or behind an arg";
	if (rest.n == 0 || rest.p[0] != '/')
		return "wants an absolute path and arguments";
	while (!wrong) {
		struct str word = next_word(&rest);
		if (!word.p)
			break;
		/* the byte behind the word is eaten with it */
		rest = str_from_index(rest, 1);
		wrong = put_arg(p, word);
	}
	return wrong;
}

static const char *take_arg(struct policy *p, struct str rest)
{
	return p->argc ? put_arg(p, rest) : "stands before the command";
}

bool policy_set_user(struct policy *p, const char *name)
{
	const struct layout_user *known = known_user(str_of(name));
	if (!policy_user(str_of(name), &p->uid) || p->uid == 0)
		return false;
	/* by number it is the same user */
	for (size_t i = 0; !known && i < layout_users_len; i++)
		if (layout_users[i].id == p->uid)
			known = &layout_users[i];
	p->gid = p->uid;
	p->user = known ? known->name : name;
	p->home = known ? known->home : "/";
	p->ngroups = 0;
	if (known && known->member_of)
		p->groups[p->ngroups++] =
			known_user(str_of(known->member_of))->id;
	return true;
}

static const char *take_user(struct policy *p, struct str rest)
{
	return policy_set_user(p, cstr(p, rest))
		       ? NULL
		       : "wants a user of the layout or a number, and not root";
}

static const char *take_allow(struct policy *p, struct str rest)
{
	struct policy_role role = {0};
	struct str who = next_word(&rest);
	struct str as = next_word(&rest);
	role.name = who;
	if (p->nroles == POLICY_ROLES_MAX)
		return "is there too often";
	if (!who.p || !policy_user(who, &role.uid) || role.uid == 0)
		return "wants a user of the layout or a number, and not root";
	if (as.p) {
		role.name = next_word(&rest);
		if (!str_is(as, "as") || !role.name.p || next_word(&rest).p)
			return "wants USER as ROLE";
	}
	if (role.name.n > ROLE_NAME_MAX)
		return "wants a shorter name";
	p->roles[p->nroles++] = role;
	return NULL;
}

static const char *take_pair(struct policy *p, struct str rest)
{
	struct policy_role role = {0};
	struct str from = next_word(&rest);
	struct str to = next_word(&rest);
	struct str more = next_word(&rest);
	if (p->nroles == POLICY_ROLES_MAX)
		return "is there too often";
	if (!from.p || !to.p || !policy_user(from, &role.uid) ||
		!policy_user(to, &role.target) || role.target == 0)
		return "wants FROM TO, each a user of the layout or a number, "
		       "and TO not root";
	if (more.p && !str_is(more, "kill-all"))
		return "may end with kill-all only";
	role.name = from;
	role.kill_all = more.p != NULL;
	p->roles[p->nroles++] = role;
	return NULL;
}

static const char *take_directory(struct policy *p, struct str rest)
{
	if (rest.n == 0 || rest.p[0] != '/')
		return "wants an absolute path";
	p->directory = cstr(p, rest);
	return NULL;
}

static const char *take_env(struct policy *p, struct str rest)
{
	size_t eq = str_index(rest, '=');
	if (eq == 0 || eq == rest.n)
		return "wants NAME=VALUE";
	/* which the program could take for another caller */
	if (str_starts(rest, STR("CORACLE_CALLER")))
		return "may not set CORACLE_CALLER";
	if (p->nenv == POLICY_ENV_MAX)
		return "is there too often";
	p->env[p->nenv++] = cstr(p, rest);
	return NULL;
}

static const char *take_limit(struct policy *p, struct str rest)
{
	static const struct {
		const char *name;
		int resource;
	} known[] = {{"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
		{"as", RLIMIT_AS}, {"fsize", RLIMIT_FSIZE},
		{"stack", RLIMIT_STACK}, {"cpu", RLIMIT_CPU},
		{"memlock", RLIMIT_MEMLOCK}, {"data", RLIMIT_DATA}};
	struct str name = next_word(&rest);
	struct spawn_limit limit;
	if (p->nlimits == POLICY_LIMITS_MAX)
		return "is there too often";
	for (size_t i = 0; name.p && i < ARRAY_LEN(known); i++) {
		if (!str_is(name, known[i].name))
			continue;
		limit.resource = known[i].resource;
		if (!str_to_u64(str_trim(rest), &limit.value))
			return "wants a number";
		p->limits[p->nlimits++] = limit;
		return NULL;
	}
	return "wants nofile, nproc, as, fsize, stack, cpu, memlock or data";
}

static const char *take_real_uid(struct policy *p, struct str rest)
{
	p->real_uid = str_is(rest, "caller");
	return p->real_uid || str_is(rest, "user") ? NULL
						   : "wants caller or user";
}

static const char *take_new_privs(struct policy *p, struct str rest)
{
	p->new_privs = str_is(rest, "yes");
	return p->new_privs || str_is(rest, "no") ? NULL : "wants yes or no";
}

struct key {
	const char *name;
	const char *(*take)(struct policy *p, struct str rest);
};

static const struct key command_keys[] = {{"command", take_command},
	{"arg", take_arg}, {"user", take_user}, {"allow", take_allow},
	{"directory", take_directory}, {"env", take_env}, {"limit", take_limit},
	{"real-uid", take_real_uid}, {"new-privs", take_new_privs}};
static const struct key pair_keys[] = {{"allow", take_pair}};

static bool take_line(struct policy *p, struct str line, const struct key *keys,
	size_t nkeys, struct policy_error *e)
{
	struct str rest = str_trim(line);
	if (rest.n == 0 || rest.p[0] == '#')
		return true;
	struct str name = next_word(&rest);
	for (size_t i = 0; i < nkeys; i++) {
		if (!str_is(name, keys[i].name))
			continue;
		const char *wrong = keys[i].take(p, str_trim(rest));
		return wrong ? policy_refuse(
				       e, BROKEN, "%s %s", keys[i].name, wrong)
			     : true;
	}
	return policy_refuse(e, BROKEN, "no such key: %.*s",
		(int)size_min(name.n, 40), name.p);
}

static bool parse(struct policy *p, size_t n, const struct key *keys,
	size_t nkeys, struct policy_error *e)
{
	struct str rest = {p->text, n};
	if (memchr(p->text, '\0', n))
		return policy_refuse(e, BROKEN, "it has a NUL");
	p->text[n] = '\0';
	for (unsigned line = 1; rest.p; line++) {
		struct policy_error inner;
		if (take_line(p, str_cut(&rest, '\n'), keys, nkeys, &inner))
			continue;
		return policy_refuse(e, BROKEN, "line %u: %s", line, inner.why);
	}
	return true;
}

static void reset(struct policy *p)
{
	const struct layout_user *u = known_user(STR("environment"));
	p->argc = p->nroles = p->nenv = p->nlimits = 0;
	p->uid = u->id;
	p->gid = u->id;
	p->user = u->name;
	p->home = u->home;
	p->groups[0] = known_user(str_of(u->member_of))->id;
	p->ngroups = 1;
	p->directory = "/";
	p->real_uid = false;
	p->new_privs = false;
}

bool policy_parse(struct policy *p, size_t n, struct policy_error *e)
{
	reset(p);
	if (!parse(p, n, command_keys, ARRAY_LEN(command_keys), e))
		return false;
	p->argv[p->argc] = NULL;
	if (p->argc == 0)
		return policy_refuse(e, BROKEN, "it has no command");
	return true;
}

bool policy_parse_pairs(struct policy *p, size_t n, struct policy_error *e)
{
	reset(p);
	return parse(p, n, pair_keys, ARRAY_LEN(pair_keys), e);
}

/* -------------------------------------------------------------- the files */

typedef bool parse_fn(struct policy *p, size_t n, struct policy_error *e);

static bool read_file(struct policy *p, const char *path, parse_fn *parse_text,
	struct policy_error *e)
{
	struct policy_error inner;
	if (!policy_path_is_safe(path, e))
		return false;
	int n = read_text(path, p->text, e);
	if (n < 0)
		return false;
	if (parse_text(p, (size_t)n, &inner))
		return true;
	return policy_refuse(e, inner.status, "%s: %s", path, inner.why);
}

/* no component that would lead out of the folder */
static bool is_plain(const char *path)
{
	struct str rest = str_of(path);
	if (path[0] != '/')
		return false;
	rest = str_from_index(rest, 1);
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
			return false;
	}
	return true;
}

bool policy_read(struct policy *p, const char *program, struct policy_error *e)
{
	char path[POLICY_PATH_MAX];
	if (!is_plain(program) || fmt_str(path, sizeof(path), FOLDER "%s",
					  program) >= sizeof(path))
		return policy_refuse(e, BROKEN, "not a path that has a policy");
	p->trampoline = program;
	return read_file(p, path, policy_parse, e);
}

bool policy_read_pairs(struct policy *p, struct policy_error *e)
{
	return read_file(p, PAIRS, policy_parse_pairs, e);
}

bool policy_find_program(struct policy *p, struct policy_error *e)
{
	char link[64];
	struct policy_error inner;
	struct stat st;
	int fd = open(p->argv[0], O_PATH | O_CLOEXEC);
	if (fd < 0)
		return policy_refuse(e, errno == ENOENT ? MISSING : FORBIDDEN,
			"%s: %s", p->argv[0], strerror(errno));
	fmt_str(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, p->program, sizeof(p->program) - 1);
	bool plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	fd_close(&fd);
	if (n < 0)
		return policy_refuse(
			e, BROKEN, "/proc is needed: %s", strerror(errno));
	p->program[n] = '\0';
	if (!policy_path_is_safe(p->program, &inner))
		return policy_refuse(e, FORBIDDEN, "%s", inner.why);
	if (!plain || !(st.st_mode & 0111))
		return policy_refuse(
			e, FORBIDDEN, "%s is no program", p->program);
	return true;
}

/* ------------------------------------------------------- what follows of it */

const struct policy_role *policy_role(const struct policy *p, uid_t uid)
{
	for (size_t i = 0; i < p->nroles; i++)
		if (p->roles[i].uid == uid)
			return &p->roles[i];
	return NULL;
}

const struct policy_role *policy_pair(
	const struct policy *p, uid_t from, uid_t to)
{
	for (size_t i = 0; i < p->nroles; i++)
		if (p->roles[i].uid == from && p->roles[i].target == to)
			return &p->roles[i];
	return NULL;
}

struct making {
	struct policy *p;
	size_t used;
	size_t n;
};

/* the file's word is the last one */
static bool file_sets(const struct policy *p, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < p->nenv; i++)
		if (strncmp(p->env[i], name, n) == 0 && p->env[i][n] == '=')
			return true;
	return false;
}

static void put(struct making *m, const char *name, struct str value)
{
	struct policy *p = m->p;
	if (file_sets(p, name))
		return;
	size_t room = sizeof(p->made) - m->used;
	char *at = p->made + m->used;
	size_t n = fmt_str(at, room, "%s=%.*s", name, STR_FMT(value)) + 1;
	/* all of them are short: a role's name by ROLE_NAME_MAX */
	if (n > room)
		return;
	m->used += n;
	p->environment[m->n++] = at;
}

char *const *policy_environment(
	struct policy *p, const struct policy_role *role)
{
	struct making m = {.p = p};
	char uid[FMT_U64_MAX + 1];
	size_t n = fmt_u64(uid, role->uid);
	put(&m, "PATH", STR(FIXED_PATH));
	put(&m, "HOME", str_of(p->home));
	put(&m, "USER", str_of(p->user));
	put(&m, "LOGNAME", str_of(p->user));
	put(&m, "SHELL", STR("/bin/sh"));
	put(&m, "LANG", STR("C.UTF-8"));
	put(&m, "CORACLE_CALLER", role->name);
	put(&m, "CORACLE_CALLER_UID", str_from(uid, n));
	for (size_t i = 0; i < p->nenv; i++)
		p->environment[m.n++] = p->env[i];
	p->environment[m.n] = NULL;
	return p->environment;
}
