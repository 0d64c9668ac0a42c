/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SHA256_H
#define CHAIN_SHA256_H
/*
 * SHA-256 (FIPS 180-4) of two runs of bytes, one after the other: what leaves and nodes are made
 * of. Uses the processor's SHA instructions where it has them, else libsodium.
 */
#include "chain/chain.h"

void sha256(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH]);

/* The two ways behind it, for tests and benchmarks. sha256_fast is false where there is none. */
void sha256_portable(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH]);
int sha256_fast(struct bytes first, struct bytes second, uint8_t ret[CHAIN_HASH]);

#endif
