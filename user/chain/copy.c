// SPDX-License-Identifier: Apache-2.0
/*
 * The order, each step durable before the next: identity.pub; segments, oldest first, each behind
 * the seals before its own, where there are seals already; the rest of them; checkpoint. A new file
 * is written under another name first; a checkpoint appears before the first seals do, because
 * seals without it are no chain, while it alone is none yet.
 */
#define _GNU_SOURCE
#include "chain/copy_file.h"

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
#include "chain/text.h"

#define FILE_LOCK "archive.tmp" /* verifiers do not look at *.tmp */

typedef unsigned long long ull;

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
	c->ours = malloc(COPY_CHUNK);
	c->theirs = malloc(COPY_CHUNK);
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
		return copy_fail(r, -errno, "", NULL);
	inside = lies_in(r->dirfd, &chain) || lies_in(r->p.dirfd, &copy);
	keys_fd = keys_open_dir(r->copy->from, 0, NULL);
	if (keys_fd >= 0) {
		inside |= fstat(keys_fd, &keys) == 0 && lies_in(r->dirfd, &keys);
		close(keys_fd);
	}
	return inside ? copy_fail(r, -EINVAL, "",
				  "the chain and its copy must not lie in each other")
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
		return copy_fail(r, err, "", NULL);
	}
	while (err == 0 && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, "lost+found") != 0 &&
		    (n < 4 || strcmp(entry->d_name + n - 4, ".tmp") != 0))
			err = copy_fail(
				r, -EKEYREJECTED, "",
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
	err = copy_put(r, FILE_IDENTITY, bytes_of(vkey, (size_t)len), 0644);
	return err ? err : copy_sync_dir(r);
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
		return copy_fail_source(r, err == -ENOENT ? -EBADMSG : err, FILE_IDENTITY, NULL);
	same = is_vkey((char *)text, r->p.name.vkey);
	free(text);
	if (!same)
		return copy_fail_source(r, -EBADMSG, FILE_IDENTITY,
					"does not match the seals header");
	err = read_file(r->dirfd, FILE_IDENTITY, VKEY_MAX, &text, &len);
	if (err == -ENOENT)
		return make_identity(r, expected);
	if (err)
		return copy_fail(r, err, FILE_IDENTITY, NULL);
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
	return copy_fail(r, -EBADMSG, FILE_CHECKPOINT,
			 "is ahead of the chain: was that rolled back?");
}

static int open_place(struct round *r, uint64_t expected)
{
	const char *to = r->copy->to;
	bool known = expected || r->copy->begun, made = !known && mkdir(to, 0700) == 0;
	int err;

	r->dirfd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0 && errno == ENOENT && known)
		return chain_fail(r->err, -ENODEV,
				  "%.300s: held %llu entries and is not there: not mounted?", to,
				  (ull)(expected ? expected : r->copy->place.index));
	if (r->dirfd < 0)
		return copy_fail(r, -errno, "", NULL);
	err = check_apart(r);
	if (err) {
		if (made)
			rmdir(to);
		return err;
	}
	if (known) { /* leave nothing on what is not the place */
		if (faccessat(r->dirfd, FILE_IDENTITY, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return make_identity(r, expected);
	}
	r->lock = openat(r->dirfd, FILE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (r->lock < 0)
		return copy_fail(r, -errno, FILE_LOCK, NULL);
	if (flock(r->lock, LOCK_EX | LOCK_NB) < 0)
		return copy_fail(r, -errno, "",
				 errno == EWOULDBLOCK ? "another process copies to it" : NULL);
	err = check_identity(r, expected);
	if (err == 0)
		err = read_covered(r);
	if (err)
		return err;
	err = list_files(r->dirfd, &r->list);
	return err ? copy_fail(r, err, "", NULL) : 0;
}

/* --- seals and checkpoint --------------------------------------------------------------------- */

static int copy_note(const struct round *r)
{
	int err = copy_put(r, FILE_CHECKPOINT, bytes_of(r->p.note, r->p.note_len), 0600);

	return err ? err : copy_sync_dir(r);
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
		return copy_fail(j->r, -EBADMSG, FILE_CHECKPOINT,
				 "no seal of the chain has its size");
	covered = k ? SEAL_LEN * (k + 1) : 0;
	return copy_extend(j, j->to.size, j->r->copy->seals, covered, end);
}

/* Seals up to number `seal`: all there are (last), or those behind which a segment may begin. */
static int copy_seals(struct round *r, uint64_t seal, bool last)
{
	uint64_t end = SEAL_LEN * (seal + 1), size;
	struct job j = { .r = r, .name = FILE_SEALS, .from_name = FILE_SEALS, .to.fd = -1 };
	int err = 0;

	j.from.fd = open_regular(r->p.dirfd, FILE_SEALS, O_RDONLY, &size);
	if (j.from.fd < 0)
		return copy_fail_source(r, j.from.fd, FILE_SEALS, NULL);
	j.to.fd = open_regular(r->dirfd, FILE_SEALS, O_RDWR, &j.to.size);
	if (j.to.fd >= 0) {
		if (last || j.to.size < end)
			err = copy_sync_dir(r); /* what they cover is there for good */
		if (err == 0 && (last || j.to.size < end))
			err = bring_up_seals(&j, end);
	} else if (j.to.fd == -ENOENT) {
		err = last ? copy_note(r) : 0;
		if (err == 0 && last)
			err = copy_create(&j, end);
	} else {
		err = copy_fail(r, j.to.fd, FILE_SEALS, NULL);
	}
	close(j.from.fd);
	if (j.to.fd >= 0)
		close(j.to.fd);
	return err || !last ? err : copy_sync_dir(r);
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
	int err = copy_extend(j, j->to.size, skip, covered, end);

	if (err == 0 && covered < end && fsync(j->to.fd) < 0)
		err = copy_fail(j->r, -errno, j->name, NULL);
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
			return copy_fail(j->r, err, j->name, why);
		err = j->to.size < end ? -EBADMSG : copy_compare(j, 0, end, &same);
		if (err == 0 && same < end)
			err = -EBADMSG;
		return err == -EBADMSG ? copy_fail(j->r, err, j->name, "differs from the chain")
				       : err;
	}
	j->to.fd = open_regular(j->r->dirfd, j->name, O_RDWR, &j->to.size);
	if (j->to.fd < 0)
		return copy_fail(j->r, j->to.fd, j->name, NULL);
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
		return copy_fail_source(j->r, raw.from.fd, name, NULL);
	err = copy_create(&raw, size);
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
		return copy_fail_source(r, err == -ENOENT ? -EBADMSG : err, source, why);
	/* A verifier takes no segment of which it does not know the seal before. */
	err = copy_seals(r, j.from.header.seal - 1, false);
	if (err) {
		segment_close(&j.from);
		return err;
	}
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
		err = copy_create(&j, end);
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
		return copy_fail(r, -EBADMSG, "",
				 "holds segments that the chain has not: rolled back?");
	if (r->covered)
		err = extent_place(&r->p, r->covered, r->copy->begun ? known : NULL, &r->covered_at,
				   r->err);
	for (; number <= r->p.end.number && err == 0; number++)
		err = copy_segment(r, number);
	return err ? err : copy_sync_dir(r);
}

/* --- a round ---------------------------------------------------------------------------------- */

static int copy_all(struct round *r, uint64_t expected)
{
	int err = open_place(r, expected);

	if (err == 0)
		err = copy_segments(r);
	if (err == 0)
		err = copy_seals(r, r->p.seal, true);
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
