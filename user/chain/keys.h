/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_KEYS_H
#define CHAIN_KEYS_H
/*
 * The secrets: the identity key, and the one seal key of the moment with its successor. They live
 * in locked memory outside core dumps and are wiped as soon as they are no longer needed.
 */
#include "chain/seals.h"

struct keys;

/* Where random bytes come from; a test may put a known source here. */
extern void (*chain_random)(void *ret, size_t len);

/*
 * Open the key directory beside dir (dir".keys": a directory of ours, 0700); make it if make is
 * set. Returns a descriptor, or -errno with err.
 */
int keys_open_dir(const char *dir, int make, struct chain_error *err);

/*
 * Make identity and first seal key: identity.key is kept if a creation that never finished left
 * one. -ESTALE when a seal key beyond the first is there: a chain was here.
 */
int keys_make(struct keys **ret, int dirfd, struct chain_error *err);

/* Write both key files, once the log's id is known. Takes effect by rename. */
int keys_store(struct keys *keys, const uint8_t lid[LOG_ID_LEN], struct chain_error *err);

/* Read both key files; -EKEYREJECTED when they are unfit or of another log. */
int keys_load(struct keys **ret, int dirfd, const uint8_t lid[LOG_ID_LEN], struct chain_error *err);

void keys_free(struct keys *keys);

uint64_t keys_number(const struct keys *keys);		  /* k */
const uint8_t *keys_public(const struct keys *keys);	  /* pk_k */
const uint8_t *keys_public_next(const struct keys *keys); /* pk_{k+1} */
const uint8_t *keys_identity(const struct keys *keys);	  /* idpk */

void keys_sign_seal(const struct keys *keys, const char *text, size_t len, uint8_t sig[64]);
void keys_sign_note(const struct keys *keys, const char *text, size_t len, uint8_t sig[64]);

/* W4: seal k is durable. Store seed k+1, erase seed k on the disk and here. On failure the key
 * stays at k. */
int keys_advance(struct keys *keys);

/* Erase what a crash between the two writes of keys_advance left in the other slot. */
int keys_erase_other(struct keys *keys);

#endif
