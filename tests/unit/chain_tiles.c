// SPDX-License-Identifier: Apache-2.0
/* A chain exported as tiles: every file is what the tree of its size says, however often and from
 * wherever the export went on. */
#include "chain_util.h"

#include <sodium.h>

#include "base/hash.h"
#include "chain/pack.h"
#include "chain/published.h"
#include "chain/tile_files.h"
#include "chain/tiles.h"

#define LEAVES_MAX 70000

static uint8_t (*leaves)[CHAIN_HASH]; /* as a reader of the chain hashes them */
static uint64_t *lengths;	      /* of their entries */
static uint64_t leaf_count;
static struct chain_export done;
static char to[128];

static void setup(void)
{
	use_test_dir();
	snprintf(to, sizeof(to), "%s/tiles", test_dir);
	leaves = malloc(LEAVES_MAX * sizeof(*leaves));
	lengths = malloc(LEAVES_MAX * sizeof(*lengths));
}

static void teardown(void)
{
	drop_test_dir();
	free(leaves);
	free(lengths);
}

/* One run of the collector: so many records, and a clean close. */
static void write_records(unsigned records, uint64_t segment_bytes)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain_reader *reader;
	struct chain_entry entry;
	struct chain *chain;
	char record[32];

	options.segment_bytes = segment_bytes;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	for (unsigned i = 0; i < records; i++) {
		snprintf(record, sizeof(record), "\x10%u%.*s", i, (int)(i % 9), "........");
		append(chain, record, CHAIN_NORMAL, i * MS);
		if (i % 20 == 0) {
			ck_assert_int_eq(chain_tick(chain, i * MS + 10 * MS), 0);
			chain_settle(chain);
		}
	}
	close_chain(chain, records * MS);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (chain_reader_next(reader, &entry) == 1) {
		ck_assert_uint_lt(entry.index, LEAVES_MAX);
		chain_reader_leaf(reader, &entry, leaves[entry.index]);
		lengths[entry.index] = entry.bytes.len;
		leaf_count = entry.index + 1;
	}
	chain_reader_close(reader);
}

static void export(int want)
{
	int err = chain_export_tiles(chain_path, to, &done, &chain_err);

	ck_assert_msg(err == want, "%s, not %s: %s", strerror(-err), strerror(-want),
		      chain_err.text);
}

static uint8_t *slurp_tile(int level, uint64_t number, unsigned width, size_t *len)
{
	struct tile tile = { level, number, width };
	char path[TILE_PATH_MAX];
	uint8_t *data;
	int err;

	tile_path(&tile, path);
	err = read_file(AT_FDCWD, path_of("%s/%s", to, path), 64 << 20, &data, len);
	ck_assert_msg(err == 0, "%s: %s", path, strerror(-err));
	return data;
}

/* A bundle's entries hash to the leaves of its tile. */
static void check_bundle(uint64_t number, unsigned width)
{
	size_t len, at = 0;
	uint8_t *data = slurp_tile(TILE_ENTRIES, number, width, &len);

	for (unsigned i = 0; i < width; i++) {
		uint64_t index = number * TILE_WIDTH + i;
		uint8_t text[65536] = { 0 }, leaf[CHAIN_HASH];
		size_t n;

		ck_assert_uint_le(at + 2, len);
		n = (size_t)data[at] << 8 | data[at + 1];
		ck_assert_uint_eq(n, 16 + lengths[index]);
		ck_assert_uint_le(at + 2 + n, len);
		memcpy(text + 1, data + at + 2, n);
		crypto_hash_sha256(leaf, text, 1 + n);
		ck_assert_mem_eq(leaf, leaves[index], CHAIN_HASH);
		at += 2 + n;
	}
	ck_assert_uint_eq(at, len);
	free(data);
}

/* The hashes of one level out of those below: full ones only. */
static uint64_t fold(uint8_t (*hash)[CHAIN_HASH], uint64_t count)
{
	for (int step = 0; step < 8; step++) {
		for (uint64_t i = 0; i < count / 2; i++) {
			uint8_t both[65] = { 1 };

			memcpy(both + 1, hash[2 * i], 64);
			crypto_hash_sha256(hash[i], both, 65);
		}
		count /= 2;
	}
	return count;
}

