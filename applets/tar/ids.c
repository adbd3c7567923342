/* SPDX-License-Identifier: MIT */
/*
 * applets/tar/ids.c - names of users and groups.
 *
 * Both files have lines of "name:password:id:...". Names that a directory
 * service would know are not looked up: the numbers are in the archive too.
 */
#include "applets/tar/ids.h"

#include <fcntl.h>

#include "lib/file.h"

enum { FILE_MAX = 1 << 20 };

void ids_load(struct id_table *t, const char *file)
{
	*t = (struct id_table){0};
	buf_init(&t->text, FILE_MAX);
	if (file_read(AT_FDCWD, file, &t->text) < 0)
		buf_reset(&t->text);
}

void ids_fini(struct id_table *t)
{
	buf_fini(&t->text);
}

/* the next line's name and id; false at the end */
static bool next_line(struct str *rest, struct str *name, uint32_t *id)
{
	while (rest->p && rest->n) {
		struct str line = str_cut(rest, '\n');
		uint64_t v;
		*name = str_cut(&line, ':');
		(void)str_cut(&line, ':');
		if (!name->n || !line.p || !str_to_u64(str_cut(&line, ':'), &v))
			continue;
		*id = (uint32_t)v;
		return true;
	}
	return false;
}

struct str ids_name(struct id_table *t, uint32_t id)
{
	struct str rest = buf_str(&t->text);
	struct str name;
	uint32_t v;
	if (t->has_last && t->last_id == id)
		return t->last_name;
	t->has_last = true;
	t->last_id = id;
	t->last_name = STR("");
	while (next_line(&rest, &name, &v))
		if (v == id) {
			t->last_name = name;
			break;
		}
	return t->last_name;
}

bool ids_find(const struct id_table *t, struct str wanted, uint32_t *id)
{
	struct str rest = buf_str(&t->text);
	struct str name;
	while (next_line(&rest, &name, id))
		if (str_eq(name, wanted))
			return true;
	return false;
}
