/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/archive.c - reading an archive: which members go to a sink.
 *
 * input: untrusted
 */
#include "applets/tar/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fmt.h"
#include "lib/gzip_ahead.h"
#include "lib/gzip_in.h"
#include "lib/mem.h"
#include "lib/tar_read.h"

struct archive {
	const struct tar_options *o;
	struct report *r;
	const struct sink *sink;
	struct tar_read *reader;
	bool open;      /* the sink is inside a member */
	bool wanted;    /* and gets this one's data */
	bool *found;    /* which operands were there */
	char last[300]; /* name of the last member, for messages */
};

static void stop(struct archive *a, enum fail_kind kind, const char *text)
{
	report_fail(a->r, kind, a->last[0] ? a->last : NULL, "%s", text);
	a->r->stop = true;
}

/* operands, --exclude and --strip-components; p == NULL: not this one */
static struct str choose(struct archive *a, const struct tar_entry *e)
{
	const struct str none = {NULL, 0};
	struct str name = e->name;
	if (a->o->nnames) {
		size_t i = name_selected(a->o, name);
		if (i == a->o->nnames)
			return none;
		a->found[i] = true;
	}
	if (name_excluded(a->o, name))
		return none;
	if (name_in_stage(name)) {
		report_warn(a->r, name.p, "reserved name, left out");
		return none;
	}
	return a->o->strip ? name_strip(name, a->o->strip) : name;
}

/* false: over a limit, reported */
static bool count(struct archive *a, const struct tar_entry *e)
{
	struct report *r = a->r;
	uint64_t size = e->type == TAR_FILE ? e->size : 0;
	r->entries++;
	if (e->type == TAR_FILE)
		r->files++;
	r->bytes += size;
	if (a->o->max_entries && r->entries > a->o->max_entries) {
		stop(a, FAIL_LIMIT, "too many members");
		return false;
	}
	if (a->o->max_size &&
		(size > a->o->max_size || r->bytes > a->o->max_size)) {
		stop(a, FAIL_LIMIT, "the files are over the size limit");
		return false;
	}
	return true;
}

static void on_entry(struct archive *a)
{
	const struct tar_entry *e = &a->reader->entry;
	fmt_str(a->last, sizeof(a->last), "%s", e->name.p);
	struct str name = choose(a, e);
	a->wanted = name.p && count(a, e);
	if (!a->wanted)
		return;
	if (e->note)
		report_fail(a->r, FAIL_TAR, a->last, "%s", e->note);
	a->open = true;
	a->sink->begin(a->sink->self, e, name);
}

static void on_error(struct archive *a)
{
	switch (a->reader->fault) {
	case TAR_FAULT_CUT:
		stop(a, FAIL_CUT, a->reader->error);
		break;
	case TAR_FAULT_EMPTY:
		stop(a, FAIL_EMPTY, a->reader->error);
		break;
	case TAR_FAULT_LIMIT:
		stop(a, FAIL_LIMIT, a->reader->error);
		break;
	case TAR_FAULT_MEMORY:
		stop(a, FAIL_IO, a->reader->error);
		break;
	case TAR_FAULT_FORMAT:
	case TAR_FAULT_NONE:
		stop(a, FAIL_TAR, a->reader->error);
		break;
	}
}

static void on_event(struct archive *a, enum tar_event event)
{
	struct tar_read *t = a->reader;
	switch (event) {
	case TAR_ENTRY:
		on_entry(a);
		break;
	case TAR_DATA:
		if (a->wanted)
			a->sink->data(a->sink->self, t->data, t->data_offset);
		break;
	case TAR_ENTRY_END:
		if (a->wanted)
			a->sink->end(a->sink->self, &t->entry);
		a->open = false;
		a->wanted = false;
		break;
	case TAR_ERROR:
		on_error(a);
		break;
	case TAR_MORE:
	case TAR_END:
		break;
	}
}

