// SPDX-License-Identifier: Apache-2.0
/*
 * The writing side: entries are gathered into blocks, one write(2) each, and kept in memory until
 * they are durable. When to write, sync and seal is decided here from the times the caller gives;
 * doing it is the keeper's part.
 */
#define _GNU_SOURCE
#include "chain/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chain/files.h"
#include "chain/internal.h"
#include "chain/seals.h"
#include "chain/segment_file.h"
#include "chain/text.h"
#include "chain/writer.h"

/* Less than what is promised: callers sleep whole milliseconds, disks take their time. */
#define WRITE_AFTER	    (6 * MS)
#define SYNC_AFTER_CRITICAL (100 * MS)
#define SEAL_PAUSE	    (50 * MS) /* between the starts of two seals */
#define POLL		    (10 * MS) /* while the keeper is at work */
#define CLOSE_ATTEMPTS	    4
#define SEGMENT_BYTES	    (64ull << 20)
#define SEGMENT_BYTES_MAX   (1ull << 30)
#define SCHEMA_MAX	    65000 /* with RECOVERY it fits one block */

static const uint64_t SEAL_AFTER[] = {
	[CHAIN_IDLE] = 10000 * MS,
	[CHAIN_NORMAL] = 900 * MS,
	[CHAIN_CRITICAL] = 0,
};

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
	int err = writer_flush(chain);

	set_earlier(&chain->sync_due, chain->now + SYNC_AFTER_CRITICAL);
	if (err == 0 && !chain->rolling && chain->now >= seal_at(chain))
		writer_ask_seal(chain, 0);
	return err;
}

/* News are looked for once for each time the caller names: that is a system call. */
static int absorb(struct chain *chain, uint64_t now)
{
	if (now == chain->now)
		return chain->stopped;
	chain->now = now;
	return writer_absorb(chain);
}

int chain_append(struct chain *chain, struct bytes record, enum chain_urgency urgency, uint64_t now,
		 uint64_t *ret_index)
{
	int err = absorb(chain, now);

	if (err)
		return err;
	if (record.len == 0 || record.len > CHAIN_RECORD_MAX || record.data[0] < CHAIN_RECORD_TYPE)
		return -EINVAL;
	err = writer_add(chain, record);
	if (err)
		return err;
	*ret_index = chain->queue.next - 1;
	set_earlier(&chain->write_due, now + WRITE_AFTER);
	set_earlier(&chain->seal_due, now + SEAL_AFTER[urgency]);
	if (urgency == CHAIN_CRITICAL)
		return append_critical(chain);
	if (now >= chain->write_due || chain->queue.count == BLOCK_ENTRIES_MAX)
		return writer_flush(chain);
	return 0;
}

