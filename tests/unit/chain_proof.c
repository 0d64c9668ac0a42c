// SPDX-License-Identifier: Apache-2.0
/* Proof files made from a chain and checked without it. */
#include "chain_proof.h"

#include "base/hash.h"
#include "chain/pack.h"
#include "chain/proof_text.h"
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

static void setup(void)
{
	use_test_dir();
	write_records(60, 300);
}

/* Another character of base64. */
static void change(char *c)
{
	*c = *c == 'A' ? 'B' : 'A';
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

/* --- strengths ---------------------------------------------------------------------------------
 */

START_TEST(held_or_not)
{
	struct buffer proof = prove(5, note_at(40));
	const char *same[] = { note_at(40), NULL }, *other[] = { note_at(41), NULL };
	struct chain_check_options with = { .checkpoints = same };
	struct chain_held by_hand = { .size = 40 };

	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_HELD);
	/* one of another size says nothing */
	with.checkpoints = other;
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
	ck_assert_uint_eq(proven.other_held, 41);
	with.held = &by_hand;
	with.held_count = 1;
	root_at(40, by_hand.root);
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_HELD);
	ck_assert_uint_eq(proven.other_held, 0);
	/* another root of that size: two histories under one key */
	by_hand.root[7] ^= 1;
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "another history"));
	with.checkpoints = same;
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	buffer_free(&proof);
}
END_TEST

/* The verifier key of a cosigner, and its line under a note. */
static void cosign(const char *who, uint8_t type, char *note, char vkey[512])
{
	uint8_t seed[32] = { 9 }, blob[4 + 8 + 64] = { [11] = 77 }, id[32], named[300], secret[64];
	size_t n = strlen(who), body = (size_t)(strstr(note, "\n\n") + 1 - note);
	char message[1024], *p;

	memcpy(named, who, n);
	named[n] = '\n';
	named[n + 1] = type;
	crypto_sign_seed_keypair(named + n + 2, secret, seed);
	crypto_hash_sha256(id, named, n + 34);
	p = put_hex(vkey + sprintf(vkey, "%s+", who), id, 4);
	*p++ = '+';
	put_base64(p, named + n + 1, 33);
	memcpy(blob, id, 4);
	n = (size_t)sprintf(message, "cosignature/v1\ntime 77\n%.*s", (int)body, note);
	crypto_sign_detached(blob + 12, NULL, (const uint8_t *)message, n, secret);
	p = note + strlen(note);
	p += sprintf(p, "\xe2\x80\x94 %s ", who);
	strcpy(put_base64(p, blob, sizeof(blob)), "\n");
}

START_TEST(cosigned)
{
	char note[2048], vkey[512], other[512], scratch[2048];
	const char *witnesses[] = { other, vkey, NULL };
	const struct chain_check_options with = { .witnesses = witnesses };
	uint8_t root[CHAIN_HASH];
	struct buffer proof;

	root_at(50, root);
	sign_note(50, root, note);
	strcpy(scratch, note);
	cosign("other.example", NOTE_COSIGNATURE, scratch, other);
	cosign("witness.example/w", NOTE_COSIGNATURE, note, vkey);
	spew("../cosigned", note, strlen(note));
	proof = prove(5, file_path("../cosigned"));
	ck_assert_int_eq(check_buffer(&proof, NULL), 0);
	ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_COSIGNED);
	ck_assert_uint_eq(proven.witness_count, 2);
	ck_assert_str_eq(proven.witness[0].name, "other.example");
	ck_assert(!proven.witness[0].cosigned);
	ck_assert_str_eq(proven.witness[1].name, "witness.example/w");
	ck_assert(proven.witness[1].cosigned);
	ck_assert_uint_eq(proven.witness[1].time, 77);
	/* one that has not signed counts for nothing, by itself or beside the checkpoint held */
	witnesses[1] = NULL;
	ck_assert_int_eq(check_buffer(&proof, &with), 0);
	ck_assert_int_eq(proven.strength, CHAIN_BY_HOST_KEY);
	ck_assert_uint_eq(proven.witness_count, 1);
	ck_assert(!proven.witness[0].cosigned);
	witnesses[1] = vkey;
	/* a cosignature that does not hold is no reason to fall back */
	change(&proof.data[proof.len - 20]);
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	ck_assert_int_eq(check_buffer(&proof, NULL), 0);
	/* the key of a log is no witness */
	cosign("log.example", NOTE_ED25519, scratch, other);
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	buffer_free(&proof);
}
END_TEST

