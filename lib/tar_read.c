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
#include "lib/tar_member.h"

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

static const char not_tar[] = "this does not look like a tar archive";

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

/* as a C string such a text would say something else than it does whole */
static bool record_has_nul(struct str key, struct str value)
{
	static const char *const texts[] = {
		"path", "linkpath", "uname", "gname", "GNU.sparse.name"};
	if (str_index(key, '\0') < key.n)
		return true;
	if (str_index(value, '\0') == value.n)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (str_is(key, texts[i]))
			return true;
	return false;
}

/* one record: NULL, or what is wrong with it */
static const char *apply_record(
	struct tar_read *r, struct str key, struct str value, bool global)
{
	struct str prefix = STR("GNU.sparse.");
	if (record_has_nul(key, value)) {
		r->note = "PAX record with a NUL byte ignored";
		return NULL;
	}
	if (!str_starts(key, prefix))
		return tar_pax_set(
			global ? &r->global : &r->local, key, value, global);
	if (global)
		return NULL;
	return tar_sparse_record(&r->sparse, str_from_index(key, prefix.n),
		value, &r->sparse_name);
}

static enum tar_event apply_pax(struct tar_read *r, bool global)
{
	struct str rest = buf_str(&r->meta);
	struct str key;
	struct str value;
	int more;
	while ((more = tar_pax_next(&rest, &key, &value)) > 0) {
		const char *error = apply_record(r, key, value, global);
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
	if (flag == 'x') {
		/* of two in a row the last counts, as for GNU tar and Go */
		tar_pax_clear(&r->local);
		r->sparse_name.set = false;
		tar_sparse_clear(&r->sparse);
	}
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
	tar_member_fill(r, h);
	e->note = r->note;
	r->note = NULL;
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
	if (r->zero) {
		/* one block of zeros is an end too, though not a proper one */
		r->lone_zero = true;
		r->state = ST_END;
		return TAR_END;
	}
	if (!sum_is_right(h))
		return fail_format(
			r, r->first ? not_tar
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
	if (r->first && r->state == ST_HEADER && r->have)
		return fail_format(r, not_tar);
	if (!between)
		return fail(r, TAR_FAULT_CUT, "unexpected end of the archive");
	if (r->pending)
		return fail_format(r, "extended header without a member");
	if (r->first && !r->zero)
		return fail(r, TAR_FAULT_EMPTY, "the archive is empty");
	r->no_end = !r->zero;
	r->lone_zero = r->zero;
	r->state = ST_END;
	return TAR_END;
}
