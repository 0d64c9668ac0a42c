// SPDX-License-Identifier: Apache-2.0
/*
 * R7: one log ends, another begins in its place. D is the old log, D".next" the new one while it is
 * made, D".old-" and its fingerprint where the old one stays, each with its directory of keys. In
 * this order, so that a second call after a crash goes on where the first one stopped:
 *
 *   1 the new log, complete and closed, in D".next"; its second entry names the old one
 *   2 the old log's last entry names the new one; CLOSE
 *   3 D".keys" and D aside, D".next.keys" and D".next" in their places
 *   4 the old log's keys are erased: it can never grow again
 *
 * A log that is refused (damaged, rolled back, of another machine) skips 2 and 4.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/files.h"
#include "chain/internal.h"
#include "chain/reader.h"
#include "chain/restart.h"
#include "chain/seals.h"
#include "chain/text.h"
#include "chain/writer.h"

#define FINGERPRINT 16

struct rotation {
	const struct chain_options *options;
	struct bytes old_schema;
	char dir[PATH_MAX - 64], keys[PATH_MAX], next[PATH_MAX], next_keys[PATH_MAX],
		aside[PATH_MAX], aside_keys[PATH_MAX];
	bool there; /* is there an old log? */
	struct chain_link old;
	char heir[VKEY_MAX]; /* vkey of the new log */
	struct chain_rotated *ret;
	struct chain_error *err;
};

/* --- how far a log goes ----------------------------------------------------------------------- */

/* Who is the log in dir, and how far does it go? -ENOENT: nobody can tell, or none is there. */
static int identify(const char *dir, struct chain_link *ret, struct seal *last, char *fingerprint)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct seals_header header;
	struct log_name name;
	const char *why;
	uint64_t size;

	if (dirfd >= 0) {
		fd = open_regular(dirfd, FILE_SEALS, O_RDONLY, &size);
		close(dirfd);
	}
	if (fd < 0)
		return -ENOENT;
	if (seals_read_header(fd, &header, &why)) {
		close(fd);
		return -ENOENT;
	}
	log_name_derive(&header, &name);
	*last = (struct seal){ 0 };
	/* Damage may have come to the very last one only. */
	if (seals_read_last(fd, size, &header, name.origin, last, &why) && size >= 2 * SEAL_LEN)
		seals_read_last(fd, size - SEAL_LEN, &header, name.origin, last, &why);
	close(fd);
	*ret = (struct chain_link){ .size = last->size };
	strcpy(ret->vkey, name.vkey);
	memcpy(ret->root, last->root, CHAIN_HASH);
	put_hex(fingerprint, name.lid, FINGERPRINT / 2);
	return 0;
}

/* --- the new log ------------------------------------------------------------------------------ */

/* Does the log in dir go on from this one? */
static bool goes_on_from(const char *dir, const char *vkey)
{
	struct chain_reader *reader;
	struct chain_error unused;
	struct chain_entry entry;
	struct link link;
	bool found = false;

	if (chain_reader_open(&reader, dir, &unused))
		return false;
	while (!found && chain_reader_next(reader, &entry) == 1 && entry.index < 2)
		found = link_decode(entry.bytes, &link) == 0 && link.direction == LINK_BACK &&
			bytes_equal(link.vkey, bytes_of_text(vkey));
	chain_reader_close(reader);
	return found;
}

/* A new log that a call before this one made, complete, for this old log? */
static bool is_made(struct rotation *r)
{
	struct chain_link next;
	struct seal last;
	char unused[FINGERPRINT + 1];

	if (identify(r->next, &next, &last, unused) || !(last.flags & SEAL_CLOSE))
		return false;
	if (r->there && r->old.vkey[0] && !goes_on_from(r->next, r->old.vkey))
		return false;
	strcpy(r->heir, next.vkey);
	return true;
}

/* Remove a directory of files. 0 also when it is not there. */
static int remove_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (err == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(fd, entry->d_name, 0) < 0)
			err = -errno;
	}
	closedir(dir);
	return err || rmdir(path) == 0 ? err : -errno;
}

static int make_next(struct rotation *r)
{
	struct chain_options options = *r->options;
	struct chain_opened opened;
	int err = remove_directory(r->next);

	if (err == 0)
		err = remove_directory(r->next_keys);
	if (err)
		return chain_fail(r->err, err, "cannot remove what is left of %s: %s", r->next,
				  strerror(-err));
	options.dir = r->next;
	options.link = r->old.vkey[0] ? &r->old : NULL;
	err = chain_keygen(&options, &opened, r->err);
	if (err == 0)
		strcpy(r->heir, opened.vkey);
	return err;
}

/* --- the old log ------------------------------------------------------------------------------ */

