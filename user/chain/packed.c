// SPDX-License-Identifier: Apache-2.0
/*
 * Packed segment. All integers little-endian.
 *
 *   0 magic "INDSEGZ1"    8 crc32c of [16, EOF)    12 zero u32
 *  16 plain_len u64      24 packed_len u64         32 one zlib stream (RFC 1950)
 *
 * Valid if and only if the stream is packed_len bytes and whole, holds plain_len bytes, nothing
 * stands behind it, and the crc holds. None of this is evidence: the plain bytes are.
 */
#include "chain/packed.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "chain/segment.h"

#define READ_AT_ONCE (64u << 10)
#define SKIP_AT_ONCE (16u << 10)
/* A byte of a deflate stream stands for at most 1,032: a header that promises more lies. */
#define RATIO_MAX 1032

static const char PACKED_MAGIC[] = "INDSEGZ1";

void packed_header_encode(const struct packed_header *header, uint8_t p[PACKED_HEADER])
{
	p = put_bytes(p, PACKED_MAGIC, 8);
	p = put_u32(p, header->crc);
	p = put_u32(p, 0);
	p = put_u64(p, header->plain_len);
	put_u64(p, header->packed_len);
}

int packed_header_decode(const uint8_t p[PACKED_HEADER], uint64_t size, struct packed_header *ret,
			 const char **why)
{
	struct packed_header header = { .crc = get_u32(p + 8),
					.plain_len = get_u64(p + 16),
					.packed_len = get_u64(p + 24) };

	*why = "packed segment is cut short";
	if (size < PACKED_HEADER)
		return -EBADMSG;
	if (memcmp(p, PACKED_MAGIC, 7) == 0 && p[7] >= '0' && p[7] <= '9' && p[7] != '1') {
		*why = "unknown version of a packed segment";
		return -EPROTONOSUPPORT;
	}
	*why = "bad magic of a packed segment";
	if (memcmp(p, PACKED_MAGIC, 8) != 0)
		return -EBADMSG;
	*why = "reserved bytes of a packed segment are not zero";
	if (get_u32(p + 12) != 0)
		return -EBADMSG;
	*why = "packed segment has another length than it says";
	if (header.packed_len != size - PACKED_HEADER)
		return -EBADMSG;
	*why = "packed segment cannot hold as many bytes as it says";
	if (header.plain_len < SEGMENT_HEADER_MIN ||
	    header.plain_len / RATIO_MAX > header.packed_len)
		return -EBADMSG;
	*ret = header;
	return 0;
}

struct unpack {
	int fd;
	struct packed_header header;
	z_stream stream;
	uint64_t at;	/* plain bytes given out since the beginning */
	uint64_t taken; /* packed bytes read */
	uint32_t crc;	/* of [16, 32) and them */
	bool broken;	/* what follows at is not known: begin anew */
	bool checked;	/* the whole file was seen to be good */
	const char *why;
	uint8_t in[READ_AT_ONCE];
	uint8_t skipped[SKIP_AT_ONCE];
};

static int corrupt(struct unpack *u, const char *why)
{
	u->broken = true;
	u->why = why;
	return -EBADMSG;
}

static int begin(struct unpack *u)
{
	uint8_t lengths[PACKED_HEADER];

	if (inflateReset(&u->stream) != Z_OK)
		return -EINVAL;
	packed_header_encode(&u->header, lengths);
	u->crc = crc32c(0, lengths + 16, PACKED_HEADER - 16);
	u->stream.avail_in = 0;
	u->at = u->taken = 0;
	u->broken = false;
	return 0;
}

int unpack_open(int fd, uint64_t size, struct unpack **ret, uint64_t *ret_plain_len,
		const char **why)
{
	struct packed_header header;
	uint8_t head[PACKED_HEADER];
	ssize_t n = pread_all(fd, head, sizeof(head), 0);
	struct unpack *u;
	int err;

	*why = "packed segment is cut short";
	if (n < PACKED_HEADER)
		return n < 0 ? (int)n : -EBADMSG;
	err = packed_header_decode(head, size, &header, why);
	if (err)
		return err;
	*why = "out of memory";
	u = calloc(1, sizeof(*u));
	if (!u || inflateInit(&u->stream) != Z_OK) {
		free(u);
		return -ENOMEM;
	}
	u->fd = fd;
	u->header = header;
	err = begin(u);
	if (err) {
		unpack_close(u);
		return err;
	}
	*ret = u;
	*ret_plain_len = header.plain_len;
	return 0;
}

