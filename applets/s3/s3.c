/* SPDX-License-Identifier: MIT */
/* applets/s3/s3.c - options and commands of the S3 client. */
#include "applets/s3/s3.h"

#include <signal.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/size.h"

APPLET(s3, "Move objects to and from S3 stores.",
	"usage: s3 ls [-r] [s3://BUCKET[/PREFIX]]\n"
	"       s3 get s3://BUCKET/KEY [FILE|DIR|-]\n"
	"       s3 put FILE|- s3://BUCKET/KEY\n"
	"       s3 cp|mv SOURCE TARGET\n"
	"       s3 stat s3://BUCKET[/KEY]\n"
	"       s3 rm [-r] s3://BUCKET/KEY...\n"
	"       s3 sync [--delete] SOURCE TARGET\n"
	"       s3 presign s3://BUCKET/KEY\n"
	"       s3 mb|rb s3://BUCKET\n"
	"\n"
	"Keys, region and endpoint come from options, the AWS variables, the\n"
	"files in ~/.aws, a web identity, the container or the instance.\n"
	"\n"
	"  tar -cz DIR | s3 put - s3://bucket/dir.tgz   of unknown length\n"
	"  s3 get s3://bucket/dir.tgz - | tar -xz\n"
	"  s3 sync --delete site s3://bucket/site\n"
	"  s3 --endpoint-url http://localhost:9000 ls\n"
	"\n"
	"exit status: 0 done, 1 failed, 2 wrong usage, 3 no such bucket or\n"
	"object, 4 access denied or no credentials, 5 no answer from the\n"
	"store, 128+N ended by signal N\n");

/* ------------------------------------------------------- for all commands */

struct s3_uri s3_uri_of(const char *text)
{
	struct s3_uri at = {.text = text};
	struct str rest = str_of(text);
	if (!str_starts(rest, STR("s3://")))
		return at;
	at.remote = true;
	rest = str_from_index(rest, 5);
	at.bucket = str_cut(&rest, '/');
	at.key = rest.p ? rest : STR("");
	return at;
}

/* what would confuse a host name, a path or a signature */
static bool bucket_sound(struct str bucket)
{
	for (size_t i = 0; i < bucket.n; i++) {
		char c = bucket.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '.' ||
			    c == '_'))
			return false;
	}
	return bucket.n > 0 && bucket.n <= 255;
}

struct s3_uri s3_uri_remote(const char *text, bool need_key)
{
	struct s3_uri at = s3_uri_of(text);
	if (!at.remote)
		die_usage("'%s' does not start with s3://", text);
	if (!bucket_sound(at.bucket))
		die_usage("'%s': no bucket can have this name", text);
	if (need_key && at.key.n == 0)
		die_usage("'%s' names no object", text);
	if (at.key.n > S3_KEY_MAX)
		die_usage("the key is longer than %d bytes", S3_KEY_MAX);
	return at;
}

void s3_report(const struct s3_options *o, struct buf *line)
{
	int fd = STDOUT_FILENO;
	buf_putc(line, '\n');
	if (o->status_fd != UINT64_MAX)
		fd = (int)o->status_fd;
	(void)fd_write_full(fd, buf_str(line).p, line->n);
}

void s3_complain(struct str bucket, struct str key, const char *why)
{
	if (bucket.n)
		warn_msg("s3://%.*s%s%.*s: %s", STR_FMT(bucket),
			key.n ? "/" : "", STR_FMT(key), why);
	else
		warn_msg("%s", why);
}

/* ------------------------------------------------------------ the commands */

static const struct {
	const char *name;
	int (*run)(struct s3 *s3, char **args, int n);
	const char *flags; /* of r, d (--delete) and n (--dry-run) */
} commands[] = {
	{"ls", s3_ls, "r"},
	{"get", s3_get, ""},
	{"put", s3_put, ""},
	{"cp", s3_cp, ""},
	{"mv", s3_mv, ""},
	{"stat", s3_stat, ""},
	{"rm", s3_rm, "r"},
	{"sync", s3_sync, "dn"},
	{"presign", s3_presign, ""},
	{"mb", s3_mb, ""},
	{"rb", s3_rb, ""},
};

static int *cancel_flag;

static void on_signal(int signo)
{
	__atomic_store_n(cancel_flag, signo, __ATOMIC_RELAXED);
}

