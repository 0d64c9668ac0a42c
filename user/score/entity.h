/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_ENTITY_H
#define SCORE_ENTITY_H
/* Whose behaviour a record is: actor (kind, user) and container; the uid where nobody is named. */
#include "record/record.h"
#include "score/label.h"
#include "score/model.h"

uint64_t entity_key(const uint8_t key[16], const struct record *record);
enum sort entity_sort(const struct record *record);
struct label entity_name(const struct record *record);

#endif
