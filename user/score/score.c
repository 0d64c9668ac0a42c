// SPDX-License-Identifier: Apache-2.0
#include "score/score.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "score/budget.h"
#include "score/entity.h"
#include "score/likelihood.h"
#include "score/log2.h"
#include "score/model.h"
#include "score/params.h"
#include "score/raise.h"
#include "score/severity.h"

struct score {
	struct score_options options;
	struct model model;
	struct budget budget;
	uint64_t count;
	uint64_t time; /* of the latest record, never going back */
	int64_t last;
	bool due;
	uint8_t parts[PARTS_ENCODED]; /* of the last alert */
	struct label entity;
};

/* What one record is to the model while it is scored. */
struct scene {
	struct score *score;
	const struct record *record;
	uint32_t at; /* entity */
	struct entity *entity;
	struct process *process;
	bool is_new_program;
	int64_t gain; /* Q10 bits of all its tokens, held back or not */
};

int score_open(struct score **ret, const struct score_options *options)
{
	struct score *score = calloc(1, sizeof(*score));
	int err;

	if (!score)
		return -ENOMEM;
	score->options = *options;
	err = model_open(&score->model);
	if (!err)
		err = budget_open(&score->budget);
	if (err) {
		score_close(score);
		return err;
	}
	*ret = score;
	return 0;
}

void score_close(struct score *score)
{
	if (!score)
		return;
	model_close(&score->model);
	budget_close(&score->budget);
	free(score);
}

/* --- one token -------------------------------------------------------------------------------- */

static uint64_t hash_token(const struct score *score, uint8_t feature, const struct label *text)
{
	uint8_t whole[1 + LABEL_MAX];

	whole[0] = feature;
	memcpy(whole + 1, text->data, text->len);
	return siphash(score->options.key, whole, 1 + text->len);
}

static bool is_held(const struct score *score, const struct entity *entity)
{
	const struct cusum *cusum = &entity->cusum;

	return cusum->is_holding && entity->commands - cusum->hold_command < HOLD_COMMANDS &&
	       score->time - cusum->hold_time < HOLD_NS;
}

/* The same thing again while it does not count yet is little news: half of the time before. */
static int32_t discount_repeat(int32_t bits, uint32_t waiting, uint32_t most)
{
	return bits <= 0 ? bits : bits >> (waiting < most ? waiting : most);
}

/*
 * Bits of a token before the budget. What the entity is known to do is no news; less than others
 * of its sort do it says something of programs only, and of people: services are all different.
 */
static int32_t bits_of(const struct feature_row *row, const struct entity *entity,
		       const struct counts *counts)
{
	int32_t bits = discount_repeat(likelihood_q10(counts), counts->waiting, row->halvings);
	bool is_compared = row->is_compared && entity->sort == SORT_PERSON && has_peers(counts);

	if (bits > 0 && counts->user && !is_compared)
		return 0;
	return bits < row->low ? row->low : bits > row->high ? row->high : bits;
}

static bool is_silent(const struct scene *scene, int32_t bits, const struct counts *counts)
{
	return is_held(scene->score, scene->entity) ||
	       (bits > 0 && !scene->entity->is_warm && !is_peer_rare(counts));
}

static void accumulate(struct scene *scene, uint8_t feature, uint64_t hash, int32_t bits,
		       const struct counts *counts)
{
	struct model *model = &scene->score->model;

	model_mix(model, hash);
	model_mix(model, (uint64_t)(int64_t)bits);
	model_mix(model, counts->user << 32 ^ counts->of_user);
	if (!bits)
		return;
	cusum_add(&scene->entity->cusum, &(struct evidence){ .hash = hash,
							     .contribution = bits,
							     .user = counts->user,
							     .of_user = counts->of_user,
							     .peers_with = counts->peers_with,
							     .peers = counts->peers,
							     .feature = feature });
}

static void score_token(struct scene *scene, uint8_t feature, const struct label *text)
{
	const struct feature_row *row = feature_row(feature);
	struct score *score = scene->score;
	uint64_t hash = hash_token(score, feature, text);
	uint32_t pair = model_pair(&score->model, scene->at, feature, hash, text);
	struct counts counts = model_counts(&score->model, pair);
	int32_t bits = bits_of(row, scene->entity, &counts);

	if (feature == FEATURE_PROGRAM)
		scene->is_new_program = counts.user == 0;
	if (row->is_implied && scene->is_new_program)
		bits = 0;
	scene->gain += bits;
	if (is_silent(scene, bits, &counts))
		bits = 0;
	if (bits > 0)
		bits = budget_take(&scene->process->bits, bits);
	accumulate(scene, feature, hash, bits, &counts);
	model_delay(&score->model, pair, score->time);
}

/* How often this was seen to be harmless: SEVERITY_HABIT bits less for each doubling. */
static int32_t discount_habit(int32_t bits, uint64_t times)
{
	int32_t habit = SEVERITY_HABIT * log2_q10(times + 1);

	return bits > habit ? bits - habit : 0;
}

static void score_severity(struct scene *scene, const struct severity *severity)
{
	struct score *score = scene->score;
	struct cusum *cusum = &scene->entity->cusum;
	uint64_t hash = hash_token(score, FEATURE_SEVERITY, &severity->text);
	uint32_t pair =
		model_pair(&score->model, scene->at, FEATURE_SEVERITY, hash, &severity->text);
	struct counts counts = model_counts(&score->model, pair);
	int32_t bits = discount_repeat(discount_habit(severity->bits, counts.user), counts.waiting,
				       HALVINGS_ALL);

	scene->gain += bits;
	counts.of_user = scene->entity->events; /* rows are met in all that it does */
	if (is_held(score, scene->entity) && cusum->hold_rows >> severity->row & 1)
		bits = 0;
	if (bits)
		cusum->rows |= 1ull << severity->row;
	accumulate(scene, FEATURE_SEVERITY, hash, bits, &counts);
	model_delay(&score->model, pair, score->time);
}

