// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/extent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "chain/blocks.h"
#include "chain/published.h"
#include "chain/text.h"

typedef unsigned long long ull;

/* --- where a size ends ------------------------------------------------------------------------ */

static int fail_segment(const struct extent *p, struct chain_error *err, int code, uint64_t number,
			const char *why)
{
	char name[SEGMENT_NAME_MAX];

	present_name(p->dirfd, number, name);
	return chain_fail(err, code == -ENOENT || code == -EINVAL ? -EBADMSG : code, "%s: %s", name,
			  why ? why : strerror(-code));
}

/* The last segment that begins below size, from last on downward. */
static int find_segment(const struct extent *p, uint64_t size, uint64_t last, struct segment *ret,
			struct chain_error *err)
{
	for (uint64_t number = last;; number--) {
		const char *why = NULL;
		int code = segment_open(p->dirfd, number, ret, &why);

		if (code)
			return fail_segment(p, err, code, number, why);
		if (ret->header.tree.size < size)
			return 0;
		segment_close(ret);
		if (number == p->first)
			return fail_segment(p, err, -EBADMSG, number,
					    "no segment reaches below the checkpoint");
	}
}

/* Whole blocks up to size: a seal, and so a checkpoint, stands at the end of one. */
static int find_offset(const struct extent *p, const struct segment *segment, uint64_t size,
		       const struct chain_place *hint, struct chain_place *ret,
		       struct chain_error *err)
{
	struct blocks blocks;
	struct block block;
	uint64_t offset = segment->header_len, index = segment->header.tree.size;
	int got = blocks_init(&blocks);

	if (got)
		return got;
	if (hint && hint->number == segment->header.number && hint->index <= size) {
		offset = hint->offset;
		index = hint->index;
	}
	blocks_seek(&blocks, segment, offset, UINT64_MAX, index);
	got = 1;
	while (blocks.next < size && (got = blocks_next(&blocks, &block)) > 0)
		;
	*ret = (struct chain_place){ segment->header.number, blocks.offset, blocks.next };
	if (got >= 0 && ret->index != size)
		got = fail_segment(p, err, -EBADMSG, segment->header.number,
				   ret->index > size ? "the checkpoint ends inside a block"
				   : blocks.why	     ? blocks.why
						     : "ends before the checkpoint does");
	else if (got < 0)
		fail_segment(p, err, got, segment->header.number, blocks.why);
	blocks_free(&blocks);
	return got < 0 ? got : 0;
}

int extent_place(const struct extent *p, uint64_t size, const struct chain_place *hint,
		 struct chain_place *ret, struct chain_error *err)
{
	struct segment segment = { .fd = -1 };
	struct file_list list;
	int code = list_files(p->dirfd, &list);

	if (code)
		return chain_fail(err, code, "cannot be listed: %s", strerror(-code));
	code = find_segment(p, size, list.last, &segment, err);
	if (code)
		return code;
	code = find_offset(p, &segment, size, hint, ret, err);
	segment_close(&segment);
	return code;
}

/* --- seals ------------------------------------------------------------------------------------ */

static int read_seal(int fd, uint64_t k, struct seal *ret, struct chain_error *err)
{
	const char *why = "cut short";
	uint8_t record[SEAL_LEN];
	ssize_t n = pread_all(fd, record, SEAL_LEN, (off_t)(SEAL_LEN * k));

	if (n < 0)
		return chain_fail(err, (int)n, FILE_SEALS ": %s", strerror((int)-n));
	if (n < SEAL_LEN || seal_decode(record, k, ret, &why) < 0)
		return chain_fail(err, -EBADMSG, FILE_SEALS ": seal %llu: %s", (ull)k, why);
	return 0;
}

/* Sizes grow: halve. *ret_seal.k is 0 when none has this size. */
static int find_seal(const struct extent *p, uint64_t size, struct seal *ret,
		     struct chain_error *err)
{
	uint64_t low = 1, high, len;
	int code = 0, fd = open_regular(p->dirfd, FILE_SEALS, O_RDONLY, &len);
	struct seal seal = { 0 };

