/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_LABEL_H
#define SCORE_LABEL_H
/*
 * Short printable texts of fixed size: what a token is called. Hostile bytes come out as '?';
 * whatever is shortened or replaced gets a hash of the original, so that different originals
 * stay different tokens.
 */
#include "base/bytes.h"

#define LABEL_MAX 119

struct label {
	uint8_t len;
	char data[LABEL_MAX];
};

void label_add(struct label *label, const char *word);
void label_add_number(struct label *label, uint64_t number);
/* At most max characters of anything; shortened in the middle. */
void label_add_bytes(struct label *label, struct bytes from, size_t max);

/* After the last '/'. */
struct bytes path_base(struct bytes path);

#endif
