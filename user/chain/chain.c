// SPDX-License-Identifier: Apache-2.0
/*
 * The writing side: entries are gathered into blocks, one write(2) each, and kept in memory until
 * they are durable. When to write, sync and seal is decided here from the times the caller gives;
 * doing it is the sealer's part.
 */
#include "chain/chain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sodium.h>

#include "chain/files.h"
#include "chain/internal.h"
#include "chain/queue.h"
#include "chain/sealer.h"
#include "chain/text.h"

#define MS    1000000ull
#define NEVER UINT64_MAX

#define WRITE_AFTER	    (10 * MS)
#define SYNC_AFTER	    (1000 * MS)
#define SYNC_AFTER_CRITICAL (100 * MS)
#define SYNC_BYTES	    (8u << 20)
#define SEAL_PAUSE	    (50 * MS) /* between the starts of two seals */
#define NOTE_EVERY	    (10000 * MS)
#define POLL		    (10 * MS) /* while the sealer is at work */
#define SEGMENT_BYTES	    (64ull << 20)
#define SEGMENT_BYTES_MAX   (1ull << 30)
#define SCHEMA_MAX	    65000 /* with RECOVERY it fits one block */

static const uint64_t SEAL_AFTER[] = {
	[CHAIN_IDLE] = 10000 * MS,
	[CHAIN_NORMAL] = 1000 * MS,
	[CHAIN_CRITICAL] = 0,
};

struct chain {
	struct sealer *sealer;
	unsigned seen; /* of the sealer's news */
	struct sealer_news news;

	struct queue queue;
	struct open_segment segment;
	uint64_t offset;  /* bytes written to it */
	uint64_t written; /* entries */
	bool rolling;	  /* asked for the next segment; blocks wait for it */

	uint64_t now, write_due, sync_due, seal_due, note_due;
	uint64_t sealed_at, noted_at; /* last time a seal, a checkpoint was asked for */
	uint64_t unsynced;	      /* bytes written since a sync was last asked for */
	uint64_t bytes;

	uint64_t segment_bytes;
	uint8_t boot_id[16];
	uint8_t *schema; /* the entry: type and text */
	size_t schema_len;
	char *dir;
	int stopped; /* -errno */
	char why[320];
};

/* --- stopping -------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int stop(struct chain *chain, int err,
						      const char *format, ...)
{
	va_list args;

	if (chain->stopped)
		return chain->stopped;
	va_start(args, format);
	vsnprintf(chain->why, sizeof(chain->why), format, args);
	va_end(args);
	chain->stopped = err;
	return err;
}

static int stop_full(struct chain *chain, int err)
{
	char name[SEGMENT_NAME_MAX];

	segment_name(chain->segment.number, name);
	return stop(chain, -ENOSPC, "disk full while writing %s/%s (%s)", chain->dir, name,
		    strerror(-err));
}

/* --- asking the sealer ----------------------------------------------------------------------- */

static void ask(struct chain *chain, unsigned what)
{
	sealer_ask(chain->sealer, what, chain->segment.number, chain->written, chain->offset);
	chain->sync_due = NEVER;
	chain->unsynced = 0;
}

/* A checkpoint goes with a seal if the last one is NOTE_EVERY ago, else it is due then. */
static void ask_seal(struct chain *chain, unsigned more)
{
	if (chain->now >= chain->noted_at + NOTE_EVERY)
		more |= ASK_NOTE;
	if (more & ASK_NOTE)
		chain->noted_at = chain->now;
	chain->note_due = more & ASK_NOTE ? NEVER : chain->noted_at + NOTE_EVERY;
	chain->seal_due = NEVER;
	chain->sealed_at = chain->now;
	ask(chain, ASK_SEAL | more);
}

static void ask_note(struct chain *chain)
{
	chain->noted_at = chain->now;
	chain->note_due = NEVER;
	ask(chain, ASK_NOTE);
}

