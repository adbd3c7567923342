/* SPDX-License-Identifier: MIT */
/* applets/s3/sum.c - the checksums that stores keep with objects. */
#include "applets/s3/s3.h"

#include "lib/base64.h"
#include "lib/crc.h"
#include "lib/fmt.h"

const char *s3_sum_name(enum s3_checksum kind)
{
	static const char *const names[] = {
		"NONE", "CRC32", "CRC32C", "CRC64NVME", "SHA256"};
	return names[kind];
}

const char *s3_sum_field(enum s3_checksum kind)
{
	static const char *const names[] = {"", "x-amz-checksum-crc32",
		"x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
		"x-amz-checksum-sha256"};
	return names[kind];
}

void s3_sum_start(struct s3_sum *s, enum s3_checksum kind)
{
	s->kind = kind;
	s->crc = 0;
	hash_start(&s->sha);
}

void s3_sum_more(struct s3_sum *s, struct str data)
{
	switch (s->kind) {
	case S3_SUM_NONE:
		break;
	case S3_SUM_CRC32:
		s->crc = crc_32((uint32_t)s->crc, data);
		break;
	case S3_SUM_CRC32C:
		s->crc = crc_32c((uint32_t)s->crc, data);
		break;
	case S3_SUM_CRC64NVME:
		s->crc = crc_64nvme(s->crc, data);
		break;
	case S3_SUM_SHA256:
		hash_more(&s->sha, data);
		break;
	}
}

void s3_sum_text(struct s3_sum *s, char text[S3_TEXT])
{
	unsigned char bytes[HASH_SHA256_SIZE];
	size_t n = s->kind == S3_SUM_CRC64NVME ? 8 : 4;
	struct buf out;
	if (s->kind == S3_SUM_SHA256) {
		hash_end(&s->sha, bytes);
		n = HASH_SHA256_SIZE;
	}
	for (size_t i = 0; s->kind != S3_SUM_SHA256 && i < n; i++)
		bytes[i] = (unsigned char)(s->crc >> (8 * (n - 1 - i)));
	buf_init(&out, S3_TEXT);
	base64_put(&out, str_from((const char *)bytes, n));
	fmt_str(text, S3_TEXT, "%s", buf_cstr(&out));
	buf_fini(&out);
}

/* over TLS the signature leaves the payload out, and so does that of pieces */
void s3_digest_start(struct s3_digest *d, const struct s3 *s3, bool in_pieces)
{
	bool hash = !s3->tls && !s3->o->anonymous && !in_pieces;
	s3_sum_start(&d->sum, s3->checksum);
	s3_sum_start(&d->payload, hash ? S3_SUM_SHA256 : S3_SUM_NONE);
}

void s3_digest_more(struct s3_digest *d, struct str data)
{
	s3_sum_more(&d->payload, data);
	/* the same hash is not made twice */
	if (d->sum.kind != d->payload.kind)
		s3_sum_more(&d->sum, data);
}

void s3_digest_sum(const struct s3_digest *d, char text[S3_TEXT])
{
	struct s3_sum sum =
		d->sum.kind == d->payload.kind ? d->payload : d->sum;
	s3_sum_text(&sum, text);
}

void s3_digest_payload(const struct s3_digest *d, char hex[HASH_HEX_SIZE])
{
	unsigned char hash[HASH_SHA256_SIZE];
	struct s3_sum sum = d->payload;
	hash_end(&sum.sha, hash);
	hash_hex(hex, hash, sizeof(hash));
}

void s3_sum_join(struct s3_sum *s, const struct s3_sum *second, uint64_t n)
{
	if (s->kind == S3_SUM_CRC32)
		s->crc = crc_join(0xedb88320, s->crc, second->crc, n);
	else if (s->kind == S3_SUM_CRC32C)
		s->crc = crc_join(0x82f63b78, s->crc, second->crc, n);
	else if (s->kind == S3_SUM_CRC64NVME)
		s->crc = crc_join(0x9a6c9329ac4bc9b5, s->crc, second->crc, n);
}

bool s3_sum_of_head(
	const struct http_head *head, enum s3_checksum *kind, struct str *value)
{
	struct str type = http_field(head, "x-amz-checksum-type");
	if (type.p && str_eq_nocase(type, STR("COMPOSITE")))
		return false;
	/* the cheap ones first */
	for (int i = S3_SUM_CRC32; i <= S3_SUM_SHA256; i++) {
		*kind = (enum s3_checksum)i;
		*value = http_field(head, s3_sum_field(*kind));
		/* "abc=-3" is one of three parts' checksums */
		if (value->p && str_index(*value, '-') == value->n)
			return true;
	}
	return false;
}