static enum fail_kind kind_of(const struct archive *a, const struct gzip_in *in)
{
	switch (in->fail) {
	case GZIP_IN_FINE:
	case GZIP_IN_ERRNO:
		return FAIL_IO;
	case GZIP_IN_FOREIGN:
		return a->o->gzip ? FAIL_GZIP : FAIL_TAR;
	case GZIP_IN_STREAM:
		if (in->err == GZIP_CUT)
			return FAIL_CUT;
		return in->err == GZIP_EMPTY ? FAIL_EMPTY : FAIL_GZIP;
	case GZIP_IN_RATIO:
		return FAIL_LIMIT;
	case GZIP_IN_STOPPED:
		return FAIL_INTERRUPTED;
	}
	return FAIL_IO;
}

/* the input itself failed, whatever it holds */
static void on_input_error(struct archive *a, const struct gzip_in *in)
{
	const char *file = a->o->file;
	if (in->text)
		report_fail(a->r, kind_of(a, in), NULL, "%s", in->text);
	else
		report_errno(a->r, file, "Cannot read", in->err);
	a->r->stop = true;
}

static void feed(struct archive *a, const void *chunk, size_t n)
{
	enum tar_event event = TAR_ENTRY;
	tar_read_feed(a->reader, chunk, n);
	while (event != TAR_MORE && !a->r->stop) {
		event = tar_read_next(a->reader);
		on_event(a, event);
	}
}

static void on_trailing(struct archive *a)
{
	report_warn(a->r, NULL, "decompression ok, trailing garbage ignored");
	/* as when gzip's own warning reaches tar */
	if (!a->r->all_fatal)
		a->r->status = STATUS_FATAL;
}

/* to the very end of the input, so that its checksum is known to be right */
static void read_all(struct archive *a, struct gzip_in *in)
{
	struct gzip_ahead ahead;
	const void *chunk;
	ssize_t n = 1;
	int err = gzip_ahead_start(&ahead, in);
	if (err) {
		report_errno(a->r, NULL, "buffers", -err);
		a->r->stop = true;
	}
	while (n > 0 && !a->r->stop) {
		n = gzip_ahead_pull(&ahead, &chunk);
		if (n > 0)
			feed(a, chunk, (size_t)n);
		else if (n == 0)
			on_event(a, tar_read_eof(a->reader));
	}
	gzip_ahead_stop(&ahead);
	if (n < 0)
		on_input_error(a, in);
	if (!a->r->stop && in->trailing)
		on_trailing(a);
}

static void after_all(struct archive *a)
{
	if (a->reader->no_end)
		report_warn(a->r, NULL, "the archive has no end marker");
	if (a->reader->lone_zero)
		report_warn(
			a->r, NULL, "the end marker is a single zero block");
	for (size_t i = 0; i < a->o->nnames; i++)
		if (!a->found[i])
			report_fail(a->r, FAIL_TAR, a->o->names[i],
				"Not found in archive");
}

/* the descriptor of what -f names, or -1 (reported) */
static int open_archive(struct archive *a)
{
	const char *file = a->o->file;
	if (file && strcmp(file, "-") != 0) {
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			report_errno(a->r, file, "Cannot read", errno);
		a->r->stop = fd < 0;
		return fd;
	}
	if (!isatty(STDIN_FILENO))
		return STDIN_FILENO;
	stop(a, FAIL_IO,
		"refusing to read an archive from a terminal "
		"(is -f missing?)");
	return -1;
}

void archive_read(const struct tar_options *o, struct report *r, int signal_fd,
	const struct sink *sink)
{
	struct gzip_in in;
	struct archive a = {.o = o, .r = r, .sink = sink};
	a.reader = mem_new(sizeof(*a.reader));
	a.found = mem_new_array(o->nnames, sizeof(*a.found));
	if (!a.reader || !a.found) {
		stop(&a, FAIL_IO, "out of memory");
		goto out;
	}
	tar_read_init(a.reader);
	int fd = open_archive(&a);
	if (fd >= 0) {
		if (!gzip_in_open(&in, fd, signal_fd, o->gzip)) {
			on_input_error(&a, &in);
		} else if (!in.gunzip && gzip_in_foreign(&in)) {
			stop(&a, FAIL_TAR, gzip_in_foreign(&in));
		} else {
			in.max_ratio = o->max_ratio;
			read_all(&a, &in);
		}
		gzip_in_close(&in);
	}
	if (a.open)
		sink->abandon(sink->self);
	if (!r->stop)
		after_all(&a);
	tar_read_fini(a.reader);
out:
	mem_free(a.reader);
	mem_free(a.found);
}