/* --- segments -------------------------------------------------------------------------------- */

static int write_queued(struct chain *chain);

static struct bytes schema_entry(const struct chain *chain)
{
	return bytes_of(chain->schema, chain->schema_len);
}

/* Everything goes on in a new segment: seal the present one, and let blocks wait in the queue. */
static int roll(struct chain *chain)
{
	int err;

	ask_seal(chain, ASK_SEGMENT);
	chain->rolling = true;
	err = queue_add(&chain->queue, schema_entry(chain));
	if (err)
		return stop(chain, err, "cannot begin a segment: %s", strerror(-err));
	queue_end_block(&chain->queue);
	return 0;
}

static void recovery_entry(const struct chain *chain, const struct open_segment *segment,
			   uint8_t ret[RECOVERY_LEN])
{
	struct recovery recovery = {
		.reason = (uint8_t)segment->reason,
		.valid_len = segment->prev_len,
		.dead_len = segment->dead_len,
		.sealed = chain->news.sealed,
		.kept = segment->first,
		.previous = segment->number - 1,
	};

	memcpy(recovery.old_boot, chain->boot_id, 16);
	memcpy(recovery.new_boot, chain->boot_id, 16);
	recovery_encode(&recovery, ret);
}

/* The sealer went to a new segment after an I/O error: all that is not durable is written again
 * there, behind a SCHEMA and a RECOVERY. */
static int write_again(struct chain *chain, const struct open_segment *segment)
{
	uint8_t recovery[RECOVERY_LEN];
	struct queue queue;
	int err;

	recovery_entry(chain, segment, recovery);
	queue_init(&queue, segment->first);
	err = queue_add(&queue, schema_entry(chain));
	if (err == 0)
		err = queue_add(&queue, bytes_of(recovery, sizeof(recovery)));
	queue_end_block(&queue);
	if (err == 0)
		err = queue_move(&chain->queue, segment->first, &queue);
	queue_end_block(&queue);
	queue_free(&chain->queue);
	chain->queue = queue;
	chain->written = segment->first;
	chain->seal_due = chain->now;
	if (err)
		return stop(chain, err, "cannot write again after an I/O error: %s",
			    strerror(-err));
	return 0;
}

static int enter_segment(struct chain *chain, const struct open_segment *segment)
{
	int err;

	if (chain->segment.fd >= 0)
		close(chain->segment.fd);
	chain->segment = *segment;
	chain->offset = segment->header_len;
	chain->rolling = false;
	err = segment->reason ? write_again(chain, segment) : 0;
	return err ? err : write_queued(chain);
}

/* Take note of what the sealer has done. */
static int absorb(struct chain *chain)
{
	if (!sealer_has_news(chain->sealer, chain->seen))
		return chain->stopped;
	sealer_get_news(chain->sealer, &chain->news, &chain->seen);
	if (chain->news.error)
		return stop(chain, chain->news.error, "%s", chain->news.why);
	if (chain->stopped)
		return chain->stopped;
	queue_release(&chain->queue, chain->news.durable);
	if (chain->news.segment.number != chain->segment.number)
		return enter_segment(chain, &chain->news.segment);
	return 0;
}

static int wait_for_news(struct chain *chain)
{
	sealer_wait(chain->sealer, chain->seen);
	return absorb(chain);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The disk said no to a write. Space may come back some day, but not for this run. */
static int write_failed(struct chain *chain, int err)
{
	uint64_t number = chain->segment.number;

	if (ftruncate(chain->segment.fd, (off_t)chain->offset) < 0)
		err = -EIO; /* a half block stays: this segment cannot go on */
	if (err == -ENOSPC || err == -EDQUOT || err == -EFBIG) {
		stop_full(chain, err);
		ask(chain, ASK_SEAL); /* what was written before is good */
		return chain->stopped;
	}
	ask(chain, ASK_RECOVER);
	while (!chain->stopped && chain->segment.number == number && sealer_is_busy(chain->sealer))
		wait_for_news(chain);
	absorb(chain);
	return chain->stopped;
}

/* One block is one write. A short one is undone and tried once more, to learn why. */
static int write_block(struct chain *chain, struct bytes block)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		ssize_t n;

		do
			n = pwrite(chain->segment.fd, block.data, block.len, (off_t)chain->offset);
		while (n < 0 && errno == EINTR);
		if (n == (ssize_t)block.len)
			return 0;
		if (n < 0)
			return -errno;
		if (ftruncate(chain->segment.fd, (off_t)chain->offset) < 0)
			return -EIO;
	}
	return -ENOSPC;
}

