// SPDX-License-Identifier: Apache-2.0
/* Steps V4..V7: segments, blocks and entries against the seals, in one pass. */
#include <errno.h>
#include <stdlib.h>

#include "chain/blocks.h"
#include "chain/verify_state.h"

typedef unsigned long long ull;

struct walk {
	struct verify *v;
	struct chain_report *report;

	/* the seal that will cover the next entry; k = K + 1 when none does */
	struct seal_stream *stream;
	struct seal seal;
	uint8_t pk[32];
	uint64_t before; /* size of the seal before it */
	uint64_t sealed; /* what before was when the segment began */

	struct tree tree;
	size_t claim; /* first one not yet reached */
	struct blocks blocks;
	struct salts salts;

	uint64_t number;
	char file[SEGMENT_NAME_MAX];
	struct segment segment, previous, next;
	bool first_read; /* this is the first segment there is */
	bool closed;	 /* a CLOSE seal ends in this segment */
	bool has_recovery;
	uint64_t place;	 /* of the next entry in its segment */
	uint64_t offset; /* of the block in hand */

	bool link_forward; /* the log was handed over: its next CLOSE is the last */
	bool ended;
	uint64_t pruned_to; /* highest keep_number of a PRUNE, not yet known to be sealed */
	uint64_t pruned_sealed;
};

static int tamper(struct walk *w, uint64_t offset, const char *why)
{
	uint64_t to = w->seal.k <= w->v->last.k ? w->seal.size : w->tree.size;

	return verify_fail(w->v, CHAIN_TAMPER, w->tree.size, to, w->file, offset, "%s", why);
}

/* --- seals, a second time -------------------------------------------------------------------- */

