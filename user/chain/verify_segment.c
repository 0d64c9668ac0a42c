// SPDX-License-Identifier: Apache-2.0
/* Steps V5 and V6: the blocks, entries and roots of one segment. */
#include "chain/verify_segment.h"

#include <errno.h>
#include <stdlib.h>

#include "chain/leaves.h"
#include "chain/note.h"

#define NEWS_BYTES (2u << 20) /* how often progress is told */

typedef unsigned long long ull;

static int tamper(struct segment_job *j, uint64_t offset, const char *why)
{
	uint64_t to = j->seal.k <= j->v->last.k ? j->seal.size : j->size;

	return finding_note(&j->found, CHAIN_TAMPER, j->size, to, j->file, offset, "%s", why);
}

/* --- seals, as the file has them now; verify_walk.c holds the digest to what was checked -------
 */

static int read_seal(struct segment_job *j)
{
	const char *why = "seals changed while they were read";
	const uint8_t *record;
	ssize_t n = seal_stream_next(&j->stream, &record);

	if (n < 0)
		return (int)n;
	if (n < SEAL_LEN || seal_decode(record, j->stream.k, &j->seal, &why) < 0)
		return finding_note(&j->found, CHAIN_TAMPER, j->previous, j->previous, FILE_SEALS,
				    SEAL_LEN * j->seal.k, "%s", why);
	return 0;
}

static int next_seal(struct segment_job *j)
{
	int err;

	j->previous = j->seal.size;
	j->seal.k++;
	if (j->seal.k > j->v->last.k)
		return 0;
	err = read_seal(j);
	if (err == 0)
		seal_stream_accept_seal(&j->stream, &j->seal);
	return err;
}

/* Go to the seal that the header names, and remember the one before. (A header that names one it
 * cannot be is refused before anything that is found here counts.) */
static int begin_seals(struct segment_job *j)
{
	uint64_t k = j->segment.header.seal;
	int err = 0;

	seal_stream_init(&j->stream, j->v->seals_fd);
	memset(&j->seal, 0, sizeof(j->seal));
	if (k > 1) {
		seal_stream_seek(&j->stream, k - 1);
		err = read_seal(j);
	}
	j->before = j->seal.size;
	return err ? err : next_seal(j);
}

/* The tree has grown to the size of a seal. */
static int check_seal(struct segment_job *j, const uint8_t root[CHAIN_HASH])
{
	if (memcmp(root, j->seal.root, CHAIN_HASH) != 0)
		return finding_note(&j->found, CHAIN_TAMPER, j->previous, j->seal.size, j->file,
				    j->offset, "entries differ from what seal %llu says",
				    (ull)j->seal.k);
	j->last_good = j->seal.size;
	j->pruned_sealed = j->pruned_to;
	j->closed = j->seal.flags & SEAL_CLOSE;
	return next_seal(j);
}

/* --- entries --------------------------------------------------------------------------------- */

static int check_recovery(struct segment_job *j, struct bytes entry, uint64_t offset)
{
	const struct segment_header *h = &j->segment.header;
	struct recovery r;

	if (recovery_decode(entry, &r) < 0)
		return tamper(j, offset, "malformed RECOVERY");
	if (j->size != h->tree.size + 1)
		return tamper(j, offset, "RECOVERY out of place");
	if (r.valid_len != h->prev_len || r.kept != h->tree.size || r.sealed != j->before ||
	    r.previous != j->number - 1)
		return tamper(j, offset, "RECOVERY does not agree with its segment");
	j->has_recovery = true;
	j->recovery = r;
	j->recovery_offset = offset;
	return 0;
}

/* One whose key is none says nothing that could be told. */
static void keep_link(struct segment_job *j, const struct link *link)
{
	struct linked *to = link->direction == LINK_BACK ? &j->back : &j->forward;
	struct note_key key;
	const char *why;

	if (link->vkey.len >= sizeof(to->to.vkey) || note_key_parse(link->vkey, &key, &why))
		return;
	*to = (struct linked){ j->size, { .size = link->size } };
	memcpy(to->to.vkey, link->vkey.data, link->vkey.len);
	memcpy(to->to.root, link->root, CHAIN_HASH);
}

static int check_link(struct segment_job *j, struct bytes entry, uint64_t offset)
{
	struct link link;

	if (link_decode(entry, &link) < 0)
		return tamper(j, offset, "malformed LINK");
	if (link.direction == LINK_BACK && j->size != 1)
		return tamper(j, offset, "LINK back out of place");
	if (link.direction == LINK_FORWARD)
		j->link_forward = true;
	keep_link(j, &link);
	return 0;
}

static int check_prune(struct segment_job *j, struct bytes entry, uint64_t offset)
{
	const struct segment_header *h = &j->segment.header;
	struct prune prune;

	if (prune_decode(entry, &prune) < 0)
		return tamper(j, offset, "malformed PRUNE");
	if (prune.keep_number == 0 || prune.keep_number > j->number ||
	    prune.keep_first > h->tree.size ||
	    (prune.keep_number == j->number && prune.keep_first != h->tree.size))
		return tamper(j, offset, "PRUNE does not agree with the segments");
	if (prune.keep_number > j->pruned_to)
		j->pruned_to = prune.keep_number;
	return 0;
}

static int check_type(struct segment_job *j, struct bytes entry, uint64_t offset)
{
	bool first = j->size == j->segment.header.tree.size;
	uint8_t type = entry.data[0];

	if (j->closed)
		return tamper(j, offset, "entry after the closing seal");
	if (type == 0)
		return tamper(j, offset, "entry of type 0");
	if ((type == ENTRY_SCHEMA) != first)
		return tamper(j, offset, first ? "segment without SCHEMA" : "SCHEMA out of place");
	if (type == ENTRY_RECOVERY)
		return check_recovery(j, entry, offset);
	if (type == ENTRY_LINK)
		return check_link(j, entry, offset);
	if (type == ENTRY_PRUNE)
		return check_prune(j, entry, offset);
	if (type > ENTRY_PRUNE && type < CHAIN_RECORD_TYPE)
		return finding_note(&j->found, CHAIN_UNVERIFIABLE, j->size, j->size + 1, j->file,
				    offset, "unknown entry type %02x", type);
	return 0;
}

