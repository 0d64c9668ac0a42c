/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_TILES_H
#define CHAIN_TILES_H
/* A chain as a tiled transparency log (c2sp.org/tlog-tiles) that other programs read: tiles of
 * hashes, bundles of salted entries, the checkpoint, and identity.pub with the verifier key. */
#include "chain/chain.h"

struct chain_export {
	uint64_t before;	   /* size of what the directory held */
	uint64_t size;		   /* and holds now */
	uint64_t gap_from, gap_to; /* entries that are neither there nor in the chain any more */
	unsigned missing; /* levels whose present tile cannot be made because of such a gap */
};

/*
 * Bring the directory `to` (made if it is not there) up to the chain's own checkpoint. Tiles that
 * are full are never written again; the checkpoint is written last. -EXDEV when `to` holds
 * something else; -EBADMSG when chain, checkpoint and what is there do not agree; -EWOULDBLOCK when
 * another export is at work; other -errno. err says what.
 */
int chain_export_tiles(const char *dir, const char *to, struct chain_export *ret,
		       struct chain_error *err);

#endif
