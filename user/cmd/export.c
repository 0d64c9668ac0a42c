// SPDX-License-Identifier: Apache-2.0
/* indelible export: the chain in forms that other programs read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chain/tiles.h"
#include "cmd/cmd.h"

static void say(const char *to, const struct chain_export *x)
{
	printf("%s is at size %" PRIu64 ", was at %" PRIu64 "\n", to, x->size, x->before);
	if (x->gap_to > x->gap_from)
		printf("missing     entries %" PRIu64 " to %" PRIu64
		       " were pruned before they could be exported\n",
		       x->gap_from, x->gap_to - 1);
	if (x->missing)
		printf("missing     the present tile of %u levels, which holds hashes of entries "
		       "never exported: readers cannot get to the root by tiles alone\n",
		       x->missing);
}

int cmd_export(int argc, char **argv)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "tiles", required_argument, NULL, 't' },
						 { 0 } };
	const char *dir = default_chain_dir(), *to = NULL;
	struct chain_export done;
	struct chain_error err = { 0 };
	int got, opt, e;

	while ((got = next_option(command_find("export"), argc, argv, options, 0, &opt)) == 1)
		*(opt == 'c' ? &dir : &to) = optarg;
	if (got < 0)
		return EXIT_COULD_NOT;
	if (!to)
		return complain(EXIT_COULD_NOT, "export: say where to: --tiles DIR");
	e = chain_export_tiles(dir, to, &done, &err);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "export: %s",
				err.text[0] ? err.text : strerror(-e));
	say(to, &done);
	return EXIT_GOOD;
}
