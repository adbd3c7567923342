/* SPDX-License-Identifier: MIT */
/* tests/unit/multipart_test.c - form data, however it is cut. */
#include "tests/unit/test.h"

#include "net/multipart.h"

/*
 * The events as text: "[name|filename]data;" for each part, "." for the end,
 * "!" for an error. A name without filename has no '|'.
 */
static struct buf seen;
static const char *why;

static bool note(
	struct multipart *m, enum multipart_event event, struct str data)
{
	switch (event) {
	case MULTIPART_PART:
		buf_putc(&seen, '[');
		buf_put_str(&seen, buf_str(&m->name));
		if (m->has_filename) {
			buf_putc(&seen, '|');
			buf_put_str(&seen, buf_str(&m->filename));
		}
		buf_putc(&seen, ']');
		break;
	case MULTIPART_DATA:
		CHECK(data.n > 0);
		buf_put_str(&seen, data);
		break;
	case MULTIPART_PART_END:
		buf_putc(&seen, ';');
		break;
	case MULTIPART_END:
		buf_putc(&seen, '.');
		break;
	case MULTIPART_ERROR:
		CHECK(m->error != NULL);
		why = m->error;
		buf_putc(&seen, '!');
		return false;
	case MULTIPART_MORE:
		return false;
	}
	return true;
}

/* pending and the next piece are offered until more is wanted */
static bool offer(struct multipart *m, struct buf *pending, struct str piece)
{
	enum multipart_event event = MULTIPART_MORE;
	bool go = true;
	buf_put_str(pending, piece);
	while (go) {
		struct str in = buf_str(pending);
		struct str data;
		size_t used;
		/* an exact copy, so that reading past it is noticed */
		char *copy = malloc(in.n ? in.n : 1);
		CHECK(copy != NULL);
		memcpy(copy, in.p, in.n);
		in.p = copy;
		event = multipart_next(m, in, &used, &data);
		CHECK(used <= in.n);
		go = note(m, event, data);
		free(copy);
		buf_consume(pending, used);
	}
	if (event == MULTIPART_MORE)
		CHECK(pending->n <= m->delimiter_len);
	return event == MULTIPART_MORE;
}

static const char *run_pieces(
	const char *type, const char *p, size_t n, size_t first, size_t piece)
{
	struct multipart m;
	struct buf pending;
	buf_fini(&seen);
	buf_init(&seen, SIZE_MAX);
	buf_init(&pending, SIZE_MAX);
	CHECK_EQ(multipart_init(&m, str_of(type)), 0);
	size_t at = 0;
	bool go = offer(&m, &pending, str_from(p, first));
	at = first;
	while (go && at < n) {
		size_t part = n - at < piece ? n - at : piece;
		go = offer(&m, &pending, str_from(p + at, part));
		at += part;
	}
	multipart_fini(&m);
	buf_fini(&pending);
	return buf_cstr(&seen);
}

static const char *run_n(const char *p, size_t n)
{
	static const char type[] = "multipart/form-data; boundary=XX";
	static struct buf whole;
	buf_fini(&whole);
	buf_init(&whole, SIZE_MAX);
	buf_puts(&whole, run_pieces(type, p, n, n, n));
	for (size_t cut = 0; cut < n; cut++)
		CHECK_CSTR(run_pieces(type, p, n, cut, n), buf_cstr(&whole));
	for (size_t piece = 1; piece < 5; piece++)
		CHECK_CSTR(run_pieces(type, p, n, 0, piece), buf_cstr(&whole));
	return buf_cstr(&whole);
}

static const char *run(const char *text)
{
	return run_n(text, strlen(text));
}

#define DISPOSITION(rest) "Content-Disposition: form-data; " rest "\r\n\r\n"

static bool head_fails(const char *fields)
{
	char text[512];
	int n = snprintf(
		text, sizeof(text), "--XX\r\n%s\r\nd\r\n--XX--", fields);
	return strchr(run_n(text, (size_t)n), '!') != NULL;
}

