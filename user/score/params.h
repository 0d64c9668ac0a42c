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
#define DELAY_EVENTS 100 /* of the entity */
#define DELAY_NS     (3600ull * 1000000000ull)
#define COUNT_LIMIT  (1u << 20) /* events of one feature, then its counts are halved */

/* severity: bits less for each doubling of the times it was seen before */
#define SEVERITY_HABIT 5

/* cold start */
#define WARM_EVENTS 2000 /* of the entity: its baseline */
#define RARE_PEERS  3	 /* fewer peers than this cannot say that something is rare */

/* accumulator */
#define LIMIT	    (56 * BIT)
#define DRIFT_EXEC  (BIT / 2)
#define DRIFT_OPEN  (BIT / 16)
#define DRIFT_OTHER (BIT / 4)
#define HOLD_EVENTS DELAY_EVENTS
#define HOLD_NS	    DELAY_NS

/* tables: bounds of memory */
#define ENTITIES     2048
#define PAIRS	     65536 /* (entity, token) and as many tokens */
#define PAIRS_ENTITY 8192  /* of one entity: nobody can push all others out */
#define DELAYED	     32768

#define DIGEST_EVERY 65536 /* scored records */

#endif
