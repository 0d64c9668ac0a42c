/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H
/* What the layer of records makes of a chain that is verified: coverage, and records that cannot be
 * read. Decoding is done by the threads that verify, the rest in chain order. */
#include "chain/verify.h"
#include "record/coverage_part.h"

struct watch {
	const struct chain_report *report;
	struct coverage *coverage;
	bool begun;
	uint64_t unknown;	    /* records of a kind this build does not know */
	struct chain_error unread;  /* what records there are of another version; "" none */
	uint64_t broken, broken_at; /* records that are not well-formed, and the first of them */
	uint64_t newest;	    /* time of the last record that is sealed; 0 none */
};

/* report is the one that chain_verify fills. -ENOMEM. */
int watch_open(struct watch *ret, const struct chain_report *report);
void watch_close(struct watch *watch);

/* For the options of chain_verify; watch stays where it is. */
struct chain_watch watch_calls(struct watch *watch);

/* The chain has ended: what was found, into the report. */
void watch_end(struct watch *watch, struct chain_report *report);

#endif
