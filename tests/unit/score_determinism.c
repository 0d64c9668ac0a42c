// SPDX-License-Identifier: Apache-2.0
/* The same records give the same scores and digest, with every compiler; others do not. */
#include <errno.h>
#include <sys/socket.h>

#include "score/alert.h"
#include "score_make.h"

/*
 * Of the stream below. It changes with the model on purpose only: then the chains scored with the
 * old one no longer replay, so put the reason into the commit.
 */
#define GOLDEN_DIGEST 0x5f6073ce8ef386d9ull
#define GOLDEN_ALERTS 844

static struct score *open_score(void)
{
	struct score *score;

	ck_assert_int_eq(score_open(&score, &test_options), 0);
	return score;
}

static struct record network(uint64_t *seed, struct record r, uint8_t address[16])
{
	put_u64(address, chance(seed) % 64 << 8);
	put_u64(address + 8, chance(seed) % 4);
	r.family = chance(seed) % 2 ? AF_INET : AF_INET6;
	r.address = bytes_of(address, r.family == AF_INET ? 4 : 16);
	r.port = (uint32_t)(chance(seed) % 65536);
	return r;
}

/* Something of everything; texts live in static memory until the next call. */
static struct record any_record(uint64_t *seed, uint64_t i)
{
	static const char *const users[] = { "alice", "bob", "", "cron.service", "web" };
	static const char *const paths[] = { "/etc/shadow",  "/usr/lib/x/libc.so",
					     "/proc/77/mem", "/home/alice/.ssh/id_rsa",
					     "/tmp/a",	     "/var/log/syslog" };
	static char program[32];
	static uint8_t address[16];
	static const uint8_t kinds[] = { RECORD_EXEC, RECORD_EXEC,    RECORD_EXEC,   RECORD_OPEN,
					 RECORD_OPEN, RECORD_CONNECT, RECORD_SETUID, RECORD_FORK };
	uint8_t kind = kinds[chance(seed) % 8]; /* one draw a statement: order is part of it */
	const char *user = users[chance(seed) % 5];
	uint64_t a = chance(seed) % 12;
	uint64_t b = chance(seed) % 12;
	uint64_t number = chance(seed) % 5000;
	struct record r = make_event(kind, user, EPOCH + i * SECOND);

	snprintf(program, sizeof(program), "/usr/bin/p%u",
		 (unsigned)(chance(seed) % 200 ? a * b : number));
	r.seq = i;
	r.start = i / 5;
	r.actor = (uint8_t)(chance(seed) % ACTORS);
	r.path = bytes_of_text(r.kind == RECORD_EXEC ? program : paths[a % 6]);
	r.exe = bytes_of_text(program);
	r.via = bytes_of("/usr/sbin/sshd\0/usr/bin/bash", 29);
	r.argv = bytes_of("x\0-c\0-f=1\0", 11);
	r.open_flags = (uint32_t)(chance(seed) % 3);
	r.cred.euid = chance(seed) % 50 ? 1000 : 0;
	r.flags = chance(seed) % 100 ? 0 : RECORD_UNVERIFIED | RECORD_DELETED;
	r.result = chance(seed) % 10 ? 0 : chance(seed) % 2 ? -ENOENT : -EACCES;
	return r.kind == RECORD_CONNECT ? network(seed, r, address) : r;
}

static uint64_t run_stream(uint64_t count, uint64_t *ret_alerts)
{
	struct score *score = open_score();
	uint64_t seed = 9, digest;

	*ret_alerts = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct record r = any_record(&seed, i), alert;

		*ret_alerts += (uint64_t)score_record(score, i, &r, &alert);
	}
	digest = score_digest(score);
	score_close(score);
	return digest;
}

START_TEST(digest_is_golden)
{
	uint64_t alerts, again;
	uint64_t digest = run_stream(200000, &alerts);

	ck_assert_uint_eq(run_stream(200000, &again), digest);
	ck_assert_uint_eq(again, alerts);
	ck_assert_msg(digest == GOLDEN_DIGEST && alerts == GOLDEN_ALERTS,
		      "digest %llx, %llu alerts", (unsigned long long)digest,
		      (unsigned long long)alerts);
}
END_TEST

/* Two records, in this order. */
static uint64_t digest_of(struct record a, struct record b)
{
	struct score *score = open_score();
	struct record alert;
	uint64_t digest;

	score_record(score, 0, &a, &alert);
	score_record(score, 1, &b, &alert);
	digest = score_digest(score);
	score_close(score);
	return digest;
}

START_TEST(order_and_content_matter)
{
	struct record a = make_exec("alice", "/usr/bin/vim", EPOCH);
	struct record b = make_exec("bob", "/usr/bin/vim", EPOCH), c;
	uint64_t digest = digest_of(a, b);

	ck_assert_uint_eq(digest_of(a, b), digest);
	ck_assert_uint_ne(digest_of(b, a), digest);
	c = b;
	c.path = bytes_of_text("/usr/bin/vi");
	ck_assert_uint_ne(digest_of(a, c), digest);
	c = b;
	c.user = bytes_of_text("eve");
	ck_assert_uint_ne(digest_of(a, c), digest);
	c = b;
	c.time++;
	ck_assert_uint_ne(digest_of(a, c), digest);
	c = b;
	c.pid++;
	ck_assert_uint_ne(digest_of(a, c), digest);
	c = b;
	c.container = bytes_of_text("0123456789ab");
	ck_assert_uint_ne(digest_of(a, c), digest);
}
END_TEST