/* Closed blocks that wait, into the open segment. */
static int write_queued(struct chain *chain)
{
	struct bytes block;
	unsigned entries;

	while (!chain->stopped && !chain->rolling &&
	       queue_unwritten(&chain->queue, &block, &entries)) {
		int err = write_block(chain, block);

		if (err)
			return write_failed(chain, err);
		queue_written(&chain->queue, block.len);
		chain->offset += block.len;
		chain->bytes += block.len;
		chain->unsynced += block.len;
		chain->written += entries;
		if (chain->sync_due == NEVER)
			chain->sync_due = chain->now + SYNC_AFTER;
		if (chain->unsynced >= SYNC_BYTES)
			ask(chain, ASK_SYNC);
	}
	return chain->stopped;
}

static int flush(struct chain *chain)
{
	chain->write_due = NEVER;
	queue_end_block(&chain->queue);
	return write_queued(chain);
}

/* All memory is taken by what is not durable: wait for the disk. */
static int wait_for_room(struct chain *chain)
{
	if (!chain->rolling)
		ask(chain, ASK_SYNC);
	return wait_for_news(chain);
}

static int add_entry(struct chain *chain, struct bytes entry)
{
	int err;

	if (!queue_fits(&chain->queue, entry.len)) {
		err = flush(chain);
		if (err)
			return err;
	}
	if (!chain->queue.block && !chain->rolling && chain->offset >= chain->segment_bytes) {
		err = roll(chain);
		if (err)
			return err;
	}
	while ((err = queue_add(&chain->queue, entry)) == -ENOBUFS) {
		err = wait_for_room(chain);
		if (err)
			return err;
	}
	return err ? stop(chain, err, "out of memory") : 0;
}

static void set_earlier(uint64_t *due, uint64_t at)
{
	if (at < *due)
		*due = at;
}

/* Seal now, or as soon as the last seal is SEAL_PAUSE ago. */
static uint64_t seal_at(const struct chain *chain)
{
	uint64_t earliest = chain->sealed_at + SEAL_PAUSE;

	return chain->seal_due > earliest ? chain->seal_due : earliest;
}

static int append_critical(struct chain *chain)
{
	int err = flush(chain);

	set_earlier(&chain->sync_due, chain->now + SYNC_AFTER_CRITICAL);
	if (err == 0 && !chain->rolling && chain->now >= seal_at(chain))
		ask_seal(chain, 0);
	return err;
}

int chain_append(struct chain *chain, struct bytes record, enum chain_urgency urgency, uint64_t now,
		 uint64_t *ret_index)
{
	int err = absorb(chain);

	if (err)
		return err;
	if (record.len == 0 || record.len > CHAIN_RECORD_MAX || record.data[0] < CHAIN_RECORD_TYPE)
		return -EINVAL;
	chain->now = now;
	err = add_entry(chain, record);
	if (err)
		return err;
	*ret_index = chain->queue.next - 1;
	set_earlier(&chain->write_due, now + WRITE_AFTER);
	set_earlier(&chain->seal_due, now + SEAL_AFTER[urgency]);
	if (urgency == CHAIN_CRITICAL)
		return append_critical(chain);
	if (now >= chain->write_due || chain->queue.count == BLOCK_ENTRIES_MAX)
		return flush(chain);
	return 0;
}

