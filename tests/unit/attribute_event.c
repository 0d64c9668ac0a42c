// SPDX-License-Identifier: Apache-2.0
/* Events in, records out: the head, processes and threads, what /proc says, names. */
#include "attribute_make.h"

/* --- the head -------------------------------------------------------------------------------- */

START_TEST(head_is_copied_whole)
{
	struct event *e = begin(EVENT_EXIT, 50);
	struct record wanted = {
		.kind = RECORD_EXIT,
		.time = BOOT_TIME + 99,
		.run = 1,
		.cpu = 2,
		.ring = 1,
		.seq = 4,
		.flags = EVENT_COMPAT,
		.call = CALL_OPENAT,
		.result = -13,
		.pid = 50,
		.tid = 51,
		.ppid = 52,
		.start = 53,
		.auid = 54,
		.session = 55,
		.cgroup = 56,
		.mount_ns = 57,
		.cred = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 },
		.actor = ACTOR_HUMAN,
		.how = HOW_LOGINUID,
		.comm = bytes_of_text("sixteen letters!"),
	};
	uint8_t a[512], b[512];
	ssize_t n;

	*e = (struct event){ .seq = 4,
			     .time = 99,
			     .start = 53,
			     .cgroup = 56,
			     .effective = 9,
			     .permitted = 10,
			     .result = -13,
			     .cred = { 1, 2, 3, 4, 5, 6, 7, 8 },
			     .size = sizeof(*e),
			     .run = 1,
			     .pid = 50,
			     .tid = 51,
			     .parent = 52,
			     .auid = 54,
			     .session = 55,
			     .mount_ns = 57,
			     .flags = EVENT_COMPAT,
			     .call = CALL_OPENAT,
			     .cpu = 2,
			     .ring = 1,
			     .kind = EVENT_EXIT };
	memcpy(e->comm, "sixteen letters!", 16); /* no NUL */
	send_event();
	n = record_encode(&wanted, a, sizeof(a));
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(record_encode(&made, b, sizeof(b)), n);
	ck_assert_mem_eq(a, b, (size_t)n);
}
END_TEST

START_TEST(time_follows_the_clock)
{
	begin(EVENT_EXIT, 50)->time = 99;
	attribute_set_boot_time(attribution, 1000);
	ck_assert_uint_eq(send_event()->time, 1099);
}
END_TEST

START_TEST(every_kind_has_its_record)
{
	static const uint8_t kinds[] = { RECORD_EXEC, RECORD_FORK,   RECORD_EXIT,
					 RECORD_OPEN, RECORD_SETUID, RECORD_CONNECT };

	for (int kind = EVENT_EXEC; kind <= EVENT_CONNECT; kind++) {
		begin((uint8_t)kind, 50);
		ck_assert_uint_eq(send_event()->kind, kinds[kind - EVENT_EXEC]);
	}
}
END_TEST

/* --- processes ------------------------------------------------------------------------------- */

START_TEST(children_know_what_led_to_them)
{
	do_exec(10, "/usr/sbin/sshd");
	do_fork(10, 11);
	do_exec(11, "/bin/bash");
	do_fork(11, 12);
	ASSERT_BYTES(made.exe, "/bin/bash"); /* the record is the maker's */
	ASSERT_BYTES(made.via, "sshd");
	do_exec(12, "/bin/ls");
	ASSERT_BYTES(made.exe, "/bin/ls");
	ASSERT_BYTES(made.via, "sshd bash");
	do_exit(11);
	ASSERT_BYTES(made.exe, "/bin/bash");
	ASSERT_BYTES(made.via, "sshd");
}
END_TEST

START_TEST(refused_exec_changes_nothing)
{
	struct event *e;

	do_exec(10, "/bin/bash");
	e = begin(EVENT_EXEC, 10);
	e->flags = EVENT_UNVERIFIED;
	e->result = -EACCES;
	add_text(TEXT_CALLER, "/bin/secret");
	send_event();
	ASSERT_BYTES(made.path, "/bin/secret");
	ASSERT_BYTES(made.exe, "/bin/bash");
	ASSERT_BYTES(do_exit(10)->exe, "/bin/bash");
}
END_TEST

START_TEST(reused_pid_is_another_process)
{
	do_exec(10, "/bin/bash");
	begin(EVENT_EXIT, 10)->start++;
	send_event();
	ASSERT_BYTES(made.exe, "");
	ASSERT_BYTES(made.via, "");
	do_fork(20, 10); /* and by a fork */
	ASSERT_BYTES(do_exit(10)->exe, "");
}
END_TEST

