// SPDX-License-Identifier: Apache-2.0
/*
 * A whole chain directory. The first byte says what is done with it: 1 checksums are made right,
 * 2 a checkpoint is held, 4 the key is pinned, 8 it is taken up for writing. Then come changes to
 * the base chain: file (u8), what (u8), offset (u16), length (u8), bytes.
 *
 * However it is changed: it is never called good (OK, LOSS, TORN) unless everything that its seals
 * cover is what was written, and never OK unless it is whole. What is bad stays so when a writer
 * has taken it up.
 */
#include "chain_base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORK (1 << 16)

enum { FIX_CRCS = 1, HELD = 2, PINNED = 4, TAKE_UP = 8 };

static const char *const places[] = {
	"identity.pub",
	"seals",
	"checkpoint",
	"0000000000000001.seg",
	"0000000000000002.seg",
	"0000000000000003.seg",
	"0000000000000004.seg",
	"0000000000000005.seg",
	"0000000000000001.segz",
	"0000000000000004.segz",
	"stray",
};

#define PLACES (sizeof(places) / sizeof(places[0]))

static uint8_t work[PLACES][WORK];
static size_t work_len[PLACES];
static bool there[PLACES];

static void begin_with_base(void)
{
	for (size_t i = 0; i < PLACES; i++) {
		there[i] = i < BASE_FILES;
		work_len[i] = there[i] ? chain_base.file[i].len : 0;
		if (there[i])
			memcpy(work[i], chain_base.file[i].data, work_len[i]);
	}
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void change(size_t i, unsigned what, size_t at, const uint8_t *data, size_t len)
{
	size_t n = work_len[i], rest;

	at = smaller(at, n);
	rest = n - at;
	switch (what % 7) {
	case 0: /* overwrite */
		memcpy(work[i] + at, data, smaller(len, rest));
		break;
	case 1: /* flip */
		for (size_t j = 0; j < smaller(len, rest); j++)
			work[i][at + j] ^= data[j];
		break;
	case 2: /* cut */
		work_len[i] = at;
		break;
	case 3: /* put in */
		if (n + len > WORK)
			break;
		memmove(work[i] + at + len, work[i] + at, rest);
		memcpy(work[i] + at, data, len);
		work_len[i] += len;
		there[i] = true;
		break;
	case 4: /* cut out */
		len = smaller(len, rest);
		memmove(work[i] + at, work[i] + at + len, rest - len);
		work_len[i] -= len;
		break;
	case 5:
		there[i] = !there[i];
		break;
	default: /* in the place of another */
		if (len < 1)
			break;
		work_len[i] = work_len[data[0] % PLACES];
		memcpy(work[i], work[data[0] % PLACES], work_len[i]);
		there[i] = there[data[0] % PLACES];
	}
}

/* Returns whether the checkpoint or the keys' owner's word, identity.pub, was touched. */
static bool make_changes(const uint8_t *data, size_t size)
{
	bool touched = false;

	while (size >= 5) {
		size_t i = data[0] % PLACES, len = smaller(data[4], size - 5);

		touched |= i == 2;
		change(i, data[1], get_u16(data + 2), data + 5, len);
		data += 5 + len;
		size -= 5 + len;
	}
	return touched;
}

static void write_changed(bool fix)
{
	base_restore();
	for (size_t i = 0; i < PLACES; i++) {
		if (fix && i == 1)
			base_fix_seals(work[i], work_len[i]);
		if (fix && strstr(places[i], ".seg") && !strstr(places[i], ".segz"))
			base_fix_segment(work[i], work_len[i]);
		if (there[i])
			base_write(places[i], work[i], work_len[i]);
		else
			base_remove(places[i]);
	}
}

static bool is_whole(void)
{
	for (size_t i = 0; i < BASE_FILES; i++)
		if (!there[i] || work_len[i] != chain_base.file[i].len ||
		    memcmp(work[i], chain_base.file[i].data, work_len[i]) != 0)
			return false;
	return !there[7] && !there[8] && !there[9];
}

static int compare(void *ctx, const struct chain_entry *entry)
{
	uint64_t *differs = ctx;

	if (entry->index < *differs && (entry->index >= chain_base.report.entries ||
					!bytes_equal(entry->bytes, chain_base.entry[entry->index])))
		*differs = entry->index;
	return 0;
}

static enum chain_verdict judge_changed(unsigned how, struct chain_report *report)
{
	struct chain_held held = { .size = chain_base.report.sealed };
	uint64_t differs = UINT64_MAX;
	struct chain_verify_options options = { .dir = chain_base.dir,
						.held = &held,
						.held_count = how & HELD ? 1 : 0,
						.vkey = how & PINNED ? chain_base.report.vkey
								     : NULL,
						.watch = { .ctx = &differs, .entry = compare } };
	struct chain_report other;

	memcpy(held.root, chain_base.report.root, CHAIN_HASH);
	CHECK(chain_verify(&options, report, &chain_base.err) == 0);
	options.watch.entry = NULL;
	options.threads = 3;
	CHECK(chain_verify(&options, &other, &chain_base.err) == 0);
	CHECK(memcmp(report, &other, sizeof(other)) == 0);
	chain_judge(report);
	if (report->exit_code == 0) {
		CHECK(differs >= report->sealed || report->pruned);
		CHECK(report->sealed <= chain_base.report.sealed);
		CHECK(report->sealed == 0 || memcmp(work[1], chain_base.file[1].data,
						    160 * (1 + (size_t)report->seals)) == 0);
		CHECK(!(how & HELD) || report->sealed == chain_base.report.sealed);
		CHECK(report->unsealed == report->entries - report->sealed);
		CHECK(report->sealed == 0 || strcmp(report->origin, chain_base.report.origin) == 0);
	}
	return report->verdict;
}

static void read_all(void)
{
	struct chain_reader *reader;
	struct chain_entry entry;

	if (chain_reader_open(&reader, chain_base.dir, &chain_base.err))
		return;
	while (chain_reader_next(reader, &entry) == 1)
		CHECK(entry.bytes.len >= 1 && entry.bytes.len <= CHAIN_RECORD_MAX);
	chain_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chain_report report, after;
	enum chain_verdict found;
	struct chain *chain;
	bool touched;

	base_make();
	if (size < 1)
		return 0;
	begin_with_base();
	touched = make_changes(data + 1, size - 1);
	write_changed(data[0] & FIX_CRCS);
	found = judge_changed(data[0], &report);
	/* The base recovered from a crash, so it is TORN: OK is never right, and it is TORN as it
	 * was only if nothing is missing. */
	CHECK(found != CHAIN_OK);
	if (is_whole())
		CHECK(found == CHAIN_TORN && report.sealed == chain_base.report.sealed);
	read_all();
	if (!(data[0] & TAKE_UP))
		return 0;
	chain = base_take_up();
	if (!chain) {
		CHECK(chain_base.err.text[0]);
		return 0;
	}
	/* The writer makes a checkpoint of its own in the place of another. */
	CHECK(chain_close(chain, 1, &chain_base.err) == 0);
	CHECK(chain_verify(&(struct chain_verify_options){ .dir = chain_base.dir }, &after,
			   &chain_base.err) == 0);
	chain_judge(&after);
	if (found == CHAIN_TAMPER && !touched)
		CHECK(after.exit_code != 0);
	if (found <= CHAIN_TORN)
		CHECK(after.verdict <= CHAIN_TORN);
	return 0;
}
