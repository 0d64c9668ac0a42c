/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_VERIFY_STATE_H
#define CHAIN_VERIFY_STATE_H
/* What the parts of the verifier share. Steps return 0 to go on, VERIFY_STOP when the verdict
 * cannot get worse, or -errno when something cannot be looked at. */
#include "chain/seals.h"
#include "chain/segment_file.h"
#include "chain/verify.h"

#define VERIFY_STOP 1

/* A root somebody claims for a size. */
struct claim {
	uint64_t size;
	uint8_t root[CHAIN_HASH];
	bool local;    /* the chain's own checkpoint, not held by the verifier */
	bool compared; /* with the tree, or with the seal of that size */
	bool equal;
};

/* What is wrong, and where. */
struct finding {
	enum chain_verdict verdict;
	uint64_t from, to, offset;
	char file[64];
	char why[512];
};

struct verify {
	const struct chain_verify_options *options;
	struct chain_report *report;
	struct chain_error *err;
	struct finding found;
	int dirfd;
	int seals_fd;
	struct file_list list;

	struct seals_header header;
	struct log_name name;
	struct seal last; /* K: the last good seal */
	uint8_t seals_digest[32];

	struct claim *claims; /* by size */
	size_t claim_count;
};

/* Note what was found unless something as bad is known. VERIFY_STOP for TAMPER, else 0. */
__attribute__((format(printf, 7, 8))) int finding_note(struct finding *finding,
						       enum chain_verdict verdict, uint64_t from,
						       uint64_t to, const char *file,
						       uint64_t offset, const char *format, ...);
#define verify_fail(v, ...) finding_note(&(v)->found, __VA_ARGS__)

/* -errno that says "not what it should be" becomes TAMPER; one that says "cannot look" stays. */
int verify_open_failed(struct verify *v, int err, uint64_t from, const char *file, const char *why);

/* V4..V7 */
int verify_segments(struct verify *v);

/* Compare claims of this size. */
void verify_claims_at(const struct verify *v, size_t *next, uint64_t size,
		      const uint8_t root[CHAIN_HASH]);

#endif