START_TEST(other_kinds_change_nothing)
{
	static const uint8_t kinds[] = { RECORD_START,	 RECORD_HEARTBEAT, RECORD_COUNTERS,
					 RECORD_STOP,	 RECORD_USER,	   RECORD_ALERT,
					 RECORD_DIGEST,	 RECORD_FORK,	   RECORD_EXIT,
					 RECORD_ARCHIVE, RECORD_PRUNE };
	struct record exec = make_exec("alice", "/usr/bin/vim", EPOCH), alert;
	struct score *score = open_score();
	uint64_t digest;

	score_record(score, 0, &exec, &alert);
	digest = score_digest(score);
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct record r = make_event(kinds[i], "alice", EPOCH + i);

		ck_assert_int_eq(score_record(score, i + 1, &r, &alert), 0);
	}
	ck_assert_uint_eq(score_digest(score), digest);
	ck_assert_uint_eq(score_count(score), 1);
	score_close(score);
}
END_TEST

START_TEST(digest_is_due_once)
{
	struct score *score = open_score();
	struct record exec = make_exec("alice", "/usr/bin/vim", EPOCH), alert;
	struct record beat = { .kind = RECORD_HEARTBEAT };
	unsigned due = 0;

	for (uint64_t i = 0; i < 65536 * 2; i++) {
		score_record(score, i, &exec, &alert);
		due += (unsigned)score_digest_due(score);
	}
	ck_assert_uint_eq(due, 2);
	ck_assert_int_eq(score_digest_due(score), 1);
	score_record(score, 0, &beat, &alert);
	ck_assert_int_eq(score_digest_due(score), 0);
	score_close(score);
}
END_TEST

/* Random bytes of random length; what the kernel would never send, too. */
static struct bytes junk(uint64_t *seed, uint8_t *to, size_t max)
{
	size_t len = chance(seed) % 4 ? chance(seed) % 40 : chance(seed) % (max + 1);

	for (size_t i = 0; i < len; i++)
		to[i] = chance(seed) % 3 ? "/-./#~=aZ9\0 "[chance(seed) % 12]
					 : (uint8_t)chance(seed);
	return bytes_of(len ? to : NULL, len);
}

static uint64_t extreme(uint64_t *seed)
{
	static const uint64_t values[] = { 0, 1, INT64_MAX, UINT64_MAX, 1ull << 63, UINT32_MAX };

	return chance(seed) % 2 ? values[chance(seed) % 6] : chance(seed);
}

START_TEST(hostile_records_do_no_harm)
{
	static uint8_t text[8][8192];
	struct score *score = open_score();
	uint64_t seed = 11;
	char line[512];

	for (uint64_t i = 0; i < 60000; i++) {
		struct record r = { .kind = (uint8_t)chance(&seed), .time = extreme(&seed) }, alert;

		if (chance(&seed) % 8)
			r.kind = (uint8_t)(RECORD_EXEC + chance(&seed) % 6);
		r.flags = extreme(&seed);
		r.call = extreme(&seed);
		r.result = (int64_t)extreme(&seed);
		r.pid = (uint32_t)extreme(&seed);
		r.auid = (uint32_t)extreme(&seed);
		r.actor = (uint8_t)extreme(&seed);
		r.cred.uid = (uint32_t)extreme(&seed);
		r.cred.euid = (uint32_t)extreme(&seed);
		r.old_cred.euid = (uint32_t)extreme(&seed);
		r.family = chance(&seed) % 2 ? (uint32_t)chance(&seed) % 12 : UINT32_MAX;
		r.port = (uint32_t)extreme(&seed);
		r.open_flags = (uint32_t)extreme(&seed);
		r.count = extreme(&seed);
		r.exe = junk(&seed, text[0], 4096);
		r.user = junk(&seed, text[1], 8192);
		r.via = junk(&seed, text[2], 8192);
		r.container = junk(&seed, text[3], 8192);
		r.path = junk(&seed, text[4], 8192);
		r.claimed = junk(&seed, text[5], 4096);
		r.argv = junk(&seed, text[6], 8192);
		r.address = junk(&seed, text[7], 16);
		if (score_record(score, extreme(&seed), &r, &alert))
			ck_assert_int_gt(alert_explain(&alert, line, sizeof(line)), 0);
	}
	score_close(score);
}
END_TEST

START_TEST(empty_records_do_no_harm)
{
	struct score *score = open_score();
	struct record alert;

	for (unsigned kind = 0; kind < 256; kind++)
		score_record(score, kind, &(struct record){ .kind = (uint8_t)kind }, &alert);
	score_close(score);
	score_close(NULL);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { digest_is_golden,	     order_and_content_matter,
				 other_kinds_change_nothing, digest_is_due_once,
				 hostile_records_do_no_harm, empty_records_do_no_harm };

	return run_tests("score_determinism", tests, sizeof(tests) / sizeof(*tests));
}
