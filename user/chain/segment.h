/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SEGMENT_H
#define CHAIN_SEGMENT_H
/* Segments: header, blocks and the chain's own entries, to and from bytes. */
#include "chain/tree.h"

#define LOG_ID_LEN	   20
#define SEGMENT_HEADER_MIN 144
#define SEGMENT_HEADER_MAX 2192
#define BLOCK_HEADER	   24
#define BLOCK_PAYLOAD_MAX  (1u << 20)
#define BLOCK_ENTRIES_MAX  256

enum entry_type {
	ENTRY_SCHEMA = 1,
	ENTRY_RECOVERY = 2,
	ENTRY_LINK = 3,
	ENTRY_PRUNE = 4,
};

struct segment_header {
	uint64_t number;
	uint64_t seal;	   /* number of the seal that will cover the first entry */
	uint64_t prev_len; /* bytes of the previous segment that count */
	uint8_t pk[32];	   /* of that seal */
	uint8_t salt_key[32];
	uint8_t lid[LOG_ID_LEN];
	struct tree tree; /* tree.size is the index of the first entry */
};

size_t segment_header_len(uint64_t first);
size_t segment_header_encode(const struct segment_header *header, uint8_t *p);

/* Bytes used, 0 need more, -EPROTONOSUPPORT another version, -EBADMSG corrupt and why. */
ssize_t segment_header_decode(struct bytes in, struct segment_header *ret, const char **why);

struct block {
	uint64_t first;
	unsigned count;
	struct bytes payload;
};

/* Does a block begin here, by its first four bytes? */
int block_magic(const uint8_t *p);

/* Fill in the 24 bytes before a payload that is in place. */
void block_header_encode(uint8_t *p, uint64_t first, uint32_t len, uint16_t count);

/* Bytes used, 0 need more, -EBADMSG corrupt and why. All entries of a good block are whole. */
ssize_t block_decode(struct bytes in, uint64_t first, struct block *ret, const char **why);

/* The entry at *at of a good block's payload; *at moves behind it. */
static inline struct bytes block_entry(const struct block *block, size_t *at)
{
	const uint8_t *p = block->payload.data + *at;
	size_t len = (size_t)p[0] << 8 | p[1];

	*at += 2 + len;
	return bytes_of(p + 2, len);
}

#define RECOVERY_LEN 108

enum recovery_reason { RECOVERY_UNCLEAN = 1, RECOVERY_WRITE = 2, RECOVERY_SYNC = 3 };

struct recovery {
	uint8_t reason;
	uint64_t valid_len, dead_len;
	uint64_t sealed, kept;
	uint64_t previous; /* segment number */
	uint8_t dead_hash[CHAIN_HASH];
	uint8_t old_boot[16], new_boot[16];
};

void recovery_encode(const struct recovery *recovery, uint8_t p[RECOVERY_LEN]);
int recovery_decode(struct bytes entry, struct recovery *ret);

struct link {
	unsigned direction; /* 1 back, 2 forward */
	uint64_t size;
	const uint8_t *root;
	struct bytes vkey;
};

enum { LINK_BACK = 1, LINK_FORWARD = 2 };

#define LINK_LEN_MAX (44 + 256) /* with any vkey of ours */

/* Returns the length. */
size_t link_encode(const struct link *link, uint8_t p[LINK_LEN_MAX]);
int link_decode(struct bytes entry, struct link *ret);

struct prune {
	uint64_t keep_number, keep_first;
};

#define PRUNE_LEN 24

void prune_encode(const struct prune *prune, uint8_t p[PRUNE_LEN]);
int prune_decode(struct bytes entry, struct prune *ret);

#endif
