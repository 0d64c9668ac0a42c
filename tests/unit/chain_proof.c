// SPDX-License-Identifier: Apache-2.0
/* Proof files made from a chain, whatever its state, and checked without it. */
#include "chain_proof.h"

#include "base/hash.h"
#include "chain/pack.h"
/* SplitMix64 */
static uint64_t chance_number(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t chance_below(uint64_t *state, uint64_t limit)
{
	return chance_number(state) % limit;
}

static void pack_chain(void)
{
	struct chain_packed done;

	ck_assert_int_eq(chain_pack(chain_path, &done, &chain_err), 0);
	ck_assert_uint_gt(done.segments, 6);
}

static void drop_segment(unsigned number)
{
	ck_assert_int_eq(unlink(path_of("%s/%016x.seg", chain_path, number)), 0);
}

/* The entry itself, read from the chain. */
static struct chain_entry entry_at(struct chain_reader *reader, uint64_t index)
{
	struct chain_entry entry;

	ck_assert_int_eq(chain_reader_seek(reader, index), 0);
	ck_assert_int_eq(chain_reader_next(reader, &entry), 1);
	ck_assert_uint_eq(entry.index, index);
	return entry;
}

/* Every entry under every size, over segments that begin anywhere. */
START_TEST(every_entry)
{
	struct chain_reader *reader;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	ck_assert_uint_gt(leaf_count, 66); /* so more than six segments */
	for (uint64_t size = 1; size <= leaf_count; size++) {
		const char *note = note_at(size);

		for (uint64_t i = 0; i < size; i++) {
			struct chain_entry entry = entry_at(reader, i);
			struct buffer proof = prove(i, note);

			ck_assert_int_eq(check_buffer(&proof, NULL), 0);
			ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
			ck_assert_uint_eq(proven.at, i);
			ck_assert_uint_eq(proven.size, size);
			ck_assert_mem_eq(proven.leaf, leaves[i], CHAIN_HASH);
			ck_assert(
				bytes_equal(bytes_of(proven.entry, proven.entry_len), entry.bytes));
			buffer_free(&proof);
		}
	}
	chain_reader_close(reader);
}
END_TEST

START_TEST(every_growth)
{
	for (uint64_t to = 1; to <= leaf_count; to++) {
		char newer[512];

		strcpy(newer, note_at(to));
		for (uint64_t from = 1; from <= to; from += 1 + from % 3) {
			const char *older = note_at(from), *held[] = { older, NULL };
			struct buffer proof = prove_growth(older, newer);
			const struct chain_check_options with = { .checkpoints = held };

			ck_assert_int_eq(check_buffer(&proof, &with), 0);
			ck_assert_int_eq(proven.strength, CHAIN_HELD);
			ck_assert(proven.growth);
			ck_assert_uint_eq(proven.at, from);
			ck_assert_uint_eq(proven.size, to);
			buffer_free(&proof);
		}
	}
}
END_TEST

/* Without a note given it is the chain's own. */
START_TEST(own_checkpoint)
{
	struct buffer proof = prove(17, NULL), grown = prove_growth(note_at(20), NULL);

	ck_assert_int_eq(check_buffer(&proof, NULL), 0);
	ck_assert_uint_eq(proven.size, leaf_count);
	ck_assert_ptr_nonnull(strstr(proof.data, "\nindex 17\n"));
	ck_assert_int_eq(strncmp(grown.data, "old 20\n", 7), 0);
	buffer_free(&proof);
	buffer_free(&grown);
}
END_TEST

static void refuse(uint64_t index, const char *note, int want, const char *word)
{
	struct buffer proof = { 0 };
	int err = chain_prove(chain_path, index, note, &proof, &chain_err);

	ck_assert_msg(err == want, "entry %llu: %s, not %s: %s", (unsigned long long)index,
		      strerror(-err), strerror(-want), chain_err.text);
	ck_assert_msg(strstr(chain_err.text, word) != NULL, "no '%s' in: %s", word, chain_err.text);
	ck_assert_uint_eq(proof.len, 0);
}

START_TEST(not_provable)
{
	struct buffer proof = { 0 };
	uint8_t root[CHAIN_HASH] = { 1 };
	char note[1024];
	size_t len;

	refuse(leaf_count, NULL, -ERANGE, "not (yet)");
	refuse(30, note_at(30), -ERANGE, "first 30 entries");
	refuse(UINT64_MAX, NULL, -ERANGE, "not (yet)");
	refuse(1, file_path("nowhere"), -ENOENT, "nowhere");
	refuse(1, file_path("identity.pub"), -EINVAL, "line 2");
	refuse(1, file_path("0000000000000001.seg"), -EINVAL, "line 1");
	/* signed, but not what is in the chain */
	len = sign_note(30, root, note);
	spew("../note", note, len);
	refuse(1, file_path("../note"), -EBADMSG, "root at size 30");
	ck_assert_int_eq(
		chain_prove_growth(chain_path, file_path("../note"), NULL, &proof, &chain_err),
		-EBADMSG);
	ck_assert_uint_eq(proof.len, 0);
	ck_assert_int_eq(chain_prove_growth(chain_path, note_at(31), file_path("../note"), &proof,
					    &chain_err),
			 -ERANGE);
	/* of more than there is */
	len = sign_note(leaf_count + 1, root, note);
	spew("../note", note, len);
	refuse(1, file_path("../note"), -EBADMSG, "before the size");
	len = sign_note(1ull << 63, root, note);
	spew("../note", note, len);
	refuse(1, file_path("../note"), -ERANGE, "2^62");
	/* not signed by this log's key, or another's */
	root_at(30, root);
	len = sign_note(30, root, note);
	change(&note[len - 9]);
	spew("../note", note, len);
	refuse(1, file_path("../note"), -EBADMSG, "not signed");
	note[0] ^= 1;
	spew("../note", note, len);
	refuse(1, file_path("../note"), -EXDEV, log_name.origin);
}
END_TEST

/* Does the entry still have a proof? It must hold then. */
static bool prove_or_not(uint64_t index)
{
	struct buffer proof = { 0 };
	int err = chain_prove(chain_path, index, NULL, &proof, &chain_err);

	if (err == 0) {
		ck_assert_int_eq(check_buffer(&proof, NULL), 0);
		ck_assert_mem_eq(proven.leaf, leaves[index], CHAIN_HASH);
	} else {
		ck_assert(proof.len == 0 && (err == -EBADMSG || err == -ENODATA));
	}
	buffer_free(&proof);
	return err == 0;
}

static uint64_t provable(void)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < leaf_count; i++)
		count += prove_or_not(i);
	return count;
}

