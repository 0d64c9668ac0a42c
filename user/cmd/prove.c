// SPDX-License-Identifier: Apache-2.0
/* indelible prove: one entry with its proof, or the proof that the log grew, for whoever holds the
 * verifier key. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/proof.h"
#include "cmd/cmd.h"

struct request {
	const char *dir, *out, *index, *checkpoint, *from, *to;
};

static bool parse_options(int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "chain", required_argument, NULL, 'c' },
		{ "checkpoint", required_argument, NULL, 'p' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "out", required_argument, NULL, 'o' },
		{ 0 },
	};
	int got, opt;

	q->dir = default_chain_dir();
	while ((got = next_option(command_find("prove"), argc, argv, options, 1, &opt)) == 1) {
		*(opt == 'c'   ? &q->dir
		  : opt == 'p' ? &q->checkpoint
		  : opt == 'f' ? &q->from
		  : opt == 't' ? &q->to
			       : &q->out) = optarg;
	}
	q->index = argv[optind];
	return got == 0;
}

static bool options_fit(const struct request *q)
{
	if (!q->index == !q->from)
		complain(0, "prove: give the INDEX of an entry, or --from NOTE");
	else if (q->index && q->to)
		complain(0, "prove: --to goes with --from; an entry is proven under --checkpoint");
	else if (q->from && q->checkpoint)
		complain(0, "prove: --checkpoint goes with INDEX; growth is proven up to --to");
	else
		return true;
	return false;
}

/* The whole file or none of it. */
static int write_out(const char *path, const struct buffer *proof)
{
	char tmp[4096];
	int fd, err;

	if (!path)
		return fwrite(proof->data, proof->len, 1, stdout) == 1 && fflush(stdout) == 0
			       ? 0
			       : -errno;
	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = pwrite_all(fd, proof->data, proof->len, 0);
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(tmp, path) < 0)
		err = -errno;
	if (err)
		unlink(tmp);
	return err;
}

int cmd_prove(int argc, char **argv)
{
	struct chain_error err = { 0 };
	struct buffer proof = { 0 };
	struct request q = { 0 };
	uint64_t index = 0;
	int e;

	if (!parse_options(argc, argv, &q) || !options_fit(&q) ||
	    (q.index && !parse_number(q.index, "prove: INDEX", 0, UINT64_MAX, &index)))
		return EXIT_COULD_NOT;
	e = q.index ? chain_prove(q.dir, index, q.checkpoint, &proof, &err)
		    : chain_prove_growth(q.dir, q.from, q.to, &proof, &err);
	if (e) {
		buffer_free(&proof);
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "prove: %s",
				err.text[0] ? err.text : strerror(-e));
	}
	e = write_out(q.out, &proof);
	buffer_free(&proof);
	if (e)
		return complain(EXIT_COULD_NOT, "prove: %s: %s", q.out ? q.out : "standard output",
				strerror(-e));
	return EXIT_GOOD;
}
