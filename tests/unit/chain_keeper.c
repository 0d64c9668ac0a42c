// SPDX-License-Identifier: Apache-2.0
/* The keeper as a process of its own: killed, stopped, lied to, and left behind. */
#include "chain_util.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "chain/keeper.h"

static uint64_t now;

static struct chain_options process_options(void)
{
	struct chain_options options = test_options();

	options.keeper = "/proc/self/exe";
	options.segment_bytes = 4000;
	return options;
}

static struct chain *open_with_process(void)
{
	struct chain_options options = process_options();
	struct chain_opened opened;
	struct chain *chain = NULL;
	int err = chain_open(&chain, &options, &opened, &chain_err);

	ck_assert_msg(err == 0, "chain_open: %s: %s", strerror(-err), chain_err.text);
	return chain;
}

static pid_t keeper_of(const struct chain *chain)
{
	const char *why;
	uint32_t process;

	chain_restarts(chain, &why, &process);
	ck_assert_int_ne((pid_t)process, getpid());
	return (pid_t)process;
}

static unsigned restarts_of(const struct chain *chain)
{
	const char *why;
	uint32_t process;

	return chain_restarts(chain, &why, &process);
}

/* Tick until the keeper has been replaced `want` times. */
static void wait_for_restarts(struct chain *chain, unsigned want)
{
	for (int i = 0; restarts_of(chain) < want; i++) {
		ck_assert_int_lt(i, 2000);
		usleep(5000);
		now += 10 * MS;
		ck_assert_msg(chain_tick(chain, now) == 0, "%s", chain_stop_reason(chain));
	}
}

static void append_some(struct chain *chain, unsigned count)
{
	static const enum chain_urgency urgency[] = { CHAIN_NORMAL, CHAIN_IDLE, CHAIN_CRITICAL };

	for (unsigned i = 0; i < count; i++) {
		now += 20 * MS;
		append(chain, "\x20 record", urgency[i % 3], now);
		ck_assert_int_eq(chain_tick(chain, now + 10 * MS), 0);
	}
}

/* Every record index that was promised holds a record, and nothing is missing between. */
static uint64_t count_records(void)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	uint64_t records = 0;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1)
		records += entry.bytes.data[0] >= CHAIN_RECORD_TYPE;
	chain_reader_close(reader);
	return records;
}

START_TEST(test_process)
{
	struct chain *chain = open_with_process();
	pid_t keeper = keeper_of(chain);

	append_some(chain, 300);
	ck_assert_int_eq(kill(keeper, 0), 0);
	close_chain(chain, now);
	ck_assert_int_eq(kill(keeper, 0), -1); /* ended, and reaped */
	ck_assert_int_eq(errno, ESRCH);
	assert_verdict(judge(NULL), CHAIN_OK);
	ck_assert_uint_eq(count_records(), 300);
}
END_TEST

START_TEST(test_killed)
{
	struct chain *chain = open_with_process();
	struct chain_report report;
	uint64_t records = 0;
	const char *why;
	uint32_t process;

	for (unsigned round = 1; round <= 20; round++) {
		append_some(chain, round * 3);
		records += round * 3;
		if (round % 2)
			chain_settle(chain);
		kill(keeper_of(chain), SIGKILL);
		if (round % 3) { /* it may be noticed here */
			append_some(chain, 2);
			records += 2;
		}
		wait_for_restarts(chain, round);
		chain_settle(chain); /* a seal in between, else it is given up */
	}
	ck_assert_uint_eq(chain_restarts(chain, &why, &process), 20);
	ck_assert_ptr_nonnull(strstr(why, "signal 9"));
	close_chain(chain, now);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.recoveries, 20);
	ck_assert_uint_eq(report.unsealed, 0);
	ck_assert_uint_eq(count_records(), records);
}
END_TEST

START_TEST(test_indexes_survive)
{
	struct chain *chain = open_with_process();
	struct chain_reader *reader;
	struct chain_entry entry;
	uint64_t before, after;

	append_some(chain, 5);
	chain_settle(chain);
	before = append(chain, "\x21 before", CHAIN_NORMAL, now); /* not even written yet */
	kill(keeper_of(chain), SIGKILL);
	wait_for_restarts(chain, 1);
	after = append(chain, "\x22 after", CHAIN_NORMAL, now);
	ck_assert_uint_eq(after, before + 3); /* SCHEMA and RECOVERY came between */
	close_chain(chain, now);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1) {
		if (entry.bytes.data[0] == 0x21)
			ck_assert_uint_eq(entry.index, before);
		if (entry.bytes.data[0] == 0x22)
			ck_assert_uint_eq(entry.index, after);
	}
	chain_reader_close(reader);
}
END_TEST

