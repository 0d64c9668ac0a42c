// SPDX-License-Identifier: Apache-2.0
/* Steps V1..V3 and V8: who the log is, its seals, and the checkpoints it is held to. */
#define _GNU_SOURCE
#include "chain/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "chain/note.h"
#include "chain/text.h"
#include "chain/verify_state.h"

typedef unsigned long long ull;

int finding_note(struct finding *f, enum chain_verdict verdict, uint64_t from, uint64_t to,
		 const char *file, uint64_t offset, const char *format, ...)
{
	va_list args;

	if (verdict > f->verdict) {
		f->verdict = verdict;
		f->from = from;
		f->to = to;
		f->offset = offset;
		snprintf(f->file, sizeof(f->file), "%s", file);
		va_start(args, format);
		vsnprintf(f->why, sizeof(f->why), format, args);
		va_end(args);
	}
	return verdict == CHAIN_TAMPER ? VERIFY_STOP : 0;
}

static void report_finding(const struct finding *f, struct chain_report *r)
{
	r->found = f->verdict;
	r->from = f->from;
	r->to = f->to;
	r->offset = f->offset;
	memcpy(r->file, f->file, sizeof(r->file));
	memcpy(r->why, f->why, sizeof(r->why));
}

int verify_open_failed(struct verify *v, int err, uint64_t from, const char *file, const char *why)
{
	if (err == -EPROTONOSUPPORT) {
		verify_fail(v, CHAIN_UNVERIFIABLE, from, from, file, 0, "%s", why);
		return VERIFY_STOP;
	}
	if (err == -ENOENT || err == -EINVAL || err == -EBADMSG || err == -EFBIG)
		return verify_fail(v, CHAIN_TAMPER, from, v->last.size > from ? v->last.size : from,
				   file, 0, "%s", why);
	return chain_fail(v->err, err, "%s/%s: %s", v->options->dir, file, strerror(-err));
}

/* --- V2: the log's name ---------------------------------------------------------------------- */

static int check_identity_file(struct verify *v)
{
	uint8_t *text;
	size_t len, want = strlen(v->name.vkey);
	int same, err = read_file(v->dirfd, FILE_IDENTITY, VKEY_MAX, &text, &len);

	if (err == -ELOOP || err == -ENXIO)
		err = -EINVAL;
	if (err)
		return verify_open_failed(v, err, 0, FILE_IDENTITY,
					  err == -ENOENT ? "identity.pub is missing"
							 : "identity.pub is not what it should be");
	same = len == want + 1 && memcmp(text, v->name.vkey, want) == 0 && text[want] == '\n';
	free(text);
	return same ? 0
		    : verify_fail(v, CHAIN_TAMPER, 0, 0, FILE_IDENTITY, 0,
				  "identity.pub does not match the seals header");
}

static int check_name(struct verify *v)
{
	const char *pinned = v->options->vkey, *why = "seals header is cut short";
	size_t len = pinned ? strcspn(pinned, "\n") : 0;
	uint8_t record[SEAL_LEN];
	ssize_t n = pread_all(v->seals_fd, record, SEAL_LEN, 0);
	int err = n < 0 ? (int)n : n < SEAL_LEN ? -EBADMSG : 0;

	if (err == 0)
		err = seals_header_decode(record, &v->header, &why);
	if (err)
		return verify_open_failed(v, err, 0, FILE_SEALS, why);
	log_name_derive(&v->header, &v->name);
	strcpy(v->report->origin, v->name.origin);
	strcpy(v->report->vkey, v->name.vkey);
	if (pinned && (len != strlen(v->name.vkey) || memcmp(pinned, v->name.vkey, len) != 0 ||
		       strcmp(pinned + len, pinned[len] ? "\n" : "") != 0)) {
		verify_fail(v, CHAIN_UNVERIFIABLE, 0, 0, FILE_SEALS, 0,
			    "this log is %.120s, the key given is %.120s", v->name.vkey, pinned);
		return VERIFY_STOP;
	}
	v->report->pinned = pinned != NULL;
	return check_identity_file(v);
}

/* --- V3: the seals ---------------------------------------------------------------------------- */

static int bad_seal(struct verify *v, uint64_t k, const char *why)
{
	return verify_fail(v, CHAIN_TAMPER, v->last.size, v->last.size, FILE_SEALS, SEAL_LEN * k,
			   "seal %llu: %s", (ull)k, why);
}

static int check_seals(struct verify *v, struct seal_stream *stream)
{
	const uint8_t *record, *torn = NULL;
	uint8_t pk[32];
	ssize_t n;

	memcpy(pk, v->header.pk1, 32);
	while ((n = seal_stream_next(stream, &record)) == SEAL_LEN) {
		const char *why;
		struct seal seal;
		uint64_t k = v->last.k + 1;

		if (torn)
			return bad_seal(v, k, "bad crc");
		if (seal_is_torn(record)) {
			torn = record; /* good only as the very last one */
			continue;
		}
		if (seal_decode(record, k, &seal, &why) < 0)
			return bad_seal(v, k, why);
		if (seal.size <= v->last.size)
			return bad_seal(v, k, "covers nothing new");
		if (!seal_is_signed(&seal, v->name.origin, pk))
			return bad_seal(v, k, "bad signature");
		memcpy(pk, seal.next_pk, 32);
		seal_stream_accept(stream, record);
		v->last = seal;
	}
	if (n < 0)
		return verify_open_failed(v, (int)n, v->last.size, FILE_SEALS, "");
	if (torn && n)
		return bad_seal(v, v->last.k + 1, "bad crc");
	v->report->torn_seal = torn || n;
	return 0;
}

