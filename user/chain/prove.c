// SPDX-License-Identifier: Apache-2.0
/*
 * Proofs from a chain. A proof needs at most 63 nodes. Most are in the headers of segments: one
 * that begins at F has the full subtrees before F. What is left to hash are the ends of nodes that
 * reach into a segment, each entry at most once, in one pass. Nothing the headers say is believed:
 * the proof is checked against the checkpoint before it is handed out.
 */
#include "chain/proof.h"

#include <errno.h>
#include <stdlib.h>

#include "chain/proof_text.h"
#include "chain/published.h"
#include "chain/text.h"

typedef unsigned long long ull;

/* A node that is wanted. */
struct node {
	struct span span;
	uint64_t from;	  /* entries from here on must be hashed; span.to: none */
	uint64_t segment; /* index of the first entry of the segment with from */
	unsigned at;	  /* place in the proof */
	bool whole;	  /* the entry itself is wanted, not a place */
	uint8_t hash[CHAIN_HASH];
};

struct prover {
	const char *dir;
	struct chain_reader *headers; /* goes from segment to segment */
	struct chain_reader *entries; /* goes forward */
	uint64_t next;		      /* entry it brings next; 0 before the first */
	uint8_t leaf[CHAIN_HASH];     /* of the entry that is wanted */
	struct log_name log;
	struct chain_error *err;
};

static int read_failed(struct prover *p, const struct chain_reader *reader, int code)
{
	const char *why = chain_reader_error(reader);

	return chain_fail(p->err, code, "%s/%s", p->dir, why[0] ? why : strerror(-code));
}

/* The tree at the start of the last segment that begins at or before index; NULL and why not. */
static const struct tree *find_start(struct prover *p, uint64_t index, int *ret_code)
{
	*ret_code = chain_reader_seek(p->headers, index);
	if (*ret_code == 0)
		return chain_reader_start(p->headers);
	read_failed(p, p->headers, *ret_code);
	return NULL;
}

/* A full left child stands in the header of a segment that begins before its parent is full. */
static int find_in_header(struct prover *p, struct node *node)
{
	uint64_t width = node->span.to - node->span.from;
	const struct tree *start;
	int code;

	if (node->whole || width & (width - 1) || !(node->span.to & width))
		return 0;
	start = find_start(p, node->span.to + width - 1, &code);
	if (!start || start->size < node->span.to || start->size >= node->span.to + width)
		return code;
	memcpy(node->hash, start->node[tree_nodes(start->size & ~(width - 1)) - 1], CHAIN_HASH);
	node->from = node->span.to;
	return 0;
}

/* What must be hashed of it. */
static int plan_node(struct prover *p, struct node *node)
{
	const struct tree *start;
	int code;

	node->from = node->span.from;
	code = find_in_header(p, node);
	if (code || node->from == node->span.to)
		return code;
	start = find_start(p, node->span.to - 1, &code);
	if (!start)
		return code;
	if (start->size >= node->span.to)
		return chain_fail(p->err, -ENODATA,
				  "%s: entries before %llu were pruned; what this proof needs of "
				  "them is gone",
				  p->dir, (ull)start->size);
	if (start->size < node->span.from)
		start = find_start(p, node->span.from, &code);
	else
		node->from = start->size;
	if (start)
		node->segment = start->size;
	return code;
}

/* Bring entries to the place where node->from is next. */
static int go_to(struct prover *p, const struct node *node)
{
	int code;

	if (p->next > node->segment && p->next <= node->from)
		return 0;
	code = chain_reader_seek(p->entries, node->from);
	if (code)
		return read_failed(p, p->entries, code);
	p->next = node->from;
	return 0;
}

static int next_entry(struct prover *p, struct chain_entry *ret)
{
	int got = chain_reader_next(p->entries, ret);

	if (got < 0)
		return read_failed(p, p->entries, got);
	if (got == 0)
		return chain_fail(p->err, -EBADMSG,
				  "%s ends at entry %llu, before the size of the checkpoint",
				  p->dir, (ull)p->next);
	return 0;
}

/* The part of a node that the header of the segment has, as a tree of its own. Segments that are
 * out of order, or were pruned meanwhile, do not begin where they were planned to. */
static int load_begin(struct prover *p, const struct node *node, struct tree *ret)
{
	const struct tree *start = chain_reader_start(p->entries);
	uint64_t size = start->size - node->span.from;

	if (start->size != node->from)
		return chain_fail(p->err, -EBADMSG, "%s: no segment begins at entry %llu any more",
				  p->dir, (ull)node->from);
	tree_load(ret, size, start->node[tree_nodes(start->size) - tree_nodes(size)]);
	return 0;
}

static void take_entry(struct prover *p, const struct chain_entry *entry, struct proof *proof)
{
	chain_reader_salt(p->entries, entry, proof->data);
	memcpy(proof->data + SALT_LEN, entry->bytes.data, entry->bytes.len);
	proof->extra = SALT_LEN + entry->bytes.len;
}

/* Hash what the plan says; proof gets the entry that is wanted. */
static int hash_node(struct prover *p, struct node *node, struct proof *proof)
{
	struct tree tree = { 0 };
	struct chain_entry entry;
	uint8_t leaf[CHAIN_HASH];
	uint64_t due;
	int code;

	if (node->from == node->span.to)
		return 0;
	code = go_to(p, node);
	if (code == 0 && node->from > node->span.from)
		code = load_begin(p, node, &tree);
	if (code)
		return code;
	while (p->next < node->span.to) {
		code = next_entry(p, &entry);
		if (code)
			return code;
		p->next = entry.index + 1;
		if (entry.index < node->from)
			continue;
		due = node->span.from + tree.size;
		if (entry.index != due)
			return chain_fail(p->err, -EBADMSG, "%s: entry %llu is missing", p->dir,
					  (ull)due);
		chain_reader_leaf(p->entries, &entry, leaf);
		tree_push(&tree, leaf);
		if (node->whole)
			take_entry(p, &entry, proof);
	}
	tree_root(&tree, node->hash);
	return 0;
}

