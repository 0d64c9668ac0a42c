/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_CHAIN_BASE_H
#define FUZZ_CHAIN_BASE_H
/*
 * The chain around which the harnesses of chain/ work, the same in every run: a run, a crash, and
 * a run that recovered. Its directory is below /dev/shm or /tmp and goes when the process ends.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "chain/keys.h"
#include "chain/verify.h"

#define BASE_FILES   7 /* of the chain; the two of the keys follow */
#define BASE_ENTRIES 64

static struct {
	char root[64], dir[80], keys[96];
	struct chain_error err;
	struct chain_report report;
	struct {
		const char *name;
		uint8_t *data;
		size_t len;
	} file[BASE_FILES + 2];
	struct bytes entry[BASE_ENTRIES];
} chain_base = {
	.file = { { "identity.pub" },
		  { "seals" },
		  { "checkpoint" },
		  { "0000000000000001.seg" },
		  { "0000000000000002.seg" },
		  { "0000000000000003.seg" },
		  { "0000000000000004.seg" },
		  { "../D.keys/identity.key" },
		  { "../D.keys/seal.key" } },
};

static inline int base_open(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", chain_base.dir, name);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static inline void base_write(const char *name, const void *data, size_t len)
{
	int fd = base_open(name, O_WRONLY | O_CREAT | O_TRUNC);

	CHECK(fd >= 0 && pwrite_all(fd, data, len, 0) == 0);
	close(fd);
}

static inline void base_remove(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", chain_base.dir, name);
	unlink(path);
}

static inline void base_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

static inline void base_restore(void)
{
	base_empty(chain_base.dir);
	for (int i = 0; i < BASE_FILES + 2; i++)
		base_write(chain_base.file[i].name, chain_base.file[i].data,
			   chain_base.file[i].len);
}

static inline void base_drop(void)
{
	base_empty(chain_base.keys);
	base_empty(chain_base.dir);
	rmdir(chain_base.keys);
	rmdir(chain_base.dir);
	base_empty(chain_base.root);
	rmdir(chain_base.root);
	for (int i = 0; i < BASE_FILES + 2; i++)
		free(chain_base.file[i].data);
	for (int i = 0; i < BASE_ENTRIES; i++)
		free((void *)chain_base.entry[i].data);
}

/* Known secrets, so that an input means the same in every run. */
static inline void base_random(void *ret, size_t len)
{
	static uint8_t draw;

	memset(ret, ++draw, len);
}

static inline struct chain_options base_options(void)
{
	return (struct chain_options){ .dir = chain_base.dir,
				       .name = "host",
				       .machine_id = bytes_of_text("machine"),
				       .schema = bytes_of_text("schema") };
}

static inline struct chain *base_take_up(void)
{
	struct chain_options options = base_options();
	struct chain_opened opened;
	struct chain *chain;

	return chain_open(&chain, &options, &opened, &chain_base.err) ? NULL : chain;
}

static inline void base_append(struct chain *chain, const char *text, uint64_t now)
{
	uint64_t index;

	CHECK(chain && chain_append(chain, bytes_of_text(text), CHAIN_NORMAL, now, &index) == 0);
	CHECK(chain_tick(chain, now + 10000000) == 0);
}

static inline int base_keep_entry(void *ctx, const struct chain_entry *entry)
{
	uint8_t *copy = malloc(entry->bytes.len);

	(void)ctx;
	CHECK(copy && entry->index < BASE_ENTRIES);
	memcpy(copy, entry->bytes.data, entry->bytes.len);
	chain_base.entry[entry->index] = bytes_of(copy, entry->bytes.len);
	return 0;
}

static inline void base_make(void)
{
	struct chain_verify_options options = { .dir = chain_base.dir,
						.watch = { .entry = base_keep_entry } };
	struct chain *chain;
	int fd;

	if (chain_base.root[0])
		return;
	strcpy(chain_base.root,
	       access("/dev/shm", W_OK) ? "/tmp/fuzz-XXXXXX" : "/dev/shm/fuzz-XXXXXX");
	CHECK(mkdtemp(chain_base.root));
	snprintf(chain_base.dir, sizeof(chain_base.dir), "%s/D", chain_base.root);
	snprintf(chain_base.keys, sizeof(chain_base.keys), "%s/D.keys", chain_base.root);
	atexit(base_drop);
	chain_random = base_random;
	chain = base_take_up();
	base_append(chain, "\020one", 0);
	base_append(chain, "\021two", 20000000);
	CHECK(chain_close(chain, 40000000, &chain_base.err) == 0);
	for (int run = 0; run < 2; run++) {
		chain = base_take_up();
		base_append(chain, run ? "\020five" : "\020three", 0);
		if (run)
			CHECK(chain_close(chain, 40000000, &chain_base.err) == 0);
		else
			chain_abandon(chain);
		if (run == 0) {
			fd = base_open(chain_base.file[4].name, O_WRONLY | O_APPEND);
			CHECK(fd >= 0 && write(fd, "INDB torn", 9) == 9);
			close(fd);
		}
	}
	chain = base_take_up();
	base_append(chain, "\022six", 0);
	CHECK(chain_close(chain, 40000000, &chain_base.err) == 0);
	CHECK(chain_verify(&options, &chain_base.report, &chain_base.err) == 0);
	chain_judge(&chain_base.report);
	CHECK(chain_base.report.verdict == CHAIN_TORN && chain_base.report.recoveries == 1 &&
	      chain_base.report.closed);
	for (int i = 0; i < BASE_FILES + 2; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", chain_base.dir, chain_base.file[i].name);
		CHECK(read_file(AT_FDCWD, path, 1 << 20, &chain_base.file[i].data,
				&chain_base.file[i].len) == 0);
	}
}

/* --- checksums made right: whoever changes a chain can do that ----------------------------------
 */

static inline void base_fix_seals(uint8_t *data, size_t len)
{
	if (len >= 160)
		put_u32(data + 8, crc32c(0, data + 16, 144));
	for (size_t at = 160; at + 160 <= len; at += 160)
		put_u32(data + at + 4, crc32c(0, data + at + 8, 152));
}

static inline void base_fix_segment(uint8_t *data, size_t len)
{
	size_t at;

	if (len < 144)
		return;
	at = 144 + 32 * (size_t)(get_u32(data + 12) & 63);
	if (at > len)
		return;
	put_u32(data + 8, crc32c(0, data + 12, at - 12));
	while (len - at >= 24) {
		size_t payload = get_u32(data + at + 16);

		if (payload > len - at - 24)
			return;
		put_u32(data + at + 4, crc32c(0, data + at + 8, 16 + payload));
		at += 24 + payload;
	}
}

static inline void base_fix_key(uint8_t *data, size_t len)
{
	for (size_t at = 0; at + 512 <= len; at += 512)
		if (data[at])
			put_u32(data + at + 8, crc32c(0, data + at + 16, 64));
}

#endif
