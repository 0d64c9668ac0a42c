/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_ZIP_H
#define TESTS_CHAIN_ZIP_H
/* Packed segments made without the code under test. */
#include "chain_image.h"

#include <zlib.h>

#define ZIP1 "0000000000000001.segz"
#define ZIP2 "0000000000000002.segz"
#define ZIP3 "0000000000000003.segz"

static UNUSED void fix_zip_crc(uint8_t *data, size_t len)
{
	put_u32(data + 8, crc32c(0, data + 16, len - 16));
}

static UNUSED unsigned zip_version = 1;

/* Version 2: without the crc and the first index of each whole block. */
static UNUSED void take_out(uint8_t *plain, size_t len)
{
	uint64_t due = get_u64(plain + 24), first;
	size_t at = 144 + 32 * (size_t)get_u32(plain + 12);

	while (at + 24 <= len && memcmp(plain + at, "INDB", 4) == 0) {
		uint32_t rest = get_u32(plain + at + 16);

		if (rest > 1 << 20 || rest > len - at - 24)
			break;
		first = get_u64(plain + at + 8);
		put_u32(plain + at + 4,
			get_u32(plain + at + 4) ^ crc32c(0, plain + at + 8, 16 + (size_t)rest));
		put_u64(plain + at + 8, first - due);
		due = first + get_u16(plain + at + 20);
		at += 24 + rest;
	}
}

/* The packed form of plain bytes, malloc'ed, with room bytes to spare behind it. */
static UNUSED uint8_t *zip(const uint8_t *plain, size_t len, int level, size_t room,
			   size_t *ret_len)
{
	uLongf packed = compressBound(len);
	uint8_t *data = calloc(1, 32 + packed + room), *bytes = malloc(len);

	memcpy(bytes, plain, len);
	if (zip_version == 2 && len > 144)
		take_out(bytes, len);
	ck_assert_int_eq(compress2(data + 32, &packed, bytes, len, level), Z_OK);
	free(bytes);
	memcpy(data, zip_version == 1 ? "INDSEGZ1" : "INDSEGZ2", 8);
	put_u64(data + 16, len);
	put_u64(data + 24, packed);
	*ret_len = 32 + packed;
	fix_zip_crc(data, *ret_len);
	return data;
}

/* In the place of f, or beside it. */
static UNUSED void zip_file(const struct file *f, bool beside)
{
	char name[40];
	size_t len;
	uint8_t *data = zip(f->data, f->len, 6, 0, &len);

	snprintf(name, sizeof(name), "%sz", f->name);
	spew(name, data, len);
	if (!beside)
		unlink(file_path(f->name));
	free(data);
}

#endif
