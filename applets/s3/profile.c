/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/profile.c - ~/.aws/credentials and ~/.aws/config.
 *
 * input: untrusted
 */
#include "applets/s3/s3.h"

#include <fcntl.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/fmt.h"
#include "lib/path.h"

enum { FILE_MAX = 1 << 20 };

static const char *profile_name(const struct s3_options *o)
{
	const char *name = o->profile ? o->profile : getenv("AWS_PROFILE");
	if (!name || !*name)
		name = getenv("AWS_DEFAULT_PROFILE");
	return name && *name ? name : "default";
}

/* "[name]", and "[profile name]" in the config file */
static bool is_section(struct str line, const char *profile, bool config)
{
	struct str name = str_trim(str_first(str_from_index(line, 1),
		str_index(str_from_index(line, 1), ']')));
	if (config && str_starts(name, STR("profile ")))
		name = str_trim(str_from_index(name, 8));
	return str_is(name, profile);
}

/* "name = value" lines of one section; nested lines are indented */
static bool find(struct str text, const char *profile, bool config,
	const char *name, struct str *found)
{
	bool inside = false;
	while (text.p) {
		struct str line = str_cut(&text, '\n');
		bool indented =
			line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
			continue;
		if (line.p[0] == '[') {
			inside = is_section(line, profile, config);
			continue;
		}
		struct str value = line;
		struct str key = str_trim(str_cut(&value, '='));
		if (inside && !indented && value.p && str_is(key, name)) {
			*found = str_trim(value);
			return true;
		}
	}
	return false;
}

static bool look_in(const char *variable, const char *file,
	const struct s3_options *o, const char *name, struct buf *text)
{
	char path[PATH_LEN_MAX];
	struct str value;
	const char *given = getenv(variable);
	const char *home = getenv("HOME");
	bool config = strcmp(file, "config") == 0;
	if (given && *given)
		fmt_str(path, sizeof(path), "%s", given);
	else
		fmt_str(path, sizeof(path), "%s/.aws/%s", home ? home : "",
			file);
	buf_reset(text);
	if (file_read(AT_FDCWD, path, text) < 0 ||
		!find(buf_str(text), profile_name(o), config, name, &value))
		return false;
	buf_consume(text, (size_t)(value.p - buf_str(text).p));
	text->n = value.n;
	return true;
}

bool s3_profile_get(
	const struct s3_options *o, const char *name, char *dst, size_t size)
{
	struct buf text;
	buf_init(&text, FILE_MAX);
	bool found = look_in("AWS_SHARED_CREDENTIALS_FILE", "credentials", o,
			     name, &text) ||
		     look_in("AWS_CONFIG_FILE", "config", o, name, &text);
	if (found)
		fmt_str(dst, size, "%.*s", STR_FMT(buf_str(&text)));
	buf_fini(&text);
	return found && *dst;
}
