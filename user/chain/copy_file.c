// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/text.h"

int copy_fail(const struct round *r, int code, const char *name, const char *why)
{
	return chain_fail(r->err, code, "%.300s%s%s: %s", r->copy->to, *name ? "/" : "", name,
			  why ? why : strerror(-code));
}

int copy_fail_source(const struct round *r, int code, const char *name, const char *why)
{
	return chain_fail(r->err, code, "%.300s/%s: %s", r->copy->from, name,
			  why ? why : strerror(-code));
}

static int read_both(struct job *j, uint64_t at, size_t want)
{
	ssize_t n = segment_read(&j->from, j->r->copy->ours, want, at);

	if (n < (ssize_t)want)
		return copy_fail_source(j->r, n < 0 ? (int)n : -EBADMSG, j->from_name,
					n >= 0 ? "is shorter than it was" : segment_why(&j->from));
	n = segment_read(&j->to, j->r->copy->theirs, want, at);
	if (n < (ssize_t)want)
		return copy_fail(j->r, n < 0 ? (int)n : -EBADMSG, j->name,
				 n >= 0 ? "is shorter than it was" : segment_why(&j->to));
	return 0;
}

int copy_compare(struct job *j, uint64_t at, uint64_t end, uint64_t *ret)
{
	while (at < end) {
		size_t want = end - at < COPY_CHUNK ? (size_t)(end - at) : COPY_CHUNK, same = 0;
		int err = read_both(j, at, want);

		if (err)
			return err;
		while (same < want && j->r->copy->ours[same] == j->r->copy->theirs[same])
			same++;
		at += same;
		if (same < want)
			break;
	}
	*ret = at;
	return 0;
}

static int append(struct job *j, uint64_t at, uint64_t end)
{
	while (at < end) {
		size_t want = end - at < COPY_CHUNK ? (size_t)(end - at) : COPY_CHUNK;
		ssize_t n = segment_read(&j->from, j->r->copy->ours, want, at);
		int err;

		if (n < (ssize_t)want)
			return copy_fail_source(j->r, n < 0 ? (int)n : -EBADMSG, j->from_name,
						n >= 0 ? "is shorter than it was"
						       : segment_why(&j->from));
		err = pwrite_all(j->to.fd, j->r->copy->ours, want, (off_t)at);
		if (err)
			return copy_fail(j->r, err, j->name, NULL);
		at += want;
	}
	return 0;
}

/* Bytes [at, end), durable, and the same when they are read from the disk. */
static int write_through(struct job *j, uint64_t at, uint64_t end)
{
	uint64_t same;
	int err = append(j, at, end);

	if (err)
		return err;
	if (fsync(j->to.fd) < 0)
		return copy_fail(j->r, -errno, j->name, NULL);
	posix_fadvise(j->to.fd, (off_t)at, (off_t)(end - at), POSIX_FADV_DONTNEED);
	err = copy_compare(j, at, end, &same);
	if (err)
		return err;
	if (same < end)
		return copy_fail(j->r, -EIO, j->name, "does not read back as written");
	j->r->ret->bytes += end - at;
	return 0;
}

int copy_extend(struct job *j, uint64_t have, uint64_t known, uint64_t covered, uint64_t end)
{
	uint64_t same = have;
	int err = 0;

	if (have > end)
		return copy_fail(j->r, -EBADMSG, j->name, "holds more than the chain has");
	if (known < have)
		err = copy_compare(j, known, have, &same);
	if (err)
		return err;
	if (same < have && same < covered)
		return copy_fail(j->r, -EBADMSG, j->name,
				 "differs from the chain: it is left as it is");
	return same < end ? write_through(j, same, end) : 0;
}

int copy_create(struct job *j, uint64_t end)
{
	char tmp[SEGMENT_NAME_MAX + 8];
	int err;

	snprintf(tmp, sizeof(tmp), "%s.tmp", j->name);
	j->to.fd =
		openat(j->r->dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->to.fd < 0)
		return copy_fail(j->r, -errno, tmp, NULL);
	err = write_through(j, 0, end);
	if (err == 0 && renameat(j->r->dirfd, tmp, j->r->dirfd, j->name) < 0)
		err = copy_fail(j->r, -errno, j->name, NULL);
	return err;
}

static int write_small(const struct round *r, int fd, struct bytes data, mode_t mode)
{
	uint8_t *back = r->copy->theirs;
	int err = fchmod(fd, mode) < 0 ? -errno : pwrite_all(fd, data.data, data.len, 0);
	ssize_t n;

	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (err)
		return err;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	n = pread_all(fd, back, COPY_CHUNK, 0);
	if (n < 0)
		return (int)n;
	return bytes_equal(bytes_of(back, (size_t)n), data) ? 0 : -EBADMSG;
}

int copy_put(const struct round *r, const char *name, struct bytes data, mode_t mode)
{
	char tmp[64];
	int err = 0, fd;

	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (unlinkat(r->dirfd, tmp, 0) < 0 && errno != ENOENT)
		return copy_fail(r, -errno, tmp, NULL);
	fd = openat(r->dirfd, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return copy_fail(r, -errno, tmp, NULL);
	err = write_small(r, fd, data, mode);
	close(fd);
	if (err == 0 && renameat(r->dirfd, tmp, r->dirfd, name) < 0)
		err = -errno;
	if (err)
		unlinkat(r->dirfd, tmp, 0);
	if (err == -EBADMSG)
		return copy_fail(r, -EIO, name, "does not read back as written");
	return err ? copy_fail(r, err, name, NULL) : 0;
}

int copy_sync_dir(const struct round *r)
{
	return fsync(r->dirfd) < 0 ? copy_fail(r, -errno, "", NULL) : 0;
}
