/* SPDX-License-Identifier: MIT */
/* tests/unit/init_service_test.c - small pure parts of the supervision. */
#include "tests/unit/test.h"

#include "init/ready.h"
#include "init/service.h"
#include "lib/arena.h"
#include "lib/ctl_wire.h"

TEST(arena_gives_zeroed_aligned_pieces_up_to_its_maximum)
{
	struct arena a;
	arena_init(&a, 4 * ARENA_CHUNK);
	for (size_t n = 1; n < 200; n++) {
		char *p = arena_new(&a, n % 40);
		CHECK(p != NULL);
		CHECK_EQ((uintptr_t)p % sizeof(void *), 0);
		for (size_t i = 0; i < n % 40; i++)
			CHECK_EQ(p[i], 0);
		memset(p, 0xff, n % 40);
	}
	CHECK(arena_new(&a, ARENA_CHUNK + 1) != NULL);
	CHECK(arena_new(&a, 3 * ARENA_CHUNK) == NULL);
	CHECK(a.failed);
	CHECK(arena_new_array(&a, SIZE_MAX / 2, 3) == NULL);
	CHECK(arena_new(&a, SIZE_MAX) == NULL);
	arena_fini(&a);
	CHECK(!a.failed);
	CHECK_CSTR(arena_dup(&a, STR("text")), "text");
	arena_fini(&a);
}

TEST(ctl_request_is_words_that_each_end_with_nul)
{
	const char *words[CTL_WORDS_MAX];
	CHECK_EQ(ctl_parse(STR("status\0"), words), 1);
	CHECK_CSTR(words[0], "status");
	CHECK_EQ(ctl_parse(STR("logs\0web\0"
			       "12\0"),
			 words),
		3);
	CHECK_CSTR(words[1], "web");
	CHECK_CSTR(words[2], "12");
	CHECK_EQ(ctl_parse(STR(""), words), 0);
	CHECK_EQ(ctl_parse(STR("status"), words), 0);
	CHECK_EQ(ctl_parse(STR("a\0b\0c\0d\0e\0"), words), 0);
	CHECK_EQ(ctl_parse(STR("\0"), words), 1);
	CHECK_CSTR(words[0], "");
}

TEST(notification_is_lines)
{
	struct ready_note n = ready_parse_note(STR("READY=1"));
	CHECK(n.ready && !n.stopping && !n.status.p);
	n = ready_parse_note(STR("STATUS=a=b\nSTOPPING=1\nWHAT=1\n"));
	CHECK(!n.ready && n.stopping);
	CHECK(str_is(n.status, "a=b"));
	n = ready_parse_note(STR("XREADY=1\nREADY=10\n"));
	CHECK(!n.ready);
	CHECK(!ready_parse_note(STR("")).ready);
}

static void put(struct svclog *o, const char *text)
{
	for (; *text; text++)
		o->ring[o->ring_total++ % SVCLOG_RING] = *text;
}

TEST(svclog_ring_keeps_the_last_bytes_and_a_place_to_go_on)
{
	static struct svclog o;
	char got[SVCLOG_RING];
	uint64_t from = 0;
	put(&o, "one\n");
	CHECK_EQ(svclog_read(&o, &from, got, sizeof(got)), 4);
	CHECK_EQ(from, 4);
	CHECK_EQ(svclog_read(&o, &from, got, sizeof(got)), 0);
	put(&o, "two\n");
	CHECK_EQ(svclog_read(&o, &from, got, 2), 2);
	CHECK_MEM(got, 2, "tw", 2);
	for (int i = 0; i < SVCLOG_RING; i++)
		put(&o, "x");
	/* what was overwritten is left out, a place from nowhere corrected */
	CHECK_EQ(svclog_read(&o, &from, got, sizeof(got)), SVCLOG_RING);
	CHECK_EQ(got[0], 'x');
	from = UINT64_MAX;
	CHECK_EQ(svclog_read(&o, &from, got, sizeof(got)), SVCLOG_RING);
	CHECK_EQ(from, o.ring_total);
}

TEST(states_have_names)
{
	CHECK_CSTR(service_state_name(SERVICE_DOWN), "down");
	CHECK_CSTR(service_state_name(SERVICE_STOPPING), "stopping");
}

TEST(capabilities_have_numbers)
{
	CHECK_EQ(config_capability("chown"), 0);
	CHECK_EQ(config_capability("CAP_NET_BIND_SERVICE"), 10);
	CHECK_EQ(config_capability("sys_admin"), 21);
	CHECK_EQ(config_capability("checkpoint_restore"), 40);
	CHECK_EQ(config_capability("cap_"), -1);
	CHECK_EQ(config_capability("fly"), -1);
}
