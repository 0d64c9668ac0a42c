/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_WRITER_H
#define CHAIN_WRITER_H
/* The writing side of a chain: entries into blocks, blocks into segments, segments one after the
 * other. What it asks of the keeper, and what it does when the disk fails. */
#include "chain/queue.h"
#include "chain/sealer.h"

#define MS    1000000ull
#define NEVER UINT64_MAX

struct chain {
	struct sealer *sealer;
	unsigned seen; /* of the keeper's news */
	struct keeper_news news;
	unsigned restarts; /* of the keeper; since the last seal: */
	unsigned restarts_unsealed;
	uint64_t restart_seal; /* number of the last seal at the last restart */
	bool begun;

	struct queue queue;
	struct open_segment segment;
	int fd;		  /* of it */
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
	uint8_t link[LINK_LEN_MAX]; /* the LINK back of a new log */
	size_t link_len;
	char *dir;
	int stopped; /* -errno */
	char why[320];
};

/* All return 0 or the -errno that stopped the chain. */

/* Stop: nothing is appended from here on. The first reason stays. */
__attribute__((format(printf, 3, 4))) int writer_stop(struct chain *chain, int err,
						      const char *format, ...);

/* Begin the first segment of a run, which the keeper has opened. */
int writer_begin(struct chain *chain);

/* Add an entry to the open block; where it ends, to the next block or segment. Waits for the disk
 * when memory is full of what is not durable. */
int writer_add(struct chain *chain, struct bytes entry);

/* Close the open block and write what can be written now. */
int writer_flush(struct chain *chain);

/* Go on in a new segment; the present one is sealed. All blocks must be closed and written. */
int writer_roll(struct chain *chain);

/* Take note of what the keeper has done; put another in its place if it is gone. */
int writer_absorb(struct chain *chain);

/* Ask the keeper for a seal over everything written (more: ASK_CLOSE, ASK_NOTE), a checkpoint, or
 * that it is durable. */
void writer_ask_seal(struct chain *chain, unsigned more);
void writer_ask_note(struct chain *chain);
void writer_ask_sync(struct chain *chain);

#endif