static int read_seals(struct verify *v)
{
	struct seal_stream *stream = aligned_alloc(64, (sizeof(*stream) + 63) / 64 * 64);
	int err;

	if (!stream)
		return -ENOMEM;
	seal_stream_init(stream, v->seals_fd);
	err = check_seals(v, stream);
	seal_stream_digest(stream, v->seals_digest);
	free(stream);
	v->report->sealed = v->last.size;
	v->report->seals = v->last.k;
	v->report->closed = v->last.flags & SEAL_CLOSE;
	memcpy(v->report->root, v->last.root, CHAIN_HASH);
	return err;
}

/* --- V8: checkpoints -------------------------------------------------------------------------- */

static void add_claim(struct verify *v, uint64_t size, const uint8_t root[CHAIN_HASH], bool local)
{
	struct claim *claim = &v->claims[v->claim_count++];

	claim->size = size;
	claim->local = local;
	memcpy(claim->root, root, CHAIN_HASH);
}

/* The chain's own checkpoint: exactly one line, ours. */
static int parse_checkpoint(struct verify *v, int read_err, struct bytes text)
{
	const char *why = "checkpoint is missing";
	struct note note;
	unsigned line;

	if (read_err == -ENOENT && v->last.k < 2)
		return 0;
	if (read_err)
		return verify_open_failed(v, read_err, 0, FILE_CHECKPOINT,
					  read_err == -ENOENT ? why
							      : "checkpoint is no signed note");
	if (note_parse(text, &note, &line, &why) < 0)
		return verify_fail(v, CHAIN_TAMPER, 0, 0, FILE_CHECKPOINT, 0, "line %u: %s", line,
				   why);
	why = !note_is_of(&note, &v->name)		    ? "origin of another log"
	      : note_signer(&note, &v->name) != NOTE_SIGNED ? "no valid identity signature"
	      : note.lines != 1				    ? "more than one signature"
	      : note.extensions				    ? "lines after the root"
							    : NULL;
	if (why)
		return verify_fail(v, CHAIN_TAMPER, 0, 0, FILE_CHECKPOINT, 0, "%s", why);
	add_claim(v, note.size, note.root, true);
	return 0;
}

/* A note the verifier brought along; the log may turn out not to be the one it speaks of. */
static int parse_held(struct verify *v, const char *path)
{
	const char *why = "";
	struct note note;
	unsigned line;
	uint8_t *text;
	size_t len;
	int err = read_file(AT_FDCWD, path, NOTE_MAX, &text, &len);

	if (err == -EFBIG || err == -EINVAL)
		return chain_fail(v->err, -EINVAL, "%s: no signed note", path);
	if (err)
		return chain_fail(v->err, err, "%s: %s", path, strerror(-err));
	if (note_parse(bytes_of(text, len), &note, &line, &why) < 0)
		err = chain_fail(v->err, -EINVAL, "%s: line %u: %s", path, line, why);
	else if (!note_is_of(&note, &v->name))
		verify_fail(v, CHAIN_UNVERIFIABLE, 0, 0, "", 0,
			    "held checkpoint %.120s is of another log, %.*s; this log is %s", path,
			    (int)(note.origin.len < ORIGIN_MAX ? note.origin.len : ORIGIN_MAX),
			    (const char *)note.origin.data, v->name.origin);
	else if (note_signer(&note, &v->name) != NOTE_SIGNED)
		verify_fail(v, CHAIN_UNVERIFIABLE, 0, 0, "", 0,
			    "held checkpoint %.120s has no valid signature of this log, %s", path,
			    v->name.origin);
	else
		add_claim(v, note.size, note.root, false);
	free(text);
	return err;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = ((const struct claim *)a)->size, y = ((const struct claim *)b)->size;

	return x < y ? -1 : x > y;
}

static int collect_claims(struct verify *v, int checkpoint_err, struct bytes checkpoint)
{
	const struct chain_verify_options *o = v->options;
	size_t files = 0;
	int err;

	while (o->checkpoints && o->checkpoints[files])
		files++;
	v->claims = calloc(files + o->held_count + 1, sizeof(*v->claims));
	if (!v->claims)
		return -ENOMEM;
	for (size_t i = 0; i < files; i++) {
		err = parse_held(v, o->checkpoints[i]);
		if (err)
			return err;
	}
	for (size_t i = 0; i < o->held_count; i++)
		add_claim(v, o->held[i].size, o->held[i].root, false);
	err = parse_checkpoint(v, checkpoint_err, checkpoint);
	qsort(v->claims, v->claim_count, sizeof(*v->claims), by_size);
	return err;
}

