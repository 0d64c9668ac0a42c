// SPDX-License-Identifier: Apache-2.0
/* What fork, exec, a move and a login do to one process. */
#include "base_test.h"

#include "attribute/process.h"

#define HEX "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"

static struct process p;
static struct users *users;

static void setup(void)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/bash\n"
				     "sshd:x:101:101::/run/sshd:/usr/sbin/nologin\n"
				     "www:x:33:33::/:/usr/sbin/nologin\n"
				     "alice:x:1000:1000::/:/bin/bash\n"
				     "bob:x:1001:1001::/:/bin/bash\n";

	write_test_file(test_path("passwd"), passwd, strlen(passwd));
	ck_assert_int_eq(users_open(&users, test_path("passwd")), 0);
	p = (struct process){
		.pid = 10, .auid = RECORD_UNSET, .session = RECORD_UNSET, .login = RECORD_UNSET
	};
}

static void teardown(void)
{
	process_drop(&p);
	users_close(users);
	drop_test_dir();
}

static void exec(const char *path)
{
	process_exec(&p, bytes_of_text(path));
}

/* "a b c" for what is in via */
static const char *via(void)
{
	static char text[4096];
	struct bytes b = text_bytes(p.via);

	for (size_t i = 0; i < b.len; i++)
		text[i] = b.data[i] ? (char)b.data[i] : ' ';
	text[b.len] = 0;
	return text;
}

static const char *text_of(const struct text *t)
{
	static char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)text_bytes(t).len,
		 t ? (char *)text_bytes(t).data : "");
	return text;
}

/* --- texts ----------------------------------------------------------------------------------- */

START_TEST(texts_live_as_long_as_their_last_holder)
{
	struct text *a = text_make(bytes_of_text("abc")), *b = text_share(a);

	ck_assert_ptr_eq(a, b);
	text_drop(a);
	ck_assert_str_eq(text_of(b), "abc");
	text_drop(b);
	text_drop(NULL);
	ck_assert_ptr_null(text_share(NULL));
	ck_assert_ptr_null(text_make(bytes_of(NULL, 0)));
	ck_assert_uint_eq(text_bytes(NULL).len, 0);
}
END_TEST

/* --- via ------------------------------------------------------------------------------------- */

START_TEST(via_is_what_was_replaced)
{
	exec("/usr/sbin/sshd");
	ck_assert_str_eq(via(), "");
	exec("/bin/bash");
	ck_assert_str_eq(via(), "sshd");
	exec("/usr/bin/sudo");
	exec("/bin/ls");
	ck_assert_str_eq(via(), "sshd bash sudo");
	ck_assert_str_eq(text_of(p.exe), "/bin/ls");
}
END_TEST

START_TEST(exec_of_the_same_program_does_not_repeat_it)
{
	exec("/bin/sh");
	for (int i = 0; i < 5; i++)
		exec("/bin/sh");
	ck_assert_str_eq(via(), "sh");
	exec("/usr/bin/sh"); /* by its name */
	exec("/bin/ls");
	ck_assert_str_eq(via(), "sh");
	exec("/bin/sh");
	exec("/bin/ls");
	ck_assert_str_eq(via(), "sh ls sh");
}
END_TEST

START_TEST(via_keeps_the_oldest_two_and_the_latest_six)
{
	char path[32];

	for (int i = 1; i <= 8; i++) {
		snprintf(path, sizeof(path), "/bin/p%d", i);
		exec(path);
	}
	exec("/bin/x");
	ck_assert_str_eq(via(), "p1 p2 p3 p4 p5 p6 p7 p8");
	exec("/bin/y");
	ck_assert_str_eq(via(), "p1 p2 p4 p5 p6 p7 p8 x");
	exec("/bin/z");
	ck_assert_str_eq(via(), "p1 p2 p5 p6 p7 p8 x y");
	for (int i = 0; i < 100; i++)
		exec(i % 2 ? "/bin/a" : "/bin/b");
	ck_assert_str_eq(via(), "p1 p2 a b a b a b");
}
END_TEST