int chain_tick(struct chain *chain, uint64_t now)
{
	int err = absorb(chain);

	if (err)
		return err;
	chain->now = now;
	if (now >= chain->write_due)
		err = flush(chain);
	if (err || chain->rolling)
		return err;
	if (chain->seal_due != NEVER && now >= seal_at(chain)) {
		err = flush(chain);
		if (err == 0 && !chain->rolling)
			ask_seal(chain, 0);
	} else if (now >= chain->sync_due) {
		ask(chain, ASK_SYNC);
	}
	if (err == 0 && now >= chain->note_due)
		ask_note(chain);
	return err;
}

uint64_t chain_due(const struct chain *chain)
{
	uint64_t due = chain->write_due;

	if (chain->stopped)
		return NEVER;
	set_earlier(&due, chain->sync_due);
	set_earlier(&due, chain->note_due);
	if (chain->seal_due != NEVER)
		set_earlier(&due, seal_at(chain));
	if (sealer_is_busy(chain->sealer) || sealer_has_news(chain->sealer, chain->seen))
		set_earlier(&due, chain->now + POLL);
	return due;
}

void chain_get_state(const struct chain *chain, struct chain_state *ret)
{
	struct sealer_news news;
	unsigned seen;

	sealer_get_news(chain->sealer, &news, &seen);
	*ret = (struct chain_state){
		.next = chain->queue.next,
		.written = chain->written,
		.durable = news.durable,
		.sealed = news.sealed,
		.seal = news.seal,
		.segment = news.segment.number,
		.bytes = chain->bytes,
	};
	memcpy(ret->root, news.root, CHAIN_HASH);
}

const char *chain_stop_reason(const struct chain *chain)
{
	return chain->why;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void chain_free(struct chain *chain)
{
	sealer_stop(chain->sealer);
	if (chain->segment.fd >= 0)
		close(chain->segment.fd);
	queue_free(&chain->queue);
	free(chain->schema);
	free(chain->dir);
	free(chain);
}

static struct chain *chain_new(const struct chain_options *options)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return NULL;
	chain->segment.fd = -1;
	chain->write_due = chain->sync_due = chain->seal_due = chain->note_due = NEVER;
	chain->segment_bytes = options->segment_bytes ? options->segment_bytes : SEGMENT_BYTES;
	memcpy(chain->boot_id, options->boot_id, 16);
	chain->schema_len = 1 + options->schema.len;
	chain->schema = malloc(chain->schema_len);
	chain->dir = strdup(options->dir);
	if (!chain->schema || !chain->dir) {
		chain_free(chain);
		return NULL;
	}
	chain->schema[0] = ENTRY_SCHEMA;
	put_bytes(chain->schema + 1, options->schema.data, options->schema.len);
	return chain;
}

static void describe(const struct log *log, struct chain_opened *ret)
{
	*ret = (struct chain_opened){
		.created = log->number == 0,
		.recovered = !log->clean,
		.sealed = log->last.size,
		.adopted = log->tree.size - log->last.size,
		.dead = log->dead_len,
	};
	strcpy(ret->vkey, log->name.vkey);
	put_hex(ret->fingerprint, log->name.lid, 8);
}

static void unclean_entry(const struct chain *chain, const struct log *log,
			  uint8_t ret[RECOVERY_LEN])
{
	struct recovery recovery = {
		.reason = RECOVERY_UNCLEAN,
		.valid_len = log->valid_len,
		.dead_len = log->dead_len,
		.sealed = log->last.size,
		.kept = log->tree.size,
		.previous = log->number,
	};

	memcpy(recovery.dead_hash, log->dead_hash, CHAIN_HASH);
	memcpy(recovery.old_boot, log->old_boot, 16);
	memcpy(recovery.new_boot, chain->boot_id, 16);
	recovery_encode(&recovery, ret);
}

