/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_RUN_H
#define TESTS_CHAIN_RUN_H
/* One run of a chain with all kinds of writes, and the promises it makes on the way: what a crash
 * or a failing disk leaves behind is held against them. */
#include "chain_disk.h"

#define RECORDS 40

#ifdef __SANITIZE_ADDRESS__
#define STRIDE 7 /* forking is slow there: every seventh call */
#else
#define STRIDE 1
#endif

/* What the dying process knew: every promise is held against it. */
static struct promise {
	uint64_t index[RECORDS];  /* of record i */
	uint64_t tried, appended; /* records */
	uint64_t durable;	  /* entries the chain said are on the disk */
	uint64_t sealed;
	int opened;
	int moved; /* an I/O error shifted the indexes of what was not durable */
} * promise;

static UNUSED int cells;
static UNUSED uint64_t run_segment_bytes = 1200;

static UNUSED void setup(void)
{
	use_test_dir();
	promise = mmap(NULL, sizeof(*promise), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ck_assert_ptr_ne(promise, MAP_FAILED);
	cells = 0;
}

static UNUSED void teardown(void)
{
	drop_test_dir();
	munmap(promise, sizeof(*promise));
}

static UNUSED void make_record(char ret[64], unsigned i)
{
	snprintf(ret, 64, "%crecord %u %.*s", 0x10 + i % 3, i, (int)(i * 7 % 40),
		 "........................................");
}

static UNUSED void note_promise(struct chain *chain)
{
	struct chain_state state;

	chain_get_state(chain, &state);
	promise->durable = state.durable;
	promise->sealed = state.sealed;
}

/* One run with all kinds of writes: every urgency, seals, checkpoints, several segments. */
static UNUSED int run_records(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;
	uint64_t now = 1000 * MS;
	char record[64];
	int err;

	options.segment_bytes = run_segment_bytes;
	err = chain_open(&chain, &options, &opened, &chain_err);
	if (err)
		return err;
	promise->opened = 1;
	for (unsigned i = 0; i < RECORDS && err == 0; i++) {
		make_record(record, i);
		now += i % 5 * 30 * MS;
		promise->tried = i + 1;
		err = chain_append(chain, bytes_of_text(record), i % 3, now, &promise->index[i]);
		if (err)
			break;
		promise->appended = i + 1;
		err = chain_tick(chain, now + 10 * MS);
		if (i % 4 == 0)
			chain_settle(chain);
		note_promise(chain);
	}
	if (err) {
		snprintf(chain_err.text, sizeof(chain_err.text), "%s", chain_stop_reason(chain));
		chain_abandon(chain);
		return err;
	}
	return chain_close(chain, now, &chain_err);
}

/* Records 0, 1, ... are there in order, at least all the durable ones, and nothing else but the
 * chain's own entries and 0x1f. Returns the number of RECOVERY entries. */
static UNUSED unsigned check_records(void)
{
	unsigned i = 0, recoveries = 0;
	struct chain_reader *reader;
	struct chain_entry entry;
	char record[64];
	int got;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while ((got = chain_reader_next(reader, &entry)) == 1) {
		recoveries += entry.bytes.data[0] == 2;
		if (entry.bytes.data[0] < CHAIN_RECORD_TYPE || entry.bytes.data[0] == 0x1f)
			continue;
		ck_assert_uint_lt(i, promise->tried);
		make_record(record, i);
		if (i < promise->appended && !promise->moved)
			ck_assert_uint_eq(entry.index, promise->index[i]);
		ck_assert(bytes_equal(entry.bytes, bytes_of_text(record)));
		i++;
	}
	ck_assert_msg(got == 0, "%s", chain_reader_error(reader));
	chain_reader_close(reader);
	ck_assert(i >= promise->appended || promise->index[i] >= promise->durable);
	return recoveries;
}

/* What a verifier may say of a crashed chain: torn; nothing there if it never began; good if it
 * had just been closed. */
static UNUSED unsigned check_torn(void)
{
	struct chain_report report = judge(NULL);

	if (report.verdict == CHAIN_UNVERIFIABLE && !promise->opened)
		return 0;
	if (!(report.verdict == CHAIN_OK && report.closed))
		assert_verdict(report, CHAIN_TORN);
	ck_assert_uint_ge(report.entries, promise->durable);
	ck_assert_uint_ge(report.sealed, promise->sealed);
	return access(file_path("0000000000000001.seg"), F_OK) == 0 ? check_records() : 0;
}

static UNUSED void check_crashed(void)
{
	unsigned recoveries = check_torn();
	struct chain_opened opened;
	struct chain_report report;
	struct chain *chain = open_chain(&opened);

	ck_assert_uint_ge(opened.sealed + opened.adopted, promise->durable);
	ck_assert_uint_ge(opened.sealed, promise->sealed);
	append(chain, "\x1f", CHAIN_NORMAL, 1);
	close_chain(chain, 2);
	report = judge(NULL);
	assert_verdict(report, report.recoveries ? CHAIN_TORN : CHAIN_OK);
	ck_assert_int_eq(report.exit_code, 0);
	ck_assert_uint_eq(report.recoveries, recoveries + (unsigned)opened.recovered);
	ck_assert_uint_eq(report.unsealed, 0);
	ck_assert_uint_eq(check_records(), report.recoveries);
	cells++;
}

static UNUSED void forget_chain(void)
{
	remove_tree(chain_path);
	remove_tree(keys_path);
	memset(promise, 0, sizeof(*promise));
}

#endif
