// SPDX-License-Identifier: Apache-2.0
/* Who did it: credentials before and after, logins, containers and units. */
#include "attribute_make.h"

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

int main(void)
{
	const TTest *tests[] = {
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
	};

	return RUN_TESTS_WITH("attribute_login", tests, setup, teardown);
}
