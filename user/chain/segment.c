// SPDX-License-Identifier: Apache-2.0
/*
 * Segment file: header, then blocks to the end. All integers little-endian unless marked.
 *
 * header   0 magic "INDSEG01"      8 crc32c of [12, hlen)   12 nfront u32 = popcount(first)
 *         16 number u64           24 first u64              32 seal u64      40 prev_len u64
 *         48 pk[32]               80 salt_key[32]          112 lid[20]      132 zero[12]
 *        144 frontier nfront * 32, largest subtree first;   hlen = 144 + 32 * nfront
 * block    0 magic "INDB"          4 crc32c of [8, 24 + len)  8 first u64
 *         16 len u32 <= 2^20      20 count u16 1..256       22 zero u16      24 payload
 * payload  count * ( u16 big-endian length 1..65519, entry ), exactly len bytes
 *
 * Valid if and only if every bound, zero and crc above holds and nothing is left over.
 */
#include "chain/segment.h"

#include <errno.h>

#include "base/hash.h"

static const char SEGMENT_MAGIC[] = "INDSEG01";
static const char BLOCK_MAGIC[] = "INDB";

static int all_zero(const uint8_t *p, size_t len)
{
	while (len--)
		if (*p++)
			return 0;
	return 1;
}

size_t segment_header_len(uint64_t first)
{
	return SEGMENT_HEADER_MIN + (size_t)CHAIN_HASH * tree_nodes(first);
}

size_t segment_header_encode(const struct segment_header *h, uint8_t *start)
{
	size_t frontier = (size_t)CHAIN_HASH * tree_nodes(h->tree.size);
	uint8_t *p = put_bytes(start, SEGMENT_MAGIC, 8) + 4;

	p = put_u32(p, tree_nodes(h->tree.size));
	p = put_u64(p, h->number);
	p = put_u64(p, h->tree.size);
	p = put_u64(p, h->seal);
	p = put_u64(p, h->prev_len);
	p = put_bytes(p, h->pk, 32);
	p = put_bytes(p, h->salt_key, 32);
	p = put_bytes(p, h->lid, LOG_ID_LEN);
	p = put_zeros(p, 12);
	p = put_bytes(p, h->tree.node, frontier);
	put_u32(start + 8, crc32c(0, start + 12, (size_t)(p - start) - 12));
	return (size_t)(p - start);
}

/* "INDSEG" and two digits: a segment, but not of this version. */
static int other_version(const uint8_t *p)
{
	return memcmp(p, SEGMENT_MAGIC, 6) == 0 && p[6] >= '0' && p[6] <= '9' && p[7] >= '0' &&
	       p[7] <= '9';
}

ssize_t segment_header_decode(struct bytes in, struct segment_header *ret, const char **why)
{
	const uint8_t *p = in.data;
	size_t len = SEGMENT_HEADER_MIN;
	uint64_t first;

	if (in.len < len)
		return 0;
	if (memcmp(p, SEGMENT_MAGIC, 8) != 0) {
		*why = other_version(p) ? "unknown segment version" : "bad segment magic";
		return other_version(p) ? -EPROTONOSUPPORT : -EBADMSG;
	}
	first = get_u64(p + 24);
	*why = "bad frontier length in segment header";
	if (get_u32(p + 12) != tree_nodes(first))
		return -EBADMSG;
	len = segment_header_len(first);
	if (in.len < len)
		return 0;
	*why = "bad crc in segment header";
	if (get_u32(p + 8) != crc32c(0, p + 12, len - 12))
		return -EBADMSG;
	*why = "reserved bytes in segment header are not zero";
	if (!all_zero(p + 132, 12))
		return -EBADMSG;
	ret->number = get_u64(p + 16);
	ret->seal = get_u64(p + 32);
	ret->prev_len = get_u64(p + 40);
	memcpy(ret->pk, p + 48, 32);
	memcpy(ret->salt_key, p + 80, 32);
	memcpy(ret->lid, p + 112, LOG_ID_LEN);
	tree_load(&ret->tree, first, p + SEGMENT_HEADER_MIN);
	return (ssize_t)len;
}

int block_magic(const uint8_t *p)
{
	return memcmp(p, BLOCK_MAGIC, 4) == 0;
}

void block_header_encode(uint8_t *start, uint64_t first, uint32_t len, uint16_t count)
{
	uint8_t *p = put_bytes(start, BLOCK_MAGIC, 4) + 4;

	p = put_u64(p, first);
	p = put_u32(p, len);
	p = put_u16(p, count);
	put_u16(p, 0);
	put_u32(start + 4, crc32c(0, start + 8, BLOCK_HEADER - 8 + (size_t)len));
}

/* count entries of 1..CHAIN_RECORD_MAX bytes that fill the payload exactly */
static int entries_fit(struct bytes payload, unsigned count)
{
	size_t at = 0;

	while (count--) {
		size_t len;

		if (payload.len - at < 2)
			return 0;
		len = (size_t)payload.data[at] << 8 | payload.data[at + 1];
		at += 2;
		if (len == 0 || len > CHAIN_RECORD_MAX || payload.len - at < len)
			return 0;
		at += len;
	}
	return at == payload.len;
}

