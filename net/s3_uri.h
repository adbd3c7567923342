/* SPDX-License-Identifier: MIT */
/* net/s3_uri.h - "s3://BUCKET/KEY". input: untrusted */
#ifndef NET_S3_URI_H
#define NET_S3_URI_H

#include "lib/str.h"

enum { S3_KEY_MAX = 4096 }; /* stores allow 1024; the rest is for odd ones */

struct s3_uri {
	bool remote; /* it begins with s3:// */
	struct str bucket;
	struct str key; /* as it is, not decoded; "" when there is none */
	const char *text;
};

/* text is borrowed */
struct s3_uri s3_uri_of(const char *text);

/* nothing in it would confuse a host name, a path or a signature */
bool s3_bucket_sound(struct str bucket);

#endif
