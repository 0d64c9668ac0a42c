/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash LANES messages side by side: lane l of every vector belongs to message l. Included once for
 * each width by sha256_lanes.c, which says
 *
 *   LANES        lanes of 32 bits in a vector
 *   LANES_TARGET the processor it is for
 *   LANES_MANY   the function this makes
 */
#ifdef LANES
typedef uint32_t VECTOR __attribute__((vector_size(4 * LANES)));

struct LANES_NAME(lanes) {
	VECTOR state[8];
	VECTOR words[SHA256_SHORT][16]; /* a ring of blocks */
	size_t row;			/* next one to be hashed */
	size_t message[LANES];		/* 1 + its index, 0 none */
	size_t left[LANES];		/* blocks of it */
};

#define ROTATE(x, n)	  (((x) >> (n)) | ((x) << (32 - (n))))
#define SUM0(x)		  (ROTATE(x, 2) ^ ROTATE(x, 13) ^ ROTATE(x, 22))
#define SUM1(x)		  (ROTATE(x, 6) ^ ROTATE(x, 11) ^ ROTATE(x, 25))
#define SIGMA0(x)	  (ROTATE(x, 7) ^ ROTATE(x, 18) ^ ((x) >> 3))
#define SIGMA1(x)	  (ROTATE(x, 17) ^ ROTATE(x, 19) ^ ((x) >> 10))
#define CHOOSE(x, y, z)	  ((((y) ^ (z)) & (x)) ^ (z))
#define MAJORITY(x, y, z) ((((x) | (y)) & (z)) | ((x) & (y)))

#define ROUND(a, b, c, d, e, f, g, h, i)                                                           \
	do {                                                                                       \
		VECTOR t = h + SUM1(e) + CHOOSE(e, f, g) + sha256_constants[base + (i)] + w[i];    \
		d += t;                                                                            \
		h = t + SUM0(a) + MAJORITY(a, b, c);                                               \
	} while (0)

#define EIGHT_ROUNDS(i)                                                                            \
	ROUND(a, b, c, d, e, f, g, h, (i) + 0);                                                    \
	ROUND(h, a, b, c, d, e, f, g, (i) + 1);                                                    \
	ROUND(g, h, a, b, c, d, e, f, (i) + 2);                                                    \
	ROUND(f, g, h, a, b, c, d, e, (i) + 3);                                                    \
	ROUND(e, f, g, h, a, b, c, d, (i) + 4);                                                    \
	ROUND(d, e, f, g, h, a, b, c, (i) + 5);                                                    \
	ROUND(c, d, e, f, g, h, a, b, (i) + 6);                                                    \
	ROUND(b, c, d, e, f, g, h, a, (i) + 7)

/* One block of each message. */
LANES_TARGET static void LANES_NAME(compress)(VECTOR state[8], VECTOR w[16])
{
	VECTOR a = state[0], b = state[1], c = state[2], d = state[3];
	VECTOR e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned base = 0;;) {
		EIGHT_ROUNDS(0);
		EIGHT_ROUNDS(8);
		base += 16;
		if (base == 64)
			break;
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++)
			w[i] += SIGMA0(w[(i + 1) & 15]) + w[(i + 9) & 15] +
				SIGMA1(w[(i + 14) & 15]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void LANES_NAME(begin)(struct LANES_NAME(lanes) * s, unsigned lane,
			      const struct sha256_message *m, size_t blocks)
{
	uint8_t data[SHA256_SHORT * SHA256_BLOCK];

	sha256_pad(m, blocks, data);
	for (size_t i = 0; i < 8; i++)
		s->state[i][lane] = sha256_initial[i];
	for (size_t i = 0; i < blocks; i++) {
		uint32_t *to = (uint32_t *)s->words[(s->row + i) % SHA256_SHORT] + lane;

		for (size_t j = 0; j < 16; j++) {
			uint32_t word;

			memcpy(&word, data + i * SHA256_BLOCK + 4 * j, 4);
			to[j * LANES] = __builtin_bswap32(word);
		}
	}
	s->left[lane] = blocks;
}

static void LANES_NAME(end)(const struct LANES_NAME(lanes) * s, unsigned lane,
			    uint8_t ret[CHAIN_HASH])
{
	uint32_t state[8];

	for (size_t i = 0; i < 8; i++)
		state[i] = s->state[i][lane];
	sha256_put(state, ret);
}

LANES_TARGET void LANES_MANY(const struct sha256_message *m, size_t count,
			     uint8_t (*ret)[CHAIN_HASH])
{
	struct LANES_NAME(lanes) s;
	size_t next = 0, busy;

	memset(&s, 0, sizeof(s));
	do {
		busy = 0;
		for (unsigned lane = 0; lane < LANES; lane++) {
			if (s.left[lane] == 0 && s.message[lane]) {
				LANES_NAME(end)(&s, lane, ret[s.message[lane] - 1]);
				s.message[lane] = 0;
			}
			while (s.left[lane] == 0 && next < count) {
				size_t blocks = sha256_blocks(&m[next]);

				if (blocks > SHA256_SHORT) {
					sha256_one(&m[next], ret[next]);
				} else {
					LANES_NAME(begin)(&s, lane, &m[next], blocks);
					s.message[lane] = next + 1;
				}
				next++;
			}
			if (s.left[lane]) {
				s.left[lane]--;
				busy++;
			}
		}
		if (busy)
			LANES_NAME(compress)(s.state, s.words[s.row]);
		s.row = (s.row + 1) % SHA256_SHORT;
	} while (busy);
}
#undef LANES
#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_MANY
#endif