static int hand_over(struct rotation *r, struct chain *old)
{
	static const uint8_t empty[CHAIN_HASH];
	struct link link = { .direction = LINK_FORWARD,
			     .root = empty,
			     .vkey = bytes_of_text(r->heir) };
	uint8_t entry[LINK_LEN_MAX];
	int err = writer_add(old, bytes_of(entry, link_encode(&link, entry)));

	if (err) {
		chain_fail(r->err, err, "%s", chain_stop_reason(old));
		chain_abandon(old);
		return err;
	}
	return chain_close(old, old->now, r->err);
}

/* Errors that say the log is not to be gone on with, rather than that it cannot be looked at. */
static bool is_refusal(int err)
{
	return err == -EBADMSG || err == -ESTALE || err == -EKEYREJECTED || err == -EKEYREVOKED ||
	       err == -EPROTONOSUPPORT;
}

static int end_old(struct rotation *r)
{
	struct chain_options options = *r->options;
	struct chain_opened opened;
	uint8_t machine[16];
	struct chain *old;
	int err;

	options.schema = r->old_schema;
	options.link = NULL;
	machine_hash(options.machine_id, machine);
	err = chain_start(&old, &options, machine, MAKE_NEVER, &opened, &r->ret->refusal);
	if (err && !is_refusal(err)) {
		*r->err = r->ret->refusal;
		return err;
	}
	if (err) /* handed over before, by a call that did not come to its end */
		r->ret->handed_over = err == -EKEYREVOKED;
	else
		r->ret->handed_over = true;
	if (!is_made(r)) {
		int failed = make_next(r);

		if (failed) {
			if (err == 0)
				chain_close(old, 0, NULL);
			return failed;
		}
	}
	return err ? 0 : hand_over(r, old);
}

/* --- in its place ----------------------------------------------------------------------------- */

static int move(struct rotation *r, const char *from, const char *to)
{
	struct stat st;

	if (lstat(to, &st) == 0)
		return chain_fail(r->err, -EEXIST, "cannot rename %s: %s is there", from, to);
	if (renameat(AT_FDCWD, from, AT_FDCWD, to) == 0 || errno == ENOENT)
		return 0;
	return chain_fail(r->err, -errno, "cannot rename %s to %s: %s", from, to, strerror(errno));
}

static int sync_parent(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0, parent;

	if (fd < 0)
		return -errno;
	parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || fsync(parent) < 0)
		err = -errno;
	if (parent >= 0)
		close(parent);
	close(fd);
	return err;
}

static int put_in_place(struct rotation *r)
{
	struct stat st;
	int err = 0;

	/* Keys without a log may be the new ones, of a call that stopped in between. */
	if (r->there || stat(r->next_keys, &st) == 0)
		err = move(r, r->keys, r->aside_keys);
	if (err == 0)
		err = move(r, r->dir, r->aside);
	if (err == 0)
		err = move(r, r->next_keys, r->keys);
	if (err == 0)
		err = move(r, r->next, r->dir);
	if (err == 0)
		err = sync_parent(r->dir);
	if (err == 0 && r->ret->handed_over)
		err = remove_directory(r->aside_keys);
	return err;
}

int chain_rotate(const struct chain_options *options, struct bytes old_schema,
		 struct chain_rotated *ret, struct chain_error *err)
{
	struct rotation *r = calloc(1, sizeof(*r));
	char fingerprint[FINGERPRINT + 1] = "unknown";
	struct seal last;
	struct stat st;
	char *dir = NULL;
	int code;

	if (!r)
		return -ENOMEM;
	r->options = options;
	r->old_schema = old_schema;
	r->ret = ret;
	r->err = err;
	*ret = (struct chain_rotated){ 0 };
	code = chain_copy_dir(options->dir, &dir, err);
	if (code == 0 && strlen(dir) >= sizeof(r->dir))
		code = chain_fail(err, -ENAMETOOLONG, "the chain directory's name is too long");
	if (code)
		goto out;
	rmdir(dir); /* one without anything in it is no log */
	r->there = stat(dir, &st) == 0;
	identify(dir, &r->old, &last, fingerprint);
	strcpy(r->dir, dir);
	sprintf(r->keys, "%s.keys", dir);
	sprintf(r->next, "%s.next", dir);
	sprintf(r->next_keys, "%s.next.keys", dir);
	sprintf(r->aside, "%s.old-%s", dir, fingerprint);
	sprintf(r->aside_keys, "%s.old-%s.keys", dir, fingerprint);
	if (r->there)
		code = end_old(r);
	else if (!is_made(r))
		code = make_next(r);
	if (code == 0)
		code = put_in_place(r);
	if (code == 0 && r->there)
		strcpy(ret->kept, r->aside);
out:
	free(dir);
	free(r);
	return code;
}
