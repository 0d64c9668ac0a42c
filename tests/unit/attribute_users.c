// SPDX-License-Identifier: Apache-2.0
/* Names from a passwd file, and the bindings that make an old chain read as things were. */
#include "base_fuzz.h"

#include <errno.h>

#include "../fuzz/users.c"

static struct users *users;

static void put_passwd(const char *text)
{
	write_test_file(test_path("passwd"), text, strlen(text));
}

static void read_passwd(const char *text)
{
	put_passwd(text);
	if (users)
		ck_assert_int_eq(users_refresh(users), 0);
	else
		ck_assert_int_eq(users_open(&users, test_path("passwd")), 0);
}

static void setup(void)
{
	users = NULL;
}

static void teardown(void)
{
	users_close(users);
	drop_test_dir();
}

static const char *text_of(struct bytes b)
{
	static char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.len ? (char *)b.data : "");
	return text;
}

/* "" for none */
static void assert_name(uint32_t uid, const char *wanted)
{
	struct text *name = users_name(users, uid);

	ck_assert_int_eq(name != NULL, *wanted != 0);
	ck_assert_str_eq(text_of(text_bytes(name)), wanted);
}

static void assert_binding(uint32_t uid, const char *wanted)
{
	struct bytes name = bytes_of_text("untouched");
	uint32_t got = 77;

	ck_assert(users_next_binding(users, &got, &name));
	ck_assert_uint_eq(got, uid);
	ck_assert_str_eq(text_of(name), wanted);
}

static void assert_no_binding(void)
{
	struct bytes name = bytes_of_text("untouched");
	uint32_t uid = 77;

	ck_assert(!users_next_binding(users, &uid, &name));
	ck_assert_uint_eq(uid, 77);
	ck_assert_str_eq(text_of(name), "untouched");
}

START_TEST(names_of_uids)
{
	read_passwd("root:x:0:0:root:/root:/bin/bash\n"
		    "alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh\n"
		    "big:x:4294967294:1::/:/bin/sh\n"
		    "last:x:5:5::/:/bin/sh"); /* no newline at the end */
	assert_name(0, "root");
	assert_name(1000, "alice");
	assert_name(4294967294, "big");
	assert_name(5, "last");
	assert_name(1, "");
	assert_name(UINT32_MAX, "");
}
END_TEST

START_TEST(missing_file_names_nobody)
{
	ck_assert_int_eq(users_open(&users, test_path("missing")), 0);
	assert_name(0, "");
	ck_assert(!users_can_log_in(users, 0));
	ck_assert_int_eq(users_refresh(users), -ENOENT);
	assert_no_binding();
}
END_TEST

START_TEST(malformed_lines_name_nobody)
{
	read_passwd("\n"
		    "noise\n"
		    "a:x:1\n"
		    "b:x:2:2:b:/home\n" /* no shell, no colon before it */
		    ":x:3:3::/:/bin/sh\n"
		    "c:x::4::/:/bin/sh\n"
		    "d:x:-5:5::/:/bin/sh\n"
		    "e:x:0x6:6::/:/bin/sh\n"
		    "f:x: 7:7::/:/bin/sh\n"
		    "g:x:8 :8::/:/bin/sh\n"
		    "h:x:4294967295:9::/:/bin/sh\n"  /* means "no change" to set*id */
		    "i:x:4294967296:10::/:/bin/sh\n" /* would wrap to 0 */
		    "j:x:18446744073709551616:11::/:/bin/sh\n"
		    "good:x:12:12::/:/bin/sh\n");
	for (uint32_t uid = 0; uid < 12; uid++)
		assert_name(uid, "");
	assert_name(UINT32_MAX, "");
	assert_name(12, "good");
}
END_TEST

/* As the C library reads them: nss_files skips comments, blanks in front, and NIS lines. */
START_TEST(comments_and_nis_lines_name_nobody)
{
	read_passwd("#old:x:1000:1000::/:/bin/sh\n"
		    "  # other:x:1000:1000::/:/bin/sh\n"
		    "+nis:x:1000:1000::/:/bin/sh\n"
		    "-nobody:x:1000:1000::/:/bin/sh\n"
		    "+::::::\n"
		    " \talice:x:1000:1000::/:/bin/sh\n");
	assert_name(1000, "alice");
}
END_TEST

