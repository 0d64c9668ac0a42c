/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_FEATURE_H
#define SCORE_FEATURE_H
/*
 * What is looked at in a record: each feature makes one token, a short text, out of it. The
 * table is in feature.c; how to add a row is in README.md.
 */
#include "record/record.h"
#include "score/label.h"

/* Numbers are on disk, in the parts of alerts: add at the end. */
enum feature {
	FEATURE_PROGRAM,
	FEATURE_PARENT,
	FEATURE_SHAPE,
	FEATURE_PATH,
	FEATURE_DESTINATION,
	FEATURE_NETWORK,
	FEATURE_CREDENTIAL,
	FEATURE_HOUR,
	FEATURE_SEVERITY, /* makes no token of its own: severity.h does */
	FEATURES
};

struct feature_row {
	const char *name;
	const char *verb;  /* for explanations: "alice VERB token" */
	const char *event; /* what is counted: "0 of 18,233 EVENTs" */
	uint32_t kinds;	   /* mask of KIND() */
	int32_t low, high; /* what one token may take away or add, Q10 bits */
	uint8_t halvings;  /* how far repeats before it counts are discounted */
	bool is_implied;   /* a new program makes it new too: then it adds nothing */
	bool is_compared;  /* adds also when known, if it is more like others of its sort */
	/* Write the token; false when the record has none. time is monotone. */
	bool (*token)(const struct record *record, uint64_t time, struct label *ret);
};

#define KIND(record_kind) (1u << ((record_kind)&31))

/* NULL for a number that is none. */
const struct feature_row *feature_row(uint8_t feature);

#endif
