// SPDX-License-Identifier: Apache-2.0
/* The SHA instructions of x86-64. One message keeps them half busy: each round waits for the one
 * before. Two messages side by side fill the gaps. */
#include "chain/sha256_ways.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* The eight words in the order the instructions want them. */
struct state {
	__m128i abef, cdgh;
};

#define SHA __attribute__((target("sha,sse4.1,ssse3")))

SHA static inline __m128i load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

SHA static inline struct state load_state(const uint32_t state[8])
{
	__m128i cdab = _mm_shuffle_epi32(load(state), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);

	return (struct state){ _mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0) };
}

SHA static inline void store_state(struct state s, uint32_t state[8])
{
	__m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

SHA static inline void load_block(__m128i w[4], const uint8_t *block)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	for (int i = 0; i < 4; i++)
		w[i] = _mm_shuffle_epi8(load(block + 16 * i), swap);
}

/* Group i of four rounds, of sixteen. */
SHA static inline __attribute__((always_inline)) void four_rounds(struct state *s, __m128i w[4],
								  int i)
{
	__m128i *now = &w[i & 3], *last = &w[(i + 3) & 3], k;

	if (i >= 4) { /* the next four words of the message schedule */
		*now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) & 3]),
				     _mm_alignr_epi8(*last, w[(i + 2) & 3], 4));
		*now = _mm_sha256msg2_epu32(*now, *last);
	}
	k = _mm_add_epi32(*now, load(sha256_constants + 4 * i));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, k);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(k, 0x0e));
}

SHA static inline struct state add(struct state a, struct state b)
{
	return (struct state){ _mm_add_epi32(a.abef, b.abef), _mm_add_epi32(a.cdgh, b.cdgh) };
}

SHA void sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	struct state s = load_state(state);

	for (; blocks; blocks--, data += SHA256_BLOCK) {
		struct state before = s;
		__m128i w[4];

		load_block(w, data);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++)
			four_rounds(&s, w, i);
		s = add(s, before);
	}
	store_state(s, state);
}

SHA void sha256_compress_two(uint32_t state[2][8], const uint8_t *const data[2], size_t blocks)
{
	struct state s = load_state(state[0]), t = load_state(state[1]);

	for (size_t at = 0; at < blocks * SHA256_BLOCK; at += SHA256_BLOCK) {
		struct state s_before = s, t_before = t;
		__m128i w[4], x[4];

		load_block(w, data[0] + at);
		load_block(x, data[1] + at);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			four_rounds(&s, w, i);
			four_rounds(&t, x, i);
		}
		s = add(s, s_before);
		t = add(t, t_before);
	}
	store_state(s, state[0]);
	store_state(t, state[1]);
}

/* CPUID leaf 7: EBX bit 29 is SHA; leaf 1: ECX bits 9 and 19 are SSSE3 and SSE4.1. */
bool sha256_has_instructions(void)
{
	unsigned a, b, c, d, ecx1;

	return __get_cpuid(1, &a, &b, &ecx1, &d) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
	       (b & 1u << 29) && (ecx1 & 1u << 9) && (ecx1 & 1u << 19);
}
#endif
