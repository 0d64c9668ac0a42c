/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_THIEF_H
#define TESTS_CHAIN_THIEF_H
/*
 * Somebody who took everything on the disk: the base chain and its key files. He forges with code
 * of his own, by the format's text, and makes right whatever can be made right without a key.
 */
#include "chain_matrix.h"

#include <sodium.h>

struct thief {
	uint8_t identity[64]; /* secret key */
	uint64_t k;	      /* of the seal key he holds, */
	uint8_t seed[32];     /* its seed */
	char origin[128];
	char extension[16]; /* lines behind the root, in notes */
	uint8_t note_key_id[4];
};

static UNUSED struct thief steal(const uint8_t seal_key[1024])
{
	const uint8_t *slot = seal_key + (seal_key[0] ? 0 : 512);
	struct thief t = { .k = get_u64(slot + 40) };
	uint8_t pk[32], *identity;
	size_t len;

	memcpy(t.seed, slot + 48, 32);
	strcpy(t.origin, base.report.origin);
	sodium_hex2bin(t.note_key_id, 4, strchr(base.report.vkey, '+') + 1, 8, NULL, NULL, NULL);
	identity = slurp("../D.keys/identity.key", &len);
	crypto_sign_seed_keypair(pk, t.identity, identity);
	free(identity);
	return t;
}

/* The key pair of the moment; it moves on to the next one. */
static void next_pair(struct thief *t, uint8_t pk[32], uint8_t sk[64])
{
	static const uint8_t sign[] = "indelible/sign/v1", next[] = "indelible/next/v1";
	uint8_t seed[32];

	crypto_generichash(seed, 32, sign, sizeof(sign) - 1, t->seed, 32);
	crypto_sign_seed_keypair(pk, sk, seed);
	crypto_generichash(seed, 32, next, sizeof(next) - 1, t->seed, 32);
	memcpy(t->seed, seed, 32);
	t->k++;
}

static void base64(char *ret, size_t room, const uint8_t *data, size_t len)
{
	sodium_bin2base64(ret, room, data, len, sodium_base64_VARIANT_ORIGINAL);
}

static UNUSED void forge_checkpoint(const struct thief *t, uint64_t size, const uint8_t root[32])
{
	char text[512], hash[64], line[128];
	uint8_t sig[4 + 64];
	int body, len;

	base64(hash, sizeof(hash), root, 32);
	body = sprintf(text, "%s\n%llu\n%s\n%s", t->origin, (unsigned long long)size, hash,
		       t->extension);
	memcpy(sig, t->note_key_id, 4);
	crypto_sign_detached(sig + 4, NULL, (uint8_t *)text, (unsigned long long)body, t->identity);
	base64(line, sizeof(line), sig, sizeof(sig));
	len = body + sprintf(text + body, "\n\xe2\x80\x94 %s %s\n", t->origin, line);
	spew("checkpoint", text, (size_t)len);
}

