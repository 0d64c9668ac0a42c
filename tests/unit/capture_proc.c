// SPDX-License-Identifier: Apache-2.0
/* Facts from /proc about processes that the test makes: odd names, deleted programs, the dead. */
#define _GNU_SOURCE
#include "base_test.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "capture/proc.h"

static struct task_facts facts;
static pid_t child;

static void read_facts(pid_t pid)
{
	ck_assert_int_eq(proc_read((uint32_t)pid, &facts), 0);
}

static void stop_child(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
}

static void teardown(void)
{
	stop_child();
	drop_test_dir();
}

/* A child that does one thing, says so, and waits to be killed. */
static void start_child(void (*deed)(const char *), const char *argument)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		deed(argument);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_ge(read(ready[0], &byte, 1), 0); /* 0: it became another program */
	close(ready[0]);
}

START_TEST(facts_about_ourselves)
{
	char exe[4096] = "";
	struct timespec t;
	uint64_t now;

	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	clock_gettime(CLOCK_BOOTTIME, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	read_facts(getpid());
	ck_assert_uint_eq(facts.pid, (uint32_t)getpid());
	ck_assert_uint_eq(facts.parent, (uint32_t)getppid());
	ck_assert_str_eq(facts.exe, exe);
	ck_assert_uint_eq(facts.start % TASK_TICK, 0);
	ck_assert_uint_le(facts.start, now);
	ck_assert_uint_gt(facts.start + 600ull * 1000000000, now);
	ck_assert_uint_eq(facts.cred.uid, getuid());
	ck_assert_uint_eq(facts.cred.euid, geteuid());
	ck_assert_uint_eq(facts.cred.gid, getgid());
	ck_assert_uint_eq(facts.cred.fsgid, getegid());
	ck_assert_ptr_nonnull(strchr(facts.cgroup, ':'));
	ck_assert(strlen(facts.comm) <= 15 && !strchr(facts.comm, '\n'));
}
END_TEST

START_TEST(parent_and_start_agree_with_the_rest)
{
	uint32_t parent;
	uint64_t start;

	read_facts(getpid());
	ck_assert_int_eq(proc_parent((uint32_t)getpid(), &parent, &start), 0);
	ck_assert_uint_eq(parent, facts.parent);
	ck_assert_uint_eq(start, facts.start);
}
END_TEST

static void take_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

START_TEST(a_name_cannot_pretend_to_be_a_status)
{
	static const char *const names[] = {
		") S 1 1 1 1 1 (", "a) R 7 (b", ")", "((((", " ", "x\ny"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		start_child(take_name, names[i]);
		read_facts(child);
		ck_assert_uint_eq(facts.parent, (uint32_t)getpid());
		ck_assert_str_eq(facts.comm, names[i]);
		stop_child();
	}
}
END_TEST

static void take_ids(const char *unused)
{
	(void)unused;
	if (setgroups(0, NULL) || setresgid(11, 12, 13) || setresuid(21, 22, 23))
		_exit(1);
}

START_TEST(all_eight_ids)
{
	if (geteuid() != 0) {
		printf("SKIP all_eight_ids: only root can take other ids\n");
		return;
	}
	start_child(take_ids, NULL);
	read_facts(child);
	ck_assert_uint_eq(facts.cred.uid, 21);
	ck_assert_uint_eq(facts.cred.euid, 22);
	ck_assert_uint_eq(facts.cred.suid, 23);
	ck_assert_uint_eq(facts.cred.fsuid, 22);
	ck_assert_uint_eq(facts.cred.gid, 11);
	ck_assert_uint_eq(facts.cred.egid, 12);
	ck_assert_uint_eq(facts.cred.sgid, 13);
	ck_assert_uint_eq(facts.cred.fsgid, 12);
	ck_assert_uint_eq(facts.effective, 0);
}
END_TEST

/* Capabilities stand behind the groups: a long list must not hide them. */
static void take_groups(const char *unused)
{
	gid_t groups[5000];

	(void)unused;
	for (unsigned int i = 0; i < 5000; i++)
		groups[i] = 1000000000 + i;
	if (setgroups(5000, groups))
		_exit(1);
}

START_TEST(capabilities_behind_many_groups)
{
	uint64_t effective, permitted;

	if (geteuid() != 0) {
		printf("SKIP capabilities_behind_many_groups: only root has groups to give\n");
		return;
	}
	read_facts(getpid());
	effective = facts.effective;
	permitted = facts.permitted;
	ck_assert_uint_ne(effective, 0);
	start_child(take_groups, NULL);
	read_facts(child);
	ck_assert_uint_eq(facts.effective, effective);
	ck_assert_uint_eq(facts.permitted, permitted);
}
END_TEST

static void run_program(const char *path)
{
	execl(path, path, "1000", (char *)NULL);
	_exit(1);
}

static void copy_sleep(const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "cp /bin/sleep '%s'", to);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(a_deleted_program_keeps_its_name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", test_path("tool"));
	copy_sleep(path);
	start_child(run_program, path);
	read_facts(child);
	ck_assert_str_eq(facts.exe, path);
	unlink(path); /* as an upgrade does */
	read_facts(child);
	ck_assert_str_eq(facts.exe, path);
}
END_TEST

static void die(const char *unused)
{
	(void)unused;
	_exit(0);
}

START_TEST(the_dead_have_no_facts)
{
	uint32_t parent = 77;
	uint64_t start = 77;
	pid_t dead;

	start_child(die, NULL);
	dead = child;
	read_facts(dead); /* not waited for: still there, without a program */
	ck_assert_str_eq(facts.exe, "");
	ck_assert_uint_eq(facts.parent, (uint32_t)getpid());
	stop_child();
	ck_assert_int_eq(proc_read((uint32_t)dead, &facts), -ESRCH);
	ck_assert_int_eq(proc_parent((uint32_t)dead, &parent, &start), -ESRCH);
	ck_assert_uint_eq(parent, 77);
	ck_assert_uint_eq(start, 77);
	ck_assert_int_eq(proc_read(UINT32_MAX, &facts), -ESRCH);
	ck_assert_int_eq(proc_read(0, &facts), -ESRCH);
}
END_TEST

static unsigned int visited, seen_self;

static int count_visit(void *ctx, uint32_t pid)
{
	ck_assert_ptr_eq(ctx, &visited);
	visited++;
	seen_self += pid == (uint32_t)getpid();
	return 0;
}

static int stop_visit(void *ctx, uint32_t pid)
{
	(void)ctx;
	(void)pid;
	return ++visited == 2 ? 42 : 0;
}

START_TEST(each_process_is_visited_once)
{
	start_child(take_name, "second");
	ck_assert_int_eq(proc_each(count_visit, &visited), 0);
	ck_assert_uint_ge(visited, 2);
	ck_assert_uint_eq(seen_self, 1);
	visited = 0;
	ck_assert_int_eq(proc_each(stop_visit, NULL), 42);
	ck_assert_uint_eq(visited, 2);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		facts_about_ourselves,
		parent_and_start_agree_with_the_rest,
		a_name_cannot_pretend_to_be_a_status,
		all_eight_ids,
		capabilities_behind_many_groups,
		a_deleted_program_keeps_its_name,
		the_dead_have_no_facts,
		each_process_is_visited_once,
	};

	return RUN_TESTS_WITH("capture_proc", tests, NULL, teardown);
}
