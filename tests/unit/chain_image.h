/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_IMAGE_H
#define TESTS_CHAIN_IMAGE_H
/* A chain held in memory, to be changed in every way and put back. */
#include "chain_util.h"

#include "base/hash.h"

#define SEG1 "0000000000000001.seg"
#define SEG2 "0000000000000002.seg"
#define SEG3 "0000000000000003.seg"
#define SEG4 "0000000000000004.seg"
#define SEG5 "0000000000000005.seg"

struct file {
	char name[32];
	uint8_t *data;
	size_t len;
};

struct image {
	struct file file[8];
	int files;
};

static UNUSED void load_image(struct image *image)
{
	DIR *d = opendir(chain_path);
	struct dirent *entry;

	image->files = 0;
	while ((entry = readdir(d))) {
		struct file *f = &image->file[image->files];

		if (entry->d_name[0] == '.')
			continue;
		ck_assert_int_lt(image->files, 8);
		snprintf(f->name, sizeof(f->name), "%.31s", entry->d_name);
		f->data = slurp(f->name, &f->len);
		image->files++;
	}
	closedir(d);
}

static UNUSED void drop_image(struct image *image)
{
	for (int i = 0; i < image->files; i++)
		free(image->file[i].data);
}

static UNUSED struct file *image_file(struct image *image, const char *name)
{
	for (int i = 0; i < image->files; i++)
		if (strcmp(image->file[i].name, name) == 0)
			return &image->file[i];
	ck_abort_msg("no file %s", name);
	return NULL;
}

static UNUSED void put_back(const struct file *f)
{
	spew(f->name, f->data, f->len);
}

static UNUSED void put_image(const struct image *image)
{
	remove_tree(chain_path);
	ck_assert_int_eq(mkdir(chain_path, 0700), 0);
	for (int i = 0; i < image->files; i++)
		put_back(&image->file[i]);
}

/* --- the parts of files, without the code under test ----------------------------------------- */

struct part {
	size_t at, len;
};

static UNUSED size_t header_len(const struct file *f)
{
	return 144 + 32 * (size_t)get_u32(f->data + 12);
}

static UNUSED int find_blocks(const struct file *f, struct part *ret, int max)
{
	size_t at = header_len(f);
	int n = 0;

	while (at < f->len && n < max) {
		ret[n].at = at;
		ret[n].len = 24 + get_u32(f->data + at + 16);
		at += ret[n++].len;
	}
	ck_assert_uint_eq(at, f->len);
	return n;
}

static UNUSED void fix_block_crc(uint8_t *block)
{
	put_u32(block + 4, crc32c(0, block + 8, 16 + (size_t)get_u32(block + 16)));
}

static UNUSED void fix_segment_crc(uint8_t *data, size_t header)
{
	put_u32(data + 8, crc32c(0, data + 12, header - 12));
}

static UNUSED void fix_seal_crc(uint8_t *record)
{
	put_u32(record + 4, crc32c(0, record + 8, 152));
}

static UNUSED void fix_seals_header_crc(uint8_t *record)
{
	put_u32(record + 8, crc32c(0, record + 16, 144));
}

#endif
