// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "chain/blocks.h"
#include "chain/text.h"

struct chain_reader {
	int dirfd;
	uint64_t first_number; /* lowest segment there */
	uint64_t number;       /* of the open segment */
	uint64_t from;	       /* first index to return */
	struct segment segment;
	struct salts salts;
	struct blocks blocks;
	bool has_next; /* another segment follows: blocks.end is its word */
	struct block block;
	unsigned left; /* entries of block not yet returned */
	size_t at;     /* of the next one in its payload */
	uint64_t index;
	char error[256];
};

static int fail(struct chain_reader *r, int err, uint64_t number, uint64_t offset, const char *why)
{
	char name[SEGMENT_NAME_MAX];

	present_name(r->dirfd, number, name);
	snprintf(r->error, sizeof(r->error), "%s, offset %llu: %s", name,
		 (unsigned long long)offset, why);
	return err;
}

/* Open a segment; one that is not there is -ENOENT without a message. */
static int open_number(struct chain_reader *r, uint64_t number, struct segment *ret)
{
	const char *why;
	int err = segment_open(r->dirfd, number, ret, &why);

	if (err == -ENOENT)
		return err;
	if (err == -EINVAL)
		err = -EBADMSG;
	return err ? fail(r, err, number, 0, why) : 0;
}

/* Once the next segment is there, it says how much of this one counts. */
static int look_ahead(struct chain_reader *r)
{
	struct segment next = { .fd = -1 };
	int err = r->has_next ? 0 : open_number(r, r->number + 1, &next);

	if (err || r->has_next)
		return err == -ENOENT ? 0 : err;
	segment_close(&next);
	r->has_next = true;
	r->blocks.end = next.header.prev_len;
	return 0;
}

static int enter(struct chain_reader *r, uint64_t number)
{
	struct segment segment;
	int err = open_number(r, number, &segment);

	if (err)
		return err;
	segment_close(&r->segment);
	r->segment = segment;
	r->number = number;
	r->has_next = false;
	r->left = 0;
	salts_init(&r->salts, segment.header.salt_key);
	blocks_seek(&r->blocks, &r->segment, segment.header_len, UINT64_MAX,
		    segment.header.tree.size);
	return look_ahead(r);
}

int chain_reader_open(struct chain_reader **ret, const char *dir, struct chain_error *err)
{
	struct chain_reader *r = calloc(1, sizeof(*r));
	struct file_list list = { 0 };
	int code;

	if (!r)
		return -ENOMEM;
	r->segment.fd = -1;
	r->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	code = r->dirfd < 0 ? -errno : list_files(r->dirfd, &list);
	if (code) {
		chain_fail(err, code, "cannot open %s: %s", dir, strerror(-code));
		goto fail;
	}
	if (list.count == 0) {
		code = chain_fail(err, -ENOENT, "there is no chain in %s", dir);
		goto fail;
	}
	r->first_number = list.first;
	code = blocks_init(&r->blocks);
	if (code)
		goto fail;
	code = enter(r, list.first);
	if (code) {
		chain_fail(err, code, "%s/%s", dir, r->error);
		goto fail;
	}
	*ret = r;
	return 0;
fail:
	chain_reader_close(r);
	return code;
}

int chain_reader_seek(struct chain_reader *r, uint64_t from)
{
	uint64_t low = r->first_number, high;
	struct file_list list;
	struct segment segment;
	int err = list_files(r->dirfd, &list);

	if (err)
		return err;
	r->from = from;
	high = list.last;
	while (low < high) { /* the last one that begins at from or before, else the first */
		uint64_t middle = high - (high - low) / 2;

		err = open_number(r, middle, &segment);
		if (err)
			return err;
		segment_close(&segment);
		if (segment.header.tree.size <= from)
			low = middle;
		else
			high = middle - 1;
	}
	return enter(r, low);
}

