// SPDX-License-Identifier: Apache-2.0
/*
 * N.seg becomes N.segz: N.segz.tmp is written and synced, inflated again and compared byte for
 * byte, renamed, the directory is synced, and only then N.seg goes. Who packs N holds a lock on
 * N.seg, so that two never write one N.segz.tmp.
 */
#define _GNU_SOURCE
#include "chain/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "chain/packed.h"
#include "chain/seals.h"
#include "chain/segment_file.h"
#include "chain/text.h"
#include "chain/units.h"

#define AT_ONCE (64u << 10)
#define BUSY	1

/* --- the packed form ------------------------------------------------------------------------- */

struct packer {
	int fd; /* of the packed file */
	const struct segment *plain;
	struct units units;
	struct packed_header header;
	z_stream stream;
	const char *why;
	uint8_t in[AT_ONCE], out[AT_ONCE];
};

static int write_out(struct packer *p)
{
	size_t len = AT_ONCE - p->stream.avail_out;
	int err = pwrite_all(p->fd, p->out, len, (off_t)(PACKED_HEADER + p->header.packed_len));

	p->header.packed_len += len;
	p->stream.next_out = p->out;
	p->stream.avail_out = AT_ONCE;
	return err;
}

/* Deflate what is in hand; finish: and write all that is left. */
static int deflate_some(struct packer *p, bool finish)
{
	z_stream *z = &p->stream;
	int got = Z_OK, err = 0;

	while (err == 0 && (z->avail_in || (finish && got != Z_STREAM_END))) {
		got = deflate(z, finish ? Z_FINISH : Z_NO_FLUSH);
		if (got == Z_STREAM_ERROR)
			return -EINVAL;
		if (z->avail_out == 0 || got == Z_STREAM_END)
			err = write_out(p);
	}
	return err;
}

static int take_plain(void *ctx, uint8_t *data, size_t len)
{
	struct packer *p = ctx;
	ssize_t n = segment_read(p->plain, data, len, p->header.plain_len);

	if (n < 0)
		return (int)n;
	p->header.plain_len += (uint64_t)n;
	return (size_t)n == len ? 0 : -EIO;
}

static int deflate_all(struct packer *p)
{
	struct bytes piece;
	int err, got;

	p->units.take = take_plain;
	p->units.ctx = p;
	units_begin(&p->units, p->plain->size, true);
	p->stream.next_out = p->out;
	p->stream.avail_out = AT_ONCE;
	while ((got = units_next(&p->units, &piece)) > 0) {
		p->stream.next_in = piece.data;
		p->stream.avail_in = (unsigned)piece.len;
		err = deflate_some(p, false);
		if (err)
			return err;
	}
	p->stream.avail_in = 0;
	return got < 0 ? got : deflate_some(p, true);
}

/* The header comes last: until then the file is none. */
static int write_header(struct packer *p)
{
	uint8_t head[PACKED_HEADER];
	uint64_t at = 0;
	ssize_t n;

	packed_header_encode(&p->header, head);
	p->header.crc = crc32c(0, head + 16, PACKED_HEADER - 16);
	while ((n = pread_all(p->fd, p->in, AT_ONCE, (off_t)(PACKED_HEADER + at))) > 0) {
		p->header.crc = crc32c(p->header.crc, p->in, (size_t)n);
		at += (uint64_t)n;
	}
	packed_header_encode(&p->header, head);
	return n < 0 ? (int)n : pwrite_all(p->fd, head, PACKED_HEADER, 0);
}

static int write_packed(struct packer *p)
{
	int err;

	if (deflateInit(&p->stream, Z_BEST_COMPRESSION) != Z_OK)
		return -ENOMEM;
	err = deflate_all(p);
	deflateEnd(&p->stream);
	free(p->units.buffer);
	if (err == 0)
		err = write_header(p);
	return err == 0 && fsync(p->fd) < 0 ? -errno : err;
}