START_TEST(test_wedged)
{
	struct chain *chain = open_with_process();
	struct chain_report report;

	append_some(chain, 5);
	chain_settle(chain);
	kill(keeper_of(chain), SIGSTOP);
	append_some(chain, 5); /* goes on without it */
	ck_assert_uint_eq(restarts_of(chain), 0);
	now += 40000 * MS; /* we may have stood still ourselves */
	ck_assert_int_eq(chain_tick(chain, now), 0);
	ck_assert_int_eq(kill(keeper_of(chain), 0), 0);
	for (int second = 0; second < 31; second++) /* long enough without an answer */
		ck_assert_int_eq(chain_tick(chain, now += 1000 * MS), 0);
	wait_for_restarts(chain, 1);
	close_chain(chain, now);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.recoveries, 1);
	ck_assert_uint_eq(count_records(), 10);
}
END_TEST

START_TEST(test_dies_again_and_again)
{
	struct chain *chain = open_with_process();
	struct chain_opened opened;

	append_some(chain, 5);
	chain_settle(chain);
	/* Without its key there is no keeper to be had. */
	ck_assert_int_eq(chmod(path_of("%s/seal.key", keys_path), 0644), 0);
	kill(keeper_of(chain), SIGKILL);
	for (int i = 0; i < 2000 && chain_tick(chain, now) == 0; i++) {
		usleep(5000);
		now += 10 * MS;
	}
	ck_assert_ptr_nonnull(strstr(chain_stop_reason(chain), "signal 9"));
	ck_assert_ptr_nonnull(strstr(chain_stop_reason(chain), "0644"));
	ck_assert_int_lt(chain_close(chain, now, &chain_err), 0);
	ck_assert_int_eq(chmod(path_of("%s/seal.key", keys_path), 0600), 0);
	close_chain(open_chain(&opened), 1);
	ck_assert_int_eq(opened.recovered, 1);
	ck_assert_uint_eq(count_records(), 5);
}
END_TEST

START_TEST(test_another_log_in_its_place)
{
	struct chain *chain = open_with_process();
	char old[128], old_keys[128];

	append_some(chain, 5);
	chain_settle(chain);
	snprintf(old, sizeof(old), "%s/old", test_dir);
	snprintf(old_keys, sizeof(old_keys), "%s/old.keys", test_dir);
	ck_assert_int_eq(rename(chain_path, old), 0);
	ck_assert_int_eq(rename(keys_path, old_keys), 0);
	close_chain(open_chain(NULL), 1); /* a good log, but not this one */
	kill(keeper_of(chain), SIGKILL);
	for (int i = 0; i < 2000 && chain_tick(chain, now) == 0; i++) {
		usleep(5000);
		now += 10 * MS;
	}
	ck_assert_str_ne(chain_stop_reason(chain), "");
	chain_abandon(chain);
}
END_TEST

