/* SPDX-License-Identifier: MIT */
/* tests/unit/sigv4_test.c - SigV4, and the hashes and encodings below it. */
#include "tests/unit/test.h"

#include "lib/base64.h"
#include "lib/crc.h"
#include "lib/rand.h"
#include "net/sigv4.h"

static void check_hash(const char *text, const char *want)
{
	unsigned char hash[HASH_SHA256_SIZE];
	char hex[HASH_HEX_SIZE];
	hash_sha256(hash, str_of(text));
	hash_hex(hex, hash, sizeof(hash));
	CHECK_CSTR(hex, want);
}

TEST(hash_sha256_has_the_published_values)
{
	check_hash("", SIGV4_EMPTY);
	check_hash("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
			  "ff61f20015ad");
	check_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06"
		"c1");
}

TEST(hash_instructions_and_portable_code_agree)
{
	unsigned char data[8 * HASH_SHA256_BLOCK];
	if (!hash_has_instructions())
		return;
	for (int i = 0; i < 200; i++) {
		uint32_t a[8], b[8];
		CHECK_EQ(rand_bytes(data, sizeof(data)), 0);
		CHECK_EQ(rand_bytes(a, sizeof(a)), 0);
		memcpy(b, a, sizeof(a));
		hash_blocks_fast(a, data, 8);
		hash_blocks_portable(b, data, 8);
		CHECK_MEM(a, sizeof(a), b, sizeof(b));
	}
}

TEST(hash_in_pieces_is_the_same)
{
	char text[300];
	unsigned char whole[HASH_SHA256_SIZE], cut[HASH_SHA256_SIZE];
	memset(text, 'x', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n += 7) {
		struct str all = {text, n};
		hash_sha256(whole, all);
		for (size_t at = 0; at <= n; at++) {
			struct hash_stream h;
			hash_start(&h);
			hash_more(&h, str_first(all, at));
			hash_more(&h, str_from_index(all, at));
			hash_end(&h, cut);
			CHECK_MEM(cut, sizeof(cut), whole, sizeof(whole));
		}
	}
}

TEST(hash_hmac_has_the_values_of_rfc_4231)
{
	unsigned char mac[HASH_SHA256_SIZE];
	char hex[HASH_HEX_SIZE], key[131];
	hash_hmac(mac, STR("Jefe"), STR("what do ya want for nothing?"));
	hash_hex(hex, mac, sizeof(mac));
	CHECK_CSTR(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58"
			"b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hash_hmac(mac, str_from(key, sizeof(key)),
		STR("Test Using Larger Than Block-Size Key - Hash Key First"));
	hash_hex(hex, mac, sizeof(mac));
	CHECK_CSTR(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c514054604"
			"0f0ee37f54");
}