START_TEST(of_two_lines_with_one_uid_the_first_counts)
{
	read_passwd("toor:x:0:0::/:/bin/false\n"
		    "b:x:7:7::/:/bin/sh\n"
		    "root:x:0:0::/:/bin/sh\n"
		    "c:x:7:7::/:/bin/sh\n");
	assert_name(0, "toor");
	assert_name(7, "b");
	ck_assert(!users_can_log_in(users, 0));
}
END_TEST

START_TEST(accounts_without_a_shell_cannot_log_in)
{
	read_passwd("a:x:1:1::/:/usr/sbin/nologin\n"
		    "b:x:2:2::/:/bin/false\n"
		    "c:x:3:3::/:/sbin/nologin\n"
		    "d:x:4:4::/:/bin/sync\n"
		    "e:x:5:5::/:/bin/bash\n"
		    "f:x:6:6::/:\n" /* empty: /bin/sh */
		    "g:x:7:7::/:/opt/nologin-shell\n");
	for (uint32_t uid = 1; uid <= 7; uid++)
		ck_assert_msg(users_can_log_in(users, uid) == (uid >= 5), "uid %u", uid);
	ck_assert(!users_can_log_in(users, 99));
}
END_TEST

START_TEST(used_names_are_bound_once)
{
	read_passwd("root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n");
	assert_no_binding();
	assert_name(1000, "alice");
	assert_name(1000, "alice");
	assert_name(5, "");
	assert_binding(1000, "alice");
	assert_no_binding();
	assert_name(1000, "alice");
	assert_no_binding();
	assert_name(0, "root");
	assert_binding(0, "root");
	assert_no_binding();
}
END_TEST

START_TEST(a_changed_name_is_bound_again)
{
	read_passwd("alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n");
	assert_name(1000, "alice");
	assert_binding(1000, "alice");
	read_passwd("alicia:x:1000:1000::/:/bin/sh\nrobert:x:1001:1001::/:/bin/sh\n");
	assert_binding(1000, "alicia"); /* bob was never used */
	assert_no_binding();
	assert_name(1001, "robert");
	assert_binding(1001, "robert");
	read_passwd("new:x:1:1::/:/bin/sh\nalicia:x:1000:1000::/:/bin/zsh\n"
		    "robert:x:1001:1001::/:/bin/sh\n");
	assert_no_binding(); /* another shell is no other name */
}
END_TEST

START_TEST(a_removed_name_is_bound_to_nothing)
{
	read_passwd("alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n");
	assert_name(1000, "alice");
	assert_binding(1000, "alice");
	read_passwd("bob:x:1001:1001::/:/bin/sh\n");
	assert_binding(1000, "");
	assert_no_binding();
	assert_name(1000, "");
	ck_assert(!users_can_log_in(users, 1000));
	assert_no_binding();
	read_passwd("carol:x:1000:1000::/:/bin/sh\n"); /* the number is given to another */
	assert_name(1000, "carol");
	assert_binding(1000, "carol");
	assert_no_binding();
}
END_TEST

START_TEST(a_name_that_is_removed_and_back_is_bound_again)
{
	read_passwd("alice:x:1000:1000::/:/bin/sh\n");
	assert_name(1000, "alice");
	assert_binding(1000, "alice");
	read_passwd("x:x:1:1::/:/bin/sh\n");
	read_passwd("alice:x:1000:1000:back again:/:/bin/sh\n"); /* nobody asked in between */
	assert_name(1000, "alice");
	assert_binding(1000, "alice");
	assert_no_binding();
}
END_TEST