/* What is damaged is not proven: neither the entry, nor what it stands beside. */
START_TEST(damaged_chain)
{
	unsigned last = 3;
	char name[32];
	uint8_t *data;
	size_t len;

	data = slurp("0000000000000003.seg", &len);
	data[len - 3] ^= 1;
	spew("0000000000000003.seg", data, len);
	ck_assert_uint_lt(provable(), leaf_count);
	data[len - 3] ^= 1;
	spew("0000000000000003.seg", data, len);
	free(data);
	ck_assert_uint_eq(provable(), leaf_count);
	/* a frontier that lies, with a good crc */
	while (access(path_of("%s/%016x.seg", chain_path, last + 1), F_OK) == 0)
		last++;
	sprintf(name, "%016x.seg", last);
	data = slurp(name, &len);
	data[144] ^= 1;
	put_u32(data + 8, crc32c(0, data + 12, 132 + 32 * get_u32(data + 12)));
	spew(name, data, len);
	ck_assert_uint_lt(provable(), leaf_count);
	free(data);
}
END_TEST

/* After pruning, what is left can be proven as before: what is gone to its left stands in the
 * header of the first segment. */
START_TEST(pruned)
{
	struct chain_reader *reader;
	uint64_t first, gone = 0;
	struct buffer proof = { 0 };

	drop_segment(1);
	drop_segment(2);
	drop_segment(3);
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	first = chain_reader_start(reader)->size;
	chain_reader_close(reader);
	ck_assert_uint_gt(first, 8);
	for (uint64_t i = first; i < leaf_count; i++) {
		proof = prove(i, NULL);
		ck_assert_int_eq(check_buffer(&proof, NULL), 0);
		ck_assert_mem_eq(proven.leaf, leaves[i], CHAIN_HASH);
		buffer_free(&proof);
	}
	for (uint64_t i = 0; i < first; i++)
		refuse(i, NULL, -ENODATA, "were pruned");
	for (uint64_t from = 1; from <= leaf_count; from++) {
		const char *older = note_at(from), *held[] = { older, NULL };
		const struct chain_check_options with = { .checkpoints = held };
		struct buffer grown = { 0 };
		int err = chain_prove_growth(chain_path, older, NULL, &grown, &chain_err);

		ck_assert(err == 0 || (err == -ENODATA && from < first));
		if (err == 0)
			ck_assert_int_eq(check_buffer(&grown, &with), 0);
		gone += err != 0;
		buffer_free(&grown);
	}
	ck_assert_uint_gt(gone, 0);
}
END_TEST

