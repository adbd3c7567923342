/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_read.c - a tar stream as events.
 *
 * input: untrusted
 *
 * Extended headers are collected first; the header of the member itself then
 * makes an entry of all that was said about it. The one number that decides
 * where the next header stands (the size) is used as it stands for headers of
 * headers, and only the member itself takes the size that PAX gives.
 */
#include "lib/tar_read.h"

#include "lib/size.h"
#include "lib/tar_field.h"

enum state {
	ST_HEADER,
	ST_META,       /* payload of an L, K, x or g header */
	ST_OLD_SPARSE, /* further descriptors of an old GNU sparse file */
	ST_MAP,        /* the map of a PAX 1.0 sparse file */
	ST_READY,      /* the entry is complete and can be told */
	ST_DATA,
	ST_SKIP, /* payload that nobody wants */
	ST_PAD,
	ST_LINK_END,   /* after an entry whose size may be a lie */
	ST_LINK_BLOCK, /* the block behind it: its data, or a header? */
	ST_END,
	ST_ERROR,
};

/* fields of the old GNU header, in the place of ustar's prefix */
enum {
	GNU_SPARSE = 386,
	GNU_SPARSE_COUNT = 4,
	GNU_EXTENDED = 482,
	GNU_REAL_SIZE = 483,
	EXT_COUNT = 21, /* descriptors in a block of their own */
	EXT_MORE = 504,
};

enum { TEXT_LINK, TEXT_USER, TEXT_GROUP };

void tar_read_init(struct tar_read *r)
{
	*r = (struct tar_read){.state = ST_HEADER, .first = true};
	buf_init(&r->meta, TAR_META_MAX);
	buf_init(&r->name, TAR_BLOCK);
	tar_pax_init(&r->global);
	tar_pax_init(&r->local);
	buf_init(&r->long_name.b, TAR_META_MAX);
	buf_init(&r->long_link.b, TAR_META_MAX);
	buf_init(&r->sparse_name.b, TAR_META_MAX);
	tar_sparse_init(&r->sparse);
}

void tar_read_fini(struct tar_read *r)
{
	buf_fini(&r->meta);
	buf_fini(&r->name);
	tar_pax_fini(&r->global);
	tar_pax_fini(&r->local);
	buf_fini(&r->long_name.b);
	buf_fini(&r->long_link.b);
	buf_fini(&r->sparse_name.b);
	tar_sparse_fini(&r->sparse);
}

void tar_read_feed(struct tar_read *r, const void *p, size_t n)
{
	r->in = p;
	r->in_n = n;
}

static enum tar_event fail(
	struct tar_read *r, enum tar_fault fault, const char *error)
{
	r->fault = fault;
	r->error = error;
	r->state = ST_ERROR;
	return TAR_ERROR;
}

static enum tar_event fail_format(struct tar_read *r, const char *error)
{
	return fail(r, TAR_FAULT_FORMAT, error);
}

static void skip(struct tar_read *r, size_t n)
{
	r->in += n;
	r->in_n -= n;
}

/* collect a whole block; false: more input is needed */
static bool collect_block(struct tar_read *r)
{
	size_t n = size_min(TAR_BLOCK - r->have, r->in_n);
	if (n)
		memcpy(r->block + r->have, r->in, n);
	skip(r, n);
	r->have += n;
	if (r->have < TAR_BLOCK)
		return false;
	r->have = 0;
	return true;
}

static bool is_zero(const char block[TAR_BLOCK])
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* old Suns summed signed bytes */
static int64_t signed_checksum(const struct tar_header *h)
{
	int64_t sum = tar_checksum(h);
	const char *p = (const char *)h;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		if ((uint8_t)p[i] & 0x80)
			sum -= 256;
	for (size_t i = 0; i < sizeof(h->sum); i++)
		if ((uint8_t)h->sum[i] & 0x80)
			sum += 256;
	return sum;
}

static bool sum_is_right(const struct tar_header *h)
{
	int64_t sum;
	if (!tar_field_int(h->sum, sizeof(h->sum), &sum))
		return false;
	return sum == tar_checksum(h) || sum == signed_checksum(h);
}

