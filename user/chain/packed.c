// SPDX-License-Identifier: Apache-2.0
/*
 * Packed segment. All integers little-endian.
 *
 *   0 magic "INDSEGZ2"    8 crc32c of [16, EOF)    12 zero u32
 *  16 plain_len u64      24 packed_len u64         32 one zlib stream (RFC 1950)
 *
 * The stream is of the plain bytes with what units.h takes out of each block; with the magic
 * "INDSEGZ1" of the plain bytes themselves, which is read but not written.
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
#include "chain/units.h"

#define READ_AT_ONCE (64u << 10)
/* A byte of a deflate stream stands for at most 1,032: a header that promises more lies. */
#define RATIO_MAX 1032

static const char PACKED_MAGIC[] = "INDSEGZ"; /* and the version's digit */

void packed_header_encode(const struct packed_header *header, uint8_t p[PACKED_HEADER])
{
	p = put_bytes(p, PACKED_MAGIC, 7);
	p = put_u8(p, (uint8_t)('0' + header->version));
	p = put_u32(p, header->crc);
	p = put_u32(p, 0);
	p = put_u64(p, header->plain_len);
	put_u64(p, header->packed_len);
}

int packed_header_decode(const uint8_t p[PACKED_HEADER], uint64_t size, struct packed_header *ret,
			 const char **why)
{
	struct packed_header header = { .version = (unsigned)(p[7] - '0'),
					.crc = get_u32(p + 8),
					.plain_len = get_u64(p + 16),
					.packed_len = get_u64(p + 24) };

	*why = "packed segment is cut short";
	if (size < PACKED_HEADER)
		return -EBADMSG;
	*why = "bad magic of a packed segment";
	if (memcmp(p, PACKED_MAGIC, 7) != 0 || p[7] < '0' || p[7] > '9')
		return -EBADMSG;
	*why = "unknown version of a packed segment";
	if (header.version < 1 || header.version > PACKED_VERSION)
		return -EPROTONOSUPPORT;
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
	uint64_t inflated; /* bytes since the beginning */
	uint64_t taken;	   /* packed bytes read */
	uint32_t crc;	   /* of [16, 32) and them */
	bool broken;	   /* what follows is not known: begin anew */
	bool checked;	   /* the whole file was seen to be good */
	const char *why;
	struct units units;
	struct bytes piece; /* of plain bytes, not yet given out */
	uint64_t at;	    /* where it begins */
	uint8_t in[READ_AT_ONCE];
};

static int corrupt(struct unpack *u, const char *why)
{
	u->why = why;
	return -EBADMSG;
}

static void begin(struct unpack *u)
{
	uint8_t lengths[PACKED_HEADER];

	inflateReset(&u->stream); /* which fails for what is no stream */
	packed_header_encode(&u->header, lengths);
	u->crc = crc32c(0, lengths + 16, PACKED_HEADER - 16);
	u->stream.avail_in = 0;
	u->inflated = u->taken = u->at = 0;
	u->piece = bytes_of(NULL, 0);
	units_begin(&u->units, u->header.plain_len, u->header.version > 1);
}

static int refill(struct unpack *u)
{
	uint64_t left = u->header.packed_len - u->taken;
	size_t want = left < sizeof(u->in) ? (size_t)left : sizeof(u->in);
	ssize_t n = pread_all(u->fd, u->in, want, (off_t)(PACKED_HEADER + u->taken));

	if (n < 0)
		return (int)n;
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
		if (got == Z_MEM_ERROR)
			return -ENOMEM;
		if (got != Z_OK)
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
		if (u->stream.avail_out == 0)
			return corrupt(u, "packed segment holds more bytes than it says");
	}
	if (u->stream.avail_in || u->taken != u->header.packed_len)
		return corrupt(u, "bytes after the packed segment");
	if (u->crc != u->header.crc)
		return corrupt(u, "bad crc of a packed segment");
	u->checked = true;
	return 0;
}

/* The next len bytes of the stream, which the header says are there. */
static int take(void *ctx, uint8_t *data, size_t len)
{
	struct unpack *u = ctx;
	int got = inflate_into(u, data, len);

	if (got < 0)
		return got;
	if (u->stream.avail_out)
		return corrupt(u, "packed segment holds fewer bytes than it says");
	u->inflated += len;
	if (u->inflated == u->header.plain_len)
		return check_end(u, got);
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
	u->units.take = take;
	u->units.ctx = u;
	u->units.restore = true;
	begin(u);
	*ret = u;
	*ret_plain_len = header.plain_len;
	return 0;
}

void unpack_close(struct unpack *u)
{
	if (!u)
		return;
	inflateEnd(&u->stream);
	free(u->units.buffer);
	free(u);
}

/* Go to the piece that holds offset. */
static int seek(struct unpack *u, uint64_t offset)
{
	int err = 0;

	if (u->broken || offset < u->at)
		begin(u);
	while (err == 0 && offset - u->at >= u->piece.len) {
		u->at += u->piece.len;
		u->piece.len = 0;
		err = units_next(&u->units, &u->piece);
		if (err == 0)
			break; /* the end */
		err = err < 0 ? err : 0;
	}
	u->broken = err;
	return err;
}

ssize_t unpack_read(struct unpack *u, void *data, size_t len, uint64_t offset)
{
	uint8_t *to = data;
	size_t done = 0;

	if (offset >= u->header.plain_len)
		return 0;
	while (done < len) {
		int err = seek(u, offset);
		size_t skip = (size_t)(offset - u->at), some;

		if (err)
			return err;
		if (skip >= u->piece.len)
			break;
		some = u->piece.len - skip < len - done ? u->piece.len - skip : len - done;
		memcpy(to + done, u->piece.data + skip, some);
		done += some;
		offset += some;
	}
	return (ssize_t)done;
}

int unpack_finish(struct unpack *u)
{
	return u->checked ? 0 : seek(u, u->header.plain_len);
}

const char *unpack_why(const struct unpack *u)
{
	return u->why ? u->why : "cannot be read";
}
