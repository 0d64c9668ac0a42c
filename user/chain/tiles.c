// SPDX-License-Identifier: Apache-2.0
/*
 * Level 0 of a tiled log are the leaves, 256 in a tile; each full tile is one hash of the level
 * above. One pass over the new entries fills one tile a level and the bundle of entries beside
 * level 0, in constant memory. It goes on from the partial tiles of the last export, which must
 * agree with the chain, so what was pruned since is not missed.
 */
#define _GNU_SOURCE
#include "chain/tiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "chain/files.h"
#include "chain/path.h"
#include "chain/published.h"
#include "chain/reader.h"
#include "chain/text.h"
#include "chain/tile_files.h"

typedef unsigned long long ull;

#define ENTRY_MAX  (SALT_LEN + CHAIN_RECORD_MAX)
#define BUNDLE_MAX ((size_t)TILE_WIDTH * (2 + ENTRY_MAX))

/* The tile in hand. */
struct level {
	uint64_t number;
	unsigned count;
	bool spoiled; /* not all of its hashes are known */
	uint8_t hash[TILE_WIDTH][CHAIN_HASH];
};

struct exporter {
	const char *dir, *to;
	int dirfd; /* of to */
	struct log_name log;
	struct note note; /* what the chain's checkpoint says */
	uint8_t *text;	  /* of it */
	uint64_t before;  /* size of what is there, */
	uint8_t before_root[CHAIN_HASH];
	struct chain_reader *reader;
	struct tree tree; /* of all leaves so far */
	struct level level[TILE_LEVELS];
	struct buffer bundle; /* entries of the tile in hand of level 0 */
	struct chain_export *report;
	struct chain_error *err;
};

static int fail(struct exporter *x, int code, const char *what)
{
	return chain_fail(x->err, code, "%s: %s%s%s", x->to, what, what[0] ? ": " : "",
			  strerror(-code));
}

static int tile_failed(struct exporter *x, int code, const struct tile *tile)
{
	char path[TILE_PATH_MAX];

	tile_path(tile, path);
	return chain_fail(x->err, code, "%s/%s: %s", x->to, path,
			  code == -EBADMSG ? "does not agree with the chain" : strerror(-code));
}

/* --- hashes into tiles ------------------------------------------------------------------------ */

static void tile_tree(const struct level *level, struct tree *ret)
{
	ret->size = 0;
	for (unsigned i = 0; i < level->count; i++)
		tree_push(ret, level->hash[i]);
}

static int write_tile(struct exporter *x, int number)
{
	const struct level *l = &x->level[number];
	struct tile tile = { number, l->number, l->count };
	int err;

	if (l->spoiled || l->count == 0)
		return 0;
	err = tile_write(x->dirfd, &tile, bytes_of(l->hash, (size_t)l->count * CHAIN_HASH));
	if (err || number)
		return err ? tile_failed(x, err, &tile) : 0;
	tile.level = TILE_ENTRIES;
	err = x->bundle.failed
		      ? -ENOMEM
		      : tile_write(x->dirfd, &tile, bytes_of(x->bundle.data, x->bundle.len));
	return err ? tile_failed(x, err, &tile) : 0;
}

/* One more hash; each full tile goes to its file and, as one hash, to the level above. */
static int add_hash(struct exporter *x, const uint8_t leaf[CHAIN_HASH])
{
	uint8_t hash[CHAIN_HASH];
	bool known = true;

	memcpy(hash, leaf, CHAIN_HASH);
	for (int i = 0; i < TILE_LEVELS; i++) {
		struct level *l = &x->level[i];
		struct tree tree;
		int err;

		memcpy(l->hash[l->count++], hash, CHAIN_HASH);
		l->spoiled |= !known;
		if (l->count < TILE_WIDTH)
			break;
		err = write_tile(x, i);
		if (err)
			return err;
		tile_tree(l, &tree);
		tree_root(&tree, hash);
		known = !l->spoiled;
		l->number++;
		l->count = 0;
		l->spoiled = false;
		if (i == 0)
			buffer_clear(&x->bundle);
	}
	return 0;
}

