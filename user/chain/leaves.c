// SPDX-License-Identifier: Apache-2.0
#include "chain/leaves.h"

#include "chain/sha256.h"

_Static_assert(BLOCK_ENTRIES_MAX == TREE_RUN, "a block is pushed in one run");

void block_leaves(const struct block *block, struct salts *salts, uint64_t j,
		  uint8_t (*ret)[CHAIN_HASH])
{
	struct sha256_message messages[BLOCK_ENTRIES_MAX];
	uint8_t salt[BLOCK_ENTRIES_MAX][SALT_LEN];
	size_t at = 0;

	salts_copy(salts, j, block->count, salt);
	for (unsigned i = 0; i < block->count; i++)
		messages[i] = (struct sha256_message){ 0x00, bytes_of(salt[i], SALT_LEN),
						       block_entry(block, &at) };
	sha256_many(messages, block->count, ret);
}

void tree_push_block(struct tree *tree, const struct block *block, struct salts *salts, uint64_t j)
{
	uint8_t leaves[BLOCK_ENTRIES_MAX][CHAIN_HASH];

	block_leaves(block, salts, j, leaves);
	tree_push_run(tree, (const uint8_t(*)[CHAIN_HASH])leaves, block->count);
}
