/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_PACK_H
#define CHAIN_PACK_H
/*
 * Packing the segments that nobody writes to any more. Needs no key, works beside a live writer
 * and beside itself, and may be cut off at any moment: at each, a segment is there plain, or
 * packed, or both, and packing again goes on from there.
 */
#include "chain/chain.h"

struct chain_packed {
	uint64_t segments; /* packed now */
	uint64_t before;   /* bytes of them */
	uint64_t after;
	uint64_t busy; /* left to another one who packs them at this moment */
};

/*
 * Pack every plain segment of dir that a seal reaches beyond. Each is compared with what its packed
 * form gives before it goes. ret is filled also on failure. -ENOENT: no chain there; -EBADMSG the
 * evidence is damaged, -EPROTONOSUPPORT a version this build does not know; other -errno. What
 * failed stays plain.
 */
int chain_pack(const char *dir, struct chain_packed *ret, struct chain_error *err);

#endif
