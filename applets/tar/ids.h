/* SPDX-License-Identifier: MIT */
/* applets/tar/ids.h - names of users and groups, from /etc/passwd and group. */
#ifndef APPLETS_TAR_IDS_H
#define APPLETS_TAR_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

struct id_table {
	struct buf text; /* the file */
	uint32_t last_id;
	struct str last_name;
	bool has_last;
};

/* a file that cannot be read makes an empty table */
void ids_load(struct id_table *t, const char *file);
void ids_fini(struct id_table *t);

/* name of an id, empty when it has none; valid as long as the table */
struct str ids_name(struct id_table *t, uint32_t id);

/* id of a name; false: there is none */
bool ids_find(const struct id_table *t, struct str name, uint32_t *id);

#endif
