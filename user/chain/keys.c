// SPDX-License-Identifier: Apache-2.0
/*
 * identity.key   exactly 32 bytes, 0600: seed of the identity key pair.
 * seal.key       exactly 1024 bytes, 0600: the slot of k is at 512 * (k & 1), the other is zero.
 *   slot   0 magic "INDKEY01"   8 crc32c of [16, 80)   12 zero u32   16 lid[20]   36 zero[4]
 *         40 k u64             48 seed_k[32]           80.. zero
 *
 * seed_{k+1} = BLAKE2b-256(key = seed_k, "indelible/next/v1")
 * sk_k, pk_k = Ed25519 from BLAKE2b-256(key = seed_k, "indelible/sign/v1")
 *
 * The step from k to k+1 is one-way: who gets seed_{k+1} cannot sign as k.
 */
#define _GNU_SOURCE
#include "chain/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "base/file.h"
#include "base/hash.h"
#include "chain/files.h"
#include "chain/text.h"

#define SEED	     32
#define SLOT	     512
#define SEAL_KEY_LEN (2 * SLOT)
#define IDENTITY_KEY "identity.key"
#define SEAL_KEY     "seal.key"
static const char SLOT_MAGIC[] = "INDKEY01";

struct secrets {
	uint8_t identity_seed[SEED];
	uint8_t identity[crypto_sign_SECRETKEYBYTES];
	uint8_t seed[SEED];			  /* seed_k */
	uint8_t next_seed[SEED];		  /* seed_{k+1} */
	uint8_t sign[crypto_sign_SECRETKEYBYTES]; /* sk_k */
	uint8_t slots[SEAL_KEY_LEN];		  /* on the way from and to the disk */
};

struct keys {
	struct secrets *secret; /* sodium_malloc: locked, guarded, not dumped, wiped when freed */
	uint64_t k;
	uint8_t pk[32], next_pk[32], idpk[32];
	uint8_t lid[LOG_ID_LEN];
	int dirfd; /* ours: a duplicate */
	int fd;	   /* seal.key */
};

static void system_random(void *ret, size_t len)
{
	randombytes_buf(ret, len);
}

void (*chain_random)(void *ret, size_t len) = system_random;

static int check_owner_and_mode(const struct stat *st, mode_t want, const char *what,
				struct chain_error *err)
{
	if (st->st_uid != geteuid())
		return chain_fail(err, -EKEYREJECTED, "%s belongs to user %u, not to user %u", what,
				  st->st_uid, geteuid());
	if ((st->st_mode & 07777) != want)
		return chain_fail(err, -EKEYREJECTED, "%s has mode %04o, must be %04o", what,
				  st->st_mode & 07777, want);
	return 0;
}