TEST(hash_md5_has_the_value_of_rfc_1321)
{
	unsigned char hash[HASH_MD5_SIZE];
	char hex[HASH_HEX_SIZE];
	hash_md5(hash, STR("message digest"));
	hash_hex(hex, hash, sizeof(hash));
	CHECK_CSTR(hex, "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(crc_check_values)
{
	struct str digits = STR("123456789");
	CHECK_EQ(crc_32(0, digits), 0xcbf43926);
	CHECK_EQ(crc_32c(0, digits), 0xe3069283);
	CHECK(crc_64nvme(0, digits) == 0xae8b14860a799888ULL);
}

TEST(crc_continues)
{
	struct str digits = STR("123456789");
	for (size_t at = 0; at <= digits.n; at++) {
		struct str a = str_first(digits, at);
		struct str b = str_from_index(digits, at);
		CHECK_EQ(crc_32(crc_32(0, a), b), 0xcbf43926);
		CHECK_EQ(crc_32c(crc_32c(0, a), b), 0xe3069283);
		CHECK(crc_64nvme(crc_64nvme(0, a), b) == 0xae8b14860a799888ULL);
	}
}

TEST(crc_joins)
{
	struct str digits = STR("123456789");
	for (size_t at = 0; at <= digits.n; at++) {
		struct str a = str_first(digits, at);
		struct str b = str_from_index(digits, at);
		CHECK_EQ(crc_join(0xedb88320, crc_32(0, a), crc_32(0, b), b.n),
			0xcbf43926);
		CHECK_EQ(
			crc_join(0x82f63b78, crc_32c(0, a), crc_32c(0, b), b.n),
			0xe3069283);
		CHECK(crc_join(0x9a6c9329ac4bc9b5, crc_64nvme(0, a),
			      crc_64nvme(0, b), b.n) == 0xae8b14860a799888);
	}
}

static void check_base64(struct str data, const char *text)
{
	struct buf out;
	buf_init(&out, 1000);
	base64_put(&out, data);
	CHECK_CSTR(buf_cstr(&out), text);
	buf_reset(&out);
	CHECK(base64_get(&out, str_of(text)));
	CHECK_MEM(buf_str(&out).p, out.n, data.p, data.n);
	buf_fini(&out);
}

TEST(base64_of_rfc_4648)
{
	check_base64(STR(""), "");
	check_base64(STR("f"), "Zg==");
	check_base64(STR("fo"), "Zm8=");
	check_base64(STR("foo"), "Zm9v");
	check_base64(STR("foob"), "Zm9vYg==");
	check_base64(STR("fooba"), "Zm9vYmE=");
	check_base64(STR("\xff\xfe\x00"), "//4A");
}

TEST(base64_refuses_what_is_none)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "=",
		"Z===", "Zm9v=", "Zg==Zg==", "Zm-v", "Zm9vYg=x"};
	struct buf out;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!base64_get(&out, str_of(bad[i])));
	buf_fini(&out);
}

static void check_path(const char *path, bool normalise, const char *want)
{
	struct buf out;
	buf_init(&out, 1000);
	sigv4_path(&out, str_of(path), normalise);
	CHECK_CSTR(buf_cstr(&out), want);
	buf_fini(&out);
}

TEST(sigv4_paths_of_objects_are_taken_literally)
{
	check_path("", false, "/");
	check_path("/b/a//b", false, "/b/a//b");
	check_path("/b/./x/../y", false, "/b/./x/../y");
	check_path("/b/a b+%~\n*", false, "/b/a%20b%2B%25~%0A%2A");
	check_path("/b/\xf0\x9f\x98\x80", false, "/b/%F0%9F%98%80");
}

TEST(sigv4_other_paths_are_normalised)
{
	check_path("/a/../b/./c//d/", true, "/b/c/d/");
	check_path("/../..", true, "/");
	check_path("/a/..", true, "/");
}

TEST(sigv4_query_is_sorted_by_name_then_value)
{
	const struct http_field params[] = {{STR("b"), STR("2")},
		{STR("a-"), STR("1")}, {STR("b"), STR("1")},
		{STR("a"), STR("")}, {STR("B"), STR(" /")}};
	struct buf out;
	buf_init(&out, 1000);
	sigv4_query(&out, params, 5);
	CHECK_CSTR(buf_cstr(&out), "B=%20%2F&a=&a-=1&b=1&b=2");
	buf_fini(&out);
}

TEST(sigv4_refuses_lists_that_are_too_long)
{
	static struct http_field many[SIGV4_FIELDS_MAX + 1];
	struct sigv4_request r = {.fields = many, .nfields = 1};
	struct buf out;
	buf_init(&out, 100000);
	for (size_t i = 0; i < SIGV4_FIELDS_MAX + 1; i++)
		many[i] = (struct http_field){STR("n"), STR("v")};
	sigv4_canonical(&out, &r);
	CHECK_EQ(out.err, 0);
	r.nfields = SIGV4_FIELDS_MAX + 1;
	sigv4_canonical(&out, &r);
	CHECK(out.err < 0);
	buf_fini(&out);
}

TEST(sigv4_date_is_utc)
{
	char date[SIGV4_DATE_SIZE];
	sigv4_date(date, 1369353600);
	CHECK_CSTR(date, "20130524T000000Z");
}
