/* SPDX-License-Identifier: MIT */
/* applets/http/transfer.c - requests until an answer is final. */
#include "applets/http/http.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/applet.h"
#include "lib/clock.h"
#include "lib/fmt.h"
#include "net/retry.h"

enum { REDIRECTS_MAX = 10 };

/* one request; 0 or -errno, *call holds the answer */
static int attempt(
	struct fetch *f, struct http_client *c, struct http_client_call *call)
{
	char host[URL_HOST_MAX + 1], authority[URL_HOST_MAX + 16];
	struct http_field fields[FIELDS_MAX + 4];
	struct buf target, basic;
	struct http_client_to to = {.host = host,
		.port = f->url.port,
		.unix_path = f->unix_path,
		.tls = f->url.tls ? f->tls : NULL,
		.connect_ms = f->connect_s * 1000,
		.deadline_ms = f->deadline_ms,
		.idle_ms = f->idle_s * 1000};
	fmt_str(host, sizeof(host), "%.*s", STR_FMT(f->url.host));
	fetch_host(f, authority, sizeof(authority));
	buf_init(&target, URL_MAX + 1);
	buf_init(&basic, 2 * URL_MAX);
	url_put_target(&target, &f->url);
	fetch_put_basic(&basic, f);
	*call = (struct http_client_call){.method = f->method,
		.target = buf_cstr(&target),
		.host = authority,
		.fields = fields,
		.on_head = fetch_on_head,
		.on_data = fetch_on_data,
		.owner = f};
	call->nfields = fetch_fields(f, fields, buf_str(&basic));
	if (f->has_body && f->body_fd >= 0) {
		call->next_body = fetch_next_piece;
		call->body_length = f->body_n;
	} else if (f->has_body) {
		call->body = buf_str(&f->body);
	}
	f->delivered = false;
	f->write_error = 0;
	f->out_fd = -1;
	int r = http_client_open(c, &to);
	if (r == 0)
		r = http_client_call(c, call);
	else
		call->head.status = 0;
	if (r < 0)
		fetch_drop(f);
	buf_fini(&target);
	buf_fini(&basic);
	return r;
}

/* ------------------------------------------------------ again and elsewhere */

static bool rewind_body(const struct fetch *f)
{
	return !f->has_body || f->body_fd < 0 ||
	       lseek(f->body_fd, 0, SEEK_SET) == 0;
}

void fetch_set_url(struct fetch *f, struct str text)
{
	struct buf copy;
	buf_init(&copy, URL_MAX);
	buf_put_str(&copy, text);
	buf_fini(&f->url_text);
	f->url_text = copy;
	const char *why = copy.err ? "it is too long"
				   : url_read(&f->url, buf_str(&f->url_text));
	if (why)
		die_usage("'%.*s': %s", STR_FMT(text), why);
	if (f->url.tls && !f->tls) {
		const char *name;
		f->tls = tls_context_new();
		if (!f->tls)
			die(EXIT_FAIL, "out of memory");
		if (f->insecure)
			tls_context_trust_all(f->tls);
		int r = f->insecure
				? 1
				: tls_context_trust(f->tls, f->ca_file, &name);
		if (r < 0)
			die(EXIT_FAIL, "%s: %s", name,
				r == -EINVAL ? "no certificate of an authority"
					     : strerror(-r));
	}
}

static void follow(struct fetch *f, const struct http_head *head)
{
	struct buf next;
	bool keep = head->status == 307 || head->status == 308;
	buf_init(&next, URL_MAX);
	url_resolve(&next, &f->url, http_field(head, "Location"));
	bool post = strcmp(f->method, "POST") == 0;
	bool to_get = head->status == 303 ? strcmp(f->method, "HEAD") != 0
					  : !keep && post;
	if (to_get) {
		f->method = "GET";
		f->has_body = false;
	}
	if (!rewind_body(f))
		die(EXIT_FAIL,
			"%s: redirected, and standard input cannot be "
			"read twice",
			buf_cstr(&f->url_text));
	fetch_set_url(f, buf_str(&next));
	buf_fini(&next);
}

static void complain(struct fetch *f, const struct http_client *c, int r)
{
	const char *url = buf_cstr(&f->url_text);
	if (f->write_error < 0)
		warn_msg("%s: %s",
			f->output && f->out_fd != STDOUT_FILENO
				? f->output
				: "standard output",
			strerror(-f->write_error));
	else if (r == -EPROTO && c->error)
		warn_msg("%s: %s", url, c->error);
	else
		warn_msg("%s: %s", url, strerror(-r));
}

/* until an answer is final: 1 go on, 0 done, -1 failed */
static int step(struct fetch *f, unsigned tried)
{
	struct http_client c;
	struct http_client_call call;
	int r = attempt(f, &c, &call);
	int go = 0;
	bool late = f->deadline_ms && clock_ms() >= f->deadline_ms;
	bool again = f->tries_left && !f->delivered && !late &&
		     !f->write_error && rewind_body(f) &&
		     (r == 0 ? retry_status(call.head.status)
			     : retry_errno(r) || r == -EPROTO);
	if (again) {
		uint64_t ms = retry_wait_ms(tried, r == 0 ? &call.head : NULL);
		f->tries_left--;
		retry_sleep(ms, NULL);
		go = 1;
	} else if (r < 0) {
		complain(f, &c, r);
		go = -1;
	} else if (f->discard && call.head.status >= 400) {
		warn_msg("%s: %d %.*s", buf_cstr(&f->url_text),
			call.head.status, STR_FMT(call.head.reason));
		go = -1;
	} else if (f->discard) {
		follow(f, &call.head);
		go = 2;
	} else {
		r = fetch_keep(f);
		if (r < 0)
			warn_msg("%s: %s", f->output, strerror(-r));
		go = r < 0 ? -1 : 0;
	}
	http_client_call_fini(&call);
	http_client_close(&c);
	return go;
}

int fetch_run(struct fetch *f)
{
	unsigned tried = 0;
	unsigned redirects = 0;
	for (;;) {
		int go = step(f, ++tried);
		if (go == 2 && ++redirects > REDIRECTS_MAX) {
			warn_msg("%s: more than %d redirections",
				buf_cstr(&f->first_text), REDIRECTS_MAX);
			return EXIT_FAIL;
		}
		if (go <= 0)
			return go < 0 ? EXIT_FAIL : EXIT_OK;
	}
}
