/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_sparse.c - maps of sparse files.
 *
 * input: untrusted
 */
#include "lib/tar_sparse.h"

#include "lib/size.h"
#include "lib/tar_field.h"

enum { OLD_FIELD = 12 }; /* an old GNU descriptor is two fields of this */

void tar_sparse_init(struct tar_sparse *s)
{
	*s = (struct tar_sparse){0};
	buf_init(&s->regions, TAR_SPARSE_MAX * sizeof(struct tar_region));
}

void tar_sparse_fini(struct tar_sparse *s)
{
	buf_fini(&s->regions);
}

void tar_sparse_clear(struct tar_sparse *s)
{
	struct buf regions = s->regions;
	buf_reset(&regions);
	*s = (struct tar_sparse){.regions = regions};
}

static struct tar_region region_at(const struct tar_sparse *s, size_t i)
{
	struct tar_region region;
	memcpy(&region, buf_str(&s->regions).p + i * sizeof(region),
		sizeof(region));
	return region;
}

static size_t region_count(const struct tar_sparse *s)
{
	return s->regions.n / sizeof(struct tar_region);
}

const char *tar_sparse_add(struct tar_sparse *s, uint64_t offset, uint64_t n)
{
	struct tar_region region = {.offset = offset, .n = n};
	buf_put(&s->regions, &region, sizeof(region));
	return s->regions.err ? "sparse map has too many regions" : NULL;
}

/* numbers of a map come one by one: offset, length, offset, length ... */
static const char *add_number(struct tar_sparse *s, uint64_t v)
{
	if (!s->half) {
		s->half = true;
		return tar_sparse_add(s, v, 0);
	}
	struct tar_region last = region_at(s, region_count(s) - 1);
	last.n = v;
	memcpy(buf_at(&s->regions, s->regions.n - sizeof(last)), &last,
		sizeof(last));
	s->half = false;
	return NULL;
}

/* PAX 0.1: "offset,length,offset,length" */
static const char *add_list(struct tar_sparse *s, struct str list)
{
	buf_reset(&s->regions);
	s->half = false;
	while (list.p && list.n) {
		uint64_t v;
		if (!str_to_u64(str_cut(&list, ','), &v))
			return "sparse map has a bad number";
		const char *error = add_number(s, v);
		if (error)
			return error;
	}
	return NULL;
}

const char *tar_sparse_record(struct tar_sparse *s, struct str key,
	struct str value, struct tar_text *name)
{
	uint64_t v = 0;
	s->pax = true;
	if (str_is(key, "name")) {
		tar_text_set(name, value);
		return NULL;
	}
	if (str_is(key, "map"))
		return add_list(s, value);
	if (!str_to_u64(value, &v))
		return "sparse header has a bad number";
	if (str_is(key, "size") || str_is(key, "realsize")) {
		s->has_size = true;
		s->size = v;
	} else if (str_is(key, "major")) {
		if (v > 1)
			return "sparse format is not known";
		s->map_first = v == 1;
	} else if (str_is(key, "offset")) {
		if (s->half)
			return "sparse map is out of order";
		return add_number(s, v);
	} else if (str_is(key, "numbytes")) {
		if (!s->half)
			return "sparse map is out of order";
		return add_number(s, v);
	}
	return NULL; /* numblocks and minor say nothing more */
}

const char *tar_sparse_old(
	struct tar_sparse *s, const char *descriptors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *d = descriptors + i * 2 * OLD_FIELD;
		uint64_t offset;
		uint64_t n;
		if (d[OLD_FIELD] == '\0')
			break;
		if (!tar_field_uint(d, OLD_FIELD, &offset) ||
			!tar_field_uint(d + OLD_FIELD, OLD_FIELD, &n))
			return "sparse map has a bad number";
		const char *error = tar_sparse_add(s, offset, n);
		if (error)
			return error;
	}
	return NULL;
}

/* a number of the map is complete: the first is how many regions follow */
static const char *map_number(struct tar_sparse *s)
{
	if (s->has_count) {
		s->numbers_left--;
		return add_number(s, s->number);
	}
	if (s->number > TAR_SPARSE_MAX)
		return "sparse map has too many regions";
	s->has_count = true;
	s->numbers_left = 2 * s->number;
	return NULL;
}

const char *tar_sparse_block(
	struct tar_sparse *s, const char block[TAR_BLOCK], bool *done)
{
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		if (s->has_count && s->numbers_left == 0)
			break; /* the rest of the block is padding */
		char c = block[i];
		if (c == '\n' && s->has_digit) {
			const char *error = map_number(s);
			if (error)
				return error;
			s->number = 0;
			s->has_digit = false;
			continue;
		}
		if (c < '0' || c > '9' ||
			__builtin_mul_overflow(s->number, 10, &s->number) ||
			__builtin_add_overflow(
				s->number, (uint64_t)(c - '0'), &s->number))
			return "sparse map has a bad number";
		s->has_digit = true;
	}
	*done = s->has_count && s->numbers_left == 0;
	return NULL;
}

const char *tar_sparse_check(const struct tar_sparse *s, uint64_t stored)
{
	uint64_t end = 0;
	uint64_t sum = 0;
	if (!s->has_size || s->half)
		return "sparse header is incomplete";
	if (s->size > TAR_SIZE_MAX)
		return "sparse file is too large";
	for (size_t i = 0; i < region_count(s); i++) {
		struct tar_region r = region_at(s, i);
		if (r.offset < end || r.offset > s->size ||
			r.n > s->size - r.offset)
			return "sparse map is out of order";
		end = r.offset + r.n;
		sum += r.n;
	}
	return sum > stored ? "sparse map is longer than its data" : NULL;
}

bool tar_sparse_next(struct tar_sparse *s, size_t *n, uint64_t *offset)
{
	for (; s->at < region_count(s); s->at++, s->done = 0) {
		struct tar_region r = region_at(s, s->at);
		if (s->done == r.n)
			continue;
		uint64_t left = r.n - s->done;
		if (*n > left)
			*n = (size_t)left;
		*offset = r.offset + s->done;
		s->done += *n;
		return true;
	}
	return false;
}
