/* SPDX-License-Identifier: MIT */
/*
 * net/cert.c - reading the parts of a certificate that people ask about.
 *
 * input: untrusted
 */
#include "net/cert.h"

#include <time.h>

#include "lib/fmt.h"
#include "lib/size.h"

enum {
	TAG_OID = 0x06,
	TAG_OCTETS = 0x04,
	TAG_UTC_TIME = 0x17,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_VERSION = 0xa0,
	TAG_EXTENSIONS = 0xa3,
	TAG_NAME_DNS = 0x82,
	TAG_NAME_ADDRESS = 0x87,
};

/* cut one element off *rest; false at the end, or when it is malformed */
static bool next(struct str *rest, unsigned *tag, struct str *value)
{
	if (rest->n < 2)
		return false;
	size_t at = 2;
	size_t n = (unsigned char)rest->p[1];
	unsigned kind = (unsigned char)rest->p[0];
	if (n >= 0x80) {
		size_t digits = n & 0x7f;
		if (digits == 0 || digits > 4 || rest->n < 2 + digits)
			return false;
		for (n = 0; digits--; at++)
			n = n << 8 | (unsigned char)rest->p[at];
	}
	if (n > rest->n - at)
		return false;
	*tag = kind; /* nothing is told of an element that is malformed */
	*value = str_from(rest->p + at, n);
	*rest = str_from_index(*rest, at + n);
	return true;
}

/* the next element must be of this kind */
static bool expect(struct str *rest, unsigned wanted, struct str *value)
{
	unsigned tag;
	return next(rest, &tag, value) && tag == wanted;
}

/* what stands in a message: no control bytes */
static void copy_text(char dst[CERT_TEXT_SIZE], struct str text)
{
	size_t n = size_min(text.n, CERT_TEXT_SIZE - 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		dst[i] = c < 0x20 || c == 0x7f ? '?' : text.p[i];
	}
	dst[n] = '\0';
}

/* the common name of a distinguished name, or else the organisation */
static void read_dn(char dst[CERT_TEXT_SIZE], struct str dn)
{
	struct str set, pair, oid, text;
	unsigned tag;
	bool common = false;
	dst[0] = '\0';
	while (expect(&dn, TAG_SET, &set)) {
		if (!expect(&set, TAG_SEQUENCE, &pair) ||
			!expect(&pair, TAG_OID, &oid) ||
			!next(&pair, &tag, &text))
			continue;
		if (str_eq(oid, STR("\x55\x04\x03"))) {
			copy_text(dst, text);
			common = true;
		} else if (str_eq(oid, STR("\x55\x04\x0a")) && !common) {
			copy_text(dst, text);
		}
	}
}

static int two_digits(struct str text, size_t at)
{
	int tens = text.p[at] - '0';
	int ones = text.p[at + 1] - '0';
	bool good = tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
	return good ? 10 * tens + ones : 0;
}

static bool read_time(struct str *rest, int64_t *seconds)
{
	struct str text;
	struct tm tm = {0};
	unsigned tag;
	size_t at = 0;
	if (!next(rest, &tag, &text))
		return false;
	bool utc = tag == TAG_UTC_TIME;
	if (text.n < (utc ? 12U : 14U))
		return false;
	int year = two_digits(text, 0);
	if (utc)
		year += year < 50 ? 2000 : 1900;
	else
		year = 100 * year + two_digits(text, at += 2);
	tm.tm_year = year - 1900;
	tm.tm_mon = two_digits(text, at + 2) - 1;
	tm.tm_mday = two_digits(text, at + 4);
	tm.tm_hour = two_digits(text, at + 6);
	tm.tm_min = two_digits(text, at + 8);
	tm.tm_sec = two_digits(text, at + 10);
	*seconds = (int64_t)timegm(&tm);
	return true;
}

static void read_extensions(struct cert *c, struct str list)
{
	struct str extension, oid, value;
	while (expect(&list, TAG_SEQUENCE, &extension)) {
		unsigned tag = 0;
		if (!expect(&extension, TAG_OID, &oid) ||
			!str_eq(oid, STR("\x55\x1d\x11")))
			continue;
		/* a "critical" flag may stand between */
		while (tag != TAG_OCTETS && next(&extension, &tag, &value))
			;
		if (tag != TAG_OCTETS ||
			!expect(&value, TAG_SEQUENCE, &c->names))
			c->names = STR("");
	}
}

bool cert_read(struct cert *c, struct str der)
{
	struct str whole, body, part, issuer, validity, subject, list;
	unsigned tag;
	*c = (struct cert){.names = STR("")};
	if (!expect(&der, TAG_SEQUENCE, &whole) ||
		!expect(&whole, TAG_SEQUENCE, &body) ||
		!next(&body, &tag, &part))
		return false;
	/* version (if it is there), serial number, algorithm */
	if (tag == TAG_VERSION && !next(&body, &tag, &part))
		return false;
	if (!expect(&body, TAG_SEQUENCE, &part) ||
		!expect(&body, TAG_SEQUENCE, &issuer) ||
		!expect(&body, TAG_SEQUENCE, &validity) ||
		!expect(&body, TAG_SEQUENCE, &subject))
		return false;
	read_dn(c->issuer, issuer);
	read_dn(c->subject, subject);
	if (!read_time(&validity, &c->not_before) ||
		!read_time(&validity, &c->not_after))
		return false;
	while (next(&body, &tag, &part))
		if (tag == TAG_EXTENSIONS && expect(&part, TAG_SEQUENCE, &list))
			read_extensions(c, list);
	return true;
}

bool cert_next_name(struct str *rest, enum cert_name *type, struct str *value)
{
	unsigned tag;
	if (!next(rest, &tag, value))
		return false;
	*type = CERT_OTHER;
	if (tag == TAG_NAME_DNS)
		*type = CERT_DNS;
	else if (tag == TAG_NAME_ADDRESS)
		*type = CERT_ADDRESS;
	return true;
}

bool cert_has_address(const struct cert *c, struct str address)
{
	struct str rest = c->names;
	struct str value;
	enum cert_name type;
	while (cert_next_name(&rest, &type, &value))
		if (type == CERT_ADDRESS && str_eq(value, address))
			return true;
	return false;
}

static void address_text(char *dst, size_t size, struct str value)
{
	const unsigned char *p = (const unsigned char *)value.p;
	if (value.n == 4)
		fmt_str(dst, size, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	else
		fmt_str(dst, size, "an IPv6 address");
}

void cert_names_text(const struct cert *c, char *dst, size_t size)
{
	struct str rest = c->names;
	struct str value;
	enum cert_name type;
	size_t n = 0;
	dst[0] = '\0';
	while (n < size && cert_next_name(&rest, &type, &value)) {
		char text[CERT_TEXT_SIZE];
		if (type == CERT_OTHER)
			continue;
		if (type == CERT_DNS)
			copy_text(text, value);
		else
			address_text(text, sizeof(text), value);
		n += fmt_str(dst + n, size - n, "%s%s", n ? ", " : "", text);
	}
	if (n == 0)
		fmt_str(dst, size, "%s", c->subject);
}
