/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_PROOF_H
#define TESTS_CHAIN_PROOF_H
/* A chain of many small segments with its leaves at hand, and notes of any size signed with its
 * identity key. */
#include "chain_util.h"

#include <sodium.h>

#include "chain/note.h"
#include "chain/proof.h"
#include "chain/published.h"
#include "chain/text.h"

#define LEAVES_MAX 2000

static uint8_t leaves[LEAVES_MAX][CHAIN_HASH];
static uint64_t leaf_count;
static struct log_name log_name;

static UNUSED void root_at(uint64_t size, uint8_t ret[CHAIN_HASH])
{
	struct tree tree = { 0 };

	for (uint64_t i = 0; i < size; i++)
		tree_push(&tree, leaves[i]);
	tree_root(&tree, ret);
}

static UNUSED void load_leaves(void)
{
	struct chain_reader *reader;
	struct chain_entry entry;

	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	for (leaf_count = 0; chain_reader_next(reader, &entry) == 1; leaf_count++) {
		ck_assert_uint_lt(leaf_count, LEAVES_MAX);
		ck_assert_uint_eq(entry.index, leaf_count);
		chain_reader_leaf(reader, &entry, leaves[leaf_count]);
	}
	chain_reader_close(reader);
	ck_assert_int_eq(read_log_name(chain_path, &log_name, &chain_err), 0);
}

/* Make the chain, or make it longer. */
static UNUSED void write_records(unsigned records, uint64_t segment_bytes)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain;
	char record[64];

	options.segment_bytes = segment_bytes;
	ck_assert_int_eq(chain_open(&chain, &options, &opened, &chain_err), 0);
	for (unsigned i = 0; i < records; i++) {
		snprintf(record, sizeof(record), "\x10record %u%.*s", i, (int)(i * 7 % 30),
			 "..............................");
		append(chain, record, CHAIN_NORMAL, i * 20 * MS);
		if (i % 3 == 0) {
			ck_assert_int_eq(chain_tick(chain, i * 20 * MS + 10 * MS), 0);
			chain_settle(chain);
		}
	}
	close_chain(chain, records * 20 * MS);
	load_leaves();
}

/* A note of this log over (size, root); its length. */
static UNUSED size_t sign_note(uint64_t size, const uint8_t root[CHAIN_HASH], char ret[1024])
{
	uint8_t pk[32], sk[64], sig[64];
	char body[NOTE_BODY_MAX];
	size_t n, len = note_body(log_name.origin, size, root, body);
	uint8_t *seed = slurp("../D.keys/identity.key", &n);

	crypto_sign_seed_keypair(pk, sk, seed);
	crypto_sign_detached(sig, NULL, (const uint8_t *)body, len, sk);
	free(seed);
	len = note_encode(body, &log_name, sig, ret);
	ret[len] = 0;
	return len;
}

/* The same in a file beside the chain; its path is good for the next three calls. */
static UNUSED const char *note_at(uint64_t size)
{
	static char path[4][512];
	static int turn;
	char note[1024], name[64];
	uint8_t root[CHAIN_HASH];
	size_t len;

	root_at(size, root);
	len = sign_note(size, root, note);
	sprintf(name, "../note-%llu", (unsigned long long)size);
	spew(name, note, len);
	turn = (turn + 1) % 4;
	return strcpy(path[turn], file_path(name));
}

static UNUSED struct buffer prove(uint64_t index, const char *checkpoint)
{
	struct buffer proof = { 0 };
	int err = chain_prove(chain_path, index, checkpoint, &proof, &chain_err);

	ck_assert_msg(err == 0, "chain_prove %llu: %s: %s", (unsigned long long)index,
		      strerror(-err), chain_err.text);
	return proof;
}

static UNUSED struct buffer prove_growth(const char *from, const char *to)
{
	struct buffer proof = { 0 };
	int err = chain_prove_growth(chain_path, from, to, &proof, &chain_err);

	ck_assert_msg(err == 0, "chain_prove_growth %s: %s: %s", from, strerror(-err),
		      chain_err.text);
	return proof;
}

static struct chain_proven proven;

static UNUSED int check(struct bytes proof, const struct chain_check_options *more)
{
	struct chain_check_options options = more ? *more : (struct chain_check_options){ 0 };

	if (!options.vkey)
		options.vkey = log_name.vkey;
	return chain_check_proof(proof, &options, &proven, &chain_err);
}

static UNUSED int check_buffer(const struct buffer *proof, const struct chain_check_options *more)
{
	return check(bytes_of(proof->data, proof->len), more);
}

static UNUSED void setup(void)
{
	use_test_dir();
	write_records(60, 300);
}

/* Another character of base64. */
static UNUSED void change(char *c)
{
	*c = *c == 'A' ? 'B' : 'A';
}

/* Run these tests, each with a chain of its own. */
static UNUSED int run_proof_tests(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	if (sodium_init() < 0)
		return 1;
	tcase_add_checked_fixture(tcase, setup, drop_test_dir);
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}

#endif
