// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "chain/packed.h"

#define COMPARE_AT_ONCE (64u << 10)

static int open_failed(int err, const char **why)
{
	*why = err == -ENOENT	? "segment is missing"
	       : err == -EINVAL ? "segment is not a regular file"
				: "segment cannot be opened";
	return err;
}

int segment_open_plain(int dirfd, uint64_t number, struct segment *ret, const char **why)
{
	char name[SEGMENT_NAME_MAX];

	*ret = (struct segment){ .fd = -1 };
	segment_name(number, name);
	ret->fd = open_regular(dirfd, name, O_RDONLY, &ret->size);
	return ret->fd < 0 ? open_failed(ret->fd, why) : 0;
}

/* *ret is an empty one. */
static int open_packed(int dirfd, uint64_t number, struct segment *ret, const char **why)
{
	char name[SEGMENT_NAME_MAX];
	uint64_t size;
	int err;

	packed_name(number, name);
	ret->fd = open_regular(dirfd, name, O_RDONLY, &size);
	if (ret->fd < 0)
		return open_failed(ret->fd, why);
	err = unpack_open(ret->fd, size, &ret->unpack, &ret->size, why);
	if (err)
		segment_close(ret);
	return err;
}

static int read_header(uint64_t number, struct segment *segment, const char **why)
{
	uint8_t head[SEGMENT_HEADER_MAX];
	ssize_t used, n = segment_read(segment, head, sizeof(head), 0);

	*why = "segment header is cut short";
	if (n < 0) {
		*why = segment_why(segment) ? segment_why(segment) : "segment cannot be read";
		return (int)n;
	}
	used = segment_header_decode(bytes_of(head, (size_t)n), &segment->header, why);
	if (used > 0 && segment->header.number != number) {
		*why = "segment header has another number than the file name";
		return -EBADMSG;
	}
	if (used <= 0)
		return used ? (int)used : -EBADMSG;
	segment->header_len = (size_t)used;
	return 0;
}

int segment_open(int dirfd, uint64_t number, struct segment *ret, const char **why)
{
	int err = segment_open_plain(dirfd, number, ret, why);

	/* In this order: the packed one is there before the plain one goes. */
	if (err == -ENOENT)
		err = open_packed(dirfd, number, ret, why);
	if (err)
		return err;
	err = read_header(number, ret, why);
	if (err)
		segment_close(ret);
	return err;
}

void segment_close(struct segment *segment)
{
	if (segment->fd < 0)
		return;
	unpack_close(segment->unpack);
	close(segment->fd);
	segment->fd = -1;
}

ssize_t segment_read(const struct segment *segment, void *data, size_t len, uint64_t offset)
{
	if (segment->unpack)
		return unpack_read(segment->unpack, data, len, offset);
	return offset > INT64_MAX ? 0 : pread_all(segment->fd, data, len, (off_t)offset);
}

int segment_finish(const struct segment *segment)
{
	return segment->unpack ? unpack_finish(segment->unpack) : 0;
}

const char *segment_why(const struct segment *segment)
{
	return segment->unpack ? unpack_why(segment->unpack) : NULL;
}

int segment_hash(const struct segment *segment, uint64_t offset, uint64_t len,
		 uint8_t ret[CHAIN_HASH])
{
	crypto_hash_sha256_state state;
	uint8_t buffer[16384];

	crypto_hash_sha256_init(&state);
	while (len) {
		size_t want = len < sizeof(buffer) ? (size_t)len : sizeof(buffer);
		ssize_t n = segment_read(segment, buffer, want, offset);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		crypto_hash_sha256_update(&state, buffer, (size_t)n);
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	crypto_hash_sha256_final(&state, ret);
	return 0;
}

/* --- plain and packed ------------------------------------------------------------------------ */

int segment_same(const struct segment *plain, const struct segment *packed, const char **why)
{
	uint8_t *buffer = malloc(2 * COMPARE_AT_ONCE), *other;
	ssize_t n = COMPARE_AT_ONCE, m = 0;
	uint64_t at = 0;

	if (!buffer)
		return -ENOMEM;
	other = buffer + COMPARE_AT_ONCE;
	while (m >= 0 && n == COMPARE_AT_ONCE) {
		n = segment_read(plain, buffer, COMPARE_AT_ONCE, at);
		m = n < 0 ? n : segment_read(packed, other, COMPARE_AT_ONCE, at);
		if (m == -EBADMSG)
			*why = segment_why(packed);
		if (m >= 0 && (m != n || memcmp(buffer, other, (size_t)n) != 0)) {
			*why = "plain and packed segment differ";
			m = -EBADMSG;
		}
		at += COMPARE_AT_ONCE; /* or it is the end */
	}
	free(buffer);
	/* Seen to its end is seen whole: its last bytes are given out when that was looked at. */
	return m < 0 ? (int)m : 0;
}

int segment_compare(int dirfd, uint64_t number, const char **why)
{
	struct segment plain, packed = { .fd = -1 };
	int err = segment_open_plain(dirfd, number, &plain, why);

	if (err == 0)
		err = open_packed(dirfd, number, &packed, why);
	if (err == 0)
		err = segment_same(&plain, &packed, why);
	segment_close(&plain);
	segment_close(&packed);
	return err == -ENOENT ? 0 : err;
}

int segment_remove(int dirfd, uint64_t number)
{
	char plain[SEGMENT_NAME_MAX], packed[SEGMENT_NAME_MAX];

	segment_name(number, plain);
	packed_name(number, packed);
	if (unlinkat(dirfd, plain, 0) < 0 && errno != ENOENT)
		return -errno;
	return unlinkat(dirfd, packed, 0) < 0 && errno != ENOENT ? -errno : 0;
}
