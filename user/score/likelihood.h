/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_LIKELIHOOD_H
#define SCORE_LIKELIHOOD_H
#include "score/model.h"

/* log2(p_peer / p_user) of a token in Q10, clipped: positive when it is more like the others than
 * like this entity. */
int32_t likelihood_q10(const struct counts *counts);

/* Whether enough others have a baseline to compare with. */
bool has_peers(const struct counts *counts);
/* Whether enough others have a baseline and none of them has the token. */
bool is_peer_rare(const struct counts *counts);

#endif
