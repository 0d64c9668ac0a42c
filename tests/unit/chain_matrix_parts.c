// SPDX-License-Identifier: Apache-2.0
/*
 * The matrix, parts: every record, block, seal and file deleted, inserted, repeated, swapped, and
 * histories spliced. Lengths, numbers and checksums are made right, unless leaving them is the
 * point.
 */
#include "chain_matrix.h"

#define ITEMS_MAX 32

/* An entry of a segment, or a whole block, in the order in which it is to be written. */
struct item {
	const uint8_t *data; /* at the entry's length */
	size_t len;
	int block;
};

static int find_entries(const struct file *f, struct item *ret)
{
	size_t at = header_len(f), end = counted_end(f);
	int n = 0;

	for (int block = 0; at < end; block++) {
		unsigned count = get_u16(f->data + at + 20);

		at += 24;
		while (count--) {
			size_t len = 2 + ((size_t)f->data[at] << 8 | f->data[at + 1]);

			ck_assert_int_lt(n, ITEMS_MAX);
			ret[n++] = (struct item){ f->data + at, len, block };
			at += len;
		}
	}
	ck_assert_uint_eq(at, end);
	return n;
}

static int find_whole_blocks(const struct file *f, struct item *ret)
{
	size_t at = header_len(f), end = counted_end(f);
	int n = 0;

	for (; at < end; n++) {
		ck_assert_int_lt(n, ITEMS_MAX);
		ret[n] = (struct item){ f->data + at, 24 + get_u32(f->data + at + 16), n };
		at += ret[n].len;
	}
	return n;
}

/* Header, these entries in blocks, and what followed the blocks that count. Returns the length. */
static size_t build(const struct file *f, const struct item *item, int n, uint8_t *ret)
{
	size_t header = header_len(f), end = counted_end(f);
	uint64_t first = get_u64(f->data + 24);
	uint8_t *p = put_bytes(ret, f->data, header);

	for (int i = 0; i < n;) {
		uint8_t *block = p;
		int begin = i;

		p = put_zeros(put_bytes(p, "INDB", 4), 20);
		do
			p = put_bytes(p, item[i].data, item[i].len);
		while (++i < n && item[i].block == item[begin].block);
		put_u64(block + 8, first);
		put_u32(block + 16, (uint32_t)(p - block - 24));
		put_u16(block + 20, (uint16_t)(i - begin));
		fix_block_crc(block);
		first += (uint64_t)(i - begin);
	}
	p = put_bytes(p, f->data + end, f->len - end);
	return (size_t)(p - ret);
}

/* The segment as built; once more with the next one's word for its length made right. */
static void judge_built(const char *what, const struct file *f, const struct item *item, int n,
			size_t at, struct want want)
{
	uint8_t data[8192], next[8192];
	size_t len = build(f, item, n, data);
	const struct file *after = successor(f);

	spew(f->name, data, len);
	cell(what, f->name, at, want);
	if (!after)
		return;
	memcpy(next, after->data, after->len);
	put_u64(next + 40, get_u64(next + 40) + len - f->len);
	fix_segment_crc(next, header_len(after));
	spew(after->name, next, after->len);
	cell(what, f->name, at, WANT_TAMPER);
	put_back(after);
}

/* A change that begins at the entry with this index. */
static struct want want_entry(const struct file *f, uint64_t index)
{
	if (base.kind == BASE_CRASHED && strcmp(f->name, base.last) == 0 &&
	    index >= base.report.sealed)
		return WANT_TORN;
	return WANT_TAMPER;
}

/* --- records --------------------------------------------------------------------------------- */

