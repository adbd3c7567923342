/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/cred.c - whose keys sign: environment, web identity, profile,
 * container, instance; the first that there is.
 */
#include "applets/s3/s3.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/fmt.h"

enum { REFRESH_S = 300 }; /* before they expire */

static bool from_environment(struct s3_keys *k)
{
	const char *access = getenv("AWS_ACCESS_KEY_ID");
	const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
	const char *token = getenv("AWS_SESSION_TOKEN");
	if (!access || !*access || !secret || !*secret)
		return false;
	fmt_str(k->access, sizeof(k->access), "%s", access);
	fmt_str(k->secret, sizeof(k->secret), "%s", secret);
	fmt_str(k->token, sizeof(k->token), "%s", token ? token : "");
	return true;
}

static bool from_profile(const struct s3_options *o, struct s3_keys *k)
{
	if (!s3_profile_get(
		    o, "aws_access_key_id", k->access, sizeof(k->access)) ||
		!s3_profile_get(o, "aws_secret_access_key", k->secret,
			sizeof(k->secret)))
		return false;
	if (!s3_profile_get(o, "aws_session_token", k->token, sizeof(k->token)))
		k->token[0] = '\0';
	return true;
}

static int find_keys(struct s3 *s3, struct s3_keys *k, char *why)
{
	*k = (struct s3_keys){0};
	int r = s3->o->profile ? 0 : s3_keys_modal(s3, k, why);
	if (r != 0)
		return r;
	if (!s3->o->profile && from_environment(k))
		return 1;
	if (from_profile(s3->o, k))
		return 1;
	r = s3_keys_remote(s3, k, why);
	if (r == 0)
		fmt_str(why, S3_ERROR_SIZE,
			"no credentials: set AWS_ACCESS_KEY_ID and "
			"AWS_SECRET_ACCESS_KEY, or a profile, or give "
			"--no-sign-request");
	return r;
}

bool s3_keys_get(struct s3 *s3, struct s3_keys *keys, char *why)
{
	int r = 1;
	pthread_mutex_lock(&s3->lock);
	int64_t now = clock_wall(NULL) + s3->skew_s;
	bool stale = s3->keys.expires && now + REFRESH_S > s3->keys.expires;
	if (!s3->has_keys || stale) {
		struct s3_keys fresh;
		r = find_keys(s3, &fresh, why);
		/* old ones are better than none while they last */
		bool keep = r != 1 && s3->has_keys && now < s3->keys.expires;
		if (r == 1)
			s3->keys = fresh;
		if (keep)
			r = 1;
		s3->has_keys = r == 1;
	}
	if (r == 1)
		*keys = s3->keys;
	pthread_mutex_unlock(&s3->lock);
	return r == 1;
}

void s3_keys_forget(struct s3 *s3)
{
	pthread_mutex_lock(&s3->lock);
	s3->has_keys = false;
	pthread_mutex_unlock(&s3->lock);
}