/* --- whole proofs ----------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	uint64_t x = ((const struct node *)a)->span.from, y = ((const struct node *)b)->span.from;

	return x < y ? -1 : x > y;
}

/* The hashes of a proof, and that of the entry that is wanted, if one is. */
static int hash_nodes(struct prover *p, struct node *nodes, unsigned count, struct proof *proof)
{
	int code = 0;

	for (unsigned i = 0; i < count && code == 0; i++)
		code = plan_node(p, &nodes[i]);
	if (code)
		return code;
	qsort(nodes, count, sizeof(nodes[0]), by_place);
	for (unsigned i = 0; i < count && code == 0; i++) {
		code = hash_node(p, &nodes[i], proof);
		memcpy(nodes[i].whole ? p->leaf : proof->path.hash[nodes[i].at], nodes[i].hash,
		       CHAIN_HASH);
	}
	return code;
}

static void want_nodes(struct node *nodes, const struct span *spans, int count)
{
	for (int i = 0; i < count; i++) {
		nodes[i].span = spans[i];
		nodes[i].at = (unsigned)i;
	}
}

static int disagree(struct prover *p, uint64_t size)
{
	return chain_fail(p->err, -EBADMSG,
			  "%s does not have the checkpoint's root at size %llu: 'indelible verify' "
			  "says what is wrong",
			  p->dir, (ull)size);
}

static int too_large(struct prover *p)
{
	return chain_fail(p->err, -ERANGE, "no proofs are made for logs of over 2^62 entries");
}

static int prove_entry(struct prover *p, uint64_t index, struct proof *proof)
{
	struct span spans[PROOF_HASHES];
	struct node nodes[PROOF_HASHES + 1] = { 0 };
	const struct note *note = &proof->note;
	int code, count;

	if (index >= note->size)
		return chain_fail(p->err, -ERANGE,
				  "entry %llu is not (yet) under the checkpoint, which is of the "
				  "first %llu entries",
				  (ull)index, (ull)note->size);
	count = inclusion_spans(index, note->size, spans);
	if (count < 0)
		return too_large(p);
	want_nodes(nodes, spans, count);
	nodes[count].span = (struct span){ index, index + 1 };
	nodes[count].whole = true;
	code = hash_nodes(p, nodes, (unsigned)count + 1, proof);
	if (code)
		return code;
	proof->kind = PROOF_INCLUSION;
	proof->at = index;
	proof->path.count = (unsigned)count;
	return check_inclusion(index, note->size, p->leaf, &proof->path, note->root)
		       ? disagree(p, note->size)
		       : 0;
}

static int prove_growth(struct prover *p, const struct note *from, struct proof *proof)
{
	struct span spans[PROOF_HASHES];
	struct node nodes[PROOF_HASHES] = { 0 };
	const struct note *to = &proof->note;
	int code, count;

	if (from->size > to->size)
		return chain_fail(p->err, -ERANGE,
				  "the older checkpoint is of %llu entries, the newer one of %llu",
				  (ull)from->size, (ull)to->size);
	count = growth_spans(from->size, to->size, spans);
	if (count < 0)
		return too_large(p);
	want_nodes(nodes, spans, count);
	code = hash_nodes(p, nodes, (unsigned)count, proof);
	if (code)
		return code;
	proof->kind = PROOF_GROWTH;
	proof->at = from->size;
	proof->path.count = (unsigned)count;
	return check_growth(from->size, from->root, to->size, to->root, &proof->path)
		       ? disagree(p, from->size)
		       : 0;
}

static int open_prover(struct prover *p, const char *dir, struct chain_error *err)
{
	int code;

	*p = (struct prover){ .dir = dir, .err = err };
	code = read_log_name(dir, &p->log, err);
	if (code == 0)
		code = chain_reader_open(&p->headers, dir, err);
	if (code == 0)
		code = chain_reader_open(&p->entries, dir, err);
	return code;
}

static void close_prover(struct prover *p)
{
	chain_reader_close(p->headers);
	chain_reader_close(p->entries);
}

/* index, or growth from the note in a file. */
static int prove(const char *dir, const uint64_t *index, const char *from, const char *to,
		 struct buffer *ret, struct chain_error *err)
{
	struct proof *proof = calloc(1, sizeof(*proof));
	uint8_t *text = NULL, *from_text = NULL;
	struct note old = { 0 };
	struct prover p;
	int code = open_prover(&p, dir, err);

	if (code == 0 && !proof)
		code = -ENOMEM;
	if (code == 0)
		code = read_checkpoint(dir, to, &p.log, &proof->note, &text, err);
	if (code == 0 && from)
		code = read_checkpoint(dir, from, &p.log, &old, &from_text, err);
	if (code == 0)
		code = index ? prove_entry(&p, *index, proof) : prove_growth(&p, &old, proof);
	if (code == 0) {
		proof->text = note_text(&proof->note);
		proof_encode(ret, proof);
		code = ret->failed ? -ENOMEM : 0;
	}
	close_prover(&p);
	free(from_text);
	free(text);
	free(proof);
	return code;
}

int chain_prove(const char *dir, uint64_t index, const char *checkpoint, struct buffer *ret,
		struct chain_error *err)
{
	return prove(dir, &index, NULL, checkpoint, ret, err);
}

int chain_prove_growth(const char *dir, const char *from, const char *to, struct buffer *ret,
		       struct chain_error *err)
{
	return prove(dir, NULL, from, to, ret, err);
}