START_TEST(an_unchanged_file_is_not_read_again)
{
	struct timespec times[2];
	struct stat st;
	int fd;

	read_passwd("alice:x:1000:1000::/:/bin/sh\n");
	ck_assert_int_eq(stat(test_path("passwd"), &st), 0);
	for (int i = 0; i < 3; i++) {
		unsigned int before = users_generation(users);

		ck_assert_int_eq(users_refresh(users), 0);
		ck_assert_uint_eq(users_generation(users), before);
	}
	/* the same size and time of change, but another content: the inode's own time tells */
	fd = open(test_path("passwd"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "bobby", 5, 0), 5);
	close(fd);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	ck_assert_int_eq(utimensat(AT_FDCWD, test_path("passwd"), times, 0), 0);
	ck_assert_int_eq(users_refresh(users), 0);
	assert_name(1000, "bobby");
}
END_TEST

START_TEST(a_file_that_vanished_leaves_the_names)
{
	read_passwd("alice:x:1000:1000::/:/bin/sh\n");
	unlink(test_path("passwd"));
	ck_assert_int_eq(users_refresh(users), -ENOENT);
	assert_name(1000, "alice");
	ck_assert_int_eq(mkfifo(test_path("passwd"), 0600), 0);
	ck_assert_int_eq(users_refresh(users), -EINVAL);
	assert_name(1000, "alice");
	unlink(test_path("passwd"));
	ck_assert_int_eq(symlink("/etc/passwd", test_path("passwd")), 0);
	ck_assert_int_eq(users_refresh(users), -ELOOP);
	assert_name(1000, "alice");
}
END_TEST

START_TEST(many_lines_are_read_and_found)
{
	char *text = malloc(70000 * 48);
	size_t len = 0;

	for (int i = 0; i < 70000; i++)
		len += (size_t)sprintf(text + len, "user%d:x:%d:%d::/home:/bin/sh\n", i,
				       1000 + (int)((i * 7919ll) % 70000), i);
	read_passwd(text);
	free(text);
	for (int i = 0; i < 65536; i += 97) {
		char wanted[16];

		snprintf(wanted, sizeof(wanted), "user%d", i);
		assert_name(1000 + (uint32_t)((i * 7919ll) % 70000), wanted);
	}
	/* lines past the bound are not named */
	assert_name(1000 + (uint32_t)((69999 * 7919ll) % 70000), "");
}
END_TEST

START_TEST(all_of_many_names_are_bound)
{
	char *text = malloc(20000 * 40);
	size_t len = 0, bound = 0;
	struct bytes name;
	uint32_t uid;

	for (int i = 0; i < 20000; i++)
		len += (size_t)sprintf(text + len, "user%d:x:%d:1::/:/bin/sh\n", i, i);
	read_passwd(text);
	free(text);
	for (uint32_t i = 0; i < 20000; i++)
		users_name(users, i);
	while (users_next_binding(users, &uid, &name))
		ENSURE(uid == bound++);
	ck_assert_uint_eq(bound, 20000);
}
END_TEST

START_TEST(no_file_breaks_it)
{
	static const char seed[] = "root:x:0:0:root:/root:/bin/bash\n"
				   "alice:x:1000:1000:A:/home/alice:/bin/sh\n"
				   "bob:x:1000:1000::/:/usr/sbin/nologin\n";

	fuzz_around(LLVMFuzzerTestOneInput, seed, strlen(seed), 3000);
	fuzz_noise(LLVMFuzzerTestOneInput, 100, 300);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		names_of_uids,
		missing_file_names_nobody,
		malformed_lines_name_nobody,
		comments_and_nis_lines_name_nobody,
		of_two_lines_with_one_uid_the_first_counts,
		accounts_without_a_shell_cannot_log_in,
		used_names_are_bound_once,
		a_changed_name_is_bound_again,
		a_removed_name_is_bound_to_nothing,
		a_name_that_is_removed_and_back_is_bound_again,
		an_unchanged_file_is_not_read_again,
		a_file_that_vanished_leaves_the_names,
		many_lines_are_read_and_found,
		all_of_many_names_are_bound,
		no_file_breaks_it,
	};

	return RUN_TESTS_WITH("attribute_users", tests, setup, teardown);
}
