// SPDX-License-Identifier: Apache-2.0
/* Both key files, the identity key (32 bytes) first; the first byte of all says whether checksums
 * are made right. Keys that are taken are in a slot that is as it would be written, and after the
 * other one is erased nothing else is there. */
#include "chain_base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int all_zero_from(const uint8_t *data, size_t from, size_t to)
{
	while (from < to)
		if (data[from++])
			return 0;
	return 1;
}

static void check_keys(struct keys *keys, const uint8_t *was, const uint8_t lid[LOG_ID_LEN])
{
	uint64_t k = keys_number(keys);
	size_t slot = 512 * (k & 1), other = 512 - slot, len;
	char path[256];
	uint8_t *now;

	CHECK(memcmp(was + slot, "INDKEY01", 8) == 0 && get_u64(was + slot + 40) == k);
	CHECK(get_u32(was + slot + 8) == crc32c(0, was + slot + 16, 64));
	CHECK(get_u32(was + slot + 12) == 0 && memcmp(was + slot + 16, lid, LOG_ID_LEN) == 0);
	CHECK(all_zero_from(was, slot + 36, slot + 40) &&
	      all_zero_from(was, slot + 80, slot + 512));
	CHECK(keys_erase_other(keys) == 0);
	snprintf(path, sizeof(path), "%s/seal.key", chain_base.keys);
	CHECK(read_file(AT_FDCWD, path, 4096, &now, &len) == 0 && len == 1024);
	CHECK(memcmp(now + slot, was + slot, 512) == 0 && all_zero_from(now, other, other + 512));
	free(now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t seal[4096], lid[LOG_ID_LEN];
	struct chain_error err = { 0 };
	struct keys *keys;
	int fd;

	base_make();
	if (size < 33 || size - 33 > sizeof(seal))
		return 0;
	memset(seal, 0, sizeof(seal));
	memcpy(seal, data + 33, size - 33);
	if (data[0] & 1)
		base_fix_key(seal, size - 33);
	memcpy(lid, chain_base.file[8].data + (chain_base.file[8].data[0] ? 0 : 512) + 16,
	       LOG_ID_LEN);
	base_write("../D.keys/identity.key", data + 1, 32);
	base_write("../D.keys/seal.key", seal, size - 33);
	fd = keys_open_dir(chain_base.dir, 0, &err);
	CHECK(fd >= 0);
	if (keys_load(&keys, fd, lid, &err) == 0) {
		CHECK(size - 33 == 1024);
		check_keys(keys, seal, lid);
		keys_free(keys);
	} else {
		CHECK(err.text[0]);
	}
	close(fd);
	return 0;
}
