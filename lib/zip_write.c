/* SPDX-License-Identifier: MIT */
/* lib/zip_write.c - the headers of a zip archive. */
#include "lib/zip_write.h"

#include <sys/stat.h>
#include <time.h>

#include "lib/utf8.h"

enum {
	LOCAL = 0x04034b50,
	DESCRIPTOR = 0x08074b50,
	CENTRAL = 0x02014b50,
	END = 0x06054b50,
	END64 = 0x06064b50,
	LOCATOR64 = 0x07064b50,

	END64_SIZE = 56,
	TIME_SIZE = 9, /* the field UT with one time */

	FLAG_DESCRIPTOR = 1 << 3,
	FLAG_UTF8 = 1 << 11,
	METHOD_STORED = 0,
	METHOD_DEFLATED = 8,
	VERSION = 20, /* deflate, directories */
	VERSION64 = 45,
	MADE_BY_UNIX = 3 << 8,
	ATTR_DIR = 0x10,
	EXTRA64_LOCAL = 20,
	EXTRA64_CENTRAL = 28,
	DIRECTORY_MAX = 1 << 30,
};

/* deflate may add a little to what is just below 4 GiB */
static const uint64_t large_from = 0xf0000000;
static const uint32_t none32 = 0xffffffff;

static void put(struct buf *out, unsigned bytes, uint64_t v)
{
	char le[8];
	for (unsigned i = 0; i < bytes; i++)
		le[i] = (char)(v >> 8 * i);
	buf_put(out, le, bytes);
}

/* date and time of MS-DOS: 1980 to 2107, even seconds */
static uint32_t dos_time(int64_t mtime)
{
	struct tm t;
	time_t when = mtime;
	if (!gmtime_r(&when, &t) || t.tm_year < 80)
		return 1 << 21 | 1 << 16;
	if (t.tm_year > 207)
		t.tm_year = 207;
	return (uint32_t)(t.tm_year - 80) << 25 |
	       (uint32_t)(t.tm_mon + 1) << 21 | (uint32_t)t.tm_mday << 16 |
	       (uint32_t)t.tm_hour << 11 | (uint32_t)t.tm_min << 5 |
	       (uint32_t)t.tm_sec / 2;
}