static unsigned files;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)st, (void)ftw;
	files += type == FTW_F;
	return 0;
}

/* All tiles from the level's hash number `from` on, for the tree of all leaves. */
static void check_tiles(uint64_t from)
{
	uint8_t(*hash)[CHAIN_HASH] = malloc((leaf_count + 1) * sizeof(*hash));
	uint64_t count = leaf_count;

	memcpy(hash, leaves, leaf_count * sizeof(*hash));
	for (int level = 0; count; level++) {
		for (uint64_t n = (from + TILE_WIDTH - 1) / TILE_WIDTH; n * TILE_WIDTH < count;
		     n++) {
			uint64_t left = count - n * TILE_WIDTH;
			unsigned width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
			size_t len;
			uint8_t *tile = slurp_tile(level, n, width, &len);

			ck_assert_uint_eq(len, width * CHAIN_HASH);
			ck_assert_mem_eq(tile, hash[n * TILE_WIDTH], len);
			free(tile);
			if (level == 0)
				check_bundle(n, width);
		}
		count = fold(hash, count);
		from = (from + TILE_WIDTH - 1) / TILE_WIDTH;
	}
	free(hash);
}

static void check_checkpoint(void)
{
	size_t a, b;
	uint8_t *ours = slurp("checkpoint", &a), *theirs = slurp("../tiles/checkpoint", &b);

	ck_assert_uint_eq(a, b);
	ck_assert_mem_eq(ours, theirs, a);
	free(ours);
	free(theirs);
}

START_TEST(paths)
{
	static const struct {
		struct tile tile;
		const char *want;
	} rows[] = {
		{ { 0, 0, 256 }, "tile/0/000" },
		{ { 0, 999, 1 }, "tile/0/999.p/1" },
		{ { 1, 1000, 256 }, "tile/1/x001/000" },
		{ { 2, 1234067, 255 }, "tile/2/x001/x234/067.p/255" },
		{ { TILE_ENTRIES, 1234067, 256 }, "tile/entries/x001/x234/067" },
		{ { 7, UINT64_MAX, 255 }, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255" },
	};
	char path[TILE_PATH_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tile_path(&rows[i].tile, path);
		ck_assert_str_eq(path, rows[i].want);
	}
}
END_TEST

/* Growing through partial and full tiles, with nothing left over. */
START_TEST(grows)
{
	static const unsigned steps[] = { 10, 0, 100, 140, 1, 2, 255, 256, 257, 300 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t before = leaf_count;

		write_records(steps[i], 4000);
		export(0);
		ck_assert_uint_eq(done.before, before);
		ck_assert_uint_eq(done.size, leaf_count);
		ck_assert_uint_eq(done.missing + done.gap_to, 0);
		check_tiles(0);
		check_checkpoint();
	}
	/* no temporary files; partial forms of the present tiles only: the rest are gone */
	files = 0;
	nftw(to, count_file, 16, FTW_PHYS);
	ck_assert_uint_gt(leaf_count, 1280);
	ck_assert_uint_le(files, 2 + 2 * (leaf_count / 256) + 1 + 2 * 3 + 5);
	leaf_count = 0;
}
END_TEST

/* Three levels. */
START_TEST(large)
{
	write_records(65500, 1 << 20);
	export(0);
	write_records(1000, 1 << 20);
	export(0);
	check_tiles(0);
	check_checkpoint();
}
END_TEST

static uint64_t stat_time(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
}

START_TEST(full_tiles_are_never_written_again)
{
	uint64_t tile, bundle;

	write_records(700, 4000);
	export(0);
	tile = stat_time(path_of("%s/tile/0/001", to));
	bundle = stat_time(path_of("%s/tile/entries/000", to));
	write_records(700, 4000);
	export(0);
	ck_assert_uint_eq(stat_time(path_of("%s/tile/0/001", to)), tile);
	ck_assert_uint_eq(stat_time(path_of("%s/tile/entries/000", to)), bundle);
	ck_assert_int_ne(access(path_of("%s/tile/0/002.p", to), F_OK), 0);
	check_tiles(0);
}
END_TEST

/* An export that was cut off before its checkpoint: what it left is neither trusted nor in the
 * way. */
START_TEST(cut_off)
{
	write_records(300, 4000);
	export(0);
	write_records(600, 4000);
	spew("../tiles/tile/0/001", "torn", 4);
	spew("../tiles/tile/0/002.tmp", "torn", 4);
	export(0);
	check_tiles(0);
	/* the very first one */
	remove_tree(to);
	ck_assert_int_eq(mkdir(to, 0700), 0);
	spew("../tiles/identity.pub.tmp", "x", 1);
	export(0);
	check_tiles(0);
}
END_TEST

START_TEST(another_log)
{
	char *bad;
	size_t len;
	uint8_t *data;

	write_records(30, 4000);
	ck_assert_int_eq(mkdir(to, 0700), 0);
	spew("../tiles/letter", "x", 1);
	export(-EXDEV);
	remove_tree(to);
	export(0);
	data = slurp("../tiles/identity.pub", &len);
	bad = (char *)data;
	bad[6] ^= 1;
	spew("../tiles/identity.pub", data, len);
	export(-EXDEV);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "host/indelible/"));
	bad[6] ^= 1;
	spew("../tiles/identity.pub", data, len);
	free(data);
	export(0);
	/* a chain is no export */
	strcpy(to, chain_path);
	export(-EXDEV);
	snprintf(to, sizeof(to), "%s/no/where", test_dir);
	export(-ENOENT);
}
END_TEST

