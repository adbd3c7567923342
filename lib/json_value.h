/* SPDX-License-Identifier: MIT */
/*
 * lib/json_value.h - raw JSON values compared, counted and measured.
 *
 * input: untrusted, but well formed (json_check() or json_parse())
 */
#ifndef LIB_JSON_VALUE_H
#define LIB_JSON_VALUE_H

#include "lib/json.h"

/*
 * The member of an object whose name is a raw key without quotes, as
 * json_next() gives it, however either is escaped; p == NULL: none.
 */
struct str json_member_like(struct str object, struct str key);

/* a raw number; false: longer than 63 bytes, or too large for a double */
bool json_double(struct str raw, double *out);

/* equal as JSON Schema means it: 1 is 1.0, members have no order */
bool json_same(struct str a, struct str b);

/* elements of an array or members of an object; 0 for anything else */
size_t json_members(struct str container);

/* characters (not bytes) of a raw string */
size_t json_text_length(struct str raw);

#endif
