/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_CHAIN_H
#define CHAIN_CHAIN_H
/*
 * The signed chain: writing side. Bytes in, evidence out; nothing here knows what a record says.
 *
 * One thread (the pipeline) calls chain_append and chain_tick; the keeper, a process of its own,
 * hashes what is on the disk and alone holds the keys. No clock is read: the caller says what time
 * it is, in monotonic nanoseconds. Format, write order and restart: README.md in this folder.
 */
#include <stdbool.h>

#include "base/bytes.h"

#define CHAIN_RECORD_MAX 65519 /* bytes of one record */
#define CHAIN_RECORD_TYPE                                                                          \
	0x10 /* first byte of a record: this or above; below is the chain's own                    \
	      */
#define CHAIN_HASH     32
#define CHAIN_NAME_MAX 63

/* How soon an entry must be sealed: at once (50 ms floor), within 1 s, within 10 s. */
enum chain_urgency { CHAIN_IDLE, CHAIN_NORMAL, CHAIN_CRITICAL };

/* Why something failed, in one line a person can act on; "" when errno says it all. */
struct chain_error {
	char text[512];
};

/* Another log, at a size. */
struct chain_link {
	char vkey[256];
	uint64_t size;
	uint8_t root[CHAIN_HASH];
};

struct chain_options {
	const char *dir;	 /* D; keys go to D".keys" */
	const char *name;	 /* host name for the origin, [a-z0-9.-]{1,63}; used when created */
	struct bytes machine_id; /* text of /etc/machine-id without the newline */
	uint8_t boot_id[16];	 /* of this boot */
	struct bytes schema;	 /* text of the SCHEMA entry of every new segment, at most
				   65,000 bytes; copied */
	uint64_t segment_bytes;	 /* roll over at this size; 0 means 64 MiB */
	const char *keeper;	 /* program to run as `PROGRAM keeper`, which calls chain_keep();
				    NULL: keys are held by a thread of this process (tests) */
	const struct chain_link *link; /* of the log that this one goes on from, or NULL; used
					  when created */
};

/* What chain_open found and did. */
struct chain_opened {
	int created;	      /* a new log was made */
	int recovered;	      /* a RECOVERY entry was written */
	uint64_t sealed;      /* entries covered by the last seal found */
	uint64_t adopted;     /* durable but unsealed entries taken over */
	uint64_t dead;	      /* bytes of the torn tail */
	char vkey[256];	      /* verifier key: origin+keyid+base64, pin this off the host */
	char fingerprint[20]; /* first 16 hex digits of the log id */
};

struct chain_state {
	uint64_t next;		  /* index the next entry gets */
	uint64_t written;	  /* entries handed to write(2) */
	uint64_t durable;	  /* entries known to be on the disk */
	uint64_t sealed;	  /* entries covered by a durable seal */
	uint64_t seal;		  /* number of that seal */
	uint64_t segment;	  /* number of the open segment */
	uint64_t bytes;		  /* bytes written to segments since chain_open */
	uint8_t root[CHAIN_HASH]; /* root at sealed */
};

struct chain;

/*
 * Create dir (0700) with keys and first seal, or restart from what is there (R1..R6).
 * 0, or: -EWOULDBLOCK another process writes it; -EKEYREJECTED keys or host differ;
 * -EBADMSG the evidence is damaged (TAMPER, exit 1); -ESTALE the chain was rolled back (exit 1);
 * -EKEYREVOKED it was handed over to another log (chain_rotate);
 * -EPROTONOSUPPORT a version this build does not know; any other -errno from the system.
 * err is filled on failure.
 */
int chain_open(struct chain **ret, const struct chain_options *options, struct chain_opened *opened,
	       struct chain_error *err);

/*
 * Append one record (first byte >= CHAIN_RECORD_TYPE). *ret_index gets its index; until the record
 * is durable an I/O error can still move it up by two. Returns before it is written: within 10 ms
 * (next chain_tick), at once when CRITICAL. Waits for the disk when 16 MiB are not yet durable.
 * -EINVAL for a bad length or type; any other error means that the chain has stopped (below).
 */
int chain_append(struct chain *chain, struct bytes record, enum chain_urgency urgency, uint64_t now,
		 uint64_t *ret_index);

/*
 * Append a PRUNE entry, to be sealed at once: segments below keep_number may be deleted, oldest
 * first, once chain_get_state says sealed > *ret_index. -EINVAL unless keep_number is a segment
 * that is there, at least 2 and below the open one, that begins at keep_first, all before it
 * sealed; other errors as for chain_append.
 */
int chain_append_prune(struct chain *chain, uint64_t keep_number, uint64_t keep_first, uint64_t now,
		       uint64_t *ret_index);

/* Write, sync and seal what is due; call at least every 10 ms while records are pending.
 * 0 or the error that stopped the chain. */
int chain_tick(struct chain *chain, uint64_t now);

/* Monotonic time at which chain_tick next has something to do; UINT64_MAX when nothing waits. */
uint64_t chain_due(const struct chain *chain);

/* For the thread that appends, like all else here. */
void chain_get_state(const struct chain *chain, struct chain_state *ret);

/* How often the keeper was found gone or not answering, and replaced; how the last one ended (""
 * none did); process id of the present one. */
unsigned chain_restarts(const struct chain *chain, const char **ret_why, uint32_t *ret_process);

/* Why the chain stopped; "" while it runs. After a stop nothing more is appended. */
const char *chain_stop_reason(const struct chain *chain);

/*
 * Write, sync, and seal with the CLOSE flag; the caller has appended its last record. If that is
 * sealed already, one more segment is opened and its SCHEMA sealed. NULL is accepted. Frees
 * everything whatever the result. A stopped chain is not closed: its tail is torn, and what
 * stopped it is returned.
 */
int chain_close(struct chain *chain, uint64_t now, struct chain_error *err);

/* Let go without writing anything (tests: a crash; commands: an error exit). */
void chain_abandon(struct chain *chain);

/*
 * Make a new chain whose key can be pinned before first use: everything chain_open creates (the
 * format has no key without a first seal). -EEXIST when dir already holds a chain.
 */
int chain_keygen(const struct chain_options *options, struct chain_opened *opened,
		 struct chain_error *err);

struct chain_rotated {
	char kept[512];	  /* directory in which the old log is now; "" when there was none */
	bool handed_over; /* the old log's last entry names the new one */
	struct chain_error refusal; /* else: why the old log could not be gone on with */
};

/*
 * R7: end the log in options->dir, whatever its state, and put a new one with new keys in its
 * place, which names the old one and how far that went. A log that can still be written is closed
 * with an entry that names the new one, and its keys are erased; one that is refused is moved
 * aside as it is. Call again after a crash at any point. old_schema: for the old log's last
 * segment. -EWOULDBLOCK when a process writes the old log.
 */
int chain_rotate(const struct chain_options *options, struct bytes old_schema,
		 struct chain_rotated *ret, struct chain_error *err);

/*
 * Be the keeper: what the program named in chain_options does when it is run as `PROGRAM keeper`.
 * Serves until the other side is gone. -ENOTSOCK when it was not run by chain_open; any other
 * error was told to the other side.
 */
int chain_keep(void);

#endif
