// SPDX-License-Identifier: Apache-2.0
/* Writing and reading: what goes in comes out, and when it is written, synced and sealed. */
#include "chain_image.h"

#include <dlfcn.h>
#include <pthread.h>

#include "chain/queue.h"
#include "chain/tree.h"

static struct chain_state state_of(struct chain *chain)
{
	struct chain_state state;

	chain_settle(chain);
	chain_get_state(chain, &state);
	return state;
}

static void tick(struct chain *chain, uint64_t now)
{
	ck_assert_int_eq(chain_tick(chain, now), 0);
}

/* --- what goes in comes out ------------------------------------------------------------------ */

static size_t record_len(unsigned i)
{
	static const size_t some[] = { 1, 2, 65519, 17, 65518, 300, 65519, 65519, 5, 32000 };

	return i % 40 < 10 ? some[i % 40] : i * 37 % 500 + 1;
}

static void make_record(uint8_t *ret, unsigned i)
{
	memset(ret, (int)(i % 251), record_len(i));
	ret[0] = (uint8_t)(0x10 + i % 0xf0);
}

static void write_records(struct chain *chain, unsigned from, unsigned to)
{
	static uint8_t record[CHAIN_RECORD_MAX];
	uint64_t index, last = 0;

	for (unsigned i = from; i < to; i++) {
		make_record(record, i);
		ck_assert_int_eq(
			chain_append(chain, bytes_of(record, record_len(i)), i % 3, i * MS, &index),
			0);
		ck_assert(index > last);
		last = index;
		tick(chain, i * MS);
		if (i % 50 == 0)
			chain_settle(chain); /* a new segment begins when the last is sealed */
	}
}

/* Read records from number `from` on; all must be there. Checks leaves against the sealed root. */
static unsigned read_records(struct chain_reader *reader, unsigned from, struct tree *tree)
{
	static uint8_t record[CHAIN_RECORD_MAX];
	uint8_t leaf[CHAIN_HASH];
	struct chain_entry entry;
	int got;

	while ((got = chain_reader_next(reader, &entry)) == 1) {
		chain_reader_leaf(reader, &entry, leaf);
		if (tree) {
			ck_assert_uint_eq(entry.index, tree->size);
			tree_push(tree, leaf);
		}
		if (entry.bytes.data[0] < CHAIN_RECORD_TYPE)
			continue;
		make_record(record, from);
		ck_assert(bytes_equal(entry.bytes, bytes_of(record, record_len(from))));
		from++;
	}
	ck_assert_msg(got == 0, "%s", chain_reader_error(reader));
	return from;
}

START_TEST(round_trip)
{
	struct chain_options options = test_options();
	struct chain_reader *reader;
	struct chain_opened opened;
	struct chain_report report;
	struct tree tree = { 0 };
	uint8_t root[CHAIN_HASH];
	struct chain *chain;

	options.segment_bytes = 300000;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	write_records(chain, 0, 500);
	close_chain(chain, 500 * MS);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_uint_eq(read_records(reader, 0, &tree), 500);
	tree_root(&tree, root);
	ck_assert_mem_eq(root, report.root, CHAIN_HASH);
	ck_assert_uint_eq(tree.size, report.entries);
	ck_assert_int_eq(access(file_path("0000000000000004.seg"), F_OK), 0);
	chain_reader_close(reader);
}
END_TEST

/* The place the reader names is where the bytes are. */
START_TEST(seek_and_place)
{
	struct chain_options options = test_options();
	struct chain_reader *reader;
	struct chain_opened opened;
	struct chain_report report;
	struct chain_entry entry;
	struct chain *chain;

	options.segment_bytes = 2000;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	for (unsigned i = 0; i < 100; i++)
		append(chain, path_of("\020record %u", i), CHAIN_CRITICAL, i * 100 * MS);
	close_chain(chain, 0);
	report = judge(NULL);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	for (uint64_t from = 0; from < report.entries + 2; from++) {
		ck_assert_int_eq(chain_reader_seek(reader, from), 0);
		ck_assert_int_eq(chain_reader_next(reader, &entry), from < report.entries);
		if (from < report.entries) {
			size_t len;
			uint8_t *data = slurp(
				path_of("%016llx.seg", (unsigned long long)entry.segment), &len);

			ck_assert_uint_eq(entry.index, from);
			ck_assert_uint_le(entry.offset + entry.bytes.len, len);
			ck_assert_mem_eq(data + entry.offset, entry.bytes.data, entry.bytes.len);
			free(data);
		}
	}
	chain_reader_close(reader);
}
END_TEST

