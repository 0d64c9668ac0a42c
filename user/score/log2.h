/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_LOG2_H
#define SCORE_LOG2_H
#include <stdint.h>

/* log2 of x >= 1 in Q10 (1024 is one bit), integers only: exact at powers of two, monotone,
 * never more than 0.6/1024 off. log2 of 0 is taken as 0. */
int32_t log2_q10(uint64_t x);

#endif
