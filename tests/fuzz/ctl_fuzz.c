/* SPDX-License-Identifier: MIT */
/* tests/fuzz/ctl_fuzz.c - any datagram as a request, and as a notification. */
#include <stdlib.h>
#include <string.h>

#include "init/ctl.h"
#include "init/init.h"
#include "lib/ctl_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct init init;

/* two services without a process, so that a request changes only states */
static void set_up(void)
{
	static struct config_service def = {.name = "a", .enabled = true};
	static struct config_service task = {.name = "t", .task = true};
	memset(&init, 0, sizeof(init));
	if (loop_init(&init.loop) < 0)
		abort();
	init.ctl.fd = -1;
	init.notify.fd = -1;
	init.nservices = 2;
	init.services[0] = (struct service){.init = &init,
		.def = &task,
		.state = SERVICE_FAILED,
		.last_status = 9,
		.name = "t",
		.ready.watch.fd = -1};
	init.services[1] = (struct service){.init = &init,
		.def = &def,
		.last_status = -1,
		.name = "a",
		.ready.watch.fd = -1};
}

/* these reach out of the struct: processes, the file */
static bool harmless(struct str request)
{
	static const char *const verbs[] = {
		"start", "restart", "shutdown", "reload"};
	const char *words[CTL_WORDS_MAX];
	size_t n = ctl_parse(request, words);
	for (size_t i = 0; n > 0 && i < 4; i++)
		if (strcmp(words[0], verbs[i]) == 0)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char answer[512];
	char text[CTL_REQUEST_MAX];
	if (!ready)
		set_up();
	ready = true;
	size_t n = size < sizeof(text) ? size : sizeof(text);
	if (n)
		memcpy(text, data, n);
	struct str request = {text, n};
	for (size_t cap = 64; cap <= sizeof(answer); cap *= 2) {
		if (ctl_answer(&init, 10001, request, answer, cap) > cap)
			abort();
		if (harmless(request) &&
			ctl_answer(&init, 0, request, answer, cap) > cap)
			abort();
	}
	struct ready_note note = ready_parse_note(request);
	if (note.status.p && (note.status.p < text ||
				     note.status.p + note.status.n > text + n))
		abort();
	return 0;
}