START_TEST(follow)
{
	struct chain_options options = test_options();
	struct chain_reader *reader;
	struct chain_opened opened;
	struct tree tree = { 0 };
	struct chain *chain;
	unsigned seen = 0;

	options.segment_bytes = 100000;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	for (unsigned n = 0; n < 300; n += 10) {
		write_records(chain, n, n + 10);
		chain_settle(chain);
		tick(chain, (n + 30) * MS);
		seen = read_records(reader, seen, &tree);
	}
	ck_assert_uint_eq(seen, 300);
	close_chain(chain, 0);
	ck_assert_uint_eq(read_records(reader, seen, &tree), 300);
	chain_reader_close(reader);
}
END_TEST

START_TEST(reader_errors)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	struct chain *chain;
	struct part parts[8];
	struct image image;
	struct file *f;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), -ENOENT);
	mkdir(chain_path, 0700);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), -ENOENT);
	chain = open_chain(NULL);
	append(chain, "\020a", CHAIN_CRITICAL, 0);
	append(chain, "\020b", CHAIN_CRITICAL, 0);
	close_chain(chain, 0);
	close_chain(open_chain(NULL), 0);
	load_image(&image);

	/* In the middle, before a block: damage. */
	f = image_file(&image, SEG1);
	ck_assert_int_eq(find_blocks(f, parts, 8), 3);
	f->data[parts[1].at + 26] ^= 1;
	put_back(f);
	unlink(file_path(SEG2));
	unlink(file_path(SEG3));
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	ck_assert_int_eq(chain_reader_next(reader, &entry), -EBADMSG);
	ck_assert_ptr_nonnull(
		strstr(chain_reader_error(reader), SEG1 ", offset 180: bad block crc"));
	chain_reader_close(reader);
	f->data[parts[1].at + 26] ^= 1;

	/* At the end: a torn tail, so only the end; with a segment behind it: damage. */
	f->data[parts[2].at + 26] ^= 1;
	put_back(f);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 0);
	put_back(image_file(&image, SEG2));
	ck_assert_int_eq(chain_reader_next(reader, &entry), -EBADMSG);
	chain_reader_close(reader);
	drop_image(&image);
}
END_TEST

START_TEST(bad_records)
{
	static uint8_t record[CHAIN_RECORD_MAX + 1];
	struct chain *chain = open_chain(NULL);
	uint64_t index = 77;

	memset(record, 0x10, sizeof(record));
	ck_assert_int_eq(chain_append(chain, bytes_of(record, 0), 0, 0, &index), -EINVAL);
	ck_assert_int_eq(chain_append(chain, bytes_of(record, sizeof(record)), 0, 0, &index),
			 -EINVAL);
	for (record[0] = 0; record[0] < CHAIN_RECORD_TYPE; record[0]++)
		ck_assert_int_eq(chain_append(chain, bytes_of(record, 1), 0, 0, &index), -EINVAL);
	ck_assert_uint_eq(index, 77);
	ck_assert_str_eq(chain_stop_reason(chain), "");
	ck_assert_uint_eq(append(chain, "\020x", CHAIN_NORMAL, 0), 1);
	close_chain(chain, 0);
	ck_assert_int_eq(chain_close(NULL, 0, NULL), 0);
	chain_abandon(NULL);
}
END_TEST

/* --- when it is written ----------------------------------------------------------------------- */

