/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_CHAIN_SEEDS_H
#define FUZZ_CHAIN_SEEDS_H
/* Good input for the harnesses of chain/, from the base chain. */
#include "chain_base.h"

#include <zlib.h>

typedef void (*take_seed)(const char *harness, const uint8_t *data, size_t len);

static uint8_t seed_work[4096];

/* A byte that says what is done with it, and the data. */
static inline void seed_with(take_seed take, const char *harness, uint8_t how, const void *data,
			     size_t len)
{
	CHECK(len < sizeof(seed_work));
	seed_work[0] = how;
	memcpy(seed_work + 1, data, len);
	take(harness, seed_work, len + 1);
}

static inline void seed_segments(take_seed take)
{
	for (int i = 3; i < BASE_FILES; i++) {
		for (uint8_t how = 0; how < 2; how++)
			seed_with(take, "chain_segment", how, chain_base.file[i].data,
				  chain_base.file[i].len);
		for (int level = 0; level < 10; level += 3) {
			uint8_t packed[4096] = "INDSEGZ1"; /* or 2: any bytes are good there */
			uLongf n = sizeof(packed) - 32;

			packed[7] = (uint8_t)('1' + level / 3 % 2);
			CHECK(compress2(packed + 32, &n, chain_base.file[i].data,
					chain_base.file[i].len, level) == Z_OK);
			put_u64(packed + 16, chain_base.file[i].len);
			put_u64(packed + 24, n);
			put_u32(packed + 8, crc32c(0, packed + 16, 16 + n));
			seed_with(take, "chain_packed", level % 2, packed, 32 + n);
		}
	}
}

static inline void seed_entries(take_seed take)
{
	static const char link[] = "\3\2\1\0........--------------------------------v";
	static const uint8_t prune[24] = { 4, [8] = 2, [16] = 5 };

	take("chain_entry", (const uint8_t *)link, sizeof(link) - 1);
	take("chain_entry", prune, sizeof(prune));
	for (int i = 0; i < BASE_ENTRIES && chain_base.entry[i].data; i++)
		if (chain_base.entry[i].data[0] == 2)
			take("chain_entry", chain_base.entry[i].data, chain_base.entry[i].len);
}

static inline void seed_texts(take_seed take)
{
	uint8_t keys[1 + 32 + 1024];
	size_t len = chain_base.file[2].len;

	for (uint8_t how = 0; how < 2; how++) {
		seed_with(take, "chain_seals", how, chain_base.file[1].data,
			  chain_base.file[1].len);
		keys[0] = how;
		memcpy(keys + 1, chain_base.file[7].data, 32);
		memcpy(keys + 33, chain_base.file[8].data, 1024);
		take("chain_key", keys, sizeof(keys));
	}
	take("chain_note", chain_base.file[0].data, chain_base.file[0].len);
	take("chain_note", chain_base.file[2].data, len);
	memcpy(seed_work, chain_base.file[2].data, len);
	memcpy(seed_work + len, "\xe2\x80\x94 w.example/w AAAAAQID\n", 26);
	take("chain_note", seed_work, len + 26);
}

/* A bit every few bytes of every file, with the checksums made right: hardly ever made by chance.
 */
static inline void seed_flips(take_seed take)
{
	for (uint8_t file = 0; file < BASE_FILES; file++) {
		for (size_t back = 1; back <= chain_base.file[file].len; back += 9) {
			size_t at = chain_base.file[file].len - back;
			const uint8_t change[] = {
				1, file, 1, (uint8_t)at, (uint8_t)(at >> 8), 1, 1
			};

			take("chain_directory", change, sizeof(change));
		}
	}
}

/* One change of every kind to every file, and none. */
static inline void seed_directories(take_seed take)
{
	for (uint8_t how = 0; how < 16; how++)
		take("chain_directory", &how, 1);
	for (uint8_t file = 0; file < 11; file++) {
		for (uint8_t what = 0; what < 7; what++) {
			const uint8_t change[] = { (uint8_t)((file * 7 + what) % 16),
						   file,
						   what,
						   (uint8_t)(what * 29 + file),
						   0,
						   2,
						   (uint8_t)(file + 1),
						   0 };

			take("chain_directory", change, sizeof(change));
		}
	}
}

static inline void each_chain_seed(take_seed take)
{
	base_make();
	seed_segments(take);
	seed_entries(take);
	seed_texts(take);
	seed_directories(take);
	seed_flips(take);
}

#endif
