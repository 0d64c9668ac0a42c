/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHAIN_ATTACK_H
#define TESTS_CHAIN_ATTACK_H
/* A chain of three closed runs as it was after each, for one who has the disk and its keys. */
#include "chain_image.h"

#include <sodium.h>

static UNUSED struct image at_start, at_middle,
	at_end; /* after seals 1 (CLOSE), 3 (CLOSE), 5 (CLOSE) */
static UNUSED struct chain_report middle, head;
static uint8_t *middle_keys;

static UNUSED void one_run(const char *record)
{
	struct chain *chain = open_chain(NULL);

	append(chain, record, CHAIN_NORMAL, 0);
	append(chain, record, CHAIN_NORMAL, 0);
	close_chain(chain, 0);
}

static UNUSED void setup(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	size_t len;

	use_test_dir();
	ck_assert_int_eq(chain_keygen(&options, &opened, &chain_err), 0);
	load_image(&at_start);
	one_run("\020one");
	middle = judge(NULL);
	load_image(&at_middle);
	middle_keys = slurp("../D.keys/seal.key", &len);
	ck_assert_uint_eq(len, 1024);
	one_run("\020two");
	head = judge(NULL);
	load_image(&at_end);
	assert_verdict(middle, CHAIN_OK);
	assert_verdict(head, CHAIN_OK);
	ck_assert_uint_eq(head.seals, 5);
}

static UNUSED void teardown(void)
{
	drop_image(&at_start);
	drop_image(&at_middle);
	drop_image(&at_end);
	free(middle_keys);
	drop_test_dir();
}

static UNUSED struct chain_report judge_held(uint64_t size, const uint8_t root[CHAIN_HASH])
{
	struct chain_held held = { .size = size };
	struct chain_verify_options options = { .held = &held, .held_count = 1 };

	memcpy(held.root, root, CHAIN_HASH);
	return judge(&options);
}

static UNUSED struct chain_report judge_pinned(const char *vkey)
{
	struct chain_verify_options options = { .vkey = vkey };

	return judge(&options);
}

static UNUSED int try_open(void)
{
	struct chain_options options = test_options();
	struct chain_opened opened;
	struct chain *chain = NULL;
	int err = chain_open(&chain, &options, &opened, &chain_err);

	if (err == 0)
		chain_abandon(chain);
	else
		ck_assert_str_ne(chain_err.text, "");
	return err;
}

static UNUSED void append_block(const char *name, uint64_t first, const char *record, size_t len)
{
	uint8_t block[1024];
	int fd = open(file_path(name), O_WRONLY | O_APPEND);

	memcpy(block, "INDB", 4);
	put_u64(block + 8, first);
	put_u32(block + 16, (uint32_t)len + 2);
	put_u16(block + 20, 1);
	put_u16(block + 22, 0);
	block[24] = (uint8_t)(len >> 8);
	block[25] = (uint8_t)len;
	memcpy(block + 26, record, len);
	fix_block_crc(block);
	ck_assert_int_eq(write(fd, block, 26 + len), (ssize_t)(26 + len));
	close(fd);
}

/* A run that ended without closing: what it left unsealed is anybody's, and reported as that. */
static UNUSED void leave_open(void)
{
	put_image(&at_middle);
	spew("../D.keys/seal.key", middle_keys, 1024);
	chain_abandon(open_chain(NULL));
	assert_verdict(judge(NULL), CHAIN_TORN);
}

#endif
