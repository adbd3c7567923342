/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/xattr.c - extended attributes.
 *
 * input: untrusted
 */
#include "applets/tar/xattr.h"

#include <errno.h>
#include <sys/xattr.h>

#include "lib/mem.h"
#include "lib/tar_pax.h"

enum {
	NAME_SIZE = 256,     /* XATTR_NAME_MAX and a NUL */
	VALUE_MAX = 1 << 16, /* XATTR_SIZE_MAX */
	LIST_MAX = 1 << 16,  /* XATTR_LIST_MAX */
};

static const char capability_name[] = "security.capability";

static bool wanted(struct str name)
{
	return str_starts(name, STR("user.")) || str_is(name, capability_name);
}

static void put_record(struct buf *records, struct str name, struct str value)
{
	struct buf key;
	buf_init(&key, 4 * NAME_SIZE);
	buf_puts(&key, TAR_XATTR_PREFIX);
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '%')
			buf_puts(&key, "%25");
		else if (name.p[i] == '=')
			buf_puts(&key, "%3D");
		else
			buf_putc(&key, name.p[i]);
	}
	tar_pax_put(records, buf_str(&key), value);
	buf_fini(&key);
}

static int read_one(int fd, const char *name, struct buf *records, char *value)
{
	ssize_t n = fgetxattr(fd, name, value, VALUE_MAX);
	if (n < 0)
		/* gone since the list was made */
		return errno == ENODATA ? 0 : -errno;
	put_record(records, str_of(name), str_from(value, (size_t)n));
	return records->err;
}

int xattr_read(int fd, struct buf *records)
{
	ssize_t n = flistxattr(fd, NULL, 0);
	if (n <= 0)
		return n < 0 && errno != ENOTSUP ? -errno : 0;
	/* the list, and behind it room for one value */
	char *list = mem_new(LIST_MAX + VALUE_MAX);
	if (!list)
		return -ENOMEM;
	n = flistxattr(fd, list, LIST_MAX);
	int err = n < 0 ? -errno : 0;
	for (ssize_t at = 0; at < n && err == 0;) {
		struct str name = str_of(list + at);
		if (wanted(name))
			err = read_one(fd, name.p, records, list + LIST_MAX);
		at += (ssize_t)name.n + 1;
	}
	mem_free(list);
	return err;
}

/* the name of a record, escapes resolved; false: it cannot be one */
static bool decode_name(struct str key, char out[NAME_SIZE])
{
	size_t n = 0;
	key = str_from_index(key, strlen(TAR_XATTR_PREFIX));
	for (size_t i = 0; i < key.n; i++) {
		struct str rest = str_from_index(key, i);
		char c = rest.p[0];
		if (str_starts(rest, STR("%25")) ||
			str_starts(rest, STR("%3D"))) {
			c = rest.p[1] == '2' ? '%' : '=';
			i += 2;
		}
		if (n == NAME_SIZE - 1)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return n > 0;
}

int xattr_write(int fd, struct str records, bool capability)
{
	char name[NAME_SIZE];
	struct str key, value;
	int err = 0;
	while (tar_pax_next(&records, &key, &value) > 0) {
		if (!decode_name(key, name) || !wanted(str_of(name)) ||
			(!capability && strcmp(name, capability_name) == 0))
			continue;
		if (fsetxattr(fd, name, value.p, value.n, 0) < 0 && err == 0)
			err = -errno;
	}
	return err;
}
