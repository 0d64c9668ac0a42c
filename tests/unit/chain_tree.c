// SPDX-License-Identifier: Apache-2.0
/* Known answers: RFC 6962 roots, RFC 8032 signatures, the salts of the format's vector. */
#include "chain_util.h"

#include <sodium.h>

#include "chain/segment.h"

static void assert_hex(const uint8_t *data, size_t len, const char *want)
{
	char hex[256];

	ck_assert_uint_lt(2 * len, sizeof(hex));
	sodium_bin2hex(hex, sizeof(hex), data, len);
	ck_assert_str_eq(hex, want);
}

/* The eight leaves and nine roots of the Certificate Transparency reference tests. */
START_TEST(rfc6962_roots)
{
	static const struct {
		const char *leaf;
		size_t len;
		const char *root; /* of the tree that ends with it */
	} rows[] = {
		{ "", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
		{ "\0", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
		{ "\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
		{ "\x20\x21", 2,
		  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
		{ "\x30\x31", 2,
		  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
		{ "\x40\x41\x42\x43", 4,
		  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
		{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8,
		  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
		{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
		  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
	};
	uint8_t hash[CHAIN_HASH], data[32] = { 0 };
	struct tree tree = { 0 };

	tree_root(&tree, hash);
	assert_hex(hash, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(data + 1, rows[i].leaf, rows[i].len);
		crypto_hash_sha256(hash, data, 1 + rows[i].len);
		tree_push(&tree, hash);
		tree_root(&tree, hash);
		assert_hex(hash, 32, rows[i].root);
	}
}
END_TEST

/* A leaf is RFC 6962's, over salt and record. */
START_TEST(salted_leaf)
{
	uint8_t data[1 + SALT_LEN + 300] = { 0 }, want[CHAIN_HASH], leaf[CHAIN_HASH];

	for (size_t i = 1; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 11);
	for (size_t len = 0; len <= 300; len++) {
		crypto_hash_sha256(want, data, 1 + SALT_LEN + len);
		leaf_hash(data + 1, bytes_of(data + 1 + SALT_LEN, len), leaf);
		ck_assert_mem_eq(leaf, want, CHAIN_HASH);
	}
}
END_TEST

/* The frontier, carried over in a segment header at any size, goes on as the tree would have. */
START_TEST(frontier_carries_over)
{
	struct segment_header header = { .number = 7 }, again;
	uint8_t bytes[SEGMENT_HEADER_MAX], a[CHAIN_HASH], b[CHAIN_HASH], leaf[CHAIN_HASH] = { 0 };
	struct tree tree = { 0 };
	const char *why;

	for (int i = 0; i < 300; i++) {
		size_t len;

		header.tree = tree;
		len = segment_header_encode(&header, bytes);
		ck_assert_uint_eq(len, segment_header_len(tree.size));
		ck_assert_int_eq(segment_header_decode(bytes_of(bytes, len), &again, &why), len);
		ck_assert(tree_equal(&again.tree, &tree));
		ck_assert_int_eq(segment_header_decode(bytes_of(bytes, len - 1), &again, &why), 0);
		leaf[0] = (uint8_t)i;
		tree_push(&tree, leaf);
		tree_push(&again.tree, leaf);
		tree_root(&tree, a);
		tree_root(&again.tree, b);
		ck_assert_mem_eq(a, b, CHAIN_HASH);
	}
}
END_TEST

/* A run of any length is as many single leaves. */
START_TEST(long_run)
{
	static uint8_t leaf[20 * TREE_RUN + 7][CHAIN_HASH];
	size_t count = sizeof(leaf) / sizeof(leaf[0]);
	struct tree one = { 0 }, run = { 0 };

	for (size_t i = 0; i < count; i++) {
		put_u64(leaf[i], i);
		tree_push(&one, leaf[i]);
	}
	tree_push_run(&run, (const uint8_t(*)[CHAIN_HASH])leaf, count);
	ck_assert(tree_equal(&one, &run));
}
END_TEST

START_TEST(vector_salts)
{
	uint8_t key[32], stream[SALT_LEN * 600];
	static const uint8_t nonce[12];
	struct salts salts;

	memset(key, 0xa2, sizeof(key));
	salts_init(&salts, key);
	assert_hex(salts_get(&salts, 0), SALT_LEN, "78d7ab1d34d4036a0d129d019ebe6bd6");
	crypto_stream_chacha20_ietf(stream, sizeof(stream), nonce, key);
	for (int i = 599; i >= 0; i -= 7)
		ck_assert_mem_eq(salts_get(&salts, (uint64_t)i), stream + SALT_LEN * i, SALT_LEN);
	salts_get(&salts, SALT_LIMIT - 1); /* the last one there is */
}
END_TEST

/* RFC 8032, 7.1: TEST 1 and TEST 3. */
START_TEST(rfc8032)
{
	uint8_t seed[32], pk[32], sk[64], sig[64];

	sodium_hex2bin(seed, 32, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		       64, NULL, NULL, NULL);
	crypto_sign_seed_keypair(pk, sk, seed);
	assert_hex(pk, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	crypto_sign_detached(sig, NULL, NULL, 0, sk);
	assert_hex(sig, 64,
		   "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		   "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
	sodium_hex2bin(seed, 32, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		       64, NULL, NULL, NULL);
	crypto_sign_seed_keypair(pk, sk, seed);
	crypto_sign_detached(sig, NULL, (const uint8_t *)"\xaf\x82", 2, sk);
	assert_hex(sig, 64,
		   "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
		   "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
}
END_TEST

/* --- blocks: what decodes is exactly what was encoded ------------------------------------------
 */

static size_t make_block(uint8_t *p, uint64_t first)
{
	uint8_t *q = p + BLOCK_HEADER;

	q = put_bytes(q, "\0\3abc", 5);
	q = put_bytes(q, "\0\1x", 3);
	block_header_encode(p, first, (uint32_t)(q - p) - BLOCK_HEADER, 2);
	return (size_t)(q - p);
}

START_TEST(block_answers)
{
	uint8_t data[64];
	struct block block;
	const char *why = NULL;
	size_t len = make_block(data, 9), at = 0;

	ck_assert_int_eq(block_decode(bytes_of(data, len), 9, &block, &why), len);
	ck_assert(bytes_equal(block_entry(&block, &at), bytes_of_text("abc")));
	ck_assert(bytes_equal(block_entry(&block, &at), bytes_of_text("x")));
	ck_assert_uint_eq(at, block.payload.len);
	for (size_t n = 0; n < len; n++)
		ck_assert_int_eq(block_decode(bytes_of(data, n), 9, &block, &why), 0);
	ck_assert_int_eq(block_decode(bytes_of(data, len), 8, &block, &why), -EBADMSG);
	for (size_t i = 0; i < 8 * len; i++) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		ck_assert_int_le(block_decode(bytes_of(data, len), 9, &block, &why), 0);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}
END_TEST

/* Bounds that no crc excuses. */
START_TEST(block_bounds)
{
	static const struct {
		const char *payload;
		size_t len;
		unsigned count;
	} rows[] = {
		{ "", 0, 1 },		{ "\0\0", 2, 1 },    { "\0\1", 2, 1 },
		{ "\0\1a", 3, 2 },	{ "\0\1a\0", 4, 1 }, { "\0\1a\0\1b", 6, 1 },
		{ "\0\1a\0\2b", 6, 2 }, { "\0", 1, 1 },	     { "\xff\xff", 2, 1 },
		{ "\0\1a\0\1b", 6, 0 }, { "", 0, 0 },
	};
	uint8_t data[1024];
	struct block block;
	const char *why;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(data + BLOCK_HEADER, rows[i].payload, rows[i].len);
		block_header_encode(data, 1, (uint32_t)rows[i].len, (uint16_t)rows[i].count);
		ck_assert_msg(block_decode(bytes_of(data, BLOCK_HEADER + rows[i].len), 1, &block,
					   &why) == -EBADMSG,
			      "row %zu", i);
	}
	for (unsigned n = 256; n <= 257; n++) {
		for (unsigned i = 0; i < n; i++)
			memcpy(data + BLOCK_HEADER + 3 * i, "\0\1a", 3);
		block_header_encode(data, 1, 3 * n, (uint16_t)n);
		ck_assert_int_eq(
			block_decode(bytes_of(data, BLOCK_HEADER + 3 * n), 1, &block, &why),
			n == 256 ? BLOCK_HEADER + 3 * 256 : -EBADMSG);
	}
	make_block(data, UINT64_MAX - 1);
	ck_assert_int_eq(block_decode(bytes_of(data, 32), UINT64_MAX - 1, &block, &why), -EBADMSG);
	put_u32(data + 16, BLOCK_PAYLOAD_MAX + 1);
	ck_assert_int_eq(block_decode(bytes_of(data, 32), 1, &block, &why), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_tree");
	TCase *tcase = tcase_create("known answers");

	if (sodium_init() < 0)
		return 1;
	tcase_add_test(tcase, rfc6962_roots);
	tcase_add_test(tcase, salted_leaf);
	tcase_add_test(tcase, frontier_carries_over);
	tcase_add_test(tcase, long_run);
	tcase_add_test(tcase, vector_salts);
	tcase_add_test(tcase, rfc8032);
	tcase_add_test(tcase, block_answers);
	tcase_add_test(tcase, block_bounds);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