START_TEST(clone_parent_keeps_the_maker_apart_from_the_parent)
{
	struct event *e;

	do_exec(10, "/bin/bash");
	e = begin(EVENT_FORK, 10);
	e->fork = (struct event_fork){
		.child_start = start_of(11), .child_pid = 11, .child_tid = 11, .child_parent = 5
	};
	send_event();
	ck_assert_uint_eq(made.child_parent, 5);
	ck_assert_uint_eq(made.pid, 10);
	ck_assert_uint_eq(made.child_start, start_of(11));
	ASSERT_BYTES(do_exit(11)->exe, "/bin/bash"); /* from who made it */
}
END_TEST

START_TEST(a_new_thread_is_no_new_process)
{
	struct event *e;

	do_exec(10, "/bin/bash");
	e = begin(EVENT_FORK, 10);
	e->fork = (struct event_fork){
		.child_start = start_of(10), .child_pid = 10, .child_tid = 77, .child_parent = 1
	};
	send_event();
	begin(EVENT_EXIT, 10)->tid = 77;
	ASSERT_BYTES(send_event()->exe, "/bin/bash");
	begin(EVENT_EXIT, 77);
	ASSERT_BYTES(send_event()->exe, "");
}
END_TEST

START_TEST(an_event_that_makes_itself_is_survived)
{
	do_exec(10, "/bin/bash");
	for (int i = 0; i < 10; i++)
		do_fork(10, 10);
	ASSERT_BYTES(do_exit(10)->exe, "/bin/bash");
}
END_TEST

/* --- /proc ----------------------------------------------------------------------------------- */

START_TEST(snapshot_is_known_by_its_rounded_start)
{
	add_task(10, 1, start_of(10), "/usr/sbin/cron");
	attribute_task(attribution, &tasks[0]);
	task_count = 0; /* gone from /proc */
	ASSERT_BYTES(do_exit(10)->exe, "/usr/sbin/cron");
	begin(EVENT_EXIT, 10)->start++; /* now the exact start is known */
	ASSERT_BYTES(send_event()->exe, "");
}
END_TEST

START_TEST(start_in_another_tick_is_another_process)
{
	add_task(10, 1, start_of(10), "/usr/sbin/cron");
	attribute_task(attribution, &tasks[0]);
	task_count = 0;
	begin(EVENT_EXIT, 10)->start += TASK_TICK;
	ASSERT_BYTES(send_event()->exe, "");
}
END_TEST

START_TEST(snapshot_does_not_touch_what_events_said)
{
	do_exec(10, "/bin/bash");
	add_task(10, 1, start_of(10), "/bin/older");
	attribute_task(attribution, &tasks[0]);
	ASSERT_BYTES(do_exit(10)->exe, "/bin/bash");
	add_task(10, 1, start_of(10) + SECOND, "/bin/newer"); /* a later process */
	attribute_task(attribution, &tasks[1]);
	begin(EVENT_EXIT, 10)->start += SECOND;
	ASSERT_BYTES(send_event()->exe, "/bin/newer");
}
END_TEST

START_TEST(parents_come_first_whatever_the_order)
{
	add_task(10, 20, start_of(10),
		 "/bin/ls"); /* numbers have wrapped: the parent's is higher */
	add_task(20, 30, start_of(2), "/bin/bash");
	add_task(30, 1, start_of(1), "/usr/sbin/sshd");
	add_task(1, 0, 0, "/sbin/init");
	for (int i = 0; i < 4; i++)
		attribute_task(attribution, &tasks[i]);
	ASSERT_BYTES(do_exit(10)->via, "init sshd bash");
}
END_TEST

START_TEST(a_loop_of_parents_ends)
{
	add_task(10, 20, start_of(10), "/bin/a");
	add_task(20, 30, start_of(10), "/bin/b");
	add_task(30, 10, start_of(10), "/bin/c");
	add_task(40, 40, start_of(40), "/bin/d");
	for (int i = 0; i < 4; i++)
		attribute_task(attribution, &tasks[i]);
	ASSERT_BYTES(do_exit(10)->exe, "/bin/a");
	ASSERT_BYTES(do_exit(40)->exe, "/bin/d");
}
END_TEST

START_TEST(unknown_process_is_looked_up_once)
{
	unsigned int before;

	add_task(10, 1, start_of(10), "/usr/bin/late");
	ASSERT_BYTES(do_exit(10)->exe, "/usr/bin/late");
	before = look_ups;
	do_exit(10);
	ck_assert_uint_eq(look_ups, before);
}
END_TEST