/* What was written must give the plain file again, read by the code that will have to. */
static int check_packed(struct packer *p)
{
	struct segment packed = { .fd = p->fd };
	uint64_t size = PACKED_HEADER + p->header.packed_len;
	int err;

	posix_fadvise(p->fd, 0, 0, POSIX_FADV_DONTNEED); /* from the disk, where it can be */
	err = unpack_open(p->fd, size, &packed.unpack, &packed.size, &p->why);
	if (err == 0)
		err = segment_same(p->plain, &packed, &p->why);
	unpack_close(packed.unpack);
	return err;
}

/* --- one segment ----------------------------------------------------------------------------- */

struct job {
	int dirfd;
	uint64_t number;
	struct segment plain;
	char name[SEGMENT_NAME_MAX], packed_name[SEGMENT_NAME_MAX];
	char tmp[SEGMENT_NAME_MAX + 4];
	const char *why;
};

/* Write the packed form under its name. ret: its bytes. */
static int make_packed(struct job *job, uint64_t *ret)
{
	struct packer *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->plain = &job->plain;
	p->header.version = PACKED_VERSION;
	if (unlinkat(job->dirfd, job->tmp, 0) < 0 && errno != ENOENT)
		err = -errno;
	p->fd = err ? -1
		    : openat(job->dirfd, job->tmp,
			     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0) {
		err = err ? err : -errno;
		free(p);
		return err;
	}
	err = write_packed(p);
	if (err == 0)
		err = check_packed(p);
	if (err == 0 && renameat(job->dirfd, job->tmp, job->dirfd, job->packed_name) < 0)
		err = -errno;
	if (err)
		unlinkat(job->dirfd, job->tmp, 0);
	job->why = p->why;
	*ret = PACKED_HEADER + p->header.packed_len;
	close(p->fd);
	free(p);
	return err;
}

/* The packed form is there: make its name durable, and let the plain one go. */
static int drop_plain(const struct job *job)
{
	struct stat st;

	if (fsync(job->dirfd) < 0 || fstat(job->plain.fd, &st) < 0)
		return -errno;
	/* Gone meanwhile: this segment was pruned, and must not come back. Whoever prunes removes
	 * the plain file first, so what is not seen here it has yet to remove itself. */
	if (unlinkat(job->dirfd, st.st_nlink ? job->name : job->packed_name, 0) < 0 &&
	    errno != ENOENT)
		return -errno;
	return 0;
}

static int pack_locked(struct job *job, uint64_t *ret_after)
{
	uint64_t size;
	int err, fd = open_regular(job->dirfd, job->packed_name, O_RDONLY, &size);

	if (fd >= 0) { /* a crash before the plain one went */
		close(fd);
		err = segment_compare(job->dirfd, job->number, &job->why);
		*ret_after = size;
	} else {
		err = fd == -ENOENT ? make_packed(job, ret_after) : fd;
	}
	return err ? err : drop_plain(job);
}

/* What a failing disk did not take, behind the end of what counts, may be in the page cache alone.
 * Both forms must be the same after a power cut too: what is packed is what is on the disk. The
 * first error may be an old one that nobody was told. */
