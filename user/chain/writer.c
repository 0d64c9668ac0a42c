// SPDX-License-Identifier: Apache-2.0
#include "chain/writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "chain/files.h"

#define SYNC_AFTER (1000 * MS)
#define SYNC_BYTES (8u << 20)
#define NOTE_EVERY (10000 * MS)

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

/* --- asking the sealer ----------------------------------------------------------------------- */

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

/* What a segment begins with: SCHEMA, and RECOVERY if there is one, in one block. */
static int add_beginning(const struct chain *chain, struct queue *queue, const uint8_t *recovery)
{
	int err;

	queue->unbounded = true; /* nothing may come before: no waiting here */
	err = queue_add(queue, bytes_of(chain->schema, chain->schema_len));
	if (err == 0 && recovery)
		err = queue_add(queue, bytes_of(recovery, RECOVERY_LEN));
	queue->unbounded = false;
	queue_end_block(queue);
	return err;
}

int writer_begin(struct chain *chain, const uint8_t *recovery)
{
	int err = add_beginning(chain, &chain->queue, recovery);

	if (err)
		return writer_stop(chain, err, "cannot begin a segment: %s", strerror(-err));
	return writer_flush(chain);
}

/* Blocks wait in the queue until the sealer has made the segment. */
int writer_roll(struct chain *chain)
{
	writer_ask_seal(chain, ASK_SEGMENT);
	chain->rolling = true;
	return writer_begin(chain, NULL);
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
	err = add_beginning(chain, &queue, recovery);
	if (err == 0)
		err = queue_move(&chain->queue, segment->first, &queue);
	queue_end_block(&queue);
	queue_free(&chain->queue);
	chain->queue = queue;
	chain->written = segment->first;
	chain->seal_due = chain->now;
	if (err)
		return writer_stop(chain, err, "cannot write again after an I/O error: %s",
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

int writer_absorb(struct chain *chain)
{
	if (!sealer_has_news(chain->sealer, chain->seen))
		return chain->stopped;
	sealer_get_news(chain->sealer, &chain->news, &chain->seen);
	if (chain->news.error)
		return writer_stop(chain, chain->news.error, "%s", chain->news.why);
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
	return writer_absorb(chain);
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
	writer_absorb(chain);
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
