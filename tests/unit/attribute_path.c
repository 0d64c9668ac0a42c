// SPDX-License-Identifier: Apache-2.0
/* Paths as the kernel walked them, as the caller said them; addresses, short and hostile. */
#include "attribute_make.h"

/* An open that worked, of what the kernel walked. */
static struct event *begin_open(uint32_t flags)
{
	struct event *e = begin(EVENT_OPEN, 10);

	e->flags = flags;
	e->result = 3;
	return e;
}

/* A name that only the caller's memory knows. */
static void begin_refused(const char *name)
{
	struct event *e = begin(EVENT_OPEN, 10);

	e->flags = EVENT_UNVERIFIED;
	e->result = -ENOENT;
	add_text(TEXT_CALLER, name);
}

static void assert_path(const char *wanted)
{
	ASSERT_BYTES(send_event()->path, wanted);
}

/* A change by name that the kernel resolved: nothing the caller said is in it. */
static struct event *begin_seen_change(enum event_kind kind, const char *path)
{
	struct event *e = begin(kind, 10);

	e->file.inode = 42;
	e->file.device = 8 << 20 | 1;
	e->file.mode = 0100640;
	add_walk(TEXT_PATH, path);
	return e;
}

/* --- walked paths ---------------------------------------------------------------------------- */

