// SPDX-License-Identifier: Apache-2.0
/* However many processes there were: bounded memory, and no event that breaks it. */
#include "attribute_make.h"
#include "base_fuzz.h"

#include <malloc.h>

#include "../fuzz/attribute_event.c"

#define PROCESSES 1000

static void live_and_die(uint32_t from, uint32_t to)
{
	char path[64];

	for (uint32_t pid = from; pid < to; pid++) {
		snprintf(path, sizeof(path), "/opt/%u/program", pid);
		do_fork(2, pid);
		do_exec(pid, path);
		do_exit(pid);
	}
}

START_TEST(memory_does_not_grow_with_200000_processes)
{
	size_t before;

	attribute_close(attribution);
	open_attribution(PROCESSES, 2 * PROCESSES);
	live_and_die(1000, 20000);
	before = mallinfo2().uordblks; /* nothing under AddressSanitizer, which has its own */
	live_and_die(20000, 220000);
	ck_assert_uint_le(mallinfo2().uordblks, before + 65536);
}
END_TEST

START_TEST(latest_processes_are_known_and_others_forgotten)
{
	attribute_close(attribution);
	open_attribution(PROCESSES, 2 * PROCESSES);
	live_and_die(1000, 1000 + 3 * PROCESSES);
	ASSERT_BYTES(do_exit(1000 + 3 * PROCESSES - 1)->exe, "/opt/3999/program");
	ASSERT_BYTES(do_exit(1000 + 2 * PROCESSES + 10)->exe, "/opt/3010/program");
	ASSERT_BYTES(do_exit(1000)->exe, "");
}
END_TEST

START_TEST(who_acts_is_not_forgotten)
{
	attribute_close(attribution);
	open_attribution(10, 10);
	do_exec(500, "/sbin/init");
	for (uint32_t pid = 1000; pid < 2000; pid++) {
		do_fork(500, pid);
		ASSERT_BYTES(made.exe, "/sbin/init");
	}
}
END_TEST

START_TEST(smallest_tables_work)
{
	attribute_close(attribution);
	open_attribution(1, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		do_exec(10 + i % 3, "/bin/a");
		do_fork(10 + i % 3, 20);
		ck_assert_uint_eq(made.pid, 10 + i % 3);
		ck_assert_uint_le(made.exe.len, 16); /* what it points to is alive */
		ck_assert_int_ge(record_encode(&made, (uint8_t[4096]){ 0 }, 4096), 0);
	}
}
END_TEST

/* A process that is first heard of when it forks: its parent comes in before it, its child after.
 */
START_TEST(a_fork_does_not_evict_its_maker)
{
	attribute_close(attribution);
	open_attribution(2, 2);
	add_task(30, 0, start_of(30), "/sbin/parent");
	add_task(31, 30, start_of(31), "/bin/maker");
	do_fork(31, 32);
	ASSERT_BYTES(made.exe, "/bin/maker");
	ASSERT_BYTES(do_exit(32)->exe, "/bin/maker");
	ASSERT_BYTES(made.via, "parent");
}
END_TEST

/* Events of every kind with texts, one after another. */
static size_t make_seed(uint8_t *to)
{
	size_t n = 0;

	for (uint32_t kind = EVENT_EXEC; kind <= EVENT_CONNECT; kind++) {
		struct event *e = begin((uint8_t)kind, kind);

		e->call = CALL_SETRESUID;
		e->cgroup = kind % 3;
		add_walk(TEXT_PATH, "/usr/bin/program");
		add_text_bytes(TEXT_CALLER, "\2\0\0\x50\x7f\0\0\1", 8);
		add_walk(TEXT_BASE, "/home/alice");
		add_text_bytes(TEXT_ARGV, "a\0b\0", 4);
		memcpy(to + n, &deed, deed.e.size);
		n += deed.e.size;
	}
	return n;
}

START_TEST(no_event_breaks_it)
{
	static uint8_t seed[FUZZ_SIZE];

	fuzz_around(LLVMFuzzerTestOneInput, seed, make_seed(seed), 4000);
	fuzz_noise(LLVMFuzzerTestOneInput, FUZZ_SIZE, 1000);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		memory_does_not_grow_with_200000_processes,
		latest_processes_are_known_and_others_forgotten,
		who_acts_is_not_forgotten,
		smallest_tables_work,
		a_fork_does_not_evict_its_maker,
		no_event_breaks_it,
	};

	return RUN_TESTS_WITH("attribute_bounds", tests, setup, teardown);
}
