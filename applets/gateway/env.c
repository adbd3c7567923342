/* SPDX-License-Identifier: MIT */
/* applets/gateway/env.c - the environment that a child process gets. */
#include "applets/gateway/env.h"

#include <string.h>

extern char **environ;

static bool is_changed(
	const char *entry, const struct env_change *changes, size_t n)
{
	struct str name =
		str_first(str_of(entry), str_index(str_of(entry), '='));
	for (size_t i = 0; i < n; i++)
		if (str_is(name, changes[i].name))
			return true;
	return false;
}

static char *entry_of(struct arena *a, const struct env_change *change)
{
	size_t name = strlen(change->name);
	size_t value = strlen(change->value);
	char *entry = arena_new(a, name + value + 2);
	if (!entry)
		return NULL;
	memcpy(entry, change->name, name);
	entry[name] = '=';
	memcpy(entry + name + 1, change->value, value);
	return entry;
}

char **env_changed(struct arena *a, const struct env_change *changes, size_t n)
{
	size_t count = 0, k = 0;
	while (environ[count])
		count++;
	char **env = arena_new_array(a, count + n + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_changed(environ[i], changes, n))
			env[k++] = environ[i];
	for (size_t i = 0; i < n; i++) {
		bool last = !is_changed(
			changes[i].name, changes + i + 1, n - i - 1);
		if (changes[i].value && last &&
			!(env[k++] = entry_of(a, &changes[i])))
			return NULL;
	}
	return env;
}