static void copy(const char *from, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s/%s && cp -a %s/%s %s/%s", test_dir, name,
		 test_dir, from, test_dir, name);
	ck_assert_int_eq(system(command), 0);
}

/* A snapshot of chain and keys put back: shorter than what was exported, then longer again. */
START_TEST(another_history)
{
	write_records(30, 4000);
	copy("D", "old");
	copy("D.keys", "old.keys");
	write_records(600, 4000);
	export(0);
	copy("old", "D");
	copy("old.keys", "D.keys");
	export(-EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "rolled back"));
	write_records(900, 4000);
	export(-EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "another history"));
}
END_TEST

/* What was exported is held to the chain where the export goes on. */
START_TEST(damaged_export)
{
	static const char *const names[] = { "tile/0/002.p/%u", "tile/1/000.p/%u",
					     "tile/entries/002.p/%u" };
	unsigned width[3];

	write_records(600, 4000);
	export(0);
	width[0] = width[2] = leaf_count % 256;
	width[1] = (unsigned)(leaf_count / 256);
	write_records(300, 4000);
	for (int i = 0; i < 3; i++) {
		char name[64] = "../tiles/";
		size_t len;
		uint8_t *data;

		sprintf(name + 9, names[i], width[i]);
		data = slurp(name, &len);
		data[len / 2] ^= 1;
		spew(name, data, len);
		export(-EBADMSG);
		ck_assert_ptr_nonnull(strstr(chain_err.text, "does not agree"));
		ck_assert_int_ne(access(path_of("%s/tile/0/002", to), F_OK), 0);
		data[len / 2] ^= 1;
		spew(name, data, len - 1);
		export(-EBADMSG);
		spew(name, data, len);
		free(data);
	}
	export(0);
	check_tiles(0);
}
END_TEST

/* Delete the segments before the one with this entry; the first entry that is left. */
static uint64_t drop_before(uint64_t index)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	uint64_t first;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_int_eq(chain_reader_seek(reader, index), 0);
	first = chain_reader_start(reader)->size;
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	chain_reader_close(reader);
	for (uint64_t i = 1; i < entry.segment; i++)
		unlink(path_of("%s/%016llx.seg", chain_path, (unsigned long long)i));
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_ne(first % 256, 0);
	return first;
}

