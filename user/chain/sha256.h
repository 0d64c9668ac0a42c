/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SHA256_H
#define CHAIN_SHA256_H
/*
 * SHA-256 (FIPS 180-4), one message or many at once, in the best way this processor has:
 *
 *   sha        its SHA instructions (x86-64, ARMv8), two messages at a time where that pays
 *   lanes16    16 messages side by side in AVX-512 registers, 8 in those of AVX2, 4 in SSE2's;
 *   lanes8     one alone as portable
 *   lanes4
 *   portable   libsodium's
 *
 * The environment variable INDELIBLE_SHA256 names another way, for benchmarks and tests; a way that
 * is not known or not there is passed over. It changes the time taken and nothing else.
 */
#include <stdbool.h>

#include "chain/chain.h"

/* first and second, one after the other. */
void sha256(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH]);

/* A byte, and two runs of bytes: what leaves and nodes are made of. */
struct sha256_message {
	uint8_t prefix;
	struct bytes first, second;
};

void sha256_many(const struct sha256_message *messages, size_t count, uint8_t (*ret)[CHAIN_HASH]);

/* For tests and benchmarks: use this way from now on, NULL the best. False when it is not there. */
bool sha256_use(const char *way);

/* Names of the ways known, best first, NULL behind the last. */
const char *sha256_way(size_t i);

#endif
