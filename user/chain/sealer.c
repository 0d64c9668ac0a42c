// SPDX-License-Identifier: Apache-2.0
/*
 * Order of writes, each durable before the next: entries in the segment; seal k in "seals";
 * seed k+1 in seal.key; zeros over seed k; checkpoint. A crash anywhere in it leaves at most one
 * seal whose key is not yet gone, and nothing published that is not durable.
 */
#define _GNU_SOURCE
#include "chain/sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "chain/blocks.h"
#include "chain/files.h"
#include "chain/note.h"

#define HASH_SLICE (256u << 10)

struct request {
	unsigned what;
	uint64_t segment, entries, bytes;
};

struct sealer {
	/* the thread's own */
	struct log log;
	struct tree mirror; /* of log.tree: a bit that flips in memory must not be signed */
	struct blocks blocks;
	struct salts salts;
	struct open_segment segment;
	uint64_t durable, durable_bytes;
	uint64_t noted; /* number of the seal in the checkpoint */
	char why[256];

	/* shared */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked, told;
	struct request pending;
	bool busy, quit;
	struct sealer_news news;
	atomic_uint news_count;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct sealer *s, int err,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	return err;
}

static void publish(struct sealer *s, int error)
{
	pthread_mutex_lock(&s->lock);
	s->news.durable = s->durable;
	s->news.sealed = s->log.last.size;
	s->news.seal = s->log.last.k;
	memcpy(s->news.root, s->log.last.root, CHAIN_HASH);
	s->news.segment = s->segment;
	s->news.error = error;
	if (error)
		memcpy(s->news.why, s->why, sizeof(s->why));
	atomic_fetch_add(&s->news_count, 1);
	pthread_cond_broadcast(&s->told);
	pthread_mutex_unlock(&s->lock);
}

/* --- hashing what is on the disk ------------------------------------------------------------- */

static void hash_block(struct sealer *s, const struct block *block)
{
	uint8_t leaf[CHAIN_HASH];
	size_t at = 0;

	for (unsigned i = 0; i < block->count; i++) {
		struct bytes entry = block_entry(block, &at);
		uint64_t j = s->log.tree.size - s->segment.first;

		leaf_hash(salts_get(&s->salts, j), entry, leaf);
		tree_push(&s->log.tree, leaf);
	}
}

/* Hash what is durable and not hashed yet, but not much more than limit bytes of it. */
static int hash_some(struct sealer *s, uint64_t limit)
{
	uint64_t begin = s->blocks.offset;
	struct block block;
	int got = 1;

	if (!tree_equal(&s->log.tree, &s->mirror))
		return refuse(s, -EBADMSG, "the tree changed in memory");
	s->blocks.end = s->durable_bytes;
	while (s->blocks.offset < s->durable_bytes && s->blocks.offset - begin < limit) {
		got = blocks_next(&s->blocks, &block);
		if (got <= 0)
			break;
		if (s->blocks.next - s->segment.first > SALT_LIMIT)
			return refuse(s, -EFBIG, "segment has too many entries");
		hash_block(s, &block);
	}
	s->mirror = s->log.tree;
	if (got < 0)
		return refuse(s, got, "cannot read segment %016llx back: %s",
			      (unsigned long long)s->segment.number, strerror(-got));
	if (got == 0 || (s->blocks.offset == s->durable_bytes && s->log.tree.size != s->durable))
		return refuse(s, -EBADMSG,
			      "segment %016llx does not read back as written at offset %llu",
			      (unsigned long long)s->segment.number,
			      (unsigned long long)s->blocks.offset);
	return 0;
}

static int hash_durable(struct sealer *s)
{
	return hash_some(s, UINT64_MAX);
}

/* --- new segments ---------------------------------------------------------------------------- */

