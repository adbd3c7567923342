/* SPDX-License-Identifier: MIT */
/* applets/s3/fault.c - what went wrong, in words. */
#include "applets/s3/s3.h"

#include <errno.h>

#include "lib/fmt.h"
#include "lib/size.h"
#include "net/xml.h"

enum { MESSAGE_MAX = 400 };

static const struct {
	const char *code;
	enum s3_result result;
	const char *text;
} known[] = {
	{"NoSuchKey", S3_NOT_FOUND, "no such object"},
	{"NoSuchBucket", S3_NOT_FOUND, "no such bucket"},
	{"NoSuchUpload", S3_NOT_FOUND, "no such upload"},
	{"AccessDenied", S3_DENIED, "access denied"},
	{"InvalidAccessKeyId", S3_DENIED, "the access key is not known"},
	{"SignatureDoesNotMatch", S3_DENIED,
		"the secret key is wrong (the signature does not match)"},
	{"ExpiredToken", S3_DENIED, "the session token has expired"},
	{"InvalidToken", S3_DENIED, "the session token is not valid"},
	{"TokenRefreshRequired", S3_DENIED, "the session token has expired"},
	{"RequestTimeTooSkewed", S3_DENIED,
		"this machine's clock is wrong by more than the store allows"},
	{"BucketNotEmpty", S3_FAILED, "the bucket is not empty"},
	{"BucketAlreadyExists", S3_FAILED, "the bucket exists already"},
	{"BucketAlreadyOwnedByYou", S3_FAILED, "the bucket exists already"},
	{"InvalidBucketName", S3_NAME, "no bucket can have this name"},
	{"PreconditionFailed", S3_FAILED, "it changed meanwhile"},
	{"SlowDown", S3_NETWORK, "the store is too busy"},
	{"BadDigest", S3_FAILED, "the data changed on its way"},
};

static void put_text(char *dst, size_t size, struct str text)
{
	fmt_str(dst, size, "%.*s", STR_FMT(text));
	for (char *p = dst; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

/* an answer to HEAD has no body: the status must do */
static const char *code_of_status(const struct s3_call *call)
{
	switch (call->http.head.status) {
	case 401:
	case 403:
		return "AccessDenied";
	case 404:
		return call->key.p ? "NoSuchKey" : "NoSuchBucket";
	case 412:
		return "PreconditionFailed";
	default:
		return "";
	}
}

enum s3_result s3_fault(struct s3_call *call)
{
	struct buf text;
	char message[MESSAGE_MAX] = "";
	struct str body = buf_str(&call->http.content);
	int status = call->http.head.status;
	enum s3_result result = S3_FAILED;
	buf_init(&text, 1 << 16);
	call->code[0] = '\0';
	if (xml_get(body, "Error/Code", &text))
		put_text(call->code, sizeof(call->code), buf_str(&text));
	buf_reset(&text);
	if (xml_get(body, "Error/Message", &text))
		put_text(message, sizeof(message), buf_str(&text));
	buf_fini(&text);
	if (!call->code[0])
		fmt_str(call->code, sizeof(call->code), "%s",
			code_of_status(call));
	if (status == 404)
		result = S3_NOT_FOUND;
	else if (status == 401 || status == 403)
		result = S3_DENIED;
	else if (status >= 500)
		result = S3_NETWORK;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i].code, call->code) != 0)
			continue;
		fmt_str(call->error, sizeof(call->error), "%s", known[i].text);
		return known[i].result;
	}
	if (call->code[0])
		fmt_str(call->error, sizeof(call->error), "%s%s%s", call->code,
			message[0] ? ": " : "", message);
	else
		fmt_str(call->error, sizeof(call->error), "status %d %.*s",
			status, STR_FMT(call->http.head.reason));
	return result;
}

enum s3_result s3_fault_errno(
	struct s3_call *call, const struct http_client *c, int err)
{
	const char *why = strerror(-err);
	if (err == -EPROTO && c->error)
		why = c->error;
	if (err == -ECANCELED)
		why = "interrupted";
	fmt_str(call->error, sizeof(call->error), "%s", why);
	call->code[0] = '\0';
	return S3_NETWORK;
}