START_TEST(written_within_10_ms)
{
	struct chain *chain = open_chain(NULL);
	uint64_t t = 100000 * MS;

	ck_assert_uint_eq(chain_due(chain), UINT64_MAX);
	append(chain, "\020a", CHAIN_IDLE, t);
	ck_assert_uint_eq(chain_due(chain), t + 6 * MS);
	tick(chain, t + 5 * MS);
	ck_assert_uint_eq(state_of(chain).written, 1);
	ck_assert_uint_eq(state_of(chain).next, 2);
	tick(chain, t + 6 * MS);
	ck_assert_uint_eq(state_of(chain).written, 2);
	/* A late append writes as well. */
	append(chain, "\020a", CHAIN_IDLE, t + 20 * MS);
	append(chain, "\020a", CHAIN_IDLE, t + 31 * MS);
	ck_assert_uint_eq(state_of(chain).written, 4);
	close_chain(chain, t);
}
END_TEST

START_TEST(written_when_full)
{
	static uint8_t record[30000];
	struct chain *chain = open_chain(NULL);
	uint64_t index;

	for (int i = 0; i < 255; i++)
		append(chain, "\020a", CHAIN_IDLE, 0);
	ck_assert_uint_eq(state_of(chain).written, 1);
	append(chain, "\020a", CHAIN_IDLE, 0);
	ck_assert_uint_eq(state_of(chain).written, 257);
	memset(record, 0x10, sizeof(record));
	chain_append(chain, bytes_of(record, sizeof(record)), CHAIN_IDLE, 0, &index);
	chain_append(chain, bytes_of(record, sizeof(record)), CHAIN_IDLE, 0, &index);
	ck_assert_uint_eq(state_of(chain).written, 257);
	chain_append(chain, bytes_of(record, sizeof(record)), CHAIN_IDLE, 0, &index);
	ck_assert_uint_eq(state_of(chain).written, 259);
	close_chain(chain, 0);
}
END_TEST

START_TEST(critical_at_once)
{
	struct chain *chain = open_chain(NULL);
	uint64_t t = 100000 * MS;

	append(chain, "\020before", CHAIN_IDLE, t);
	append(chain, "\020now", CHAIN_CRITICAL, t);
	ck_assert_uint_eq(state_of(chain).sealed, 3);
	ck_assert_uint_eq(state_of(chain).seal, 2);
	/* The next one waits for the pause: written at once, sealed 50 ms after. */
	append(chain, "\020again", CHAIN_CRITICAL, t + 1 * MS);
	ck_assert_uint_eq(state_of(chain).written, 4);
	ck_assert_uint_eq(state_of(chain).sealed, 3);
	ck_assert_uint_eq(chain_due(chain), t + 50 * MS);
	tick(chain, t + 49 * MS);
	ck_assert_uint_eq(state_of(chain).seal, 2);
	tick(chain, t + 50 * MS);
	ck_assert_uint_eq(state_of(chain).sealed, 4);
	ck_assert_uint_eq(state_of(chain).seal, 3);
	close_chain(chain, t);
	ck_assert_uint_eq(judge(NULL).entries, 5);
}
END_TEST

START_TEST(normal_and_idle_seals)
{
	struct chain *chain = open_chain(NULL);
	uint64_t t = 100000 * MS;

	append(chain, "\020heartbeat", CHAIN_IDLE, t);
	tick(chain, t + 10 * MS);
	tick(chain, t + 909 * MS);
	ck_assert_uint_eq(state_of(chain).durable, 1);
	ck_assert_uint_eq(chain_due(chain), t + 910 * MS);
	tick(chain, t + 910 * MS);
	ck_assert_uint_eq(state_of(chain).durable, 2);
	ck_assert_uint_eq(state_of(chain).sealed, 1);
	ck_assert_uint_eq(chain_due(chain), t + 10000 * MS);
	tick(chain, t + 9999 * MS);
	ck_assert_uint_eq(state_of(chain).seal, 1);
	tick(chain, t + 10000 * MS);
	ck_assert_uint_eq(state_of(chain).sealed, 2);

	t += 20000 * MS;
	append(chain, "\020heartbeat", CHAIN_IDLE, t);
	append(chain, "\020record", CHAIN_NORMAL, t + 5 * MS);
	tick(chain, t + 904 * MS);
	ck_assert_uint_eq(state_of(chain).seal, 2);
	tick(chain, t + 905 * MS);
	ck_assert_uint_eq(state_of(chain).sealed, 4);
	/* Nothing new: nothing to do. */
	tick(chain, t + 60000 * MS);
	ck_assert_uint_eq(state_of(chain).seal, 3);
	close_chain(chain, t);
}
END_TEST

