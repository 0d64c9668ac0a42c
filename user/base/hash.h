/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASH_H
#define BASE_HASH_H
/* Non-evidence hashes: look-up keys and accident checks. Evidence hashes live in chain/. */
#include "base/bytes.h"

/* SipHash-2-4 (Aumasson, Bernstein 2012): 64-bit keyed hash of len bytes. */
uint64_t siphash(const uint8_t key[16], const void *data, size_t len);

/* CRC-32C, Castagnoli, reflected 0x82F63B78, ~0 in and out; crc is 0 or a previous result.
 * Uses SSE4.2 where the processor has it. "123456789" -> E3069283. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