void unpack_close(struct unpack *u)
{
	if (!u)
		return;
	inflateEnd(&u->stream);
	free(u);
}

static int refill(struct unpack *u)
{
	uint64_t left = u->header.packed_len - u->taken;
	size_t want = left < sizeof(u->in) ? (size_t)left : sizeof(u->in);
	ssize_t n = pread_all(u->fd, u->in, want, (off_t)(PACKED_HEADER + u->taken));

	if (n < 0) {
		u->broken = true;
		return (int)n;
	}
	if (n == 0)
		return corrupt(u, "packed segment is cut short");
	u->crc = crc32c(u->crc, u->in, (size_t)n);
	u->taken += (uint64_t)n;
	u->stream.next_in = u->in;
	u->stream.avail_in = (unsigned)n;
	return 0;
}

/* Go on until there is no room left or the stream ends. 1 at its end, 0, -errno. */
static int inflate_into(struct unpack *u, uint8_t *data, size_t len)
{
	z_stream *z = &u->stream;

	z->next_out = data;
	z->avail_out = (unsigned)len;
	do {
		int err = z->avail_in == 0 ? refill(u) : 0, got;

		if (err)
			return err;
		got = inflate(z, Z_NO_FLUSH);
		if (got == Z_STREAM_END)
			return 1;
		if (got == Z_MEM_ERROR) {
			u->broken = true;
			return -ENOMEM;
		}
		if (got != Z_OK && got != Z_BUF_ERROR)
			return corrupt(u, "packed bytes are damaged");
	} while (z->avail_out);
	return 0;
}

/* All plain bytes were given out: nothing more may be there. ended: the stream said so itself. */
static int check_end(struct unpack *u, bool ended)
{
	if (!ended) {
		uint8_t more;
		int got = inflate_into(u, &more, 1);

		if (got < 0)
			return got;
		if (got == 0 || u->stream.avail_out == 0)
			return corrupt(u, "packed segment holds more bytes than it says");
	}
	if (u->stream.avail_in || u->taken != u->header.packed_len)
		return corrupt(u, "bytes after the packed segment");
	if (u->crc != u->header.crc)
		return corrupt(u, "bad crc of a packed segment");
	u->checked = true;
	return 0;
}

/* The next len bytes, which the header says are there. */
static int take(struct unpack *u, uint8_t *data, size_t len)
{
	int got = inflate_into(u, data, len);

	if (got < 0)
		return got;
	if (u->stream.avail_out)
		return corrupt(u, "packed segment holds fewer bytes than it says");
	u->at += len;
	if (u->at == u->header.plain_len)
		return check_end(u, got);
	return got ? corrupt(u, "packed segment holds fewer bytes than it says") : 0;
}

static int skip_to(struct unpack *u, uint64_t offset)
{
	int err = u->broken || offset < u->at ? begin(u) : 0;

	while (err == 0 && u->at < offset) {
		uint64_t left = offset - u->at;
		size_t some = left < SKIP_AT_ONCE ? (size_t)left : SKIP_AT_ONCE;

		err = take(u, u->skipped, some);
	}
	return err;
}

ssize_t unpack_read(struct unpack *u, void *data, size_t len, uint64_t offset)
{
	uint64_t end = u->header.plain_len;
	int err;

	if (offset >= end || len == 0)
		return 0;
	if (len > end - offset)
		len = (size_t)(end - offset);
	if (len > INT32_MAX)
		len = INT32_MAX;
	err = skip_to(u, offset);
	if (err == 0)
		err = take(u, data, len);
	return err ? err : (ssize_t)len;
}

int unpack_finish(struct unpack *u)
{
	return u->checked ? 0 : skip_to(u, u->header.plain_len);
}

const char *unpack_why(const struct unpack *u)
{
	return u->why ? u->why : "cannot be read";
}
