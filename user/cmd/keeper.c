// SPDX-License-Identifier: Apache-2.0
/* indelible keeper: the process beside `run` that holds the keys. */
#include <errno.h>
#include <string.h>

#include "cmd/cmd.h"

int cmd_keeper(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	int opt, got = next_option(command_find("keeper"), argc, argv, options, 0, &opt), err;

	if (got < 0)
		return EXIT_COULD_NOT;
	err = chain_keep();
	if (err == -ENOTSOCK)
		return complain(EXIT_COULD_NOT, "keeper: is started by 'run', not by hand");
	return err ? EXIT_COULD_NOT : EXIT_GOOD; /* why, was told to who started us */
}