/* Go on in a new segment behind the durable part of the present one. */
static int open_segment(struct sealer *s, unsigned reason)
{
	struct segment_header header = { .number = s->segment.number + 1,
					 .seal = s->log.last.k + 1,
					 .prev_len = s->durable_bytes,
					 .tree = s->log.tree };
	uint8_t data[SEGMENT_HEADER_MAX];
	struct open_segment next = { .number = header.number,
				     .first = header.tree.size,
				     .prev_len = header.prev_len,
				     .reason = reason };
	char name[SEGMENT_NAME_MAX];
	struct stat st;
	int fd;

	if (reason && fstat(s->segment.fd, &st) == 0)
		next.dead_len = (uint64_t)st.st_size - header.prev_len;
	memcpy(header.pk, keys_public(s->log.keys), 32);
	memcpy(header.lid, s->log.name.lid, LOG_ID_LEN);
	chain_random(header.salt_key, sizeof(header.salt_key));
	next.header_len = segment_header_encode(&header, data);
	segment_name(header.number, name);
	fd = create_file(s->log.dirfd, name, bytes_of(data, next.header_len), 0600);
	if (fd < 0 || fsync(s->log.dirfd) < 0) {
		int err = fd < 0 ? fd : -errno;

		if (fd >= 0)
			close(fd);
		return refuse(s, err, "cannot make %s/%s: %s", s->log.dir, name, strerror(-err));
	}
	next.fd = fd;
	s->segment = next;
	s->durable_bytes = next.header_len;
	salts_init(&s->salts, header.salt_key);
	blocks_seek_fd(&s->blocks, fd, next.header_len, next.header_len, next.first);
	return 0;
}

/* After an I/O error this segment's descriptor is never trusted again: what was synced counts,
 * the rest is written anew by the other side. Twice without progress is a dead disk. */
static int recover(struct sealer *s, unsigned reason, int cause)
{
	int err;

	if (s->segment.reason && s->durable == s->segment.first)
		return refuse(s, cause, "segment %016llx: %s again after going to a new segment",
			      (unsigned long long)s->segment.number, strerror(-cause));
	err = hash_durable(s);
	return err ? err : open_segment(s, reason);
}

/* --- seals ----------------------------------------------------------------------------------- */

/* Ed25519 signs the same bytes the same way, so a record may be written again after an error; the
 * key is kept until the record is durable. */
static int write_seal(struct sealer *s, const struct seal *seal)
{
	uint8_t record[SEAL_LEN];
	int err = 0;

	seal_encode(seal, record);
	for (int attempt = 0; attempt < 2; attempt++) {
		err = pwrite_all(s->log.seals_fd, record, SEAL_LEN, (off_t)(SEAL_LEN * seal->k));
		if (err == 0 && fdatasync(s->log.seals_fd) < 0)
			err = -errno;
		if (err == 0)
			return 0;
	}
	return refuse(s, err, "cannot write %s/%s: %s", s->log.dir, FILE_SEALS, strerror(-err));
}

static int seal(struct sealer *s, uint32_t flags)
{
	struct seal seal = { .k = s->log.last.k + 1, .size = s->log.tree.size, .flags = flags };
	char text[SEAL_TEXT_MAX];
	size_t len;
	int err;

	if (seal.size == s->log.last.size)
		return 0;
	tree_root(&s->mirror, seal.root);
	memcpy(seal.next_pk, keys_public_next(s->log.keys), 32);
	len = seal_text(&seal, s->log.name.origin, text);
	keys_sign_seal(s->log.keys, text, len, seal.sig);
	err = write_seal(s, &seal);
	if (err)
		return err;
	err = keys_advance(s->log.keys);
	if (err)
		return refuse(s, err, "cannot write %s.keys/seal.key: %s", s->log.dir,
			      strerror(-err));
	s->log.last = seal;
	return 0;
}

