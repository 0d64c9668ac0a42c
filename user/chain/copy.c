// SPDX-License-Identifier: Apache-2.0
/*
 * The order, each step durable before the next: identity.pub; segments, oldest first; seals;
 * checkpoint. A new file is written under another name first; a checkpoint appears before the first
 * seals do, because seals without it are no chain, while it alone is none yet.
 */
#define _GNU_SOURCE
#include "chain/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/keys.h"
#include "chain/published.h"
#include "chain/extent.h"
#include "chain/text.h"

#define FILE_LOCK "archive.tmp" /* verifiers do not look at *.tmp */
#define CHUNK	  (256u << 10)

typedef unsigned long long ull;

struct chain_copy {
	char *from, *to;
	bool begun;		  /* a round was whole */
	struct chain_place place; /* up to here segments were compared */
	uint64_t seals;		  /* bytes of seals that were */
	uint8_t *ours, *theirs;	  /* CHUNK bytes each */
};

struct round {
	struct chain_copy *copy;
	struct extent p;
	int dirfd, lock;
	struct file_list list;	       /* of the copy */
	uint64_t covered;	       /* entries its checkpoint covers */
	struct chain_place covered_at; /* where those end */
	struct chain_copied *ret;
	struct chain_error *err;
};

int chain_copy_open(struct chain_copy **ret, const char *from, const char *to)
{
	struct chain_copy *c = calloc(1, sizeof(*c));
	size_t len = strlen(from);

	if (!c)
		return -ENOMEM;
	while (len > 1 && from[len - 1] == '/')
		len--;
	c->from = strndup(from, len); /* its keys lie beside it */
	c->to = strdup(to);
	c->ours = malloc(CHUNK);
	c->theirs = malloc(CHUNK);
	if (!c->from || !c->to || !c->ours || !c->theirs) {
		chain_copy_close(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void chain_copy_close(struct chain_copy *c)
{
	if (!c)
		return;
	free(c->from);
	free(c->to);
	free(c->ours);
	free(c->theirs);
	free(c);
}

static int fail(const struct round *r, int code, const char *name, const char *why)
{
	return chain_fail(r->err, code, "%.300s%s%s: %s", r->copy->to, *name ? "/" : "", name,
			  why ? why : strerror(-code));
}

static int fail_source(const struct round *r, int code, const char *name, const char *why)
{
	return chain_fail(r->err, code, "%.300s/%s: %s", r->copy->from, name,
			  why ? why : strerror(-code));
}

/* --- bytes from one file to the other --------------------------------------------------------- */

/* One file on its way. Offsets are of what is read, which for a packed segment may be plain. */
struct job {
	const struct round *r;
	const char *name; /* at the copy */
	const char *from_name;
	struct segment from, to;
};

static int read_both(struct job *j, uint64_t at, size_t want)
{
	ssize_t n = segment_read(&j->from, j->r->copy->ours, want, at);

	if (n < (ssize_t)want)
		return fail_source(j->r, n < 0 ? (int)n : -EBADMSG, j->from_name,
				   n >= 0 ? "is shorter than it was" : segment_why(&j->from));
	n = segment_read(&j->to, j->r->copy->theirs, want, at);
	if (n < (ssize_t)want)
		return fail(j->r, n < 0 ? (int)n : -EBADMSG, j->name,
			    n >= 0 ? "is shorter than it was" : segment_why(&j->to));
	return 0;
}

/* *ret: where the two first differ, or end. */
static int compare(struct job *j, uint64_t at, uint64_t end, uint64_t *ret)
{
	while (at < end) {
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK, same = 0;
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
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t n = segment_read(&j->from, j->r->copy->ours, want, at);
		int err;

		if (n < (ssize_t)want)
			return fail_source(j->r, n < 0 ? (int)n : -EBADMSG, j->from_name,
					   n >= 0 ? "is shorter than it was"
						  : segment_why(&j->from));
		err = pwrite_all(j->to.fd, j->r->copy->ours, want, (off_t)at);
		if (err)
			return fail(j->r, err, j->name, NULL);
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
		return fail(j->r, -errno, j->name, NULL);
	posix_fadvise(j->to.fd, (off_t)at, (off_t)(end - at), POSIX_FADV_DONTNEED);
	err = compare(j, at, end, &same);
	if (err)
		return err;
	if (same < end)
		return fail(j->r, -EIO, j->name, "does not read back as written");
	j->r->ret->bytes += end - at;
	return 0;
}

/* A file that is there: the same as far as it goes, then longer. Below `known` it was compared
 * before; from `covered` on the copy never said that it had it: a stop in the middle. */
static int extend(struct job *j, uint64_t have, uint64_t known, uint64_t covered, uint64_t end)
{
	uint64_t same = have;
	int err = 0;

	if (have > end)
		return fail(j->r, -EBADMSG, j->name, "holds more than the chain has");
	if (known < have)
		err = compare(j, known, have, &same);
	if (err)
		return err;
	if (same < have && same < covered)
		return fail(j->r, -EBADMSG, j->name, "differs from the chain: it is left as it is");
	return same < end ? write_through(j, same, end) : 0;
}

/* A new file, whole or not at all. */
static int create(struct job *j, uint64_t end)
{
	char tmp[SEGMENT_NAME_MAX + 8];
	int err;

	snprintf(tmp, sizeof(tmp), "%s.tmp", j->name);
	j->to.fd =
		openat(j->r->dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->to.fd < 0)
		return fail(j->r, -errno, tmp, NULL);
	err = write_through(j, 0, end);
	if (err == 0 && renameat(j->r->dirfd, tmp, j->r->dirfd, j->name) < 0)
		err = fail(j->r, -errno, j->name, NULL);
	return err;
}

static int sync_dir(const struct round *r)
{
	return fsync(r->dirfd) < 0 ? fail(r, -errno, "", NULL) : 0;
}

/* --- the place -------------------------------------------------------------------------------- */

/* Is the directory fd at or below the one of *st? */
static int lies_in(int fd, const struct stat *st)
{
	struct stat here, last = { 0 };
	int at = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), up;

	while (at >= 0 && fstat(at, &here) == 0) {
		if (here.st_dev == st->st_dev && here.st_ino == st->st_ino) {
			close(at);
			return 1;
		}
		if (here.st_dev == last.st_dev && here.st_ino == last.st_ino)
			break; /* the root is its own parent */
		last = here;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = up;
	}
	if (at >= 0)
		close(at);
	return 0;
}

static int check_apart(const struct round *r)
{
	struct stat chain, keys, copy;
	int keys_fd, inside;

	if (fstat(r->p.dirfd, &chain) < 0 || fstat(r->dirfd, &copy) < 0)
		return fail(r, -errno, "", NULL);
	inside = lies_in(r->dirfd, &chain) || lies_in(r->p.dirfd, &copy);
	keys_fd = keys_open_dir(r->copy->from, 0, NULL);
	if (keys_fd >= 0) {
		inside |= fstat(keys_fd, &keys) == 0 && lies_in(r->dirfd, &keys);
		close(keys_fd);
	}
	return inside ? fail(r, -EINVAL, "", "the chain and its copy must not lie in each other")
		      : 0;
}

/* Nothing there but what a verifier does not look at. */
static int check_empty(const struct round *r)
{
	int fd = openat(r->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return fail(r, err, "", NULL);
	}
	while (err == 0 && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, "lost+found") != 0 &&
		    (n < 4 || strcmp(entry->d_name + n - 4, ".tmp") != 0))
			err = fail(r, -EKEYREJECTED, "",
				   "neither empty nor a copy of a chain: it has no identity.pub");
	}
	closedir(dir);
	return err;
}

static int make_identity(struct round *r, uint64_t expected)
{
	char vkey[VKEY_MAX + 1];
	int len, err;

	if (expected || r->copy->begun)
		return chain_fail(r->err, -ENODEV,
				  "%.300s: held %llu entries and is empty now: not mounted?",
				  r->copy->to, (ull)expected);
	err = check_empty(r);
	if (err)
		return err;
	r->ret->created = true;
	len = snprintf(vkey, sizeof(vkey), "%s\n", r->p.name.vkey);
	err = replace_file(r->dirfd, FILE_IDENTITY, bytes_of(vkey, (size_t)len), 0644);
	return err ? fail(r, err, FILE_IDENTITY, NULL) : sync_dir(r);
}

static int is_vkey(const char *text, const char *vkey)
{
	size_t len = strlen(vkey);

	return strncmp(text, vkey, len) == 0 && strcmp(text + len, "\n") == 0;
}

static int check_identity(struct round *r, uint64_t expected)
{
	uint8_t *text;
	size_t len;
	int err = read_file(r->p.dirfd, FILE_IDENTITY, VKEY_MAX, &text, &len), same;

	if (err)
		return fail_source(r, err == -ENOENT ? -EBADMSG : err, FILE_IDENTITY, NULL);
	same = is_vkey((char *)text, r->p.name.vkey);
	free(text);
	if (!same)
		return fail_source(r, -EBADMSG, FILE_IDENTITY, "does not match the seals header");
	err = read_file(r->dirfd, FILE_IDENTITY, VKEY_MAX, &text, &len);
	if (err == -ENOENT)
		return make_identity(r, expected);
	if (err)
		return fail(r, err, FILE_IDENTITY, NULL);
	same = is_vkey((char *)text, r->p.name.vkey);
	text[strcspn((char *)text, "\n")] = 0;
	if (!same)
		chain_fail(r->err, -EKEYREJECTED, "%.100s: a copy of %.160s, not of %.160s",
			   r->copy->to, (char *)text, r->p.name.vkey);
	free(text);
	return same ? 0 : -EKEYREJECTED;
}

/* How much the copy itself says it has. */
static int read_covered(struct round *r)
{
	struct note note;
	uint8_t *text;
	int err;

	if (faccessat(r->dirfd, FILE_CHECKPOINT, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	err = read_checkpoint(r->copy->to, NULL, &r->p.name, &note, &text, r->err);
	if (err)
		return err == -EXDEV ? -EBADMSG : err;
	r->covered = note.size;
	free(text);
	if (r->covered <= r->p.size)
		return 0;
	return fail(r, -EBADMSG, FILE_CHECKPOINT, "is ahead of the chain: was that rolled back?");
}

static int open_place(struct round *r, uint64_t expected)
{
	const char *to = r->copy->to;
	bool made = mkdir(to, 0700) == 0;
	int err;

	r->dirfd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0)
		return fail(r, -errno, "", NULL);
	err = check_apart(r);
	if (err) {
		if (made)
			rmdir(to);
		return err;
	}
	if (expected || r->copy->begun) { /* leave nothing on what is not the place */
		if (faccessat(r->dirfd, FILE_IDENTITY, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return make_identity(r, expected);
	}
	r->lock = openat(r->dirfd, FILE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (r->lock < 0)
		return fail(r, -errno, FILE_LOCK, NULL);
	if (flock(r->lock, LOCK_EX | LOCK_NB) < 0)
		return fail(r, -errno, "",
			    errno == EWOULDBLOCK ? "another process copies to it" : NULL);
	err = check_identity(r, expected);
	if (err == 0)
		err = read_covered(r);
	if (err)
		return err;
	err = list_files(r->dirfd, &r->list);
	return err ? fail(r, err, "", NULL) : 0;
}

/* --- segments --------------------------------------------------------------------------------- */

/* Plain bytes of segment number that the copy's checkpoint covers. */
static uint64_t covered_bytes(const struct round *r, uint64_t number)
{
	if (r->covered == 0 || number > r->covered_at.number)
		return 0;
	return number < r->covered_at.number ? UINT64_MAX : r->covered_at.offset;
}

static int extend_segment(struct job *j, uint64_t number, uint64_t end)
{
	const struct chain_place *known = &j->r->copy->place;
	uint64_t covered = covered_bytes(j->r, number);
	uint64_t skip = number == known->number ? known->offset : 0;
	/* The last bytes are synced again: who stopped before may not have come to it. */
	int err = extend(j, j->to.size, skip, covered, end);

	if (err == 0 && covered < end && fsync(j->to.fd) < 0)
		err = fail(j->r, -errno, j->name, NULL);
	return err;
}

/* The copy has a segment under this name. Packed ones are whole. */
static int bring_up(struct job *j, uint64_t number, bool packed, uint64_t end)
{
	const char *why = NULL;
	uint64_t same;
	int err;

	if (packed) {
		err = segment_open(j->r->dirfd, number, &j->to, &why);
		if (err)
			return fail(j->r, err, j->name, why);
		err = j->to.size < end ? -EBADMSG : compare(j, 0, end, &same);
		if (err == 0 && same < end)
			err = -EBADMSG;
		return err == -EBADMSG ? fail(j->r, err, j->name, "differs from the chain") : err;
	}
	j->to.fd = open_regular(j->r->dirfd, j->name, O_RDWR, &j->to.size);
	if (j->to.fd < 0)
		return fail(j->r, j->to.fd, j->name, NULL);
	return extend_segment(j, number, end);
}

/* Exactly as it is, packed. */
static int copy_packed(struct job *j, uint64_t number)
{
	char name[SEGMENT_NAME_MAX];
	struct job raw = { .r = j->r, .name = name, .from_name = name, .to.fd = -1 };
	uint64_t size;
	int err;

	packed_name(number, name);
	raw.from.fd = open_regular(j->r->p.dirfd, name, O_RDONLY, &size);
	if (raw.from.fd < 0)
		return fail_source(j->r, raw.from.fd, name, NULL);
	err = create(&raw, size);
	close(raw.from.fd);
	if (raw.to.fd >= 0)
		close(raw.to.fd);
	return err;
}

static int copy_segment(struct round *r, uint64_t number)
{
	bool whole = number < r->p.end.number, has_plain, has_packed;
	char plain[SEGMENT_NAME_MAX], packed[SEGMENT_NAME_MAX], source[SEGMENT_NAME_MAX];
	struct job j = { .r = r, .from_name = source, .from.fd = -1, .to.fd = -1 };
	const char *why = NULL;
	uint64_t end;
	int err = segment_open(r->p.dirfd, number, &j.from, &why);

	present_name(r->p.dirfd, number, source);
	if (err)
		return fail_source(r, err == -ENOENT ? -EBADMSG : err, source, why);
	segment_name(number, plain);
	packed_name(number, packed);
	has_plain = faccessat(r->dirfd, plain, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	has_packed = faccessat(r->dirfd, packed, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	end = whole ? j.from.size : r->p.end.offset;
	j.name = has_packed && !has_plain ? packed : plain;
	if (has_plain || has_packed)
		err = bring_up(&j, number, !has_plain, end);
	else if (whole && j.from.unpack)
		err = copy_packed(&j, number);
	else
		err = create(&j, end);
	segment_close(&j.from);
	segment_close(&j.to);
	return err;
}

static int copy_segments(struct round *r)
{
	const struct chain_place *known = &r->copy->place;
	uint64_t number = known->number > r->p.first ? known->number : r->p.first;
	int err = 0;

	if (r->list.count && r->list.last + 1 < r->p.first)
		return chain_fail(r->err, -ENODATA,
				  "%.300s: ends with segment %llu, the chain was pruned below %llu "
				  "before they were copied: begin in a new directory",
				  r->copy->to, (ull)r->list.last, (ull)r->p.first);
	if (r->list.last > r->p.end.number)
		return fail(r, -EBADMSG, "", "holds segments that the chain has not: rolled back?");
	if (r->covered)
		err = extent_place(&r->p, r->covered, r->copy->begun ? known : NULL, &r->covered_at,
				   r->err);
	for (; number <= r->p.end.number && err == 0; number++)
		err = copy_segment(r, number);
	return err ? err : sync_dir(r);
}

/* --- seals and checkpoint --------------------------------------------------------------------- */

static int copy_note(const struct round *r)
{
	int err = replace_file(r->dirfd, FILE_CHECKPOINT, bytes_of(r->p.note, r->p.note_len), 0600);

	return err ? fail(r, err, FILE_CHECKPOINT, NULL) : sync_dir(r);
}

static int bring_up_seals(struct job *j, uint64_t end)
{
	uint64_t k = 0, covered;
	int err = 0;

	if (j->r->covered)
		err = extent_seal(&j->r->p, j->r->covered, &k, j->r->err);
	if (err)
		return err;
	if (j->r->covered && k == 0)
		return fail(j->r, -EBADMSG, FILE_CHECKPOINT, "no seal of the chain has its size");
	covered = k ? SEAL_LEN * (k + 1) : 0;
	return extend(j, j->to.size, j->r->copy->seals, covered, end);
}

static int copy_seals(struct round *r)
{
	uint64_t end = SEAL_LEN * (r->p.seal + 1), size;
	struct job j = { .r = r, .name = FILE_SEALS, .from_name = FILE_SEALS, .to.fd = -1 };
	int err = 0;

	j.from.fd = open_regular(r->p.dirfd, FILE_SEALS, O_RDONLY, &size);
	if (j.from.fd < 0)
		return fail_source(r, j.from.fd, FILE_SEALS, NULL);
	j.to.fd = open_regular(r->dirfd, FILE_SEALS, O_RDWR, &j.to.size);
	if (j.to.fd >= 0) {
		err = bring_up_seals(&j, end);
	} else if (j.to.fd == -ENOENT) {
		err = copy_note(r);
		if (err == 0)
			err = create(&j, end);
	} else {
		err = fail(r, j.to.fd, FILE_SEALS, NULL);
	}
	close(j.from.fd);
	if (j.to.fd >= 0)
		close(j.to.fd);
	return err ? err : sync_dir(r);
}

/* --- a round ---------------------------------------------------------------------------------- */

static int copy_all(struct round *r, uint64_t expected)
{
	int err = open_place(r, expected);

	if (err == 0)
		err = copy_segments(r);
	if (err == 0)
		err = copy_seals(r);
	if (err == 0 && r->covered != r->p.size)
		err = copy_note(r);
	if (err)
		return err;
	r->copy->begun = true;
	r->copy->place = r->p.end;
	r->copy->seals = SEAL_LEN * (r->p.seal + 1);
	r->ret->size = r->p.size;
	memcpy(r->ret->root, r->p.root, CHAIN_HASH);
	strcpy(r->ret->vkey, r->p.name.vkey);
	return 0;
}

int chain_copy_round(struct chain_copy *c, uint64_t expected, struct chain_copied *ret,
		     struct chain_error *err)
{
	struct chain_copied done = { 0 };
	struct round r = { .copy = c, .dirfd = -1, .lock = -1, .ret = &done, .err = err };
	int code = extent_open(&r.p, c->from, c->begun ? &c->place : NULL, err);

	if (code)
		return code;
	code = copy_all(&r, expected);
	if (r.lock >= 0)
		close(r.lock);
	if (r.dirfd >= 0)
		close(r.dirfd);
	extent_close(&r.p);
	if (code == 0)
		*ret = done;
	return code;
}