/* The segment with another idea of where it begins; its own bytes, to be put back. */
static uint8_t *misplace(unsigned number, uint64_t first, size_t *ret_len)
{
	struct segment_header header;
	const char *why;
	char name[32];
	uint8_t *data, *file;
	size_t old, new;

	sprintf(name, "%016x.seg", number);
	data = slurp(name, ret_len);
	file = malloc(*ret_len + SEGMENT_HEADER_MAX);
	old = (size_t)segment_header_decode(bytes_of(data, *ret_len), &header, &why);
	header.tree.size = first;
	new = segment_header_encode(&header, file);
	memcpy(file + new, data + old, *ret_len - old);
	spew(name, file, new + *ret_len - old);
	free(file);
	return data;
}

/* Headers that say anything: what comes out holds, and nothing is read beyond them. */
START_TEST(lying_headers)
{
	uint64_t state = 5, proven_count = 0;

	for (int round = 0; round < 500; round++) {
		unsigned lies = 1 + (unsigned)chance_below(&state, 6);
		uint8_t *data[6];
		unsigned number[6];
		size_t len[6];

		for (unsigned i = 0; i < lies; i++) {
			number[i] = 1 + (unsigned)chance_below(&state, 8);
			data[i] = misplace(number[i],
					   round % 8 ? chance_below(&state, 2 * leaf_count)
						     : chance_number(&state),
					   &len[i]);
		}
		for (int i = 0; i < 5; i++)
			proven_count += prove_or_not(chance_below(&state, leaf_count));
		while (lies--) {
			char name[32];

			sprintf(name, "%016x.seg", number[lies]);
			spew(name, data[lies], len[lies]);
			free(data[lies]);
		}
	}
	ck_assert_uint_gt(proven_count, 0);
	ck_assert_uint_eq(provable(), leaf_count);
}
END_TEST

/* Packed segments give the same proofs, byte for byte. */
START_TEST(packed)
{
	struct buffer *plain = calloc(leaf_count, sizeof(*plain));
	char older[512];

	strcpy(older, note_at(20));
	for (uint64_t i = 0; i < leaf_count; i++)
		plain[i] = i ? prove(i, NULL) : prove_growth(older, NULL);
	pack_chain();
	for (uint64_t i = 0; i < leaf_count; i++) {
		struct buffer proof = i ? prove(i, NULL) : prove_growth(older, NULL);

		ck_assert_str_eq(proof.data, plain[i].data);
		buffer_free(&proof);
		buffer_free(&plain[i]);
	}
	free(plain);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_entry,   every_growth, own_checkpoint, not_provable,
		damaged_chain, pruned,	     lying_headers,  packed,
	};

	return run_proof_tests("chain_proof", tests, sizeof(tests) / sizeof(tests[0]));
}
