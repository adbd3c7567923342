/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_pax.h - the records of PAX headers, read and written.
 *
 * input: untrusted
 *
 * A record is "LENGTH KEY=VALUE\n" where LENGTH counts the whole record.
 * Reference: POSIX.1-2017 pax, "pax Extended Header".
 */
#ifndef LIB_TAR_PAX_H
#define LIB_TAR_PAX_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tar_entry.h"

/*
 * Cut the next record off *rest: 1, 0 at the end, -1 when it is malformed.
 */
int tar_pax_next(struct str *rest, struct str *key, struct str *value);

/* append one record */
void tar_pax_put(struct buf *out, struct str key, struct str value);

/* what the keys of extended attributes begin with */
#define TAR_XATTR_PREFIX "SCHILY.xattr."

/* a text that a header gives for the next member */
struct tar_text {
	struct buf b;
	bool set;
};

/* what extended headers say about the next member (or, global, all) */
struct tar_pax {
	struct tar_text path;
	struct tar_text link;
	struct tar_text user;
	struct tar_text group;
	struct buf xattrs; /* their records, as they came */
	bool has_size;
	bool has_uid;
	bool has_gid;
	bool has_mtime;
	uint64_t size;
	uint64_t uid;
	uint64_t gid;
	struct timespec mtime;
};

void tar_pax_init(struct tar_pax *p);
void tar_pax_fini(struct tar_pax *p);

/* forget everything, keep the memory */
void tar_pax_clear(struct tar_pax *p);

/*
 * Take over one record; keys that are not ours are ignored. A global header
 * must not name or size members. Names with a NUL are for the caller to keep
 * away. NULL, or what is wrong with it.
 */
const char *tar_pax_set(
	struct tar_pax *p, struct str key, struct str value, bool global);

/* replace the text; an empty one is "not set" */
void tar_text_set(struct tar_text *t, struct str value);

#endif
