// SPDX-License-Identifier: Apache-2.0
/* A new log, or steps R1..R3 and R6 on the one there: is it ours, and is the key the next one? */
#define _GNU_SOURCE
#include "chain/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/text.h"

typedef unsigned long long ull;

/* --- the directory --------------------------------------------------------------------------- */

int chain_copy_dir(const char *dir, char **ret, struct chain_error *err)
{
	size_t len = strlen(dir);
	const char *base;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	*ret = strndup(dir, len);
	if (!*ret)
		return -ENOMEM;
	base = strrchr(*ret, '/');
	base = base ? base + 1 : *ret;
	if (*base == 0 || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return chain_fail(err, -EINVAL, "\"%s\" is no name for a chain directory", dir);
	return 0;
}

/* A verifier asks for the lock for an instant to see whether a writer lives, and the keeper of one
 * that was killed has still to seal: try for two seconds. */
static int lock_dir(int dirfd)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (int i = 0; i < 400; i++) {
		if (flock(dirfd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

static int open_dir(struct log *log, bool make, struct chain_error *err)
{
	int ret;

	if (log->dirfd >= 0)
		return 0;
	if (make && mkdir(log->dir, 0700) < 0 && errno != EEXIST)
		return chain_fail(err, -errno, "cannot make %s: %s", log->dir, strerror(errno));
	log->dirfd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->dirfd < 0)
		return chain_fail(err, -errno, "cannot open %s: %s", log->dir, strerror(errno));
	ret = lock_dir(log->dirfd);
	if (ret == -EWOULDBLOCK)
		return chain_fail(err, ret, "another process writes %s", log->dir);
	if (ret)
		return chain_fail(err, ret, "cannot lock %s: %s", log->dir, strerror(-ret));
	return 0;
}

/* --- a new log ------------------------------------------------------------------------------- */

static int sync_dirs(const struct log *log)
{
	int parent, err = fsync(log->dirfd) < 0 ? -errno : 0;

	if (err)
		return err;
	parent = openat(log->dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	err = fsync(parent) < 0 ? -errno : 0;
	close(parent);
	return err;
}

/* The seals file comes last: while it is missing there is no chain, only an unfinished creation. */
static int write_public_files(struct log *log, const struct seals_header *header)
{
	char vkey[VKEY_MAX + 1];
	uint8_t record[SEAL_LEN];
	int len = snprintf(vkey, sizeof(vkey), "%s\n", log->name.vkey), err;

	err = replace_file(log->dirfd, FILE_IDENTITY, bytes_of(vkey, (size_t)len), 0644);
	if (err)
		return err;
	seals_header_encode(header, record);
	log->seals_fd = create_file(log->dirfd, FILE_SEALS, bytes_of(record, SEAL_LEN), 0600);
	if (log->seals_fd < 0)
		return log->seals_fd;
	return sync_dirs(log);
}

static int create_log(struct log *log, const struct keeper_hello *hello, struct chain_error *err)
{
	struct seals_header header = { 0 };
	int fd, ret;

	if (!log_name_is_valid(hello->name))
		return chain_fail(err, -EINVAL,
				  "a chain's name is 1 to 63 of a-z, 0-9, '.' and '-', not \"%s\"",
				  hello->name);
	fd = keys_open_dir(log->dir, 1, err);
	if (fd < 0)
		return fd;
	ret = keys_make(&log->keys, fd, err);
	close(fd);
	if (ret)
		return ret;
	memcpy(header.idpk, keys_identity(log->keys), 32);
	memcpy(header.pk1, keys_public(log->keys), 32);
	memcpy(header.machine, hello->machine, 16);
	strcpy(header.name, hello->name);
	log_name_derive(&header, &log->name);
	ret = keys_store(log->keys, log->name.lid, err);
	if (ret)
		return ret;
	ret = write_public_files(log, &header);
	if (ret)
		return chain_fail(err, ret, "cannot write to %s: %s", log->dir, strerror(-ret));
	log->clean = true;
	return 0;
}

/* --- R1: is it ours? ------------------------------------------------------------------------- */

static int damaged(const struct log *log, struct chain_error *err, const char *file,
		   const char *why)
{
	return chain_fail(err, -EBADMSG, "%s/%s: %s", log->dir, file, why);
}

static int check_identity_file(const struct log *log, struct chain_error *err)
{
	uint8_t *text;
	size_t len, want = strlen(log->name.vkey);
	int same, ret = read_file(log->dirfd, FILE_IDENTITY, VKEY_MAX, &text, &len);

	if (ret == -EACCES || ret == -EIO || ret == -ENOMEM)
		return chain_fail(err, ret, "%s/%s: %s", log->dir, FILE_IDENTITY, strerror(-ret));
	if (ret)
		return chain_fail(err, -EKEYREJECTED, "%s/%s is missing or no file of ours",
				  log->dir, FILE_IDENTITY);
	same = len == want + 1 && memcmp(text, log->name.vkey, want) == 0 && text[want] == '\n';
	free(text);
	if (!same)
		return chain_fail(err, -EKEYREJECTED, "%s/%s does not match the log's key %s",
				  log->dir, FILE_IDENTITY, log->name.vkey);
	return 0;
}

static int load_keys(struct log *log, struct chain_error *err)
{
	int ret, fd = keys_open_dir(log->dir, 0, err);

	if (fd < 0)
		return fd == -ENOENT ? -EKEYREJECTED : fd;
	ret = keys_load(&log->keys, fd, log->name.lid, err);
	close(fd);
	if (ret)
		return ret;
	if (memcmp(keys_identity(log->keys), log->name.idpk, 32) != 0)
		return chain_fail(err, -EKEYREJECTED, "identity.key is not the key of this log");
	return 0;
}

static int open_seals(struct log *log, const uint8_t machine[16], struct seals_header *header,
		      uint64_t *size, struct chain_error *err)
{
	const char *why;
	int ret;

	log->seals_fd = open_regular(log->dirfd, FILE_SEALS, O_RDWR, size);
	if (log->seals_fd == -EINVAL)
		return damaged(log, err, FILE_SEALS, "is not a regular file");
	if (log->seals_fd < 0)
		return chain_fail(err, log->seals_fd, "cannot open %s/%s: %s", log->dir, FILE_SEALS,
				  strerror(-log->seals_fd));
	ret = seals_read_header(log->seals_fd, header, &why);
	if (ret)
		return chain_fail(err, ret, "%s/%s: %s", log->dir, FILE_SEALS, why);
	log_name_derive(header, &log->name);
	if (memcmp(header->machine, machine, 16) != 0)
		return chain_fail(err, -EKEYREJECTED,
				  "%s was made on another machine (a clone must start a new chain)",
				  log->dir);
	ret = check_identity_file(log, err);
	return ret ? ret : load_keys(log, err);
}

/* --- R2, R3: the last seal and the key after it ---------------------------------------------- */

/* The last seal into log->last, and the public key that the next one must have. */
static int find_last_seal(struct log *log, const struct seals_header *header, uint64_t size,
			  uint8_t pk[32], struct chain_error *err)
{
	const char *why;
	int ret = seals_read_last(log->seals_fd, size, header, log->name.origin, &log->last, &why);

	if (ret)
		return chain_fail(err, ret, "%s/%s: last seals: %s", log->dir, FILE_SEALS, why);
	memcpy(pk, log->last.k ? log->last.next_pk : header->pk1, 32);
	return 0;
}

static int match_key(struct log *log, const uint8_t pk[32], struct chain_error *err)
{
	uint64_t due = log->last.k + 1, have = keys_number(log->keys);
	int ret = 0;

	if (have > due)
		return chain_fail(err, -ESTALE,
				  "%s was rolled back: the key is for seal %llu, the chain ends at "
				  "seal %llu",
				  log->dir, (ull)have, (ull)log->last.k);
	/* A crash between the seal and its key's end: the seal may not be on the disk yet. */
	if (have < due)
		ret = seal_write_again(log->seals_fd, &log->last);
	while (ret == 0 && keys_number(log->keys) < due)
		ret = keys_advance(log->keys);
	if (ret == 0)
		ret = keys_erase_other(log->keys);
	if (ret)
		return chain_fail(err, ret, "cannot write seal.key: %s", strerror(-ret));
	if (memcmp(keys_public(log->keys), pk, 32) != 0)
		return chain_fail(err, -EKEYREJECTED,
				  "seal.key is not the key the last seal of %s names", log->dir);
	return 0;
}

/* --------------------------------------------------------------------------------------------- */

static int restart_log(struct log *log, const struct file_list *list,
		       const struct keeper_hello *hello, struct chain_error *err)
{
	struct seals_header header;
	uint8_t pk[32];
	uint64_t size;
	int ret = open_seals(log, hello->machine, &header, &size, err);

	if (ret == 0)
		ret = find_last_seal(log, &header, size, pk, err);
	if (ret == 0)
		ret = match_key(log, pk, err);
	if (ret == 0)
		ret = log_find_end(log, list, err);
	/* Who hands it over may still close it. */
	if (ret == 0 && log->heir[0] && (log->clean || hello->making != MAKE_NEVER))
		ret = chain_fail(err, -EKEYREVOKED, "%s was handed over to %s", log->dir,
				 log->heir);
	return ret;
}

int log_open(struct log *ret, const struct keeper_hello *hello, int dirfd, struct chain_error *err)
{
	struct log log = { .dirfd = dirfd, .seals_fd = -1 };
	struct file_list list;
	int code = chain_copy_dir(hello->dir, &log.dir, err);

	if (code == 0)
		code = open_dir(&log, hello->making != MAKE_NEVER, err);
	if (code)
		goto fail;
	code = list_files(log.dirfd, &list);
	if (code) {
		chain_fail(err, code, "cannot list %s: %s", log.dir, strerror(-code));
		goto fail;
	}
	if (hello->making == MAKE_NEW && list.seals)
		code = chain_fail(err, -EEXIST, "%s already holds a chain", log.dir);
	else if (list.seals)
		code = restart_log(&log, &list, hello, err);
	else if (list.count || list.checkpoint || hello->making == MAKE_NEVER)
		code = damaged(&log, err, FILE_SEALS, "is missing");
	else
		code = create_log(&log, hello, err);
	if (code)
		goto fail;
	*ret = log;
	return 0;
fail:
	log_close(&log);
	return code;
}

void log_close(struct log *log)
{
	keys_free(log->keys);
	if (log->seals_fd >= 0)
		close(log->seals_fd);
	if (log->dirfd >= 0)
		close(log->dirfd);
	free(log->dir);
	*log = (struct log){ .dirfd = -1, .seals_fd = -1 };
}
