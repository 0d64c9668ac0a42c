// SPDX-License-Identifier: Apache-2.0
#include "chain/writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "chain/files.h"

#define SYNC_AFTER   (900 * MS) /* durable within 1 s */
#define SYNC_BYTES   (2u << 20)
#define NOTE_EVERY   (10000 * MS)
#define RESTARTS_MAX 3 /* of the keeper, in a row */

/* --- stopping -------------------------------------------------------------------------------- */

int writer_stop(struct chain *chain, int err, const char *format, ...)
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
	return writer_stop(chain, -ENOSPC, "disk full while writing %s/%s (%s)", chain->dir, name,
			   strerror(-err));
}

/* --- asking the keeper ----------------------------------------------------------------------- */

static void ask(struct chain *chain, unsigned what)
{
	sealer_ask(chain->sealer, what, chain->segment.number, chain->written, chain->offset);
	chain->sync_due = NEVER;
	chain->unsynced = 0;
}

/* A checkpoint goes with a seal if the last one is NOTE_EVERY ago, else it is due then. */
void writer_ask_seal(struct chain *chain, unsigned more)
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

void writer_ask_note(struct chain *chain)
{
	chain->noted_at = chain->now;
	chain->note_due = NEVER;
	ask(chain, ASK_NOTE);
}

void writer_ask_sync(struct chain *chain)
{
	ask(chain, ASK_SYNC);
}

/* --- segments -------------------------------------------------------------------------------- */

static int write_queued(struct chain *chain);

/* What a segment begins with: SCHEMA, and RECOVERY or LINK if there is one, in one block. */
static int add_beginning(const struct chain *chain, struct queue *queue, struct bytes second)
{
	int err;

	queue->unbounded = true; /* nothing may come before: no waiting here */
	err = queue_add(queue, bytes_of(chain->schema, chain->schema_len));
	if (err == 0 && second.len)
		err = queue_add(queue, second);
	queue->unbounded = false;
	queue_end_block(queue);
	return err;
}

/* Blocks wait in the queue until the keeper has made the segment. */
int writer_roll(struct chain *chain)
{
	int err = add_beginning(chain, &chain->queue, bytes_of(NULL, 0));

	if (err)
		return writer_stop(chain, err, "cannot begin a segment: %s", strerror(-err));
	writer_ask_seal(chain, ASK_SEGMENT);
	chain->rolling = true;
	return 0;
}

static void recovery_entry(const struct chain *chain, const struct open_segment *segment,
			   uint8_t ret[RECOVERY_LEN])
{
	struct recovery recovery = {
		.reason = (uint8_t)segment->reason,
		.valid_len = segment->prev_len,
		.dead_len = segment->dead_len,
		.sealed = segment->sealed,
		.kept = segment->first,
		.previous = segment->number - 1,
	};

	memcpy(recovery.dead_hash, segment->dead_hash, CHAIN_HASH);
	memcpy(recovery.old_boot, chain->begun ? chain->boot_id : segment->old_boot, 16);
	memcpy(recovery.new_boot, chain->boot_id, 16);
	recovery_encode(&recovery, ret);
}

/* A segment that begins anew: behind a SCHEMA, and a RECOVERY if something went wrong, comes all
 * that is not on the disk for certain. */
static int write_again(struct chain *chain, const struct open_segment *segment)
{
	struct bytes second = bytes_of(chain->link, segment->number == 1 ? chain->link_len : 0);
	uint8_t recovery[RECOVERY_LEN];
	struct queue queue;
	int err;

	if (segment->reason) {
		recovery_entry(chain, segment, recovery);
		second = bytes_of(recovery, RECOVERY_LEN);
	}
	queue_init(&queue, segment->first);
	err = add_beginning(chain, &queue, second);
	if (err == 0)
		err = queue_move(&chain->queue, segment->first, &queue);
	queue_end_block(&queue);
	queue_free(&chain->queue);
	chain->queue = queue;
	chain->written = segment->first;
	chain->seal_due = chain->now;
	if (err)
		return writer_stop(chain, err, "cannot write again after an error: %s",
				   strerror(-err));
	return 0;
}

static void take_segment(struct chain *chain)
{
	if (chain->fd >= 0)
		close(chain->fd);
	chain->fd = sealer_take_segment(chain->sealer);
	chain->segment = chain->news.segment;
	chain->offset = chain->segment.header_len;
	chain->rolling = false;
}

