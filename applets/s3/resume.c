/* SPDX-License-Identifier: MIT */
/*
 * applets/s3/resume.c - put --resume: the upload that an earlier run left.
 *
 * Nothing is kept on this machine: the store tells which uploads of a key are
 * unfinished and which parts they have.
 *
 * input: untrusted
 */
#include "applets/s3/s3.h"

#include "lib/fmt.h"
#include "net/xml.h"

/* text of an element into a C array; a longer one becomes "" */
static void take(const struct xml *x, char *dst, size_t size)
{
	struct buf text;
	buf_init(&text, size - 1);
	xml_text(x, &text);
	fmt_str(dst, size, "%s", text.err ? "" : buf_cstr(&text));
	buf_fini(&text);
}

/* one <Upload> of the list */
struct candidate {
	char id[S3_UPLOAD_ID_MAX];
	char begun[S3_TEXT]; /* ISO 8601: the greater is the newer */
	char checksum[S3_TEXT];
	bool ours;
};

/* the newest upload of the key whose checksums are of our kind */
static void choose(const struct s3 *s3, struct str body, struct str key,
	char id[S3_UPLOAD_ID_MAX])
{
	struct xml x;
	enum xml_event e;
	struct candidate c = {0}, best = {0};
	struct buf name;
	buf_init(&name, S3_KEY_MAX);
	xml_init(&x, body);
	while ((e = xml_next(&x)) != XML_END && e != XML_ERROR) {
		if (e == XML_OPEN && x.depth == 2)
			c = (struct candidate){0};
		if (e == XML_TEXT && x.depth == 3 && str_is(x.name, "Key")) {
			buf_reset(&name);
			xml_text(&x, &name);
			c.ours = !name.err && str_eq(buf_str(&name), key);
		}
		if (e == XML_TEXT && x.depth == 3 && str_is(x.name, "UploadId"))
			take(&x, c.id, sizeof(c.id));
		if (e == XML_TEXT && x.depth == 3 &&
			str_is(x.name, "Initiated"))
			take(&x, c.begun, sizeof(c.begun));
		if (e == XML_TEXT && x.depth == 3 &&
			str_is(x.name, "ChecksumAlgorithm"))
			take(&x, c.checksum, sizeof(c.checksum));
		if (e != XML_CLOSE || x.depth != 2 || !c.ours || !c.id[0])
			continue;
		bool fits = !c.checksum[0] ||
			    str_eq_nocase(str_of(c.checksum),
				    str_of(s3_sum_name(s3->checksum)));
		if (fits && strcmp(c.begun, best.begun) >= 0)
			best = c;
	}
	buf_fini(&name);
	fmt_str(id, S3_UPLOAD_ID_MAX, "%s", best.id);
}

/* the parts of one page into the array, by number */
static void read_parts(
	const struct s3 *s3, struct str body, struct buf *parts, char *next)
{
	static const struct s3_part none;
	char sum[S3_TEXT], number[S3_TEXT] = "", size[S3_TEXT] = "";
	char truncated[S3_TEXT] = "";
	struct s3_part part = none;
	struct xml x;
	enum xml_event e;
	uint64_t n = 0;
	fmt_str(sum, sizeof(sum), "Checksum%s", s3_sum_name(s3->checksum));
	next[0] = '\0';
	xml_init(&x, body);
	while ((e = xml_next(&x)) != XML_END && e != XML_ERROR) {
		if (e == XML_OPEN && x.depth == 2)
			part = none;
		if (e == XML_TEXT && str_is(x.name, "NextPartNumberMarker"))
			take(&x, next, S3_TEXT);
		if (e == XML_TEXT && str_is(x.name, "IsTruncated"))
			take(&x, truncated, sizeof(truncated));
		if (e == XML_TEXT && str_is(x.name, "PartNumber"))
			take(&x, number, sizeof(number));
		if (e == XML_TEXT && str_is(x.name, "ETag"))
			take(&x, part.etag, sizeof(part.etag));
		if (e == XML_TEXT && str_is(x.name, "Size"))
			take(&x, size, sizeof(size));
		if (e == XML_TEXT && str_is(x.name, sum))
			take(&x, part.sum, sizeof(part.sum));
		if (e != XML_CLOSE || x.depth != 2 || !str_is(x.name, "Part") ||
			!str_to_u64(str_of(number), &n) ||
			!str_to_u64(str_of(size), &part.size) || n == 0 ||
			n > S3_PARTS_MAX)
			continue;
		while (parts->n < n * sizeof(part) && !parts->err)
			buf_put(parts, &none, sizeof(none));
		if (!parts->err)
			memcpy(buf_at(parts, (n - 1) * sizeof(part)), &part,
				sizeof(part));
	}
	if (strcmp(truncated, "true") != 0)
		next[0] = '\0';
}

static enum s3_result find_upload(struct s3_conn *conn, const struct s3_uri *to,
	char id[S3_UPLOAD_ID_MAX], char *error)
{
	struct s3_call call = {.method = "GET", .bucket = to->bucket};
	s3_param(&call, "uploads", STR(""));
	s3_param(&call, "prefix", to->key);
	enum s3_result r = s3_call(conn, &call);
	if (r == S3_OK)
		choose(conn->s3, buf_str(&call.http.content), to->key, id);
	else
		fmt_str(error, S3_ERROR_SIZE, "%s", call.error);
	s3_call_fini(&call);
	return r;
}

enum s3_result s3_resume(struct s3_conn *conn, const struct s3_uri *to,
	char id[S3_UPLOAD_ID_MAX], struct buf *parts, char *error)
{
	char marker[S3_TEXT] = "";
	id[0] = '\0';
	enum s3_result r = find_upload(conn, to, id, error);
	while (r == S3_OK && id[0]) {
		struct s3_call call = {
			.method = "GET", .bucket = to->bucket, .key = to->key};
		char next[S3_TEXT] = "";
		s3_param(&call, "uploadId", str_of(id));
		if (marker[0])
			s3_param(&call, "part-number-marker", str_of(marker));
		r = s3_call(conn, &call);
		if (r == S3_OK)
			read_parts(conn->s3, buf_str(&call.http.content), parts,
				next);
		else
			fmt_str(error, S3_ERROR_SIZE, "%s", call.error);
		s3_call_fini(&call);
		if (!next[0] || strcmp(next, marker) == 0)
			break;
		memcpy(marker, next, sizeof(marker));
	}
	return r;
}