static uint64_t noted_size(void)
{
	unsigned long long size = 0;
	size_t len;
	uint8_t *note = slurp("checkpoint", &len);

	ck_assert_int_eq(sscanf((char *)note, "%*[^\n]\n%llu\n", &size), 1);
	free(note);
	return size;
}

START_TEST(checkpoint_every_10_s)
{
	struct chain *chain = open_chain(NULL);
	uint64_t t = 100000 * MS;

	ck_assert_uint_eq(noted_size(), 1);
	append(chain, "\020a", CHAIN_CRITICAL, t);
	chain_settle(chain);
	ck_assert_uint_eq(noted_size(), 2);
	append(chain, "\020b", CHAIN_CRITICAL, t + 5000 * MS);
	chain_settle(chain);
	ck_assert_uint_eq(noted_size(), 2);
	ck_assert_uint_eq(chain_due(chain), t + 10000 * MS);
	tick(chain, t + 10000 * MS);
	chain_settle(chain);
	ck_assert_uint_eq(noted_size(), 3);
	ck_assert_uint_eq(chain_due(chain), UINT64_MAX);
	append(chain, "\020c", CHAIN_CRITICAL, t + 30000 * MS);
	chain_settle(chain);
	ck_assert_uint_eq(noted_size(), 4);
	append(chain, "\020d", CHAIN_CRITICAL, t + 31000 * MS);
	close_chain(chain, t + 31000 * MS);
	ck_assert_uint_eq(noted_size(), judge(NULL).sealed);
}
END_TEST

/* Closing with nothing left to seal seals the SCHEMA of one more segment. */
START_TEST(close_with_nothing_new)
{
	struct chain *chain = open_chain(NULL);
	struct chain_report report;

	append(chain, "\020STOP", CHAIN_CRITICAL, 100 * MS);
	chain_settle(chain);
	close_chain(chain, 100 * MS);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.entries, 3);
	ck_assert(report.closed);
}
END_TEST

START_TEST(segments_of_any_size)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain_report report;
	struct chain *chain;

	for (uint64_t size = 1; size < 2000; size = size * 3 + 1) {
		options.segment_bytes = size;
		ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
		for (int i = 0; i < 40; i++)
			append(chain, "\020some record", i % 3, (uint64_t)i * 5 * MS);
		close_chain(chain, 1000 * MS);
		report = judge(NULL);
		assert_verdict(report, CHAIN_OK);
	}
}
END_TEST

/* --- a verifier and a reader beside a writer ---------------------------------------------------
 */

static void *watch(void *arg)
{
	bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		struct chain_report report = judge(NULL);

		assert_verdict(report, CHAIN_OK);
		ck_assert(report.live);
	}
	return NULL;
}

START_TEST(verified_while_written)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;
	pthread_t thread;
	bool stop = false;

	options.segment_bytes = 5000;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	pthread_create(&thread, NULL, watch, &stop);
	for (unsigned i = 0; i < 4000; i++) {
		append(chain, "\020some record of some length", i % 3, i * 20 * MS);
		tick(chain, i * 20 * MS + 10 * MS);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	close_chain(chain, 0);
	assert_verdict(judge(NULL), CHAIN_OK);
}
END_TEST

/* A writer that gets far ahead between the verifier's look at the seals and its look at the
 * directory: what was added is not judged. */
static struct chain *ahead;

DIR *fdopendir(int fd)
{
	DIR *(*real)(int) = (DIR * (*)(int)) dlsym(RTLD_NEXT, "fdopendir");

	for (uint64_t i = 0; ahead && i < 20; i++) {
		append(ahead, "\020ahead", CHAIN_CRITICAL, (i + 1) * 100 * MS);
		chain_settle(ahead);
	}
	ahead = NULL;
	return real(fd);
}