START_TEST(look_up_of_another_process_is_not_believed)
{
	add_task(10, 1, start_of(10) + SECOND, "/bin/other");
	snprintf(tasks[0].cgroup, sizeof(tasks[0].cgroup), "0::/docker/" HEX "\n");
	ASSERT_BYTES(do_exit(10)->exe, "");
	ASSERT_BYTES(made.container, ""); /* nor where it lives */
	assert_actor(&made, ACTOR_UNKNOWN, HOW_GUESS, "");
}
END_TEST

START_TEST(without_anybody_to_ask_the_event_is_all)
{
	struct attribute_options options = { .passwd = test_path("passwd") };

	attribute_close(attribution);
	ck_assert_int_eq(attribute_open(&attribution, &options), 0);
	do_exit(10);
	ASSERT_BYTES(made.exe, "");
	assert_actor(&made, ACTOR_UNKNOWN, HOW_GUESS, "");
	ASSERT_BYTES(made.acting_as, "root");
}
END_TEST

START_TEST(kernel_threads)
{
	add_task(2, 0, 0, "");
	add_task(77, 2, start_of(77), "");
	add_task(78, 1, start_of(78), ""); /* merely unreadable */
	for (int i = 0; i < 3; i++)
		attribute_task(attribution, &tasks[i]);
	assert_actor(do_exit(77), ACTOR_KERNEL, HOW_KERNEL, "");
	assert_actor(do_exit(78), ACTOR_UNKNOWN, HOW_GUESS, "");
	do_fork(77, 79);
	assert_actor(do_exec(79, "/sbin/modprobe"), ACTOR_UNKNOWN, HOW_GUESS, "");
}
END_TEST

/* --- names ----------------------------------------------------------------------------------- */

static const char *next_binding(void)
{
	static char text[64];
	struct record r;

	if (!attribute_next_binding(attribution, &r))
		return "none";
	ck_assert_uint_eq(r.kind, RECORD_USER);
	snprintf(text, sizeof(text), "%u=%s", r.id, str(r.name));
	return text;
}

START_TEST(each_name_in_a_record_is_bound_before_it)
{
	ck_assert_str_eq(next_binding(), "none");
	begin(EVENT_OPEN, 10)->auid = ALICE;
	send_event();
	ASSERT_BYTES(made.user, "alice");
	ASSERT_BYTES(made.acting_as, "root");
	ck_assert_str_eq(next_binding(), "0=root");
	ck_assert_str_eq(next_binding(), "1000=alice");
	ck_assert_str_eq(next_binding(), "none");
	begin(EVENT_OPEN, 10)->auid = ALICE;
	send_event();
	ck_assert_str_eq(next_binding(), "none");
	set_ids(begin(EVENT_OPEN, 11), 4242);
	ASSERT_BYTES(send_event()->acting_as, "");
	ck_assert_str_eq(next_binding(), "none");
}
END_TEST

START_TEST(a_new_passwd_file_renames_and_binds)
{
	static const char passwd[] = "admin:x:0:0::/:/bin/sh\nalicia:x:1000:1000::/:/bin/sh\n";

	begin(EVENT_OPEN, 10)->auid = ALICE;
	send_event();
	while (strcmp(next_binding(), "none") != 0)
		;
	write_test_file(test_path("passwd"), passwd, strlen(passwd));
	attribute_refresh(attribution);
	begin(EVENT_OPEN, 10)->auid = ALICE;
	send_event();
	ASSERT_BYTES(made.user, "alicia");
	ASSERT_BYTES(made.acting_as, "admin");
	ck_assert_str_eq(next_binding(), "0=admin");
	ck_assert_str_eq(next_binding(), "1000=alicia");
	ck_assert_str_eq(next_binding(), "none");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		head_is_copied_whole,
		time_follows_the_clock,
		every_kind_has_its_record,
		children_know_what_led_to_them,
		refused_exec_changes_nothing,
		reused_pid_is_another_process,
		clone_parent_keeps_the_maker_apart_from_the_parent,
		a_new_thread_is_no_new_process,
		an_event_that_makes_itself_is_survived,
		snapshot_is_known_by_its_rounded_start,
		start_in_another_tick_is_another_process,
		snapshot_does_not_touch_what_events_said,
		parents_come_first_whatever_the_order,
		a_loop_of_parents_ends,
		unknown_process_is_looked_up_once,
		look_up_of_another_process_is_not_believed,
		without_anybody_to_ask_the_event_is_all,
		kernel_threads,
		each_name_in_a_record_is_bound_before_it,
		a_new_passwd_file_renames_and_binds,
	};

	return RUN_TESTS_WITH("attribute_event", tests, setup, teardown);
}
