// SPDX-License-Identifier: Apache-2.0
/*
 * Steps V4..V7: one segment after the other against the seals and against each other.
 *
 * Segments are opened here in order and given to the threads of a pool, each with what its header
 * claims; here their findings are taken in the same order, and only when the claims agree with
 * where the segment before ended. So the first failure is the first one in the chain, and what is
 * reported does not depend on the number of threads.
 *
 * Memory: threads + 2 segments are under way at most (one, with one thread), each with a buffer of
 * 1.2 MiB and what the layer above gathers of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain/verify_segment.h"

#define THREADS_MAX 64

typedef unsigned long long ull;

/* A segment under way. */
struct slot {
	struct segment_job *job;
	bool given;	      /* to the pool */
	bool has_next;	      /* a segment follows, */
	uint64_t next_len;    /* and says that so many bytes of this one count; */
	int next_err;	      /* or it cannot be opened, */
	const char *next_why; /* for this reason */
	uint64_t file_size;
	bool agreed; /* RECOVERY agrees with the segment before */
};

struct walk {
	struct verify *v;
	struct chain_report *report;

	struct pool *pool;
	struct slot *slots; /* a ring */
	unsigned slot_count;
	uint64_t in, out;     /* slots filled and emptied since the beginning */
	struct segment ahead; /* opened, not in a slot yet */
	uint64_t ahead_number;
	uint64_t first_in; /* index at which the last slot's segment begins */
	bool all_in;

	/* where the chain has come to: the seal that will cover the next entry, k = K + 1 none */
	struct seal_stream *stream, *needed;
	struct seal seal;
	uint8_t pk[32];
	uint64_t before; /* size of the seal before it */
	struct tree tree;
	uint64_t size; /* of the tree, or where a failure was */
	size_t claim;  /* first one not yet reached */
	struct segment previous;
	struct linked back, forward; /* the last LINKs, not yet known to be sealed */
	bool link_forward, ended;
	uint64_t pruned_to; /* highest keep_number of a PRUNE, not yet known to be sealed */
	uint64_t pruned_sealed;
	uint64_t end; /* of the last segment's blocks, and what ended them */
	const char *end_why;
	char file[SEGMENT_NAME_MAX];

	struct chain_progress progress; /* of the segments that are through */
};

static int tamper(struct walk *w, uint64_t offset, const char *why)
{
	uint64_t to = w->seal.k <= w->v->last.k ? w->seal.size : w->size;

	return verify_fail(w->v, CHAIN_TAMPER, w->size, to, w->file, offset, "%s", why);
}

/* --- seals, a second time -------------------------------------------------------------------- */

static int seals_changed(struct walk *w)
{
	return verify_fail(w->v, CHAIN_TAMPER, 0, w->v->last.size, FILE_SEALS, 0,
			   "seals changed while they were read");
}

static int next_seal(struct walk *w)
{
	const uint8_t *record;
	const char *why;
	ssize_t n;

	w->before = w->seal.size;
	memcpy(w->pk, w->seal.k ? w->seal.next_pk : w->v->header.pk1, 32);
	w->seal.k++;
	if (w->seal.k > w->v->last.k)
		return 0;
	n = seal_stream_next(w->stream, &record);
	if (n < 0)
		return (int)n;
	if (n < SEAL_LEN || seal_decode(record, w->seal.k, &w->seal, &why) < 0)
		return seals_changed(w);
	seal_stream_accept(w->stream, record);
	return 0;
}

/* The first segment there is may not be the first of the log: pass over seals of what is gone. */
static int skip_seals(struct walk *w, uint64_t first)
{
	int err = 0;

	while (err == 0 && w->seal.k <= w->v->last.k && w->seal.size <= first) {
		verify_claims_at(w->v, &w->claim, w->seal.size, w->seal.root);
		err = next_seal(w);
	}
	return err;
}

/* The seals that a segment was held to must be those that were checked. */
static int follow_seals(struct walk *w, struct segment_job *j)
{
	uint8_t used[32], checked[32];
	int err = 0;

	if (j->before != w->before)
		return seals_changed(w);
	seal_stream_init(w->needed, -1);
	while (err == 0) {
		if (w->seal.k <= w->v->last.k)
			seal_stream_accept_seal(w->needed, &w->seal);
		if (w->seal.k >= j->seal.k)
			break;
		err = next_seal(w);
	}
	if (err)
		return err;
	seal_stream_digest(&j->stream, used);
	seal_stream_digest(w->needed, checked);
	return memcmp(used, checked, 32) == 0 ? 0 : seals_changed(w);
}

