/* SPDX-License-Identifier: MIT */
/*
 * lib/ed25519.c - checking Ed25519 signatures. input: untrusted
 *
 * The curve is -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo
 * p = 2^255 - 19, the order of its base point is
 * L = 2^252 + 27742317777372353535851937790883648493.
 */
#include "lib/ed25519.h"

#include "lib/hash.h"

/* ------------------------------------------------- numbers modulo 2^255 - 19 */

enum { LIMBS = 5, LIMB_BITS = 51 };

#define LIMB_MASK ((1ULL << LIMB_BITS) - 1)

/* v[0] + v[1] 2^51 + ...; limbs stay below 2^52 between the operations */
struct field {
	uint64_t v[LIMBS];
};

__extension__ typedef unsigned __int128 uint128_t;

static const struct field zero;
static const struct field one = {{1}};

/* the carry of the last limb comes back as 19 times itself */
static struct field carried(struct field a)
{
	uint64_t carry = 0;
	for (int i = 0; i < LIMBS; i++) {
		a.v[i] += carry;
		carry = a.v[i] >> LIMB_BITS;
		a.v[i] &= LIMB_MASK;
	}
	a.v[0] += 19 * carry;
	return a;
}

static struct field add(struct field a, struct field b)
{
	for (int i = 0; i < LIMBS; i++)
		a.v[i] += b.v[i];
	return carried(a);
}

/* 4p is added first, so that no limb goes below zero */
static struct field subtract(struct field a, struct field b)
{
	for (int i = 0; i < LIMBS; i++)
		a.v[i] += 4 * (i ? LIMB_MASK : LIMB_MASK - 18) - b.v[i];
	return carried(a);
}

static struct field multiply(struct field a, struct field b)
{
	uint128_t sum[LIMBS] = {0};
	struct field out;
	uint64_t carry = 0;
	for (int i = 0; i < LIMBS; i++)
		for (int k = 0; k < LIMBS; k++) {
			/* 2^255 is 19 */
			uint64_t factor = i + k < LIMBS ? 1 : 19;
			sum[(i + k) % LIMBS] +=
				(uint128_t)a.v[i] * (b.v[k] * factor);
		}
	for (int i = 0; i < LIMBS; i++) {
		sum[i] += carry;
		out.v[i] = (uint64_t)sum[i] & LIMB_MASK;
		carry = (uint64_t)(sum[i] >> LIMB_BITS);
	}
	/* the carry may have over 60 bits: 19 times it does not fit */
	sum[0] = (uint128_t)carry * 19 + out.v[0];
	out.v[0] = (uint64_t)sum[0] & LIMB_MASK;
	out.v[1] += (uint64_t)(sum[0] >> LIMB_BITS);
	return carried(out);
}

/* a to the power of 2^bits - tail, for the exponents that are needed here */
static struct field power(struct field a, unsigned bits, unsigned tail)
{
	struct field out = one;
	/* 2^bits - tail: ones above, and the low eight bits as they are */
	unsigned low = (256 - tail) & 255;
	for (unsigned i = bits; i-- > 0;) {
		out = multiply(out, out);
		if (i >= 8 || (low >> i & 1))
			out = multiply(out, a);
	}
	return out;
}

static struct field inverse(struct field a)
{
	return power(a, 255, 21); /* p - 2 */
}

static void to_bytes(unsigned char out[32], struct field a)
{
	/* at most 2p by now: two rounds leave less than p, when 19 is added
	 * and taken away with the highest bit */
	a = carried(carried(a));
	for (int round = 0; round < 2; round++) {
		struct field b = a;
		b.v[0] += 19;
		uint64_t carry = 0;
		for (int i = 0; i < LIMBS; i++) {
			b.v[i] += carry;
			carry = b.v[i] >> LIMB_BITS;
			b.v[i] &= LIMB_MASK;
		}
		if (carry)
			a = b;
	}
	for (int bit = 0; bit < 256; bit++) {
		uint64_t limb = bit < 255 ? a.v[bit / LIMB_BITS] : 0;
		unsigned value = (unsigned)(limb >> (bit % LIMB_BITS)) & 1;
		if (bit % 8 == 0)
			out[bit / 8] = 0;
		out[bit / 8] |= (unsigned char)(value << (bit % 8));
	}
}

static struct field from_bytes(const unsigned char in[32])
{
	struct field out = zero;
	for (int bit = 0; bit < 255; bit++)
		out.v[bit / LIMB_BITS] |=
			(uint64_t)(in[bit / 8] >> (bit % 8) & 1)
			<< (bit % LIMB_BITS);
	return out;
}

static bool equal(struct field a, struct field b)
{
	unsigned char x[32], y[32];
	to_bytes(x, a);
	to_bytes(y, b);
	return memcmp(x, y, sizeof(x)) == 0;
}

static struct field small(uint64_t n)
{
	return (struct field){{n}};
}

/* ---------------------------------------------------------------- the curve */

/* x = X/Z, y = Y/Z, xy = T/Z (RFC 8032 section 5.1.4) */
struct point {
	struct field x, y, z, t;
};

