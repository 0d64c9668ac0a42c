// SPDX-License-Identifier: Apache-2.0
/* Records for people: exactly one clean line, in which nobody can write a word of ours. */
#include "base_fuzz.h"
#include "record_make.h"

#include "../fuzz/output.c"

static struct output_context context;
static struct buffer line;

static void teardown(void)
{
	buffer_free(&line);
}

/* The line without time, index and newline. */
static const char *text_of(const struct record *r)
{
	struct output_entry entry = { 7, NULL, r, &context };
	const char *p;

	buffer_clear(&line);
	output_text(&line, &entry);
	ck_assert_uint_gt(line.len, 0);
	ck_assert_int_eq(line.data[line.len - 1], '\n');
	line.data[--line.len] = 0;
	ck_assert_uint_eq(strlen(line.data), line.len);
	p = strchr(line.data, '#');
	ck_assert_ptr_nonnull(p);
	return p + strcspn(p, " ") + 1;
}

#define ASSERT_TEXT(record, wanted) ck_assert_str_eq(text_of(record), wanted)

/* By alice, as she is. */
static struct record event(uint8_t kind)
{
	return (struct record){ .kind = kind,
				.pid = 5,
				.tid = 5,
				.auid = 1000,
				.session = 1,
				.actor = ACTOR_HUMAN,
				.how = HOW_LOGINUID,
				.cred = { .uid = 1000, .euid = 1000, .suid = 1000 },
				.user = bytes_of_text("alice"),
				.acting_as = bytes_of_text("alice"),
				.comm = bytes_of_text("cat") };
}

START_TEST(time_index_and_kind_come_first)
{
	struct record r = event(RECORD_EXIT);

	r.time = 1767225600000000001;
	text_of(&r);
	ck_assert_ptr_eq(
		strstr(line.data, "2026-01-01T00:00:00.000000001Z #7 exit      alice 5 cat"),
		line.data);
}
END_TEST

START_TEST(opens)
{
	struct record r = event(RECORD_OPEN);

	r.path = bytes_of_text("/etc/passwd");
	r.result = 3;
	r.open_flags = 02000101;
	ASSERT_TEXT(&r, "open      alice 5 cat /etc/passwd O_WRONLY|O_CREAT|O_CLOEXEC = 3");
	r.result = -2;
	r.flags = RECORD_UNVERIFIED | RECORD_FD_SHARED;
	r.claimed = bytes_of_text("x");
	r.open_flags = 1u << 30;
	ASSERT_TEXT(&r, "open      alice 5 cat /etc/passwd O_RDONLY|0x40000000 = -2 ENOENT"
			"  (caller said 'x')  [unverified fd_shared]");
}
END_TEST

START_TEST(exec_shows_every_argument)
{
	struct record r = event(RECORD_EXEC);

	r.path = bytes_of_text("/bin/ls");
	ASSERT_TEXT(&r, "exec      alice 5 cat -> /bin/ls = 0");
	r.argv = bytes_of("ls\0\0a b\0", 8);
	ASSERT_TEXT(&r, "exec      alice 5 cat -> /bin/ls 'ls' '' 'a b' = 0");
	r.argv = bytes_of("ls\0cut of", 9); /* the last one has no end */
	r.flags = RECORD_ARGV_TRUNCATED;
	ASSERT_TEXT(&r, "exec      alice 5 cat -> /bin/ls 'ls' 'cut of' = 0  [argv_truncated]");
}
END_TEST

