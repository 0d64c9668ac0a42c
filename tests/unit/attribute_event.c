// SPDX-License-Identifier: Apache-2.0
/* Events in, records out: processes, threads and their credentials, logins, names. */
#include "attribute_make.h"

static void assert_actor(const struct record *r, int actor, int how, const char *user)
{
	ck_assert_int_eq(r->actor, actor);
	ck_assert_int_eq(r->how, how);
	ASSERT_BYTES(r->user, user);
}

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

/* --- credentials ----------------------------------------------------------------------------- */

static const struct record *do_setuid(uint32_t pid, uint32_t tid, uint32_t uid)
{
	struct event *e = begin(EVENT_SETID, pid);

	e->tid = tid;
	e->call = CALL_SETUID;
	e->setid.argument[0] = uid;
	set_ids(e, uid);
	return send_event();
}

static void assert_old(uint32_t uid, bool guessed)
{
	ck_assert_uint_eq(made.old_cred.uid, uid);
	ck_assert_uint_eq(made.old_cred.euid, uid);
	ck_assert_int_eq((made.flags & RECORD_OLD_CRED_GUESSED) != 0, guessed);
}

START_TEST(old_credential_is_that_of_the_event_before)
{
	do_exit(10); /* as root */
	do_setuid(10, 10, ALICE);
	assert_old(0, false);
	ck_assert_uint_eq(made.cred.uid, ALICE);
	do_setuid(10, 10, BOB);
	assert_old(ALICE, false);
	begin(EVENT_OPEN, 10)->cred.uid = 5; /* any event will do */
	deed.e.cred.euid = 5;
	send_event();
	do_setuid(10, 10, ALICE);
	assert_old(5, false);
}
END_TEST

START_TEST(capabilities_are_part_of_it)
{
	begin(EVENT_EXIT, 10)->effective = 0xff;
	deed.e.permitted = 0xfff;
	send_event();
	do_exec(10, "/bin/ls");
	ck_assert_uint_eq(made.old_cred.effective, 0xff);
	ck_assert_uint_eq(made.old_cred.permitted, 0xfff);
	ck_assert_uint_eq(made.cred.effective, 0);
}
END_TEST

START_TEST(unknown_old_credential_is_flagged)
{
	do_setuid(10, 10, ALICE); /* the thread's first event */
	assert_old(ALICE, true);
	do_setuid(10, 10, BOB);
	assert_old(ALICE, false);
}
END_TEST

START_TEST(each_thread_has_its_own_credential)
{
	struct event *e = begin(EVENT_FORK, 10);

	e->fork = (struct event_fork){
		.child_start = start_of(10), .child_pid = 10, .child_tid = 11, .child_parent = 1
	};
	send_event();
	do_setuid(10, 11, ALICE); /* the thread alone */
	assert_old(0, false);
	do_setuid(10, 10, BOB);
	assert_old(0, false);
	do_setuid(10, 11, BOB);
	assert_old(ALICE, false);
}
END_TEST

START_TEST(silent_thread_has_what_its_process_has_by_guess)
{
	do_setuid(10, 10, ALICE);
	do_setuid(10, 12, BOB);
	assert_old(ALICE, true);
}
END_TEST

START_TEST(child_begins_with_the_credential_of_its_maker)
{
	begin(EVENT_FORK, 10)->fork = (struct event_fork){
		.child_start = start_of(11), .child_pid = 11, .child_tid = 11, .child_parent = 10
	};
	set_ids(&deed.e, BOB);
	send_event();
	do_setuid(11, 11, ALICE);
	assert_old(BOB, false);
}
END_TEST

START_TEST(credential_of_a_reused_tid_is_not_taken_over)
{
	do_setuid(10, 10, ALICE);
	begin(EVENT_SETID, 10)->start += SECOND;
	set_ids(&deed.e, BOB);
	send_event();
	assert_old(BOB, true);
}
END_TEST

static void set_task_uid(struct task_facts *f, uint32_t uid)
{
	f->cred = (struct event_cred){ uid, uid, uid, uid, uid, uid, uid, uid };
}

/* /proc is read after the event: what it says may be what the event made. */
START_TEST(what_proc_says_after_the_event_is_no_old_credential)
{
	set_task_uid(add_task(10, 1, start_of(10), "/bin/su"), ALICE);
	do_setuid(10, 10, ALICE);
	assert_old(ALICE, true);
}
END_TEST

START_TEST(what_proc_said_at_the_snapshot_is_a_guess)
{
	set_task_uid(add_task(10, 1, start_of(10), "/bin/su"), BOB);
	attribute_task(attribution, &tasks[0]);
	do_setuid(10, 10, ALICE);
	assert_old(BOB, true);
	do_setuid(10, 10, BOB);
	assert_old(ALICE, false);
}
END_TEST

