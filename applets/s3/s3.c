/* SPDX-License-Identifier: MIT */
/* applets/s3/s3.c - options and commands of the S3 client. */
#include "applets/s3/s3.h"

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/fd.h"
#include "lib/fmt.h"
#include "lib/mem.h"
#include "lib/size.h"

APPLET(s3, "Move objects to and from S3 stores.",
	"usage: s3 ls [-r] [s3://BUCKET[/PREFIX]]\n"
	"       s3 get s3://BUCKET/KEY [FILE|DIR|-]\n"
	"       s3 get -r s3://BUCKET[/PREFIX] DIR\n"
	"       s3 get --tar s3://BUCKET/KEY... -\n"
	"       s3 put FILE|- s3://BUCKET/KEY\n"
	"       s3 put -r DIR s3://BUCKET[/PREFIX]\n"
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

struct s3_uri s3_uri_remote(const char *text, bool need_key)
{
	struct s3_uri at = s3_uri_of(text);
	if (!at.remote)
		die_usage("'%s' does not start with s3://", text);
	if (!s3_bucket_sound(at.bucket))
		die_usage("'%s': no bucket can have this name", text);
	if (need_key && at.key.n == 0)
		die_usage("'%s' names no object", text);
	if (at.key.n > S3_KEY_MAX)
		die_usage("the key is longer than %d bytes", S3_KEY_MAX);
	return at;
}

/* the first failure, for --status-fd; threads may fail at once */
static struct {
	pthread_mutex_t lock;
	char text[S3_ERROR_SIZE + S3_KEY_MAX];
} failure = {.lock = PTHREAD_MUTEX_INITIALIZER};

void s3_warn(const char *format, ...)
{
	char text[sizeof(failure.text)];
	va_list args;
	va_start(args, format);
	fmt_vstr(text, sizeof(text), format, args);
	va_end(args);
	warn_msg("%s", text);
	pthread_mutex_lock(&failure.lock);
	if (!failure.text[0])
		memcpy(failure.text, text, sizeof(text));
	pthread_mutex_unlock(&failure.lock);
}

void s3_complain(struct str bucket, struct str key, const char *why)
{
	if (bucket.n)
		s3_warn("s3://%.*s%s%.*s: %s", STR_FMT(bucket),
			key.n ? "/" : "", STR_FMT(key), why);
	else
		s3_warn("%s", why);
}

static const char *kind_of(int status)
{
	switch (status) {
	case S3_NOT_FOUND:
		return "not_found";
	case S3_DENIED:
		return "denied";
	case S3_NETWORK:
		return "network";
	case S3_NAME:
		return "name";
	default:
		return status > 128 ? "interrupted" : "failed";
	}
}

/* what a program reads that started us */
static void tell_outcome(const struct s3 *s3, int status)
{
	struct buf line;
	struct json_writer w = {.out = &line};
	if (s3->o->status_fd == UINT64_MAX)
		return;
	buf_init(&line, 8 * (S3_ERROR_SIZE + S3_KEY_MAX) + 2 * S3_URL_MAX);
	json_w_open(&w, '{');
	json_w_key(&w, "ok");
	json_w_bool(&w, status == S3_OK);
	if (status == S3_OK) {
		json_w_key(&w, "objects");
		json_w_u64(&w, s3->objects);
		json_w_key(&w, "bytes");
		json_w_u64(&w, s3->bytes);
		if (s3->url.n) {
			json_w_key(&w, "url");
			json_w_str(&w, buf_str(&s3->url));
		}
	} else {
		json_w_key(&w, "kind");
		json_w_text(&w, kind_of(status));
		json_w_key(&w, "error");
		json_w_text(&w, failure.text);
	}
	json_w_close(&w, '}');
	buf_putc(&line, '\n');
	(void)fd_write_full((int)s3->o->status_fd, buf_str(&line).p, line.n);
	buf_fini(&line);
}

/* ------------------------------------------------------------ the commands */

static const struct {
	const char *name;
	int (*run)(struct s3 *s3, char **args, int n);
	/* of r, d (--delete), n (--dry-run), t (--tar), p (--presign), o (what
	 * the object is to be like) and v (--version-id) */
	const char *flags;
} commands[] = {
	{"ls", s3_ls, "r"},
	{"get", s3_get, "rtv"},
	{"put", s3_put, "rpo"},
	{"cp", s3_cp, "o"},
	{"mv", s3_mv, "o"},
	{"stat", s3_stat, "v"},
	{"rm", s3_rm, "rv"},
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
		die_usage("-r goes with ls, get, put and rm");
	if (o->remove_extra && !strchr(flags, 'd'))
		die_usage("--delete goes with sync");
	if (o->dry_run && !strchr(flags, 'n'))
		die_usage("--dry-run goes with sync");
	if ((o->tar || o->raw_prefix) && !strchr(flags, 't'))
		die_usage("--tar and --raw-prefix go with get");
	if ((o->presign || o->follow) && !strchr(flags, 'p'))
		die_usage("--presign and --follow-links go with put");
	if ((o->resume || o->chunked) && !strchr(flags, 'p'))
		die_usage("--resume and --chunked go with put");
	if ((o->sse || o->sse_key || o->storage_class) && !strchr(flags, 'o'))
		die_usage("--sse, --sse-kms-key-id and --storage-class go with "
			  "put, cp and mv");
	if (o->version && (!strchr(flags, 'v') || o->recursive || o->tar))
		die_usage("--version-id goes with get, stat and rm of one "
			  "object");
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
		tell_outcome(s3, status);
		s3_fini(s3);
		mem_free(s3);
		return status == S3_NAME ? S3_FAILED : status;
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
		OPT_FLAG('r', "recursive", &o.recursive,
			"ls, rm: all below; get, put: a whole directory"),
		OPT_FLAG(0, "tar", &o.tar,
			"get: objects below prefixes as one tar archive"),
		OPT_FLAG(0, "raw-prefix", &o.raw_prefix,
			"get --tar: all keys that begin so, not only below"),
		OPT_FLAG(0, "follow-links", &o.follow,
			"put -r: files that links inside lead to"),
		OPT_FLAG(0, "resume", &o.resume,
			"put: go on with the upload that an earlier run left"),
		OPT_FLAG(0, "chunked", &o.chunked,
			"put: sign pieces of the payload, checksum behind it"),
		OPT_TEXT(0, "sse", &o.sse, "KIND",
			"put, cp: encryption by the store, AES256 or aws:kms"),
		OPT_TEXT(0, "sse-kms-key-id", &o.sse_key, "ID",
			"put, cp: with that key"),
		OPT_TEXT(0, "storage-class", &o.storage_class, "CLASS",
			"put, cp: class of the object"),
		OPT_TEXT(0, "version-id", &o.version, "ID",
			"get, stat, rm: that version of the object"),
		OPT_FLAG(0, "presign", &o.presign,
			"put: tell a URL for it, see --expires-in"),
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
			"the outcome as a JSON line to that descriptor"),
	};
	int first = applet_args(&applet_s3, opts, ARRAY_LEN(opts), argc, argv);
	if (first == argc)
		die_usage("it wants a command");
	return run(&o, argv + first, argc - first);
}