static int write_note(struct sealer *s)
{
	const struct seal *last = &s->log.last;
	char body[NOTE_BODY_MAX], note[2 * NOTE_BODY_MAX];
	uint8_t sig[NOTE_SIG_LEN];
	size_t len;
	int err;

	if (s->noted == last->k)
		return 0;
	len = note_body(s->log.name.origin, last->size, last->root, body);
	keys_sign_note(s->log.keys, body, len, sig);
	len = note_encode(body, &s->log.name, sig, note);
	err = replace_file(s->log.dirfd, FILE_CHECKPOINT, bytes_of(note, len), 0644);
	/* The first one must be there for good before there is a second seal. */
	if (err == 0 && last->k == 1 && fsync(s->log.dirfd) < 0)
		err = -errno;
	if (err)
		return refuse(s, err, "cannot write %s/%s: %s", s->log.dir, FILE_CHECKPOINT,
			      strerror(-err));
	s->noted = last->k;
	return 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static int sync_segment(struct sealer *s, const struct request *request)
{
	if (request->entries <= s->durable)
		return 0;
	if (fdatasync(s->segment.fd) < 0)
		return -errno;
	s->durable = request->entries;
	s->durable_bytes = request->bytes;
	return 0;
}

static int serve(struct sealer *s, const struct request *request)
{
	unsigned what = request->what;
	int err;

	if (request->segment != s->segment.number)
		return 0; /* asked before the news of a recovery arrived; it will be asked again */
	if (what & ASK_RECOVER)
		return recover(s, RECOVERY_WRITE, -EIO);
	err = sync_segment(s, request);
	if (err)
		return recover(s, RECOVERY_SYNC, err);
	publish(s, 0);
	if (what & (ASK_SEAL | ASK_SEGMENT))
		err = hash_durable(s);
	if (err == 0 && what & ASK_SEAL)
		err = seal(s, what & ASK_CLOSE ? SEAL_CLOSE : 0);
	if (err == 0 && what & ASK_NOTE)
		err = write_note(s);
	if (err == 0 && what & ASK_SEGMENT)
		err = open_segment(s, 0);
	return err;
}

/* Do something useful: what was asked, else hash ahead, in slices so that a request need not wait
 * long. False when there is nothing. */
static bool work(struct sealer *s, struct request *request, int *err)
{
	if (*err) {
		if (!request->what)
			return false;
	} else if (request->what) {
		*err = serve(s, request);
	} else if (s->blocks.offset < s->durable_bytes) {
		*err = hash_some(s, HASH_SLICE);
		if (*err == 0)
			return true;
	} else {
		return false;
	}
	publish(s, *err);
	return true;
}

static void *sealer_main(void *arg)
{
	struct sealer *s = arg;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->quit) {
		struct request request = s->pending;
		bool worked;

		s->pending.what = 0;
		if (!request.what) {
			s->busy = false;
			pthread_cond_broadcast(&s->told);
		}
		pthread_mutex_unlock(&s->lock);
		worked = work(s, &request, &err);
		pthread_mutex_lock(&s->lock);
		while (!worked && !s->pending.what && !s->quit)
			pthread_cond_wait(&s->asked, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- the other side's calls ------------------------------------------------------------------ */

static int start_thread(struct sealer *s)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, sealer_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static void sealer_free(struct sealer *s)
{
	log_close(&s->log);
	blocks_free(&s->blocks);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->asked);
	pthread_cond_destroy(&s->told);
	free(s);
}

int sealer_start(struct sealer **ret, struct log *log, struct chain_error *err)
{
	struct sealer *s = calloc(1, sizeof(*s));
	int code;

	if (!s) {
		log_close(log);
		return -ENOMEM;
	}
	s->log = *log;
	*log = (struct log){ .dirfd = -1, .seals_fd = -1 };
	s->mirror = s->log.tree;
	s->durable = s->log.tree.size;
	s->durable_bytes = s->log.valid_len;
	s->segment.number = s->log.number;
	s->segment.fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->asked, NULL);
	pthread_cond_init(&s->told, NULL);
	code = blocks_init(&s->blocks);
	if (code == 0 && s->log.last.k == 1)
		code = write_note(s); /* a crash may have kept it from being there before seal 2 */
	if (code == 0)
		code = open_segment(s, 0);
	if (code == 0) {
		publish(s, 0);
		code = start_thread(s);
	}
	if (code) {
		if (err)
			snprintf(err->text, sizeof(err->text), "%s", s->why);
		if (s->segment.fd >= 0)
			close(s->segment.fd);
		sealer_free(s);
		return code;
	}
	*ret = s;
	return 0;
}

void sealer_ask(struct sealer *s, unsigned what, uint64_t segment, uint64_t entries, uint64_t bytes)
{
	pthread_mutex_lock(&s->lock);
	s->pending.what |= what;
	s->pending.segment = segment;
	s->pending.entries = entries;
	s->pending.bytes = bytes;
	s->busy = true;
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
}

bool sealer_has_news(const struct sealer *s, unsigned seen)
{
	return atomic_load_explicit(&s->news_count, memory_order_relaxed) != seen;
}

void sealer_get_news(struct sealer *s, struct sealer_news *ret, unsigned *seen)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->news;
	*seen = atomic_load(&s->news_count);
	pthread_mutex_unlock(&s->lock);
}

bool sealer_is_busy(struct sealer *s)
{
	bool busy;

	pthread_mutex_lock(&s->lock);
	busy = s->busy;
	pthread_mutex_unlock(&s->lock);
	return busy;
}

void sealer_wait(struct sealer *s, unsigned seen)
{
	pthread_mutex_lock(&s->lock);
	while (s->busy && atomic_load(&s->news_count) == seen)
		pthread_cond_wait(&s->told, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void sealer_finish(struct sealer *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->busy)
		pthread_cond_wait(&s->told, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

int sealer_stop(struct sealer *s)
{
	int fd;

	if (!s)
		return -1;
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	fd = s->segment.fd;
	sealer_free(s);
	return fd;
}