/* What is given beside the proof must be what it is said to be. */
START_TEST(bad_help)
{
	struct buffer proof = prove(5, NULL), grown = prove_growth(note_at(9), NULL);
	const char *held[] = { file_path("../note"), NULL };
	struct chain_check_options with = { .checkpoints = held };
	char note[1024], vkey[512], scratch[2048] = "o\n1\nx\n\n";
	uint8_t root[CHAIN_HASH];
	size_t len;

	ck_assert_int_eq(check_buffer(&proof, &with), -ENOENT);
	root_at(30, root);
	len = sign_note(30, root, note);
	spew("../note", note, len - 1);
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "line 5"));
	change(&note[len - 9]);
	spew("../note", note, len);
	ck_assert_int_eq(check_buffer(&proof, &with), -EXDEV);
	note[0] ^= 1;
	spew("../note", note, len);
	ck_assert_int_eq(check_buffer(&proof, &with), -EXDEV);
	ck_assert_ptr_nonnull(strstr(chain_err.text, log_name.origin));
	ck_assert_ptr_nonnull(strstr(chain_err.text, "iost/indelible/"));
	with.checkpoints = NULL;
	with.vkey = "host+00000000+AAAA";
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	cosign("host", NOTE_COSIGNATURE, scratch, vkey);
	with.vkey = vkey;
	ck_assert_int_eq(check_buffer(&proof, &with), -EINVAL);
	scratch[7] = 0;
	cosign("host", NOTE_ED25519, scratch, vkey);
	ck_assert_int_eq(check_buffer(&proof, &with), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(chain_err.text, log_name.origin));
	/* growth from what? */
	ck_assert_int_eq(check_buffer(&grown, NULL), -ENODATA);
	held[0] = note_at(10);
	with = (struct chain_check_options){ .checkpoints = held };
	ck_assert_int_eq(check_buffer(&grown, &with), -ENODATA);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "size 9"));
	buffer_free(&proof);
	buffer_free(&grown);
}
END_TEST

/* --- any other file is not that proof --------------------------------------------------------- */

