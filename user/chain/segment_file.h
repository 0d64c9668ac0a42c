/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SEGMENT_FILE_H
#define CHAIN_SEGMENT_FILE_H
/* Segments as files: plain or packed, they are read alike, and all offsets are those of the plain
 * bytes. */
#include "chain/files.h"
#include "chain/segment.h"

struct unpack;

/* An open segment whose header is whole. Copies are the same open segment. For one that is being
 * written, { .fd = fd } is enough to read its bytes. */
struct segment {
	int fd;		       /* -1 none, and all else counts for nothing */
	struct unpack *unpack; /* NULL: plain */
	uint64_t size;	       /* plain bytes */
	size_t header_len;
	struct segment_header header;
};

/* The plain file where both are there. As open_regular; -EBADMSG and -EPROTONOSUPPORT with why for
 * a bad header. */
int segment_open(int dirfd, uint64_t number, struct segment *ret, const char **why);
void segment_close(struct segment *segment);

/* The plain file as it is; its header is not looked at. */
int segment_open_plain(int dirfd, uint64_t number, struct segment *ret, const char **why);

/* As pread_all. Of a packed one, reading on is cheap and going back begins anew; -EBADMSG when it
 * is damaged, for a reason that segment_why tells. */
ssize_t segment_read(const struct segment *segment, void *data, size_t len, uint64_t offset);

/* Check what nobody read of a packed segment: 0, -EBADMSG, other -errno. Of a plain one, nothing.
 */
int segment_finish(const struct segment *segment);

/* Why reading failed; NULL when errno says it all. */
const char *segment_why(const struct segment *segment);

/* SHA-256 of len bytes at offset; of fewer when the file ends before. */
int segment_hash(const struct segment *segment, uint64_t offset, uint64_t len,
		 uint8_t ret[CHAIN_HASH]);

/* Do both hold the same bytes, and is the packed one whole? 0, -EBADMSG and why, other -errno. */
int segment_same(const struct segment *plain, const struct segment *packed, const char **why);

/* Where a segment is there plain and packed (a crash while packing), both must hold the same:
 * 0 also when there are not both, -EBADMSG and why, other -errno. */
int segment_compare(int dirfd, uint64_t number, const char **why);

/* Remove a segment in the order that a packer beside it counts on: plain, then packed. 0 also
 * when it is not there. */
int segment_remove(int dirfd, uint64_t number);

#endif
