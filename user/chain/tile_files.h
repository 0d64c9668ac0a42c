/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_TILE_FILES_H
#define CHAIN_TILE_FILES_H
/* The files of an exported log (c2sp.org/tlog-tiles): their names, and how they are put there. */
#include "base/bytes.h"

#define TILE_WIDTH   256
#define TILE_LEVELS  8
#define TILE_ENTRIES (-1) /* the level of entry bundles */

struct tile {
	int level;
	uint64_t number;
	unsigned width; /* TILE_WIDTH: full */
};

/* tile/LEVEL/NUMBER[.p/WIDTH]; a number is three digits a component, all but the last with an x. */
#define TILE_PATH_MAX 96
void tile_path(const struct tile *tile, char ret[TILE_PATH_MAX]);

/* Make the file, folders included; one that holds just this is left alone. At any moment the old
 * or the new file is there; nothing is synced. 0 or -errno. */
int tile_write(int dirfd, const struct tile *tile, struct bytes data);

/* All of it; *ret is malloc'ed. -ENOENT, -EFBIG when over max, other -errno. */
int tile_read(int dirfd, const struct tile *tile, size_t max, uint8_t **ret, size_t *ret_len);

/* The partial forms of a tile are superseded by the full one. Nothing depends on their going. */
void tile_drop_partial(int dirfd, const struct tile *tile);

#endif
