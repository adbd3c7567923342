/* SPDX-License-Identifier: MIT */
/* applets/tar/links.c - which files with several names were archived. */
#include "applets/tar/links.h"

#include "lib/mem.h"

enum {
	SLOTS_FIRST = 256,
	SLOTS_MAX = 1 << 16, /* 2 MiB */
	NAMES_MAX = 4 << 20,
};

void links_init(struct links *l)
{
	*l = (struct links){0};
	buf_init(&l->names, NAMES_MAX);
}

void links_fini(struct links *l)
{
	mem_free(l->slot);
	buf_fini(&l->names);
}

/* the slot of the file, or the free one where it belongs */
static struct link_slot *find(
	struct link_slot *slot, size_t slots, dev_t dev, ino_t ino)
{
	uint64_t hash =
		((uint64_t)ino ^ (uint64_t)dev << 32) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(hash >> 32) & (slots - 1);
	while (slot[i].name && (slot[i].ino != ino || slot[i].dev != dev))
		i = (i + 1) & (slots - 1);
	return &slot[i];
}

/* keep at least a quarter free; false: it is as large as it may get */
static bool make_room(struct links *l)
{
	if (l->used < l->slots / 4 * 3)
		return true;
	size_t slots = l->slots ? l->slots * 2 : SLOTS_FIRST;
	if (slots > SLOTS_MAX)
		return false;
	struct link_slot *slot = mem_new_array(slots, sizeof(*slot));
	if (!slot)
		return false;
	for (size_t i = 0; i < l->slots; i++)
		if (l->slot[i].name)
			*find(slot, slots, l->slot[i].dev, l->slot[i].ino) =
				l->slot[i];
	mem_free(l->slot);
	l->slot = slot;
	l->slots = slots;
	return true;
}

struct str links_seen(struct links *l, dev_t dev, ino_t ino, struct str name)
{
	const struct str none = {NULL, 0};
	bool room = make_room(l);
	if (!l->slots)
		return none;
	struct link_slot *s = find(l->slot, l->slots, dev, ino);
	if (s->name)
		return str_from(buf_str(&l->names).p + s->name - 1, s->len);
	if (!room)
		return none;
	size_t at = l->names.n;
	buf_put_str(&l->names, name);
	if (l->names.err) {
		l->names.err = 0;
		return none;
	}
	*s = (struct link_slot){dev, ino, (uint32_t)at + 1, (uint32_t)name.n};
	l->used++;
	return none;
}
