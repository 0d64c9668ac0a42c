/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_TREE_H
#define CHAIN_TREE_H
/* The Merkle tree of RFC 6962 over all entries since the log began, kept as its frontier. */
#include "chain/chain.h"

#define SALT_LEN 16

void leaf_hash(const uint8_t salt[SALT_LEN], struct bytes record, uint8_t ret[CHAIN_HASH]);
void node_hash(const uint8_t left[CHAIN_HASH], const uint8_t right[CHAIN_HASH],
	       uint8_t ret[CHAIN_HASH]);

/* Roots of the full subtrees that make up size leaves, largest first: one per set bit of size. */
struct tree {
	uint64_t size;
	uint8_t node[64][CHAIN_HASH];
};

static inline unsigned tree_nodes(uint64_t size)
{
	return (unsigned)__builtin_popcountll(size);
}

/* frontier: tree_nodes(size) hashes. */
void tree_load(struct tree *tree, uint64_t size, const uint8_t *frontier);

int tree_equal(const struct tree *a, const struct tree *b);

void tree_push(struct tree *tree, const uint8_t leaf[CHAIN_HASH]);

/* As many calls of tree_push, in less time. */
#define TREE_RUN 256
void tree_push_run(struct tree *tree, const uint8_t (*leaves)[CHAIN_HASH], size_t count);

/* Root; of the empty tree it is the hash of nothing. */
void tree_root(const struct tree *tree, uint8_t ret[CHAIN_HASH]);

/* Salts of one segment's leaves, made a run at a time: salt j is bytes [16j, 16j + 16) of
 * ChaCha20-IETF with the segment's key, nonce 0. */
#define SALT_RUN   256
#define SALT_LIMIT (1ull << 34) /* where the cipher's 32-bit block counter ends */

struct salts {
	uint8_t key[32];
	uint64_t run; /* number of the run held, plus one; 0 none */
	uint8_t salt[SALT_RUN][SALT_LEN];
};

void salts_init(struct salts *salts, const uint8_t key[32]);

/* Salt j < SALT_LIMIT, valid until the next call. */
const uint8_t *salts_get(struct salts *salts, uint64_t j);

/* Salts j to j + count, the last of them below SALT_LIMIT. */
void salts_copy(struct salts *salts, uint64_t j, size_t count, uint8_t (*ret)[SALT_LEN]);

#endif
