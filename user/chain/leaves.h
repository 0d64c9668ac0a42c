/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_LEAVES_H
#define CHAIN_LEAVES_H
/* Whole blocks into the tree, many hashes at once: what keeper and verifier share. */
#include "chain/segment.h"

/* Leaf hashes of a block's entries. The first is entry j of its segment, the last one's salt is
 * below SALT_LIMIT. */
void block_leaves(const struct block *block, struct salts *salts, uint64_t j,
		  uint8_t (*ret)[CHAIN_HASH]);

/* Append them to the tree. */
void tree_push_block(struct tree *tree, const struct block *block, struct salts *salts, uint64_t j);

#endif
