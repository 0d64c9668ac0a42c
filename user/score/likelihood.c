// SPDX-License-Identifier: Apache-2.0
#include "score/likelihood.h"

#include "score/log2.h"
#include "score/params.h"

#define ONE (1ull << 32) /* probabilities are Q32 */

/* Half an event for each token there is: what others never did is rare, not impossible. */
static uint64_t peer_q32(const struct counts *c)
{
	uint64_t p = (2 * c->peer + 1) * (ONE / 2) / (c->of_peer + (c->distinct + 2) / 2);

	return p < 1 ? 1 : p < ONE ? p : ONE;
}

/* Good-Turing: who often shows tokens once is likely to show new ones. */
static uint64_t prior_weight(const struct counts *c)
{
	return c->once > PRIOR_WEIGHT ? c->once : PRIOR_WEIGHT;
}

int32_t likelihood_q10(const struct counts *c)
{
	uint64_t peer = peer_q32(c), k = prior_weight(c);
	/* (c_u + k p_peer) / (N_u + k); COUNT_LIMIT keeps the products below 2^63 */
	int32_t user = log2_q10(c->user * ONE + k * peer) - log2_q10(c->of_user + k);
	int32_t bits = log2_q10(peer) - user;

	return bits < CLIP_LOW ? CLIP_LOW : bits > CLIP_HIGH ? CLIP_HIGH : bits;
}

bool has_peers(const struct counts *c)
{
	return c->warm_peers >= RARE_PEERS;
}

bool is_peer_rare(const struct counts *c)
{
	return has_peers(c) && c->of_peer >= WARM_EVENTS && c->peers_with == 0;
}
