/* SPDX-License-Identifier: MIT */
/*
 * lib/schema.h - JSON Schema (2020-12), the part of it that is kept here.
 *
 * input: untrusted
 *
 * Validated: type, enum, const; properties, required, additionalProperties,
 * minProperties, maxProperties; items, minItems, maxItems; minLength,
 * maxLength; minimum, maximum, exclusiveMinimum, exclusiveMaximum; allOf,
 * anyOf, oneOf, not. Taken as annotations: title, description, default,
 * examples, format, deprecated, readOnly, writeOnly, $schema, $id, $comment
 * and names that start with x-. Any other keyword makes a schema unusable: a
 * rule that is written down and not kept is worse than none.
 */
#ifndef LIB_SCHEMA_H
#define LIB_SCHEMA_H

#include "lib/buf.h"

/*
 * Can this (raw, well-formed, without repeated keys) schema be kept? false:
 * `why` says where it cannot, and what is wrong there.
 */
bool schema_check(struct str schema, struct buf *why);

/*
 * Does a value, of the same form, keep to a schema that schema_check()
 * accepted? false: `why` is a sentence that begins with the value's place.
 */
bool schema_validate(struct str schema, struct str value, struct buf *why);

#endif
