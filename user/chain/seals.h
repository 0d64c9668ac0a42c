/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_SEALS_H
#define CHAIN_SEALS_H
/* The file "seals": who the log is (header) and what is sealed (records). */
#include "chain/segment.h"

#define SEAL_LEN   160 /* of the header and of every record */
#define SEAL_CLOSE 1u  /* flag */
#define ORIGIN_MAX 128
#define VKEY_MAX   256

struct seals_header {
	uint8_t idpk[32];
	uint8_t pk1[32];
	uint8_t machine[16];
	char name[CHAIN_NAME_MAX + 1];
};

/* What follows from the header. */
struct log_name {
	uint8_t idpk[32];
	uint8_t lid[LOG_ID_LEN];
	uint8_t key_id[4];
	char origin[ORIGIN_MAX];
	char vkey[VKEY_MAX];
};

struct seal {
	uint64_t k;
	uint64_t size;
	uint32_t flags;
	uint8_t root[CHAIN_HASH];
	uint8_t next_pk[32];
	uint8_t sig[64];
};

int log_name_is_valid(const char *name);
void machine_hash(struct bytes machine_id, uint8_t ret[16]);
void log_name_derive(const struct seals_header *header, struct log_name *ret);

void seals_header_encode(const struct seals_header *header, uint8_t p[SEAL_LEN]);

/* 0, -EPROTONOSUPPORT another version, -EBADMSG corrupt and why. */
int seals_header_decode(const uint8_t p[SEAL_LEN], struct seals_header *ret, const char **why);

void seal_encode(const struct seal *seal, uint8_t p[SEAL_LEN]);
int seal_decode(const uint8_t p[SEAL_LEN], uint64_t k, struct seal *ret, const char **why);

/* A record whose write was cut short: its crc does not hold. */
int seal_is_torn(const uint8_t p[SEAL_LEN]);

/* The text under the signature; returns its length. */
#define SEAL_TEXT_MAX 384
size_t seal_text(const struct seal *seal, const char *origin, char ret[SEAL_TEXT_MAX]);
int seal_is_signed(const struct seal *seal, const char *origin, const uint8_t pk[32]);

/* Of an open file. 0, -errno or as seals_header_decode, and why. */
int seals_read_header(int fd, struct seals_header *ret, const char **why);

/*
 * The last seal in an open file of that size, which the key must have signed that the seal before
 * names, or the header. One torn or partial record may follow it. k is 0 where nothing is sealed
 * yet. 0, -EBADMSG or -errno, and why.
 */
int seals_read_last(int fd, uint64_t size, const struct seals_header *header, const char *origin,
		    struct seal *ret, const char **why);

/* Write a seal in its place and sync it. 0 or -errno; then it may be there or not. */
int seal_write(int fd, const struct seal *seal);

/* The same, of one that may be there already but not on the disk: after an error, or a crash. It is
 * cut off first, and what follows it: pages that could not be written count as clean, and on ext4
 * the same ones written again can still be zeros after a power cut. */
int seal_write_again(int fd, const struct seal *seal);

/*
 * Seals of an open file in order, with constant memory. A digest over what was read lets a second
 * pass be held to what the first one checked: what is accepted goes into it.
 */
struct seal_stream {
	int fd;
	uint64_t k; /* of the record last returned */
	size_t have, at;
	_Alignas(64) uint8_t digest[384]; /* crypto_generichash_state */
	uint8_t buffer[64 * SEAL_LEN];
};

void seal_stream_init(struct seal_stream *stream, int fd);

/* Next record's bytes: SEAL_LEN, fewer at the end of the file (*ret is then not a record), or
 * -errno. */
ssize_t seal_stream_next(struct seal_stream *stream, const uint8_t **ret);
void seal_stream_seek(struct seal_stream *stream, uint64_t k);
void seal_stream_accept(struct seal_stream *stream, const uint8_t *record);
void seal_stream_accept_seal(struct seal_stream *stream, const struct seal *seal);
void seal_stream_digest(struct seal_stream *stream, uint8_t ret[32]);

#endif