static int next_seal(struct walk *w)
{
	const char *why = "seals changed while they were read";
	const uint8_t *record;
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
		return verify_fail(w->v, CHAIN_TAMPER, w->before, w->before, FILE_SEALS,
				   SEAL_LEN * w->seal.k, "%s", why);
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

static int check_digest(struct walk *w)
{
	uint8_t digest[32];
	int err = 0;

	while (err == 0 && w->seal.k <= w->v->last.k)
		err = next_seal(w);
	if (err)
		return err;
	seal_stream_digest(w->stream, digest);
	if (memcmp(digest, w->v->seals_digest, 32) == 0)
		return 0;
	return verify_fail(w->v, CHAIN_TAMPER, 0, w->v->last.size, FILE_SEALS, 0,
			   "seals changed while they were read");
}

/* The tree has grown to the size of a seal. */
static int check_seal(struct walk *w)
{
	uint8_t root[CHAIN_HASH];

	tree_root(&w->tree, root);
	if (memcmp(root, w->seal.root, CHAIN_HASH) != 0)
		return verify_fail(w->v, CHAIN_TAMPER, w->before, w->seal.size, w->file, w->offset,
				   "entries differ from what seal %llu says", (ull)w->seal.k);
	w->report->last_good = w->seal.size;
	w->pruned_sealed = w->pruned_to;
	if (w->seal.flags & SEAL_CLOSE) {
		w->closed = true;
		w->ended = w->link_forward;
	}
	return next_seal(w);
}

/* A segment whose header was good cannot be read: packed bytes that are not what they should be
 * are somebody's doing. */
static int read_failed(struct walk *w, int err, const struct segment *segment)
{
	const char *why = segment_why(segment);

	return err == -EBADMSG && why ? tamper(w, w->blocks.offset, why) : err;
}

/* --- entries --------------------------------------------------------------------------------- */

static int check_recovery(struct walk *w, struct bytes entry, uint64_t offset)
{
	const struct segment_header *h = &w->segment.header;
	const struct segment *previous = &w->previous;
	uint8_t hash[CHAIN_HASH];
	struct recovery r;

	if (recovery_decode(entry, &r) < 0)
		return tamper(w, offset, "malformed RECOVERY");
	if (w->place != 1)
		return tamper(w, offset, "RECOVERY out of place");
	if (r.valid_len != h->prev_len || r.kept != h->tree.size || r.sealed != w->sealed ||
	    r.previous != w->number - 1)
		return tamper(w, offset, "RECOVERY does not agree with its segment");
	if (r.reason == RECOVERY_UNCLEAN && previous->fd >= 0) {
		int err;

		if (r.dead_len != previous->size - r.valid_len)
			return tamper(w, offset, "RECOVERY does not agree with the torn tail");
		err = segment_hash(previous, r.valid_len, r.dead_len, hash);
		if (err)
			return read_failed(w, err, previous);
		if (memcmp(hash, r.dead_hash, CHAIN_HASH) != 0)
			return tamper(w, offset, "RECOVERY does not agree with the torn tail");
	}
	w->has_recovery = true;
	w->report->recoveries++;
	w->report->adopted += r.kept - r.sealed;
	return 0;
}

static int check_link(struct walk *w, struct bytes entry, uint64_t offset)
{
	struct link link;

	if (link_decode(entry, &link) < 0)
		return tamper(w, offset, "malformed LINK");
	if (link.direction == LINK_BACK && w->tree.size != 1)
		return tamper(w, offset, "LINK back out of place");
	if (link.direction == LINK_FORWARD)
		w->link_forward = true;
	return 0;
}

static int check_prune(struct walk *w, struct bytes entry, uint64_t offset)
{
	const struct segment_header *h = &w->segment.header;
	struct prune prune;

	if (prune_decode(entry, &prune) < 0)
		return tamper(w, offset, "malformed PRUNE");
	if (prune.keep_number == 0 || prune.keep_number > w->number ||
	    prune.keep_first > h->tree.size ||
	    (prune.keep_number == w->number && prune.keep_first != h->tree.size))
		return tamper(w, offset, "PRUNE does not agree with the segments");
	if (prune.keep_number > w->pruned_to)
		w->pruned_to = prune.keep_number;
	return 0;
}

static int check_type(struct walk *w, struct bytes entry, uint64_t offset)
{
	uint8_t type = entry.data[0];

	if (w->closed)
		return tamper(w, offset, "entry after the closing seal");
	if (w->ended)
		return tamper(w, offset, "entry after the log was handed over");
	if (type == 0)
		return tamper(w, offset, "entry of type 0");
	if ((type == ENTRY_SCHEMA) != (w->place == 0))
		return tamper(w, offset,
			      w->place ? "SCHEMA out of place" : "segment without SCHEMA");
	if (type == ENTRY_RECOVERY)
		return check_recovery(w, entry, offset);
	if (type == ENTRY_LINK)
		return check_link(w, entry, offset);
	if (type == ENTRY_PRUNE)
		return check_prune(w, entry, offset);
	if (type > ENTRY_PRUNE && type < CHAIN_RECORD_TYPE)
		return verify_fail(w->v, CHAIN_UNVERIFIABLE, w->tree.size, w->tree.size + 1,
				   w->file, offset, "unknown entry type %02x", type);
	return 0;
}

static int tell(struct walk *w, struct bytes bytes, uint64_t offset)
{
	struct chain_entry entry = { w->tree.size, bytes, w->number, offset };

	return w->v->options->entry ? w->v->options->entry(w->v->options->ctx, &entry) : 0;
}

static int take_entry(struct walk *w, struct bytes entry, uint64_t offset)
{
	uint8_t root[CHAIN_HASH], leaf[CHAIN_HASH];
	int err = check_type(w, entry, offset);

	if (err)
		return err;
	err = tell(w, entry, offset);
	if (err)
		return err < 0 ? err : -ECANCELED;
	if (w->place >= SALT_LIMIT)
		return tamper(w, offset, "segment has too many entries");
	leaf_hash(salts_get(&w->salts, w->place), entry, leaf);
	tree_push(&w->tree, leaf);
	w->place++;
	if (w->claim < w->v->claim_count && w->v->claims[w->claim].size <= w->tree.size) {
		tree_root(&w->tree, root);
		verify_claims_at(w->v, &w->claim, w->tree.size, root);
	}
	if (w->seal.k <= w->v->last.k && w->tree.size == w->seal.size)
		return check_seal(w);
	return 0;
}

/* --- segments -------------------------------------------------------------------------------- */

static int read_blocks(struct walk *w, uint64_t end)
{
	struct block block;
	int got;

	salts_init(&w->salts, w->segment.header.salt_key);
	blocks_seek(&w->blocks, &w->segment, w->segment.header_len, end, w->tree.size);
	w->offset = w->blocks.offset;
	while ((got = blocks_next(&w->blocks, &block)) > 0) {
		size_t at = 0;

		for (unsigned i = 0; i < block.count; i++) {
			struct bytes entry = block_entry(&block, &at);
			uint64_t offset = w->offset + BLOCK_HEADER + at - entry.len;
			int err = take_entry(w, entry, offset);

			if (err)
				return err;
		}
		w->offset = w->blocks.offset;
	}
	if (got == 0)
		got = segment_finish(&w->segment);
	return got ? read_failed(w, got, &w->segment) : 0;
}

static int check_header(struct walk *w)
{
	const struct segment_header *h = &w->segment.header;

	if (memcmp(h->lid, w->v->name.lid, LOG_ID_LEN) != 0)
		return tamper(w, 112, "segment is of another log");
	if (w->number == 1 && (h->tree.size != 0 || h->prev_len != 0))
		return tamper(w, 24, "first segment does not begin at 0");
	if (!w->first_read && !tree_equal(&h->tree, &w->tree))
		return tamper(w, 24, "segment does not begin where the one before ends");
	if (h->seal != w->seal.k)
		return tamper(w, 32, "segment names another seal than the one that covers it");
	if (memcmp(h->pk, w->pk, 32) != 0)
		return tamper(w, 48, "segment names another key than its seal's");
	return 0;
}

/* A new run or an I/O error must be owned up to. */
static int check_recovery_due(struct walk *w)
{
	const struct segment_header *h = &w->segment.header;
	bool cut = w->previous.fd >= 0 && h->prev_len != w->previous.size;
	bool unsealed = w->number > 1 && h->tree.size != w->sealed;

	if (!w->has_recovery && (cut || unsealed))
		return tamper(w, w->segment.header_len,
			      "segment takes over an unclean end without RECOVERY");
	return 0;
}

/* What lies behind the blocks that count. */
static int check_rest(struct walk *w, bool has_next)
{
	uint64_t end = w->blocks.offset;
	uint64_t rest = w->segment.size > end ? w->segment.size - end : 0;

	if (has_next && end != w->next.header.prev_len)
		return tamper(w, end,
			      w->blocks.why ? w->blocks.why
					    : "segment is shorter than the next says");
	if (rest && w->closed)
		return tamper(w, end, "bytes after the closing seal");
	*(has_next ? &w->report->dead_bytes : &w->report->torn_bytes) += rest;
	return 0;
}

static int check_segment(struct walk *w, bool has_next)
{
	int err = check_header(w);

	if (err)
		return err;
	w->closed = w->has_recovery = false;
	w->place = 0;
	w->sealed = w->before;
	err = read_blocks(w, has_next ? w->next.header.prev_len : UINT64_MAX);
	if (err == 0)
		err = check_rest(w, has_next);
	return err || w->place == 0 ? err : check_recovery_due(w);
}

static int open_segment(struct walk *w, uint64_t number, struct segment *ret)
{
	const char *why;
	int err = segment_open(w->v->dirfd, number, ret, &why);
	char name[SEGMENT_NAME_MAX];

	if (err == 0 && w->v->list.packed)
		err = segment_compare(w->v->dirfd, number, &why);
	if (err == 0)
		return 0;
	present_name(w->v->dirfd, number, name);
	return verify_open_failed(w->v, err, w->tree.size, name, why);
}

/* Open the segment after this one. *has_next: there is one, and it belongs to what was listed
 * before the seals a live writer has added since. */
static int look_ahead(struct walk *w, bool *has_next)
{
	int err;

	*has_next = w->number < w->v->list.last;
	if (!*has_next)
		return 0;
	err = open_segment(w, w->number + 1, &w->next);
	if (err)
		return err;
	if (w->report->live && w->next.header.seal > w->v->last.k + 1) {
		segment_close(&w->next);
		*has_next = false;
	}
	return 0;
}

static int begin(struct walk *w)
{
	int err;

	w->number = w->v->list.first;
	w->first_read = true;
	present_name(w->v->dirfd, w->number, w->file);
	err = open_segment(w, w->number, &w->segment);
	if (err == 0)
		err = next_seal(w);
	if (err || w->number == 1)
		return err;
	/* Its frontier is proven by the next seal's root. */
	w->tree = w->segment.header.tree;
	w->report->pruned = w->tree.size;
	return skip_seals(w, w->tree.size);
}

static int walk(struct walk *w)
{
	uint8_t root[CHAIN_HASH];
	bool has_next = true;
	int err = begin(w);

	if (err)
		return err;
	tree_root(&w->tree, root);
	verify_claims_at(w->v, &w->claim, w->tree.size, root);
	while (has_next) {
		err = look_ahead(w, &has_next);
		if (err == 0)
			err = check_segment(w, has_next);
		if (err || !has_next)
			break;
		segment_close(&w->previous);
		w->previous = w->segment;
		w->segment = w->next;
		w->next.fd = -1;
		w->first_read = false;
		present_name(w->v->dirfd, ++w->number, w->file);
	}
	return err ? err : check_digest(w);
}

/* V7: everything sealed is there, and what is gone was said to go. */
static int check_complete(struct walk *w)
{
	uint64_t n = w->tree.size, sealed = w->v->last.size;

	if (n < sealed)
		return verify_fail(w->v, CHAIN_TAMPER, n, sealed, w->file, w->blocks.offset,
				   "sealed entries are missing%s%s", w->blocks.why ? ": " : "",
				   w->blocks.why ? w->blocks.why : "");
	if (w->v->list.first > 1 && w->pruned_sealed < w->v->list.first)
		return verify_fail(w->v, CHAIN_TAMPER, 0, w->report->pruned, "", 0,
				   "segments before %016llx are missing", (ull)w->v->list.first);
	w->report->unsealed = n - sealed;
	return 0;
}

int verify_segments(struct verify *v)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->v = v;
	w->report = v->report;
	w->segment.fd = w->previous.fd = w->next.fd = -1;
	w->stream = aligned_alloc(64, (sizeof(*w->stream) + 63) / 64 * 64);
	err = w->stream ? blocks_init(&w->blocks) : -ENOMEM;
	if (err)
		goto out;
	seal_stream_init(w->stream, v->seals_fd);
	err = walk(w);
	v->report->entries = w->tree.size;
	if (err == 0)
		err = check_complete(w);
out:
	segment_close(&w->segment);
	segment_close(&w->previous);
	segment_close(&w->next);
	blocks_free(&w->blocks);
	free(w->stream);
	free(w);
	return err;
}
