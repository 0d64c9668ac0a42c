// SPDX-License-Identifier: Apache-2.0
#include "chain/path.h"

#include <errno.h>

/* Largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
	return 1ull << (63 - __builtin_clzll(n - 1));
}

static void reverse(struct span *spans, int count)
{
	for (int i = 0, j = count - 1; i < j; i++, j--) {
		struct span s = spans[i];

		spans[i] = spans[j];
		spans[j] = s;
	}
}

/* Down from the root to the leaf; a proof lists the siblings upwards. */
int inclusion_spans(uint64_t index, uint64_t size, struct span ret[PROOF_HASHES])
{
	uint64_t lo = 0, hi = size;
	int n = 0;

	if (index >= size || size > PROOF_SIZE_MAX)
		return -EINVAL;
	while (hi - lo > 1) {
		uint64_t mid = lo + split(hi - lo);

		if (index < mid) {
			ret[n++] = (struct span){ mid, hi };
			hi = mid;
		} else {
			ret[n++] = (struct span){ lo, mid };
			lo = mid;
		}
	}
	reverse(ret, n);
	return n;
}

/* SUBPROOF of RFC 6962, 2.1.2: down along the old tree's right edge to its last full node. */
int growth_spans(uint64_t from, uint64_t to, struct span ret[PROOF_HASHES])
{
	uint64_t lo = 0, hi = to;
	int n = 0;

	if (from > to || to > PROOF_SIZE_MAX)
		return -EINVAL;
	if (from == 0)
		return 0;
	while (hi != from) {
		uint64_t mid = lo + split(hi - lo);

		if (from <= mid) {
			ret[n++] = (struct span){ mid, hi };
			hi = mid;
		} else {
			ret[n++] = (struct span){ lo, mid };
			lo = mid;
		}
	}
	if (lo) /* else the node is the old root, which the verifier has */
		ret[n++] = (struct span){ lo, hi };
	reverse(ret, n);
	return n;
}

/* Up from the node number at in its level to the root; last is the number of the level's last one.
 * left also takes in the nodes to the left alone, when there is one. A path that is too long is
 * left at the root, long before it is at its bound. */
static int climb(uint64_t at, uint64_t last, const struct path *path, unsigned next,
		 uint8_t all[CHAIN_HASH], uint8_t *left)
{
	for (; next < path->count; next++) {
		if (last == 0)
			return -EBADMSG;
		if (at & 1 || at == last) {
			node_hash(path->hash[next], all, all);
			if (left)
				node_hash(path->hash[next], left, left);
			while (!(at & 1)) { /* at > 0 here: levels where it is the lone last one */
				at >>= 1;
				last >>= 1;
			}
		} else {
			node_hash(all, path->hash[next], all);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 ? 0 : -EBADMSG;
}

static int same(const uint8_t a[CHAIN_HASH], const uint8_t b[CHAIN_HASH])
{
	return memcmp(a, b, CHAIN_HASH) == 0;
}

int check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[CHAIN_HASH],
		    const struct path *path, const uint8_t root[CHAIN_HASH])
{
	uint8_t hash[CHAIN_HASH];

	if (index >= size || size > PROOF_SIZE_MAX)
		return -EBADMSG;
	memcpy(hash, leaf, CHAIN_HASH);
	if (climb(index, size - 1, path, 0, hash, NULL) < 0 || !same(hash, root))
		return -EBADMSG;
	return 0;
}

/* From nothing there is nothing to show, but that nothing was held. */
static int check_from_nothing(const uint8_t root[CHAIN_HASH], const struct path *path)
{
	const struct tree empty = { 0 };
	uint8_t hash[CHAIN_HASH];

	tree_root(&empty, hash);
	return path->count == 0 && same(hash, root) ? 0 : -EBADMSG;
}

int check_growth(uint64_t from, const uint8_t from_root[CHAIN_HASH], uint64_t to,
		 const uint8_t to_root[CHAIN_HASH], const struct path *path)
{
	uint8_t old[CHAIN_HASH], all[CHAIN_HASH];
	uint64_t at, last;
	unsigned next = 0;

	if (from > to || to > PROOF_SIZE_MAX)
		return -EBADMSG;
	if (from == to)
		return path->count == 0 && same(from_root, to_root) ? 0 : -EBADMSG;
	if (from == 0)
		return check_from_nothing(from_root, path);
	/* The last full node of the old tree: the old root itself, or the first hash. */
	memcpy(old, from & (from - 1) ? path->hash[next++] : from_root, CHAIN_HASH);
	memcpy(all, old, CHAIN_HASH);
	at = from - 1;
	last = to - 1;
	while (at & 1) {
		at >>= 1;
		last >>= 1;
	}
	if (climb(at, last, path, next, all, old) < 0 || !same(old, from_root) ||
	    !same(all, to_root))
		return -EBADMSG;
	return 0;
}
