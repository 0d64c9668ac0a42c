// SPDX-License-Identifier: Apache-2.0
/*
 * A packed segment, its first byte aside: header bytes encode to the same, what is read is what
 * zlib makes of it (with what version 2 leaves out of blocks put back), however it is read, and
 * memory does not grow. With the checksum and the packed length made right if the first byte is
 * odd.
 */
#define _GNU_SOURCE
#include "chain_base.h"

#include <sys/mman.h>
#include <zlib.h>

#include "chain/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAIN_MAX (1u << 20) /* what is compared; more than that is only read */

/* What it must be: the length of the plain bytes, -1 if zlib refuses or something is left over. */
static long inflate_all(const uint8_t *data, size_t size, uint8_t *plain)
{
	z_stream z = { .next_in = (uint8_t *)data, .avail_in = (uInt)size };
	int code;
	long n;

	CHECK(inflateInit(&z) == Z_OK);
	z.next_out = plain;
	z.avail_out = PLAIN_MAX;
	code = inflate(&z, Z_FINISH);
	n = code == Z_STREAM_END && z.avail_in == 0 ? (long)z.total_out : -1;
	inflateEnd(&z);
	return n;
}

/* Crc and first index of each whole block, of a segment of size bytes of which len are here. */
static void put_back(uint8_t *plain, size_t len, uint64_t size)
{
	uint64_t at = 144, due;

	if (size < at || len < at || get_u32(plain + 12) > 64)
		return;
	due = get_u64(plain + 24);
	for (at += 32 * get_u32(plain + 12); at + 24 <= size && at + 24 <= len;) {
		uint8_t *p = plain + at;
		uint32_t rest = get_u32(p + 16);

		if (memcmp(p, "INDB", 4) != 0 || rest > 1 << 20 || rest > size - at - 24 ||
		    rest > len - at - 24)
			return;
		due += get_u64(p + 8);
		put_u64(p + 8, due);
		put_u32(p + 4, get_u32(p + 4) ^ crc32c(0, p + 8, 16 + (size_t)rest));
		due += get_u16(p + 20);
		at += 24 + rest;
	}
}

static void read_packed(int fd, const uint8_t *data, size_t size)
{
	static uint8_t plain[PLAIN_MAX], piece[4096];
	struct packed_header header;
	uint8_t again[PACKED_HEADER];
	struct unpack *unpack;
	uint64_t len = 0, at = 0;
	const char *why = NULL;
	size_t step = size % 4000 + 1;
	ssize_t n = 0;
	long want;
	int err;

	if (unpack_open(fd, size, &unpack, &len, &why)) {
		CHECK(why);
		return;
	}
	CHECK(packed_header_decode(data, size, &header, &why) == 0 && header.plain_len == len);
	packed_header_encode(&header, again);
	CHECK(memcmp(again, data, PACKED_HEADER) == 0);
	want = inflate_all(data + PACKED_HEADER, size - PACKED_HEADER, plain);
	if (header.version == 2 && want > 0)
		put_back(plain, (size_t)want, len);
	while (at < PLAIN_MAX && (n = unpack_read(unpack, piece, step, at)) > 0) {
		if (want >= 0 && at + (uint64_t)n <= (uint64_t)want)
			CHECK(memcmp(piece, plain + at, (size_t)n) == 0);
		at += (uint64_t)n;
		if ((size_t)n < step)
			break;
	}
	err = unpack_finish(unpack);
	CHECK(n >= 0 ? 1 : err < 0);
	CHECK(err == 0 || unpack_why(unpack));
	if (err == 0 && len < PLAIN_MAX)
		CHECK(want == (long)len && at == len &&
		      header.crc == crc32c(0, data + 16, size - 16));
	unpack_close(unpack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;
	int fd;

	if (size < 1 + PACKED_HEADER)
		return 0;
	copy = malloc(size - 1);
	CHECK(copy);
	memcpy(copy, data + 1, --size);
	if (data[0] & 1) {
		put_u64(copy + 24, size - PACKED_HEADER);
		put_u32(copy + 8, crc32c(0, copy + 16, size - 16));
	}
	fd = memfd_create("packed", MFD_CLOEXEC);
	CHECK(fd >= 0 && pwrite_all(fd, copy, size, 0) == 0);
	read_packed(fd, copy, size);
	close(fd);
	free(copy);
	return 0;
}