static void add_to_bundle(struct exporter *x, const struct chain_entry *entry)
{
	size_t len = SALT_LEN + entry->bytes.len;
	uint8_t head[2 + SALT_LEN] = { (uint8_t)(len >> 8), (uint8_t)len };

	chain_reader_salt(x->reader, entry, head + 2);
	buffer_add(&x->bundle, head, sizeof(head));
	buffer_add(&x->bundle, entry->bytes.data, entry->bytes.len);
}

/* The tiles in hand have the hashes that the tree has: those of level i are its nodes that are
 * 256^i leaves wide or wider, but not as wide as the next level's. */
static int check_levels(struct exporter *x)
{
	unsigned at = tree_nodes(x->tree.size);

	for (int i = 0; i < TILE_LEVELS; i++) {
		const struct level *l = &x->level[i];
		struct tile tile = { i, l->number, l->count };
		struct tree tree;

		at -= tree_nodes(l->count);
		tile_tree(l, &tree);
		if (!l->spoiled && memcmp(tree.node, x->tree.node[at],
					  (size_t)tree_nodes(l->count) * CHAIN_HASH) != 0)
			return tile_failed(x, -EBADMSG, &tile);
	}
	return 0;
}

/* --- what the directory holds ----------------------------------------------------------------- */

static int is_empty(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), empty = 1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			strcmp(entry->d_name, FILE_IDENTITY ".tmp") == 0;
	closedir(dir);
	return empty;
}

/* Its identity.pub says whose it is, and is the first file there. */
static int claim_directory(struct exporter *x)
{
	char want[VKEY_MAX + 2];
	uint8_t *text;
	size_t len, want_len;
	int same, err;

	want_len = (size_t)(stpcpy(stpcpy(want, x->log.vkey), "\n") - want);
	err = read_file(x->dirfd, FILE_IDENTITY, VKEY_MAX, &text, &len);
	if (err == -ENOENT && is_empty(x->dirfd)) {
		err = replace_file(x->dirfd, FILE_IDENTITY, bytes_of(want, want_len), 0600);
		return err ? fail(x, err, FILE_IDENTITY) : 0;
	}
	if (err == -ENOENT)
		return chain_fail(x->err, -EXDEV, "%s is neither empty nor an export of a log",
				  x->to);
	if (err)
		return fail(x, err, FILE_IDENTITY);
	same = bytes_equal(bytes_of(text, len), bytes_of(want, want_len));
	if (!same)
		chain_fail(x->err, -EXDEV, "%s holds %.*s, the chain in %s is %s", x->to,
			   (int)strcspn((char *)text, "\n"), (char *)text, x->dir, x->log.vkey);
	free(text);
	return same ? 0 : -EXDEV;
}

