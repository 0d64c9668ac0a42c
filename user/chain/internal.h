/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_INTERNAL_H
#define CHAIN_INTERNAL_H
/* What chain/ shares with its tests and nobody else. */
#include "chain/keeper.h"

/* As chain_open, with the hash of the machine id given. MAKE_NEW: as chain_keygen's first half, the
 * first seal closes the chain; -EEXIST when there is one. */
int chain_start(struct chain **ret, const struct chain_options *options, const uint8_t machine[16],
		enum log_making making, struct chain_opened *opened, struct chain_error *err);

/* Wait until the keeper has done all it was asked, and take note of it. */
void chain_settle(struct chain *chain);

#endif
