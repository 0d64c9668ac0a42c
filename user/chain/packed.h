/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_PACKED_H
#define CHAIN_PACKED_H
/* Packed segments: the header, and the plain bytes out of the file in memory that does not grow. */
#include "base/bytes.h"

#define PACKED_HEADER  32
#define PACKED_VERSION 2 /* what is written */

struct packed_header {
	unsigned version; /* 1 a stream of the plain bytes, 2 of those that units.h makes of them */
	uint32_t crc;	  /* of [16, EOF) */
	uint64_t plain_len, packed_len;
};

void packed_header_encode(const struct packed_header *header, uint8_t p[PACKED_HEADER]);

/* 0, -EPROTONOSUPPORT another version, -EBADMSG not what a file of size bytes begins with, and
 * why. What it says of the bytes behind it is not yet looked at. */
int packed_header_decode(const uint8_t p[PACKED_HEADER], uint64_t size, struct packed_header *ret,
			 const char **why);

struct unpack;

/* The plain bytes of fd, which stays the caller's and must outlive it. Errors as decoding. */
int unpack_open(int fd, uint64_t size, struct unpack **ret, uint64_t *ret_plain_len,
		const char **why);
void unpack_close(struct unpack *unpack);

/* As pread: fewer bytes only at the end. Reading on is cheap, going back begins anew at 0.
 * -EBADMSG: the bytes are not what the header says. Whoever has read the last plain byte has seen
 * the whole file checked. */
ssize_t unpack_read(struct unpack *unpack, void *data, size_t len, uint64_t offset);

/* Check what has not been read yet: 0, -EBADMSG, other -errno. */
int unpack_finish(struct unpack *unpack);

/* Why the last call gave -EBADMSG. */
const char *unpack_why(const struct unpack *unpack);

#endif
