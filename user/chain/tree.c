// SPDX-License-Identifier: Apache-2.0
#include "chain/tree.h"

#include <sodium.h>

#include "chain/sha256.h"

void leaf_hash(const uint8_t salt[SALT_LEN], struct bytes record, uint8_t ret[CHAIN_HASH])
{
	uint8_t head[1 + SALT_LEN] = { 0x00 };

	memcpy(head + 1, salt, SALT_LEN);
	sha256(bytes_of(head, sizeof(head)), record, ret);
}

void node_hash(const uint8_t left[CHAIN_HASH], const uint8_t right[CHAIN_HASH],
	       uint8_t ret[CHAIN_HASH])
{
	uint8_t both[1 + 2 * CHAIN_HASH] = { 0x01 };

	memcpy(both + 1, left, CHAIN_HASH);
	memcpy(both + 1 + CHAIN_HASH, right, CHAIN_HASH);
	sha256(bytes_of(both, sizeof(both)), bytes_of(NULL, 0), ret);
}

void tree_load(struct tree *tree, uint64_t size, const uint8_t *frontier)
{
	tree->size = size;
	if (size)
		memcpy(tree->node, frontier, (size_t)tree_nodes(size) * CHAIN_HASH);
}

int tree_equal(const struct tree *a, const struct tree *b)
{
	return a->size == b->size &&
	       memcmp(a->node, b->node, (size_t)tree_nodes(a->size) * CHAIN_HASH) == 0;
}

void tree_push(struct tree *tree, const uint8_t leaf[CHAIN_HASH])
{
	unsigned top = tree_nodes(tree->size);
	uint8_t hash[CHAIN_HASH];

	memcpy(hash, leaf, CHAIN_HASH);
	/* Each trailing one bit is a full subtree as large as the one in hand. */
	for (uint64_t bits = tree->size; bits & 1; bits >>= 1)
		node_hash(tree->node[--top], hash, hash);
	memcpy(tree->node[top], hash, CHAIN_HASH);
	tree->size++;
}

/* Hash neighbours together: level[0] with [1], [2] with [3]. */
static void hash_pairs(const uint8_t (*level)[CHAIN_HASH], size_t pairs, uint8_t (*ret)[CHAIN_HASH])
{
	struct sha256_message messages[TREE_RUN / 2];

	for (size_t i = 0; i < pairs; i++)
		messages[i] = (struct sha256_message){ 0x01, bytes_of(level[2 * i], 2 * CHAIN_HASH),
						       bytes_of(NULL, 0) };
	sha256_many(messages, pairs, ret);
}

/* Level by level: what stands alone on the right of each is a node of the new frontier. */
static void push_run(struct tree *tree, const uint8_t (*leaves)[CHAIN_HASH], size_t count)
{
	uint8_t room[2][1 + TREE_RUN][CHAIN_HASH]; /* the first place is for the frontier's node */
	uint8_t alone[64][CHAIN_HASH];
	unsigned old = tree_nodes(tree->size), fresh = 0, now = 0;
	uint64_t end = tree->size + count;

	memcpy(room[0][1], leaves, count * CHAIN_HASH);
	for (uint64_t bits = tree->size; count; bits >>= 1, now ^= 1) {
		const uint8_t(*level)[CHAIN_HASH] = (const uint8_t(*)[CHAIN_HASH])room[now] + 1;

		if (bits & 1) {
			memcpy(room[now][0], tree->node[--old], CHAIN_HASH);
			level--;
			count++;
		}
		if (count & 1)
			memcpy(alone[fresh++], level[count - 1], CHAIN_HASH);
		count /= 2;
		hash_pairs(level, count, room[now ^ 1] + 1);
	}
	while (fresh)
		memcpy(tree->node[old++], alone[--fresh], CHAIN_HASH);
	tree->size = end;
}

void tree_push_run(struct tree *tree, const uint8_t (*leaves)[CHAIN_HASH], size_t count)
{
	for (size_t n; count; count -= n, leaves += n) {
		n = count < TREE_RUN ? count : TREE_RUN;
		push_run(tree, leaves, n);
	}
}

void tree_root(const struct tree *tree, uint8_t ret[CHAIN_HASH])
{
	unsigned top = tree_nodes(tree->size);

	if (top == 0) {
		sha256(bytes_of(NULL, 0), bytes_of(NULL, 0), ret);
		return;
	}
	memcpy(ret, tree->node[--top], CHAIN_HASH);
	while (top)
		node_hash(tree->node[--top], ret, ret);
}

void salts_init(struct salts *salts, const uint8_t key[32])
{
	memcpy(salts->key, key, 32);
	salts->run = 0;
}

const uint8_t *salts_get(struct salts *salts, uint64_t j)
{
	static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
	uint64_t run = j / SALT_RUN;

	if (salts->run != run + 1) {
		memset(salts->salt, 0, sizeof(salts->salt));
		crypto_stream_chacha20_ietf_xor_ic(
			salts->salt[0], salts->salt[0], sizeof(salts->salt), nonce,
			(uint32_t)(run * sizeof(salts->salt) / 64), salts->key);
		salts->run = run + 1;
	}
	return salts->salt[j % SALT_RUN];
}

void salts_copy(struct salts *salts, uint64_t j, size_t count, uint8_t (*ret)[SALT_LEN])
{
	for (size_t n; count; count -= n, j += n, ret += n) {
		n = SALT_RUN - j % SALT_RUN;
		if (n > count)
			n = count;
		memcpy(ret, salts_get(salts, j), n * SALT_LEN);
	}
}
