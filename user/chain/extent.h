/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_EXTENT_H
#define CHAIN_EXTENT_H
/*
 * What is published of a chain: what its checkpoint covers. That never changes any more, it only
 * grows: seals up to the one of the checkpoint's size, segments up to the byte where that size
 * ends.
 */
#include "chain/seals.h"
#include "chain/segment_file.h"

/* Where an entry index lies. */
struct chain_place {
	uint64_t number; /* the last segment that begins below it */
	uint64_t offset; /* plain bytes of that segment up to it */
	uint64_t index;	 /* itself */
};

struct extent {
	int dirfd;
	struct log_name name;
	uint8_t *note; /* the checkpoint as it is there */
	size_t note_len;
	uint64_t size; /* of it */
	uint8_t root[CHAIN_HASH];
	uint64_t seal;	/* its number */
	uint64_t first; /* lowest segment there is */
	struct chain_place end;
};

/*
 * Look at the chain in dir. hint: where an earlier look ended, or NULL; reading goes on from there.
 * -ENOENT: no chain, or nothing published yet; -EBADMSG: checkpoint, seals and segments do not fit
 * together; other -errno. err is filled.
 */
int extent_open(struct extent *ret, const char *dir, const struct chain_place *hint,
		struct chain_error *err);
void extent_close(struct extent *extent);

/* The number of the seal of a published size: 0 none. -errno when seals cannot be read. */
int extent_seal(const struct extent *extent, uint64_t size, uint64_t *ret, struct chain_error *err);

/* Where a published size ends; hint as above. */
int extent_place(const struct extent *extent, uint64_t size, const struct chain_place *hint,
		 struct chain_place *ret, struct chain_error *err);

#endif
