// SPDX-License-Identifier: Apache-2.0
/*
 * Our side of the comparison with an independent implementation, all trees of up to N leaves:
 *
 *   ours emit N               roots and proofs to standard output
 *   ours accept N             the same from standard input, made by the other side: each must hold
 * here ours chain DIR [SCHEMA] N a chain of N records and a clean close; again: N more
 *
 * For n = 1..N: root[32]; n inclusion proofs, index 0 first; n growth proofs, from size 1 first. A
 * proof is a byte that counts its hashes, and those. Leaf i is 16 bytes i % 256, then i in decimal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/path.h"

#define LEVELS 17

static uint64_t limit;
static uint8_t (*node[LEVELS])[CHAIN_HASH]; /* full subtrees of 2^level leaves */
static uint8_t (*root)[CHAIN_HASH];	    /* of every size */

static void die(const char *what)
{
	fprintf(stderr, "ours: %s\n", what);
	exit(1);
}

static void make_trees(void)
{
	struct tree tree = { 0 };

	root = calloc(limit + 1, sizeof(*root));
	for (int level = 0; level < LEVELS; level++)
		node[level] = calloc((limit >> level) + 1, sizeof(*node[0]));
	for (uint64_t i = 0; i < limit; i++) {
		uint8_t salt[SALT_LEN];
		char record[24];
		int len = sprintf(record, "%llu", (unsigned long long)i);

		memset(salt, (int)i, sizeof(salt));
		leaf_hash(salt, bytes_of(record, (size_t)len), node[0][i]);
		tree_push(&tree, node[0][i]);
		tree_root(&tree, root[i + 1]);
	}
	for (int level = 1; level < LEVELS; level++)
		for (uint64_t i = 0; i < limit >> level; i++)
			node_hash(node[level - 1][2 * i], node[level - 1][2 * i + 1],
				  node[level][i]);
}

static void hash_span(struct span span, uint8_t ret[CHAIN_HASH])
{
	int level = 63 - __builtin_clzll(span.to - span.from);
	struct span rest = { span.from + (1ull << level), span.to };

	memcpy(ret, node[level][span.from >> level], CHAIN_HASH);
	if (rest.from < rest.to) {
		uint8_t right[CHAIN_HASH];

		hash_span(rest, right);
		node_hash(ret, right, ret);
	}
}

static void put(const void *data, size_t len)
{
	if (fwrite(data, len, 1, stdout) != 1)
		die("cannot write");
}

static void put_proof(const struct span *spans, int count)
{
	uint8_t hash[CHAIN_HASH], n = (uint8_t)count;

	if (count < 0)
		die("no proof");
	put(&n, 1);
	for (int i = 0; i < count; i++) {
		hash_span(spans[i], hash);
		put(hash, sizeof(hash));
	}
}

static void emit(void)
{
	struct span spans[PROOF_HASHES];

	for (uint64_t n = 1; n <= limit; n++) {
		put(root[n], CHAIN_HASH);
		for (uint64_t i = 0; i < n; i++)
			put_proof(spans, inclusion_spans(i, n, spans));
		for (uint64_t m = 1; m <= n; m++)
			put_proof(spans, growth_spans(m, n, spans));
	}
	if (fflush(stdout))
		die("cannot write");
}

static void get(void *data, size_t len)
{
	if (fread(data, len, 1, stdin) != 1)
		die("the input ends too early");
}

static void get_proof(struct path *ret)
{
	uint8_t n;

	get(&n, 1);
	if (n > PROOF_HASHES)
		die("a proof of too many hashes");
	ret->count = n;
	if (n)
		get(ret->hash, (size_t)n * CHAIN_HASH);
}

/* Each must hold, and for the next index or size it must not. */
static void accept_size(uint64_t n)
{
	struct path path;
	uint8_t theirs[CHAIN_HASH];

	get(theirs, sizeof(theirs));
	if (memcmp(theirs, root[n], CHAIN_HASH) != 0)
		die("another root");
	for (uint64_t i = 0; i < n; i++) {
		get_proof(&path);
		if (check_inclusion(i, n, node[0][i], &path, root[n]) != 0)
			die("an inclusion proof does not hold");
		if (check_inclusion(i + 1, n, node[0][i], &path, root[n]) == 0)
			die("an inclusion proof holds for another index");
	}
	for (uint64_t m = 1; m <= n; m++) {
		get_proof(&path);
		if (check_growth(m, root[m], n, root[n], &path) != 0)
			die("a growth proof does not hold");
		if (m < n && check_growth(m + 1, root[m], n, root[n], &path) == 0)
			die("a growth proof holds for another size");
	}
}

static void accept_all(void)
{
	for (uint64_t n = 1; n <= limit; n++)
		accept_size(n);
	if (getchar() != EOF)
		die("there is more input than proofs");
	printf("%llu proofs hold\n", (unsigned long long)limit * (limit + 1));
}

static void write_chain(const char *dir, const char *schema)
{
	struct chain_options options = {
		.dir = dir,
		.name = "oracle",
		.machine_id = bytes_of_text("oracle"),
		.schema = bytes_of_text(schema),
		.segment_bytes = limit > 1000000 ? 0 : 100000,
	};
	struct chain_opened opened;
	struct chain_error err = { 0 };
	struct chain *chain;
	uint64_t index, now = 0;

	if (chain_open(&chain, &options, &opened, &err) < 0)
		die(err.text);
	for (uint64_t i = 0; i < limit; i++, now += 1000000) {
		char record[32];
		int len = sprintf(record, "\xf0%llu", (unsigned long long)i);

		if (chain_append(chain, bytes_of(record, (size_t)len), CHAIN_NORMAL, now, &index) ||
		    (i % 100 == 0 && chain_tick(chain, now)))
			die(chain_stop_reason(chain));
	}
	if (chain_close(chain, now, &err) < 0)
		die(err.text);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die("emit N | accept N | chain DIR [SCHEMA] N");
	limit = strtoull(argv[argc - 1], NULL, 10);
	if (strcmp(argv[1], "chain") == 0) {
		write_chain(argv[2], argc > 4 ? argv[3] : "schema");
		return 0;
	}
	if (limit == 0 || limit >= 1 << (LEVELS - 1))
		die("N is not between 1 and 65,535");
	make_trees();
	if (strcmp(argv[1], "emit") == 0)
		emit();
	else
		accept_all();
	return 0;
}
