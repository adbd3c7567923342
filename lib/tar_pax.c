/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_pax.c - the records of PAX headers.
 *
 * input: untrusted
 */
#include "lib/tar_pax.h"

#include "lib/fmt.h"
#include "lib/tar_field.h"

int tar_pax_next(struct str *rest, struct str *key, struct str *value)
{
	if (rest->n == 0)
		return 0;
	struct str digits = str_first(*rest, str_index(*rest, ' '));
	uint64_t n;
	/* the shortest record is "5 k=\n"; 20 digits would not fit anyway */
	if (digits.n == rest->n || digits.n > 20 || !str_to_u64(digits, &n) ||
		n > rest->n || n < digits.n + 4)
		return -1;
	struct str record = str_first(*rest, (size_t)n);
	if (record.p[record.n - 1] != '\n')
		return -1;
	record = str_from_index(str_first(record, record.n - 1), digits.n + 1);
	size_t eq = str_index(record, '=');
	if (eq == record.n || eq == 0)
		return -1;
	*key = str_first(record, eq);
	*value = str_from_index(record, eq + 1);
	*rest = str_from_index(*rest, (size_t)n);
	return 1;
}

void tar_pax_put(struct buf *out, struct str key, struct str value)
{
	char digits[FMT_U64_MAX];
	size_t body = key.n + value.n + 3; /* space, '=' and newline */
	size_t n = body + 1;
	/* the length counts its own digits: a second look is always enough */
	for (int i = 0; i < 3; i++)
		n = body + fmt_u64(digits, n);
	buf_put_u64(out, n);
	buf_putc(out, ' ');
	buf_put_str(out, key);
	buf_putc(out, '=');
	buf_put_str(out, value);
	buf_putc(out, '\n');
}

void tar_text_set(struct tar_text *t, struct str value)
{
	buf_reset(&t->b);
	buf_put_str(&t->b, value);
	t->set = value.n > 0;
	(void)buf_cstr(&t->b);
}

void tar_pax_init(struct tar_pax *p)
{
	*p = (struct tar_pax){0};
	buf_init(&p->path.b, TAR_META_MAX);
	buf_init(&p->link.b, TAR_META_MAX);
	buf_init(&p->user.b, TAR_META_MAX);
	buf_init(&p->group.b, TAR_META_MAX);
	buf_init(&p->xattrs, TAR_META_MAX);
}

void tar_pax_fini(struct tar_pax *p)
{
	buf_fini(&p->path.b);
	buf_fini(&p->link.b);
	buf_fini(&p->user.b);
	buf_fini(&p->group.b);
	buf_fini(&p->xattrs);
}

void tar_pax_clear(struct tar_pax *p)
{
	p->path.set = false;
	p->link.set = false;
	p->user.set = false;
	p->group.set = false;
	p->has_size = false;
	p->has_uid = false;
	p->has_gid = false;
	p->has_mtime = false;
	buf_reset(&p->xattrs);
}

static const char *set_text(struct tar_text *t, struct str value)
{
	tar_text_set(t, value);
	return t->b.err ? "out of memory" : NULL;
}

/* a number that is only worth having when it is sane */
static bool set_number(uint64_t *out, struct str value, uint64_t max)
{
	uint64_t v;
	if (!str_to_u64(value, &v) || v > max)
		return false;
	*out = v;
	return true;
}

const char *tar_pax_set(
	struct tar_pax *p, struct str key, struct str value, bool global)
{
	if (str_is(key, "path") && !global)
		return set_text(&p->path, value);
	if (str_is(key, "linkpath") && !global)
		return set_text(&p->link, value);
	if (str_is(key, "uname"))
		return set_text(&p->user, value);
	if (str_is(key, "gname"))
		return set_text(&p->group, value);
	if (str_is(key, "size") && !global) {
		p->has_size = value.n > 0;
		if (p->has_size && !set_number(&p->size, value, INT64_MAX))
			return "PAX header has a bad size";
	} else if (str_is(key, "uid")) {
		p->has_uid = set_number(&p->uid, value, UINT32_MAX - 1);
	} else if (str_is(key, "gid")) {
		p->has_gid = set_number(&p->gid, value, UINT32_MAX - 1);
	} else if (str_is(key, "mtime")) {
		p->has_mtime = tar_parse_time(value, &p->mtime);
	} else if (str_starts(key, STR(TAR_XATTR_PREFIX)) && !global) {
		tar_pax_put(&p->xattrs, key, value);
		if (p->xattrs.err)
			return "out of memory";
	}
	return NULL;
}