/* --- an alert --------------------------------------------------------------------------------- */

static void make_alert(struct scene *scene, uint64_t index, struct record *ret)
{
	struct score *score = scene->score;
	struct cusum *cusum = &scene->entity->cusum;
	struct alert_parts parts = alert_parts_of(&score->model, scene->entity);

	score->entity = scene->entity->name;
	*ret = (struct record){ .kind = RECORD_ALERT,
				.time = score->time,
				.at = index,
				.score = cusum->sum,
				.limit = LIMIT,
				.digest = score->model.digest,
				.entity = bytes_of(score->entity.data, score->entity.len),
				.parts = bytes_of(score->parts,
						  alert_parts_encode(&parts, score->parts)),
				.first = cusum->first };
}

static void start_hold(struct scene *scene)
{
	struct cusum *cusum = &scene->entity->cusum;

	cusum->is_holding = true;
	cusum->hold_command = scene->entity->commands;
	cusum->hold_time = scene->score->time;
	cusum->hold_rows = cusum->rows;
	cusum_reset(cusum);
}

/* --- one record ------------------------------------------------------------------------------- */

static bool is_scored(const struct record *record)
{
	struct severity met[SEVERITY_MAX];

	switch (record->kind) {
	case RECORD_EXEC: /* along PATH most names are not there: no program, no news */
		return record->result != -ENOENT && record->result != -ENOTDIR;
	case RECORD_OPEN:
	case RECORD_SETUID:
	case RECORD_CONNECT:
	case RECORD_LOSS:
	case RECORD_KEEPER:
	case RECORD_DISTURBED:
		return true;
	case RECORD_FORK:
	case RECORD_EXIT:
		return false;
	default: /* of the rest only what is severe: it must not pay for anything either */
		return severity_of(record, met) > 0;
	}
}

/* What a record costs: a program says more than the files that it opens, however many. */
static int32_t drift_of(struct scene *scene)
{
	switch (scene->record->kind) {
	case RECORD_EXEC:
		return DRIFT_EXEC;
	case RECORD_OPEN:
		return budget_take(&scene->process->drift, DRIFT_OPEN);
	default:
		return DRIFT_OTHER;
	}
}

static void score_tokens(struct scene *scene)
{
	const struct record *record = scene->record;

	for (int feature = 0; feature < FEATURES; feature++) {
		const struct feature_row *row = feature_row((uint8_t)feature);
		struct label text;

		text.len = 0;
		if (row->kinds & KIND(record->kind) &&
		    row->token(record, scene->score->time, &text))
			score_token(scene, feature, &text);
	}
}

static void score_severities(struct scene *scene)
{
	struct severity met[SEVERITY_MAX];
	size_t count = severity_of(scene->record, met);

	for (size_t i = 0; i < count; i++)
		score_severity(scene, &met[i]);
}

static struct scene enter(struct score *score, const struct record *record)
{
	struct scene scene = { .score = score, .record = record };
	uint64_t key = entity_key(score->options.key, record);

	if (record->time > score->time)
		score->time = record->time;
	scene.at = model_find_entity(&score->model, key);
	if (scene.at == SLOT_NONE) {
		struct label name = entity_name(record);

		scene.at = model_add_entity(&score->model, key, &name, entity_sort(record),
					    score->time);
	}
	scene.entity = &score->model.entities[scene.at];
	scene.process = budget_of(&score->budget, score->options.key, record, score->time);
	model_note_event(&score->model, scene.at,
			 record->kind == RECORD_EXEC && record->result >= 0, score->time);
	model_learn(&score->model, scene.at, score->time);
	model_mix(&score->model, key);
	return scene;
}

/* Not its index: a failing disk can still move a record by a place or two after it was scored. */
static void mix_record(struct score *score, const struct record *record)
{
	struct model *model = &score->model;

	model_mix(model, record->time);
	model_mix(model, record->seq ^ (uint64_t)record->kind << 56);
	model_mix(model, record->flags ^ (uint64_t)record->result);
	model_mix(model, (uint64_t)record->pid << 32 | record->tid);
}

int score_record(struct score *score, uint64_t index, const struct record *record,
		 struct record *ret_alert)
{
	struct scene scene;
	struct cusum *cusum;

	score->due = false;
	if (!is_scored(record))
		return 0;
	mix_record(score, record);
	scene = enter(score, record);
	cusum = &scene.entity->cusum;
	score_tokens(&scene);
	score_severities(&scene);
	cusum_end(cusum, index, drift_of(&scene));
	model_mix(&score->model, (uint64_t)cusum->sum);
	model_mix(&score->model,
		  (uint64_t)scene.process->bits << 32 ^ (uint64_t)scene.process->drift);
	score->last = scene.gain;
	score->count++;
	score->due = score->count % DIGEST_EVERY == 0;
	if (cusum->sum < LIMIT)
		return 0;
	make_alert(&scene, index, ret_alert);
	start_hold(&scene);
	return 1;
}

uint64_t score_digest(const struct score *score)
{
	return score->model.digest;
}

uint64_t score_count(const struct score *score)
{
	return score->count;
}

int64_t score_last(const struct score *score)
{
	return score->last;
}

int score_digest_due(const struct score *score)
{
	return score->due;
}
