// SPDX-License-Identifier: Apache-2.0
/* Our SHA-256, in every way this processor has, against FIPS 180-4 and libsodium's; and the tree it
 * builds many at a time against the one built one by one. */
#include "chain_util.h"

#include <sodium.h>

#include "chain/leaves.h"
#include "chain/sha256.h"

#define DATA 140000
static uint8_t data[DATA];

static void setup(void)
{
	for (size_t i = 0; i < DATA; i += 4)
		put_u32(data + i, (uint32_t)i * 2654435761u ^ (uint32_t)i >> 7);
}

/* Call test once in each way; "portable" is there everywhere. */
static void in_every_way(void (*test)(const char *way))
{
	int ways = 0;

	for (size_t i = 0; sha256_way(i); i++) {
		if (!sha256_use(sha256_way(i)))
			continue;
		test(sha256_way(i));
		ways++;
	}
	ck_assert_int_ge(ways, 1);
	ck_assert(sha256_use(NULL));
}

static void expect_hex(const char *way, const char *text, const char *hex)
{
	uint8_t got[CHAIN_HASH];
	char got_hex[2 * CHAIN_HASH + 1];

	sha256(bytes_of_text(text), bytes_of(NULL, 0), got);
	sodium_bin2hex(got_hex, sizeof(got_hex), got, sizeof(got));
	ck_assert_msg(strcmp(got_hex, hex) == 0, "%s: \"%s\" is %s", way, text, got_hex);
}