static int settle(int fd)
{
	for (int turn = 0; fdatasync(fd) < 0; turn++) {
		if (turn)
			return -errno;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

/* 0, BUSY, -errno. Nothing to do is 0 as well. */
static int pack_one(struct job *job, struct chain_packed *done)
{
	struct stat st;
	uint64_t after = 0;
	int err = segment_open_plain(job->dirfd, job->number, &job->plain, &job->why);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (flock(job->plain.fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? BUSY : -errno;
	if (err == 0 && fstat(job->plain.fd, &st) < 0)
		err = -errno;
	if (err == 0 && st.st_nlink) { /* else another one was faster */
		err = settle(job->plain.fd);
		if (err == 0)
			err = pack_locked(job, &after);
		if (err == 0) {
			done->segments++;
			done->before += job->plain.size;
			done->after += after;
		}
	}
	segment_close(&job->plain);
	return err;
}

/* --- all of them ----------------------------------------------------------------------------- */

/* Entries under the last good seal. Whether it is signed is not asked here. */
static int find_sealed(int dirfd, uint64_t *ret, const char **why)
{
	struct seals_header header;
	struct seal seal = { 0 };
	uint8_t record[SEAL_LEN];
	uint64_t size, k;
	ssize_t n;
	int err, fd = open_regular(dirfd, FILE_SEALS, O_RDONLY, &size);

	*why = "is missing or no regular file";
	if (fd < 0)
		return fd;
	n = pread_all(fd, record, SEAL_LEN, 0);
	*why = "header is cut short";
	err = n < 0 ? (int)n : n < SEAL_LEN ? -EBADMSG : seals_header_decode(record, &header, why);
	for (k = size / SEAL_LEN - 1; err == 0 && k > 0; k--) {
		n = pread_all(fd, record, SEAL_LEN, (off_t)(SEAL_LEN * k));
		*why = "is cut short";
		err = n < 0 ? (int)n : n < SEAL_LEN ? -EBADMSG : 0;
		if (err == 0 && k == size / SEAL_LEN - 1 && seal_is_torn(record))
			continue;
		if (err == 0)
			err = seal_decode(record, k, &seal, why);
		break;
	}
	close(fd);
	if (err == 0)
		*ret = seal.size;
	return err;
}

/* Does a seal reach beyond this segment? Then nobody writes to it any more. */
static int is_behind(const struct job *job, uint64_t sealed, bool *ret, const char **why)
{
	struct segment next;
	int err = segment_open(job->dirfd, job->number + 1, &next, why);

	if (err)
		return err;
	*ret = next.header.tree.size < sealed;
	segment_close(&next);
	return 0;
}

static void name_job(struct job *job, uint64_t number)
{
	job->number = number;
	job->why = NULL;
	segment_name(number, job->name);
	packed_name(number, job->packed_name);
	snprintf(job->tmp, sizeof(job->tmp), "%s.tmp", job->packed_name);
}

static int fail(struct chain_error *err, int code, const char *dir, const struct job *job,
		const char *why)
{
	bool told = why && (code == -EBADMSG || code == -EPROTONOSUPPORT || code == -EINVAL);

	return chain_fail(err, code, "cannot pack %s/%s, it stays as it is: %s", dir, job->name,
			  told ? why : strerror(-code));
}

static int pack_all(const char *dir, int dirfd, struct chain_packed *done, struct chain_error *err)
{
	struct job job = { .dirfd = dirfd };
	struct file_list list;
	const char *why;
	uint64_t sealed;
	int code = list_files(dirfd, &list);

	if (code)
		return chain_fail(err, code, "cannot list %s: %s", dir, strerror(-code));
	if (list.count == 0 && !list.seals)
		return chain_fail(err, -ENOENT, "there is no chain in %s", dir);
	code = find_sealed(dirfd, &sealed, &why);
	if (code)
		return chain_fail(err, code, "%s/%s: %s", dir, FILE_SEALS, why);
	for (uint64_t number = list.first; number < list.last; number++) {
		bool behind;

		name_job(&job, number);
		if (faccessat(dirfd, job.name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		code = is_behind(&job, sealed, &behind, &why);
		if (code == -ENOENT && faccessat(dirfd, job.name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* both were pruned at this moment */
		if (code)
			return fail(err, code == -ENOENT ? -EBADMSG : code, dir, &job, why);
		if (!behind)
			break;
		code = pack_one(&job, done);
		if (code < 0)
			return fail(err, code, dir, &job, job.why);
		done->busy += code == BUSY;
	}
	return 0;
}

int chain_pack(const char *dir, struct chain_packed *ret, struct chain_error *err)
{
	int code, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	if (dirfd < 0)
		return chain_fail(err, -errno, "cannot open %s: %s", dir, strerror(errno));
	code = pack_all(dir, dirfd, ret, err);
	close(dirfd);
	return code;
}