START_TEST(via_has_room_for_the_longest_names)
{
	char path[600];

	for (int i = 0; i < 20; i++) {
		path[0] = '/';
		memset(path + 1, 'a' + i, sizeof(path) - 2);
		path[sizeof(path) - 1] = 0;
		exec(path);
	}
	ck_assert_uint_eq(text_bytes(p.via).len, VIA_PROGRAMS * 255 + VIA_PROGRAMS - 1);
}
END_TEST

/* A name with a NUL cannot be on a file system, but in an event file: it must not look like two. */
START_TEST(a_name_with_a_nul_is_one_program)
{
	uint8_t path[64];

	for (int i = 0; i < 200; i++) {
		memset(path, 0, sizeof(path));
		path[0] = '/';
		path[1] = 'a';
		path[63] = (uint8_t)i;
		path[62] = 'b' + i % 5;
		path[i % 50 + 3] = 'z';
		process_exec(&p, bytes_of(path, sizeof(path)));
		path[1] = 'c';
		process_exec(&p, bytes_of(path, sizeof(path)));
		ck_assert_uint_le(text_bytes(p.via).len, VIA_PROGRAMS * 256);
	}
	ck_assert_str_eq(via(), "a c c a c a c a"); /* oldest two, latest six */
}
END_TEST

START_TEST(unknown_program_adds_nothing)
{
	exec("/bin/sh");
	exec("");
	ck_assert_str_eq(via(), "sh");
	ck_assert_ptr_null(p.exe);
	exec("/bin/ls");
	ck_assert_str_eq(via(), "sh");
	exec("/");
	exec("/bin/x");
	ck_assert_str_eq(via(), "sh ls");
	exec("relative");
	exec("/bin/y");
	ck_assert_str_eq(via(), "sh ls x relative");
}
END_TEST

/* --- fork, move ------------------------------------------------------------------------------ */

START_TEST(child_begins_as_a_copy)
{
	struct process child = { 0 };

	exec("/usr/sbin/sshd");
	exec("/bin/bash");
	process_move(&p, 7, bytes_of_text("0::/system.slice/ssh.service\n"));
	p.login = 1000;
	process_name(&p, users, RECORD_UNSET);
	process_fork(&child, &p, 11, 12345, 10);
	ck_assert_uint_eq(child.pid, 11);
	ck_assert_uint_eq(child.start, 12345);
	ck_assert_uint_eq(child.parent, 10);
	ck_assert(!child.start_rounded);
	ck_assert_uint_eq(child.cgroup, 7);
	ck_assert_uint_eq(child.login, 1000);
	process_drop(&p); /* what the child has is its own */
	memset(&p, 0, sizeof(p));
	ck_assert_str_eq(text_of(child.exe), "/bin/bash");
	ck_assert_str_eq(text_of(child.via), "sshd");
	ck_assert_str_eq(text_of(child.unit), "ssh.service");
	ck_assert_str_eq(text_of(child.user), "alice");
	process_fork(&child, &child, 11, 1, 1); /* onto itself, as a broken event may say */
	ck_assert_str_eq(text_of(child.exe), "/bin/bash");
	process_drop(&child);
}
END_TEST

START_TEST(a_move_changes_the_place)
{
	process_move(&p, 1, bytes_of_text("0::/system.slice/docker-" HEX ".scope\n"));
	ck_assert_str_eq(text_of(p.container), HEX);
	ck_assert_ptr_null(p.unit);
	process_move(&p, 2, bytes_of_text("0::/system.slice/cron.service\n"));
	ck_assert_ptr_null(p.container);
	ck_assert_str_eq(text_of(p.unit), "cron.service");
	ck_assert_uint_eq(p.cgroup, 2);
	process_move(&p, 3, bytes_of_text(""));
	ck_assert_ptr_null(p.unit);
}
END_TEST

/* --- who ------------------------------------------------------------------------------------- */