static void move_entries(const struct file *f)
{
	static const uint8_t forged[] = { 0, 7, 0x10, 'f', 'o', 'r', 'g', 'e', 'd' };
	uint64_t first = get_u64(f->data + 24);
	struct item had[ITEMS_MAX], now[2 * ITEMS_MAX];
	int n = find_entries(f, had);

	for (int a = 0; a < n; a++) {
		uint64_t index = first + (uint64_t)a;

		memcpy(now, had, (size_t)a * sizeof(*now));
		memcpy(now + a, had + a + 1, (size_t)(n - a - 1) * sizeof(*now));
		judge_built("record deleted", f, now, n - 1, (size_t)a, want_entry(f, index));

		memcpy(now, had, (size_t)(a + 1) * sizeof(*now));
		memcpy(now + a + 1, had + a, (size_t)(n - a) * sizeof(*now));
		judge_built("record repeated", f, now, n + 1, (size_t)a, want_entry(f, index + 1));

		now[a + 1] = (struct item){ forged, sizeof(forged), had[a].block };
		memcpy(now + a + 2, had + a + 1, (size_t)(n - a - 1) * sizeof(*now));
		judge_built("record inserted", f, now, n + 1, (size_t)a, want_entry(f, index + 1));

		memcpy(now, had, (size_t)n * sizeof(*now));
		now[a] = (struct item){ forged, sizeof(forged), had[a].block };
		judge_built("record replaced", f, now, n, (size_t)a, want_entry(f, index));

		for (int b = a + 1; b < n; b++) {
			memcpy(now, had, (size_t)n * sizeof(*now));
			now[a] = had[b], now[b] = had[a];
			now[a].block = had[a].block, now[b].block = had[b].block;
			judge_built("records swapped", f, now, n, (size_t)a, want_entry(f, index));
		}
	}
	put_back(f);
}

START_TEST(records_moved)
{
	make_base(_i);
	for (int i = 0; i < base.image.files; i++)
		if (is_segment(base.image.file[i].name))
			move_entries(&base.image.file[i]);
	end_matrix();
}
END_TEST

/* The same entries in other blocks: block boundaries are no evidence, but lengths are told. */
START_TEST(blocks_divided_otherwise)
{
	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];
		bool last = strcmp(f->name, base.last) == 0;
		struct item item[ITEMS_MAX];
		uint8_t data[8192];
		size_t len;
		int n;

		if (!is_segment(f->name))
			continue;
		n = find_entries(f, item);
		for (int j = 0; j < n; j++)
			item[j].block = 0;
		len = build(f, item, n, data);
		if (len == f->len)
			continue;
		spew(f->name, data, len);
		/* Seals and what follows do not notice in the last one; a CLOSE holds there too. */
		cell("one block", f->name, 0,
		     last ? (struct want){ base.report.verdict, base.report.verdict }
			  : WANT_TAMPER);
		put_back(f);
	}
	end_matrix();
}
END_TEST

/* --- blocks ---------------------------------------------------------------------------------- */

/* Returns where the file begins to differ from what it was; 0 if it does not. */
static size_t write_whole_blocks(const struct file *f, const struct item *item, int n,
				 bool renumber)
{
	size_t end = counted_end(f);
	uint64_t first = get_u64(f->data + 24);
	uint8_t data[8192], *p = put_bytes(data, f->data, header_len(f));

	for (int i = 0; i < n; i++) {
		uint8_t *block = p;

		p = put_bytes(p, item[i].data, item[i].len);
		if (renumber) {
			put_u64(block + 8, first);
			first += get_u16(block + 20);
			fix_block_crc(block);
		}
	}
	p = put_bytes(p, f->data + end, f->len - end);
	spew(f->name, data, (size_t)(p - data));
	end = 0;
	while (end < f->len && data + end < p && data[end] == f->data[end])
		end++;
	return data + f->len == p && end == f->len ? 0 : end;
}

/* A block put in where nothing is sealed: the chain's own entries are out of place there. */
static struct want want_block(const struct file *f, size_t differs, const struct item *block,
			      bool renumber)
{
	struct want want = want_beyond(f->name, differs);

	if (want.plain == CHAIN_TORN && renumber && base.kind == BASE_CRASHED &&
	    block->data[26] < CHAIN_RECORD_TYPE)
		return WANT_TAMPER;
	return want;
}

