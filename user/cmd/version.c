// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "capture/event_file.h"
#include "cmd/cmd.h"
#include "record/record.h"

int cmd_version(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	int opt;

	if (next_option(command_find("version"), argc, argv, options, 0, &opt) < 0)
		return EXIT_COULD_NOT;
	printf("indelible %s\n"
	       "compiler      %s\n"
	       "kernel floor  5.10 with BTF (x86-64)\n"
	       "formats       chain 1, records %d, event file %d\n",
	       INDELIBLE_VERSION, __VERSION__, RECORD_VERSION, EVENT_VERSION);
	return EXIT_GOOD;
}