/* ------------------------------------------- headers that precede headers */

static enum tar_event apply_pax(struct tar_read *r, bool global)
{
	struct str rest = buf_str(&r->meta);
	struct str prefix = STR("GNU.sparse.");
	struct str key;
	struct str value;
	int more;
	while ((more = tar_pax_next(&rest, &key, &value)) > 0) {
		const char *error;
		if (!str_starts(key, prefix))
			error = tar_pax_set(global ? &r->global : &r->local,
				key, value, global);
		else if (!global)
			error = tar_sparse_record(&r->sparse,
				str_from_index(key, prefix.n), value,
				&r->sparse_name);
		else
			error = NULL;
		if (error)
			return fail_format(r, error);
	}
	if (more < 0)
		return fail_format(r, "malformed PAX header");
	return TAR_MORE;
}

static enum tar_event apply_meta(struct tar_read *r)
{
	enum tar_event event = TAR_MORE;
	struct str text = buf_str(&r->meta);
	if (r->meta.err)
		return fail(r, TAR_FAULT_MEMORY, "out of memory");
	if (r->meta_flag == 'L')
		tar_text_set(
			&r->long_name, str_first(text, str_index(text, '\0')));
	else if (r->meta_flag == 'K')
		tar_text_set(
			&r->long_link, str_first(text, str_index(text, '\0')));
	else
		event = apply_pax(r, r->meta_flag == 'g');
	if (r->long_name.b.err || r->long_link.b.err)
		return fail(r, TAR_FAULT_MEMORY, "out of memory");
	if (r->meta_flag != 'g')
		r->pending = true;
	return event;
}

static enum tar_event begin_meta(struct tar_read *r, char flag, uint64_t size)
{
	if (size > TAR_META_MAX)
		return fail(r, TAR_FAULT_LIMIT,
			"extended header is larger than 1 MiB");
	buf_reset(&r->meta);
	r->meta_flag = flag;
	r->left = size;
	r->pad = tar_padding(size);
	r->state = ST_META;
	return TAR_MORE;
}

static enum tar_event step_meta(struct tar_read *r)
{
	size_t n = size_min((size_t)r->left, r->in_n);
	buf_put(&r->meta, r->in, n);
	skip(r, n);
	r->left -= n;
	if (r->left)
		return TAR_MORE;
	r->state = ST_PAD;
	return apply_meta(r);
}

/* ------------------------------------------------- the header of a member */

/* a field of the header, copied so that it ends with a NUL */
static struct str keep_text(
	struct tar_read *r, int which, const char *field, size_t n)
{
	struct str text = tar_field_text(field, n);
	memcpy(r->text[which], text.p, text.n);
	r->text[which][text.n] = '\0';
	return str_from(r->text[which], text.n);
}

static void header_name(struct tar_read *r, const struct tar_header *h)
{
	struct str name = tar_field_text(h->name, sizeof(h->name));
	struct str prefix = tar_field_text(h->prefix, sizeof(h->prefix));
	buf_reset(&r->name);
	/* GNU's magic ends with a space, and has times where the prefix is */
	if (memcmp(h->magic, "ustar", 6) == 0 && prefix.n) {
		buf_put_str(&r->name, prefix);
		buf_putc(&r->name, '/');
	}
	buf_put_str(&r->name, name);
	/* a reserved byte makes sure that there is memory for the NUL */
	(void)buf_reserve(&r->name, 1);
	(void)buf_cstr(&r->name);
	r->entry.name = buf_str(&r->name);
}

static enum tar_type type_of(char flag, struct str name)
{
	switch (flag) {
	case '1':
		return TAR_HARD_LINK;
	case '2':
		return TAR_SYMLINK;
	case '3':
		return TAR_CHAR;
	case '4':
		return TAR_BLOCK_DEVICE;
	case '5':
	case 'D': /* a directory with a list of its files */
		return TAR_DIR;
	case '6':
		return TAR_FIFO;
	default:
		/* before ustar, a slash was what made a directory */
		return str_ends(name, STR("/")) ? TAR_DIR : TAR_FILE;
	}
}

