/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_member.c - what all headers together say about one member.
 *
 * input: untrusted
 *
 * Its own header, global PAX records, GNU's long names, its own PAX records:
 * what comes later in this list replaces what came before.
 */
#include "lib/tar_member.h"

#include "lib/tar_field.h"

enum { TEXT_LINK, TEXT_USER, TEXT_GROUP };

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
	e->xattrs = buf_str(&p->xattrs);
}

void tar_member_fill(struct tar_read *r, const struct tar_header *h)
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
}