/* Every bit of a proof file, and every cut. */
static void every_change(struct buffer *proof, const struct chain_check_options *with)
{
	uint8_t *copy;

	ck_assert_int_eq(check_buffer(proof, with), 0);
	for (size_t i = 0; i < 8 * proof->len; i++) {
		int err;

		proof->data[i / 8] ^= (char)(1 << i % 8);
		err = check_buffer(proof, with);
		ck_assert_msg(err == -EBADMSG || err == -EINVAL || err == -ENODATA, "bit %zu: %d",
			      i, err);
		proof->data[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t len = 0; len < proof->len; len++) {
		copy = malloc(len + 1);
		memcpy(copy, proof->data, len);
		ck_assert_int_eq(check(bytes_of(copy, len), with), -EINVAL);
		free(copy);
	}
	buffer_add(proof, "\n", 1);
	ck_assert_int_eq(check_buffer(proof, with), -EINVAL);
	buffer_free(proof);
}

START_TEST(every_bit)
{
	const char *held[] = { note_at(21), NULL };
	const struct chain_check_options with = { .checkpoints = held };
	struct buffer proof = prove(33, NULL), grown = prove_growth(held[0], NULL);

	every_change(&proof, NULL);
	every_change(&grown, &with);
}
END_TEST

/* A proof needs an entry: behind the salt, at least a byte. */
START_TEST(no_entry)
{
	struct buffer proof = prove(5, NULL), cut = { 0 };
	const char *index = strstr(proof.data, "index ");

	buffer_print(&cut, "c2sp.org/tlog-proof@v1\n%s", index);
	ck_assert_int_eq(check_buffer(&cut, NULL), -EBADMSG);
	for (size_t len = 1; len <= 17; len++) {
		uint8_t extra[17] = { 0 };
		char text[32];

		put_base64(text, extra, len);
		buffer_clear(&cut);
		buffer_print(&cut, "c2sp.org/tlog-proof@v1\nextra %s\n%s", text, index);
		ck_assert_int_eq(check_buffer(&cut, NULL), -EBADMSG);
		ck_assert((strstr(chain_err.text, "no entry") != NULL) == (len <= 16));
	}
	buffer_free(&proof);
	buffer_free(&cut);
}
END_TEST

#define ROOT  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOTE  "\no\n42\n" ROOT "\n\n\xe2\x80\x94 a AAAAAQI=\n"
#define MAGIC "c2sp.org/tlog-proof@v1\n"

static void assert_line(const char *text, unsigned want)
{
	static struct proof proof;
	const char *why = NULL;
	unsigned line = 0;
	int err = proof_parse(bytes_of_text(text), &proof, &line, &why);

	ck_assert_msg(err == (want ? -EBADMSG : 0), "%s: %s", text, why);
	ck_assert_msg(!want || line == want, "line %u, not %u (%s): %s", line, want, why, text);
}

START_TEST(forms)
{
	char many[64 * 45 + 512] = MAGIC "index 1\n";

	assert_line(MAGIC "index 1\n" NOTE, 0);
	assert_line(MAGIC "extra AAAA\nindex 0\n" ROOT "\n" NOTE, 0);
	assert_line("old 0\n" NOTE, 0);
	assert_line("old 7\n" ROOT "\n" NOTE, 0);
	for (int i = 0; i < 63; i++)
		strcat(many, ROOT "\n");
	strcat(many, NOTE);
	assert_line(many, 0);
	strcpy(many + strlen(many) - strlen(NOTE), ROOT "\n" NOTE);
	assert_line(many, 66);

	assert_line("", 1);
	assert_line("\n", 1);
	assert_line("c2sp.org/tlog-proof@v2\nindex 1\n" NOTE, 1);
	assert_line("c2sp.org/tlog-proof@v1\r\nindex 1\n" NOTE, 1);
	assert_line(MAGIC, 2);
	assert_line(MAGIC "index 01\n" NOTE, 2);
	assert_line(MAGIC "index \n" NOTE, 2);
	assert_line(MAGIC "index -1\n" NOTE, 2);
	assert_line(MAGIC "index 18446744073709551616\n" NOTE, 2);
	assert_line(MAGIC "extra \nindex 1\n" NOTE, 2);
	assert_line(MAGIC "extra AAB=\nindex 1\n" NOTE, 2);
	assert_line(MAGIC "extra AAA\nindex 1\n" NOTE, 2);
	assert_line(MAGIC "extra AAAA\nextra AAAA\nindex 1\n" NOTE, 3);
	assert_line(MAGIC "index 1\nextra AAAA\n" NOTE, 3);
	assert_line(MAGIC "index 1\nAAAA\n" NOTE, 3);
	assert_line(MAGIC "index 1\n" ROOT " \n" NOTE, 3);
	assert_line(MAGIC "index 1\n" ROOT "\n", 4);
	assert_line(MAGIC "index 1\n\n" NOTE, 4);
	assert_line(MAGIC "index 1\n\no\n042\n" ROOT "\n", 5);
	assert_line("old 07\n" NOTE, 1);
	assert_line("old7\n" NOTE, 1);
	assert_line("old 7\nold 7\n" NOTE, 2);
}
END_TEST

/* The largest entry there is fits, and one byte more does not. */
START_TEST(largest_entry)
{
	static struct proof proof, again;
	static uint8_t more[PROOF_EXTRA_MAX + 1];
	struct buffer text = { 0 };
	const char *why;
	unsigned line;

	proof.kind = PROOF_INCLUSION;
	proof.extra = PROOF_EXTRA_MAX;
	memset(proof.data, 0xa5, sizeof(proof.data));
	proof.text = bytes_of_text(&NOTE[1]);
	proof_encode(&text, &proof);
	ck_assert_int_eq(proof_parse(bytes_of(text.data, text.len), &again, &line, &why), 0);
	ck_assert_uint_eq(again.extra, 65535);
	ck_assert_mem_eq(again.data, proof.data, PROOF_EXTRA_MAX);
	buffer_clear(&text);
	buffer_text(&text, MAGIC "extra ");
	for (size_t i = 0; i < sizeof(more) / 3 + 1; i++)
		buffer_text(&text, "AAAA");
	buffer_text(&text, "\nindex 1\n" NOTE);
	ck_assert_int_eq(proof_parse(bytes_of(text.data, text.len), &again, &line, &why), -EBADMSG);
	ck_assert_uint_eq(line, 2);
	buffer_free(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_proof");
	TCase *tcase = tcase_create("proof");

	if (sodium_init() < 0)
		return 1;
	tcase_add_checked_fixture(tcase, setup, drop_test_dir);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_entry);
	tcase_add_test(tcase, every_growth);
	tcase_add_test(tcase, own_checkpoint);
	tcase_add_test(tcase, not_provable);
	tcase_add_test(tcase, damaged_chain);
	tcase_add_test(tcase, pruned);
	tcase_add_test(tcase, lying_headers);
	tcase_add_test(tcase, packed);
	tcase_add_test(tcase, held_or_not);
	tcase_add_test(tcase, cosigned);
	tcase_add_test(tcase, bad_help);
	tcase_add_test(tcase, every_bit);
	tcase_add_test(tcase, no_entry);
	tcase_add_test(tcase, forms);
	tcase_add_test(tcase, largest_entry);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
