/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_PARAMS_H
#define SCORE_PARAMS_H
/* Every number of the model in one place. How each was chosen: README.md. */

#define BIT 1024 /* Q10 */

/* likelihood ratio of a token */
#define PRIOR_WEIGHT 20 /* k: events of peers' habits that an entity starts with */
#define CLIP_LOW     (-4 * BIT)
#define CLIP_HIGH    (8 * BIT)

#define HALVINGS_ALL 30 /* repeats of a token end up at nothing */

/* learning */
#define DELAY_COMMANDS 400 /* of the entity */
#define DELAY_NS       (4 * 3600ull * 1000000000ull)
#define DELAY_TOGETHER (DELAY_NS / 16) /* repeats within it wait as one */
#define COUNT_LIMIT    (1u << 20)      /* events of one feature, then its counts are halved */

/* what one process may add, whatever it opens: its tokens are one surprise */
#define PROCESS_BITS  (8 * BIT)
#define PROCESS_DRIFT (2 * BIT)			/* and what its opens may take away */
#define PROCESS_NS    (3600ull * 1000000000ull) /* then it may speak again */

/* severity: bits less for each doubling of the times it was seen before */
#define SEVERITY_HABIT 5

/* cold start: the baseline of an entity, in what it did and in time */
#define WARM_COMMANDS 2000 /* programs that a person ran */
#define WARM_EVENTS   2000 /* scored records of what is no person */
#define WARM_NS	      (24 * 3600ull * 1000000000ull)
#define RARE_PEERS    3 /* fewer peers than this cannot say what is rare or usual */

/* accumulator */
#define LIMIT	      (58 * BIT)
#define DRIFT_EXEC    (BIT / 2)
#define DRIFT_OPEN    (BIT / 16)
#define DRIFT_OTHER   (BIT / 4)
#define HOLD_COMMANDS DELAY_COMMANDS
#define HOLD_NS	      DELAY_NS

/* tables: bounds of memory */
#define ENTITIES     2048
#define PAIRS	     65536 /* (entity, token) and as many tokens */
#define PAIRS_ENTITY 8192  /* of one entity: nobody can push all others out */
#define DELAYED	     65536
#define PROCESSES    4096 /* with a budget */

#define DIGEST_EVERY 65536 /* scored records */

#endif