static bool is_plain_utf8(struct str name)
{
	for (size_t i = 0; i < name.n;) {
		size_t n = utf8_len(name.p + i, name.p + name.n);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static unsigned flags_of(const struct zip_member *m)
{
	return (m->deflated ? FLAG_DESCRIPTOR : 0u) |
	       (is_plain_utf8(m->name) ? FLAG_UTF8 : 0u);
}

/* in UTC, which the date of MS-DOS does not know */
static bool has_time(const struct zip_member *m)
{
	return m->mtime >= INT32_MIN && m->mtime <= INT32_MAX;
}

static size_t time_size(const struct zip_member *m)
{
	return has_time(m) ? TIME_SIZE : 0;
}

static void put_time(struct buf *out, const struct zip_member *m)
{
	if (!has_time(m))
		return;
	put(out, 2, 0x5455);
	put(out, 2, TIME_SIZE - 4);
	put(out, 1, 1); /* the modification time is there */
	put(out, 4, (uint32_t)m->mtime);
}

/* from the version to the date, as both headers have it */
static void put_common(
	struct buf *out, const struct zip_member *m, unsigned version)
{
	put(out, 2, version);
	put(out, 2, flags_of(m));
	put(out, 2, m->deflated ? METHOD_DEFLATED : METHOD_STORED);
	put(out, 4, dos_time(m->mtime));
}

/* may its sizes need 64 bits? said before the data, so it is a guess */
static bool is_large(const struct zip_member *m)
{
	return m->size >= large_from;
}

void zip_write_init(struct zip_write *z)
{
	*z = (struct zip_write){0};
	buf_init(&z->directory, DIRECTORY_MAX);
}

void zip_write_fini(struct zip_write *z)
{
	buf_fini(&z->directory);
}

bool zip_write_begin(
	struct zip_write *z, struct buf *out, const struct zip_member *m)
{
	bool large = is_large(m);
	uint64_t size = m->deflated ? 0 : m->size;
	size_t before = out->n;
	if (m->name.n > UINT16_MAX)
		return false;
	z->offset = z->at;
	put(out, 4, LOCAL);
	put_common(out, m, large ? VERSION64 : VERSION);
	put(out, 4, m->deflated ? 0 : m->crc);
	put(out, 4, large ? none32 : size);
	put(out, 4, large ? none32 : size);
	put(out, 2, m->name.n);
	put(out, 2, time_size(m) + (large ? EXTRA64_LOCAL : 0));
	buf_put_str(out, m->name);
	put_time(out, m);
	if (large) {
		/* tells, too, that what follows the data has 64 bits */
		put(out, 2, 1);
		put(out, 2, EXTRA64_LOCAL - 4);
		put(out, 8, size);
		put(out, 8, size);
	}
	z->at += out->n - before;
	return true;
}

static void put_central(
	struct zip_write *z, const struct zip_member *m, uint64_t packed)
{
	struct buf *d = &z->directory;
	bool far = is_large(m) || z->offset >= none32;
	put(d, 4, CENTRAL);
	put(d, 2, MADE_BY_UNIX | VERSION64);
	put_common(d, m, far ? VERSION64 : VERSION);
	put(d, 4, m->crc);
	put(d, 4, far ? none32 : packed);
	put(d, 4, far ? none32 : m->size);
	put(d, 2, m->name.n);
	put(d, 2, time_size(m) + (far ? EXTRA64_CENTRAL : 0));
	put(d, 2, 0); /* comment */
	put(d, 2, 0); /* disk */
	put(d, 2, 0); /* internal attributes */
	put(d, 4, m->mode << 16 | (S_ISDIR(m->mode) ? ATTR_DIR : 0u));
	put(d, 4, far ? none32 : z->offset);
	buf_put_str(d, m->name);
	put_time(d, m);
	if (far) {
		put(d, 2, 1);
		put(d, 2, EXTRA64_CENTRAL - 4);
		put(d, 8, m->size);
		put(d, 8, packed);
		put(d, 8, z->offset);
	}
}

void zip_write_end(struct zip_write *z, struct buf *out,
	const struct zip_member *m, uint64_t packed)
{
	size_t before = out->n;
	unsigned bytes = is_large(m) ? 8 : 4;
	if (m->deflated) {
		put(out, 4, DESCRIPTOR);
		put(out, 4, m->crc);
		put(out, bytes, packed);
		put(out, bytes, m->size);
	}
	put_central(z, m, packed);
	z->members++;
	z->at += packed + out->n - before;
}

int zip_write_finish(struct zip_write *z, struct buf *out)
{
	uint64_t size = z->directory.n;
	uint64_t end = z->at + size;
	bool far =
		z->members >= UINT16_MAX || size >= none32 || z->at >= none32;
	if (far) {
		put(out, 4, END64);
		put(out, 8, END64_SIZE - 12);
		put(out, 2, MADE_BY_UNIX | VERSION64);
		put(out, 2, VERSION64);
		put(out, 4, 0); /* this disk */
		put(out, 4, 0); /* that of the directory */
		put(out, 8, z->members);
		put(out, 8, z->members);
		put(out, 8, size);
		put(out, 8, z->at);
		put(out, 4, LOCATOR64);
		put(out, 4, 0);
		put(out, 8, end);
		put(out, 4, 1); /* disks */
	}
	put(out, 4, END);
	put(out, 2, 0);
	put(out, 2, 0);
	put(out, 2, far ? UINT16_MAX : z->members);
	put(out, 2, far ? UINT16_MAX : z->members);
	put(out, 4, far ? none32 : size);
	put(out, 4, far ? none32 : z->at);
	put(out, 2, 0); /* comment */
	return z->directory.err ? z->directory.err : out->err;
}
