// SPDX-License-Identifier: Apache-2.0
/*
 * File "seals": header, then record k = 1, 2, ... at offset 160 * k. Integers little-endian.
 *
 * header   0 magic "INDSEAL1"   8 crc32c of [16, 160)   12 zero u32   16 identity pk[32]
 *         48 pk_1[32]          80 machine[16]           96 name[64], zero-padded
 * record   0 magic "SEAL"       4 crc32c of [8, 160)     8 k u64      16 size u64
 *         24 flags u32 (bit 0 CLOSE)  28 zero u32       32 root[32]   64 pk_{k+1}[32]  96 sig[64]
 *
 * Valid if and only if zeros are zero, the crc holds, k is the record's place and sig is of sk_k.
 */
#include "chain/seals.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "base/hash.h"
#include "chain/text.h"

static const char HEADER_MAGIC[] = "INDSEAL1";
static const char RECORD_MAGIC[] = "SEAL";

int log_name_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-");

	return len >= 1 && len <= CHAIN_NAME_MAX && name[len] == 0;
}

static void hash_two(struct bytes a, struct bytes b, uint8_t ret[32])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, a.data, a.len);
	crypto_hash_sha256_update(&state, b.data, b.len);
	crypto_hash_sha256_final(&state, ret);
}

void machine_hash(struct bytes machine_id, uint8_t ret[16])
{
	uint8_t hash[32];

	hash_two(bytes_of_text("indelible/machine/v1\n"), machine_id, hash);
	memcpy(ret, hash, 16);
}

void log_name_derive(const struct seals_header *header, struct log_name *ret)
{
	uint8_t record[SEAL_LEN], hash[32], key[34] = { 0x0a, 0x01 };
	char *p;

	seals_header_encode(header, record);
	hash_two(bytes_of_text("indelible/log/v1\n"), bytes_of(record + 16, SEAL_LEN - 16), hash);
	memcpy(ret->lid, hash, LOG_ID_LEN);
	memcpy(ret->idpk, header->idpk, 32);

	p = ret->origin + sprintf(ret->origin, "%s/indelible/", header->name);
	put_hex(p, ret->lid, LOG_ID_LEN);

	memcpy(key + 2, header->idpk, 32);
	hash_two(bytes_of_text(ret->origin), bytes_of(key, sizeof(key)), hash);
	memcpy(ret->key_id, hash, 4);

	p = ret->vkey + sprintf(ret->vkey, "%s+", ret->origin);
	p = put_hex(p, ret->key_id, 4);
	*p++ = '+';
	put_base64(p, key + 1, 33);
}

void seals_header_encode(const struct seals_header *header, uint8_t start[SEAL_LEN])
{
	size_t name = strlen(header->name);
	uint8_t *p = put_bytes(start, HEADER_MAGIC, 8) + 4;

	p = put_u32(p, 0);
	p = put_bytes(p, header->idpk, 32);
	p = put_bytes(p, header->pk1, 32);
	p = put_bytes(p, header->machine, 16);
	p = put_bytes(p, header->name, name);
	put_zeros(p, 64 - name);
	put_u32(start + 8, crc32c(0, start + 16, SEAL_LEN - 16));
}

static int name_is_padded(const char name[64])
{
	size_t len = strnlen(name, 64);

	for (size_t i = len; i < 64; i++)
		if (name[i])
			return 0;
	return len < 64 && log_name_is_valid(name);
}

int seals_header_decode(const uint8_t p[SEAL_LEN], struct seals_header *ret, const char **why)
{
	if (memcmp(p, HEADER_MAGIC, 8) != 0) {
		int known = memcmp(p, HEADER_MAGIC, 7) != 0 || p[7] < '0' || p[7] > '9';

		*why = known ? "bad magic in seals header" : "unknown seals version";
		return known ? -EBADMSG : -EPROTONOSUPPORT;
	}
	*why = "bad crc in seals header";
	if (get_u32(p + 8) != crc32c(0, p + 16, SEAL_LEN - 16))
		return -EBADMSG;
	*why = "reserved bytes in seals header are not zero";
	if (get_u32(p + 12) != 0)
		return -EBADMSG;
	*why = "bad name in seals header";
	if (!name_is_padded((const char *)p + 96))
		return -EBADMSG;
	memcpy(ret->idpk, p + 16, 32);
	memcpy(ret->pk1, p + 48, 32);
	memcpy(ret->machine, p + 80, 16);
	memcpy(ret->name, p + 96, sizeof(ret->name));
	return 0;
}

void seal_encode(const struct seal *seal, uint8_t start[SEAL_LEN])
{
	uint8_t *p = put_bytes(start, RECORD_MAGIC, 4) + 4;

	p = put_u64(p, seal->k);
	p = put_u64(p, seal->size);
	p = put_u32(p, seal->flags);
	p = put_u32(p, 0);
	p = put_bytes(p, seal->root, CHAIN_HASH);
	p = put_bytes(p, seal->next_pk, 32);
	put_bytes(p, seal->sig, 64);
	put_u32(start + 4, crc32c(0, start + 8, SEAL_LEN - 8));
}

int seal_is_torn(const uint8_t p[SEAL_LEN])
{
	return get_u32(p + 4) != crc32c(0, p + 8, SEAL_LEN - 8);
}

int seal_decode(const uint8_t p[SEAL_LEN], uint64_t k, struct seal *ret, const char **why)
{
	*why = "bad magic in seal";
	if (memcmp(p, RECORD_MAGIC, 4) != 0)
		return -EBADMSG;
	*why = "bad crc in seal";
	if (seal_is_torn(p))
		return -EBADMSG;
	*why = "seal out of order";
	if (get_u64(p + 8) != k)
		return -EBADMSG;
	*why = "unknown flag or reserved byte in seal";
	if (get_u32(p + 24) & ~SEAL_CLOSE || get_u32(p + 28) != 0)
		return -EBADMSG;
	ret->k = k;
	ret->size = get_u64(p + 16);
	ret->flags = get_u32(p + 24);
	memcpy(ret->root, p + 32, CHAIN_HASH);
	memcpy(ret->next_pk, p + 64, 32);
	memcpy(ret->sig, p + 96, 64);
	return 0;
}

