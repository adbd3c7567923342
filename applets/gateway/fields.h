/* SPDX-License-Identifier: MIT */
/*
 * applets/gateway/fields.h - reading JSON bodies, and saying which field is
 * wrong.
 *
 * input: untrusted
 *
 * A reader remembers where in the body it is and the first thing that is
 * wrong there; fields_refuse() answers 422 with that place.
 */
#ifndef APPLETS_GATEWAY_FIELDS_H
#define APPLETS_GATEWAY_FIELDS_H

#include "lib/arena.h"
#include "lib/json.h"
#include "net/http_server.h"
#include "net/invalid.h"

struct fields {
	char place[INVALID_PLACE_MAX][40]; /* raw JSON of each step */
	size_t depth;
	struct invalid bad;
	char bad_place[INVALID_PLACE_MAX][40];
	bool failed;
};

/*
 * Check that body is JSON and an object, or with `optional` null or nothing
 * at all (*object becomes {} then). false: 422 was answered.
 */
bool fields_body(struct http_exchange *x, struct str body, bool optional,
	struct str *object);

/* go into a member or element, and out again */
void fields_enter(struct fields *f, const char *key);
void fields_enter_index(struct fields *f, size_t index);
void fields_leave(struct fields *f);

/* what stands here is wrong; always false. The texts are literals */
bool fields_fail(struct fields *f, const char *type, const char *message);

/* the raw value of a member, which is of that type (or null: p == NULL) */
bool fields_get(struct fields *f, struct str object, const char *key,
	enum json_type type, struct str *value);
/* the same, and it has to be there */
bool fields_need(struct fields *f, struct str object, const char *key,
	enum json_type type, struct str *value);

/* a number of seconds, up to a year, in milliseconds; absent: as it was */
bool fields_seconds(
	struct fields *f, struct str object, const char *key, uint64_t *ms);

/* the text of a raw string as a C string in the arena; NULL: no memory */
char *fields_copy(struct arena *a, struct str raw);
/* the same without blanks around it */
char *fields_copy_trimmed(struct arena *a, struct str raw);

/* 422 with what is wrong */
void fields_refuse(const struct fields *f, struct http_exchange *x);

#endif