	if (fd < 0)
		return chain_fail(err, fd, FILE_SEALS ": %s", strerror(-fd));
	high = len / SEAL_LEN; /* behind the last: the header is one record long, too */
	if (high > low) {      /* the last may be torn, and is newer than any checkpoint then */
		uint8_t record[SEAL_LEN];

		if (pread_all(fd, record, SEAL_LEN, (off_t)(SEAL_LEN * (high - 1))) == SEAL_LEN &&
		    seal_is_torn(record))
			high--;
	}
	while (low < high && code == 0) {
		uint64_t k = low + (high - low) / 2;

		code = read_seal(fd, k, &seal, err);
		if (code == 0 && seal.size == size)
			break;
		if (seal.size < size)
			low = k + 1;
		else
			high = k;
	}
	close(fd);
	if (code == 0 && seal.size != size)
		seal.k = 0;
	*ret = seal;
	return code;
}

int extent_seal(const struct extent *p, uint64_t size, uint64_t *ret, struct chain_error *err)
{
	struct seal seal;
	int code = find_seal(p, size, &seal, err);

	if (code == 0)
		*ret = seal.k;
	return code;
}

/* --- the checkpoint --------------------------------------------------------------------------- */

/* The checkpoint, and whose it is. */
static int read_own(struct extent *p, const char *dir, struct chain_error *err)
{
	struct note note;
	int code = read_log_name(dir, &p->name, err);

	if (code == 0)
		code = read_checkpoint(dir, NULL, &p->name, &note, &p->note, err);
	if (code)
		return code == -EXDEV ? -EBADMSG : code;
	p->note_len = note_text(&note).len;
	p->size = note.size;
	memcpy(p->root, note.root, CHAIN_HASH);
	return note.size ? 0 : chain_fail(err, -EBADMSG, "%s: the checkpoint covers nothing", dir);
}

static int match_seal(struct extent *p, struct chain_error *err)
{
	struct seal seal = { 0 };
	int code = find_seal(p, p->size, &seal, err);

	if (code)
		return code;
	if (seal.k == 0 || memcmp(seal.root, p->root, CHAIN_HASH) != 0)
		return chain_fail(err, -EBADMSG, FILE_CHECKPOINT ": no seal says the same at %llu",
				  (ull)p->size);
	p->seal = seal.k;
	return 0;
}

static int look(struct extent *p, const struct chain_place *hint, struct chain_error *err)
{
	struct file_list list;
	int code = match_seal(p, err);

	if (code)
		return code;
	code = list_files(p->dirfd, &list);
	if (code)
		return chain_fail(err, code, "cannot be listed: %s", strerror(-code));
	if (list.count == 0)
		return chain_fail(err, -EBADMSG, "all segments are missing");
	p->first = list.first;
	return extent_place(p, p->size, hint, &p->end, err);
}

int extent_open(struct extent *ret, const char *dir, const struct chain_place *hint,
		struct chain_error *err)
{
	struct extent p = { .dirfd = -1 };
	struct chain_error why = { 0 };
	int code;

	if (sodium_init() < 0)
		return chain_fail(err, -ENOSYS, "libsodium does not start");
	p.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dirfd < 0)
		return chain_fail(err, -errno, "cannot open %s: %s", dir, strerror(errno));
	code = read_own(&p, dir, err);
	if (code) {
		extent_close(&p);
		return code;
	}
	code = look(&p, hint, &why);
	if (code) {
		chain_fail(err, code, "%.200s: %.300s", dir,
			   why.text[0] ? why.text : strerror(-code));
		extent_close(&p);
		return code;
	}
	*ret = p;
	return 0;
}

void extent_close(struct extent *p)
{
	if (p->dirfd >= 0)
		close(p->dirfd);
	free(p->note);
	p->dirfd = -1;
	p->note = NULL;
}