static int enter_segment(struct chain *chain)
{
	int err;

	take_segment(chain);
	err = chain->segment.reason ? write_again(chain, &chain->segment) : 0;
	return err ? err : write_queued(chain);
}

int writer_begin(struct chain *chain)
{
	int err;

	sealer_get_news(chain->sealer, &chain->news, &chain->seen);
	take_segment(chain);
	queue_init(&chain->queue, chain->segment.first);
	err = write_again(chain, &chain->segment);
	chain->begun = true;
	return err ? err : writer_flush(chain);
}

/*
 * The keeper was killed, or did not answer and was: another takes its place, from what is on the
 * disk, as after a crash. So what waits is written first; then no index changes. One that ends
 * again and again, with no more in between than the seal that each begins with, is not started for
 * ever.
 */
static int restart_keeper(struct chain *chain)
{
	struct chain_error err;
	int code;

	if (chain->news.seal > chain->restart_seal + 1)
		chain->restarts_unsealed = 0;
	chain->restart_seal = chain->news.seal;
	if (chain->restarts_unsealed++ == RESTARTS_MAX)
		return writer_stop(chain, -EPIPE, "the keeper %s, %d times in a row",
				   sealer_end(chain->sealer), RESTARTS_MAX + 1);
	chain->restarts++;
	writer_flush(chain);
	err.text[0] = 0;
	code = chain->stopped ? chain->stopped : sealer_restart(chain->sealer, &err);
	if (code)
		return writer_stop(chain, code, "the keeper %s and could not be started again: %s",
				   sealer_end(chain->sealer), err.text);
	sealer_get_news(chain->sealer, &chain->news, &chain->seen);
	queue_release(&chain->queue, chain->news.durable);
	code = enter_segment(chain);
	if (code == 0)
		writer_ask_seal(chain, ASK_NOTE);
	return code;
}

int writer_absorb(struct chain *chain)
{
	if (!sealer_has_news(chain->sealer, chain->seen, chain->now))
		return chain->stopped;
	sealer_get_news(chain->sealer, &chain->news, &chain->seen);
	if (chain->news.error)
		return writer_stop(chain, chain->news.error, "%s", chain->news.why);
	if (chain->stopped)
		return chain->stopped;
	if (sealer_is_gone(chain->sealer))
		return restart_keeper(chain);
	queue_release(&chain->queue, chain->news.durable);
	if (chain->news.segment.number != chain->segment.number)
		return enter_segment(chain);
	return 0;
}

static int wait_for_news(struct chain *chain)
{
	sealer_wait(chain->sealer, chain->seen);
	return writer_absorb(chain);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The disk said no to a write. Space may come back some day, but not for this run. */
static int write_failed(struct chain *chain, int err)
{
	uint64_t number = chain->segment.number;

	if (ftruncate(chain->fd, (off_t)chain->offset) < 0)
		err = -EIO; /* a half block stays: this segment cannot go on */
	if (err == -ENOSPC || err == -EDQUOT || err == -EFBIG) {
		stop_full(chain, err);
		ask(chain, ASK_SEAL); /* what was written before is good */
		return chain->stopped;
	}
	ask(chain, ASK_RECOVER);
	while (!chain->stopped && chain->segment.number == number && sealer_is_busy(chain->sealer))
		wait_for_news(chain);
	writer_absorb(chain);
	return chain->stopped;
}

/* One block is one write. A short one is undone and tried once more, to learn why. */
static int write_block(struct chain *chain, struct bytes block)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		ssize_t n;

		do
			n = pwrite(chain->fd, block.data, block.len, (off_t)chain->offset);
		while (n < 0 && errno == EINTR);
		if (n == (ssize_t)block.len)
			return 0;
		if (n < 0)
			return -errno;
		if (ftruncate(chain->fd, (off_t)chain->offset) < 0)
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

int writer_flush(struct chain *chain)
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

int writer_add(struct chain *chain, struct bytes entry)
{
	int err;

	if (!queue_fits(&chain->queue, entry.len)) {
		err = writer_flush(chain);
		if (err)
			return err;
	}
	if (!chain->queue.block && !chain->rolling && chain->offset >= chain->segment_bytes) {
		err = writer_roll(chain);
		if (err)
			return err;
	}
	while ((err = queue_add(&chain->queue, entry)) == -ENOBUFS) {
		err = wait_for_room(chain);
		if (err)
			return err;
	}
	return err ? writer_stop(chain, err, "out of memory") : 0;
}