static void judge_blocks(const char *what, const struct file *f, const struct item *item, int n,
			 const struct item *put_in, bool renumber)
{
	size_t differs = write_whole_blocks(f, item, n, renumber);

	if (differs)
		cell(what, f->name, differs, want_block(f, differs, put_in, renumber));
}

static void move_blocks(const struct file *f, const struct file *other, bool renumber)
{
	struct item had[ITEMS_MAX], now[ITEMS_MAX + 1], from[ITEMS_MAX];
	int n = find_whole_blocks(f, had), m = find_whole_blocks(other, from);

	for (int a = 0; a < n; a++) {
		memcpy(now, had, (size_t)a * sizeof(*now));
		memcpy(now + a, had + a + 1, (size_t)(n - a - 1) * sizeof(*now));
		judge_blocks("block deleted", f, now, n - 1, &had[n - 1], renumber);
		for (int b = 0; b < m; b++) {
			memcpy(now, had, (size_t)(a + 1) * sizeof(*now));
			now[a + 1] = from[b];
			memcpy(now + a + 2, had + a + 1, (size_t)(n - a - 1) * sizeof(*now));
			judge_blocks("block put in", f, now, n + 1, &from[b], renumber);
			memcpy(now, had, (size_t)n * sizeof(*now));
			now[a] = from[b];
			judge_blocks("block replaced", f, now, n, &from[b], renumber);
			if (f != other || b <= a)
				continue;
			now[b] = had[a];
			judge_blocks("blocks swapped", f, now, n, &from[b], renumber);
		}
	}
	put_back(f);
}

START_TEST(blocks_moved)
{
	make_base(_i / 2);
	for (int i = 0; i < base.image.files; i++)
		for (int j = 0; j < base.image.files; j++)
			if (is_segment(base.image.file[i].name) &&
			    is_segment(base.image.file[j].name))
				move_blocks(&base.image.file[i], &base.image.file[j], _i % 2);
	end_matrix();
}
END_TEST

/* --- seals ----------------------------------------------------------------------------------- */

static void judge_seals(const char *what, const uint8_t *data, size_t seals, size_t at,
			struct want want)
{
	spew("seals", data, 160 * (1 + seals));
	cell(what, "seals", at, want);
}

static void renumber(uint8_t *data, size_t seals)
{
	for (size_t k = 1; k <= seals; k++) {
		put_u64(data + 160 * k + 8, k);
		fix_seal_crc(data + 160 * k);
	}
}

START_TEST(seals_moved)
{
	const struct file *f;
	uint8_t *data;
	size_t n;

	make_base(_i);
	f = image_file(&base.image, "seals");
	n = f->len / 160 - 1;
	data = malloc(f->len + 160);
	for (size_t a = 1; a <= n; a++) {
		struct want cut = a == n ? want_seals_cut(n - 1) : WANT_TAMPER;

		memcpy(data, f->data, f->len);
		memmove(data + 160 * a, data + 160 * (a + 1), 160 * (n - a));
		judge_seals("seal deleted", data, n - 1, a, cut);
		renumber(data, n - 1);
		judge_seals("seal deleted, renumbered", data, n - 1, a, cut);

		memcpy(data, f->data, f->len);
		memset(data + 160 * a, 0, 160);
		judge_seals("seal zeroed", data, n, a, cut);

		memcpy(data, f->data, f->len);
		memset(data + 160 * a + 96, 0, 64);
		fix_seal_crc(data + 160 * a);
		judge_seals("signature stripped", data, n, a, WANT_TAMPER);
		for (size_t b = 1; b <= n; b++) {
			memcpy(data, f->data, 160 * (a + 1));
			memcpy(data + 160 * (a + 1), f->data + 160 * b, 160);
			memcpy(data + 160 * (a + 2), f->data + 160 * (a + 1), 160 * (n - a));
			judge_seals("seal put in", data, n + 1, a, WANT_TAMPER);
			renumber(data, n + 1);
			judge_seals("seal put in, renumbered", data, n + 1, a, WANT_TAMPER);
			if (a == b)
				continue;
			memcpy(data, f->data, f->len);
			memcpy(data + 160 * a, f->data + 160 * b, 160);
			judge_seals("seal replaced", data, n, a, WANT_TAMPER);
			memcpy(data + 160 * b, f->data + 160 * a, 160);
			judge_seals("seals swapped", data, n, a, WANT_TAMPER);
			renumber(data, n);
			judge_seals("seals swapped, renumbered", data, n, a, WANT_TAMPER);
		}
	}
	memcpy(data, f->data, f->len);
	for (size_t a = 1; a <= n; a++) {
		memset(data + 160 * a + 96, 0, 64);
		fix_seal_crc(data + 160 * a);
	}
	judge_seals("all signatures stripped", data, n, 0, WANT_TAMPER);
	judge_seals("all seals stripped", data, 0, 0, WANT_TAMPER);
	free(data);
	end_matrix();
}
END_TEST