int chain_reader_seek_back(struct chain_reader *r, uint64_t segments)
{
	struct file_list list;
	int err = list_files(r->dirfd, &list);

	if (err)
		return err;
	if (segments > list.last - r->first_number)
		segments = list.last - r->first_number;
	r->from = 0;
	err = enter(r, list.last - segments);
	return err ? err : list.last - segments == r->first_number;
}

/* A block is damaged. Torn writes end a segment; where another block stands behind it, or another
 * segment, this is no torn write. */
static bool block_follows(const struct chain_reader *r)
{
	uint8_t head[BLOCK_HEADER];
	const struct blocks *b = &r->blocks;
	uint64_t next;

	if (segment_read(&r->segment, head, sizeof(head), b->offset) != sizeof(head))
		return false;
	next = b->next + get_u16(head + 20);
	if (segment_read(&r->segment, head, sizeof(head),
			 b->offset + BLOCK_HEADER + get_u32(head + 16)) != sizeof(head))
		return false;
	return memcmp(head, "INDB", 4) == 0 && get_u64(head + 8) == next;
}

/* No block is next in this segment. 1 to go on in the next one, 0 at the present end, -errno. */
static int at_end(struct chain_reader *r)
{
	const char *why = r->blocks.why;
	bool known = r->has_next;
	int err = look_ahead(r);

	if (err)
		return err;
	if (r->has_next && r->blocks.offset >= r->blocks.end) {
		err = enter(r, r->number + 1);
		return err ? err : 1;
	}
	if (r->has_next && !known)
		return 1; /* the writer has moved on since: all of this segment is there now */
	if (r->has_next || (why && block_follows(r)))
		return fail(r, -EBADMSG, r->number, r->blocks.offset,
			    why ? why : "segment ends before the next one says");
	return 0;
}

static int next_block(struct chain_reader *r)
{
	for (;;) {
		int got = blocks_next(&r->blocks, &r->block);

		if (got > 0) {
			r->left = r->block.count;
			r->index = r->block.first;
			r->at = 0;
			return 1;
		}
		if (got < 0)
			return fail(r, got, r->number, r->blocks.offset,
				    r->blocks.why ? r->blocks.why : strerror(-got));
		got = at_end(r);
		if (got <= 0)
			return got;
	}
}

int chain_reader_next(struct chain_reader *r, struct chain_entry *ret)
{
	struct chain_entry entry;

	do {
		if (r->left == 0) {
			int got = next_block(r);

			if (got <= 0)
				return got;
		}
		entry.bytes = block_entry(&r->block, &r->at);
		entry.index = r->index++;
		r->left--;
	} while (entry.index < r->from);
	entry.segment = r->number;
	entry.offset = r->blocks.offset - (r->block.payload.len - r->at) - entry.bytes.len;
	*ret = entry;
	return 1;
}

static const uint8_t *salt_of(const struct chain_reader *r, const struct chain_entry *entry)
{
	/* The salts are a cache: looking one up changes nothing a caller can see. */
	struct salts *salts = (struct salts *)&r->salts;

	return salts_get(salts, (entry->index - r->segment.header.tree.size) % SALT_LIMIT);
}

void chain_reader_leaf(const struct chain_reader *r, const struct chain_entry *entry,
		       uint8_t ret[CHAIN_HASH])
{
	leaf_hash(salt_of(r, entry), entry->bytes, ret);
}

void chain_reader_salt(const struct chain_reader *r, const struct chain_entry *entry,
		       uint8_t ret[CHAIN_SALT])
{
	memcpy(ret, salt_of(r, entry), CHAIN_SALT);
}

const struct tree *chain_reader_start(const struct chain_reader *r)
{
	return &r->segment.header.tree;
}

const char *chain_reader_error(const struct chain_reader *r)
{
	return r->error;
}

void chain_reader_close(struct chain_reader *r)
{
	if (!r)
		return;
	segment_close(&r->segment);
	blocks_free(&r->blocks);
	if (r->dirfd >= 0)
		close(r->dirfd);
	free(r);
}

int chain_is_live(const char *dir)
{
	int ret, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = flock(fd, LOCK_SH | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : -errno;
	close(fd);
	return ret;
}
