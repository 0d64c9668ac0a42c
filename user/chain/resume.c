// SPDX-License-Identifier: Apache-2.0
/* Steps R4 and R5: from the last seal on, what is there and where does it end? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/blocks.h"
#include "chain/files.h"
#include "chain/restart.h"
#include "chain/text.h"

struct walk {
	struct log *log;
	struct blocks blocks;
	struct salts salts;
	struct segment segment, next;
	uint64_t number;
	uint64_t sealed_len; /* bytes of segment that hold no entry behind the last seal */
	const char *why;
};

static int check_root(struct walk *w)
{
	const struct log *log = w->log;
	uint8_t root[CHAIN_HASH];

	if (log->tree.size != log->last.size || log->last.k == 0)
		return 0;
	tree_root(&log->tree, root);
	w->why = "entries differ from what the last seal says";
	return memcmp(root, log->last.root, CHAIN_HASH) == 0 ? 0 : -EBADMSG;
}

static void note_heir(struct log *log, struct bytes entry)
{
	struct link link;

	if (link_decode(entry, &link) == 0 && link.direction == LINK_FORWARD &&
	    link.vkey.len < sizeof(log->heir)) {
		memcpy(log->heir, link.vkey.data, link.vkey.len);
		log->heir[link.vkey.len] = 0;
	}
}

static int take_block(struct walk *w, const struct block *block)
{
	struct log *log = w->log;
	uint8_t leaf[CHAIN_HASH];
	struct recovery recovery;
	size_t at = 0;

	for (unsigned i = 0; i < block->count; i++) {
		struct bytes entry = block_entry(block, &at);
		uint64_t j = log->tree.size - w->segment.header.tree.size;
		int err;

		note_heir(log, entry);
		if (recovery_decode(entry, &recovery) == 0)
			memcpy(log->old_boot, recovery.new_boot, 16);
		w->why = "segment is too long";
		if (j >= SALT_LIMIT)
			return -EBADMSG;
		leaf_hash(salts_get(&w->salts, j), entry, leaf);
		tree_push(&log->tree, leaf);
		err = check_root(w);
		if (err)
			return err;
	}
	return 0;
}

static int walk_segment(struct walk *w, bool has_next)
{
	struct log *log = w->log;
	const struct segment *s = &w->segment;
	bool closed = log->last.flags & SEAL_CLOSE && s->header.tree.size < log->last.size;
	uint64_t end = has_next ? w->next.header.prev_len : UINT64_MAX;
	struct block block;
	int got;

	salts_init(&w->salts, s->header.salt_key);
	blocks_seek(&w->blocks, s, s->header_len, end, s->header.tree.size);
	w->sealed_len = s->header_len;
	memset(log->old_boot, 0, sizeof(log->old_boot));
	while ((got = blocks_next(&w->blocks, &block)) > 0) {
		int err = take_block(w, &block);

		if (err)
			return err;
		if (log->tree.size <= log->last.size)
			w->sealed_len = w->blocks.offset;
	}
	if (got == 0)
		got = segment_finish(s);
	if (got < 0) {
		w->why = segment_why(s) ? segment_why(s) : "cannot be read";
		return got;
	}
	log->number = w->number;
	log->valid_len = w->blocks.offset;
	log->dead_len = s->size - w->blocks.offset;
	w->why = w->blocks.why ? w->blocks.why : "blocks end before the next segment says";
	if (has_next && w->blocks.offset != end)
		return -EBADMSG;
	w->why = "something follows the closing seal";
	if (closed && (log->tree.size > log->last.size || log->dead_len))
		return -EBADMSG;
	return 0;
}

static int check_successor(struct walk *w)
{
	const struct segment_header *h = &w->segment.header;

	w->why = "segment is of another log";
	if (memcmp(h->lid, w->log->name.lid, LOG_ID_LEN) != 0)
		return -EBADMSG;
	w->why = "segment does not begin where the one before ends";
	return tree_equal(&h->tree, &w->log->tree) ? 0 : -EBADMSG;
}

static int open_numbered(struct walk *w, uint64_t number, struct segment *ret)
{
	int err = segment_open(w->log->dirfd, number, ret, &w->why);

	w->number = number;
	return err == -ENOENT || err == -EINVAL ? -EBADMSG : err;
}

/* Open the last segment that begins at or before the end of the last seal. */
static int find_start(struct walk *w, const struct file_list *list)
{
	uint64_t number = list->last;

	for (;; number--) {
		int err = open_numbered(w, number, &w->segment);

		if (err)
			return err;
		if (w->segment.header.tree.size <= w->log->last.size)
			return 0;
		segment_close(&w->segment);
		if (number == list->first) {
			w->why = "no segment reaches back to the last seal";
			return -EBADMSG;
		}
	}
}

