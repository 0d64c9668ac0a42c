/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_NOTE_H
#define CHAIN_NOTE_H
/* Checkpoints: signed notes as C2SP defines them (c2sp.org/signed-note, /tlog-checkpoint). */
#include "chain/seals.h"

#define NOTE_MAX      (256u << 10) /* bytes of a note we read: 16 cosigners of any kind fit */
#define NOTE_BODY_MAX 256
#define NOTE_SIG_LEN  64
#define NOTE_NAME_MAX 256

struct note {
	struct bytes body; /* what is signed */
	struct bytes origin;
	uint64_t size;
	uint8_t root[CHAIN_HASH];
	unsigned extensions;	 /* lines after the root; a log of ours never writes any */
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

/* A verifier key: whose lines count, and how they sign. */
struct note_key {
	char name[NOTE_NAME_MAX];
	enum { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 } type;
	uint8_t id[4];
	uint8_t pk[32];
};

/* name "+" hex(key id) "+" base64(type || pk), and nothing more. 0, or -EBADMSG and why. */
int note_key_parse(struct bytes text, struct note_key *ret, const char **why);

/* As note_signer, for any key. *ret_time gets the seconds since 1970 that a cosignature names. */
enum note_signer note_signed_by(const struct note *note, const struct note_key *key,
				uint64_t *ret_time);

/* All of the note, as it was parsed. */
static inline struct bytes note_text(const struct note *note)
{
	const uint8_t *tail = note->signatures.data + note->signatures.len;

	return bytes_of(note->body.data, (size_t)(tail - note->body.data));
}

/* Does the note speak of this log? */
int note_is_of(const struct note *note, const struct log_name *log);

#endif