START_TEST(setuid_shows_as_many_arguments_as_the_call_has)
{
	struct record r = event(RECORD_SETUID);

	r.call = RECORD_CALL_SETRESUID;
	r.argument[0] = 0;
	r.argument[1] = r.argument[2] = UINT32_MAX;
	r.old_cred = (struct record_cred){ 1000, 1, 1001, 2, 0, 3, 0, 0, 0, 0 };
	r.result = -1;
	ASSERT_TEXT(&r, "setuid    alice 5 cat setresuid(0, -1, -1) 1000/0/1001:1/3/2 -> "
			"1000/1000/1000:0/0/0 = -1 EPERM");
	r.call = RECORD_CALL_SETREGID;
	ck_assert_ptr_nonnull(strstr(text_of(&r), "setregid(0, -1) "));
	r.call = RECORD_CALL_SETGROUPS;
	ck_assert_ptr_nonnull(strstr(text_of(&r), "setgroups(0) "));
	r.call = 12345;
	ck_assert_ptr_nonnull(strstr(text_of(&r), "?(0) "));
}
END_TEST

START_TEST(connect_fork_exit)
{
	struct record r = event(RECORD_CONNECT);

	r.family = 2;
	r.address = bytes_of("\x7f\0\0\1", 4);
	r.port = 80;
	r.result = -115;
	ASSERT_TEXT(&r, "connect   alice 5 cat inet 127.0.0.1 port 80 = -115 EINPROGRESS");
	r.family = 1;
	r.port = 0;
	r.result = 0;
	r.address = bytes_of("\0x y", 4);
	ASSERT_TEXT(&r, "connect   alice 5 cat unix '@x y' = 0");
	r = event(RECORD_FORK);
	r.child_pid = r.child_tid = 9;
	ASSERT_TEXT(&r, "fork      alice 5 cat makes process 9");
	r.child_tid = 10;
	ASSERT_TEXT(&r, "fork      alice 5 cat makes thread 10");
	r = event(RECORD_EXIT);
	r.result = 3 << 8;
	ASSERT_TEXT(&r, "exit      alice 5 cat code 3");
	r.result = 9;
	ASSERT_TEXT(&r, "exit      alice 5 cat killed by signal 9");
	r.result = 0x80 | 11; /* and a core */
	ASSERT_TEXT(&r, "exit      alice 5 cat killed by signal 11");
}
END_TEST

/* --- who ------------------------------------------------------------------------------------- */

START_TEST(who)
{
	struct record r = event(RECORD_EXIT);

	r.acting_as = bytes_of_text("root");
	ASSERT_TEXT(&r, "exit      alice as root 5 cat code 0");
	r.user.len = r.acting_as.len = 0;
	ASSERT_TEXT(&r, "exit      uid 1000 5 cat code 0");
	r.auid = RECORD_UNSET;
	r.cred.euid = 33;
	ASSERT_TEXT(&r, "exit      uid 33 5 cat code 0");
	r.acting_as = bytes_of_text("www");
	ASSERT_TEXT(&r, "exit      www 5 cat code 0");
	r.actor = ACTOR_KERNEL;
	ASSERT_TEXT(&r, "exit      kernel 5 cat code 0");
	r.actor = ACTOR_SERVICE;
	r.user = bytes_of_text("nginx.service");
	ASSERT_TEXT(&r, "exit      nginx.service as www 5 cat code 0");
}
END_TEST

/* The id points into the record: what stands behind it is not its own. */
START_TEST(a_container_id_is_not_read_past_its_end)
{
	struct record r = event(RECORD_EXIT);

	r.actor = ACTOR_CONTAINER;
	r.user.len = r.acting_as.len = 0;
	r.container = bytes_of_text("0123456789abcdef");
	ASSERT_TEXT(&r, "exit      container 0123456789ab 5 cat code 0");
	r.container.len = 3;
	ASSERT_TEXT(&r, "exit      container 012 5 cat code 0");
	r.container = bytes_of_text("\x1b[31m\nevil");
	ASSERT_TEXT(&r, "exit      container \\x1b[31m\\nevil 5 cat code 0");
	r.container = bytes_of(NULL, 0);
	ASSERT_TEXT(&r, "exit      container '' 5 cat code 0");
}
END_TEST

/* --- look-alikes ----------------------------------------------------------------------------- */

