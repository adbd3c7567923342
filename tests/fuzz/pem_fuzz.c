/* SPDX-License-Identifier: MIT */
/* tests/fuzz/pem_fuzz.c - any text as PEM, and any bytes as a certificate. */
#include <stdlib.h>

#include "lib/base64.h"
#include "net/cert.h"
#include "net/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct str der)
{
	struct cert c;
	char names[64];
	if (!cert_read(&c, der))
		return;
	cert_names_text(&c, names, sizeof(names));
	(void)cert_has_address(&c, STR("\x7f\0\0\x01"));
	for (const char *p = names; *p; p++)
		if ((unsigned char)*p < 0x20)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct str label, text;
	struct buf der, again;
	look_at(rest);
	buf_init(&der, 1 << 20);
	buf_init(&again, 1 << 21);
	while (pem_next(&rest, &label, &text)) {
		buf_reset(&der);
		if (!base64_get(&der, text))
			continue;
		look_at(buf_str(&der));
		/* what was read is written and read again */
		struct buf second;
		buf_init(&second, 1 << 20);
		buf_reset(&again);
		base64_put(&again, buf_str(&der));
		if (!base64_get(&second, buf_str(&again)) ||
			!str_eq(buf_str(&second), buf_str(&der)))
			abort();
		buf_fini(&second);
	}
	buf_fini(&der);
	buf_fini(&again);
	return 0;
}
