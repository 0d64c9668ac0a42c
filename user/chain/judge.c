// SPDX-License-Identifier: Apache-2.0
/*
 * The verdict, from the first row that applies:
 *
 *   TAMPER        a step failed, or records are missing without an excuse             exit 1
 *   FORK          a checkpoint has another root at its size                                1
 *   ROLLBACK      a checkpoint lies beyond the last seal                                   1
 *   UNVERIFIABLE  nothing there, unknown version or type, other log, not comparable        2
 *                 (records of another version: not even TAMPER for what seems missing)
 *   STALE         what is sealed is older than was asked for (the caller read the clock)     1
 *   TORN          a crash: recoveries, or an end that is not closed and not live           0
 *   LOSS          proven loss, a window a crash left open, or who collects was disturbed   0
 *   OK            all else                                                                 0
 */
#include "chain/verify.h"

#include <stdio.h>

static const struct {
	const char *name;
	int exit_code;
} verdicts[CHAIN_VERDICTS] = {
	[CHAIN_OK] = { "OK", 0 },
	[CHAIN_LOSS] = { "LOSS", 0 },
	[CHAIN_TORN] = { "TORN", 0 },
	[CHAIN_STALE] = { "STALE", 1 },
	[CHAIN_UNVERIFIABLE] = { "UNVERIFIABLE", 2 },
	[CHAIN_ROLLBACK] = { "ROLLBACK", 1 },
	[CHAIN_FORK] = { "FORK", 1 },
	[CHAIN_TAMPER] = { "TAMPER", 1 },
};

static bool is_torn(const struct chain_report *r)
{
	if (r->recoveries)
		return true;
	return !r->live && (r->torn_bytes || r->torn_seal || r->unsealed || !r->closed);
}

void chain_judge(struct chain_report *r)
{
	const struct chain_coverage *c = &r->coverage;

	r->verdict = r->found;
	if (c->unread[0] && r->found == CHAIN_OK) {
		r->verdict = CHAIN_UNVERIFIABLE; /* nor is what the others add up to believed */
		snprintf(r->why, sizeof(r->why), "%s", c->unread);
	} else if (c->gap && r->found < CHAIN_TAMPER) {
		r->verdict = CHAIN_TAMPER;
		r->from = c->gap_from;
		r->to = c->gap_to;
		r->file[0] = 0;
		r->offset = 0;
		snprintf(r->why, sizeof(r->why), "%s", c->why);
	} else if (r->found == CHAIN_OK && r->stale) {
		r->verdict = CHAIN_STALE;
	} else if (r->found == CHAIN_OK && is_torn(r)) {
		r->verdict = CHAIN_TORN;
	} else if (r->found == CHAIN_OK && (c->lost || c->open || c->disturbed)) {
		r->verdict = CHAIN_LOSS;
	}
	r->exit_code = verdicts[r->verdict].exit_code;
}

const char *chain_verdict_name(enum chain_verdict verdict)
{
	return verdict < CHAIN_VERDICTS ? verdicts[verdict].name : "?";
}