static int check_digest(struct walk *w)
{
	uint8_t digest[32];
	int err = 0;

	while (err == 0 && w->seal.k <= w->v->last.k)
		err = next_seal(w);
	if (err)
		return err;
	seal_stream_digest(w->stream, digest);
	return memcmp(digest, w->v->seals_digest, 32) == 0 ? 0 : seals_changed(w);
}

/* --- into the slots --------------------------------------------------------------------------- */

static int open_segment(struct walk *w, uint64_t number, struct segment *ret, const char **why)
{
	int err = segment_open(w->v->dirfd, number, ret, why);

	if (err == 0 && w->v->list.packed)
		err = segment_compare(w->v->dirfd, number, why);
	return err;
}

static int open_failed(struct walk *w, int err, uint64_t number, const char *why)
{
	char name[SEGMENT_NAME_MAX];

	present_name(w->v->dirfd, number, name);
	return verify_open_failed(w->v, err, w->size, name, why);
}

/* Open the segment after this one, if there is one that belongs to what was listed before the
 * seals a live writer has added since. */
static void look_ahead(struct walk *w, struct slot *slot)
{
	slot->has_next = w->ahead_number < w->v->list.last;
	if (!slot->has_next)
		return;
	slot->next_err = open_segment(w, ++w->ahead_number, &w->ahead, &slot->next_why);
	if (slot->next_err == 0 && w->report->live && w->ahead.header.seal > w->v->last.k + 1) {
		segment_close(&w->ahead);
		slot->has_next = false;
	}
}

