/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SHA256_WAYS_H
#define CHAIN_SHA256_WAYS_H
/* Between sha256.c and the ways to hash. Data is whole, padded blocks; states are eight words. */
#include <stdbool.h>

#include "chain/sha256.h"

#define SHA256_BLOCK 64
#define SHA256_SHORT 8 /* blocks of the longest message that shares its time with others */

extern const uint32_t sha256_initial[8];
extern const uint32_t sha256_constants[64];

#if defined(__x86_64__)
#define SHA256_INSTRUCTIONS
#define SHA256_PAIRS
#define SHA256_LANES
#elif defined(__aarch64__)
#define SHA256_INSTRUCTIONS
#endif

/* The processor's own instructions. */
bool sha256_has_instructions(void);
void sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks);
/* Two messages of the same number of blocks. */
void sha256_compress_two(uint32_t state[2][8], const uint8_t *const data[2], size_t blocks);

/* Blocks of a message with its padding. */
size_t sha256_blocks(const struct sha256_message *message);

/* Write a message of that many blocks out, with its padding. */
void sha256_pad(const struct sha256_message *message, size_t blocks, uint8_t *ret);

/* One at a time. */
void sha256_one(const struct sha256_message *message, uint8_t ret[CHAIN_HASH]);

void sha256_put(const uint32_t state[8], uint8_t ret[CHAIN_HASH]);

/* Side by side, as many as a vector has lanes. */
bool sha256_has_lanes8(void);
bool sha256_has_lanes16(void);
void sha256_many_lanes4(const struct sha256_message *messages, size_t count,
			uint8_t (*ret)[CHAIN_HASH]);
void sha256_many_lanes8(const struct sha256_message *messages, size_t count,
			uint8_t (*ret)[CHAIN_HASH]);
void sha256_many_lanes16(const struct sha256_message *messages, size_t count,
			 uint8_t (*ret)[CHAIN_HASH]);

#endif
