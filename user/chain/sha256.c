// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/sha256.h"

#include <stdlib.h>
#include <sodium.h>

#include "chain/sha256_ways.h"

const uint32_t sha256_initial[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

const uint32_t sha256_constants[64] __attribute__((aligned(64))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

/* --- messages and their padding ----------------------------------------------------------------
 */

static size_t message_len(const struct sha256_message *m)
{
	return 1 + m->first.len + m->second.len;
}

size_t sha256_blocks(const struct sha256_message *m)
{
	return (message_len(m) + 9 + SHA256_BLOCK - 1) / SHA256_BLOCK;
}

static void put_length(uint8_t *end, uint64_t bytes)
{
	uint64_t bits = __builtin_bswap64(8 * bytes);

	memcpy(end - 8, &bits, 8);
}

void sha256_pad(const struct sha256_message *m, size_t blocks, uint8_t *ret)
{
	uint8_t *p = ret, *end = ret + blocks * SHA256_BLOCK;

	*p++ = m->prefix;
	p = put_bytes(p, m->first.data, m->first.len);
	p = put_bytes(p, m->second.data, m->second.len);
	*p++ = 0x80;
	memset(p, 0, (size_t)(end - p));
	put_length(end, message_len(m));
}

void sha256_put(const uint32_t state[8], uint8_t ret[CHAIN_HASH])
{
	for (int i = 0; i < 8; i++) {
		uint32_t word = __builtin_bswap32(state[i]);

		memcpy(ret + 4 * i, &word, 4);
	}
}

/* --- one at a time -----------------------------------------------------------------------------
 */

static void portable(const struct bytes *parts, int count, uint8_t ret[CHAIN_HASH])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	for (int i = 0; i < count; i++)
		crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
	crypto_hash_sha256_final(&state, ret);
}

#ifdef SHA256_INSTRUCTIONS
/* The last bytes of a message, fewer than a block, and the padding. */
static void finish(uint32_t state[8], uint8_t block[2 * SHA256_BLOCK], size_t have, uint64_t len)
{
	size_t blocks = have < SHA256_BLOCK - 8 ? 1 : 2;

	block[have] = 0x80;
	memset(block + have + 1, 0, blocks * SHA256_BLOCK - have - 1);
	put_length(block + blocks * SHA256_BLOCK, len);
	sha256_compress(state, block, blocks);
}

static void instructions(const struct bytes *parts, int count, uint8_t ret[CHAIN_HASH])
{
	uint8_t block[2 * SHA256_BLOCK];
	uint64_t len = 0;
	uint32_t state[8];
	size_t have = 0;

	memcpy(state, sha256_initial, sizeof(state));
	for (int i = 0; i < count; i++) {
		const uint8_t *p = parts[i].data;
		size_t left = parts[i].len, n;

		len += left;
		if (have && left) { /* fill up what is left of the part before */
			n = SHA256_BLOCK - have < left ? SHA256_BLOCK - have : left;
			memcpy(block + have, p, n);
			have += n;
			p += n;
			left -= n;
			if (have < SHA256_BLOCK)
				continue;
			sha256_compress(state, block, 1);
			have = 0;
		}
		n = left / SHA256_BLOCK;
		if (n)
			sha256_compress(state, p, n);
		left -= n * SHA256_BLOCK;
		if (left)
			memcpy(block, p + n * SHA256_BLOCK, left);
		have += left;
	}
	finish(state, block, have, len);
	sha256_put(state, ret);
}

static void many_instructions(const struct sha256_message *m, size_t count,
			      uint8_t (*ret)[CHAIN_HASH])
{
#ifdef SHA256_PAIRS
	/* What has as many blocks goes in pairs; 1 + the index of who waits for its fellow. */
	size_t waits[SHA256_SHORT + 1] = { 0 };
	uint8_t data[2][SHA256_SHORT * SHA256_BLOCK];
	const uint8_t *const both[2] = { data[0], data[1] };

	for (size_t i = 0; i < count; i++) {
		size_t blocks = sha256_blocks(&m[i]), fellow;
		uint32_t state[2][8];

		if (blocks > SHA256_SHORT) {
			sha256_one(&m[i], ret[i]);
			continue;
		}
		fellow = waits[blocks];
		waits[blocks] = fellow ? 0 : i + 1;
		if (!fellow--)
			continue;
		sha256_pad(&m[fellow], blocks, data[0]);
		sha256_pad(&m[i], blocks, data[1]);
		memcpy(state[0], sha256_initial, sizeof(state[0]));
		memcpy(state[1], sha256_initial, sizeof(state[1]));
		sha256_compress_two(state, both, blocks);
		sha256_put(state[0], ret[fellow]);
		sha256_put(state[1], ret[i]);
	}
	for (size_t blocks = 0; blocks <= SHA256_SHORT; blocks++) {
		if (waits[blocks])
			sha256_one(&m[waits[blocks] - 1], ret[waits[blocks] - 1]);
	}
#else
	for (size_t i = 0; i < count; i++)
		sha256_one(&m[i], ret[i]);
#endif
}
#endif

static void many_portable(const struct sha256_message *m, size_t count, uint8_t (*ret)[CHAIN_HASH])
{
	for (size_t i = 0; i < count; i++)
		sha256_one(&m[i], ret[i]);
}

/* --- the ways ----------------------------------------------------------------------------------
 */

static bool always(void)
{
	return true;
}

static const struct way {
	const char *name;
	bool (*is_here)(void);
	void (*one)(const struct bytes *parts, int count, uint8_t ret[CHAIN_HASH]);
	void (*many)(const struct sha256_message *m, size_t count, uint8_t (*ret)[CHAIN_HASH]);
} ways[] = {
#ifdef SHA256_INSTRUCTIONS
	{ "sha", sha256_has_instructions, instructions, many_instructions },
#endif
#ifdef SHA256_LANES
	{ "lanes16", sha256_has_lanes16, portable, sha256_many_lanes16 },
	{ "lanes8", sha256_has_lanes8, portable, sha256_many_lanes8 },
	{ "lanes4", always, portable, sha256_many_lanes4 },
#endif
	{ "portable", always, portable, many_portable },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static const struct way *chosen; /* every thread that finds none chooses the same */

static const struct way *choose(const char *name)
{
	for (size_t i = 0; i < WAYS; i++) {
		if ((!name || strcmp(name, ways[i].name) == 0) && ways[i].is_here())
			return &ways[i];
	}
	return NULL;
}

static const struct way *way(void)
{
	const struct way *w = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

	if (w)
		return w;
	w = choose(secure_getenv("INDELIBLE_SHA256"));
	if (!w)
		w = choose(NULL);
	__atomic_store_n(&chosen, w, __ATOMIC_RELAXED);
	return w;
}

bool sha256_use(const char *name)
{
	const struct way *w = choose(name);

	if (w)
		__atomic_store_n(&chosen, w, __ATOMIC_RELAXED);
	return w != NULL;
}

const char *sha256_way(size_t i)
{
	return i < WAYS ? ways[i].name : NULL;
}

void sha256(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH])
{
	struct bytes parts[2] = { first, second };

	way()->one(parts, 2, ret);
}

void sha256_one(const struct sha256_message *m, uint8_t ret[CHAIN_HASH])
{
	struct bytes parts[3] = { bytes_of(&m->prefix, 1), m->first, m->second };

	way()->one(parts, 3, ret);
}

void sha256_many(const struct sha256_message *messages, size_t count, uint8_t (*ret)[CHAIN_HASH])
{
	if (count == 1)
		sha256_one(messages, ret[0]);
	else
		way()->many(messages, count, ret);
}
