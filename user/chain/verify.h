/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_VERIFY_H
#define CHAIN_VERIFY_H
/*
 * Judging a chain: steps V1..V8 and the verdict table of the format (README.md). Needs no secret.
 * The layer above sees every entry through a callback, works out the coverage (lost events), and
 * hands its numbers to chain_judge, which names the verdict.
 */
#include <stdbool.h>

#include "chain/reader.h"

enum chain_verdict {
	CHAIN_OK,
	CHAIN_LOSS,
	CHAIN_TORN,
	CHAIN_STALE,
	CHAIN_UNVERIFIABLE,
	CHAIN_ROLLBACK,
	CHAIN_FORK,
	CHAIN_TAMPER,
	CHAIN_VERDICTS
};

struct chain_held { /* a checkpoint the verifier brings along */
	uint64_t size;
	uint8_t root[CHAIN_HASH];
};

/*
 * What the layer above makes of entries, before they are known to be covered. Each segment's go
 * to a part, in order, by one thread, while others fill other parts. Parts are merged in the order
 * of the chain by the thread that called chain_verify, and nothing of an entry behind the first
 * failure is: whatever the number of threads, the same is merged in the same order.
 */
struct chain_watch {
	void *ctx;
	/* A new part, NULL when out of memory. NULL instead: ctx is the part, one thread is used.
	 */
	void *(*open)(void *ctx);
	void (*close)(void *part);
	/* 0; 1 to have what was gathered merged before going on; -errno stops. NULL: no one asks.
	 */
	int (*entry)(void *part, const struct chain_entry *entry);
	/* Take what was gathered; the part is empty then. 0 or -errno, which stops. May be NULL. */
	int (*merge)(void *ctx, void *part);
};

struct chain_progress {
	uint64_t done, total; /* bytes of files */
	uint64_t entries;     /* done */
};

struct chain_verify_options {
	const char *dir;
	const char *vkey;		/* pinned verifier key, or NULL */
	const char *const *checkpoints; /* signed-note files, NULL-terminated, or NULL */
	const struct chain_held *held;	/* size and root given by hand */
	size_t held_count;
	unsigned threads; /* 0: as many as there are processors */
	struct chain_watch watch;
	/* Called now and then, by the thread that called chain_verify; may be NULL. */
	void (*progress)(void *ctx, const struct chain_progress *progress);
	void *ctx;
};

/* Where the coverage of records stands: filled by the layer above between verify and judge. */
struct chain_coverage {
	uint64_t events;
	uint64_t lost;			  /* proven lost */
	uint64_t open;			  /* windows ended by a crash */
	uint64_t disturbed, disturbed_at; /* what collects was tampered with; record that says so */
	uint64_t stalled;  /* times that what collects stood still: no loss by itself */
	uint64_t gap;	   /* missing without an excuse */
	uint64_t gap_from; /* entry range of the gap */
	uint64_t gap_to;
	char why[160];
	char unread[160]; /* records that could not be looked at, in words; "" when all could */
};

struct chain_report {
	/* set by chain_verify; live, closed, sealed and seals before the first entry is told */
	enum chain_verdict found; /* the first failure of V2..V8, CHAIN_OK if none */
	uint64_t from, to;	  /* index range of a TAMPER; sizes of a FORK or ROLLBACK */
	char file[64];		  /* where */
	uint64_t offset;
	char why[512];
	bool live, closed, pinned;
	uint64_t entries;     /* n */
	uint64_t last_good;   /* entries proven by a good seal before the first failure */
	uint64_t sealed;      /* size of the last good seal */
	uint64_t seals;	      /* number of it */
	uint64_t unsealed;    /* n - sealed */
	uint64_t unwitnessed; /* n - largest matching held size */
	uint64_t recoveries, adopted, dead_bytes, torn_bytes;
	uint64_t pruned; /* entries before the first segment there is */
	uint64_t stray;	 /* files that have no place in the directory */
	bool torn_seal;
	char origin[128], vkey[256];
	uint8_t root[CHAIN_HASH]; /* at sealed */
	/* LINKs that a good seal covers: the log that this one goes on from, as far as it was
	 * sealed then, and the one that goes on from this. An empty vkey: none. */
	struct chain_link continues, continued_by;
	/* set by the layer above */
	struct chain_coverage coverage;
	bool stale; /* what is sealed is older than somebody asked for, who reads a clock */
	/* set by chain_judge */
	enum chain_verdict verdict;
	int exit_code;
};

/*
 * 0 with a report, whatever the verdict; -EINVAL for a held checkpoint file that is no note
 * (err names the file and line), -ENOENT for no chain directory, other -errno when it cannot look.
 */
int chain_verify(const struct chain_verify_options *options, struct chain_report *ret,
		 struct chain_error *err);

/* Name the verdict and the exit code from everything the report holds. */
void chain_judge(struct chain_report *report);

/* "OK", "TAMPER" ... */
const char *chain_verdict_name(enum chain_verdict verdict);

#endif