START_TEST(two_arguments_never_look_like_one)
{
	struct record r = event(RECORD_EXEC);

	r.path = bytes_of_text("/bin/x");
	r.argv = bytes_of("a\0b\0", 4);
	ASSERT_TEXT(&r, "exec      alice 5 cat -> /bin/x 'a' 'b' = 0");
	r.argv = bytes_of("a' 'b\0", 6);
	ASSERT_TEXT(&r, "exec      alice 5 cat -> /bin/x 'a\\' \\'b' = 0");
	r.argv = bytes_of("a\\' 'b\0", 7);
	ASSERT_TEXT(&r, "exec      alice 5 cat -> /bin/x 'a\\\\\\' \\'b' = 0");
}
END_TEST

START_TEST(a_name_cannot_write_the_rest_of_the_line)
{
	struct record r = event(RECORD_OPEN);

	r.path = bytes_of_text("/etc/shadow O_RDONLY = 3");
	r.result = -13;
	ASSERT_TEXT(&r, "open      alice 5 cat '/etc/shadow O_RDONLY = 3' O_RDONLY = -13 EACCES");
	r.path = bytes_of_text("it's");
	ASSERT_TEXT(&r, "open      alice 5 cat 'it\\'s' O_RDONLY = -13 EACCES");
	r.path = bytes_of_text("");
	ASSERT_TEXT(&r, "open      alice 5 cat '' O_RDONLY = -13 EACCES");
	r.path = bytes_of_text("a\xc2\xa0"
			       "b\xe2\x80\xae\xe2\x80\xac");
	ASSERT_TEXT(&r, "open      alice 5 cat a\\u{a0}b\\u{202e}\\u{202c} O_RDONLY = -13 EACCES");
	r.path = bytes_of_text("/x");
	r.comm = bytes_of_text("x /etc/passwd");
	ASSERT_TEXT(&r, "open      alice 5 'x /etc/passwd' /x O_RDONLY = -13 EACCES");
	r.claimed = bytes_of_text("')  [compat");
	r.comm = bytes_of_text("c");
	ASSERT_TEXT(&r,
		    "open      alice 5 c /x O_RDONLY = -13 EACCES  (caller said '\\')  [compat')");
}
END_TEST

START_TEST(flags_without_a_name_are_shown)
{
	struct record r = event(RECORD_EXIT);

	r.flags = 1 << 20;
	ASSERT_TEXT(&r, "exit      alice 5 cat code 0  [0x100000]");
	r.flags |= RECORD_COMPAT;
	ASSERT_TEXT(&r, "exit      alice 5 cat code 0  [compat 0x100000]");
}
END_TEST

/* --- what is not an event -------------------------------------------------------------------- */