/* a number that only informs: what is not understood counts as 0 */
static uint64_t soft_number(const char *field, size_t n, uint64_t max)
{
	uint64_t v;
	return tar_field_uint(field, n, &v) && v <= max ? v : 0;
}

static void header_numbers(struct tar_read *r, const struct tar_header *h)
{
	struct tar_entry *e = &r->entry;
	int64_t mtime;
	e->mode = (uint32_t)soft_number(h->mode, sizeof(h->mode), INT64_MAX) &
		  07777;
	e->uid = soft_number(h->uid, sizeof(h->uid), UINT32_MAX - 1);
	e->gid = soft_number(h->gid, sizeof(h->gid), UINT32_MAX - 1);
	e->major =
		(uint32_t)soft_number(h->major, sizeof(h->major), UINT32_MAX);
	e->minor =
		(uint32_t)soft_number(h->minor, sizeof(h->minor), UINT32_MAX);
	if (!tar_field_int(h->mtime, sizeof(h->mtime), &mtime))
		mtime = 0;
	e->mtime = (struct timespec){.tv_sec = mtime};
}

static void header_texts(struct tar_read *r, const struct tar_header *h)
{
	struct tar_entry *e = &r->entry;
	bool ustar = memcmp(h->magic, "ustar", 5) == 0;
	header_name(r, h);
	e->link = keep_text(r, TEXT_LINK, h->link, sizeof(h->link));
	e->user = keep_text(r, TEXT_USER, h->user, ustar ? sizeof(h->user) : 0);
	e->group = keep_text(
		r, TEXT_GROUP, h->group, ustar ? sizeof(h->group) : 0);
}

static void take_text(struct str *dst, const struct tar_text *t)
{
	if (t->set)
		*dst = buf_str(&t->b);
}

/* what a set of PAX records says replaces what the header says */
static void take_pax(struct tar_entry *e, const struct tar_pax *p)
{
	take_text(&e->name, &p->path);
	take_text(&e->link, &p->link);
	take_text(&e->user, &p->user);
	take_text(&e->group, &p->group);
	if (p->has_uid)
		e->uid = p->uid;
	if (p->has_gid)
		e->gid = p->gid;
	if (p->has_mtime)
		e->mtime = p->mtime;
}

static void forget_pending(struct tar_read *r)
{
	tar_pax_clear(&r->local);
	r->long_name.set = false;
	r->long_link.set = false;
	r->sparse_name.set = false;
	r->pending = false;
}

static enum tar_event begin_old_sparse(
	struct tar_read *r, const struct tar_header *h)
{
	const char *p = (const char *)h;
	tar_sparse_clear(&r->sparse);
	r->sparse.has_size =
		tar_field_uint(p + GNU_REAL_SIZE, 12, &r->sparse.size);
	const char *error =
		tar_sparse_old(&r->sparse, p + GNU_SPARSE, GNU_SPARSE_COUNT);
	if (error)
		return fail_format(r, error);
	r->entry.sparse = true;
	r->state = p[GNU_EXTENDED] ? ST_OLD_SPARSE : ST_READY;
	return TAR_MORE;
}

static enum tar_event begin_file(struct tar_read *r, const struct tar_header *h)
{
	if (r->left > TAR_SIZE_MAX)
		return fail(r, TAR_FAULT_LIMIT, "member is too large");
	if (r->entry.flag == 'S')
		return begin_old_sparse(r, h);
	r->entry.sparse = r->sparse.pax;
	r->state = r->sparse.pax && r->sparse.map_first ? ST_MAP : ST_READY;
	return TAR_MORE;
}

