// SPDX-License-Identifier: Apache-2.0
#include "score/model.h"

#include <errno.h>
#include <stdlib.h>

#include "score/params.h"

int model_open(struct model *model)
{
	int err = 0;

	*model = (struct model){ .entity_list = LIST_EMPTY,
				 .pair_list = LIST_EMPTY,
				 .delayed_list = LIST_EMPTY,
				 .delayed_free = SLOT_NONE };
	err |= slots_open(&model->entity_slots, ENTITIES);
	err |= slots_open(&model->token_slots, PAIRS);
	err |= slots_open(&model->pair_slots, PAIRS);
	model->entities = calloc(ENTITIES, sizeof(*model->entities));
	model->tokens = calloc(PAIRS, sizeof(*model->tokens));
	model->texts = calloc(PAIRS, sizeof(*model->texts));
	model->pairs = calloc(PAIRS, sizeof(*model->pairs));
	model->delayed = calloc(DELAYED, sizeof(*model->delayed));
	model->entity_links = calloc(ENTITIES, sizeof(struct link));
	model->pair_links = calloc(PAIRS, sizeof(struct link));
	model->entity_pair_links = calloc(PAIRS, sizeof(struct link));
	model->delayed_links = calloc(DELAYED, sizeof(struct link));
	if (err || !model->entities || !model->tokens || !model->texts || !model->pairs ||
	    !model->delayed || !model->entity_links || !model->pair_links ||
	    !model->entity_pair_links || !model->delayed_links) {
		model_close(model);
		return -ENOMEM;
	}
	return 0;
}

void model_close(struct model *model)
{
	slots_close(&model->entity_slots);
	slots_close(&model->token_slots);
	slots_close(&model->pair_slots);
	free(model->entities);
	free(model->tokens);
	free(model->texts);
	free(model->pairs);
	free(model->delayed);
	free(model->entity_links);
	free(model->pair_links);
	free(model->entity_pair_links);
	free(model->delayed_links);
	*model = (struct model){ 0 };
}

/* --- forgetting ------------------------------------------------------------------------------- */

static void forget_pair(struct model *model, uint32_t at)
{
	struct pair *pair = &model->pairs[at];
	struct entity *entity = &model->entities[pair->entity];
	struct token *token = &model->tokens[pair->token];
	uint8_t feature = token->feature;

	model_mix(model, token->hash);
	entity->total[feature] -= pair->count;
	entity->once[feature] -= pair->count == 1;
	entity->waiting[feature] -= pair->waiting;
	entity->pair_count--;
	model->total[entity->sort][feature] -= pair->count;
	token->count[entity->sort] -= pair->count;
	if (pair->count && --token->known[entity->sort] == 0)
		model->distinct[entity->sort][feature]--;
	if (--token->pairs == 0)
		slots_remove(&model->token_slots, pair->token);
	list_remove(&model->pair_list, model->pair_links, at);
	list_remove(&entity->pairs, model->entity_pair_links, at);
	pair->life++;
	slots_remove(&model->pair_slots, at);
}

static void free_delayed(struct model *model, uint32_t at)
{
	list_remove(&model->delayed_list, model->delayed_links, at);
	model->delayed[at].next = model->delayed_free;
	model->delayed_free = at;
}

static void forget_entity(struct model *model, uint32_t at)
{
	struct entity *entity = &model->entities[at];

	model_mix(model, model->entity_slots.slot[at].key);
	while (entity->delayed_first != SLOT_NONE) {
		uint32_t next = model->delayed[entity->delayed_first].next;

		free_delayed(model, entity->delayed_first);
		entity->delayed_first = next;
	}
	while (entity->pairs.oldest != SLOT_NONE)
		forget_pair(model, entity->pairs.oldest);
	model->learning[entity->sort] -= entity->learned != 0;
	model->warm[entity->sort] -= entity->is_warm;
	list_remove(&model->entity_list, model->entity_links, at);
	slots_remove(&model->entity_slots, at);
}

/* --- finding and making ----------------------------------------------------------------------- */

uint32_t model_find_entity(struct model *model, uint64_t key)
{
	uint32_t at = slots_find(&model->entity_slots, key);

	if (at != SLOT_NONE)
		list_touch(&model->entity_list, model->entity_links, at);
	return at;
}

uint32_t model_add_entity(struct model *model, uint64_t key, const struct label *name,
			  enum sort sort, uint64_t now)
{
	uint32_t at;

	if (slots_full(&model->entity_slots))
		forget_entity(model, model->entity_list.oldest);
	at = slots_add(&model->entity_slots, key);
	model->entities[at] = (struct entity){ .name = *name,
					       .sort = (uint8_t)sort,
					       .since = now,
					       .pairs = LIST_EMPTY,
					       .delayed_first = SLOT_NONE,
					       .delayed_last = SLOT_NONE };
	list_push(&model->entity_list, model->entity_links, at);
	return at;
}

