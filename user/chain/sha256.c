// SPDX-License-Identifier: Apache-2.0
#include "chain/sha256.h"

#include <sodium.h>

#define BLOCK 64

void sha256_portable(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, first.data, first.len);
	crypto_hash_sha256_update(&state, second.data, second.len);
	crypto_hash_sha256_final(&state, ret);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
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

/* The eight words in the order the instructions want them. */
struct state {
	__m128i abef, cdgh;
};

#define SHA __attribute__((target("sha,sse4.1,ssse3")))

SHA static struct state initial_state(void)
{
	return (struct state){
		_mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
		_mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
	};
}

/* One block: sixteen groups of four rounds. */
SHA static struct state compress(struct state s, const uint8_t block[BLOCK])
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	struct state before = s;
	__m128i w[4], k;

	for (int i = 0; i < 4; i++)
		w[i] = _mm_shuffle_epi8(
			_mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i)), swap);
#pragma GCC unroll 16
	for (int i = 0; i < 16; i++) {
		__m128i *now = &w[i & 3], *last = &w[(i + 3) & 3];

		if (i >= 4) { /* the next four words of the message schedule */
			*now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) & 3]),
					     _mm_alignr_epi8(*last, w[(i + 2) & 3], 4));
			*now = _mm_sha256msg2_epu32(*now, *last);
		}
		k = _mm_add_epi32(
			*now,
			_mm_load_si128((const __m128i *)(const void *)&round_constants[4 * i]));
		s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, k);
		s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(k, 0x0e));
	}
	s.abef = _mm_add_epi32(s.abef, before.abef);
	s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
	return s;
}

SHA static void put_state(struct state s, uint8_t ret[CHAIN_HASH])
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);
	__m128i dcba = _mm_blend_epi16(feba, dchg, 0xf0), hgfe = _mm_alignr_epi8(dchg, feba, 8);

	_mm_storeu_si128((__m128i *)(void *)ret, _mm_shuffle_epi8(dcba, swap));
	_mm_storeu_si128((__m128i *)(void *)(ret + 16), _mm_shuffle_epi8(hgfe, swap));
}

SHA static void hash(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH])
{
	struct bytes parts[2] = { first, second };
	uint64_t bits = 8 * ((uint64_t)first.len + second.len);
	struct state s = initial_state();
	uint8_t block[2 * BLOCK];
	size_t have = 0, end;

	for (int i = 0; i < 2; i++) {
		const uint8_t *p = parts[i].data;
		size_t left = parts[i].len;

		if (left == 0)
			continue;
		if (have) { /* fill up what is left of the part before */
			size_t n = BLOCK - have < left ? BLOCK - have : left;

			memcpy(block + have, p, n);
			have += n;
			p += n;
			left -= n;
			if (have < BLOCK)
				continue;
			s = compress(s, block);
		}
		for (; left >= BLOCK; left -= BLOCK, p += BLOCK)
			s = compress(s, p);
		if (left)
			memcpy(block, p, left);
		have = left;
	}
	end = have < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	block[have] = 0x80;
	memset(block + have + 1, 0, end - have - 1);
	for (int i = 0; i < 8; i++)
		block[end - 1 - i] = (uint8_t)(bits >> 8 * i);
	s = compress(s, block);
	if (end > BLOCK)
		s = compress(s, block + BLOCK);
	put_state(s, ret);
}

/* CPUID leaf 7: EBX bit 29 is SHA; leaf 1: ECX bits 9 and 19 are SSSE3 and SSE4.1. */
static int has_sha(void)
{
	static int known; /* 1 no, 2 yes; every thread finds the same */
	unsigned a, b, c, d, ecx1;
	int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (answer)
		return answer == 2;
	answer = 1;
	if (__get_cpuid(1, &a, &b, &ecx1, &d) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
	    (b & 1u << 29) && (ecx1 & 1u << 9) && (ecx1 & 1u << 19))
		answer = 2;
	__atomic_store_n(&known, answer, __ATOMIC_RELAXED);
	return answer == 2;
}

int sha256_fast(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH])
{
	if (!has_sha())
		return 0;
	hash(first, second, ret);
	return 1;
}
#else
int sha256_fast(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH])
{
	(void)first;
	(void)second;
	(void)ret;
	return 0;
}
#endif

void sha256(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH])
{
	if (!sha256_fast(first, second, ret))
		sha256_portable(first, second, ret);
}