static enum tar_event begin_member(
	struct tar_read *r, const struct tar_header *h, uint64_t size)
{
	struct tar_entry *e = &r->entry;
	*e = (struct tar_entry){.flag = h->flag ? h->flag : '0'};
	header_texts(r, h);
	header_numbers(r, h);
	take_pax(e, &r->global);
	take_text(&e->name, &r->long_name);
	take_text(&e->link, &r->long_link);
	take_pax(e, &r->local);
	take_text(&e->name, &r->sparse_name);
	e->type = type_of(e->flag, e->name);
	r->left = r->local.has_size ? r->local.size : size;
	r->pad = tar_padding(r->left);
	if (e->type == TAR_FILE)
		return begin_file(r, h);
	r->state = ST_READY;
	return TAR_MORE;
}

static enum tar_event step_zero_block(struct tar_read *r)
{
	if (!r->zero) {
		r->zero = true;
		return TAR_MORE;
	}
	if (r->pending)
		return fail_format(r, "extended header without a member");
	r->state = ST_END;
	return TAR_END;
}

static enum tar_event parse_header(struct tar_read *r)
{
	const struct tar_header *h = (const struct tar_header *)r->block;
	uint64_t size;
	r->entry.name = STR(""); /* the old one's memory may be used again */
	if (is_zero(r->block))
		return step_zero_block(r);
	r->lone_zero |= r->zero;
	r->zero = false;
	if (!sum_is_right(h))
		return fail_format(
			r, r->first ? "this does not look like a tar archive"
				    : "bad header checksum behind this member");
	r->first = false;
	if (!tar_field_uint(h->size, sizeof(h->size), &size))
		return fail_format(r, "header with a bad size");
	switch (h->flag) {
	case 'L':
	case 'K':
	case 'x':
	case 'g':
		return begin_meta(r, h->flag, size);
	case 'V': /* volume label */
	case 'M': /* continued from another volume */
	case 'N': /* old long names */
	case 'X': /* extended header of old Solaris */
		r->left = size;
		r->pad = tar_padding(size);
		r->state = ST_SKIP;
		return TAR_MORE;
	default:
		return begin_member(r, h, size);
	}
}

/* --------------------------------------------------------- member's data */

static enum tar_event step_old_sparse(struct tar_read *r)
{
	if (!collect_block(r))
		return TAR_MORE;
	const char *error = tar_sparse_old(&r->sparse, r->block, EXT_COUNT);
	if (error)
		return fail_format(r, error);
	if (!r->block[EXT_MORE])
		r->state = ST_READY;
	return TAR_MORE;
}

static enum tar_event step_map(struct tar_read *r)
{
	bool done = false;
	if (r->left + r->pad < TAR_BLOCK)
		return fail_format(r, "sparse map is cut off");
	if (!collect_block(r))
		return TAR_MORE;
	uint64_t in_data = r->left < TAR_BLOCK ? r->left : TAR_BLOCK;
	r->left -= in_data;
	if (in_data < TAR_BLOCK)
		r->pad = 0;
	const char *error = tar_sparse_block(&r->sparse, r->block, &done);
	if (error)
		return fail_format(r, error);
	if (done)
		r->state = ST_READY;
	return TAR_MORE;
}

/* the entry is complete: tell it, and decide how its payload is read */
static enum tar_event step_ready(struct tar_read *r)
{
	struct tar_entry *e = &r->entry;
	if (e->sparse) {
		const char *error = tar_sparse_check(&r->sparse, r->left);
		if (error)
			return fail_format(r, error);
		e->size = r->sparse.size;
	} else if (e->type == TAR_FILE) {
		e->size = r->left;
	}
	r->data = STR("");
	r->data_offset = 0;
	/* POSIX lets some of these have a size without data: look later */
	if (e->type == TAR_FILE)
		r->state = ST_DATA;
	else
		r->state = ST_LINK_END;
	return TAR_ENTRY;
}

static void finish_member(struct tar_read *r)
{
	forget_pending(r);
	tar_sparse_clear(&r->sparse);
}