void model_note_event(struct model *model, uint32_t at, bool is_command, uint64_t now)
{
	struct entity *entity = &model->entities[at];
	bool is_enough;

	entity->events++;
	entity->commands += is_command;
	is_enough = entity->sort == SORT_PERSON ? entity->commands >= WARM_COMMANDS
						: entity->events >= WARM_EVENTS;
	if (entity->is_warm || !is_enough || now - entity->since < WARM_NS)
		return;
	entity->is_warm = true;
	model->warm[entity->sort]++;
	model_mix(model, entity->commands);
}

static uint32_t find_token(struct model *model, uint8_t feature, uint64_t hash,
			   const struct label *text)
{
	uint32_t at = slots_find(&model->token_slots, hash);

	if (at != SLOT_NONE)
		return at;
	/* Every token has a pair and there are as many slots: room is certain. */
	at = slots_add(&model->token_slots, hash);
	model->tokens[at] = (struct token){ .hash = hash, .feature = feature };
	model->texts[at] = *text;
	return at;
}

uint32_t model_pair(struct model *model, uint32_t entity, uint8_t feature, uint64_t hash,
		    const struct label *text)
{
	struct entity *e = &model->entities[entity];
	uint64_t key = hash ^ model->entity_slots.slot[entity].key; /* both are keyed hashes */
	uint32_t at = slots_find(&model->pair_slots, key);

	if (at != SLOT_NONE) {
		/* by its own entity: should two keys ever be equal, the lists stay whole */
		e = &model->entities[model->pairs[at].entity];
		list_touch(&model->pair_list, model->pair_links, at);
		list_touch(&e->pairs, model->entity_pair_links, at);
		return at;
	}
	if (e->pair_count == PAIRS_ENTITY)
		forget_pair(model, e->pairs.oldest);
	else if (slots_full(&model->pair_slots))
		forget_pair(model, model->pair_list.oldest);
	at = slots_add(&model->pair_slots, key);
	model->pairs[at] = (struct pair){ .entity = entity,
					  .token = find_token(model, feature, hash, text),
					  .life = model->pairs[at].life };
	model->tokens[model->pairs[at].token].pairs++;
	e->pair_count++;
	list_push(&model->pair_list, model->pair_links, at);
	list_push(&e->pairs, model->entity_pair_links, at);
	return at;
}

const struct label *model_text(const struct model *model, uint64_t hash)
{
	uint32_t at = slots_find(&model->token_slots, hash);

	return at == SLOT_NONE ? NULL : &model->texts[at];
}

struct counts model_counts(const struct model *model, uint32_t at)
{
	const struct pair *pair = &model->pairs[at];
	const struct entity *entity = &model->entities[pair->entity];
	const struct token *token = &model->tokens[pair->token];
	uint8_t feature = token->feature, sort = entity->sort;

	return (struct counts){
		.user = pair->count,
		.of_user = entity->total[feature],
		.peer = token->count[sort] - pair->count,
		.of_peer = model->total[sort][feature] - entity->total[feature],
		.peers_with = token->known[sort] - (pair->count != 0),
		.peers = model->learning[sort] - (entity->learned != 0),
		.warm_peers = model->warm[sort] - entity->is_warm,
		.once = entity->once[feature],
		.distinct = model->distinct[sort][feature],
		.waiting = pair->waiting,
	};
}

/* --- learning --------------------------------------------------------------------------------- */

/* Old habits fade and no count overflows: a token that was known stays known. */
static void halve_counts(struct model *model, struct entity *entity, uint8_t feature)
{
	for (uint32_t at = entity->pairs.newest; at != SLOT_NONE;
	     at = model->entity_pair_links[at].older) {
		struct pair *pair = &model->pairs[at];
		struct token *token = &model->tokens[pair->token];
		uint32_t lost = pair->count / 2;

		if (token->feature != feature || !lost)
			continue;
		pair->count -= lost;
		token->count[entity->sort] -= lost;
		entity->total[feature] -= lost;
		model->total[entity->sort][feature] -= lost;
		entity->once[feature] += pair->count == 1;
	}
	model_mix(model, entity->total[feature]);
}