/* Notes without their signature line, or with somebody else's. */
START_TEST(note_stripped)
{
	struct file *note;
	const char *end;
	char text[1024];
	size_t body;

	make_base(_i);
	note = image_file(&base.image, "checkpoint");
	end = strstr((const char *)note->data, "\n\n");
	body = (size_t)(end + 1 - (const char *)note->data);
	for (size_t keep = body; keep <= body + 1; keep++) {
		spew("checkpoint", note->data, keep);
		cell("signature stripped", "checkpoint", keep, WANT_TAMPER);
	}
	snprintf(text, sizeof(text), "%.*s\n\xe2\x80\x94 witness.example/w AAAAAQID\n", (int)body,
		 (const char *)note->data);
	spew("checkpoint", text, strlen(text));
	cell("signature of another", "checkpoint", 0, WANT_TAMPER);
	snprintf(text, sizeof(text), "%.*s\xe2\x80\x94 witness.example/w AAAAAQID\n",
		 (int)note->len, (const char *)note->data);
	spew("checkpoint", text, strlen(text));
	cell("signature added", "checkpoint", 0, WANT_TAMPER);
	end_matrix();
}
END_TEST

/* --- files ----------------------------------------------------------------------------------- */

START_TEST(files_missing)
{
	unsigned all;

	make_base(_i);
	all = (1u << base.image.files) - 1;
	for (unsigned gone = 1; gone <= all; gone++) {
		bool some = false; /* of what says that there is a chain */

		for (int i = 0; i < base.image.files; i++) {
			const struct file *f = &base.image.file[i];

			if (gone >> i & 1)
				unlink(file_path(f->name));
			else
				some |= strcmp(f->name, "identity.pub") != 0;
		}
		cell("files missing", "", gone, some ? WANT_TAMPER : WANT_UNVERIFIABLE);
		for (int i = 0; i < base.image.files; i++)
			if (gone >> i & 1)
				put_back(&base.image.file[i]);
	}
	end_matrix();
}
END_TEST

START_TEST(files_swapped)
{
	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *a = &base.image.file[i];

		for (int j = 0; j < base.image.files; j++) {
			const struct file *b = &base.image.file[j];

			if (i == j)
				continue;
			spew(a->name, b->data, b->len);
			cell("replaced", a->name, (size_t)j, WANT_TAMPER);
			spew(b->name, a->data, a->len);
			cell("swapped", a->name, (size_t)j, WANT_TAMPER);
			put_back(b);
		}
		put_back(a);
	}
	end_matrix();
}
END_TEST

/* A copy of a segment under another's number or the next, as it is and with the number right. */
START_TEST(segments_repeated)
{
	uint64_t count;

	make_base(_i);
	count = strtoull(base.last, NULL, 16);
	for (int i = 0; i < base.image.files; i++) {
		struct file *f = &base.image.file[i];

		if (!is_segment(f->name))
			continue;
		for (uint64_t to = 1; to <= count + 2; to++) {
			const char *name = path_of("%016llx.seg", (unsigned long long)to);
			uint64_t own = get_u64(f->data + 16);

			if (to == own)
				continue;
			spew(name, f->data, f->len);
			cell("copied", f->name, (size_t)to, WANT_TAMPER);
			put_u64(f->data + 16, to);
			fix_segment_crc(f->data, header_len(f));
			spew(name, f->data, f->len);
			cell("copied, renumbered", f->name, (size_t)to, WANT_TAMPER);
			put_u64(f->data + 16, own);
			fix_segment_crc(f->data, header_len(f));
			unlink(file_path(name));
			if (to <= count)
				put_back(image_file(&base.image, name));
		}
	}
	end_matrix();
}
END_TEST

