/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FUZZ_H
#define BASE_FUZZ_H
/* A fuzzer's harness over inputs made from seeds by chance: the same ones in every run. */
#include "base_test.h"

#define FUZZ_SIZE 4096

/* Change a few bytes, cut, grow, repeat or move a piece; the new length. */
static inline size_t mutate(uint64_t *chance_state, uint8_t *data, size_t len)
{
	static const uint8_t telling[] = { 0, 1, 0x7f, 0x80, 0xff, '/', ':', '\\', '"', '\n' };
	size_t changes = chance_below(chance_state, 8);

	for (size_t i = 0; i < changes; i++) {
		size_t at = len ? chance_below(chance_state, len) : 0;
		size_t piece = chance_below(chance_state, 16);

		switch (chance_below(chance_state, 6)) {
		case 0:
			if (len)
				data[at] = (uint8_t)chance(chance_state);
			break;
		case 1:
			if (len)
				data[at] = telling[chance_below(chance_state, sizeof(telling))];
			break;
		case 2:
			if (len)
				data[at] ^= (uint8_t)(1 << chance_below(chance_state, 8));
			break;
		case 3: /* cut out */
			if (at + piece > len)
				piece = len - at;
			memmove(data + at, data + at + piece, len - at - piece);
			len -= piece;
			break;
		case 4: /* put in */
			if (len + piece > FUZZ_SIZE)
				break;
			memmove(data + at + piece, data + at, len - at);
			chance_bytes(chance_state, data + at, piece);
			len += piece;
			break;
		default: /* cut off */
			len -= chance_below(chance_state, 8) ? 0 : len - at;
		}
	}
	return len;
}

/* Mutations of the seed, each exactly as long as it says: a sanitizer sees a byte too far. */
static inline void fuzz_around(int (*harness)(const uint8_t *, size_t), const void *seed,
			       size_t len, int rounds)
{
	uint64_t state = len * 31 + 7;
	static uint8_t work[FUZZ_SIZE];

	ck_assert_uint_le(len, FUZZ_SIZE);
	for (int i = 0; i < rounds; i++) {
		size_t size = len;
		uint8_t *exact;

		if (len)
			memcpy(work, seed, len);
		if (i)
			size = mutate(&state, work, size);
		exact = malloc(size ? size : 1);
		ENSURE(exact);
		memcpy(exact, work, size);
		harness(exact, size);
		free(exact);
	}
}

/* Bytes that mean nothing. */
static inline void fuzz_noise(int (*harness)(const uint8_t *, size_t), size_t max, int rounds)
{
	uint64_t state = max;

	for (int i = 0; i < rounds; i++) {
		size_t size = chance_below(&state, max + 1);
		uint8_t *exact = malloc(size ? size : 1);

		ENSURE(exact);
		chance_bytes(&state, exact, size);
		harness(exact, size);
		free(exact);
	}
}

#endif