static enum tar_event step_data(struct tar_read *r)
{
	size_t n = r->left < r->in_n ? (size_t)r->left : r->in_n;
	if (r->left == 0) {
		finish_member(r);
		r->state = ST_PAD;
		return TAR_ENTRY_END;
	}
	if (n == 0)
		return TAR_MORE;
	r->data_offset += r->data.n;
	if (r->entry.sparse &&
		!tar_sparse_next(&r->sparse, &n, &r->data_offset)) {
		/* more data than the map has regions: nobody's bytes */
		skip(r, n);
		r->left -= n;
		return TAR_MORE;
	}
	r->data = str_from(r->in, n);
	skip(r, n);
	r->left -= n;
	return TAR_DATA;
}

static enum tar_event step_skip(struct tar_read *r)
{
	size_t n = r->left < r->in_n ? (size_t)r->left : r->in_n;
	skip(r, n);
	r->left -= n;
	if (r->left == 0)
		r->state = ST_PAD;
	return TAR_MORE;
}

static enum tar_event step_pad(struct tar_read *r)
{
	size_t n = r->pad < r->in_n ? (size_t)r->pad : r->in_n;
	skip(r, n);
	r->pad -= n;
	if (r->pad == 0)
		r->state = ST_HEADER;
	return TAR_MORE;
}

static enum tar_event step_link_end(struct tar_read *r)
{
	bool ambiguous = r->left > 0 && r->entry.flag != 'D';
	finish_member(r);
	if (ambiguous)
		r->state = ST_LINK_BLOCK;
	else
		r->state = ST_SKIP;
	return TAR_ENTRY_END;
}

/*
 * A link, directory or device with a size: some writers store that many
 * bytes, most store none. A header or the end where the data would begin
 * means none.
 */
static enum tar_event step_link_block(struct tar_read *r)
{
	if (!collect_block(r))
		return TAR_MORE;
	if (is_zero(r->block) ||
		sum_is_right((const struct tar_header *)r->block)) {
		r->left = 0;
		r->pad = 0;
		r->state = ST_HEADER;
		return parse_header(r);
	}
	if (r->left <= TAR_BLOCK) {
		r->left = 0;
		r->pad = 0;
	} else {
		r->left -= TAR_BLOCK;
	}
	r->state = ST_SKIP;
	return TAR_MORE;
}

static enum tar_event step(struct tar_read *r)
{
	switch ((enum state)r->state) {
	case ST_HEADER:
		return collect_block(r) ? parse_header(r) : TAR_MORE;
	case ST_META:
		return step_meta(r);
	case ST_OLD_SPARSE:
		return step_old_sparse(r);
	case ST_MAP:
		return step_map(r);
	case ST_READY:
		return step_ready(r);
	case ST_DATA:
		return step_data(r);
	case ST_SKIP:
		return step_skip(r);
	case ST_PAD:
		return step_pad(r);
	case ST_LINK_END:
		return step_link_end(r);
	case ST_LINK_BLOCK:
		return step_link_block(r);
	case ST_END:
		skip(r, r->in_n);
		return TAR_MORE;
	case ST_ERROR:
		return TAR_ERROR;
	}
	return TAR_ERROR;
}

enum tar_event tar_read_next(struct tar_read *r)
{
	for (;;) {
		int state = r->state;
		size_t in_n = r->in_n;
		enum tar_event event = step(r);
		if (event != TAR_MORE)
			return event;
		/* a step that neither read nor moved on waits for input */
		if (r->state == state && r->in_n == in_n)
			return TAR_MORE;
	}
}

enum tar_event tar_read_eof(struct tar_read *r)
{
	bool between = (r->state == ST_HEADER || r->state == ST_LINK_BLOCK) &&
		       r->have == 0;
	if (r->state == ST_ERROR)
		return TAR_ERROR;
	if (r->state == ST_END)
		return TAR_END;
	if (!between)
		return fail(r, TAR_FAULT_CUT, "unexpected end of the archive");
	if (r->pending)
		return fail_format(r, "extended header without a member");
	if (r->first && !r->zero)
		return fail(r, TAR_FAULT_EMPTY, "the archive is empty");
	r->no_end = true;
	r->state = ST_END;
	return TAR_END;
}