/* --- splices --------------------------------------------------------------------------------- */

/* The entries of one run under the header of another. */
START_TEST(runs_spliced)
{
	make_base(_i);
	for (int i = 0; i < base.image.files; i++) {
		for (int j = 0; j < base.image.files; j++) {
			const struct file *a = &base.image.file[i], *b = &base.image.file[j];
			struct item item[ITEMS_MAX];

			if (i == j || !is_segment(a->name) || !is_segment(b->name))
				continue;
			judge_built("another run's entries", a, item, find_entries(b, item),
				    (size_t)j, WANT_TAMPER);
			put_back(a);
		}
	}
	end_matrix();
}
END_TEST

/* Another history with the same keys from after the first run on: every mixture of the two. */
START_TEST(histories_spliced)
{
	struct image other;
	struct chain_report report;
	unsigned all;

	make_base(_i);
	put_image(&base.image);
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];
		bool first_run = strcmp(f->name, "identity.pub") == 0 ||
				 strcmp(f->name, SEG1) == 0 || strcmp(f->name, SEG2) == 0;

		if (!first_run)
			unlink(file_path(f->name));
	}
	spew("seals", image_file(&base.image, "seals")->data, 160 * 4);
	spew("../D.keys/seal.key", base.earlier_key, 1024);
	later_runs(base.kind, "\020the other one");
	report = judge(NULL);
	assert_verdict(report, base.report.verdict);
	load_image(&other);
	ck_assert_int_eq(other.files, base.image.files);
	all = (1u << other.files) - 1;
	for (unsigned mix = 0; mix <= all; mix++) {
		struct want want = WANT_TAMPER;
		unsigned same = 0, theirs = 0, note = 0;

		for (int i = 0; i < other.files; i++) {
			const struct file *ours = &base.image.file[i];
			const struct file *f = image_file(&other, ours->name);

			if (f->len == ours->len && memcmp(f->data, ours->data, f->len) == 0)
				same |= 1u << i;
			if (strcmp(f->name, "checkpoint") == 0)
				note |= 1u << i;
			put_back(mix >> i & 1 ? f : ours);
		}
		if (mix & same)
			continue;
		theirs = all & ~same;
		/* Whole histories: ours; the other one, which only who holds ours can tell. */
		if (mix == 0)
			want = (struct want){ base.report.verdict, base.report.verdict };
		else if (mix == theirs)
			want = (struct want){ base.report.verdict, CHAIN_FORK };
		else if ((mix | note) == note || (mix | note) == theirs)
			want = (struct want){ CHAIN_FORK, CHAIN_FORK };
		base.foreign = mix == theirs;
		cell("mixture", "", mix, want);
	}
	drop_image(&other);
	end_matrix();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_matrix_parts");
	TCase *tcase = tcase_create("parts");

	tcase_add_checked_fixture(tcase, NULL, drop_base);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, records_moved, 0, BASES);
	tcase_add_loop_test(tcase, blocks_divided_otherwise, 0, BASES);
	tcase_add_loop_test(tcase, blocks_moved, 0, 2 * BASES);
	tcase_add_loop_test(tcase, seals_moved, 0, BASES);
	tcase_add_loop_test(tcase, note_stripped, 0, BASES);
	tcase_add_loop_test(tcase, files_missing, 0, BASES);
	tcase_add_loop_test(tcase, files_swapped, 0, BASES);
	tcase_add_loop_test(tcase, segments_repeated, 0, BASES);
	tcase_add_loop_test(tcase, runs_spliced, 0, BASES);
	tcase_add_loop_test(tcase, histories_spliced, 0, BASES);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
