// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "chain/retain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "chain/published.h"
#include "chain/reader.h"
#include "chain/segment_file.h"
#include "chain/text.h"

typedef unsigned long long ull;

static int open_dir(const char *dir, struct chain_error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? chain_fail(err, -errno, "cannot open %s: %s", dir, strerror(errno)) : fd;
}

int chain_list_segments(const char *dir, struct chain_segments *ret, struct chain_error *err)
{
	struct file_list list;
	int fd = open_dir(dir, err), code;

	if (fd < 0)
		return fd;
	code = list_files(fd, &list);
	close(fd);
	if (code)
		return chain_fail(err, code, "cannot list %s: %s", dir, strerror(-code));
	if (list.count == 0)
		return chain_fail(err, -ENOENT, "there is no chain in %s", dir);
	*ret = (struct chain_segments){ list.first, list.last };
	return 0;
}

int chain_segment_first(const char *dir, uint64_t number, uint64_t *ret, struct chain_error *err)
{
	const char *why = NULL;
	struct segment segment;
	int fd = open_dir(dir, err), code;

	if (fd < 0)
		return fd;
	code = segment_open(fd, number, &segment, &why);
	close(fd);
	if (code)
		return chain_fail(err, code, "%s/%016llx.seg: %s", dir, (ull)number,
				  why ? why : strerror(-code));
	*ret = segment.header.tree.size;
	segment_close(&segment);
	return 0;
}

/* Size of the last seal. */
static int read_sealed(const char *dir, int dirfd, uint64_t *ret, struct chain_error *err)
{
	struct seals_header header;
	struct log_name name;
	struct seal last;
	const char *why;
	uint64_t size;
	int code, fd = open_regular(dirfd, FILE_SEALS, O_RDONLY, &size);

	if (fd < 0)
		return chain_fail(err, fd, "%s/" FILE_SEALS ": %s", dir, strerror(-fd));
	code = seals_read_header(fd, &header, &why);
	if (code == 0) {
		log_name_derive(&header, &name);
		code = seals_read_last(fd, size, &header, name.origin, &last, &why);
	}
	close(fd);
	if (code)
		return chain_fail(err, code, "%s/" FILE_SEALS ": %s", dir, why);
	*ret = last.size;
	return 0;
}

/* A PRUNE that lets segments below keep_number go, in [at, sealed)? */
static int find_prune(const char *dir, uint64_t keep_number, uint64_t at, uint64_t sealed,
		      struct chain_error *err)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	struct prune prune;
	bool found = false;
	int code = chain_reader_open(&reader, dir, err);

	if (code)
		return code;
	code = chain_reader_seek(reader, at);
	while (!found && code >= 0 && (code = chain_reader_next(reader, &entry)) == 1 &&
	       entry.index < sealed)
		found = prune_decode(entry.bytes, &prune) == 0 && prune.keep_number >= keep_number;
	if (code < 0)
		chain_fail(err, code, "%s: %s", dir, chain_reader_error(reader));
	chain_reader_close(reader);
	if (code >= 0 && !found)
		return chain_fail(err, -EPERM, "%s: no sealed PRUNE says that segments may go",
				  dir);
	return code < 0 ? code : 0;
}

/* Plain or packed or both, off the disk for good: the oldest goes first. */
static int remove_segment(int dirfd, uint64_t number)
{
	int err = segment_remove(dirfd, number);

	return err == 0 && fsync(dirfd) < 0 ? -errno : err;
}

static int remove_below(const char *dir, int dirfd, uint64_t keep_number, uint64_t *ret_removed,
			struct chain_error *err)
{
	struct file_list list;
	int code = list_files(dirfd, &list);

	/* Again as long as one is there: it may be packed at this moment, and come back. */
	while (code == 0 && list.count && list.first < keep_number) {
		code = remove_segment(dirfd, list.first);
		if (code == 0)
			++*ret_removed;
		if (code == 0)
			code = list_files(dirfd, &list);
	}
	return code ? chain_fail(err, code, "%s: %s", dir, strerror(-code)) : 0;
}

int chain_remove_segments(const char *dir, uint64_t keep_number, uint64_t at, uint64_t *ret_removed,
			  struct chain_error *err)
{
	struct chain_segments segments = { 0 };
	uint64_t sealed = 0, removed = 0;
	int dirfd, code = chain_list_segments(dir, &segments, err);

	if (code)
		return code;
	if (keep_number >= segments.last)
		return chain_fail(err, -EPERM, "%s: the last two segments stay", dir);
	if (sodium_init() < 0)
		return chain_fail(err, -ENOSYS, "libsodium does not start");
	dirfd = open_dir(dir, err);
	if (dirfd < 0)
		return dirfd;
	code = read_sealed(dir, dirfd, &sealed, err);
	if (code == 0)
		code = find_prune(dir, keep_number, at, sealed, err);
	if (code == 0)
		code = remove_below(dir, dirfd, keep_number, &removed, err);
	close(dirfd);
	*ret_removed = removed;
	return code;
}