/* To the layer above; where it has gathered much, wait until that is taken from it. */
static int tell(struct segment_job *j, struct bytes bytes, uint64_t offset)
{
	const struct chain_watch *watch = &j->v->options->watch;
	struct chain_entry entry = { j->size, bytes, j->number, offset };
	int got = watch->entry ? watch->entry(j->part, &entry) : 0;

	if (got > 0)
		pool_pause(&j->pool);
	return got < 0 ? got : 0;
}

static int take_entry(struct segment_job *j, struct bytes entry, uint64_t offset)
{
	int err = check_type(j, entry, offset);

	if (err == 0)
		err = tell(j, entry, offset);
	if (err)
		return err;
	if (j->size - j->segment.header.tree.size >= SALT_LIMIT)
		return tamper(j, offset, "segment has too many entries");
	j->size++;
	return 0;
}

/* Claims and seals of the size that has been reached. */
static int check_size(struct segment_job *j, const uint8_t (*leaves)[CHAIN_HASH], unsigned count)
{
	const struct verify *v = j->v;
	bool claimed = j->claim < v->claim_count && v->claims[j->claim].size == j->size &&
		       j->size <= j->beyond;
	bool sealed = j->seal.size == j->size; /* behind the last one it stays at its size */
	uint8_t root[CHAIN_HASH];

	if (!claimed && !sealed)
		return 0;
	tree_push_run(&j->tree, leaves + j->pushed, count - j->pushed);
	j->pushed = count;
	tree_root(&j->tree, root);
	if (claimed)
		verify_claims_at(v, &j->claim, j->size, root);
	return sealed ? check_seal(j, root) : 0;
}

static int take_block(struct segment_job *j, const struct block *block)
{
	uint8_t room[BLOCK_ENTRIES_MAX][CHAIN_HASH];
	const uint8_t(*leaves)[CHAIN_HASH] = (const uint8_t(*)[CHAIN_HASH])room;
	size_t at = 0;

	block_leaves(block, &j->salts, j->size - j->segment.header.tree.size, room);
	j->pushed = 0;
	for (unsigned i = 0; i < block->count; i++) {
		struct bytes entry = block_entry(block, &at);
		uint64_t offset = j->offset + BLOCK_HEADER + at - entry.len;
		int err;

		if (!j->first_offset)
			j->first_offset = offset;
		err = take_entry(j, entry, offset);
		if (err == 0)
			err = check_size(j, leaves, i + 1);
		if (err)
			return err;
	}
	tree_push_run(&j->tree, leaves + j->pushed, block->count - j->pushed);
	return 0;
}

/* --- the segment ------------------------------------------------------------------------------ */

/* Packed bytes that are not what they should be, though the header was good, are somebody's doing.
 */
static int read_failed(struct segment_job *j, int err)
{
	const char *why = segment_why(&j->segment);

	return err == -EBADMSG && why ? tamper(j, j->blocks.offset, why) : err;
}

static void tell_progress(struct segment_job *j)
{
	atomic_store_explicit(&j->done, j->offset, memory_order_relaxed);
	atomic_store_explicit(&j->entries, j->size - j->segment.header.tree.size,
			      memory_order_relaxed);
	if (j->offset - j->told < NEWS_BYTES)
		return;
	j->told = j->offset;
	pool_tell(&j->pool);
}

static int read_blocks(struct segment_job *j)
{
	struct block block;
	int got = 0;

	while (!pool_stops(&j->pool) && (got = blocks_next(&j->blocks, &block)) > 0) {
		int err = take_block(j, &block);

		if (err)
			return err;
		j->offset = j->blocks.offset;
		tell_progress(j);
	}
	if (pool_stops(&j->pool))
		return VERIFY_STOP;
	if (got == 0)
		got = segment_finish(&j->segment);
	return got ? read_failed(j, got) : 0;
}

void segment_job_run(struct pool_job *job)
{
	struct segment_job *j = (struct segment_job *)job;
	const struct segment_header *h = &j->segment.header;

	memset(&j->found, 0, sizeof(j->found));
	j->tree = h->tree;
	j->size = h->tree.size;
	j->first_offset = j->last_good = j->told = j->pruned_to = j->pruned_sealed = 0;
	j->closed = j->link_forward = j->has_recovery = false;
	j->back.to.vkey[0] = j->forward.to.vkey[0] = 0;
	for (j->claim = 0; j->claim < j->v->claim_count; j->claim++) {
		if (j->v->claims[j->claim].size > j->size)
			break;
	}
	salts_init(&j->salts, h->salt_key);
	blocks_seek(&j->blocks, &j->segment, j->segment.header_len, j->end, j->size);
	j->offset = j->blocks.offset;
	j->result = begin_seals(j);
	if (j->result == 0)
		j->result = read_blocks(j);
}

struct segment_job *segment_job_new(void)
{
	struct segment_job *job = aligned_alloc(64, (sizeof(*job) + 63) / 64 * 64);

	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->segment.fd = -1;
	job->pool.run = segment_job_run;
	if (blocks_init(&job->blocks) == 0)
		return job;
	free(job);
	return NULL;
}

void segment_job_free(struct segment_job *job)
{
	if (!job)
		return;
	segment_close(&job->segment);
	blocks_free(&job->blocks);
	free(job);
}
