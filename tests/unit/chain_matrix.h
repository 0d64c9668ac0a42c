/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_MATRIX_H
#define TESTS_CHAIN_MATRIX_H
/*
 * The mutation matrix: a change to one of four chains, judged with and without a held checkpoint.
 * Each cell has the verdict that it must get. A good verdict is believed only if the entries it
 * vouches for are those that were written, and if it says how much nobody vouches for.
 */
#include "chain_disk.h"

#include "chain_image.h"

#include "chain/files.h"

/* Sanitizers are slow: every seventh cell there, and never the same bit of all bytes. */
#ifdef __SANITIZE_ADDRESS__
#define MATRIX_STRIDE 7
#else
#define MATRIX_STRIDE 1
#endif

enum base_kind {
	BASE_CLOSED,	/* two runs, the second closed */
	BASE_CRASHED,	/* the second left entries without a seal and half a block */
	BASE_RECOVERED, /* and a third took it over and closed */
	BASE_FAULTY,	/* a write failed in the second, which went on and closed */
	BASES
};

#define BASE_SEALS_MAX	 16
#define BASE_ENTRIES_MAX 40

static struct base {
	enum base_kind kind;
	struct image image;
	struct chain_report report;
	uint8_t seal_key[1024], earlier_key[1024]; /* at the end; after the first run */
	uint64_t size[BASE_SEALS_MAX];		   /* of each seal */
	uint64_t noted;				   /* size of the checkpoint */
	struct bytes entry[BASE_ENTRIES_MAX];
	char last[SEGMENT_NAME_MAX]; /* the last segment, */
	size_t sealed_end;	     /* where what is sealed of it ends, */
	size_t valid_end;	     /* and its blocks */
	size_t dead_at;		     /* of the segment before: where what does not count begins */
	char dead[SEGMENT_NAME_MAX]; /* its name */
	bool foreign; /* what is judged was written with the base's keys, but is another history */
} base;

/* What a cell must come to, without and with a checkpoint of the base's last seal. */
struct want {
	enum chain_verdict plain, held;
};

static UNUSED const struct want WANT_TAMPER = { CHAIN_TAMPER, CHAIN_TAMPER };
static UNUSED const struct want WANT_TORN = { CHAIN_TORN, CHAIN_TORN };
static UNUSED const struct want WANT_UNVERIFIABLE = { CHAIN_UNVERIFIABLE, CHAIN_UNVERIFIABLE };
static UNUSED const struct want WANT_ROLLBACK = { CHAIN_ROLLBACK, CHAIN_ROLLBACK };
static UNUSED const struct want WANT_CUT = { CHAIN_TORN, CHAIN_ROLLBACK };
static UNUSED const struct want WANT_CUT_AT_CLOSE = { CHAIN_OK, CHAIN_ROLLBACK };

static int cells, false_ok, false_tamper, wrong;

/* --- the chains ------------------------------------------------------------------------------ */

static void first_run(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;

	options.segment_bytes = 240;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	append(chain, "\020a", CHAIN_NORMAL, 0);
	append(chain, "\020bb", CHAIN_NORMAL, 0);
	chain_tick(chain, 10 * MS);
	append(chain, "\021ccc", CHAIN_NORMAL, 20 * MS);
	chain_tick(chain, 30 * MS);
	append(chain, "\022dddd", CHAIN_NORMAL, 40 * MS);
	close_chain(chain, 50 * MS);
}

static void append_sealed(struct chain *chain, const char *record, uint64_t now)
{
	append(chain, record, CHAIN_CRITICAL, now);
	chain_settle(chain);
	ck_assert_int_eq(chain_tick(chain, now), 0);
}

static void closed_run(const char *record)
{
	struct chain *chain = open_chain(NULL);

	append_sealed(chain, record, 100 * MS);
	append(chain, "\020last", CHAIN_NORMAL, 200 * MS);
	close_chain(chain, 200 * MS);
}

/* Two sealed records, two blocks that are not, and the beginning of another. */
static void crashed_run(const char *record)
{
	static const uint8_t torn[] = "INDB\1\2\3\4\5\6\7";
	struct chain *chain = open_chain(NULL);
	int fd;

	append_sealed(chain, record, 100 * MS);
	append_sealed(chain, "\020two", 200 * MS);
	append(chain, "\020unsealed", CHAIN_NORMAL, 300 * MS);
	append(chain, "\021as well", CHAIN_NORMAL, 300 * MS);
	ck_assert_int_eq(chain_tick(chain, 310 * MS), 0);
	append(chain, "\022and this", CHAIN_NORMAL, 320 * MS);
	ck_assert_int_eq(chain_tick(chain, 330 * MS), 0);
	chain_settle(chain);
	chain_abandon(chain);
	fd = open(file_path(SEG3), O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, torn, sizeof(torn)), sizeof(torn));
	close(fd);
}

