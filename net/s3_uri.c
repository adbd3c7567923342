/* SPDX-License-Identifier: MIT */
/* net/s3_uri.c - "s3://BUCKET/KEY". input: untrusted */
#include "net/s3_uri.h"

struct s3_uri s3_uri_of(const char *text)
{
	struct s3_uri at = {.text = text};
	struct str rest = str_of(text);
	if (!str_starts(rest, STR("s3://")))
		return at;
	at.remote = true;
	rest = str_from_index(rest, 5);
	at.bucket = str_cut(&rest, '/');
	at.key = rest.p ? rest : STR("");
	return at;
}

bool s3_bucket_sound(struct str bucket)
{
	for (size_t i = 0; i < bucket.n; i++) {
		char c = bucket.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '.' ||
			    c == '_'))
			return false;
	}
	return bucket.n > 0 && bucket.n <= 255;
}
