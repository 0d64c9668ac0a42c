// SPDX-License-Identifier: Apache-2.0
#include "score/log2.h"

/* log2(1 + i/64) in Q16, rounded. Linear between: the curve is at most 0.05/1024 above. */
static const uint32_t mantissa[65] = {
	0,     1466,  2909,  4331,  5732,  7112,  8473,	 9814,	11136, 12440, 13727, 14996, 16248,
	17484, 18704, 19909, 21098, 22272, 23433, 24579, 25711, 26830, 27936, 29029, 30109, 31178,
	32234, 33279, 34312, 35334, 36346, 37346, 38336, 39316, 40286, 41246, 42196, 43137, 44068,
	44990, 45904, 46809, 47705, 48593, 49472, 50344, 51207, 52063, 52911, 53751, 54584, 55410,
	56229, 57040, 57845, 58643, 59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794, 65536,
};

int32_t log2_q10(uint64_t x)
{
	uint32_t exponent, step, low, fraction;

	if (x <= 1)
		return 0;
	exponent = 63 - (uint32_t)__builtin_clzll(x);
	x <<= 63 - exponent;		   /* leading one to the top */
	step = (uint32_t)(x >> 57) & 63;   /* six bits choose the step, */
	low = (uint32_t)(x >> 41) & 65535; /* sixteen the place in it */
	fraction = mantissa[step] + ((mantissa[step + 1] - mantissa[step]) * low >> 16);
	return (int32_t)((exponent << 10) + ((fraction + 32) >> 6));
}
