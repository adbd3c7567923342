/* SPDX-License-Identifier: MIT */
/* lib/fmt.c - the one formatter; see fmt.h for what it understands. */
#include "lib/fmt.h"

#include <stdbool.h>
#include <string.h>

struct out {
	char *p;
	size_t cap;
	size_t n; /* what was asked for, also beyond cap */
};

struct spec {
	bool left;
	bool zero;
	size_t width;
	bool has_precision;
	size_t precision;
	char size; /* 0, 'l' (l, z, j: all 64-bit on our targets), 'q' (ll) */
};

size_t fmt_u64(char *dst, uint64_t v)
{
	char digits[FMT_U64_MAX];
	size_t n = 0;
	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		dst[i] = digits[n - 1 - i];
	return n;
}

static void out_put(struct out *o, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++, o->n++)
		if (o->n + 1 < o->cap)
			o->p[o->n] = p[i];
}

static void out_fill(struct out *o, char c, size_t n)
{
	while (n--)
		out_put(o, &c, 1);
}

/* body with an optional sign in front, padded to the width */
static void out_padded(
	struct out *o, const struct spec *s, const char *p, size_t n)
{
	size_t pad = s->width > n ? s->width - n : 0;
	if (!s->left && !s->zero)
		out_fill(o, ' ', pad);
	if (!s->left && s->zero) {
		if (n && *p == '-') {
			out_put(o, p++, 1);
			n--;
		}
		out_fill(o, '0', pad);
	}
	out_put(o, p, n);
	if (s->left)
		out_fill(o, ' ', pad);
}

static size_t base_digits(char *dst, uint64_t v, unsigned base)
{
	char tmp[64];
	size_t n = 0;
	do {
		tmp[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	for (size_t i = 0; i < n; i++)
		dst[i] = tmp[n - 1 - i];
	return n;
}

static uint64_t unsigned_arg(const struct spec *s, va_list *args)
{
	if (s->size == 'q')
		return va_arg(*args, unsigned long long);
	if (s->size == 'l')
		return va_arg(*args, unsigned long);
	return va_arg(*args, unsigned);
}

static int64_t signed_arg(const struct spec *s, va_list *args)
{
	if (s->size == 'q')
		return va_arg(*args, long long);
	if (s->size == 'l')
		return va_arg(*args, long);
	return va_arg(*args, int);
}

static void convert_signed(struct out *o, const struct spec *s, int64_t v)
{
	char text[FMT_U64_MAX + 1];
	size_t n = 0;
	if (v < 0)
		text[n++] = '-';
	n += fmt_u64(text + n, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
	out_padded(o, s, text, n);
}

static void convert_string(struct out *o, const struct spec *s, const char *p)
{
	if (!p)
		p = "(null)";
	size_t n = s->has_precision ? strnlen(p, s->precision) : strlen(p);
	out_padded(o, s, p, n);
}

static const char *parse_count(const char *f, va_list *args, size_t *out)
{
	if (*f == '*') {
		int v = va_arg(*args, int);
		*out = v > 0 ? (size_t)v : 0;
		return f + 1;
	}
	*out = 0;
	for (; *f >= '0' && *f <= '9'; f++)
		*out = *out * 10 + (size_t)(*f - '0');
	return f;
}

/* f stands behind the '%'; returns where the conversion letter is */
static const char *parse_spec(const char *f, struct spec *s, va_list *args)
{
	*s = (struct spec){0};
	for (; *f == '-' || *f == '0'; f++) {
		if (*f == '-')
			s->left = true;
		else
			s->zero = true;
	}
	f = parse_count(f, args, &s->width);
	if (*f == '.') {
		s->has_precision = true;
		f = parse_count(f + 1, args, &s->precision);
	}
	for (; *f == 'l' || *f == 'z' || *f == 'j'; f++)
		s->size = s->size ? 'q' : 'l';
	return f;
}

static void convert(struct out *o, const struct spec *s, char c, va_list *args)
{
	char text[64];
	switch (c) {
	case 's':
		convert_string(o, s, va_arg(*args, const char *));
		break;
	case 'c':
		text[0] = (char)va_arg(*args, int);
		out_padded(o, s, text, 1);
		break;
	case 'd':
	case 'i':
		convert_signed(o, s, signed_arg(s, args));
		break;
	case 'u':
		out_padded(o, s, text, fmt_u64(text, unsigned_arg(s, args)));
		break;
	case 'x':
		out_padded(o, s, text,
			base_digits(text, unsigned_arg(s, args), 16));
		break;
	case 'o':
		out_padded(o, s, text,
			base_digits(text, unsigned_arg(s, args), 8));
		break;
	default:
		out_put(o, "%", 1);
		if (c != '%' && c != '\0')
			out_put(o, &c, 1);
	}
}

size_t fmt_vstr(char *dst, size_t cap, const char *format, va_list args)
{
	struct out o = {.p = dst, .cap = cap};
	struct spec spec;
	va_list copy;
	va_copy(copy, args);
	for (const char *f = format; *f; f++) {
		size_t plain = strcspn(f, "%");
		out_put(&o, f, plain);
		f += plain;
		if (!*f)
			break;
		f = parse_spec(f + 1, &spec, &copy);
		convert(&o, &spec, *f, &copy);
		if (!*f)
			break;
	}
	va_end(copy);
	if (cap)
		dst[o.n < cap ? o.n : cap - 1] = '\0';
	return o.n;
}

size_t fmt_str(char *dst, size_t cap, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	size_t n = fmt_vstr(dst, cap, format, args);
	va_end(args);
	return n;
}