static int open_directory(struct exporter *x)
{
	int err;

	if (mkdir(x->to, 0700) < 0 && errno != EEXIST)
		return fail(x, -errno, "");
	x->dirfd = open(x->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dirfd < 0)
		return fail(x, -errno, "");
	if (faccessat(x->dirfd, FILE_SEALS, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return chain_fail(x->err, -EXDEV, "%s is a chain, not a place for an export",
				  x->to);
	err = flock(x->dirfd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (err == -EWOULDBLOCK)
		return chain_fail(x->err, err, "%s: another export is at work there", x->to);
	return err ? fail(x, err, "") : claim_directory(x);
}

/* The size that is there, 0 for none. */
static int read_before(struct exporter *x)
{
	struct note note;
	uint8_t *text;
	int err = faccessat(x->dirfd, FILE_CHECKPOINT, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

	if (err == -ENOENT)
		return 0;
	if (err == 0)
		err = read_checkpoint(x->to, NULL, &x->log, &note, &text, x->err);
	if (err)
		return x->err->text[0] ? err : fail(x, err, FILE_CHECKPOINT);
	x->before = note.size;
	memcpy(x->before_root, note.root, CHAIN_HASH);
	free(text);
	if (x->before > x->note.size)
		return chain_fail(x->err, -EBADMSG,
				  "%s is at size %llu, the checkpoint of the chain at %llu: the "
				  "chain was rolled back",
				  x->to, (ull)x->before, (ull)x->note.size);
	return 0;
}

/* Entries of a partial bundle must be the leaves beside it. */
static int check_bundle(const struct level *l, struct bytes data)
{
	uint8_t leaf[CHAIN_HASH];

	for (unsigned i = 0; i < l->count; i++) {
		size_t len = data.len < 2 ? 0 : (size_t)data.data[0] << 8 | data.data[1];

		if (len <= SALT_LEN || data.len - 2 < len)
			return -EBADMSG;
		leaf_hash(data.data + 2, bytes_of(data.data + 2 + SALT_LEN, len - SALT_LEN), leaf);
		if (memcmp(leaf, l->hash[i], CHAIN_HASH) != 0)
			return -EBADMSG;
		data = bytes_of(data.data + 2 + len, data.len - 2 - len);
	}
	return data.len == 0 ? 0 : -EBADMSG;
}

/* A partial tile of the last export; one that was not made then spoils the level. */
static int load_tile(struct exporter *x, const struct tile *tile)
{
	struct level *l = &x->level[tile->level < 0 ? 0 : tile->level];
	size_t len, max = tile->level < 0 ? BUNDLE_MAX : sizeof(l->hash);
	uint8_t *data;
	int err = tile_read(x->dirfd, tile, max, &data, &len);

	if (err == -ENOENT) {
		l->spoiled = true;
		return 0;
	}
	if (err)
		return tile_failed(x, err, tile);
	if (tile->level < 0) {
		err = check_bundle(l, bytes_of(data, len));
		buffer_add(&x->bundle, data, len);
	} else if (len == (size_t)l->count * CHAIN_HASH) {
		memcpy(l->hash, data, len);
	} else {
		err = -EBADMSG;
	}
	free(data);
	return err ? tile_failed(x, err, tile) : 0;
}

static int load_levels(struct exporter *x)
{
	for (int i = 0; i < TILE_LEVELS; i++) {
		struct tile tile = { i, x->level[i].number, x->level[i].count };
		int err = tile.width ? load_tile(x, &tile) : 0;

		tile.level = TILE_ENTRIES;
		if (err == 0 && i == 0 && tile.width && !x->level[0].spoiled)
			err = load_tile(x, &tile);
		if (err)
			return err;
	}
	return check_levels(x);
}

/* --- the pass --------------------------------------------------------------------------------- */

static int read_failed(struct exporter *x, int code)
{
	const char *why = chain_reader_error(x->reader);

	return chain_fail(x->err, code, "%s/%s", x->dir, why[0] ? why : strerror(-code));
}

/* The next entry, which must be the one after the tree. */
static int next_entry(struct exporter *x, struct chain_entry *ret, uint8_t leaf[CHAIN_HASH])
{
	int got = chain_reader_next(x->reader, ret);

	if (got < 0)
		return read_failed(x, got);
	if (got == 0 || ret->index != x->tree.size)
		return chain_fail(x->err, -EBADMSG,
				  "%s has no entry %llu, and a checkpoint of size %llu", x->dir,
				  (ull)x->tree.size, (ull)x->note.size);
	chain_reader_leaf(x->reader, ret, leaf);
	return 0;
}

/* Go to the first entry that is to be exported; the tree before it is the chain's. */
static int go_to_start(struct exporter *x)
{
	uint64_t first = chain_reader_start(x->reader)->size, start = x->before;
	uint8_t leaf[CHAIN_HASH];
	struct chain_entry entry;
	int err;

	if (first > start) {
		x->report->gap_from = start;
		x->report->gap_to = start = first;
	}
	if (start > x->note.size)
		return chain_fail(x->err, -EBADMSG,
				  "%s begins at entry %llu, its checkpoint is %llu", x->dir,
				  (ull)start, (ull)x->note.size);
	err = chain_reader_seek(x->reader, start);
	if (err)
		return read_failed(x, err);
	x->tree = *chain_reader_start(x->reader);
	if (x->tree.size > start)
		return chain_fail(x->err, -EBADMSG, "%s: no segment has entry %llu any more",
				  x->dir, (ull)start);
	if (x->tree.size < start) {
		err = chain_reader_seek(x->reader, x->tree.size);
		if (err)
			return read_failed(x, err);
	}
	while (x->tree.size < start) {
		err = next_entry(x, &entry, leaf);
		if (err)
			return err;
		tree_push(&x->tree, leaf);
	}
	return 0;
}

static int start(struct exporter *x)
{
	uint8_t root[CHAIN_HASH];
	int err = go_to_start(x);

	if (err)
		return err;
	for (int i = 0; i < TILE_LEVELS; i++) {
		x->level[i].count = x->tree.size >> 8 * i & 255;
		x->level[i].number = i + 1 < TILE_LEVELS ? x->tree.size >> 8 * (i + 1) : 0;
	}
	if (x->tree.size > x->before) { /* nobody has the hashes before */
		for (int i = 0; i < TILE_LEVELS; i++)
			x->level[i].spoiled = x->level[i].count > 0;
		return 0;
	}
	tree_root(&x->tree, root);
	if (x->before && memcmp(root, x->before_root, CHAIN_HASH) != 0)
		return chain_fail(x->err, -EBADMSG,
				  "%s has another root at size %llu than the chain in %s: another "
				  "history",
				  x->to, (ull)x->before, x->dir);
	return load_levels(x);
}

static int run(struct exporter *x)
{
	uint8_t leaf[CHAIN_HASH], root[CHAIN_HASH];
	struct chain_entry entry;
	int err = start(x);

	while (err == 0 && x->tree.size < x->note.size) {
		err = next_entry(x, &entry, leaf);
		if (err)
			break;
		tree_push(&x->tree, leaf);
		add_to_bundle(x, &entry);
		err = add_hash(x, leaf);
	}
	if (err)
		return err;
	tree_root(&x->tree, root);
	if (memcmp(root, x->note.root, CHAIN_HASH) != 0)
		return chain_fail(x->err, -EBADMSG,
				  "%s does not have its checkpoint's root at size %llu: 'indelible "
				  "verify' says what is wrong",
				  x->dir, (ull)x->note.size);
	err = check_levels(x);
	for (int i = 0; i < TILE_LEVELS && err == 0; i++) {
		err = write_tile(x, i);
		x->report->missing += x->level[i].spoiled;
	}
	return err;
}

/* Everything is on the disk before the checkpoint says so. */
static int publish(struct exporter *x)
{
	int err = syncfs(x->dirfd) < 0 ? -errno : 0;

	if (err == 0)
		err = replace_file(x->dirfd, FILE_CHECKPOINT, note_text(&x->note), 0600);
	if (err == 0 && fsync(x->dirfd) < 0)
		err = -errno;
	if (err)
		return fail(x, err, FILE_CHECKPOINT);
	for (int i = TILE_ENTRIES; i + 1 < TILE_LEVELS; i++) {
		unsigned shift = 8 * (unsigned)(i < 0 ? 1 : i + 1);
		struct tile tile = { i, x->before >> shift, 0 };

		if (x->note.size >> shift > tile.number)
			tile_drop_partial(x->dirfd, &tile);
	}
	return 0;
}

static int export(struct exporter *x)
{
	int err = read_log_name(x->dir, &x->log, x->err);

	if (err == 0)
		err = read_checkpoint(x->dir, NULL, &x->log, &x->note, &x->text, x->err);
	if (err == 0 && x->note.size > PROOF_SIZE_MAX)
		err = chain_fail(x->err, -ERANGE, "no logs of over 2^62 entries are exported");
	if (err == 0)
		err = chain_reader_open(&x->reader, x->dir, x->err);
	if (err == 0)
		err = open_directory(x);
	if (err == 0)
		err = read_before(x);
	if (err == 0)
		err = run(x);
	if (err == 0)
		err = publish(x);
	x->report->before = x->before;
	x->report->size = x->note.size;
	return err;
}

int chain_export_tiles(const char *dir, const char *to, struct chain_export *ret,
		       struct chain_error *err)
{
	struct exporter *x = calloc(1, sizeof(*x));
	struct chain_export report = { 0 };
	int code;

	if (!x)
		return -ENOMEM;
	err->text[0] = 0;
	x->dir = dir;
	x->to = to;
	x->dirfd = -1;
	x->report = &report;
	x->err = err;
	code = export(x);
	if (code == 0)
		*ret = report;
	chain_reader_close(x->reader);
	buffer_free(&x->bundle);
	if (x->dirfd >= 0)
		close(x->dirfd);
	free(x->text);
	free(x);
	return code;
}