/* Does segment number begin at index first? */
static int check_segment(const struct chain *chain, uint64_t number, uint64_t first)
{
	struct segment segment = { .fd = -1 };
	const char *why;
	int dirfd = open(chain->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = dirfd < 0 ? -errno : segment_open(dirfd, number, &segment, &why);

	if (err == 0 && segment.header.tree.size != first)
		err = -EINVAL;
	segment_close(&segment);
	if (dirfd >= 0)
		close(dirfd);
	return err;
}

int chain_append_prune(struct chain *chain, uint64_t keep_number, uint64_t keep_first, uint64_t now,
		       uint64_t *ret_index)
{
	struct prune prune = { keep_number, keep_first };
	uint8_t entry[PRUNE_LEN];
	int err = absorb(chain, now);

	if (err)
		return err;
	if (keep_number < 2 || keep_number >= chain->segment.number ||
	    keep_first > chain->news.sealed || check_segment(chain, keep_number, keep_first))
		return -EINVAL;
	prune_encode(&prune, entry);
	err = writer_add(chain, bytes_of(entry, sizeof(entry)));
	if (err)
		return err;
	*ret_index = chain->queue.next - 1;
	set_earlier(&chain->write_due, now + WRITE_AFTER);
	set_earlier(&chain->seal_due, now);
	return append_critical(chain);
}

int chain_tick(struct chain *chain, uint64_t now)
{
	int err;

	chain->now = now;
	err = writer_absorb(chain);
	if (err)
		return err;
	if (now >= chain->write_due)
		err = writer_flush(chain);
	if (err || chain->rolling)
		return err;
	if (chain->seal_due != NEVER && now >= seal_at(chain)) {
		err = writer_flush(chain);
		if (err == 0 && !chain->rolling)
			writer_ask_seal(chain, 0);
	} else if (now >= chain->sync_due) {
		writer_ask_sync(chain);
	}
	if (err == 0 && now >= chain->note_due)
		writer_ask_note(chain);
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
	if (sealer_is_busy(chain->sealer))
		set_earlier(&due, chain->now + POLL);
	return due;
}

void chain_get_state(const struct chain *chain, struct chain_state *ret)
{
	struct keeper_news news;
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

unsigned chain_restarts(const struct chain *chain, const char **ret_why, uint32_t *ret_process)
{
	*ret_why = sealer_end(chain->sealer);
	*ret_process = sealer_process(chain->sealer);
	return chain->restarts;
}

const char *chain_stop_reason(const struct chain *chain)
{
	return chain->why;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void chain_free(struct chain *chain)
{
	sealer_stop(chain->sealer);
	if (chain->fd >= 0)
		close(chain->fd);
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
	chain->fd = -1;
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

static int make_hello(const struct chain_options *options, const uint8_t machine[16],
		      enum log_making making, struct keeper_hello *ret, struct chain_error *err)
{
	const char *name = options->name ? options->name : "";

	if (options->schema.len > SCHEMA_MAX || options->segment_bytes > SEGMENT_BYTES_MAX)
		return chain_fail(err, -EINVAL, "schema or segment size is too large");
	if (strlen(name) > CHAIN_NAME_MAX)
		return chain_fail(err, -EINVAL, "a chain's name has at most %d characters",
				  CHAIN_NAME_MAX);
	if (strlen(options->dir) >= sizeof(ret->dir))
		return chain_fail(err, -ENAMETOOLONG,
				  "the name of the chain directory is too long");
	*ret = (struct keeper_hello){ .making = making };
	memcpy(ret->machine, machine, 16);
	strcpy(ret->name, name);
	strcpy(ret->dir, options->dir);
	return 0;
}

static void keep_link(struct chain *chain, const struct chain_link *to)
{
	struct link link = { .direction = LINK_BACK,
			     .size = to->size,
			     .root = to->root,
			     .vkey = bytes_of_text(to->vkey) };

	chain->link_len = link_encode(&link, chain->link);
}

/* The first segment of this run: SCHEMA, RECOVERY if the last run ended uncleanly, and a seal. */
static int begin(struct chain *chain, bool close, struct chain_error *err)
{
	writer_begin(chain);
	if (!chain->stopped)
		writer_ask_seal(chain, ASK_NOTE | (close ? ASK_CLOSE : 0));
	chain_settle(chain);
	return chain->stopped ? chain_fail(err, chain->stopped, "%s", chain->why) : 0;
}

int chain_start(struct chain **ret, const struct chain_options *options, const uint8_t machine[16],
		enum log_making making, struct chain_opened *opened, struct chain_error *err)
{
	struct keeper_opened answer;
	struct keeper_hello hello;
	struct chain *chain;
	int code;

	if (err)
		err->text[0] = 0;
	code = make_hello(options, machine, making, &hello, err);
	if (code)
		return code;
	chain = chain_new(options);
	if (!chain)
		return -ENOMEM;
	code = sealer_start(&chain->sealer, &hello, options->keeper, &answer, err);
	if (code)
		goto fail;
	*opened = answer.opened;
	if (opened->created && options->link)
		keep_link(chain, options->link);
	code = begin(chain, making == MAKE_NEW, err);
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
	return chain_start(ret, options, machine, MAKE_IF_NONE, opened, err);
}

int chain_keygen(const struct chain_options *options, struct chain_opened *opened,
		 struct chain_error *err)
{
	struct chain *chain = NULL;
	uint8_t machine[16];
	int code;

	machine_hash(options->machine_id, machine);
	code = chain_start(&chain, options, machine, MAKE_NEW, opened, err);
	chain_abandon(chain);
	return code;
}

void chain_settle(struct chain *chain)
{
	do {
		sealer_wait(chain->sealer, chain->seen);
		writer_absorb(chain);
	} while (sealer_is_busy(chain->sealer));
}

void chain_abandon(struct chain *chain)
{
	if (chain)
		chain_free(chain);
}

/* Seal everything with the CLOSE flag. When nothing is left to be sealed, the SCHEMA of one more
 * segment is: a seal must cover something. A keeper that is replaced on the way seals what it
 * finds, and an I/O error asks for more to be written: then once again, but not for ever. */
static int close_log(struct chain *chain)
{
	unsigned restarts, attempts = 0;

	do {
		if (attempts++ == CLOSE_ATTEMPTS)
			return writer_stop(chain, -EPIPE,
					   "the keeper %s while the chain was closed",
					   sealer_end(chain->sealer));
		restarts = chain->restarts;
		writer_flush(chain);
		chain_settle(chain);
		if (!chain->stopped && chain->written == chain->news.sealed) {
			writer_roll(chain);
			chain_settle(chain);
		}
		if (!chain->stopped)
			writer_ask_seal(chain, ASK_CLOSE | ASK_NOTE);
		chain_settle(chain);
	} while (!chain->stopped &&
		 (restarts != chain->restarts || chain->news.sealed < chain->written));
	return chain->stopped;
}

int chain_close(struct chain *chain, uint64_t now, struct chain_error *err)
{
	int ret;

	if (!chain)
		return 0;
	chain->now = now;
	writer_absorb(chain);
	if (!chain->stopped)
		close_log(chain);
	chain_settle(chain); /* after a stop too: what was written before is good */
	ret = chain->stopped;
	if (ret && err)
		snprintf(err->text, sizeof(err->text), "%s", chain->why);
	chain_free(chain);
	return ret;
}