/* Seal number k over (size, root), with whatever key he holds now; its successor is named. */
static UNUSED void forge_seal(struct thief *t, uint64_t k, uint64_t size, uint32_t flags,
			      const uint8_t root[32])
{
	uint8_t record[160] = "SEAL", pk[32], sk[64], next_pk[32], next_sk[64];
	char text[512], key[64], hash[64];
	struct thief later;
	int len, fd;

	next_pair(t, pk, sk);
	later = *t;
	next_pair(&later, next_pk, next_sk);
	put_u64(record + 8, k);
	put_u64(record + 16, size);
	put_u32(record + 24, flags);
	memcpy(record + 32, root, 32);
	memcpy(record + 64, next_pk, 32);
	base64(key, sizeof(key), next_pk, 32);
	base64(hash, sizeof(hash), root, 32);
	len = sprintf(text, "indelible/seal/v1\n%llu %u\n%s\n%s\n%llu\n%s\n", (unsigned long long)k,
		      flags, key, t->origin, (unsigned long long)size, hash);
	crypto_sign_detached(record + 96, NULL, (uint8_t *)text, (unsigned long long)len, sk);
	fix_seal_crc(record);
	fd = open(file_path("seals"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite_all(fd, record, 160, (off_t)(160 * k)), 0);
	close(fd);
}

/* --- what can be made right ------------------------------------------------------------------- */

/* The tree over the first entries that are there now. */
static UNUSED void tree_at(uint64_t size, struct tree *ret)
{
	struct chain_reader *reader;
	struct chain_entry entry;
	uint8_t leaf[CHAIN_HASH];

	memset(ret, 0, sizeof(*ret));
	ck_assert_int_eq(chain_reader_open(&reader, chain_path, &chain_err), 0);
	while (ret->size < size && chain_reader_next(reader, &entry) == 1) {
		chain_reader_leaf(reader, &entry, leaf);
		tree_push(ret, leaf);
	}
	chain_reader_close(reader);
	ck_assert_uint_eq(ret->size, size);
}

static UNUSED void root_at(uint64_t size, uint8_t root[32])
{
	struct tree tree;

	tree_at(size, &tree);
	tree_root(&tree, root);
}

/* The frontiers of segments follow from the entries there are. */
static UNUSED void fix_frontiers(void)
{
	for (int i = 0; i < base.image.files; i++) {
		const char *name = base.image.file[i].name;
		struct file f;
		struct tree tree;

		if (!is_segment(name) || access(file_path(name), F_OK) < 0)
			continue;
		f.data = slurp(name, &f.len);
		tree_at(get_u64(f.data + 24), &tree);
		memcpy(f.data + 144, tree.node, header_len(&f) - 144);
		fix_segment_crc(f.data, header_len(&f));
		spew(name, f.data, f.len);
		free(f.data);
	}
}

/* The key that a segment names is the one which seal k - 1 names. */
static UNUSED void fix_segment_keys(void)
{
	size_t len;
	uint8_t *seals = slurp("seals", &len);

	for (int i = 0; i < base.image.files; i++) {
		const char *name = base.image.file[i].name;
		struct file f;
		uint64_t k;

		if (!is_segment(name) || access(file_path(name), F_OK) < 0)
			continue;
		f.data = slurp(name, &f.len);
		k = get_u64(f.data + 32);
		if (k <= len / 160)
			memcpy(f.data + 48, k == 1 ? seals + 48 : seals + 160 * (k - 1) + 64, 32);
		fix_segment_crc(f.data, header_len(&f));
		spew(name, f.data, f.len);
		free(f.data);
	}
	free(seals);
}

/* Change the last byte of an entry, and the checksum of its block. */
static UNUSED void rewrite_entry(uint64_t index)
{
	for (int i = 0; i < base.image.files; i++) {
		struct file *f = &base.image.file[i];
		size_t at;
		uint64_t first;

		if (!is_segment(f->name))
			continue;
		for (at = header_len(f); at < counted_end(f);
		     at += 24 + get_u32(f->data + at + 16)) {
			uint8_t *data, *p;

			first = get_u64(f->data + at + 8);
			if (index < first)
				break;
			if (index >= first + get_u16(f->data + at + 20))
				continue;
			data = malloc(f->len);
			memcpy(data, f->data, f->len);
			p = data + at + 24;
			while (first++ < index)
				p += 2 + (p[0] << 8 | p[1]);
			p[1 + (p[0] << 8 | p[1])] ^= 1;
			fix_block_crc(data + at);
			spew(f->name, data, f->len);
			free(data);
			return;
		}
	}
	ck_abort_msg("no entry %llu", (unsigned long long)index);
}

/* A segment after the last one that is there, as a restart would open it: SCHEMA, RECOVERY if he
 * claims a crash, and a record. Returns how many entries there are now. */
static UNUSED uint64_t forge_segment(uint64_t n, bool recovery)
{
	const uint8_t *header = image_file(&base.image, SEG1)->data;
	uint8_t data[1024], *p, *block, entry[108] = { 2, 1 };
	size_t seals_len, before;
	uint8_t *seals = slurp("seals", &seals_len);
	unsigned long long number = 1, count = recovery ? 3 : 2;
	uint64_t first = base.size[n];
	struct tree tree;

	while (access(file_path(path_of("%016llx.seg", number)), F_OK) == 0)
		number++;
	free(slurp(path_of("%016llx.seg", number - 1), &before));
	tree_at(first, &tree);
	memcpy(data, header, 144);
	put_u32(data + 12, tree_nodes(first));
	put_u64(data + 16, number);
	put_u64(data + 24, first);
	put_u64(data + 32, n + 1);
	put_u64(data + 40, before);
	memcpy(data + 48, seals + 160 * n + (n ? 64 : 48), 32);
	memset(data + 80, 0x77, 32);
	p = put_bytes(data + 144, tree.node, 32 * (size_t)tree_nodes(first));
	fix_segment_crc(data, (size_t)(p - data));
	block = p;
	p = put_zeros(put_bytes(p, "INDB", 4), 20);
	p = put_bytes(p, "\0\7\1forged", 9);
	if (recovery) {
		put_u64(entry + 4, before);
		put_u64(entry + 20, first);
		put_u64(entry + 28, first);
		put_u64(entry + 36, number - 1);
		crypto_hash_sha256(entry + 44, NULL, 0);
		p = put_bytes(put_bytes(p, "\0\x6c", 2), entry, sizeof(entry));
	}
	p = put_bytes(p, "\0\7\020forged", 9);
	put_u64(block + 8, first);
	put_u32(block + 16, (uint32_t)(p - block - 24));
	put_u16(block + 20, (uint16_t)count);
	fix_block_crc(block);
	spew(path_of("%016llx.seg", number), data, (size_t)(p - data));
	free(seals);
	return first + count;
}

/* Cut at seal n: seals, entries, and segments that begin later. */
static UNUSED void cut_at_seal(uint64_t n)
{
	const struct file *seals = image_file(&base.image, "seals");

	spew("seals", seals->data, 160 * (1 + n));
	for (int i = 0; i < base.image.files; i++) {
		const struct file *f = &base.image.file[i];
		size_t at;

		if (!is_segment(f->name))
			continue;
		if (get_u64(f->data + 24) >= base.size[n]) {
			unlink(file_path(f->name));
			continue;
		}
		for (at = header_len(f); at < counted_end(f); at += 24 + get_u32(f->data + at + 16))
			if (get_u64(f->data + at + 8) >= base.size[n])
				break;
		/* What a later segment calls dead stays. */
		if (successor(f) && get_u64(successor(f)->data + 24) < base.size[n])
			at = f->len;
		spew(f->name, f->data, at);
	}
}

static UNUSED const uint8_t *seal_record(uint64_t k)
{
	return image_file(&base.image, "seals")->data + 160 * k;
}

static UNUSED bool seal_closes(uint64_t k)
{
	return get_u32(seal_record(k) + 24) & 1;
}

#endif