size_t seal_text(const struct seal *seal, const char *origin, char ret[SEAL_TEXT_MAX])
{
	char *p = ret;

	p += sprintf(p, "indelible/seal/v1\n%llu %u\n", (unsigned long long)seal->k, seal->flags);
	p = put_base64(p, seal->next_pk, 32);
	p += sprintf(p, "\n%s\n%llu\n", origin, (unsigned long long)seal->size);
	p = put_base64(p, seal->root, CHAIN_HASH);
	*p++ = '\n';
	return (size_t)(p - ret);
}

int seal_is_signed(const struct seal *seal, const char *origin, const uint8_t pk[32])
{
	char text[SEAL_TEXT_MAX];
	size_t len = seal_text(seal, origin, text);

	return crypto_sign_verify_detached(seal->sig, (const uint8_t *)text, len, pk) == 0;
}

int seal_write(int fd, const struct seal *seal)
{
	uint8_t record[SEAL_LEN];
	int err;

	seal_encode(seal, record);
	err = pwrite_all(fd, record, SEAL_LEN, (off_t)(SEAL_LEN * seal->k));
	return err == 0 && fdatasync(fd) < 0 ? -errno : err;
}

int seal_write_again(int fd, const struct seal *seal)
{
	if (ftruncate(fd, (off_t)(SEAL_LEN * seal->k)) < 0)
		return -errno;
	return seal_write(fd, seal);
}

static int read_record(int fd, uint64_t k, uint8_t record[SEAL_LEN], const char **why)
{
	ssize_t n = pread_all(fd, record, SEAL_LEN, (off_t)(SEAL_LEN * k));

	*why = n < 0 ? strerror((int)-n) : "is cut short";
	return n < 0 ? (int)n : n < SEAL_LEN ? -EBADMSG : 0;
}

int seals_read_header(int fd, struct seals_header *ret, const char **why)
{
	uint8_t record[SEAL_LEN];
	int err = read_record(fd, 0, record, why);

	return err ? err : seals_header_decode(record, ret, why);
}

static int read_seal(int fd, uint64_t k, struct seal *ret, const char **why)
{
	uint8_t record[SEAL_LEN];
	int err = read_record(fd, k, record, why);

	return err ? err : seal_decode(record, k, ret, why);
}

/* Number of the last good record; 0 is the header. */
static int count_seals(int fd, uint64_t size, uint64_t *ret, const char **why)
{
	uint64_t n = size / SEAL_LEN - 1;
	uint8_t record[SEAL_LEN];
	int err = read_record(fd, n, record, why);

	if (err)
		return err;
	*why = "more than one torn seal";
	if (n && seal_is_torn(record)) {
		if (size % SEAL_LEN)
			return -EBADMSG;
		n--;
	}
	*ret = n;
	return 0;
}

int seals_read_last(int fd, uint64_t size, const struct seals_header *header, const char *origin,
		    struct seal *ret, const char **why)
{
	struct seal last = { 0 }, before = { 0 };
	uint64_t n = 0; /* and after an error */
	int err = count_seals(fd, size, &n, why);

	memcpy(before.next_pk, header->pk1, sizeof(before.next_pk));
	if (n > 1)
		err = read_seal(fd, n - 1, &before, why);
	if (err == 0 && n > 0)
		err = read_seal(fd, n, &last, why);
	if (err == 0 && n > 0 && !seal_is_signed(&last, origin, before.next_pk)) {
		*why = "bad signature";
		err = -EBADMSG;
	}
	if (err == 0)
		*ret = last;
	return err;
}

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct seal_stream *)0)->digest) &&
		       _Alignof(crypto_generichash_state) <= _Alignof(struct seal_stream),
	       "room for the digest");

static crypto_generichash_state *digest(struct seal_stream *stream)
{
	return (crypto_generichash_state *)stream->digest;
}

void seal_stream_init(struct seal_stream *stream, int fd)
{
	stream->fd = fd;
	stream->k = 0;
	stream->have = stream->at = 0;
	crypto_generichash_init(digest(stream), NULL, 0, 32);
}

ssize_t seal_stream_next(struct seal_stream *stream, const uint8_t **ret)
{
	uint64_t k = stream->k + 1;

	if (stream->have - stream->at < SEAL_LEN) {
		ssize_t n = pread_all(stream->fd, stream->buffer, sizeof(stream->buffer),
				      (off_t)(SEAL_LEN * k));

		if (n < SEAL_LEN)
			return n;
		stream->at = 0;
		stream->have = (size_t)n;
	}
	*ret = stream->buffer + stream->at;
	stream->at += SEAL_LEN;
	stream->k = k;
	return SEAL_LEN;
}

void seal_stream_accept(struct seal_stream *stream, const uint8_t *record)
{
	crypto_generichash_update(digest(stream), record, SEAL_LEN);
}

void seal_stream_seek(struct seal_stream *stream, uint64_t k)
{
	stream->k = k - 1;
	stream->have = stream->at = 0;
}

void seal_stream_accept_seal(struct seal_stream *stream, const struct seal *seal)
{
	uint8_t record[SEAL_LEN];

	seal_encode(seal, record);
	seal_stream_accept(stream, record);
}

void seal_stream_digest(struct seal_stream *stream, uint8_t ret[32])
{
	crypto_generichash_final(digest(stream), ret, 32);
}