START_TEST(proc_does_not_write_over_what_events_said)
{
	attribute_close(attribution);
	open_attribution(2, 100); /* the process is evicted, its thread is not */
	do_setuid(10, 10, ALICE);
	do_exit(11);
	do_exit(12);
	set_task_uid(add_task(10, 1, start_of(10), "/bin/x"), 33);
	do_setuid(10, 10, BOB);
	assert_old(ALICE, false);
}
END_TEST

START_TEST(arguments_are_as_many_as_the_call_takes)
{
	static const uint8_t counts[CALLS] = {
		[CALL_SETUID] = 1,   [CALL_SETGID] = 1,	   [CALL_SETREUID] = 2,
		[CALL_SETREGID] = 2, [CALL_SETRESUID] = 3, [CALL_SETRESGID] = 3,
		[CALL_SETFSUID] = 1, [CALL_SETFSGID] = 1,  [CALL_SETGROUPS] = 1,
	};

	for (uint32_t call = 0; call < CALLS; call++) {
		struct event *e = begin(EVENT_SETID, 10);

		e->call = call;
		for (int i = 0; i < 3; i++)
			e->setid.argument[i] = 0xabcdef01ffffffffull - (unsigned int)i;
		send_event();
		for (int i = 0; i < 3; i++)
			ck_assert_uint_eq(made.argument[i],
					  i < counts[call] ? UINT32_MAX - (unsigned int)i : 0);
	}
}
END_TEST

/* --- logins, containers, units --------------------------------------------------------------- */

START_TEST(sshd_login_names_all_that_follows)
{
	do_exec(10, "/usr/sbin/sshd");
	do_fork(10, 11);
	do_setuid(11, 11, ALICE);
	assert_actor(&made, ACTOR_HUMAN, HOW_ANCESTOR, "alice");
	do_exec(11, "/bin/bash");
	do_fork(11, 12);
	do_exec(12, "/usr/bin/sudo");
	do_setuid(12, 12, 0);
	assert_actor(&made, ACTOR_HUMAN, HOW_ANCESTOR, "alice");
	ASSERT_BYTES(made.acting_as, "root");
	assert_actor(do_exit(10), ACTOR_UNKNOWN, HOW_GUESS, ""); /* sshd itself is not alice */
}
END_TEST

static const struct record *do_set(uint32_t pid, uint32_t call, uint32_t a, uint32_t b, uint32_t c,
				   uint32_t uid)
{
	struct event *e = begin(EVENT_SETID, pid);

	e->call = call;
	e->setid.argument[0] = a;
	e->setid.argument[1] = b;
	e->setid.argument[2] = c;
	set_ids(e, uid);
	return send_event();
}

/* What sshd does before it becomes the user: groups first, still as root. */
START_TEST(groups_set_as_root_are_no_login)
{
	do_exec(10, "/usr/sbin/sshd");
	do_set(10, CALL_SETGROUPS, 0, 0, 0, 0);			  /* the daemon, when it starts */
	do_set(10, CALL_SETRESUID, UINT32_MAX, 0, UINT32_MAX, 0); /* seteuid(0) */
	assert_actor(&made, ACTOR_UNKNOWN, HOW_GUESS, "");
	do_fork(10, 11);
	do_set(11, CALL_SETGROUPS, 3, 0, 0, 0);
	do_set(11, CALL_SETRESGID, ALICE, ALICE, ALICE, 0);
	assert_actor(&made, ACTOR_UNKNOWN, HOW_GUESS, "");
	do_set(11, CALL_SETRESUID, ALICE, ALICE, ALICE, ALICE);
	assert_actor(&made, ACTOR_HUMAN, HOW_ANCESTOR, "alice");
	do_fork(10, 12); /* and root may log in too */
	do_set(12, CALL_SETRESUID, 0, 0, 0, 0);
	assert_actor(&made, ACTOR_HUMAN, HOW_ANCESTOR, "root");
}
END_TEST

START_TEST(each_call_that_sets_the_uid_for_good_is_a_login)
{
	static const uint32_t calls[] = { CALL_SETUID, CALL_SETREUID, CALL_SETRESUID };

	for (uint32_t i = 0; i < 3; i++) {
		do_exec(20 + i, "/bin/login");
		do_set(20 + i, calls[i], BOB, BOB, BOB, BOB);
		assert_actor(&made, ACTOR_HUMAN, HOW_ANCESTOR, "bob");
	}
	do_exec(30, "/bin/login");
	do_set(30, CALL_SETFSUID, BOB, 0, 0, BOB); /* whatever the credential says */
	assert_actor(&made, ACTOR_UNKNOWN, HOW_GUESS, "");
}
END_TEST

