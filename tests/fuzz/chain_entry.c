// SPDX-License-Identifier: Apache-2.0
/* An entry of the chain's own, RECOVERY, LINK or PRUNE: what decodes encodes to the same bytes. */
#include "chain/segment.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes entry = bytes_of(data, size);
	struct recovery recovery;
	struct prune prune;
	struct link link;
	uint8_t again[RECOVERY_LEN];
	int decoded = 0;

	if (size == 0)
		return 0; /* no entry is empty */
	if (recovery_decode(entry, &recovery) == 0) {
		recovery_encode(&recovery, again);
		CHECK(size == RECOVERY_LEN && memcmp(again, data, size) == 0);
		decoded++;
	}
	if (prune_decode(entry, &prune) == 0) {
		prune_encode(&prune, again);
		CHECK(size == PRUNE_LEN && memcmp(again, data, size) == 0);
		decoded++;
	}
	if (link_decode(entry, &link) == 0) {
		uint8_t *p = put_u8(again, ENTRY_LINK);

		p = put_u8(p, (uint8_t)link.direction);
		p = put_u16(p, (uint16_t)link.vkey.len);
		p = put_u64(p, link.size);
		put_bytes(p, link.root, CHAIN_HASH);
		CHECK(size == 44 + link.vkey.len && memcmp(again, data, 44) == 0);
		CHECK(link.vkey.len && link.vkey.data == data + 44);
		decoded++;
	}
	CHECK(decoded <= 1);
	return 0;
}