static void fill_slot(struct walk *w)
{
	struct slot *slot = &w->slots[w->in++ % w->slot_count];
	struct segment_job *j = slot->job;
	uint64_t first = w->ahead.header.tree.size;
	struct stat st;

	j->segment = w->ahead;
	j->number = w->ahead_number;
	w->ahead.fd = -1;
	present_name(w->v->dirfd, j->number, j->file);
	slot->file_size = fstat(j->segment.fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	slot->agreed = false;
	look_ahead(w, slot);
	/* One that begins before the one before it is refused when its turn comes. */
	slot->given = slot->next_err == 0 && first >= w->first_in;
	w->first_in = first;
	w->all_in = !slot->has_next || !slot->given;
	j->end = slot->has_next ? w->ahead.header.prev_len : UINT64_MAX;
	j->beyond = slot->has_next ? w->ahead.header.tree.size : UINT64_MAX;
	j->done = j->entries = 0;
	if (slot->given)
		pool_give(w->pool, &j->pool);
}

/* --- out of the slots ------------------------------------------------------------------------- */

static int check_header(struct walk *w, const struct slot *slot)
{
	const struct segment_header *h = &slot->job->segment.header;

	if (memcmp(h->lid, w->v->name.lid, LOG_ID_LEN) != 0)
		return tamper(w, 112, "segment is of another log");
	if (h->number == 1 && (h->tree.size != 0 || h->prev_len != 0))
		return tamper(w, 24, "first segment does not begin at 0");
	if (!tree_equal(&h->tree, &w->tree))
		return tamper(w, 24, "segment does not begin where the one before ends");
	if (h->seal != w->seal.k)
		return tamper(w, 32, "segment names another seal than the one that covers it");
	if (memcmp(h->pk, w->pk, 32) != 0)
		return tamper(w, 48, "segment names another key than its seal's");
	return 0;
}

/* What a RECOVERY says of the segment before. */
static int check_recovery(struct walk *w, const struct segment_job *j)
{
	const struct recovery *r = &j->recovery;
	uint8_t hash[CHAIN_HASH];
	int err;

	w->size = w->tree.size + 1; /* where it stands */
	if (r->reason == RECOVERY_UNCLEAN && w->previous.fd >= 0) {
		if (r->dead_len != w->previous.size - r->valid_len)
			return tamper(w, j->recovery_offset,
				      "RECOVERY does not agree with the torn tail");
		err = segment_hash(&w->previous, r->valid_len, r->dead_len, hash);
		if (err == -EBADMSG && segment_why(&w->previous))
			return tamper(w, j->recovery_offset, segment_why(&w->previous));
		if (err)
			return err;
		if (memcmp(hash, r->dead_hash, CHAIN_HASH) != 0)
			return tamper(w, j->recovery_offset,
				      "RECOVERY does not agree with the torn tail");
	}
	w->report->recoveries++;
	w->report->adopted += r->kept - r->sealed;
	return 0;
}

/* What its first entries must agree with; then what was gathered of it counts. */
static int take_gathered(struct walk *w, struct slot *slot)
{
	const struct chain_watch *watch = &w->v->options->watch;
	struct segment_job *j = slot->job;
	int err = 0;

	if (w->ended && j->first_offset)
		return tamper(w, j->first_offset, "entry after the log was handed over");
	if (j->has_recovery && !slot->agreed) {
		err = check_recovery(w, j);
		slot->agreed = true;
	}
	if (err == 0 && watch->merge)
		err = watch->merge(watch->ctx, j->part);
	return err;
}

/* A new run or an I/O error must be owned up to. */
static int check_recovery_due(struct walk *w, const struct segment_job *j)
{
	const struct segment_header *h = &j->segment.header;
	bool cut = w->previous.fd >= 0 && h->prev_len != w->previous.size;
	bool unsealed = h->tree.size != j->before;

	if (j->first_offset && !j->has_recovery && (cut || unsealed))
		return tamper(w, j->segment.header_len,
			      "segment takes over an unclean end without RECOVERY");
	return 0;
}

/* What lies behind the blocks that count. */
static int check_rest(struct walk *w, const struct slot *slot)
{
	const struct segment_job *j = slot->job;
	uint64_t rest = j->segment.size > w->end ? j->segment.size - w->end : 0;

	if (slot->has_next && w->end != j->end)
		return tamper(w, w->end,
			      w->end_why ? w->end_why : "segment is shorter than the next says");
	if (rest && j->closed)
		return tamper(w, w->end, "bytes after the closing seal");
	*(slot->has_next ? &w->report->dead_bytes : &w->report->torn_bytes) += rest;
	return 0;
}

static void take_link(struct walk *w, const struct linked *found, struct linked *last,
		      struct chain_link *ret)
{
	if (found->to.vkey[0])
		*last = *found;
	if (last->at < w->report->last_good)
		*ret = last->to;
}

static void take_findings(struct walk *w, const struct segment_job *j)
{
	if (j->found.verdict > w->v->found.verdict)
		w->v->found = j->found;
	w->size = j->size;
	if (j->last_good) {
		w->report->last_good = j->last_good;
		w->pruned_sealed = w->pruned_to;
		if (j->pruned_sealed > w->pruned_sealed)
			w->pruned_sealed = j->pruned_sealed;
	}
	if (j->pruned_to > w->pruned_to)
		w->pruned_to = j->pruned_to;
	take_link(w, &j->back, &w->back, &w->report->continues);
	take_link(w, &j->forward, &w->forward, &w->report->continued_by);
	w->link_forward |= j->link_forward;
	if (j->closed)
		w->ended = w->link_forward;
	w->end = j->blocks.offset;
	w->end_why = j->blocks.why;
}

static int take_result(struct walk *w, struct slot *slot)
{
	struct segment_job *j = slot->job;
	int err = j->result < 0 ? j->result : follow_seals(w, j);

	if (err)
		return err;
	take_findings(w, j);
	if (j->result)
		return j->result;
	w->tree = j->tree;
	err = check_rest(w, slot);
	return err ? err : check_recovery_due(w, j);
}

static void tell_progress(struct walk *w)
{
	const struct chain_verify_options *o = w->v->options;
	struct chain_progress p = w->progress;

	if (!o->progress)
		return;
	for (uint64_t i = w->out; i < w->in; i++) {
		struct slot *slot = &w->slots[i % w->slot_count];
		uint64_t size = slot->job->segment.size;

		if (!slot->given || size == 0)
			continue;
		p.done += (uint64_t)((double)slot->file_size * (double)slot->job->done /
				     (double)size);
		p.entries += slot->job->entries;
	}
	if (p.done > p.total)
		p.done = p.total;
	o->progress(o->ctx, &p);
}

/* Wait for the oldest segment under way and take what was found in it. */
static int empty_slot(struct walk *w)
{
	struct slot *slot = &w->slots[w->out % w->slot_count];
	struct segment_job *j = slot->job;
	enum pool_state state;
	int err;

	memcpy(w->file, j->file, sizeof(w->file));
	if (slot->next_err)
		return open_failed(w, slot->next_err, j->number + 1, slot->next_why);
	err = check_header(w, slot);
	while (err == 0) {
		state = pool_wait(w->pool, &j->pool);
		tell_progress(w);
		if (state == POOL_RUNNING)
			continue;
		err = take_gathered(w, slot);
		if (state == POOL_DONE)
			break;
		if (err == 0)
			pool_resume(w->pool, &j->pool);
	}
	if (err == 0)
		err = take_result(w, slot);
	if (err)
		return err;
	w->progress.done += slot->file_size;
	w->progress.entries += j->size - j->segment.header.tree.size;
	segment_close(&w->previous);
	w->previous = j->segment;
	j->segment.fd = -1;
	w->out++;
	tell_progress(w);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void add_up_files(struct walk *w)
{
	char name[SEGMENT_NAME_MAX];
	struct stat st;

	for (uint64_t n = w->v->list.first; n && n <= w->v->list.last; n++) {
		present_name(w->v->dirfd, n, name);
		if (fstatat(w->v->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		w->progress.total += (uint64_t)st.st_size;
	}
}

static int begin(struct walk *w)
{
	uint8_t root[CHAIN_HASH];
	const char *why;
	int err;

	w->ahead_number = w->v->list.first;
	err = open_segment(w, w->ahead_number, &w->ahead, &why);
	if (err)
		return open_failed(w, err, w->ahead_number, why);
	err = next_seal(w);
	if (err == 0 && w->ahead_number > 1) {
		/* Its frontier is proven by the next seal's root. */
		w->tree = w->ahead.header.tree;
		w->size = w->report->pruned = w->tree.size;
		err = skip_seals(w, w->size);
	}
	if (err)
		return err;
	tree_root(&w->tree, root);
	verify_claims_at(w->v, &w->claim, w->size, root);
	return 0;
}

static int walk(struct walk *w)
{
	int err = begin(w);

	while (err == 0 && (w->out < w->in || !w->all_in)) {
		if (!w->all_in && w->in - w->out < w->slot_count)
			fill_slot(w);
		else
			err = empty_slot(w);
	}
	return err ? err : check_digest(w);
}

/* V7: everything sealed is there, and what is gone was said to go. */
static int check_complete(struct walk *w)
{
	uint64_t n = w->size, sealed = w->v->last.size;

	if (n < sealed)
		return verify_fail(w->v, CHAIN_TAMPER, n, sealed, w->file, w->end,
				   "sealed entries are missing%s%s", w->end_why ? ": " : "",
				   w->end_why ? w->end_why : "");
	if (w->v->list.first > 1 && w->pruned_sealed < w->v->list.first)
		return verify_fail(w->v, CHAIN_TAMPER, 0, w->report->pruned, "", 0,
				   "segments before %016llx are missing", (ull)w->v->list.first);
	w->report->unsealed = n - sealed;
	return 0;
}

static unsigned thread_count(const struct verify *v)
{
	const struct chain_verify_options *o = v->options;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = o->threads ? o->threads : online > 0 ? (unsigned)online : 1;

	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	if (threads > v->list.count)
		threads = (unsigned)v->list.count;
	return o->watch.entry && !o->watch.open ? 1 : threads;
}

static int make_slots(struct walk *w)
{
	const struct chain_watch *watch = &w->v->options->watch;
	unsigned threads = thread_count(w->v), count = threads == 1 ? 1 : threads + 2;

	w->slots = calloc(count, sizeof(*w->slots));
	w->stream = aligned_alloc(64, (sizeof(*w->stream) + 63) / 64 * 64);
	w->needed = aligned_alloc(64, (sizeof(*w->needed) + 63) / 64 * 64);
	if (!w->slots || !w->stream || !w->needed)
		return -ENOMEM;
	for (; w->slot_count < count; w->slot_count++) {
		struct segment_job *j = segment_job_new();

		if (!j)
			return -ENOMEM;
		w->slots[w->slot_count].job = j;
		j->v = w->v;
		j->part = watch->open ? watch->open(watch->ctx) : watch->ctx;
		if (watch->open && !j->part) {
			segment_job_free(j);
			return -ENOMEM;
		}
	}
	return pool_open(&w->pool, threads);
}

static void free_slots(struct walk *w)
{
	const struct chain_watch *watch = &w->v->options->watch;

	pool_close(w->pool);
	for (unsigned i = 0; i < w->slot_count; i++) {
		if (watch->open && watch->close)
			watch->close(w->slots[i].job->part);
		segment_job_free(w->slots[i].job);
	}
	free(w->slots);
	free(w->stream);
	free(w->needed);
}

int verify_segments(struct verify *v)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->v = v;
	w->report = v->report;
	w->ahead.fd = w->previous.fd = -1;
	err = make_slots(w);
	if (err == 0) {
		seal_stream_init(w->stream, v->seals_fd);
		if (v->options->progress)
			add_up_files(w);
		err = walk(w);
	}
	v->report->entries = w->size;
	if (err == 0)
		err = check_complete(w);
	free_slots(w);
	segment_close(&w->ahead);
	segment_close(&w->previous);
	free(w);
	return err;
}