static void watch_signals(struct s3 *s3)
{
	struct sigaction action = {.sa_handler = on_signal};
	cancel_flag = &s3->cancel;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

static void check_flags(const struct s3_options *o, const char *flags)
{
	if (o->recursive && !strchr(flags, 'r'))
		die_usage("-r goes with ls and rm");
	if (o->remove_extra && !strchr(flags, 'd'))
		die_usage("--delete goes with sync");
	if (o->dry_run && !strchr(flags, 'n'))
		die_usage("--dry-run goes with sync");
	if (o->path_style && o->virtual_host)
		die_usage("--path-style and --virtual-host exclude each other");
}

static int run(const struct s3_options *o, char **args, int n)
{
	struct s3 *s3 = mem_new(sizeof(*s3));
	if (!s3)
		die(S3_FAILED, "out of memory");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, args[0]) != 0)
			continue;
		check_flags(o, commands[i].flags);
		s3_setup(s3, o);
		watch_signals(s3);
		int status = commands[i].run(s3, args + 1, n - 1);
		if (s3->cancel)
			status = 128 + s3->cancel;
		s3_fini(s3);
		mem_free(s3);
		return status;
	}
	mem_free(s3);
	die_usage("no command '%s'", args[0]);
}

/* lint: long because the table of options is in it */
int s3_main(int argc, char **argv)
{
	struct s3_options o = {.checksum = "crc64nvme",
		.method = "GET",
		.part_mb = S3_PART >> 20,
		.threads = S3_THREADS,
		.retries = 5,
		.expires = 3600,
		.status_fd = UINT64_MAX,
		.timeout_s = 60};
	const struct arg_opt opts[] = {
		OPT_FLAG('r', "recursive", &o.recursive, "ls, rm: all below"),
		OPT_FLAG(0, "json", &o.json, "outcomes as JSON, one a line"),
		OPT_FLAG('q', "quiet", &o.quiet, "no progress on a terminal"),
		OPT_TEXT(0, "endpoint-url", &o.endpoint, "URL",
			"the store, if it is not AWS"),
		OPT_TEXT(0, "region", &o.region, "NAME", "region (us-east-1)"),
		OPT_TEXT(0, "profile", &o.profile, "NAME",
			"section of ~/.aws files"),
		OPT_TEXT(0, "ca-bundle", &o.ca_file, "FILE",
			"trust the authorities in FILE (PEM)"),
		OPT_FLAG(0, "no-verify-ssl", &o.insecure,
			"accept any certificate"),
		OPT_FLAG(0, "no-sign-request", &o.anonymous,
			"without credentials"),
		OPT_FLAG(0, "path-style", &o.path_style,
			"the bucket in the path (custom endpoints: default)"),
		OPT_FLAG(0, "virtual-host", &o.virtual_host,
			"the bucket in the host name (AWS: default)"),
		OPT_TEXT(0, "checksum", &o.checksum, "KIND",
			"none, crc32, crc32c, crc64nvme (default) or sha256"),
		OPT_TEXT(0, "content-type", &o.content_type, "TYPE",
			"put: type of the object"),
		OPT_FLAG(0, "delete", &o.remove_extra,
			"sync: remove what the source does not have"),
		OPT_FLAG(0, "dry-run", &o.dry_run,
			"sync: say what would be done"),
		OPT_NUMBER(0, "part-size", &o.part_mb, "MB", 5, 1024,
			"MiB of a part (8)"),
		OPT_NUMBER(0, "threads", &o.threads, "N", 1, 64,
			"parts or objects at once (8)"),
		OPT_NUMBER(0, "retries", &o.retries, "N", 0, 100,
			"repetitions of a call (5)"),
		OPT_NUMBER(0, "timeout", &o.timeout_s, "S", 1, 86400,
			"longest silence of the store (60)"),
		OPT_TEXT(0, "method", &o.method, "METHOD",
			"presign: GET, PUT ..."),
		OPT_NUMBER(0, "expires-in", &o.expires, "S", 1,
			SIGV4_EXPIRES_MAX,
			"presign: good for S seconds (3600)"),
		OPT_NUMBER(0, "status-fd", &o.status_fd, "N", 0, 1 << 20,
			"outcomes as JSON to that descriptor"),
	};
	int first = applet_args(&applet_s3, opts, ARRAY_LEN(opts), argc, argv);
	if (first == argc)
		die_usage("it wants a command");
	return run(&o, argv + first, argc - first);
}