static void answers(const char *way)
{
	expect_hex(way, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_hex(way, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_hex(way, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

START_TEST(known_answers)
{
	in_every_way(answers);
}
END_TEST

static void check_split(const char *way, size_t split, size_t len)
{
	uint8_t got[CHAIN_HASH], want[CHAIN_HASH];

	sha256(bytes_of(data, split), bytes_of(data + split, len - split), got);
	crypto_hash_sha256(want, data, len);
	ck_assert_msg(memcmp(got, want, CHAIN_HASH) == 0, "%s: %zu of %zu bytes", way, split, len);
}

/* Every length and every place to split it, over four blocks; then long ones. */
static void splits(const char *way)
{
	for (size_t len = 0; len <= 300; len++) {
		for (size_t split = 0; split <= len; split++)
			check_split(way, split, len);
	}
	for (size_t len = 1000; len < 70000; len += 997)
		check_split(way, 17, len);
}

START_TEST(one_at_a_time)
{
	in_every_way(splits);
}
END_TEST

static void check_many(const char *way, const struct sha256_message *messages, size_t count)
{
	static uint8_t got[600][CHAIN_HASH];
	uint8_t want[CHAIN_HASH];

	memset(got, 0xee, sizeof(got));
	sha256_many(messages, count, got);
	for (size_t i = 0; i < count; i++) {
		const struct sha256_message *m = &messages[i];
		crypto_hash_sha256_state state;

		crypto_hash_sha256_init(&state);
		crypto_hash_sha256_update(&state, &m->prefix, 1);
		crypto_hash_sha256_update(&state, m->first.data, m->first.len);
		crypto_hash_sha256_update(&state, m->second.data, m->second.len);
		crypto_hash_sha256_final(&state, want);
		ck_assert_msg(memcmp(got[i], want, CHAIN_HASH) == 0,
			      "%s: message %zu of %zu, %zu + %zu bytes", way, i, count,
			      m->first.len, m->second.len);
	}
	ck_assert_uint_eq(got[count][0], 0xee);
}

static void batches(const char *way)
{
	struct sha256_message messages[512];

	/* all lengths, neighbours alike and not */
	for (size_t i = 0; i < 512; i++)
		messages[i] = (struct sha256_message){ (uint8_t)i, bytes_of(data + i, i % 80),
						       bytes_of(data + 3 * i, i * 7 % 600) };
	for (size_t count = 0; count <= 70; count++)
		check_many(way, messages, count);
	check_many(way, messages, 512);
	for (size_t len = 0; len <= 600; len++) {
		for (size_t i = 0; i < 19; i++)
			messages[i] = (struct sha256_message){ 1, bytes_of(data + i, len),
							       bytes_of(NULL, 0) };
		check_many(way, messages, 19);
	}
	/* a few long ones among short ones, as they come */
	srand(7);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 256; i++)
			messages[i] = (struct sha256_message){
				(uint8_t)rand(), bytes_of(data + rand() % 1000, 16),
				bytes_of(data + rand() % 1000,
					 (size_t)(i % 50 ? rand() % 300 : rand() % 65536))
			};
		check_many(way, messages, (size_t)(1 + rand() % 256));
	}
}

START_TEST(many_at_once)
{
	in_every_way(batches);
}
END_TEST

/* --- the tree ----------------------------------------------------------------------------------
 */

static void check_run(const char *way, struct tree *tree, size_t count)
{
	struct tree slow = *tree;
	const uint8_t(*leaves)[CHAIN_HASH] = (const uint8_t(*)[CHAIN_HASH])(data + count % 64);

	for (size_t i = 0; i < count; i++)
		tree_push(&slow, leaves[i]);
	tree_push_run(tree, leaves, count);
	ck_assert_msg(tree_equal(tree, &slow), "%s: %zu leaves more, then %llu", way, count,
		      (unsigned long long)slow.size);
}

/* From every size and by every count that can meet in a block, and by more than one. */
static void runs(const char *way)
{
	struct tree tree = { 0 };

	for (size_t count = 0; count <= 4 * TREE_RUN; count += count < 300 ? 1 : 37)
		check_run(way, &tree, count);
	for (size_t size = 0; size < 40; size++) {
		struct tree start = { 0 };

		check_run(way, &start, size);
		for (size_t count = 0; count <= 257; count += count < 40 ? 1 : 31) {
			tree = start;
			check_run(way, &tree, count);
		}
	}
}

START_TEST(tree_by_runs)
{
	in_every_way(runs);
}
END_TEST

/* A block of count entries of mixed lengths; returns the bytes of its payload. */
static size_t fill_block(uint8_t *p, unsigned count)
{
	uint8_t *start = p;

	for (unsigned i = 0; i < count; i++) {
		size_t len = 1 + i * 37 % 400;

		*p++ = (uint8_t)(len >> 8);
		*p++ = (uint8_t)len;
		p = put_bytes(p, data + i, len);
	}
	return (size_t)(p - start);
}

static void blocks(const char *way)
{
	static uint8_t payload[BLOCK_ENTRIES_MAX * 402];
	static const uint64_t starts[] = { 0, 1, 100, 255, 256, 300 };
	struct salts salts;

	salts_init(&salts, data + 5);
	for (size_t row = 0; row < sizeof(starts) / sizeof(starts[0]); row++) {
		struct tree tree = { 0 }, slow = { 0 };
		uint64_t j = starts[row];

		for (unsigned count = 1; count <= BLOCK_ENTRIES_MAX; count += 15) {
			struct block block = { 0, count,
					       bytes_of(payload, fill_block(payload, count)) };
			uint8_t leaf[CHAIN_HASH];
			size_t at = 0;

			tree_push_block(&tree, &block, &salts, j);
			for (unsigned i = 0; i < count; i++) {
				leaf_hash(salts_get(&salts, j + i), block_entry(&block, &at), leaf);
				tree_push(&slow, leaf);
			}
			ck_assert_msg(tree_equal(&tree, &slow), "%s: %u entries from %llu", way,
				      count, (unsigned long long)j);
			j += count;
		}
	}
}

START_TEST(tree_by_blocks)
{
	in_every_way(blocks);
}
END_TEST

/* A way that is not known is no way, and changes nothing. */
START_TEST(unknown_way)
{
	uint8_t got[CHAIN_HASH], want[CHAIN_HASH];

	ck_assert(!sha256_use("md5"));
	ck_assert(!sha256_use(""));
	sha256(bytes_of_text("x"), bytes_of(NULL, 0), got);
	crypto_hash_sha256(want, (const uint8_t *)"x", 1);
	ck_assert_mem_eq(got, want, CHAIN_HASH);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_sha256");
	TCase *tcase = tcase_create("sha256");

	if (sodium_init() < 0)
		return 1;
	tcase_add_unchecked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, known_answers);
	tcase_add_test(tcase, one_at_a_time);
	tcase_add_test(tcase, many_at_once);
	tcase_add_test(tcase, tree_by_runs);
	tcase_add_test(tcase, tree_by_blocks);
	tcase_add_test(tcase, unknown_way);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