START_TEST(a_walk_is_turned)
{
	begin_open(0);
	add_text(TEXT_PATH, "c/bb/aaa/");
	assert_path("/aaa/bb/c");
	begin_open(0);
	add_text(TEXT_PATH, "x/");
	assert_path("/x");
	begin_open(0);
	add_walk(TEXT_PATH, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	assert_path("/usr/lib/x86_64-linux-gnu/libc.so.6");
}
END_TEST

START_TEST(an_empty_walk_is_the_root)
{
	begin_open(0);
	assert_path("/");
	begin_open(EVENT_PATH_LOST);
	assert_path("");
}
END_TEST

START_TEST(a_truncated_walk_says_so)
{
	begin_open(EVENT_PATH_TRUNCATED);
	add_text(TEXT_PATH, "c/b/");
	assert_path(".../b/c");
	ck_assert_uint_eq(made.flags, RECORD_PATH_TRUNCATED);
}
END_TEST

START_TEST(a_label_is_no_path)
{
	begin_open(EVENT_PSEUDO);
	add_text(TEXT_PATH, "memfd:a b/");
	assert_path("memfd:a b");
	begin_open(EVENT_PSEUDO);
	add_text(TEXT_PATH, "x/y/"); /* a name may hold anything */
	assert_path("x/y");
	begin_open(EVENT_PSEUDO);
	assert_path("");
}
END_TEST

START_TEST(odd_walks_are_survived)
{
	begin_open(0);
	add_text(TEXT_PATH, "//");
	assert_path("//");
	begin_open(0);
	add_text(TEXT_PATH, "/");
	assert_path("/");
	begin_open(0);
	add_text(TEXT_PATH, "abc"); /* no '/' at the end: never sent */
	ck_assert_uint_le(send_event()->path.len, 4);
}
END_TEST

START_TEST(the_longest_walk_fits)
{
	static char name[257];

	memset(name, 'n', 255);
	name[255] = '/';
	begin_open(EVENT_PATH_TRUNCATED);
	for (int i = 0; i < EVENT_TEXT_MAX / 256; i++)
		add_text(TEXT_PATH, name);
	ck_assert_uint_eq(send_event()->path.len, EVENT_TEXT_MAX + 3);
	begin_open(0); /* many short ones */
	for (int i = 0; i < EVENT_TEXT_MAX / 2; i++)
		add_text(TEXT_PATH, "x/");
	ck_assert_uint_eq(send_event()->path.len, EVENT_TEXT_MAX);
}
END_TEST

START_TEST(identity_of_the_file_is_copied)
{
	struct event *e = begin_open(0);

	e->file = (struct event_file){
		.inode = 1ull << 40, .device = 8 << 20 | 1, .argument = { 0101 }, .mode = 0100644
	};
	send_event();
	ck_assert_uint_eq(made.inode, 1ull << 40);
	ck_assert_uint_eq(made.device, 8 << 20 | 1);
	ck_assert_uint_eq(made.open_flags, 0101);
	ck_assert_uint_eq(made.mode, 0100644);
}
END_TEST

/* --- names that only the caller knows -------------------------------------------------------- */

START_TEST(an_absolute_name_stays)
{
	begin_refused("/etc/../etc/shadow");
	assert_path("/etc/../etc/shadow");
	begin_refused("/abs");
	add_walk(TEXT_BASE, "/home");
	assert_path("/abs");
	ck_assert_uint_eq(made.claimed.len, 0);
}
END_TEST

START_TEST(a_relative_name_is_joined_to_its_directory)
{
	begin_refused("x/../y");
	add_walk(TEXT_BASE, "/home/alice");
	assert_path("/home/alice/x/../y");
	begin_refused("y");
	add_walk(TEXT_BASE, "/h");
	assert_path("/h/y");
	begin_refused("y"); /* nobody knows where */
	assert_path("y");
}
END_TEST

START_TEST(a_relative_name_below_a_truncated_directory_says_so)
{
	begin_refused("y");
	deed.e.flags |= EVENT_PATH_TRUNCATED;
	add_walk(TEXT_BASE, "/deep/dir");
	assert_path(".../deep/dir/y");
}
END_TEST

START_TEST(an_empty_or_lost_name_is_empty)
{
	begin_refused("");
	add_walk(TEXT_BASE, "/home");
	assert_path("");
	begin_refused("");
	deed.e.flags |= EVENT_CALLER_LOST;
	assert_path("");
	ck_assert_uint_eq(made.flags, RECORD_UNVERIFIED | RECORD_CLAIM_LOST);
}
END_TEST

START_TEST(the_longest_join_fits)
{
	static char name[4096], component[250];

	memset(name, 'n', sizeof(name) - 1);
	memset(component, 'c', sizeof(component) - 2);
	component[sizeof(component) - 2] = '/';
	begin_refused(name);
	while (deed.e.size + sizeof(component) < sizeof(struct event) + EVENT_TEXT_MAX)
		add_text(TEXT_BASE, component);
	ck_assert_uint_eq(send_event()->path.len, deed.e.size - sizeof(struct event) + 1);
}
END_TEST

/* --- claims ---------------------------------------------------------------------------------- */

static void assert_claim(const char *path, const char *caller, const char *claimed)
{
	begin_open(EVENT_FD_SHARED);
	add_walk(TEXT_PATH, path);
	add_text(TEXT_CALLER, caller);
	assert_path(path);
	ck_assert_msg(!strcmp(str(made.claimed), claimed), "%s for %s: claimed '%s'", caller, path,
		      str(made.claimed));
}

START_TEST(a_claim_is_kept_where_the_last_part_differs)
{
	assert_claim("/etc/passwd", "/etc/passwd", "");
	assert_claim("/etc/passwd", "passwd", "");
	assert_claim("/etc/passwd", "./passwd", "");
	assert_claim("/etc/passwd", "../../../../etc/passwd", "");
	assert_claim("/etc/passwd", "/proc/self/root/etc/passwd", "");
	assert_claim("/etc/passwd", "", "");
	assert_claim("/etc/shadow", "/tmp/readme", "/tmp/readme");
	assert_claim("/etc/shadow", "link", "link");
	/* the end of another name */
	assert_claim("/tmp/not-shadow", "shadow", "shadow");
	assert_claim("/tmp/xpasswd", "passwd", "passwd");
	assert_claim("/tmp/shadow", "not-shadow", "not-shadow");
	assert_claim("/tmp/dir", "dir/", "dir/");
	assert_claim("/tmp/dir", ".", ".");
	assert_claim("/", "x", "x");
}
END_TEST

START_TEST(a_lost_path_leaves_the_claim)
{
	begin_open(EVENT_PATH_LOST);
	add_text(TEXT_CALLER, "/etc/passwd");
	assert_path("");
	ASSERT_BYTES(made.claimed, "/etc/passwd");
}
END_TEST

/* --- exec ------------------------------------------------------------------------------------ */

START_TEST(exec_has_program_arguments_and_directory)
{
	struct event *e = begin(EVENT_EXEC, 10);

	add_walk(TEXT_PATH, "/usr/bin/dash");
	add_text(TEXT_CALLER, "/bin/sh");
	add_walk(TEXT_BASE, "/home/alice");
	add_text_bytes(TEXT_ARGV, "sh\0-c\0\0x", 8);
	e->file.inode = 12;
	send_event();
	ASSERT_BYTES(made.path, "/usr/bin/dash");
	ASSERT_BYTES(made.exe, "/usr/bin/dash");
	ASSERT_BYTES(made.claimed, "/bin/sh");
	ASSERT_BYTES(made.cwd, "/home/alice");
	ck_assert_uint_eq(made.argv.len, 8);
	ck_assert_mem_eq(made.argv.data, "sh\0-c\0\0x", 8);
	ck_assert_uint_eq(made.inode, 12);
}
END_TEST

START_TEST(exec_in_the_root_directory)
{
	begin(EVENT_EXEC, 10);
	add_walk(TEXT_PATH, "/bin/ls");
	ASSERT_BYTES(send_event()->cwd, "/");
}
END_TEST

START_TEST(exec_that_lost_its_program)
{
	begin(EVENT_EXEC, 10)->flags = EVENT_PATH_LOST;
	send_event();
	ASSERT_BYTES(made.path, "");
	ASSERT_BYTES(made.exe, "");
	ASSERT_BYTES(made.cwd, "");
}
END_TEST

START_TEST(exec_of_a_memfd)
{
	begin(EVENT_EXEC, 10)->flags = EVENT_PSEUDO | EVENT_DELETED;
	add_text(TEXT_PATH, "memfd:payload/");
	add_text(TEXT_CALLER, "/proc/self/fd/3");
	send_event();
	ASSERT_BYTES(made.exe, "memfd:payload");
	ASSERT_BYTES(made.claimed, "/proc/self/fd/3");
}
END_TEST

START_TEST(refused_exec_of_a_relative_name)
{
	struct event *e = begin(EVENT_EXEC, 10);

	e->flags = EVENT_UNVERIFIED;
	e->result = -EACCES;
	add_text(TEXT_CALLER, "./x");
	add_walk(TEXT_BASE, "/tmp");
	ASSERT_BYTES(send_event()->path, "/tmp/./x");
	ASSERT_BYTES(made.cwd, "");
}
END_TEST

/* --- addresses ------------------------------------------------------------------------------- */

static struct event *begin_connect(uint16_t family, uint32_t flags)
{
	struct event *e = begin(EVENT_CONNECT, 10);

	e->flags = flags;
	e->socket.family = family;
	e->socket.protocol = 6;
	return e;
}

static void assert_address(uint32_t family, uint32_t port, const void *address, size_t len)
{
	send_event();
	ck_assert_uint_eq(made.family, family);
	ck_assert_uint_eq(made.port, port);
	ck_assert_uint_eq(made.address.len, len);
	if (len)
		ck_assert_mem_eq(made.address.data, address, len);
}

START_TEST(address_of_the_socket)
{
	struct event *e = begin_connect(2, 0);

	memcpy(e->socket.address, "\x7f\0\0\1 rest is not read", 16);
	e->socket.port = 443;
	assert_address(2, 443, "\x7f\0\0\1", 4);
	ck_assert_uint_eq(made.protocol, 6);
	e = begin_connect(10, 0);
	memcpy(e->socket.address, "0123456789abcdef", 16);
	e->socket.port = 65535;
	assert_address(10, 65535, "0123456789abcdef", 16);
	begin_connect(2, 0); /* the socket knows its family, whatever stands beside it */
	add_text_bytes(TEXT_CALLER, "\12\0\0\120\1\2\3\4", 8);
	assert_address(2, 0, "\0\0\0\0", 4);
}
END_TEST

START_TEST(address_that_only_the_caller_knows)
{
	begin_connect(2, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\2\0\x01\xbb\x0a\0\0\1\0\0\0\0\0\0\0\0", 16);
	assert_address(2, 443, "\x0a\0\0\1", 4);
	begin_connect(10, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER,
		       "\x0a\0\0\x50\0\0\0\0"
		       "0123456789abcdef"
		       "\0\0\0\0",
		       28);
	assert_address(10, 80, "0123456789abcdef", 16);
}
END_TEST

/* The caller's own word for the family decides how the rest is read. */
START_TEST(family_of_the_caller_may_be_another)
{
	begin_connect(10, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\2\0\0\x35\x08\x08\x08\x08", 8);
	assert_address(2, 53, "\x08\x08\x08\x08", 4);
	begin_connect(2, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\0\0\0\0\0\0\0\0", 8); /* AF_UNSPEC: disconnect */
	assert_address(0, 0, "\0\0\0\0\0\0\0\0", 8);
}
END_TEST

START_TEST(short_addresses_are_not_read_past_their_end)
{
	for (size_t len = 0; len < 28; len++) {
		begin_connect(2, EVENT_UNVERIFIED);
		add_text_bytes(TEXT_CALLER,
			       "\2\0\0\x50\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25"
			       "\26\27\30",
			       len);
		assert_address(2, len >= 8 ? 80 : 0, "\1\2\3\4", len >= 8 ? 4 : 0);
		begin_connect(10, EVENT_UNVERIFIED);
		add_text_bytes(TEXT_CALLER,
			       "\12\0\0\x50\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25"
			       "\26\27\30",
			       len);
		assert_address(10, len >= 24 ? 80 : 0,
			       "\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24", len >= 24 ? 16 : 0);
		begin_connect(1, EVENT_UNVERIFIED);
		add_text_bytes(TEXT_CALLER, "\1\0abcdefghijklmnopqrstuvwxyz", len);
		assert_address(1, 0, "abcdefghijklmnopqrstuvwxyz", len > 2 ? len - 2 : 0);
	}
}
END_TEST

START_TEST(unix_path_ends_at_its_nul)
{
	begin_connect(1, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\1\0/run/x\0rubbish", 16);
	assert_address(1, 0, "/run/x", 6);
	ASSERT_BYTES(made.path, "/run/x");
	begin_connect(1, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\1\0sock\0", 7);
	add_walk(TEXT_BASE, "/home/alice");
	assert_address(1, 0, "sock", 4);
	ASSERT_BYTES(made.path, "/home/alice/sock");
}
END_TEST

START_TEST(unix_abstract_name_is_kept_whole)
{
	begin_connect(1, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\1\0\0a\0b\0", 7);
	add_walk(TEXT_BASE, "/home/alice");
	assert_address(1, 0, "\0a\0b\0", 5);
	ASSERT_BYTES(made.path, "");
	begin_connect(1, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\1\0", 2); /* no name: autobind */
	assert_address(1, 0, NULL, 0);
}
END_TEST

START_TEST(unix_peer_has_the_path_of_its_file)
{
	begin_connect(1, 0);
	add_walk(TEXT_PATH, "/run/dbus/system_bus_socket");
	add_text_bytes(TEXT_CALLER, "\1\0/var/run/dbus/system_bus_socket\0", 34);
	send_event();
	ASSERT_BYTES(made.path, "/run/dbus/system_bus_socket");
	ASSERT_BYTES(made.address, "/var/run/dbus/system_bus_socket");
}
END_TEST

START_TEST(other_families_are_kept_as_they_came)
{
	begin_connect(16, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\x10\0\0\0\1\2\3\4\0\0\0\0", 12);
	assert_address(16, 0, "\x10\0\0\0\1\2\3\4\0\0\0\0", 12);
	begin_connect(40, EVENT_UNVERIFIED | EVENT_CALLER_LOST);
	assert_address(40, 0, NULL, 0);
	begin_connect(2, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\x02", 1); /* not even a family */
	assert_address(2, 0, NULL, 0);
	begin_connect(2, EVENT_UNVERIFIED);
	add_text_bytes(TEXT_CALLER, "\xff\xff\xff", 3);
	assert_address(65535, 0, "\xff\xff\xff", 3);
}
END_TEST

/* --- what the kernel resolved ------------------------------------------------------------------
 */

START_TEST(second_names_that_the_kernel_resolved_are_turned)
{
	begin_seen_change(EVENT_RENAME, "/srv/old name");
	add_walk(TEXT_OTHER, "/srv/new/name");
	assert_path("/srv/old name");
	ASSERT_BYTES(made.other, "/srv/new/name");
	ck_assert_uint_eq(made.inode, 42);
	begin(EVENT_LINK, 10); /* a symbolic one: the kernel has its words and its place */
	add_text(TEXT_ARGV, "../what/it/says");
	add_walk(TEXT_OTHER, "/srv/link");
	assert_path("");
	ASSERT_BYTES(made.word, "../what/it/says");
	ASSERT_BYTES(made.other, "/srv/link");
	begin(EVENT_RENAME, 10)->flags = EVENT_UNVERIFIED; /* as the caller has it */
	add_text(TEXT_CALLER, "/a/b");
	add_text(TEXT_OTHER, "/c/d/");
	assert_path("/a/b");
	ASSERT_BYTES(made.other, "/c/d/");
}
END_TEST

/* An open that failed, by the name the kernel had: no doubt, and no object. */
START_TEST(a_name_of_the_kernel_is_joined_as_a_caller_s)
{
	begin_refused("no/such file");
	deed.e.flags = 0;
	add_walk(TEXT_BASE, "/srv");
	assert_path("/srv/no/such file");
	ASSERT_BYTES(made.claimed, "");
	ck_assert_uint_eq(made.flags, 0);
	begin_open(EVENT_PATH_LOST)->result = -ESTALE; /* by a handle: nobody has a name */
	assert_path("");
}
END_TEST

START_TEST(mode_and_owner_from_before_are_copied)
{
	struct event_before before = { 0104755, 1000, 100 };

	for (int i = 0; i < 2; i++) {
		begin_seen_change(i ? EVENT_CHOWN : EVENT_CHMOD, "/srv/file");
		add_text_bytes(TEXT_OTHER, &before, sizeof(before));
		assert_path("/srv/file");
		ck_assert_uint_eq(made.mode, 0100640);
		ck_assert_uint_eq(made.old_mode, 0104755);
		ck_assert_uint_eq(made.old_owner, 1000);
		ck_assert_uint_eq(made.old_group, 100);
		ASSERT_BYTES(made.other, "");
	}
	begin_seen_change(EVENT_CHMOD, "/srv/file");
	add_text_bytes(TEXT_OTHER, &before, sizeof(before) - 1);
	send_event();
	ck_assert_uint_eq(made.old_mode | made.old_owner | made.old_group, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_walk_is_turned,
		an_empty_walk_is_the_root,
		a_truncated_walk_says_so,
		a_label_is_no_path,
		odd_walks_are_survived,
		the_longest_walk_fits,
		identity_of_the_file_is_copied,
		an_absolute_name_stays,
		a_relative_name_is_joined_to_its_directory,
		a_relative_name_below_a_truncated_directory_says_so,
		an_empty_or_lost_name_is_empty,
		the_longest_join_fits,
		a_claim_is_kept_where_the_last_part_differs,
		a_lost_path_leaves_the_claim,
		exec_has_program_arguments_and_directory,
		exec_in_the_root_directory,
		exec_that_lost_its_program,
		exec_of_a_memfd,
		refused_exec_of_a_relative_name,
		address_of_the_socket,
		address_that_only_the_caller_knows,
		family_of_the_caller_may_be_another,
		short_addresses_are_not_read_past_their_end,
		unix_path_ends_at_its_nul,
		unix_abstract_name_is_kept_whole,
		unix_peer_has_the_path_of_its_file,
		other_families_are_kept_as_they_came,
		second_names_that_the_kernel_resolved_are_turned,
		a_name_of_the_kernel_is_joined_as_a_caller_s,
		mode_and_owner_from_before_are_copied,
	};

	return RUN_TESTS_WITH("attribute_path", tests, setup, teardown);
}