/* The first segment of this run: SCHEMA, RECOVERY if the last run ended uncleanly, and a seal. */
static int begin(struct chain *chain, struct log *log, bool create, struct chain_error *err)
{
	uint8_t recovery[RECOVERY_LEN];
	bool clean = log->clean;
	int ret;

	unclean_entry(chain, log, recovery);
	queue_init(&chain->queue, log->tree.size);
	chain->written = log->tree.size;
	ret = sealer_start(&chain->sealer, log, err);
	if (ret)
		return ret;
	absorb(chain);
	ret = queue_add(&chain->queue, schema_entry(chain));
	if (ret == 0 && !clean)
		ret = queue_add(&chain->queue, bytes_of(recovery, sizeof(recovery)));
	if (ret)
		return ret;
	flush(chain);
	if (!chain->stopped)
		ask_seal(chain, ASK_NOTE | (create ? ASK_CLOSE : 0));
	chain_settle(chain);
	return chain->stopped ? chain_fail(err, chain->stopped, "%s", chain->why) : 0;
}

int chain_start(struct chain **ret, const struct chain_options *options, const uint8_t machine[16],
		bool create, struct chain_opened *opened, struct chain_error *err)
{
	struct chain *chain;
	struct log log;
	int code;

	if (err)
		err->text[0] = 0;
	if (sodium_init() < 0)
		return chain_fail(err, -ENOSYS, "libsodium does not start");
	if (options->schema.len > SCHEMA_MAX || options->segment_bytes > SEGMENT_BYTES_MAX)
		return chain_fail(err, -EINVAL, "schema or segment size is too large");
	chain = chain_new(options);
	if (!chain)
		return -ENOMEM;
	code = log_open(&log, options, machine, create, err);
	if (code)
		goto fail;
	describe(&log, opened);
	code = begin(chain, &log, create, err);
	if (code)
		goto fail;
	*ret = chain;
	return 0;
fail:
	chain_free(chain);
	return code;
}

int chain_open(struct chain **ret, const struct chain_options *options, struct chain_opened *opened,
	       struct chain_error *err)
{
	uint8_t machine[16];

	machine_hash(options->machine_id, machine);
	return chain_start(ret, options, machine, false, opened, err);
}

int chain_keygen(const struct chain_options *options, struct chain_opened *opened,
		 struct chain_error *err)
{
	struct chain *chain;
	uint8_t machine[16];
	int code;

	machine_hash(options->machine_id, machine);
	code = chain_start(&chain, options, machine, true, opened, err);
	if (code == 0)
		chain_free(chain);
	return code;
}

void chain_settle(struct chain *chain)
{
	do {
		sealer_finish(chain->sealer);
		absorb(chain);
	} while (!chain->stopped && sealer_is_busy(chain->sealer));
}

void chain_abandon(struct chain *chain)
{
	if (chain)
		chain_free(chain);
}

/* Seal everything with the CLOSE flag. When nothing is left to be sealed, the SCHEMA of one more
 * segment is: a seal must cover something. */
static int close_log(struct chain *chain)
{
	flush(chain);
	chain_settle(chain);
	if (!chain->stopped && chain->written == chain->news.sealed) {
		roll(chain);
		chain_settle(chain);
	}
	while (!chain->stopped && chain->news.sealed < chain->written) {
		ask_seal(chain, ASK_CLOSE | ASK_NOTE);
		chain_settle(chain); /* an I/O error on the way may have asked for more */
	}
	return chain->stopped;
}

int chain_close(struct chain *chain, uint64_t now, struct chain_error *err)
{
	int ret;

	if (!chain)
		return 0;
	absorb(chain);
	chain->now = now;
	if (!chain->stopped)
		close_log(chain);
	ret = chain->stopped;
	if (ret && err)
		snprintf(err->text, sizeof(err->text), "%s", chain->why);
	chain_free(chain);
	return ret;
}
