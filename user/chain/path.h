/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_PATH_H
#define CHAIN_PATH_H
/*
 * Merkle proofs as RFC 6962 and RFC 9162 define them: which nodes a proof is made of, and whether
 * one holds. An inclusion proof shows that a leaf is in a tree; a growth (consistency) proof that
 * a tree begins with all of an older one. Nothing here reads a chain.
 */
#include "chain/tree.h"

#define PROOF_HASHES   63	    /* more than any proof within the next bound has */
#define PROOF_SIZE_MAX (1ull << 62) /* leaves of a tree that proofs are made for or checked in */

/* Leaves [from, to): from is a multiple of the smallest power of two that is not below to - from,
 * so the node over them stands in the tree of every size from to on, or is its right edge. */
struct span {
	uint64_t from, to;
};

struct path {
	unsigned count;
	uint8_t hash[PROOF_HASHES][CHAIN_HASH];
};

/* The nodes of a proof, in its order; their number, or -EINVAL for what has no proof: index beyond
 * size, from above to, or too large a size. From 0 or from == to the growth proof is empty. */
int inclusion_spans(uint64_t index, uint64_t size, struct span ret[PROOF_HASHES]);
int growth_spans(uint64_t from, uint64_t to, struct span ret[PROOF_HASHES]);

/* 0 when it holds; -EBADMSG. As RFC 9162, 2.1.3.2 and 2.1.4.2. Of size 0 only the root of nothing
 * is the beginning of every tree. */
int check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[CHAIN_HASH],
		    const struct path *path, const uint8_t root[CHAIN_HASH]);
int check_growth(uint64_t from, const uint8_t from_root[CHAIN_HASH], uint64_t to,
		 const uint8_t to_root[CHAIN_HASH], const struct path *path);

#endif