void verify_claims_at(const struct verify *v, size_t *next, uint64_t size,
		      const uint8_t root[CHAIN_HASH])
{
	for (; *next < v->claim_count && v->claims[*next].size <= size; ++*next) {
		struct claim *claim = &v->claims[*next];

		claim->compared = claim->size == size;
		claim->equal = memcmp(claim->root, root, CHAIN_HASH) == 0;
	}
}

static void judge_claims(struct verify *v)
{
	struct chain_report *r = v->report;
	uint64_t witnessed = 0;

	for (size_t i = 0; i < v->claim_count; i++) {
		const struct claim *c = &v->claims[i];
		const char *who = c->local ? "the chain's own checkpoint" : "a held checkpoint";

		if (c->compared && !c->equal)
			verify_fail(v, CHAIN_FORK, c->size, c->size, "", 0,
				    "%s has another root at size %llu", who, (ull)c->size);
		else if (c->size > r->sealed)
			verify_fail(v, CHAIN_ROLLBACK, r->sealed, c->size, "", 0,
				    "%s is at size %llu, the last seal at %llu", who, (ull)c->size,
				    (ull)r->sealed);
		else if (!c->compared)
			verify_fail(v, CHAIN_UNVERIFIABLE, c->size, c->size, "", 0,
				    "nothing is left to compare %s at size %llu with", who,
				    (ull)c->size);
		else if (!c->local)
			witnessed = c->size;
	}
	r->unwitnessed = r->entries - witnessed;
}

/* --- all steps -------------------------------------------------------------------------------- */

static bool is_live(const char *dir)
{
	return chain_is_live(dir) == 1;
}

static int nothing_there(struct verify *v, const char *why)
{
	verify_fail(v, CHAIN_UNVERIFIABLE, 0, 0, "", 0, "%s", why);
	return VERIFY_STOP;
}

static int list_chain(struct verify *v)
{
	int err = list_files(v->dirfd, &v->list);

	if (err)
		return chain_fail(v->err, err, "cannot list %s: %s", v->options->dir,
				  strerror(-err));
	v->report->stray = v->list.stray;
	/* A writer that started since may have added to what was read as not live. */
	if (!v->report->live)
		v->report->live = is_live(v->options->dir);
	return 0;
}

static int open_seals(struct verify *v)
{
	uint64_t size;
	int err;

	v->seals_fd = open_regular(v->dirfd, FILE_SEALS, O_RDONLY, &size);
	if (v->seals_fd >= 0)
		return 0;
	if (v->seals_fd != -ENOENT)
		return verify_open_failed(v, v->seals_fd, 0, FILE_SEALS,
					  "seals is not a regular file");
	err = list_chain(v);
	if (err)
		return err;
	if (v->list.count || v->list.checkpoint)
		return verify_fail(v, CHAIN_TAMPER, 0, 0, FILE_SEALS, 0, "seals is missing");
	return nothing_there(v, "there is no chain here");
}

static int verify_all(struct verify *v, int checkpoint_err, struct bytes checkpoint)
{
	int err = open_seals(v);

	if (err == 0)
		err = check_name(v);
	if (err == 0)
		err = read_seals(v);
	if (err == 0)
		err = collect_claims(v, checkpoint_err, checkpoint);
	if (err == 0)
		err = list_chain(v);
	if (err)
		return err;
	if (v->list.count == 0 && v->last.k == 0)
		return nothing_there(v, "nothing was written yet");
	if (v->list.count == 0)
		return verify_fail(v, CHAIN_TAMPER, 0, v->last.size, "", 0,
				   "all segments are missing");
	err = verify_segments(v);
	if (err == 0)
		judge_claims(v);
	return err;
}

int chain_verify(const struct chain_verify_options *options, struct chain_report *ret,
		 struct chain_error *err)
{
	struct verify v = { .options = options, .report = ret, .err = err, .seals_fd = -1 };
	uint8_t *checkpoint = NULL;
	size_t len = 0;
	int code, read_err;

	memset(ret, 0, sizeof(*ret));
	if (err)
		err->text[0] = 0;
	if (sodium_init() < 0)
		return chain_fail(err, -ENOSYS, "libsodium does not start");
	v.dirfd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v.dirfd < 0)
		return chain_fail(err, -errno, "cannot open %s: %s", options->dir, strerror(errno));
	ret->live = is_live(options->dir);
	read_err = read_file(v.dirfd, FILE_CHECKPOINT, NOTE_MAX, &checkpoint, &len);
	if (read_err == -ELOOP || read_err == -ENXIO)
		read_err = -EINVAL;
	code = verify_all(&v, read_err, bytes_of(checkpoint, len));
	report_finding(&v.found, ret);
	if (code == VERIFY_STOP)
		ret->unwitnessed = ret->entries;
	free(checkpoint);
	free(v.claims);
	if (v.seals_fd >= 0)
		close(v.seals_fd);
	close(v.dirfd);
	return code == VERIFY_STOP ? 0 : code;
}