ssize_t block_decode(struct bytes in, uint64_t first, struct block *ret, const char **why)
{
	const uint8_t *p = in.data;
	struct block block;
	uint64_t end;
	uint32_t len;

	if (in.len < BLOCK_HEADER)
		return 0;
	*why = "bad block magic";
	if (!block_magic(p))
		return -EBADMSG;
	*why = "bad block header";
	len = get_u32(p + 16);
	block.first = get_u64(p + 8);
	block.count = get_u16(p + 20);
	if (len > BLOCK_PAYLOAD_MAX || block.count < 1 || block.count > BLOCK_ENTRIES_MAX ||
	    get_u16(p + 22) != 0)
		return -EBADMSG;
	if (in.len - BLOCK_HEADER < len)
		return 0;
	*why = "bad block crc";
	if (get_u32(p + 4) != crc32c(0, p + 8, BLOCK_HEADER - 8 + (size_t)len))
		return -EBADMSG;
	*why = "block begins with another entry than the one due";
	if (block.first != first || __builtin_add_overflow(first, block.count, &end))
		return -EBADMSG;
	*why = "bad entry lengths in block";
	block.payload = bytes_of(p + BLOCK_HEADER, len);
	if (!entries_fit(block.payload, block.count))
		return -EBADMSG;
	*ret = block;
	return BLOCK_HEADER + (ssize_t)len;
}

/*
 * RECOVERY  0 type  1 reason u8  2 zero u16  4 valid_len u64  12 dead_len u64  20 sealed u64
 *          28 kept u64  36 previous u64  44 hash of the dead bytes[32] (zeros unless reason 1)
 *          76 old boot id[16]  92 new boot id[16]                                   108 bytes
 */
void recovery_encode(const struct recovery *r, uint8_t p[RECOVERY_LEN])
{
	p = put_u8(p, ENTRY_RECOVERY);
	p = put_u8(p, r->reason);
	p = put_u16(p, 0);
	p = put_u64(p, r->valid_len);
	p = put_u64(p, r->dead_len);
	p = put_u64(p, r->sealed);
	p = put_u64(p, r->kept);
	p = put_u64(p, r->previous);
	p = put_bytes(p, r->dead_hash, CHAIN_HASH);
	p = put_bytes(p, r->old_boot, 16);
	put_bytes(p, r->new_boot, 16);
}

int recovery_decode(struct bytes entry, struct recovery *ret)
{
	const uint8_t *p = entry.data;

	if (entry.len != RECOVERY_LEN || p[0] != ENTRY_RECOVERY || p[1] < RECOVERY_UNCLEAN ||
	    p[1] > RECOVERY_SYNC || get_u16(p + 2) != 0)
		return -EBADMSG;
	if (p[1] != RECOVERY_UNCLEAN && !all_zero(p + 44, CHAIN_HASH))
		return -EBADMSG;
	ret->reason = p[1];
	ret->valid_len = get_u64(p + 4);
	ret->dead_len = get_u64(p + 12);
	ret->sealed = get_u64(p + 20);
	ret->kept = get_u64(p + 28);
	ret->previous = get_u64(p + 36);
	memcpy(ret->dead_hash, p + 44, CHAIN_HASH);
	memcpy(ret->old_boot, p + 76, 16);
	memcpy(ret->new_boot, p + 92, 16);
	return 0;
}

/* LINK  0 type  1 direction u8  2 vlen u16  4 size u64  12 root[32]  44 vkey[vlen] */
size_t link_encode(const struct link *link, uint8_t start[LINK_LEN_MAX])
{
	uint8_t *p = put_u8(start, ENTRY_LINK);

	p = put_u8(p, (uint8_t)link->direction);
	p = put_u16(p, (uint16_t)link->vkey.len);
	p = put_u64(p, link->size);
	p = put_bytes(p, link->root, CHAIN_HASH);
	p = put_bytes(p, link->vkey.data, link->vkey.len);
	return (size_t)(p - start);
}

int link_decode(struct bytes entry, struct link *ret)
{
	const uint8_t *p = entry.data;

	if (entry.len <= 44 || p[0] != ENTRY_LINK || p[1] < LINK_BACK || p[1] > LINK_FORWARD ||
	    entry.len - 44 != get_u16(p + 2))
		return -EBADMSG;
	ret->direction = p[1];
	ret->size = get_u64(p + 4);
	ret->root = p + 12;
	ret->vkey = bytes_of(p + 44, entry.len - 44);
	return 0;
}

/* PRUNE  0 type  1 zero[7]  8 keep_number u64  16 keep_first u64 */
void prune_encode(const struct prune *prune, uint8_t p[PRUNE_LEN])
{
	p = put_u8(p, ENTRY_PRUNE);
	p = put_zeros(p, 7);
	p = put_u64(p, prune->keep_number);
	put_u64(p, prune->keep_first);
}

int prune_decode(struct bytes entry, struct prune *ret)
{
	const uint8_t *p = entry.data;

	if (entry.len != PRUNE_LEN || p[0] != ENTRY_PRUNE || !all_zero(p + 1, 7))
		return -EBADMSG;
	ret->keep_number = get_u64(p + 8);
	ret->keep_first = get_u64(p + 16);
	return 0;
}