static void faulty_run(const char *record)
{
	struct chain *chain = open_chain(NULL);

	append_sealed(chain, record, 100 * MS);
	append(chain, "\020in vain", CHAIN_NORMAL, 200 * MS);
	memset(&disk, 0, sizeof(disk));
	disk.mode = DISK_FAIL_ONE;
	disk.which = CALL_DATASYNC;
	disk.error = EIO;
	disk.at = 1;
	ck_assert_int_eq(chain_tick(chain, 210 * MS), 0); /* is written, but cannot be synced */
	chain_tick(chain, 1300 * MS);
	chain_settle(chain);
	disk.mode = DISK_GOOD;
	append(chain, "\020again", CHAIN_NORMAL, 1400 * MS);
	close_chain(chain, 1500 * MS);
}

static void later_runs(enum base_kind kind, const char *record)
{
	switch (kind) {
	case BASE_CLOSED:
		closed_run(record);
		break;
	case BASE_CRASHED:
		crashed_run(record);
		break;
	case BASE_RECOVERED:
		crashed_run(record);
		closed_run("\020three");
		break;
	default:
		faulty_run(record);
	}
}

static int keep_entry(void *ctx, const struct chain_entry *entry)
{
	uint8_t *copy = malloc(entry->bytes.len);

	(void)ctx;
	ck_assert_uint_lt(entry->index, BASE_ENTRIES_MAX);
	memcpy(copy, entry->bytes.data, entry->bytes.len);
	base.entry[entry->index] = bytes_of(copy, entry->bytes.len);
	return 0;
}

/* Where blocks end: at the end, or before the first that is none. */
static size_t blocks_end(const struct file *f, uint64_t sealed, size_t *ret_sealed_end)
{
	size_t at = header_len(f);

	while (at + 24 <= f->len && memcmp(f->data + at, "INDB", 4) == 0) {
		size_t len = 24 + get_u32(f->data + at + 16);

		if (len > f->len - at)
			break;
		if (get_u64(f->data + at + 8) < sealed)
			*ret_sealed_end = at + len;
		at += len;
	}
	return at;
}

static void take_key(uint8_t key[1024])
{
	size_t len;
	uint8_t *data = slurp("../D.keys/seal.key", &len);

	ck_assert_uint_eq(len, 1024);
	memcpy(key, data, len);
	free(data);
}

static uint64_t note_size(const struct file *note)
{
	return strtoull(strchr((const char *)note->data, '\n') + 1, NULL, 10);
}

static void find_ends(void)
{
	struct file *f;
	unsigned long long number = 0;

	for (int i = 0; i < base.image.files; i++)
		if (strstr(base.image.file[i].name, ".seg"))
			number++;
	sprintf(base.last, "%016llx.seg", number);
	f = image_file(&base.image, base.last);
	base.valid_end = blocks_end(f, base.report.sealed, &base.sealed_end);
	sprintf(base.dead, "%016llx.seg", number - 1);
	base.dead_at = (size_t)get_u64(f->data + 40);
}

static UNUSED void make_base(int kind)
{
	struct chain_verify_options options = { .watch = { .entry = keep_entry } };
	struct file *seals;

	use_test_dir();
	cells = false_ok = false_tamper = wrong = 0;
	base.kind = (enum base_kind)kind;
	first_run();
	take_key(base.earlier_key);
	later_runs(base.kind, "\020one");
	take_key(base.seal_key);
	base.report = judge(&options);
	assert_verdict(base.report, kind == BASE_CLOSED ? CHAIN_OK : CHAIN_TORN);
	ck_assert_int_eq(base.report.closed, kind != BASE_CRASHED);
	ck_assert_uint_eq(base.report.recoveries, kind == BASE_RECOVERED || kind == BASE_FAULTY);
	ck_assert_uint_eq(base.report.unsealed, kind == BASE_CRASHED ? 3 : 0);
	load_image(&base.image);
	seals = image_file(&base.image, "seals");
	for (uint64_t k = 1; k <= base.report.seals; k++)
		base.size[k] = get_u64(seals->data + 160 * k + 16);
	base.noted = note_size(image_file(&base.image, "checkpoint"));
	find_ends();
	ck_assert_int_eq(base.dead_at < image_file(&base.image, base.dead)->len,
			 kind == BASE_RECOVERED || kind == BASE_FAULTY);
}

static UNUSED void drop_base(void)
{
	for (size_t i = 0; i < BASE_ENTRIES_MAX; i++)
		free((void *)base.entry[i].data);
	drop_image(&base.image);
	drop_test_dir();
}

/* Everything as it was. */
static UNUSED void restore_base(void)
{
	put_image(&base.image);
	spew("../D.keys/seal.key", base.seal_key, 1024);
}

/* --- cells ----------------------------------------------------------------------------------- */

struct differs {
	uint64_t index; /* of the first entry that is not the one written */
};

/* What `show` would print. */
static uint64_t count_readable(void)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	uint64_t n = 0;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1)
		n++;
	chain_reader_close(reader);
	return n;
}

