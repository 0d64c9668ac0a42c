/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_NOTE_H
#define CHAIN_NOTE_H
/* Checkpoints: signed notes as C2SP defines them (c2sp.org/signed-note, /tlog-checkpoint). */
#include "chain/seals.h"

#define NOTE_MAX      65536 /* bytes of a note we read; ours are far below */
#define NOTE_BODY_MAX 256
#define NOTE_SIG_LEN  64

struct note {
	struct bytes body; /* what is signed */
	struct bytes origin;
	uint64_t size;
	uint8_t root[CHAIN_HASH];
	struct bytes signatures; /* the lines after the blank one */
	unsigned lines;		 /* how many those are */
};

/* The text to sign for (size, root); returns its length. */
size_t note_body(const char *origin, uint64_t size, const uint8_t root[CHAIN_HASH],
		 char ret[NOTE_BODY_MAX]);

/* A note with one signature line, ours; returns its length. ret has room for 2 * NOTE_BODY_MAX. */
size_t note_encode(const char *body, const struct log_name *log, const uint8_t sig[NOTE_SIG_LEN],
		   char *ret);

/* *ret points into text. 0, or -EBADMSG with the line at fault and why. */
int note_parse(struct bytes text, struct note *ret, unsigned *line, const char **why);

enum note_signer {
	NOTE_SIGNED,   /* a valid signature of the log's identity key */
	NOTE_UNSIGNED, /* no line of that key */
	NOTE_FORGED    /* a line of that key that does not verify */
};

enum note_signer note_signer(const struct note *note, const struct log_name *log);

/* Does the note speak of this log? */
int note_is_of(const struct note *note, const struct log_name *log);

#endif