START_TEST(own_records)
{
	struct record r = { .kind = RECORD_START,
			    .host = bytes_of_text("web1"),
			    .kernel = bytes_of_text("6.18"),
			    .hooks = bytes_of_text("tp_btf"),
			    .scope = bytes_of_text("all") };

	ASSERT_TEXT(&r, "start     web1, kernel 6.18, hooks tp_btf, scope all");
	r = (struct record){ .kind = RECORD_HEARTBEAT, .received = 5, .misses = 1 };
	ASSERT_TEXT(&r, "heartbeat received 5, programs skipped 1, canary not sent");
	r.canary = CANARY_SEEN;
	ASSERT_TEXT(&r, "heartbeat received 5, programs skipped 1, canary seen");
	r.canary = CANARY_LATE;
	ASSERT_TEXT(&r, "heartbeat received 5, programs skipped 1, canary not seen");
	r = (struct record){ .kind = RECORD_COUNTERS, .cpu = 3 };
	ASSERT_TEXT(&r, "counters  cpu 3");
	r = (struct record){ .kind = RECORD_LOSS, .count = 4, .lost_family = 1, .cpu = 2 };
	ASSERT_TEXT(&r, "loss      4 file events lost on cpu 2 (ring full)");
	r.lost_family = RECORD_FAMILIES;
	r.reason = LOSS_PROGRAM_SKIPPED;
	ASSERT_TEXT(&r, "loss      4 events lost (program skipped)");
	r.reason = 99;
	ASSERT_TEXT(&r, "loss      4 events lost (?)");
	r = (struct record){ .kind = RECORD_DISTURBED,
			     .reason = DISTURBED_STALLED,
			     .since = 1000000000,
			     .time = 5250000000,
			     .count = 7 };
	ASSERT_TEXT(&r, "disturbed stood still, within 4.250 s, 7 events lost meanwhile");
	r.reason = DISTURBED_LINK;
	r.name = bytes_of_text("sys_exit");
	r.result = -1;
	r.since = r.time + 1;
	ASSERT_TEXT(&r, "disturbed link detached: sys_exit, within 0.000 s, 7 events lost "
			"meanwhile, still so: EPERM");
	r = (struct record){ .kind = RECORD_STOP, .received = 9 };
	ASSERT_TEXT(&r, "stop      received 9");
	r.kind = RECORD_PAUSE;
	ASSERT_TEXT(&r, "pause     received 9");
	r.kind = RECORD_RESUME;
	ASSERT_TEXT(&r,
		    "resume    the programs went on by themselves; what is in the rings follows");
	r = (struct record){ .kind = RECORD_USER, .id = 1000, .name = bytes_of_text("alice") };
	ASSERT_TEXT(&r, "user      uid 1000 is alice");
	r.name.len = 0;
	ASSERT_TEXT(&r, "user      uid 1000 is nobody's any more");
	r = (struct record){ .kind = RECORD_ARCHIVE,
			     .place = bytes_of_text("/mnt/far away"),
			     .size = 1000 };
	ASSERT_TEXT(&r, "archive   entries below 1000 are at '/mnt/far away'");
	r.result = -28;
	r.why = bytes_of_text("no room\n");
	ASSERT_TEXT(&r, "archive   cannot copy to '/mnt/far away' = -28 ENOSPC: no room\\n");
	r = (struct record){ .kind = RECORD_PRUNE,
			     .uid = 1,
			     .pid = 2,
			     .keep_number = 3,
			     .keep_first = 400,
			     .why = bytes_of_text("archived") };
	ASSERT_TEXT(&r, "prune     uid 1, pid 2 had segments below 3 deleted (entries below 400): "
			"archived");
	r = (struct record){ .kind = RECORD_DIGEST, .digest = 0xabc, .at = 12 };
	ASSERT_TEXT(&r, "digest    0000000000000abc after 12 records");
	r = (struct record){ .kind = RECORD_ALERT, .parts = bytes_of_text("x") };
	ASSERT_TEXT(&r, "alert     (its parts are not well-formed)");
}
END_TEST

START_TEST(every_record_is_one_clean_line)
{
	const struct record_type *type;
	uint64_t seed = 1;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		static uint8_t encoded[FUZZ_SIZE];

		for (int turn = 0; turn < 200; turn++) {
			struct record r = chance_record(&seed, type->kind);
			ssize_t n = record_encode(&r, encoded, sizeof(encoded));

			ENSURE(n > 0);
			LLVMFuzzerTestOneInput(encoded, (size_t)n);
			if (turn % 20 == 0)
				fuzz_around(LLVMFuzzerTestOneInput, encoded, (size_t)n, 30);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		time_index_and_kind_come_first,
		opens,
		exec_shows_every_argument,
		setuid_shows_as_many_arguments_as_the_call_has,
		connect_fork_exit,
		who,
		a_container_id_is_not_read_past_its_end,
		two_arguments_never_look_like_one,
		a_name_cannot_write_the_rest_of_the_line,
		flags_without_a_name_are_shown,
		own_records,
		every_record_is_one_clean_line,
	};

	return RUN_TESTS_WITH("output_text", tests, NULL, teardown);
}
