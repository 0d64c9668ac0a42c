// SPDX-License-Identifier: Apache-2.0
/* indelible pack: make the segments that are closed and sealed small. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/ioprio.h>

#include "chain/pack.h"
#include "cmd/cmd.h"

static void print_packed(const char *dir, const struct chain_packed *packed)
{
	printf("%s: packed %" PRIu64 " segments, %" PRIu64 " bytes, now %" PRIu64, dir,
	       packed->segments, packed->before, packed->after);
	if (packed->before)
		printf(" (%.1f %%)", 100.0 * (double)packed->after / (double)packed->before);
	if (packed->busy)
		printf("; %" PRIu64 " left to another who packs them", packed->busy);
	printf("\n");
}

/* Take only what nobody else wants: all of this may fail, packing is then merely less polite. */
static void stand_back(void)
{
	struct sched_param none = { 0 };

	setpriority(PRIO_PROCESS, 0, 19);
	sched_setscheduler(0, SCHED_IDLE, &none);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

int cmd_pack(int argc, char **argv)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "quiet", no_argument, NULL, 'q' },
						 { "idle", no_argument, NULL, 'i' },
						 { 0 } };
	const char *dir = default_chain_dir();
	struct chain_packed packed;
	struct chain_error err = { 0 };
	bool quiet = false;
	int got, opt, e;

	while ((got = next_option(command_find("pack"), argc, argv, options, 0, &opt)) == 1) {
		if (opt == 'c')
			dir = optarg;
		else if (opt == 'q')
			quiet = true;
		else
			stand_back();
	}
	if (got < 0)
		return EXIT_COULD_NOT;
	e = chain_pack(dir, &packed, &err);
	if (!quiet && (!e || packed.segments))
		print_packed(dir, &packed);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "pack: %s",
				err.text[0] ? err.text : strerror(-e));
	return EXIT_GOOD;
}
