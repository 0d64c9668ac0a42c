/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H
/* One line on a terminal that says how far a verification is, how fast, and how long it still
 * takes. */
#include "chain/verify.h"

struct progress {
	uint64_t begun, drawn; /* monotonic ns; drawn 0: not yet */
};

/* NULL when stderr is no terminal: then nothing is to be drawn. */
struct progress *progress_begin(struct progress *progress);

/* For the options of chain_verify; ctx is the progress. */
void progress_draw(void *ctx, const struct chain_progress *now);

/* Wipe the line. NULL is accepted. */
void progress_end(struct progress *progress);

#endif