/* The side that parses events is killed: what it wrote is sealed nevertheless. */
START_TEST(test_left_behind)
{
	struct chain_report report;
	struct chain *chain;
	int status, got;
	pid_t child = fork();

	if (child == 0) {
		chain = open_with_process();
		append_some(chain, 50);
		append(chain, "\x20 last", CHAIN_CRITICAL, now += MS); /* written at once */
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	for (int i = 0; (got = chain_is_live(chain_path)) == 1 && i < 2000; i++)
		usleep(5000);
	ck_assert_int_eq(got, 0);
	report = judge(NULL);
	assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_eq(report.unsealed, 0);
	ck_assert_uint_eq(report.recoveries, 0);
	ck_assert_uint_eq(count_records(), 51);
	close_chain(open_chain(NULL), 1);
	report = judge(NULL);
	ck_assert_uint_eq(report.recoveries, 1);
	ck_assert_uint_eq(report.adopted, 0);
}
END_TEST

/* --- what a taken parser can ask for ---------------------------------------------------------- */

struct liar {
	int socket, segment;
	pthread_t thread;
	struct keeper_opened opened;
	struct keeper_news news;
};

static void *serve(void *arg)
{
	return (void *)(intptr_t)keeper_serve((int)(intptr_t)arg);
}

static void tell(struct liar *liar, uint32_t what, uint64_t entries, uint64_t bytes)
{
	struct keeper_request request = { .what = what,
					  .turn = liar->news.turn + 1,
					  .segment = liar->news.segment.number,
					  .entries = entries,
					  .bytes = bytes };

	ck_assert_int_eq(message_send(liar->socket, &request, sizeof(request), -1, 0), 0);
	do
		ck_assert_int_eq(message_receive(liar->socket, &liar->news, sizeof(liar->news),
						 &(int){ -1 }, 0),
				 1);
	while (liar->news.turn != request.turn);
}

static void begin_lying(struct liar *liar)
{
	struct keeper_hello hello = { .making = MAKE_IF_NONE, .name = "host" };
	int pair[2], dirfd;

	machine_hash(test_options().machine_id, hello.machine);
	strcpy(hello.dir, chain_path);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert_int_eq(pthread_create(&liar->thread, NULL, serve, (void *)(intptr_t)pair[1]), 0);
	liar->socket = pair[0];
	ck_assert_int_eq(message_send(pair[0], &hello, sizeof(hello), -1, 0), 0);
	ck_assert_int_eq(message_receive(pair[0], &liar->opened, sizeof(liar->opened), &dirfd, 0),
			 1);
	ck_assert_msg(liar->opened.error == 0, "%s", liar->opened.why.text);
	close(dirfd);
	ck_assert_int_eq(
		message_receive(pair[0], &liar->news, sizeof(liar->news), &liar->segment, 0), 1);
	ck_assert_int_ge(liar->segment, 0);
}

static void end_lying(struct liar *liar)
{
	close(liar->socket);
	pthread_join(liar->thread, NULL);
	close(liar->segment);
}

/* A block of `count` one-byte records behind what the file holds, SCHEMA first in a segment. */
static uint64_t write_block(struct liar *liar, uint64_t first, unsigned count)
{
	uint8_t block[BLOCK_HEADER + 3 * 256], *p = block + BLOCK_HEADER;
	off_t end = lseek(liar->segment, 0, SEEK_END);
	uint64_t place = first - liar->news.segment.first;

	for (unsigned i = 0; i < count; i++) {
		*p++ = 0;
		*p++ = 1;
		*p++ = place + i ? 0x30 : 0x01;
	}
	block_header_encode(block, first, 3 * count, (uint16_t)count);
	ck_assert_int_eq(pwrite_all(liar->segment, block, BLOCK_HEADER + 3 * count, end), 0);
	return (uint64_t)end + BLOCK_HEADER + 3 * count;
}

START_TEST(test_more_than_there_is)
{
	struct liar liar;
	uint64_t end;

	begin_lying(&liar);
	end = write_block(&liar, 0, 10);
	tell(&liar, ASK_SEAL | ASK_NOTE, 10, end);
	ck_assert_int_eq(liar.news.error, 0);
	ck_assert_uint_eq(liar.news.sealed, 10);
	tell(&liar, ASK_SEAL, 20, end + 60); /* nothing is there */
	ck_assert_int_eq(liar.news.error, -EBADMSG);
	ck_assert_uint_eq(liar.news.sealed, 10);
	write_block(&liar, 10, 10);
	tell(&liar, ASK_SEAL, 20, end + BLOCK_HEADER + 30); /* too late: it does not forgive */
	ck_assert_int_eq(liar.news.error, -EBADMSG);
	ck_assert_uint_eq(liar.news.sealed, 10);
	end_lying(&liar);
	ck_assert_uint_eq(judge(NULL).sealed, 10);
}
END_TEST

START_TEST(test_other_count)
{
	struct liar liar;
	uint64_t end;

	begin_lying(&liar);
	end = write_block(&liar, 0, 10);
	tell(&liar, ASK_SEAL, 11, end);
	ck_assert_int_eq(liar.news.error, -EBADMSG);
	ck_assert_uint_eq(liar.news.sealed, 0);
	end_lying(&liar);
}
END_TEST

/* A header says which seal will cover its first entry: that one cannot end before it. */
START_TEST(test_nothing_in_the_segment)
{
	struct chain *chain = open_chain(NULL);
	struct liar liar;

	append(chain, "\x20 not sealed", CHAIN_NORMAL, 20 * MS);
	ck_assert_int_eq(chain_tick(chain, 40 * MS), 0);
	chain_abandon(chain);
	ck_assert_uint_eq(judge(NULL).unsealed, 1);
	begin_lying(&liar);
	if (_i)
		tell(&liar, ASK_SEAL, liar.news.segment.first, liar.news.segment.header_len);
	end_lying(&liar); /* as if killed before it wrote a thing */
	assert_verdict(judge(NULL), CHAIN_TORN);
	close_chain(open_chain(NULL), 1);
	assert_verdict(judge(NULL), CHAIN_TORN);
	ck_assert_uint_eq(judge(NULL).recoveries, 1);
	ck_assert_uint_eq(count_records(), 1);
}
END_TEST

START_TEST(test_other_segment)
{
	struct liar liar;
	uint64_t end;

	begin_lying(&liar);
	end = write_block(&liar, 0, 10);
	liar.news.segment.number = 7;
	tell(&liar, ASK_SEAL, 10, end);
	ck_assert_int_eq(liar.news.error, 0);
	ck_assert_uint_eq(liar.news.sealed, 0); /* asked for too early, or never: not done */
	end_lying(&liar);
}
END_TEST

/* What was hashed cannot be taken back: the root is that of the bytes that were there. */
START_TEST(test_changed_behind_its_back)
{
	struct liar liar;
	uint64_t end;

	begin_lying(&liar);
	end = write_block(&liar, 0, 10);
	tell(&liar, ASK_SEAL | ASK_NOTE, 10, end);
	ck_assert_int_eq(pwrite_all(liar.segment, "\x31", 1, (off_t)end - 1), 0);
	end = write_block(&liar, 10, 5);
	tell(&liar, ASK_SEAL, 15, end);
	ck_assert_uint_eq(liar.news.sealed, 15);
	end_lying(&liar);
	assert_verdict(judge(NULL), CHAIN_TAMPER);
}
END_TEST

START_TEST(test_wrong_lengths)
{
	static const uint8_t bytes[2 * sizeof(struct keeper_request)];
	struct chain_report report;

	for (size_t len = 1; len < sizeof(bytes); len += 5) {
		struct keeper_news news = { 0 };
		struct liar liar;
		void *result;

		if (len == sizeof(struct keeper_request))
			continue;
		begin_lying(&liar);
		write_block(&liar, liar.news.segment.first, 2);
		ck_assert_int_eq(message_send(liar.socket, bytes, len, -1, 0), 0);
		ck_assert_int_eq(message_receive(liar.socket, &news, sizeof(news), NULL, 0), 0);
		pthread_join(liar.thread, &result);
		ck_assert_int_eq((int)(intptr_t)result, -EPROTO);
		close(liar.socket);
		close(liar.segment);
		remove_tree(chain_path);
		remove_tree(keys_path);
	}
	ck_assert_int_eq(chain_verify(&(struct chain_verify_options){ .dir = chain_path }, &report,
				      &chain_err),
			 -ENOENT);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tcase;

	if (argc > 1 && strcmp(argv[1], "keeper") == 0)
		return chain_keep() ? 2 : 0;
	suite = suite_create("chain_keeper");
	tcase = tcase_create("keeper");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, use_test_dir, drop_test_dir);
	tcase_add_test(tcase, test_process);
	tcase_add_test(tcase, test_killed);
	tcase_add_test(tcase, test_indexes_survive);
	tcase_add_test(tcase, test_wedged);
	tcase_add_test(tcase, test_dies_again_and_again);
	tcase_add_test(tcase, test_another_log_in_its_place);
	tcase_add_test(tcase, test_left_behind);
	tcase_add_test(tcase, test_more_than_there_is);
	tcase_add_test(tcase, test_other_count);
	tcase_add_loop_test(tcase, test_nothing_in_the_segment, 0, 2);
	tcase_add_test(tcase, test_other_segment);
	tcase_add_test(tcase, test_changed_behind_its_back);
	tcase_add_test(tcase, test_wrong_lengths);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