TEST(multipart_reads_parts_the_same_at_every_split)
{
	CHECK_CSTR(
		run("--XX\r\n" DISPOSITION(
			"name=\"a\"") "1\r\n"
				      "--XX \t\r\n" DISPOSITION(
					      "name=\"b\"; "
					      "filename=\"f.txt\"") "line\r\nli"
								    "ne\r\n-"
								    "\r\n--"
								    "X\r\n\r\n"
								    "--"
								    "XX\r"
								    "\n" DISPOSITION(
									    "na"
									    "me"
									    "="
									    "c") "\r\n"
										 "--XX--\r\nepilogue\r\n--XX\r\n"),
		"[a]1;[b|f.txt]line\r\nline\r\n-\r\n--X\r\n;[c];.");
}

TEST(multipart_ignores_a_preamble)
{
	CHECK_CSTR(
		run("This is a preamble\r\n--X not yet\r\n--XX\r\n" DISPOSITION(
			"name=a") "1\r\n--XX--"),
		"[a]1;.");
	CHECK_CSTR(run("\r\n--XX\r\n" DISPOSITION("name=a") "1\r\n--XX--"),
		"[a]1;.");
}

TEST(multipart_takes_a_form_without_parts)
{
	CHECK_CSTR(run("--XX--"), ".");
	CHECK_CSTR(run("--XX--\r\n"), ".");
	CHECK_CSTR(run(""), "");
}

TEST(multipart_passes_binary_data_on)
{
	static const char text[] = "--XX\r\n" DISPOSITION(
		"name=a") "\0\r\n--X\0\r\r\n--\n--XX\r\r\n\r\n--XX--";
	static const char want[] = "[a]\0\r\n--X\0\r\r\n--\n--XX\r\r\n;.";
	run_n(text, sizeof(text) - 1);
	CHECK_MEM(buf_str(&seen).p, seen.n, want, sizeof(want) - 1);
}

TEST(multipart_wants_the_whole_line_behind_a_delimiter)
{
	CHECK_CSTR(run("--XX\r\n" DISPOSITION("name=a") "1\r\n--XXX\r\n"),
		"[a]1;!");
	CHECK_CSTR(run("--XX\n" DISPOSITION("name=a")), "!");
	CHECK_CSTR(run("--XX\rA"), "!");
	CHECK_CSTR(run("--XX-x"), "!");
}

TEST(multipart_reads_names_as_clients_write_them)
{
	static const struct {
		const char *fields;
		const char *want;
	} cases[] = {
		{"name=\"a b\"", "[a b]d;."},
		{"name=\"a\\\"b\"", "[a\"b]d;."},
		{"name=\"a%22b\"", "[a\"b]d;."},
		{"name=\"a\\\\b\"", "[a\\b]d;."},
		{"name=\"C:\\dir\\f\"", "[C:\\dir\\f]d;."},
		{"name=\"a;b=c\"", "[a;b=c]d;."},
		{"name=\"\xc3\xa4\"", "[\xc3\xa4]d;."},
		{"name=\"\"", "[]d;."},
		{"name=a ; filename=b", "[a|b]d;."},
		{"name=a; filename=\"\"", "[a|]d;."},
		{"NAME=\"a\"; FileName=\"b\"", "[a|b]d;."},
		{"name=a; filename*=UTF-8''%e2%82%ac", "[a|]d;."},
		{"name=a;", "[a]d;."},
		{"x=y; name=a", "[a]d;."},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		int n = snprintf(text, sizeof(text),
			"--XX\r\ncontent-disposition:form-data; %s\r\n"
			"Content-Type: text/plain\r\n\r\nd\r\n--XX--\r\n",
			cases[i].fields);
		CHECK_CSTR(run_n(text, (size_t)n), cases[i].want);
	}
}