/* Begun before the prune: goes on as if nothing had happened. */
START_TEST(pruned_since)
{
	write_records(600, 4000);
	export(0);
	write_records(600, 4000);
	drop_before(done.size);
	export(0);
	ck_assert_uint_eq(done.gap_to + done.missing, 0);
	check_tiles(0);
}
END_TEST

/* Packed segments are exported like plain ones. */
START_TEST(packed_since)
{
	struct chain_packed packed;

	write_records(600, 4000);
	export(0);
	write_records(600, 4000);
	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), 0);
	ck_assert_uint_gt(packed.segments, 1);
	export(0);
	check_tiles(0);
	remove_tree(to);
	export(0);
	check_tiles(0);
}
END_TEST

/* Begun after it: what is left is exported, what is missing is said, and that stays so. */
START_TEST(pruned_before)
{
	uint64_t first;

	write_records(1500, 4000);
	first = drop_before(600);
	export(0);
	ck_assert_uint_eq(done.gap_from, 0);
	ck_assert_uint_eq(done.gap_to, first);
	ck_assert_uint_eq(done.missing, 1);
	ck_assert_int_ne(
		access(path_of("%s/tile/1/000.p/%u", to, (unsigned)(leaf_count / 256)), F_OK), 0);
	check_checkpoint();
	check_tiles(first);
	write_records(700, 4000);
	export(0);
	ck_assert_uint_eq(done.gap_to, 0);
	ck_assert_uint_eq(done.missing, 1);
	check_tiles(first);
}
END_TEST

/* The same where the first export ends inside the tile that the gap is in. */
START_TEST(pruned_inside_a_tile)
{
	write_records(100, 600);
	drop_before(50);
	export(0);
	ck_assert_uint_gt(done.gap_to, 0);
	ck_assert_uint_eq(done.missing, 1);
	write_records(500, 4000);
	export(0);
	ck_assert_uint_eq(done.missing, 1);
	check_tiles(done.before);
}
END_TEST

/* A byte of an entry, with its block's crc made right. */
static void change_entry(uint64_t index)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	char name[32];
	uint8_t *data, *block;
	size_t len;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_int_eq(chain_reader_seek(reader, index), 0);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	chain_reader_close(reader);
	sprintf(name, "%016llx.seg", (unsigned long long)entry.segment);
	data = slurp(name, &len);
	block = data + 144 + 32 * (size_t)get_u32(data + 12);
	while (block + 24 + get_u32(block + 16) <= data + entry.offset)
		block += 24 + get_u32(block + 16);
	data[entry.offset + 1] ^= 1;
	put_u32(block + 4, crc32c(0, block + 8, 16 + (size_t)get_u32(block + 16)));
	spew(name, data, len);
	free(data);
}

START_TEST(damaged_chain)
{
	size_t len;
	uint8_t *data;

	write_records(600, 4000);
	change_entry(300);
	export(-EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "root at size"));
	ck_assert_int_ne(access(path_of("%s/checkpoint", to), F_OK), 0);
	change_entry(300);
	export(0);
	check_tiles(0);
	data = slurp("checkpoint", &len);
	data[len - 20] = data[len - 20] == 'A' ? 'B' : 'A';
	spew("checkpoint", data, len);
	export(-EBADMSG);
	data[0] ^= 1;
	spew("checkpoint", data, len);
	export(-EXDEV);
	free(data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_tiles");
	TCase *tcase = tcase_create("tiles");

	if (sodium_init() < 0)
		return 1;
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, paths);
	tcase_add_test(tcase, grows);
	tcase_add_test(tcase, large);
	tcase_add_test(tcase, full_tiles_are_never_written_again);
	tcase_add_test(tcase, cut_off);
	tcase_add_test(tcase, another_log);
	tcase_add_test(tcase, another_history);
	tcase_add_test(tcase, damaged_export);
	tcase_add_test(tcase, pruned_since);
	tcase_add_test(tcase, packed_since);
	tcase_add_test(tcase, pruned_before);
	tcase_add_test(tcase, pruned_inside_a_tile);
	tcase_add_test(tcase, damaged_chain);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
