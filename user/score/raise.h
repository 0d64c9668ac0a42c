/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_RAISE_H
#define SCORE_RAISE_H
#include "score/alert.h"
#include "score/model.h"

/* The parts of the alert that is due for the entity; texts live until the model changes. */
struct alert_parts alert_parts_of(const struct model *model, struct entity *entity);

#endif