int keys_open_dir(const char *dir, int make, struct chain_error *err)
{
	char *path = NULL;
	struct stat st;
	int fd = -1, ret;

	if (asprintf(&path, "%s.keys", dir) < 0)
		return -ENOMEM;
	ret = make && mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
	if (ret) {
		chain_fail(err, ret, "cannot make %s: %s", path, strerror(-ret));
		goto out;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		ret = chain_fail(err, -errno, "cannot open %s: %s", path, strerror(errno));
		goto out;
	}
	ret = check_owner_and_mode(&st, 0700, path, err);
out:
	free(path);
	if (ret == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

static void derive(const uint8_t seed[SEED], const char *label, uint8_t ret[32])
{
	crypto_generichash(ret, 32, (const uint8_t *)label, strlen(label), seed, SEED);
}

static void derive_pair(const uint8_t seed[SEED], uint8_t pk[32], uint8_t *sk)
{
	uint8_t sign_seed[32];

	derive(seed, "indelible/sign/v1", sign_seed);
	crypto_sign_seed_keypair(pk, sk, sign_seed);
	sodium_memzero(sign_seed, sizeof(sign_seed));
}

/* All that follows from secret->seed. */
static void derive_all(struct keys *keys)
{
	struct secrets *s = keys->secret;

	derive(s->seed, "indelible/next/v1", s->next_seed);
	derive_pair(s->next_seed, keys->next_pk, s->sign);
	derive_pair(s->seed, keys->pk, s->sign);
}

static int keys_new(struct keys **ret, int dirfd)
{
	struct keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	keys->fd = -1;
	keys->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	keys->secret = sodium_malloc(sizeof(*keys->secret));
	if (keys->dirfd < 0 || !keys->secret) {
		keys_free(keys);
		return -ENOMEM;
	}
	sodium_memzero(keys->secret, sizeof(*keys->secret));
	*ret = keys;
	return 0;
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	sodium_free(keys->secret);
	if (keys->dirfd >= 0)
		close(keys->dirfd);
	if (keys->fd >= 0)
		close(keys->fd);
	free(keys);
}

/* Open a key file and read all of it; *fd stays open. */
static int read_key(int dirfd, const char *name, uint8_t *data, size_t len, int *fd,
		    struct chain_error *err)
{
	struct stat st;
	uint8_t extra;
	ssize_t n;
	int ret;

	*fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0)
		return chain_fail(err, errno == ENOENT || errno == ELOOP ? -EKEYREJECTED : -errno,
				  "cannot open %s: %s", name, strerror(errno));
	if (fstat(*fd, &st) < 0)
		return chain_fail(err, -errno, "%s: %s", name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return chain_fail(err, -EKEYREJECTED, "%s is not a regular file", name);
	ret = check_owner_and_mode(&st, 0600, name, err);
	if (ret)
		return ret;
	if (st.st_size != (off_t)len)
		return chain_fail(err, -EKEYREJECTED, "%s has %lld bytes, must have %zu", name,
				  (long long)st.st_size, len);
	n = pread_all(*fd, data, len, 0);
	if (n < 0)
		return chain_fail(err, (int)n, "%s: %s", name, strerror((int)-n));
	if (n != (ssize_t)len || pread_all(*fd, &extra, 1, (off_t)len) != 0)
		return chain_fail(err, -EKEYREJECTED, "%s changed while it was read", name);
	return 0;
}

static int load_identity(struct keys *keys, struct chain_error *err)
{
	struct secrets *s = keys->secret;
	int fd, ret = read_key(keys->dirfd, IDENTITY_KEY, s->identity_seed, SEED, &fd, err);

	if (fd >= 0)
		close(fd);
	if (ret == 0)
		crypto_sign_seed_keypair(keys->idpk, s->identity, s->identity_seed);
	return ret;
}

static void slot_encode(const struct keys *keys, uint64_t k, const uint8_t seed[SEED],
			uint8_t start[SLOT])
{
	uint8_t *p = put_bytes(start, SLOT_MAGIC, 8) + 4;

	p = put_u32(p, 0);
	p = put_bytes(p, keys->lid, LOG_ID_LEN);
	p = put_zeros(p, 4);
	p = put_u64(p, k);
	p = put_bytes(p, seed, SEED);
	put_zeros(p, SLOT - 80);
	put_u32(start + 8, crc32c(0, start + 16, 64));
}

/* k of a whole slot in its place, else 0 */
static uint64_t slot_number(const uint8_t *p, unsigned parity)
{
	uint64_t k = get_u64(p + 40);

	if (memcmp(p, SLOT_MAGIC, 8) != 0 || get_u32(p + 8) != crc32c(0, p + 16, 64) ||
	    get_u32(p + 12) != 0 || get_u32(p + 36) != 0 || !sodium_is_zero(p + 80, SLOT - 80) ||
	    (k & 1) != parity)
		return 0;
	return k;
}

/* Take the valid slot with the larger k. */
static int choose_slot(struct keys *keys, struct chain_error *err)
{
	const uint8_t *slots = keys->secret->slots;
	uint64_t even = slot_number(slots, 0), odd = slot_number(slots + SLOT, 1);
	const uint8_t *slot = odd > even ? slots + SLOT : slots;

	keys->k = odd > even ? odd : even;
	if (keys->k == 0)
		return chain_fail(err, -EKEYREJECTED, "%s holds no whole key", SEAL_KEY);
	memcpy(keys->lid, slot + 16, LOG_ID_LEN);
	memcpy(keys->secret->seed, slot + 48, SEED);
	return 0;
}

static int load_seal_key(struct keys *keys, struct chain_error *err)
{
	int ret =
		read_key(keys->dirfd, SEAL_KEY, keys->secret->slots, SEAL_KEY_LEN, &keys->fd, err);

	if (ret == 0)
		ret = choose_slot(keys, err);
	sodium_memzero(keys->secret->slots, SEAL_KEY_LEN);
	return ret;
}

int keys_load(struct keys **ret, int dirfd, const uint8_t lid[LOG_ID_LEN], struct chain_error *err)
{
	struct keys *keys;
	int code = keys_new(&keys, dirfd);

	if (code)
		return code;
	code = load_identity(keys, err);
	if (code == 0)
		code = load_seal_key(keys, err);
	if (code == 0 && memcmp(keys->lid, lid, LOG_ID_LEN) != 0)
		code = chain_fail(err, -EKEYREJECTED, "%s is of another log", SEAL_KEY);
	if (code) {
		keys_free(keys);
		return code;
	}
	derive_all(keys);
	*ret = keys;
	return 0;
}

/* Leftovers of a creation that never finished may go; a seal key beyond the first may not. */
static int check_leftover(struct keys *keys, struct chain_error *err)
{
	int ret;

	if (faccessat(keys->dirfd, SEAL_KEY, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	ret = load_seal_key(keys, err);
	if (keys->fd >= 0)
		close(keys->fd);
	keys->fd = -1;
	if (ret == 0 && keys->k > 1)
		ret = chain_fail(err, -ESTALE,
				 "the seal key stands at %llu, but the chain it belongs to is gone",
				 (unsigned long long)keys->k);
	return ret;
}

int keys_make(struct keys **ret, int dirfd, struct chain_error *err)
{
	struct keys *keys;
	struct secrets *s;
	int code = keys_new(&keys, dirfd);

	if (code)
		return code;
	s = keys->secret;
	code = check_leftover(keys, err);
	if (code)
		goto fail;
	if (faccessat(dirfd, IDENTITY_KEY, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		code = load_identity(keys, err);
		if (code)
			goto fail;
	} else {
		chain_random(s->identity_seed, SEED);
		crypto_sign_seed_keypair(keys->idpk, s->identity, s->identity_seed);
	}
	chain_random(s->seed, SEED);
	keys->k = 1;
	derive_all(keys);
	*ret = keys;
	return 0;
fail:
	keys_free(keys);
	return code;
}

int keys_store(struct keys *keys, const uint8_t lid[LOG_ID_LEN], struct chain_error *err)
{
	struct secrets *s = keys->secret;
	int ret = replace_file(keys->dirfd, IDENTITY_KEY, bytes_of(s->identity_seed, SEED), 0600);

	if (ret)
		return chain_fail(err, ret, "cannot write %s: %s", IDENTITY_KEY, strerror(-ret));
	memcpy(keys->lid, lid, LOG_ID_LEN);
	sodium_memzero(s->slots, SEAL_KEY_LEN);
	slot_encode(keys, 1, s->seed, s->slots + SLOT);
	ret = replace_file(keys->dirfd, SEAL_KEY, bytes_of(s->slots, SEAL_KEY_LEN), 0600);
	if (ret == 0 && fsync(keys->dirfd) < 0)
		ret = -errno;
	if (ret == 0)
		ret = read_key(keys->dirfd, SEAL_KEY, s->slots, SEAL_KEY_LEN, &keys->fd, NULL);
	sodium_memzero(s->slots, SEAL_KEY_LEN);
	if (ret)
		return chain_fail(err, ret, "cannot write %s: %s", SEAL_KEY, strerror(-ret));
	return 0;
}

uint64_t keys_number(const struct keys *keys)
{
	return keys->k;
}

const uint8_t *keys_public(const struct keys *keys)
{
	return keys->pk;
}

const uint8_t *keys_public_next(const struct keys *keys)
{
	return keys->next_pk;
}

const uint8_t *keys_identity(const struct keys *keys)
{
	return keys->idpk;
}

void keys_sign_seal(const struct keys *keys, const char *text, size_t len, uint8_t sig[64])
{
	crypto_sign_detached(sig, NULL, (const uint8_t *)text, len, keys->secret->sign);
}

void keys_sign_note(const struct keys *keys, const char *text, size_t len, uint8_t sig[64])
{
	crypto_sign_detached(sig, NULL, (const uint8_t *)text, len, keys->secret->identity);
}

static int write_slot(struct keys *keys, uint64_t k)
{
	uint8_t *slot = keys->secret->slots;
	int ret = pwrite_all(keys->fd, slot, SLOT, (off_t)(SLOT * (k & 1)));

	if (ret == 0 && fdatasync(keys->fd) < 0)
		ret = -errno;
	sodium_memzero(slot, SLOT);
	return ret;
}

int keys_erase_other(struct keys *keys)
{
	return write_slot(keys, keys->k + 1); /* slots are zero between uses */
}

int keys_advance(struct keys *keys)
{
	struct secrets *s = keys->secret;
	int ret;

	slot_encode(keys, keys->k + 1, s->next_seed, s->slots);
	ret = write_slot(keys, keys->k + 1);
	if (ret)
		return ret;
	ret = write_slot(keys, keys->k);
	if (ret)
		return ret;
	memcpy(s->seed, s->next_seed, SEED);
	keys->k++;
	derive_all(keys);
	return 0;
}
