/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_MODEL_H
#define SCORE_MODEL_H
/*
 * What is remembered: entities, tokens, and how often each entity showed each token. All counts
 * are sums over what is still remembered, so they agree with each other whatever was evicted.
 */
#include "score/cusum.h"
#include "score/feature.h"
#include "score/slots.h"

/* Peers are of one sort: what services do a thousand times is no measure for people. */
enum sort { SORT_PERSON, SORT_OTHER, SORTS };

struct entity {
	struct label name;
	uint8_t sort;		    /* enum sort */
	bool is_warm;		    /* its baseline is complete */
	uint64_t since;		    /* record time when it was first seen */
	uint64_t events;	    /* records since then */
	uint64_t commands;	    /* and programs that it ran */
	uint64_t learned;	    /* tokens that count by now */
	uint32_t total[FEATURES];   /* sum of the counts of its pairs */
	uint32_t once[FEATURES];    /* pairs that count exactly one: Good-Turing */
	uint32_t waiting[FEATURES]; /* events that do not count yet */
	struct list pairs;	    /* newest first */
	uint32_t pair_count;
	uint32_t delayed_first, delayed_last;
	struct cusum cusum;
};

struct token {
	uint64_t hash;
	uint64_t count[SORTS]; /* over all entities */
	uint32_t known[SORTS]; /* entities with a count */
	uint32_t pairs;	       /* entities that showed it */
	uint8_t feature;
};

/* One token of one entity. */
struct pair {
	uint32_t entity, token;
	uint32_t count;	   /* events that count */
	uint32_t waiting;  /* events that do not count yet, */
	uint32_t admitted; /* and those of them that ever will */
	uint32_t life;	   /* told apart from the pair that had this slot before */
	uint32_t latest;   /* of those that wait, while any does */
};

/* A token was shown; it counts later. */
struct delayed {
	uint64_t time;
	uint32_t command; /* of the entity, its low bits */
	uint32_t pair, life, entity;
	uint32_t next;		   /* of the entity */
	uint16_t events, admitted; /* all in one command and DELAY_TOGETHER */
};

struct model {
	uint64_t digest;
	uint64_t total[SORTS][FEATURES];
	uint32_t distinct[SORTS][FEATURES]; /* tokens with a count */
	uint32_t learning[SORTS];	    /* entities that have learned anything */
	uint32_t warm[SORTS];		    /* and those with a baseline */

	struct slots entity_slots, token_slots, pair_slots;
	struct entity *entities;
	struct token *tokens;
	struct label *texts; /* of the tokens */
	struct pair *pairs;
	struct delayed *delayed;
	struct link *entity_links, *pair_links, *entity_pair_links, *delayed_links;
	struct list entity_list, pair_list, delayed_list;
	uint32_t delayed_fresh, delayed_free;
};

/* What is known about a token from one entity's place, before the present event counts. */
struct counts {
	uint64_t user, of_user; /* its events with the token, of its events with the feature */
	uint64_t peer, of_peer; /* the same for all others of its sort together */
	uint32_t peers_with, peers;
	uint32_t warm_peers; /* those with a baseline */
	uint32_t once;	     /* tokens that it showed exactly once */
	uint32_t distinct;   /* tokens of the feature in its sort */
	uint32_t waiting;    /* events with the token that do not count yet */
};

int model_open(struct model *model); /* 0 or -ENOMEM */
void model_close(struct model *model);

/* The entity with this key, now the latest seen; SLOT_NONE when it is new. */
uint32_t model_find_entity(struct model *model, uint64_t key);
/* A new one; the one not seen for longest makes room. */
uint32_t model_add_entity(struct model *model, uint64_t key, const struct label *name,
			  enum sort sort, uint64_t now);
/*
 * A record of the entity, of a program that it ran or not. Its baseline is complete for good when
 * a person has run WARM_COMMANDS programs, anything else WARM_EVENTS records, and WARM_NS went by.
 */
void model_note_event(struct model *model, uint32_t entity, bool is_command, uint64_t now);

/* The entity's pair for a token, new or known; hash is of feature and text. */
uint32_t model_pair(struct model *model, uint32_t entity, uint8_t feature, uint64_t hash,
		    const struct label *text);
struct counts model_counts(const struct model *model, uint32_t pair);

/* Text of a token by its hash; NULL when it is forgotten. */
const struct label *model_text(const struct model *model, uint64_t hash);

/*
 * Note an event with the token; it counts DELAY_COMMANDS of the entity or DELAY_NS later. Of the
 * events in that time only as many count as the habit would give, and one: what is new becomes
 * usual by going on, not by being done often at once. A baseline is learned whole.
 */
void model_delay(struct model *model, uint32_t pair, uint64_t now);
/* Let count what is due at this time and in this entity. */
void model_learn(struct model *model, uint32_t entity, uint64_t now);

/* Fold a value into the digest. */
static inline void model_mix(struct model *model, uint64_t value)
{
	uint64_t d = (model->digest ^ value) * 0x9e3779b97f4a7c15ull;

	model->digest = d ^ d >> 29;
}

#endif
