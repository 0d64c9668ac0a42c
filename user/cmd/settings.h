/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H
/* What the options of `run` say. */
#include "capture/loader.h"

struct settings {
	const char *dir, *events, *save_events;
	const char *scope_text;
	const char *policy; /* file, or NULL */
	struct loader_options loader;
	uint64_t seconds;	/* 0: until stopped */
	uint64_t segment_bytes; /* 0: as chain/ has it */
	bool quiet, no_pack, all_opens;
	bool new_log; /* do not go on with the log that is there */
};

/* False after having complained. Texts point into argv. */
bool settings_parse(int argc, char **argv, struct settings *ret);

#endif
