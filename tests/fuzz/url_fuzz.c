/* SPDX-License-Identifier: MIT */
/* tests/fuzz/url_fuzz.c - any text as a URL, and as a reference in one. */
#include <stdlib.h>

#include "net/http_date.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct str text = str_cut(&rest, '\n');
	struct buf out;
	struct url u, again;
	int64_t t;
	(void)http_date_read(text, &t);
	(void)http_date_read_iso(text, &t);
	if (url_read(&u, text))
		return 0;
	if (u.host.n == 0 || u.port == 0)
		abort();
	buf_init(&out, 4 * URL_MAX);
	/* a path is resolved to a URL of the same server */
	struct str reference = rest.p ? rest : STR("");
	url_resolve(&out, &u, reference);
	if (str_starts(reference, STR("/")) &&
		!str_starts(reference, STR("//")) && !out.err &&
		!url_read(&again, buf_str(&out)) &&
		!url_same_server(&u, &again))
		abort();
	buf_reset(&out);
	url_put_target(&out, &u);
	if (out.n == 0 || *buf_at(&out, 0) != '/')
		abort();
	buf_fini(&out);
	return 0;
}