TEST(multipart_refuses_unsound_heads)
{
	static const char *const bad[] = {
		"",
		"Content-Type: text/plain\r\n",
		"Content-Disposition: attachment; name=a\r\n",
		"Content-Disposition: form-data\r\n",
		"Content-Disposition: form-data; filename=a\r\n",
		"Content-Disposition: form-data; name\r\n",
		"Content-Disposition: form-data; name=\"a\r\n",
		"Content-Disposition: form-data; name=\"a\"b\r\n",
		"Content-Disposition: form-data; name=a; name=b\r\n",
		"Content-Disposition: form-data; name=a\r\n"
		"Content-Disposition: form-data; name=a\r\n",
		"Content-Disposition: form-data; name=a\r\n"
		"Content-Transfer-Encoding: base64\r\n",
		"Content-Disposition: form-data; name=a\r\n folded\r\n",
		"Content-Disposition : form-data; name=a\r\n",
		"Content-Disposition: form-data; name=a\nX: y\r\n",
		"Content-Disposition: form-data; name=a\x01\r\n",
		"Content-Disposition: form-data; name=a\rb\r\n",
		": x\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!head_fails(bad[i])) {
			test_show("accepted", bad[i], strlen(bad[i]));
			CHECK(false);
		}
	CHECK(!head_fails("Content-Disposition: form-data; name=a\r\n"
			  "Content-Transfer-Encoding: binary\r\n"));
}

TEST(multipart_limits_heads_and_parts)
{
	static const char type[] = "multipart/form-data; boundary=XX";
	struct buf text;
	buf_init(&text, SIZE_MAX);
	buf_puts(&text, "--XX\r\nX: ");
	for (size_t i = 0; i < MULTIPART_HEAD_MAX; i++)
		buf_putc(&text, 'x');
	CHECK_CSTR(run_pieces(type, buf_str(&text).p, text.n, 0, 1000), "!");
	CHECK(strstr(why, "too large") != NULL);
	buf_reset(&text);
	for (size_t i = 0; i <= MULTIPART_PARTS_MAX; i++)
		buf_puts(&text, "--XX\r\n" DISPOSITION("name=a") "1\r\n");
	run_pieces(type, buf_str(&text).p, text.n, 0, SIZE_MAX);
	CHECK(strstr(why, "too many") != NULL);
	buf_fini(&text);
}

TEST(multipart_finds_the_boundary)
{
	static const struct {
		const char *type;
		const char *delimiter; /* NULL: refused */
	} cases[] = {
		{"multipart/form-data; boundary=abc", "\r\n--abc"},
		{"Multipart/Form-Data;BOUNDARY=abc", "\r\n--abc"},
		{"multipart/form-data; boundary=\"a b:c\"", "\r\n--a b:c"},
		{"multipart/form-data; boundary=----=_Part/1?2",
			"\r\n------=_Part/1?2"},
		{"multipart/form-data; charset=x; boundary=a", "\r\n--a"},
		{"multipart/form-data", NULL},
		{"multipart/form-data; boundary=", NULL},
		{"multipart/form-data; boundary=\"\"", NULL},
		{"multipart/form-data; boundary=\"a \"", NULL},
		{"multipart/form-data; boundary=a@b", NULL},
		{"multipart/form-data; boundary=a; boundary=a", NULL},
		{"multipart/form-data; boundary=\"a", NULL},
		{"multipart/mixed; boundary=a", NULL},
		{"application/json", NULL},
		{"", NULL},
		{"multipart/form-data; boundary="
		 "0123456789012345678901234567890123456789"
		 "0123456789012345678901234567890",
			NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct multipart m;
		int r = multipart_init(&m, str_of(cases[i].type));
		CHECK_EQ(r == 0, cases[i].delimiter != NULL);
		if (r == 0)
			CHECK_STR(m.delimiter, m.delimiter_len,
				cases[i].delimiter);
		else
			CHECK(m.error != NULL);
		multipart_fini(&m);
	}
}
