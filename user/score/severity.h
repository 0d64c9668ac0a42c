/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_SEVERITY_H
#define SCORE_SEVERITY_H
/*
 * What counts against anybody, however used one is to it: the visible table of patterns, bits and
 * ATT&CK technique ids (severity.c).
 */
#include "record/record.h"
#include "score/label.h"

#define SEVERITY_MAX 4 /* rows that one record can meet; further ones are left out */

struct severity {
	uint8_t row;	   /* number in the table, below 32 */
	int32_t bits;	   /* Q10 */
	uint8_t halvings;  /* how far repeats are discounted: not at all for what goes on */
	struct label text; /* "T1003.008 read password hashes: /etc/shadow" */
};

/* Rows that the record meets, in table order. */
size_t severity_of(const struct record *record, struct severity ret[SEVERITY_MAX]);

/* Pattern of the sensitive list that the path is in; NULL when it is in none. */
const char *sensitive_path(struct bytes path);

/* For the documentation and the tests: NULL past the last row. */
const char *severity_name(size_t row);

/* '*' is anything but '/', '**' anything. */
bool path_matches(const char *pattern, struct bytes path);

#endif
