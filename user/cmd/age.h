/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_AGE_H
#define CMD_AGE_H
/* How long ago: given on the command line, and in words. */
#include <stdbool.h>
#include <stdint.h>

#define AGE_TEXT   32
#define AGE_MAX	   (UINT64_C(100) * 365 * 86400) /* seconds: a hundred years */
#define AGE_SECOND UINT64_C(1000000000)

/* A whole number, above 0, and s, m, h or d; *ret in ns. False when it is not that. */
bool age_parse(const char *text, uint64_t *ret);

/* "3 s", "12 min 5 s", "4 h 7 min", "9 d 3 h". */
void age_text(uint64_t ns, char ret[AGE_TEXT]);

#endif