static void assert_who(uint32_t auid, int actor, int how, const char *user)
{
	process_name(&p, users, auid);
	ck_assert_int_eq(p.actor, actor);
	ck_assert_int_eq(p.how, how);
	ck_assert_str_eq(text_of(p.user), user);
}

START_TEST(loginuid_speaks_first_then_login_then_place)
{
	assert_who(RECORD_UNSET, ACTOR_UNKNOWN, HOW_GUESS, "");
	p.kernel_thread = true;
	p.named = false;
	assert_who(RECORD_UNSET, ACTOR_KERNEL, HOW_KERNEL, "");
	process_move(&p, 1, bytes_of_text("0::/system.slice/nginx.service\n"));
	assert_who(RECORD_UNSET, ACTOR_SERVICE, HOW_UNIT, "nginx.service");
	process_move(&p, 2, bytes_of_text("0::/docker/" HEX "/nginx.service\n"));
	assert_who(RECORD_UNSET, ACTOR_CONTAINER, HOW_CONTAINER, "");
	p.login = 1001;
	p.named = false;
	assert_who(RECORD_UNSET, ACTOR_HUMAN, HOW_ANCESTOR, "bob");
	assert_who(1000, ACTOR_HUMAN, HOW_LOGINUID, "alice");
	assert_who(4242, ACTOR_HUMAN, HOW_LOGINUID, ""); /* no such account: never invent a name */
	assert_who(RECORD_UNSET, ACTOR_HUMAN, HOW_ANCESTOR, "bob");
}
END_TEST

START_TEST(a_kernel_thread_that_runs_a_program_is_none)
{
	p.kernel_thread = true;
	exec("/sbin/modprobe");
	assert_who(RECORD_UNSET, ACTOR_UNKNOWN, HOW_GUESS, "");
}
END_TEST

START_TEST(a_new_name_reaches_who_was_named_before)
{
	static const char passwd[] = "alicia:x:1000:1000::/:/bin/bash\n";

	assert_who(1000, ACTOR_HUMAN, HOW_LOGINUID, "alice");
	write_test_file(test_path("passwd"), passwd, strlen(passwd));
	ck_assert_int_eq(users_refresh(users), 0);
	assert_who(1000, ACTOR_HUMAN, HOW_LOGINUID, "alicia");
	write_test_file(test_path("passwd"), "", 0);
	ck_assert_int_eq(users_refresh(users), 0);
	assert_who(1000, ACTOR_HUMAN, HOW_LOGINUID, "");
}
END_TEST

/* --- logins ---------------------------------------------------------------------------------- */

static struct record_cred cred(uint32_t uid, uint32_t euid, uint32_t suid)
{
	return (struct record_cred){ .uid = uid, .euid = euid, .suid = suid };
}

static uint32_t login_by(const char *program, struct record_cred before, struct record_cred after)
{
	p.login = RECORD_UNSET;
	exec(program);
	process_set_id(&p, users, &before, &after);
	return p.login;
}