START_TEST(a_failed_setuid_is_no_login)
{
	do_exec(10, "/usr/sbin/sshd");
	begin(EVENT_SETID, 10)->result = -EPERM;
	set_ids(&deed.e, ALICE);
	assert_actor(send_event(), ACTOR_UNKNOWN, HOW_GUESS, "");
}
END_TEST

START_TEST(loginuid_is_believed_before_the_login_program)
{
	do_exec(10, "/usr/sbin/sshd");
	do_setuid(10, 10, ALICE);
	begin(EVENT_OPEN, 10)->auid = BOB;
	deed.e.session = 3;
	assert_actor(send_event(), ACTOR_HUMAN, HOW_LOGINUID, "bob");
	ck_assert_uint_eq(made.session, 3);
	assert_actor(do_exit(10), ACTOR_HUMAN, HOW_ANCESTOR, "alice"); /* unset again */
}
END_TEST

START_TEST(container_and_unit_come_from_proc)
{
	struct task_facts *f = add_task(10, 1, start_of(10), "/usr/bin/nginx");

	snprintf(f->cgroup, sizeof(f->cgroup), "0::/system.slice/nginx.service\n");
	assert_actor(do_exit(10), ACTOR_SERVICE, HOW_UNIT, "nginx.service");
	f = add_task(20, 1, start_of(20), "/app");
	snprintf(f->cgroup, sizeof(f->cgroup), "0::/docker/" HEX "\n");
	assert_actor(do_exit(20), ACTOR_CONTAINER, HOW_CONTAINER, "");
	ASSERT_BYTES(made.container, HEX);
	do_fork(20, 21);
	assert_actor(do_exit(21), ACTOR_CONTAINER, HOW_CONTAINER, "");
	ASSERT_BYTES(made.container, HEX);
}
END_TEST

START_TEST(a_changed_cgroup_is_looked_up)
{
	struct task_facts *f = add_task(10, 1, start_of(10), "/bin/runc");
	unsigned int before;

	do_exit(10);
	before = look_ups;
	do_exit(10);
	ck_assert_uint_eq(look_ups, before);
	snprintf(f->cgroup, sizeof(f->cgroup), "0::/docker/" HEX "\n");
	begin(EVENT_OPEN, 10)->cgroup = 99;
	ASSERT_BYTES(send_event()->container, HEX);
	begin(EVENT_OPEN, 10)->cgroup = 99;
	before = look_ups;
	ASSERT_BYTES(send_event()->container, HEX);
	ck_assert_uint_eq(look_ups, before);
}
END_TEST

START_TEST(a_changed_cgroup_of_the_departed_keeps_the_place)
{
	struct task_facts *f = add_task(10, 1, start_of(10), "/app");

	snprintf(f->cgroup, sizeof(f->cgroup), "0::/docker/" HEX "\n");
	do_exit(10);
	task_count = 0;
	begin(EVENT_OPEN, 10)->cgroup = 99;
	ASSERT_BYTES(send_event()->container, HEX);
	add_task(10, 1, start_of(10) + SECOND, "/bin/stranger"); /* has the number now */
	begin(EVENT_OPEN, 10)->cgroup = 98;
	ASSERT_BYTES(send_event()->container, HEX);
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
		old_credential_is_that_of_the_event_before,
		capabilities_are_part_of_it,
		unknown_old_credential_is_flagged,
		each_thread_has_its_own_credential,
		silent_thread_has_what_its_process_has_by_guess,
		child_begins_with_the_credential_of_its_maker,
		credential_of_a_reused_tid_is_not_taken_over,
		what_proc_says_after_the_event_is_no_old_credential,
		what_proc_said_at_the_snapshot_is_a_guess,
		proc_does_not_write_over_what_events_said,
		arguments_are_as_many_as_the_call_takes,
		sshd_login_names_all_that_follows,
		groups_set_as_root_are_no_login,
		each_call_that_sets_the_uid_for_good_is_a_login,
		a_failed_setuid_is_no_login,
		loginuid_is_believed_before_the_login_program,
		container_and_unit_come_from_proc,
		a_changed_cgroup_is_looked_up,
		a_changed_cgroup_of_the_departed_keeps_the_place,
		each_name_in_a_record_is_bound_before_it,
		a_new_passwd_file_renames_and_binds,
	};

	return RUN_TESTS_WITH("attribute_event", tests, setup, teardown);
}