static struct field curve_d(void)
{
	struct field d = multiply(small(121665), inverse(small(121666)));
	return subtract(zero, d);
}

/* complete: it doubles too */
static struct point plus(
	const struct point *p, const struct point *q, struct field d2)
{
	struct field a = multiply(subtract(p->y, p->x), subtract(q->y, q->x));
	struct field b = multiply(add(p->y, p->x), add(q->y, q->x));
	struct field c = multiply(multiply(p->t, d2), q->t);
	struct field d = multiply(add(p->z, p->z), q->z);
	struct field e = subtract(b, a), f = subtract(d, c);
	struct field g = add(d, c), h = add(b, a);
	return (struct point){
		multiply(e, f), multiply(g, h), multiply(f, g), multiply(e, h)};
}

/* n is a number of 256 bits, the lowest byte first */
static struct point times(
	const unsigned char n[32], const struct point *p, struct field d2)
{
	struct point out = {.y = one, .z = one};
	for (int bit = 255; bit >= 0; bit--) {
		out = plus(&out, &out, d2);
		if (n[bit / 8] >> (bit % 8) & 1)
			out = plus(&out, p, d2);
	}
	return out;
}

/* section 5.1.3 */
static bool decode(struct point *p, const unsigned char in[32], struct field d)
{
	unsigned char back[32];
	struct field y = from_bytes(in);
	struct field yy = multiply(y, y);
	struct field u = subtract(yy, one);
	struct field v = add(multiply(d, yy), one);
	struct field v3 = multiply(multiply(v, v), v);
	struct field v7 = multiply(multiply(v3, v3), v);
	/* (p - 5) / 8 = 2^252 - 3 */
	struct field x =
		multiply(multiply(u, v3), power(multiply(u, v7), 252, 3));
	struct field check = multiply(v, multiply(x, x));
	if (!equal(check, u)) {
		if (!equal(check, subtract(zero, u)))
			return false;
		/* a root of -1: 2^((p - 1) / 4), (p - 1) / 4 = 2^253 - 5 */
		x = multiply(x, power(small(2), 253, 5));
	}
	to_bytes(back, y);
	if (memcmp(back, in, 31) != 0 || back[31] != (in[31] & 127))
		return false; /* y is not below p */
	to_bytes(back, x);
	if ((back[0] & 1) != in[31] >> 7) {
		if (equal(x, zero))
			return false;
		x = subtract(zero, x);
	}
	*p = (struct point){x, y, one, multiply(x, y)};
	return true;
}

static void encode(unsigned char out[32], const struct point *p)
{
	unsigned char x[32];
	struct field z = inverse(p->z);
	to_bytes(x, multiply(p->x, z));
	to_bytes(out, multiply(p->y, z));
	out[31] |= (unsigned char)(x[0] << 7);
}

/* --------------------------------------------------- numbers modulo the order */

static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
	0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
	0x14, [31] = 0x10};

static bool below_order(const unsigned char n[32])
{
	for (int i = 31; i >= 0; i--)
		if (n[i] != order[i])
			return n[i] < order[i];
	return false;
}

/* out = in modulo the order, bit by bit from the highest */
static void reduce(unsigned char out[32], const unsigned char in[64])
{
	memset(out, 0, 32);
	for (int bit = 511; bit >= 0; bit--) {
		unsigned carry = in[bit / 8] >> (bit % 8) & 1;
		for (int i = 0; i < 32; i++) {
			carry |= (unsigned)out[i] << 1;
			out[i] = (unsigned char)carry;
			carry >>= 8;
		}
		if (below_order(out))
			continue;
		int borrow = 0;
		for (int i = 0; i < 32; i++) {
			borrow += out[i] - order[i];
			out[i] = (unsigned char)borrow;
			borrow >>= 8;
		}
	}
}

bool ed25519_key_sound(const unsigned char key[ED25519_KEY_SIZE])
{
	struct point p;
	return decode(&p, key, curve_d());
}

bool ed25519_verify(const unsigned char key[ED25519_KEY_SIZE],
	const unsigned char signature[ED25519_SIGNATURE_SIZE],
	struct str message)
{
	/* y = 4/5, and of the two x the even one */
	unsigned char base[32], hash[HASH_SHA512_SIZE], h[32], found[32];
	struct field d = curve_d(), d2 = add(d, d);
	struct point a, b;
	memset(base, 0x66, sizeof(base));
	base[0] = 0x58;
	if (!below_order(signature + 32) || !decode(&a, key, d) ||
		!decode(&b, base, d))
		return false;
	const struct str hashed[] = {str_from((const char *)signature, 32),
		str_from((const char *)key, 32), message};
	hash_sha512(hash, hashed, 3);
	reduce(h, hash);
	/* R is S B - h A, or the signature is wrong */
	a.x = subtract(zero, a.x);
	a.t = subtract(zero, a.t);
	struct point sb = times(signature + 32, &b, d2);
	struct point ha = times(h, &a, d2);
	struct point r = plus(&sb, &ha, d2);
	encode(found, &r);
	return memcmp(found, signature, sizeof(found)) == 0;
}
