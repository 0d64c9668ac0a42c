// SPDX-License-Identifier: Apache-2.0
/* The SHA-256 instructions of ARMv8. */
#include "chain/sha256_ways.h"

#if defined(__aarch64__)
#if defined(__clang__) && __clang_major__ < 16 && !defined(__ARM_FEATURE_SHA2)
#define __ARM_FEATURE_SHA2 1 /* else its header hides them, whatever a function's target says */
#endif
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#ifdef __clang__
#define SHA __attribute__((target("crypto")))
#else
#define SHA __attribute__((target("+crypto")))
#endif

SHA void sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);

	for (; blocks; blocks--, data += SHA256_BLOCK) {
		uint32x4_t abcd_before = abcd, efgh_before = efgh, w[4];

		for (int i = 0; i < 4; i++)
			w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) { /* four rounds each */
			uint32x4_t *now = &w[i & 3], last = w[(i + 3) & 3], k, before = abcd;

			if (i >= 4) /* the next four words of the message schedule */
				*now = vsha256su1q_u32(vsha256su0q_u32(*now, w[(i + 1) & 3]),
						       w[(i + 2) & 3], last);
			k = vaddq_u32(*now, vld1q_u32(sha256_constants + 4 * i));
			abcd = vsha256hq_u32(abcd, efgh, k);
			efgh = vsha256h2q_u32(efgh, before, k);
		}
		abcd = vaddq_u32(abcd, abcd_before);
		efgh = vaddq_u32(efgh, efgh_before);
	}
	vst1q_u32(state, abcd);
	vst1q_u32(state + 4, efgh);
}

bool sha256_has_instructions(void)
{
	return getauxval(AT_HWCAP) & HWCAP_SHA2;
}
#endif