static int compare_entry(void *ctx, const struct chain_entry *entry)
{
	struct differs *d = ctx;

	if (entry->index < d->index && (entry->index >= base.report.entries ||
					!bytes_equal(entry->bytes, base.entry[entry->index])))
		d->index = entry->index;
	return 0;
}

/* A good verdict is false if it vouches for what was not written, or hides how much is missing. */
static bool is_honest(const struct chain_report *r, const struct chain_held *held, uint64_t differs)
{
	uint64_t witnessed = held ? held->size : 0;

	if ((differs < r->sealed && !base.foreign) || r->sealed < witnessed)
		return false;
	if (r->unwitnessed != r->entries - witnessed || r->unsealed != r->entries - r->sealed)
		return false;
	if (count_readable() != r->entries)
		return false;
	return r->verdict != CHAIN_OK || (r->closed && !r->unsealed && !r->torn_bytes);
}

static UNUSED void judge_cell_by(const char *what, const char *file, size_t at,
				 struct chain_verify_options options, enum chain_verdict want)
{
	struct differs d = { UINT64_MAX };
	const struct chain_held *held = options.held;
	struct chain_report report;
	bool good, honest;

	if (cells % 16 == 0)
		judge(&options); /* by one thread and by four */
	options.watch.entry = compare_entry;
	options.watch.ctx = &d;
	report = judge(&options);
	good = report.exit_code == 0;
	honest = !good || is_honest(&report, held, d.index);
	cells++;
	if (report.verdict == want && honest)
		return;
	false_ok += good && (want >= CHAIN_UNVERIFIABLE || !honest);
	false_tamper += !good && want < CHAIN_UNVERIFIABLE;
	if (wrong++ < 20)
		printf("base %d, %s %s at %zu, %s checkpoint: %s%s, not %s: %s %s %llu\n",
		       base.kind, what, file, at, held ? "held" : "no",
		       chain_verdict_name(report.verdict), honest ? "" : " (dishonest)",
		       chain_verdict_name(want), report.why, report.file,
		       (unsigned long long)report.offset);
}

/* Judge what is there, without and with a checkpoint of the base's end. */
static UNUSED void cell(const char *what, const char *file, size_t at, struct want want)
{
	struct chain_held held = { .size = base.report.sealed };

	memcpy(held.root, base.report.root, CHAIN_HASH);
	judge_cell_by(what, file, at, (struct chain_verify_options){ 0 }, want.plain);
	judge_cell_by(what, file, at,
		      (struct chain_verify_options){ .held = &held, .held_count = 1 }, want.held);
}

/* The last thing a test does: tests/run adds these lines up. */
static UNUSED void end_matrix(void)
{
	printf("matrix: %d cells, %d false OK, %d false TAMPER\n", cells, false_ok, false_tamper);
	fflush(stdout); /* a failed test goes without */
	ck_assert_int_gt(cells, 0);
	ck_assert_msg(wrong == 0, "%d of %d cells are not what they must be", wrong, cells);
}

/* --- what must come of it -------------------------------------------------------------------- */

static UNUSED bool is_segment(const char *name)
{
	return strstr(name, ".seg") != NULL;
}

/* The seals after number n are gone: the segments or the checkpoint know of them, or nobody. */
static UNUSED struct want want_seals_cut(uint64_t n)
{
	uint64_t named = 0;

	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];

		if (is_segment(f->name) && get_u64(f->data + 32) > named)
			named = get_u64(f->data + 32);
	}
	if (named > n + 1)
		return WANT_TAMPER;
	return base.noted > base.size[n] ? WANT_ROLLBACK : WANT_CUT;
}

/* Where the blocks that count end. */
static UNUSED size_t counted_end(const struct file *f)
{
	if (strcmp(f->name, base.last) == 0)
		return base.valid_end;
	return strcmp(f->name, base.dead) == 0 ? base.dead_at : f->len;
}

static UNUSED struct file *successor(const struct file *f)
{
	char name[SEGMENT_NAME_MAX];

	if (strcmp(f->name, base.last) == 0)
		return NULL;
	sprintf(name, "%016llx.seg", strtoull(f->name, NULL, 16) + 1);
	return image_file(&base.image, name);
}

/* Bytes from here on do not count: a crash or a fault left them. */
static UNUSED bool is_unsealed(const char *name, size_t at)
{
	return strcmp(name, base.last) == 0 && at >= base.sealed_end;
}

static UNUSED bool is_dead(const char *name, size_t at)
{
	return strcmp(name, base.dead) == 0 && at >= base.dead_at;
}

/* A change in bytes that no seal covers; those of an unclean end are covered by their RECOVERY. */
static UNUSED struct want want_beyond(const char *name, size_t at)
{
	if (is_unsealed(name, at) && base.kind == BASE_CRASHED)
		return WANT_TORN;
	if (is_dead(name, at) && base.kind == BASE_FAULTY)
		return WANT_TORN;
	return WANT_TAMPER;
}

#endif
