// SPDX-License-Identifier: Apache-2.0
#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/age.h"
#include "cmd/cmd.h"

#define EVERY_NS 100000000ull
#define BAR	 30

struct progress *progress_begin(struct progress *progress)
{
	if (!isatty(STDERR_FILENO))
		return NULL;
	*progress = (struct progress){ .begun = clock_monotonic() };
	return progress;
}

void progress_draw(void *ctx, const struct chain_progress *p)
{
	static const char full[BAR + 1] = "##############################";
	struct progress *progress = ctx;
	uint64_t now = clock_monotonic(), spent = now - progress->begun;
	double part = p->total ? (double)p->done / (double)p->total : 0;
	double seconds = (double)spent / 1e9;
	char left[AGE_TEXT] = "?";

	if (spent == 0 || now - progress->drawn < EVERY_NS)
		return;
	if (part > 0)
		age_text((uint64_t)((double)spent * (1 - part) / part), left);
	fprintf(stderr, "\r[%-*.*s] %3.0f %%  %.2f M events/s  %s left\033[K", BAR,
		(int)(part * BAR), full, 100 * part, (double)p->entries / seconds / 1e6, left);
	progress->drawn = now;
}

void progress_end(struct progress *progress)
{
	if (progress && progress->drawn)
		fprintf(stderr, "\r\033[K");
}