/* Reading may start right behind a closing seal: then look at the segment that it closed. */
static int check_closed_before(struct walk *w, const struct file_list *list)
{
	const struct log *log = w->log;
	uint64_t number = w->number, prev_len = w->segment.header.prev_len;
	struct segment before;
	int err;

	if (!(log->last.flags & SEAL_CLOSE) || w->segment.header.tree.size != log->last.size)
		return 0;
	do {
		if (number-- == list->first)
			return 0;
		err = open_numbered(w, number, &before);
		if (err)
			return err;
		err = segment_finish(&before);
		w->why = "packed segment is damaged";
		segment_close(&before);
		if (err)
			return err;
		w->why = "something follows the closing seal";
		if (before.header.tree.size < log->last.size)
			return before.size == prev_len ? 0 : -EBADMSG;
		prev_len = before.header.prev_len;
	} while (1);
}

static int walk_all(struct walk *w, const struct file_list *list)
{
	struct log *log = w->log;
	uint64_t number;
	int err = find_start(w, list);

	if (err)
		return err;
	number = w->number;
	err = check_closed_before(w, list);
	if (err)
		return err;
	w->number = number;
	log->tree = w->segment.header.tree;
	err = check_root(w);
	for (; err == 0; number++) {
		bool has_next = number < list->last;

		w->number = number;
		err = check_successor(w);
		if (err == 0 && has_next)
			err = open_numbered(w, number + 1, &w->next);
		if (err)
			return err;
		w->number = number;
		err = walk_segment(w, has_next);
		if (err || !has_next)
			break;
		segment_close(&w->segment);
		w->segment = w->next;
		w->next.fd = -1;
	}
	w->why = err ? w->why : "sealed entries are missing";
	return err ? err : log->tree.size < log->last.size ? -EBADMSG : 0;
}

static int copy_bytes(const struct segment *from, int fd)
{
	uint8_t buffer[65536];
	uint64_t at = 0;
	ssize_t n;
	int err = 0;

	while (err == 0 && (n = segment_read(from, buffer, sizeof(buffer), at)) != 0) {
		err = n < 0 ? (int)n : pwrite_all(fd, buffer, (size_t)n, (off_t)at);
		at += (uint64_t)n;
	}
	return err;
}

/*
 * What no seal covers may be in the page cache alone: not written yet, or written in vain. A page
 * that could not be written counts as clean, the error is told once, to whoever wrote before, and
 * on ext4 the same pages written again can still be zeros after a power cut. So the segment is
 * written anew, as a file of its own, and put in its place.
 */
static int make_durable(struct walk *w)
{
	char name[SEGMENT_NAME_MAX], tmp[SEGMENT_NAME_MAX + 4];
	int dirfd = w->log->dirfd, fd, err;

	if (w->segment.unpack || w->sealed_len == w->segment.size)
		return 0;
	w->why = "cannot be written anew";
	segment_name(w->number, name);
	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = copy_bytes(&w->segment, fd);
	if (err == 0 && (fsync(fd) < 0 || renameat(dirfd, tmp, dirfd, name) < 0))
		err = -errno;
	close(fd);
	if (err)
		unlinkat(dirfd, tmp, 0);
	else if (fsync(dirfd) < 0)
		err = -errno;
	if (err)
		w->why = strerror(-err);
	return err;
}

int log_find_end(struct log *log, const struct file_list *list, struct chain_error *err)
{
	struct walk *w;
	char name[SEGMENT_NAME_MAX];
	int ret;

	if (list->count == 0) {
		log->clean = true; /* creation stopped before the first segment */
		if (log->last.k == 0)
			return 0;
		return chain_fail(err, -EBADMSG, "%s: all segments are missing", log->dir);
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->log = log;
	w->segment.fd = w->next.fd = -1;
	w->why = "out of memory";
	ret = blocks_init(&w->blocks);
	if (ret == 0)
		ret = walk_all(w, list);
	if (ret == 0)
		ret = make_durable(w);
	if (ret == 0) {
		w->why = "cannot be read";
		ret = segment_hash(&w->segment, log->valid_len, log->dead_len, log->dead_hash);
	}
	if (ret) {
		present_name(log->dirfd, w->number, name);
		chain_fail(err, ret, "%s/%s: %s", log->dir, name, w->why);
	}
	segment_close(&w->segment);
	segment_close(&w->next);
	blocks_free(&w->blocks);
	free(w);
	log->clean = log->last.flags & SEAL_CLOSE && log->tree.size == log->last.size &&
		     log->dead_len == 0;
	return ret;
}