START_TEST(login_programs_make_a_login)
{
	static const char *const programs[] = {
		"/usr/sbin/sshd",
		"/usr/bin/sshd",
		"/usr/lib/openssh/sshd-session",
		"/usr/lib/ssh/sshd-session",
		"/usr/libexec/openssh/sshd-session",
		"/usr/libexec/ssh/sshd-session",
		"/usr/libexec/sshd-session",
		"/usr/bin/login",
		"/bin/login",
		"/usr/bin/su",
		"/bin/su",
		"/usr/sbin/runuser",
		"/usr/bin/runuser",
		"/sbin/runuser",
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		ck_assert_uint_eq(login_by(programs[i], cred(0, 0, 0), cred(1000, 1000, 1000)),
				  1000);
	assert_who(RECORD_UNSET, ACTOR_HUMAN, HOW_ANCESTOR, "alice");
}
END_TEST

START_TEST(other_programs_make_none)
{
	static const char *const programs[] = {
		"/usr/bin/sudo", "/tmp/sshd", "/usr/sbin/nginx", "sshd", "", "/home/x/usr/sbin/sshd"
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		ck_assert_uint_eq(login_by(programs[i], cred(0, 0, 0), cred(1000, 1000, 1000)),
				  RECORD_UNSET);
}
END_TEST

START_TEST(only_leaving_root_for_good_is_a_login)
{
	const char *sshd = "/usr/sbin/sshd";

	ck_assert_uint_eq(login_by(sshd, cred(1000, 1000, 1000), cred(1001, 1001, 1001)),
			  RECORD_UNSET);
	ck_assert_uint_eq(login_by(sshd, cred(0, 0, 0), cred(1000, 0, 0)), RECORD_UNSET);
	ck_assert_uint_eq(login_by(sshd, cred(0, 0, 0), cred(0, 1000, 0)), RECORD_UNSET);
	ck_assert_uint_eq(login_by(sshd, cred(0, 0, 0), cred(1000, 1000, 0)), RECORD_UNSET);
	ck_assert_uint_eq(login_by(sshd, cred(0, 0, 0), cred(0, 0, 0)), 0); /* root logs in */
}
END_TEST

START_TEST(accounts_without_a_shell_do_not_log_in)
{
	ck_assert_uint_eq(login_by("/usr/sbin/sshd", cred(0, 0, 0), cred(101, 101, 101)),
			  RECORD_UNSET); /* privilege separation */
	ck_assert_uint_eq(login_by("/usr/sbin/sshd", cred(0, 0, 0), cred(5555, 5555, 5555)),
			  RECORD_UNSET);
}
END_TEST

START_TEST(the_first_login_stays)
{
	struct record_cred root = cred(0, 0, 0), bob = cred(1001, 1001, 1001);

	ck_assert_uint_eq(login_by("/usr/sbin/sshd", root, cred(1000, 1000, 1000)), 1000);
	exec("/usr/bin/su");
	process_set_id(&p, users, &root, &bob);
	ck_assert_uint_eq(p.login, 1000);
}
END_TEST

/* su never changes who it is: who called it is known by the real uid. */
START_TEST(su_from_an_account_is_that_account)
{
	ck_assert_uint_eq(login_by("/bin/su", cred(1000, 0, 0), cred(0, 0, 0)), 1000);
	ck_assert_uint_eq(login_by("/bin/su", cred(1000, 0, 0), cred(1001, 1001, 1001)), 1000);
	ck_assert_uint_eq(login_by("/bin/su", cred(33, 0, 0), cred(0, 0, 0)), RECORD_UNSET);
	ck_assert_uint_eq(login_by("/bin/su", cred(0, 0, 0), cred(1001, 1001, 1001)), 1001);
}
END_TEST

/* Its programs and its numbers are its own: root in a container must not make an alice. */
START_TEST(a_login_inside_a_container_is_none_of_ours)
{
	process_move(&p, 1, bytes_of_text("0::/docker/" HEX "\n"));
	ck_assert_uint_eq(login_by("/usr/sbin/sshd", cred(0, 0, 0), cred(1000, 1000, 1000)),
			  RECORD_UNSET);
	assert_who(RECORD_UNSET, ACTOR_CONTAINER, HOW_CONTAINER, "");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		texts_live_as_long_as_their_last_holder,
		via_is_what_was_replaced,
		exec_of_the_same_program_does_not_repeat_it,
		via_keeps_the_oldest_two_and_the_latest_six,
		via_has_room_for_the_longest_names,
		a_name_with_a_nul_is_one_program,
		unknown_program_adds_nothing,
		child_begins_as_a_copy,
		a_move_changes_the_place,
		loginuid_speaks_first_then_login_then_place,
		a_kernel_thread_that_runs_a_program_is_none,
		a_new_name_reaches_who_was_named_before,
		login_programs_make_a_login,
		other_programs_make_none,
		only_leaving_root_for_good_is_a_login,
		accounts_without_a_shell_do_not_log_in,
		the_first_login_stays,
		su_from_an_account_is_that_account,
		a_login_inside_a_container_is_none_of_ours,
	};

	return RUN_TESTS_WITH("attribute_process", tests, setup, teardown);
}