START_TEST(writer_gets_ahead)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain_report report;
	struct chain *chain;

	options.segment_bytes = 300;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	append(chain, "\020first", CHAIN_NORMAL, 0);
	ahead = chain;
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_eq(report.seals, 1);
	ck_assert_uint_lt(report.entries, 20);
	report = judge(NULL);
	assert_verdict(report, CHAIN_OK);
	ck_assert_uint_gt(report.seals, 5);
	close_chain(chain, 3000 * MS);
}
END_TEST

static int count_entries(void *ctx, const struct chain_entry *entry)
{
	uint64_t *count = ctx;

	ck_assert_uint_eq(entry->index, *count);
	return ++*count == 3 ? -ETIME : 0;
}

START_TEST(verify_callback)
{
	struct chain *chain = open_chain(NULL);
	uint64_t count = 0;
	struct chain_verify_options options = {
		.dir = chain_path, .watch = { .ctx = &count, .entry = count_entries }
	};
	struct chain_report report;

	append(chain, "\020a", CHAIN_NORMAL, 0);
	close_chain(chain, 0);
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	ck_assert_uint_eq(count, 2);
	close_chain(open_chain(NULL), 0);
	count = 0;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -ETIME);
}
END_TEST

/* --- the queue -------------------------------------------------------------------------------- */

START_TEST(queue_is_bounded)
{
	static uint8_t record[60000];
	struct queue queue, other;
	struct bytes block;
	unsigned entries;
	uint64_t n = 0, moved = 0;

	memset(record, 0x10, sizeof(record));
	queue_init(&queue, 5);
	while (queue_add(&queue, bytes_of(record, sizeof(record))) == 0) {
		queue_end_block(&queue);
		n++;
	}
	ck_assert_int_eq(queue_add(&queue, bytes_of(record, 1)), -ENOBUFS);
	ck_assert_uint_ge(n * sizeof(record), 12 << 20);
	ck_assert_uint_le(n * sizeof(record), 16 << 20);
	ck_assert_uint_eq(queue.next, 5 + n);
	while (queue_unwritten(&queue, &block, &entries)) {
		ck_assert_uint_eq(entries, 1);
		queue_written(&queue, block.len);
		moved++;
	}
	ck_assert_uint_eq(moved, n);
	/* Half of it is durable: room again, and the rest can move behind a new beginning. */
	queue_release(&queue, 5 + n / 2);
	record[0] = 1; /* the chain's own entries stay behind */
	ck_assert_int_eq(queue_add(&queue, bytes_of(record, 10)), 0);
	queue_init(&other, 5 + n / 2);
	ck_assert_int_eq(queue_move(&queue, 5 + n / 2, &other), 0);
	ck_assert_uint_eq(other.next, 5 + n);
	queue_release(&queue, UINT64_MAX);
	ck_assert_int_eq(queue_add(&queue, bytes_of(record, 10)), 0);
	queue_free(&queue);
	queue_free(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_write");
	TCase *tcase = tcase_create("write");

	tcase_add_checked_fixture(tcase, use_test_dir, drop_test_dir);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, round_trip);
	tcase_add_test(tcase, seek_and_place);
	tcase_add_test(tcase, follow);
	tcase_add_test(tcase, reader_errors);
	tcase_add_test(tcase, bad_records);
	tcase_add_test(tcase, written_within_10_ms);
	tcase_add_test(tcase, written_when_full);
	tcase_add_test(tcase, critical_at_once);
	tcase_add_test(tcase, normal_and_idle_seals);
	tcase_add_test(tcase, checkpoint_every_10_s);
	tcase_add_test(tcase, close_with_nothing_new);
	tcase_add_test(tcase, segments_of_any_size);
	tcase_add_test(tcase, verified_while_written);
	tcase_add_test(tcase, writer_gets_ahead);
	tcase_add_test(tcase, verify_callback);
	tcase_add_test(tcase, queue_is_bounded);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
