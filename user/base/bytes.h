/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H
/*
 * Bytes in memory and their little-endian, one-field-at-a-time form on disk.
 *
 * put_*: write at p, return the first byte after; the caller owns the room.
 * get_*: read at p; the caller has checked that the bytes are there.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* A run of bytes that somebody else owns. data may be NULL when len is 0. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){ data, len };
}

static inline struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static inline int bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline uint8_t *put_u8(uint8_t *p, uint8_t v)
{
	*p = v;
	return p + 1;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	p = put_u16(p, (uint16_t)v);
	return put_u16(p, (uint16_t)(v >> 16));
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	p = put_u32(p, (uint32_t)v);
	return put_u32(p, (uint32_t)(v >> 32));
}

static inline uint8_t *put_bytes(uint8_t *p, const void *from, size_t len)
{
	if (len)
		memcpy(p, from, len);
	return p + len;
}

static inline uint8_t *put_zeros(uint8_t *p, size_t len)
{
	memset(p, 0, len);
	return p + len;
}

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

static inline uint64_t get_u64(const uint8_t *p)
{
	return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

/* Big-endian: numbers that grow have their first bytes in common. */
static inline uint8_t *put_be64(uint8_t *p, uint64_t v)
{
	return put_u64(p, __builtin_bswap64(v));
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return __builtin_bswap64(get_u64(p));
}

/* Longest varint of a 64-bit value. */
#define VARINT_MAX 10

/*
 * put_varint: LEB128, least significant group first, shortest form.
 * get_varint: bytes used, 0 if the input ends inside the number, -EBADMSG when it is not the
 * shortest form or exceeds 64 bits (canonical or refused). *ret is untouched on failure.
 */
uint8_t *put_varint(uint8_t *p, uint64_t v);
ssize_t get_varint(const uint8_t *p, size_t len, uint64_t *ret);

/* Signed values as varints: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... */
static inline uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
