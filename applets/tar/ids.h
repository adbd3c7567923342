/* SPDX-License-Identifier: MIT */
/* applets/tar/ids.h - names of users and groups, from /etc/passwd and group. */
#ifndef APPLETS_TAR_IDS_H
#define APPLETS_TAR_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

enum id_kind { ID_USER, ID_GROUP };

struct ids {
	enum id_kind kind;
	struct buf text; /* the file */
	bool has_last;
	uint32_t last_id; /* files of one owner come in a row */
	struct str last_name;
};

/* a file that cannot be read makes an empty table */
void ids_load(struct ids *t, enum id_kind kind);
void ids_fini(struct ids *t);

/* name of an id, empty when it has none; valid as long as the table */
struct str ids_name(struct ids *t, uint32_t id);

/* id of a name; false: there is none */
bool ids_find(const struct ids *t, struct str name, uint32_t *id);

#endif