static void learn_pair(struct model *model, struct pair *pair, uint32_t events)
{
	struct entity *entity = &model->entities[pair->entity];
	struct token *token = &model->tokens[pair->token];
	uint8_t feature = token->feature, sort = entity->sort;

	if (pair->count == 0 && token->known[sort]++ == 0)
		model->distinct[sort][feature]++;
	entity->once[feature] -= pair->count == 1;
	pair->count += events;
	entity->once[feature] += pair->count == 1;
	token->count[sort] += events;
	entity->total[feature] += events;
	model->total[sort][feature] += events;
	model->learning[sort] += entity->learned == 0;
	entity->learned += events;
	model_mix(model, token->hash + pair->count);
	if (entity->total[feature] >= COUNT_LIMIT)
		halve_counts(model, entity, feature);
}

/* The first delayed event of an entity counts now. */
static void learn_first(struct model *model, struct entity *entity)
{
	uint32_t at = entity->delayed_first;
	struct delayed *delayed = &model->delayed[at];
	struct pair *pair = &model->pairs[delayed->pair];

	entity->delayed_first = delayed->next;
	if (pair->life == delayed->life) {
		pair->waiting -= delayed->events;
		pair->admitted -= delayed->admitted;
		entity->waiting[model->tokens[pair->token].feature] -= delayed->events;
		if (delayed->admitted)
			learn_pair(model, pair, delayed->admitted);
	}
	free_delayed(model, at);
}

/* The oldest of all is the first of its entity. */
static void learn_oldest(struct model *model)
{
	uint32_t at = model->delayed_list.oldest;

	learn_first(model, &model->entities[model->delayed[at].entity]);
}

static bool is_within_habit(const struct entity *entity, const struct pair *pair, uint8_t feature)
{
	uint64_t of_user = (uint64_t)entity->total[feature] + 1;
	uint64_t waiting = entity->waiting[feature];

	if (!entity->is_warm)
		return true; /* there is no habit yet */
	if (waiting < DELAY_COMMANDS)
		waiting = DELAY_COMMANDS;
	return pair->admitted * of_user < of_user + (uint64_t)pair->count * waiting;
}

/* Room for one more; full, the oldest counts early rather than never. */
static uint32_t take_delayed(struct model *model)
{
	uint32_t to;

	if (model->delayed_free == SLOT_NONE && model->delayed_fresh < DELAYED)
		return model->delayed_fresh++;
	if (model->delayed_free == SLOT_NONE)
		learn_oldest(model);
	to = model->delayed_free;
	model->delayed_free = model->delayed[to].next;
	return to;
}

static struct delayed *queue(struct model *model, uint32_t at, uint64_t now)
{
	uint32_t to = take_delayed(model);
	struct pair *pair = &model->pairs[at];
	struct entity *entity = &model->entities[pair->entity];

	model->delayed[to] = (struct delayed){ .time = now,
					       .command = (uint32_t)entity->commands,
					       .pair = at,
					       .life = pair->life,
					       .entity = pair->entity,
					       .next = SLOT_NONE };
	if (entity->delayed_first == SLOT_NONE)
		entity->delayed_first = to;
	else
		model->delayed[entity->delayed_last].next = to;
	entity->delayed_last = to;
	list_push(&model->delayed_list, model->delayed_links, to);
	pair->latest = to;
	return &model->delayed[to];
}

/* Those before it in the queue of its entity count first: while any waits, the latest does. */
static struct delayed *latest_of(struct model *model, const struct pair *pair, uint64_t now)
{
	struct delayed *latest = &model->delayed[pair->latest];

	if (!pair->waiting || latest->events == UINT16_MAX ||
	    latest->command != (uint32_t)model->entities[pair->entity].commands ||
	    now - latest->time >= DELAY_TOGETHER)
		return NULL;
	return latest;
}

void model_delay(struct model *model, uint32_t at, uint64_t now)
{
	struct pair *pair = &model->pairs[at];
	struct entity *entity = &model->entities[pair->entity];
	uint8_t feature = model->tokens[pair->token].feature;
	struct delayed *delayed = latest_of(model, pair, now);
	bool is_admitted;

	if (!delayed)
		delayed = queue(model, at, now);
	is_admitted = is_within_habit(entity, pair, feature);
	delayed->events++;
	delayed->admitted = (uint16_t)(delayed->admitted + is_admitted);
	pair->waiting++;
	pair->admitted += is_admitted;
	entity->waiting[feature]++;
}

void model_learn(struct model *model, uint32_t at, uint64_t now)
{
	struct entity *entity = &model->entities[at];

	while (model->delayed_list.oldest != SLOT_NONE &&
	       now - model->delayed[model->delayed_list.oldest].time >= DELAY_NS)
		learn_oldest(model);
	while (entity->delayed_first != SLOT_NONE &&
	       (uint32_t)entity->commands - model->delayed[entity->delayed_first].command >=
		       DELAY_COMMANDS)
		learn_first(model, entity);
}
